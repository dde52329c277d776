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

/** Which vCPU has which affinity, as it was when first asked to run: affinities that more than one has go to the last. */
export interface AffinityCache {
  /** The bits in which the vCPUs differ. */
  readonly mask: bigint;
  readonly byBits: ReadonlyMap<bigint, Vcpu>;
}
/** The array of the kernel, 2 bytes an entry for every combination of differing bits, must fit a page. */
const MAX_DIFFERING_BITS = 10;

/** Remembers the affinities of a VM with more than one vCPU. @linux kvm_init_mpidr_data */
export function cacheAffinities(vm: Vm): void {
  if (vm.affinities || vm.vcpus.length < 2) return;
  const all = vm.vcpus.map(mpidr);
  const mask = all.reduce((a, b) => a | b) ^ all.reduce((a, b) => a & b);
  const bits = mask.toString(2).replaceAll('0', '').length;
  if (bits > MAX_DIFFERING_BITS) return;
  vm.affinities = { mask, byBits: new Map(vm.vcpus.map((v) => [mpidr(v) & mask, v])) };
}

/** @linux kvm_mpidr_to_vcpu */
export function vcpuByMpidr(vm: Vm, affinity: bigint): Vcpu | undefined {
  const cached = vm.affinities?.byBits.get(affinity & vm.affinities.mask);
  if (cached && mpidr(cached) === affinity) return cached;
  return vm.vcpus.find((v) => mpidr(v) === affinity);
}
