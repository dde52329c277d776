// Decides what is compiled. Samples say where time goes: a place that is met often becomes the root of a region. What is
// decided depends on the samples alone, which come by instruction count, and shows in nothing but speed.

import { WebAssemblyHost } from '../base/webassembly.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { type CpuState, Slot } from '../cpu/state.ts';
import { FLAT } from '../cpu/tlb.ts';
import { FPSR_IXC } from '../interp/emit_fp.ts';
import { HOST, importer, TABLE } from '../interp/program.ts';
import { Special } from '../interp/record.ts';
import type { MakeTier, Tier, TierHost } from '../interp/region.ts';
import { ModuleBuilder } from '../wasm/builder.ts';
import { Cell, Cells } from './cells.ts';
import { ConstantMemory } from './constants.ts';
import { Counts } from './counts.ts';
import { Cover, type Span, spansOf } from './cover.ts';
import type { CompiledRegion } from './dump.ts';
import { forgetsImporters, hasFusedMultiplyAdd } from './features.ts';
import { PLACES_PER_PAGE, pageOf } from './frame.ts';
import { explore } from './graph.ts';
import type { Assumptions, Lifted } from './lift.ts';
import { Lifts } from './lifts.ts';
import { entryNumber } from './links.ts';
import { buildRegion } from './region.ts';

export interface TierOptions {
  /** Samples of a place before it is compiled. */
  readonly threshold: number;
  /** Interpreted instructions between samples: at least, and at most where everything is compiled. */
  readonly stretch: readonly [number, number];
  /** Instructions of a region. */
  readonly size: number;
  /** Megabytes that compiled code may take; the oldest is dropped. */
  readonly cache: number;
  /** Milliseconds, for the statistics. */
  now(): number;
  /** Compiled code counts what it does. */
  readonly count?: boolean;
  /** Is told of every region. */
  dump?(region: CompiledRegion): void;
}
const DEFAULTS: TierOptions = { threshold: 4, stretch: [1 << 14, 1 << 16], size: 500, cache: 256, now: () => 0 };
const MAX_ENTRIES = 64;
/** Regions that places which branches lead to are scattered over before they are made one. */
const SCATTERED = 1;
/** Samples in a row that may meet the beginnings of regions. */
const PATIENCE = 8;
/** What a byte of WebAssembly becomes: itself, what the engine remembers of it, machine code of two qualities. */
const GROWTH = 16;
/** Accesses of a region to pages that are not flat, after which it is made for such. */
const MANY_MISSES = 1000;
const MAX_HEAT = 1 << 16;
/** A place inside a region that is not one of its entries is met this many times as often before it becomes one. */
const COVERED = 4;

interface Known extends Assumptions {
  /** The same for the same assumptions. */
  readonly key: string;
}
function assumptionsOf(cpu: CpuState, guarded: boolean, flat: boolean): Known {
  const fpOn = cpu.get(Slot.FP_ON) !== 0n;
  const fpcr = Number(cpu.get(Slot.FPCR) & 0xffff_ffffn);
  const sve = cpu.sveLive !== 0;
  const ixc = (cpu.get(Slot.FPSR) & BigInt(FPSR_IXC)) !== 0n;
  const spMask = cpu.low(Slot.SP_MASK);
  return { fpOn, fpcr, ixc, sve, spMask, guarded, flat, key: `${fpOn} ${fpcr} ${sve} ${spMask}` };
}
/** The region may run in this state. */
function fits({ known, fp, inexact, sp }: Region, now: Known): boolean {
  if (known.guarded !== now.guarded || (known.flat && !now.flat) || (inexact && known.ixc && !now.ixc)) return false;
  if (sp && known.spMask !== now.spMask) return false;
  return !fp || (known.fpOn === now.fpOn && known.fpcr === now.fpcr && (known.sve || !now.sve));
}

interface Region {
  /** What was assumed when it was made, and whether it uses what is assumed of SP, of FP and SIMD, of inexact results. */
  readonly known: Known;
  readonly sp: boolean;
  readonly fp: boolean;
  readonly inexact: boolean;
  /** Entries that are still hooked. */
  live: number;
  readonly slot: number;
  readonly cell: number | undefined;
  readonly entries: readonly { readonly records: number; readonly index: number }[];
  readonly pages: readonly number[];
  readonly spans: readonly Span[];
  readonly bytes: number;
}

/** What has been done, for those who ask. */
export interface TierStats {
  regions: number;
  instructions: number;
  bytes: number;
  milliseconds: number;
  dropped: number;
  samples: number;
  /** Regions that are there now, and what they take, in bytes, by estimation. */
  present: number;
  cached: number;
}
export const NO_STATS: Readonly<TierStats> = {
  regions: 0, instructions: 0, bytes: 0, milliseconds: 0, dropped: 0, samples: 0, present: 0, cached: 0,
}; // biome-ignore format: a table

