// A thread: one CPU state and what the kernel keeps for it. It is the Caller that file operations see.

import type { Caller, HostFile, Pending } from '../base/hostfile.ts';
import type { TaskFp } from '../cpu/host_fp.ts';
import type { CpuState } from '../cpu/state.ts';
import { Open, Rlimit, SiCode, Signal, sigBit } from './abi/flags.ts';
import { UNBLOCKABLE } from './abi/signals.ts';
import { type AltStack, NO_ALT_STACK } from './alt_stack.ts';
import { Struct } from './bytes.ts';
import type { Machine } from './machine.ts';
import type { AddressSpace } from './mm/mm.ts';
import type { Process, WaitStatus } from './process.ts';
import { exitRobustList } from './robust_list.ts';
import { PendingSignals, type SigInfo } from './siginfo.ts';
import type { VectorLengthChoice } from './sve.ts';
import type { FdTable } from './vfs/fdtable.ts';
import { Description, type FileOps } from './vfs/file.ts';
import type { FsState } from './vfs/path.ts';
import { type Sleeper, type Wait, WaitQueue } from './wait.ts';

export class Thread implements Caller, Sleeper {
  readonly machine: Machine;
  readonly tid: number;
  readonly process: Process;
  readonly state: CpuState;
  readonly fp: TaskFp;
  files: FdTable;
  fs: FsState;
  comm = '';
  dead = false;

  /** The system call it is inside of. */
  op: Pending | undefined;
  /** Its number. */
  syscall = -1;
  /** Set when an interrupted call asks to be restarted. */
  restart: number | undefined;
  /** In the run queue; a blocked thread waits for wake(). */
  runnable = true;
  /** Waits without a queue to wake it: looked at in every round. */
  polled = false;
  /** The next sleep waits for something that the call itself does not know of. */
  pollOnce = false;
  /** A guest of it executes elsewhere, and its CPU is taken. */
  away = false;
  /** Was woken to look again, although nothing is known to have happened. */
  asked = false;
  deadline: number | undefined;
  private waitingOn: readonly WaitQueue[] = [];

  // Signals.
  mask = 0n;
  /** The mask to come back to after ppoll, pselect, sigsuspend. */
  savedMask: bigint | undefined;
  /** Signals that sigtimedwait waits for: not to be thrown away although nobody handles them. */
  waitingFor = 0n;
  readonly pending = new PendingSignals();
  altStack: AltStack = NO_ALT_STACK;
  vectorLength: VectorLengthChoice = { onExec: 0, inherit: false };
  faultEsr = 0;
  faultAddress = 0n;
  /** Woken when a signal arrives, blocked or not: signalfd and sigtimedwait. */
  readonly signalQueue = new WaitQueue();

  // Registered by the program.
  clearChildTid = 0n;
  robustList = 0n;
  robustLength = 0;
  rseq = 0n;
  rseqLength = 0;
  rseqSignature: number;
  parentDeathSignal = 0;

  // Scheduling.
  affinity: bigint;
  cpuIndex = 0;
  nice = 0;
  policy = 0;
  priority = 0;
  /** ns executed in finished slices, and when the present one began. */
  private pastTime: number;
  private sliceStart: number | undefined;
  /** ns spent ready to run while another thread had the CPU. */
  runDelay = 0;
  /** ns of its turn that it has used. */
  quantumUsed: number;
  timeslices = 0;
  queuedSince = 0;
  voluntarySwitches = 0;
  involuntarySwitches = 0;

  constructor(machine: Machine, tid: number, process: Process, state: CpuState, files: FdTable, fs: FsState) {
    this.machine = machine;
    this.tid = tid;
    this.process = process;
    this.state = state;
    this.fp = machine.fp.newTask(state, tid);
    this.files = files;
    this.fs = fs;
    this.affinity = machine.allCpus;
    this.rseqSignature = this.pastTime = this.quantumUsed = 0;
    process.threads.push(this);
    machine.addThread(this);
  }

  /** ns executed. */
  get cpuTime(): number {
    return this.pastTime + (this.sliceStart === undefined ? 0 : this.machine.clock.now() - this.sliceStart);
  }
  beginSlice(now: number): void {
    this.sliceStart = now;
    this.timeslices++;
  }
  endSlice(now: number): void {
    this.pastTime += now - (this.sliceStart ?? now);
    this.sliceStart = undefined;
  }

