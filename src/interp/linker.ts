// How a region goes on in another one: through the one instance that has the table. V8 before Node 24 keeps every instance
// that imports a table as long as the table, and for each of them a copy of it; regions come and go.

import { WebAssemblyHost } from '../base/webassembly.ts';
import { ModuleBuilder } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { HOST, TABLE } from './program.ts';
import { REGION_PARAMS, REGION_RESULTS } from './region.ts';

/** Name of the import. */
export const LINK = 'link';
/** Those of a region, and its number in the table. */
export const LINK_PARAMS: readonly ValueType[] = [...REGION_PARAMS, 'i32'];

/** @param imports memory and table */
export function makeLinker(imports: Record<string, unknown>): unknown {
  const module = new ModuleBuilder();
  module.importTable(HOST, TABLE);
  const type = module.type(REGION_PARAMS, REGION_RESULTS);
  module.export(
    LINK,
    module.function(LINK_PARAMS, REGION_RESULTS, (code) => {
      LINK_PARAMS.forEach((_, i) => {
        code.get(i);
      });
      code.returnCallIndirect(type);
    }),
  );
  const made = new WebAssemblyHost.Module(module.finish());
  return new WebAssemblyHost.Instance(made, { [HOST]: imports }).exports[LINK];
}
