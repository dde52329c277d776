// Pages of a file that nobody has in memory, read to where their addresses say: then none needs to be copied from one frame
// to another. Those of code are met here and there: one more is read than have been met in a row before, and the one itself.

import type { SharedPages } from '../../base/hostfile.ts';
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

/** A page that is to be read to where its address says. */
function isWanted(place: Place, pages: SharedPages, page: number, index: number): boolean {
  return place.table.get(page) === 0 && pages.isOutside!(index) && place.frames.mayBeFlat(page);
}
/**
 * @param vma a mapping of a file @param index of the page in it
 * @returns whether the page is there now, as one that nobody has written
 */
export function readAhead(place: Place, vma: Vma, page: number, index: number): boolean {
  const { pages, shmem, mayWrite } = vma.backing!;
  if (vma.shared || shmem || mayWrite || vma.userfault || !pages.isOutside || !pages.readInto) return false;
  if (!isWanted(place, pages, page, index)) return false;
  const { mem, frames, table } = place;
  const first = frames.wish(page);
  let before = 0;
  while (before < AHEAD - 1 && table.get(page - before - 1) !== 0) before++;
  const most = Math.min(before + 2, Math.ceil(vma.end / PAGE) - page);
  let count = 0;
  do table.set(page + count, frames.make(page + count++) | Pte.COPY);
  while (count < most && isWanted(place, pages, page + count, index + count));
  pages.readInto(index, mem.u8.subarray(first * PAGE, (first + count) * PAGE));
  return true;
}
