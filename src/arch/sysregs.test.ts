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

test('the fields of the 2023 and 2024 extensions stand where Arm put them', () => {
  const positions = (name: RegName) => Object.entries(register(name).fields).map(([f, { hi, lo }]) => (hi === lo ? `${f} ${lo}` : `${f} ${hi}:${lo}`)).join(', ');
  expect(positions('ID_AA64PFR2_EL1')).toBe('FPMR 35:32, UINJ 19:16, GCIE 15:12, MTEFAR 11:8, MTESTOREONLY 7:4, MTEPERM 3:0');
  expect(positions('ID_AA64FPFR0_EL1')).toBe('F8CVT 31, F8FMA 30, F8DP4 29, F8DP2 28, F8MM8 27, F8MM4 26, F16MM2 15, F8E4M3 1, F8E5M2 0');
  expect(positions('ID_AA64ISAR3_EL1')).toBe(
    'FPRCVT 31:28, LSUI 27:24, OCCMO 23:20, LSFE 19:16, PACM 15:12, TLBIW 11:8, FAMINMAX 7:4, CPA 3:0',
  );
  expect(positions('FPMR')).toBe('LSCALE2 37:32, NSCALE 31:24, LSCALE 22:16, OSC 15, OSM 14, F8D 8:6, F8S2 5:3, F8S1 2:0');
  expect(positions('SCTLR2_EL1')).toBe(
    'CPTM0 12, CPTM 11, CPTA0 10, CPTA 9, EnPACM0 8, EnPACM 7, EnIDCP128 6, EASE 5, EnANERR 4, EnADERR 3, NMEA 2',
  );
  const { EnFPM, PACMEn } = CONTROL_REGS.HCRX_EL2.fields;
  expect([EnFPM.lo, EnFPM.role, EnFPM.need, PACMEn.lo]).toEqual([23, 'en', 'FEAT_FPMR', 24]);
});
