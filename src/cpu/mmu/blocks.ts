// Entries of tables that translate more than a page and that pages may have been cached of, so that maintenance of one
// address ends the whole entry, as in a TLB that holds it once. In pages of 4 KiB.

import { FRAME_SHIFT } from '../physmem.ts';

/** Blocks of one size remembered before everything is dropped. */
const MAX_BLOCKS = 4096;

export class Blocks {
  private readonly sizes: { readonly bits: number; readonly pages: number; readonly inside: Set<number> }[] = [];

  /** @param sizeBits log2 of the bytes that the entry translates. @returns false: there are too many, and none is known now */
  add(page: number, sizeBits: number): boolean {
    const bits = sizeBits - FRAME_SHIFT;
    let size = this.sizes.find((s) => s.bits === bits);
    if (!size) {
      size = { bits, pages: 2 ** bits, inside: new Set() };
      this.sizes.push(size);
    }
    const full = size.inside.size >= MAX_BLOCKS;
    if (full) this.clear();
    size.inside.add(Math.floor(page / size.pages));
    return !full;
  }
  /** Forgets the blocks that reach into pages [first, end), each with a word to `drop`. */
  take(first: number, end: number, drop: (first: number, end: number) => void): void {
    for (const { pages, inside } of this.sizes) {
      if (inside.size === 0) continue;
      const from = Math.floor(first / pages);
      const to = Math.floor((end - 1) / pages);
      if (from === to) {
        if (inside.delete(from)) drop(from * pages, (from + 1) * pages);
        continue;
      }
      for (const number of inside) {
        if (number < from || number > to) continue;
        inside.delete(number);
        drop(number * pages, (number + 1) * pages);
      }
    }
  }
  clear(): void {
    for (const { inside } of this.sizes) inside.clear();
  }
}
