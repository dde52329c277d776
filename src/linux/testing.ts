// For tests: a machine without a CPU. Programs are generators that yield system calls; the engine below "executes" them,
// so that files, memory, threads and signals can be tested before and beside any real engine.

import { Errno } from '../base/hostfile.ts';
import { type Engine, Exit, type ExitReason, type Tlb, type Translator } from '../cpu/engine.ts';
import { PhysMem } from '../cpu/physmem.ts';
import { type CpuState, Slot } from '../cpu/state.ts';
import { utf8 } from './bytes.ts';
import type { HostServices, Machine, MachineOptions } from './machine.ts';
import { AddressSpace } from './mm/mm.ts';
import { boot } from './start.ts';
import { syscalls } from './syscalls/dispatch.ts';
import type { Thread } from './thread.ts';
import type { HostFs, HostStat, HostStream } from './vfs/hostfs.ts';

/** What a scripted program may do next. */
export type Step =
  | { readonly call: string; readonly args: readonly (number | bigint)[] }
  | { readonly run: number }
  | { readonly fault: { readonly ec: number; readonly iss: number; readonly far: bigint } };
export type Script = (t: Thread) => Generator<Step, void, number>;

/** Yields one system call; @returns its result. */
export function* call(name: string, ...args: (number | bigint)[]): Generator<Step, number, number> {
  return yield { call: name, args };
}

/** An address space of a machine that has nothing else. @param flat its pages stand where their addresses say */
export function addressSpace(mem: PhysMem, flat = false): AddressSpace {
  return new AddressSpace({
    mem,
    zeroFrame: mem.allocFrame(),
    hasBti: false,
    stackLimit: 1 << 20,
    invalidateCode() {},
    acquireTlb: () => ({ base: 0, flush() {}, flushTagged() {}, flushPage() {}, takeFlat: () => flat }),
    releaseTlb() {},
  });
}

const EC_SVC = 0x15;
const X_SCRIPT = 19;
/** Address of script 0 as a signal handler. */
export const HANDLER = 0x100;
const HANDLERS_END = 0x1000n;

/** A script under way: the program itself, or a signal handler on top of it. */
interface Frame {
  readonly at: bigint;
  readonly program: Generator<Step, void, number>;
  fresh: boolean;
  /** The latest step, and PC after it. */
  last?: Step;
  after?: bigint;
}

/**
 * Runs scripts: X19 of a thread says which one. A system call costs one instruction. A signal handler is the script
 * whose number is its address minus HANDLER; it ends with rt_sigreturn.
 */
export class ScriptEngine implements Engine {
  readonly scripts: Script[] = [];
  machine!: Machine;
  private readonly running = new Map<CpuState, Frame[]>();
  private readonly mem: PhysMem;

