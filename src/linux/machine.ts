// The emulated host as a whole: its memory, clock, processes, threads, tree of files. Made by the composition root,
// which plugs in the engine, the host's files and streams, and the devices.

import { type Feat, has, type ReadId } from '../arch/features.ts';
import { InternalError } from '../base/assert.ts';
import type { HostFile, SharedPages } from '../base/hostfile.ts';
import { lazy } from '../base/lazy.ts';
import type { Engine, Tlb, Translator } from '../cpu/engine.ts';
import { HostFp } from '../cpu/host_fp.ts';
import type { PauthState } from '../cpu/pauth.ts';
import { PePool } from '../cpu/pe_pool.ts';
import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { CpuState, Slot } from '../cpu/state.ts';
import { Map_, Rlimit, Signal } from './abi/flags.ts';
import { signalName } from './abi/signals.ts';
import { Struct } from './bytes.ts';
import { Clock, type RealClock } from './clock.ts';
import { type CrashReport, type Disassemble, reportCrash } from './crash.ts';
import { Futexes } from './futex.ts';
import { hwcapWords } from './hwcap.ts';
import { AddressSpace, type MmHost } from './mm/mm.ts';
import { Pte } from './mm/page_table.ts';
import type { Backing } from './mm/vma.ts';
import { type Credentials, type Limit, type Process, RLIM_INFINITY } from './process.ts';
import { Rng } from './rng.ts';
import { Scheduler } from './scheduler.ts';
import { SignalFrames } from './sigframe.ts';
import { RT_SIGRETURN } from './sigframe_layout.ts';
import type { SigInfo } from './siginfo.ts';
import type { Strace } from './strace.ts';
import { ALL_QUADS, VectorLengths } from './sve.ts';
import type { Thread } from './thread.ts';
import { Timers } from './timers.ts';
import type { HostFs, HostStream } from './vfs/hostfs.ts';
import type { DirNode } from './vfs/node.ts';

/** What the machine asks of the place it runs in. */
export interface HostServices {
  readonly fs: HostFs | undefined;
  readonly stdin: HostStream;
  readonly stdout: HostStream;
  readonly stderr: HostStream;
  readonly realClock?: RealClock;
  /** One line of our own for the person at the terminal. */
  message(line: string): void;
  /** It is time to let the event loop look around. Guest-invisible. */
  shouldYield(): boolean;
  /** Lets the event loop run; `idle` when there is nothing to do until something arrives from outside. */
  pause(idle: boolean): Promise<void>;
}

/** A device file that the composition root plugs in, such as /dev/kvm. */
export interface DevicePlug {
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  open(): HostFile;
}

/** What programs decide by. */
export interface CpuFacts {
  has(feat: Feat): boolean;
  /** AT_HWCAP, AT_HWCAP2, AT_HWCAP3. */
  readonly hwcaps: readonly [bigint, bigint, bigint];
}

export interface MachineOptions {
  readonly mem: PhysMem;
  readonly engine: Engine;
  readonly host: HostServices;
  /** ID registers of the host CPU. */
  readonly readId: ReadId;
  /** What follows from them, if that is known already. */
  readonly facts?: CpuFacts | undefined;
  readonly cpus: number;
  readonly seed: bigint;
  readonly credentials?: Credentials;
  readonly devices?: readonly DevicePlug[];
  /** SRC:DST pairs of --bind and directories of --rw, absolute. */
  readonly binds?: readonly { readonly source: string; readonly target: string }[];
  readonly writable?: readonly string[];
  /** Where the program's loader and libraries come from. */
  readonly sysroot?: string;
  /** Counts kept by the ioctls of modules, under /sys/module. */
  readonly moduleParameters?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** SVE vector lengths of the host CPU in units of 128 bits, ascending. Absent: all up to 16. They count only with SVE. */
  readonly vectorQuads?: readonly number[];
  /** Loads what gives the text of an instruction word. */
  readonly disassembler?: () => Promise<Disassemble>;
}

/** What uname says. */
export const UTS = {
  sysname: 'Linux',
  nodename: 'hypatia',
  release: '7.2.0-hypatia',
  version: '#1 SMP PREEMPT',
  machine: 'aarch64',
  domainname: '(none)',
} as const;

