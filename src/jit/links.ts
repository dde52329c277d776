// How control comes into a region and goes on from it: what is checked where one is entered, and where branches go that
// lead out of one.

import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { NOWHERE } from '../interp/linker.ts';
import { LANDING_GUARDED } from '../interp/record.ts';
import { EntryBit, HookEntry, ONE_WAITS, RegionExit, WAITING } from '../interp/region.ts';
import { Cell, Fact, LASTING } from '../interp/region_check.ts';
import type { Code, Label } from '../wasm/builder.ts';
import { Miss } from './area.ts';
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
/** Puts on the stack what GO and the next region are told of this one. */
const writeFacts = ({ code, entry }: RegionFrame): Code =>
  code
    .get(entry)
    .i32(LASTING | WAITING)
    .op('i32.and');
/** Puts the number of instructions executed on the stack. */
export const writeExecuted = ({ code, budget, left }: RegionFrame): Code => code.get(budget).get(left).op('i32.sub');

/** An entry that calls within the region come back to. */
export interface Return {
  readonly place: number;
  /** What is chosen to go there; how many instructions it may be to where the budget is looked at. */
  readonly choice: number;
  readonly limit: number;
}
/** A branch to an address may be the end of a call from here. Returns may land anywhere. @param otherwise where others go; undefined: on */
export function writeReturns(
  r: RegionFrame,
  returns: readonly Return[],
  choice: number,
  again: Label,
  otherwise: Label | undefined,
): void {
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
  if (otherwise) code.br(otherwise);
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
  const { code, base, pcOut, left, options } = r;
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
  code.get(place).op('i32.wrap_i64').i32(row.choice).op('i32.add').set(choice).br(again).end();
}

/**
 * A branch to an address may lead to another entry of this region.
 * @param again where entries are chosen from, by `choice`; @param out where control leaves the region
 */
export function writeRedirect(r: RegionFrame, choice: number, again: Label, out: Label): void {
  const { code, options, cpu, base, pcOut } = r;
  const at = code.local('i32');
  const number = (): Code => code.get(at).mem('i32.load16_u', HookEntry.entry);
  code.get(cpu).get(pcOut);
  writeKind(r).call(r.find).tee(at).i32(NOWHERE).op('i32.eq').brIf(out);
  code.get(at).mem('i32.load16_u', HookEntry.slot).i32(options.cell).mem('i32.load', Cell.slot).op('i32.ne').brIf(out);
  // The same code may be mapped elsewhere, too.
  code.get(pcOut).i64(-BigInt(FRAME_SIZE)).op('i64.and').get(base).op('i64.sub');
  number().i32(8).op('i32.shr_u').i32(PAGE_BIAS).op('i32.sub').i32(FRAME_SIZE).op('i32.mul');
  code.op('i64.extend_i32_s').op('i64.ne').brIf(out);
  code.get(r.left).get(at).mem('i32.load16_u', HookEntry.limit).op('i32.le_s').brIf(out);
  number().i32(ENTRY_INDEX).op('i32.and').i32(1).op('i32.add').set(choice).br(again);
}

/**
 * Calls the region that a branch leads to, to `pcOut`. Where it comes back, the next code goes on, with the flags and all
 * registers in the CPU state; else this region is left, too.
 * @param type of the branch @param back where it comes back to, in bytes from the page of the root
 */
export function writeCall(r: RegionFrame, type: number, back: number): void {
  const { code, cpu, base, pcOut, options } = r;
  const [answer, executed] = [code.local('i32'), code.local('i32')];
  r.tally('inside', () => writeExecuted(r).op('i64.extend_i32_u'));
  code.get(cpu).get(pcOut);
  writeFacts(r)
    .i32(ONE_WAITS | type | (options.known.guarded ? LANDING_GUARDED : 0))
    .op('i32.add');
  writeExecuted(r).get(base).i64(BigInt(back)).op('i64.add').call(r.go).set(executed).tee(answer);
  code
    .i32(RegionExit.left | RegionExit.returned)
    .op('i32.ne')
    .seldom()
    .block('if');
  code.get(answer).get(executed).return().end();
  code.get(cpu).mem('i32.load', Slot.BUDGET).tee(r.budget).get(executed).op('i32.sub').set(r.left);
  r.tally('inside', () => code.i64(0n).get(executed).op('i64.extend_i32_u').op('i64.sub'));
}
/** Control comes back to the region that called, unless none did: `out` is gone to then. */
export function writeReturned(r: RegionFrame, out: Label): void {
  const { code, entry } = r;
  code.i32(RegionExit.left).set(r.answer);
  code.get(entry).i32(ONE_WAITS).op('i32.lt_u').seldom().brIf(out);
  r.flags.spill();
  r.tally('inside', () => writeExecuted(r).op('i64.extend_i32_u'));
  code.i32(RegionExit.left | RegionExit.returned);
  writeExecuted(r).return();
}
/** Control leaves for where `answer` says: where a branch leads to that another region begins at, that one goes on. */
export function writeOut(r: RegionFrame): void {
  const { code, cpu, base, answer, pcOut, executed } = r;
  r.flags.spill();
  writeExecuted(r).set(executed);
  r.tally('inside', () => code.get(executed).op('i64.extend_i32_u'));
  const ends = code.block('block');
  code.get(answer).i32(RegionExit.inPage).op('i32.and');
  code.block('if');
  code.get(base).get(answer).i32(RegionExit.indexShift).op('i32.shr_u');
  code.i32(2).op('i32.shl').op('i64.extend_i32_u').op('i64.add').set(pcOut);
  code.end();
  if (r.mayMiss) writeMissed(r);
  code.get(answer).i32(RegionExit.unchecked).op('i32.and').brIf(ends);
  code.get(cpu).get(pcOut);
  writeFacts(r);
  writeKind(r).op('i32.or').get(executed).get(r.awaited).returnCall(r.go).end();
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
  code.get(cpu).get(pcOut).mem('i64.store', Slot.PC);
  code.get(cpu).call(r.settle).get(answer).get(executed);
}

/** Notes that the data TLB did not answer for the access at `pcOut`, if so. */
function writeMissed({ code, options, answer, pcOut, base, executed }: RegionFrame): void {
  const count = code.local('i32');
  code.get(answer).i32(RegionExit.missed).op('i32.and').block('if');
  code.get(answer).i32(RegionExit.missed).op('i32.xor').set(answer);
  code.i32(options.cell).i32(options.cell).mem('i32.load', Cell.missed).tee(count);
  code.i32(1).op('i32.add').mem('i32.store', Cell.missed);
  code
    .get(count)
    .i32(Miss.count - 1)
    .op('i32.and')
    .i32(Miss.size)
    .op('i32.mul')
    .tee(count);
  code
    .get(pcOut)
    .get(base)
    .op('i64.sub')
    .mem('i64.store32', options.misses + Miss.distance);
  code
    .get(count)
    .i32(options.cell)
    .mem('i32.store', options.misses + Miss.cell);
  code
    .get(count)
    .get(executed)
    .mem('i32.store', options.misses + Miss.executed)
    .end();
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
    .get(r.executed)
    .return()
    .end()
    .end();
}
