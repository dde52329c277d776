// What lies where in the memory of the tier. Code names these places, also code that another run has compiled: they depend on
// nothing but the size of all memory.

import { FRAME_SIZE } from '../cpu/physmem.ts';

/** Offsets: vectors, tables of checksums, what code counts, the last refusal, a cell for each region. */
export const Area = {
  vectors: 0,
  tables: FRAME_SIZE,
  counts: 3 * FRAME_SIZE,
  refusal: 3.5 * FRAME_SIZE,
  cells: 4 * FRAME_SIZE,
} as const;

/** Which region has refused to run, and where: the address of the page of its root, the number of the entry, that of its cell; 0: none. */
export const Refusal = { base: 0, entry: 8, cell: 12 } as const;
