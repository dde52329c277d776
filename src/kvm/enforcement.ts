// Where is the absence of a feature enforced? For one feature: who may see its ID field, which control bits are reserved
// without it, which traps KVM keeps closed, what becomes UNDEFINED, and which instructions nothing can withhold. Derived
// from the rows; docs/enforcement.md shows it for the features below. Enforces nothing itself.

import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import { type Feat, type FieldUse, fieldsBehind } from '../arch/features.ts';
import type { IdRegName } from '../arch/id_regs.ts';
import type { ControlReg, Need } from '../arch/schema.ts';
import { REGISTERS, SYSTEM_OPS } from '../arch/sysregs.ts';
import { isOffer, OFFERS } from './offers.ts';
import { ID_DESCS } from './sys_reg_descs.ts';

/** The 2023 extensions, those of MTE that came with them, and what their state or controls live in. */
export const SHOWN_FEATURES = {
  'Data processing, 2023': [
    'FEAT_FPMR', 'FEAT_FP8', 'FEAT_FP8FMA', 'FEAT_FP8DOT2', 'FEAT_FP8DOT4', 'FEAT_F8F32MM', 'FEAT_F8F16MM', 'FEAT_FAMINMAX', 'FEAT_LUT',
    'FEAT_CPA', 'FEAT_CPA2', 'FEAT_PAuth_LR', 'FEAT_TLBIW', 'FEAT_D128', 'FEAT_SYSREG128',
  ],
  'SVE and SME, 2023': [
    'FEAT_SVE', 'FEAT_SVE2p1', 'FEAT_SVE_B16B16', 'FEAT_SME', 'FEAT_SME2p1', 'FEAT_SME_LUTv2', 'FEAT_SME_F8F16', 'FEAT_SME_F8F32',
    'FEAT_SSVE_FP8FMA', 'FEAT_SSVE_FP8DOT2', 'FEAT_SSVE_FP8DOT4',
  ],
  'Data processing, 2024': ['FEAT_FPRCVT', 'FEAT_LSFE', 'FEAT_LSUI', 'FEAT_OCCMO', 'FEAT_SVE_AES2', 'FEAT_F16MM', 'FEAT_SVE_F16F32MM'],
  'Memory tagging': [
    'FEAT_MTE', 'FEAT_MTE2', 'FEAT_MTE_ASYNC', 'FEAT_MTE_STORE_ONLY', 'FEAT_MTE_TAGGED_FAR', 'FEAT_MTE_PERM', 'FEAT_MTE_CANONICAL_TAGS',
    'FEAT_MTE_NO_ADDRESS_TAGS',
  ],
  'Where their controls live': [
    'FEAT_SCTLR2', 'FEAT_TCR2', 'FEAT_S1PIE', 'FEAT_S1POE', 'FEAT_THE', 'FEAT_GCS', 'FEAT_NMI', 'FEAT_PFAR', 'FEAT_ADERR', 'FEAT_ANERR',
    'FEAT_DoubleFault2', 'FEAT_MOPS', 'FEAT_LS64',
  ],
} as const satisfies Readonly<Record<string, readonly Feat[]>>; // biome-ignore format: a table

/** An instruction as its encoding row has it. */
export interface InstructionRow {
  readonly name: string;
  readonly feat: string | undefined;
  /** It is UNDEFINED for want of semantics, on every CPU. */
  readonly todo: boolean;
}
/** 'lower': userspace may take it away. 'fixed': as the host has it. 'request': only for who asks (offers.ts). */
export type Visibility = 'lower' | 'fixed' | 'request' | 'never';

export interface Enforcement {
  readonly feature: Feat;
  readonly fields: readonly { readonly use: FieldUse; readonly visible: Visibility; readonly onlyIf: string | undefined }[];
  /** Control bits of EL1 and EL0 that are reserved without it, for every VM. */
  readonly reserved: readonly string[];
  /** Control bits of EL2 that are reserved without it in the eyes of a guest hypervisor's VM. */
  readonly reservedNested: readonly string[];
  /** Enables of HCRX_EL2 that KVM leaves clear, and fine-grained traps that mean UNDEFINED. */
  readonly closed: readonly string[];
  /** UNDEFINED. */
  readonly registers: readonly string[];
  readonly operations: readonly string[];
  readonly instructions: readonly InstructionRow[];
  /** What makes the instructions UNDEFINED in a VM without the feature on a CPU with it. */
  readonly withheldBy: string | undefined;
  /** ... and what should, but is not asked by the engine yet. */
  readonly notYetWithheldBy: string | undefined;
} // biome-ignore format: one line a column

