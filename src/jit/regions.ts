// The regions that there are: which places are theirs, which run now, and which wait for their code to come back. Knows
// nothing of how they are made: what an earlier run has made can be used before the compiler is there.

import type { CrcName } from '../cpu/crc32.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import type { CpuState } from '../cpu/state.ts';
import type { ImportRow } from '../interp/imports.ts';
import type { TierHost } from '../interp/region.ts';
import { Cell, Refusal } from '../interp/region_check.ts';
import type { FunctionBody } from '../wasm/module.ts';
import { Area } from './area.ts';
import { Cells } from './cells.ts';
import { ConstantMemory } from './constants.ts';
import { Cover, type PageSpan, type Span } from './cover.ts';
import type { Assumptions } from './lift.ts';
import { ENTRY_INDEX, entryNumber, indexOf, PLACES_PER_PAGE, pageOf } from './places.ts';

export interface Known extends Assumptions {
  /** The same for the same assumptions. */
  readonly key: string;
}
export const keyOf = ({ fpOn, fpcr, sve, spMask }: Assumptions): string => `${fpOn} ${fpcr} ${sve} ${spMask}`;

/** Whether code uses what is assumed of SP, of FP and SIMD, of inexact results. */
export interface Uses {
  readonly sp: boolean;
  readonly fp: boolean;
  readonly inexact: boolean;
}
/** A region, wherever its code lies. */
export interface RegionCode extends Uses {
  /** What was assumed when it was made. */
  readonly known: Known;
  /** Which cell its code names. */
  readonly cell: number;
  readonly entries: readonly { readonly place: number; readonly limit: number }[];
  /** How far they are from the root's, and what their contents come to (CodePages.sumOf). */
  readonly pages: readonly { readonly page: number; readonly sum: number }[];
  /** Its places, by the index of a page, and the words there. */
  readonly spans: readonly PageSpan[];
  readonly words: Uint32Array;
  /** Of its module, if it has one of its own. */
  readonly bytes: number;
  /** For another module; undefined: nobody wants to keep it. */
  readonly body: FunctionBody | undefined;
}

export class Region {
  readonly code: RegionCode;
  /** Later ones are entered where both begin. */
  readonly order: number;
  /** How often it has been kept without having been used; -1: never kept. */
  readonly age: number;
  /** Number of its function in the table, if it is there. */
  slot: number | undefined;
  /** Those of its pages, while it is where it may run. */
  records: readonly number[] | undefined;
  spans: readonly Span[] = [];
  /** Entries that are still hooked. */
  live = 0;
  used = false;

  constructor(code: RegionCode, order: number, slot?: number, age = -1) {
    this.code = code;
    this.order = order;
    this.slot = slot;
    this.age = age;
  }
  /** It has been made in this run. */
  get isNew(): boolean {
    return this.age < 0;
  }
  get instructions(): number {
    return this.code.words.length;
  }
}

/** In which of the records of its pages a place of a region is: the pages are few. */
function whereIs({ pages }: RegionCode, records: readonly number[], place: number): number {
  const page = pageOf(place);
  let i = 0;
  while (pages[i]!.page !== page) i++;
  return records[i]!;
}
/** The region may run in this state. */
function fits({ code: { known, fp, inexact, sp } }: Region, now: Known): boolean {
  if (known.guarded !== now.guarded || (known.flat && !now.flat) || (inexact && known.ixc && !now.ixc)) return false;
  if (sp && known.spMask !== now.spMask) return false;
  return !fp || (known.fpOn === now.fpOn && known.fpcr === now.fpcr && (known.sve || !now.sve));
}

/** What has been done, for those who ask. */
export interface TierStats {
  regions: number;
  instructions: number;
  bytes: number;
  milliseconds: number;
  dropped: number;
  samples: number;
  /** Regions that an earlier run has made, and that were used. */
  kept: number;
  /** Regions that are there now, and what they take, in bytes, by estimation. */
  present: number;
  cached: number;
}
export const NO_STATS: Readonly<TierStats> = {
  regions: 0, instructions: 0, bytes: 0, milliseconds: 0, dropped: 0, samples: 0, kept: 0, present: 0, cached: 0,
}; // biome-ignore format: a table

/** What a byte of WebAssembly becomes: itself, what the engine remembers of it, machine code of two qualities. */
const GROWTH = 16;
/** Megabytes that compiled code may take where nobody says how many. */
export const DEFAULT_CACHE = 256;
/** Regions that wait for their code to come back. */
const MAX_WAITING = 4096;
const MAX_DUE = 256;

/** A place where a region may be put. */
interface Site {
  readonly region: Region;
  readonly cpu: CpuState;
  /** Address of the page of the root. */
  readonly base: bigint;
}

/** Regions of an earlier run, and what their code names. */
export interface Kept {
  readonly regions: readonly Region[];
  readonly imports: readonly ImportRow[];
  readonly vectors: readonly bigint[];
  readonly tables: readonly CrcName[];
  /** Some may multiply and add with one rounding. */
  readonly fused: boolean;
  /** Puts the functions of all of them into the table. @returns the number of the first, or undefined if that cannot be */
  load(host: TierHost): number | undefined;
}

