// Pages of one object that mappings and read()/write() share: memfd, shared anonymous memory, the cache of a file.
// Sparse. Knows nothing of address spaces; tells its mappers when pages go away.

import type { SharedPages } from '../../base/hostfile.ts';
import type { PhysMem } from '../../cpu/physmem.ts';

export const PAGE = 4096;

/** Pages that are read at once, from a boundary on. */
export const AHEAD = 16;
/** For those that do not stand in a row. */
const ahead = new Uint8Array(AHEAD * PAGE);

/** Where bytes come from that were not written here: a file of the host. */
export interface Filler {
  /** Fills all of `out`, from `offset` of the file; what lies beyond the end becomes zero. */
  fill(offset: number, out: Uint8Array): void;
}

export class PageStore implements SharedPages {
  readonly mem: PhysMem;
  private readonly frames = new Map<number, number>();
  private readonly filler: Filler | undefined;
  private readonly listeners = new Set<(first: number, count: number) => void>();
  private bytes: number;
  /** Bytes beyond this come as zeroes even if the filler has some (the file was truncated meanwhile). */
  private fillLimit: number;
  private refs = 1;

  constructor(mem: PhysMem, bytes: number, filler?: Filler) {
    this.mem = mem;
    this.bytes = bytes;
    this.filler = filler;
    this.fillLimit = bytes;
  }

  get size(): number {
    return this.bytes;
  }
  get pages(): number {
    return Math.ceil(this.bytes / PAGE);
  }
  /** Bytes of memory in use. */
  get resident(): number {
    return this.frames.size * PAGE;
  }
  /** The page is in memory: no filling needed. */
  has(index: number): boolean {
    return this.frames.has(index);
  }

  isOutside(index: number): boolean {
    return this.filler !== undefined && (index + 1) * PAGE <= this.fillLimit && !this.frames.has(index);
  }
  readInto(first: number, out: Uint8Array): void {
    this.filler?.fill(first * PAGE, out);
  }

  /** The frame of a page, made if needed: the wished one if it is free. @returns undefined beyond the end. */
  frame(index: number, wish = 0): number | undefined {
    const f = this.frames.get(index);
    if (f !== undefined) return f;
    if (index >= this.pages) return undefined;
    const at = index * PAGE;
    if (this.filler && at + PAGE <= this.fillLimit) return this.fillAround(this.filler, index, wish);
    const made = this.mem.allocFrame(wish);
    if (this.filler && at < this.fillLimit)
      this.filler.fill(at, this.mem.frameBytes(made).subarray(0, this.fillLimit - at));
    this.frames.set(index, made);
    return made;
  }
  /**
   * Reads a page, and with it what is likely to be wanted next: whole pages around it between two boundaries, as far as none
   * of them is there. Where places are wished for, only those after it.
   */
  private fillAround(filler: Filler, index: number, wish: number): number {
    const isSpare = this.mem.frames - this.mem.usedFrames > 2 * AHEAD;
    const boundary = index - (index % AHEAD);
    const end = isSpare ? Math.min(boundary + AHEAD, Math.floor(this.fillLimit / PAGE)) : index + 1;
    let first = index;
    let next = index + 1;
    if (isSpare && wish === 0) while (first > boundary && !this.frames.has(first - 1)) first--;
    while (next < end && !this.frames.has(next)) next++;
    const count = next - first;
    const made: number[] = [];
    let isRow = true;
    for (let i = 0; i < count; i++) {
      made[i] = this.mem.allocFrame(wish === 0 ? 0 : wish + i);
      isRow &&= made[i] === made[0]! + i;
    }
    const bytes = isRow
      ? this.mem.u8.subarray(made[0]! * PAGE, (made[0]! + count) * PAGE)
      : ahead.subarray(0, count * PAGE);
    filler.fill(first * PAGE, bytes);
    for (let i = 0; i < count; i++) {
      this.frames.set(first + i, made[i]!);
      if (!isRow) this.mem.frameBytes(made[i]!).set(bytes.subarray(i * PAGE, (i + 1) * PAGE));
    }
    return made[index - first]!;
  }