/** ns that a system call takes in virtual time: it is not free, and a loop of calls must see time pass. */
const SYSCALL_NS = 200;
const FIRST_PID = 100;
/** Registered length from which the rseq area has node_id and mm_cid. */
const RSEQ_WITH_CID = 28;
/** The parts of a CPU's state that a program has made: registers, not what counts or caches. */
const VISIBLE: readonly (readonly [start: number, end: number])[] = [
  [Slot.X, Slot.SP + 8],
  [Slot.PC, Slot.PC + 8],
  [Slot.FPCR, Slot.ICOUNT],
  [Slot.PSTATE, Slot.PSTATE + 8],
  [Slot.VL, Slot.SVE_LIVE + 8],
  [Slot.SYSREGS, Slot.END],
];
/** Where the page with the code that ends a signal handler stands. */
const SIGRETURN_PAGE = 0xffff_ffff_f000 - 0x1000;

export class Machine implements MmHost {
  readonly options: MachineOptions;
  readonly mem: PhysMem;
  readonly engine: Engine;
  readonly host: HostServices;
  readonly clock: Clock;
  readonly timers = new Timers();
  readonly rng: Rng;
  readonly scheduler: Scheduler;
  /** The FP registers of the CPUs, and whose values are in them. */
  readonly fp: HostFp;
  readonly readId: ReadId;
  readonly facts: CpuFacts;
  readonly credentials: Credentials;
  readonly allCpus: bigint;
  readonly hasFpmr: boolean;
  readonly sve: VectorLengths;
  readonly hasBti: boolean;
  readonly zeroFrame: number;
  readonly syscallCost = SYSCALL_NS;
  readonly sigreturnAddress = BigInt(SIGRETURN_PAGE);
  /** Total memory as the program sees it. */
  readonly totalMemory: number;
  strace: Strace | undefined;
  /** Is called when a program first does something about signals: only now it can tell how it gets one. */
  onSignals: () => void = () => {};
  /** The slice of the thread that runs ends: sched_yield, or it has died or stopped. */
  yielding = false;
  root!: DirNode;
  private readonly processes = new Map<number, Process>();
  private readonly threadsById = new Map<number, Thread>();
  private readonly pool: PePool;
  private readonly freeStates: CpuState[] = [];
  private readonly states = new Set<CpuState>();
  private nextPid = FIRST_PID;
  private main: Process | undefined;
  private crash: CrashReport | undefined;
  private readonly sigreturnFrame: number;
  private readonly unknownCalls = new Set<string>();
  /** Made when the first handler is entered. */
  private frames: SignalFrames | undefined;
  /** Made when the first of them is looked at. */
  readonly futexes = lazy(() => new Futexes());

  constructor(options: MachineOptions) {
    this.options = options;
    this.mem = options.mem;
    this.engine = options.engine;
    this.pool = new PePool(options.mem, options.engine);
    this.host = options.host;
    const { readId } = options;
    this.readId = readId;
    this.facts = options.facts ?? {
      has: (feat) => has(feat, readId),
      get hwcaps() {
        return hwcapWords(readId);
      },
    };
    const is = (feat: Feat): boolean => this.facts.has(feat);
    this.clock = new Clock(options.host.realClock);
    this.rng = new Rng(options.seed);
    this.allCpus = (1n << BigInt(options.cpus)) - 1n;
    this.credentials = options.credentials ?? { uid: 0, gid: 0 };
    this.hasFpmr = is('FEAT_FPMR');
    this.hasBti = is('FEAT_BTI');
    this.sve = new VectorLengths(is('FEAT_SVE') ? (options.vectorQuads ?? ALL_QUADS) : []);
    this.scheduler = new Scheduler(this, options.cpus);
    this.fp = new HostFp(this.mem, options.cpus, is);
    this.zeroFrame = this.mem.allocFrame();
    this.sigreturnFrame = this.mem.allocFrame();
    this.mem.u32[(this.sigreturnFrame * FRAME_SIZE) >>> 2] = (0xd280_0008 | (RT_SIGRETURN << 5)) >>> 0; // mov x8, #139
    this.mem.u32[((this.sigreturnFrame * FRAME_SIZE) >>> 2) + 1] = 0xd400_0001; // svc #0
    this.totalMemory = this.mem.frames * FRAME_SIZE;
  }

  // ---- MmHost ----------------------------------------------------------------------------------------------------

