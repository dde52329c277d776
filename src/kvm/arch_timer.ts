// The outputs of a vCPU's timers: to the interrupt controller of the VM, or, where it has none, to the program. The timers
// themselves are the PE's. @linux arch/arm64/kvm/arch_timer.c

import type { PeApi, TimerName } from '../cpu/pe_ports.ts';
import { KVM_ARM_DEV, offsetOf, structs } from '../uapi/index.ts';
import { getSysReg } from './emulate.ts';
import { runPage, type Vcpu } from './vcpu.ts';
import { hasIrqchip, injectIrq } from './vgic/vgic.ts';

/** Index in vm.timerPpis and vcpu.timers. */
const INDEX: Readonly<Record<TimerName, number>> = { CNTV: 0, CNTP: 1 };
const LEVEL: Readonly<Record<TimerName, number>> = { CNTV: KVM_ARM_DEV.EL1_VTIMER, CNTP: KVM_ARM_DEV.EL1_PTIMER };
const DEVICE_IRQ_LEVEL = offsetOf(structs.kvm_run, 'device_irq_level');

/** @linux kvm_timer_update_irq */
export function timerLevel(vcpu: Vcpu, timer: TimerName, asserted: boolean): void {
  vcpu.timerOutputs[timer] = asserted;
  const i = INDEX[timer];
  if (hasIrqchip(vcpu.vm)) {
    injectIrq(vcpu.vm, vcpu, vcpu.vm.timerPpis[i]!, asserted, vcpu.timers[i]);
    return;
  }
  const bit = LEVEL[timer];
  vcpu.deviceLevel = asserted ? vcpu.deviceLevel | bit : vcpu.deviceLevel & ~bit;
  vcpu.resident?.kick();
}
/** Levels as they are now, when no PE has been looking: the guest is in WFI. */
export function syncTimers(vcpu: Vcpu, pe: PeApi): void {
  for (const timer of TIMERS) {
    const asserted = pe.timerOutput(timer);
    if (asserted !== vcpu.timerOutputs[timer]) timerLevel(vcpu, timer, asserted);
  }
}
const TIMERS = ['CNTV', 'CNTP'] as const;
const CTL = { ENABLE: 1n, IMASK: 2n } as const;
/** CNTPCT_EL0 when the next timer of the guest will fire; undefined: none will. @linux kvm_timer_earliest_exp */
export function nextTimer(vcpu: Vcpu): bigint | undefined {
  const { virtualOffset, physicalOffset } = vcpu.vm.regs;
  let first: bigint | undefined;
  for (const t of TIMERS) {
    const ctl = getSysReg(vcpu, `${t}_CTL_EL0`);
    if ((ctl & (CTL.ENABLE | CTL.IMASK)) !== CTL.ENABLE) continue;
    const at = getSysReg(vcpu, `${t}_CVAL_EL0`) + (t === 'CNTV' ? virtualOffset : physicalOffset);
    if (first === undefined || at < first) first = at;
  }
  return first;
}

/** The program has not seen the present levels yet: KVM_RUN returns for it. @linux kvm_timer_should_notify_user */
export function shouldNotifyUser(vcpu: Vcpu): boolean {
  return !hasIrqchip(vcpu.vm) && runPage(vcpu)[DEVICE_IRQ_LEVEL] !== vcpu.deviceLevel;
}
/** @linux kvm_timer_update_run */
export function updateRun(vcpu: Vcpu): void {
  if (!hasIrqchip(vcpu.vm)) runPage(vcpu)[DEVICE_IRQ_LEVEL] = vcpu.deviceLevel;
}
