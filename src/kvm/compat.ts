// Where Linux 7.2 lets a guest see what its VM lacks, or refuses what it has, this KVM does better. For comparison with
// recordings each of these can be had as Linux 7.2 does it: `--kvm-compat linux-7.2`. What programs see through ioctls is
// the same either way, but for D12. Rows only; the numbers are those of the project's list of deviations.

import type { VmRegs } from './regs_state.ts';

export const KVM_COMPATS = ['linux-7.2'] as const;
/** A kernel whose recorded behaviour is wanted. */
export type KvmCompat = (typeof KVM_COMPATS)[number];

/** What Linux 7.2 does | what this KVM does by default. */
export const LEAKS = {
  D2:  ['without FPMR, TCR2 or SCTLR2, an access of a nested guest is forwarded to the guest hypervisor (EC 0x18), because the enable in HCRX_EL2 reads as 0',
        'it is UNDEFINED at the level of the access'],
  D4:  ['control bits of features that the VM lacks keep what the guest writes and act: SCTLR_EL1.EnFPM = 0 reports EC 0x18 for a register that is not there',
        'they read as reserved and have no effect'],
  D8:  ['MDCR_EL2.TDOSA of a guest hypervisor counts only with FEAT_DoubleLock',
        'it counts'],
  D12: ['a VM with EL2 and MTE shows ID_AA64PFR2_EL1.{MTEFAR,MTESTOREONLY} and the registers of MTE although ID_AA64PFR1_EL1.MTE is 0',
        'it has no part of MTE'],
} as const satisfies Readonly<Record<string, readonly [kernel: string, ours: string]>>; // biome-ignore format: a table

/** Whether a VM behaves as Linux 7.2 does in this point. */
export function leaks(vm: VmRegs, _point: keyof typeof LEAKS): boolean {
  return vm.compat === 'linux-7.2';
}
