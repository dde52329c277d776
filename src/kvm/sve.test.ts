// SVE in guests: what each VM has in Z, P, FFR and the rest stays its own at every vector length, whoever runs beside it; a
// VM without SVE has no such instructions; and the controls of EL1 come before those of EL2.

import { describe, expect, test } from 'vitest';
import { CODE, DONE, type GuestOptions, SET_VECTORS, TestGuest, VECTORS } from '../../test/kit/guest.ts';
import { Slot } from '../cpu/state.ts';
import type { Vcpu } from '../lib/vcpu.ts';
import { regId } from '../uapi/reg_id.ts';
import { SVE_VLS } from './sve_regs.ts';

const MODES = ['vhe', 'nvhe', 'protected'] as const;
const UNDEF = 0x0200_0000n;
const ec = (esr: bigint): number => Number(esr >> 26n);
/** Each run ends with a byte stored, and the next one goes on. */
const STOP = DONE.replace('b .', '');
const all = <T>(count: number, f: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => f(n));
const lines = (count: number, f: (n: number) => string): string => all(count, f).join('\n');
const Z = (n: number): bigint => regId('U2048', 'SVE', n << 5);
/** P[16] is FFR. */
const P = (n: number): bigint => regId('U256', 'SVE', 0x400 + (n << 5));
const SVE = { features: ['SVE'], finalize: true } as const;
const enable = (fpen: number, zen: number): string => `mov x0, #${(fpen << 20) | (zen << 16)}
  msr cpacr_el1, x0
  isb\n`;

const SOURCE = 0x2_0000;
const DUMP = 0x2_8000;
const P_COUNT = 16;
const P_BYTES = 32;
/** What one VM has: lane i of Z[n] is seed + n + i * step; P[n] is a word of the seed, turned by n, over and over. */
interface Pattern {
  readonly seed: bigint;
  readonly step: bigint;
  /** Elements in FFR, 1 to 8. */
  readonly ffr: number;
  /** Written to ZCR_EL1.LEN. */
  readonly len: number;
}
const joined = (width: number, words: readonly bigint[]): bigint =>
  words.reduce((v, w, i) => v | (BigInt.asUintN(width, w) << BigInt(width * i)), 0n);
const zOf = ({ seed, step }: Pattern, n: number, vl: number): bigint =>
  joined(
    64,
    all(vl / 8, (i) => seed + BigInt(n) + BigInt(i) * step),
  );
const pWord = ({ seed }: Pattern, n: number): bigint =>
  BigInt.asUintN(64, (seed << BigInt(n)) | (seed >> BigInt(64 - n)));
const pOf = (p: Pattern, n: number, vl: number): bigint =>
  BigInt.asUintN(
    vl,
    joined(
      64,
      all(4, () => pWord(p, n)),
    ),
  );
const ffrOf = (p: Pattern): bigint => (1n << BigInt(p.ffr)) - 1n;
const fpmrOf = (p: Pattern): bigint => p.seed & 0x1ffn;

/** Fills everything, stops, and then, at each further turn, stores what it finds and stops again. */
const program = (p: Pattern): string => `${enable(3, 3)}
  mov x1, #${p.len}
  msr zcr_el1, x1
  isb
  mov x9, #${CODE}
  add x3, x9, #${SOURCE}
  ${lines(P_COUNT, (n) => `ldr p${n}, [x3]\n add x3, x3, #${P_BYTES}`)}
  ptrue p0.b, vl${p.ffr}
  wrffr p0.b
  add x3, x9, #${SOURCE}
  ldr p0, [x3]
  ${lines(32, (n) => `add x1, x20, #${n}\n index z${n}.d, x1, x21`)}
  msr fpmr, x22
again:
  ${STOP}
  add x4, x9, #${DUMP}
  ${lines(32, (n) => `str z${n}, [x4]\n addvl x4, x4, #1`)}
  ${lines(P_COUNT, (n) => `str p${n}, [x4]\n addpl x4, x4, #1`)}
  rdffr p0.b
  str p0, [x4]
  add x3, x9, #${SOURCE}
  ldr p0, [x3]
  mrs x23, fpmr
  mrs x24, zcr_el1
  rdvl x25, #1
  b again
