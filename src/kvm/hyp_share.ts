// What the host lets the hypervisor see: ranges of its memory, page by page. Objects of several owners lie in one page, so
// pages are counted, and only the first and the last reference are the hypervisor's business.
// @linux arch/arm64/kvm/mmu.c: kvm_share_hyp

import { Errno } from '../base/hostfile.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { HypMappings, type HypSpace, MemProtect, pagesOf } from './hyp/mem_protect.ts';

export class HypShare {
  private readonly space: HypSpace;
  private readonly counts = new Map<number, number>();
  /** End of physical memory: no address beyond can be shared. */
  private readonly end: number;

  constructor(space: HypSpace, end: number) {
    this.space = space;
    this.end = end;
  }
  count(pfn: number): number {
    return this.counts.get(pfn) ?? 0;
  }
  /** All that the hypervisor can see of the host, in bytes: whole pages. */
  get bytes(): number {
    return this.counts.size * FRAME_SIZE;
  }

  /**
   * Shares [from, to). When a page is refused, those before it are given back.
   * @returns 0, -EINVAL for addresses that are not in physical memory, or what the hypervisor answered
   */
  share(from: number, to: number): number {
    if (from < 0 || to > this.end || from >= to) return -Errno.EINVAL;
    const pages = pagesOf(from, to);
    for (const [i, pfn] of pages.entries()) {
      const r = this.sharePage(pfn);
      if (r === 0) continue;
      for (const taken of pages.slice(0, i)) this.unsharePage(taken);
      return r;
    }
    return 0;
  }
  /** @returns 0, or the first page's errno: -ENOENT was not shared, -EBUSY the hypervisor is using it */
  unshare(from: number, to: number): number {
    return pagesOf(from, to).reduce((first, pfn) => {
      const r = this.unsharePage(pfn);
      return first === 0 ? r : first;
    }, 0);
  }

  private sharePage(pfn: number): number {
    const count = this.count(pfn);
    if (count === 0) {
      const { space } = this;
      if (space instanceof HypMappings) space.map(pfn * FRAME_SIZE, (pfn + 1) * FRAME_SIZE);
      const r = space instanceof MemProtect ? space.hostShareHyp(pfn) : 0;
      if (r !== 0) return r;
    }
    this.counts.set(pfn, count + 1);
    return 0;
  }
  private unsharePage(pfn: number): number {
    const count = this.count(pfn);
    if (count === 0) return -Errno.ENOENT;
    if (count > 1) {
      this.counts.set(pfn, count - 1);
      return 0;
    }
    const r = this.space instanceof MemProtect ? this.space.hostUnshareHyp(pfn) : 0;
    if (r === 0) this.counts.delete(pfn);
    return r;
  }
}
