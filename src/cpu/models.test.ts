// Are the built-in models what hardware shows, do model files fail with the right words, and does lowering take away
// exactly what it should?
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FEATURES, type Feat, has } from '../arch/features.ts';
import { ID_REG_NAMES, idRegRow, readField, res0Of, valueName } from '../arch/id_fields.ts';
import { ID_REGS } from '../arch/id_regs.ts';
import { unmetRequirements } from '../arch/requirements.ts';
import { enc } from '../arch/schema.ts';
import { fieldMask } from '../base/bits.ts';
import { formatModelFile, parseModelFile } from './model_file.ts';
import { lowerToExecutable } from './model_lower.ts';
import { builtinModel, type CpuModel, type IdRegSpec, MODEL_NAMES, rawOf } from './models.ts';

const reader =
  (m: CpuModel) =>
  (e: number): bigint =>
    m.raw.get(e) ?? 0n;
const hosts = join(import.meta.dirname, '../../golden/real-kvm/hosts');

/** What the model max has beyond the machine that it was recorded on. */
const BEYOND: IdRegSpec = {
  ID_AA64ISAR1_EL1: { API: 'PAuth_LR' },
  ID_AA64ISAR3_EL1: { LSUI: 'FEAT_LSUI', LSFE: 'FEAT_LSFE', PACM: 'FULL_IMP', CPA: 'FEAT_CPA2' },
};
/** The bits of the fields that BEYOND names. */
function fieldsOf(e: number): bigint {
  const reg = ID_REG_NAMES.find((n) => idRegRow(n).enc === e)!;
  const names = Object.keys(BEYOND[reg as keyof typeof BEYOND] ?? {});
  return names.reduce((m, n) => m | fieldMask(idRegRow(reg).fields[n]!.hi, idRegRow(reg).fields[n]!.lo), 0n);
}

describe('built-in models', () => {
  test.each(MODEL_NAMES)('%s sets no bit that its register reserves', (name) => {
    const m = builtinModel(name);
    for (const reg of ID_REG_NAMES)
      expect([reg, (m.raw.get(idRegRow(reg).enc) ?? 0n) & res0Of(reg)]).toEqual([reg, 0n]);
  });

  test.each(['max-vhe', 'max-nested', 'cortex-a57-nvhe', 'neoverse-n1-vhe', 'neoverse-v1-vhe'])(
    'equals the recorded host %s',
    (file) => {
      const recorded = parseModelFile(readFileSync(join(hosts, `${file}.json`), 'utf8'), file);
      const name = MODEL_NAMES.find((n) => file.startsWith(n))!;
      const ours = reader(builtinModel(name));
      const more = name === 'max' ? rawOf(BEYOND) : new Map<number, bigint>();
      const theirs = ([e, v]: readonly [number, bigint]): bigint =>
        more.has(e) ? (v & ~fieldsOf(e)) | more.get(e)! : v;
      const different = [...recorded.raw].filter((r) => ours(r[0]) !== theirs(r));
      expect(different).toEqual([]);
    },
  );

  test('plain Armv8.0 has no feature of a later version', () => {
    const read = reader(builtinModel('v8.0'));
    for (const f of [
      'FEAT_LSE',
      'FEAT_VHE',
      'FEAT_PAN',
      'FEAT_SVE',
      'FEAT_CRC32',
      'FEAT_Crypto',
      'FEAT_AA32EL0',
    ] as const)
      expect([f, has(f, read)]).toEqual([f, false]);
    expect(has('FEAT_FP', read)).toBe(true);
  });

  // Guest registers read from real Neoverse cores: what the hypervisor does not touch must agree.
  const shared = join(process.env.HYPATIA_SHARED ?? join(import.meta.dirname, '../../../shared'), 'data');
  const present = existsSync(shared);
  if (!present) console.log(`models.test: ${shared} is not there; comparison with real Neoverse cores skipped`);
  test.skipIf(!present).each([
    ['neoverse-n1', 'N1'],
    ['neoverse-v1', 'V1'],
  ] as const)('%s agrees with guests on real ones', (name, short) => {
    const file = readdirSync(shared).find((f) => f.startsWith(`fingerprint_ARM_NEOVERSE_${short}_6.18`))!;
    const doc = JSON.parse(readFileSync(join(shared, file), 'utf8')) as {
      guest_cpu_config: { reg_modifiers: readonly { addr: string; bitmap: string }[] };
    };
    const model = reader(builtinModel(name));
    // Only registers that KVM of 6.18 passes through unchanged to a guest with all features of these cores.
    const through = [
      'ID_AA64ISAR0_EL1',
      'ID_AA64MMFR0_EL1',
      'ID_AA64MMFR1_EL1',
      'ID_MMFR0_EL1',
      'ID_ISAR0_EL1',
      'MVFR0_EL1',
      'MVFR1_EL1',
      'MVFR2_EL1',
    ] as const;
    for (const reg of through) {
      const row = ID_REGS[reg];
      const seen = doc.guest_cpu_config.reg_modifiers.find(
        (r) => Number(BigInt(r.addr) & 0xffffn) === row.enc && (BigInt(r.addr) >> 16n) % 0x10000n === 0x13n,
      );
      expect([reg, BigInt(seen!.bitmap)]).toEqual([reg, model(row.enc)]);
    }
  });
});

