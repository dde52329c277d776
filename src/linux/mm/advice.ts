// madvise over an address space: argument checks, errnos and which pages go.

import { Errno } from '../../base/hostfile.ts';
import { Madvise } from '../abi/flags.ts';
import { pageUp, TASK_SIZE } from './addresses.ts';
import { populate } from './map_calls.ts';
import type { AddressSpace } from './mm.ts';
import { PAGE } from './pages.ts';
import { Prot, type Vma } from './vma.ts';

const { EINVAL, ENOMEM, EPERM, EACCES, EFAULT, EBUSY } = Errno;

const IGNORED: ReadonlySet<number> = new Set([
  Madvise.MADV_NORMAL,
  Madvise.MADV_RANDOM,
  Madvise.MADV_SEQUENTIAL,
  Madvise.MADV_WILLNEED,
  Madvise.MADV_MERGEABLE,
  Madvise.MADV_UNMERGEABLE,
  Madvise.MADV_HUGEPAGE,
  Madvise.MADV_NOHUGEPAGE,
  Madvise.MADV_DONTDUMP,
  Madvise.MADV_DODUMP,
  Madvise.MADV_COLD,
  Madvise.MADV_PAGEOUT,
]);

export function madvise(mm: AddressSpace, addr: number, length: number, advice: number): number {
  if (!Object.values<number>(Madvise).includes(advice) || addr % PAGE !== 0) return -EINVAL;
  const end = addr + pageUp(length);
  if (end > TASK_SIZE || end < addr) return -EINVAL;
  if (end === addr) return 0;
  if (advice === Madvise.MADV_HWPOISON || advice === Madvise.MADV_SOFT_OFFLINE) return -EPERM;
  for (const v of mm.vmas.overlapping(addr, end)) {
    const from = Math.max(addr, v.start);
    const to = Math.min(end, v.end);
    const r = adviseOne(mm, v, from, to, advice);
    if (r < 0) return r;
  }
  return mm.vmas.covers(addr, end) ? 0 : -ENOMEM;
}

function adviseOne(mm: AddressSpace, v: Vma, from: number, to: number, advice: number): number {
  const set = (f: (v: Vma) => void) => {
    mm.vmas.change(from, to, f);
    return 0;
  };
  switch (advice) {
    case Madvise.MADV_DONTNEED:
      if (v.locked) return -EINVAL;
      mm.zap(from, to);
      return 0;
    case Madvise.MADV_DONTNEED_LOCKED:
      mm.zap(from, to);
      return 0;
    case Madvise.MADV_FREE:
      if (v.backing || v.shared) return -EINVAL;
      mm.zap(from, to);
      return 0;
    case Madvise.MADV_REMOVE: {
      if (v.locked || !v.backing?.shmem) return -EINVAL;
      if (!v.shared || !v.backing.mayWrite) return -EACCES;
      const pages = v.backing.pages as { punch?(offset: number, length: number): void };
      if (!pages.punch) return -EINVAL;
      pages.punch(v.offset + (from - v.start), to - from);
      return 0;
    }
    case Madvise.MADV_DONTFORK:
      return set((p) => {
        p.dontFork = true;
      });
    case Madvise.MADV_DOFORK:
      return set((p) => {
        p.dontFork = false;
      });
    case Madvise.MADV_WIPEONFORK:
      if (v.backing || v.shared) return -EINVAL;
      return set((p) => {
        p.wipeOnFork = true;
      });
    case Madvise.MADV_KEEPONFORK:
      return set((p) => {
        p.wipeOnFork = false;
      });
    case Madvise.MADV_POPULATE_READ:
    case Madvise.MADV_POPULATE_WRITE: {
      if (advice === Madvise.MADV_POPULATE_READ && (v.prot & Prot.READ) === 0) return -EINVAL;
      if (populate(mm, from, to, advice === Madvise.MADV_POPULATE_WRITE)) return 0;
      const kind = mm.lastFault?.kind;
      return kind === 'accerr' ? -EINVAL : kind === 'oom' ? -ENOMEM : kind === 'userfault' ? -EBUSY : -EFAULT;
    }
    case Madvise.MADV_COLLAPSE:
      // Only anonymous memory and shmem can become huge pages; ours are all of one size, so there is nothing to do.
      return v.backing && !v.backing.shmem ? -EINVAL : 0;
    default:
      return IGNORED.has(advice) ? 0 : -EINVAL;
  }
}
