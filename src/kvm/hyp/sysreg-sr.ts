// Which system registers change hands when a guest comes and goes: those that the VM has, that the program can reach, and
// that the guest accesses without KVM in between. Derived from the rows. @linux arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h

import type { Bank } from '../../arch/schema.ts';
import { type RegName, register } from '../../arch/sysregs.ts';
import type { PeApi } from '../../cpu/pe_ports.ts';
import { handleOf, type RegHandle } from '../../cpu/sysreg_effects.ts';
import { needHolds } from '../config.ts';
import type { VcpuRegs, VmRegs } from '../regs_state.ts';
import { CORE_SYS_REGS, type StoredReg, SYS_REGS, sysRegSlot } from '../sys_reg_table.ts';
import { isHidden } from '../sys_regs.ts';

const SWITCHED_BANKS: readonly (Bank | undefined)[] = ['el0', 'el1', 'debug', 'timer'];
/** KVM choice: trapped and answered from VcpuRegs, or of AArch32 and so of no effect here. */
const KEPT: readonly string[] = [
  'ACTLR_EL1', 'CSSELR_EL1', 'CNTPCT_EL0', 'CNTVCT_EL0',
  'DBGVCR32_EL2', 'DACR32_EL2', 'IFSR32_EL2',
]; // biome-ignore format: a list

interface Switched {
  readonly name: RegName;
  readonly slot: number;
  readonly at: RegHandle;
}
/** The registers of a VM that are switched. Asked once a vCPU. */
export function switchedRegs(vm: VmRegs): readonly Switched[] {
  const rows = SYS_REGS.filter(
    (r) => r.desc && r.slot >= 0 && !r.desc.store && !KEPT.includes(r.name) && !isHidden(vm, r),
  );
  const names = [...rows.map((r) => r.name), ...CORE_SYS_REGS] as (StoredReg & RegName)[];
  return names
    .filter((n) => SWITCHED_BANKS.includes(register(n).bank) && (isCore(n) || needHolds(vm, register(n).feat)))
    .map((name) => ({ name, slot: sysRegSlot(name), at: handleOf(name) }));
}
/** SP_EL1 is named by EL2 alone, which a VM need not have. */
function isCore(name: string): boolean {
  return (CORE_SYS_REGS as readonly string[]).includes(name);
}

/** Moves the registers of one vCPU between its storage and a PE. Remembers what the PE holds: most values stay. */
export class SysregSwitch {
  private readonly regs: readonly Switched[];
  private readonly names: ReadonlySet<string>;
  private readonly held: BigUint64Array;
  private fresh = true;

  constructor(vm: VmRegs) {
    this.regs = switchedRegs(vm);
    this.names = new Set(this.regs.map((r) => r.name));
    this.held = new BigUint64Array(this.regs.length);
  }
  has(name: StoredReg): boolean {
    return this.names.has(name);
  }
  load(pe: PeApi, vcpu: VcpuRegs): void {
    const { regs, held } = this;
    for (let i = 0; i < regs.length; i++) {
      const { at, slot } = regs[i]!;
      const value = vcpu.sys[slot]!;
      if (this.fresh || held[i] !== value) pe.setAt(at, value);
    }
    this.fresh = false;
  }
  store(pe: PeApi, vcpu: VcpuRegs): void {
    const { regs, held } = this;
    for (let i = 0; i < regs.length; i++) {
      const { at, slot } = regs[i]!;
      const value = pe.getAt(at);
      held[i] = value;
      vcpu.sys[slot] = value;
    }
  }
}
