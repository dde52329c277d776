// How control comes into a region and goes on from it: what is checked where one is entered, and where branches go that
// lead out of one.

import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot, slotOffset } from '../cpu/state.ts';
import { GENERATION } from '../cpu/tlb.ts';
import { NOWHERE, writeFind } from '../interp/linker.ts';
import { LANDING_GUARDED } from '../interp/record.ts';
import { EntryBit, HookEntry, LANDS_UNGUARDED, LinkEntry, RegionExit } from '../interp/region.ts';
import { Cell, Fact, LASTING, writeLinkEntry } from '../interp/region_check.ts';
import type { Code, Label } from '../wasm/builder.ts';
import { needsOf } from './cells.ts';
import type { RegionFrame } from './frame.ts';
import { ENTRY_INDEX, PAGE_BIAS } from './places.ts';

/** Finds the page of the root. */
export function writeEntry(r: RegionFrame): void {
  const { code, base, options } = r;
  if (!options.known.flat) code.get(r.cpu).mem('i32.load', Slot.TLB).set(r.tlb);
  if (options.pages.length === 1) return;
  code.get(base);
  pageOfEntry(r).i32(FRAME_SIZE).op('i32.mul').op('i64.extend_i32_s').op('i64.sub').set(base);
}
/** Puts on the stack how many pages after the root's the region was entered in. */
function pageOfEntry({ code, entry }: RegionFrame): Code {
  return code.get(entry).i32(8).op('i32.shr_u').i32(0xff).op('i32.and').i32(PAGE_BIAS).op('i32.sub');
}

/** Puts the kind of the branch that is taken on the stack, as FIND wants it. */
function writeKind({ code, answer, options }: RegionFrame): Code {
  code.get(answer).i32(RegionExit.typeShift).op('i32.shr_u').i32(3).op('i32.and');
  return options.known.guarded ? code.i32(LANDING_GUARDED).op('i32.or') : code;
}
/**
 * If the table of links says where a branch to `pcOut` leads, `at` becomes the address of the hook there; else `unknown` is
 * gone to. @param direct nothing is asked of where it lands
 */
function writeKnown(r: RegionFrame, links: number, unknown: Label, direct: boolean): void {
  const { code, pcOut, at, options } = r;
  const entry = code.local('i32');
  code.get(pcOut);
  writeLinkEntry(code).tee(entry);
  // Differences: machines would read what is compared twice.
  code
    .mem('i64.load', links + LinkEntry.address)
    .get(pcOut)
    .op('i64.xor');
  code.get(entry).mem('i64.load', links + LinkEntry.generation);
  r.getTlb().mem('i64.load', GENERATION).op('i64.xor').op('i64.or').i64(0n).op('i64.ne').brIf(unknown);
  if (!direct) {
    code.get(entry).mem('i32.load16_u', links + LinkEntry.landings);
    if (options.known.guarded) writeKind(r);
    else code.i32(Math.log2(LANDS_UNGUARDED));
    code.op('i32.shr_u').i32(1).op('i32.and').op('i32.eqz').brIf(unknown);
  }
  code
    .get(entry)
    .i32(links + LinkEntry.hook)
    .op('i32.add')
    .set(at);
}
/** `at` becomes the address of the hook of the region that a branch to `pcOut` enters, or NOWHERE, and `nowhere` is gone to. */
function writeFound(r: RegionFrame, nowhere: Label): void {
  const { code, cpu, pcOut, at } = r;
  if (r.find !== undefined) {
    code.get(cpu).get(pcOut);
    writeKind(r).call(r.find);
  } else {
    writeKind(r).set(at);
    writeFind(code, [cpu, pcOut, at], undefined);
  }
  code.set(at).get(at).i32(NOWHERE).op('i32.eq').brIf(nowhere);
}

/** An entry that calls within the region come back to. */
export interface Return {
  readonly place: number;
  /** What is chosen to go there; how many instructions it may be to where the budget is looked at. */
  readonly choice: number;
  readonly limit: number;
}
/** A branch to an address may be the end of a call from here, or of one that brought control here. Returns may land anywhere. @param out where control leaves the region */
export function writeReturns(
  r: RegionFrame,
  returns: readonly Return[],
  choice: number,
  again: Label,
  out: Label,
): void {
  const { code, base, pcOut, answer } = r;
  const distance = code.local('i64');
  code.get(answer).i32(RegionExit.left).op('i32.eq');
  code.block('if');
  // The region that called goes on by itself.
  code.get(r.cpu).mem('i64.load', Slot.AWAITED).get(pcOut).op('i64.xor').op('i64.eqz').block('if');
  code.i32(NOWHERE).set(r.at).br(out).end();
  code.get(pcOut).get(base).op('i64.sub').set(distance);
  for (const { place, choice: number, limit } of returns) {
    code
      .get(distance)
      .i64(BigInt(place * 4))
      .op('i64.eq');
    code.block('if');
    code.get(r.left).i32(limit).op('i32.gt_s');
    code.block('if');
    code.i32(number).set(choice).br(again).end().end();
  }
  code.end();
}

