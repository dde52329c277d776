// The map of guest physical memory: numbered slots, found by number, by frame or by the memory behind them. Knows nothing of who backs them.
// Slots are kept sorted by frame in chunks, so that finding is a binary search and a change moves a few hundred
// entries at most, also with all 32,767 slots in use.

import type { GuestMemfd } from './guest_memfd.ts';
import { HvaIndex } from './hva_index.ts';

export interface MemSlot {
  readonly id: number;
  /** First guest frame number, and how many. */
  readonly baseGfn: number;
  readonly pages: number;
  /** Address of the backing memory in the program. */
  readonly hva: bigint;
  /** KVM_MEM_* */
  readonly flags: number;
  /** Backed by a guest_memfd from this page of it on. */
  gmem: { readonly file: GuestMemfd; readonly page: number } | undefined;
  /** One bit a page that was written; present while the slot is logged by bitmap. */
  dirty: Uint8Array | undefined;
}

const CHUNK = 256;

export class MemSlots {
  private readonly ids = new Map<number, MemSlot>();
  /** Sorted by baseGfn, no two overlapping; no chunk is empty. */
  private readonly chunks: MemSlot[][] = [];
  private readonly byMemory = new HvaIndex();
  private last: MemSlot | undefined;
  /** Rises with every change. @linux kvm_memslots.generation */
  generation = 0;

  get size(): number {
    return this.ids.size;
  }
  all(): Iterable<MemSlot> {
    return this.ids.values();
  }
  byId(id: number): MemSlot | undefined {
    return this.ids.get(id);
  }
  /** The slot that holds guest frame `gfn`. @linux gfn_to_memslot */
  at(gfn: number): MemSlot | undefined {
    const hit = this.last;
    if (hit && gfn >= hit.baseGfn && gfn < hit.baseGfn + hit.pages) return hit;
    const slot = this.atOrBelow(gfn);
    if (!slot || gfn >= slot.baseGfn + slot.pages) return undefined;
    this.last = slot;
    return slot;
  }
  /** Whether a slot other than `except` holds a frame of [start, end). */
  overlaps(start: number, end: number, except: number): boolean {
    let below = this.atOrBelow(end - 1);
    if (below?.id === except) below = this.atOrBelow(below.baseGfn - 1);
    return below !== undefined && below.baseGfn + below.pages > start;
  }
  /**
   * Calls `f` with each slot that shows some of the program's memory, pages [start, end) of its address space, and which
   * pages of the slot they are.
   */
  inMemory(start: number, end: number, f: (slot: MemSlot, first: number, count: number) => void): void {
    this.byMemory.overlapping(start, end, f);
  }
  /** @param slot of a number and at frames that are free */
  insert(slot: MemSlot): void {
    this.ids.set(slot.id, slot);
    this.byMemory.insert(slot);
    this.generation++;
    const c = this.chunkFor(slot.baseGfn);
    const chunk = this.chunks[c];
    if (!chunk) {
      this.chunks.push([slot]);
      return;
    }
    chunk.splice(upperBound(chunk, slot.baseGfn), 0, slot);
    if (chunk.length > CHUNK) this.chunks.splice(c + 1, 0, chunk.splice(CHUNK / 2));
  }
  remove(slot: MemSlot): void {
    this.ids.delete(slot.id);
    this.byMemory.remove(slot);
    this.generation++;
    this.last = undefined;
    const c = this.chunkFor(slot.baseGfn);
    const chunk = this.chunks[c]!;
    chunk.splice(upperBound(chunk, slot.baseGfn) - 1, 1);
    if (chunk.length === 0) this.chunks.splice(c, 1);
  }

  /** Index of the last chunk that begins at or below `gfn`, or 0. */
  private chunkFor(gfn: number): number {
    let lo = 0;
    let hi = this.chunks.length - 1;
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1;
      if (this.chunks[mid]![0]!.baseGfn <= gfn) lo = mid;
      else hi = mid - 1;
    }
    return lo;
  }
  private atOrBelow(gfn: number): MemSlot | undefined {
    const chunk = this.chunks[this.chunkFor(gfn)];
    return chunk?.[upperBound(chunk, gfn) - 1];
  }
}

/** Index of the first slot that begins above `gfn`. */
function upperBound(slots: readonly MemSlot[], gfn: number): number {
  let lo = 0;
  let hi = slots.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (slots[mid]!.baseGfn <= gfn) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}
