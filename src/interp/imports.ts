// What modules import: memory, the table of handlers, functions. Everything comes from one module, by name.

import type { ModuleBuilder } from '../wasm/module.ts';
import type { ValueType } from '../wasm/opcodes.ts';

/** Name of the module that imports come from, and of the memory in it. */
export const HOST = 'h';
export const MEMORY = 'memory';
/** The table of handlers, for modules that call regions. */
export const TABLE = 'table';
export const TABLE_MAX = 65536;

/** Gives the number of an imported function in the module. */
export type Import = (name: string, params: readonly ValueType[], results: readonly ValueType[]) => number;
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
