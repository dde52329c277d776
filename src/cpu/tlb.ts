// The software TLB in linear memory: compiled code probes it, this file fills and clears it. One block for each address
// space: tables for reads, writes and instruction fetch, direct mapped by page number. Knows no page tables.

import { highHalf, lowHalf } from '../base/bits.ts';
import type { Tlb, Translator } from './engine.ts';
import { type FlatPages, flatFrame, PLACES, UNTAGGED_HIGH } from './flat.ts';
import { FRAME_SHIFT, FRAME_SIZE, type PhysMem } from './physmem.ts';

/** Bytes of an entry: u64 page address, i32 what to add to the low half of an address, u32 of the engine's. */
export const ENTRY_SIZE = 16;
export const ENTRY_VALUE = 8;
export const ENTRY_EXTRA = 12;
/** Entries of each of the data tables and of the fetch table: powers of two. */
export const DATA_ENTRIES = 4096;
export const FETCH_ENTRIES = 512;
/** Offsets of the tables in the block. */
export const TlbTable = {
  read: 0,
  write: DATA_ENTRIES * ENTRY_SIZE,
  fetch: 2 * DATA_ENTRIES * ENTRY_SIZE,
} as const;
export type TableName = keyof typeof TlbTable;
/** After the tables: a u64 that no block ever had before, whenever something that was known of code may not hold any more. */
export const GENERATION = TlbTable.fetch + FETCH_ENTRIES * ENTRY_SIZE;
let generations = 0;
/** After that: a u32, 1 if the block's address space has the flat pages (flat.ts). */
export const FLAT = GENERATION + 8;
const SIZE = GENERATION + 16;
/** Entries filled in since everything was forgotten, up to which they are forgotten one by one. */
const FEW_FILLED = 128;
const ENTRIES = GENERATION / ENTRY_SIZE;
/** Of an entry that was filled in without one. */
const NO_TAG = -1;
/** Tags are counted by their low bits: a few that no entry has are told apart from others without looking at all entries. */
const TAG_COUNTS = 4096;
/** Up to so many tags are looked up in the counts. */
const FEW_TAGS = 64;

/** Of the low half of an address. */
const PAGE = ~(FRAME_SIZE - 1);
const TABLES = ['read', 'write', 'fetch'] as const;

/** The same as TlbTable[table]: look-ups by ever other names are slow. */
const offsetOf = (table: TableName): number =>
  table === 'read' ? TlbTable.read : table === 'write' ? TlbTable.write : TlbTable.fetch;
const entriesOf = (table: TableName): number => (table === 'fetch' ? FETCH_ENTRIES : DATA_ENTRIES);
/** The low half is enough: tables have far fewer entries than it has pages. */
const indexOf = (low: number, entries: number): number => (low >>> FRAME_SHIFT) & (entries - 1);

/** What SoftTlb.fill() put into the entry at an address: value and extra. */
export const valueIn = (mem: PhysMem, entry: number): number => mem.u32[(entry + ENTRY_VALUE) >>> 2]!;
export const extraIn = (mem: PhysMem, entry: number): number => mem.u32[(entry + ENTRY_EXTRA) >>> 2]!;

/** Pages that a range has a part of. */
const pagesIn = (start: bigint, end: bigint): number =>
  Math.ceil((Number(end - start) + (lowHalf(start) & ~PAGE)) / FRAME_SIZE);

export class SoftTlb implements Tlb {
  readonly base: number;
  readonly translator: Translator;
  private readonly mem: PhysMem;
  /** Entries filled in since the last full flush, the first few by number. */
  private filled = 0;
  private readonly fills = new Uint16Array(FEW_FILLED);
  /** Called before something is forgotten: whoever executes by this block must stand still. */
  private readonly beforeLoss: (base: number) => void;
  /** What the translator knows each entry's page by, and how many entries there are for each; made when it first says so. */
  private tags: Float64Array | undefined;
  private tagCounts: Uint32Array | undefined;
  private readonly flat: FlatPages | undefined;
  private isFlat = false;

  constructor(
    mem: PhysMem,
    translator: Translator,
    beforeLoss: (base: number) => void = () => {},
    flat: FlatPages | undefined = undefined,
  ) {
    this.mem = mem;
    this.flat = flat;
    this.beforeLoss = beforeLoss;
    this.translator = translator;
    this.base = mem.allocFixed(SIZE);
    this.seal();
  }

