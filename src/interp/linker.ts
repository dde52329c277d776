// How a region goes on in another one, or calls it: one function for all regions finds out where a branch leads and enters
// the region there; another one looks whether that may run (region_check.ts). Regions themselves do not import the table of
// functions: V8 before Node 24 keeps every instance that does as long as the table, and for each of them a copy of it;
// regions come and go.

import { type WasmModule, WebAssemblyHost } from '../base/webassembly.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { ENTRY_EXTRA, ENTRY_VALUE, GENERATION, TlbTable } from '../cpu/tlb.ts';
import type { Code, Label } from '../wasm/builder.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { HOST, MEMORY, TABLE } from './imports.ts';
import { writeSettle } from './late_flags.ts';
import { EndRecord, LANDING_GUARDED, LANDINGS, RECORD_SIZE, RECORDS_PER_PAGE, Special } from './record.ts';
import {
  EntryBit,
  HookEntry,
  isRegionImport,
  LinkEntry,
  MOST_WAIT,
  REGION_PARAMS,
  REGION_RESULTS,
  RegionExit,
  RegionImport,
} from './region.ts';
import { CHECK_PARAMS, CHECK_RESULTS, REFUSAL, writeCheck, writeLinkEntry } from './region_check.ts';
import { writeFetchEntry, writeFetchMisses } from './tlb_entry.ts';

/**
 * Of the function that enters a region: cpu; address; how: type of the branch, LANDING_GUARDED if it stands in a guarded page,
 * facts that hold (region_check.ts), how many regions wait; instructions executed; what the region returns to.
 */
export const GO_PARAMS: readonly ValueType[] = ['i32', 'i64', 'i32', 'i32', 'i64'];
/** Bits of `how` that are about the branch. */
const BRANCH_MASK = 7;
const TYPE_MASK = 3;

/** Of the one that finds a region: cpu, address, the lowest bits of `how` as above. */
export const FIND_PARAMS: readonly ValueType[] = ['i32', 'i64', 'i32'];
/** Address of the hook, or of a copy of it, of the region that a branch enters; or NOWHERE. */
export const FIND_RESULTS: readonly ValueType[] = ['i32'];
export const NOWHERE = 1;

/** Of the one that puts the flags together: cpu */
export const SETTLE_PARAMS: readonly ValueType[] = ['i32'];

/** Types that may land where the page is not guarded, and bits of the others. */
const UNGUARDED = (1 << LANDING_GUARDED) - 1;
const GUARDED = UNGUARDED << LANDING_GUARDED;

type Locals = readonly [cpu: number, address: number, kind: number];
/** Asks the table of links, which stands at `links`: the address of a hook on the stack, or `unknown` is gone to. */
function writeKnown(code: Code, [cpu, address, kind]: Locals, links: number, unknown: Label): void {
  const entry = code.local('i32');
  code.get(address);
  writeLinkEntry(code).tee(entry);
  // Differences: machines would read what is compared twice.
  code
    .mem('i64.load', links + LinkEntry.address)
    .get(address)
    .op('i64.xor');
  code.get(entry).mem('i64.load', links + LinkEntry.generation);
  code.get(cpu).mem('i32.load', Slot.TLB).mem('i64.load', GENERATION);
  code.op('i64.xor').op('i64.or').i64(0n).op('i64.ne').brIf(unknown);
  code
    .get(entry)
    .mem('i32.load16_u', links + LinkEntry.landings)
    .get(kind);
  code.op('i32.shr_u').i32(1).op('i32.and').op('i32.eqz').brIf(unknown);
  code
    .get(entry)
    .i32(links + LinkEntry.hook)
    .op('i32.add');
}
/** The function FIND. @param seek looks without the table of links */
function writeFind(code: Code, links: number, seek: number): void {
  const [cpu, address, kind] = [0, 1, 2];
  const unknown = code.block('block');
  writeKnown(code, [cpu, address, kind], links, unknown);
  code.return().end();
  code.get(cpu).get(address).get(kind).returnCall(seek);
}
/** Does what FIND does where the table of links does not know, and tells it. @param links where that is; undefined: there is none */
function writeSeek(code: Code, links: number | undefined): void {
  const [cpu, address, kind] = [0, 1, 2];
  const [entry, records, index, hook, landings] = Array.from({ length: 5 }, () => code.local('i32')) as [
    number,
    number,
    number,
    number,
    number,
  ];
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
  code.i32(UNGUARDED).set(landings).get(kind).i32(LANDING_GUARDED).op('i32.and');
  code.block('if');
  code.get(index).get(records).op('i32.add').mem('i32.load8_u', LANDINGS);
  code
    .i32(1 << LANDING_GUARDED)
    .op('i32.or')
    .i32(GUARDED)
    .op('i32.and')
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
    code.get(entry);
    writeLinked(code, kind).mem('i32.store16', links + LinkEntry.bits);
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
  code.get(hook).return().end();
  code.i32(NOWHERE);
}
/** Puts bits of EntryBit on the stack that are known of a branch, from the one of `linked` on. */
function writeLinked(code: Code, kind: number): Code {
  code.get(kind).i32(LANDING_GUARDED).op('i32.and');
  code.i32(Math.log2(LANDING_GUARDED) - (EntryBit.guarded - EntryBit.linked)).op('i32.shr_u');
  return code.i32(1).op('i32.or');
}

/** Parameters of GO, and of what does it where GO does not know the way. */
const [CPU, ADDRESS, HOW, EXECUTED, AWAITED] = [0, 1, 2, 3, 4];
const getKind = (code: Code): Code => code.get(HOW).i32(BRANCH_MASK).op('i32.and');

