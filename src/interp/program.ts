// The generated WebAssembly: the main loop with its frequent handlers, and single handlers as modules of their own.
// What is generated depends on the rows alone, not on a machine: engines with different features share it.

import { lazy } from '../base/lazy.ts';
import { bytesOf, textOf } from '../base/text.ts';
import { type WasmModule, WebAssemblyHost } from '../base/webassembly.ts';
import { collectRows, type Handler, type RowEntry, UNDEFINED } from '../isa/handlers.ts';
import type { Group } from '../isa/semantics.ts';
import { ModuleBuilder } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { withMemory } from '../wasm/sections.ts';
import { buildHandler } from './cold.ts';
import { ALSO_BULK, BULK, HOT, PAIRS, type Rows, TRIPLES, USUAL } from './hot.ts';
import { LoopBit, type LoopSet, type Variant } from './hot_loop.ts';
import { buildLoop, type Import } from './loop.ts';
import { ASIDE, notOne, type Prebuilt } from './prebuilt.ts';
import { FIRST_HANDLER } from './record.ts';
import { fitsLoop, needsFunction } from './restart.ts';

/** Name of the module that imports come from, and of the memory in it. */
export const HOST = 'h';
export const MEMORY = 'memory';
/** The table of handlers, for modules that call regions. */
export const TABLE = 'table';
export const TABLE_MAX = 65536;
const TABLE_START = 1024;

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

/** A function that is imported. */
export interface ImportRow {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}
/** Makes imports by name, each once. @param rows what is imported whether or not it is asked for; is told of what comes to that */
export function importer(
  module: ModuleBuilder,
  shared = false,
  rows: ImportRow[] = [],
): { readonly add: Import; readonly names: string[] } {
  const known = new Map<string, number>();
  const names: string[] = [];
  module.importMemory(HOST, MEMORY, 16, 65536, shared);
  for (const { name, params, results } of rows) {
    known.set(name, module.importFunction(HOST, name, params, results));
    names.push(name);
  }
  const add: Import = (name, params, results) => {
    let index = known.get(name);
    if (index === undefined) {
      index = module.importFunction(HOST, name, params, results);
      known.set(name, index);
      names.push(name);
      rows.push({ name, params, results });
    }
    return index;
  };
  return { add, names };
}

function branches(handler: Handler): boolean {
  return handler.code.operands.some((o) => o.kind === 'branch');
}
/** Handlers of the hot loops, branching ones twice: those that only the loop for bulk has are the last. */
export function hotVariants(rows: readonly RowEntry[]): Variant[] {
  const byName = new Map(rows.map((r) => [r.name, r]));
  const handlersOf = (wanted: Rows): Handler[] =>
    Object.entries(wanted).flatMap(([name, choices]) => {
      const entry = byName.get(name);
      const all = entry?.semantic ? [...entry.enumerate((c) => choices[c.label])] : [];
      return all.filter((h) => fitsLoop(h.code.block));
    });
  const main = [UNDEFINED, ...handlersOf(HOT)].flatMap((handler): Variant[] => {
    const loops = isAmong(handler, ALSO_BULK) ? 3 : LoopBit.main;
    const far: Variant = { handler, near: false, loops };
    if (!branches(handler)) return [far];
    const near: Variant = { handler, near: true, loops };
    // Conditional branches seldom leave their page.
    return handler.code.block.some((n) => n.op === 'if') ? [near] : [near, { ...far, loops: LoopBit.main }];
  });
  return [...main, ...handlersOf(BULK).map((handler): Variant => ({ handler, near: false, loops: LoopBit.bulk }))];
}
function isAmong(handler: Handler, rows: Rows): boolean {
  const [row, ...choices] = handler.key.split(' ') as [string, ...string[]];
  const wanted = rows[row];
  const isWanted = (choice: string): boolean => {
    const at = choice.lastIndexOf('=');
    return wanted![choice.slice(0, at)]?.includes(Number(choice.slice(at + 1))) ?? true;
  };
  return wanted !== undefined && choices.every(isWanted);
}
/**
 * Pairs of handlers that are in one loop. Those of bulk alone come first: they follow the last of its handlers. What comes
 * second may be a pair that is before it.
 */
function pairsOf(variants: readonly Variant[]): [first: number, second: number][] {
  const all = variants.map((v, i) => ({ ...v, i, far: branches(v.handler) && !v.near }));
  const among = (rows: Rows): number[] =>
    all.filter(({ far, handler }) => !far && isAmong(handler, rows)).map(({ i }) => i);
  const loopsOf = ([first, second]: readonly [number, number]): number => all[first]!.loops & all[second]!.loops;
  const pairs = PAIRS.flatMap(([a, b]) => {
    const seconds = among(b);
    return among(a).flatMap((first) => seconds.map((second): [number, number] => [first, second]));
  }).filter((pair) => loopsOf(pair) !== 0);
  const isBulk = (pair: readonly [number, number]): boolean => loopsOf(pair) === LoopBit.bulk;
  const two = [...pairs.filter(isBulk), ...pairs.filter((pair) => !isBulk(pair))];
  const triples = TRIPLES.flatMap(([a, b, c]) => {
    const [seconds, thirds] = [among(b), among(c)];
    const isWanted = ([second, third]: readonly [number, number]): boolean =>
      seconds.includes(second) && thirds.includes(third);
    const rest = two.flatMap((pair, i) => (isWanted(pair) ? [variants.length + i] : []));
    return among(a).flatMap((first) => rest.map((second): [number, number] => [first, second]));
  });
  return [...two, ...triples];
}
export function withPairs(variants: readonly Variant[], pairs = pairsOf(variants)): Variant[] {
  const all = [...variants];
  for (const [i, k] of pairs) {
    const [first, second] = [all[i]!, all[k]!];
    all.push({ ...first, second, loops: (first.loops & second.loops) as LoopSet });
  }
  return all;
}