`;
function start(p: Pattern, options: GuestOptions): TestGuest {
  const g = new TestGuest(program(p), {
    ...SVE,
    ...options,
    prepare: (vcpu) => {
      vcpu.setOneReg('X20', p.seed);
      vcpu.setOneReg('X21', p.step);
      vcpu.setOneReg('X22', fpmrOf(p));
    },
  });
  const words = new BigUint64Array((P_COUNT * P_BYTES) / 8);
  words.forEach((_, i) => {
    words[i] = pWord(p, i >> 2);
  });
  g.ram.write(SOURCE, new Uint8Array(words.buffer));
  return g;
}
const fromMemory = (g: TestGuest, at: number, bytes: number): bigint =>
  joined(8, [...g.ram.read(DUMP + at, bytes)].map(BigInt));
/** What the guest found itself, and what KVM_GET_ONE_REG answers. */
function expectAll(g: TestGuest, p: Pattern, vl: number, looked: boolean): void {
  const z = all(32, (n) => zOf(p, n, vl));
  const preds = all(P_COUNT, (n) => pOf(p, n, vl));
  expect(all(32, (n) => g.vcpu.getOneReg(Z(n)))).toEqual(z);
  expect(all(P_COUNT + 1, (n) => g.vcpu.getOneReg(P(n)))).toEqual([...preds, ffrOf(p)]);
  expect([g.vcpu.getOneReg('FPMR'), g.vcpu.getOneReg('ZCR_EL1')]).toEqual([fpmrOf(p), BigInt(p.len)]);
  if (!looked) return;
  expect(all(32, (n) => fromMemory(g, n * vl, vl))).toEqual(z);
  expect(all(P_COUNT + 1, (n) => fromMemory(g, 32 * vl + (n * vl) / 8, vl / 8))).toEqual([...preds, ffrOf(p)]);
  expect([g.x(23), g.x(24), g.x(25)]).toEqual([fpmrOf(p), BigInt(p.len), BigInt(vl)]);
}
const A: Pattern = { seed: 0x1234_5678_9abc_def0n, step: 0x0101_0101_0101_0101n, ffr: 5, len: 15 };
const B: Pattern = { seed: 0xfedc_ba98_7654_3211n, step: 0x1003_0070_0500_0900n, ffr: 8, len: 15 };

describe.each(MODES)('%s', (mode) => {
  test.each([1, 2, 4, 16])('up to %i quadwords: all of the state is its VM’s, and the program’s', (maxQuads) => {
    const vl = 16 * maxQuads;
    const a = start(A, { mode, maxQuads });
    const b = start(B, { mode, maxQuads, beside: a });
    expect(a.vcpu.getOneReg(SVE_VLS)).toBe((1n << BigInt(maxQuads)) - 1n);
    const host: Pattern = { seed: 0x77n, step: 3n, ffr: 2, len: 15 };
    const { state } = a.process.fp;
    const bytes = (v: bigint, n: number): number[] => all(n, (i) => Number((v >> BigInt(8 * i)) & 0xffn));
    state.touchSve(256);
    for (let n = 0; n < 32; n++) state.z(n, 256).set(bytes(zOf(host, n, 256), 256));
    for (let n = 0; n < 17; n++) state.p(n, 256).set(bytes(pOf(host, n, 256), 32));
    state.set(Slot.FPMR, fpmrOf(host));
    const seen = (): unknown => [
      all(32, (n) => [...state.z(n, 256)]),
      all(17, (n) => [...state.p(n, 256)]),
      state.get(Slot.FPMR),
    ];
    const before = seen();
    for (const looked of [false, true, true]) {
      for (const g of [a, b]) g.finish();
      expectAll(a, A, vl, looked);
      expectAll(b, B, vl, looked);
      expect(seen()).toEqual(before);
    }
  });
  test('two VMs of different lengths', () => {
    const a = start(A, { mode, maxQuads: 2 });
    const b = start(B, { mode, maxQuads: 8, beside: a });
    for (const looked of [false, true]) {
      for (const g of [b, a]) g.finish();
      expectAll(a, A, 32, looked);
      expectAll(b, B, 128, looked);
    }
  });
  test.each([
    [0, 16],
    [3, 64],
    [5, 96],
    [15, 128],
  ])('ZCR_EL1.LEN = %i chooses %i bytes where 128 are the most', (len, vl) => {
    const g = start({ ...A, len }, { mode, maxQuads: 8 });
    for (const looked of [false, true]) {
      g.finish();
      expectAll(g, { ...A, len }, vl, looked);
    }
  });
  test('a vCPU that is finalised after another one has run has all of its state', () => {
    let second: Vcpu | undefined;
    const g = start(A, {
      mode,
      before: (vm) => {
        second = vm.createVcpu(1);
      },
    });
    g.finish();
    const vcpu = second!;
    vcpu.init({ features: ['PSCI_0_2', 'SVE'] });
    vcpu.finalize('SVE');
    for (const [name, value] of [
      ['PC', CODE],
      ['X20', B.seed],
      ['X21', B.step],
      ['X22', fpmrOf(B)],
    ] as const)
      vcpu.setOneReg(name, value);
    expect(vcpu.run().reason).toBe('MMIO');
    g.finish();
    expectAll(g, A, 256, true);
    expect(vcpu.run().reason).toBe('MMIO');
    expect(all(32, (n) => vcpu.getOneReg(Z(n)))).toEqual(all(32, (n) => zOf(B, n, 256)));
    expect(all(32, (n) => fromMemory(g, n * 256, 256))).toEqual(all(32, (n) => zOf(B, n, 256)));
  });
  test('what the program writes after a run is what the guest finds', () => {
    const g = start(A, { mode, maxQuads: 4 });
    g.finish();
    for (let n = 0; n < 32; n++) g.vcpu.setOneReg(Z(n), zOf(B, n, 64));
    for (let n = 0; n < P_COUNT; n++) g.vcpu.setOneReg(P(n), pOf(B, n, 64));
    g.vcpu.setOneReg(P(P_COUNT), 0x7fn);
    g.vcpu.setOneReg('ZCR_EL1', 1n);
    g.finish();
    expect(g.x(25)).toBe(32n);
    expect(all(32, (n) => fromMemory(g, n * 32, 32))).toEqual(all(32, (n) => zOf(B, n, 32)));
    const found = all(P_COUNT + 1, (n) => fromMemory(g, 32 * 32 + n * 4, 4));
    expect(found).toEqual([...all(P_COUNT, (n) => pOf(B, n, 32)), 0x7fn]);
  });

  test.each(['dup z5.d, x5', 'ptrue p0.b', 'rdvl x1, #1', 'wrffr p0.b', 'msr zcr_el1, x1', 'mrs x1, zcr_el1'])(
    'a VM without SVE finds %s UNDEFINED',
    (insn) => {
      for (const fpen of [3, 0]) {
        const g = new TestGuest(`${SET_VECTORS} ${enable(fpen, fpen)} bad: ${insn}\n ${DONE} ${VECTORS}`, { mode });
        g.finish();
        expect([g.x(28), g.x(29)]).toEqual([UNDEF, g.symbols.get('bad')]);
      }
      const g = new TestGuest(DONE, { mode });
      expect(() => g.vcpu.getOneReg('ZCR_EL1')).toThrow(expect.objectContaining({ name: 'ENOENT' }));
    },
  );
  const caught = (fpen: number, zen: number, insn: string): number => {
    const source = `${SET_VECTORS} ${enable(fpen, zen)} mov x28, #0\n mov x1, #1\n ${insn}\n mov x2, x1\n ${DONE} ${VECTORS}`;
    const g = new TestGuest(source, { ...SVE, mode });
    g.finish();
    return ec(g.x(28));
  };
  test.each([
    ['msr zcr_el1, x1', 0x19, 0, 0x19],
    ['mrs x1, zcr_el1', 0x19, 0, 0x19],
    ['dup z5.d, x5', 0x19, 0x07, 0x19],
    ['fmov d0, x1', 0, 0x07, 0x07],
  ])('%s: EC by CPACR_EL1, before any of EL2', (insn, noZen, noFpen, neither) => {
    expect([caught(3, 0, insn), caught(0, 3, insn), caught(0, 0, insn), caught(3, 3, insn)]).toEqual([
      noZen,
      noFpen,
      neither,
      0,
    ]);
  });
  test('ZEN = 1 closes EL0 alone', () => {
    const g = new TestGuest(
      `${SET_VECTORS} ${enable(3, 1)} dup z5.d, x5\n mov x28, #0\n adr x0, user\n msr elr_el1, x0\n msr spsr_el1, xzr\n eret
user: dup z6.d, x5\n ${DONE} ${VECTORS}`,
      { ...SVE, mode },
    );
    g.finish();
    expect([g.x(28), g.x(29)]).toEqual([(0x19n << 26n) | (1n << 25n), g.symbols.get('user')]);
  });
});
