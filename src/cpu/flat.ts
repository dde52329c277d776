// Pages that stand in memory where the low half of their address says: an address of such a page is a host address as it is.
// Compiled code then needs no TLB entry but a tag, and nothing to add. There is one place for each low half, so one address
// space at a time has them.

import { FRAME_SHIFT, FRAME_SIZE, type PhysMem } from './physmem.ts';

/** Of a tag: the address of the page, as in an entry of the TLB; 0: none. */
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
/** Top-byte-ignore gives a page 256 names. */
export const UNTAGGED_HIGH = 0x00ff_ffff;

/** Where the page of an address stands, if it stands where the address says. The first place is never a page's. */
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
    // No tag is right in place 0 where all is zero: it has that of another place.
    for (const table of this.tables) mem.u32[table >>> 2] = FRAME_SIZE;
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
    const at = (this.tables[write ? 1 : 0] + (place << TAG_SHIFT)) >>> 2;
    this.mem.u32[at] = place << FRAME_SHIFT;
    this.mem.u32[at + 1] = high;
    this.touched[Math.floor(place / GROUP)] = 1;
  }
  /** The page of an address may be read, or written, where it stands, whatever the top byte of the address. */
  has(low: number, high: number, write: boolean): boolean {
    const place = flatFrame(low);
    const at = (this.tables[write ? 1 : 0] + (place << TAG_SHIFT)) >>> 2;
    return this.mem.u32[at] !== 0 && ((this.mem.u32[at + 1]! ^ high) & UNTAGGED_HIGH) === 0;
  }
  /** @param count of places from the first one on, around the end */
  forget(first: number, count: number): void {
    const end = first + Math.min(count, PLACES);
    for (let from = first; from < end; ) {
      const to = Math.min(end, (Math.floor(from / GROUP) + 1) * GROUP);
      const place = from & (PLACES - 1);
      if (this.touched[Math.floor(place / GROUP)] !== 0) {
        for (const table of this.tables) {
          const at = (table + (place << TAG_SHIFT)) >>> 2;
          this.mem.u32.fill(0, at + (place === 0 ? 1 : 0), at + 2 * (to - from));
        }
        if (to - from === GROUP) this.touched[Math.floor(place / GROUP)] = 0;
      }
      from = to;
    }
  }
}
