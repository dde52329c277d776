// Finished records by instruction word: programs repeat themselves, and each other. What a record has to know of its place (where
// it branches to, where its operands aside are) is filled in when it is copied. All of it is one array of numbers, which can
// be kept for the next run as it is.

import type { PhysMem } from '../cpu/physmem.ts';
import type { CodePages } from './code_pages.ts';
import { POINTER_AT, RECORD_SIZE, RECORDS_PER_PAGE } from './record.ts';

const RECORD_WORDS = RECORD_SIZE / 4;
/** Words of an entry: the instruction, its record, what of that depends on its place, operands aside. */
export const Entry = { word: 0, record: 1, place: 5, aside: 6, size: 10 } as const;
const ASIDE_MAX = 4 * (Entry.size - Entry.aside);
/**
 * Of `place`: how many bytes are aside; for a branch (there is one at most) where its target lies, in the record or aside, as
 * a distance in bytes, and the handler for one within the page (0: none). And whether the program has met the word.
 */
export const Place = {
  aside: 0xff,
  at: 8,
  atMask: 0xf,
  near: 12,
  branch: 1 << 28,
  branchAside: 1 << 29,
  met: 1 << 31,
} as const;
/** Of the first word of a record: the number of its handler. */
export const NUMBER = 0xffff;
/** The first place that is looked at for a word: a product, shifted, and what of that there is room for. */
export const HASH = { factor: 0x9e3779b1 | 0, shift: 12 } as const;
/**
 * What compiled code needs to know to copy records itself (emit_known.ts): u32 address of the first entry, u32 how many there
 * is room for, less one; a byte for each number, 1 if its handler is known to be there.
 */
export const Known = { table: 0, mask: 4, there: 8, size: 8 + (1 << 16) } as const;
/** Words before the entries: what the array is, how many entries are in use. */
const Head = { magic: 0, count: 1, size: 8 } as const;
const MAGIC = 0x68772032;

/** Numbers of entries there is room for. */
const SMALLEST = 1 << 12;
const LARGEST = 1 << 16;
/** Parts of 4 of the room that are used at most. */
const FULL = 3;
/** Where a record stands. */
export interface Site {
  readonly ip: number;
  /** Its number in the page, and where the page's records begin. */
  readonly index: number;
  readonly records: number;
}
/** The target of a branch in a record. */
export interface BranchPlace {
  /** Offset in the record, or aside. */
  readonly at: number;
  readonly isAside: boolean;
  /** The handler for targets within the page. */
  readonly near: number | undefined;
}
/** What a record consists of. Its branch, if there is one, says how many bytes it is to the target. */
export interface Finished {
  /** Its handler; of a branch, that for any target. */
  readonly number: number;
  readonly branch: BranchPlace | undefined;
  /** Where its operands aside are, and how many bytes. */
  readonly aside: number;
  readonly asideSize: number;
}

/** Finishes a record where it stands. @returns the handler for it */
export function place(view: DataView, { number, branch, aside }: Finished, { ip, index, records }: Site): number {
  if (branch?.near === undefined) return number;
  const at = (branch.isAside ? aside : ip) + branch.at;
  const target = index + view.getInt32(at, true) / 4;
  if (target < 0 || target >= RECORDS_PER_PAGE) return number;
  view.setInt32(at, records + target * RECORD_SIZE, true);
  return branch.near;
}

export class Templates {
  /** Empty until they are settled. */
  private table: Uint32Array = new Uint32Array(Head.size);
  private mask = 0;
  private made = 0;
  private home: { readonly mem: PhysMem; readonly known: number } | undefined;
  private readonly own: () => Uint8Array | undefined;
  private all: (() => Uint8Array | undefined) | undefined;
  /** How many of its own the program has had to begin with. */
  private owned = 0;

