// The ITS from the guest's side: tables and commands in memory, messages from devices, LPIs at the CPU interface; and
// moving all of it to another VM by the documented ABI.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIST, Gic, ITS, RAM, REDIST } from '../../../test/kit/vgic.ts';
import { GICD, GICR, GITS, GITS_CMD } from '../../arch/gic.ts';
import { Eventfd } from '../../lib/process.ts';
import {
  KVM_DEV_ARM_VGIC_CTRL as CTRL,
  decode,
  encode,
  KVM_DEV_ARM_VGIC_GRP as GRP,
  KVM_IRQ_ROUTING,
  structs,
} from '../../uapi/index.ts';
import { setMsi, setRouting } from '../irqchip.ts';
import { irqfd } from '../irqfd.ts';

const QUEUE = RAM;
const PROPS = RAM + 0x1_0000n;
const PENDING = RAM + 0x10_0000n; // 64 KiB for each vCPU
const DEVICES = RAM + 0x20_0000n;
const COLLECTIONS = RAM + 0x21_0000n;
const ITT = RAM + 0x22_0000n; // 4 KiB for each device
const VALID = 1n << 63n;
const FIRST_LPI = 8192;

/** A guest that has set up an ITS and tells it commands. */
class Guest extends Gic {
  constructor(cpus = 2, ram?: Uint8Array) {
    super({ cpus, its: true, ...(ram ? { ram } : {}) });
  }
  setUp(): this {
    this.open();
    this.write(ITS + BigInt(GITS.BASER), VALID | DEVICES, 8);
    this.write(ITS + BigInt(GITS.BASER + 8), VALID | COLLECTIONS, 8);
    this.write(ITS + BigInt(GITS.CBASER), VALID | QUEUE, 8);
    this.write(ITS, 1);
    for (const [n] of this.cpus.entries()) {
      const base = REDIST + BigInt(n) * 0x2_0000n;
      this.write(base + BigInt(GICR.PROPBASER), PROPS | 15n, 8);
      this.write(base + BigInt(GICR.PENDBASER), PENDING + BigInt(n) * 0x1_0000n, 8);
      this.write(base, 1);
      this.command(GITS_CMD.MAPC, 0n, 0n, VALID | (BigInt(n) << 16n) | BigInt(n));
    }
    return this;
  }
  command(code: number, w0 = 0n, w1 = 0n, w2 = 0n, w3 = 0n): void {
    const at = Number(this.read(ITS + BigInt(GITS.CWRITER), 8));
    const queue = new DataView(this.ram.buffer, this.ram.byteOffset + at, 32);
    for (const [i, w] of [BigInt(code) | w0, w1, w2, w3].entries()) queue.setBigUint64(i * 8, w, true);
    this.write(ITS + BigInt(GITS.CWRITER), (at + 32) % 0x1000, 8);
  }
  mapDevice(id: number): void {
    this.command(GITS_CMD.MAPD, BigInt(id) << 32n, 4n, VALID | (ITT + BigInt(id) * 0x1000n));
  }
  map(device: number, event: number, lpi: number, collection: number): void {
    this.command(GITS_CMD.MAPTI, BigInt(device) << 32n, BigInt(event) | (BigInt(lpi) << 32n), BigInt(collection));
  }
  configure(lpi: number, priority: number, enabled: boolean): void {
    this.ram[Number(PROPS - RAM) + lpi - FIRST_LPI] = priority | (enabled ? 1 : 0);
  }
  msi(devid: number, data: number): number {
    return setMsi(this.vm, { address: ITS + BigInt(GITS.TRANSLATER), data, flags: 1, devid });
  }
  take(cpu: number): number {
    const intid = this.icc('IAR1', cpu);
    this.setIcc('EOIR1', intid, cpu);
    return intid;
  }
}

