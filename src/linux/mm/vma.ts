// The mappings of an address space as a sorted list: lookup, split, insert, remove, find a gap. Addresses are numbers
// (48 bits fit). Knows nothing of pages.

import type { SharedPages } from '../../base/hostfile.ts';
import type { Userfault } from '../vfs/userfaultfd.ts';

/** PROT_* as a mapping keeps them. RIGHTS: what decides about accesses. */
export const Prot = { READ: 1, WRITE: 2, EXEC: 4, BTI: 16, NONE: 0, RIGHTS: 7, KEPT: 23 } as const;

/** What a mapping shows, when it is not private anonymous memory. */
export interface Backing {
  readonly pages: SharedPages;
  /** As /proc/PID/maps shows it. */
  readonly path: string;
  readonly ino: number;
  readonly dev: number;
  /** Pages may lack and be made on demand (userfaultfd and MADV_REMOVE work on it). */
  readonly shmem: boolean;
  /** The file was opened for writing: PROT_WRITE of a shared mapping is allowed. */
  readonly mayWrite: boolean;
  /** One more / one fewer mapping holds the file. */
  ref(): void;
  unref(): void;
}

/** Addresses get their values in the constructor: addresses.ts says why. */
export class Vma {
  start: number;
  end: number;
  prot: number;
  readonly shared: boolean;
  readonly backing: Backing | undefined;
  /** Byte offset into the backing at `start`. */
  offset: number;
  /** [heap], [stack], [sigpage], or what prctl(PR_SET_VMA) named. */
  name: string;
  noreserve = false;
  growsDown = false;
  dontFork = false;
  wipeOnFork = false;
  locked = false;
  userfault: Userfault | undefined;

  constructor(start: number, end: number, prot: number, name: string, shared = false, backing?: Backing, offset = 0) {
    this.start = start;
    this.end = end;
    this.prot = prot;
    this.shared = shared;
    this.backing = backing;
    this.offset = offset;
    this.name = name;
  }
  /** The same at another place. */
  copy(start: number, end: number, offset: number): Vma {
    const v = new Vma(start, end, this.prot, this.name, this.shared, this.backing, offset);
    v.noreserve = this.noreserve;
    v.growsDown = this.growsDown;
    v.dontFork = this.dontFork;
    v.wipeOnFork = this.wipeOnFork;
    v.locked = this.locked;
    v.userfault = this.userfault;
    return v;
  }
}

const mergeable = (a: Vma, b: Vma): boolean =>
  a.end === b.start &&
  a.prot === b.prot &&
  a.shared === b.shared &&
  a.backing === b.backing &&
  (a.backing === undefined || a.offset + (a.end - a.start) === b.offset) &&
  a.name === b.name &&
  a.noreserve === b.noreserve &&
  a.growsDown === b.growsDown &&
  a.dontFork === b.dontFork &&
  a.wipeOnFork === b.wipeOnFork &&
  a.locked === b.locked &&
  a.userfault === b.userfault;

export class VmaList {
  private readonly list: Vma[] = [];

  get all(): readonly Vma[] {
    return this.list;
  }
  /** Index of the first mapping that ends above `addr`. */
  private indexAbove(addr: number): number {
    let lo = 0;
    let hi = this.list.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (this.list[mid]!.end > addr) hi = mid;
      else lo = mid + 1;
    }
    return lo;
  }
  /** The mapping that contains `addr`. */
  find(addr: number): Vma | undefined {
    const v = this.list[this.indexAbove(addr)];
    return v && v.start <= addr ? v : undefined;
  }
  /** The mapping that contains `addr` or the next one above it. */
  findAbove(addr: number): Vma | undefined {
    return this.list[this.indexAbove(addr)];
  }
  /** Mappings that touch [start, end), whole. */
  overlapping(start: number, end: number): readonly Vma[] {
    const from = this.indexAbove(start);
    let to = from;
    while (to < this.list.length && this.list[to]!.start < end) to++;
    return this.list.slice(from, to);
  }
  /** [start, end) has no hole. */
  covers(start: number, end: number): boolean {
    for (let i = this.indexAbove(start); start < end; i++) {
      const v = this.list[i];
      if (!v || v.start > start) return false;
      start = v.end;
    }
    return true;
  }
  insert(v: Vma): void {
    const i = this.indexAbove(v.start);
    const before = this.list[i - 1];
    const after = this.list[i];
    if (before && mergeable(before, v)) {
      before.end = v.end;
      v.backing?.unref();
      if (after && mergeable(before, after)) {
        before.end = after.end;
        after.backing?.unref();
        this.list.splice(i, 1);
      }
    } else if (after && mergeable(v, after)) {
      after.offset -= v.end - v.start;
      after.start = v.start;
      v.backing?.unref();
    } else this.list.splice(i, 0, v);
  }
  /** Cuts mappings at `addr`, so that none straddles it. */
  split(addr: number): void {
    const i = this.indexAbove(addr);
    const v = this.list[i];
    if (!v || v.start >= addr) return;
    const upper = v.copy(addr, v.end, v.offset + (addr - v.start));
    v.backing?.ref();
    v.end = addr;
    this.list.splice(i + 1, 0, upper);
  }
  /** Takes out [start, end). @returns the pieces; the caller drops their references. */
  remove(start: number, end: number): Vma[] {
    this.split(start);
    this.split(end);
    const from = this.indexAbove(start);
    let to = from;
    while (to < this.list.length && this.list[to]!.start < end) to++;
    return this.list.splice(from, to - from);
  }
  /** Changes the mappings within [start, end), splitting at the borders and joining equal neighbours again. */
  change(start: number, end: number, f: (v: Vma) => void): void {
    const pieces = this.remove(start, end);
    for (const v of pieces) {
      f(v);
      this.insert(v);
    }
    // The piece above may now equal its neighbour below.
    const above = this.list[this.indexAbove(end)];
    if (above && above.start === end) {
      const i = this.list.indexOf(above);
      const below = this.list[i - 1];
      if (below && mergeable(below, above)) {
        below.end = above.end;
        above.backing?.unref();
        this.list.splice(i, 1);
      }
    }
  }
  /** The highest gap of `length` bytes in [low, high). @returns its start. */
  gapBelow(high: number, low: number, length: number, align: number): number | undefined {
    let i = this.indexAbove(high - 1);
    let top = high;
    const v = this.list[i];
    if (v && v.start < high) top = v.start;
    for (;;) {
      const below = this.list[i - 1];
      const floor = below ? Math.max(below.end, low) : low;
      const start = Math.floor((top - length) / align) * align;
      if (start >= floor) return start;
      if (!below || below.start <= low) return undefined;
      top = Math.min(top, below.start);
      i--;
    }
  }
}