export class Regions {
  readonly stats: TierStats = { ...NO_STATS };
  readonly host: TierHost;
  readonly cells: Cells;
  readonly constants: ConstantMemory;
  readonly cover = new Cover<Region>();
  /** Some may multiply and add with one rounding. */
  fused = false;
  /** All functions of regions import these, or the first of them: their code is good for any module that does. */
  readonly imports: ImportRow[] = [];
  /** Megabytes that compiled code may take. */
  private readonly most: number;
  /** Those that run now. */
  private readonly bySlot = new Map<number, Region>();
  private readonly byPage = new Map<number, Set<Region>>();
  /** Those that wait, the oldest first; by what their pages hold. */
  private readonly waiting = new Set<Region>();
  private readonly bySum = new Map<number, Set<Region>>();
  private due: Site[] = [];
  private kept: Kept | undefined;
  private bytes = 0;
  private made = 0;

  /** @param cache see TierOptions */
  constructor(host: TierHost, cache: number) {
    const { mem, area } = host;
    this.host = host;
    this.most = cache * 2 ** 20;
    this.constants = new ConstantMemory(mem, area.at);
    this.cells = new Cells(mem, area.at + Area.cells, area.size - Area.cells);
  }
  /** Has regions of an earlier run wait for their code. */
  use(kept: Kept): void {
    this.kept = kept;
    this.fused = kept.fused;
    this.imports.push(...kept.imports);
    for (const value of kept.vectors) this.constants.vector(value);
    for (const name of kept.tables) this.constants.crcTables(name);
    for (const region of kept.regions) {
      this.made = Math.max(this.made, region.order + 1);
      if (this.cells.claim(region.code.cell)) this.wait(region);
    }
  }
  /** All that run or wait. */
  *all(): Generator<Region> {
    yield* this.waiting;
    yield* this.bySlot.values();
  }

  /** The region that begins at a place and may run now. */
  at(records: number, index: number, known: Known): Region | undefined {
    const region = this.hookedAt(records, index);
    return region && fits(region, known) ? region : undefined;
  }
  private hookedAt(records: number, index: number): Region | undefined {
    return this.bySlot.get(this.host.pages.hookOf(records, index)?.slot ?? -1);
  }

  /** Where a region has refused to run since this was last asked, and would do so again. */
  takeRefusal(cpu: CpuState, known: Known): { pc: bigint; records: number; index: number } | undefined {
    const { mem, area } = this.host;
    const at = area.at + Area.refusal;
    const cell = mem.u32[(at + Refusal.cell) >>> 2]!;
    if (cell === 0) return undefined;
    mem.u32[(at + Refusal.cell) >>> 2] = 0;
    const region = this.bySlot.get(mem.u32[(cell + Cell.slot) >>> 2]!);
    const entry = region?.code.entries[mem.u32[(at + Refusal.entry) >>> 2]! & ENTRY_INDEX];
    if (!region || !entry || region.code.known.guarded !== known.guarded) return undefined;
    const base = mem.view.getBigUint64(at + Refusal.base, true);
    if (fits(region, known) && this.recordsAt({ region, cpu, base })) return undefined;
    const pc = base + BigInt(entry.place * 4);
    const records = this.host.recordsAt(cpu, pc, known.guarded);
    const index = indexOf(entry.place);
    return this.hookedAt(records, index) === region ? { pc, records, index } : undefined;
  }
  /** A region has been made. @param records of its pages */
  add(code: RegionCode, slot: number, records: readonly number[]): Region {
    const region = new Region(code, this.made++, slot);
    this.bytes += code.bytes;
    this.put(region, slot, records);
    while (this.bytes * GROWTH > this.most) {
      const oldest = this.oldest();
      if (!oldest || oldest === region) break;
      this.drop(oldest);
    }
    this.tellSize();
    return region;
  }
  private oldest(): Region | undefined {
    for (const region of this.waiting) if (region.slot !== undefined) return region;
    const [oldest] = this.bySlot.values();
    return oldest;
  }
  /** From now on the region runs where its code is. */
  private put(region: Region, slot: number, records: readonly number[]): void {
    const { cover, host, byPage } = this;
    const { entries, spans } = region.code;
    const { pages } = host;
    region.slot = slot;
    region.records = records;
    region.used = true;
    region.spans = spans.map(({ page, from, to }) => ({ records: records[page]!, from, to }));
    this.cells.write(region.code, slot, records);
    this.bySlot.set(slot, region);
    for (let i = 0; i < entries.length; i++) {
      const { place, limit } = entries[i]!;
      const at = whereIs(region.code, records, place);
      const index = indexOf(place);
      const before = this.hookedAt(at, index);
      if (before && before.order > region.order) continue;
      pages.hook(at, index, { slot, entry: entryNumber(i, place), limit });
      region.live++;
      if (before && --before.live === 0) this.drop(before);
    }
    for (const p of records) byPage.set(p, (byPage.get(p) ?? new Set()).add(region));
    cover.add(region.spans, region);
    if (region.live === 0) this.drop(region);
  }

