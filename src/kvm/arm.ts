// KVM_RUN: what must hold before a vCPU may enter the guest, in the order in which KVM looks at it, and the loop around
// the guest. The guest itself is behind EnterGuest: without one, entering is refused.
// @linux arch/arm64/kvm/arm.c: kvm_arch_vcpu_run_pid_change, kvm_arch_vcpu_ioctl_run

import { type Caller, Errno, type Pending, type Result } from '../base/hostfile.ts';
import { decode, encode, KVM_EXIT, KVM_MP_STATE, KVM_SYSTEM_EVENT, offsetOf, patch, structs } from '../uapi/index.ts';
import { enablePmu, enableTimers } from './attrs.ts';
import type { Call } from './call.ts';
import { refuse } from './errors.ts';
import { firstRun } from './fgu.ts';
import { cacheAffinities } from './mpidr.ts';
import { isFinalized } from './reset.ts';
import { runPage, type Vcpu } from './vcpu.ts';
import { hasIrqchip, hasPendingIrq } from './vgic/vgic.ts';
import { claimMaintenanceIrq, mapResources } from './vgic/vgic-init.ts';
import { holds } from './vm_features.ts';

/**
 * Executes the guest of a vCPU that is ready, for about `budget` instructions.
 * @returns 'exit': the program must act, kvm_run says why; 'again'; 'wait': idle until an interrupt; or a negative errno
 */
export type EnterGuest = (vcpu: Vcpu, caller: Caller, budget: number) => 'exit' | 'again' | 'wait' | number;

const RUN = structs.kvm_run;
const IMMEDIATE_EXIT = offsetOf(RUN, 'immediate_exit');
const EXIT = offsetOf(RUN, 'exit');

function setExitReason(vcpu: Vcpu, exit_reason: number): void {
  patch(RUN, runPage(vcpu), { exit_reason });
}

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
  }
  const wantsToRun = runPage(vcpu)[IMMEDIATE_EXIT] === 0;
  completeMmio(vcpu);
  if (!wantsToRun) return -Errno.EINTR;
  patch(RUN, runPage(vcpu), { exit_reason: KVM_EXIT.UNKNOWN, flags: 0 });
  vcpu.running = true;
  return running(vcpu, caller);
}

/** The program has answered an MMIO exit: its data becomes the register's. No guest has asked for anything yet. */
function completeMmio(vcpu: Vcpu): void {
  vcpu.mmioNeeded = false;
}

function running(vcpu: Vcpu, caller: Caller): Pending {
  const finish = (result: number): number => {
    vcpu.running = false;
    return result;
  };
  return {
    step: (budget) => {
      const r = step(vcpu, caller, budget);
      return typeof r === 'number' ? finish(r) : r;
    },
    interrupt: () => (caller.signalPending(vcpu.signalMask) ? finish(interrupted(vcpu)) : undefined),
  };
}
function interrupted(vcpu: Vcpu): number {
  setExitReason(vcpu, KVM_EXIT.INTR);
  vcpu.stats.count('signal_exits');
  return -Errno.EINTR;
}

/** One round of the loop. @linux check_vcpu_requests, kvm_vcpu_exit_request */
function step(vcpu: Vcpu, caller: Caller, budget: number): number | 'again' | 'wait' {
  if (caller.signalPending(vcpu.signalMask)) return interrupted(vcpu);
  if (vcpu.vm.dead) return -Errno.EIO;
  if (vcpu.mpState === KVM_MP_STATE.STOPPED) return 'wait';
  if (vcpu.mpState === KVM_MP_STATE.SUSPENDED) return isRunnable(vcpu) ? wakeup(vcpu) : 'wait';
  if (vcpu.dirtyRing?.softFull) {
    setExitReason(vcpu, KVM_EXIT.DIRTY_RING_FULL);
    return 0;
  }
  const { enterGuest, trace } = vcpu.vm.kvm;
  if (!enterGuest) {
    trace('hypatia_not_implemented', { what: 'guest execution is not implemented yet', vcpu: vcpu.id });
    return -Errno.EIO;
  }
  const r = enterGuest(vcpu, caller, budget);
  return r === 'exit' ? 0 : r;
}
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

/** The reason and the details of the last exit, for tests and for the library. */
export function lastExit(vcpu: Vcpu): { readonly reason: number; readonly data: Uint8Array } {
  const page = runPage(vcpu);
  return { reason: decode(RUN, page).exit_reason, data: page.slice(EXIT, EXIT + 256) };
}
