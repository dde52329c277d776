// Which features does a set of ID register values describe, and which features cannot stand without which others? The
// only place with logic about features, and it is data: most features are one ID field reaching one value and stand in
// id_regs.ts under that value's name; here are the others. Knows nothing about who asks (CPU model, VM, guest).
// @arm the Features file of the machine-readable architecture, v9.6-A 2025-03
import { fieldRank, ID_REG_NAMES, idRegRow, rankOf } from './id_fields.ts';
import type { FieldFeat, FieldName, IdRegName, ValueName } from './id_regs.ts';
import type { Field } from './schema.ts';

/** 'ID_AA64PFR0_EL1.RAS': one field of one ID register. */
export type FieldPath = { [R in IdRegName]: `${R}.${FieldName<R>}` }[IdRegName];
type ValueAt<P extends FieldPath> = P extends `${infer R extends IdRegName}.${infer F}`
  ? F extends FieldName<R> ? [ValueName<R, F>] extends [never] ? number : ValueName<R, F> : never
  : never;

interface Comparison {
  readonly op: 'atLeast' | 'is' | 'below';
  readonly path: string;
  readonly value: string | number;
}
export type Predicate =
  | Comparison
  | { readonly op: 'any'; readonly of: readonly Predicate[] }
  | { readonly op: 'all'; readonly of: readonly Predicate[] }
  | { readonly op: 'not'; readonly of: Predicate };

const atLeast = <const P extends FieldPath>(path: P, value: ValueAt<P>): Predicate => ({ op: 'atLeast', path, value });
const is      = <const P extends FieldPath>(path: P, value: ValueAt<P>): Predicate => ({ op: 'is', path, value });
const below   = <const P extends FieldPath>(path: P, value: ValueAt<P>): Predicate => ({ op: 'below', path, value });
const any     = (...of: readonly Predicate[]): Predicate => ({ op: 'any', of });
const all     = (...of: readonly Predicate[]): Predicate => ({ op: 'all', of });
const not     = (of: Predicate): Predicate => ({ op: 'not', of });

type AuthValue = ValueName<'ID_AA64ISAR1_EL1', 'APA'>;
/** Address authentication of any of the three algorithms reaching one value. */
const auth = (value: AuthValue): Predicate =>
  any(atLeast('ID_AA64ISAR1_EL1.APA', value), atLeast('ID_AA64ISAR1_EL1.API', value), atLeast('ID_AA64ISAR2_EL1.APA3', value));
const pmu = (value: ValueName<'ID_AA64DFR0_EL1', 'PMUVer'>): Predicate =>
  all(atLeast('ID_AA64DFR0_EL1.PMUVer', value), below('ID_AA64DFR0_EL1.PMUVer', 'IMP_DEF'));
const nvFrac = all(is('ID_AA64MMFR2_EL1.NV', 'NI'), atLeast('ID_AA64MMFR4_EL1.NV_frac', 'NV2_ONLY'));

const s1Gran4K  = atLeast('ID_AA64MMFR0_EL1.TGran4', 'FEAT_TGran4K');
const s1Gran16K = atLeast('ID_AA64MMFR0_EL1.TGran16', 'FEAT_TGran16K');
const s1Gran64K = atLeast('ID_AA64MMFR0_EL1.TGran64', 'FEAT_TGran64K');
const s2Gran4K  = any(all(is('ID_AA64MMFR0_EL1.TGran4_2', 'TGRAN4'), s1Gran4K), atLeast('ID_AA64MMFR0_EL1.TGran4_2', 'IMP'));
const s2Gran16K = any(all(is('ID_AA64MMFR0_EL1.TGran16_2', 'TGRAN16'), s1Gran16K), atLeast('ID_AA64MMFR0_EL1.TGran16_2', 'IMP'));
const s2Gran64K = any(all(is('ID_AA64MMFR0_EL1.TGran64_2', 'TGRAN64'), s1Gran64K), atLeast('ID_AA64MMFR0_EL1.TGran64_2', 'IMP'));
const hasEl2    = atLeast('ID_AA64PFR0_EL1.EL2', 'FEAT_AA64EL2');

