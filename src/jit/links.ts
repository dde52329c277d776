// How control comes into a region and goes on from it: what is checked where one is entered, and where branches go that
// lead out of one.

import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { ENTRY_EXTRA, ENTRY_VALUE, FLAT, GENERATION, TlbTable } from '../cpu/tlb.ts';
import { FPSR_IXC } from '../interp/emit_fp.ts';
import { writeFetchEntry } from '../interp/fetch_entry.ts';
import { NOWHERE, writeFind, writeLinkEntry } from '../interp/linker.ts';
import { LANDING_GUARDED } from '../interp/record.ts';
import { EntryBit, HookEntry, LANDS_UNGUARDED, LinkEntry, RegionExit } from '../interp/region.ts';
import type { Code, Label } from '../wasm/builder.ts';
import { Refusal } from './area.ts';
import { Cell } from './cells.ts';
import type { RegionFrame } from './frame.ts';
import { ENTRY_INDEX, PAGE_BIAS } from './places.ts';

/** Finds the page of the root. */
export function writeEntry(r: RegionFrame): void {
  const { code, cpu, base, options } = r;
  code.get(cpu).mem('i32.load', Slot.TLB).set(r.tlb);
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
/** If the table of links says where a branch to `pcOut` leads, `at` becomes the address of the hook there; else `unknown` is gone to. */
function writeKnown(r: RegionFrame, links: number, unknown: Label): void {
  const { code, pcOut, at, options } = r;
  const entry = code.local('i32');
  code.get(pcOut);
  writeLinkEntry(code).tee(entry);
  code
    .mem('i64.load', links + LinkEntry.address)
    .get(pcOut)
    .op('i64.ne')
    .brIf(unknown);
  code.get(entry).mem('i64.load', links + LinkEntry.generation);
  code.get(r.tlb).mem('i64.load', GENERATION).op('i64.ne').brIf(unknown);
  code.get(entry).mem('i32.load', links + LinkEntry.landings);
  if (options.known.guarded) writeKind(r);
  else code.i32(Math.log2(LANDS_UNGUARDED));
  code.op('i32.shr_u').i32(1).op('i32.and').op('i32.eqz').brIf(unknown);
  code
    .get(entry)
    .i32(links + LinkEntry.hook)
    .op('i32.add')
    .set(at);
}
/** `at` becomes the address of the hook of the region that a branch to `pcOut` enters, or NOWHERE. */
function writeFound(r: RegionFrame): void {
  const { code, cpu, pcOut, at } = r;
  if (r.find !== undefined) {
    code.get(cpu).get(pcOut);
    writeKind(r).call(r.find);
  } else {
    writeKind(r).set(at);
    writeFind(code, [cpu, pcOut, at], undefined);
  }
  code.set(at);
}

/** An entry that calls within the region come back to. */
export interface Return {
  readonly place: number;
  /** What is chosen to go there; how many instructions it may be to where the budget is looked at. */
  readonly choice: number;
  readonly limit: number;
}
/** A branch to an address may be the end of a call from here. Returns may land anywhere. */
export function writeReturns(r: RegionFrame, returns: readonly Return[], choice: number, again: Label): void {
  if (returns.length === 0) return;
  const { code, base, pcOut, answer } = r;
  const distance = code.local('i64');
  code.get(answer).i32(RegionExit.left).op('i32.eq');
  code.block('if');
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
export function writeRow({ code, base, pcOut, left }: RegionFrame, row: Row, choice: number, again: Label): void {
  const place = code.local('i64');
  const unlisted = code.block('block');
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
  code.get(place).op('i32.wrap_i64').i32(row.choice).op('i32.add').set(choice).br(again).end();
}

/**
 * A branch to an address may lead to another entry of this region.
 * @param again where entries are chosen from, by `choice`; @param out where control leaves the region
 */
export function writeRedirect(r: RegionFrame, choice: number, again: Label, out: Label): void {
  const { code, options, at, base, pcOut } = r;
  const number = (): Code => code.get(at).mem('i32.load16_u', HookEntry.entry);
  if (options.links !== undefined) writeKnown(r, options.links, out);
  else {
    writeFound(r);
    code.get(at).i32(NOWHERE).op('i32.eq').brIf(out);
  }
  code.get(at).mem('i32.load16_u', HookEntry.slot).i32(options.cell).mem('i32.load', Cell.slot).op('i32.ne').brIf(out);
  // The same code may be mapped elsewhere, too.
  code.get(pcOut).i64(-BigInt(FRAME_SIZE)).op('i64.and').get(base).op('i64.sub');
  number().i32(8).op('i32.shr_u').i32(PAGE_BIAS).op('i32.sub').i32(FRAME_SIZE).op('i32.mul');
  code.op('i64.extend_i32_s').op('i64.ne').brIf(out);
  code.get(r.left).get(at).mem('i32.load16_u', HookEntry.limit).op('i32.le_s').brIf(out);
  number().i32(ENTRY_INDEX).op('i32.and').i32(1).op('i32.add').set(choice);
  code.i32(0).set(at).br(again);
}

/** Where a branch leaves to a place that another region begins at, that one goes on. @param link calls it; undefined: this module has the table @param type of functions of regions */
export function writeLink(r: RegionFrame, link: number | undefined, type: number): void {
  const { code, cpu, base, answer, pcOut, executed, at, options } = r;
  const guarded = options.known.guarded ? 1 : 0;
  const ends: Label = code.block('block');
  code.get(answer).i32(RegionExit.inPage).op('i32.and');
  code.block('if');
  code.get(base).get(answer).i32(RegionExit.indexShift).op('i32.shr_u');
  code.i32(2).op('i32.shl').op('i64.extend_i32_u').op('i64.add').set(pcOut);
  code.end();
  code.get(answer).i32(RegionExit.unchecked).op('i32.and').brIf(ends);
  // A branch to an address may have been looked up.
  const known = code.block('block');
  code.get(at).brIf(known);
  const unknown = code.block('block');
  if (options.links !== undefined) {
    writeKnown(r, options.links, unknown);
    code.br(known);
  }
  code.end();
  writeFound(r);
  code.end();
  code.get(at).i32(NOWHERE).op('i32.eq').brIf(ends);
  code.get(cpu).mem('i32.load', Slot.BUDGET).get(executed).op('i32.sub');
  code.get(at).mem('i32.load16_u', HookEntry.limit).op('i32.le_s').brIf(ends);
  code.get(cpu).get(pcOut).mem('i64.store', Slot.PC);
  code.get(cpu).get(executed).mem('i32.store', Slot.EXEC);
  code.get(cpu).get(pcOut).i64(-BigInt(FRAME_SIZE)).op('i64.and').get(at).mem('i32.load16_u', HookEntry.entry);
  code
    .i32((1 << EntryBit.linked) | (guarded << EntryBit.guarded))
    .op('i32.or')
    .get(executed)
    .get(at)
    .mem('i32.load16_u', HookEntry.slot);
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

/** Refuses where what the code was made for does not hold, and leaves word of it. */
export function writeGuard(r: RegionFrame): void {
  const { code, cpu, base, entry, options } = r;
  const { cell } = options;
  const all = r.everything;
  const good = code.block('block');
  const refused = code.block('block');
  const refuse = (): void => {
    code.seldom().brIf(refused);
  };
  code
    .get(r.entry)
    .i32(EntryBit.guarded)
    .op('i32.shr_u')
    .i32(options.known.guarded ? 1 : 0)
    .op('i32.ne');
  refuse();
  if (options.known.flat) {
    code.get(r.tlb).mem('i32.load', FLAT).op('i32.eqz');
    refuse();
  }
  if (all.some((one) => one.sp)) {
    code.get(cpu).mem('i32.load', Slot.SP_MASK).i32(options.known.spMask).op('i32.ne');
    refuse();
  }
  const inexact = all.some((one) => one.inexact);
  if (inexact || all.some((one) => one.fp)) {
    code.get(cpu).mem('i32.load', Slot.FPCR).i32(options.known.fpcr).op('i32.ne');
    code.get(cpu).mem('i32.load', Slot.FP_ON);
    if (options.known.fpOn) code.op('i32.eqz');
    code.op('i32.or');
    if (inexact && options.known.ixc)
      code.get(cpu).mem('i32.load', Slot.FPSR).i32(FPSR_IXC).op('i32.and').op('i32.eqz').op('i32.or');
    refuse();
  }
  if (r.homes.writesVectors && !options.known.sve) {
    code.get(cpu).mem('i32.load', Slot.SVE_LIVE);
    refuse();
  }
  writePages(r, refuse);
  code.br(good).end();
  code
    .i32(0)
    .get(base)
    .mem('i64.store', options.refusal + Refusal.base);
  code
    .i32(0)
    .get(entry)
    .mem('i32.store', options.refusal + Refusal.entry);
  code
    .i32(0)
    .i32(cell)
    .mem('i32.store', options.refusal + Refusal.cell);
  // The region that called has been left: what it says is to be said now.
  code.get(entry).i32(EntryBit.linked).op('i32.shr_u').i32(1).op('i32.and');
  code
    .i32(RegionExit.left | RegionExit.unchecked)
    .op('i32.mul')
    .return()
    .end();
}
/** The pages are where they were when this was last looked at, or all of them are looked at. */
function writePages(r: RegionFrame, refuse: () => void): void {
  const { code, base, tlb, options } = r;
  const { pages, cell, links } = options;
  if (pages.length === 1) return;
  if (links !== undefined) {
    code.i32(cell).mem('i64.load', Cell.base).get(base).op('i64.ne');
    code.i32(cell).mem('i64.load', Cell.generation).get(tlb).mem('i64.load', GENERATION).op('i64.ne').op('i32.or');
    code.seldom().block('if');
  }
  const at = code.local('i64');
  const found = code.local('i32');
  for (const [i, page] of pages.entries()) {
    code
      .get(base)
      .i64(BigInt(page * FRAME_SIZE))
      .op('i64.add')
      .tee(at);
    writeFetchEntry(code, () => code.get(tlb)).tee(found);
    code.mem('i64.load', TlbTable.fetch).get(at).op('i64.ne');
    code.get(found).mem('i32.load', TlbTable.fetch + ENTRY_VALUE);
    code
      .i32(cell)
      .mem('i32.load', Cell.pages + 4 * i)
      .op('i32.ne')
      .op('i32.or');
    code
      .get(found)
      .mem('i32.load', TlbTable.fetch + ENTRY_EXTRA)
      .i32(options.known.guarded ? 1 : 0)
      .op('i32.ne')
      .op('i32.or');
    refuse();
  }
  if (links === undefined) return;
  code.i32(cell).get(base).mem('i64.store', Cell.base);
  code.i32(cell).get(tlb).mem('i64.load', GENERATION).mem('i64.store', Cell.generation).end();
}
