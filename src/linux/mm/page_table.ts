// Which frame stands at which page of one address space: a sparse two-level table of 32-bit entries. Mechanism only;
// what an entry means for sharing and copying is mm.ts's business.

/** A page table entry: the frame number in the low 20 bits (4 GiB of frames) and flags. 0 is "not present". */
export const Pte = {
  FRAME: 0x000f_ffff,
  PRESENT: 0x0010_0000,
  /** Stores may go to this frame as it is. */
  WRITE: 0x0020_0000,
  /** The shared page of zeroes: not counted, copied on write. */
  ZERO: 0x0040_0000,
  /** The frame belongs to the mapped object, not to this address space: a private mapping copies before writing. */
  OBJECT: 0x0080_0000,
  /** A copy of the mapped object's page, of ours, that nobody has written: it goes when that page changes. */
  COPY: 0x0100_0000,
} as const;

const LEAF = 512;

export class PageTable {
  /** By their first page. */
  private readonly leaves = new Map<number, Uint32Array>();
  private lastKey: number;
  private last: Uint32Array | undefined;

  constructor() {
    this.lastKey = -1;
  }

  private leaf(page: number): Uint32Array | undefined {
    const key = page - (page & (LEAF - 1));
    if (key !== this.lastKey) {
      this.last = this.leaves.get(key);
      this.lastKey = key;
    }
    return this.last;
  }
  get(page: number): number {
    return this.leaf(page)?.[page & (LEAF - 1)] ?? 0;
  }
  set(page: number, entry: number): void {
    let leaf = this.leaf(page);
    if (!leaf) {
      leaf = new Uint32Array(LEAF);
      this.leaves.set(this.lastKey, leaf);
      this.last = leaf;
    }
    leaf[page & (LEAF - 1)] = entry;
  }
  /** Calls `f` for every present entry in [first, end) in ascending order; what it returns replaces the entry. */
  update(first: number, end: number, f: (entry: number, page: number) => number): void {
    const from = first - (first & (LEAF - 1));
    let keys: number[];
    if (end - from <= this.leaves.size * LEAF) {
      keys = [];
      for (let k = from; k < end; k += LEAF) if (this.leaves.has(k)) keys.push(k);
    } else keys = [...this.leaves.keys()].filter((k) => k >= from && k < end).sort((a, b) => a - b);
    for (const base of keys) {
      const leaf = this.leaves.get(base)!;
      const lo = Math.max(0, first - base);
      const hi = Math.min(LEAF, end - base);
      let left = 0;
      for (let i = lo; i < hi; i++) {
        const e = leaf[i]!;
        if (e === 0) continue;
        const n = f(e, base + i);
        leaf[i] = n;
        if (n !== 0) left++;
      }
      if (left === 0 && lo === 0 && hi === LEAF) {
        this.leaves.delete(base);
        this.lastKey = -1;
      }
    }
  }
  /** Present entries in [first, end). */
  count(first: number, end: number): number {
    let n = 0;
    this.update(first, end, (e) => {
      n++;
      return e;
    });
    return n;
  }
}