  readonly stackLimit = 8 * 1024 * 1024;
  invalidateCode(frame: number): void {
    this.engine.invalidateCode(frame);
  }
  acquireTlb(translator: Translator): Tlb {
    return this.pool.takeTlb(translator);
  }
  releaseTlb(tlb: Tlb): void {
    this.pool.giveTlb(tlb);
  }
  /** What every process has mapped: the way back from signal handlers. */
  sigreturnMapping(): { addr: number; length: number; flags: number; backing: Backing } {
    const frame = this.sigreturnFrame;
    const pages: SharedPages = { pages: 1, frame: () => frame };
    const backing: Backing = {
      pages,
      path: '[sigpage]',
      dev: 0,
      shmem: false,
      mayWrite: false,
      ref() {},
      unref() {},
      ino: 0,
    };
    return { length: FRAME_SIZE, flags: Map_.MAP_SHARED | Map_.MAP_FIXED, backing, addr: SIGRETURN_PAGE };
  }

  // ---- processes and threads ---------------------------------------------------------------------------------------

  allocPid(): number {
    return this.nextPid++;
  }
  addProcess(p: Process): void {
    this.processes.set(p.pid, p);
    this.main ??= p;
  }
  forget(p: Process): void {
    this.processes.delete(p.pid);
  }
  process(pid: number): Process | undefined {
    return this.processes.get(pid);
  }
  /** No process goes on. */
  get isOver(): boolean {
    for (const p of this.processes.values()) if (p.status === undefined) return false;
    return true;
  }
  allProcesses(): Process[] {
    return [...this.processes.values()];
  }
  addThread(t: Thread): void {
    this.threadsById.set(t.tid, t);
    this.scheduler.ready(t);
  }
  removeThread(t: Thread): void {
    this.threadsById.delete(t.tid);
    this.scheduler.remove(t);
    this.fp.release(t.fp);
    this.freeStates.push(t.state);
  }
  thread(tid: number): Thread | undefined {
    return this.threadsById.get(tid);
  }
  get threadCount(): number {
    return this.threadsById.size;
  }
  /** A CPU at EL0: cleared, or with all that a program can see of `parent`. */
  newCpuState(parent?: CpuState): CpuState {
    const s = this.freeStates.pop() ?? new CpuState(this.mem);
    this.states.add(s);
    const { u8 } = this.mem;
    for (const [start, end] of VISIBLE) {
      if (parent) u8.copyWithin(s.base + start, parent.base + start, parent.base + end);
      else u8.fill(0, s.base + start, s.base + end);
    }
    s.nzcv = parent?.nzcv ?? 0;
    s.el = 0;
    s.fpOn = true;
    if (!parent) s.vl = this.sve.defaultLength;
    s.clearMonitor();
    return s;
  }
  /** The state belongs to a thread of ours (and not to a guest). */
  owns(state: CpuState): boolean {
    return this.states.has(state);
  }
  /** Pointer authentication of the thread that runs now. */
  currentPauth(): PauthState {
    const t = this.scheduler.current;
    if (!t) throw new InternalError('no thread runs');
    return t.process.pauth;
  }
  get signalFrames(): SignalFrames {
    const { hasFpmr, hasBti, sve } = this;
    this.frames ??= new SignalFrames(this.mem, { hasFpmr, hasSve: sve.exists, hasBti });
    return this.frames;
  }
  /** A fresh address space with what every program finds mapped. */
  newAddressSpace(): AddressSpace {
    return new AddressSpace(this);
  }
  defaultLimits(): Limit[] {
    const limits: Limit[] = Array.from({ length: 16 }, () => ({ soft: RLIM_INFINITY, hard: RLIM_INFINITY }));
    limits[Rlimit.RLIMIT_STACK] = { soft: this.stackLimit, hard: RLIM_INFINITY };
    limits[Rlimit.RLIMIT_CORE] = { soft: 0, hard: RLIM_INFINITY };
    limits[Rlimit.RLIMIT_NPROC] = { soft: 63000, hard: 63000 };
    limits[Rlimit.RLIMIT_NOFILE] = { soft: 1024, hard: 1_048_576 };
    limits[Rlimit.RLIMIT_MEMLOCK] = { soft: 8 * 1024 * 1024, hard: 8 * 1024 * 1024 };
    limits[Rlimit.RLIMIT_SIGPENDING] = { soft: 63000, hard: 63000 };
    limits[Rlimit.RLIMIT_MSGQUEUE] = { soft: 819200, hard: 819200 };
    limits[Rlimit.RLIMIT_NICE] = { soft: 0, hard: 0 };
    limits[Rlimit.RLIMIT_RTPRIO] = { soft: 0, hard: 0 };
    return limits;
  }

