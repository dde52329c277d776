// Which SMCCC calls KVM handles itself, refuses, or hands to the program: ranges of function ids with an action.
// @linux arch/arm64/kvm/hypercalls.c: kvm_smccc_set_filter

import { KVM_SMCCC_FILTER, structs } from '../uapi/index.ts';
import { type Call, copyIn } from './call.ts';
import { refuse } from './errors.ts';
import type { Vm } from './vm.ts';

export interface FilterRange {
  /** Function ids first to last, both included. */
  readonly first: number;
  readonly last: number;
  /** KVM_SMCCC_FILTER_* */
  readonly action: number;
}

/** Arm Architecture calls, 32 and 64 bit: never the program's to answer, mitigations depend on them. */
const RESERVED: readonly FilterRange[] = [0x8000_0000, 0xc000_0000].map((first) => ({
  first,
  last: first + 0xffff,
  action: KVM_SMCCC_FILTER.HANDLE,
}));
const ACTIONS = Object.keys(KVM_SMCCC_FILTER).length;

/** @throws EFAULT, EINVAL, EBUSY once the VM has run, EEXIST where it meets an older range */
export function setSmcccFilter(vm: Vm, call: Call, addr: bigint): void {
  const f = copyIn(call, structs.kvm_smccc_filter, addr);
  const first = f.base;
  const last = (f.base + f.nr_functions - 1) >>> 0;
  if (f.pad.some((b) => b !== 0)) throw refuse.EINVAL;
  if (f.nr_functions === 0 || last < first || f.action >= ACTIONS) throw refuse.EINVAL;
  if (vm.regs.ranOnce) throw refuse.EBUSY;
  if (vm.smcccFilter.length === 0) vm.smcccFilter.push(...RESERVED);
  if (vm.smcccFilter.some((r) => first <= r.last && r.first <= last)) throw refuse.EEXIST;
  vm.smcccFilter.push({ first, last, action: f.action });
}

/** The action for a function id; what no range names is handled. @linux kvm_smccc_filter_get_action */
export function smcccAction(vm: Vm, functionId: number): number {
  return vm.smcccFilter.find((r) => functionId >= r.first && functionId <= r.last)?.action ?? KVM_SMCCC_FILTER.HANDLE;
}
