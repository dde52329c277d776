import { describe, expect, it } from 'vitest';
import { type Guest, type GuestOptions, guest, RAM, vectors } from '../../../test/pe_guest.ts';
import { Pe } from '../pe.ts';
import { PePool } from '../pe_pool.ts';
import type { Stage2Change } from '../pe_ports.ts';

const TABLES = RAM + 0x10_0000n;
const L2 = TABLES + 0x1000n;
const L3 = TABLES + 0x2000n;
const AF = 0x400n;
const SH = 0x300n;
const USER = 0x40n;
const RO = 0x80n;
const NG = 0x800n;
const PXN = 1n << 53n;
const UXN = 1n << 54n;
/** A page of data at VA DATA. */
const DATA = 0x20_0000n;

/** VA = IPA for RAM (one block of 2 MiB), and 512 pages at VA 2 MiB through L3. T0SZ 25: 39 bits, first level 1. */
function mapped(source: string, init: (g: Guest) => void = () => {}, options: GuestOptions = {}): Guest {
  const g = guest(
    `
    ldr x0, =0x480803519
    msr tcr_el1, x0
    ldr x0, =${TABLES}
    msr ttbr0_el1, x0
    mov x0, #0xff
    msr mair_el1, x0
    adr x0, vectors
    msr vbar_el1, x0
    isb
    mrs x0, sctlr_el1
    orr x0, x0, #1
    msr sctlr_el1, x0
    isb
    mov x1, #0x200000
    ${source}
    hvc #0
    ${vectors({ 512: ['hvc #1'], 1024: ['hvc #2'] })}`,
    options,
  );
  g.write64(TABLES + 8n, L2 | 3n);
  g.write64(L2, RAM | AF | SH | 1n); // VA 0x4000_0000
  g.write64(TABLES, (TABLES + 0x3000n) | 3n);
  g.write64(TABLES + 0x3000n + 8n, L3 | 3n); // VA 0x20_0000
  for (let i = 0n; i < 16n; i++) g.write64(L3 + 8n * i, (RAM + 0x18_0000n + 0x1000n * i) | AF | SH | PXN | UXN | 3n);
  init(g);
  return g;
}
const esr = (g: Guest): bigint => g.pe.get('ESR_EL1');
const expectHvc = (g: Guest, imm: number): void =>
  expect(g.pe.run(10000)).toMatchObject({ kind: 'el2', record: { ec: 0x16, iss: imm } });
const IL = 1n << 25n;
const abort = (ec: bigint, iss: bigint): bigint => (ec << 26n) | IL | iss;

