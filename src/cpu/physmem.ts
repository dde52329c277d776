// All memory of a machine: one WebAssembly linear memory, cut into 4 KiB frames. CPU state blocks, TLBs and
// decoded code live in it too, so compiled code and TypeScript read the same bytes. Nothing here knows what
// a frame is used for.

import { InternalError } from '../base/assert.ts';
import { type WasmMemory, WebAssemblyHost } from '../base/webassembly.ts';

export const FRAME_SHIFT = 12;
export const FRAME_SIZE = 1 << FRAME_SHIFT;

/**
 * In a memory that is large enough, frames below are for those who ask for them by number: programs are often linked to lie
 * there.
 */
const OTHERS = 0x1_0000;
/** What a machine gets that is not asked for less: the most that there is, all addresses of it 32 bits. */
export const DEFAULT_MEGABYTES = 4095;

/** Thrown when every frame is in use; callers turn it into ENOMEM. */
export class OutOfFrames extends Error {
  override readonly name = 'OutOfFrames';
}

export interface MemoryUse {
  readonly shared?: boolean;
  readonly parallel?: boolean;
}

export class PhysMem {
  readonly wasm: WasmMemory;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;
  readonly i64: BigInt64Array;
  readonly view: DataView;
  readonly frames: number;
  /** Of a kind that threads may be given. */
  readonly shared: boolean;
  /** Threads are: several execute at once. */
  readonly parallel: boolean;
  /** Where frames are looked for that nobody has asked for by number, and how many have been. */
  private readonly first: number;
  private looked = 0;
  private readonly refs: Uint16Array;
  /** Frames that are or have been in use: 1. All others are zero. */
  private readonly written: Uint8Array;
  /** Frames that somebody wants to hear of when they are freed: 1. See watchFree. */
  private readonly watched: Uint8Array;
  private readonly watchers: ((frame: number) => void)[] = [];
  private readonly free: number[] = [];
  private used = 0;
  private fixed = 0;

  /**
   * @param megabytes size, 1 to 4096. Address space is reserved, pages cost memory when first touched.
   * Sizes near 4096 are normal: the memory never grows, because growing would detach the views above.
   * @param use `parallel`: several threads execute on it. `shared`: they might, which spares V8 a garbage collection: the
   * size of other memories counts as if it were used. What is no longer wanted may stay until much else is garbage, though.
   */
  constructor(megabytes = 4096, { parallel = false, shared = parallel }: MemoryUse = {}) {
    const pages = Math.min(65536, Math.max(16, megabytes * 16));
    this.wasm = new WebAssemblyHost.Memory({ initial: pages, maximum: pages, ...(shared && { shared }) });
    this.shared = shared;
    this.parallel = parallel;
    const b = this.wasm.buffer;
    this.u8 = new Uint8Array(b);
    this.u16 = new Uint16Array(b);
    this.u32 = new Uint32Array(b);
    this.i32 = new Int32Array(b);
    this.u64 = new BigUint64Array(b);
    this.i64 = new BigInt64Array(b);
    this.view = new DataView(b);
    this.frames = b.byteLength / FRAME_SIZE;
    this.refs = new Uint16Array(this.frames);
    this.watched = new Uint8Array(this.frames);
    this.written = new Uint8Array(this.frames);
    this.written[0] = 1;
    this.refs[0] = 1; // frame 0 is never handed out: host address 0 means "fault" in compiled code
    this.first = this.frames > 2 * OTHERS ? OTHERS : 1;
  }

  get megabytes(): number {
    return this.frames / 256;
  }
  get usedFrames(): number {
    return this.used;
  }
  /** Those of them that allocFixed gave. */
  get fixedFrames(): number {
    return this.fixed;
  }
  /** The others: what programs have of the memory. What allocFixed gives is the engine's, and may depend on earlier runs. */
  get programFrames(): number {
    return this.used - this.fixed;
  }

  /** A zeroed frame with reference count 1. @param wish the one that is preferred, if it is free; 0: any */
  allocFrame(wish = 0): number {
    const f = wish !== 0 && this.isFree(wish) ? wish : this.anyFrame();
    if (this.written[f] !== 0) this.zero(f * FRAME_SIZE, (f + 1) * FRAME_SIZE);
    this.written[f] = 1;
    this.refs[f] = 1;
    this.used++;
    return f;
  }
  isFree(frame: number): boolean {
    return frame < this.frames && this.refs[frame] === 0;
  }
  private anyFrame(): number {
    for (let f = this.free.pop(); f !== undefined; f = this.free.pop()) if (this.refs[f] === 0) return f;
    while (this.looked < this.frames) {
      const f = this.frameAt(this.looked++);
      if (this.refs[f] === 0) return f;
    }
    throw new OutOfFrames();
  }
  private frameAt(place: number): number {
    return (this.first + place) % this.frames;
  }
  /** It has been looked at: nobody will come across it again. */
  private isBehind(frame: number): boolean {
    return (frame - this.first + this.frames) % this.frames < this.looked;
  }

  /** `bytes` of zeroed contiguous memory that is never freed (CPU state, TLBs). @returns its byte address. */
  allocFixed(bytes: number): number {
    const n = Math.ceil(bytes / FRAME_SIZE);
    for (let from = this.looked; ; ) {
      const f = this.frameAt(from);
      if (from + n > this.frames || f + n > this.frames) throw new OutOfFrames();
      // Thousands of frames: V8 would begin to optimise a loop.
      const taken = this.written.subarray(f, f + n).lastIndexOf(1);
      if (taken >= 0) {
        from += taken + 1;
        continue;
      }
      if (from === this.looked) this.looked += n;
      this.used += n;
      this.fixed += n;
      this.refs.fill(1, f, f + n);
      this.written.fill(1, f, f + n);
      return f * FRAME_SIZE;
    }
  }

  /** Both multiples of 8: in a memory that is shared V8 fills element by element. */
  zero(from: number, to: number): void {
    this.u64.fill(0n, from >>> 3, to / 8);
  }
  ref(frame: number): void {
    this.refs[frame]!++;
  }
  refCount(frame: number): number {
    return this.refs[frame]!;
  }
  /** Drops a reference; the frame is reused after the last one. */
  unref(frame: number): void {
    const n = this.refs[frame]!;
    if (n === 0) throw new InternalError(`frame ${frame} freed twice`);
    this.refs[frame] = n - 1;
    if (n === 1) {
      if (this.watched[frame]) {
        this.watched[frame] = 0;
        for (const w of this.watchers) w(frame);
      }
      if (this.isBehind(frame)) this.free.push(frame);
      this.used--;
    }
  }
  /** Calls the listener when a frame that was passed to `watch` is freed. */
  watchFree(listener: (frame: number) => void): void {
    this.watchers.push(listener);
  }
  watch(frame: number): void {
    this.watched[frame] = 1;
  }
  /** The bytes of a frame (a live view). */
  frameBytes(frame: number): Uint8Array {
    return this.u8.subarray(frame * FRAME_SIZE, (frame + 1) * FRAME_SIZE);
  }
}