class JitTier implements Tier {
  readonly stats: TierStats = { ...NO_STATS };
  readonly counts: Counts | undefined;
  private readonly host: TierHost;
  private readonly options: TierOptions;
  private readonly fused = hasFusedMultiplyAdd();
  private readonly constants: ConstantMemory;
  private readonly cells: Cells;
  stretch: number;
  private readonly linked = forgetsImporters();
  /** Samples in a row that met the beginning of a region. */
  private passedBy = 0;
  private jitter = 1;
  /** Of all regions. */
  private bytes = 0;
  /** Samples, by address of the record. */
  private readonly heat = new Map<number, number>();
  private readonly cover = new Cover<Region>();
  private readonly bySlot = new Map<number, Region>();
  private readonly byPage = new Map<number, Set<Region>>();
  private readonly lifts: Lifts;

  constructor(host: TierHost, options: TierOptions) {
    this.host = host;
    this.lifts = new Lifts(host.decoder);
    this.options = options;
    this.stretch = options.stretch[0];
    this.counts = options.count ? new Counts(host.mem) : undefined;
    this.constants = new ConstantMemory(host.mem);
    this.cells = new Cells(host.mem);
  }

  sample(cpu: CpuState, pc: bigint, records: number, guarded: boolean): number {
    const { threshold, stretch } = this.options;
    const [least, most] = stretch;
    this.stats.samples++;
    const index = Number(pc & BigInt(FRAME_SIZE - 1)) >>> 2;
    this.counts?.survey(this.host, records, index);
    const flat =
      this.host.links !== undefined &&
      this.host.mem.u32[(this.host.mem.u32[(cpu.base + Slot.TLB) >>> 2]! + FLAT) >>> 2] !== 0;
    const known = assumptionsOf(cpu, guarded, flat);
    const region = this.regionAt(records, index, known);
    if (region && this.missesOften(region)) {
      this.drop(region);
      this.compile(cpu, pc, records, index, { ...known, flat: false });
    } else if (region) {
      // What was interpreted led here: it can be met where the region is left.
      if (++this.passedBy < PATIENCE) return 0;
      this.passedBy = 0;
      this.stretch = Math.min(2 * this.stretch, most);
    } else {
      this.passedBy = 0;
      this.stretch = Math.max(this.stretch >>> 1, least);
      const key = records + index;
      const heat = (this.heat.get(key) ?? 0) + 1;
      if (this.heat.size >= MAX_HEAT) this.heat.clear();
      this.heat.set(key, heat);
      if (heat >= threshold * (this.cover.at(records, index) ? COVERED : 1)) {
        this.heat.delete(key);
        this.compile(cpu, pc, records, index, known);
      }
    }
    // Loops must not beat against the samples.
    this.jitter = (Math.imul(this.jitter, 1664525) + 1013904223) >>> 0;
    return this.stretch + (this.jitter % (this.stretch >>> 2));
  }

  /** Most of what it accesses has no place of its own: it is better off with the TLB. */
  private missesOften({ known, cell }: Region): boolean {
    return known.flat && cell !== undefined && this.host.mem.u32[(cell + Cell.missed) >>> 2]! > MANY_MISSES;
  }
  dropped(records: number): void {
    for (const region of this.byPage.get(records) ?? []) this.drop(region);
  }

  private drop(region: Region): void {
    const { pages } = this.host;
    for (const e of region.entries) pages.unhook(e.records, e.index, region.slot);
    for (const p of region.pages) this.byPage.get(p)?.delete(region);
    this.cover.remove(region.spans, region);
    this.host.setSlot(region.slot);
    this.bySlot.delete(region.slot);
    this.bytes -= region.bytes;
    this.stats.dropped++;
    this.tellSize();
  }

  private tellSize(): void {
    this.stats.present = this.bySlot.size;
    this.stats.cached = this.bytes * GROWTH;
  }

