// What is left of a CPU model on an engine that cannot execute everything? Fields are lowered to the highest value whose
// features can all be had, with one warning each; what cannot stand without a feature that went is lowered with it.
// Knows ID fields and Arm's requirements between features; does not know which instructions are implemented.
import { FEATURES, type Feat, type FieldPath, fieldsBehind, has, type ReadId } from '../arch/features.ts';
import { fieldRank, ID_REG_NAMES, idRegRow, rankOf, readField, valueName } from '../arch/id_fields.ts';
import type { IdRegName } from '../arch/id_regs.ts';
import { unmetRequirements } from '../arch/requirements.ts';
import type { Field } from '../arch/schema.ts';
import { insert } from '../base/bits.ts';
import type { CpuModel } from './models.ts';

/** Fields that go down together with a feature: they repeat it, or the feature is all of them. */
const TOGETHER: Readonly<Partial<Record<Feat, readonly (readonly [FieldPath, value: string])[]>>> = {
  FEAT_FP16: [['ID_AA64PFR0_EL1.AdvSIMD', 'FP16']],
  FEAT_BF16: [['ID_AA64ZFR0_EL1.BF16', 'IMP']],
  FEAT_EBF16: [['ID_AA64ZFR0_EL1.BF16', 'EBF16']],
  FEAT_I8MM: [['ID_AA64ZFR0_EL1.I8MM', 'IMP']],
  FEAT_SME2: [['ID_AA64SMFR0_EL1.SMEver', 'SME2']],
  FEAT_LPA2: [
    ['ID_AA64MMFR0_EL1.TGran4', '52_BIT'],
    ['ID_AA64MMFR0_EL1.TGran16', '52_BIT'],
    ['ID_AA64MMFR0_EL1.TGran4_2', '52_BIT'],
    ['ID_AA64MMFR0_EL1.TGran16_2', '52_BIT'],
  ],
  FEAT_ADERR: [
    ['ID_AA64MMFR3_EL1.ADERR', 'ADERR'],
    ['ID_AA64MMFR3_EL1.SDERR', 'ADERR'],
  ],
  FEAT_ANERR: [
    ['ID_AA64MMFR3_EL1.ANERR', 'ANERR'],
    ['ID_AA64MMFR3_EL1.SNERR', 'ANERR'],
  ],
};

/** Registers that mean nothing without a feature: they read as zero. */
const WITHOUT: readonly (readonly [IdRegName, readonly Feat[]])[] = [
  ['ID_AA64SMFR0_EL1', ['FEAT_SME']],
  ['ID_AA64ZFR0_EL1', ['FEAT_SVE', 'FEAT_SME']],
  ['SMIDR_EL1', ['FEAT_SME']],
  ['PMSIDR_EL1', ['FEAT_SPE']],
  ['TRBIDR_EL1', ['FEAT_TRBE']],
  ['BRBIDR0_EL1', ['FEAT_BRBE']],
  ['PMMIR_EL1', ['FEAT_PMUv3']],
  ['MPAMIDR_EL1', ['FEAT_MPAM', 'FEAT_MPAMv0p1']],
  ['GMID_EL1', ['FEAT_MTE2']],
];

export interface Lowered {
  readonly model: CpuModel;
  /** 'ID_AA64PFR1_EL1.SME: FEAT_SME2 -> NI (FEAT_SME cannot be executed)' */
  readonly warnings: readonly string[];
}

/** Takes away every feature that `canExecute` refuses and what needs it. */
export function lowerToExecutable(model: CpuModel, canExecute: (feat: Feat) => boolean): Lowered {
  const raw = new Map(model.raw);
  const read: ReadId = (enc) => raw.get(enc) ?? 0n;
  // What the model itself says without having what it needs stays: it may be a core's own peculiarity.
  const already = new Set(unmetRequirements(read).map((u) => `${u.feat} ${u.needs}`));
  const before = new Map(raw);
  const reasons = new Map<string, string>();
  for (;;) {
    const refused = new Map<Feat, string>();
    for (const feat of FEATURES)
      if (!canExecute(feat) && isHad(feat, read)) refused.set(feat, `${feat} cannot be executed`);
    if (refused.size === 0)
      for (const { feat, needs } of unmetRequirements(read))
        if (!already.has(`${feat} ${needs}`) && isHad(feat, read)) refused.set(feat, `${feat} needs ${needs}`);
    if (refused.size === 0) break;
    for (const [feat, why] of refused) take(feat, why, raw, reasons);
  }
  const warnings: string[] = [];
  for (const [reg, needs] of WITHOUT) {
    const { enc } = idRegRow(reg);
    if (read(enc) === 0n || needs.some((f) => has(f, read))) continue;
    for (const name of Object.keys(idRegRow(reg).fields)) reasons.delete(`${reg}.${name}`);
    raw.set(enc, 0n);
    warnings.push(`${reg}: -> 0 (${needs.join(' and ')} gone)`);
  }
  for (const reg of ID_REG_NAMES) {
    const { enc, fields } = idRegRow(reg);
    for (const [name, field] of Object.entries(fields)) {
      const why = reasons.get(`${reg}.${name}`);
      if (why === undefined) continue;
      const from = readField(before.get(enc) ?? 0n, field);
      const to = readField(read(enc), field);
      if (from !== to) warnings.push(`${reg}.${name}: ${valueName(from, field)} -> ${valueName(to, field)} (${why})`);
    }
  }
  return { model: { ...model, raw }, warnings };
}

/** There, and something that can be taken away: not a mere condition on what else is missing. */
function isHad(feat: Feat, read: ReadId): boolean {
  return has(feat, read) && steps(feat, read).length > 0;
}

interface Step {
  readonly reg: IdRegName;
  readonly name: string;
  readonly field: Field;
  readonly to: number;
}

/** For each field that holds a feature up, the highest lower value. Of several that all have to hold, the last goes first. */
function steps(feat: Feat, read: ReadId): readonly Step[] {
  return fieldsBehind(feat)
    .filter((use) => use.raises)
    .reverse()
    .flatMap(({ reg, field, raw }) => stepDown(reg, field, raw, read));
}

/** One step down from a raw value, if the field has reached it and has a lower one. */
function stepDown(reg: IdRegName, name: string, raw: number, read: ReadId): readonly Step[] {
  const row = idRegRow(reg);
  const field = row.fields[name]!;
  const rank = rankOf(raw, field);
  if (fieldRank(read(row.enc), field) < rank) return [];
  const below = field.kind === 'number' ? [0] : Object.values(field.values).filter((v) => rankOf(v, field) < rank);
  if (below.length === 0) return [];
  return [{ reg, name, field, to: below.reduce((a, b) => (rankOf(a, field) >= rankOf(b, field) ? a : b)) }];
}

/** Lowers fields until the feature is gone, and those that go with it. */
function take(feat: Feat, why: string, raw: Map<number, bigint>, reasons: Map<string, string>): void {
  const read: ReadId = (enc) => raw.get(enc) ?? 0n;
  const lower = ({ reg, name, field, to }: Step): void => {
    const { enc } = idRegRow(reg);
    raw.set(enc, insert(read(enc), field.hi, field.lo, BigInt(to)));
    const key = `${reg}.${name}`;
    if (!reasons.has(key)) reasons.set(key, why);
  };
  for (const [path, value] of TOGETHER[feat] ?? []) {
    const [reg, name] = path.split('.') as [IdRegName, string];
    for (const step of stepDown(reg, name, idRegRow(reg).fields[name]!.values[value]!, read)) lower(step);
  }
  for (const step of steps(feat, read)) {
    if (!has(feat, read)) return;
    lower(step);
  }
}