/** Entries that are not far from each other. */
export interface Row {
  /** Place of the first, and how many places there are to the last and with it. */
  readonly first: number;
  readonly count: number;
  /** What chooses the first place; the others follow. */
  readonly choice: number;
  /** The most instructions that it may be from any of them to where the budget is looked at. */
  readonly limit: number;
}
/** A branch to an address may lead to one of a row of places, where nothing says which branches may land there. */
export function writeRow(r: RegionFrame, row: Row, choice: number, again: Label): void {
  const { code, base, pcOut, left, resume, options } = r;
  const place = code.local('i64');
  const unlisted = code.block('block');
  if (options.known.guarded) code.get(r.answer).i32(RegionExit.left).op('i32.ne').brIf(unlisted);
  code.get(pcOut).get(base).op('i64.sub');
  // What is not a multiple of 4 becomes large.
  code
    .i64(BigInt(row.first * 4))
    .op('i64.sub')
    .i64(2n)
    .op('i64.rotr')
    .tee(place);
  code.i64(BigInt(row.count)).op('i64.ge_u').brIf(unlisted);
  code.get(left).i32(row.limit).op('i32.le_s').brIf(unlisted);
  code.get(place).op('i32.wrap_i64').i32(row.choice).op('i32.add').set(choice);
  code.i32(0).set(resume).br(again).end();
}

/**
 * A branch to an address may lead to another entry of this region.
 * @param again where entries are chosen from, by `choice`; @param out where control leaves the region
 */
export function writeRedirect(r: RegionFrame, choice: number, again: Label, out: Label): void {
  const { code, options, at, base, pcOut } = r;
  const number = (): Code => code.get(at).mem('i32.load16_u', HookEntry.entry);
  const found = code.block('block');
  if (options.links !== undefined) {
    const unknown = code.block('block');
    writeKnown(r, options.links, unknown, false);
    code.br(found).end();
  }
  writeFound(r, out);
  code.end();
  code.get(at).mem('i32.load16_u', HookEntry.slot).i32(options.cell).mem('i32.load', Cell.slot).op('i32.ne').brIf(out);
  // The same code may be mapped elsewhere, too.
  code.get(pcOut).i64(-BigInt(FRAME_SIZE)).op('i64.and').get(base).op('i64.sub');
  number().i32(8).op('i32.shr_u').i32(PAGE_BIAS).op('i32.sub').i32(FRAME_SIZE).op('i32.mul');
  code.op('i64.extend_i32_s').op('i64.ne').brIf(out);
  code.get(r.left).get(at).mem('i32.load16_u', HookEntry.limit).op('i32.le_s').brIf(out);
  number().i32(ENTRY_INDEX).op('i32.and').i32(1).op('i32.add').set(choice);
  code.i32(0).set(at).i32(0).set(r.resume).br(again);
}

/** How deep regions call each other. */
const MOST_CALLS = 48;
/** Where control comes back to after calls out of the region. */
export interface Resumed {
  /** The most instructions that it may be from there to where the budget is looked at. */
  readonly limit: number;
  /** Goes on at `resume`. */
  readonly goOn: () => void;
}
/** Puts on the stack what the region at `at` is called with, and its number. */
function writeParams(r: RegionFrame): void {
  const { code, cpu, pcOut, at, options } = r;
  code.get(cpu).get(pcOut).i64(-BigInt(FRAME_SIZE)).op('i64.and').get(at);
  if (options.links !== undefined) code.mem('i32.load', HookEntry.entry);
  else
    code
      .mem('i32.load16_u', HookEntry.entry)
      .i32((1 << EntryBit.linked) | (options.known.guarded ? Fact.guarded : 0))
      .op('i32.or');
  code.get(r.entry).i32(LASTING).op('i32.and').op('i32.or');
  code.get(r.executed).get(at).mem('i32.load16_u', HookEntry.slot);
}
/**
 * If control is to come back, the region is called, and what it returns is returned, unless control has come back. Calls go
 * only so deep: the host's stack has an end.
 */
