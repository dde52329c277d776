// Generates the modules of an interpreter: one with the loop and its frequent handlers, and those of all other handlers. What
// is generated depends on the rows alone, not on a machine: engines with different features share it.

import { collectRows, type Handler, type RowEntry } from '../isa/handlers.ts';
import type { Group } from '../isa/semantics.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { buildHandler } from './cold.ts';
import { type AsideKeys, addContents, addKeys, type MainKeys } from './contents.ts';
import { USUAL } from './hot.ts';
import { hotVariants, pairsOf, type Variant, withPairs } from './hot_variants.ts';
import { HOST, importer, TABLE, TABLE_MAX } from './imports.ts';
import { buildLoop } from './loop.ts';
import { ASIDE } from './prebuilt.ts';
import { FIRST_HANDLER } from './record.ts';
import { needsFunction } from './restart.ts';

/** Entries of the table at least, before it grows. */
const TABLE_START = 1024;

/** What the code is for: memory of that kind; with `parallel`, PEs that execute at the same time. */
export interface Memory {
  readonly shared: boolean;
  readonly parallel: boolean;
}
const ALONE: Memory = { shared: false, parallel: false };

/** Handlers that are functions: those that most programs meet are in the main module, the others in modules of their own. */
interface Functions {
  readonly usual: readonly Handler[];
  readonly aside: readonly (readonly Handler[])[];
}
export const NO_FUNCTIONS: Functions = { usual: [], aside: [] };
/**
 * A module with the main loop (`run`) and the table (`handlers`), in which the usual functions follow the handlers of the loop,
 * and those of `aside` these. The modules of `aside` are custom sections; another one, before them, says which handlers there are.
 */
export function generateModule(
  variants: readonly Variant[],
  { usual, aside }: Functions,
  { shared, parallel }: Memory,
): Uint8Array {
  const module = new ModuleBuilder();
  const { add } = importer(module, shared);
  // Records of several threads are finished one by one: none is done with another.
  const pairs = parallel ? [] : pairsOf(variants);
  const all = withPairs(variants, pairs);
  // The functions first: the loop calls others of its own, whose numbers are right when everything is imported.
  const firstUsual = FIRST_HANDLER + all.length;
  module.fillTable(
    firstUsual,
    usual.map((h) => buildHandler(module, add, h, parallel)),
  );
  module.export(
    'run',
    buildLoop(module, add, all, parallel ? undefined : { first: FIRST_HANDLER + variants.length, of: pairs }),
  );
  let number = firstUsual + usual.length;
  const modules = aside.map((handlers) => {
    number += handlers.length;
    return generateAside(handlers, number - handlers.length, shared);
  });
  // Modules of others make room for theirs.
  module.table('handlers', Math.max(TABLE_START, firstUsual + usual.length), TABLE_MAX);
  const keys: MainKeys = [
    ...variants.map((v) => [v.handler.key, v.near] as const),
    ...usual.map((h) => [h.key, false] as const),
  ];
  addContents(module, {
    hot: variants.length,
    usual: usual.length,
    pairs,
    aside: aside.map((handlers, i) => [handlers.length, modules[i]!.length]),
  });
  addKeys(module, keys);
  for (const bytes of modules) module.customSection(ASIDE, bytes);
  return module.finish();
}
/** A module that puts handlers into the table of the main one, from number `first` on. */
function generateAside(handlers: readonly Handler[], first: number, shared: boolean): Uint8Array {
  const module = new ModuleBuilder();
  const { add } = importer(module, shared);
  module.importTable(HOST, TABLE);
  const functions = handlers.map((h) => buildHandler(module, add, h, false));
  module.fillTable(first, functions);
  const keys: AsideKeys = handlers.map((h) => h.key);
  addKeys(module, keys);
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
  const functionsOf = (isOne: (row: RowEntry) => boolean): Handler[] =>
    rows.flatMap((row) => (isOne(row) && row.semantic ? [...row.enumerate()] : [])).filter((h) => !inLoop.has(h.key));
  const isUsual = (row: RowEntry): boolean => USUAL.has(row.name);
  const aside = groups.map((group) => functionsOf((row) => row.group === group && !isUsual(row)));
  // Functions that stand in for handlers of the loop where these do not do everything.
  aside.push([...new Set(variants.map((v) => v.handler).filter(needsFunction))]);
  return generateModule(variants, { usual: functionsOf(isUsual), aside }, { shared: true, parallel: false });
}
