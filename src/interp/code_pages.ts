// Pages of pre-decoded records, one for each frame that code was fetched from. Records are filled in one by one when
// they are first executed. Knows frames and records, not what is in them.

import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { Slot, V_STRIDE } from '../cpu/state.ts';
import type { RegKind } from '../isa/record.ts';
import { EndRecord, LANDINGS, LONGEST, RECORD_PAGE_SIZE, RECORD_SIZE, RECORDS_PER_PAGE, Special } from './record.ts';
import { HookEntry } from './region.ts';

const CHUNK_SIZE = 1 << 20;
const PAGES_PER_CHUNK = Math.floor(CHUNK_SIZE / RECORD_PAGE_SIZE);
const ASIDE_SIZE = FRAME_SIZE;
const END = RECORDS_PER_PAGE * RECORD_SIZE;
const WORDS = FRAME_SIZE / 4;

/** Where a register operand lies in the CPU state: 31 is what the operand's kind says. */
export function registerOffset(kind: RegKind, n: number): number {
  if (kind === 'v') return Slot.V + n * V_STRIDE;
  if (n < 31) return Slot.X + 8 * n;
  return kind === 'xr' ? Slot.ZERO : kind === 'xw' ? Slot.SINK : Slot.SP;
}

/** Where in u16 the number in a record is: that of its handler, or a Special. */
const numberPlace = (records: number, index: number): number => (records + index * RECORD_SIZE) >>> 1;

/** Blocks for operands that do not fit their record, and the free room in the last one. */
interface Aside {
  readonly blocks: number[];
  next: number;
  end: number;
}

/** What the record of a region's entry needs to know. */
export interface Hook {
  readonly slot: number;
  readonly entry: number;
  /** Most instructions until the region looks at the budget. */
  readonly limit: number;
}

export class CodePages {
  private readonly mem: PhysMem;
  // Pages are known by the address of their records. Most of what there is to know of one stands behind these.
  private readonly byFrame = new Map<number, number>();
  private readonly free: number[] = [];
  private readonly asides = new Map<number, Aside>();
  /** Where the hooks of regions are, of pages that have some. */
  private readonly hooks = new Map<number, number>();
  private readonly freeAside: number[] = [];
  /** Pages given up while code was running: some may still be on the way through them. */
  private readonly retired: number[] = [];
  private readonly freeHooks: number[] = [];
  private chunkNext = 0;
  private chunkEnd = 0;
  /** Called when decoded code is dropped, with the records. */
  onDrop: (records: number) => void = () => {};
  /** Called when a hook has been set or taken away. */
  onHook: () => void = () => {};
  /** The handler of the first of the records that one handler does. */
  singleOf: (number: number) => number = (number) => number;
  /** Of the contents of the frame at an address: compiled code, for TypeScript that has not run often takes its time. */
  sum: (address: number) => number = () => 0;
  /** Called before decoded code is dropped. */
  beforeLoss: () => void = () => {};

  constructor(mem: PhysMem) {
    this.mem = mem;
    mem.watchFree((frame) => this.retire(frame));
  }

