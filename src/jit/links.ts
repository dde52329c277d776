// How control comes into a region and goes on from it: what is checked where one is entered, and where branches go that
// lead out of one.

import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { ENTRY_EXTRA, ENTRY_SIZE, ENTRY_VALUE, FETCH_ENTRIES, TlbTable } from '../cpu/tlb.ts';
import { FPSR_IXC } from '../interp/emit_fp.ts';
import { EndRecord, LANDING_GUARDED, LANDINGS, RECORD_SIZE, RECORDS_PER_PAGE, Special } from '../interp/record.ts';
import { EntryBit, HookEntry, RegionExit } from '../interp/region.ts';
import type { Code, Label } from '../wasm/builder.ts';
import { pageOf, type RegionFrame } from './frame.ts';

/** The hook says in the upper byte which page the entry lies in, counted from 128 before the root's. */
const PAGE_BIAS = 128;
export const entryNumber = (index: number, place: number): number => index | ((pageOf(place) + PAGE_BIAS) << 8);
/** Which of the entries, from an entry number. */
export const ENTRY_INDEX = 0xff;

const FETCH_TAG = ~BigInt(FRAME_SIZE - 4);
const FETCH_INDEX_SHIFT = BigInt(Math.log2(FRAME_SIZE / ENTRY_SIZE));

/** The address on the stack becomes that of its entry in the TLB for code. @param tlb puts the address of the TLB there */
function writeFetchEntry(code: Code, tlb: () => Code): Code {
  code.i64(FETCH_INDEX_SHIFT).op('i64.shr_u').op('i32.wrap_i64');
  code.i32((FETCH_ENTRIES - 1) * ENTRY_SIZE).op('i32.and');
  return tlb().op('i32.add');
}

/** Finds the page of the root. */
export function writeEntry(r: RegionFrame): void {
  const { code, entry, base } = r;
  const page = (): Code => code.get(entry).i32(8).op('i32.shr_u').i32(0xff).op('i32.and').i32(PAGE_BIAS).op('i32.sub');
  page();
  code
    .get(entry)
    .i32(1 << EntryBit.linked)
    .op('i32.and')
    .op('i32.or')
    .set(r.elsewhere);
  if (r.options.records.size === 1) return;
  code.get(base);
  page().i32(FRAME_SIZE).op('i32.mul').op('i64.extend_i32_s').op('i64.sub').set(base);
}

/**
 * A branch to an address may lead to another entry of this region.
 * @param again where entries are chosen from, by `choice`; @param out where control leaves the region
 */
export function writeRedirect(r: RegionFrame, choice: number, again: Label, out: Label): void {
  const { code, options } = r;
  const at = code.local('i32');
  const offset = (): Code => code.get(r.pcOut).get(r.base).op('i64.sub');
  offset().i64(BigInt(FRAME_SIZE)).op('i64.ge_u').brIf(out);
  offset().op('i32.wrap_i64').tee(at).i32(3).op('i32.and').brIf(out);
  code.get(at).i32(2).op('i32.shl').mem('i32.load16_u', options.records.get(0)!);
  code.i32(Special.Region).op('i32.ne').brIf(out);
  unlessAllowed(r, out, () => code.get(at).i32(2).op('i32.shr_u'), options.records.get(0)!);
  code
    .get(at)
    .i32(1)
    .op('i32.shl')
    .tee(at)
    .mem('i32.load16_u', options.hooks + HookEntry.slot);
  code.i32(options.slot).op('i32.ne').brIf(out);
  code.get(r.left);
  code
    .get(at)
    .mem('i32.load16_u', options.hooks + HookEntry.limit)
    .op('i32.le_s')
    .brIf(out);
  code
    .get(at)
    .mem('i32.load8_u', options.hooks + HookEntry.entry)
    .i32(1)
    .op('i32.add')
    .set(choice)
    .br(again);
}

/**
 * Whether an indirect branch may land in a guarded page is for the interpreter to say, the first time.
 * @param index puts the number of the place in its page on the stack; @param records of the page, if index has not added them
 */
function unlessAllowed(r: RegionFrame, label: Label, index: () => Code, records = 0): void {
  if (!r.options.known.guarded) return;
  const { code, answer } = r;
  // Branches of no type are always allowed.
  index()
    .mem('i32.load8_u', records + LANDINGS)
    .i32(1 << LANDING_GUARDED)
    .op('i32.or');
  code.get(answer).i32(RegionExit.typeShift).op('i32.shr_u').i32(3).op('i32.and').i32(LANDING_GUARDED).op('i32.or');
  code.op('i32.shr_u').i32(1).op('i32.and').op('i32.eqz').brIf(label);
}

