// Is every register where Arm puts it, under every name it has? A few by hand, the rest by derivation.
import { describe, expect, test } from 'vitest';
import { CONTROL_REGS } from './control_regs.ts';
import { ID_REG_NAMES } from './id_fields.ts';
import { type Encoding, enc, encParts, encText } from './schema.ts';
import { spacesAt } from './spaces.ts';
import { encOf, operationAt, REGISTERS, type RegName, register, registerAt, regNameAt, SYSTEM_OPS } from './sysregs.ts';

test('packing', () => {
  expect(enc(3, 3, 4, 4, 2)).toBe(0xda22);
  expect(encParts(0xda22)).toEqual([3, 3, 4, 4, 2]);
  expect(encText(0xda22)).toBe('S3_3_C4_C4_2');
});

describe('registers', () => {
  test.each<[RegName, Encoding]>([
    ['FPMR', [3, 3, 4, 4, 2]], ['ID_AA64PFR2_EL1', [3, 0, 0, 4, 2]], ['ID_AA64FPFR0_EL1', [3, 0, 0, 4, 7]], ['ID_AA64ISAR3_EL1', [3, 0, 0, 6, 3]],
    ['HCRX_EL2', [3, 4, 1, 2, 2]], ['SCTLR2_EL1', [3, 0, 1, 0, 3]], ['SCTLR2_EL12', [3, 5, 1, 0, 3]], ['CNTV_CTL_EL02', [3, 5, 14, 3, 1]],
    ['DBGBVR7_EL1', [2, 0, 0, 7, 4]], ['PMEVCNTR30_EL0', [3, 3, 14, 11, 6]], ['ICH_LR15_EL2', [3, 4, 12, 13, 7]], ['TRCACATR9', [2, 1, 2, 2, 3]],
  ])('%s', (name, at) => {
    expect(encOf(name)).toBe(enc(...at));
    expect(regNameAt(enc(...at))).toBe(name);
  });
  test('reads and writes of one encoding may reach two registers', () => {
    expect(registerAt(enc(2, 3, 0, 5, 0), 'read')?.name).toBe('DBGDTRRX_EL0');
    expect(registerAt(enc(2, 3, 0, 5, 0), 'write')?.name).toBe('DBGDTRTX_EL0');
  });
  test('an encoding without a name has the generic one', () => {
    expect(regNameAt(enc(3, 0, 15, 2, 0))).toBe('S3_0_C15_C2_0');
  });
  test('members of a family carry their number and their place in the VNCR page', () => {
    expect(register('ICH_LR3_EL2')).toMatchObject({ key: 'ICH_LR<n>_EL2', index: 3, vncr: 0x418 });
    expect(REGISTERS.has('TRCRSCTLR1')).toBe(false);
  });
  test('an alias is there at EL2 with FEAT_VHE and keeps the fields', () => {
    expect(register('SCTLR_EL12')).toMatchObject({ aliasOf: 'SCTLR_EL1', el: 2, feat: 'FEAT_VHE' });
    expect(register('SCTLR_EL12').fields).toBe(CONTROL_REGS.SCTLR_EL1.fields);
    expect(register('CNTP_CTL_EL02').traps).toEqual([{ cond: 'CNTHCTL_EL1NVPCT' }]);
  });
  test('FPMR is one row: the feature, the FP state, the three controls in order', () => {
    expect(register('FPMR')).toMatchObject({ el: 0, feat: 'FEAT_FPMR', bank: 'fp', traps: [{ cond: 'FPEN' }, 'SCTLR_EL1.EnFPM', 'HCRX_EL2.EnFPM'] });
  });
  test('every register of feature identification group 3 lies in the space that HCR_EL2.TID3 traps', () => {
    const group3 = ID_REG_NAMES.filter((n) => /^(ID_|MVFR)/.test(n));
    expect(group3.length).toBeGreaterThan(35);
    for (const n of group3) expect([n, spacesAt(encOf(n)).some((s) => s.traps.includes('HCR_EL2.TID3'))]).toEqual([n, true]);
    expect(spacesAt(encOf('MIDR_EL1'))).toEqual([]);
  });
});

describe('operations', () => {
  test('TLBI VMALLWS2E1 and its variants', () => {
    expect(operationAt(enc(1, 4, 8, 6, 2))?.name).toBe('TLBI_VMALLWS2E1');
    expect(operationAt(enc(1, 4, 8, 2, 2))?.name).toBe('TLBI_VMALLWS2E1IS');
    expect(operationAt(enc(1, 4, 8, 5, 2))?.name).toBe('TLBI_VMALLWS2E1OS');
    expect(operationAt(enc(1, 4, 9, 6, 2))).toMatchObject({ name: 'TLBI_VMALLWS2E1NXS', nxsOf: 'TLBI_VMALLWS2E1', register: false, el: 2, feat: 'FEAT_TLBIW' });
  });
  test('every TLBI has an nXS twin at CRn 9 and says what it is given', () => {
    const tlbis = [...SYSTEM_OPS.values()].filter((o) => o.tlbi);
    expect(tlbis.length).toBeGreaterThan(150);
    for (const o of tlbis) {
      const [op0, op1, CRn, CRm, op2] = encParts(o.enc);
      expect([o.name, SYSTEM_OPS.get(o.nxsOf ?? `${o.name}NXS`)?.enc]).toEqual([o.name, enc(op0, op1, CRn === 8 ? 9 : 8, CRm, op2)]);
      expect([o.name, o.register]).toEqual([o.name, o.tlbi!.scope !== 'all']);
      expect([o.name, o.name.replace(/NXS$/, '').match(/(IS|OS)$/)?.[0] ?? '']).toEqual([o.name, o.tlbi!.share]);
    }
  });
});
