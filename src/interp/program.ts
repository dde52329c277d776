// The generated WebAssembly: the main loop with its frequent handlers, and single handlers as modules of their own.
// What is generated depends on the rows alone, not on a machine: engines with different features share it.

import { UsageError } from '../base/assert.ts';
import { type WasmModule, WebAssemblyHost } from '../base/webassembly.ts';
import { collectRows, type Handler, type RowEntry, UNDEFINED } from '../isa/handlers.ts';
import type { Group } from '../isa/semantics.ts';
import { ModuleBuilder } from '../wasm/builder.ts';
import { buildHandler } from './cold.ts';
import { HOT, USUAL } from './hot.ts';
import { buildLoop, type Import, type Variant } from './loop.ts';
import { FIRST_HANDLER } from './record.ts';

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
  /** For branches within the page; undefined if the handler is not in the loop. */
  readonly near: number | undefined;
  readonly far: number;
}

/** Makes imports by name, each once. */
export function importer(module: ModuleBuilder, parallel = false): { readonly add: Import; readonly names: string[] } {
  const known = new Map<string, number>();
  const names: string[] = [];
  module.importMemory(HOST, MEMORY, 16, 65536, parallel);
  const add: Import = (name, params, results) => {
    let index = known.get(name);
    if (index === undefined) {
      index = module.importFunction(HOST, name, params, results);
      known.set(name, index);
      names.push(name);
    }
    return index;
  };
  return { add, names };
}

function branches(handler: Handler): boolean {
  return handler.code.operands.some((o) => o.kind === 'branch');
}
/** Handlers of the main loop, branching ones twice. */
export function hotVariants(rows: readonly RowEntry[]): Variant[] {
  const byName = new Map(rows.map((r) => [r.name, r]));
  const handlers = [UNDEFINED];
  for (const [name, wanted] of Object.entries(HOT)) {
    const entry = byName.get(name);
    if (entry?.semantic) handlers.push(...entry.enumerate((c) => wanted[c.label]));
  }
  return handlers.flatMap((handler) =>
    branches(handler)
      ? [
          { handler, near: true },
          { handler, near: false },
        ]
      : [{ handler, near: false }],
  );
}

/**
 * A module with the main loop (`run`) and the table (`handlers`), in which those of `aside` follow the handlers of the loop.
 * They are in modules of their own, each in a custom section; another one says which handlers these are.
 * @param parallel for PEs that execute at the same time, on memory that is shared
 */
export function generateModule(
  variants: readonly Variant[],
  aside: readonly (readonly Handler[])[],
  parallel = false,
): Uint8Array {
  const module = new ModuleBuilder();
  const { add, names } = importer(module, parallel);
  module.export('run', buildLoop(module, add, variants, parallel));
  let number = FIRST_HANDLER + variants.length;
  for (const handlers of aside) {
    module.customSection(ASIDE, generateAside(handlers, number, parallel));
    number += handlers.length;
  }
  module.table('handlers', Math.max(TABLE_START, 2 * number), TABLE_MAX);
  const contents: Contents = {
    hot: variants.map((v) => [v.handler.key, v.near]),
    aside: aside.map((handlers) => handlers.length),
    imports: names,
  };
  module.customSection(CONTENTS, asciiBytes(JSON.stringify(contents)));
  return module.finish();
}
/** A module that puts handlers into the table of the main one, from number `first` on. */
function generateAside(handlers: readonly Handler[], first: number, parallel: boolean): Uint8Array {
  const module = new ModuleBuilder();
  const { add, names } = importer(module, parallel);
  module.importTable(HOST, TABLE);
  const functions = handlers.map((h) => buildHandler(module, add, h, parallel));
  module.fillTable(first, functions);
  const contents: AsideContents = { handlers: handlers.map((h) => h.key), imports: names };
  module.customSection(CONTENTS, asciiBytes(JSON.stringify(contents)));
  return module.finish();
}
/** Handlers as functions `0`, `1`, ... of one module. */
export function generateHandlers(
  handlers: readonly Handler[],
  parallel = false,
): { bytes: Uint8Array; imports: readonly string[] } {
  const module = new ModuleBuilder();
  const { add, names } = importer(module, parallel);
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
  const inLoop = new Set(variants.map((v) => v.handler.key));
  const aside = [undefined, ...groups].map((part) =>
    rows
      .flatMap((row) => (partOf(row) === part && row.semantic ? [...row.enumerate()] : []))
      .filter((h) => !inLoop.has(h.key)),
  );
  return generateModule(variants, aside);
}

/** Where the handlers of a row are that are not in the loop: with those of its group, or (undefined) with the usual ones. */
function partOf(row: RowEntry): Group | undefined {
  return USUAL.has(row.name) ? undefined : row.group;
}

