// Sending, blocking, catching and waiting for signals.

import { Errno, type Result } from '../../base/hostfile.ts';
import { NSIG, SiCode, sigBit } from '../abi/flags.ts';
import { UNBLOCKABLE } from '../abi/signals.ts';
import { NO_ALT_STACK, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK } from '../alt_stack.ts';
import { Struct } from '../bytes.ts';
import { RT_SIGRETURN } from '../sigframe_layout.ts';
import { encodeSigInfo, SIGINFO_SIZE, type SigInfo } from '../siginfo.ts';
import type { Thread } from '../thread.ts';
import { Restart, Wait } from '../wait.ts';
import { KEEP, type SyscallTable, sys } from './schema.ts';
import { after, getBytes, getStruct, getTimespec, put64, putBytes, putStruct } from './util.ts';

const { EINVAL, ESRCH, EPERM, ENOMEM, EAGAIN } = Errno;
const SIGKILL = 9;
const SIGSTOP = 19;
const SIGSEGV = 11;
/** @linux MINSIGSTKSZ: room for the frame without SVE */
const MIN_STACK = 5120n;

const valid = (sig: number) => sig >= 0 && sig <= NSIG;
function userInfo(t: Thread, sig: number, code: number): SigInfo {
  return { signo: sig, code, pid: t.pid, uid: t.process.cred.uid };
}
function kill(t: Thread, pid: number, sig: number): number {
  if (!valid(sig)) return -EINVAL;
  const all = t.machine.allProcesses();
  const targets =
    pid > 0
      ? all.filter((p) => p.pid === pid)
      : pid === 0
        ? all.filter((p) => p.pgid === t.process.pgid)
        : pid === -1
          ? all.filter((p) => p !== t.process)
          : all.filter((p) => p.pgid === -pid);
  if (targets.length === 0) return -ESRCH;
  if (sig !== 0) for (const p of targets) p.signal(userInfo(t, sig, SiCode.SI_USER));
  return 0;
}
function tkill(t: Thread, tgid: number | undefined, tid: number, sig: number): number {
  if (!valid(sig) || tid <= 0 || (tgid !== undefined && tgid <= 0)) return -EINVAL;
  const target = t.machine.thread(tid);
  if (!target || (tgid !== undefined && target.pid !== tgid)) return -ESRCH;
  if (sig !== 0) target.signal(userInfo(t, sig, SiCode.SI_TKILL));
  return 0;
}
/** A siginfo that the program made itself. */
function queued(t: Thread, sig: number, addr: bigint): SigInfo {
  const raw = getBytes(t, addr, SIGINFO_SIZE);
  const s = new Struct(raw);
  return { signo: sig, code: s.i32(8), pid: s.i32(16), uid: s.u32(20), value: s.u64(24), raw };
}

function sigaction(t: Thread, sig: number, act: bigint, old: bigint, size: number): number {
  if (size !== 8 || sig < 1 || sig > NSIG) return -EINVAL;
  if (act !== 0n && (sig === SIGKILL || sig === SIGSTOP)) return -EINVAL;
  t.machine.onSignals();
  const a = t.process.sighand.action(sig);
  const before = { ...a };
  if (act !== 0n) {
    const s = getStruct(t, act, 32);
    a.handler = s.u64(0);
    a.flags = Number(s.u64(8) & 0xffff_ffffn);
    a.restorer = s.u64(16);
    a.mask = s.u64(24) & ~UNBLOCKABLE;
    if (t.process.ignores(sig)) {
      t.process.pending.drop(sigBit(sig));
      for (const x of t.process.threads) x.pending.drop(sigBit(sig));
    }
  }
  if (old !== 0n) {
    const s = new Struct(32);
    s.set64(0, before.handler).set64(8, before.flags).set64(16, before.restorer).set64(24, before.mask);
    putStruct(t, old, s);
  }
  return 0;
}
function sigprocmask(t: Thread, how: number, set: bigint, old: bigint, size: number): number {
  if (size !== 8) return -EINVAL;
  t.machine.onSignals();
  const before = t.mask;
  if (set !== 0n) {
    const s = getStruct(t, set, 8).u64(0) & ~UNBLOCKABLE;
    switch (how) {
      case 0:
        t.mask |= s;
        break;
      case 1:
        t.mask &= ~s;
        break;
      case 2:
        t.mask = s;
        break;
      default:
        return -EINVAL;
    }
  }
  if (old !== 0n) put64(t, old, before);
  return 0;
}
function sigaltstack(t: Thread, set: bigint, old: bigint): number {
  const cur = t.altStack;
  const onStack = (cur.flags & SS_DISABLE) === 0 && t.state.sp > cur.sp && t.state.sp <= cur.sp + cur.size;
  let next = cur;
  if (set !== 0n) {
    const s = getStruct(t, set, 24);
    if (onStack) return -EPERM;
    const flags = s.u32(8);
    const mode = (flags & ~SS_AUTODISARM) >>> 0;
    if (mode !== 0 && mode !== SS_DISABLE && mode !== SS_ONSTACK) return -EINVAL;
    if (mode === SS_DISABLE) next = { sp: 0n, size: 0n, flags: (flags & SS_AUTODISARM) | SS_DISABLE };
    else {
      if (s.u64(16) < MIN_STACK) return -ENOMEM;
      next = { sp: s.u64(0), size: s.u64(16), flags: (flags & SS_AUTODISARM) >>> 0 };
    }
  }
  if (old !== 0n) {
    const s = new Struct(24);
    s.set64(0, cur.sp)
      .set32(8, (cur.flags | (onStack ? SS_ONSTACK : 0)) >>> 0)
      .set64(16, cur.size);
    putStruct(t, old, s);
  }
  t.altStack = next;
  return 0;
}
/** rt_sigreturn, if everything is as it mostly is. @returns false: nothing has been done */
export function returnQuickly(t: Thread): boolean {
  if (t.state.sveLive !== 0 || !t.machine.signalFrames.leave(t.state)) return false;
  t.mask = 0n;
  t.altStack = NO_ALT_STACK;
  t.restart = undefined;
  return true;
}
function sigreturn(t: Thread): number {
  const { signalFrames } = t.machine;
  const frame = signalFrames.pop(t.state, t.mm);
  if (frame === 0) {
    const addr = t.state.sp;
    const mapped = t.mm.vmas.find(Number(addr & 0xffff_ffff_ffffn)) !== undefined;
    t.force({ signo: SIGSEGV, code: mapped ? SiCode.SEGV_ACCERR : SiCode.SEGV_MAPERR, addr });
    return KEEP;
  }
  const mask = signalFrames.maskIn(frame);
  t.mask = mask === 0n ? 0n : mask & ~UNBLOCKABLE;
  const alt = signalFrames.altStackIn(frame);
  const kept = SS_DISABLE | SS_AUTODISARM;
  if (alt === NO_ALT_STACK) t.altStack = alt;
  else if ((alt.flags & SS_ONSTACK) === 0) t.altStack = { ...alt, flags: alt.flags & kept };
  t.restart = undefined;
  return KEEP;
}
function sigtimedwait(t: Thread, set: bigint, info: bigint, timeout: bigint, size: number): Result {
  if (size !== 8) return -EINVAL;
  const mask = getStruct(t, set, 8).u64(0) & ~UNBLOCKABLE;
  const { clock } = t.machine;
  const deadline = timeout === 0n ? undefined : clock.now() + getTimespec(t, timeout);
  let got: SigInfo | undefined;
  // While waiting the signals count as unblocked, so that sending one wakes us.
  const real = t.mask;
  t.mask &= ~mask;
  t.waitingFor = mask;
  const end = <T>(v: T): T => {
    t.mask = real;
    t.waitingFor = 0n;
    return v;
  };
  const attempt = (): number | 'wait' => {
    got = t.pending.take(mask) ?? t.process.pending.take(mask);
    return got ? end(got.signo) : 'wait';
  };
  const first = attempt();
  if (first === 'wait' && deadline !== undefined && deadline <= clock.now()) return end(-EAGAIN);
  const r: Result =
    first !== 'wait'
      ? first
      : new Wait(attempt, {
          queues: [t.signalQueue],
          deadline,
          now: () => clock.now(),
          timedOut: () => end(-EAGAIN),
          interrupted: () => {
            const n = attempt();
            return n === 'wait' ? end(-Errno.EINTR) : n;
          },
        });
  return after(r, (n) => {
    if (n > 0 && got && info !== 0n) putBytes(t, info, encodeSigInfo(got));
    return n;
  });
}

