// A region as a WebAssembly function: registers in locals, control flow structured, one way out. Places are counted in
// instructions from the beginning of the page that the root lies in; `base` is the address of that page, so the code does
// not depend on where it is mapped. Here is what stands around the blocks (blocks.ts): how control comes to one of them, from
// outside and back from calls, and how it goes on.

import { Slot } from '../cpu/state.ts';
import { type Import, type ImportRow, importer } from '../interp/imports.ts';
import { REGION_PARAMS, REGION_RESULTS } from '../interp/region.ts';
import type { Code } from '../wasm/builder.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { Blocks } from './blocks.ts';
import { RegionFrame, type RegionOptions } from './frame.ts';
import type { Graph } from './graph.ts';
import { writeEntry, writeGuard, writeOut, writeRedirect, writeReturned, writeReturns, writeRow } from './links.ts';
import { peel } from './peel.ts';
import { ENTRY_INDEX } from './places.ts';
import type { Uses } from './regions.ts';

export interface BuiltRegion {
  /** Number of the function in the module. */
  readonly func: number;
  /** For each entry of the graph, how many instructions it may be to where the budget is looked at. */
  readonly limits: readonly number[];
  readonly uses: Uses;
}

/** Writes the function. */
function writeRegion(code: Code, imports: Import, graph: Graph, options: RegionOptions): Omit<BuiltRegion, 'func'> {
  const peeled = peel(graph);
  const r = new RegionFrame(code, imports, options, peeled.blocks.values());
  const blocks = new Blocks(r, imports, peeled, graph.entries);
  const { structure, plan } = blocks;
  const { choice } = structure;
  const { cpu, entry, flags } = r;
  writeEntry(r);
  writeGuard(r);
  r.tally('entered');
  // Executed so far, taken away here and added there.
  r.tally('inside', () => code.i64(0n).get(r.executed).op('i64.extend_i32_u').op('i64.sub'));
  code.get(cpu).mem('i32.load', Slot.BUDGET).tee(r.budget).get(r.executed).op('i32.sub').set(r.left);
  code.get(entry).i32(ENTRY_INDEX).op('i32.and').i32(1).op('i32.add').set(choice);
  const { inside, row, moreReturns, jumps } = plan.comebacks;
  const out = code.block('block');
  const returned = code.block('block');
  const again = code.block('loop');
  const choices = row && structure.row(row.ids, code.block('block'));
  blocks.write({ out, returned, redirect: code.block('block') });
  code.end();
  if (row) {
    writeRow(r, { ...row, choice: choices! }, choice, again);
    code.end();
  }
  if (r.everything.some((one) => one.flow === 'indirect')) {
    const returns = inside.map(({ id, ...entry }) => ({ ...entry, choice: structure.number(id) }));
    writeReturns(r, returns, choice, again, moreReturns ? undefined : out);
    if (moreReturns || jumps) writeRedirect(r, choice, again, out);
  }
  code.br(out).end().unreachable().end();
  flags.possible = plan.kinds;
  writeReturned(r, out);
  code.end();
  flags.possible = plan.kinds;
  writeOut(r);
  return { limits: plan.limits(), uses: r.uses };
}

/** Makes imports of regions. What has been imported before has the same number in all modules, and so has the type of regions. */
export function regionImporter(module: ModuleBuilder, parallel: boolean, rows: ImportRow[]) {
  module.type(REGION_PARAMS, REGION_RESULTS);
  return importer(module, parallel, rows);
}

/** Adds the function of a region to a module. */
export function buildRegion(module: ModuleBuilder, imports: Import, graph: Graph, options: RegionOptions): BuiltRegion {
  let written!: ReturnType<typeof writeRegion>;
  const func = module.function(REGION_PARAMS, REGION_RESULTS, (code) => {
    written = writeRegion(code, imports, graph, options);
  });
  return { func, ...written };
}
