// The host as KVM finds it: raw ID registers and the requested mode in, facts out. Whatever KVM derives from hardware is
// derived here, once; nothing here knows a VM. What ID registers cannot say is an explicit field with a stated default.

import { findField, ID_REG_NAMES, readField } from '../arch/id_fields.ts';
import { type FieldName, ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import { encParts, enc as pack } from '../arch/schema.ts';
import { UsageError } from '../base/assert.ts';
import { extract, insert } from '../base/bits.ts';
import { hostFields, sanitise } from './cpufeature.ts';
import { EVENT_COUNTERS, isListed, partOf, VECTOR_LENGTHS } from './cputype.ts';

/** @linux kvm-arm.mode: 'vhe' is no option at all, 'nested' is VHE with FEAT_NV2. */
export type KvmMode = 'vhe' | 'nvhe' | 'protected' | 'nested';
/** What the firmware answers when Linux asks for a workaround (SMCCC_ARCH_FEATURES). */
export type FirmwareAnswer = 'none' | 'mitigated' | 'unaffected';
/** @linux enum mitigation_state */
export type Mitigation = 'unaffected' | 'mitigated' | 'vulnerable';
export type HostGic = 'v2' | 'v3' | 'v5';

export interface HostSpec {
  /** Feature ID registers as hardware has them, by packed encoding (op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2). */
  readonly raw: ReadonlyMap<number, bigint>;
  readonly mode: KvmMode;
  /** Online CPUs. Default 2. */
  readonly cpus?: number | undefined;
  /** Supported SVE vector lengths in bits. Default: what is known of the part, else every multiple of 128 to 2048. */
  readonly vectorLengths?: readonly number[] | undefined;
  /** Event counters of the PMU (PMCR_EL0.N), 0..31. Default: what is known of the part, else 6. */
  readonly pmuCounters?: number | undefined;
  /** The interrupt controller of the machine. Default: by ID_AA64PFR2_EL1.GCIE, then ID_AA64PFR0_EL1.GIC. */
  readonly gic?: HostGic | undefined;
  /** Firmware's answers for SMCCC_ARCH_WORKAROUND_1, 2, 3. Default: it has none of them. */
  readonly workarounds?: readonly [FirmwareAnswer, FirmwareAnswer, FirmwareAnswer] | undefined;
  /** ACTLR_EL1 and AMAIR_EL1 of the host, which KVM gives to vCPUs at reset. Default 0. */
  readonly actlr?: bigint | undefined;
  readonly amair?: bigint | undefined;
}

export interface Host {
  readonly mode: KvmMode;
  /** The kernel itself runs at EL2. @linux is_kernel_in_hyp_mode */
  readonly isVhe: boolean;
  /** Why there is no KVM on such a host, if there is none. */
  readonly unavailable: string | undefined;
  readonly cpus: number;
  readonly raw: ReadonlyMap<number, bigint>;
  /** The system-wide value of a register: fields the kernel knows. @linux read_sanitised_ftr_reg */
  sanitised(name: IdRegName): bigint;
  readonly midr: bigint;
  readonly revidr: bigint;
  readonly aidr: bigint;
  readonly actlr: bigint;
  readonly amair: bigint;
  readonly hasEl0_32: boolean;
  readonly hasEl1_32: boolean;
  readonly hasRas: boolean;
  /** FEAT_RASv1p1 is there because ID_AA64PFR1_EL1.RAS_frac says so. */
  readonly hasRasFrac: boolean;
  readonly hasSve: boolean;
  /** Address and generic authentication by one and the same algorithm. @linux kvm_has_full_ptr_auth */
  readonly hasPauth: boolean;
  /** Any pointer authentication at all. */
  readonly hasAnyPauth: boolean;
  readonly hasMte: boolean;
  readonly hasFpmr: boolean;
  readonly hasPoe: boolean;
  readonly hasHcx: boolean;
  readonly hasFgt: boolean;
  readonly hasFgt2: boolean;
  readonly hasFwb: boolean;
  /** WFxT may be shown: it is there and the virtual counter offset works. */
  readonly hasWfxt: boolean;
  /** Nested virtualization can be offered. @linux ARM64_HAS_NESTED_VIRT */
  readonly hasNv: boolean;
  /** ... also with HCR_EL2.E2H clear. @linux ARM64_HAS_HCR_NV1 */
  readonly hasNv1: boolean;
  readonly gic: HostGic;
  /** GICv3 can be virtualised: natively or by FEAT_GCIE_LEGACY. */
  readonly hasGicv3: boolean;
  readonly hasGicv5: boolean;
  readonly hasPmu: boolean;
  /** The most that ID_AA64DFR0_EL1.PMUVer may say. @linux kvm_arm_pmu_get_pmuver_limit */
  readonly pmuVerLimit: number;
  readonly pmuCounters: number;
  /** Supported vector quadwords (VL / 128 bits), ascending; empty without SVE. */
  readonly vectorQuads: readonly number[];
  /** Bits of the largest intermediate physical address. @linux kvm_ipa_limit */
  readonly ipaLimit: number;
  readonly breakpoints: number;
  readonly watchpoints: number;
  /** KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED */
  readonly cacheablePfnmap: boolean;
  readonly spectreV2: Mitigation;
  readonly spectreV4: Mitigation;
  readonly spectreBhb: Mitigation;
  readonly meltdownSafe: boolean;
}

/** Bits of physical address by ID_AA64MMFR0_EL1.PARange; larger values count as the largest this kernel supports. */
const PA_BITS = [32, 36, 40, 42, 44, 48, 52] as const;
const PARANGE_48 = 5;
const MAX_QUADS = 16;

export function makeHost(spec: HostSpec): Host {
  const raw = spec.raw;
  const rawOf = (name: IdRegName): bigint => raw.get(ID_REGS[name].enc) ?? 0n;
  const rawField = <R extends IdRegName>(name: R, f: FieldName<R>): number =>
    readField(rawOf(name), findField(name, f)!);
  const midr = rawOf('MIDR_EL1');

  const canVhe = rawField('ID_AA64MMFR1_EL1', 'VH') !== 0;
  /** HCR_EL2.E2H is RES1: the option for nVHE is ignored on such a CPU. */
  const onlyVhe = canVhe && isNegative('ID_AA64MMFR4_EL1', 'E2H0', rawOf('ID_AA64MMFR4_EL1'));
  const isVhe = canVhe && spec.mode !== 'protected' && !(spec.mode === 'nvhe' && !onlyVhe);

  const system = new Map<IdRegName, bigint>();
  const hasEl0_32 = rawField('ID_AA64PFR0_EL1', 'EL0') === 2;
  for (const name of ID_REG_NAMES) {
    if (!hostFields(name)) continue;
    const aa32 = !name.startsWith('ID_AA64') && name !== 'CTR_EL0';
    if (aa32 && !hasEl0_32) continue; // UNKNOWN contents, never read
    let value = name === 'CTR_EL0' ? effectiveCtr(rawOf('CTR_EL0'), raw.get(ID_REGS.CLIDR_EL1.enc)) : rawOf(name);
    if (name === 'ID_AA64MMFR1_EL1' && spec.mode === 'nvhe' && !onlyVhe) value = put(name, 'VH', value, 0);
    system.set(name, sanitise(name, value));
  }
  const sanitised = (name: IdRegName): bigint => system.get(name) ?? 0n;
  const field = <R extends IdRegName>(name: R, f: FieldName<R>): number =>
    readField(sanitised(name), findField(name, f)!);

  const pfr0 = <F extends FieldName<'ID_AA64PFR0_EL1'>>(f: F): number => field('ID_AA64PFR0_EL1', f);
  const hasPac = (f: FieldName<'ID_AA64ISAR1_EL1'>): boolean => field('ID_AA64ISAR1_EL1', f) !== 0;
  const hasPac3 = (f: FieldName<'ID_AA64ISAR2_EL1'>): boolean => field('ID_AA64ISAR2_EL1', f) !== 0;
  const address = [hasPac('APA'), hasPac('API'), hasPac3('APA3')];
  const generic = [hasPac('GPA'), hasPac('GPI'), hasPac3('GPA3')];
  /** KVM wants the value IMP, not just any, of the generic half. */
  const genericIsImp = [
    field('ID_AA64ISAR1_EL1', 'GPA') === 1,
    field('ID_AA64ISAR1_EL1', 'GPI') === 1,
    field('ID_AA64ISAR2_EL1', 'GPA3') === 1,
  ];

  const nv2 = field('ID_AA64MMFR2_EL1', 'NV') >= 2 || field('ID_AA64MMFR4_EL1', 'NV_frac') >= 1;
  const hasNv = spec.mode === 'nested' && isVhe && nv2;
  const e2h0 = signedOf('ID_AA64MMFR4_EL1', 'E2H0', sanitised('ID_AA64MMFR4_EL1'));
  const hasNv1 = hasNv && e2h0 > -2 && !isListed('brokenNv1', midr);

  const ras = pfr0('RAS');
  const impdefPmu = isVhe && field('ID_AA64DFR0_EL1', 'PMUVer') === 15 && isListed('trappablePmu', midr);
  const pmuVer = field('ID_AA64DFR0_EL1', 'PMUVer');
  const pmuVerLimit = impdefPmu ? 1 : pmuVer === 15 ? 0 : Math.min(pmuVer, 6);
  const hasPmu = pmuVerLimit !== 0;
  const part = partOf(midr);
  const pmuCounters = impdefPmu ? 1 : (spec.pmuCounters ?? (part && EVENT_COUNTERS[part]) ?? 6);

  const hasSve = pfr0('SVE') !== 0;
  const quads =
    spec.vectorLengths?.map((bits) => bits / 128) ??
    (part && VECTOR_LENGTHS[part]) ??
    Array.from({ length: MAX_QUADS }, (_, i) => i + 1);

  const granule = signedOf('ID_AA64MMFR0_EL1', 'TGran4', sanitised('ID_AA64MMFR0_EL1'));
  const granule2 = field('ID_AA64MMFR0_EL1', 'TGran4_2');
  const hasLpa2 = granule === 1 && granule2 === 3;
  const paRange = field('ID_AA64MMFR0_EL1', 'PARange');
  const ipaLimit = PA_BITS[hasLpa2 ? paRange : Math.min(paRange, PARANGE_48)] ?? PA_BITS[PA_BITS.length - 1]!;

  const gic = spec.gic ?? (field('ID_AA64PFR2_EL1', 'GCIE') !== 0 ? 'v5' : pfr0('GIC') !== 0 ? 'v3' : 'v2');
  const spectre = spectreStates(spec, rawField);

  return {
    mode: spec.mode, isVhe, cpus: spec.cpus ?? 2, raw, sanitised,
    unavailable: whyNoKvm(pfr0('EL2'), granule, granule2),
    midr, revidr: rawOf('REVIDR_EL1'), aidr: rawOf('AIDR_EL1'),
    actlr: spec.actlr ?? 0n, amair: spec.amair ?? 0n,
    hasEl0_32, hasEl1_32: pfr0('EL1') >= 2,
    hasRas: ras >= 1,
    hasRasFrac: ras === 1 && field('ID_AA64PFR1_EL1', 'RAS_frac') >= 1,
    hasSve,
    hasPauth: address.filter(Boolean).length === 1 && address.every((a, i) => a === genericIsImp[i]),
    hasAnyPauth: address.some(Boolean) || generic.some(Boolean),
    hasMte: field('ID_AA64PFR1_EL1', 'MTE') >= 2,
    hasFpmr: field('ID_AA64PFR2_EL1', 'FPMR') >= 1,
    hasPoe: field('ID_AA64MMFR3_EL1', 'S1POE') >= 1,
    hasHcx: field('ID_AA64MMFR1_EL1', 'HCX') >= 1,
    hasFgt: field('ID_AA64MMFR0_EL1', 'FGT') >= 1,
    hasFgt2: field('ID_AA64MMFR0_EL1', 'FGT') >= 2,
    hasFwb: field('ID_AA64MMFR2_EL1', 'FWB') >= 1,
    hasWfxt: field('ID_AA64ISAR2_EL1', 'WFxT') >= 2 && !isListed('brokenCntvoff', midr),
    hasNv, hasNv1,
    gic,
    hasGicv3: gic === 'v3' || (gic === 'v5' && pfr0('GIC') !== 0),
    hasGicv5: gic === 'v5',
    hasPmu, pmuVerLimit, pmuCounters,
    vectorQuads: hasSve ? quads : [],
    ipaLimit,
    breakpoints: field('ID_AA64DFR0_EL1', 'BRPs') + 1,
    watchpoints: field('ID_AA64DFR0_EL1', 'WRPs') + 1,
    cacheablePfnmap: field('ID_AA64MMFR2_EL1', 'FWB') >= 1 && field('CTR_EL0', 'DIC') === 1,
    ...spectre,
    meltdownSafe: isListed('meltdownSafe', midr) || rawField('ID_AA64PFR0_EL1', 'CSV3') >= 1,
  }; // biome-ignore format: a table
}

/** @linux kvm_arm_init, kvm_set_ipa_limit, for a kernel with 4 KiB pages */
function whyNoKvm(el2: number, granule: number, granule2: number): string | undefined {
  if (el2 === 0) return 'the CPU has no EL2 (ID_AA64PFR0_EL1.EL2 = 0)';
  if (granule < 0) return 'the CPU has no 4 KiB translation granule (ID_AA64MMFR0_EL1.TGran4 = NI)';
  if (granule2 === 1) return 'no 4 KiB granule at stage 2 (ID_AA64MMFR0_EL1.TGran4_2 = NI)';
  return undefined;
}

/** CTR_EL0 as Linux counts it: IDC is set where CLIDR_EL1 implies it. @linux read_cpuid_effective_cachetype */
function effectiveCtr(ctr: bigint, clidr: bigint | undefined): bigint {
  if (clidr === undefined) return ctr; // not recorded: nothing to conclude
  const c = (f: FieldName<'CLIDR_EL1'>): number => readField(clidr, findField('CLIDR_EL1', f)!);
  const implied = c('LoC') === 0 || (c('LoUIS') === 0 && c('LoUU') === 0);
  return implied ? put('CTR_EL0', 'IDC', ctr, 1) : ctr;
}

/** How far the host is exposed, from the CPU and from what firmware offers. @linux proton-pack.c */
function spectreStates(
  spec: HostSpec,
  rawField: <R extends IdRegName>(name: R, f: FieldName<R>) => number,
): Pick<Host, 'spectreV2' | 'spectreV4' | 'spectreBhb'> {
  const midr = spec.raw.get(ID_REGS.MIDR_EL1.enc) ?? 0n;
  const [wa1, wa2, wa3] = spec.workarounds ?? ['none', 'none', 'none'];
  const byFirmware = (answer: FirmwareAnswer): Mitigation => (answer === 'none' ? 'vulnerable' : answer);
  const csv2 = rawField('ID_AA64PFR0_EL1', 'CSV2');

  const spectreV2 = csv2 >= 1 || isListed('spectreV2Safe', midr) ? 'unaffected' : byFirmware(wa1);
  const hasSsbs = rawField('ID_AA64PFR1_EL1', 'SSBS') >= 1;
  const spectreV4 = isListed('spectreV4Safe', midr) ? 'unaffected' : hasSsbs ? 'mitigated' : byFirmware(wa2);

  const clearsItself = rawField('ID_AA64MMFR1_EL1', 'ECBHB') >= 1;
  const canClear = rawField('ID_AA64ISAR2_EL1', 'CLRBHB') >= 1;
  const mitigable = clearsItself || canClear || isListed('spectreBhbLoop', midr) || wa3 === 'mitigated';
  const spectreBhb = csv2 >= 3 || isListed('spectreBhbSafe', midr) ? 'unaffected' :
    spectreV2 !== 'vulnerable' && mitigable ? 'mitigated' : 'vulnerable'; // biome-ignore format: one decision
  return { spectreV2, spectreV4, spectreBhb };
}

function put<R extends IdRegName>(name: R, f: FieldName<R>, value: bigint, to: number): bigint {
  const { hi, lo } = findField(name, f)!;
  return insert(value, hi, lo, BigInt(to));
}
function signedOf<R extends IdRegName>(name: R, f: FieldName<R>, value: bigint): number {
  const { hi, lo } = findField(name, f)!;
  return Number(BigInt.asIntN(hi - lo + 1, extract(value, hi, lo)));
}
function isNegative<R extends IdRegName>(name: R, f: FieldName<R>, value: bigint): boolean {
  return signedOf(name, f, value) < 0;
}

// A host as a file: { rawIdRegisters: { "op0,op1,CRn,CRm,op2": "0x..." }, ... the optional fields of HostSpec }.

const ENCODING = /^([0-3]),([0-7]),(\d{1,2}),(\d{1,2}),([0-7])$/;

/**
 * Reads a host description as recorded from hardware.
 * @param where names the file in messages
 * @throws UsageError saying which key is wrong and what was expected
 */
export function hostSpecFromJson(json: unknown, mode: KvmMode, where = 'host description'): HostSpec {
  const fail = (key: string, expected: string): never => {
    throw new UsageError(`${where}: ${key}: expected ${expected}`);
  };
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return fail('the file', 'an object');
  const o = json as Readonly<Record<string, unknown>>;
  const regs = o['rawIdRegisters'];
  if (typeof regs !== 'object' || regs === null)
    return fail('rawIdRegisters', 'an object of "op0,op1,CRn,CRm,op2": "0x..."');
  const raw = new Map<number, bigint>();
  for (const [key, text] of Object.entries(regs)) {
    const m = ENCODING.exec(key) ?? fail(`rawIdRegisters["${key}"]`, 'a key of the form op0,op1,CRn,CRm,op2');
    const [op0, op1, CRn, CRm, op2] = m.slice(1).map(Number) as [number, number, number, number, number];
    if (CRn > 15 || CRm > 15) fail(`rawIdRegisters["${key}"]`, 'CRn and CRm of at most 15');
    if (typeof text !== 'string' || !/^0x[0-9a-f]{1,16}$/i.test(text))
      fail(`rawIdRegisters["${key}"]`, 'a 64-bit number "0x..."');
    raw.set(pack(op0, op1, CRn, CRm, op2), BigInt(text as string));
  }
  for (const name of ['MIDR_EL1', 'ID_AA64PFR0_EL1', 'ID_AA64MMFR0_EL1'] as const)
    if (!raw.has(ID_REGS[name].enc))
      fail(`rawIdRegisters["${encParts(ID_REGS[name].enc).join(',')}"]`, `the value of ${name}`);

  const int = (key: string, lo: number, hi: number): number | undefined => {
    const v = o[key];
    if (v === undefined) return undefined;
    return Number.isInteger(v) && (v as number) >= lo && (v as number) <= hi
      ? (v as number)
      : fail(key, `a whole number ${lo}..${hi}`);
  };
  const word = (key: string): bigint | undefined => {
    const v = o[key];
    if (v === undefined) return undefined;
    return typeof v === 'string' && /^0x[0-9a-f]{1,16}$/i.test(v) ? BigInt(v) : fail(key, 'a 64-bit number "0x..."');
  };
  const vls = o['vectorLengths'];
  const isVl = (v: unknown): boolean =>
    Number.isInteger(v) && (v as number) % 128 === 0 && (v as number) >= 128 && (v as number) <= 2048;
  if (vls !== undefined && !(Array.isArray(vls) && vls.length > 0 && vls.every(isVl) && vls.includes(128)))
    fail('vectorLengths', 'a list of multiples of 128 up to 2048 that includes 128');
  const gic = o['gic'];
  if (gic !== undefined && !['v2', 'v3', 'v5'].includes(gic as string)) fail('gic', '"v2", "v3" or "v5"');
  const wa = o['workarounds'];
  const isAnswer = (v: unknown): boolean => ['none', 'mitigated', 'unaffected'].includes(v as string);
  if (wa !== undefined && !(Array.isArray(wa) && wa.length === 3 && wa.every(isAnswer)))
    fail('workarounds', 'three of "none", "mitigated", "unaffected"');
  return {
    raw,
    mode,
    cpus: int('cpus', 1, 512),
    pmuCounters: int('pmuCounters', 0, 31),
    vectorLengths: vls === undefined ? undefined : [...(vls as number[])].sort((a, b) => a - b),
    gic: gic as HostGic | undefined,
    workarounds: wa as HostSpec['workarounds'],
    actlr: word('actlr'),
    amair: word('amair'),
  };
}