  private compile(cpu: CpuState, pc: bigint, root: number, index: number, known: Known): void {
    const { host, options } = this;
    const { pages } = host;
    const start = options.now();
    const near = new Map<number, number>();
    const recordsOf = (page: number): number => {
      let records = near.get(page);
      if (records === undefined) {
        records = page === 0 ? root : host.recordsAt(cpu, pc + BigInt(page * FRAME_SIZE), known.guarded);
        if (records !== 0 && !pages.isFresh(records)) records = 0;
        near.set(page, records);
      }
      return records;
    };
    const indexOf = (place: number): number => place - pageOf(place) * PLACES_PER_PAGE;
    const word = (place: number): number => {
      const frame = pages.frameOf(recordsOf(pageOf(place)));
      return host.mem.u32[frame * PLACES_PER_PAGE + indexOf(place)]!;
    };
    const fetch = (place: number): Lifted | undefined => {
      const records = recordsOf(pageOf(place));
      if (records === 0 || pages.handlerAt(records, indexOf(place)) === Special.Decode) return undefined;
      return this.lifts.of(word(place), known, known.key);
    };
    const elsewhere = (place: number): boolean => {
      const records = recordsOf(pageOf(place));
      return records !== 0 && this.regionAt(records, indexOf(place), known) !== undefined;
    };
    const limits = { size: options.size, entries: MAX_ENTRIES };
    const graph = explore(index, fetch, () => this.landings(root, known), limits, elsewhere);
    if (graph.entries[0] !== index) return;
    const slot = host.takeSlot();
    if (slot === undefined) return;

    const cell = host.links === undefined ? undefined : this.cells.of(slot);
    const module = new ModuleBuilder();
    const { add, names } = importer(module, host.mem.shared);
    const used = new Map<number, number>();
    for (const b of graph.blocks.values()) {
      for (const place of [b.start, b.start + b.code.length - 1]) used.set(pageOf(place), recordsOf(pageOf(place)));
    }
    if (this.linked) module.importTable(HOST, TABLE);
    const built = buildRegion(module, add, graph, {
      known,
      records: used,
      slot,
      cell,
      links: host.links,
      flat: host.flat,
      fused: this.fused,
      parallel: host.mem.parallel,
      linked: this.linked,
      ...(this.counts && { counts: this.counts.at }),
      constants: this.constants,
    });
    module.export('0', built.func);
    const bytes = module.finish();
    module.free();
    options.dump?.({ base: pc & ~BigInt(FRAME_SIZE - 1), graph, limits: built.limits, bytes, word });
    host.setSlot(slot, { module: new WebAssemblyHost.Module(bytes), imports: names });

    const entries = graph.entries.map((place, i) => ({
      records: recordsOf(pageOf(place)),
      index: indexOf(place),
      number: entryNumber(i, place),
      limit: built.limits[i]!,
    }));
    const blocks = [...graph.blocks.values()];
    const region: Region = {
      known,
      sp: blocks.some((b) => b.code.some((one) => one.sp)),
      fp: blocks.some((b) => b.code.some((one) => one.fp)),
      inexact: blocks.some((b) => b.code.some((one) => one.inexact)),
      live: entries.length,
      slot,
      cell,
      entries,
      pages: [...used.values()],
      spans: spansOf(blocks, recordsOf),
      bytes: bytes.length,
    };
    for (const e of entries) {
      const before = this.bySlot.get(pages.hookOf(e.records, e.index)?.slot ?? -1);
      pages.hook(e.records, e.index, { slot, entry: e.number, limit: e.limit });
      if (before && --before.live === 0) this.drop(before);
    }
    for (const p of region.pages) {
      const set = this.byPage.get(p) ?? new Set();
      this.byPage.set(p, set.add(region));
    }
    this.bySlot.set(slot, region);
    this.cover.add(region.spans, region);
    this.bytes += bytes.length;
    while (this.bytes * GROWTH > options.cache * 2 ** 20) {
      const [oldest] = this.bySlot.values();
      if (!oldest || oldest === region) break;
      this.drop(oldest);
    }
    this.tellSize();
    this.stats.regions++;
    this.stats.instructions += graph.size;
    this.stats.bytes += bytes.length;
    this.stats.milliseconds += options.now() - start;
  }

  /** The region that begins at a place and may run now. */
  private regionAt(records: number, index: number, known: Known): Region | undefined {
    const hook = this.host.pages.hookOf(records, index);
    const region = hook && this.bySlot.get(hook.slot);
    return region && fits(region, known) ? region : undefined;
  }
  /** Places of the page of the root that branches have been seen to lead to, and that are not well where they are. */
  private landings(root: number, known: Known): number[] {
    const fresh: number[] = [];
    const all: number[] = [];
    const regions = new Set<Region>();
    for (let i = 0; i < PLACES_PER_PAGE; i++) {
      const region = this.regionAt(root, i, known);
      if (region) regions.add(region);
      else if (!this.heat.has(root + i)) continue;
      else fresh.push(i);
      all.push(i);
    }
    return regions.size > SCATTERED ? all : fresh;
  }
}

/** A tier that compiles regions. @param report is given what it has done so far, at once */
export function jitTier(
  options: Partial<TierOptions> = {},
  report?: (stats: TierStats, counts: Counts | undefined) => void,
): MakeTier {
  return (host) => {
    const tier = new JitTier(host, { ...DEFAULTS, ...options });
    report?.(tier.stats, tier.counts);
    return tier;
  };
}
