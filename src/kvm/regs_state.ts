// What a VM and a vCPU remember about their registers, and the questions the ioctl layer may ask about them.
// Plain data: made here, filled by reset.ts, read and written by guest.ts and its register classes. Knows no ioctl,
// no file descriptor and no running PE (the world switch loads and stores these fields).

import type { KvmCompat } from './compat.ts';
import type { Resx } from './config.ts';
import type { Host } from './host.ts';
import type { OfferName } from './offers.ts';
import type { StoredReg } from './sys_reg_table.ts';

/** The in-kernel interrupt controller model of a VM. @linux kvm->arch.vgic.vgic_model */
export type Irqchip = 'none' | 'v2' | 'v3' | 'v5';

/** What the VM enforces once it has run: computed by firstRun() from the final ID registers. */
export interface Enforcement {
  /** HCRX_EL2 while the VM runs. @linux kvm->arch.hcrx_el2 bits */
  readonly hcrx: bigint;
  /** Fine-grained UNDEF: trap register (HFGRTR_EL2, HDFGRTR_EL2, HFGITR_EL2, ...) -> bits. @linux kvm->arch.fgu */
  readonly fgu: ReadonlyMap<string, bigint>;
  /** Control register -> its bits that read as 0 / as 1 for this VM. @linux kvm->arch.sysreg_masks */
  readonly resx: ReadonlyMap<StoredReg, Resx>;
}

/** Registers and register-related settings that all vCPUs of a VM share. @linux struct kvm_arch */
export interface VmRegs {
  readonly host: Host;
  /** KVM_VM_TYPE_ARM_PROTECTED */
  readonly isProtected: boolean;
  /** The kernel whose deviations the VM shows; undefined: none (compat.ts). */
  readonly compat: KvmCompat | undefined;
  /** ID fields shown beyond those of Linux 7.2 (offers.ts). */
  readonly offer: readonly OfferName[];
  /** KVM_ARM_VCPU_* bits (POWER_OFF left out) of the first successful init; undefined before it. */
  features: number | undefined;
  /** KVM_CAP_ARM_MTE was enabled. */
  mte: boolean;
  /** KVM_CAP_ARM_WRITABLE_IMP_ID_REGS was enabled. */
  writableImpIdRegs: boolean;
  irqchip: Irqchip;
  /** A vCPU has run: ID registers and firmware bitmaps are frozen. */
  ranOnce: boolean;
  /** ID registers by idRegIndex(); meaningless until idRegsReady. */
  readonly idRegs: BigUint64Array;
  idRegsReady: boolean;
  /** A PMU has been chosen for the VM: by the first init with the PMU feature, or by a vCPU attribute. */
  hasPmuChosen: boolean;
  /** Event counters of the VM (PMCR_EL0.N): change it by setPmuCounters(). */
  pmuCounters: number;
  /** KVM_REG_ARM_PSCI_VERSION as userspace chose it; 0: the newest one. */
  psciVersion: number;
  /** KVM_REG_ARM_{STD, STD_HYP, VENDOR_HYP, VENDOR_HYP_2}_BMAP, in the order of their index. */
  readonly smcccBitmaps: BigUint64Array;
  /** virtual and physical counter = host counter - offset. Fixed: KVM_ARM_SET_COUNTER_OFFSET was used. */
  virtualOffset: bigint;
  physicalOffset: bigint;
  counterOffsetFixed: boolean;
  /** The host's counter now (CNTPCT_EL0 as the host sees it). */
  counter: () => bigint;
  readonly vcpus: VcpuRegs[];
  enforcement: Enforcement | undefined;
}

/** The general registers. SP_EL1, ELR_EL1 and SPSR_EL1 are system registers: VcpuRegs.sys. */
export interface CoreRegs {
  /** X0..X30 */
  readonly x: BigUint64Array;
  spEl0: bigint;
  pc: bigint;
  pstate: bigint;
  /** SPSR_abt, SPSR_und, SPSR_irq, SPSR_fiq. */
  readonly spsrBanked: BigUint64Array;
  fpsr: number;
  fpcr: number;
}

/** Registers of one vCPU. @linux struct kvm_vcpu_arch */
export interface VcpuRegs {
  readonly vm: VmRegs;
  /** The argument of KVM_CREATE_VCPU: makes the affinity in MPIDR_EL1. */
  readonly id: number;
  initialized: boolean;
  /** This vCPU has entered the guest at least once. */
  hasRun: boolean;
  /** The last init asked for KVM_ARM_VCPU_POWER_OFF. */
  powerOff: boolean;
  sveFinalized: boolean;
  /** Largest SVE vector length in bytes; 0 without SVE. KVM_REG_ARM64_SVE_VLS lowers it until finalised. */
  sveMaxVl: number;
  readonly core: CoreRegs;
  /** Z0..Z31, 256 bytes each (V[n]: the low 16 bytes), then P0..P15 and FFR, 32 bytes each. */
  readonly vectors: Uint8Array;
  /** System registers by sysRegSlot(name). */
  readonly sys: BigUint64Array;
  /** CCSIDR_EL1 by CSSELR value; undefined until userspace or the guest touches one. */
  ccsidr: Uint32Array | undefined;
}
