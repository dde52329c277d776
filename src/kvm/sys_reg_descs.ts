// Who may see it? One row per system register that userspace reaches by KVM_{GET,SET}_ONE_REG: when it is there, what
// reset makes of it, what is odd about reading or writing it. No row: hidden from userspace. Rows only; the meaning of
// the words is in sys_regs.ts (rules), reset.ts (resets), id_regs.ts (limits), vm_features.ts (conditions).
// @linux sys_reg_descs[]

import type { FieldName, IdRegName, ValueName } from '../arch/id_regs.ts';
import type { RegName } from '../arch/sysregs.ts';
import type { Condition } from './vm_features.ts';

// Registers of a vCPU.

/** What reset stores: a value, the poison that stands for UNKNOWN, or a value that depends, by name. */
export type Reset = bigint | 'unknown' | ResetName;
export type ResetName =
  | 'mpidr' | 'clidr' | 'actlr' | 'amair' | 'hcr' | 'mdcr' | 'pmuMask' | 'pmevcntr' | 'pmevtyper' | 'pmselr' | 'pmcr'; // biome-ignore format: a list
/** Reading or writing that is more than the stored value. */
export type UserRule =
  | 'oslsr' | 'clidr' | 'virtualCounter' | 'physicalCounter' | 'timerControl' | 'pmuMask' | 'pmuCounter' | 'pmcr' | 'razWi'; // biome-ignore format: a list

export interface RegDesc {
  /** Absent: reset leaves the register alone. */
  readonly reset?: Reset;
  /** All of these must hold, else the register is not there (ENOENT). */
  readonly when?: readonly Condition[];
  readonly user?: UserRule;
  /** The register whose storage this one shows. */
  readonly store?: RegName;
  /** Set at the first init of a vCPU only. */
  readonly once?: true;
}

const zero: RegDesc = { reset: 0n };
const unknown: RegDesc = { reset: 'unknown' };
const when = (reset: Reset, ...conditions: Condition[]): RegDesc => ({ reset, when: conditions });
const el2 = (reset: Reset, ...more: Condition[]): RegDesc => ({ reset, when: ['el2', ...more] });
const pmu = (reset: Reset | undefined, user?: UserRule, store?: RegName): RegDesc => ({
  when: ['pmu'],
  ...(reset === undefined ? {} : { reset }),
  ...(user && { user }),
  ...(store && { store }),
});
function numbered<const N extends RegName>(
  count: number,
  name: (n: number) => N,
  desc: RegDesc,
): { readonly [K in N]: RegDesc } {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [name(n), desc])) as { readonly [K in N]: RegDesc };
}

