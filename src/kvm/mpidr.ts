// Which vCPU? By affinity, as the guest and the interrupt controller name it.

import { sysRegSlot } from './sys_reg_table.ts';
import type { Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';

/** The affinity in MPIDR_EL1, which is zero until the first init: Aff3<39:32> Aff2<23:16> Aff1<15:8> Aff0<7:0>. */
const AFFINITY = 0xff_00ff_ffffn;
const mpidrSlot = sysRegSlot('MPIDR_EL1');
export function mpidr(vcpu: Vcpu): bigint {
  return vcpu.regs.sys[mpidrSlot]! & AFFINITY;
}
/** Without Aff3, which vCPUs here never have. */
export function mpidrAff(vcpu: Vcpu): number {
  return Number(mpidr(vcpu) & 0xff_ffffn);
}
/** @linux kvm_mpidr_to_vcpu */
export function vcpuByMpidr(vm: Vm, affinity: bigint): Vcpu | undefined {
  return vm.vcpus.find((v) => mpidr(v) === affinity);
}
