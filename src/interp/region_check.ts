// What is checked where a region is entered: that what its code was made for holds. Much of it is known already where another
// region goes on in it: facts go from one to the next with the number of the entry, and where a branch leads is remembered
// together with the pages having been looked at. Only where something is not known does a region call the function here.

import { FRAME_SIZE } from '../cpu/physmem.ts';
import { FPSR_IXC, Slot, SP_CHECKED } from '../cpu/state.ts';
import { ENTRY_EXTRA, ENTRY_VALUE, FLAT, GENERATION, TlbTable } from '../cpu/tlb.ts';
import type { Code, Label } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { EntryBit, LinkEntry } from './region.ts';
import { writeFetchEntry } from './tlb_entry.ts';

/** Pages that a region may have code of. */
export const MAX_PAGES = 26;
/**
 * A cell for each region. Base and generation: for which address of its root's page, and in which generation of the TLB, its
 * pages have been found where they were; generation 0 never is. The number of its function in the table. How many accesses
 * the data TLB did not answer. Needs: facts that must hold, bits, with those of a state that is seldom.
 * FPCR and the mask of SP where that is wanted. How many pages it has, the records of each, and how many bytes each is after
 * that of the root.
 */
export const Cell = {
  base: 0, generation: 8, slot: 16, missed: 20, needs: 24, fpcr: 28, spMask: 32, count: 36,
  pages: 40, distances: 40 + 4 * MAX_PAGES, size: 256,
} as const; // biome-ignore format: a table

/**
 * Facts, as bits of the parameter with the entry. They hold from where they are found until regions are left for the
 * interpreter: what would change them is never part of a region.
 */
export const Fact = {
  /** The page that control comes to is guarded (FEAT_BTI). */
  guarded: 1 << EntryBit.guarded,
  /** Always so. */
  some: 1 << 19,
  /** The address space has the flat pages. */
  flat: 1 << 20,
  /** SP is checked: SP_MASK is the usual one. */
  sp: 1 << 21,
  /** FP and SIMD do not trap, FPCR is 0. */
  fp: 1 << 22,
  /** Nothing of the SVE registers has to be zeroed. */
  noSve: 1 << 23,
  /** FPSR.IXC is set. */
  ixc: 1 << 24,
} as const;
export const LASTING = Fact.flat | Fact.sp | Fact.fp | Fact.noSve | Fact.ixc;
/** Of a cell: FPCR and SP_MASK are to be those in it, FP and SIMD are to trap. No parameter has these bits. */
export const Need = { fpcr: 1 << 28, trapped: 1 << 29, spMask: 1 << 30 } as const;

/** Which region has refused to run, and where: the address of the page of its root, the number of the entry, that of its cell; 0: none. Where that is in the memory of the tier. */
export const Refusal = { base: 0, entry: 8, cell: 12 } as const;
export const REFUSAL = 3.5 * FRAME_SIZE;

/** Of the function that looks whether a region may run: cpu, address of the page of the root, the parameter with the entry, address of the cell. */
export const CHECK_PARAMS: readonly ValueType[] = ['i32', 'i64', 'i32', 'i32'];
/** Facts, Fact.some always; 0: the region must not run. */
export const CHECK_RESULTS: readonly ValueType[] = ['i32'];

/** The function CHECK. @param refusal see REFUSAL @param settle the function SETTLE @param links where the table of links is, if there is one */
export function writeCheck(code: Code, refusal: number, settle: number, links: number | undefined): void {
  const [cpu, base, entry, cell] = [0, 1, 2, 3];
  const [needs, tlb, facts] = [code.local('i32'), code.local('i32'), code.local('i32')];
  const refused = code.block('block');
  const needed = (bits: number): Code => code.get(needs).i32(bits).op('i32.and');
  const fact = (bit: number): void => {
    code.i32(Math.log2(bit)).op('i32.shl').get(facts).op('i32.or').set(facts);
  };
  const unequal = (need: number, slot: number, field: number): void => {
    needed(need).block('if');
    code.get(cpu).mem('i32.load', slot).get(cell).mem('i32.load', field).op('i32.ne').brIf(refused).end();
  };
  code.get(cell).mem('i32.load', Cell.needs).set(needs);
  code.get(cpu).mem('i32.load', Slot.TLB).tee(tlb).mem('i32.load', FLAT).i32(0).op('i32.ne');
  fact(Fact.flat);
  code.get(cpu).mem('i32.load', Slot.SP_MASK).i32(SP_CHECKED).op('i32.eq');
  fact(Fact.sp);
  code.get(cpu).mem('i32.load', Slot.FP_ON).i32(0).op('i32.ne').get(cpu).mem('i32.load', Slot.FPCR).op('i32.eqz');
  code.op('i32.and');
  fact(Fact.fp);
  code.get(cpu).mem('i32.load', Slot.SVE_LIVE).op('i32.eqz');
  fact(Fact.noSve);
  code.get(cpu).mem('i32.load', Slot.FPSR).i32(FPSR_IXC).op('i32.and').i32(0).op('i32.ne');
  fact(Fact.ixc);
  code.get(facts).i32(-1).op('i32.xor');
  needed(LASTING).op('i32.and').brIf(refused);
  code.get(entry).get(needs).op('i32.xor').i32(Fact.guarded).op('i32.and').brIf(refused);
  unequal(Need.spMask, Slot.SP_MASK, Cell.spMask);
  unequal(Need.fpcr, Slot.FPCR, Cell.fpcr);
  needed(Need.fpcr | Need.trapped).block('if');
  needed(Need.trapped).op('i32.eqz').get(cpu).mem('i32.load', Slot.FP_ON).op('i32.eqz').op('i32.eq').brIf(refused);
  code.end();
  writePages(code, { cpu, base, entry, cell, tlb, needs }, refused, links);
  code.get(facts).i32(Fact.some).op('i32.or').return().end();
  code.get(cpu).call(settle);
  code
    .i32(0)
    .get(base)
    .mem('i64.store', refusal + Refusal.base);
  code
    .i32(0)
    .get(entry)
    .mem('i32.store', refusal + Refusal.entry);
  code
    .i32(0)
    .get(cell)
    .mem('i32.store', refusal + Refusal.cell);
  code.i32(0);
}

