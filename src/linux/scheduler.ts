// Which thread runs when: round robin over the modelled CPUs in slices counted in instructions, the same every time
// for the same seed. Time is the sum of all slices: CPUs take turns, so no thread ever sees a clock go back. When
// nobody can run, time jumps to the next deadline.

import { Exit, type ExitReason } from '../cpu/engine.ts';
import type { CpuFp } from '../cpu/host_fp.ts';
import { type CpuState, Slot } from '../cpu/state.ts';
import { deliverSignals } from './deliver.ts';
import type { Machine } from './machine.ts';
import { finishCall, stepCall } from './syscalls/dispatch.ts';
import type { Thread } from './thread.ts';
import { Ec, handleException } from './traps.ts';

/** Instructions in a slice: between the two, drawn from the seeded generator. */
const SLICE_MIN = 20_000;
const SLICE_SPREAD = 20_000;
/** A thread that is alone may go on for longer: nobody waits. */
const SLICE_ALONE = 2_000_000;
/** Where guests execute by themselves: their slices are long, those of all others short, because guests wait for answers. */
const SLICE_AWAY = 1_000_000;
const SLICE_BESIDE = 5_000;

/** ns that a thread keeps its CPU from others that want it, over several slices, unless it gives way. */
const QUANTUM = 250_000;

/** ns that a thread takes to move itself to another CPU: the one that moves threads there has to run first. */
const MIGRATION_NS = 10_000;

export type RoundResult = 'ran' | 'idle' | 'stuck';

/** A slice of a thread whose guest executes elsewhere. */
interface Trip {
  readonly thread: Thread;
  readonly start: number;
  readonly asked: boolean;
  left: number;
}

export class Scheduler {
  private readonly machine: Machine;
  private readonly queues: Thread[][];
  /** By CPU. */
  private readonly trips: (Trip | undefined)[];
  private readonly sleepers = new Set<Thread>();
  /** Running threads, for the hooks that the engine calls. */
  current: Thread | undefined;
  /** The one that ran last, or runs. */
  last: Thread | undefined;
  /** The registers of the CPU that it runs on. */
  private fp: CpuFp | undefined;

  constructor(machine: Machine, cpus: number) {
    this.machine = machine;
    this.queues = Array.from({ length: cpus }, () => []);
    this.trips = this.queues.map(() => undefined);
  }
  get cpus(): number {
    return this.queues.length;
  }

  /** The thread wants a CPU. */
  ready(t: Thread): void {
    this.sleepers.delete(t);
    this.place(t);
  }
  /** The thread gave its CPU up. */
  blocked(t: Thread): void {
    this.leave(t);
    this.sleepers.add(t);
  }
  remove(t: Thread): void {
    if (t.away) {
      t.op?.abandon?.();
      t.away = false;
      this.trips.forEach((trip, c) => {
        if (trip?.thread === t) this.trips[c] = undefined;
      });
    }
    this.leave(t);
    this.sleepers.delete(t);
  }
  private leave(t: Thread): void {
    const q = this.queues[t.cpuIndex]!;
    const i = q.indexOf(t);
    if (i >= 0) q.splice(i, 1);
  }
  /** Its own CPU if nobody is there, else the emptiest it may use. */
  private place(t: Thread): void {
    let best = -1;
    for (let k = 0; k < this.queues.length; k++) {
      const c = (t.cpuIndex + k) % this.queues.length;
      if ((t.affinity & (1n << BigInt(c))) === 0n) continue;
      if (best < 0 || this.queues[c]!.length < this.queues[best]!.length) best = c;
    }
    t.cpuIndex = Math.max(0, best);
    const q = this.queues[t.cpuIndex]!;
    q.push(t);
    // Alone on its CPU it does not wait, although the model lets CPUs take turns.
    t.queuedSince = q.length === 1 ? -1 : this.machine.clock.now();
  }
  /** The affinity changed: move away from a forbidden CPU at once. */
  migrate(t: Thread): void {
    if (t.away) return; // when its slice is over
    if ((t.affinity & (1n << BigInt(t.cpuIndex))) !== 0n) return;
    if (t === this.current) this.machine.clock.advance(MIGRATION_NS);
    if (t.runnable) {
      this.leave(t);
      this.place(t);
    } else
      for (let c = 0; c < this.queues.length; c++)
        if ((t.affinity & (1n << BigInt(c))) !== 0n) {
          t.cpuIndex = c;
          break;
        }
  }
  /** An idle CPU takes a waiting thread from the fullest one. */
  private balance(): void {
    for (let c = 0; c < this.queues.length; c++) {
      if (this.queues[c]!.length > 0) continue;
      let from: Thread[] | undefined;
      for (const q of this.queues) if (q.length > 1 && q.length > (from?.length ?? 0)) from = q;
      const t = from?.slice(1).find((x) => !x.away && (x.affinity & (1n << BigInt(c))) !== 0n);
      if (!t) continue;
      this.leave(t);
      t.cpuIndex = c;
      this.queues[c]!.push(t);
    }
  }

