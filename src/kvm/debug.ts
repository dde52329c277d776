// A program that debugs a guest: its breakpoints and steps take the place of the guest's own, and every debug exception
// comes to KVM. @linux arch/arm64/kvm/debug.c

import { EC } from '../arch/esr.ts';
import type { RegName } from '../arch/sysregs.ts';
import { extract } from '../base/bits.ts';
import type { PeApi } from '../cpu/pe_ports.ts';
import { KVM_GUESTDBG, patch, structs } from '../uapi/index.ts';
import { bitsOf } from './control_bits.ts';
import { exitToUser, putRegs } from './emulate.ts';
import { type StoredReg, sysRegSlot } from './sys_reg_table.ts';
import { runPage, type Vcpu } from './vcpu.ts';

/** What KVM always traps, and what it traps for a debugging program. */
const TRAPPED = bitsOf('MDCR_EL2', true, 'TPM', 'TPMCR', 'TPMS', 'TTRF', 'TDRA', 'TDOSA');
const DEBUGGED = bitsOf('MDCR_EL2', true, 'TDE', 'TDA');
const SS = bitsOf('MDSCR_EL1', true, 'SS');
const MONITOR = bitsOf('MDSCR_EL1', true, 'MDE', 'KDE');
const PSTATE_SS = 1n << 21n;
const COUNT = 16;
type Numbered<N extends string> = Extract<RegName & StoredReg, N>;
/** BVR, BCR, WVR, WCR of a number from 0 to 15. */
export function debugRegNames(n: number): (RegName & StoredReg)[] {
  return ['BVR', 'BCR', 'WVR', 'WCR'].map((r) => `DBG${r}${n}_EL1` as Numbered<`DBGBVR${number}_EL1`>);
}

/** MDCR_EL2 while the guest runs. @linux kvm_arm_setup_mdcr_el2 */
export function mdcrOf(vcpu: Vcpu): bigint {
  return TRAPPED | BigInt(vcpu.vm.kvm.host.pmuCounters) | (vcpu.guestDebug !== 0 ? DEBUGGED : 0n);
}

/** The registers that a debugging program replaces, and what the guest has in them meanwhile. */
export class DebugSwitch {
  private readonly saved = new Map<number, bigint>();

  /** After the guest's registers have been loaded. */
  load(vcpu: Vcpu, pe: PeApi): void {
    pe.set('MDCR_EL2', mdcrOf(vcpu));
    this.saved.clear();
    const { guestDebug, debugRegs } = vcpu;
    if (guestDebug === 0) return;
    const replace = (name: RegName & StoredReg, value: (old: bigint) => bigint): void => {
      const slot = sysRegSlot(name);
      const old = vcpu.regs.sys[slot]!;
      this.saved.set(slot, old);
      pe.set(name, value(old));
    };
    const steps = (guestDebug & KVM_GUESTDBG.SINGLESTEP) !== 0;
    const hw = (guestDebug & KVM_GUESTDBG.USE_HW) !== 0;
    replace('MDSCR_EL1', (old) => {
      const none = old & ~(SS | MONITOR);
      return none | (steps ? SS : 0n) | (hw ? MONITOR : 0n);
    });
    if (!hw || !debugRegs) return;
    for (let n = 0; n < COUNT; n++) {
      const own = [debugRegs.dbg_bvr[n]!, debugRegs.dbg_bcr[n]!, debugRegs.dbg_wvr[n]!, debugRegs.dbg_wcr[n]!];
      for (const [i, name] of debugRegNames(n).entries()) replace(name, () => own[i]!);
    }
  }
  /** After they have been stored: the guest's own come back. */
  store(vcpu: Vcpu): void {
    for (const [slot, value] of this.saved) vcpu.regs.sys[slot] = value;
  }
}
/** With every KVM_RUN the step that a debugging program asked for is armed anew. @linux kvm_arm_setup_debug */
export function armStep(vcpu: Vcpu): void {
  if ((vcpu.guestDebug & KVM_GUESTDBG.SINGLESTEP) === 0) return;
  putRegs(vcpu);
  vcpu.regs.core.pstate |= PSTATE_SS;
}

const HSR_HIGH_VALID = 1;
/** A debug exception came to EL2. @linux kvm_handle_guest_debug */
export function guestDebugExit(vcpu: Vcpu): 'exit' {
  const { esr, far } = vcpu.fault;
  const ec = Number(extract(esr, 31, 26));
  exitToUser(vcpu, 'DEBUG', structs.exit_debug, {
    hsr: Number(esr & 0xffff_ffffn),
    hsr_high: Number(esr >> 32n),
    far: ec === EC.WATCHPT_LOW.ec ? far : 0n,
  });
  patch(structs.kvm_run, runPage(vcpu), { flags: HSR_HIGH_VALID });
  if (ec === EC.SOFTSTP_LOW.ec) {
    putRegs(vcpu);
    vcpu.regs.core.pstate |= PSTATE_SS;
  }
  return 'exit';
}
