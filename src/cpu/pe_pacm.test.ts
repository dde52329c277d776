// PSTATE.PACM in a guest: which controls let PACM set it, and how it survives an interrupt.

import { describe, expect, it } from 'vitest';
import { type Guest, guest, vectors } from '../../test/pe_guest.ts';

const SIGN = `
  pacm
  paciasp
  mov x2, x30
  mov x30, #0x1230
  paciasppc
  mov x3, x30
  mov x30, #0x1230
  paciasp
  hvc #0
  ${vectors({ 640: ['hvc #2', 'eret'] })}`;
/** Signs with PACM (X2), with the address (X3) and without it (X30). */
function start(sctlr2: bigint, hcrx: bigint, absent: 'FEAT_PAuth_LR'[] = []): Guest {
  const g = guest(SIGN, { guestAbsent: absent });
  const { pe } = g;
  pe.set('SCTLR_EL1', pe.get('SCTLR_EL1') | (1n << 31n)); // EnIA
  pe.set('APIAKEYLO_EL1', 0x1234_5678_9abc_def0n);
  pe.set('SCTLR2_EL1', sctlr2);
  pe.set('HCRX_EL2', hcrx);
  pe.set('VBAR_EL1', g.symbols.get('vectors')!);
  pe.cpu.setX(30, 0x1230n);
  return g;
}
const EN_PACM = 1n << 7n;
const PACM_EN = 1n << 24n;
const PACM = 1n << 35n;

describe('PACM', () => {
  it('extends the next signing with the address where SCTLR2_EL1.EnPACM and HCRX_EL2.PACMEn let it', () => {
    const { pe } = start(EN_PACM, PACM_EN);
    expect(pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 0x16, iss: 0 } });
    expect(pe.cpu.x(2)).toBe(pe.cpu.x(3));
    expect(pe.cpu.x(2)).not.toBe(pe.cpu.x(30));
  });
  it.each([
    ['SCTLR2_EL1.EnPACM', 0n, PACM_EN, []],
    ['SCTLR2_EL1.EnPACM0, which is for EL0', 1n << 8n, PACM_EN, []],
    ['HCRX_EL2.PACMEn', EN_PACM, 0n, []],
    ['the feature in the guest', EN_PACM, PACM_EN, ['FEAT_PAuth_LR' as const]],
  ] as const)('does nothing without %s', (_, sctlr2, hcrx, absent) => {
    const { pe } = start(sctlr2, hcrx, [...absent]);
    pe.run(100);
    expect(pe.cpu.x(2)).toBe(pe.cpu.x(30));
    expect(pe.cpu.x(2)).not.toBe(pe.cpu.x(3));
  });
  it('is kept in SPSR_EL1 while an interrupt is taken, and comes back', () => {
    const g = start(EN_PACM, PACM_EN);
    const { pe } = g;
    pe.pstate &= ~(1n << 7n);
    expect(pe.run(1)).toEqual({ kind: 'budget' });
    expect(pe.pstate & PACM).toBe(PACM);
    g.irq = 'irq';
    expect(pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 0x16, iss: 2 } });
    expect([pe.get('SPSR_EL1') & PACM, pe.pstate & PACM]).toEqual([PACM, 0n]);
    g.irq = 'none';
    expect(pe.run(100)).toMatchObject({ kind: 'el2', record: { ec: 0x16, iss: 0 } });
    expect(pe.cpu.x(2)).toBe(pe.cpu.x(3));
  });
});