  /** Number of the entry for the page of an address. */
  private entry(table: TableName, low: number): number {
    return offsetOf(table) / ENTRY_SIZE + indexOf(low, entriesOf(table));
  }
  /** @param value for data: host address of the page minus the low half of `va`'s page; for fetch: the engine's own */
  fill(table: TableName, va: bigint, value: number, extra = 0, tag = NO_TAG): void {
    const low = lowHalf(va);
    const number = this.entry(table, low);
    if (tag !== NO_TAG && !this.tags) {
      this.tags = new Float64Array(ENTRIES).fill(NO_TAG);
      this.tagCounts = new Uint32Array(TAG_COUNTS);
    }
    if (this.tags) this.setTag(this.tags, this.tagCounts!, number, tag);
    const at = this.base + number * ENTRY_SIZE;
    this.mem.u32[at >>> 2] = low & PAGE;
    this.mem.u32[(at >>> 2) + 1] = highHalf(va);
    this.mem.i32[(at + ENTRY_VALUE) >>> 2] = value;
    this.mem.i32[(at + ENTRY_EXTRA) >>> 2] = extra;
    if (table === 'fetch') this.renew();
    if (this.filled < FEW_FILLED) this.fills[this.filled] = number;
    this.filled++;
  }
  private setTag(tags: Float64Array, tagCounts: Uint32Array, number: number, tag: number): void {
    const before = tags[number]!;
    if (before === tag) return;
    if (before !== NO_TAG) tagCounts[before & (TAG_COUNTS - 1)]!--;
    if (tag !== NO_TAG) tagCounts[tag & (TAG_COUNTS - 1)]!++;
    tags[number] = tag;
  }
  /** Some entry may have a tag in the range. */
  private mayHaveTag(tagCounts: Uint32Array, first: number, end: number): boolean {
    if (end - first > FEW_TAGS) return true;
    for (let tag = first; tag < end; tag++) if (tagCounts[tag & (TAG_COUNTS - 1)] !== 0) return true;
    return false;
  }
  fillData(table: 'read' | 'write', va: bigint, frame: number, tag?: number): void {
    const low = lowHalf(va);
    this.fill(table, va, (frame * FRAME_SIZE - (low & PAGE)) | 0, 0, tag);
    if (this.isFlat && frame === flatFrame(low)) this.flat!.set(low, highHalf(va), table === 'write');
  }

  /** The pages of the address space that stand where their addresses say are entered among the flat ones, too. */
  takeFlat(): boolean {
    if (!this.flat?.take(this.base)) return false;
    this.setFlat(true);
    return true;
  }
  leaveFlat(): void {
    if (!this.isFlat) return;
    this.beforeLoss(this.base);
    this.setFlat(false);
    this.flat!.leave();
  }
  private setFlat(is: boolean): void {
    this.isFlat = is;
    this.mem.u32[(this.base + FLAT) >>> 2] = is ? 1 : 0;
    this.renew();
  }
  private forgetFlat(first: number, count: number): void {
    this.beforeLoss(this.base);
    this.flat!.forget(first, count);
  }

  /** What fill() put there for the page of `va`, if it is still there: value and extra. */
  find(table: TableName, va: bigint): readonly [number, number] | undefined {
    const entry = this.entryOf(table, lowHalf(va), highHalf(va));
    return entry === 0 ? undefined : [valueIn(this.mem, entry), extraIn(this.mem, entry)];
  }
  /** Everything that fill() put into a table and that is still there: page, value and extra. */
  *all(table: TableName): Generator<readonly [va: bigint, value: number, extra: number]> {
    const { mem, base } = this;
    for (let i = 0; i < entriesOf(table); i++) {
      const va = mem.view.getBigUint64(base + offsetOf(table) + i * ENTRY_SIZE, true);
      const found = lowHalf(va) & ~PAGE ? undefined : this.find(table, va);
      if (found && indexOf(lowHalf(va), entriesOf(table)) === i) yield [va, ...found];
    }
  }
  /** Address of the entry for the page of an address, given by its halves; 0: there is none. */
  entryOf(table: TableName, low: number, high: number): number {
    const at = this.base + this.entry(table, low) * ENTRY_SIZE;
    const { u32 } = this.mem;
    return u32[at >>> 2] === (low & PAGE) >>> 0 && u32[(at >>> 2) + 1] === high ? at : 0;
  }

