// How a region goes on in another one. Where a branch leads is found by one function for all regions, and another one looks
// whether a region may run (region_check.ts). On V8 before Node 24 they call each other through the one instance that has the
// table: it keeps every instance that imports a table as long as the table, and for each of them a copy of it; regions come
// and go.

import { WebAssemblyHost } from '../base/webassembly.ts';
import { Slot } from '../cpu/state.ts';
import { ENTRY_EXTRA, ENTRY_VALUE, GENERATION, TlbTable } from '../cpu/tlb.ts';
import type { Code } from '../wasm/builder.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { writeFetchEntry, writeFetchMisses } from './fetch_entry.ts';
import { HOST, MEMORY, TABLE } from './imports.ts';
import { EndRecord, LANDING_GUARDED, LANDINGS, RECORD_SIZE, RECORDS_PER_PAGE, Special } from './record.ts';
import { EntryBit, HookEntry, LANDS_UNGUARDED, LinkEntry, REGION_PARAMS, REGION_RESULTS } from './region.ts';
import { CHECK, CHECK_PARAMS, CHECK_RESULTS, REFUSAL, writeCheck, writeLinkEntry } from './region_check.ts';

/** Name of the import that calls a region. */
export const LINK = 'link';
/** Parameters of a region, and its number in the table. */
export const LINK_PARAMS: readonly ValueType[] = [...REGION_PARAMS, 'i32'];

/** Name of the import that finds a region. */
export const FIND = 'find';
/** cpu, address, type of the branch and LANDING_GUARDED if it stands in a guarded page. */
export const FIND_PARAMS: readonly ValueType[] = ['i32', 'i64', 'i32'];
export type FindLocals = readonly [cpu: number, address: number, kind: number];
/** Address of the hook, or of a copy of it, of the region that a branch enters; or NOWHERE. */
export const FIND_RESULTS: readonly ValueType[] = ['i32'];
export const NOWHERE = 1;

/**
 * Does what FIND does.
 * @param at locals with its parameters
 * @param links where the table of links is, which is told what is found
 */
export function writeFind(code: Code, [cpu, address, kind]: FindLocals, links: number | undefined): void {
  const [entry, records, index, hook, landings] = Array.from({ length: 5 }, () => code.local('i32')) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const found = code.block('block', 'i32');
  const nowhere = code.block('block');
  code.get(address);
  writeFetchEntry(code, () => code.get(cpu).mem('i32.load', Slot.TLB)).tee(entry);
  writeFetchMisses(code, address).brIf(nowhere);
  code.get(entry).mem('i32.load', TlbTable.fetch + ENTRY_EXTRA);
  code.get(kind).i32(Math.log2(LANDING_GUARDED)).op('i32.shr_u').op('i32.ne').brIf(nowhere);
  code
    .get(entry)
    .mem('i32.load', TlbTable.fetch + ENTRY_VALUE)
    .set(records);
  code
    .get(address)
    .op('i32.wrap_i64')
    .i32(2)
    .op('i32.shr_u')
    .i32(RECORDS_PER_PAGE - 1)
    .op('i32.and')
    .set(index);
  code.get(index).i32(Math.log2(RECORD_SIZE)).op('i32.shl').get(records).op('i32.add').mem('i32.load16_u');
  code.i32(Special.Region).op('i32.ne').brIf(nowhere);
  // Whether an indirect branch may land in a guarded page is for the interpreter to say, the first time.
  code.i32(LANDS_UNGUARDED).set(landings).get(kind).i32(LANDING_GUARDED).op('i32.and');
  code.block('if');
  code.get(index).get(records).op('i32.add').mem('i32.load8_u', LANDINGS);
  code
    .i32(1 << LANDING_GUARDED)
    .op('i32.or')
    .tee(landings);
  code.get(kind).op('i32.shr_u').i32(1).op('i32.and').op('i32.eqz').brIf(nowhere).end();
  code.get(records).mem('i32.load', RECORDS_PER_PAGE * RECORD_SIZE + EndRecord.hooks);
  code.get(index).i32(HookEntry.shift).op('i32.shl').op('i32.add').set(hook);
  if (links !== undefined) {
    code.get(address);
    writeLinkEntry(code).set(entry);
    code
      .get(entry)
      .get(address)
      .mem('i64.store', links + LinkEntry.address);
    code.get(entry).get(cpu).mem('i32.load', Slot.TLB).mem('i64.load', GENERATION);
    code.mem('i64.store', links + LinkEntry.generation);
    code
      .get(entry)
      .get(hook)
      .mem('i64.load')
      .mem('i64.store', links + LinkEntry.hook);
    code
      .get(entry)
      .get(kind)
      .i32(Math.log2(LANDING_GUARDED) - (EntryBit.guarded - EntryBit.linked))
      .op('i32.shr_u');
    code
      .i32(1)
      .op('i32.or')
      .mem('i32.store16', links + LinkEntry.bits);
    code
      .get(entry)
      .get(landings)
      .mem('i32.store16', links + LinkEntry.landings);
    code
      .get(entry)
      .i32(links + LinkEntry.hook)
      .op('i32.add')
      .set(hook);
  }
  code.get(hook).br(found).end();
  code.i32(NOWHERE).end();
}

/** @param imports memory and table @param links where the table of links is @param area where the memory of the tier is @param shared the kind of memory */
export function makeLinker(
  imports: Record<string, unknown>,
  links: number | undefined,
  area: number,
  shared: boolean,
): Record<string, unknown> {
  const module = new ModuleBuilder();
  module.importMemory(HOST, MEMORY, 16, 65536, shared);
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
  module.export(
    FIND,
    module.function(FIND_PARAMS, FIND_RESULTS, (code) => writeFind(code, [0, 1, 2], links)),
  );
  module.export(
    CHECK,
    module.function(CHECK_PARAMS, CHECK_RESULTS, (code) => writeCheck(code, area + REFUSAL, links)),
  );
  const made = new WebAssemblyHost.Module(module.finish());
  return new WebAssemblyHost.Instance(made, { [HOST]: imports }).exports;
}
