// Syndromes and function ids against values that real machines have shown.
import { expect, test } from 'vitest';
import { EC, esrOf, exceptionClassName, FSC, fscAt, ISS, issOfSysreg, sysregOfIss } from './esr.ts';
import { count, type Encoding, enc, hiOf, loOf } from './schema.ts';
import { SMCCC, smcccName, version } from './smccc.ts';
import { checkFields, checkNeed } from './verify.ts';

test('a trapped read and write of FPMR, as a real KVM forwards it', () => {
  expect(esrOf('SYS64', BigInt(issOfSysreg(enc(3, 3, 4, 4, 2), 0, true)))).toBe(0x6234d009n);
  expect(esrOf('SYS64', BigInt(issOfSysreg(enc(3, 3, 4, 4, 2), 0, false)))).toBe(0x6234d008n);
  expect(sysregOfIss(0x34d009)).toEqual({ enc: enc(3, 3, 4, 4, 2), rt: 0, isRead: true });
  const some: readonly Encoding[] = [[3, 0, 0, 4, 2], [2, 3, 14, 7, 5], [1, 4, 8, 6, 2]];
  for (const at of some)
    for (const rt of [0, 17, 31]) expect(sysregOfIss(issOfSysreg(enc(...at), rt, false))).toEqual({ enc: enc(...at), rt, isRead: false });
});
test('exception classes: each number once, each need a feature', () => {
  const numbers = Object.values(EC).map((c) => c.ec);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(exceptionClassName(0x24)).toBe('DABT_LOW');
  expect(exceptionClassName(0x02)).toBeUndefined();
  for (const [name, c] of Object.entries(EC)) expect(checkNeed(name, c.need)).toEqual([]);
});
test('syndrome layouts do not overlap, but for a name that depends on another bit', () => {
  for (const [name, layout] of Object.entries(ISS)) {
    const fields = Object.entries(layout).filter(([k]) => k !== 'LST').sort(([, a], [, b]) => hiOf(b) - hiOf(a));
    expect(checkFields(name, Object.fromEntries(fields.map(([k, b]) => [k, count(hiOf(b), loOf(b))])))).toEqual([]);
  }
});
test('fault status codes by level', () => {
  expect(fscAt('TRANSLATION', 3)).toBe(0x07);
  expect(fscAt('PERMISSION', 1)).toBe(0x0d);
  expect(fscAt('TRANSLATION', -1)).toBe(FSC.TRANSLATION_M1);
  expect(fscAt('EXTERNAL_WALK', -1)).toBe(0x13);
  expect(() => fscAt('PERMISSION', -1)).toThrow(RangeError);
});
test('function ids', () => {
  expect(SMCCC.PSCI_VERSION).toBe(0x84000000);
  expect(SMCCC.PSCI_CPU_ON_64).toBe(0xc4000003);
  expect(SMCCC.ARCH_WORKAROUND_1).toBe(0x80008000);
  expect(SMCCC.HV_PV_TIME_ST).toBe(0xc5000021);
  expect(SMCCC.VENDOR_HYP_CALL_UID).toBe(0x8600ff01);
  expect(smcccName(0x84000008 | 0)).toBe('PSCI_SYSTEM_OFF');
  expect(version(1, 3)).toBe(0x10003);
  expect(new Set(Object.values(SMCCC)).size).toBe(Object.keys(SMCCC).length);
});