  /** Lets every CPU run one slice. */
  round(): RoundResult {
    const { clock, timers } = this.machine;
    this.balance();
    let tried = false;
    let ran = false;
    let away = false;
    for (let c = 0; c < this.queues.length; c++) {
      const trip = this.trips[c];
      const q = this.queues[c]!;
      const t = trip ? undefined : q.find((x) => !x.process.stopped && !x.away);
      if (!t && !trip) continue;
      tried = true;
      if (trip ? this.resume(trip) : this.slice(t!, q)) ran = true;
      if (this.trips[c]) away = true;
      this.expire();
    }
    if (away) {
      this.machine.engine.parallel!.attend(!ran);
      this.poll();
      return 'ran';
    }
    if (ran || !tried) {
      // Those that nobody will wake have to be asked.
      if (this.poll() || ran) return 'ran';
    }
    // Everybody waits, and asking has not helped: time goes on.
    const deadline = this.nextDeadline();
    if (deadline !== undefined && !(clock.isReal && deadline > clock.now())) {
      clock.jumpTo(deadline);
      timers.run(clock.now());
      this.expire();
      return 'ran';
    }
    return this.poll() || deadline !== undefined ? 'idle' : 'stuck';
  }
  /** Wakes those that wait without a queue. @returns whether there are any */
  private poll(): boolean {
    let any = false;
    for (const t of [...this.sleepers]) {
      if (!t.polled) continue;
      any = true;
      t.wake();
      t.asked = true;
    }
    return any;
  }
  nextDeadline(): number | undefined {
    let at = this.machine.timers.next();
    for (const t of this.sleepers)
      if (t.deadline !== undefined && (at === undefined || t.deadline < at)) at = t.deadline;
    return at;
  }
  /** Wakes sleepers whose time has come. */
  private expire(): void {
    const now = this.machine.clock.now();
    this.machine.timers.run(now);
    for (const t of this.sleepers) if (t.deadline !== undefined && t.deadline <= now) t.wake();
  }

  /** @returns false for a thread that was asked and only went back to sleep */
  private slice(t: Thread, q: Thread[]): boolean {
    const { machine } = this;
    const { clock } = machine;
    let budget = SLICE_MIN + machine.rng.below(SLICE_SPREAD);
    if (q.length === 1 && this.queues.every((x) => x === q || x.length === 0)) {
      let quiet = true;
      for (const s of this.sleepers) if (s.polled) quiet = false;
      if (quiet) budget = SLICE_ALONE;
    }
    if (this.trips.some((trip) => trip)) budget = SLICE_BESIDE;
    const deadline = this.nextDeadline();
    if (deadline !== undefined && !clock.isReal) budget = Math.max(1, Math.min(budget, deadline - clock.now()));
    if (t.queuedSince >= 0) t.runDelay += clock.now() - t.queuedSince;
    t.queuedSince = -1;
    this.current = t;
    this.last = t;
    machine.fp.cpus[t.cpuIndex]!.switchTo(t.fp);
    const start = clock.now();
    const { asked } = t;
    t.asked = false;
    t.beginSlice(start);
    return this.runSlice({ thread: t, start, asked, left: budget });
  }
  /** Asks how a guest is that executes elsewhere. @returns false: it still does */
  private resume(trip: Trip): boolean {
    const { thread } = trip;
    this.current = thread;
    this.last = thread;
    return this.runSlice(trip);
  }
  private runSlice(slice: Trip): boolean {
    const { thread: t, start, asked } = slice;
    const { clock } = this.machine;
    const gaveWay = this.runThread(t, slice);
    this.current = undefined;
    const q = this.queues[t.cpuIndex]!;
    if (gaveWay === 'away') {
      const first = !t.away;
      t.away = true;
      this.trips[t.cpuIndex] = slice;
      return first;
    }
    t.endSlice(clock.now());
    t.quantumUsed += clock.now() - start;
    if (gaveWay || q.length === 1 || t.quantumUsed >= QUANTUM) t.quantumUsed = 0;
    if (t.quantumUsed === 0 && t.runnable && !t.dead && q.length > 1 && q[0] === t) {
      q.push(q.shift()!);
      t.queuedSince = clock.now();
      t.involuntarySwitches++;
    } else if (t.runnable && !t.dead && q.includes(t) && q[0] !== t) {
      q.splice(q.indexOf(t), 1);
      q.push(t);
    }
    if (!t.dead) this.migrate(t);
    return !asked || t.runnable || t.dead || clock.now() !== start;
  }

