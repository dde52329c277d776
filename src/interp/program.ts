// An interpreter's modules as engines use them: which number a handler has, which module it is in and, if none was made ahead
// of time, a module of its own.

import { lazy } from '../base/lazy.ts';
import { type WasmModule, WebAssemblyHost } from '../base/webassembly.ts';
import { collectRows, type Handler, type RowEntry } from '../isa/handlers.ts';
import type { Group } from '../isa/semantics.ts';
import { withMemory } from '../wasm/sections.ts';
import { asideKeysOf, type Contents, contentsOf, importsOf, type MainKeys, mainKeysOf } from './contents.ts';
import { generateHandlers, generateModule, type Memory, NO_FUNCTIONS } from './generate.ts';
import { hotVariants } from './hot_variants.ts';
import type { IsSame } from './pair_table.ts';
import type { Prebuilt } from './prebuilt.ts';
import { FIRST_HANDLER } from './record.ts';

/** A compiled module and the functions it wants. */
export interface Part {
  readonly module: WasmModule;
  readonly imports: readonly string[];
}
export interface Numbers {
  /** For branches within the page, and for all others: undefined if that handler is not in the loop. */
  readonly near: number | undefined;
  readonly far: number | undefined;
}

/** Handlers that are not in the loop, in one module. Compiled when the first of them is met: a program needs few of these. */
export class Aside {
  private readonly bytes: () => Uint8Array;
  /** Numbers from one to before another. */
  private readonly first: number;
  readonly end: number;
  private readonly contents = lazy(() => {
    const module = new WebAssemblyHost.Module(this.bytes());
    return { module, imports: importsOf(module) };
  });
  private readonly numbers = lazy(
    (): ReadonlyMap<string, number> =>
      new Map(asideKeysOf(this.contents().module).map((key, i) => [key, this.first + i])),
  );

  constructor(bytes: () => Uint8Array, first: number, count: number) {
    this.bytes = bytes;
    this.first = first;
    this.end = first + count;
  }
  has(number: number): boolean {
    return number >= this.first && number < this.end;
  }
  /** To be instantiated before its numbers are used. */
  get part(): Part {
    return this.contents();
  }
  /** @param key of a handler */
  number(key: string): number | undefined {
    return this.numbers().get(key);
  }
}

export class Program {
  /** A program that is decoded already asks for none of them. */
  readonly rows = lazy(() => collectRows(this.source.groups));
  readonly main: Part;
  /** The first number that is free for handlers that are added. */
  readonly firstFree: number;
  private readonly source: ProgramSource;
  /** Numbers of the handlers in the main module, by key. */
  private readonly inMain: () => ReadonlyMap<string, Numbers>;
  /** Other handlers of each group, and what stands in for those of the loop. */
  private readonly asides: () => readonly Aside[];
  private readonly parts = new Map<string, Part>();

  private readonly memory: Memory;
  /** The number after those of the handlers in the loop. */
  readonly endOfLoop: number;
  /** The number after those of all handlers in the main module. */
  readonly endOfMain: number;
  private readonly keys: () => MainKeys;
  private readonly firstPair: number;
  private readonly pairs: Contents['pairs'];
  private readonly variants = lazy(() => hotVariants(this.rows()));

  constructor(source: ProgramSource, memory: Memory) {
    this.source = source;
    this.memory = memory;
    const { shared, parallel } = memory;
    const prebuilt = parallel ? undefined : source.prebuilt;
    const main = prebuilt ? withMemory(prebuilt.main, shared) : generateModule(this.variants(), NO_FUNCTIONS, memory);
    const module = (prebuilt?.main === main && source.compiled?.()) || new WebAssemblyHost.Module(main);
    const contents = contentsOf(module);
    this.main = { module, imports: importsOf(module) };
    this.keys = lazy(() => mainKeysOf(module, prebuilt));
    this.firstPair = FIRST_HANDLER + contents.hot;
    this.endOfLoop = this.firstPair + contents.pairs.length;
    this.pairs = contents.pairs;
    this.endOfMain = this.endOfLoop + contents.usual;
    this.inMain = lazy(() => numbersOf(this.keys(), contents.hot, this.endOfLoop));
    this.asides = lazy(() => {
      let id = this.endOfMain;
      const sizes = contents.aside();
      const lengths = sizes.map(([, length]) => length);
      return sizes.map(([count], i) => {
        id += count;
        return new Aside(() => withMemory(prebuilt!.aside(lengths, i), shared), id - count, count);
      });
    });
    this.firstFree = this.endOfMain + contents.others;
  }

