// KVM_RUN: what must hold before a vCPU may enter the guest, in the order in which KVM looks at it, and the loop around
// the guest. The guest itself runs in hyp/switch.ts, what it comes back with is handled in handle_exit.ts.
// @linux arch/arm64/kvm/arm.c: kvm_arch_vcpu_run_pid_change, kvm_arch_vcpu_ioctl_run

import { type Caller, Errno, type Pending, type Result } from '../base/hostfile.ts';
import type { PeExit } from '../cpu/pe_ports.ts';
import { OutOfFrames } from '../cpu/physmem.ts';
import { encode, KVM_EXIT, KVM_MP_STATE, KVM_SYSTEM_EVENT, offsetOf, structs } from '../uapi/index.ts';
import { nextTimer, shouldNotifyUser, syncTimers, updateRun } from './arch_timer.ts';
import { enablePmu, enableTimers } from './attrs.ts';
import type { Call } from './call.ts';
import { armStep } from './debug.ts';
import { exitToUser, getPc, putRegs } from './emulate.ts';
import { refuse } from './errors.ts';
import { firstRun } from './fgu.ts';
import { loadVcpu, putVcpu, taskOf } from './fpsimd.ts';
import { handleExit } from './handle_exit.ts';
import { Guest, type Ran } from './hyp/switch.ts';
import { completeMmio } from './mmio.ts';
import { cacheAffinities } from './mpidr.ts';
import { advancePmu, reloadPmu } from './pmu-emul.ts';
import { updateStolenTime } from './pvtime.ts';
import { isFinalized, resetVcpu } from './reset.ts';
import { sysRegSlot } from './sys_reg_table.ts';
import { runPage, setExitReason, type Vcpu } from './vcpu.ts';
import { hasIrqchip, hasPendingIrq } from './vgic/vgic.ts';
import { claimMaintenanceIrq, mapResources } from './vgic/vgic-init.ts';
import { holds } from './vm_features.ts';

const RUN = structs.kvm_run;
const IMMEDIATE_EXIT = offsetOf(RUN, 'immediate_exit');
const FLAGS = offsetOf(RUN, 'flags');
const EXIT = offsetOf(RUN, 'exit');

/**
 * Our choice: ticks (ns) of the way from a guest to KVM and back, and of a KVM_RUN, which loads the vCPU and puts it, beyond
 * the instructions of either. About what they take on machines: a guest that waits for a time by calling out comes to its
 * end in as many turns as there.
 */
const EXIT_TICKS = 1000;
const USER_TICKS = 2000;

/** A thread that did not run this vCPU last: is the vCPU complete? Before its first run, is its VM? */
function prepare(vcpu: Vcpu): void {
  const { vm, regs } = vcpu;
  if (!regs.initialized) throw refuse.ENOEXEC;
  if (!isFinalized(regs)) throw refuse.EPERM;
  if (regs.hasRun) return;
  cacheAffinities(vm);
  if (hasIrqchip(vm)) mapResources(vm);
  firstRun(regs);
  if (holds(vm.regs, 'el2')) claimMaintenanceIrq(vcpu);
  enableTimers(vcpu);
  enablePmu(vcpu);
  reloadPmu(vcpu);
  vm.regs.ranOnce = true;
}

/** KVM_RUN. @returns work in slices; or at once, a negative errno */
export function runVcpu(vcpu: Vcpu, call: Call): Result {
  if (call.arg !== 0n) throw refuse.EINVAL;
  if (vcpu.running) throw refuse.EBUSY; // another thread holds it; Linux would wait for its end
  const { caller } = call;
  if (vcpu.lastTid !== caller.tid) {
    prepare(vcpu);
    vcpu.regs.hasRun = true;
    vcpu.lastTid = caller.tid;
    const task = taskOf(caller, vcpu.vm.kvm.mem);
    vcpu.vm.kvm.fp.threadChanged(vcpu, { cpu: task.cpu!, task });
  }
  vcpu.vm.kvm.hardware?.clock.spend?.(USER_TICKS);
  const page = runPage(vcpu);
  const wantsToRun = page[IMMEDIATE_EXIT] === 0;
  applyReset(vcpu);
  completeMmio(vcpu);
  if (!wantsToRun) return -Errno.EINTR;
  setExitReason(vcpu, KVM_EXIT.UNKNOWN);
  page.fill(0, FLAGS, FLAGS + 2);
  armStep(vcpu);
  vcpu.running = true;
  return running(vcpu, caller);
}

