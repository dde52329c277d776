// A cell for each region: what its code has to know of where it is.

import type { PhysMem } from '../cpu/physmem.ts';

/** Pages that a region may have code of. */
export const MAX_PAGES = 26;
/**
 * Base and generation: for which address of its root's page, and in which generation of the TLB, its pages have been found
 * where they were; generation 0 never is. The number of its function in the table. How many accesses
 * were to pages that are not flat (cpu/flat.ts). The records of its pages.
 */
export const Cell = { base: 0, generation: 8, slot: 16, missed: 20, pages: 24, size: 128 } as const;

export class Cells {
  private readonly mem: PhysMem;
  private readonly at: number;
  private readonly count: number;
  private readonly taken = new Set<number>();
  private next = 0;

  /** @param at @param size of the memory for them */
  constructor(mem: PhysMem, at: number, size: number) {
    this.mem = mem;
    this.at = at;
    this.count = Math.floor(size / Cell.size);
  }
  address(cell: number): number {
    return this.at + cell * Cell.size;
  }
  /** One that nobody has; undefined if there is none left. */
  take(): number | undefined {
    if (this.taken.size >= this.count) return undefined;
    while (this.taken.has(this.next)) this.next = (this.next + 1) % this.count;
    this.taken.add(this.next);
    return this.next;
  }
  /** @returns whether nobody had it */
  claim(cell: number): boolean {
    if (cell >= this.count || this.taken.has(cell)) return false;
    this.taken.add(cell);
    return true;
  }
  release(cell: number): void {
    this.taken.delete(cell);
  }
  /** The region is there, with its pages, of which it remembers nothing. */
  write(cell: number, slot: number, records: readonly number[]): void {
    const at = this.address(cell) >>> 2;
    const { u32 } = this.mem;
    u32.fill(0, at, at + Cell.size / 4);
    u32[at + Cell.slot / 4] = slot;
    u32.set(records, at + Cell.pages / 4);
  }
}