// biome-ignore format: a table
export const REG_DESCS = {
  ...numbered(16, (n) => `DBGBVR${n}_EL1`, zero),
  ...numbered(16, (n) => `DBGBCR${n}_EL1`, zero),
  ...numbered(16, (n) => `DBGWVR${n}_EL1`, zero),
  ...numbered(16, (n) => `DBGWCR${n}_EL1`, zero),
  MDCCINT_EL1:    zero,
  MDSCR_EL1:      zero,
  OSLSR_EL1:      { reset: 8n, user: 'oslsr' },                 // OSLM: the OS lock is implemented
  DBGVCR32_EL2:   zero,

  MPIDR_EL1:      { reset: 'mpidr', once: true },

  SCTLR_EL1:      { reset: 0x00c5_0078n },
  ACTLR_EL1:      { reset: 'actlr' },
  CPACR_EL1:      zero,
  SCTLR2_EL1:     when(0n, 'sctlr2'),
  RGSR_EL1:       when('unknown', 'mte'),
  GCR_EL1:        when('unknown', 'mte'),
  ZCR_EL1:        when(0n, 'sve'),
  TTBR0_EL1:      unknown,
  TTBR1_EL1:      unknown,
  TCR_EL1:        zero,
  TCR2_EL1:       when(0n, 'tcr2'),
  APIAKEYLO_EL1:  when('unknown', 'pauth'),
  APIAKEYHI_EL1:  when('unknown', 'pauth'),
  APIBKEYLO_EL1:  when('unknown', 'pauth'),
  APIBKEYHI_EL1:  when('unknown', 'pauth'),
  APDAKEYLO_EL1:  when('unknown', 'pauth'),
  APDAKEYHI_EL1:  when('unknown', 'pauth'),
  APDBKEYLO_EL1:  when('unknown', 'pauth'),
  APDBKEYHI_EL1:  when('unknown', 'pauth'),
  APGAKEYLO_EL1:  when('unknown', 'pauth'),
  APGAKEYHI_EL1:  when('unknown', 'pauth'),
  AFSR0_EL1:      unknown,
  AFSR1_EL1:      unknown,
  ESR_EL1:        unknown,
  TFSR_EL1:       when('unknown', 'mte'),
  TFSRE0_EL1:     when('unknown', 'mte'),
  FAR_EL1:        unknown,
  PAR_EL1:        unknown,
  PMINTENSET_EL1: pmu('pmuMask', 'pmuMask'),
  PMINTENCLR_EL1: pmu('pmuMask', 'pmuMask', 'PMINTENSET_EL1'),
  MAIR_EL1:       unknown,
  PIRE0_EL1:      when('unknown', 's1pie'),
  PIR_EL1:        when('unknown', 's1pie'),
  POR_EL1:        when('unknown', 's1poe'),
  AMAIR_EL1:      { reset: 'amair' },
  VBAR_EL1:       zero,
  DISR_EL1:       zero,
  CONTEXTIDR_EL1: zero,
  TPIDR_EL1:      unknown,
  CNTKCTL_EL1:    zero,
  CLIDR_EL1:      { reset: 'clidr', user: 'clidr', once: true },
  CSSELR_EL1:     unknown,
  SVCR:           when(0n, 'sme'),
  FPMR:           when(0n, 'fpmr'),                              // visible iff the VM has it; a trap on it means UNDEF
  PMCR_EL0:       pmu('pmcr', 'pmcr'),
  PMCNTENSET_EL0: pmu('pmuMask', 'pmuMask'),
  PMCNTENCLR_EL0: pmu('pmuMask', 'pmuMask', 'PMCNTENSET_EL0'),
  PMOVSCLR_EL0:   pmu('pmuMask', 'pmuMask', 'PMOVSSET_EL0'),
  PMSWINC_EL0:    pmu(undefined, 'razWi'),
  PMSELR_EL0:     pmu('pmselr'),
  PMCCNTR_EL0:    pmu('unknown', 'pmuCounter'),
  PMUSERENR_EL0:  pmu(0n),
  PMOVSSET_EL0:   pmu('pmuMask', 'pmuMask'),
  POR_EL0:        when('unknown', 's1poe'),
  TPIDR_EL0:      unknown,
  TPIDRRO_EL0:    unknown,
  CNTPCT_EL0:     { user: 'physicalCounter' },
  CNTVCT_EL0:     { user: 'virtualCounter' },
  CNTP_CTL_EL0:   { reset: 0n, user: 'timerControl' },
  CNTP_CVAL_EL0:  zero,
  CNTV_CTL_EL0:   { reset: 0n, user: 'timerControl' },
  CNTV_CVAL_EL0:  zero,
  ...numbered(31, (n) => `PMEVCNTR${n}_EL0`, pmu('pmevcntr', 'pmuCounter')),
  ...numbered(31, (n) => `PMEVTYPER${n}_EL0`, pmu('pmevtyper')),
  PMCCFILTR_EL0:  pmu(0n),

  VPIDR_EL2:      el2('unknown'),
  VMPIDR_EL2:     el2('unknown'),
  SCTLR_EL2:      el2(0n),
  ACTLR_EL2:      el2(0n),
  SCTLR2_EL2:     el2(0n, 'sctlr2'),
  HCR_EL2:        el2('hcr'),
  MDCR_EL2:       el2('mdcr'),
  CPTR_EL2:       el2(0x22ffn),                                  // the RES1 bits where E2H is clear
  HSTR_EL2:       el2(0n),
  HFGRTR_EL2:     el2(0n, 'fgt'),
  HFGWTR_EL2:     el2(0n, 'fgt'),
  HFGITR_EL2:     el2(0n),
  HACR_EL2:       el2(0n),
  ZCR_EL2:        el2(0n, 'sve'),
  HCRX_EL2:       el2(0n),
  TTBR0_EL2:      el2(0n),
  TTBR1_EL2:      el2(0n),
  TCR_EL2:        el2(0x8080_0000n),                             // the RES1 bits where E2H is clear
  TCR2_EL2:       el2(0n, 'tcr2'),
  VTTBR_EL2:      el2(0n),
  VTCR_EL2:       el2(0n),
  VNCR_EL2:       el2(0n, 'nv2Only'),
  DACR32_EL2:     unknown,
  HDFGRTR2_EL2:   el2(0n, 'fgt2'),
  HDFGWTR2_EL2:   el2(0n, 'fgt2'),
  HFGRTR2_EL2:    el2(0n, 'fgt2'),
  HFGWTR2_EL2:    el2(0n, 'fgt2'),
  HDFGRTR_EL2:    el2(0n, 'fgt'),
  HDFGWTR_EL2:    el2(0n, 'fgt'),
  HAFGRTR_EL2:    el2(0n, 'fgt'),
  HFGITR2_EL2:    el2(0n, 'fgt2'),
  SPSR_EL2:       el2(0n),
  ELR_EL2:        el2(0n),
  IFSR32_EL2:     unknown,
  AFSR0_EL2:      el2(0n),
  AFSR1_EL2:      el2(0n),
  ESR_EL2:        el2(0n),
  VSESR_EL2:      el2('unknown'),
  FPEXC32_EL2:    { reset: 0x700n },
  FAR_EL2:        el2(0n),
  HPFAR_EL2:      el2(0n),
  MAIR_EL2:       el2(0n),
  PIRE0_EL2:      el2(0n, 's1pie'),
  PIR_EL2:        el2(0n, 's1pie'),
  POR_EL2:        el2(0n, 's1poe'),
  AMAIR_EL2:      el2(0n),
  VBAR_EL2:       el2(0n),
  VDISR_EL2:      el2('unknown'),
  CONTEXTIDR_EL2: el2(0n),
  TPIDR_EL2:      el2(0n),
  CNTVOFF_EL2:    el2(0n),
  CNTHCTL_EL2:    el2(0n),
  CNTHP_CTL_EL2:  { reset: 0n, when: ['el2'], user: 'timerControl' },
  CNTHP_CVAL_EL2: el2(0n),
  CNTHV_CTL_EL2:  { reset: 0n, when: ['el2Vhe'], user: 'timerControl' },
  CNTHV_CVAL_EL2: when(0n, 'el2Vhe'),
  SP_EL2:         el2('unknown'),
} as const satisfies { readonly [N in RegName]?: RegDesc };