/**
 * A module with the main loop (`run`) and the table (`handlers`), in which those of `aside` follow the handlers of the loop.
 * They are in modules of their own, each in a custom section; another one, before them, says which handlers these are.
 */
export function generateModule(
  variants: readonly Variant[],
  aside: readonly (readonly Handler[])[],
  { shared, parallel }: Memory,
): Uint8Array {
  const module = new ModuleBuilder();
  const { add, names } = importer(module, shared);
  // Records of several threads are finished one by one: none is done with another.
  const pairs = parallel ? [] : pairsOf(variants);
  const all = withPairs(variants, pairs);
  module.export(
    'run',
    buildLoop(module, add, all, parallel ? undefined : { first: FIRST_HANDLER + variants.length, of: pairs }),
  );
  let number = FIRST_HANDLER + all.length;
  const modules = aside.map((handlers) => {
    number += handlers.length;
    return generateAside(handlers, number - handlers.length, shared);
  });
  module.table('handlers', Math.max(TABLE_START, 2 * number), TABLE_MAX);
  const contents: Contents = {
    hot: variants.length,
    pairs,
    aside: aside.map((handlers, i) => [handlers.length, modules[i]!.length]),
    imports: names,
  };
  const keys: HotKeys = variants.map((v) => [v.handler.key, v.near]);
  addContents(module, contents, keys);
  for (const bytes of modules) module.customSection(ASIDE, bytes);
  return module.finish();
}
/** A module that puts handlers into the table of the main one, from number `first` on. */
function generateAside(handlers: readonly Handler[], first: number, shared: boolean): Uint8Array {
  const module = new ModuleBuilder();
  const { add, names } = importer(module, shared);
  module.importTable(HOST, TABLE);
  const functions = handlers.map((h) => buildHandler(module, add, h, false));
  module.fillTable(first, functions);
  const contents: AsideContents = { imports: names };
  const keys: AsideKeys = handlers.map((h) => h.key);
  addContents(module, contents, keys);
  return module.finish();
}
/** Handlers as functions `0`, `1`, ... of one module. */
export function generateHandlers(
  handlers: readonly Handler[],
  { shared, parallel }: Memory = ALONE,
): { bytes: Uint8Array; imports: readonly string[] } {
  const module = new ModuleBuilder();
  const { add, names } = importer(module, shared);
  for (const [i, h] of handlers.entries()) module.export(String(i), buildHandler(module, add, h, parallel));
  return { bytes: module.finish(), imports: names };
}
/**
 * Everything, ahead of time: the loop and all other handlers of the tables. Engines that are given these bytes generate
 * nothing. They hold for the very tables that they were made from.
 */
export function generateInterpreter(groups: readonly Group[]): Uint8Array {
  const rows = collectRows(groups);
  const variants = hotVariants(rows);
  const inLoop = new Set(variants.filter((v) => !v.near).map((v) => v.handler.key));
  const aside = [undefined, ...groups].map((part) =>
    rows
      .flatMap((row) => (partOf(row) === part && row.semantic ? [...row.enumerate()] : []))
      .filter((h) => !inLoop.has(h.key)),
  );
  // Functions that stand in for handlers of the loop where these do not do everything.
  aside.push([...new Set(variants.map((v) => v.handler).filter(needsFunction))]);
  return generateModule(variants, aside, { shared: true, parallel: false });
}

/** Where the handlers of a row are that are not in the loop: with those of its group, or (undefined) with the usual ones. */
function partOf(row: RowEntry): Group | undefined {
  return USUAL.has(row.name) ? undefined : row.group;
}

/** What the code is for: memory of that kind; with `parallel`, PEs that execute at the same time. */
export interface Memory {
  readonly shared: boolean;
  readonly parallel: boolean;
}
const ALONE: Memory = { shared: false, parallel: false };