  /** Nothing that was compiled from these records may run again, unless the same code is there again. */
  lost(records: number): void {
    for (const region of this.byPage.get(records) ?? []) {
      // On threads nobody says when it comes back.
      if (this.host.mem.parallel) {
        this.drop(region);
        continue;
      }
      this.takeAway(region);
      this.wait(region);
      const [oldest] = this.waiting;
      if (this.waiting.size > MAX_WAITING) this.drop(oldest!);
    }
  }
  private takeAway(region: Region): void {
    const { host, cover } = this;
    if (!region.records) return;
    for (const { place } of region.code.entries)
      host.pages.unhook(whereIs(region.code, region.records, place), indexOf(place), region.slot!);
    for (const p of region.records) this.byPage.get(p)?.delete(region);
    cover.remove(region.spans, region);
    this.bySlot.delete(region.slot!);
    region.records = undefined;
    region.spans = [];
    region.live = 0;
    this.stats.dropped++;
    this.tellSize();
  }
  /** It is gone for good. */
  drop(region: Region): void {
    this.takeAway(region);
    this.unwait(region);
    if (region.slot !== undefined) {
      this.host.setSlot(region.slot);
      this.bytes -= region.code.bytes;
    }
    region.slot = undefined;
    this.cells.release(region.code.cell);
    this.tellSize();
  }
  private tellSize(): void {
    this.stats.present = this.bySlot.size;
    this.stats.cached = this.bytes * GROWTH;
  }

  // ---- those that wait -------------------------------------------------------------------------------------------------------

  private wait(region: Region): void {
    this.waiting.add(region);
    for (const { sum } of region.code.pages) this.bySum.set(sum, (this.bySum.get(sum) ?? new Set()).add(region));
  }
  private unwait(region: Region): void {
    if (!this.waiting.delete(region)) return;
    for (const { sum } of region.code.pages) {
      const alike = this.bySum.get(sum);
      if (alike?.delete(region) && alike.size === 0) this.bySum.delete(sum);
    }
  }
  /** See Tier. */
  arrived(cpu: CpuState, pc: bigint, records: number, guarded: boolean): boolean {
    const found = this.bySum.get(this.host.pages.sumOf(records));
    if (!found || this.due.length >= MAX_DUE) return false;
    const page = pc & -BigInt(FRAME_SIZE);
    for (const region of found) {
      if (region.code.known.guarded !== guarded) continue;
      for (const { page: distance } of region.code.pages) {
        const site = { region, cpu, base: page - BigInt(distance * FRAME_SIZE) };
        if (this.recordsAt(site)) this.due.push(site);
      }
    }
    return this.due.length > 0;
  }
  /** The records of the region's pages if they are where they can be found, with the same contents. */
  private recordsAt({ region, cpu, base }: Site): number[] | undefined {
    const { host } = this;
    const { known, pages } = region.code;
    const found: number[] = [];
    for (const { page, sum } of pages) {
      const records = host.recordsAt(cpu, base + BigInt(page * FRAME_SIZE), known.guarded);
      if (records === 0 || host.pages.sumOf(records) !== sum) return undefined;
      found.push(records);
    }
    return found;
  }
  /** Puts what `arrived` has found where it may run. To be called while no code runs. @returns whether there was something */
  putDue(): boolean {
    const { due } = this;
    if (due.length === 0) return false;
    this.due = [];
    for (const site of due.sort((a, b) => a.region.order - b.region.order)) {
      const { region } = site;
      const records = this.waiting.has(region) ? this.recordsAt(site) : undefined;
      if (!records) continue;
      this.unwait(region);
      // What only looks alike is never wanted.
      if (!this.isSame(region, records)) this.drop(region);
      else {
        const slot = region.slot ?? this.load(region);
        if (slot === undefined) return true;
        if (!region.used) this.stats.kept++;
        this.put(region, slot, records);
      }
    }
    return true;
  }
  private isSame({ code: { spans, words } }: Region, records: readonly number[]): boolean {
    const { mem, pages } = this.host;
    let i = 0;
    for (const { page, from, to } of spans) {
      const first = pages.frameOf(records[page]!) * PLACES_PER_PAGE;
      for (let at = first + from; at < first + to; at++) if (mem.u32[at] !== words[i++]) return false;
    }
    return true;
  }
  /** Has the functions of all regions that were kept in the table. @returns the number of one; undefined: that cannot be */
  private load(region: Region): number | undefined {
    const { kept } = this;
    this.kept = undefined;
    const first = kept?.load(this.host);
    if (kept && first === undefined) {
      for (const r of kept.regions) this.drop(r);
      this.fused = false;
    } else if (kept)
      for (const [i, r] of kept.regions.entries()) {
        r.slot = first! + i;
        this.bytes += r.code.bytes;
      }
    return region.slot;
  }
}
