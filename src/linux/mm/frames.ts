// Frames for the pages of one address space. A page that stands where its address says is faster to reach (cpu/flat.ts): it
// is put there, where it can. And code that was decoded in a frame must be forgotten once somebody has written there.

import { flatFrame } from '../../cpu/flat.ts';
import type { PhysMem } from '../../cpu/physmem.ts';
import type { MmHost } from './mm.ts';
import { Pte } from './page_table.ts';
import { PAGE } from './pages.ts';

/** Pages with the same high half of their addresses. */
const PAGES_OF_HALF = 1 << 20;
/** Pages that are copied, or not shared with all others of zeroes, only so that they stand where their addresses say. */
const MOST_SPENT = 0x4000;

/** Per frame: decoded code in it is current (nothing wrote it since it was last executed). */
const execClean = new WeakMap<PhysMem, Uint8Array>();
function cleanMap(mem: PhysMem): Uint8Array {
  let m = execClean.get(mem);
  if (!m) {
    m = new Uint8Array(mem.frames);
    execClean.set(mem, m);
  }
  return m;
}

export class Frames {
  private readonly host: MmHost;
  private readonly mem: PhysMem;
  /** Pages stand where their addresses say, where they can. */
  private flat: boolean;
  /** Pages that have got a frame for that. */
  private spent = 0;
  private readonly clean: Uint8Array;

  constructor(host: MmHost, flat: boolean) {
    this.host = host;
    this.mem = host.mem;
    this.flat = flat;
    this.clean = cleanMap(host.mem);
  }

  // ---- where pages stand ---------------------------------------------------------------------------------------------

  /** Pages stand anywhere from now on. */
  leaveFlat(): void {
    this.flat = false;
  }
  /** The frame that the page wants to stand in; 0: any. */
  wish(page: number): number {
    return this.flat ? flatFrame((page & (PAGES_OF_HALF - 1)) * PAGE) : 0;
  }
  /** It is worth a frame, though one that others use would do. */
  mayBeFlat(page: number): boolean {
    return this.flat && this.mem.isFree(this.wish(page)) && this.spent++ < MOST_SPENT;
  }
  /** A frame of zeroes for the page. @throws OutOfFrames */
  make(page: number): number {
    return this.mem.allocFrame(this.wish(page));
  }
  /** A copy of a frame for the page. @throws OutOfFrames */
  copy(page: number, frame: number): number {
    const copy = this.make(page);
    this.mem.u8.copyWithin(copy * PAGE, frame * PAGE, (frame + 1) * PAGE);
    return copy;
  }
  /** A page that has come from elsewhere stands where its address says, if that is possible. @returns its entry */
  settle(page: number, entry: number): number {
    const frame = entry & Pte.FRAME;
    if (!this.flat || (entry & (Pte.ZERO | Pte.OBJECT)) !== 0 || this.mem.refCount(frame) !== 1) return entry;
    if (!this.mem.isFree(this.wish(page))) return entry;
    const copy = this.copy(page, frame);
    this.release(frame);
    return (entry & ~Pte.FRAME) | copy;
  }
  /** Drops our reference to a frame; decoded code of a frame nobody uses any more is forgotten. */
  release(frame: number): void {
    if (this.mem.refCount(frame) === 1 && this.clean[frame] !== 0) {
      this.clean[frame] = 0;
      this.host.invalidateCode(frame);
    }
    this.mem.unref(frame);
  }

  // ---- decoded code --------------------------------------------------------------------------------------------------

  /** Decoded code in the frame is current. */
  isCurrent(frame: number): boolean {
    return this.clean[frame] !== 0;
  }
  /** The frame is to be executed: what was decoded before it was written is forgotten. */
  makeCurrent(frame: number): void {
    if (this.clean[frame] !== 0) return;
    this.host.invalidateCode(frame);
    this.clean[frame] = 1;
  }
  /** The frame is written, or may have been. */
  written(frame: number): void {
    this.clean[frame] = 0;
  }
}
