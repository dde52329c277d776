// A vCPU is initialised, finalised, reset: which feature sets are taken, and what every register holds afterwards. VM-wide
// ID registers are filled in at the first reset and survive the later ones. Knows no file descriptors.

import { fieldOf, readField } from '../arch/id_fields.ts';
import { Errno } from '../base/hostfile.ts';
import { KVM_ARM_TARGET, KVM_ARM_VCPU } from '../uapi/constants.ts';
import type { KvmCompat } from './compat.ts';
import { applyResx } from './config.ts';
import { INIT_TARGET, partOf } from './cputype.ts';
import type { Host } from './host.ts';
import { resetVmIdRegs } from './id_regs.ts';
import type { OfferName } from './offers.ts';
import { eventTypeMask, PMCR_LC, pmuCounterMask } from './pmu_regs.ts';
import type { CoreRegs, VcpuRegs, VmRegs } from './regs_state.ts';
import type { ResetName } from './sys_reg_descs.ts';
import { RESETTABLE, SYS_REG_SLOTS, sysRegSlot, VM_ID_REG_ENCODINGS } from './sys_reg_table.ts';
import { hasVcpuFeature, holds, VM_ID_REGS } from './vm_features.ts';

/** What a register holds whose reset value Arm leaves UNKNOWN: easily seen, and nobody can come to rely on it. */
export const POISON = 0x1de7_ec7e_dbad_c0den;
const V_STRIDE = 256;
const P_BYTES = 32;
export const VECTOR_BYTES = 32 * V_STRIDE + 17 * P_BYTES;

/** SPSR modes with DAIF masked. @linux VCPU_RESET_PSTATE_EL1, _EL2, _SVC */
const PSTATE = { el1: 0x3c5n, el2: 0x3c9n, svc: 0x1d3n } as const;

/** @param counter the host's CNTPCT_EL0 at the moment of the call */
export function createVmRegs(
  host: Host,
  options: {
    readonly isProtected?: boolean;
    readonly counter?: () => bigint;
    readonly compat?: KvmCompat | undefined;
    readonly offer?: readonly OfferName[];
  } = {},
): VmRegs {
  return {
    host,
    isProtected: options.isProtected ?? false,
    compat: options.compat,
    offer: options.offer ?? [],
    features: undefined,
    mte: false,
    writableImpIdRegs: false,
    irqchip: 'none',
    ranOnce: false,
    idRegs: new BigUint64Array(VM_ID_REGS),
    idRegsReady: false,
    pmuCounters: 0,
    hasPmuChosen: false,
    psciVersion: 0,
    smcccBitmaps: BigUint64Array.of(1n, 1n, 3n, 0n),
    virtualOffset: 0n,
    physicalOffset: 0n,
    counterOffsetFixed: false,
    counter: options.counter ?? (() => 0n),
    vcpus: [],
    enforcement: undefined,
  };
}

/** KVM_CREATE_VCPU: the virtual counter of the VM starts anew. @param id its argument, 0..511 */
export function createVcpuRegs(vm: VmRegs, id: number): VcpuRegs {
  const vcpu: VcpuRegs = {
    vm,
    id,
    initialized: false,
    hasRun: false,
    powerOff: false,
    sveFinalized: false,
    sveMaxVl: 0,
    core: emptyCore(),
    vectors: new Uint8Array(VECTOR_BYTES),
    sys: new BigUint64Array(SYS_REG_SLOTS),
    ccsidr: undefined,
  };
  vm.vcpus.push(vcpu);
  if (!vm.isProtected && !vm.counterOffsetFixed) {
    vm.virtualOffset = vm.counter();
    vm.physicalOffset = 0n;
  }
  return vcpu;
}
function emptyCore(): CoreRegs {
  return {
    x: new BigUint64Array(31),
    spEl0: 0n,
    pc: 0n,
    pstate: 0n,
    spsrBanked: new BigUint64Array(4),
    fpsr: 0,
    fpcr: 0,
  };
}

// KVM_ARM_VCPU_INIT.

const POWER_OFF = 1 << KVM_ARM_VCPU.POWER_OFF;
const VALID_FEATURES = (1 << Object.keys(KVM_ARM_VCPU).length) - 1;

