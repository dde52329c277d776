// What does Linux, as the host, make of its CPU's feature ID registers? Of each register it knows some fields, by each
// field a rule which of two values is the safe one; everything else it treats as zero. KVM's limits and the check of what
// a VMM writes both start here. Knows nothing of VMs. (All CPUs of a host are alike here, so there is no merging.)

import { fieldOf, fieldRank, ID_REG_NAMES } from '../arch/id_fields.ts';
import { type FieldName, ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import type { Field } from '../arch/schema.ts';
import { fieldMask, mask64 } from '../base/bits.ts';

/**
 * Which of two field values is safe to claim. lower: the smaller; higher: the larger; higherOrZero: the larger unless
 * one is zero; exact: neither, but `safe`.
 * @linux enum ftr_type
 */
export type SafeRule = 'lower' | 'higher' | 'higherOrZero' | 'exact';

interface HostRow<R extends IdRegName> {
  readonly lower?: readonly FieldName<R>[];
  readonly higher?: readonly FieldName<R>[];
  readonly higherOrZero?: readonly FieldName<R>[];
  /** Field: its safe value. */
  readonly exact?: { readonly [F in FieldName<R>]?: number };
  /** Fields that Linux orders as signed numbers although Arm's table lists exclusive choices. */
  readonly signed?: readonly FieldName<R>[];
  /** Bits that read as one are kept. */
  readonly res1?: true;
}

// biome-ignore format: a table
const HOST_FIELDS: { readonly [R in IdRegName]?: HostRow<R> } = {
  ID_PFR0_EL1:      { lower: ['DIT', 'CSV2', 'State3', 'State2', 'State1', 'State0'] },
  ID_PFR1_EL1:      { lower: ['GIC', 'Virt_frac', 'Sec_frac', 'GenTimer', 'Virtualization', 'MProgMod', 'Security', 'ProgMod'] },
  ID_DFR0_EL1:      { lower: ['MProfDbg', 'MMapTrc', 'CopTrc', 'MMapDbg', 'CopSDbg', 'CopDbg'], exact: { PerfMon: 0 } },
  ID_MMFR0_EL1:     { lower: ['InnerShr', 'FCSE', 'AuxReg', 'TCM', 'ShareLvl', 'OuterShr', 'PMSA', 'VMSA'], signed: ['InnerShr', 'OuterShr'] },
  ID_MMFR1_EL1:     { lower: ['BPred', 'L1TstCln', 'L1Uni', 'L1Hvd', 'L1UniSW', 'L1HvdSW', 'L1UniVA', 'L1HvdVA'] },
  ID_MMFR2_EL1:     { lower: ['HWAccFlg', 'WFIStall', 'MemBarr', 'UniTLB', 'HvdTLB', 'L1HvdRng', 'L1HvdBG', 'L1HvdFG'] },
  ID_MMFR3_EL1:     { lower: ['Supersec', 'CMemSz', 'CohWalk', 'PAN', 'MaintBcst', 'BPMaint', 'CMaintSW', 'CMaintVA'] },
  ID_ISAR0_EL1:     { lower: ['Divide', 'Debug', 'Coproc', 'CmpBranch', 'BitField', 'BitCount', 'Swap'] },
  ID_ISAR1_EL1:     { lower: ['Jazelle', 'Interwork', 'Immediate', 'IfThen', 'Extend', 'Except_AR', 'Except', 'Endian'] },
  ID_ISAR2_EL1:     { lower: ['Reversal', 'PSR_AR', 'MultU', 'MultS', 'Mult', 'MultiAccessInt', 'MemHint', 'LoadStore'] },
  ID_ISAR3_EL1:     { lower: ['T32EE', 'TrueNOP', 'T32Copy', 'TabBranch', 'SynchPrim', 'SVC', 'SIMD', 'Saturate'] },
  ID_ISAR4_EL1:     { lower: ['SWP_frac', 'PSR_M', 'SynchPrim_frac', 'Barrier', 'SMC', 'Writeback', 'WithShifts', 'Unpriv'] },
  ID_ISAR5_EL1:     { lower: ['RDM', 'CRC32', 'SHA2', 'SHA1', 'AES', 'SEVL'] },
  ID_MMFR4_EL1:     { lower: ['EVT', 'CCIDX', 'LSM', 'HPDS', 'CnP', 'XNX', 'AC2'], higher: ['SpecSEI'] },
  ID_ISAR6_EL1:     { lower: ['I8MM', 'BF16', 'SPECRES', 'SB', 'FHM', 'DP', 'JSCVT'] },
  MVFR0_EL1:        { lower: ['FPRound', 'FPShVec', 'FPSqrt', 'FPDivide', 'FPTrap', 'FPDP', 'FPSP', 'SIMDReg'] },
  MVFR1_EL1:        { lower: ['SIMDFMAC', 'FPHP', 'SIMDHP', 'SIMDSP', 'SIMDInt', 'SIMDLS', 'FPDNaN', 'FPFtZ'] },
  MVFR2_EL1:        { lower: ['FPMisc', 'SIMDMisc'] },
  ID_PFR2_EL1:      { lower: ['SSBS', 'CSV3'] },
  ID_DFR1_EL1:      { lower: ['MTPMU'] },
  ID_MMFR5_EL1:     { lower: ['ETS'] },

  ID_AA64PFR0_EL1:  { lower: ['CSV3', 'CSV2', 'DIT', 'AMU', 'MPAM', 'SEL2', 'SVE', 'RAS', 'GIC', 'AdvSIMD', 'FP', 'EL3', 'EL2', 'EL1', 'EL0'] },
  ID_AA64PFR1_EL1:  { lower: ['DF2', 'GCS', 'MTE_frac', 'SME', 'MPAM_frac', 'RAS_frac', 'MTE', 'SSBS', 'BT'] },
  ID_AA64PFR2_EL1:  { lower: ['FPMR', 'GCIE', 'MTEFAR', 'MTESTOREONLY'] },
  ID_AA64ZFR0_EL1:  { lower: ['F64MM', 'F32MM', 'F16MM', 'I8MM', 'SM4', 'SHA3', 'B16B16', 'BF16', 'BitPerm', 'EltPerm', 'AES', 'SVEver'] },
  ID_AA64FPFR0_EL1: { exact: { F8CVT: 0, F8FMA: 0, F8DP4: 0, F8DP2: 0, F8MM8: 0, F8MM4: 0, F16MM2: 0, F8E4M3: 0, F8E5M2: 0 } },
  ID_AA64DFR0_EL1:  { lower: ['DoubleLock', 'PMSVer', 'CTX_CMPs', 'WRPs', 'BRPs'], exact: { PMUVer: 0, DebugVer: 6 } },
  ID_AA64DFR1_EL1:  {},
  ID_AA64ISAR0_EL1: { lower: ['RNDR', 'TLB', 'TS', 'FHM', 'DP', 'SM4', 'SM3', 'SHA3', 'RDM', 'Atomic', 'CRC32', 'SHA2', 'SHA1', 'AES'] },
  ID_AA64ISAR1_EL1: { lower: ['LS64', 'XS', 'I8MM', 'DGH', 'BF16', 'SPECRES', 'SB', 'FRINTTS', 'GPI', 'GPA', 'LRCPC', 'FCMA', 'JSCVT', 'DPB'],
                      exact: { API: 0, APA: 0 } },
  ID_AA64ISAR2_EL1: { lower: ['ATS1A', 'LUT', 'CSSC', 'RPRFM', 'CLRBHB', 'BC', 'MOPS', 'GPA3', 'RPRES', 'WFxT'], exact: { APA3: 0 } },
  ID_AA64ISAR3_EL1: { lower: ['FPRCVT', 'LSUI', 'LSFE', 'FAMINMAX'] },
  ID_AA64MMFR0_EL1: { lower: ['ECV', 'FGT', 'ExS', 'TGran4', 'TGran64', 'TGran16', 'BigEndEL0', 'SNSMem', 'BigEnd', 'ASIDBits', 'PARange'],
                      exact: { TGran4_2: 1, TGran64_2: 1, TGran16_2: 1 } },
  ID_AA64MMFR1_EL1: { lower: ['ECBHB', 'TIDCP1', 'AFP', 'HCX', 'ETS', 'TWED', 'XNX', 'PAN', 'LO', 'HPDS', 'VH', 'VMIDBits', 'HAFDBS'],
                      higher: ['SpecSEI'] },
  ID_AA64MMFR2_EL1: { lower: ['E0PD', 'EVT', 'BBM', 'TTL', 'FWB', 'IDS', 'AT', 'ST', 'NV', 'CCIDX', 'VARange', 'IESB', 'LSM', 'UAO', 'CnP'] },
  ID_AA64MMFR3_EL1: { lower: ['S1POE', 'S1PIE', 'SCTLRX', 'TCRX'] },
  ID_AA64MMFR4_EL1: { lower: ['E2H0', 'NV_frac'] },
  CTR_EL0:          { lower: ['DIC', 'IDC', 'DminLine', 'IminLine'], higherOrZero: ['CWG', 'ERG'], exact: { L1Ip: 2 }, res1: true },
};

/** One field as the host kernel knows it. @linux struct arm64_ftr_bits */
export interface HostField {
  readonly name: string;
  readonly field: Field;
  readonly mask: bigint;
  readonly rule: SafeRule;
  /** For 'exact'. */
  readonly safe: number;
}
interface HostReg {
  readonly fields: readonly HostField[];
  /** All bits that the system-wide value may have set. */
  readonly known: bigint;
}

function build<R extends IdRegName>(name: R, row: HostRow<R>): HostReg {
  const fields: HostField[] = [];
  const add = (f: FieldName<R>, rule: SafeRule, safe = 0): void => {
    const arm = fieldOf(name, f);
    const field: Field = row.signed?.includes(f) ? { ...arm, kind: 'signed' } : arm;
    fields.push({ name: f, field, mask: fieldMask(arm.hi, arm.lo), rule, safe });
  };
  for (const f of row.lower ?? []) add(f, 'lower');
  for (const f of row.higher ?? []) add(f, 'higher');
  for (const f of row.higherOrZero ?? []) add(f, 'higherOrZero');
  for (const [f, safe] of Object.entries(row.exact ?? {})) add(f as FieldName<R>, 'exact', safe as number);
  const res1 = row.res1 ? ID_REGS[name].res1 : 0n;
  return { fields, known: fields.reduce((m, f) => m | f.mask, res1) };
}

const regs = new Map<IdRegName, HostReg>(
  ID_REG_NAMES.flatMap((name) => {
    const row = HOST_FIELDS[name];
    return row ? [[name, build(name, row as HostRow<typeof name>)] as const] : [];
  }),
);

/** The fields of a register that the host kernel knows; undefined for a register it does not look at. */
export function hostFields(name: IdRegName): readonly HostField[] | undefined {
  return regs.get(name)?.fields;
}

/** The system-wide value: known fields of the raw one, the rest zero. @linux init_cpu_ftr_reg */
export function sanitise(name: IdRegName, raw: bigint): bigint {
  return raw & (regs.get(name)?.known ?? 0n) & mask64;
}

/** Whether `value` may be claimed for this field where `limit` is the most there is. @linux arm64_ftr_safe_value */
export function isSafe(f: HostField, rule: SafeRule, value: bigint, limit: bigint): boolean {
  const v = fieldRank(value, f.field);
  const l = fieldRank(limit, f.field);
  if (v === l) return true;
  switch (rule) {
    case 'lower':
      return v < l;
    case 'higher':
      return v > l;
    case 'higherOrZero':
      return v === 0 || (l !== 0 && v > l);
    case 'exact':
      return v === f.safe;
  }
}
