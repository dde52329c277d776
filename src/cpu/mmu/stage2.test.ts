import { describe, expect, it } from 'vitest';
import { type Guest, guest, HCR, RAM, vectors } from '../../../test/pe_guest.ts';
import type { Feat } from '../../arch/features.ts';
import { Pe } from '../pe.ts';
import { ArchStage2 } from './stage2.ts';

const TABLES = RAM + 0x10_0000n;
const L3 = TABLES + 0x3000n;
/** Tables of a second VM. */
const OTHER = TABLES + 0x8000n;
/** 16 pages of data, at this IPA and at that physical address. */
const DATA = 0x20_0000n;
const HOME = RAM + 0x18_0000n;
const NORMAL = 0xfn << 2n;
const DEVICE = 1n << 2n;
const R = 1n << 6n;
const W = 1n << 7n;
const AF = 1n << 10n;
const DBM = 1n << 51n;
const XN0 = 1n << 53n;
const XN1 = 1n << 54n;
const OPEN = R | W | AF | NORMAL;
const Vtcr = {
  /** T0SZ 25, from level 1, 4K, 40 bits. */
  plain: 25n | (1n << 6n) | (2n << 16n) | (1n << 31n),
  HA: 1n << 21n,
  HD: 1n << 22n,
};
const Hcr = { VM: 1n, PTW: 1n << 2n, DC: 1n << 12n, FWB: 1n << 46n };
/** Descriptors of DATA's pages. */
const page = (i: number): bigint => HOME + 0x1000n * BigInt(i);
const at = (i: number): bigint => L3 + 8n * BigInt(i);

interface Setup {
  readonly vtcr?: bigint;
  /** Besides VM and those of every guest. */
  readonly hcr?: bigint;
  readonly absent?: readonly Feat[];
  readonly init?: (g: Guest) => void;
}
/**
 * Physical memory is at RAM and nowhere else. IPAs are what they are but for DATA's; x1 is DATA. Stage 1 is off; exceptions
 * to EL1 come as HVC 1 or 2.
 */
function machine(source: string, { vtcr = Vtcr.plain, hcr = 0n, absent = [], init }: Setup = {}): Guest {
  const g = guest(
    `
    adr x0, vectors
    msr vbar_el1, x0
    isb
    mov x1, #0x200000
    ${source}
    hvc #0
    ${vectors({ 512: ['hvc #1'], 1024: ['hvc #2'], 1536: ['hvc #3'] })}`,
    {
      absent: ['FEAT_S2POE', ...absent],
      stage2: (mem, frames) => new ArchStage2(mem, { frame: (n) => frames[n - Number(RAM >> 12n)] }),
    },
  );
  for (const root of [TABLES, OTHER]) {
    g.write64(root + 8n, (root + 0x1000n) | 3n);
    g.write64(root + 0x1000n, RAM | OPEN | 1n);
    g.write64(root, (root + 0x2000n) | 3n);
    g.write64(root + 0x2008n, (root + 0x3000n) | 3n);
    for (let i = 0; i < 16; i++) g.write64(root + 0x3000n + 8n * BigInt(i), page(i) | OPEN | 3n);
  }
  g.pe.set('VTCR_EL2', vtcr);
  g.pe.set('VTTBR_EL2', TABLES | (1n << 48n));
  g.pe.set('HCR_EL2', HCR | hcr);
  init?.(g);
  return g;
}
const expectHvc = (g: Guest, imm: number): void =>
  expect(g.pe.run(10000)).toMatchObject({ kind: 'el2', record: { ec: 0x16, iss: imm } });
/** Of the load or store of x2, or x2 as 64 bits. */
const ISV = (1 << 24) | (3 << 22) | (2 << 16) | (1 << 15);
const expectAbort = (g: Guest, iss: number, ipa: bigint, ec = 0x24): void => {
  expect(g.pe.run(10000)).toMatchObject({ kind: 'el2', record: { ec, iss, far: ipa, ipa } });
  expect(g.pe.get('HPFAR_EL2')).toBe((ipa >> 12n) << 4n);
};
/** Turns stage 1 on, with a table of level 1 at DATA. BLOCK is what it has for the code. */
const stage1 = (mair: number): string => `
  ldr x0, =0x480803519
  msr tcr_el1, x0
  msr ttbr0_el1, x1
  mov x0, #${mair}
  msr mair_el1, x0
  isb
  mrs x0, sctlr_el1
  orr x0, x0, #1
  msr sctlr_el1, x0
  isb`;
