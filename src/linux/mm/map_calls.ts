// mmap, munmap, mprotect, mremap, brk over an address space: argument checks, errnos and which pages go.
// Results are values >= 0 or negative errnos. Knows nothing of descriptors: the caller hands in the Backing.

import { Errno } from '../../base/hostfile.ts';
import { Map_, Mremap } from '../abi/flags.ts';
import { MMAP_MIN_ADDR, pageUp, TASK_SIZE } from './addresses.ts';
import type { AddressSpace } from './mm.ts';
import { PAGE } from './pages.ts';
import { type Backing, Prot, Vma } from './vma.ts';

const { EINVAL, ENOMEM, EEXIST, EPERM, EACCES, EFAULT } = Errno;
/** @linux sysctl vm.max_map_count */
const MAX_MAP_COUNT = 65530;

export interface MapRequest {
  readonly addr: number;
  readonly length: number;
  readonly prot: number;
  readonly flags: number;
  readonly backing?: Backing;
  /** Bytes. */
  readonly offset?: number;
  readonly name?: string;
}

/** @returns the address. */
export function mmap(mm: AddressSpace, r: MapRequest): number {
  const { flags } = r;
  if (r.length === 0) return -EINVAL;
  const length = pageUp(r.length);
  if (length > TASK_SIZE) return -ENOMEM;
  const fixed = (flags & (Map_.MAP_FIXED | Map_.MAP_FIXED_NOREPLACE)) !== 0;
  const shared = (flags & 3) !== Map_.MAP_PRIVATE;
  let start: number;
  if (fixed) {
    if (r.addr % PAGE !== 0) return -EINVAL;
    if (r.addr > TASK_SIZE - length) return -ENOMEM;
    if (r.addr < MMAP_MIN_ADDR) return -EPERM;
    start = r.addr;
    if ((flags & Map_.MAP_FIXED_NOREPLACE) !== 0) {
      if (mm.vmas.overlapping(start, start + length).length > 0) return -EEXIST;
    }
  } else {
    const found = findArea(mm, r.addr, length);
    if (found === undefined) return -ENOMEM;
    start = found;
  }
  if (mm.vmas.all.length >= MAX_MAP_COUNT) return -ENOMEM;
  munmapRange(mm, start, start + length);
  if (r.backing) {
    r.backing.ref();
    mm.watch(r.backing);
  }
  const vma = new Vma(start, start + length, r.prot & Prot.KEPT, r.name ?? '', shared, r.backing, r.offset);
  vma.noreserve = (flags & Map_.MAP_NORESERVE) !== 0;
  vma.growsDown = (flags & Map_.MAP_GROWSDOWN) !== 0;
  vma.locked = (flags & Map_.MAP_LOCKED) !== 0;
  mm.vmas.insert(vma);
  if ((flags & (Map_.MAP_POPULATE | Map_.MAP_LOCKED)) !== 0 && (flags & Map_.MAP_NONBLOCK) === 0)
    populate(mm, start, start + length, (r.prot & Prot.WRITE) !== 0);
  return start;
}

function findArea(mm: AddressSpace, hint: number, length: number): number | undefined {
  if (hint !== 0) {
    const at = Math.max(pageUp(hint), MMAP_MIN_ADDR);
    if (at + length <= TASK_SIZE && mm.vmas.overlapping(at, at + length).length === 0) return at;
  }
  return (
    mm.vmas.gapBelow(mm.mmapBase, MMAP_MIN_ADDR, length, PAGE) ??
    mm.vmas.gapBelow(TASK_SIZE - PAGE, mm.mmapBase, length, PAGE)
  );
}

/** Faults pages in, as far as that goes. @returns false at the first page that cannot be had. */
export function populate(mm: AddressSpace, start: number, end: number, write: boolean): boolean {
  for (let a = start; a < end; a += PAGE) if (mm.fault(a, write) === 0) return false;
  return true;
}

function munmapRange(mm: AddressSpace, start: number, end: number): void {
  const gone = mm.vmas.remove(start, end);
  if (gone.length === 0) return;
  mm.zap(start, end);
  for (const v of gone) {
    v.userfault?.unmapped(v);
    v.backing?.unref();
  }
}

export function munmap(mm: AddressSpace, addr: number, length: number): number {
  if (addr % PAGE !== 0 || length === 0 || addr > TASK_SIZE || length > TASK_SIZE - addr) return -EINVAL;
  munmapRange(mm, addr, addr + pageUp(length));
  return 0;
}

