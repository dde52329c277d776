// Pages of a file that nobody has in memory, read to where their addresses say: then none needs to be copied from one frame
// to another. Those of code are met here and there: one more is read than have been met in a row before, and the one itself.

import type { PhysMem } from '../../cpu/physmem.ts';
import type { Frames } from './frames.ts';
import { type PageTable, Pte } from './page_table.ts';
import { AHEAD, PAGE } from './pages.ts';
import type { Vma } from './vma.ts';

/** What it needs of an address space. */
interface Place {
  readonly mem: PhysMem;
  readonly frames: Frames;
  readonly table: PageTable;
}

/**
 * @param vma a mapping of a file @param index of the page in it
 * @returns whether the page is there now, as one that nobody has written
 */
export function readAhead({ mem, frames, table }: Place, vma: Vma, page: number, index: number): boolean {
  const { pages, shmem, mayWrite } = vma.backing!;
  if (vma.shared || shmem || mayWrite || vma.userfault || !pages.isOutside || !pages.readInto) return false;
  const first = frames.wish(page);
  let count = 0;
  const isWanted = (): boolean =>
    table.get(page + count) === 0 && pages.isOutside!(index + count) && frames.mayBeFlat(page + count);
  if (!isWanted()) return false;
  let before = 0;
  while (before < AHEAD - 1 && table.get(page - before - 1) !== 0) before++;
  const most = Math.min(before + 2, Math.ceil(vma.end / PAGE) - page);
  do table.set(page + count, frames.make(page + count++) | Pte.COPY);
  while (count < most && isWanted());
  pages.readInto(index, mem.u8.subarray(first * PAGE, (first + count) * PAGE));
  return true;
}
