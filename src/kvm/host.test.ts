// A host from raw ID registers: the mode that KVM really gets, facts that are not one field, and what a file may say.

import { describe, expect, test } from 'vitest';
import { field, get, maxHost, newVcpu, newVm, recordedHost } from '../../test/kit/kvm_regs.ts';
import { ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import { UsageError } from '../base/assert.ts';
import { type HostSpec, hostSpecFromJson, type KvmMode, makeHost } from './host.ts';
import { createVcpuRegs, vcpuInit } from './reset.ts';

const change = (...parts: ReturnType<typeof field>[]): Partial<Record<IdRegName, (raw: bigint) => bigint>> => {
  const out: Partial<Record<IdRegName, (raw: bigint) => bigint>> = {};
  for (const part of parts)
    for (const [name, f] of Object.entries(part) as [IdRegName, (raw: bigint) => bigint][]) {
      const before = out[name];
      out[name] = before ? (raw) => f(before(raw)) : f;
    }
  return out;
};
const max = (mode: KvmMode, ...parts: ReturnType<typeof field>[]) => recordedHost('max-nested', mode, change(...parts));

describe('mode', () => {
  test.each([
    ['vhe', true, false], ['nvhe', false, false], ['protected', false, false], ['nested', true, true],
  ] as const)('%s', (mode, isVhe, hasNv) => {
    const host = max(mode);
    expect([host.isVhe, host.hasNv]).toEqual([isVhe, hasNv]);
  }); // biome-ignore format: a table
  test('without FEAT_VHE every mode is nVHE and nothing nests', () => {
    const host = max('nested', field('ID_AA64MMFR1_EL1', 'VH', 0));
    expect([host.isVhe, host.hasNv, host.hasNv1]).toEqual([false, false, false]);
  });
  test('nvhe hides FEAT_VHE from VMs, unless the CPU knows nothing else', () => {
    const vh = (mode: KvmMode, ...parts: ReturnType<typeof field>[]): bigint => {
      const v = get(newVcpu(newVm(max(mode, ...parts))), 'ID_AA64MMFR1_EL1') as bigint;
      return (v >> 8n) & 15n;
    };
    expect([vh('vhe'), vh('nvhe'), vh('protected')]).toEqual([1n, 0n, 1n]);
    const stuck = field('ID_AA64MMFR4_EL1', 'E2H0', 14);
    expect([vh('nvhe', stuck), max('nvhe', stuck).isVhe]).toEqual([1n, true]);
  });
  test('nesting needs NV2, by either field; E2H = 0 needs NV1', () => {
    expect(max('nested', field('ID_AA64MMFR2_EL1', 'NV', 1)).hasNv).toBe(false);
    expect(max('nested', field('ID_AA64MMFR2_EL1', 'NV', 0), field('ID_AA64MMFR4_EL1', 'NV_frac', 1)).hasNv).toBe(true);
    for (const [e2h0, nv1] of [[0, true], [15, true], [14, false]] as const)
      expect(max('nested', field('ID_AA64MMFR4_EL1', 'E2H0', e2h0)).hasNv1, `E2H0 ${e2h0}`).toBe(nv1); // biome-ignore format: a table
  });
});

describe('facts', () => {
  test('pointer authentication: one algorithm, both halves', () => {
    const none = [
      field('ID_AA64ISAR1_EL1', 'APA', 0), field('ID_AA64ISAR1_EL1', 'API', 0), field('ID_AA64ISAR1_EL1', 'GPA', 0),
      field('ID_AA64ISAR1_EL1', 'GPI', 0), field('ID_AA64ISAR2_EL1', 'APA3', 0), field('ID_AA64ISAR2_EL1', 'GPA3', 0),
    ]; // biome-ignore format: a table
    const has = (...parts: ReturnType<typeof field>[]): boolean => max('vhe', ...none, ...parts).hasPauth;
    expect(has()).toBe(false);
    expect(has(field('ID_AA64ISAR1_EL1', 'APA', 1))).toBe(false);
    expect(has(field('ID_AA64ISAR1_EL1', 'APA', 5), field('ID_AA64ISAR1_EL1', 'GPA', 1))).toBe(true);
    expect(has(field('ID_AA64ISAR1_EL1', 'APA', 5), field('ID_AA64ISAR1_EL1', 'GPI', 1))).toBe(false);
    expect(has(field('ID_AA64ISAR2_EL1', 'APA3', 3), field('ID_AA64ISAR2_EL1', 'GPA3', 1))).toBe(true);
    const two = [field('ID_AA64ISAR1_EL1', 'API', 1), field('ID_AA64ISAR1_EL1', 'GPI', 1)];
    expect(has(...two, field('ID_AA64ISAR1_EL1', 'APA', 1), field('ID_AA64ISAR1_EL1', 'GPA', 1))).toBe(false);
  });
  test('IPA limit: 48 bits at most without LPA2 at both stages', () => {
    expect(max('vhe').ipaLimit).toBe(52);
    expect(max('vhe', field('ID_AA64MMFR0_EL1', 'TGran4', 0)).ipaLimit).toBe(48);
    expect(max('vhe', field('ID_AA64MMFR0_EL1', 'TGran4_2', 2)).ipaLimit).toBe(48);
    for (const [range, bits] of [32, 36, 40, 42, 44, 48, 52, 52].entries())
      expect(max('vhe', field('ID_AA64MMFR0_EL1', 'PARange', range)).ipaLimit).toBe(bits);
  });
  test('PMU: what is not PMUv3 is no PMU, newer than v3.5 counts as v3.5', () => {
    const pmu = (v: number): readonly [boolean, number] => {
      const { hasPmu, pmuVerLimit } = max('vhe', field('ID_AA64DFR0_EL1', 'PMUVer', v));
      return [hasPmu, pmuVerLimit];
    };
    expect([0, 1, 5, 6, 9, 15].map(pmu)).toEqual([[false, 0], [true, 1], [true, 5], [true, 6], [true, 6], [false, 0]]); // biome-ignore format: a table
  });
  test('no KVM without EL2 or without 4 KiB pages at both stages', () => {
    expect(max('vhe').unavailable).toBeUndefined();
    for (const part of [
      field('ID_AA64PFR0_EL1', 'EL2', 0),
      field('ID_AA64MMFR0_EL1', 'TGran4', 15),
      field('ID_AA64MMFR0_EL1', 'TGran4_2', 1),
    ])
      expect(max('vhe', part).unavailable).toMatch(/no EL2|granule/);
  });
  test('CTR_EL0.IDC follows from CLIDR_EL1, if that is known', () => {
    const ctr = (spec: HostSpec): bigint => (makeHost(spec).sanitised('CTR_EL0') >> 28n) & 1n;
    const raw = new Map(max('vhe').raw);
    raw.set(ID_REGS.CTR_EL0.enc, 0x8444_c004n);
    raw.set(ID_REGS.CLIDR_EL1.enc, 0x0a20_0023n);
    expect(ctr({ raw, mode: 'vhe' })).toBe(0n);
    raw.set(ID_REGS.CLIDR_EL1.enc, 0x0200_0023n);
    expect(ctr({ raw, mode: 'vhe' })).toBe(1n);
    raw.delete(ID_REGS.CLIDR_EL1.enc);
    expect(ctr({ raw, mode: 'vhe' })).toBe(0n);
  });
  test('speculation: by field, by implementation, by firmware', () => {
    const open = max('vhe', field('ID_AA64PFR0_EL1', 'CSV2', 0), field('ID_AA64PFR1_EL1', 'SSBS', 0));
    expect([open.spectreV2, open.spectreV4, open.spectreBhb]).toEqual(['vulnerable', 'vulnerable', 'vulnerable']);
    const helped = makeHost({ raw: open.raw, mode: 'vhe', workarounds: ['mitigated', 'unaffected', 'mitigated'] });
    expect([helped.spectreV2, helped.spectreV4, helped.spectreBhb]).toEqual(['mitigated', 'unaffected', 'mitigated']);
    const a53 = max('vhe', field('ID_AA64PFR0_EL1', 'CSV2', 0), { MIDR_EL1: () => 0x410f_d034n });
    expect([a53.spectreV2, a53.spectreV4, a53.spectreBhb, a53.meltdownSafe]).toEqual([
      'unaffected',
      'unaffected',
      'unaffected',
      true,
    ]);
  });
});

describe('a host as a file', () => {
  const raw = { '3,0,0,0,0': '0xf0510', '3,0,0,4,0': '0x1301001121110222', '3,0,0,7,0': '0x2100032310201126' };
  test('optional facts', () => {
    const host = makeHost(
      hostSpecFromJson(
        { rawIdRegisters: raw, vectorLengths: [512, 128, 256], pmuCounters: 4, cpus: 8, gic: 'v2' },
        'vhe',
      ),
    );
    expect([host.vectorQuads, host.pmuCounters, host.cpus, host.hasGicv3]).toEqual([[1, 2, 4], 4, 8, false]);
  });
  test.each([
    [null, /the file: expected an object/],
    [{}, /rawIdRegisters: expected/],
    [{ rawIdRegisters: { ...raw, 'x': '0x1' } }, /rawIdRegisters\["x"\]: expected a key/],
    [{ rawIdRegisters: { ...raw, '3,0,0,4,1': 33 } }, /rawIdRegisters\["3,0,0,4,1"\]: expected a 64-bit number/],
    [{ rawIdRegisters: { '3,0,0,0,0': '0x1' } }, /rawIdRegisters\["3,0,0,4,0"\]: expected the value of ID_AA64PFR0_EL1/],
    [{ rawIdRegisters: raw, cpus: 0 }, /cpus: expected a whole number 1..512/],
    [{ rawIdRegisters: raw, vectorLengths: [256] }, /vectorLengths: expected/],
    [{ rawIdRegisters: raw, gic: 'v1' }, /gic: expected/],
    [{ rawIdRegisters: raw, workarounds: ['none'] }, /workarounds: expected/],
    [{ rawIdRegisters: raw, actlr: 1 }, /actlr: expected/],
  ])('says what is wrong (%#)', (json, message) => {
    expect(() => hostSpecFromJson(json, 'vhe', 'host.json')).toThrow(UsageError);
    expect(() => hostSpecFromJson(json, 'vhe', 'host.json')).toThrow(message);
  }); // biome-ignore format: a table
});

test('init takes the generic target and that of the host', () => {
  const init = (target: number, midr: bigint): number =>
    vcpuInit(createVcpuRegs(newVm(maxHost({ MIDR_EL1: () => midr })), 0), target, [0]);
  const [a53, a57, other] = [0x410f_d034n, 0x411f_d070n, 0x414f_d0c1n];
  expect([init(5, a53), init(4, a53), init(2, a53), init(2, a57), init(4, other), init(5, other)]).toEqual([
    0, 0, -22, 0, -22, 0,
  ]);
});
