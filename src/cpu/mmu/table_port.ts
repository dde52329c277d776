// How walks of stage 1 reach their tables: through stage 2, whose answers about the pages that tables are in are remembered.

import type { Access } from '../engine.ts';
import type { Stage2Answer } from '../pe_ports.ts';
import { FRAME_SIZE, type PhysMem } from '../physmem.ts';
import { forgetPages } from './stage2_cache.ts';
import { type Descriptor, newLastTable, type TablePort } from './walk.ts';

/** Pages of tables remembered: a power of two. */
const TABLE_PAGES = 1024;

export type Stage2Refusal = Extract<Stage2Answer, { ok: false }>;

export class Stage1Tables implements TablePort {
  readonly last = newLastTable();
  /** How stage 2 refused the last access that it refused, and whether that was a write. */
  fault: Stage2Refusal | undefined;
  wrote = false;
  private readonly mem: PhysMem;
  private readonly ask: (ipa: number, access: Access) => Stage2Answer;
  /** What stage 2 said about pages that were read, by the low bits of their number; -1: nothing. */
  private readonly pages = new Float64Array(TABLE_PAGES).fill(-1);
  private readonly frames = new Int32Array(TABLE_PAGES);

  constructor(mem: PhysMem, ask: (ipa: number, access: Access) => Stage2Answer) {
    this.mem = mem;
    this.ask = ask;
  }
  read(ipa: number, into: Descriptor): boolean {
    const page = Math.floor(ipa / FRAME_SIZE);
    const slot = page & (TABLE_PAGES - 1);
    let frame = this.frames[slot]!;
    if (this.pages[slot] !== page) {
      const a = this.ask(ipa, 'read');
      if (!a.ok) return this.refused(a, false);
      frame = a.frame;
      if (a.uncached !== true) {
        this.pages[slot] = page;
        this.frames[slot] = frame;
      }
    }
    const at = (frame * FRAME_SIZE + (ipa & (FRAME_SIZE - 1))) >>> 2;
    into.lo = this.mem.u32[at]!;
    into.hi = this.mem.u32[at + 1]!;
    return true;
  }
  write(ipa: number, value: Descriptor): boolean {
    const a = this.ask(ipa, 'write');
    if (!a.ok) return this.refused(a, true);
    const at = (a.frame * FRAME_SIZE + (ipa & (FRAME_SIZE - 1))) >>> 2;
    this.mem.u32[at] = value.lo;
    this.mem.u32[at + 1] = value.hi;
    return true;
  }
  private refused(a: Stage2Refusal, write: boolean): false {
    this.fault = a;
    this.wrote = write;
    return false;
  }
  /** Maintenance of the TLB ends what is known of walks. */
  forgetLast(): void {
    this.last.range = undefined;
  }
  forgetAll(): void {
    this.forgetLast();
    this.pages.fill(-1);
  }
  /** Pages [first, end). */
  forget(first: number, end: number): void {
    this.forgetLast();
    forgetPages(this.pages, first, end);
  }
}