/** Whether a need cannot be met without a feature. */
function needs(need: Need, feat: Feat): boolean {
  if (typeof need === 'string') return need === feat;
  return 'all' in need ? need.all.includes(feat) : need.any.every((f) => f === feat);
}

interface Desc {
  readonly offer?: readonly string[];
  readonly fixed?: readonly string[];
  readonly onlyIf?: Readonly<Record<string, string | undefined>>;
  readonly razUnless?: string;
}
function visibility({ reg, field }: FieldUse): Visibility {
  const desc = (ID_DESCS as Readonly<Partial<Record<IdRegName, Desc>>>)[reg];
  if (desc?.offer?.includes(field)) return 'lower';
  if (desc?.fixed?.includes(field)) return 'fixed';
  return isOffer(`${reg}.${field}`) ? 'request' : 'never';
}
function conditionOf({ reg, field }: FieldUse): string | undefined {
  const desc = (ID_DESCS as Readonly<Partial<Record<IdRegName, Desc>>>)[reg];
  const path = `${reg}.${field}`;
  return (
    desc?.onlyIf?.[field] ??
    desc?.razUnless ??
    (isOffer(path) ? (OFFERS[path] as { readonly onlyIf?: string }).onlyIf : undefined)
  );
}

/** The control whose refusal makes 8-bit floating point UNDEFINED. */
const FP8_CONTROL = 'HCRX_EL2.EnFPM';
const FP8_FEATURES: ReadonlySet<string> = new Set([
  'FEAT_FP8',
  'FEAT_FP8FMA',
  'FEAT_FP8DOT2',
  'FEAT_FP8DOT4',
  'FEAT_F8F32MM',
  'FEAT_F8F16MM',
]);
const VECTOR_FEATURES: readonly (readonly [prefix: RegExp, control: string])[] = [
  [/^FEAT_(SVE|F16MM|F32MM|F64MM)/, 'CPTR_EL2.ZEN'],
  [/^FEAT_(SME|SSVE)/, 'CPTR_EL2.SMEN'],
]; // biome-ignore format: a table
/** Controls whose refusal would make instructions UNDEFINED, and which the engine does not ask. */
export const NOT_ASKED: Readonly<Partial<Record<Feat, string>>> = { FEAT_MOPS: 'HCRX_EL2.MSCEn' };
function withheld(feat: Feat): string | undefined {
  if (FP8_FEATURES.has(feat)) return FP8_CONTROL;
  return VECTOR_FEATURES.find(([prefix]) => prefix.test(feat))?.[1];
}

const controls = Object.entries(CONTROL_REGS) as [ControlRegName, ControlReg][];
/** @param rows all instructions; how they are grouped does not matter */
export function enforcementOf(feature: Feat, rows: readonly InstructionRow[]): Enforcement {
  const bits = controls.flatMap(([reg, row]) =>
    Object.entries(row.fields)
      .filter(([, f]) => needs(f.need, feature) && !f.words.some((w) => w.startsWith('res1')))
      .map(([bit, f]) => ({ path: `${reg}.${bit}`, row, f })),
  );
  const isFine = (b: (typeof bits)[number]): boolean => b.row.fgt !== undefined && !b.f.words.includes('never-undef');
  return {
    feature,
    fields: fieldsBehind(feature).map((use) => ({ use, visible: visibility(use), onlyIf: conditionOf(use) })),
    reserved: bits.filter((b) => b.row.el < 2).map((b) => b.path),
    reservedNested: bits.filter((b) => b.row.el === 2 && b.row.fgt === undefined).map((b) => b.path),
    closed: bits.filter((b) => isFine(b) || (b.path.startsWith('HCRX_EL2.') && b.f.role === 'en')).map((b) => b.path),
    registers: [...REGISTERS.values()].filter((r) => needs(r.feat, feature) && r.aliasOf === undefined && r.el < 3).map((r) => r.name),
    operations: [...SYSTEM_OPS.values()].filter((o) => needs(o.feat, feature) && o.el < 3).map((o) => o.name),
    instructions: rows.filter((r) => r.feat === feature),
    withheldBy: withheld(feature),
    notYetWithheldBy: NOT_ASKED[feature],
  };
} // biome-ignore format: one line a column
