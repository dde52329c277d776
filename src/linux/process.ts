// A process: what its threads share. Life and death (exit, reaping, signals to the group) are here; running is not.

import type { PauthState } from '../cpu/pauth.ts';
import { SiCode, Signal, sigBit } from './abi/flags.ts';
import { IGNORED_BY_DEFAULT, STOPS } from './abi/signals.ts';
import type { Machine } from './machine.ts';
import type { AddressSpace } from './mm/mm.ts';
import { newPauth } from './pauth.ts';
import { PendingSignals, type SigInfo, type SignalTimer } from './siginfo.ts';
import type { Thread } from './thread.ts';
import type { Timer } from './timers.ts';
import type { Location } from './vfs/node.ts';
import { WaitQueue } from './wait.ts';

export interface SignalAction {
  handler: bigint;
  flags: number;
  restorer: bigint;
  mask: bigint;
}
export const SIG_DFL = 0n;
export const SIG_IGN = 1n;

/** Signal handlers, shared by CLONE_SIGHAND. */
export class SigHand {
  /** Those that somebody has asked for. */
  private readonly actions: SignalAction[] = [];
  action(signo: number): SignalAction {
    this.actions[signo] ??= { handler: SIG_DFL, flags: 0, restorer: 0n, mask: 0n };
    return this.actions[signo];
  }
  copy(): SigHand {
    const s = new SigHand();
    this.actions.forEach((a, i) => {
      s.actions[i] = { ...a };
    });
    return s;
  }
  /** execve: handlers are gone, ignored signals stay ignored. */
  reset(all = false): void {
    this.actions.forEach((a) => {
      if (all || a.handler !== SIG_IGN) a.handler = SIG_DFL;
      a.flags = 0;
      a.mask = 0n;
      a.restorer = 0n;
    });
  }
}

export interface Limit {
  soft: number;
  hard: number;
}
export const RLIM_INFINITY = Number.POSITIVE_INFINITY;

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
}

/** How a process ended, as wait4 encodes it: exit code << 8, or the signal, or-ed with 0x80 for a core dump. */
export type WaitStatus = number;

export class Process {
  readonly machine: Machine;
  readonly pid: number;
  parent: Process | undefined;
  readonly children: Process[] = [];
  pgid: number;
  sid: number;
  mm: AddressSpace;
  sighand: SigHand;
  readonly pending = new PendingSignals();
  readonly threads: Thread[] = [];
  limits: Limit[];
  cred: Credentials;
  exe: Location | undefined;
  cmdline: readonly string[] = [];
  environ: readonly string[] = [];
  auxv: Uint8Array = new Uint8Array(0);
  /** Signal that the parent gets at the end. */
  exitSignal: number = Signal.SIGCHLD;
  /** Set once the process ends. */
  status: WaitStatus | undefined;
  /** A stop or continue that wait4 has not told yet. */
  event: { readonly code: number; readonly status: number } | undefined;
  stopped = false;
  /** Somebody waits for one of our children. */
  readonly childEvents = new WaitQueue();
  /** Woken when this process executes another program or ends: the parent of a vfork waits for it. */
  readonly vforkDone = new WaitQueue();
  vforking = false;
  /** Readable by pidfd. */
  readonly ended = new WaitQueue();
  readonly itimers: (Timer | undefined)[] = [];
  readonly timers = new Map<number, PosixTimer>();
  nextTimer = 0;
  /** CPU time of threads that are gone, ns. */
  deadTime: number;
  childTime = 0;
  dumpable = 1;
  noNewPrivs = false;
  subreaper = false;
  /** membarrier registrations. */
  membarriers = 0;
  readonly startTime: number;
  /** Keys; inherited by fork, new with every program. */
  pauth: PauthState;

  constructor(
    machine: Machine,
    pid: number,
    parent: Process | undefined,
    mm: AddressSpace,
    sighand: SigHand,
    limits: Limit[],
  ) {
    this.machine = machine;
    this.pid = pid;
    this.parent = parent;
    this.pgid = parent?.pgid ?? pid;
    this.sid = parent?.sid ?? pid;
    this.mm = mm;
    this.sighand = sighand;
    this.limits = limits;
    this.cred = parent?.cred ?? machine.credentials;
    this.startTime = machine.clock.now();
    this.deadTime = 0;
    this.pauth = parent?.pauth ?? newPauth(machine.facts, machine.rng);
    parent?.children.push(this);
  }
  get leader(): Thread | undefined {
    return this.threads.find((t) => t.tid === this.pid) ?? this.threads[0];
  }
  get cpuTime(): number {
    return this.threads.reduce((n, t) => n + t.cpuTime, this.deadTime);
  }
  limit(resource: number): Limit {
    return this.limits[resource]!;
  }

