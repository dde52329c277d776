// A region as a WebAssembly function: registers in locals, control flow structured, one way out. Places are counted in
// instructions from the beginning of the page that the root lies in; `base` is the address of that page, so the code does
// not depend on where it is mapped. Here is what stands around the blocks (blocks.ts): how control comes to one of them, from
// outside and back from calls, and how it goes on.

import { Slot } from '../cpu/state.ts';
import { type Import, type ImportRow, importer } from '../interp/imports.ts';
import { LINK, LINK_PARAMS } from '../interp/linker.ts';
import { REGION_PARAMS, REGION_RESULTS } from '../interp/region.ts';
import type { Code } from '../wasm/builder.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { Blocks } from './blocks.ts';
import { Kind } from './flags.ts';
import { RegionFrame, type RegionOptions } from './frame.ts';
import type { Graph } from './graph.ts';
import { writeEntry, writeGuard, writeLink, writeRedirect, writeReturns, writeRow } from './links.ts';
import { Outs } from './outs.ts';
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

/** Writes the function. @param type of functions of regions */
function writeRegion(
  code: Code,
  type: number,
  imports: Import,
  graph: Graph,
  options: RegionOptions,
): Omit<BuiltRegion, 'func'> {
  const peeled = peel(graph);
  const r = new RegionFrame(code, imports, options, peeled.blocks.values());
  const blocks = new Blocks(r, imports, peeled, graph.entries);
  const { structure, plan } = blocks;
  const { choice } = structure;
  const { cpu, entry, flags, pcOut } = r;
  writeEntry(r);
  writeGuard(r);
  r.tally('entered');
  // Executed so far, taken away here and added there.
  r.tally('inside', () => code.i64(0n).get(r.executed).op('i64.extend_i32_u').op('i64.sub'));
  code.get(cpu).mem('i32.load', Slot.BUDGET).tee(r.budget).get(r.executed).op('i32.sub').set(r.left);
  code.get(entry).i32(ENTRY_INDEX).op('i32.and').i32(1).op('i32.add').set(choice);
  const { inside, outside, row } = plan.comebacks;
  // A loop of its own: what is done where control leaves must not weigh on the one around the code.
  const resumes = outside.length > 0 ? code.block('loop') : undefined;
  const outs = new Outs(code, flags, plan.kinds);
  const again = code.block('loop');
  const choices = row && structure.row(row.ids, code.block('block'));
  blocks.write(outs, code.block('block'));
  code.end();
  if (row) {
    writeRow(r, { ...row, choice: choices! }, choice, again);
    code.end();
  }
  const out = outs.label(plan.kinds);
  if (r.everything.some((one) => one.flow === 'indirect')) {
    const returns = inside.map(({ id, ...entry }) => ({ ...entry, choice: structure.number(id) }));
    writeReturns(r, returns, choice, again, out);
  }
  writeRedirect(r, choice, again, out);
  code.br(out).end().unreachable();
  outs.end();
  code.get(r.budget).get(r.left).op('i32.sub').set(r.executed);
  r.tally('inside', () => code.get(r.executed).op('i64.extend_i32_u'));
  const link = options.linked ? undefined : imports(LINK, LINK_PARAMS, REGION_RESULTS);
  const resumed = resumes && {
    limit: Math.max(...outside.map((entry) => entry.limit)),
    goOn: () => {
      r.tally('inside', () => code.i64(0n).get(cpu).mem('i32.load', Slot.EXEC).op('i64.extend_i32_u').op('i64.sub'));
      code.get(r.resume).set(choice).i32(Kind.Mem).set(flags.kind);
      code.i32(0).set(r.resume).i32(0).set(r.at).br(resumes);
    },
  };
  writeLink(r, link, type, resumed);
  code.get(cpu).get(pcOut).mem('i64.store', Slot.PC);
  code.get(cpu).get(r.executed).mem('i32.store', Slot.EXEC);
  code.get(r.answer);
  if (resumes) code.return().end().unreachable();
  return { limits: plan.limits(), uses: r.uses };
}

/** Makes imports of regions. What has been imported before has the same number in all modules, and so has the type of regions. */
export function regionImporter(module: ModuleBuilder, parallel: boolean, rows: ImportRow[]) {
  module.type(REGION_PARAMS, REGION_RESULTS);
  return importer(module, parallel, rows);
}

/** Adds the function of a region to a module. */
export function buildRegion(module: ModuleBuilder, imports: Import, graph: Graph, options: RegionOptions): BuiltRegion {
  const type = module.type(REGION_PARAMS, REGION_RESULTS);
  let written!: ReturnType<typeof writeRegion>;
  const func = module.function(REGION_PARAMS, REGION_RESULTS, (code) => {
    written = writeRegion(code, type, imports, graph, options);
  });
  return { func, ...written };
}
