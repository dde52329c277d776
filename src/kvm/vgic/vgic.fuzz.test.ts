// Whatever a guest writes to the frames and the CPU interface, and whatever a program writes to the attributes, nothing
// breaks: refusals are errnos, two runs agree, and the lists of pending interrupts say what the interrupts say.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIST, Gic, ICC, ITS, RAM, REDIST, V2_CPU } from '../../../test/kit/vgic.ts';
import { GITS_CMD } from '../../arch/gic.ts';
import { Errno } from '../../base/hostfile.ts';
import { KVM_DEV_ARM_VGIC_GRP as GRP } from '../../uapi/index.ts';
import { setMsi } from '../irqchip.ts';
import { getIrq, injectIrq, targetOf } from './vgic.ts';

const CPUS = 3;
const word = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 1n, 0xffff_ffffn, (1n << 64n) - 1n),
);
/** Mostly registers that exist; sometimes anywhere in the frame. */
const offset = (end: number): fc.Arbitrary<bigint> =>
  fc
    .oneof(fc.nat(0xfff), fc.nat(end - 1))
    .chain((n) => fc.constantFrom(n, n & ~3, n & ~7))
    .map(BigInt);
const at = fc.oneof(
  offset(0x1_0000).map((o) => DIST + o),
  fc.tuple(fc.nat(2 * CPUS - 1), offset(0x1_0000)).map(([frame, o]) => REDIST + BigInt(frame) * 0x1_0000n + o),
  offset(0x2_0000).map((o) => ITS + o),
);
const length = fc.constantFrom(1, 2, 4, 4, 4, 8, 8);
const cpu = fc.nat(CPUS - 1);
/** Pointers into guest memory, so that tables and queues are sometimes real. */
const pointer = fc
  .tuple(fc.nat(63), fc.nat(0xfff))
  .map(([page, low]) => (1n << 63n) | (RAM + BigInt(page) * 0x1_0000n) | BigInt(low));

/** An access that leaves the frame is for the program to answer. */
function load(g: Gic, addr: bigint, length: number, by: number): number | bigint {
  const data = new Uint8Array(length);
  return g.vm.buses.mmio.read(g.cpus[by], addr, data) ? data.reduceRight((v, b) => (v << 8n) | BigInt(b), 0n) : -1;
}
function store(g: Gic, addr: bigint, value: bigint, length: number, by: number): boolean {
  const data = new Uint8Array(length).map((_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
  return g.vm.buses.mmio.write(g.cpus[by], addr, data);
}

type Step = (g: Gic) => unknown;
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(at, length, word, cpu).map(([a, l, w, c]): Step => (g) => store(g, a, w, l, c)),
  fc.tuple(at, length, cpu).map(([a, l, c]): Step => (g) => load(g, a, l, c)),
  fc.tuple(fc.constantFrom(0x80n, 0x100n, 0x108n), pointer).map(([r, p]): Step => (g) => g.write(ITS + r, p, 8)),
  fc.tuple(fc.constantFrom(0x70n, 0x78n), pointer, cpu).map(([r, p, c]): Step => (g) => g.write(REDIST + BigInt(c) * 0x2_0000n + r, p, 8)),
  fc.constantFrom(0n, ...Array.from({ length: CPUS }, (_, n) => REDIST + BigInt(n) * 0x2_0000n - ITS)).map((o): Step => (g) => g.write(ITS + o, 1)),
  fc.constant<Step>((g) => g.write(DIST, 2)),
  fc.tuple(fc.constantFrom(...Object.values(ICC)), word, cpu).map(([r, w, c]): Step => (g) => g.ports[c]!.write(r, w)),
  fc.tuple(fc.constantFrom(...Object.values(ICC)), cpu).map(([r, c]): Step => (g) => g.ports[c]!.read(r)),
  fc.tuple(fc.constantFrom(...Object.values(GITS_CMD)), fc.array(word, { minLength: 4, maxLength: 4 }), fc.boolean()).map(([code, w, small]): Step => (g) => {
    // A command with small numbers in the fields, or with anything.
    const fields = small ? [(w[0]! & 3n) << 32n, (w[1]! & 7n) | ((8192n + (w[1]! & 15n)) << 32n), (w[2]! & ((1n << 63n) | 3n)) | RAM, w[3]! & 3n] : w;
    for (const [i, x] of fields.entries()) new DataView(g.ram.buffer, g.ram.byteOffset + i * 8).setBigUint64(0, i === 0 ? (x & ~0xffn) | BigInt(code) : x, true);
    g.write(ITS + 0x80n, (1n << 63n) | RAM, 8);
    g.write(ITS, 1);
    g.write(ITS + 0x88n, 0x20n, 8);
  }),
  fc.tuple(fc.nat(8), fc.nat(8)).map(([devid, data]): Step => (g) => setMsi(g.vm, { address: ITS + 0x1_0040n, data, flags: 1, devid })),
  fc.tuple(fc.nat(9000), fc.boolean(), cpu).map(([i, level, c]): Step => (g) => injectIrq(g.vm, g.cpus[c], i, level, undefined)),
  fc.tuple(fc.constantFrom(...Object.values(GRP)), fc.oneof(word, offset(0x1_0000)), word, fc.boolean()).map(([group, attr, value, its]): Step => (g) => {
    try {
      if (its) g.setIts(group, attr, value);
      else g.set(group, attr, value);
      return 0;
    } catch (e) {
      return (e as Error).message;
    }
  }),
); // biome-ignore format: one step a line

/** A list holds an interrupt exactly where its vCPU has to look at it. */
function consistent(g: Gic): void {
  for (const vcpu of g.cpus)
    for (const irq of vcpu.vgic.apList) expect([irq.vcpu, targetOf(irq)]).toEqual([vcpu, vcpu]);
  const all = [...g.vm.vgic.spis, ...g.vm.vgic.lpis.values(), ...g.cpus.flatMap((v) => v.vgic.privateIrqs)];
  for (const irq of all) {
    const target = targetOf(irq);
    expect(irq.vcpu, `interrupt ${irq.intid}`).toBe(target);
    if (target) expect(target.vgic.apList.has(irq)).toBe(true);
    expect(getIrq(g.vm, target ?? g.cpus[0], irq.intid)?.intid).toBe(irq.intid);
  }
}

describe('anything that a guest or a program may do', () => {
  test('is answered, and the same the second time', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 20, maxLength: 120, size: 'max' }), (sequence) => {
        const runs = [0, 1].map(() => {
          const g = new Gic({ cpus: CPUS, its: true }).open();
          const out = sequence.map((step) => [step(g), g.signal(0), g.signal(1), g.signal(2)]);
          consistent(g);
          return out;
        });
        for (const [answer] of runs[0]!) if (typeof answer === 'string') expect(Object.keys(Errno)).toContain(answer);
        expect(runs[1]).toEqual(runs[0]);
      }),
      { numRuns: 120, seed: 7 },
    );
  });
  test('in GICv2 too', () => {
    const v2At = fc.oneof(
      offset(0x1000).map((o) => DIST + o),
      offset(0x2000).map((o) => V2_CPU + o),
    );
    const access = fc.tuple(v2At, length, fc.option(word), cpu);
    fc.assert(
      fc.property(fc.array(access, { minLength: 20, maxLength: 150, size: 'max' }), (sequence) => {
        const g = new Gic({ model: 'v2', cpus: CPUS });
        g.write(DIST, 1);
        for (const [a, l, w, c] of sequence) {
          if (w === null) load(g, a, l, c);
          else store(g, a, w, l, c);
        }
        consistent(g);
      }),
      { numRuns: 100, seed: 7 },
    );
  });
});