  /** A signal for whichever thread takes it. */
  signal(info: SigInfo): void {
    if (this.status !== undefined) return;
    if (this.generate(info.signo)) {
      info.timer?.dropped();
      return;
    }
    this.pending.add(info);
    const bit = sigBit(info.signo);
    // Whoever runs takes it, if it may: then it needs no waking.
    const last = this.machine.scheduler.last;
    const takes = (t: Thread) => (t.mask & bit) === 0n && !t.dead;
    const taker = last?.process === this && takes(last) ? last : this.threads.find(takes);
    if (info.signo === Signal.SIGKILL) for (const t of this.threads) t.signalArrived();
    else taker?.signalArrived();
    for (const t of this.threads) t.signalQueue.wake();
  }
  /** Effects at generation: stop and continue cancel each other, ignored ones vanish. @returns true if it is done. */
  generate(signo: number): boolean {
    if (signo === Signal.SIGCONT) {
      for (const t of this.threads) t.pending.drop(STOPS);
      this.pending.drop(STOPS);
      if (this.stopped) {
        this.stopped = false;
        this.notifyParent(SiCode.CLD_CONTINUED, Signal.SIGCONT);
        for (const t of this.threads) t.wake();
      }
    } else if ((STOPS & sigBit(signo)) !== 0n) {
      for (const t of this.threads) t.pending.drop(sigBit(Signal.SIGCONT));
      this.pending.drop(sigBit(Signal.SIGCONT));
    }
    if (signo === Signal.SIGKILL && this.stopped) this.stopped = false;
    const blocked = this.threads.every((t) => ((t.mask | t.waitingFor) & sigBit(signo)) !== 0n);
    return !blocked && this.ignores(signo);
  }
  ignores(signo: number): boolean {
    const { handler } = this.sighand.action(signo);
    if (signo === Signal.SIGKILL || signo === Signal.SIGSTOP) return false;
    return handler === SIG_IGN || (handler === SIG_DFL && (IGNORED_BY_DEFAULT & sigBit(signo)) !== 0n);
  }
  stop(signo: number): void {
    this.stopped = true;
    this.notifyParent(SiCode.CLD_STOPPED, signo);
  }
  private notifyParent(code: number, status: number): void {
    const p = this.parent;
    if (!p) return;
    this.event = { code, status };
    const NOCLDSTOP = 1;
    if ((p.sighand.action(Signal.SIGCHLD).flags & NOCLDSTOP) === 0)
      p.signal({ signo: Signal.SIGCHLD, code, pid: this.pid, uid: this.cred.uid, status });
    p.childEvents.wake();
  }
  /** All threads end. */
  exitGroup(status: WaitStatus): void {
    if (this.status === undefined) this.status = status;
    for (const t of [...this.threads]) t.exit(this.status);
  }
  /** The last thread is gone. */
  finish(status: WaitStatus): void {
    this.status ??= status;
    for (const t of this.itimers) t?.arm(undefined, 0);
    for (const t of this.timers.values()) t.timer.arm(undefined, 0);
    this.leaveMm();
    this.ended.wake();
    const heir = this.reaper();
    for (const c of this.children.splice(0)) {
      c.parent = heir;
      if (heir) {
        heir.children.push(c);
        if (c.status !== undefined) heir.childEvents.wake();
      } else if (c.status !== undefined) this.machine.forget(c);
    }
    const p = this.parent;
    if (!p) {
      this.machine.forget(this);
      return;
    }
    const chld = p.sighand.action(Signal.SIGCHLD);
    const NOCLDWAIT = 2;
    const autoReap = this.exitSignal === Signal.SIGCHLD && (chld.handler === SIG_IGN || (chld.flags & NOCLDWAIT) !== 0);
    if (this.exitSignal !== 0) {
      const s = this.status;
      const killed = (s & 0x7f) !== 0;
      p.signal({
        signo: this.exitSignal,
        code: !killed ? SiCode.CLD_EXITED : (s & 0x80) !== 0 ? SiCode.CLD_DUMPED : SiCode.CLD_KILLED,
        pid: this.pid,
        uid: this.cred.uid,
        status: killed ? s & 0x7f : s >> 8,
      });
    }
    if (autoReap) this.reap();
    p.childEvents.wake();
  }
  private reaper(): Process | undefined {
    for (let p = this.parent; p; p = p.parent) if (p.subreaper && p.status === undefined) return p;
    return undefined;
  }
  /** The parent has taken note of the end. */
  reap(): void {
    const p = this.parent;
    if (p) {
      p.childTime += this.cpuTime + this.childTime;
      const i = p.children.indexOf(this);
      if (i >= 0) p.children.splice(i, 1);
    }
    this.machine.forget(this);
  }
  leaveMm(): void {
    if (this.vforking) {
      this.vforking = false;
      this.vforkDone.wake();
    }
    if (--this.mm.users === 0) this.mm.destroy(this.machine.isOver);
  }
}

export interface PosixTimer extends SignalTimer {
  readonly clockid: number;
  readonly timer: Timer;
  /** Of the signal that was delivered last. */
  overrun: number;
}
