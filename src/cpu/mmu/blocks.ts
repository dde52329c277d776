// Entries of tables that translate more than a page and that pages may have been cached of, so that maintenance of one
// address ends the whole entry, as in a TLB that holds it once. In pages of 4 KiB.

import { FRAME_SHIFT } from '../physmem.ts';

/** Blocks of one size remembered before everything is dropped. */
const MAX_BLOCKS = 4096;

export class Blocks {
  /** log2 of their pages -> their numbers. */
  private readonly bySize = new Map<number, Set<number>>();

  /** @param sizeBits log2 of the bytes that the entry translates. @returns false: there are too many, and none is known now */
  add(page: number, sizeBits: number): boolean {
    const bits = sizeBits - FRAME_SHIFT;
    let inside = this.bySize.get(bits);
    if (!inside) {
      inside = new Set();
      this.bySize.set(bits, inside);
    }
    const full = inside.size >= MAX_BLOCKS;
    if (full) this.clear();
    inside.add(Math.floor(page / 2 ** bits));
    return !full;
  }
  /** Forgets the blocks that reach into pages [first, end), each with a word to `drop`. */
  take(first: number, end: number, drop: (first: number, end: number) => void): void {
    for (const [bits, inside] of this.bySize) {
      const pages = 2 ** bits;
      const [from, to] = [Math.floor(first / pages), Math.floor((end - 1) / pages)];
      const takeOne = (number: number): void => {
        if (inside.delete(number)) drop(number * pages, (number + 1) * pages);
      };
      if (from === to) takeOne(from);
      else for (const number of inside) if (number >= from && number <= to) takeOne(number);
    }
  }
  clear(): void {
    for (const inside of this.bySize.values()) inside.clear();
  }
}
