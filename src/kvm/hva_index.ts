// Which memslots show a piece of the program's memory? Slots may share memory, so they overlap here: they are kept apart by
// size, sorted by address, and a piece of memory meets only a few neighbours of each size. @linux kvm_memslots.hva_tree

import { FRAME_SHIFT } from '../cpu/physmem.ts';
import type { MemSlot } from './memslots.ts';

interface Entry {
  /** Page of the program's memory. */
  readonly page: number;
  readonly slot: MemSlot;
}

export class HvaIndex {
  /** By the number of bits of the slot's size in pages, sorted by page. */
  private readonly bySize = new Map<number, Entry[]>();

  insert(slot: MemSlot): void {
    const bits = bitsOf(slot);
    let list = this.bySize.get(bits);
    if (!list) {
      list = [];
      this.bySize.set(bits, list);
    }
    const page = pageOf(slot);
    list.splice(lowerBound(list, page), 0, { page, slot });
  }
  remove(slot: MemSlot): void {
    const list = this.bySize.get(bitsOf(slot))!;
    let i = lowerBound(list, pageOf(slot));
    while (list[i]!.slot !== slot) i++;
    list.splice(i, 1);
  }
  /** Calls `f` with each slot that shows some of the program's pages [start, end), and which pages of the slot they are. */
  overlapping(start: number, end: number, f: (slot: MemSlot, first: number, count: number) => void): void {
    for (const [bits, list] of this.bySize) {
      for (let i = lowerBound(list, start - 2 ** bits); i < list.length; i++) {
        const { page, slot } = list[i]!;
        if (page >= end) break;
        const from = Math.max(start, page);
        const to = Math.min(end, page + slot.pages);
        if (from < to) f(slot, from - page, to - from);
      }
    }
  }
}

const pageOf = (slot: MemSlot): number => Number(slot.hva >> BigInt(FRAME_SHIFT));
/** 2^bits is more than the slot has pages. */
const bitsOf = (slot: MemSlot): number => 32 - Math.clz32(slot.pages);

/** Index of the first entry at or above `page`. */
function lowerBound(list: readonly Entry[], page: number): number {
  let lo = 0;
  let hi = list.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (list[mid]!.page < page) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}
