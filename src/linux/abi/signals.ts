// What signals are called, and sets of them.

import { NSIG, SIGRTMIN, Signal, sigBit } from './flags.ts';

export function signalName(sig: number): string {
  for (const [name, n] of Object.entries(Signal)) if (n === sig) return name;
  return sig >= SIGRTMIN && sig <= NSIG ? (sig === SIGRTMIN ? 'SIGRTMIN' : `SIGRT_${sig - SIGRTMIN}`) : `SIG_${sig}`;
}

const S = Signal;
const set = (...signals: number[]) => signals.reduce((m, n) => m | sigBit(n), 0n);
export const STOPS = set(S.SIGSTOP, S.SIGTSTP, S.SIGTTIN, S.SIGTTOU);
export const UNBLOCKABLE = set(S.SIGKILL, S.SIGSTOP);
export const IGNORED_BY_DEFAULT = set(S.SIGCHLD, S.SIGCONT, S.SIGURG, S.SIGWINCH);
/** Of faults: they are delivered before all others. @linux SYNCHRONOUS_MASK */
export const SYNCHRONOUS = set(S.SIGSEGV, S.SIGBUS, S.SIGILL, S.SIGTRAP, S.SIGFPE, S.SIGSYS);
/** Signals whose default action leaves a core dump. */
export const CORE_SIGNALS = set(
  S.SIGQUIT,
  S.SIGILL,
  S.SIGTRAP,
  S.SIGABRT,
  S.SIGBUS,
  S.SIGFPE,
  S.SIGSEGV,
  S.SIGXCPU,
  S.SIGXFSZ,
  S.SIGSYS,
);