test('a model names fields and values of its own registers only', () => {
  // @ts-expect-error no such field
  const noField: IdRegSpec = { ID_AA64PFR2_EL1: { FPM: 1 } };
  // @ts-expect-error a value of another field
  const noValue: IdRegSpec = { ID_AA64PFR2_EL1: { FPMR: 'FEAT_GCIE' } };
  const right: IdRegSpec = { ID_AA64PFR2_EL1: { FPMR: 'FEAT_FPMR' } };
  expect(() => rawOf(noField)).toThrow();
  expect(() => rawOf(noValue)).toThrow();
  expect(rawOf(right).get(ID_REGS.ID_AA64PFR2_EL1.enc)).toBe(1n << 32n);
});

describe('model files', () => {
  const good = '{"rawIdRegisters": {"3,0,0,0,0": "0xf0510", "3,0,0,4,0": "0x1112", "3,0,0,7,0": "0x5"}}';
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['not JSON', '{', /m\.json: not JSON: /],
    ['a list', '[]', /expected an object with the key "rawIdRegisters", found a list/],
    ['no registers', '{}', /the key "rawIdRegisters" is missing/],
    ['registers of another kind', '{"rawIdRegisters": 3}', /"rawIdRegisters": expected an object, found number 3/],
    [
      'a bad key',
      good.replace('3,0,0,7,0', 'ID_AA64MMFR0_EL1'),
      /key "ID_AA64MMFR0_EL1": expected "op0,op1,CRn,CRm,op2"/,
    ],
    ['a key out of range', good.replace('3,0,0,7,0', '3,0,0,16,0'), /key "3,0,0,16,0"/],
    [
      'a bad value',
      good.replace('"0x5"', '5'),
      /"3,0,0,7,0": expected a string of up to 16 hexadecimal digits.*found number 5/,
    ],
    ['too many digits', good.replace('"0x5"', '"0x11111111111111111"'), /found "0x11111111111111111"/],
    ['a missing register', good.replace('3,0,0,4,0', '3,0,0,4,1'), /lacks "3,0,0,4,0" \(ID_AA64PFR0_EL1\)/],
    ['no EL1', good.replace('0x1112', '0x1102'), /ID_AA64PFR0_EL1\.EL1 is 0, expected 1/],
  ];
  test.each(cases)('%s', (_, text, message) => {
    expect(() => parseModelFile(text, 'm.json')).toThrow(message);
  });
  test('reads and writes', () => {
    const m = parseModelFile(good, 'm.json');
    expect(m.raw.get(enc(3, 0, 0, 0, 0))).toBe(0xf0510n);
    expect(parseModelFile(formatModelFile(m), 'm.json').raw).toEqual(m.raw);
  });
});

