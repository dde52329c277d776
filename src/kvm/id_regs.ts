// The ID registers of a VM: what is the most it may show (the limit), which bits may be lowered (the mask), is this value
// acceptable? The rows are in sys_reg_descs.ts, the host's rules per field in cpufeature.ts. Knows no vCPU storage.

import {
  fieldOf,
  fieldRank,
  ID_REG_NAMES,
  idRegAt,
  idRegRow,
  maskOfField,
  readField,
  res0Of,
  withField,
} from '../arch/id_fields.ts';
import { type FieldName, ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import { encParts } from '../arch/schema.ts';
import { mask64 } from '../base/bits.ts';
import { Errno } from '../base/hostfile.ts';
import { hostFields, isSafe, type SafeRule } from './cpufeature.ts';
import { limitNvIdReg, lowerTo, maskNamed, withNamed } from './nv_limit.ts';
import { offeredFields, unfounded } from './offers.ts';
import type { VmRegs } from './regs_state.ts';
import { type FieldSource, ID_DESCS, MASKED_VCPU_REGS, type WriteQuirk } from './sys_reg_descs.ts';
import { type Condition, holds, idRegIndex, readVmIdReg } from './vm_features.ts';

const PMU_IMPDEF = 15;

// Limits.

const SOURCES: Readonly<Record<FieldSource, (vm: VmRegs) => number | undefined>> = {
  csv2: (vm) => (vm.host.spectreV2 === 'unaffected' ? 1 : undefined),
  csv3: (vm) => (vm.host.meltdownSafe ? 1 : undefined),
  gicv3: (vm) => (vm.host.hasGicv3 ? 1 : undefined),
  gicv5: (vm) => (vm.host.hasGicv5 ? 1 : 0),
  pmuVer: (vm) => (holds(vm, 'pmu') ? vm.host.pmuVerLimit : 0),
  perfMon: (vm) => (holds(vm, 'pmu') ? perfMonOf(vm.host.pmuVerLimit) : 0),
};
/** ID_DFR0_EL1.PerfMon for a PMUVer: the two count alike from PMUv3p1 on. @linux pmuver_to_perfmon */
function perfMonOf(pmuVer: number): number {
  return pmuVer === 1 ? 3 : pmuVer;
}

/** A row whose field names have been checked where it was written. */
interface AnyRow {
  readonly offer?: readonly string[];
  readonly fixed?: readonly string[];
  readonly hide?: readonly string[];
  readonly onlyIf?: Readonly<Record<string, Condition | undefined>>;
  readonly atMost?: Readonly<Record<string, string | undefined>>;
  readonly from?: Readonly<Record<string, FieldSource | undefined>>;
  readonly quirk?: WriteQuirk;
  readonly razUnless?: Condition;
  readonly razInMask?: true;
  readonly aa32?: true;
  readonly fromEvenIfRaz?: true;
  readonly implementation?: 32 | 64;
}
interface Row extends AnyRow {
  readonly mask: bigint;
  readonly shown: bigint;
}
function compile(name: IdRegName, row: AnyRow): Row {
  const all = (list: readonly string[] = []): bigint => list.reduce((m, f) => m | maskNamed(name, f), 0n);
  if (row.implementation) return { ...row, mask: (1n << BigInt(row.implementation)) - 1n, shown: mask64 };
  if (row.aa32) return { ...row, mask: 0xffff_ffffn, shown: mask64 & ~all(row.hide) };
  const { res1, raz } = idRegRow(name);
  const offered = all(row.offer);
  return { ...row, mask: offered | (row.razInMask ? raz : 0n), shown: offered | all(row.fixed) | res1 };
}
const descs: Readonly<Partial<Record<IdRegName, AnyRow>>> = ID_DESCS;
const rows = new Map<IdRegName, Row>(
  ID_REG_NAMES.flatMap((name) => {
    const row = descs[name];
    return row ? [[name, compile(name, row)] as const] : [];
  }),
);

/** ID registers kept per VM that read as zero and accept nothing else, unless AArch32 makes writes vanish. */
function isRaz(vm: VmRegs, row: Row | undefined): boolean {
  if (!row) return true;
  if (row.aa32) return !vm.host.hasEl0_32;
  return row.razUnless !== undefined && !holds(vm, row.razUnless);
}
/** Writes are accepted and forgotten. */
function isWi(vm: VmRegs, row: Row | undefined): boolean {
  return row?.aa32 === true && !vm.host.hasEl0_32;
}

/** The most that the VM may show in an ID register that is kept per VM. @linux kvm_read_sanitised_id_reg */
export function idRegLimit(vm: VmRegs, packed: number): bigint {
  const name = idRegAt(packed);
  const row = name && rows.get(name);
  if (!name || !row || (isRaz(vm, row) && !row.fromEvenIfRaz)) return 0n;
  if (row.implementation) return implementationValue(vm, name);
  let value = vm.host.sanitised(name) & row.shown;
  for (const f of offeredFields(vm, name)) value |= (vm.host.raw.get(packed) ?? 0n) & maskNamed(name, f);
  for (const [f, condition] of Object.entries(row.onlyIf ?? {}))
    if (!holds(vm, condition!)) value &= ~maskNamed(name, f);
  for (const [f, source] of Object.entries(row.from ?? {})) {
    const v = SOURCES[source!](vm);
    if (v !== undefined) value = withNamed(name, f, value, v);
  }
  for (const [f, most] of Object.entries(row.atMost ?? {})) value = lowerTo(name, f, value, most!);
  return holds(vm, 'el2') ? limitNvIdReg(vm, name, value) : value;
}
function implementationValue(vm: VmRegs, name: IdRegName): bigint {
  return name === 'MIDR_EL1' ? vm.host.midr : name === 'REVIDR_EL1' ? vm.host.revidr : vm.host.aidr;
}

// Acceptance.

/**
 * KVM chooses otherwise than the host kernel for versions of the PMU and of debug: fewer is fine.
 * @linux kvm_arm64_ftr_safe_value
 */
const LOWER_FOR_VMS: ReadonlySet<string> = new Set([
  'ID_AA64DFR0_EL1.PMUVer',
  'ID_AA64DFR0_EL1.DebugVer',
  'ID_DFR0_EL1.PerfMon',
]);

/** Whether every field is within the limit and every other bit equals it. @linux arm64_check_features */
function isAcceptable(vm: VmRegs, name: IdRegName, mask: bigint, limit: bigint, value: bigint): boolean {
  let free = 0n;
  for (const f of offeredFields(vm, name)) {
    const field = idRegRow(name).fields[f]!;
    free |= maskNamed(name, f);
    if (fieldRank(value, field) > fieldRank(limit, field)) return false;
  }
  for (const f of hostFields(name) ?? []) {
    if ((f.mask & mask) !== f.mask) continue;
    free |= f.mask;
    const rule: SafeRule = LOWER_FOR_VMS.has(`${name}.${f.name}`) ? 'lower' : f.rule;
    if (!isSafe(f, rule, value, limit)) return false;
  }
  return (value & ~free) === (limit & ~free);
}

/** Adjusts the value that userspace gave, or answers a negative errno. */
const QUIRKS: Readonly<Record<WriteQuirk, (vm: VmRegs, value: bigint, limit: () => bigint) => bigint | number>> = {
  // An IMPLEMENTATION DEFINED PMU was once shown by mistake: taken as none. The debug architecture has a lowest version.
  dfr0(vm, value) {
    const get = reader('ID_AA64DFR0_EL1', value);
    if (get('DebugVer') < 6) return -Errno.EINVAL;
    if (get('PMUVer') === PMU_IMPDEF) value = withField(value, 'ID_AA64DFR0_EL1', 'PMUVer', 0);
    // Older KVM claimed FEAT_DoubleLock for VMs with EL2 on hosts without it.
    const hostLacks = reader('ID_AA64DFR0_EL1', vm.host.sanitised('ID_AA64DFR0_EL1'))('DoubleLock') === 15;
    if (holds(vm, 'el2') && hostLacks && get('DoubleLock') === 0)
      value = withField(value, 'ID_AA64DFR0_EL1', 'DoubleLock', 15);
    return value;
  },
  dfr0_32(_vm, value) {
    const get = reader('ID_DFR0_EL1', value);
    const perfMon = get('PerfMon');
    if (perfMon === PMU_IMPDEF) value = withField(value, 'ID_DFR0_EL1', 'PerfMon', 0);
    else if (perfMon !== 0 && perfMon < 3) return -Errno.EINVAL;
    return get('CopDbg') < 6 ? -Errno.EINVAL : value;
  },
  // MPAM was once shown: the host's own value is accepted and forgotten. AArch64 cannot be taken away.
  pfr0(vm, value) {
    value = forgetIfHosts(vm, 'ID_AA64PFR0_EL1', 'MPAM', value);
    const get = reader('ID_AA64PFR0_EL1', value);
    return get('EL0') === 0 || get('EL1') === 0 || (holds(vm, 'el2') && get('EL2') === 0) ? -Errno.EINVAL : value;
  },
  // MTE_frac was once hidden: where hardware has MTE2 without asynchronous faults, 0 is taken for the host's value.
  pfr1(vm, value) {
    value = forgetIfHosts(vm, 'ID_AA64PFR1_EL1', 'MPAM_frac', value);
    const host = reader('ID_AA64PFR1_EL1', vm.host.sanitised('ID_AA64PFR1_EL1'));
    const user = reader('ID_AA64PFR1_EL1', value);
    if (host('MTE') === 2 && host('MTE_frac') === 15 && user('MTE_frac') === 0)
      value = withField(value, 'ID_AA64PFR1_EL1', 'MTE_frac', 15);
    return value;
  },
  // With EL2, a stage-2 granule may only stay as it is or go.
  mmfr0(vm, value, limit) {
    if (!holds(vm, 'el2')) return value;
    const most = reader('ID_AA64MMFR0_EL1', limit());
    const user = reader('ID_AA64MMFR0_EL1', value);
    const fine = (['TGran4_2', 'TGran16_2', 'TGran64_2'] as const).every((f) => user(f) === most(f) || user(f) === 1);
    return fine ? value : -Errno.EINVAL;
  },
  mmfr2: (vm, value) => forgetIfHosts(vm, 'ID_AA64MMFR2_EL1', 'NV', value),
  // Instruction cache policies that Arm has withdrawn.
  ctr: (_vm, value) => (reader('CTR_EL0', value)('L1Ip') < 2 ? -Errno.EINVAL : value),
};
function reader<R extends IdRegName>(name: R, value: bigint): (f: FieldName<R>) => number {
  return (f) => readField(value, fieldOf(name, f));
}
function forgetIfHosts<R extends IdRegName>(vm: VmRegs, name: R, f: FieldName<R>, value: bigint): bigint {
  const field = fieldOf(name, f);
  return readField(value, field) === readField(vm.host.sanitised(name), field) ? value & ~maskOfField(name, f) : value;
}

/**
 * KVM_SET_ONE_REG on an ID register that is kept per VM.
 * @returns 0, -EINVAL for a value the VM cannot have, -EBUSY for a change after the VM has run
 * @linux set_id_reg
 */
export function setVmIdReg(vm: VmRegs, packed: number, value: bigint): number {
  const index = idRegIndex(packed)!;
  const name = idRegAt(packed);
  const row = name && rows.get(name);
  if (isWi(vm, row)) return 0;
  if (name && row?.implementation) return setImplementation(vm, index, row.mask, value);
  const limit = (): bigint => idRegLimit(vm, packed);
  if (row?.quirk) {
    const v = QUIRKS[row.quirk](vm, value, limit);
    if (typeof v === 'number') return v;
    value = v;
  }
  if (vm.ranOnce) return value === vm.idRegs[index] ? 0 : -Errno.EBUSY;
  if (!name || isRaz(vm, row)) {
    if (value !== 0n) return -Errno.EINVAL;
  } else if (!isAcceptable(vm, name, row!.mask, limit(), value)) return -Errno.EINVAL;
  vm.idRegs[index] = value;
  return 0;
}
/** @linux set_imp_id_reg */
function setImplementation(vm: VmRegs, index: number, mask: bigint, value: bigint): number {
  if (value === vm.idRegs[index]) return 0;
  if (!vm.writableImpIdRegs) return -Errno.EINVAL;
  if (vm.ranOnce) return -Errno.EBUSY;
  if ((value & mask) !== value) return -Errno.EINVAL;
  vm.idRegs[index] = value;
  return 0;
}

/** All ID registers of the VM to their limits: at the first init of its first vCPU. */
export function resetVmIdRegs(vm: VmRegs, encodings: readonly number[]): void {
  if (vm.idRegsReady) return;
  for (const packed of encodings) vm.idRegs[idRegIndex(packed)!] = idRegLimit(vm, packed);
  vm.idRegsReady = true;
}

/**
 * The fields of the interrupt controller after userspace has chosen one (or, by the first run, none).
 * @linux kvm_vgic_finalize_idregs, kvm_finalize_sys_regs
 */
export function finalizeGicIdRegs(vm: VmRegs): void {
  const set = <R extends IdRegName>(name: R, f: FieldName<R>, v: number): void => {
    const i = idRegIndex(ID_REGS[name].enc)!;
    vm.idRegs[i] = withField(vm.idRegs[i]!, name, f, v);
  };
  const v3 = vm.irqchip === 'v3';
  set('ID_AA64PFR0_EL1', 'GIC', v3 ? 1 : 0);
  set('ID_AA64PFR2_EL1', 'GCIE', vm.irqchip === 'v5' ? 1 : 0);
  set('ID_PFR1_EL1', 'GIC', v3 && vm.host.hasEl0_32 ? 1 : 0);
}

/** What is offered beyond Linux 7.2 and has lost what it stands on is taken back before the VM runs. */
export function finalizeOffers(vm: VmRegs): void {
  for (const path of unfounded(vm)) {
    const [name, field] = path.split('.') as [IdRegName, string];
    vm.idRegs[idRegIndex(ID_REGS[name].enc)!]! &= ~maskNamed(name, field);
  }
}

// The mask that userspace may ask for.

/** Where KVM_ARM_GET_REG_WRITABLE_MASKS puts a register: op1 (0, 1, 3 as 0, 1, 2), CRm, op2. */
function maskIndex(packed: number): number {
  const [, op1, , CRm, op2] = encParts(packed);
  return (op1 === 3 ? 2 : op1) * 64 + CRm * 8 + op2;
}
function offeredMask(vm: VmRegs, name: IdRegName): bigint {
  return offeredFields(vm, name).reduce((m, f) => m | maskNamed(name, f), 0n);
}
/** KVM_ARM_GET_REG_WRITABLE_MASKS, range 0: 192 masks. @linux kvm_vm_ioctl_get_reg_writable_masks */
export function writableMasks(vm: VmRegs): BigUint64Array {
  const out = new BigUint64Array(192);
  for (const [name, row] of rows)
    if (!row.aa32 || vm.host.hasEl0_32) out[maskIndex(ID_REGS[name].enc)] = row.mask | offeredMask(vm, name);
  for (const name of MASKED_VCPU_REGS) out[maskIndex(ID_REGS[name].enc)] = mask64 & ~res0Of(name);
  return out;
}

export function vmIdReg(vm: VmRegs, name: IdRegName): bigint {
  return readVmIdReg(vm, ID_REGS[name].enc);
}
