// What does a VM lack, as reserved bits? For each control register that a guest hypervisor could read back or rely on:
// the bits that read as 0 or 1 because the VM has not got what they need. The needs are in arch/control_regs.ts; this
// computes them for one VM and applies them to values. @linux config.c, nested.c: kvm_init_nv_sysregs

import { CONTROL_REGS, type ControlBitName, type ControlRegName } from '../arch/control_regs.ts';
import { allOf, type ControlReg, type Need } from '../arch/schema.ts';
import { bitMask, fieldMask, mask64 } from '../base/bits.ts';
import { type Has, meets } from '../cpu/needs.ts';
import { leaks } from './compat.ts';
import type { VcpuRegs, VmRegs } from './regs_state.ts';
import { type StoredReg, sysRegSlot } from './sys_reg_table.ts';
import { holds, vmHas } from './vm_features.ts';

export interface Resx {
  readonly res0: bigint;
  readonly res1: bigint;
}

/** Control registers that are masked in a VM with EL2. (CPTR_EL2 and TCR_EL2 are not: KVM translates them instead.) */
const MASKED_CONTROLS = [
  'SCTLR_EL1', 'SCTLR2_EL1', 'SCTLR_EL2', 'SCTLR2_EL2', 'TCR2_EL2', 'HCR_EL2', 'HCRX_EL2', 'MDCR_EL2', 'VTCR_EL2', 'CNTHCTL_EL2',
  'HFGRTR_EL2', 'HFGWTR_EL2', 'HFGITR_EL2', 'HDFGRTR_EL2', 'HDFGWTR_EL2', 'HAFGRTR_EL2',
  'HFGRTR2_EL2', 'HFGWTR2_EL2', 'HFGITR2_EL2', 'HDFGRTR2_EL2', 'HDFGWTR2_EL2',
] as const satisfies readonly ControlRegName[]; // biome-ignore format: a list

/** Others, by the bits that stay free. */
const MASKED_OTHERS = {
  VTTBR_EL2: (vm) => ({
    res0: (vmHas(vm, 'FEAT_VMID16') ? 0n : fieldMask(63, 56)) | (vmHas(vm, 'FEAT_TTCNP') ? 0n : bitMask(0)),
    res1: 0n,
  }),
  VMPIDR_EL2: () => ({ res0: fieldMask(63, 40) | fieldMask(30, 24), res1: bitMask(31) }),
  VNCR_EL2: () => ({ res0: fieldMask(11, 0), res1: 0n }),
  ZCR_EL2: () => ({ res0: fieldMask(63, 4), res1: 0n }), // 8:4 are RAZ/WI
} as const satisfies { readonly [N in StoredReg]?: (vm: VmRegs) => Resx };

/** Bits for which KVM asks something else than the architecture does. */
const KVM_NEEDS: { readonly [R in ControlRegName]?: { readonly [B in ControlBitName<R>]?: Need } } = {
  HCR_EL2: { NV1: allOf('FEAT_NV2', '!FEAT_E2H0') }, // reserved by NI_NV1, says Arm; the value that KVM always gives
  CNTHCTL_EL2: { EVNTIS: 'always' },
  MDCR_EL2: { TDOSA: 'FEAT_DoubleLock' }, // Arm has the bit without it too
};
/** Bits that a guest hypervisor of KVM has by the VM's virtual hardware, whatever Arm's ID registers can say. */
const ARM_NEEDS: typeof KVM_NEEDS = { HCR_EL2: KVM_NEEDS.HCR_EL2! };
type OwnNeeds = Readonly<Record<string, Need | undefined>>;
/** Registers whose unallocated bits KVM keeps. */
const KEEPS_UNALLOCATED: readonly ControlRegName[] = ['HCRX_EL2'];

/** Whether the VM's ID registers satisfy a need. */
export function needHolds(vm: VmRegs, need: Need): boolean {
  return meets(need, (f) => vmHas(vm, f));
}

/** Reserved bits of one control register in this VM, as KVM_GET_ONE_REG shows them. @linux compute_reg_resx_bits */
export function controlResx(vm: VmRegs, name: ControlRegName): Resx {
  return resxWith((f) => vmHas(vm, f), name, KVM_NEEDS[name] ?? {}, KEEPS_UNALLOCATED.includes(name));
}
function resxWith(has: Has, name: ControlRegName, ownNeeds: OwnNeeds, keepsUnallocated: boolean): Resx {
  const row: ControlReg = CONTROL_REGS[name];
  const e2h0 = has('FEAT_E2H0');
  const fields = (e2h0 && row.e2h0) || row.fields;
  let known = row.res1;
  let res0 = 0n;
  let res1 = row.res1;
  for (const [bit, f] of Object.entries(fields)) {
    const mask = fieldMask(f.hi, f.lo);
    known |= mask;
    const need = ownNeeds[bit] ?? f.need;
    if (meets(need, has) && !(e2h0 && f.words.includes('needs-e2h'))) continue;
    const one = f.words.includes('res1-if-absent') || f.words.includes(e2h0 ? 'res1-if-e2h0' : 'res1-if-e2h1');
    if (one) res1 |= mask;
    else res0 |= mask;
  }
  if (!meets(row.feat, has)) res0 |= known & ~row.res1;
  if (!keepsUnallocated) res0 |= mask64 & ~known;
  return { res0, res1: res1 & ~res0 };
}
const NOT_MASKED: Resx = { res0: 0n, res1: 0n };
/**
 * Reserved bits where a decision depends on a register that the guest (or its hypervisor) wrote: by Arm's needs, or with
 * the deviations of Linux 7.2 by those of KVM, for the registers that KVM masks.
 */
export function guestResx(vm: VmRegs, name: ControlRegName, has: Has = (f) => vmHas(vm, f)): Resx {
  if (!leaks(vm, 'D8')) return resxWith(has, name, ARM_NEEDS[name] ?? {}, false);
  return (MASKED_CONTROLS as readonly ControlRegName[]).includes(name) ? controlResx(vm, name) : NOT_MASKED;
}

/** All registers of a VM with EL2 whose values are masked. Other VMs have none. */
export function computeResx(vm: VmRegs): ReadonlyMap<StoredReg, Resx> {
  const out = new Map<StoredReg, Resx>();
  if (!holds(vm, 'el2')) return out;
  for (const name of MASKED_CONTROLS) out.set(name, controlResx(vm, name));
  for (const [name, of] of Object.entries(MASKED_OTHERS)) out.set(name as keyof typeof MASKED_OTHERS, of(vm));
  return out;
}

/**
 * A value of a register as the VM may see it: bits of absent features are reserved. Before the first run, and for VMs
 * without EL2, values stay as they were written.
 * @linux kvm_vcpu_apply_reg_masks
 */
export function applyResx(vm: VmRegs, name: string, value: bigint): bigint {
  const resx = vm.enforcement?.resx.get(name as StoredReg);
  return resx ? (value & ~resx.res0) | resx.res1 : value;
}
/** The same for everything a vCPU has stored. */
export function maskStored(vcpu: VcpuRegs): void {
  for (const name of vcpu.vm.enforcement?.resx.keys() ?? []) {
    const slot = sysRegSlot(name);
    vcpu.sys[slot] = applyResx(vcpu.vm, name, vcpu.sys[slot]!);
  }
}