/** Custom sections, JSON: what is in a module, and the keys of its handlers, which few ask for. */
const CONTENTS = 'handlers';
const KEYS = 'keys';
type HotKeys = readonly (readonly [key: string, near: boolean])[];
type AsideKeys = readonly string[];
interface Contents {
  /** How many handlers there are in the loop that do one instruction. */
  readonly hot: number;
  /** Which of those are done by one handler: they come next, and may be second in later ones. */
  readonly pairs: readonly (readonly [first: number, second: number])[];
  /** How many handlers each of the modules has, and bytes: those of the usual rows, of the groups in their order, of what stands in. */
  readonly aside: readonly (readonly [handlers: number, bytes: number])[];
  readonly imports: readonly string[];
}
interface AsideContents {
  readonly imports: readonly string[];
}
function addContents(module: ModuleBuilder, contents: Contents | AsideContents, keys: HotKeys | AsideKeys): void {
  module.customSection(CONTENTS, bytesOf(JSON.stringify(contents)));
  module.customSection(KEYS, bytesOf(JSON.stringify(keys)));
}
function readSection(module: WasmModule, name: string): unknown {
  const [section] = WebAssemblyHost.Module.customSections(module, name);
  if (!section) throw notOne();
  return JSON.parse(textOf(new Uint8Array(section)));
}

/** Handlers that are not in the loop, in one module. Compiled when the first of them is met: a program needs few of these. */
export class Aside {
  private readonly bytes: () => Uint8Array;
  /** Numbers from one to before another. */
  private readonly first: number;
  private readonly end: number;
  private readonly contents = lazy(() => {
    const module = new WebAssemblyHost.Module(this.bytes());
    return { module, ...(readSection(module, CONTENTS) as AsideContents) };
  });
  private readonly numbers = lazy(
    (): ReadonlyMap<string, number> =>
      new Map((readSection(this.contents().module, KEYS) as AsideKeys).map((key, i) => [key, this.first + i])),
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
  /** Numbers of the handlers in the loop, by key. */
  private readonly hot: () => ReadonlyMap<string, Numbers>;
  /** Handlers of the usual rows, and of each group. */
  private readonly asides: readonly Aside[];
  private readonly parts = new Map<string, Part>();

  private readonly memory: Memory;
  /** The number after those of the handlers in the loop. */
  readonly endOfLoop: number;
  private readonly keys: () => HotKeys;
  private readonly firstPair: number;
  private readonly pairs: Contents['pairs'];
  private readonly pairNumbers = lazy(
    () => new Map(this.pairs.map(([first, second], i) => [(first << 16) | second, this.firstPair + i])),
  );
  private readonly variants = lazy(() => hotVariants(this.rows()));

  constructor(source: ProgramSource, memory: Memory) {
    this.source = source;
    this.memory = memory;
    const { shared, parallel } = memory;
    const prebuilt = parallel ? undefined : source.prebuilt;
    const main = prebuilt ? withMemory(prebuilt.main, shared) : generateModule(this.variants(), [], memory);
    const module = (prebuilt?.main === main && source.compiled?.()) || new WebAssemblyHost.Module(main);
    const contents = readSection(module, CONTENTS) as Contents;
    this.main = { module, imports: contents.imports };
    this.keys = lazy(() => readSection(module, KEYS) as HotKeys);
    this.hot = lazy(() => numbersOf(this.keys()));
    this.firstPair = FIRST_HANDLER + contents.hot;
    this.endOfLoop = this.firstPair + contents.pairs.length;
    this.pairs = contents.pairs;
    let id = this.endOfLoop;
    const lengths = contents.aside.map(([, length]) => length);
    this.asides = contents.aside.map(([count], i) => {
      id += count;
      return new Aside(() => withMemory(prebuilt!.aside(lengths, i), shared), id - count, count);
    });
    this.firstFree = id;
  }

  /** Numbers of a handler that is in the loop. */
  inLoop(handler: Handler): Numbers | undefined {
    return this.hot().get(handler.key);
  }
  /** What has all other handlers of a row, if it was generated ahead of time. */
  asideOf(row: RowEntry): Aside | undefined {
    const group = partOf(row);
    return this.asides[group === undefined ? 0 : this.source.groups.indexOf(group) + 1];
  }
  /** What has the handler of a number, if that is not in the loop. */
  asideWith(number: number): Aside | undefined {
    return this.asides.find((aside) => aside.has(number));
  }
  /** Number of the handler that does two in a row. */
  pair(first: number, second: number): number | undefined {
    return this.pairNumbers().get(((first - FIRST_HANDLER) << 16) | (second - FIRST_HANDLER));
  }
  /** Number of the first handler of a pair; of any other handler its own. */
  single(number: number): number {
    return number >= this.firstPair && number < this.endOfLoop
      ? FIRST_HANDLER + this.pairs[number - this.firstPair]![0]
      : number;
  }
  isInLoop(number: number): boolean {
    return number >= FIRST_HANDLER && number < this.endOfLoop;
  }
  /** Number of the function that stands in for a handler of the loop, if it was generated ahead of time. */
  standIn(number: number): number | undefined {
    return this.asides.at(-1)?.number(this.keys()[this.single(number) - FIRST_HANDLER]![0]);
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

function numbersOf(hot: HotKeys): ReadonlyMap<string, Numbers> {
  const numbers = new Map<string, Numbers>();
  for (const [i, [key, near]] of hot.entries()) {
    const id = FIRST_HANDLER + i;
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