describe('the ITS', () => {
  test('turns a message into an LPI at the vCPU of its collection', () => {
    const g = new Guest().setUp();
    g.configure(8200, 0xa0, true);
    g.mapDevice(2);
    g.map(2, 5, 8200, 1);
    expect([g.msi(2, 5), g.signal(0), g.signal(1)]).toEqual([1, 'none', 'irq']);
    expect([g.icc('IAR1', 1), g.icc('RPR', 1), g.icc('IAR1', 1)]).toEqual([8200, 0xa0, 1023]);
    g.setIcc('EOIR1', 8200, 1);
    expect([g.icc('RPR', 1), g.msi(2, 5), g.take(1), g.take(1)]).toEqual([0xff, 1, 8200, 1023]);
  });
  test('an eventfd whose GSI is routed as a message becomes an LPI', () => {
    const g = new Guest().setUp();
    g.configure(8201, 0xa0, true);
    g.mapDevice(1);
    g.map(1, 3, 8201, 0);
    const address = ITS + BigInt(GITS.TRANSLATER);
    const msi = { address_lo: Number(address & 0xffff_ffffn), address_hi: Number(address >> 32n), data: 3, devid: 1 };
    const u = new Uint8Array(32);
    u.set(encode(structs.kvm_irq_routing_msi, msi));
    const { u: words } = decode(structs.kvm_irq_routing_entry, new Uint8Array([...new Uint8Array(16), ...u]));
    setRouting(g.vm, [{ gsi: 70, type: KVM_IRQ_ROUTING.MSI, flags: 1, pad: 0, u: words }]);
    const raise = new Eventfd();
    const caller = { ...g.caller, getFile: () => raise };
    irqfd(g.vm, { arg: 0n, caller }, { fd: 3, gsi: 70, flags: 0, resamplefd: 0, pad: new Uint8Array(16) });
    raise.signal(1n);
    expect([g.signal(0), g.take(0), g.take(0)]).toEqual(['irq', 8201, 1023]);
  });
  test('does not deliver what is not mapped, and refuses a message to nowhere', () => {
    const g = new Guest().setUp();
    g.mapDevice(2);
    expect([g.msi(2, 5), g.msi(3, 5)]).toEqual([0, 0]);
    expect(setMsi(g.vm, { address: ITS + 0x4_0000n, data: 0, flags: 1, devid: 0 })).toBe(-22);
    expect(setMsi(g.vm, { address: ITS + BigInt(GITS.TRANSLATER), data: 0, flags: 0, devid: 0 })).toBe(-22);
  });
  test('a disabled LPI waits for INV; CLEAR takes it back; INT is a message', () => {
    const g = new Guest().setUp();
    g.mapDevice(0);
    g.map(0, 0, 8192, 0);
    expect([g.msi(0, 0), g.signal(0)]).toEqual([1, 'none']);
    g.configure(8192, 0x80, true);
    expect(g.signal(0)).toBe('none');
    g.command(GITS_CMD.INV, 0n, 0n);
    expect(g.signal(0)).toBe('irq');
    g.command(GITS_CMD.CLEAR, 0n, 0n);
    expect(g.signal(0)).toBe('none');
    g.command(GITS_CMD.INT, 0n, 0n);
    expect(g.take(0)).toBe(8192);
  });
  test('MOVI and MOVALL take pending LPIs along; DISCARD and unmapping drop them', () => {
    const g = new Guest().setUp();
    g.configure(8192, 0x80, true);
    g.mapDevice(0);
    g.map(0, 0, 8192, 0);
    g.msi(0, 0);
    g.command(GITS_CMD.MOVI, 0n, 0n, 1n);
    expect([g.signal(0), g.signal(1)]).toEqual(['none', 'irq']);
    g.command(GITS_CMD.MOVALL, 0n, 0n, 1n << 16n, 0n);
    expect([g.signal(0), g.signal(1)]).toEqual(['irq', 'none']);
    g.command(GITS_CMD.DISCARD, 0n, 0n);
    expect([g.signal(0), g.msi(0, 0)]).toEqual(['none', 0]);
    g.map(0, 1, 8192, 0);
    expect([g.msi(0, 1), g.signal(0)]).toEqual([1, 'irq']);
    g.command(GITS_CMD.MAPD, 0n, 0n, 0n);
    expect([g.signal(0), g.msi(0, 1)]).toEqual(['none', 0]);
  });
  test('INVALL reads the priorities of a whole collection', () => {
    const g = new Guest().setUp();
    g.mapDevice(0);
    for (const n of [0, 1, 2]) {
      g.map(0, n, 8192 + n, 0);
      g.configure(8192 + n, 0xc0 - n * 0x10, true);
    }
    g.command(GITS_CMD.INVALL, 0n, 0n, 0n);
    for (const n of [0, 1, 2]) g.msi(0, n);
    expect([g.take(0), g.take(0), g.take(0)]).toEqual([8194, 8193, 8192]);
  });
  test('a mapping finds the pending bit that the table holds', () => {
    const g = new Guest().setUp();
    g.configure(8200, 0x80, true);
    g.ram[Number(PENDING - RAM) + 8200 / 8] = 1;
    g.mapDevice(0);
    g.map(0, 0, 8200, 0);
    expect([g.take(0), g.ram[Number(PENDING - RAM) + 8200 / 8]]).toEqual([8200, 0]);
  });
  test('the queue wraps, and every command is done when CWRITER has been written', () => {
    const g = new Guest().setUp();
    for (let n = 0; n < 300; n++) g.command(GITS_CMD.SYNC);
    expect(g.read(ITS + BigInt(GITS.CREADR), 8)).toBe(g.read(ITS + BigInt(GITS.CWRITER), 8));
  });
  test('disabled, it answers with an error and does not read commands', () => {
    const g = new Guest().setUp();
    g.mapDevice(0);
    g.map(0, 0, 8192, 0);
    g.write(ITS, 0);
    expect(g.msi(0, 0)).toBe(-16);
    expect(g.read(ITS) & 0x8000_0000n).toBe(0x8000_0000n);
  });
});

