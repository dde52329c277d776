// Threads that execute: what is said between them and the thread that everything else happens on. Each has a box in linear
// memory; its state says whose turn it is, and one bell wakes the main thread for all. Knows no CPU and no instruction.

import { InternalError } from '../base/assert.ts';
import type { WasmMemory, WasmModule } from '../base/webassembly.ts';
import type { PhysMem } from '../cpu/physmem.ts';

/** A thread of the host. */
export interface HostThread {
  /** The thread takes messages in order, when it asks for them. */
  post(message: unknown): void;
}
/**
 * Starts a thread: evaluates `source`, a function, and calls it with `data` (a structured clone, memory shared) and with
 * what gives the next message that was posted, undefined where there is none.
 */
export type StartThread = (source: string, data: CrewData) => HostThread;

/** Offsets in a box. Numbers of the state are i32; of arguments and results, i64. */
export const Box = {
  state: 0,
  cpu: 4,
  reason: 8,
  call: 12,
  kinds: 16,
  mail: 20,
  result: 24,
  args: 32,
  text: 128,
  size: 512,
} as const;
/** `go`: the thread's turn. `call` and `done`: the main thread's. */
export const BoxState = { idle: 0, go: 1, call: 2, done: 3 } as const;
/** In Box.reason: compiled code failed; Box.text says how. */
const FAILED = 255;
/** Kinds of results; arguments are bits, 1 for a bigint. */
const RESULT = { none: 0, number: 1, bigint: 2 } as const;

/** A function that compiled code imports, and the number that asks for it. */
export type CallName = readonly [name: string, id: number];
/** What the thread is to put into its table: without a module, nothing. */
export interface TableChange {
  readonly slot: number;
  readonly module?: WasmModule;
  readonly calls: readonly CallName[];
}
export interface CrewData {
  readonly memory: WasmMemory;
  readonly box: number;
  readonly bell: number;
  /** The interpreter. */
  readonly module: WasmModule;
  readonly calls: readonly CallName[];
  /** Functions that other modules import, and that nobody need be asked for. */
  readonly linker: WasmModule | undefined;
  readonly layout: typeof Box;
  readonly states: typeof BoxState;
}
interface ThreadHost {
  readonly data: CrewData;
  receive(): unknown;
}

/** What a thread does. Its text is all that gets there: it names nothing outside of itself. */
function execute({ data, receive }: ThreadHost): void {
  const { memory, box, bell, module, calls, linker, layout, states } = data;
  const words = new Int32Array(memory.buffer);
  const longs = new BigInt64Array(memory.buffer);
  const state = (box + layout.state) >>> 2;
  const turnOf = (s: number): void => {
    Atomics.store(words, state, s);
    Atomics.add(words, bell >>> 2, 1);
    Atomics.notify(words, bell >>> 2);
  };
  const untilGo = (): void => {
    for (let s = Atomics.load(words, state); s !== states.go; s = Atomics.load(words, state))
      Atomics.wait(words, state, s);
  };
  const ask =
    (id: number) =>
    (...args: (number | bigint)[]): number | bigint | undefined => {
      let kinds = 0;
      for (let i = 0; i < args.length; i++) {
        if (typeof args[i] === 'bigint') kinds |= 1 << i;
        longs[((box + layout.args) >>> 3) + i] = BigInt(args[i]!);
      }
      words[(box + layout.call) >>> 2] = id;
      words[(box + layout.kinds) >>> 2] = kinds | (args.length << 8);
      turnOf(states.call);
      untilGo();
      read();
      const result = longs[(box + layout.result) >>> 3]!;
      const kind = words[(box + layout.kinds) >>> 2];
      return kind === 0 ? undefined : kind === 1 ? Number(result) : result;
    };
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: {
      Instance: new (m: unknown, i: unknown) => { exports: Record<string, unknown> };
    };
  };
  let own: Readonly<Record<string, unknown>> = {};
  let table: { length: number; grow(by: number): number; set(i: number, f: unknown): void } | undefined;
  const instantiate = (m: unknown, names: readonly CallName[]): Record<string, unknown> => {
    const imports: Record<string, unknown> = { memory };
    if (table) imports['table'] = table;
    for (const [name, id] of names) imports[name] = own[name] ?? ask(id);
    return new WebAssembly.Instance(m, { h: imports }).exports;
  };
  const main = instantiate(module, calls);
  table = main['handlers'] as NonNullable<typeof table>;
  if (linker) own = instantiate(linker, []);
  const run = main['run'] as (cpu: number) => number;
  let mail = 0;
  function read(): void {
    while (mail !== words[(box + layout.mail) >>> 2]) {
      const change = receive() as TableChange | undefined;
      if (!change) continue;
      mail++;
      if (change.slot >= table!.length) table!.grow(change.slot + 1 - table!.length);
      table!.set(change.slot, change.module ? instantiate(change.module, change.calls)['0'] : null);
    }
  }
  for (;;) {
    untilGo();
    let reason = 255;
    try {
      read();
      reason = run(words[(box + layout.cpu) >>> 2]!);
    } catch (e) {
      const text = e instanceof Error ? (e.stack ?? e.message) : String(e);
      const bytes = new Uint8Array(memory.buffer, box + layout.text, layout.size - layout.text);
      for (let i = 0; i < bytes.length; i++) bytes[i] = i < text.length ? text.charCodeAt(i) & 127 : 0;
    }
    words[(box + layout.reason) >>> 2] = reason;
    turnOf(states.done);
  }
}

