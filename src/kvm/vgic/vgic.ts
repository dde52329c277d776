// The state of a VM's interrupt controller and of its interrupts, and how an interrupt changes: lines, latches, owners,
// and which vCPU must look at it. Registers that show this state are in vgic-mmio*; delivery to a running guest (list
// registers) is not here. @linux arch/arm64/kvm/vgic/vgic.c, include/kvm/arm_vgic.h

import { Errno } from '../../base/hostfile.ts';
import type { Irqchip } from '../regs_state.ts';
import type { Vcpu } from '../vcpu.ts';
import type { Vm } from '../vm.ts';
import { vmcrField } from './vgic-cpuif.ts';
import type { Its } from './vgic-its.ts';

export const NR_SGIS = 16;
export const NR_PRIVATE_IRQS = 32;
/** INTIDs below this one are never LPIs. */
export const MIN_LPI = 8192;
const MAX_SPI = 1019;
/** GICD_IIDR.Revision: the newest behaviour, and the oldest that may be asked for. */
export const IMP_REV_LATEST = 3;
export const IMP_REV_OLDEST = 2;

/** One interrupt. @linux struct vgic_irq */
export interface VgicIrq {
  readonly intid: number;
  /** The vCPU on whose list it waits; undefined while nobody has to look at it. */
  vcpu: Vcpu | undefined;
  /** Where it goes: by affinity (v3) or target mask (v2). */
  target: Vcpu | undefined;
  config: 'edge' | 'level';
  /** Became pending by an edge, by software or by a message. */
  pendingLatch: boolean;
  /** The input of a level interrupt. */
  lineLevel: boolean;
  enabled: boolean;
  active: boolean;
  /** 0 to 255, lower is more urgent. */
  priority: number;
  group: 0 | 1;
  /** GICD_ITARGETSR (v2), GICD_IROUTER (v3). */
  targets: number;
  mpidr: number;
  /** v2 SGIs: who sent it; which of them is being handled. */
  source: number;
  activeSource: number;
  /** The device inside KVM that alone may drive it. */
  owner: object | undefined;
  /** LPIs: the number of translations that name it. */
  refs: number;
}

export function makeIrq(intid: number, target: Vcpu | undefined, fields: Partial<VgicIrq> = {}): VgicIrq {
  return {
    intid, vcpu: undefined, target, config: 'edge', pendingLatch: false, lineLevel: false, enabled: false, active: false,
    priority: 0, group: 0, targets: 0, mpidr: 0, source: 0, activeSource: 0, owner: undefined, refs: 0, ...fields,
  }; // biome-ignore format: a record of zeros
}

/** Redistributors in one piece of the address space. */
export interface RedistRegion {
  readonly index: number;
  readonly base: bigint;
  /** 0: one region, as large as there are vCPUs. */
  readonly count: number;
  /** Redistributors placed in it so far. */
  used: number;
}

/** The distributor and what belongs to the VM as a whole. @linux struct vgic_dist */
export interface VgicDist {
  model: Irqchip;
  initialized: boolean;
  /** Frames are mapped: a vCPU has run. */
  ready: boolean;
  /** GICD_CTLR: interrupts are forwarded. */
  enabled: boolean;
  implementationRev: number;
  /** v2: userspace has written GICD_IIDR and so may write groups. */
  v2GroupsWritable: boolean;
  /** 0 until set or initialised. */
  nrSpis: number;
  spis: VgicIrq[];
  distBase: bigint | undefined;
  cpuBase: bigint | undefined;
  readonly redistRegions: RedistRegion[];
  /** Maintenance interrupt of EL2 guests; 0: not chosen yet. */
  maintenanceIrq: number;
  hasIts: boolean;
  /** KVM_CAP_MSI_DEVID */
  msisRequireDevid: boolean;
  readonly itses: Its[];
  /** GICR_PROPBASER, one for all redistributors. */
  propbaser: bigint;
  readonly lpis: Map<number, VgicIrq>;
}

export function makeDist(): VgicDist {
  return {
    model: 'none', initialized: false, ready: false, enabled: false, implementationRev: 0, v2GroupsWritable: false, nrSpis: 0,
    spis: [], distBase: undefined, cpuBase: undefined, redistRegions: [], maintenanceIrq: 0, hasIts: false,
    msisRequireDevid: false, itses: [], propbaser: 0n, lpis: new Map(),
  }; // biome-ignore format: a record of zeros
}

/** The CPU interface and redistributor of one vCPU. @linux struct vgic_cpu */
export interface VgicCpu {
  /** SGIs and PPIs; empty before there is an interrupt controller. */
  privateIrqs: VgicIrq[];
  /** Interrupts that are pending or active here. @linux ap_list_head */
  readonly apList: Set<VgicIrq>;
  /** ICH_VMCR_EL2, ICC_SRE_EL1, active priorities and list registers while the vCPU is not running. */
  vmcr: number;
  sre: number;
  readonly ap0r: Uint32Array;
  readonly ap1r: Uint32Array;
  readonly lr: BigUint64Array;
  redistBase: bigint | undefined;
  region: RedistRegion | undefined;
  regionIndex: number;
  pendbaser: bigint;
  /** GICR_CTLR.EnableLPIs */
  lpisEnabled: boolean;
  /** Number of priority bits, and ICC_CTLR_EL1.IDbits. */
  priBits: number;
  idBits: number;
  /** What the CPU interface signals; undefined: something changed since it was last worked out. */
  signal: 'none' | 'irq' | 'fiq' | 'both' | undefined;
}