  /** @returns true when the thread does not want to go on now */
  private runThread(t: Thread, slice: Trip): boolean | 'away' {
    const { machine } = this;
    const { clock, engine } = machine;
    this.fp = machine.fp.cpus[t.cpuIndex]!;
    if (!t.away) machine.rseqUpdate(t);
    let { left } = slice;
    while (t.away || (left > 0 && !t.dead && t.runnable && !t.process.stopped)) {
      const before = clock.now();
      if (t.op) {
        if (t.interrupted && !t.away) {
          t.interrupted = false;
          if (t.signalPending()) {
            const r = t.op.interrupt?.();
            if (r !== undefined) {
              finishCall(t, r);
              continue;
            }
          }
        }
        const r = stepCall(t, engine.parallel ? Math.max(left, SLICE_AWAY) : left);
        if (r === 'away') {
          slice.left = left;
          return 'away';
        }
        if (t.away) {
          t.away = false;
          this.trips[t.cpuIndex] = undefined;
        }
        if (r === 'wait') {
          t.sleep(t.op);
          return true;
        }
        if (r === 'again') {
          // Whoever ran instructions inside the call has usually told the clock.
          if (clock.now() === before) clock.advance(engine.parallel ? 1 : left);
          return false;
        }
        finishCall(t, r);
        left -= Math.max(1, clock.now() - before);
        continue;
      }
      if (!this.returnToUser(t)) return true;
      clock.enter(t.state);
      const why = engine.run(t.state, left);
      left -= Math.max(1, clock.leave());
      if (why === Exit.Idle) return true;
      if (why === Exit.System) handleException(t, Ec.UNKNOWN, 0, 0n);
      if (why === Exit.Exception) {
        const e = t.state.exception!;
        handleException(t, e.ec, e.iss, e.far);
        clock.advance(machine.syscallCost);
        left -= machine.syscallCost;
      }
      if (machine.yielding) {
        machine.yielding = false;
        return true;
      }
    }
    return false;
  }
  /** @returns false when the thread does not want to go on now */
  private returnToUser(t: Thread): boolean {
    t.interrupted = false;
    this.fp!.returnToUser();
    if ((t.signalPending() || t.restart !== undefined || t.savedMask !== undefined) && !deliverSignals(t)) return false;
    t.state.tlb = t.mm.tlb.base;
    t.state.clearMonitor();
    return true;
  }

  /** Within a run of the engine: does for an exception what otherwise happens between two. @see SystemHooks.resume */
  resumeRun(cpu: CpuState, reason: ExitReason): boolean {
    const t = this.current;
    // PSTATE has BTYPE when a run is over.
    if (reason !== Exit.Exception || t?.state !== cpu || cpu.low(Slot.BRANCH) & 3) return false;
    const { machine } = this;
    const { process } = t;
    const { pauth } = process;
    const e = cpu.exception;
    if (e) {
      cpu.exception = undefined;
      handleException(t, e.ec, e.iss, e.far);
    } else handleException(t, cpu.low(Slot.RAISE_EC), cpu.low(Slot.RAISE_ISS), 0n);
    cpu.pass(machine.syscallCost);
    const goesOn = !t.op && !t.dead && t.runnable && !process.stopped && !machine.yielding;
    if (goesOn && !this.returnToUser(t)) machine.yielding = true;
    // Keys are looked at when a run begins.
    if (!goesOn || machine.yielding || process.pauth !== pauth) cpu.requestReturn();
    return true;
  }
}