/** Features (and, without FEAT_, conditions that Arm states in prose) that are not one field reaching one value. */
export const COMPOUND = {
  // Exception levels.
  FEAT_EL2:            hasEl2,
  FEAT_EL3:            atLeast('ID_AA64PFR0_EL1.EL3', 'FEAT_AA64EL3'),
  // Processor features.
  FEAT_RASv1p1:        any(atLeast('ID_AA64PFR0_EL1.RAS', 'V1P1'),
                           all(is('ID_AA64PFR0_EL1.RAS', 'FEAT_RAS'), atLeast('ID_AA64PFR1_EL1.RAS_frac', 'RASv1p1'))),
  FEAT_DoubleFault:    atLeast('ID_AA64PFR0_EL1.RAS', 'V1P1'),
  FEAT_CSV2_1p1:       all(is('ID_AA64PFR0_EL1.CSV2', 'FEAT_CSV2'), atLeast('ID_AA64PFR1_EL1.CSV2_frac', 'CSV2_1p1')),
  FEAT_CSV2_1p2:       all(is('ID_AA64PFR0_EL1.CSV2', 'FEAT_CSV2'), atLeast('ID_AA64PFR1_EL1.CSV2_frac', 'CSV2_1p2')),
  FEAT_MPAMv0p1:       all(is('ID_AA64PFR0_EL1.MPAM', '0'), is('ID_AA64PFR1_EL1.MPAM_frac', 'MINOR_1')),
  FEAT_MPAMv1p1:       all(atLeast('ID_AA64PFR0_EL1.MPAM', 'FEAT_MPAM'), atLeast('ID_AA64PFR1_EL1.MPAM_frac', 'MINOR_1')),
  FEAT_MPAM_PE_BW_CTRL: atLeast('MPAMIDR_EL1.HAS_BW_CTRL', 1),
  FEAT_MTE_ASYNC:      all(atLeast('ID_AA64PFR1_EL1.MTE', 'FEAT_MTE2'), atLeast('ID_AA64PFR1_EL1.MTE_frac', 'ASYNC')),
  FEAT_MTE_ASYM_FAULT: atLeast('ID_AA64PFR1_EL1.MTE', 'FEAT_MTE3'),
  FEAT_MTE_NO_ADDRESS_TAGS: atLeast('ID_AA64PFR1_EL1.MTEX', 'FEAT_MTE_CANONICAL_TAGS'),
  FEAT_MTE4:           all(atLeast('ID_AA64PFR1_EL1.MTEX', 'FEAT_MTE_CANONICAL_TAGS'),
                           atLeast('ID_AA64PFR2_EL1.MTESTOREONLY', 'FEAT_MTE_STORE_ONLY'),
                           atLeast('ID_AA64PFR2_EL1.MTEFAR', 'FEAT_MTE_TAGGED_FAR')),
  SME_PRIORITY:        all(atLeast('ID_AA64PFR1_EL1.SME', 'FEAT_SME'), atLeast('SMIDR_EL1.SMPS', 1)),
  // Instructions.
  FEAT_Crypto:         any(atLeast('ID_AA64ISAR0_EL1.AES', 'FEAT_AES'), atLeast('ID_AA64ISAR0_EL1.SHA1', 'FEAT_SHA1')),
  FEAT_PAuth:          auth('PAuth'),
  FEAT_EPAC:           any(is('ID_AA64ISAR1_EL1.APA', 'EPAC'), is('ID_AA64ISAR1_EL1.API', 'EPAC'), is('ID_AA64ISAR2_EL1.APA3', 'EPAC')),
  FEAT_PAuth2:         auth('PAuth2'),
  FEAT_FPAC:           auth('FPAC'),
  FEAT_FPACCOMBINE:    auth('FPACCOMBINE'),
  FEAT_PAuth_LR:       auth('PAuth_LR'),
  FEAT_PACQARMA5:      all(atLeast('ID_AA64ISAR1_EL1.APA', 'PAuth'), atLeast('ID_AA64ISAR1_EL1.GPA', 'IMP')),
  FEAT_PACIMP:         all(atLeast('ID_AA64ISAR1_EL1.API', 'PAuth'), atLeast('ID_AA64ISAR1_EL1.GPI', 'IMP')),
  FEAT_PACQARMA3:      all(atLeast('ID_AA64ISAR2_EL1.APA3', 'PAuth'), atLeast('ID_AA64ISAR2_EL1.GPA3', 'IMP')),
  // Memory.
  FEAT_S2TGran4K:      all(hasEl2, s2Gran4K),
  FEAT_S2TGran16K:     all(hasEl2, s2Gran16K),
  FEAT_S2TGran64K:     all(hasEl2, s2Gran64K),
  FEAT_GTG:            any(atLeast('ID_AA64MMFR0_EL1.TGran4_2', 'NI'), atLeast('ID_AA64MMFR0_EL1.TGran16_2', 'NI'),
                           atLeast('ID_AA64MMFR0_EL1.TGran64_2', 'NI')),
  // 52 bits in every granule of 4K and 16K that either stage has, and in at least one.
  FEAT_LPA2:           all(any(not(s1Gran4K), atLeast('ID_AA64MMFR0_EL1.TGran4', '52_BIT')),
                           any(not(s1Gran16K), atLeast('ID_AA64MMFR0_EL1.TGran16', '52_BIT')),
                           any(not(s2Gran4K), is('ID_AA64MMFR0_EL1.TGran4_2', 'TGRAN4'), atLeast('ID_AA64MMFR0_EL1.TGran4_2', '52_BIT')),
                           any(not(s2Gran16K), is('ID_AA64MMFR0_EL1.TGran16_2', 'TGRAN16'), atLeast('ID_AA64MMFR0_EL1.TGran16_2', '52_BIT')),
                           any(s1Gran4K, s1Gran16K)),
  FEAT_MixedEndEL0:    any(atLeast('ID_AA64MMFR0_EL1.BigEndEL0', 'IMP'), atLeast('ID_AA64MMFR0_EL1.BigEnd', 'FEAT_MixedEnd')),
  FEAT_BBM:            atLeast('ID_AA64MMFR2_EL1.BBM', '1'),
  FEAT_NV:             any(atLeast('ID_AA64MMFR2_EL1.NV', 'IMP'), nvFrac),
  FEAT_NV2:            any(atLeast('ID_AA64MMFR2_EL1.NV', 'NV2'), nvFrac),
  FEAT_ADERR:          all(atLeast('ID_AA64MMFR3_EL1.ADERR', 'ADERR'), atLeast('ID_AA64MMFR3_EL1.SDERR', 'ADERR')),
  FEAT_ANERR:          all(atLeast('ID_AA64MMFR3_EL1.ANERR', 'ANERR'), atLeast('ID_AA64MMFR3_EL1.SNERR', 'ANERR')),
  HAFDBS_DBM:          atLeast('ID_AA64MMFR1_EL1.HAFDBS', 'DBM'),
  EVT_TTLBxS:          atLeast('ID_AA64MMFR2_EL1.EVT', 'TTLBxS'),
  FEAT_IVIPT:          any(is('CTR_EL0.L1Ip', 'VIPT'), is('CTR_EL0.L1Ip', 'PIPT')),
  // Debug, trace and performance monitors. PMUVer 0b1111 is a monitor of another architecture.
  FEAT_PMUv3:          pmu('IMP'),
  FEAT_PMUv3p1:        pmu('V3P1'),
  FEAT_PMUv3p4:        pmu('V3P4'),
  FEAT_PMUv3p5:        pmu('V3P5'),
  FEAT_PMUv3p7:        pmu('V3P7'),
  FEAT_PMUv3p8:        pmu('V3P8'),
  FEAT_PMUv3p9:        pmu('V3P9'),
  FEAT_PMUv3_TH:       atLeast('PMMIR_EL1.THWIDTH', 1),
} as const satisfies Readonly<Record<string, Predicate>>;