const BLOCK = RAM | AF | (3n << 8n) | 1n;
const esr = (g: Guest): bigint => g.pe.get('ESR_EL1');

describe('stage 2 by tables, under a running guest', () => {
  it('leads reads, writes and fetches elsewhere', () => {
    const g = machine('mov x2, #0x77\n str x2, [x1, #0x1008]\n ldr x3, [x1, #0x1008]\n add x4, x1, #0x2000\n blr x4', {
      init: (m) => m.write64(page(2), 0xd65f_03c0_d280_00a5n), // mov x5, #5; ret
    });
    expectHvc(g, 0);
    expect([g.pe.cpu.x(3), g.read64(page(1) + 8n), g.pe.cpu.x(5)]).toEqual([0x77n, 0x77n, 5n]);
  });
  it('reports each fault with its level and address', () => {
    const load = (init: (g: Guest) => void, vtcr?: bigint): Guest =>
      machine('ldr x2, [x1]', { init, ...(vtcr !== undefined && { vtcr }) });
    const first = (d: bigint) => (g: Guest) => g.write64(L3, d);
    expectAbort(load(first(0n)), ISV | 0x07, DATA);
    expectAbort(load(first(page(0) | OPEN | 1n)), ISV | 0x07, DATA);
    expectAbort(
      load((g) => g.write64(TABLES + 0x2008n, 0n)),
      ISV | 0x06,
      DATA,
    );
    expectAbort(
      load((g) => g.write64(TABLES, 0n)),
      ISV | 0x05,
      DATA,
    );
    expectAbort(load(first(page(0) | R | W | NORMAL | 3n)), ISV | 0x0b, DATA);
    expectAbort(load(first(page(0) | W | AF | NORMAL | 3n)), ISV | 0x0f, DATA);
    expectAbort(
      load((g) => g.write64(TABLES + 0x2008n, RAM | W | AF | NORMAL | 1n)),
      ISV | 0x0e,
      DATA,
    );
    expectAbort(load(first((1n << 40n) | OPEN | 3n)), ISV | 0x03, DATA);
    expectAbort(
      load((g) => g.write64(TABLES + 0x2008n, (1n << 40n) | 3n)),
      ISV | 0x02,
      DATA,
    );
    const store = machine('str x2, [x1]', { init: first(page(0) | R | AF | NORMAL | 3n) });
    expectAbort(store, ISV | 0x4f, DATA);
    const outside = machine('mov x1, #0x8000000000\n ldr x2, [x1]');
    expectAbort(outside, ISV | 0x04, 1n << 39n);
  });
  it('refuses every address where T0SZ and SL0 do not fit', () => {
    const bad = [
      [15n, 0n], // larger than physical addresses without DS
      [49n, 3n], // smaller than any table
      [16n, 1n], // more than 16 tables at level 1
      [34n, 1n], // not even one bit for level 1
      [44n, 2n],
    ] as const;
    for (const [t0sz, sl0] of bad) {
      const vtcr = (Vtcr.plain & ~0xffn) | t0sz | (sl0 << 6n);
      expectAbort(machine('', { vtcr }), 0x04, RAM, 0x20);
    }
    expectAbort(machine('', { vtcr: Vtcr.plain | (3n << 6n) }), 0x04, RAM, 0x20);
    expectAbort(machine('', { init: (g) => g.pe.set('VTTBR_EL2', 1n << 41n) }), 0x00, RAM, 0x20);
  });
  it('keeps execution of EL1 and of EL0 apart with FEAT_XNX', () => {
    const run = (xn: bigint, el0: boolean, absent: readonly Feat[] = []): number => {
      const jump = el0 ? 'msr elr_el1, x1\n mov x3, #0x3c0\n msr spsr_el1, x3\n eret' : 'blr x1';
      const g = machine(jump, {
        absent,
        init: (m) => {
          m.write64(L3, page(0) | OPEN | xn | 3n);
          m.write64(page(0), el0 ? 0xd400_0001n : 0xd65f_03c0n); // svc #0; ret
        },
      });
      const exit = g.pe.run(10000);
      if (exit.kind !== 'el2') throw new Error(exit.kind);
      const { ec, iss, ipa } = exit.record;
      if (ec === 0x20) expect([iss, ipa]).toEqual([0x0f, DATA]);
      return ec === 0x16 ? 1 : 0;
    };
    const both = (xn: bigint, absent?: readonly Feat[]): number[] => [run(xn, false, absent), run(xn, true, absent)];
    expect([0n, XN0, XN1, XN0 | XN1].map((xn) => both(xn))).toEqual([[1, 1], [0, 1], [0, 0], [1, 0]]); // biome-ignore format: a list
    expect([0n, XN0, XN1, XN0 | XN1].map((xn) => both(xn, ['FEAT_XNX']))).toEqual([[1, 1], [1, 1], [0, 0], [0, 0]]); // biome-ignore format: a list
  });
  it('sets the access flag and makes pages dirty, and only then', () => {
    const clean = page(0) | R | NORMAL | DBM | 3n;
    const source = 'ldr x2, [x1]\n hvc #4\n str x2, [x1]\n ldr x2, [x1]';
    const g = machine(source, { vtcr: Vtcr.plain | Vtcr.HA | Vtcr.HD, init: (m) => m.write64(L3, clean) });
    expectHvc(g, 4);
    expect(g.read64(L3)).toBe(clean | AF);
    expectHvc(g, 0);
    expect(g.read64(L3)).toBe(clean | AF | W);
    const manual = machine(source, { vtcr: Vtcr.plain | Vtcr.HA, init: (m) => m.write64(L3, clean) });
    expectHvc(manual, 4);
    expectAbort(manual, ISV | 0x4f, DATA);
    expect(manual.read64(L3)).toBe(clean | AF);
  });
  it('reads permissions from S2PIR_EL2 with FEAT_S2PIE', () => {
    const indirect = (perm: bigint, d: bigint, source: string, hd = true): Guest =>
      machine(source, {
        vtcr: Vtcr.plain | (1n << 36n) | Vtcr.HA | (hd ? Vtcr.HD : 0n),
        init: (m) => {
          m.pe.set('S2PIR_EL2', (0xfn << 4n) | (perm << 8n)); // index 1: the block of code, 2: the page
          m.write64(L3, page(0) | NORMAL | DBM | 3n | d);
        },
      });
    expectHvc(indirect(8n, W, 'ldr x2, [x1]'), 0);
    expectAbort(indirect(8n, W, 'str x2, [x1]'), ISV | 0x4f, DATA);
    const dirtied = indirect(12n, 0n, 'str x2, [x1]');
    expectHvc(dirtied, 0);
    expect(dirtied.read64(L3)).toBe(page(0) | NORMAL | DBM | 3n | AF | W);
    const refused = indirect(12n, 0n, 'str x2, [x1]', false);
    expectAbort(refused, ISV | 0x4f, DATA);
    expect(refused.pe.get('ESR_EL2') >> 37n).toBe(1n);
  });
  it('is asked for tables of stage 1, which HCR_EL2.PTW keeps out of Device memory', () => {
    const source = stage1(0xff);
    const tables = (d: bigint, hcr = 0n): Guest =>
      machine(source, {
        hcr,
        init: (m) => {
          m.write64(page(0) + 8n, BLOCK);
          m.write64(L3, page(0) | d);
        },
      });
    expectHvc(tables(OPEN | 3n), 0);
    expectHvc(tables(R | AF | NORMAL | 3n), 0);
    expectHvc(tables(R | AF | DEVICE | 3n), 0);
    const onTable = (g: Guest, iss: number): void => {
      expect(g.pe.run(10000)).toMatchObject({ kind: 'el2', record: { ec: 0x20, iss, ipa: DATA + 8n } });
      expect(g.pe.tableFaultLevel).toBe(1);
    };
    onTable(tables(R | AF | DEVICE | 3n, Hcr.PTW), 0x8f);
    onTable(tables(R | AF | 3n, Hcr.PTW | Hcr.FWB), 0x8f);
    onTable(tables(0n), 0x87);
    onTable(tables(W | AF | NORMAL | 3n), 0x8f);
    onTable(tables(R | NORMAL | 3n), 0x8b);
  });
  it('aborts at EL2 where its own tables have no memory, at EL1 where they lead to none', () => {
    const noTable = machine('ldr x2, [x1]', { init: (m) => m.write64(TABLES + 0x2008n, 0x9000_0003n) });
    expectAbort(noTable, 0x17, DATA);
    const noMemory = machine('ldr x2, [x1]', { init: (m) => m.write64(L3, 0x9000_0000n | OPEN | 3n) });
    expectHvc(noMemory, 1);
    expect(esr(noMemory)).toBe((0x25n << 26n) | (1n << 25n) | 0x10n);
  });
  it('makes memory Device: accesses have to be aligned, and DC ZVA is not allowed', () => {
    // HCR_EL2.DC: stage 1 says Normal. Then the fault is stage 2's.
    const at4 = (m: Guest): void => m.write64(L3, page(0) | R | W | AF | DEVICE | 3n);
    const unaligned = machine('ldr x2, [x1, #8]\n ldur x2, [x1, #4]', { hcr: Hcr.DC, init: at4 });
    expectAbort(unaligned, ISV | 0x21, DATA + 4n);
    const zero = machine('dc zva, x1', { hcr: Hcr.DC, init: at4 });
    const exit = zero.pe.run(10000);
    expect(exit).toMatchObject({ kind: 'el2', record: { ec: 0x24, far: DATA, ipa: DATA } });
    if (exit.kind === 'el2') expect(exit.record.iss & 0x1ff).toBe(0x61);
    // Without it stage 1 has made it Device first.
    const off = machine('ldur x2, [x1, #4]', { init: at4 });
    expectHvc(off, 1);
    expect([esr(off), off.pe.get('FAR_EL1')]).toEqual([(0x25n << 26n) | (1n << 25n) | 0x21n, DATA + 4n]);
    // Stage 1's word stands where HCR_EL2.FWB makes stage 2 leave it.
    const forced = machine('ldur x2, [x1, #4]', {
      hcr: Hcr.DC | Hcr.FWB,
      init: (m) => m.write64(L3, page(0) | R | W | AF | (7n << 2n) | 3n),
    });
    forced.write64(TABLES + 0x1000n, RAM | R | W | AF | (7n << 2n) | 1n);
    expectHvc(forced, 0);
    // And what stage 1 has made Device is its own fault, whatever stage 2 says.
    const first = machine(`adr x3, vectors\n${stage1(0)}\n dc zva, x3`, {
      init: (m) => m.write64(page(0) + 8n, BLOCK),
    });
    expectHvc(first, 1);
    expect(esr(first)).toBe((0x25n << 26n) | (1n << 25n) | 0x61n);
    const normal = machine('ldur x2, [x1, #4]\n mov x2, #-1\n str x2, [x1]\n dc zva, x1', { hcr: Hcr.DC });
    expectHvc(normal, 0);
    expect(normal.read64(page(0))).toBe(0n);
  });
  it('answers AT S12E1R, AT S12E0W and AT S1E1R of EL2 in PAR_EL1', () => {
    const g = machine('', {
      hcr: Hcr.DC,
      init: (m) => m.write64(at(1), page(1) | R | AF | (5n << 2n) | (3n << 8n) | 3n),
    });
    const par = (op: string, va: bigint): bigint => {
      g.pe.operate(op, va);
      return g.pe.get('PAR_EL1');
    };
    expect(par('AT_S12E1R', DATA + 0x123n)).toBe((0xffn << 56n) | page(0) | 0xa00n);
    expect(par('AT_S12E1R', DATA + 0x1000n)).toBe((0x44n << 56n) | page(1) | 0xb00n);
    expect(par('AT_S12E0W', DATA + 0x1000n)).toBe(0xa00n | (0x0fn << 1n) | 1n);
    expect(par('AT_S12E0R', DATA + 0x1_0000n)).toBe(0xa00n | (0x07n << 1n) | 1n);
    expect(par('AT_S1E1R', DATA + 0x1_0000n)).toBe((0xffn << 56n) | (DATA + 0x1_0000n) | 0xa00n);
    // Stage 1 on, its first table where stage 2 has nothing.
    g.pe.set('HCR_EL2', HCR);
    g.pe.set('TCR_EL1', 25n | (25n << 16n) | (2n << 30n));
    g.pe.set('TTBR0_EL1', DATA + 0x1_0000n);
    g.pe.set('SCTLR_EL1', 0x00c5_0079n);
    for (const op of ['AT_S1E1R', 'AT_S12E1R']) expect(par(op, 0n)).toBe(0xb00n | (0x07n << 1n) | 1n);
    expect(() => g.pe.operate('DC_ZVA', 0n)).toThrow('DC_ZVA: only TLBI and AT');
    expect(() => g.pe.operate('TLBI_VAE2IS', 0n)).toThrow(RangeError);
  });
  it('keeps what it said until EL2 invalidates it, and VMIDs apart', () => {
    const source = 'again:\n ldr x2, [x1]\n ldr x3, [x1, #0x1000]\n hvc #4\n b again';
    const g = machine(source, {
      init: (m) => {
        for (let i = 0; i < 4; i++) m.write64(page(i), BigInt(i));
      },
    });
    const loaded = (): bigint[] => {
      expectHvc(g, 4);
      return [g.pe.cpu.x(2), g.pe.cpu.x(3)];
    };
    expect(loaded()).toEqual([0n, 1n]);
    g.write64(at(0), page(2) | OPEN | 3n);
    g.write64(at(1), page(3) | OPEN | 3n);
    expect(loaded()).toEqual([0n, 1n]);
    g.pe.operate('TLBI_IPAS2E1IS', DATA >> 12n);
    expect(loaded()).toEqual([2n, 1n]);
    // Four pages of 4 KiB from DATA + 4 KiB on.
    g.pe.operate('TLBI_RIPAS2E1', (1n << 46n) | (1n << 39n) | ((DATA >> 12n) + 1n));
    expect(loaded()).toEqual([2n, 3n]);
    // Another VM, with tables of its own; then the first again.
    g.write64(OTHER + 0x3000n, page(1) | OPEN | 3n);
    g.pe.set('VTTBR_EL2', OTHER | (2n << 48n));
    expect(loaded()).toEqual([1n, 1n]);
    g.write64(at(0), page(0) | OPEN | 3n);
    g.pe.set('VTTBR_EL2', TABLES | (1n << 48n));
    expect(loaded()).toEqual([2n, 3n]);
    g.pe.operate('TLBI_VMALLS12E1', 0n);
    expect(loaded()).toEqual([0n, 3n]);
    // Without stage 2, addresses are physical.
    g.pe.set('HCR_EL2', HCR & ~Hcr.VM);
    expectHvc(g, 1);
    expect(esr(g) & 0x3fn).toBe(0x10n);
  });
  it('hears what another PE broadcasts, and nothing else', () => {
    const g = machine('again:\n ldr x2, [x1]\n hvc #4\n b again');
    const other = new Pe({
      ...g.pe.options,
      stage2: new ArchStage2(g.mem, { frame: (n) => g.frame(BigInt(n) << 12n) }),
    });
    for (const name of ['HCR_EL2', 'VTCR_EL2', 'VTTBR_EL2', 'SCTLR_EL1'] as const) other.set(name, g.pe.get(name));
    other.cpu.pc = g.pe.cpu.pc;
    const loaded = (): bigint[] =>
      [g.pe, other].map((pe) => {
        expect(pe.run(10000)).toMatchObject({ kind: 'el2', record: { ec: 0x16, iss: 4 } });
        return pe.cpu.x(2);
      });
    for (let i = 0; i < 3; i++) g.write64(page(i), BigInt(i));
    expect(loaded()).toEqual([0n, 0n]);
    g.write64(L3, page(1) | OPEN | 3n);
    g.pe.operate('TLBI_IPAS2E1', DATA >> 12n);
    expect(loaded()).toEqual([1n, 0n]);
    g.write64(L3, page(2) | OPEN | 3n);
    g.pe.operate('TLBI_IPAS2E1IS', DATA >> 12n);
    expect(loaded()).toEqual([2n, 2n]);
    g.write64(L3, page(0) | OPEN | 3n);
    g.pe.operate('TLBI_ALLE1', 0n);
    expect(loaded()).toEqual([0n, 2n]);
    g.pe.operate('TLBI_VMALLS12E1IS', 0n);
    expect(loaded()).toEqual([0n, 0n]);
  });
  it('ends a block or a contiguous group as a whole, and what was known of tables', () => {
    const g = machine('again:\n ldr x2, [x1]\n add x3, x1, #0x5000\n ldr x3, [x3]\n hvc #4\n b again');
    const CONTIGUOUS = 1n << 52n;
    for (let i = 0; i < 16; i++) g.write64(at(i), page(i) | OPEN | CONTIGUOUS | 3n);
    for (let i = 0; i < 16; i++) g.write64(page(i), BigInt(i));
    expectHvc(g, 4);
    for (let i = 0; i < 16; i++) g.write64(at(i), page(15 - i) | OPEN | CONTIGUOUS | 3n);
    g.pe.operate('TLBI_IPAS2E1', (DATA >> 12n) + 9n);
    expectHvc(g, 4);
    expect([g.pe.cpu.x(2), g.pe.cpu.x(3)]).toEqual([15n, 10n]);
  });
});
