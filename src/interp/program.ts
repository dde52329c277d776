// The generated WebAssembly: the main loop with its frequent handlers, and single handlers as modules of their own.
// What is generated depends on the rows alone, not on a machine: engines with different features share it.

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
function importer(module: ModuleBuilder): { readonly add: Import; readonly names: string[] } {
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
/** All handlers of the table, branching ones twice. */
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

/** The main loop as a module's bytes. @param variants in the order of their numbers */
export function generateLoop(variants: readonly Variant[]): { bytes: Uint8Array; imports: readonly string[] } {
  const module = new ModuleBuilder();
  const { add, names } = importer(module);
  const run = buildLoop(module, add, variants);
  module.export('run', run);
  module.table('handlers', TABLE_START, TABLE_MAX, 0, []);
  return { bytes: module.finish(), imports: names };
}

/** Handlers as functions `0`, `1`, ... of one module. */
export function generateHandlers(handlers: readonly Handler[]): { bytes: Uint8Array; imports: readonly string[] } {
  const module = new ModuleBuilder();
  const { add, names } = importer(module);
  for (const [i, h] of handlers.entries()) module.export(String(i), buildHandler(module, add, h));
  return { bytes: module.finish(), imports: names };
}

export class Program {
  readonly rows: readonly RowEntry[];
  readonly main: Part;
  /** Numbers of the handlers in the loop, by key. */
  readonly numbers = new Map<string, Numbers>();
  /** The first number that is free for handlers outside the loop. */
  readonly firstCold: number;
  private readonly parts = new Map<string, Part>();

  constructor(groups: readonly Group[]) {
    this.rows = collectRows(groups);
    const variants = hotVariants(this.rows);
    const { bytes, imports } = generateLoop(variants);
    this.main = { module: new WebAssemblyHost.Module(bytes), imports };
    for (const [i, { handler, near }] of variants.entries()) {
      const id = FIRST_HANDLER + i;
      const known = this.numbers.get(handler.key);
      this.numbers.set(handler.key, near ? { near: id, far: id } : { near: known?.near, far: id });
    }
    this.firstCold = FIRST_HANDLER + variants.length;
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
export function programOf(groups: readonly Group[]): Program {
  let p = programs.get(groups);
  if (!p) {
    p = new Program(groups);
    programs.set(groups, p);
  }
  return p;
}
