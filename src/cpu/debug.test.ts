import { describe, expect, it } from 'vitest';
import { type Guest, guest, RAM, vectors } from '../../test/pe_guest.ts';
import type { RegName } from '../arch/sysregs.ts';

const IL = 1n << 25n;
const hvc = (imm: number) => ({ kind: 'el2', record: { ec: 0x16, iss: imm } });
const MDE = 1n << 15n;
const KDE = 1n << 13n;
const TDE = 0x100n;
const ENABLED = 1n;

/** EL1 code with debug exceptions open at EL1; the vector says hvc #1. */
function debugged(source: string, mdscr = MDE | KDE): Guest {
  const g = guest(
    `adr x0, vectors\n msr vbar_el1, x0\n msr daifclr, #8\n ${source}\n hvc #0\n ${vectors({ 512: ['hvc #1'] })}`,
  );
  g.pe.set('MDSCR_EL1', mdscr);
  return g;
}
const set = (g: Guest, values: Readonly<Partial<Record<RegName, bigint>>>): void => {
  for (const [n, v] of Object.entries(values)) if (v !== undefined) g.pe.set(n as RegName, v);
};

describe('breakpoints', () => {
  const BCR = ENABLED | (3n << 1n) | (15n << 5n);
  it('stop before the instruction, at EL1 or at EL2', () => {
    const source = 'nop\n nop\n here: mov x5, #1\n nop';
    const g = debugged(source);
    set(g, { DBGBVR2_EL1: g.symbols.get('here')!, DBGBCR2_EL1: BCR });
    expect(g.pe.run(100)).toMatchObject(hvc(1));
    expect(g.pe.get('ESR_EL1')).toBe((0x31n << 26n) | IL | 0x22n);
    expect(g.pe.get('ELR_EL1')).toBe(g.symbols.get('here'));
    expect(g.pe.cpu.x(5)).toBe(0n);
    const el2 = debugged(source);
    set(el2, { DBGBVR0_EL1: el2.symbols.get('here')!, DBGBCR0_EL1: BCR, MDCR_EL2: TDE });
    expect(el2.pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 0x30, iss: 0x22 } });
    expect(el2.pe.cpu.pc).toBe(el2.symbols.get('here'));
  });
  it('leave other code of the page alone, and all of it while PSTATE.D is set or the OS lock is', () => {
    const source = 'msr daifset, #8\n here: mov x5, #1\n nop\n nop';
    const masked = debugged(source);
    set(masked, { DBGBVR0_EL1: masked.symbols.get('here')!, DBGBCR0_EL1: BCR });
    expect(masked.pe.run(100)).toMatchObject(hvc(0));
    const locked = debugged('mov x0, #1\n msr oslar_el1, x0\n mrs x6, oslsr_el1\n here: mov x5, #1');
    set(locked, { DBGBVR0_EL1: locked.symbols.get('here')!, DBGBCR0_EL1: BCR });
    expect(locked.pe.run(100)).toMatchObject(hvc(0));
    expect(locked.pe.cpu.x(6)).toBe(0xan);
  });
  it('may depend on the context', () => {
    const linked = (context: bigint): Guest => {
      const g = debugged('here: mov x5, #1');
      set(g, {
        DBGBVR0_EL1: g.symbols.get('here')!, DBGBCR0_EL1: BCR | (1n << 20n) | (5n << 16n),
        DBGBVR5_EL1: 0xabcn, DBGBCR5_EL1: BCR | (3n << 20n), CONTEXTIDR_EL1: context,
      }); // biome-ignore format: a table
      return g;
    };
    expect(linked(0xabcn).pe.run(100)).toMatchObject(hvc(1));
    expect(linked(0xabdn).pe.run(100)).toMatchObject(hvc(0));
  });
});

describe('watchpoints', () => {
  const WCR = (lsc: bigint, bas: bigint): bigint => ENABLED | (3n << 1n) | (lsc << 3n) | (bas << 5n);
  const DATA = RAM + 0x1_0000n;
  const watching = (source: string, wvr: bigint, wcr: bigint): Guest => {
    const g = debugged(`ldr x1, =${DATA}\n ${source}`);
    set(g, { DBGWVR3_EL1: wvr, DBGWCR3_EL1: wcr });
    return g;
  };
  it('see accesses to the bytes that are chosen', () => {
    const g = watching('strb w0, [x1, #1]\n ldr x2, [x1, #8]\n strh w0, [x1, #2]', DATA, WCR(2n, 0x0cn));
    expect(g.pe.run(100)).toMatchObject(hvc(1));
    expect(g.pe.get('ESR_EL1')).toBe((0x35n << 26n) | IL | 0x62n);
    expect(g.pe.get('FAR_EL1')).toBe(DATA + 2n);
    expect(watching('ldr x2, [x1]\n str x2, [x1, #8]', DATA, WCR(2n, 0xffn)).pe.run(100)).toMatchObject(hvc(0));
    expect(watching('ldr x2, [x1]', DATA, WCR(3n, 0xffn)).pe.run(100)).toMatchObject(hvc(1));
    expect(watching('ldp x2, x3, [x1]', DATA + 8n, WCR(1n, 0x80n)).pe.run(100)).toMatchObject(hvc(1));
  });
  it('cover ranges by mask', () => {
    const mask = WCR(2n, 0xffn) | (8n << 24n);
    expect(watching('str x2, [x1, #0xf8]', DATA, mask).pe.run(100)).toMatchObject(hvc(1));
    expect(watching('str x2, [x1, #0x100]', DATA, mask).pe.run(100)).toMatchObject(hvc(0));
  });
});

describe('software step', () => {
  it('goes to EL2 after each instruction', () => {
    const g = debugged('nop\n ldxr x2, [x1]\n svc #0', 1n);
    g.pe.cpu.setX(1, RAM);
    set(g, { MDCR_EL2: TDE });
    const steps: string[] = [];
    for (let i = 0; i < 8; i++) {
      g.pe.pstate |= 1n << 21n;
      const e = g.pe.run(100);
      if (e.kind === 'el2')
        steps.push(`${e.record.ec.toString(16)} ${e.record.iss.toString(16)} ${(g.pe.cpu.pc - RAM).toString(16)}`);
    }
    const vectors = (g.symbols.get('vectors')! - RAM + 0x200n).toString(16);
    expect(steps).toEqual([
      '32 1000022 4', '32 1000022 8', '32 1000022 c', '32 1000022 10', '32 1000062 14', `32 1000022 ${vectors}`, '16 1 a04', `32 1000022 ${vectors}`,
    ]); // biome-ignore format: a list
  });
  it('of EL0 by EL1 ends in EL1', () => {
    const g = guest(`
      adr x0, vectors
      msr vbar_el1, x0
      adr x0, user
      msr elr_el1, x0
      mov x0, #0x200000
      msr spsr_el1, x0
      eret
      user: mov x5, #1
      mov x5, #2
      ${vectors({ 1024: ['hvc #5'] })}`);
    g.pe.set('MDSCR_EL1', 1n);
    expect(g.pe.run(100)).toMatchObject(hvc(5));
    expect(g.pe.cpu.x(5)).toBe(1n);
    expect(g.pe.get('ESR_EL1')).toBe((0x32n << 26n) | IL | 0x1000022n);
    expect(g.pe.get('SPSR_EL1') & (1n << 21n)).toBe(0n);
  });
});