  constructor(mem: PhysMem) {
    this.mem = mem;
  }
  add(s: Script): number {
    return this.scripts.push(s) - 1;
  }
  private tick(cpu: CpuState, n: number): void {
    cpu.set(Slot.ICOUNT, cpu.get(Slot.ICOUNT) + BigInt(n));
  }
  run(cpu: CpuState, budget: number): ExitReason {
    const t = this.machine.scheduler.current!;
    let stack = this.running.get(cpu);
    if (!stack) {
      stack = [];
      this.running.set(cpu, stack);
    }
    if (t.state !== cpu) throw new Error('wrong CPU');
    // A small program counter is a signal handler: its address says which script.
    if (cpu.pc < HANDLERS_END) {
      stack.push({ at: cpu.sp, program: this.scripts[Number(cpu.pc) - HANDLER]!(t), fresh: true });
      cpu.pc = 0x2000n;
    } else if (cpu.pc !== 0x2000n && stack.length > 1) {
      while (stack.length > 1 && stack.at(-1)!.at < cpu.sp) stack.pop(); // rt_sigreturn went back
    }
    if (stack.length === 0) stack.push({ at: 0n, program: this.scripts[Number(cpu.x(X_SCRIPT))]!(t), fresh: true });
    const top = stack.at(-1)!;
    // The kernel went back to the call: it is made again.
    if (top.last && 'call' in top.last && cpu.pc === top.after! - 4n) return this.make(cpu, top, top.last);
    const r = top.fresh ? top.program.next() : top.program.next(Number(BigInt.asIntN(64, cpu.x(0))));
    top.fresh = false;
    if (r.done) {
      if (stack.length > 1) return this.svc(cpu, 'rt_sigreturn', []);
      return this.svc(cpu, 'exit', [0]);
    }
    const step = r.value;
    if ('run' in step) {
      this.tick(cpu, Math.min(budget, step.run));
      return Exit.Budget;
    }
    if ('fault' in step) {
      this.tick(cpu, 1);
      cpu.exception = { ...step.fault, ipa: 0n, toEl2: false };
      return Exit.Exception;
    }
    return this.make(cpu, top, step);
  }
  private make(cpu: CpuState, frame: Frame, step: Extract<Step, { call: string }>): ExitReason {
    const r = this.svc(cpu, step.call, step.args);
    frame.last = step;
    frame.after = cpu.pc;
    return r;
  }
  private svc(cpu: CpuState, name: string, args: readonly (number | bigint)[]): ExitReason {
    this.tick(cpu, 1);
    cpu.setX(8, BigInt(syscalls()[name]!.nr));
    args.forEach((a, i) => {
      cpu.setX(i, BigInt.asUintN(64, BigInt(a)));
    });
    cpu.pc += 4n;
    cpu.exception = { ec: EC_SVC, iss: 0, far: 0n, ipa: 0n, toEl2: false };
    return Exit.Exception;
  }
  createTlb(_translator: Translator): Tlb {
    return { base: this.mem.allocFixed(16), flush() {}, flushTagged() {}, flushPage() {} };
  }
  invalidateCode(): void {}
}

/** A host file system in memory. */
export function memoryFs(files: Readonly<Record<string, Uint8Array | string>>): HostFs {
  const bytes = new Map(Object.entries(files).map(([p, v]) => [p, typeof v === 'string' ? utf8(v) : v]));
  const handles = new Map<number, string>();
  let next = 3;
  const isDir = (p: string) => p === '/' || [...bytes.keys()].some((k) => k.startsWith(`${p}/`));
  const inoOf = (p: string) => [...p].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 1_000_003, 7);
  const statOf = (p: string): HostStat | number => {
    const b = bytes.get(p);
    if (!b && !isDir(p)) return -Errno.ENOENT;
    const base = { dev: 1, ino: inoOf(p), nlink: 1, uid: 0, gid: 0, rdev: 0, atime: 0n, mtime: 0n, ctime: 0n };
    return { ...base, mode: b ? 0o100755 : 0o040755, size: b ? b.length : 0 };
  };
  return {
    lstat: statOf,
    readdir: (p) => {
      if (!isDir(p)) return -Errno.ENOTDIR;
      const prefix = p === '/' ? '/' : `${p}/`;
      const names = new Set(
        [...bytes.keys()].filter((k) => k.startsWith(prefix)).map((k) => k.slice(prefix.length).split('/')[0]!),
      );
      return [...names].map((name) => ({ name, type: bytes.has(prefix + name) ? 0o100000 : 0o040000 }));
    },
    readlink: () => -Errno.EINVAL,
    open: (p, how) => {
      if (how === 'create' && !bytes.has(p)) bytes.set(p, new Uint8Array(0));
      if (!bytes.has(p)) return -Errno.ENOENT;
      handles.set(next, p);
      return next++;
    },
    fstat: (h) => statOf(handles.get(h)!),
    pread: (h, out, offset) => {
      const part = bytes.get(handles.get(h)!)!.subarray(offset, offset + out.length);
      out.set(part);
      return part.length;
    },
    pwrite: (h, data, offset) => {
      const p = handles.get(h)!;
      const old = bytes.get(p)!;
      const grown = new Uint8Array(Math.max(old.length, offset + data.length));
      grown.set(old);
      grown.set(data, offset);
      bytes.set(p, grown);
      return data.length;
    },
    truncate: (h, size) => {
      const p = handles.get(h)!;
      const grown = new Uint8Array(size);
      grown.set(bytes.get(p)!.subarray(0, size));
      bytes.set(p, grown);
      return 0;
    },
    close: (h) => {
      handles.delete(h);
    },
    mkdir: () => -Errno.EPERM,
    unlink: (p) => (bytes.delete(p) ? 0 : -Errno.ENOENT),
    rmdir: () => -Errno.EPERM,
    rename: () => -Errno.EPERM,
    symlink: () => -Errno.EPERM,
    link: () => -Errno.EPERM,
    chmod: () => 0,
    utimes: () => 0,
  };
}