  /**
   * Both were given in earlier runs of the same interpreter on a machine with the same features.
   * @param own gives what `metBytes` gave, for this program, when they are settled; it is copied
   * @param all gives what `bytes` gave: asked for when `own` does not do
   */
  constructor(own: () => Uint8Array | undefined = () => undefined, all?: () => Uint8Array | undefined) {
    this.own = own;
    this.all = all;
  }
  /** From now on they are in memory. @param known address of Known, which says where */
  settle(mem: PhysMem, known: number): void {
    this.home = { mem, known };
    const bytes = this.own();
    this.use((bytes && tableOf(bytes)) ?? emptyTable(SMALLEST));
    this.owned = this.table[Head.count]!;
  }
  private use(table: Uint32Array): void {
    this.mask = roomOf(table) - 1;
    this.table = table;
    if (!this.home) return;
    const { mem, known } = this.home;
    const at = mem.allocFixed(table.byteLength);
    this.table = mem.u32.subarray(at >>> 2, (at >>> 2) + table.length);
    this.table.set(table);
    mem.u32[(known + Known.table) >>> 2] = at + 4 * Head.size;
    mem.u32[(known + Known.mask) >>> 2] = this.mask;
  }
  /** How many records were made, where those of earlier runs did not do. */
  get added(): number {
    return this.made;
  }
  /** Numbers of the handlers that records have. */
  get numbers(): ReadonlySet<number> {
    const { table } = this;
    const numbers = new Set<number>();
    for (let at: number = Head.size; at < table.length; at += Entry.size) {
      if (table[at] === 0) continue;
      numbers.add(table[at + Entry.record]! & NUMBER);
      numbers.add((table[at + Entry.place]! >>> Place.near) & NUMBER);
    }
    return numbers;
  }
  /** What all programs have met, if it is more than there was. */
  bytes(): Uint8Array | undefined {
    if (this.made === 0) return undefined;
    const table = this.table.slice();
    for (let at = Head.size + Entry.place; at < table.length; at += Entry.size) table[at]! &= ~Place.met;
    return bytesOf(table);
  }
  /** What this one has met, now and before, if it is more than there was. */
  metBytes(): Uint8Array | undefined {
    if (this.all) return undefined;
    const { table } = this;
    const met: number[] = [];
    for (let at: number = Head.size; at < table.length; at += Entry.size)
      if (table[at + Entry.place]! & Place.met) met.push(at);
    if (met.length <= this.owned) return undefined;
    let room = SMALLEST;
    while (met.length * 4 > room * FULL) room *= 2;
    const own = emptyTable(room);
    for (const at of met) own.set(table.subarray(at, at + Entry.size), find(own, table[at]!));
    own[Head.count] = met.length;
    return bytesOf(own);
  }