/** Enters the region of a hook, unless the budget might end in it: `ends` is gone to then. @param type of functions of regions */
function writeEnter(code: Code, hook: number, kind: number, type: number, linked: boolean, ends: Label): void {
  code.get(CPU).mem('i32.load', Slot.BUDGET).get(EXECUTED).op('i32.sub');
  code.get(hook).mem('i32.load16_u', HookEntry.limit).op('i32.le_s').brIf(ends);
  code.get(CPU).get(ADDRESS).i64(-BigInt(FRAME_SIZE)).op('i64.and').get(hook);
  if (linked) code.mem('i32.load', HookEntry.entry);
  else {
    code.mem('i32.load16_u', HookEntry.entry);
    writeLinked(code, kind).i32(EntryBit.linked).op('i32.shl').op('i32.or');
  }
  code.get(HOW).get(kind).op('i32.xor').op('i32.or').get(EXECUTED).get(AWAITED);
  code.get(hook).mem('i32.load16_u', HookEntry.slot).returnCallIndirect(type);
}
/** The function GO: nothing but the usual way, which needs no frame. @param look, stay functions for others */
function writeGo(code: Code, type: number, look: number, stay: number, links: number | undefined): void {
  const [kind, hook] = [code.local('i32'), code.local('i32')];
  code.get(CPU).get(ADDRESS).mem('i64.store', Slot.PC);
  const ends = code.block('block');
  code
    .get(HOW)
    .i32(MOST_WAIT << EntryBit.waiting)
    .op('i32.ge_u')
    .brIf(ends);
  const unknown = code.block('block');
  if (links !== undefined) {
    getKind(code).set(kind);
    writeKnown(code, [CPU, ADDRESS, kind], links, unknown);
    code.set(hook);
    writeEnter(code, hook, kind, type, true, ends);
  }
  code.end();
  for (const parameter of [CPU, ADDRESS, HOW, EXECUTED, AWAITED]) code.get(parameter);
  code.returnCall(look).end();
  code.get(CPU).get(HOW).get(EXECUTED).returnCall(stay);
}
/** Does what GO does where the table of links does not know. */
function writeLook(code: Code, type: number, seek: number, stay: number, linked: boolean): void {
  const [kind, hook] = [code.local('i32'), code.local('i32')];
  const ends = code.block('block');
  getKind(code).set(kind);
  code.get(CPU).get(ADDRESS).get(kind).call(seek).tee(hook).i32(NOWHERE).op('i32.eq').brIf(ends);
  writeEnter(code, hook, kind, type, linked, ends);
  code.end();
  code.get(CPU).get(HOW).get(EXECUTED).returnCall(stay);
}
/** cpu, `how` of GO, instructions executed. */
const STAY_PARAMS: readonly ValueType[] = ['i32', 'i32', 'i32'];
/** There is no region: the interpreter is told what it is told by one. */
function writeStay(code: Code, settle: number): void {
  const [cpu, how, executed] = [0, 1, 2];
  code.get(cpu).call(settle);
  code.get(how).i32(TYPE_MASK).op('i32.and').i32(RegionExit.typeShift).op('i32.shl');
  code.i32(RegionExit.left).op('i32.or').get(executed);
}

/** A module with all of these. @param links where the table of links is @param area where the memory of the tier is @param shared the kind of memory */
function linkerModule(links: number | undefined, area: number, shared: boolean): WasmModule {
  const module = new ModuleBuilder();
  module.importMemory(HOST, MEMORY, 16, 65536, shared);
  module.importTable(HOST, TABLE);
  const type = module.type(REGION_PARAMS, REGION_RESULTS);
  const add = (
    name: string,
    params: readonly ValueType[],
    results: readonly ValueType[],
    write: (code: Code) => void,
  ): number => {
    const func = module.function(params, results, write);
    if (isRegionImport(name)) module.export(name, func);
    return module.indexOf(func);
  };
  const { settle: SETTLE, find: FIND, go: GO, check: CHECK } = RegionImport;
  const settle = add(SETTLE, SETTLE_PARAMS, [], (code) => writeSettle(code, 0));
  const seek = add(links === undefined ? FIND : 'seek', FIND_PARAMS, FIND_RESULTS, (code) => writeSeek(code, links));
  if (links !== undefined) add(FIND, FIND_PARAMS, FIND_RESULTS, (code) => writeFind(code, links, seek));
  const stay = add('stay', STAY_PARAMS, REGION_RESULTS, (code) => writeStay(code, settle));
  const look = add('look', GO_PARAMS, REGION_RESULTS, (code) => writeLook(code, type, seek, stay, links !== undefined));
  add(GO, GO_PARAMS, REGION_RESULTS, (code) => writeGo(code, type, look, stay, links));
  add(CHECK, CHECK_PARAMS, CHECK_RESULTS, (code) => writeCheck(code, area + REFUSAL, settle, links));
  return new WebAssemblyHost.Module(module.finish());
}

/** What regions import to get to each other: it enters functions of a table, so each thread with a table has its own. */
export class Linker {
  readonly module: WasmModule;
  private exports: Readonly<Record<string, unknown>> | undefined;

  /** @param links, area, shared as above */
  constructor(links: number | undefined, area: number, shared: boolean) {
    this.module = linkerModule(links, area, shared);
  }
  /** @param imports memory and table */
  functionFor(name: keyof typeof RegionImport, imports: Record<string, unknown>): unknown {
    this.exports ??= new WebAssemblyHost.Instance(this.module, { [HOST]: imports }).exports;
    return this.exports[name];
  }
}
