// Per-VM cache of what the VM lacks, as bits: reserved bits of control registers, features turned into UNDEF.

import type { VmRegs } from './regs_state.ts';

/**
 * A value of a control register of a VM with EL2 as the VM may see it: bits of absent features are reserved. Before the
 * first run, and for other VMs, values stay as they were written.
 * @linux kvm_vcpu_apply_reg_masks
 */
export function applyResx(vm: VmRegs, name: string, value: bigint): bigint {
  const resx = vm.enforcement?.resx.get(name);
  return resx ? (value & ~resx.res0) | resx.res1 : value;
}
