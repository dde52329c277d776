// A cell for each region: what its code has to know of where it is.

import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { SP_CHECKED } from '../cpu/state.ts';
import { Cell, Fact, Need } from '../interp/region_check.ts';
import type { Assumptions } from './lift.ts';
import type { RegionCode, Uses } from './regions.ts';

/** What must hold where a region's code runs, as bits of a cell. */
export function needsOf(known: Assumptions, { sp, fp, inexact }: Uses): number {
  let needs = known.guarded ? Fact.guarded : 0;
  if (known.flat) needs |= Fact.flat;
  if (sp) needs |= known.spMask === SP_CHECKED ? Fact.sp : Need.spMask;
  if (fp && known.fpOn && known.fpcr === 0) needs |= Fact.fp;
  else if (fp) needs |= Need.fpcr | (known.fpOn ? 0 : Need.trapped);
  if (fp && !known.sve) needs |= Fact.noSve;
  if (inexact && known.ixc) needs |= Fact.ixc;
  return needs;
}

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
  write(code: RegionCode, slot: number, records: readonly number[]): void {
    const { known, pages } = code;
    const at = this.address(code.cell) >>> 2;
    const { u32 } = this.mem;
    u32.fill(0, at, at + Cell.size / 4);
    const put = (field: number, value: number): void => {
      u32[at + field / 4] = value;
    };
    put(Cell.slot, slot);
    put(Cell.needs, needsOf(known, code));
    put(Cell.fpcr, known.fpcr);
    put(Cell.spMask, known.spMask);
    put(Cell.count, pages.length);
    u32.set(records, at + Cell.pages / 4);
    for (const [i, { page }] of pages.entries()) put(Cell.distances + 4 * i, page * FRAME_SIZE);
  }
}
