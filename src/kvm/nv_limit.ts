// What may a VM with EL2 see less than one without? Rows for the ID registers that KVM trims because its emulation of
// EL2 does not cover everything. Applied after the limits of sys_reg_descs.ts. @linux limit_nv_id_reg

import { fieldOf, fieldRank, idRegRow, readField, withField } from '../arch/id_fields.ts';
import type { FieldName, IdRegName, ValueName } from '../arch/id_regs.ts';
import { fieldMask, insert } from '../base/bits.ts';
import type { VmRegs } from './regs_state.ts';
import { type Condition, holds } from './vm_features.ts';

interface NvRow<R extends IdRegName> {
  readonly hide?: readonly FieldName<R>[];
  readonly hideIf?: { readonly [F in FieldName<R>]?: Condition };
  readonly atMost?: { readonly [F in FieldName<R>]?: ValueName<R, F> };
  readonly set?: { readonly [F in FieldName<R>]?: ValueName<R, F> };
  /** Only what `set` names remains; nothing at all if the condition holds. */
  readonly onlySetUnless?: Condition;
  /** Stage-2 granules: said in plain words instead of "as at stage 1". */
  readonly granules?: true;
}

// biome-ignore format: a table
const NV_LIMITS: { readonly [R in IdRegName]?: NvRow<R> } = {
  ID_AA64PFR0_EL1:  { hide: ['RME', 'AMU', 'MPAM', 'SEL2'],
                      set: { EL0: 'FEAT_AA64EL0', EL1: 'FEAT_AA64EL1', EL2: 'FEAT_AA64EL2', EL3: 'FEAT_AA64EL3' } },
  ID_AA64PFR1_EL1:  { hide: ['PFAR', 'MTEX', 'THE', 'GCS', 'MTE_frac', 'NMI', 'SME', 'MPAM_frac', 'MTE'] },
  ID_AA64PFR2_EL1:  { hide: ['GCIE'] },
  ID_AA64DFR0_EL1:  { hide: ['ExtTrcBuff', 'BRBE', 'MTPMU', 'TraceBuffer', 'TraceFilt', 'PMSVer', 'CTX_CMPs', 'SEBEP', 'PMSS', 'TraceVer'],
                      atMost: { DebugVer: 'FEAT_Debugv8p8' } },
  ID_AA64ISAR1_EL1: { hide: ['LS64', 'SPECRES'] },
  ID_AA64MMFR0_EL1: { hide: ['ExS', 'SNSMem'], atMost: { ECV: 'FEAT_ECV', PARange: '48' }, granules: true },
  ID_AA64MMFR1_EL1: { hide: ['CMOW', 'nTLBPA', 'ETS'], hideIf: { VH: 'el2E2h0' }, atMost: { HAFDBS: 'FEAT_HAFDBS' } },
  ID_AA64MMFR2_EL1: { hide: ['BBM', 'ST', 'CCIDX', 'VARange'], set: { TTL: 'FEAT_TTL' } },
  // Either VHE without a choice of E2H, and NV2 by VNCR_EL2 only; or E2H = 0 without NV.
  ID_AA64MMFR4_EL1: { set: { NV_frac: 'NV2_ONLY', E2H0: 'NI_NV1' }, onlySetUnless: 'el2E2h0' },
};

const GRANULES = [
  ['TGran4', 'TGran4_2'],
  ['TGran16', 'TGran16_2'],
  ['TGran64', 'TGran64_2'],
] as const;
const GRANULE_2 = { asStage1: 0, none: 1, present: 2 } as const;

/** A row whose field names have been checked where it was written. */
interface AnyRow {
  readonly hide?: readonly string[];
  readonly hideIf?: Readonly<Record<string, Condition | undefined>>;
  readonly atMost?: Readonly<Record<string, string | undefined>>;
  readonly set?: Readonly<Record<string, string | undefined>>;
  readonly onlySetUnless?: Condition;
  readonly granules?: true;
}
const rows: Readonly<Partial<Record<IdRegName, AnyRow>>> = NV_LIMITS;

/** `value` of an ID register with everything taken away that KVM does not offer together with EL2. */
export function limitNvIdReg(vm: VmRegs, name: IdRegName, value: bigint): bigint {
  const row = rows[name];
  if (!row) return value;
  if (row.onlySetUnless) {
    if (holds(vm, row.onlySetUnless)) return 0n;
    value = 0n;
  }
  if (row.granules) value = stage2Granules(value);
  for (const f of row.hide ?? []) value &= ~maskNamed(name, f);
  for (const [f, condition] of Object.entries(row.hideIf ?? {}))
    if (holds(vm, condition!)) value &= ~maskNamed(name, f);
  for (const [f, most] of Object.entries(row.atMost ?? {})) value = lowerTo(name, f, value, most!);
  for (const [f, v] of Object.entries(row.set ?? {})) value = withNamed(name, f, value, namedValue(name, f, v!));
  return value;
}

export function maskNamed(name: IdRegName, field: string): bigint {
  const { hi, lo } = idRegRow(name).fields[field]!;
  return fieldMask(hi, lo);
}
export function withNamed(name: IdRegName, field: string, value: bigint, raw: number): bigint {
  const { hi, lo } = idRegRow(name).fields[field]!;
  return insert(value, hi, lo, BigInt(raw));
}
function namedValue(name: IdRegName, field: string, value: string): number {
  return idRegRow(name).fields[field]!.values[value]!;
}
/** At most the named value, compared as plain numbers. @linux ID_REG_LIMIT_FIELD_ENUM */
export function lowerTo(name: IdRegName, field: string, value: bigint, most: string): bigint {
  const limit = namedValue(name, field, most);
  return readField(value, idRegRow(name).fields[field]!) > limit ? withNamed(name, field, value, limit) : value;
}

/** A granule that stage 2 has, by whatever way of saying so, is simply present; with 4 KiB host pages none is lost. */
function stage2Granules(value: bigint): bigint {
  let out = value;
  for (const [stage1, stage2] of GRANULES) {
    const s2 = readField(value, fieldOf('ID_AA64MMFR0_EL1', stage2));
    const s1Field = fieldOf('ID_AA64MMFR0_EL1', stage1);
    const noStage1 = fieldRank(value, s1Field) === (s1Field.kind === 'signed' ? -1 : 0);
    const has = s2 === GRANULE_2.asStage1 ? !noStage1 : s2 !== GRANULE_2.none;
    out = withField(out, 'ID_AA64MMFR0_EL1', stage2, has ? GRANULE_2.present : GRANULE_2.asStage1);
  }
  return out;
}