/** The smallest ELF program: one segment of `size` bytes at 0x400000, readable, writable and executable. */
export function tinyElf(size = 0x1000): Uint8Array {
  const b = new Uint8Array(Math.max(size, 0x1000));
  const v = new DataView(b.buffer);
  b.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  v.setUint16(16, 2, true);
  v.setUint16(18, 183, true);
  v.setBigUint64(24, 0x400100n, true);
  v.setBigUint64(32, 64n, true);
  v.setUint16(54, 56, true);
  v.setUint16(56, 1, true);
  v.setUint32(64, 1, true);
  v.setUint32(68, 7, true);
  v.setBigUint64(80, 0x400000n, true);
  v.setBigUint64(96, BigInt(b.length), true);
  v.setBigUint64(104, BigInt(b.length), true);
  v.setBigUint64(112, 0x1000n, true);
  return b;
}

export interface TestMachine {
  readonly machine: Machine;
  readonly engine: ScriptEngine;
  readonly thread: Thread;
  /** What went to standard output. */
  output(): string;
  messages: string[];
}
export interface TestOptions {
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
  readonly stdin?: string;
  readonly options?: Partial<MachineOptions>;
}
/** A machine whose first process runs `main`. */
export function testMachine(main: Script, o: TestOptions = {}): TestMachine {
  const mem = new PhysMem(64);
  const engine = new ScriptEngine(mem);
  const out: Uint8Array[] = [];
  const messages: string[] = [];
  let stdin = utf8(o.stdin ?? '');
  const stream: HostStream = {
    type: 0o010000,
    isTty: false,
    read: (b) => {
      const n = Math.min(b.length, stdin.length);
      b.set(stdin.subarray(0, n));
      stdin = stdin.subarray(n);
      return n;
    },
    write: (b) => {
      out.push(b.slice());
      return b.length;
    },
    readable: () => true,
  };
  const host: HostServices = {
    fs: memoryFs({ '/bin/prog': tinyElf(), ...o.files }),
    stdin: stream,
    stdout: stream,
    stderr: stream,
    message: (line) => messages.push(line),
    shouldYield: () => false,
    pause: () => Promise.reject(new Error(`the machine is stuck: ${messages.join('; ')}`)),
  };
  const machine = boot(
    { mem, engine, host, readId: () => 0n, cpus: 2, seed: 1n, ...o.options },
    { path: '/bin/prog', argv: ['prog'], envp: ['A=b'], cwd: '/' },
  );
  engine.machine = machine;
  const thread = machine.thread(100)!;
  thread.state.setX(X_SCRIPT, BigInt(engine.add(main)));
  const decoder = new TextDecoder();
  return { machine, engine, thread, messages, output: () => out.map((b) => decoder.decode(b)).join('') };
}
/** Scratch memory of scripts: the program's own segment. */
export const SCRATCH = 0x400200;
