// What a kernel keeps about FP registers: for each physical CPU whose values its registers contain, for each thread where
// its values are. Host threads and vCPUs of KVM take turns by these rules. @linux arch/arm64/kernel/fpsimd.c

import type { Feat } from '../arch/features.ts';
import { type FpBlock, FpFile, type FpItem, type FpRegName, fpStateOf, newSveArea } from './fp_state.ts';
import type { PhysMem } from './physmem.ts';
import { FRAME_SIZE } from './physmem.ts';
import type { CpuState } from './state.ts';

/** Whose values are in the registers of a CPU, and how they get to memory. */
export interface FpOwner {
  saveFp(file: FpFile): void;
}
/** Told when the thread loses its CPU while it is in the kernel. @linux struct preempt_notifier */
export interface SchedOut {
  schedOut(): void;
}

/** One physical CPU. */
export class CpuFp {
  readonly index: number;
  readonly file = new FpFile();
  /** @linux fpsimd_last_state */
  private bound: FpOwner | undefined;
  private running: TaskFp | undefined;
  /** Told when a thread gets its values back that had lost the registers to somebody else. */
  observer: ((cpu: CpuFp, task: TaskFp) => void) | undefined;

  constructor(index: number) {
    this.index = index;
  }
  /** The thread that the CPU belongs to at present. */
  get current(): TaskFp | undefined {
    return this.running;
  }
  get owner(): FpOwner | undefined {
    return this.bound;
  }

  /** Another thread gets the CPU. @linux fpsimd_thread_switch */
  switchTo(next: TaskFp | undefined): void {
    const before = this.running;
    if (before === next) return;
    if (next?.cpu && next.cpu !== this) next.cpu.switchTo(undefined);
    if (before) {
      before.notifier?.schedOut();
      this.save(before);
      before.cpu = undefined;
    }
    this.running = next;
    if (!next) return;
    next.cpu = this;
    next.foreign = this.bound !== next || next.lastCpu !== this;
  }
  private save(t: TaskFp): void {
    if (!t.foreign) this.bound?.saveFp(this.file);
  }
  /** What is in the registers goes to its memory, and belongs to nobody. @linux fpsimd_save_and_flush_cpu_state */
  saveAndFlush(): void {
    const t = this.running;
    if (!t) return;
    this.save(t);
    t.foreign = true;
    this.bound = undefined;
  }
  /** The registers contain the values of `owner` now. @linux fpsimd_bind_state_to_cpu */
  bind(owner: FpOwner): void {
    this.bound = owner;
    if (this.running) this.running.foreign = false;
  }
  /** The present thread goes back to its program. @linux fpsimd_restore_current_state */
  returnToUser(): void {
    const t = this.running;
    if (!t) return;
    if (!t.foreign) {
      this.file.expose(t.state);
      return;
    }
    this.file.load(t.state, t.block, t.view);
    this.bound = t;
    t.lastCpu = this;
    t.foreign = false;
    this.observer?.(this, t);
  }
  /** The thread is gone. */
  forget(t: TaskFp): void {
    if (this.running === t) this.running = undefined;
    if (this.bound === t) this.bound = undefined;
  }
}

/** One thread. Its values are in the registers of `lastCpu` if nobody else's are, else in `block`. */
export class TaskFp implements FpOwner {
  readonly tid: number;
  /** What executes the thread. */
  readonly state: CpuState;
  readonly block: UwBlock;
  readonly view: readonly FpItem[];
  /** The registers of the CPU do not contain the thread's values. @linux TIF_FOREIGN_FPSTATE */
  foreign = true;
  cpu: CpuFp | undefined;
  lastCpu: CpuFp | undefined;
  notifier: SchedOut | undefined;

  constructor(state: CpuState, block: UwBlock, view: readonly FpItem[], tid: number) {
    this.tid = tid;
    this.state = state;
    this.block = block;
    this.view = view;
  }
  saveFp(file: FpFile): void {
    file.save(this.block, this.view);
  }
  /** The program has other values from now on: those that are in `state`, which nothing else has touched. */
  adopt(): void {
    const file = new FpFile();
    file.expose(this.state);
    this.saveFp(file);
    this.foreign = true;
    this.lastCpu = undefined;
  }
}

/** The CPUs of a host, and memory for its threads' values. */
export class HostFp {
  readonly cpus: readonly CpuFp[];
  readonly view: readonly FpItem[];
  private readonly mem: PhysMem;
  private readonly free: number[] = [];

  constructor(mem: PhysMem, cpus: number, has: (feat: Feat) => boolean) {
    this.mem = mem;
    this.cpus = Array.from({ length: cpus }, (_, i) => new CpuFp(i));
    this.view = fpStateOf(has);
  }
  /** A new thread that has the values in `state`. */
  newTask(state: CpuState, tid = 0): TaskFp {
    const t = new TaskFp(state, new UwBlock(this.mem, this.allocate()), this.view, tid);
    t.adopt();
    return t;
  }
  observe(observer: NonNullable<CpuFp['observer']>): void {
    for (const c of this.cpus) c.observer = observer;
  }
  release(t: TaskFp): void {
    for (const c of this.cpus) c.forget(t);
    t.cpu = undefined;
    this.free.push(t.block.address);
  }
  /** Blocks of several threads lie in one page, as kernel objects do. */
  private allocate(): number {
    if (this.free.length === 0) {
      const page = this.mem.allocFixed(FRAME_SIZE);
      for (let at = 0; at + UW_STRIDE <= FRAME_SIZE; at += UW_STRIDE) this.free.push(page + at);
    }
    return this.free.shift()!;
  }
}

/** @linux struct thread_struct.uw: the part of a thread that may be copied to and from user space. */
export const UW = { tp_value: 0, tp2_value: 8, fpmr: 16, vregs: 32, fpsr: 544, fpcr: 548, size: 560 } as const;
/** From one thread's block to the next. */
const UW_STRIDE = 576;

/** The values of one thread, in physical memory. */
export class UwBlock implements FpBlock {
  readonly address: number;
  readonly words: Uint32Array;
  readonly at: number;
  readonly stride = 4;
  live = 0;
  /** The kernel keeps it in a place of its own. @linux thread_struct.sve_state */
  private area: Uint8Array | undefined;
  private readonly mem: PhysMem;

  constructor(mem: PhysMem, address: number) {
    this.mem = mem;
    this.address = address;
    this.words = mem.u32;
    this.at = (address + UW.vregs) >>> 2;
  }
  sve(): Uint8Array {
    this.area ??= newSveArea();
    return this.area;
  }
  get(name: FpRegName): bigint {
    const { mem, address } = this;
    if (name === 'FPMR') return mem.u64[(address + UW.fpmr) >>> 3]!;
    return name === 'SVCR' ? 0n : BigInt(mem.u32[(address + (name === 'FPCR' ? UW.fpcr : UW.fpsr)) >>> 2]!);
  }
  set(name: FpRegName, value: bigint): void {
    const { mem, address } = this;
    if (name === 'FPMR') mem.u64[(address + UW.fpmr) >>> 3] = value;
    else if (name !== 'SVCR') mem.u32[(address + (name === 'FPCR' ? UW.fpcr : UW.fpsr)) >>> 2] = Number(value);
  }
}