function writeCall(r: RegionFrame, link: number | undefined, type: number, { limit, goOn }: Resumed): void {
  const { code, cpu, left, budget } = r;
  const [calls, awaited, place] = [code.local('i32'), code.local('i64'), code.local('i64')];
  const answer = code.local('i32');
  code.get(r.resume).i32(0).op('i32.ne').get(cpu).mem('i32.load', Slot.CALLS).tee(calls);
  code.i32(MOST_CALLS).op('i32.lt_u').op('i32.and').block('if');
  code.get(cpu).mem('i64.load', Slot.AWAITED).set(awaited);
  code.get(cpu).get(cpu).mem('i64.load', slotOffset('X30')).tee(place).mem('i64.store', Slot.AWAITED);
  code.get(cpu).get(calls).i32(1).op('i32.add').mem('i32.store', Slot.CALLS);
  writeParams(r);
  if (link === undefined) code.callIndirect(type);
  else code.call(link);
  code.set(answer);
  code.get(cpu).get(awaited).mem('i64.store', Slot.AWAITED);
  code.get(cpu).get(calls).mem('i32.store', Slot.CALLS);
  const elsewhere = code.block('block');
  code.get(answer).i32(RegionExit.left).op('i32.ne').brIf(elsewhere);
  code.get(cpu).mem('i64.load', Slot.PC).get(place).op('i64.xor').i64(0n).op('i64.ne').brIf(elsewhere);
  code.get(cpu).mem('i32.load', Slot.BUDGET).tee(budget);
  code.get(cpu).mem('i32.load', Slot.EXEC).op('i32.sub').tee(left).i32(limit).op('i32.le_s').brIf(elsewhere);
  goOn();
  code.end().get(answer).return().end();
}
/** Where a branch leaves to a place that another region begins at, that one goes on. @param link calls it; undefined: this module has the table @param type of functions of regions @param resumed there are calls that control comes back from */
export function writeLink(r: RegionFrame, link: number | undefined, type: number, resumed: Resumed | undefined): void {
  const { code, cpu, base, answer, pcOut, executed, at, options } = r;
  const ends: Label = code.block('block');
  code.get(answer).i32(RegionExit.inPage).op('i32.and');
  code.block('if');
  code.get(base).get(answer).i32(RegionExit.indexShift).op('i32.shr_u');
  code.i32(2).op('i32.shl').op('i64.extend_i32_u').op('i64.add').set(pcOut);
  code.end();
  code.get(answer).i32(RegionExit.unchecked).op('i32.and').brIf(ends);
  const goes: Label = code.block('block');
  const unknown: Label = code.block('block');
  // A branch to an address has been looked up.
  const given: Label = code.block('block');
  code.get(at).brIf(given);
  if (options.links !== undefined) {
    writeKnown(r, options.links, unknown, true);
    code.br(goes);
  } else code.br(unknown);
  code.end();
  code.get(at).i32(NOWHERE).op('i32.ne').brIf(goes).br(ends).end();
  writeFound(r, ends);
  code.end();
  // Others may have the budget end.
  if (options.parallel) code.get(cpu).mem('i32.load', Slot.BUDGET).get(executed).op('i32.sub');
  else code.get(r.left);
  code.get(at).mem('i32.load16_u', HookEntry.limit).op('i32.le_s').brIf(ends);
  code.get(cpu).get(pcOut).mem('i64.store', Slot.PC);
  code.get(cpu).get(executed).mem('i32.store', Slot.EXEC);
  if (resumed) writeCall(r, link, type, resumed);
  writeParams(r);
  if (link === undefined) code.returnCallIndirect(type).end();
  else code.returnCall(link).end();
  // What the interpreter knows of the present page is of no use where it stands in another one.
  code.get(answer).i32(RegionExit.inPage).op('i32.and');
  code.block('if');
  code
    .get(r.entry)
    .i32(1 << EntryBit.linked)
    .op('i32.and');
  pageOfEntry(r).op('i32.or');
  code.block('if');
  code.get(answer).i32(RegionExit.left | RegionExit.unchecked);
  code.op('i32.and').set(answer).end().end();
}

/** Refuses where what the code was made for does not hold. What the region before does not know, CHECK looks at. */
export function writeGuard(r: RegionFrame): void {
  const { code, cpu, base, entry, options } = r;
  const needs = needsOf(options.known, r.uses);
  const placed = options.pages.length > 1 ? 1 << EntryBit.placed : 0;
  const facts = needs & (LASTING | Fact.guarded);
  if (facts === needs)
    code
      .get(entry)
      .i32(facts | placed | Fact.guarded)
      .op('i32.and')
      .i32(facts | placed)
      .op('i32.ne')
      .seldom()
      .block('if');
  else code.block('block');
  code.get(cpu).get(base).get(entry).i32(options.cell).call(r.check).get(entry).op('i32.or').tee(entry);
  code.i32(Fact.some).op('i32.and').op('i32.eqz').seldom().block('if');
  // The region that called has been left: what it says is to be said now.
  code.get(entry).i32(EntryBit.linked).op('i32.shr_u').i32(1).op('i32.and');
  code
    .i32(RegionExit.left | RegionExit.unchecked)
    .op('i32.mul')
    .return()
    .end()
    .end();
}