/** One of the threads, seen from the main thread. */
export class Member {
  readonly box: number;
  private readonly mem: PhysMem;
  private readonly thread: HostThread;
  private mail = 0;

  constructor(mem: PhysMem, box: number, thread: HostThread) {
    this.mem = mem;
    this.box = box;
    this.thread = thread;
  }
  private word(offset: number): number {
    return (this.box + offset) >>> 2;
  }
  get state(): number {
    return Atomics.load(this.mem.i32, this.word(Box.state));
  }
  /** The thread goes on, or begins. */
  private turn(): void {
    Atomics.store(this.mem.i32, this.word(Box.state), BoxState.go);
    Atomics.notify(this.mem.i32, this.word(Box.state));
  }
  /** Runs the interpreter on a CPU state. */
  go(cpu: number): void {
    this.mem.i32[this.word(Box.cpu)] = cpu;
    this.turn();
  }
  /** The result of `go`. */
  get reason(): number {
    const { i32, u8 } = this.mem;
    const reason = i32[this.word(Box.reason)]!;
    if (reason !== FAILED) return reason;
    const text = u8.subarray(this.box + Box.text, this.box + Box.size);
    throw new InternalError(`on a thread: ${String.fromCharCode(...text).replace(/\0.*/s, '')}`);
  }
  /** The function that is asked for, and what it is given. */
  question(): { readonly id: number; readonly args: (number | bigint)[] } {
    const { i32, i64 } = this.mem;
    const kinds = i32[this.word(Box.kinds)]!;
    const first = (this.box + Box.args) >>> 3;
    const args = Array.from({ length: kinds >> 8 }, (_, i) => {
      const v = i64[first + i]!;
      return kinds & (1 << i) ? v : Number(v);
    });
    return { id: i32[this.word(Box.call)]!, args };
  }
  answer(result: number | bigint | undefined): void {
    const { i32, i64 } = this.mem;
    i64[(this.box + Box.result) >>> 3] = BigInt.asIntN(64, BigInt(result ?? 0));
    i32[this.word(Box.kinds)] =
      result === undefined ? RESULT.none : typeof result === 'bigint' ? RESULT.bigint : RESULT.number;
    this.turn();
  }
  /** Changes the table, before the thread next goes on. It must stand still. */
  post(change: TableChange): void {
    this.thread.post(change);
    this.mem.i32[this.word(Box.mail)] = ++this.mail;
  }
}

export class Crew {
  private readonly mem: PhysMem;
  private readonly begin: StartThread;
  private readonly most: number;
  private readonly bell: number;
  private readonly members: Member[] = [];
  private readonly free: Member[] = [];
  private readonly ids = new Map<string, number>();
  private readonly names: string[] = [];
  /** What has been put into tables. */
  private readonly table = new Map<number, TableChange>();

  constructor(mem: PhysMem, begin: StartThread, most: number) {
    this.mem = mem;
    this.begin = begin;
    this.most = most;
    this.bell = mem.allocFixed(Box.size);
  }
  /** Numbers for functions that modules import. */
  calls(names: readonly string[]): CallName[] {
    return names.map((name) => {
      let id = this.ids.get(name);
      if (id === undefined) {
        id = this.names.push(name) - 1;
        this.ids.set(name, id);
      }
      return [name, id];
    });
  }
  nameOf(id: number): string {
    return this.names[id]!;
  }
  /** A thread that has nothing to do. @param module what it runs @param linker see CrewData */
  take(module: WasmModule, imports: readonly string[], linker: () => WasmModule | undefined): Member | undefined {
    const idle = this.free.pop();
    if (idle || this.members.length === this.most) return idle;
    const { mem, bell } = this;
    const box = mem.allocFixed(Box.size);
    const data: CrewData = {
      memory: mem.wasm, box, bell, module, calls: this.calls(imports), linker: linker(), layout: Box, states: BoxState,
    }; // biome-ignore format: one message
    const member = new Member(mem, box, this.begin(execute.toString(), data));
    for (const change of this.table.values()) member.post(change);
    this.members.push(member);
    return member;
  }
  give(member: Member): void {
    this.free.push(member);
  }
  /** Changes the tables of all, which stand still. */
  post(change: TableChange): void {
    if (change.module) this.table.set(change.slot, change);
    else this.table.delete(change.slot);
    for (const m of this.members) m.post(change);
  }
  /** What the bell says, for `sleep`. */
  get rings(): number {
    return Atomics.load(this.mem.i32, this.bell >>> 2);
  }
  /** Until the bell has rung since, or some milliseconds have gone by. */
  sleep(rings: number, ms: number): void {
    Atomics.wait(this.mem.i32, this.bell >>> 2, rings, ms);
  }
}