  /** @returns bytes read, 0 at the end. */
  read(offset: number, out: Uint8Array): number {
    const n = Math.max(0, Math.min(out.length, this.bytes - offset));
    for (let done = 0; done < n; ) {
      const index = Math.floor((offset + done) / PAGE);
      const at = (offset + done) % PAGE;
      let len = Math.min(PAGE - at, n - done);
      const f = this.frames.get(index);
      if (f !== undefined) out.set(this.mem.u8.subarray(f * PAGE + at, f * PAGE + at + len), done);
      else {
        // All pages together that are not in memory.
        for (let next = index + 1; done + len < n && !this.frames.has(next); next++)
          len = Math.min(len + PAGE, n - done);
        const rest = out.subarray(done, done + len);
        const filled = this.filler ? Math.max(0, Math.min(len, this.fillLimit - offset - done)) : 0;
        if (filled > 0) this.filler!.fill(offset + done, rest.subarray(0, filled));
        rest.fill(0, filled);
      }
      done += len;
    }
    return n;
  }
  /** Grows the object as needed. */
  write(offset: number, data: Uint8Array): void {
    if (offset + data.length > this.bytes) this.resize(offset + data.length);
    // A private mapping of a file may have a copy of the page.
    if (this.filler && this.listeners.size > 0) {
      const first = Math.floor(offset / PAGE);
      this.tell(first, Math.ceil((offset + data.length) / PAGE) - first);
    }
    for (let done = 0; done < data.length; ) {
      const index = Math.floor((offset + done) / PAGE);
      const at = (offset + done) % PAGE;
      const len = Math.min(PAGE - at, data.length - done);
      const f = this.frame(index)!;
      this.mem.u8.set(data.subarray(done, done + len), f * PAGE + at);
      done += len;
    }
  }
  resize(bytes: number): void {
    const old = this.bytes;
    this.bytes = bytes;
    if (bytes >= old) return;
    this.fillLimit = Math.min(this.fillLimit, bytes);
    const first = Math.ceil(bytes / PAGE);
    this.drop(first, Math.ceil(old / PAGE) - first);
    const tail = bytes % PAGE;
    const f = tail ? this.frames.get(first - 1) : undefined;
    if (f !== undefined) this.mem.u8.fill(0, f * PAGE + tail, (f + 1) * PAGE);
  }
  /** Makes a range read as zeroes and gives its memory back. */
  punch(offset: number, length: number): void {
    const end = Math.min(offset + length, this.bytes);
    const first = Math.ceil(offset / PAGE);
    const last = Math.floor(end / PAGE);
    const zero = (from: number, to: number) => {
      if (to > from) this.write(from, new Uint8Array(to - from));
    };
    if (first > last) {
      zero(offset, end);
      return;
    }
    zero(offset, first * PAGE);
    zero(last * PAGE, end);
    if (this.filler) {
      for (let i = first; i < last; i++) {
        const f = this.frame(i)!;
        this.mem.zero(f * PAGE, (f + 1) * PAGE);
      }
    } else this.drop(first, last - first);
  }
  private tell(first: number, count: number): void {
    for (const l of this.listeners) l(first, count);
  }
  private drop(first: number, count: number): void {
    if (count <= 0) return;
    this.tell(first, count);
    const free = (i: number, f: number) => {
      this.frames.delete(i);
      this.mem.unref(f);
    };
    if (count < this.frames.size) {
      for (let i = first; i < first + count; i++) {
        const f = this.frames.get(i);
        if (f !== undefined) free(i, f);
      }
    } else for (const [i, f] of [...this.frames]) if (i >= first && i < first + count) free(i, f);
  }
  /** Replaces a missing page by given bytes (userfaultfd). @returns false if it is there already. */
  install(index: number, bytes: Uint8Array | undefined): boolean {
    if (this.frames.has(index)) return false;
    const f = this.mem.allocFrame();
    if (bytes) this.mem.frameBytes(f).set(bytes);
    this.frames.set(index, f);
    return true;
  }
  /** Frames that are in memory, for write-back. */
  entries(): IterableIterator<[number, number]> {
    return this.frames.entries();
  }

  /** Called before pages are taken away. @returns the function that removes the listener. */
  onZap(listener: (first: number, count: number) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  ref(): void {
    this.refs++;
  }
  unref(): void {
    if (--this.refs > 0) return;
    for (const f of this.frames.values()) this.mem.unref(f);
    this.frames.clear();
  }
}