export const SIGNALS = {
  kill: sys(129, 'pid pid, sig sig', (t, a) => kill(t, a.pid, a.sig)),
  tkill: sys(130, 'pid tid, sig sig', (t, a) => tkill(t, undefined, a.tid, a.sig)),
  tgkill: sys(131, 'pid tgid, pid tid, sig sig', (t, a) => tkill(t, a.tgid, a.tid, a.sig)),
  rt_sigaction: sys(134, 'sig sig, sigaction act, sigactionout old, size size', (t, a) =>
    sigaction(t, a.sig, a.act, a.old, a.size),
  ),
  rt_sigprocmask: sys(135, 'sighow how, sigset set, sigsetout old, size size', (t, a) =>
    sigprocmask(t, a.how, a.set, a.old, a.size),
  ),
  rt_sigpending: sys(136, 'sigsetout set, size size', (t, a) => {
    if (a.size > 8) return -EINVAL;
    put64(t, a.set, (t.pending.mask | t.process.pending.mask) & t.mask);
    return 0;
  }),
  rt_sigsuspend: sys(133, 'sigset set, size size', (t, a) => {
    if (a.size !== 8) return -EINVAL;
    const mask = getStruct(t, a.set, 8).u64(0) & ~UNBLOCKABLE;
    t.savedMask = t.mask;
    t.mask = mask;
    // A signal that waits already ends the wait at once.
    if (t.signalPending()) return Restart.ERESTARTNOHAND;
    return new Wait(() => 'wait', { queues: [], interrupted: Restart.ERESTARTNOHAND });
  }),
  rt_sigtimedwait: sys(137, 'sigset set, ptr info, timespec timeout, size size', (t, a) =>
    sigtimedwait(t, a.set, a.info, a.timeout, a.size),
  ),
  rt_sigqueueinfo: sys(138, 'pid pid, sig sig, ptr info', (t, a) => {
    const p = t.machine.process(a.pid);
    if (!valid(a.sig)) return -EINVAL;
    if (!p) return -ESRCH;
    const info = queued(t, a.sig, a.info);
    if ((info.code >= 0 || info.code === SiCode.SI_TKILL) && a.pid !== t.pid) return -EPERM;
    if (a.sig !== 0) p.signal(info);
    return 0;
  }),
  rt_tgsigqueueinfo: sys(240, 'pid tgid, pid tid, sig sig, ptr info', (t, a) => {
    const target = t.machine.thread(a.tid);
    if (!valid(a.sig)) return -EINVAL;
    if (!target || target.pid !== a.tgid) return -ESRCH;
    if (a.sig !== 0) target.signal(queued(t, a.sig, a.info));
    return 0;
  }),
  rt_sigreturn: sys(RT_SIGRETURN, '', (t) => sigreturn(t)),
  sigaltstack: sys(132, 'ptr set, ptr old', (t, a) => sigaltstack(t, a.set, a.old)),
} satisfies SyscallTable;
