// A cell for each region, where it remembers that its pages are where they were: for which address of its root's page, and in
// which generation of the TLB, that was so. It also counts accesses to pages that were not flat (cpu/flat.ts).

import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';

/** Two u64, generation 0 never is; a u32. */
export const Cell = { base: 0, generation: 8, missed: 16, size: 32 } as const;
const PER_FRAME = FRAME_SIZE / Cell.size;

export class Cells {
  private readonly mem: PhysMem;
  private readonly blocks: number[] = [];
  constructor(mem: PhysMem) {
    this.mem = mem;
  }
  /** That of the region with a number, which remembers nothing. */
  of(slot: number): number {
    const block = Math.floor(slot / PER_FRAME);
    this.blocks[block] ??= this.mem.allocFixed(FRAME_SIZE);
    const at = this.blocks[block] + (slot % PER_FRAME) * Cell.size;
    this.mem.u8.fill(0, at, at + Cell.size);
    return at;
  }
}
