// What lies where in the memory of the tier. Code names these places, also code that another run has compiled: they depend on
// nothing but the size of all memory.

import { FRAME_SIZE } from '../cpu/physmem.ts';
import { REFUSAL } from '../interp/region_check.ts';

/** Offsets: vectors, tables of checksums, what code counts, the last misses, the last refusal, a cell for each region. */
export const Area = {
  vectors: 0,
  tables: FRAME_SIZE,
  counts: 3 * FRAME_SIZE,
  misses: 3.25 * FRAME_SIZE,
  refusal: REFUSAL,
  cells: 4 * FRAME_SIZE,
} as const;
/**
 * A miss of the data TLB: how many bytes it was after the page of the root, address of the cell, instructions executed in this run;
 * u32 each. How many are noted.
 */
export const Miss = { distance: 0, cell: 4, executed: 8, size: 16, count: 32 } as const;