describe('lowering', () => {
  const without = (...feats: readonly Feat[]) => lowerToExecutable(builtinModel('max'), (f) => !feats.includes(f));
  const field = (m: CpuModel, reg: keyof typeof ID_REGS, name: string): string => {
    const f = idRegRow(reg).fields[name]!;
    return valueName(readField(reader(m)(idRegRow(reg).enc), f), f);
  };

  test('nothing to take away: nothing changes', () => {
    const { model, warnings } = without();
    expect(warnings).toEqual([]);
    expect(model.raw).toEqual(builtinModel('max').raw);
  });
  test('a field goes to its highest value that is left', () => {
    const { model, warnings } = without('FEAT_LSE128');
    expect(field(model, 'ID_AA64ISAR0_EL1', 'Atomic')).toBe('FEAT_LSE');
    expect(warnings).toEqual(['ID_AA64ISAR0_EL1.Atomic: FEAT_LSE128 -> FEAT_LSE (FEAT_LSE128 cannot be executed)']);
  });
  test('what needs a feature goes with it', () => {
    const { model, warnings } = without('FEAT_FPMR');
    expect(field(model, 'ID_AA64PFR2_EL1', 'FPMR')).toBe('NI');
    for (const f of ['F8CVT', 'F8FMA', 'F8DP4', 'F8DP2', 'F8MM8', 'F8MM4'])
      expect(field(model, 'ID_AA64FPFR0_EL1', f)).toBe('NI');
    expect(warnings).toContain('ID_AA64FPFR0_EL1.F8CVT: FEAT_FP8 -> NI (FEAT_FP8 needs FEAT_FPMR)');
  });
  test('a register that means nothing any more is zero', () => {
    const { model, warnings } = without('FEAT_SME');
    expect(field(model, 'ID_AA64PFR1_EL1', 'SME')).toBe('NI');
    expect(reader(model)(ID_REGS.ID_AA64SMFR0_EL1.enc)).toBe(0n);
    expect(warnings).toContain('ID_AA64SMFR0_EL1: -> 0 (FEAT_SME gone)');
  });
  test('compound features: address authentication, 52-bit addresses, half precision', () => {
    expect(field(without('FEAT_FPACCOMBINE').model, 'ID_AA64ISAR1_EL1', 'API')).toBe('FPAC');
    const { model } = without('FEAT_LPA2');
    for (const [f, v] of [
      ['TGran4', 'FEAT_TGran4K'],
      ['TGran16', 'FEAT_TGran16K'],
      ['TGran4_2', 'IMP'],
      ['TGran16_2', 'IMP'],
    ] as const)
      expect([f, field(model, 'ID_AA64MMFR0_EL1', f)]).toEqual([f, v]);
    const half = without('FEAT_FP16').model;
    expect(field(half, 'ID_AA64PFR0_EL1', 'AdvSIMD')).toBe('FEAT_AdvSIMD');
    expect(field(half, 'ID_AA64PFR0_EL1', 'SVE')).toBe('NI');
  });
  test('no refused feature is left, and nothing becomes inconsistent, whatever is refused', () => {
    const max = builtinModel('max');
    const had = new Set(unmetRequirements(reader(max)).map((u) => `${u.feat} needs ${u.needs}`));
    for (const feat of FEATURES) {
      if (['FEAT_AA64EL1', 'FEAT_AA64EL0', 'FEAT_IVIPT'].includes(feat)) continue;
      const { model } = without(feat);
      const read = reader(model);
      expect([feat, has(feat, read)]).toEqual([feat, false]);
      const unmet = unmetRequirements(read)
        .map((u) => `${u.feat} needs ${u.needs}`)
        .filter((u) => !had.has(u));
      expect([feat, unmet]).toEqual([feat, []]);
    }
  });
});
