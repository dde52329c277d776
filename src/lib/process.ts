// A program that is no process: memory by address, descriptors, one thread. It is what the library stands on, and what
// tests make ioctls with. Addresses are made up, pages appear when touched, nothing is ever protected.

import {
  type Caller,
  Errno,
  type EventFile,
  type HostFile,
  type Pending,
  type Result,
  type SharedPages,
  type UserMemory,
} from '../base/hostfile.ts';
import { type CpuFp, HostFp, type TaskFp } from '../cpu/host_fp.ts';
import { FRAME_SHIFT, FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { CpuState } from '../cpu/state.ts';

interface Area {
  readonly start: bigint;
  readonly end: bigint;
  /** undefined: anonymous memory. */
  readonly pages: SharedPages | undefined;
}

/** Addresses of a program without one. */
export class Memory implements UserMemory {
  private readonly mem: PhysMem;
  private readonly frames = new Map<number, number>();
  /** Sorted by start; none overlap, because addresses are never used twice. */
  private readonly areas: Area[] = [];
  private next = 0x10_0000_0000n;

  constructor(mem: PhysMem) {
    this.mem = mem;
  }
  /** Reserves `bytes` of zeroed memory, which cost something only where they are touched. @returns the address */
  allocate(bytes: bigint | number, pages?: SharedPages): bigint {
    const start = this.next;
    const mask = BigInt(FRAME_SIZE - 1);
    const end = start + ((BigInt(bytes) + mask) & ~mask);
    this.areas.push({ start, end, pages });
    this.next = end + BigInt(FRAME_SIZE); // a hole after each
    return start;
  }
  /** The same at a place of the caller's choice, which is free. */
  allocateAt(start: bigint, bytes: number): void {
    const end = start + BigInt(bytes);
    const i = this.areas.findIndex((a) => a.start >= end);
    this.areas.splice(i < 0 ? this.areas.length : i, 0, { start, end, pages: undefined });
  }
  /** Pages of anonymous memory that exist. */
  get touched(): number {
    return this.frames.size;
  }
  /** The frame of an address, where it has one already. */
  known(addr: bigint): number | undefined {
    return this.frames.get(Number(addr >> BigInt(FRAME_SHIFT)));
  }
  /** Gives all pages back: the program has ended. */
  release(): void {
    for (const frame of this.frames.values()) this.mem.unref(frame);
    this.frames.clear();
    this.areas.length = 0;
  }
  read(addr: bigint, out: Uint8Array): boolean {
    return this.each(addr, out.length, (page, offset, from, to) => {
      out.set(page.subarray(offset, offset + to - from), from);
    });
  }
  write(addr: bigint, data: Uint8Array): boolean {
    return this.each(addr, data.length, (page, offset, from, to) => {
      page.set(data.subarray(from, to), offset);
    });
  }
  frame(addr: bigint): number | undefined {
    const page = Number(addr >> BigInt(FRAME_SHIFT));
    const known = this.frames.get(page);
    if (known !== undefined) return known;
    const area = this.areaAt(addr);
    if (!area) return undefined;
    const index = page - Number(area.start >> BigInt(FRAME_SHIFT));
    if (area.pages) return area.pages.frame(index);
    const frame = this.mem.allocFrame();
    this.frames.set(page, frame);
    return frame;
  }
  onChange(): () => void {
    return () => {}; // pages never change their frames
  }

  private each(
    addr: bigint,
    length: number,
    f: (page: Uint8Array, offset: number, from: number, to: number) => void,
  ): boolean {
    for (let done = 0; done < length; ) {
      const at = addr + BigInt(done);
      const frame = this.frame(at);
      if (frame === undefined) return false;
      const offset = Number(at & BigInt(FRAME_SIZE - 1));
      const n = Math.min(length - done, FRAME_SIZE - offset);
      f(this.mem.frameBytes(frame), offset, done, done + n);
      done += n;
    }
    return true;
  }
  private areaAt(addr: bigint): Area | undefined {
    let lo = 0;
    let hi = this.areas.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.areas[mid]!.start <= addr) lo = mid + 1;
      else hi = mid;
    }
    const area = this.areas[lo - 1];
    return area && addr < area.end ? area : undefined;
  }
}

/** What a process may ask of the machine that it runs on. */
export interface Idle {
  /** Lets time pass until the counter is at `tick`. */
  jumpTo(tick: bigint): void;
  /** After 'away': answers what guests ask that execute by themselves. */
  attend(wait: boolean): void;
  /** Guests execute at the same time. */
  readonly parallel: boolean;
}

/** Instructions between two looks at the limit. */
const SLICE = 1_000_000;

/** An eventfd that nobody sleeps on. */
export class Eventfd implements EventFile {
  readonly kind = 'eventfd';
  count = 0n;
  readonly listeners = new Set<() => void>();
  signal(value: bigint): void {
    this.count += value;
    for (const f of this.listeners) f();
  }
  consume(): bigint {
    const n = this.count;
    this.count = 0n;
    return n;
  }
  onSignal(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  poll(): number {
    return this.count > 0n ? 5 : 4;
  }
  close(): void {}
}

/** The largest structure, and the largest register. */
const SCRATCH = 64 << 10;

interface OwnCpu {
  readonly host: HostFp;
  readonly state: CpuState;
}
/** CPUs of programs that have ended: what they have in linear memory stays there for ever, so the next ones get it. */
const idle = new WeakMap<PhysMem, OwnCpu[]>();
function takeCpu(mem: PhysMem): OwnCpu {
  const used = idle.get(mem)?.pop();
  used?.state.reset();
  return used ?? { host: new HostFp(mem, 1, () => true), state: new CpuState(mem) };
}

/** One address space, its descriptors, and one thread. */
export class Process implements Caller {
  readonly pid: number;
  readonly tid: number;
  readonly memory: Memory;
  private readonly files: (HostFile | undefined)[] = [];
  private readonly firstFd = 3;
  private readonly machine: Idle | undefined;
  /** The answer of signalPending. */
  pendingSignal = false;
  /** About how many instructions of a guest one request may take before a signal ends it; default: any number. */
  limit = Number.POSITIVE_INFINITY;
  private readonly scratchArea: bigint;
  /** The program is on a CPU of its own. */
  readonly fp: TaskFp;
  private readonly cpuFp: CpuFp;
  private own: OwnCpu | undefined;