// ID registers of a VM.

/** A number for a field that the host's own does not decide; undefined keeps the host's. */
export type FieldSource = 'csv2' | 'csv3' | 'gicv3' | 'gicv5' | 'pmuVer' | 'perfMon';
/** What SET_ONE_REG does before the common rules. */
export type WriteQuirk = 'dfr0' | 'dfr0_32' | 'pfr0' | 'pfr1' | 'mmfr0' | 'mmfr2' | 'ctr';

interface IdDesc<R extends IdRegName> {
  /** Fields that the VM sees as far as the host has them, and that userspace may lower: one list for limit and write mask. */
  readonly offer?: readonly FieldName<R>[];
  /** Fields that the VM sees but nobody may change. */
  readonly fixed?: readonly FieldName<R>[];
  readonly onlyIf?: { readonly [F in FieldName<R>]?: Condition };
  readonly atMost?: { readonly [F in FieldName<R>]?: ValueName<R, F> };
  readonly from?: { readonly [F in FieldName<R>]?: FieldSource };
  readonly quirk?: WriteQuirk;
  /** The whole register reads as zero unless this holds. */
  readonly razUnless?: Condition;
  /** Reserved bits that read as zero count as writable in the mask, although only zero is accepted. */
  readonly razInMask?: true;
}
/** The AArch32 view: all 32 bits are offered; without AArch32 at EL0 everything is RAZ and writes are ignored. */
interface Aa32Desc<R extends IdRegName> extends Pick<IdDesc<R>, 'onlyIf' | 'atMost' | 'from' | 'quirk'> {
  readonly aa32: true;
  /** KVM's own fields show even where the rest of the AArch32 view reads as zero (a slip of 7.2 that is ABI). */
  readonly fromEvenIfRaz?: true;
  readonly hide?: readonly FieldName<R>[];
}
/** Values of the implementation: invariant unless KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, then anything within `width` bits. */
interface ImplementationDesc {
  readonly implementation: 32 | 64;
}
type IdRow<R extends IdRegName> = IdDesc<R> | Aa32Desc<R> | ImplementationDesc;