/** Custom sections: the modules of the usual rows and of the groups, in their order; what is in a module, as JSON. */
const ASIDE = 'aside';
const CONTENTS = 'handlers';
interface Contents {
  readonly hot: readonly (readonly [key: string, near: boolean])[];
  /** How many handlers each of the modules has. */
  readonly aside: readonly number[];
  readonly imports: readonly string[];
}
interface AsideContents {
  readonly handlers: readonly string[];
  readonly imports: readonly string[];
}
function contentsOf(module: WasmModule): unknown {
  const [section] = WebAssemblyHost.Module.customSections(module, CONTENTS);
  if (!section) throw new UsageError('the file of the prebuilt interpreter is not one: build the project again');
  return JSON.parse(asciiText(new Uint8Array(section)));
}
function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}
function asciiText(bytes: Uint8Array): string {
  const CHUNK = 8192;
  let text = '';
  for (let i = 0; i < bytes.length; i += CHUNK)
    text += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(i, i + CHUNK)) as string;
  return text;
}

/** Handlers that are not in the loop, in one module. Compiled when the first of them is met: a program needs few of these. */
export class Aside {
  private readonly bytes: Uint8Array;
  private readonly first: number;
  private made: { readonly part: Part; readonly numbers: ReadonlyMap<string, number> } | undefined;

  constructor(bytes: Uint8Array, first: number) {
    this.bytes = bytes;
    this.first = first;
  }
  private get contents(): NonNullable<Aside['made']> {
    if (!this.made) {
      const module = new WebAssemblyHost.Module(this.bytes);
      const { handlers, imports } = contentsOf(module) as AsideContents;
      const numbers = new Map(handlers.map((key, i) => [key, this.first + i]));
      this.made = { part: { module, imports }, numbers };
    }
    return this.made;
  }
  /** To be instantiated before its numbers are used. */
  get part(): Part {
    return this.contents.part;
  }
  number(handler: Handler): number | undefined {
    return this.contents.numbers.get(handler.key);
  }
}

export class Program {
  readonly rows: readonly RowEntry[];
  readonly main: Part;
  /** The first number that is free for handlers that are added. */
  readonly firstFree: number;
  /** Numbers of the handlers in the loop, by key. */
  private readonly hot = new Map<string, Numbers>();
  private readonly aside = new Map<Group | undefined, Aside>();
  private readonly parts = new Map<string, Part>();

  private readonly parallel: boolean;

  /**
   * @param prebuilt what generateInterpreter made of the same groups; without it the loop alone is generated now
   * @param parallel see generateModule
   */
  constructor(groups: readonly Group[], prebuilt?: Uint8Array, parallel = false) {
    this.rows = collectRows(groups);
    this.parallel = parallel;
    const module = new WebAssemblyHost.Module(prebuilt ?? generateModule(hotVariants(this.rows), [], parallel));
    const contents = contentsOf(module) as Contents;
    this.main = { module, imports: contents.imports };
    let id = FIRST_HANDLER;
    for (const [key, near] of contents.hot) {
      const before = this.hot.get(key);
      this.hot.set(key, near ? { near: id, far: id } : { near: before?.near, far: id });
      id++;
    }
    const modules = WebAssemblyHost.Module.customSections(module, ASIDE);
    for (const [i, count] of contents.aside.entries()) {
      this.aside.set(i === 0 ? undefined : groups[i - 1]!, new Aside(new Uint8Array(modules[i]!), id));
      id += count;
    }
    this.firstFree = id;
  }

  /** Numbers of a handler that is in the loop. */
  inLoop(handler: Handler): Numbers | undefined {
    return this.hot.get(handler.key);
  }
  /** What has all other handlers of a row, if it was generated ahead of time. */
  asideOf(row: RowEntry): Aside | undefined {
    return this.aside.get(partOf(row));
  }
  /** A module that exports the function of one handler as `0`. */
  part(handler: Handler): Part {
    let part = this.parts.get(handler.key);
    if (!part) {
      const { bytes, imports } = generateHandlers([handler], this.parallel);
      part = { module: new WebAssemblyHost.Module(bytes), imports };
      this.parts.set(handler.key, part);
    }
    return part;
  }
}

const programs = { alone: new Map<readonly Group[], Program>(), parallel: new Map<readonly Group[], Program>() };
/** The program of some groups, made once. @param parallel generated anew, whatever was prebuilt */
export function programOf(groups: readonly Group[], prebuilt?: Uint8Array, parallel = false): Program {
  const made = programs[parallel ? 'parallel' : 'alone'];
  let p = made.get(groups);
  if (!p) {
    p = new Program(groups, parallel ? undefined : prebuilt, parallel);
    made.set(groups, p);
  }
  return p;
}
