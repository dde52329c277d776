// What lies where in the memory of the tier. Code names these places, also code that another run has compiled: they depend on
// nothing but the size of all memory.

import { FRAME_SIZE } from '../cpu/physmem.ts';
import { REFUSAL } from '../interp/region_check.ts';

/** Offsets: vectors, tables of checksums, what code counts, the last refusal, a cell for each region. */
export const Area = {
  vectors: 0,
  tables: FRAME_SIZE,
  counts: 3 * FRAME_SIZE,
  refusal: REFUSAL,
  cells: 4 * FRAME_SIZE,
} as const;