  /**
   * Address of the records of a frame. Records of contents that have changed since are dropped.
   * @param first number of the one that will be looked at first
   */
  recordsOf(frame: number, first = 0): number {
    const sum = this.sum(frame * FRAME_SIZE);
    const { u16, u32, i32 } = this.mem;
    let records = this.byFrame.get(frame);
    if (records !== undefined) {
      if (this.sumOf(records) !== sum) this.clear(records);
    } else {
      records = this.free.pop() ?? this.make(first);
      this.byFrame.set(frame, records);
      this.mem.watch(frame);
      u32[(records + END + EndRecord.frame) >>> 2] = frame;
    }
    i32[(records + END + EndRecord.sum) >>> 2] = sum;
    // What is about to be decoded is what the sum is of: compiled code may do it.
    u16[(records + END + EndRecord.used) >>> 1] = 1;
    return records;
  }
  /** The word that the record at `ip` is of, and its number in the page: it is about to be decoded. */
  locate(ip: number, records: number): { word: number; index: number } {
    const index = (ip - records) / RECORD_SIZE;
    return { word: this.mem.u32[this.use(records) * WORDS + index]!, index };
  }
  /** Something is about to be known of what the page holds. @returns its frame */
  private use(records: number): number {
    const frame = this.frameOf(records);
    if (!this.isUsed(records)) {
      this.mem.u16[(records + END + EndRecord.used) >>> 1] = 1;
      this.mem.i32[(records + END + EndRecord.sum) >>> 2] = this.sum(frame * FRAME_SIZE);
    }
    return frame;
  }
  /** Records may have been decoded since the page was cleared, or more is known. */
  private isUsed(records: number): boolean {
    return this.mem.u16[(records + END + EndRecord.used) >>> 1] !== 0;
  }
  /** Remembers that a branch may land at a place. @param bit its type, and LANDING_GUARDED */
  setLanding(records: number, index: number, bit: number): void {
    this.use(records);
    this.mem.u8[records + LANDINGS + index]! |= 1 << bit;
  }
  /** Changes with what the page held when its records were last asked for. */
  sumOf(records: number): number {
    return this.mem.i32[(records + END + EndRecord.sum) >>> 2]!;
  }
  /** The word that the record of a number in a page is of. */
  wordAt(records: number, index: number): number {
    return this.mem.u32[this.frameOf(records) * WORDS + index]!;
  }
  frameOf(records: number): number {
    return this.mem.u32[(records + END + EndRecord.frame) >>> 2]!;
  }
  /** The frame holds what it held when the records were last fetched from. */
  isFresh(records: number): boolean {
    const frame = this.frameOf(records);
    return this.byFrame.get(frame) === records && this.sumOf(records) === this.sum(frame * FRAME_SIZE);
  }

  // ---- regions ----------------------------------------------------------------------------------------------------------------

  /** The handler of a record, behind a hook if there is one. */
  handlerAt(records: number, index: number): number {
    return this.mem.u16[this.handlerPlace(records, index)]!;
  }
  /** Where in u16 the number is. */
  private handlerPlace(records: number, index: number): number {
    const record = numberPlace(records, index);
    const isHooked = this.mem.u16[record] === Special.Region;
    return isHooked ? (this.hookAt(records, index) + HookEntry.handler) >>> 1 : record;
  }
  /** What the record of a region's entry says, if it is one. */
  hookOf(records: number, index: number): Hook | undefined {
    const { u16 } = this.mem;
    if (u16[numberPlace(records, index)] !== Special.Region) return undefined;
    const at = this.hookAt(records, index);
    const field = (offset: number): number => u16[(at + offset) >>> 1]!;
    return { slot: field(HookEntry.slot), entry: field(HookEntry.entry), limit: field(HookEntry.limit) };
  }
  /** Where the hooks of a page are, from now on. */
  hooksOf(records: number): number {
    let at = this.hooks.get(records);
    if (at === undefined) {
      at = this.freeHooks.pop() ?? this.mem.allocFixed(RECORDS_PER_PAGE << HookEntry.shift);
      this.hooks.set(records, at);
      this.mem.u32[(records + END + EndRecord.hooks) >>> 2] = at;
    }
    return at;
  }
  private hookAt(records: number, index: number): number {
    return this.mem.u32[(records + END + EndRecord.hooks) >>> 2]! + (index << HookEntry.shift);
  }
  /** Has the interpreter enter a region at a record, which need not be decoded yet. */
  hook(records: number, index: number, hook: Hook): void {
    const { u16 } = this.mem;
    this.use(records);
    const at = this.hooksOf(records) + (index << HookEntry.shift);
    const record = numberPlace(records, index);
    for (let i = 1; i < LONGEST && i <= index; i++) this.split(records, index - i);
    if (u16[record] !== Special.Region) u16[(at + HookEntry.handler) >>> 1] = u16[record]!;
    u16[(at + HookEntry.limit) >>> 1] = hook.limit;
    u16[(at + HookEntry.slot) >>> 1] = hook.slot;
    u16[(at + HookEntry.entry) >>> 1] = hook.entry;
    u16[record] = Special.Region;
    this.onHook();
  }
  /** Has the handler of a record do nothing of those after it. */
  split(records: number, index: number): void {
    const { u16 } = this.mem;
    const at = this.handlerPlace(records, index);
    u16[at] = this.singleOf(u16[at]!);
  }
  /** The record behind a hook has been decoded in its place: it stands behind it again. */
  decodedBehindHook(records: number, index: number): void {
    const { u16 } = this.mem;
    const record = numberPlace(records, index);
    u16[(this.hookAt(records, index) + HookEntry.handler) >>> 1] = u16[record]!;
    u16[record] = Special.Region;
  }
  /** Has one handler do a record that has just been decoded and those after it, and those before it and this one. */
  pair(
    records: number,
    index: number,
    pairOf: (first: number, second: number, ip: number) => number | undefined,
  ): void {
    const { u16 } = this.mem;
    for (let i = index; i >= 0 && i > index - LONGEST; i--) {
      if (i + 1 === RECORDS_PER_PAGE) continue;
      const at = numberPlace(records, i);
      const after = u16[numberPlace(records, i + 1)]!;
      const own = this.singleOf(u16[at]!);
      const ip = 2 * at;
      u16[at] = pairOf(own, after, ip) ?? pairOf(own, this.singleOf(after), ip) ?? own;
    }
  }
  /** Has the interpreter run the instruction itself again, if the hook is still that of the region in `slot`. */
  unhook(records: number, index: number, slot: number): void {
    if (this.hookOf(records, index)?.slot !== slot) return;
    this.mem.u16[numberPlace(records, index)] = this.handlerAt(records, index);
    this.onHook();
  }