function running(vcpu: Vcpu, caller: Caller): Pending {
  const finish = (result: number): number => {
    vcpu.running = false;
    putVcpu(vcpu);
    updateRun(vcpu);
    return result;
  };
  return {
    step: (budget) => {
      const r = step(vcpu, caller, budget);
      return typeof r === 'number' ? finish(r) : r;
    },
    wakeAt: () => {
      const wake = vcpu.halted?.wake;
      return wake === undefined ? undefined : vcpu.vm.kvm.hardware?.timeOf(wake);
    },
    abandon: () => vcpu.guest?.abandon(),
    interrupt: () => (caller.signalPending(vcpu.signalMask) ? finish(interrupted(vcpu)) : undefined),
  };
}
function interrupted(vcpu: Vcpu): number {
  setExitReason(vcpu, KVM_EXIT.INTR);
  vcpu.stats.count('signal_exits');
  return -Errno.EINTR;
}

/** Until the budget is used up or somebody else must act. @linux kvm_arch_vcpu_ioctl_run */
function step(vcpu: Vcpu, caller: Caller, budget: number): number | 'again' | 'wait' | 'away' {
  if (!vcpu.guest?.isAway) updateStolenTime(vcpu, caller);
  for (let left = budget; left > 0; ) {
    if (!vcpu.guest?.isAway) {
      const r = checkRequests(vcpu, caller);
      if (r !== undefined) return r;
    }
    const guest = guestOf(vcpu);
    if (typeof guest === 'number') return guest;
    if (!guest.isAway) loadVcpu(vcpu, caller);
    const ran = enter(vcpu, guest, left);
    if (ran === undefined) return 0;
    if (typeof ran !== 'object') return ran;
    left -= Math.max(1, ran.ticks) + (ran.exit.kind === 'el2' ? EXIT_TICKS : 0);
    advancePmu(vcpu, ran.executed);
    const next = afterRun(vcpu, ran.exit, caller);
    if (next !== 'resume') return next === 'exit' ? 0 : next;
  }
  return 'again';
}

/** What must be seen to before the guest is entered. @linux check_vcpu_requests, kvm_vcpu_exit_request */
function checkRequests(vcpu: Vcpu, caller: Caller): number | 'wait' | undefined {
  if (caller.signalPending(vcpu.signalMask)) return interrupted(vcpu);
  if (vcpu.vm.dead) return -Errno.EIO;
  if (vcpu.mpState === KVM_MP_STATE.STOPPED) return 'wait';
  applyReset(vcpu);
  if (vcpu.mpState === KVM_MP_STATE.SUSPENDED) return isRunnable(vcpu) ? wakeup(vcpu) : 'wait';
  if (vcpu.dirtyRing?.softFull) {
    setExitReason(vcpu, KVM_EXIT.DIRTY_RING_FULL);
    return 0;
  }
  if (vcpu.halted && !isAwake(vcpu)) return 'wait';
  if (shouldNotifyUser(vcpu)) return interrupted(vcpu);
  return undefined;
}
/** WFI is over: an interrupt is there, or its time has come. */
function isAwake(vcpu: Vcpu): boolean {
  const wake = vcpu.halted?.wake;
  if (vcpu.guest) syncTimers(vcpu, vcpu.guest.pe);
  if (!isRunnable(vcpu) && (wake === undefined || vcpu.vm.kvm.counter() < wake)) return false;
  vcpu.halted = undefined;
  return true;
}