/** Every feature that the tables know. */
export type Feat = FieldFeat | keyof typeof COMPOUND;

// Evaluation.

const predicates: ReadonlyMap<string, Predicate> = collect();

function collect(): ReadonlyMap<string, Predicate> {
  const map = new Map<string, Predicate>();
  for (const reg of ID_REG_NAMES)
    for (const [field, f] of Object.entries(idRegRow(reg).fields))
      for (const value of Object.keys(f.values))
        if (value.startsWith('FEAT_')) map.set(value, { op: 'atLeast', path: `${reg}.${field}`, value });
  for (const [name, p] of Object.entries(COMPOUND)) map.set(name, p);
  return map;
}

/** All features, those of single fields first, in table order. */
export const FEATURES = [...predicates.keys()] as readonly Feat[];

export function isFeat(name: string): name is Feat {
  return predicates.has(name);
}
/** What has to hold for a feature. */
export function predicateOf(feat: Feat): Predicate {
  return predicates.get(feat)!;
}

/** Reads an ID register by packed encoding; 0 for one that the machine does not have. */
export type ReadId = (enc: number) => bigint;

/**
 * Whether the machine (or VM) that these ID registers describe has the feature.
 * @param read ID register values by packed encoding
 */
export function has(feat: Feat, read: ReadId): boolean {
  return holds(predicates.get(feat)!, read);
}