  /** Room beside the records of a page. */
  allocAside(records: number, bytes: number): number {
    let aside = this.asides.get(records);
    if (!aside) {
      aside = { blocks: [], next: 0, end: 0 };
      this.asides.set(records, aside);
    }
    if (aside.next + bytes > aside.end) {
      const block = this.freeAside.pop() ?? this.mem.allocFixed(ASIDE_SIZE);
      aside.blocks.push(block);
      aside.next = block;
      aside.end = block + ASIDE_SIZE;
    }
    const at = aside.next;
    aside.next = (at + bytes + 7) & ~7;
    return at;
  }

  /** Forgets what was decoded from a frame; its records stay where they are. */
  invalidate(frame: number): void {
    const records = this.byFrame.get(frame);
    if (records !== undefined) this.clear(records);
  }
  /** To be called while no compiled code runs. */
  reclaim(): void {
    if (this.retired.length === 0) return;
    for (const records of this.retired) {
      this.clear(records);
      const aside = this.asides.get(records);
      if (aside) this.freeAside.push(...aside.blocks);
      this.asides.delete(records);
      this.free.push(records);
    }
    this.retired.length = 0;
  }

  private retire(frame: number): void {
    const records = this.byFrame.get(frame);
    if (records === undefined) return;
    this.byFrame.delete(frame);
    this.retired.push(records);
  }
  private clear(records: number): void {
    if (!this.isUsed(records)) return; // invalidation comes line by line
    this.beforeLoss();
    this.mem.u16[(records + END + EndRecord.used) >>> 1] = 0;
    this.onDrop(records);
    // Others may be in the middle of an instruction: its operands stay until it is decoded again.
    if (this.mem.parallel) for (let i = 0; i < WORDS; i++) this.mem.u16[numberPlace(records, i)] = Special.Decode;
    else this.mem.zero(records, records + END);
    this.mem.zero(records + LANDINGS, records + RECORD_PAGE_SIZE);
    const hooks = this.hooks.get(records);
    if (hooks !== undefined) {
      this.freeHooks.push(hooks);
      this.hooks.delete(records);
    }
    const aside = this.asides.get(records);
    if (!aside) return;
    this.freeAside.push(...aside.blocks.splice(1));
    aside.next = aside.blocks[0]!;
    aside.end = aside.next + ASIDE_SIZE;
  }
  private make(first: number): number {
    if (this.chunkNext === this.chunkEnd) {
      this.chunkNext = this.mem.allocFixed(CHUNK_SIZE);
      this.chunkEnd = this.chunkNext + PAGES_PER_CHUNK * RECORD_PAGE_SIZE;
    }
    const records = this.chunkNext;
    this.chunkNext += RECORD_PAGE_SIZE;
    // Memory that is read before it is written to costs the host two page faults.
    this.mem.u16[numberPlace(records, first)] = Special.Decode;
    this.mem.u16[(records + END) >>> 1] = Special.End;
    return records;
  }
}
