// The generated WebAssembly: the main loop with its frequent handlers, and single handlers as modules of their own.
// What is generated depends on the rows alone, not on a machine: engines with different features share it.

import { UsageError } from '../base/assert.ts';
import { type WasmModule, WebAssemblyHost } from '../base/webassembly.ts';
import { collectRows, type Handler, type RowEntry, UNDEFINED } from '../isa/handlers.ts';
import type { Group } from '../isa/semantics.ts';
import { ModuleBuilder } from '../wasm/builder.ts';
import { buildHandler } from './cold.ts';
import { HOT } from './hot.ts';
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
export function importer(module: ModuleBuilder): { readonly add: Import; readonly names: string[] } {
  const known = new Map<string, number>();
  const names: string[] = [];
  module.importMemory(HOST, MEMORY, 16, 65536);
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
 * A module with the main loop (`run`) and the table (`handlers`), in which `cold` follow the handlers of the loop.
 * A custom section says which handlers these are.
 */
export function generateModule(variants: readonly Variant[], cold: readonly Handler[]): Uint8Array {
  const module = new ModuleBuilder();
  const { add, names } = importer(module);
  module.export('run', buildLoop(module, add, variants));
  const functions = cold.map((h) => buildHandler(module, add, h));
  const first = FIRST_HANDLER + variants.length;
  module.table('handlers', Math.max(TABLE_START, first + 2 * cold.length), TABLE_MAX, first, functions);
  const contents: Contents = {
    hot: variants.map((v) => [v.handler.key, v.near]),
    cold: cold.map((h) => h.key),
    imports: names,
  };
  module.customSection(CONTENTS, asciiBytes(JSON.stringify(contents)));
  return module.finish();
}
/** Handlers as functions `0`, `1`, ... of one module. */
export function generateHandlers(handlers: readonly Handler[]): { bytes: Uint8Array; imports: readonly string[] } {
  const module = new ModuleBuilder();
  const { add, names } = importer(module);
  for (const [i, h] of handlers.entries()) module.export(String(i), buildHandler(module, add, h));
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
  const all = rows.flatMap((row) => (row.semantic ? [...row.enumerate()] : []));
  return generateModule(
    variants,
    all.filter((h) => !inLoop.has(h.key)),
  );
}

/** The name of the custom section, and what is in it, as JSON. */
const CONTENTS = 'handlers';
interface Contents {
  readonly hot: readonly (readonly [key: string, near: boolean])[];
  readonly cold: readonly string[];
  readonly imports: readonly string[];
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

export class Program {
  readonly rows: readonly RowEntry[];
  readonly main: Part;
  /** The first number that is free for handlers that are added. */
  readonly firstFree: number;
  /** Numbers of the handlers in the module, by key. */
  private readonly known = new Map<string, Numbers>();
  private readonly parts = new Map<string, Part>();

  /** @param prebuilt what generateInterpreter made of the same groups; without it the loop alone is generated now */
  constructor(groups: readonly Group[], prebuilt?: Uint8Array) {
    this.rows = collectRows(groups);
    const module = new WebAssemblyHost.Module(prebuilt ?? generateModule(hotVariants(this.rows), []));
    const [section] = WebAssemblyHost.Module.customSections(module, CONTENTS);
    if (!section) throw new UsageError('the file of the prebuilt interpreter is not one: build the project again');
    const contents = JSON.parse(asciiText(new Uint8Array(section))) as Contents;
    this.main = { module, imports: contents.imports };
    let id = FIRST_HANDLER;
    for (const [key, near] of contents.hot) {
      const before = this.known.get(key);
      this.known.set(key, near ? { near: id, far: id } : { near: before?.near, far: id });
      id++;
    }
    for (const key of contents.cold) this.known.set(key, { near: undefined, far: id++ });
    this.firstFree = id;
  }

  /** Numbers of a handler that is in the module. */
  numbers(handler: Handler): Numbers | undefined {
    return this.known.get(handler.key);
  }
  /** A module that exports the function of one handler as `0`. */
  part(handler: Handler): Part {
    let part = this.parts.get(handler.key);
    if (!part) {
      const { bytes, imports } = generateHandlers([handler]);
      part = { module: new WebAssemblyHost.Module(bytes), imports };
      this.parts.set(handler.key, part);
    }
    return part;
  }
}

const programs = new Map<readonly Group[], Program>();
/** The program of some groups, made once. */
export function programOf(groups: readonly Group[], prebuilt?: Uint8Array): Program {
  let p = programs.get(groups);
  if (!p) {
    p = new Program(groups, prebuilt);
    programs.set(groups, p);
  }
  return p;
}