  /**
   * Writes the record of a word.
   * @returns the number of its handler, or 0 if the word is not known
   */
  copyTo(mem: PhysMem, pages: CodePages, word: number, site: Site): number {
    if (word === 0) return 0;
    let at = this.find(word);
    if (this.table[at] !== word && this.all) {
      this.fetchAll(this.all);
      at = this.find(word);
    }
    const { table } = this;
    if (table[at] !== word) return 0;
    const { u32, view } = mem;
    const to = site.ip >>> 2;
    const first = table[at + Entry.record]!;
    const what = table[at + Entry.place]! & ~Place.met;
    table[at + Entry.place] = what | Place.met;
    // The word with the handler last: others may be on their way here.
    for (let i = RECORD_WORDS - 1; i > 0; i--) u32[to + i] = table[at + Entry.record + i]!;
    if (what === 0) {
      u32[to] = first;
      return first & NUMBER;
    }
    const asideSize = what & Place.aside;
    let aside = 0;
    if (asideSize > 0) {
      aside = pages.allocAside(site.records, asideSize);
      u32[(site.ip + POINTER_AT) >>> 2] = aside;
      for (let i = 0; 4 * i < asideSize; i++) u32[(aside >>> 2) + i] = table[at + Entry.aside + i]!;
    }
    const branch =
      what & Place.branch
        ? {
            at: (what >>> Place.at) & Place.atMask,
            isAside: (what & Place.branchAside) !== 0,
            near: (what >>> Place.near) & NUMBER || undefined,
          }
        : undefined;
    // The target may lie in the word with the handler.
    u32[to] = first & ~NUMBER;
    const number = place(view, { number: first & NUMBER, branch, aside, asideSize }, site);
    u32[to] = (u32[to]! & ~NUMBER) | number;
    return number;
  }
  /** Remembers the record at `ip`, before it is placed. */
  keep({ u32 }: PhysMem, word: number, ip: number, { number, branch, aside, asideSize }: Finished): void {
    if (word === 0 || asideSize > ASIDE_MAX) return;
    if (this.isFull()) this.makeRoom();
    const { table } = this;
    const at = this.find(word);
    if (table[at] !== word) table[Head.count]!++;
    this.made++;
    table[at] = word;
    table.set(u32.subarray(ip >>> 2, (ip >>> 2) + RECORD_WORDS), at + Entry.record);
    table[at + Entry.record] = (table[at + Entry.record]! & ~NUMBER) | number;
    table[at + Entry.place] =
      Place.met |
      asideSize |
      (branch ? Place.branch | (branch.at << Place.at) | ((branch.near ?? 0) << Place.near) : 0) |
      (branch?.isAside ? Place.branchAside : 0);
    table.set(u32.subarray(aside >>> 2, (aside + asideSize + 3) >>> 2), at + Entry.aside);
  }

  private find(word: number): number {
    return find(this.table, word, this.mask);
  }
  /** What other programs have met from now on, too. */
  private fetchAll(all: () => Uint8Array | undefined): void {
    this.all = undefined;
    const bytes = all();
    const table = bytes && tableOf(bytes);
    if (!table) return;
    const own = this.table;
    this.use(table);
    for (let from: number = Head.size; from < own.length; from += Entry.size) {
      const word = own[from]!;
      if (word === 0) continue;
      const at = this.find(word);
      if (this.table[at] === word) this.table[at + Entry.place]! |= Place.met;
      else if (!this.isFull()) {
        this.table.set(own.subarray(from, from + Entry.size), at);
        this.table[Head.count]!++;
      }
    }
  }
  private isFull(): boolean {
    return this.table[Head.count]! * 4 >= roomOf(this.table) * FULL;
  }
  /** When there are too many, all are forgotten: programs differ. */
  private makeRoom(): void {
    const { table } = this;
    const room = roomOf(table);
    if (room === LARGEST) {
      this.table.fill(0, Head.count);
      return;
    }
    this.use(emptyTable(2 * room));
    for (let at = Head.size; at < table.length; at += Entry.size)
      if (table[at] !== 0) this.table.set(table.subarray(at, at + Entry.size), this.find(table[at]!));
    this.table[Head.count] = table[Head.count]!;
  }
}

/** Where the entry of a word is, or would be. */
function find(table: Uint32Array, word: number, mask = roomOf(table) - 1): number {
  for (let i = Math.imul(word, HASH.factor) >>> HASH.shift; ; i++) {
    const at = Head.size + (i & mask) * Entry.size;
    const there = table[at]!;
    if (there === word || there === 0) return at;
  }
}
function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
function roomOf(table: Uint32Array): number {
  return (table.length - Head.size) / Entry.size;
}
function emptyTable(room: number): Uint32Array {
  const table = new Uint32Array(Head.size + room * Entry.size);
  table[Head.magic] = MAGIC;
  return table;
}
/** @returns undefined for bytes that are not such a table */
function tableOf(kept: Uint8Array): Uint32Array | undefined {
  const bytes = kept.byteOffset % 4 === 0 ? kept : kept.slice();
  const table = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const room = roomOf(table);
  const isTable = bytes.length % 4 === 0 && table[Head.magic] === MAGIC && room >= SMALLEST && room <= LARGEST;
  return isTable && (room & (room - 1)) === 0 && table[Head.count]! * 4 <= room * FULL ? table : undefined;
}
