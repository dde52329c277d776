// Properties of the register model on hosts that nobody has built: ID registers drawn at random, within what Arm calls
// valid. They hold on a real KVM whatever the CPU.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FEATURE_SETS, featureMask, get, newVcpu, newVm, wordOf } from '../../test/kit/kvm_regs.ts';
import { fieldOf, ID_REG_NAMES, idRegRow, readField, withField } from '../arch/id_fields.ts';
import { type FieldName, ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import { regList } from './get-reg-list.ts';
import { getOneReg, setOneReg } from './guest.ts';
import { type Host, makeHost } from './host.ts';
import { KVM_MODES } from './modes.ts';
import { regName } from './reg_names.ts';
import { supportedFeatures } from './reset.ts';
import { SVE_VLS } from './sve_regs.ts';

/** A valid value of an ID register: named values in fields that have names, anything in counts. */
const idRegister = (name: IdRegName): fc.Arbitrary<bigint> => {
  const row = idRegRow(name);
  const fields = Object.entries(row.fields).map(([f, { hi, lo, values }]) => {
    const named = Object.values(values);
    const any =
      named.length > 0 ? fc.constantFrom(...named) : fc.integer({ min: 0, max: 2 ** Math.min(hi - lo + 1, 31) - 1 });
    return any.map((v) => (value: bigint) => withField(value, name, f as FieldName<IdRegName>, v));
  });
  return fc.tuple(...fields).map((sets) => sets.reduce((value, set) => set(value), row.res1));
};
const raise = <R extends IdRegName>(name: R, f: FieldName<R>, value: bigint): bigint =>
  readField(value, fieldOf(name, f)) === 0 ? withField(value, name, f, 1) : value;
/** What every CPU that runs Linux has. */
const MINIMUM: Readonly<Partial<Record<IdRegName, (value: bigint) => bigint>>> = {
  ID_AA64PFR0_EL1: (v) => (['EL0', 'EL1', 'EL2'] as const).reduce((w, f) => raise('ID_AA64PFR0_EL1', f, w), v),
  // With MTE2 and no asynchronous faults, KVM refuses what it shows to VMs without MTE: it takes the 0 for a mistake.
  ID_AA64PFR1_EL1: (v) => withField(v, 'ID_AA64PFR1_EL1', 'MTE_frac', 0),
  ID_DFR0_EL1: (v) => withField(v, 'ID_DFR0_EL1', 'CopDbg', 6 + (Number(v & 15n) % 6)),
  CTR_EL0: (v) =>
    (['DminLine', 'IminLine'] as const).reduce(
      (w, f) => withField(w, 'CTR_EL0', f, 4),
      withField(v, 'CTR_EL0', 'L1Ip', 3),
    ),
};
const anyHost: fc.Arbitrary<Host> = fc
  .tuple(fc.constantFrom(...KVM_MODES), ...ID_REG_NAMES.map(idRegister))
  .map(([mode, ...values]) => {
    const raw = new Map(
      ID_REG_NAMES.map((name, i) => [ID_REGS[name].enc, (MINIMUM[name] ?? ((v) => v))(values[i]!)] as const),
    );
    return makeHost({ raw, mode });
  });
const possible = (host: Host): string[] =>
  Object.keys(FEATURE_SETS).filter(
    (k) => (featureMask(FEATURE_SETS[k]!) & ~supportedFeatures(host)) === 0 && (k !== 'el2E2h0' || host.hasNv1),
  );

describe('on any host', () => {
  const each = (runs: number, check: (host: Host, features: string) => void): void =>
    fc.assert(
      fc.property(anyHost, (host) => {
        for (const features of possible(host)) check(host, features);
      }),
      { seed: 20_230_900, numRuns: runs },
    );

  test('every listed register reads, and takes its own value back', () => {
    each(60, (host, features) => {
      const vcpu = newVcpu(newVm(host), FEATURE_SETS[features]!);
      for (const id of regList(vcpu)) {
        const v = getOneReg(vcpu, id) as Uint8Array;
        if (id !== SVE_VLS)
          expect(setOneReg(vcpu, id, v), `${features} ${regName(id)} ${wordOf(v).toString(16)}`).toBe(0);
      }
    });
  });
  test('no ID field promises more than the host has, but for what KVM emulates', () => {
    // CSV2, CSV3: not affected by other knowledge; GIC, GCIE: emulated; the EL fields and TTL, E2H0, granules: chosen with EL2.
    const own = new Set([
      'ID_AA64PFR0_EL1.CSV2',
      'ID_AA64PFR0_EL1.CSV3',
      'ID_AA64PFR0_EL1.GIC',
      'ID_AA64PFR2_EL1.GCIE',
      'ID_DFR0_EL1.PerfMon',
    ]);
    each(60, (host, features) => {
      if (features.startsWith('el2')) return;
      const vcpu = newVcpu(newVm(host), FEATURE_SETS[features]!);
      for (const name of ID_REG_NAMES) {
        const shown = name.startsWith('ID_') ? get(vcpu, name) : -1;
        if (typeof shown === 'number') continue;
        for (const [f, field] of Object.entries(idRegRow(name).fields)) {
          if (own.has(`${name}.${f}`) || field.kind !== 'unsigned') continue;
          expect(readField(shown, field), `${name}.${f}`).toBeLessThanOrEqual(readField(host.sanitised(name), field));
        }
      }
    });
  });
  test('the same VM twice is the same VM', () => {
    each(20, (host, features) => {
      const [a, b] = [newVcpu(newVm(host), FEATURE_SETS[features]!), newVcpu(newVm(host), FEATURE_SETS[features]!)];
      expect(regList(a).map((id) => wordOf(getOneReg(a, id) as Uint8Array))).toEqual(
        regList(b).map((id) => wordOf(getOneReg(b, id) as Uint8Array)),
      );
    });
  });
});
