// The PMU as far as its registers are storage: how many counters, which bits exist, how a stored counter is shown. Knows
// no events and does not count. @linux pmu-emul.c

import { fieldOf, readField } from '../arch/id_fields.ts';
import { vmIdReg } from './id_regs.ts';
import type { VcpuRegs, VmRegs } from './regs_state.ts';
import { sysRegSlot } from './sys_reg_table.ts';
import { holds, vmHas } from './vm_features.ts';

export const PMCR_LC = 1n << 6n;
/** Bits of PMCR_EL0 that are kept; N comes from the VM. */
export const PMCR_KEPT = 0xffn;
const PMCR_N = 11n;
const CYCLE_COUNTER = 31;
const HPMN = 0x1fn;
const PSTATE_EL = 0xcn;

/** One bit per event counter, and the cycle counter's. */
export function pmuCounterMask(count: number): bigint {
  return ((1n << BigInt(count)) - 1n) | (1n << BigInt(CYCLE_COUNTER));
}
function inEl2(vcpu: VcpuRegs): boolean {
  return (vcpu.core.pstate & PSTATE_EL) === 0x8n;
}
/** Counters that the guest hypervisor keeps for itself: from MDCR_EL2.HPMN up. @linux kvm_pmu_hyp_counter_mask */
function hypCounters(vcpu: VcpuRegs): bigint {
  const { vm } = vcpu;
  const hpmn = vcpu.sys[sysRegSlot('MDCR_EL2')]! & HPMN;
  if (!holds(vm, 'el2') || hpmn >= BigInt(vm.pmuCounters)) return 0n;
  return ((1n << BigInt(vm.pmuCounters)) - 1n) & ~((1n << hpmn) - 1n);
}
/** PMCR_EL0 with the number of counters of whoever looks. @linux kvm_vcpu_read_pmcr */
export function readPmcr(vcpu: VcpuRegs): bigint {
  const outside = holds(vcpu.vm, 'el2') && !inEl2(vcpu);
  const n = outside ? vcpu.sys[sysRegSlot('MDCR_EL2')]! & HPMN : BigInt(vcpu.vm.pmuCounters);
  return (vcpu.sys[sysRegSlot('PMCR_EL0')]! & ~(0x1fn << PMCR_N)) | (n << PMCR_N);
}
/** Writing N before the first run chooses the number of counters, if the host has as many. @linux set_pmcr */
export function writePmcr(vcpu: VcpuRegs, value: bigint): void {
  const { vm } = vcpu;
  const n = Number((value >> PMCR_N) & 0x1fn);
  if (!vm.ranOnce && !holds(vm, 'el2') && n <= vm.host.pmuCounters) vm.pmuCounters = n;
  vcpu.sys[sysRegSlot('PMCR_EL0')] = (value & PMCR_KEPT) | (vm.host.hasEl0_32 ? 0n : PMCR_LC);
}
/** Bits of PMCNTENSET_EL0 and its like that are there now. @linux kvm_pmu_accessible_counter_mask */
export function accessibleCounters(vcpu: VcpuRegs): bigint {
  const all = pmuCounterMask(Number((readPmcr(vcpu) >> PMCR_N) & 0x1fn));
  return !holds(vcpu.vm, 'el2') || inEl2(vcpu) ? all : all & ~hypCounters(vcpu);
}
/** A counter's value as it reads: event counters have 32 bits before PMUv3p5. @linux kvm_pmu_get_pmc_value */
export function readCounter(vcpu: VcpuRegs, name: string, stored: bigint): bigint {
  return name === 'PMCCNTR_EL0' || pmuVer(vcpu.vm) >= 6 ? stored : stored & 0xffff_ffffn;
}
function pmuVer(vm: VmRegs): number {
  return readField(vmIdReg(vm, 'ID_AA64DFR0_EL1'), fieldOf('ID_AA64DFR0_EL1', 'PMUVer'));
}

/** Filter bits of PMEVTYPER<n>_EL0. */
const FILTER = { P: 31n, U: 30n, NSK: 29n, NSU: 28n, NSH: 27n, M: 26n } as const;

/** Bits of PMEVTYPER<n>_EL0 that the VM has. @linux kvm_pmu_evtyper_mask */
export function eventTypeMask(vm: VmRegs): bigint {
  const bits = (...names: (keyof typeof FILTER)[]): bigint => names.reduce((m, f) => m | (1n << FILTER[f]), 0n);
  const version = pmuVer(vm);
  const events = version === 0 ? 0n : version === 1 ? 0x3ffn : 0xffffn;
  const el2 = vmHas(vm, 'FEAT_AA64EL2') ? bits('NSH') : 0n;
  const el3 = vmHas(vm, 'FEAT_AA64EL3') ? bits('NSU', 'NSK', 'M') : 0n;
  return bits('P', 'U') | events | el2 | el3;
}