  flush(start?: bigint, end?: bigint): void {
    if (this.filled === 0 && !this.isFlat) return;
    if (start === undefined || end === undefined || end - start >= BigInt(FETCH_ENTRIES * FRAME_SIZE)) {
      if (this.filled > FEW_FILLED) this.clear();
      else for (let i = 0; i < this.filled; i++) this.invalidate(this.base + this.fills[i]! * ENTRY_SIZE);
      this.filled = 0;
      if (!this.isFlat) return;
      if (start === undefined || end === undefined) this.forgetFlat(0, PLACES);
      else this.forgetFlat(flatFrame(lowHalf(start)), pagesIn(start, end));
      return;
    }
    let lo = lowHalf(start);
    let hi = highHalf(start);
    for (let left = pagesIn(start, end); left > 0; left--) {
      this.flushPage(lo, hi);
      lo = (lo + FRAME_SIZE) >>> 0;
      if (lo < FRAME_SIZE) hi++;
    }
  }
  private clear(): void {
    this.beforeLoss(this.base);
    this.mem.zero(this.base, this.base + GENERATION);
    this.seal();
  }
  /** All is zero. Such an entry cannot match, for its tag belongs to index 0: only there it must be made not to. */
  private seal(): void {
    for (const table of TABLES) this.invalidate(this.base + TlbTable[table]);
  }
  flushPage(low: number, high: number): void {
    if (this.isFlat && this.flat!.has(low, high)) this.forgetFlat(flatFrame(low), 1);
    if (this.filled === 0) return;
    const { base } = this;
    const page = low >>> FRAME_SHIFT;
    const data = base + (page & (DATA_ENTRIES - 1)) * ENTRY_SIZE;
    const lo = (page << FRAME_SHIFT) >>> 0;
    this.drop(data + TlbTable.read, lo, high);
    this.drop(data + TlbTable.write, lo, high);
    this.drop(base + TlbTable.fetch + (page & (FETCH_ENTRIES - 1)) * ENTRY_SIZE, lo, high);
  }
  private drop(at: number, lo: number, high: number): void {
    const { u32 } = this.mem;
    if (u32[at >>> 2] === lo && ((u32[(at >>> 2) + 1]! ^ high) & UNTAGGED_HIGH) === 0) this.invalidate(at);
  }
  flushTagged(first: number, end: number, writesOnly: boolean): void {
    const { tags, tagCounts } = this;
    if (this.filled === 0 || !tags || !tagCounts || !this.mayHaveTag(tagCounts, first, end)) return;
    const from = writesOnly ? TlbTable.write / ENTRY_SIZE : 0;
    const to = writesOnly ? from + DATA_ENTRIES : ENTRIES;
    for (let i = from; i < to; i++) {
      const tag = tags[i]!;
      if (tag < first || tag >= end) continue;
      this.setTag(tags, tagCounts, i, NO_TAG);
      this.invalidate(this.base + i * ENTRY_SIZE);
    }
  }
  /** Forgets where code was found. */
  flushFetch(): void {
    const at = this.base + TlbTable.fetch;
    this.beforeLoss(this.base);
    this.mem.zero(at, at + FETCH_ENTRIES * ENTRY_SIZE);
    this.invalidate(at);
  }
  /** Makes an entry match no address. */
  private invalidate(at: number): void {
    this.beforeLoss(this.base);
    const index = (at - this.base) / ENTRY_SIZE;
    // A tag of another index never matches here.
    this.mem.u32[at >>> 2] = ((index & 1) ^ 1) << FRAME_SHIFT;
    this.mem.u32[(at >>> 2) + 1] = 0;
    if (at >= this.base + TlbTable.fetch) this.renew();
  }
  /** Whoever has found something out about code by this block, and by what is decoded, must find it out again. */
  renew(): void {
    const at = (this.base + GENERATION) >>> 2;
    generations++;
    this.mem.u32[at] = generations >>> 0;
    this.mem.u32[at + 1] = Math.floor(generations / 2 ** 32);
  }
}
