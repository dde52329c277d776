// On the way back to the program: pending signals are taken, default actions carried out, handlers entered, and an
// interrupted system call is restarted or fails with EINTR. @linux do_signal, setup_rt_frame

import { highHalf, lowHalf } from '../base/bits.ts';
import { Errno } from '../base/hostfile.ts';
import { Slot } from '../cpu/state.ts';
import { SiCode, SigAction, Signal, sigBit } from './abi/flags.ts';
import { CORE_SIGNALS, STOPS } from './abi/signals.ts';
import { NO_ALT_STACK, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK } from './alt_stack.ts';
import { SIG_DFL, SIG_IGN, type SignalAction } from './process.ts';
import { type Halves, stackOf, ucontextOf } from './sigframe.ts';
import { handlerPstate } from './sigframe_layout.ts';
import type { SigInfo } from './siginfo.ts';
import type { Thread } from './thread.ts';
import { Restart } from './wait.ts';

/** A signal that cannot be put off. Mostly nothing stands between it and its handler. */
export function deliverFault(t: Thread, info: SigInfo): void {
  const { process, machine } = t;
  const action = process.sighand.action(info.signo);
  const { handler } = action;
  const alone = t.pending.empty && process.pending.empty && t.savedMask === undefined && !machine.strace;
  if (alone && handler !== SIG_DFL && handler !== SIG_IGN && t.mask === 0n) {
    if (enterQuickly(t, info, action) || enterHandler(t, info, action)) return;
  }
  t.force(info);
}

/** @returns false when the thread does not go on (it died or stopped). */
export function deliverSignals(t: Thread): boolean {
  const p = t.process;
  while (!t.dead) {
    const info = t.pending.takeUnless(t.mask) ?? p.pending.takeUnless(t.mask);
    if (!info) break;
    const sig = info.signo;
    const action = p.sighand.action(sig);
    t.machine.strace?.signal(t, info);
    if (action.handler === SIG_IGN && sig !== Signal.SIGKILL && sig !== Signal.SIGSTOP) continue;
    if (action.handler === SIG_DFL) {
      if (p.ignores(sig)) continue;
      if ((STOPS & sigBit(sig)) !== 0n) {
        p.stop(sig);
        return false;
      }
      die(t, info);
      return false;
    }
    resumeCall(t, action);
    if (!enterHandler(t, info, action)) {
      // The handler's stack cannot be written. @linux force_sigsegv
      if (sig === Signal.SIGSEGV) p.sighand.action(sig).handler = SIG_DFL;
      t.force({ signo: Signal.SIGSEGV, code: SiCode.SI_KERNEL, pid: 0, uid: 0 });
    }
  }
  if (t.dead) return false;
  resumeCall(t, undefined);
  if (t.savedMask !== undefined) {
    t.mask = t.savedMask;
    t.savedMask = undefined;
  }
  return !p.stopped;
}

/** Decides about an interrupted call, once. @param action the handler about to run, undefined when none is */
function resumeCall(t: Thread, action: SignalAction | undefined): void {
  const code = t.restart;
  if (code === undefined) return;
  t.restart = undefined;
  const again =
    action === undefined ||
    code === Restart.ERESTARTNOINTR ||
    (code === Restart.ERESTARTSYS && (action.flags & SigAction.SA_RESTART) !== 0);
  // X0 still is the first argument.
  if (again) t.state.pc -= 4n;
  else t.state.setX(0, BigInt.asUintN(64, BigInt(-Errno.EINTR)));
}

function die(t: Thread, info: SigInfo): void {
  const core = (CORE_SIGNALS & sigBit(info.signo)) !== 0n;
  t.machine.killed(t, info, core);
  t.process.exitGroup(info.signo | (core ? 0x80 : 0));
}

/** Mostly one of the two is empty. */
const union = (a: bigint, b: bigint): bigint => (a === 0n ? b : b === 0n ? a : a | b);
const halvesOf = (v: bigint): Halves => ({ low: lowHalf(v), high: highHalf(v) });

const maskFor = (sig: number, { flags, mask }: SignalAction): bigint =>
  union(mask, (flags & SigAction.SA_NODEFER) === 0 ? sigBit(sig) : 0n);
/** Where a handler returns to. */
const restorerOf = (t: Thread, { flags, restorer }: SignalAction): bigint =>
  (flags & SigAction.SA_RESTORER) !== 0 ? restorer : t.machine.sigreturnAddress;

/** Nothing is blocked. @returns false: nothing has been done */
function enterQuickly(t: Thread, info: SigInfo, action: SignalAction): boolean {
  const { flags, handler } = action;
  if (t.altStack !== NO_ALT_STACK || t.state.sveLive !== 0 || (flags & SigAction.SA_RESETHAND) !== 0) return false;
  const withInfo = (flags & SigAction.SA_SIGINFO) !== 0;
  if (!t.machine.signalFrames.enter(t, info, handler, restorerOf(t, action), withInfo)) return false;
  t.mask = maskFor(info.signo, action);
  return true;
}
function enterHandler(t: Thread, info: SigInfo, action: SignalAction): boolean {
  const cpu = t.state;
  const alt = t.altStack;
  const onStack = alt.flags !== SS_DISABLE && alt.size !== 0n && cpu.sp > alt.sp && cpu.sp <= alt.sp + alt.size;
  const useAlt = (action.flags & SigAction.SA_ONSTACK) !== 0 && (alt.flags & SS_DISABLE) === 0 && !onStack;
  const top = useAlt ? halvesOf(alt.sp + alt.size) : stackOf(cpu);
  const mask = t.savedMask ?? t.mask;
  const saidAlt = onStack ? { ...alt, flags: alt.flags | SS_ONSTACK } : alt;
  if (!t.machine.signalFrames.push(t, info, top, mask, saidAlt)) return false;
  const { handler } = action;
  if (useAlt && (alt.flags & SS_AUTODISARM) !== 0) t.altStack = NO_ALT_STACK;
  cpu.setHalves(Slot.X, info.signo, 0);
  if ((action.flags & SigAction.SA_SIGINFO) !== 0) {
    // The frame begins with siginfo.
    const sp = stackOf(cpu);
    const ucontext = ucontextOf(sp);
    cpu.setHalves(Slot.X + 8, sp.low, sp.high);
    cpu.setHalves(Slot.X + 16, ucontext.low, ucontext.high);
  }
  cpu.setX(30, restorerOf(t, action));
  cpu.pc = handler;
  cpu.setLow(Slot.PSTATE, handlerPstate(cpu.low(Slot.PSTATE), t.machine.hasBti));
  t.savedMask = undefined;
  t.mask = union(mask, maskFor(info.signo, action));
  if ((action.flags & SigAction.SA_RESETHAND) !== 0) action.handler = SIG_DFL;
  return true;
}
