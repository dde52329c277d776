// Pages that stand in memory where the low half of their address says: an address of such a page is a host address as it is.
// Compiled code then needs no TLB entry but a tag, and nothing to add. There is one place for each low half, so one address
// space at a time has them.

import { FRAME_SHIFT, FRAME_SIZE, type PhysMem } from './physmem.ts';

/** Of a tag, the last address before the page. */
const TAG_SHIFT = 3;
/** From the low half of an address to the offset of its tag: shifted, and masked. */
export const FLAT_SHIFT = FRAME_SHIFT - TAG_SHIFT;
export const FLAT_MASK = ((2 ** 32 / FRAME_SIZE - 1) << TAG_SHIFT) >>> 0;
/** Pages that have a place. */
export const PLACES = 2 ** 32 / FRAME_SIZE;
const SIZE = PLACES << TAG_SHIFT;
/** Places whose tags are cleared together, if any of them has been set. */
const GROUP = 512;
const NOBODY = 0;
/** Pages before it have no place. */
const FIRST = 2;
const NO_TAG = 4 * FRAME_SIZE;
/** Top-byte-ignore gives a page 256 names. */
export const UNTAGGED_HIGH = 0x00ff_ffff;

/** Where the page of an address stands, if it stands where the address says. */
export const flatFrame = (low: number): number => low >>> FRAME_SHIFT;

export class FlatPages {
  /** Addresses of the tags for reads, and for writes. */
  readonly tables: readonly [number, number];
  private readonly mem: PhysMem;
  private readonly touched = new Uint8Array(PLACES / GROUP);
  /** The TLB block of the address space that has them. */
  private owner = NOBODY;

  constructor(mem: PhysMem) {
    this.mem = mem;
    const read = mem.allocFixed(2 * SIZE);
    this.tables = [read, read + SIZE];
    // Where all is zero, zero would be right in the first places: they have the tag of another one.
    for (const table of this.tables) for (let p = 0; p < FIRST; p++) mem.u32[(table + (p << TAG_SHIFT)) >>> 2] = NO_TAG;
  }
  /** @returns whether nobody else has them */
  take(owner: number): boolean {
    if (this.owner !== NOBODY) return false;
    this.owner = owner;
    return true;
  }
  leave(): void {
    this.forget(0, PLACES);
    this.owner = NOBODY;
  }

  set(low: number, high: number, write: boolean): void {
    const place = flatFrame(low);
    if (place < FIRST) return;
    const at = (this.tables[write ? 1 : 0] + (place << TAG_SHIFT)) >>> 2;
    this.mem.u32[at] = (place << FRAME_SHIFT) - 1;
    this.mem.u32[at + 1] = high;
    this.touched[Math.floor(place / GROUP)] = 1;
  }
  /** The page of an address may be read or written where it stands, whatever the top byte of the address. */
  has(low: number, high: number): boolean {
    const { u32 } = this.mem;
    const offset = flatFrame(low) << TAG_SHIFT;
    const isTag = (at: number): boolean => u32[at] !== 0 && ((u32[at + 1]! ^ high) & UNTAGGED_HIGH) === 0;
    return this.tables.some((table) => isTag((table + offset) >>> 2));
  }
  /** @param count of places from the first one on, around the end */
  forget(first: number, count: number): void {
    const past = first + Math.min(count, PLACES);
    for (let at = first; at < past; ) {
      const next = Math.min(past, (Math.floor(at / GROUP) + 1) * GROUP);
      const place = at & (PLACES - 1);
      const end = place + next - at;
      if (this.touched[Math.floor(place / GROUP)] !== 0) {
        for (const table of this.tables) {
          const from = table + (Math.max(place, FIRST) << TAG_SHIFT);
          this.mem.zero(from, Math.max(from, table + (end << TAG_SHIFT)));
        }
        if (next - at === GROUP) this.touched[Math.floor(place / GROUP)] = 0;
      }
      at = next;
    }
  }
}