// Migration, in the order that the documentation gives.

const GICD_WORDS = (irqs: number): number[] => {
  const out: number[] = [];
  const array = (offset: number, bits: number): void => {
    for (let n = 32; n < irqs; n += 32 / bits) out.push(offset + (n * bits) / 8);
  };
  for (const offset of [GICD.IGROUPR, GICD.ISENABLER, GICD.ISPENDR, GICD.ISACTIVER]) array(offset, 1);
  array(GICD.IPRIORITYR, 8);
  array(GICD.ICFGR, 2);
  for (let n = 32; n < irqs; n++) out.push(GICD.IROUTER + 8 * n, GICD.IROUTER + 8 * n + 4);
  return out;
};
const GICR_WORDS = [
  GICR.WAKER, GICR.PROPBASER, GICR.PROPBASER + 4, GICR.PENDBASER, GICR.PENDBASER + 4, GICR.CTLR, GICR.IGROUPR0, GICR.ISENABLER0,
  GICR.ICFGR0, GICR.ICFGR0 + 4, GICR.ISPENDR0, GICR.ISACTIVER0, ...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => GICR.IPRIORITYR0 + 4 * n),
]; // biome-ignore format: a list
const ICC_REGS = [
  [3, 0, 4, 6, 0], [3, 0, 12, 8, 3], [3, 0, 12, 12, 3], [3, 0, 12, 8, 4], [3, 0, 12, 9, 0], [3, 0, 12, 12, 4], [3, 0, 12, 12, 6], [3, 0, 12, 12, 7],
].map(([a, b, c, d, e]) => BigInt((a! << 14) | (b! << 11) | (c! << 7) | (d! << 3) | e!)); // biome-ignore format: a list
const ITS_REGS = [GITS.CBASER, GITS.CREADR, GITS.CWRITER, GITS.BASER, GITS.BASER + 8, GITS.CTLR];