  /** Numbers of a handler that is in the main module. */
  known(handler: Handler): Numbers | undefined {
    return this.inMain().get(handler.key);
  }
  /** What has all other handlers of a row, if it was generated ahead of time. */
  asideOf(row: RowEntry): Aside | undefined {
    return this.asides()[this.source.groups.indexOf(row.group)];
  }
  /** What has the handler of a number, if that is not in the main module. */
  asideWith(number: number): Aside | undefined {
    return this.asides().find((aside) => aside.has(number));
  }
  /** Number of the handler that does two in a row. @param ip of the first */
  pair(first: number, second: number, ip: number, isSame: IsSame): number | undefined {
    const pair = this.pairs.find(first - FIRST_HANDLER, second - FIRST_HANDLER, ip, isSame);
    return pair === undefined ? undefined : this.firstPair + pair;
  }
  /** Number of the first handler of a pair; of any other handler its own. */
  single(number: number): number {
    return number >= this.firstPair && number < this.endOfLoop
      ? FIRST_HANDLER + this.pairs.first(number - this.firstPair)
      : number;
  }
  isInLoop(number: number): boolean {
    return number >= FIRST_HANDLER && number < this.endOfLoop;
  }
  /** Number of the function that stands in for a handler of the loop, if it was generated ahead of time. */
  standIn(number: number): number | undefined {
    return this.asides()
      .at(-1)
      ?.number(this.keys()[this.single(number) - FIRST_HANDLER]![0]);
  }
  /** A handler of the loop, where nothing was generated ahead of time. */
  handlerInLoop(number: number): Handler {
    return this.variants()[this.single(number) - FIRST_HANDLER]!.handler;
  }
  /** A module that exports the function of one handler as `0`. */
  part(handler: Handler): Part {
    let part = this.parts.get(handler.key);
    if (!part) {
      const { bytes, imports } = generateHandlers([handler], this.memory);
      part = { module: new WebAssemblyHost.Module(bytes), imports };
      this.parts.set(handler.key, part);
    }
    return part;
  }
}

/** @param hot how many are in the loop @param firstUsual number of the first one that is not */
function numbersOf(keys: MainKeys, hot: number, firstUsual: number): ReadonlyMap<string, Numbers> {
  const numbers = new Map<string, Numbers>();
  for (const [i, [key, near]] of keys.entries()) {
    const id = i < hot ? FIRST_HANDLER + i : firstUsual + i - hot;
    numbers.set(key, near ? { near: id, far: undefined } : { near: numbers.get(key)?.near, far: id });
  }
  return numbers;
}

/** What a program is made of. */
export interface ProgramSource {
  readonly groups: readonly Group[];
  /** What generateInterpreter made of the same groups; without it the loop alone is generated when it is needed. */
  readonly prebuilt?: Prebuilt;
  /** Gives the module of `prebuilt` if it was compiled before, for shared memory. */
  readonly compiled?: () => WasmModule | undefined;
}
const programs = {
  alone: new WeakMap<object, Program>(),
  shared: new WeakMap<object, Program>(),
  parallel: new WeakMap<object, Program>(),
};
/** The program of some groups, made once; one that is parallel is generated anew, whatever was prebuilt. */
export function programOf(source: ProgramSource, { shared, parallel }: Memory): Program {
  const made = programs[parallel ? 'parallel' : shared ? 'shared' : 'alone'];
  // What was prebuilt stands for its groups, which need not be there.
  const key = parallel ? source.groups : (source.prebuilt ?? source.groups);
  let p = made.get(key);
  if (!p) {
    p = new Program(source, { shared, parallel });
    made.set(key, p);
  }
  return p;
}