  /** Keeps the CPU number in the thread's rseq area current. @linux rseq_set_ids */
  rseqUpdate(t: Thread): void {
    if (t.rseq === 0n) return;
    const { mm } = t;
    const entry = mm.fault(Number(t.rseq), true);
    if (entry === 0) return;
    // The area is 32 bytes, aligned: it lies in one page. cpu_id_start, cpu_id, rseq_cs, flags, node_id, mm_cid.
    const at = (entry & Pte.FRAME) * FRAME_SIZE + Number(t.rseq & 0xfffn);
    const { u32, u64 } = this.mem;
    u32[at >>> 2] = t.cpuIndex;
    u32[(at >>> 2) + 1] = t.cpuIndex;
    if (t.rseqLength >= RSEQ_WITH_CID) u32[(at >>> 2) + 6] = t.cpuIndex;
    const section = u64[(at >>> 3) + 1]!;
    if (section === 0n) return;
    // Preempted inside a critical section: go to its abort handler.
    const cs = new Struct(32);
    if (!mm.read(section, cs.bytes)) return;
    const start = cs.u64(8);
    const { pc } = t.state;
    u64[(at >>> 3) + 1] = 0n;
    if (pc >= start && pc < start + cs.u64(16)) t.state.pc = cs.u64(24);
  }

  // ---- what goes wrong -----------------------------------------------------------------------------------------------

  /** A default action ends the process. */
  killed(t: Thread, info: SigInfo, core: boolean): void {
    if (t.process === this.main && core) this.crash = reportCrash(t, info);
    this.strace?.killed(t, info.signo, core);
  }
  outOfMemory(t: Thread): void {
    this.host.message(
      `hypatia: out of memory: ${t.comm} (pid ${t.pid}) killed; ${Math.round(this.mem.usedFrames / 256)} MiB in use`,
    );
    t.process.exitGroup(Signal.SIGKILL);
  }
  /** Reported once for each: number or name. */
  unknown(what: string): void {
    if (this.unknownCalls.has(what)) return;
    this.unknownCalls.add(what);
    this.host.message(`hypatia: ${what} is not implemented: ENOSYS`);
  }

  /** A signal from outside (Ctrl-C) for the whole foreground. */
  interrupt(signo: number): void {
    for (const p of this.processes.values()) p.signal({ signo, code: 0x80, pid: 0, uid: 0 });
  }

  // ---- running -------------------------------------------------------------------------------------------------------

  /** Runs until the first process has ended. @returns what a shell would show: exit code, or 128 + signal. */
  async run(): Promise<number> {
    const { main } = this;
    if (!main) throw new InternalError('no process to run');
    let warned = false;
    const isOver = (): boolean => main.status !== undefined && main.threads.length === 0;
    while (!isOver()) {
      const r = this.scheduler.round();
      // Without a turn for what nobody waits for any more, least of all V8's garbage collection.
      if (isOver()) break;
      if (r === 'stuck' && !warned) {
        warned = true;
        this.host.message('hypatia: every thread waits for something that cannot happen any more; Ctrl-C ends it');
      }
      if (r !== 'ran') await this.host.pause(true);
      else if (this.host.shouldYield()) await this.host.pause(false);
    }
    for (const p of [...this.processes.values()]) if (p !== main && p.status === undefined) p.exitGroup(Signal.SIGKILL);
    for (const p of this.processes.values()) for (const t of p.threads) t.files.closeAll();
    this.host.stdin.setRaw?.(false);
    if (this.crash) for (const line of this.crash.lines(await this.options.disassembler?.())) this.host.message(line);
    const status = main.status!;
    return (status & 0x7f) !== 0 ? 128 + (status & 0x7f) : status >> 8;
  }
  /** The signal that ended the main process, by name. */
  get deathSignal(): string | undefined {
    const s = this.main?.status;
    return s !== undefined && (s & 0x7f) !== 0 ? signalName(s & 0x7f) : undefined;
  }
}