describe('stage 1 translation of a running guest', () => {
  it('reads and writes through its tables', () => {
    const g = mapped('mov x2, #0x77\n str x2, [x1, #0x1008]\n ldr x3, [x1, #0x1008]');
    expectHvc(g, 0);
    expect(g.pe.cpu.x(3)).toBe(0x77n);
    expect(g.read64(RAM + 0x18_1008n)).toBe(0x77n);
  });
  it('keeps a translation until it is invalidated', () => {
    const change = (tlbi: string): Guest =>
      mapped(`
        mov x4, #1
        str x4, [x1, #0x2000]
        ldr x5, =${L3}
        sub x6, x5, #0
        ldr x7, [x6, #8]
        str x7, [x6, #16]
        dsb ish
        ${tlbi}
        dsb ish
        isb
        mov x4, #2
        str x4, [x1, #0x2000]`);
    const byVa = change('mov x8, #0x202\n tlbi vae1is, x8');
    expectHvc(byVa, 0);
    expect([byVa.read64(RAM + 0x18_2000n), byVa.read64(RAM + 0x18_1000n)]).toEqual([1n, 2n]);
    for (const op of ['tlbi vmalle1', 'tlbi aside1, xzr']) {
      const g = change(op);
      expectHvc(g, 0);
      expect(g.read64(RAM + 0x18_1000n)).toBe(2n);
    }
  });
  it('reports faults of EL1 with their level', () => {
    const absent = mapped('add x1, x1, #0x10, lsl #12\n str x1, [x1]');
    absent.pe.run(10000);
    expect(esr(absent)).toBe(abort(0x25n, 0x47n));
    expect(absent.pe.get('FAR_EL1')).toBe(0x21_0000n);
    const noTable = mapped('mov x1, #0x80000000\n ldr x2, [x1]');
    noTable.pe.run(10000);
    expect(esr(noTable)).toBe(abort(0x25n, 0x05n));
    const noFlag = mapped('ldr x2, [x1]', (g) => g.write64(L3, RAM | 3n));
    noFlag.pe.run(10000);
    expect(esr(noFlag)).toBe(abort(0x25n, 0x0bn));
    const readOnly = mapped('str x2, [x1]', (g) => g.write64(L3, RAM | AF | RO | 3n));
    readOnly.pe.run(10000);
    expect(esr(readOnly)).toBe(abort(0x25n, 0x4fn));
    const high = mapped('movz x1, #1, lsl #48\n ldr x2, [x1]');
    high.pe.run(10000);
    expect(esr(high)).toBe(abort(0x25n, 0x04n));
    const fetch = mapped('br x1');
    fetch.pe.run(10000);
    expect(esr(fetch)).toBe(abort(0x21n, 0x0fn));
    expect(fetch.pe.get('ELR_EL1')).toBe(DATA);
  });
  it('keeps EL0 and EL1 apart, PAN and the unprivileged loads too', () => {
    const init = (g: Guest): void => {
      g.write64(L3 + 8n, (RAM + 0x18_1000n) | AF | SH | USER | NG | PXN | UXN | 3n);
      g.write64(RAM + 0x18_1000n, 0x1234n);
    };
    const unprivileged = mapped('msr pan, #1\n ldr x3, [x1]\n add x2, x1, #0x1000\n ldtr x4, [x2]\n', init);
    expectHvc(unprivileged, 0);
    expect(unprivileged.pe.cpu.x(4)).toBe(0x1234n);
    const pan = mapped('add x2, x1, #0x1000\n ldr x3, [x2]\n msr pan, #1\n ldr x4, [x2]', init);
    expectHvc(pan, 1);
    expect([pan.pe.cpu.x(3), esr(pan)]).toEqual([0x1234n, abort(0x25n, 0x0fn)]);
    const denied = mapped('ldtr x3, [x1]', init);
    expectHvc(denied, 1);
    expect(esr(denied)).toBe(abort(0x25n, 0x0fn));
  });
  it('sends faults of stage 2 to EL2, those on tables marked', () => {
    const mmio = mapped('ldrsh w3, [x1]', (g) => g.write64(L3, 0x900_0000n | AF | 3n));
    expect(mmio.pe.run(10000)).toMatchObject({
      kind: 'el2',
      record: { ec: 0x24, iss: (1 << 24) | (1 << 22) | (1 << 21) | (3 << 16) | 0x05, far: DATA, ipa: 0x900_0000n },
    });
    const table = mapped('ldr x3, [x1]', (g) => g.write64(TABLES + 0x3008n, 0x900_0000n | 3n));
    expect(table.pe.run(10000)).toMatchObject({ record: { ec: 0x24, iss: 0x85, far: DATA, ipa: 0x900_0000n } });
    const fetch = mapped('br x1', (g) => g.write64(L3, 0x900_0000n | AF | 3n));
    expect(fetch.pe.run(10000)).toMatchObject({ record: { ec: 0x20, iss: 0x05, far: DATA, ipa: 0x900_0000n } });
    const protectedPage = mapped('str x3, [x1]');
    protectedPage.readOnly.add(RAM + 0x18_0000n);
    expect(protectedPage.pe.run(10000)).toMatchObject({
      record: { ec: 0x24, iss: (1 << 24) | (3 << 22) | (3 << 16) | (1 << 15) | 0x4f },
    });
    protectedPage.readOnly.clear();
    protectedPage.changed();
    expectHvc(protectedPage, 0);
  });
  it('forgets only what changed in stage 2', () => {
    const g = mapped(`
    again:
      ldr x2, [x1]
      str x2, [x1]
      ldr x2, [x1, #0x1000]
      str x2, [x1, #0x1000]
      hvc #3
      b again`);
    const askedAfter = (change?: Stage2Change): string[] => {
      if (change) g.changed(change);
      g.asked.length = 0;
      expectHvc(g, 3);
      return g.asked.filter((a) => a.includes(' 40180') || a.includes(' 40181'));
    };
    expectHvc(g, 3);
    const [read0, write0, write1] = ['read 40180000', 'write 40180000', 'write 40181000'];
    const page0 = Number(RAM >> 12n) + 0x180;
    expect(askedAfter()).toEqual([]);
    expect(askedAfter({ first: page0, end: page0 + 1, writesOnly: false })).toEqual([read0]); // and found writable
    expect(askedAfter({ first: page0, end: page0 + 1, writesOnly: true })).toEqual([write0]);
    expect(askedAfter({ first: page0, end: page0 + 2, writesOnly: true })).toEqual([write0, write1]);
    expect(askedAfter({ first: page0 + 2, end: page0 + 100, writesOnly: false })).toEqual([]);
    // The page of the last table: walks read it again, but not the page that it maps.
    const table = Number(L3 >> 12n);
    g.changed({ first: table, end: table + 1, writesOnly: false });
    g.asked.length = 0;
    g.changed({ first: page0, end: page0 + 1, writesOnly: false });
    expectHvc(g, 3);
    expect(g.asked).toEqual([`read ${L3.toString(16)}`, read0]);
  });
  it('ends the whole block or group that an invalidated address lies in, and nothing else', () => {
    const CONTIGUOUS = 1n << 52n;
    const g = mapped(
      `
      add x3, x1, #0x10, lsl #12
      ldr x2, [x1]
      ldr x2, [x1, #0x1000]
      ldr x2, [x3]
      lsr x8, x1, #12
      tlbi vaae1is, x8
      dsb ish
      hvc #3
      ldr x2, [x1, #0x1000]
      ldr x2, [x3]
      hvc #3
      add x8, x8, #3
      orr x8, x8, #0x400000000000
      tlbi rvaae1, x8
      ldr x2, [x1, #0x1000]
      ldr x2, [x3]
      hvc #3`,
      (m) => {
        for (let i = 0n; i < 16n; i++) m.write64(L3 + 8n * i, m.read64(L3 + 8n * i) | CONTIGUOUS);
        m.write64(L3 + 8n * 16n, (RAM + 0x19_0000n) | AF | SH | PXN | UXN | 3n);
      },
      { asksAlways: true },
    );
    expectHvc(g, 3);
    for (const range of [false, true]) {
      g.asked.length = 0;
      expectHvc(g, 3);
      expect({ range, asked: g.asked }).toEqual({ range, asked: ['read 40181000'] });
    }
  });
  it('is made anew out of what another PE has given back', () => {
    const source = 'mov x2, #5\n str x2, [x1]\n ldr x3, [x1]';
    const first = mapped(source);
    expectHvc(first, 0);
    const { pe, mem } = first;
    const { options } = pe;
    const pool = new PePool(mem, options.engine);
    const make = (): Pe => new Pe({ ...options, pool });
    const a = make();
    a.set('HCR_EL2', pe.get('HCR_EL2'));
    a.cpu.setX(7, 7n);
    a.cpu.pc = RAM;
    a.set('TPIDR_EL1', 0x123n);
    const used = mem.usedFrames;
    a.release();
    const b = make();
    expect([b.cpu.x(7), b.cpu.pc, b.get('TPIDR_EL1'), b.cpu === a.cpu]).toEqual([0n, 0n, 0n, true]);
    for (let i = 0; i < 20; i++) {
      const p = make();
      p.run(1);
      p.release();
    }
    b.release();
    expect(mem.usedFrames - used).toBeLessThan(200);
    const after = mem.usedFrames;
    for (let i = 0; i < 50; i++) {
      const p = make();
      p.run(1);
      p.release();
    }
    expect(mem.usedFrames).toBe(after);
  });
  it('asks for aligned accesses to Device memory and under SCTLR_EL1.A', () => {
    const device = mapped('ldr x2, [x1, #8]\n ldur x2, [x1, #4]', (g) =>
      g.write64(L3, (RAM + 0x18_0000n) | AF | 4n | 3n),
    );
    expectHvc(device, 1);
    expect(esr(device)).toBe(abort(0x25n, 0x21n));
    expect(device.pe.get('FAR_EL1')).toBe(DATA + 4n);
    const checked = mapped(
      'mrs x2, sctlr_el1\n orr x2, x2, #2\n msr sctlr_el1, x2\n isb\n stp w2, w3, [x1, #4]\n stur x2, [x1, #4]',
    );
    expectHvc(checked, 1);
    expect(esr(checked)).toBe(abort(0x25n, 0x61n));
  });
  it('answers address translation instructions in PAR_EL1', () => {
    const g = mapped(`
      at s1e1r, x1
      mrs x2, par_el1
      at s1e0r, x1
      mrs x3, par_el1
      add x4, x1, #0x10, lsl #12
      at s1e1w, x4
      mrs x5, par_el1`);
    expectHvc(g, 0);
    expect(g.pe.cpu.x(2)).toBe((0xffn << 56n) | (RAM + 0x18_0000n) | 0xb80n);
    expect(g.pe.cpu.x(3)).toBe(0x800n | (0x0fn << 1n) | 1n);
    expect(g.pe.cpu.x(5)).toBe(0x800n | (0x07n << 1n) | 1n);
  });
  it('runs code that was written a moment ago', () => {
    const g = mapped(
      `ldr w2, code
       str w2, [x1]
       dc cvau, x1
       dsb ish
       ic ivau, x1
       dsb ish
       isb
       blr x1
       ldr w2, code2
       str w2, [x1]
       dc cvau, x1
       dsb ish
       ic ivau, x1
       isb
       blr x1
       b over
     code: mov w9, #5
     code2: mov w9, #6
     over:`,
      (m) => {
        m.write64(L3, (RAM + 0x18_0000n) | AF | SH | UXN | 3n);
        m.write64(RAM + 0x18_0000n, (0xd65f03c0n << 32n) | 0n);
      },
    );
    expectHvc(g, 0);
    expect(g.pe.cpu.x(9)).toBe(6n);
  });
});
