// The life of a VM's interrupt controller: created, initialised, mapped when the first vCPU runs.
// @linux arch/arm64/kvm/vgic/vgic-init.c

import { Errno } from '../../base/hostfile.ts';
import { KVM_LIMITS } from '../../uapi/index.ts';
import { check, refuse } from '../errors.ts';
import { finalizeGicIdRegs } from '../id_regs.ts';
import { setDefaultRouting } from '../irqchip.ts';
import { mpidrAff } from '../mpidr.ts';
import type { Irqchip } from '../regs_state.ts';
import type { Vcpu } from '../vcpu.ts';
import type { Vm } from '../vm.ts';
import { hasIrqchip, IMP_REV_LATEST, isInitialized, makeIrq, NR_PRIVATE_IRQS, NR_SGIS, setOwner } from './vgic.ts';
import { frameDevice } from './vgic-mmio.ts';
import { V2_CPU_FRAME, V2_DIST_REGISTERS } from './vgic-mmio-v2.ts';
import { V3_DIST_REGISTERS } from './vgic-mmio-v3.ts';
import { checkBases, registerRedist, resetCpuInterface } from './vgic-v3.ts';

export const V2_DIST_SIZE = 0x1000;
export const V2_CPU_SIZE = 0x2000;
export const V3_DIST_SIZE = 0x10000;
/** Interrupts where nobody said how many. */
const NR_IRQS_LEGACY = 256;
/** Maintenance PPI of EL2 guests where nobody said which. */
const DEFAULT_MAINTENANCE_IRQ = 25;

/** @throws ENODEV, EEXIST, EBUSY once a vCPU has run, E2BIG for too many vCPUs. @linux kvm_vgic_create */
export function createVgic(vm: Vm, model: Exclude<Irqchip, 'none'>): void {
  if (model === 'v2' && !vm.kvm.gic.emulatesV2) throw refuse.ENODEV;
  if (vm.vcpus.some((v) => v.running)) throw refuse.EBUSY;
  if (hasIrqchip(vm)) throw refuse.EEXIST;
  if (vm.vcpus.some((v) => v.regs.hasRun)) throw refuse.EBUSY;
  vm.maxVcpus = model === 'v2' ? KVM_LIMITS.MAX_VCPUS_GICV2 : KVM_LIMITS.MAX_VCPUS;
  if (vm.vcpus.length > vm.maxVcpus) throw refuse.E2BIG;
  vm.vgic.model = model;
  vm.vgic.implementationRev = IMP_REV_LATEST;
  vm.regs.irqchip = model;
  finalizeGicIdRegs(vm.regs);
  for (const vcpu of vm.vcpus) makePrivateIrqs(vcpu);
}

function makePrivateIrqs(vcpu: Vcpu): void {
  if (vcpu.vgic.privateIrqs.length > 0) return;
  const v3 = vcpu.vm.vgic.model === 'v3';
  vcpu.vgic.privateIrqs = Array.from({ length: NR_PRIVATE_IRQS }, (_, intid) =>
    makeIrq(intid, vcpu, {
      enabled: intid < NR_SGIS,
      config: intid < NR_SGIS ? 'edge' : 'level',
      group: v3 ? 1 : 0,
      mpidr: v3 ? mpidrAff(vcpu) : 0,
      targets: v3 ? 0 : 1 << vcpu.id,
    }),
  );
}

/** A new vCPU of a VM. @throws EINVAL where its redistributor does not fit. @linux kvm_vgic_vcpu_init */
export function addVgicCpu(vcpu: Vcpu): void {
  if (!hasIrqchip(vcpu.vm)) return;
  makePrivateIrqs(vcpu);
  if (vcpu.vm.vgic.model === 'v3') registerRedist(vcpu);
}

/** KVM_DEV_ARM_VGIC_CTRL_INIT, and GICv2's first use. @returns 0 or a negative errno. @linux vgic_init */
export function initVgic(vm: Vm): number {
  if (isInitialized(vm)) return 0;
  const dist = vm.vgic;
  if (dist.nrSpis === 0) dist.nrSpis = NR_IRQS_LEGACY - NR_PRIVATE_IRQS;
  const group = dist.model === 'v3' ? 1 : 0;
  dist.spis = Array.from({ length: dist.nrSpis }, (_, i) => makeIrq(i + NR_PRIVATE_IRQS, vm.vcpus[0], { group }));
  for (const vcpu of vm.vcpus) resetCpuInterface(vcpu);
  setDefaultRouting(vm, dist.nrSpis);
  dist.initialized = true;
  return 0;
}

/** A GICv2 comes up on first use; a GICv3 must have been initialised. @returns 0 or -EBUSY. @linux vgic_lazy_init */
export function lazyInit(vm: Vm): number {
  if (isInitialized(vm)) return 0;
  return vm.vgic.model === 'v2' ? initVgic(vm) : -Errno.EBUSY;
}

/**
 * Before the first vCPU runs: the frames go to their places. Whatever is refused here, the VM is dead.
 * @throws ENXIO for a missing address, EINVAL for frames that meet, EBUSY for a GICv3 not initialised
 * @linux kvm_vgic_map_resources
 */
export function mapResources(vm: Vm): void {
  const dist = vm.vgic;
  if (dist.ready || dist.model === 'none') return;
  try {
    if (dist.model === 'v2') mapV2(vm);
    else mapV3(vm);
  } catch (e) {
    vm.dead = true;
    throw e;
  }
  dist.ready = true;
}
function mapV3(vm: Vm): void {
  const dist = vm.vgic;
  if (vm.vcpus.some((v) => v.vgic.redistBase === undefined) || dist.distBase === undefined) throw refuse.ENXIO;
  if (!checkBases(vm)) throw refuse.EINVAL;
  if (!isInitialized(vm)) throw refuse.EBUSY;
  vm.buses.mmio.register(dist.distBase, V3_DIST_SIZE, frameDevice('vgic-dist', vm, dist.distBase, V3_DIST_REGISTERS));
}
function mapV2(vm: Vm): void {
  const { distBase, cpuBase } = vm.vgic;
  if (distBase === undefined || cpuBase === undefined) throw refuse.ENXIO;
  const apart = distBase + BigInt(V2_DIST_SIZE) <= cpuBase || cpuBase + BigInt(V2_CPU_SIZE) <= distBase;
  if (!apart) throw refuse.EINVAL;
  check(initVgic(vm));
  vm.buses.mmio.register(cpuBase, V2_CPU_SIZE, frameDevice('vgic-cpu', vm, cpuBase, V2_CPU_FRAME));
  vm.buses.mmio.register(distBase, V2_DIST_SIZE, frameDevice('vgic-dist', vm, distBase, V2_DIST_REGISTERS));
}

/** EL2 guests own a maintenance interrupt. @throws EAGAIN, EINVAL, EEXIST. @linux kvm_vgic_vcpu_nv_init */
export function claimMaintenanceIrq(vcpu: Vcpu): void {
  const dist = vcpu.vm.vgic;
  if (dist.maintenanceIrq === 0) dist.maintenanceIrq = DEFAULT_MAINTENANCE_IRQ;
  check(setOwner(vcpu, dist.maintenanceIrq, vcpu));
}