/** The PE of a vCPU, made when it runs first. @returns a negative errno where nothing can execute it */
function guestOf(vcpu: Vcpu): Guest | number {
  const { kvm, regs, stage2 } = vcpu.vm;
  if (vcpu.guest) return vcpu.guest;
  const { hardware } = kvm;
  if (!hardware) {
    kvm.trace('hypatia_not_implemented', { what: 'there is no hardware to execute guests on', vcpu: vcpu.id });
    return -Errno.EIO;
  }
  for (const [condition, what] of CANNOT_RUN)
    if (holds(regs, condition)) {
      internalError(vcpu, `guests with ${what} cannot be executed yet`);
      return 0;
    }
  stage2.follow(vcpu.vm);
  vcpu.guest = new Guest(vcpu, hardware, kvm.hypHost?.regsOf(vcpu));
  vcpu.onKick = () => vcpu.guest!.pe.recheckInterrupts();
  return vcpu.guest;
}
const CANNOT_RUN = [['el1_32', 'AArch32 at EL1'], ['el2', 'EL2']] as const; // biome-ignore format: a table

/** @returns undefined after a failure of our own, which the program sees as KVM_EXIT_INTERNAL_ERROR */
function enter(vcpu: Vcpu, guest: Guest, budget: number): Ran | number | 'away' | undefined {
  const { hypHost, hardware } = vcpu.vm.kvm;
  try {
    if (guest.isAway) return guest.finish() ?? 'away';
    // A hypervisor of its own runs guests one at a time.
    if (hardware?.depart && !hypHost) return guest.start(vcpu.loaded!, budget) ?? 'away';
    return hypHost ? hypHost.run(vcpu, guest, vcpu.loaded!, budget) : guest.run(vcpu.loaded!, budget);
  } catch (e) {
    if (e instanceof OutOfFrames) throw e;
    internalError(vcpu, e instanceof Error ? (e.stack ?? e.message) : String(e));
    return undefined;
  }
}
const SUBERROR_UNEXPECTED_EXIT = 4;
function internalError(vcpu: Vcpu, what: string): void {
  vcpu.vm.kvm.trace('hypatia_internal_error', { what, vcpu: vcpu.id, pc: getPc(vcpu) });
  exitToUser(vcpu, 'INTERNAL_ERROR', structs.exit_internal, { suberror: SUBERROR_UNEXPECTED_EXIT });
}

function afterRun(vcpu: Vcpu, exit: PeExit, caller: Caller): 'resume' | 'exit' | 'again' | 'wait' | number {
  vcpu.stats.count('exits');
  switch (exit.kind) {
    case 'budget':
      return 'again';
    case 'kick':
      return 'resume';
    case 'idle':
      vcpu.stats.count('wfi_exit_stat');
      vcpu.halted = { wake: exit.wake };
      return 'resume';
    case 'el2': {
      vcpu.vm.kvm.hardware!.clock.spend?.(EXIT_TICKS);
      const r = handleExit(vcpu, exit.record, caller);
      if (r !== 'halt') return r;
      vcpu.halted = { wake: nextTimer(vcpu) };
      return 'resume';
    }
  }
}

/** PSCI CPU_ON: as after KVM_ARM_VCPU_INIT, with what the caller asked for. @linux kvm_reset_vcpu */
export function applyReset(vcpu: Vcpu): void {
  const to = vcpu.pendingReset;
  if (!to) return;
  vcpu.pendingReset = undefined;
  putRegs(vcpu);
  putVcpu(vcpu);
  resetVcpu(vcpu.regs);
  const { core, sys } = vcpu.regs;
  core.pc = to.pc;
  core.x[0] = to.x0;
  if (to.bigEndian) sys[sysRegSlot('SCTLR_EL1')]! |= SCTLR_EE;
  vcpu.halted = undefined;
  vcpu.mmioNeeded = false;
  vcpu.lines.serror = false;
}
const SCTLR_EE = 1n << 25n;

/** @linux kvm_arch_vcpu_runnable */
function isRunnable(vcpu: Vcpu): boolean {
  const { irq, fiq, serror } = vcpu.lines;
  return irq || fiq || serror || hasPendingIrq(vcpu);
}
/** The state stays suspended until the program says otherwise. */
function wakeup(vcpu: Vcpu): number {
  const page = runPage(vcpu);
  page.fill(0, EXIT, EXIT + structs.exit_system_event.size);
  page.set(encode(structs.exit_system_event, { type: KVM_SYSTEM_EVENT.WAKEUP }), EXIT);
  setExitReason(vcpu, KVM_EXIT.SYSTEM_EVENT);
  return 0;
}
