// What a signal carries: siginfo in our form and as the 128 bytes of siginfo_t. Queues of pending signals.

import { sigBit } from './abi/flags.ts';
import { SYNCHRONOUS } from './abi/signals.ts';
import { Struct } from './bytes.ts';

export interface SigInfo {
  readonly signo: number;
  readonly code: number;
  readonly errno?: number;
  /** si_pid/si_uid: senders, children, or timers (timerid, overrun). */
  readonly pid?: number;
  readonly uid?: number;
  /** SIGCHLD. */
  readonly status?: number;
  readonly utime?: number;
  readonly stime?: number;
  /** Faults. */
  readonly addr?: bigint;
  readonly addrLsb?: number;
  /** rt_sigqueueinfo, timers. */
  readonly value?: bigint;
  /** The timer whose expirations this tells: it is told when the signal is taken or thrown away. */
  readonly timer?: SignalTimer;
  /** As the sender wrote it (rt_sigqueueinfo). */
  readonly raw?: Uint8Array;
}

/** A timer that has at most one signal on its way; what expires meanwhile is counted. */
export interface SignalTimer {
  /** @returns how many expirations the signal that is taken now did not tell */
  taken(): number;
  dropped(): void;
}

export const SIGINFO_SIZE = 128;
/** si_addr, of a fault. */
export const SI_ADDR = 16;
const SIGCHLD = 17;
/** Bit n: signal n tells of a fault. */
const FAULTS = [4, 5, 7, 8, 11].reduce((m, s) => m | (1 << s), 0);

/** siginfo_t as bytes. */
export function encodeSigInfo(i: SigInfo): Uint8Array {
  const s = new Struct(SIGINFO_SIZE);
  putSigInfo(s, i);
  return s.bytes;
}
/** siginfo_t at a place of a structure, which is zero there. */
export function putSigInfo(s: Struct, i: SigInfo, at = 0): void {
  if (i.raw) {
    s.bytes.set(i.raw, at);
    s.set32(at, i.signo);
    return;
  }
  s.set32(at, i.signo)
    .set32(at + 4, i.errno ?? 0)
    .set32(at + 8, i.code);
  if (i.addr !== undefined && i.signo < 32 && (FAULTS >> i.signo) & 1) {
    s.set64(at + SI_ADDR, i.addr);
    if (i.addrLsb !== undefined) s.set16(at + 24, i.addrLsb);
    return;
  }
  s.set32(at + 16, i.pid ?? 0).set32(at + 20, i.uid ?? 0);
  if (i.signo === SIGCHLD && i.status !== undefined)
    s.set32(at + 24, i.status)
      .set64(at + 32, i.utime ?? 0)
      .set64(at + 40, i.stime ?? 0);
  else if (i.value !== undefined) s.set64(at + 24, i.value);
}

const EVERY = (1n << 64n) - 1n;

/** Signals that wait for delivery. Classic ones are kept once, real-time ones are queued. */
export class PendingSignals {
  private readonly queue: SigInfo[] = [];
  private bits = 0n;

  get mask(): bigint {
    return this.bits;
  }
  get empty(): boolean {
    return this.queue.length === 0;
  }
  add(info: SigInfo): void {
    const bit = sigBit(info.signo);
    if (this.empty) this.bits = bit;
    else if (info.signo < 32 && (this.bits & bit) !== 0n) {
      info.timer?.dropped();
      return;
    } else this.bits |= bit;
    this.queue.push(info);
  }
  /** The next one to deliver out of `allowed`: faults first, then the lowest number. */
  take(allowed: bigint): SigInfo | undefined {
    if (this.empty) return undefined;
    const ready = this.bits & allowed;
    if (ready === 0n) return undefined;
    if (this.queue.length === 1) return this.only();
    const sync = ready & SYNCHRONOUS;
    const sig = lowest(sync !== 0n ? sync : ready);
    const at = this.queue.findIndex((q) => q.signo === sig);
    const [info] = this.queue.splice(at, 1);
    if (!this.queue.some((q) => q.signo === sig)) this.bits &= ~sigBit(sig);
    return told(info!);
  }
  private only(): SigInfo {
    this.bits = 0n;
    return told(this.queue.pop()!);
  }
  /** The next one that is not blocked. A mask never has what cannot be blocked. */
  takeUnless(blocked: bigint): SigInfo | undefined {
    if (this.empty) return undefined;
    if (this.queue.length === 1 && blocked === 0n) return this.only();
    return this.take(EVERY & ~blocked);
  }
  drop(mask: bigint): void {
    this.removeIf((q) => (mask & sigBit(q.signo)) !== 0n);
  }
  /** The timer was set anew or deleted: its signal is no longer true. */
  dropTimer(timer: SignalTimer): void {
    this.removeIf((q) => q.timer === timer);
  }
  private removeIf(gone: (q: SigInfo) => boolean): void {
    for (let i = this.queue.length - 1; i >= 0; i--) {
      if (!gone(this.queue[i]!)) continue;
      const [q] = this.queue.splice(i, 1);
      q!.timer?.dropped();
    }
    this.bits = this.queue.reduce((m, q) => m | sigBit(q.signo), 0n);
  }
}
const told = (info: SigInfo): SigInfo => (info.timer ? { ...info, uid: info.timer.taken() } : info);
function lowest(mask: bigint): number {
  let n = 1;
  while ((mask & 1n) === 0n) {
    mask >>= 1n;
    n++;
  }
  return n;
}