/** Makes another VM that has the state of `from`, by nothing but attributes and memory. */
function migrate(from: Guest): Guest {
  const low = 0xffff_ffffn;
  const mpidr = (n: number): bigint => BigInt(n) << 32n;
  from.set(GRP.CTRL, BigInt(CTRL.SAVE_PENDING_TABLES), 0n);
  from.setIts(GRP.CTRL, BigInt(CTRL.ITS_SAVE_TABLES), 0n);
  const to = new Guest(from.cpus.length, from.ram.slice());
  const copy = (group: number, attr: bigint, value = from.get(group, attr)): void => to.set(group, attr, value);
  for (const [n] of from.cpus.entries()) {
    for (const r of GICR_WORDS)
      copy(GRP.REDIST_REGS, mpidr(n) | BigInt(r), from.get(GRP.REDIST_REGS, mpidr(n) | BigInt(r)) & low);
  }
  for (const r of GICD_WORDS(64)) copy(GRP.DIST_REGS, BigInt(r), from.get(GRP.DIST_REGS, BigInt(r)) & low);
  for (const [n] of from.cpus.entries()) for (const first of [0n, 32n]) copy(GRP.LEVEL_INFO, mpidr(n) | first);
  for (const r of ITS_REGS.filter((x) => x !== GITS.CTLR))
    to.setIts(GRP.ITS_REGS, BigInt(r), from.getIts(GRP.ITS_REGS, BigInt(r)));
  to.setIts(GRP.CTRL, BigInt(CTRL.ITS_RESTORE_TABLES), 0n);
  to.setIts(GRP.ITS_REGS, BigInt(GITS.CTLR), from.getIts(GRP.ITS_REGS, BigInt(GITS.CTLR)));
  for (const [n] of from.cpus.entries()) {
    for (const r of ICC_REGS) copy(GRP.CPU_SYSREGS, mpidr(n) | r);
  }
  copy(GRP.DIST_REGS, BigInt(GICD.CTLR));
  return to;
}
/** What the guest goes on to see: signals, then everything that it takes, on each vCPU. */
function future(g: Guest): unknown {
  const out: unknown[] = [];
  for (const [cpu] of g.cpus.entries()) {
    out.push([
      g.signal(cpu),
      ...(['RPR', 'PMR', 'BPR0', 'BPR1', 'CTLR', 'HPPIR0', 'HPPIR1', 'AP0R0', 'AP1R0'] as const).map((r) =>
        g.icc(r, cpu),
      ),
    ]);
    for (let n = 0; n < 20; n++) out.push(g.icc('IAR1', cpu), g.icc('IAR0', cpu));
  }
  for (const offset of [GICD.ISENABLER, GICD.ISPENDR, GICD.ISACTIVER, GICD.IGROUPR])
    out.push(
      g.read(DIST + BigInt(offset + 4)),
      ...g.cpus.map((_, n) => g.read(REDIST + BigInt(n) * 0x2_0000n + 0x1_0000n + BigInt(offset))),
    );
  return out;
}

describe('migration', () => {
  test('another VM goes on where the first one stopped', () => {
    const step = fc.record({
      op: fc.nat(9),
      intid: fc.constantFrom(0, 7, 20, 32, 40, 63),
      cpu: fc.nat(1),
      value: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), (steps) => {
        const g = new Guest().setUp();
        g.mapDevice(0);
        g.mapDevice(9);
        for (const n of [0, 1, 2, 3]) {
          g.configure(8192 + n, 0x40 + 0x20 * n, n !== 3);
          g.map(n < 2 ? 0 : 9, n * 3, 8192 + n, n & 1);
        }
        for (const { op, intid, cpu, value } of steps) {
          if (op === 0) g.setBit(GICD.ISENABLER, intid, cpu);
          else if (op === 1) g.setBit(GICD.ISPENDR, intid, cpu);
          else if (op === 2) g.setPriority(intid, value, cpu);
          else if (op === 3) g.icc('IAR1', cpu);
          else if (op === 4) g.msi(value & 1 ? 9 : 0, (value >> 1) % 10);
          else if (op === 5) g.setIcc('EOIR1', intid, cpu);
          else if (op === 6) g.setBit(GICD.ISACTIVER, intid, cpu);
          else if (op === 7) g.setIcc('BPR1', value & 7, cpu);
          else if (op === 8) g.putBit(GICD.IGROUPR, intid, value > 60, cpu);
          else g.route(40, cpu);
        }
        const copy = migrate(g);
        expect(future(copy)).toEqual(future(g));
      }),
      { numRuns: 60, seed: 5 },
    );
  });
});