const aa32 = { aa32: true } as const;

// Every register of the ID space that is not here but is kept per VM reads as zero and accepts only zero.
// biome-ignore format: a table
export const ID_DESCS: { readonly [R in IdRegName]?: IdRow<R> } = {
  MIDR_EL1:         { implementation: 32 },
  REVIDR_EL1:       { implementation: 64 },
  ID_PFR0_EL1:      aa32,
  ID_PFR1_EL1:      aa32,
  ID_DFR0_EL1:      { aa32: true, from: { PerfMon: 'perfMon' }, fromEvenIfRaz: true, atMost: { CopDbg: 'Debugv8p8' }, quirk: 'dfr0_32' },
  ID_MMFR0_EL1:     aa32,
  ID_MMFR1_EL1:     aa32,
  ID_MMFR2_EL1:     aa32,
  ID_MMFR3_EL1:     aa32,
  ID_ISAR0_EL1:     aa32,
  ID_ISAR1_EL1:     aa32,
  ID_ISAR2_EL1:     aa32,
  ID_ISAR3_EL1:     aa32,
  ID_ISAR4_EL1:     aa32,
  ID_ISAR5_EL1:     aa32,
  ID_MMFR4_EL1:     { aa32: true, hide: ['CCIDX'] },
  ID_ISAR6_EL1:     aa32,
  MVFR0_EL1:        aa32,
  MVFR1_EL1:        aa32,
  MVFR2_EL1:        aa32,
  ID_PFR2_EL1:      aa32,
  ID_MMFR5_EL1:     aa32,

  ID_AA64PFR0_EL1:  { offer: ['CSV3', 'CSV2', 'RME', 'DIT', 'SEL2', 'RAS', 'GIC', 'EL3', 'EL2', 'EL1', 'EL0'],
                      fixed: ['SVE', 'AdvSIMD', 'FP'],
                      onlyIf: { SVE: 'sve' }, from: { CSV2: 'csv2', CSV3: 'csv3', GIC: 'gicv3' }, quirk: 'pfr0' },
  ID_AA64PFR1_EL1:  { offer: ['DF2', 'CSV2_frac', 'RAS_frac', 'SSBS', 'BT'], fixed: ['MTE_frac', 'MTE'],
                      onlyIf: { MTE: 'mte', MTE_frac: 'mte', RAS_frac: 'rasFrac' }, quirk: 'pfr1' },
  ID_AA64PFR2_EL1:  { offer: ['FPMR', 'GCIE', 'MTEFAR', 'MTESTOREONLY'],
                      onlyIf: { MTEFAR: 'mte', MTESTOREONLY: 'mte' }, from: { GCIE: 'gicv5' } },
  ID_AA64ZFR0_EL1:  { offer: ['F64MM', 'F32MM', 'F16MM', 'I8MM', 'SM4', 'SHA3', 'B16B16', 'BF16', 'BitPerm', 'EltPerm', 'AES', 'SVEver'],
                      razUnless: 'sve' },
  ID_AA64FPFR0_EL1: { offer: ['F8CVT', 'F8FMA', 'F8DP4', 'F8DP2', 'F8MM8', 'F8MM4', 'F16MM2', 'F8E4M3', 'F8E5M2'], razInMask: true },
  ID_AA64DFR0_EL1:  { offer: ['DoubleLock', 'WRPs', 'PMUVer', 'DebugVer'], fixed: ['CTX_CMPs', 'BRPs'],
                      from: { PMUVer: 'pmuVer' }, atMost: { DebugVer: 'FEAT_Debugv8p8' }, quirk: 'dfr0' },
  ID_AA64DFR1_EL1:  {},
  ID_AA64ISAR0_EL1: { offer: ['RNDR', 'TLB', 'TS', 'FHM', 'DP', 'SM4', 'SM3', 'SHA3', 'RDM', 'Atomic', 'CRC32', 'SHA2', 'SHA1', 'AES'] },
  ID_AA64ISAR1_EL1: { offer: ['LS64', 'XS', 'I8MM', 'DGH', 'BF16', 'SPECRES', 'SB', 'FRINTTS', 'LRCPC', 'FCMA', 'JSCVT', 'DPB'],
                      fixed: ['GPI', 'GPA', 'API', 'APA'],
                      onlyIf: { GPI: 'pauth', GPA: 'pauth', API: 'pauth', APA: 'pauth' } },
  ID_AA64ISAR2_EL1: { offer: ['ATS1A', 'LUT', 'CSSC', 'RPRFM', 'PCDPHINT', 'PRFMSLC', 'SYSINSTR_128', 'SYSREG_128', 'CLRBHB', 'PAC_frac',
                              'BC', 'MOPS', 'RPRES', 'WFxT'],
                      fixed: ['APA3', 'GPA3'], onlyIf: { APA3: 'pauth', GPA3: 'pauth', WFxT: 'wfxt' } },
  ID_AA64ISAR3_EL1: { offer: ['FPRCVT', 'LSUI', 'LSFE', 'FAMINMAX'] },
  ID_AA64MMFR0_EL1: { offer: ['ECV', 'FGT', 'ExS', 'TGran4_2', 'TGran64_2', 'TGran16_2', 'TGran4', 'TGran64', 'TGran16', 'BigEndEL0',
                              'SNSMem', 'BigEnd', 'PARange'],
                      fixed: ['ASIDBits'], quirk: 'mmfr0' },
  ID_AA64MMFR1_EL1: { offer: ['ECBHB', 'CMOW', 'TIDCP1', 'nTLBPA', 'AFP', 'HCX', 'ETS', 'TWED', 'SpecSEI', 'PAN', 'LO', 'HPDS', 'HAFDBS'],
                      fixed: ['XNX', 'VH', 'VMIDBits'] },
  ID_AA64MMFR2_EL1: { offer: ['E0PD', 'BBM', 'TTL', 'AT', 'ST', 'VARange', 'IESB', 'LSM', 'UAO', 'CnP'],
                      fixed: ['EVT', 'FWB', 'IDS'], quirk: 'mmfr2' },
  ID_AA64MMFR3_EL1: { offer: ['S1POE', 'S1PIE', 'SCTLRX', 'TCRX'], onlyIf: { S1POE: 'poe' } },
  ID_AA64MMFR4_EL1: { offer: ['NV_frac'], fixed: ['E2H0'] },

  AIDR_EL1:         { implementation: 64 },
  CTR_EL0:          { offer: ['DIC', 'IDC', 'DminLine', 'L1Ip', 'IminLine'], fixed: ['CWG', 'ERG'], quirk: 'ctr' },
};

/** CLIDR_EL1 is kept per vCPU, but shares the mask of writable ID registers: everything that Arm gives a meaning. */
export const MASKED_VCPU_REGS = ['CLIDR_EL1'] as const satisfies readonly IdRegName[];