  constructor(mem: PhysMem, pid = 1, machine?: Idle) {
    this.machine = machine;
    this.pid = pid;
    this.tid = pid;
    this.memory = new Memory(mem);
    this.own = takeCpu(mem);
    const { host, state } = this.own;
    this.cpuFp = host.cpus[0]!;
    this.fp = host.newTask(state);
    this.cpuFp.switchTo(this.fp);
    this.scratchArea = this.memory.allocate(2 * SCRATCH);
  }
  /** Bytes in memory for the length of one request. @returns the address */
  scratch(bytes: Uint8Array): bigint {
    this.memory.write(this.scratchArea, bytes);
    return this.scratchArea;
  }
  /** The same in a second place, for what the first one points to. */
  scratch2(bytes: Uint8Array): bigint {
    this.memory.write(this.scratchArea + BigInt(SCRATCH), bytes);
    return this.scratchArea + BigInt(SCRATCH);
  }
  installFd(file: HostFile): number {
    let i = this.files.indexOf(undefined);
    if (i < 0) i = this.files.length;
    this.files[i] = file;
    return i + this.firstFd;
  }
  getFile(fd: number): HostFile | undefined {
    return this.files[fd - this.firstFd];
  }
  signalPending(): boolean {
    return this.pendingSignal;
  }
  cpu(): number {
    return 0;
  }
  /** The program is over: descriptors are closed, memory and CPU go to others. Nothing may be asked of it afterwards. */
  end(): void {
    const { own } = this;
    if (!own) return;
    this.own = undefined;
    for (let i = 0; i < this.files.length; i++) this.close(i + this.firstFd);
    this.memory.release();
    own.host.release(this.fp);
    const { mem } = own.state;
    idle.set(mem, [...(idle.get(mem) ?? []), own]);
  }
  /** @returns 0 or -EBADF */
  close(fd: number): number {
    const file = this.getFile(fd);
    if (!file) return -Errno.EBADF;
    this.files[fd - this.firstFd] = undefined;
    file.close();
    return 0;
  }
  /** @returns what Linux returns, or a negative errno */
  ioctl(fd: number, cmd: number, arg: bigint | number = 0n): number {
    const file = this.getFile(fd);
    if (!file) return -Errno.EBADF;
    if (!file.ioctl) return -Errno.ENOTTY;
    this.cpuFp.returnToUser();
    return this.finish(file.ioctl(cmd, BigInt(arg), this));
  }
  /** The request, in slices: for whoever has several under way. @returns a result or a negative errno instead where it is done */
  begin(fd: number, cmd: number, arg: bigint | number = 0n): Result {
    this.cpuFp.returnToUser();
    return this.getFile(fd)?.ioctl?.(cmd, BigInt(arg), this) ?? -Errno.EBADF;
  }
  /**
   * Steps work until it is done. Time passes while it waits for a time; where it waits for an event that nobody will
   * cause, or is at its limit, it is interrupted as by a signal.
   * @throws Error where that does not help
   */
  finish(result: Result): number {
    try {
      return this.finished(result);
    } finally {
      this.cpuFp.returnToUser();
    }
  }
  private finished(result: Result): number {
    if (typeof result === 'number') return result;
    for (let left = this.limit; left > 0; ) {
      const r = result.step(Math.min(left, SLICE));
      if (typeof r === 'number') return r;
      if (r === 'away') this.attend();
      else left -= SLICE;
      if (r === 'wait' && !this.idle(result.wakeAt?.())) break;
    }
    return this.interrupt(result);
  }
  /** @returns whether time passes until `tick` */
  idle(tick: bigint | undefined): boolean {
    if (tick === undefined || !this.machine) return false;
    this.machine.jumpTo(tick);
    return true;
  }
  get parallel(): boolean {
    return this.machine?.parallel ?? false;
  }
  /** Answers guests that execute by themselves, until something has happened. */
  attend(): void {
    this.machine?.attend(true);
  }
  /** A signal arrives. @throws Error where the work does not mind */
  interrupt(work: Pending): number {
    this.pendingSignal = true;
    try {
      const r = work.interrupt?.();
      if (r === undefined) throw new Error('waits for an event that nobody will cause');
      return r;
    } finally {
      this.pendingSignal = false;
    }
  }
  /** @returns the address, or a negative errno */
  mmap(fd: number, length: number, offset = 0n, prot = 3, shared = true): bigint {
    const file = this.getFile(fd);
    if (!file) return BigInt(-Errno.EBADF);
    const pages = file.mmap?.(offset, BigInt(length), shared, prot) ?? -Errno.ENODEV;
    return typeof pages === 'number' ? BigInt(pages) : this.memory.allocate(length, pages);
  }
}