export function mprotect(mm: AddressSpace, addr: number, length: number, prot: number): number {
  if (addr % PAGE !== 0) return -EINVAL;
  if (length === 0) return 0;
  const end = addr + pageUp(length);
  if (end > TASK_SIZE) return -ENOMEM;
  const rights = prot & Prot.KEPT;
  // The part before a hole or a refusal is changed all the same, as Linux does.
  let at = addr;
  let result = 0;
  for (const v of mm.vmas.overlapping(addr, end)) {
    if (v.start > at) break;
    if ((rights & Prot.WRITE) !== 0 && v.shared && v.backing && !v.backing.mayWrite) {
      result = -EACCES;
      break;
    }
    at = Math.min(v.end, end);
  }
  if (at > addr) {
    mm.vmas.change(addr, at, (v) => {
      v.prot = rights;
    });
    mm.restrict(addr, at, rights);
  }
  return result !== 0 ? result : at < end ? -ENOMEM : 0;
}

export function mremap(
  mm: AddressSpace,
  old: number,
  oldSize: number,
  newSize: number,
  flags: number,
  newAddr: number,
): number {
  const { MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP } = Mremap;
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0 || old % PAGE !== 0) return -EINVAL;
  if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0 && (flags & MREMAP_MAYMOVE) === 0) return -EINVAL;
  oldSize = pageUp(oldSize);
  newSize = pageUp(newSize);
  if (newSize === 0 || ((flags & MREMAP_DONTUNMAP) !== 0 && oldSize !== newSize)) return -EINVAL;
  const vma = mm.vmas.find(old);
  if (!vma) return -EFAULT;
  if ((flags & MREMAP_FIXED) !== 0) {
    if (newAddr % PAGE !== 0 || newAddr > TASK_SIZE - newSize) return -EINVAL;
    if (old < newAddr + newSize && newAddr < old + oldSize) return -EINVAL;
  }
  const moved = (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0;
  if (moved && newSize < oldSize) {
    munmapRange(mm, old + newSize, old + oldSize);
    oldSize = newSize;
  }
  if ((flags & MREMAP_FIXED) !== 0 && newSize === oldSize && old + oldSize > vma.end)
    return moveMany(mm, old, oldSize, flags, newAddr);
  if (!moved && newSize <= oldSize) {
    if (newSize < oldSize) munmapRange(mm, old + newSize, old + oldSize);
    return old;
  }
  if (old + oldSize > vma.end) return -EFAULT;
  if (oldSize === 0 && !vma.shared) return -EINVAL;
  if (!moved && oldSize > 0 && old + oldSize === vma.end) {
    // Grow in place if the room behind is free.
    const end = old + newSize;
    if (end <= TASK_SIZE && mm.vmas.overlapping(vma.end, end).length === 0) {
      const delta = vma.end - vma.start;
      vma.backing?.ref();
      mm.vmas.insert(vma.copy(vma.end, end, vma.offset + delta));
      return old;
    }
  }
  if ((flags & MREMAP_MAYMOVE) === 0) return -ENOMEM;
  let target: number | undefined;
  if ((flags & MREMAP_FIXED) !== 0) {
    target = newAddr;
    munmapRange(mm, target, target + newSize);
  } else target = findArea(mm, newAddr, newSize);
  if (target === undefined) return -ENOMEM;
  vma.backing?.ref();
  mm.vmas.insert(vma.copy(target, target + newSize, vma.offset + (old - vma.start)));
  mm.move(old, target, Math.min(oldSize, newSize));
  if (oldSize > 0 && (flags & MREMAP_DONTUNMAP) === 0) munmapRange(mm, old, old + oldSize);
  return target;
}

/** Several mappings with the gaps between them go to another place. */
function moveMany(mm: AddressSpace, old: number, length: number, flags: number, to: number): number {
  for (const v of mm.vmas.overlapping(old, old + length)) {
    const from = Math.max(v.start, old);
    const size = Math.min(v.end, old + length) - from;
    if (v.userfault) return -EFAULT;
    const r = mremap(mm, from, size, size, flags, to + (from - old));
    if (r < 0) return r;
  }
  return to;
}

/** @returns the new break, or the old one when it cannot move. */
export function brk(mm: AddressSpace, addr: number, dataLimit: number): number {
  if (addr < mm.brkStart || addr - mm.brkStart > dataLimit) return mm.brk;
  const from = pageUp(mm.brk);
  const to = pageUp(addr);
  if (to < from) munmapRange(mm, to, from);
  else if (to > from) {
    // One page of distance to whatever is mapped above.
    if (to + PAGE > TASK_SIZE || mm.vmas.overlapping(from, to + PAGE).length > 0) return mm.brk;
    mm.vmas.insert(new Vma(from, to, Prot.READ | Prot.WRITE, '[heap]'));
  }
  mm.brk = addr;
  return addr;
}