  // ---- Caller ------------------------------------------------------------------------------------------------------

  get pid(): number {
    return this.process.pid;
  }
  get memory(): AddressSpace {
    return this.process.mm;
  }
  get mm(): AddressSpace {
    return this.process.mm;
  }
  installFd(file: HostFile, path: string, flags: number): number {
    const keep = flags & (3 | Open.O_NONBLOCK | Open.O_APPEND);
    return this.install(new Description(file as FileOps, keep || Open.O_RDWR, path), (flags & Open.O_CLOEXEC) !== 0);
  }
  install(d: Description, closeOnExec: boolean): number {
    return this.files.install(d, closeOnExec, this.process.limit(Rlimit.RLIMIT_NOFILE).soft);
  }
  getFile(fd: number): HostFile | undefined {
    return this.files.get(fd)?.file;
  }
  signalPending(mask = this.mask): boolean {
    const own = this.pending;
    const shared = this.process.pending;
    // Asked before every return to the program: mostly there is none.
    if (own.empty && shared.empty) return false;
    if (mask === 0n) return true;
    return ((own.mask | shared.mask) & ~(mask & ~UNBLOCKABLE)) !== 0n;
  }
  cpu(): number {
    return this.cpuIndex;
  }

  // ---- sleeping and waking -----------------------------------------------------------------------------------------

  /** Sleeps until the pending call can go on. */
  sleep(op: Pending): void {
    const queues = (op as Partial<Wait>).queues;
    this.polled = queues === undefined || this.pollOnce;
    this.pollOnce = false;
    this.waitingOn = queues ?? [];
    for (const q of this.waitingOn) q.add(this);
    const at = op.wakeAt?.();
    this.deadline = at === undefined ? undefined : Number(at);
    this.runnable = false;
    this.voluntarySwitches++;
    this.machine.scheduler.blocked(this);
  }
  wake(): void {
    if (this.runnable || this.dead) return;
    for (const q of this.waitingOn) q.remove(this);
    this.waitingOn = [];
    this.polled = false;
    this.deadline = undefined;
    this.runnable = true;
    this.queuedSince = this.machine.clock.now();
    this.machine.scheduler.ready(this);
  }

  // ---- signals -------------------------------------------------------------------------------------------------------

  /** A signal for this thread alone. */
  signal(info: SigInfo): void {
    if (this.dead) return;
    if (this.process.generate(info.signo)) {
      info.timer?.dropped();
      return;
    }
    this.pending.add(info);
    if ((this.mask & sigBit(info.signo)) === 0n || info.signo === Signal.SIGKILL) this.signalArrived();
    this.signalQueue.wake();
  }
  raise(signo: number): void {
    this.signal({ signo, code: SiCode.SI_USER, pid: this.pid, uid: this.process.cred.uid });
  }
  /** A signal that cannot be put off: if it is blocked or ignored, the process dies of it. @linux force_sig_fault */
  force(info: SigInfo): void {
    const a = this.process.sighand.action(info.signo);
    const bit = sigBit(info.signo);
    if ((this.mask !== 0n && (this.mask & bit) !== 0n) || a.handler === 1n) {
      a.handler = 0n;
      this.mask &= ~bit;
    }
    this.pending.add(info);
  }
  /** Interrupts the call it is in, if that can be. */
  signalArrived(): void {
    this.interrupted = true;
    if (!this.runnable) this.wake();
    else if (this.op) this.state.requestExit();
  }
  /** A signal came while it was in a call: ask the call before going on. */
  interrupted = false;

  // ---- the end -------------------------------------------------------------------------------------------------------

  exit(status: WaitStatus): void {
    if (this.dead) return;
    this.dead = true;
    for (const q of this.waitingOn) q.remove(this);
    this.waitingOn = [];
    this.op = undefined;
    this.runnable = false;
    const p = this.process;
    exitRobustList(this);
    if (this.clearChildTid !== 0n && (p.threads.length > 1 || p.mm.users > 1)) {
      p.mm.write(this.clearChildTid, new Struct(4).bytes);
      this.machine.futexes().wake(p.mm, this.clearChildTid, 1, 0xffff_ffff);
    }
    this.machine.removeThread(this);
    p.threads.splice(p.threads.indexOf(this), 1);
    p.deadTime += this.cpuTime;
    if (--this.files.users === 0) this.files.closeAll();
    this.fs.users--;
    if (p.threads.length === 0) p.finish(status);
  }
}