/** Which vCPU features this host can give. @linux system_supported_vcpu_features */
export function supportedFeatures(host: Host): number {
  const no = (has: boolean, ...features: (keyof typeof KVM_ARM_VCPU)[]): number =>
    has ? 0 : features.reduce((m, f) => m | (1 << KVM_ARM_VCPU[f]), 0);
  return VALID_FEATURES & ~(no(host.hasEl1_32, 'EL1_32BIT') | no(host.hasPmu, 'PMU_V3') | no(host.hasSve, 'SVE') |
    no(host.hasPauth, 'PTRAUTH_ADDRESS', 'PTRAUTH_GENERIC') | no(host.hasNv, 'HAS_EL2')); // biome-ignore format: one mask
}

/**
 * KVM_ARM_VCPU_INIT. The first one of a VM fixes the features of all its vCPUs.
 * @param target kvm_vcpu_init.target
 * @param features kvm_vcpu_init.features, seven words of 32 bits
 * @returns 0 or -ENOENT (a feature KVM does not know), -EINVAL, -ENODEV (no PMU)
 * @linux kvm_arch_vcpu_ioctl_vcpu_init
 */
export function vcpuInit(vcpu: VcpuRegs, target: number, features: readonly number[]): number {
  const vm = vcpu.vm;
  const wanted = (features[0] ?? 0) & ~POWER_OFF;
  const part = partOf(vm.host.midr);
  if (target !== KVM_ARM_TARGET.GENERIC_V8 && target !== (part && INIT_TARGET[part])) return -Errno.EINVAL;
  if ((wanted & ~VALID_FEATURES) !== 0 || features.slice(1).some((w) => w !== 0)) return -Errno.ENOENT;
  const refusal = checkFeatures(vm, wanted);
  if (refusal !== 0) return refusal;
  if (vm.features !== undefined && vm.features !== wanted) return -Errno.EINVAL;
  if (!vcpu.initialized) {
    const before = vm.features;
    vm.features = wanted;
    const r = setup(vm);
    if (r !== 0) {
      vm.features = before;
      return r;
    }
  }
  resetVcpu(vcpu);
  vcpu.initialized = true;
  vcpu.powerOff = ((features[0] ?? 0) & POWER_OFF) !== 0;
  return 0;
}
/** @linux kvm_vcpu_init_check_features */
function checkFeatures(vm: VmRegs, wanted: number): number {
  const has = (f: keyof typeof KVM_ARM_VCPU): boolean => ((wanted >> KVM_ARM_VCPU[f]) & 1) === 1;
  if ((wanted & ~supportedFeatures(vm.host)) !== 0) return -Errno.EINVAL;
  if (has('PTRAUTH_ADDRESS') !== has('PTRAUTH_GENERIC')) return -Errno.EINVAL;
  if (has('EL1_32BIT') && (holds(vm, 'mte') || has('HAS_EL2'))) return -Errno.EINVAL;
  return 0;
}
/** @linux kvm_setup_vcpu */
function setup(vm: VmRegs): number {
  if (holds(vm, 'pmu') && !vm.hasPmuChosen) {
    if (!vm.host.hasPmu) return -Errno.ENODEV;
    setPmu(vm);
  }
  return holds(vm, 'el2E2h0') && !vm.host.hasNv1 ? -Errno.EINVAL : 0;
}
/** The VM counts with the host's PMU: all of its counters. @linux kvm_arm_set_pmu */
export function setPmu(vm: VmRegs): void {
  vm.hasPmuChosen = true;
  setPmuCounters(vm, vm.host.pmuCounters);
}
/** PMCR_EL0.N of the VM; a vCPU with EL2 starts with all counters on its own side. @linux kvm_arm_set_nr_counters */
export function setPmuCounters(vm: VmRegs, count: number): void {
  vm.pmuCounters = count;
  if (!hasVcpuFeature(vm, 'HAS_EL2')) return;
  const slot = sysRegSlot('MDCR_EL2');
  for (const vcpu of vm.vcpus) vcpu.sys[slot] = (vcpu.sys[slot]! & ~0x1fn) | BigInt(count);
}

/** KVM_ARM_VCPU_FINALIZE. @param feature KVM_ARM_VCPU_SVE is the only one. @linux kvm_arm_vcpu_finalize */
export function vcpuFinalize(vcpu: VcpuRegs, feature: number): number {
  if (feature !== KVM_ARM_VCPU.SVE || !holds(vcpu.vm, 'sve')) return -Errno.EINVAL;
  if (vcpu.sveFinalized) return -Errno.EPERM;
  vcpu.sveFinalized = true;
  return 0;
}
/** KVM_RUN and KVM_GET_REG_LIST answer EPERM before. */
export function isFinalized(vcpu: VcpuRegs): boolean {
  return vcpu.sveFinalized || !holds(vcpu.vm, 'sve');
}