/** Where a branch leaves to a place that another region begins at, that one goes on. @param link calls it; undefined: this module has the table @param type of functions of regions */
export function writeLink(r: RegionFrame, link: number | undefined, type: number): void {
  const { code, cpu, base, answer, pcOut, executed, options } = r;
  const [record, hook] = [code.local('i32'), code.local('i32')];
  const guarded = options.known.guarded ? 1 : 0;
  const page = code.local('i64');
  const index = (): Code => code.get(answer).i32(RegionExit.indexShift).op('i32.shr_u');
  const ends: Label = code.block('block');
  code.get(answer).i32(RegionExit.inPage).op('i32.and');
  code.block('if');
  code.get(base).set(page).get(base);
  index().i32(2).op('i32.shl').op('i64.extend_i32_u').op('i64.add').set(pcOut);
  code.i32(options.records.get(0)!);
  index().i32(4).op('i32.shl').op('i32.add').set(record).i32(options.hooks);
  index().i32(HookEntry.shift).op('i32.shl').op('i32.add').set(hook);
  // What the interpreter knows of the present page is of no use where it stands in another one.
  code.get(r.elsewhere);
  code.block('if');
  code
    .get(answer)
    .i32(RegionExit.left | RegionExit.unchecked)
    .op('i32.and')
    .set(answer)
    .end();
  code.get(answer).i32(RegionExit.unchecked).op('i32.and').brIf(ends).else();
  code.get(answer).i32(RegionExit.unchecked).op('i32.and').brIf(ends);
  code.get(pcOut);
  writeFetchEntry(code, () => code.get(r.tlb)).tee(hook);
  code.mem('i64.load', TlbTable.fetch).get(pcOut).i64(FETCH_TAG).op('i64.and').tee(page).op('i64.ne').brIf(ends);
  code
    .get(hook)
    .mem('i32.load', TlbTable.fetch + ENTRY_EXTRA)
    .i32(guarded)
    .op('i32.ne')
    .brIf(ends);
  code
    .get(hook)
    .mem('i32.load', TlbTable.fetch + ENTRY_VALUE)
    .tee(record);
  code.mem('i32.load', RECORDS_PER_PAGE * RECORD_SIZE + EndRecord.hooks);
  const offset = (): Code =>
    code
      .get(pcOut)
      .op('i32.wrap_i64')
      .i32(FRAME_SIZE - 4)
      .op('i32.and');
  offset().i32(1).op('i32.shl').op('i32.add').set(hook);
  unlessAllowed(r, ends, () => offset().i32(2).op('i32.shr_u').get(record).op('i32.add'));
  code.get(record);
  offset().i32(2).op('i32.shl').op('i32.add').set(record).end();
  code.get(record).mem('i32.load16_u').i32(Special.Region).op('i32.ne').brIf(ends);
  code.get(cpu).mem('i32.load', Slot.BUDGET).get(executed).op('i32.sub');
  code.get(hook).mem('i32.load16_u', HookEntry.limit).op('i32.le_s').brIf(ends);
  code.get(cpu).get(pcOut).mem('i64.store', Slot.PC);
  code.get(cpu).get(executed).mem('i32.store', Slot.EXEC);
  code.get(cpu).get(page).get(hook).mem('i32.load16_u', HookEntry.entry);
  code
    .i32((1 << EntryBit.linked) | (guarded << EntryBit.guarded))
    .op('i32.or')
    .get(executed)
    .get(hook)
    .mem('i32.load16_u', HookEntry.slot);
  if (link === undefined) code.returnCallIndirect(type).end();
  else code.returnCall(link).end();
}

/** Refuses where what the code was made for does not hold. */
export function writeGuard(r: RegionFrame): void {
  const { code, cpu, options } = r;
  const refuse = (): void => {
    code.block('if');
    // The region that called has been left: what it says is to be said now.
    code.get(r.entry).i32(EntryBit.linked).op('i32.shr_u').i32(1).op('i32.and');
    code
      .i32(RegionExit.left | RegionExit.unchecked)
      .op('i32.mul')
      .return()
      .end();
  };
  code
    .get(r.entry)
    .i32(EntryBit.guarded)
    .op('i32.shr_u')
    .i32(options.known.guarded ? 1 : 0)
    .op('i32.ne');
  refuse();
  const all = r.everything;
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
  const pages = [...options.records];
  if (pages.length === 1) return;
  const at = code.local('i64');
  const found = code.local('i32');
  for (const [page, records] of pages) {
    code
      .get(r.base)
      .i64(BigInt(page * FRAME_SIZE))
      .op('i64.add')
      .tee(at);
    writeFetchEntry(code, () => code.get(cpu).mem('i32.load', Slot.TLB)).tee(found);
    code.mem('i64.load', TlbTable.fetch).get(at).op('i64.ne');
    code
      .get(found)
      .mem('i32.load', TlbTable.fetch + ENTRY_VALUE)
      .i32(records)
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
}
