// What happens once, when a VM runs first: its ID registers freeze, and from them follow the bits that are reserved
// (config.ts), the fine-grained traps that mean UNDEFINED, and HCRX_EL2 for as long as it runs. Derived from the needs in
// arch/control_regs.ts: a feature the VM lacks is closed, one that it has is opened, and nobody lists them again.

import { CONTROL_REGS, type ControlBitName, type ControlRegName } from '../arch/control_regs.ts';
import type { ControlReg } from '../arch/schema.ts';
import { fieldMask } from '../base/bits.ts';
import { computeResx, maskStored, needHolds } from './config.ts';
import { finalizeGicIdRegs, finalizeOffers } from './id_regs.ts';
import type { Enforcement, VcpuRegs, VmRegs } from './regs_state.ts';

const FGT_REGS = (Object.keys(CONTROL_REGS) as ControlRegName[]).filter((n) => (CONTROL_REGS[n] as ControlReg).fgt);

/** Read and write registers of a pair make one set, under the name of the read register. @linux enum fgt_group_id */
export function fguGroup(name: ControlRegName): string {
  return name.replace('FGWTR', 'FGRTR');
}

/**
 * Fine-grained trap bits whose registers and instructions the VM lacks: such an access is UNDEFINED before anybody asks a
 * guest hypervisor. @linux compute_fgu
 */
export function computeFgu(vm: VmRegs): ReadonlyMap<string, bigint> {
  const out = new Map<string, bigint>();
  for (const name of FGT_REGS) {
    let bits = out.get(fguGroup(name)) ?? 0n;
    for (const f of Object.values((CONTROL_REGS[name] as ControlReg).fields))
      if (!f.words.includes('never-undef') && !needHolds(vm, f.need)) bits |= fieldMask(f.hi, f.lo);
    out.set(fguGroup(name), bits);
  }
  return out;
}

/**
 * KVM choice: enables that stay closed although the VM may have the feature, because KVM switches no state for them; and
 * bits that are not enables but are set with one (memory copies at EL1 are emulated where a VM moves between CPUs), or
 * always (no guest can observe them).
 */
const KEPT_CLOSED: readonly ControlBitName<'HCRX_EL2'>[] = ['EnAS0', 'EnIDCP128', 'D128En'];
const SET_ALONG: Partial<Record<ControlBitName<'HCRX_EL2'>, ControlBitName<'HCRX_EL2'>>> = { MSCEn: 'MCE2' };
const ALWAYS_SET: readonly ControlBitName<'HCRX_EL2'>[] = ['SMPME'];

/** HCRX_EL2 while a VM runs: every enable whose feature the VM has. @linux vcpu_set_hcrx */
export function computeHcrx(vm: VmRegs): bigint {
  if (!vm.host.hasHcx) return 0n;
  const { fields } = CONTROL_REGS.HCRX_EL2;
  const mask = (bit: ControlBitName<'HCRX_EL2'>): bigint => fieldMask(fields[bit].hi, fields[bit].lo);
  let value = ALWAYS_SET.reduce((m, bit) => m | mask(bit), 0n);
  for (const bit of Object.keys(fields) as ControlBitName<'HCRX_EL2'>[]) {
    const f = fields[bit];
    if (f.role !== 'en' || KEPT_CLOSED.includes(bit) || !needHolds(vm, f.need)) continue;
    const along = SET_ALONG[bit];
    value |= mask(bit) | (along ? mask(along) : 0n);
  }
  return value;
}

/**
 * The register side of a vCPU's first KVM_RUN. The caller sets vm.ranOnce when everything else has succeeded as well.
 * @linux kvm_finalize_sys_regs, kvm_calculate_traps
 */
export function firstRun(vcpu: VcpuRegs): void {
  const { vm } = vcpu;
  const resx = vm.enforcement?.resx ?? computeResx(vm);
  if (!vm.ranOnce) {
    finalizeGicIdRegs(vm);
    finalizeOffers(vm);
  }
  const enforcement: Enforcement = vm.enforcement ?? { resx, fgu: computeFgu(vm), hcrx: computeHcrx(vm) };
  vm.enforcement = enforcement;
  maskStored(vcpu);
}