export function makeVgicCpu(): VgicCpu {
  return {
    privateIrqs: [], apList: new Set(), vmcr: 0, sre: 0, ap0r: new Uint32Array(4), ap1r: new Uint32Array(4),
    lr: new BigUint64Array(16), redistBase: undefined, region: undefined, regionIndex: 0, pendbaser: 0n, lpisEnabled: false,
    priBits: 0, idBits: 0, signal: undefined,
  }; // biome-ignore format: a record of zeros
}

/** The VM has an interrupt controller in KVM. @linux irqchip_in_kernel */
export function hasIrqchip(vm: Vm): boolean {
  return vm.vgic.model !== 'none';
}
/** @linux vgic_initialized */
export function isInitialized(vm: Vm): boolean {
  return vm.vgic.initialized;
}

export function isPpi(intid: number): boolean {
  return intid >= NR_SGIS && intid < NR_PRIVATE_IRQS;
}
export function isSpi(intid: number): boolean {
  return intid >= NR_PRIVATE_IRQS && intid <= MAX_SPI;
}
/** An SPI that this VM has. @linux vgic_valid_spi */
export function isValidSpi(vm: Vm, intid: number): boolean {
  return intid >= NR_PRIVATE_IRQS && intid < vm.vgic.nrSpis + NR_PRIVATE_IRQS;
}
/** @param vcpu for SGIs and PPIs */
export function getIrq(vm: Vm, vcpu: Vcpu | undefined, intid: number): VgicIrq | undefined {
  if (intid < NR_PRIVATE_IRQS) return vcpu?.vgic.privateIrqs[intid];
  return isValidSpi(vm, intid) ? vm.vgic.spis[intid - NR_PRIVATE_IRQS] : vm.vgic.lpis.get(intid);
}
export function isPending(irq: VgicIrq): boolean {
  return irq.pendingLatch || (irq.config === 'level' && irq.lineLevel);
}

/** Something changed that the vCPU must look at; a waiting one is asked again by its thread's scheduler. */
export function kick(vcpu: Vcpu): void {
  vcpu.vgic.signal = undefined;
  vcpu.onKick?.();
}

/**
 * Which vCPU must look at the interrupt, if any. Whether the distributor forwards anything is asked when it looks.
 * @linux vgic_target_oracle
 */
export function targetOf(irq: VgicIrq): Vcpu | undefined {
  if (irq.active) return irq.vcpu ?? irq.target;
  return irq.enabled && isPending(irq) ? irq.target : undefined;
}
/**
 * After any change of an interrupt: takes it from the vCPU that need not look at it any more, and puts it before the one
 * that has to. @linux vgic_queue_irq_unlock, vgic_prune_ap_list
 */
export function requeue(irq: VgicIrq): void {
  const from = irq.vcpu;
  const to = targetOf(irq);
  if (from && from !== to) {
    from.vgic.apList.delete(irq);
    from.vgic.signal = undefined;
  }
  irq.vcpu = to;
  if (!to) return;
  to.vgic.apList.add(irq);
  kick(to);
}
/**
 * Some interrupt beyond the priority mask waits for the vCPU: it is runnable, whatever groups and running priority say.
 * @linux kvm_vgic_vcpu_pending_irq
 */
export function hasPendingIrq(vcpu: Vcpu): boolean {
  if (!isInitialized(vcpu.vm) || !vcpu.vm.vgic.enabled) return false;
  const mask = vmcrField(vcpu.vgic.vmcr, 'VPMR');
  for (const irq of vcpu.vgic.apList) {
    if (irq.enabled && isPending(irq) && !irq.active && irq.priority < mask) return true;
  }
  return false;
}

/**
 * A device drives an interrupt's input.
 * @param owner the device inside KVM; undefined for the program, whose attempts on owned interrupts are ignored
 * @returns 0 or -EINVAL for an interrupt that is not there
 * @linux kvm_vgic_inject_irq
 */
export function injectIrq(
  vm: Vm,
  vcpu: Vcpu | undefined,
  intid: number,
  level: boolean,
  owner: object | undefined,
): number {
  if (!isInitialized(vm)) return 0;
  vm.kvm.trace('vgic_update_irq_pending', { vcpu: vcpu?.id ?? 0, irq: intid, level });
  const irq = getIrq(vm, vcpu, intid);
  if (!irq) return -Errno.EINVAL;
  if (irq.owner !== owner) return 0;
  if (irq.config === 'level') {
    if (irq.lineLevel === level) return 0;
    irq.lineLevel = level;
  } else {
    if (!level) return 0;
    irq.pendingLatch = true;
  }
  requeue(irq);
  return 0;
}

/** The output of a device inside KVM (timer, PMU): an interrupt that it owns. @linux kvm_vgic_inject_irq */
export function setLevel(vcpu: Vcpu, intid: number, level: boolean, owner: object): void {
  injectIrq(vcpu.vm, vcpu, intid, level, owner);
}

/**
 * Gives an interrupt to a device inside KVM.
 * @returns 0, -EAGAIN before the controller is initialised, -EINVAL for SGIs and LPIs, -EEXIST where it has another owner
 * @linux kvm_vgic_set_owner
 */
export function setOwner(vcpu: Vcpu, intid: number, owner: object): number {
  if (!isInitialized(vcpu.vm)) return -Errno.EAGAIN;
  const irq = isPpi(intid) || isValidSpi(vcpu.vm, intid) ? getIrq(vcpu.vm, vcpu, intid) : undefined;
  if (!irq) return -Errno.EINVAL;
  if (irq.owner && irq.owner !== owner) return -Errno.EEXIST;
  irq.owner = owner;
  return 0;
}