// Reset.

/** All registers to what they hold out of reset, as by KVM_ARM_VCPU_INIT and PSCI CPU_ON. @linux kvm_reset_vcpu */
export function resetVcpu(vcpu: VcpuRegs): void {
  const { vm, core } = vcpu;
  if (holds(vm, 'sve') && !vcpu.sveFinalized) vcpu.sveMaxVl = 16 * (vm.host.vectorQuads.at(-1) ?? 0);
  vcpu.vectors.fill(0);
  core.x.fill(0n);
  core.spEl0 = 0n;
  core.pc = 0n;
  core.pstate = holds(vm, 'el1_32') ? PSTATE.svc : holds(vm, 'el2') ? PSTATE.el2 : PSTATE.el1;
  core.spsrBanked.fill(0n);
  core.fpsr = 0;
  core.fpcr = 0;
  resetVmIdRegs(vm, VM_ID_REG_ENCODINGS);
  for (const { desc, slot, name } of RESETTABLE) {
    if (desc!.once && vcpu.initialized) continue;
    vcpu.sys[slot] = applyResx(vm, name, resetValue(vcpu, desc!.reset!));
  }
}
function resetValue(vcpu: VcpuRegs, reset: bigint | 'unknown' | ResetName): bigint {
  if (typeof reset === 'bigint') return reset;
  return reset === 'unknown' ? POISON : RESETS[reset](vcpu);
}

const RESETS: Readonly<Record<ResetName, (vcpu: VcpuRegs) => bigint>> = {
  // 16 vCPUs at the lowest level, as many as one GICv3 SGI can address.
  mpidr: ({ id }) => (1n << 31n) | BigInt((id & 0xf) | (((id >> 4) & 0xff) << 8) | (((id >> 12) & 0xff) << 16)),
  clidr: ({ vm }) => fabricatedClidr(vm),
  actlr: ({ vm }) => vm.host.actlr,
  amair: ({ vm }) => vm.host.amair,
  hcr: ({ vm }) => (vm.host.hasNv1 ? 0n : 1n << 34n), // E2H
  mdcr: ({ vm }) => BigInt(vm.pmuCounters),
  pmuMask: ({ vm }) => POISON & pmuCounterMask(vm.pmuCounters),
  pmevcntr: () => POISON & 0xffff_ffffn,
  pmevtyper: ({ vm }) => (holds(vm, 'pmu') ? POISON & eventTypeMask(vm) : 0n),
  pmselr: () => POISON & 0x1fn,
  pmcr: ({ vm }) => (vm.host.hasEl0_32 ? 0n : PMCR_LC),
};

const CACHE = { INST: 1n, DATA: 2n, UNIFIED: 4n } as const;

/**
 * The smallest cache hierarchy that agrees with CTR_EL0: what CLIDR_EL1 shows instead of the host's own, which differs
 * from CPU to CPU. @linux reset_clidr
 */
function fabricatedClidr(vm: VmRegs): bigint {
  const ctr = vm.host.sanitised('CTR_EL0');
  const idc = readField(ctr, fieldOf('CTR_EL0', 'IDC')) === 1;
  const dic = readField(ctr, fieldOf('CTR_EL0', 'DIC')) === 1;
  // With IDC nothing needs cleaning to the point of unification: one unified cache, below an instruction cache if
  // there has to be one. Without, a data cache at level 1 is the point of unification and of coherency.
  const loc = idc && !dic ? 2 : 1;
  const at = (name: 'LoC' | 'LoUU' | 'LoUIS' | 'Ctype1' | 'Ctype2' | 'Ttypen', v: bigint, shift = 0): bigint =>
    v << BigInt(fieldOf('CLIDR_EL1', name).lo + shift);
  let clidr = idc
    ? at(loc === 2 ? 'Ctype2' : 'Ctype1', CACHE.UNIFIED)
    : at('LoUU', 1n) | at('LoUIS', 1n) | at('Ctype1', CACHE.DATA);
  if (!dic) clidr |= at('Ctype1', CACHE.INST);
  clidr |= at('LoC', BigInt(loc));
  if (holds(vm, 'mte')) clidr |= at('Ttypen', 2n, 2 * (loc - 1)); // tags unified with data
  return clidr;
}