type Locals = Readonly<Record<'cpu' | 'base' | 'entry' | 'cell' | 'tlb' | 'needs', number>>;
/** The pages are where they were when this was last looked at, or all of them are looked at. */
function writePages(code: Code, l: Locals, refused: Label, links: number | undefined): void {
  const { cpu, base, entry, cell, tlb, needs } = l;
  const [at, page, i, found] = [code.local('i64'), code.local('i32'), code.local('i32'), code.local('i32')];
  const known = code.block('block');
  code.get(cell).mem('i32.load', Cell.count).i32(1).op('i32.eq').brIf(known);
  if (links !== undefined) {
    code.get(cell).mem('i64.load', Cell.base).get(base).op('i64.sub');
    code.get(cell).mem('i64.load', Cell.generation).get(tlb).mem('i64.load', GENERATION).op('i64.sub');
    code.op('i64.or').op('i64.eqz').brIf(known);
  }
  const next = code.block('loop');
  code.get(cell).get(i).i32(2).op('i32.shl').op('i32.add').set(page);
  code.get(base).get(page).mem('i32.load', Cell.distances).op('i64.extend_i32_s').op('i64.add').tee(at);
  writeFetchEntry(code, () => code.get(tlb)).tee(found);
  code.mem('i64.load', TlbTable.fetch).get(at).op('i64.ne').brIf(refused);
  code
    .get(found)
    .mem('i32.load', TlbTable.fetch + ENTRY_VALUE)
    .get(page)
    .mem('i32.load', Cell.pages);
  code.op('i32.ne').brIf(refused);
  code.get(found).mem('i32.load', TlbTable.fetch + ENTRY_EXTRA);
  code.get(needs).i32(EntryBit.guarded).op('i32.shr_u').i32(1).op('i32.and').op('i32.ne').brIf(refused);
  code.get(i).i32(1).op('i32.add').tee(i).get(cell).mem('i32.load', Cell.count).op('i32.lt_u').brIf(next).end();
  if (links !== undefined) {
    code.get(cell).get(base).mem('i64.store', Cell.base);
    code.get(cell).get(tlb).mem('i64.load', GENERATION).mem('i64.store', Cell.generation);
  }
  code.end();
  if (links === undefined) return;
  // Where the branch came from need not look again.
  code
    .get(entry)
    .i32(1 << EntryBit.linked)
    .op('i32.and')
    .block('if');
  code.get(cpu).mem('i64.load', Slot.PC).tee(at);
  writeLinkEntry(code)
    .tee(found)
    .mem('i64.load', links + LinkEntry.address)
    .get(at)
    .op('i64.eq');
  code
    .get(found)
    .mem('i64.load', links + LinkEntry.generation)
    .get(tlb)
    .mem('i64.load', GENERATION)
    .op('i64.eq');
  code.op('i32.and').block('if');
  code
    .get(found)
    .get(found)
    .mem('i32.load16_u', links + LinkEntry.bits);
  code
    .i32(1 << (EntryBit.placed - EntryBit.linked))
    .op('i32.or')
    .mem('i32.store16', links + LinkEntry.bits);
  code.end().end();
}

/** Bytes of addresses of code to those of entries. */
const LINK_SHIFT = LinkEntry.shift - 2;
const LINK_MASK = (LinkEntry.count - 1) << LinkEntry.shift;

/** The address on the stack becomes the distance of its entry in the table of links. */
export function writeLinkEntry(code: Code): Code {
  return code.op('i32.wrap_i64').i32(LINK_SHIFT).op('i32.shl').i32(LINK_MASK).op('i32.and');
}