function holds(p: Predicate, read: ReadId): boolean {
  switch (p.op) {
    case 'any':
      return p.of.some((q) => holds(q, read));
    case 'all':
      return p.of.every((q) => holds(q, read));
    case 'not':
      return !holds(p.of, read);
    default: {
      const { at, field, rank } = locate(p);
      const actual = fieldRank(read(at), field);
      return p.op === 'atLeast' ? actual >= rank : p.op === 'is' ? actual === rank : actual < rank;
    }
  }
}

interface Located {
  readonly reg: IdRegName;
  readonly at: number;
  readonly fieldName: string;
  readonly field: Field;
  readonly rank: number;
}
const located = new Map<Comparison, Located>();

/** The field and the ordered number behind 'REG.FIELD' and a value name. */
function locate(comparison: Comparison): Located {
  let found = located.get(comparison);
  if (found === undefined) {
    const { path, value } = comparison;
    const [reg, fieldName] = path.split('.') as [IdRegName, string];
    const row = idRegRow(reg);
    const field = row.fields[fieldName]!;
    const raw = typeof value === 'number' ? value : field.values[value]!;
    found = { reg, at: row.enc, fieldName, field, rank: rankOf(raw, field) };
    located.set(comparison, found);
  }
  return found;
}

/** A field that a feature's predicate reads, with the raw value named there. */
export interface FieldUse {
  readonly reg: IdRegName;
  readonly field: string;
  readonly raw: number;
  /** The field has to reach the value, and lowering it can take the feature away. */
  readonly raises: boolean;
}
/** Every field that decides about a feature. */
export function fieldsBehind(feat: Feat): readonly FieldUse[] {
  const out: FieldUse[] = [];
  const walk = (p: Predicate, positive: boolean): void => {
    if (p.op === 'any' || p.op === 'all') for (const q of p.of) walk(q, positive);
    else if (p.op === 'not') walk(p.of, !positive);
    else {
      const l = locate(p);
      const raw = typeof p.value === 'number' ? p.value : l.field.values[p.value]!;
      out.push({ reg: l.reg, field: l.fieldName, raw, raises: positive && p.op === 'atLeast' });
    }
  };
  walk(predicates.get(feat)!, true);
  return out;
}
