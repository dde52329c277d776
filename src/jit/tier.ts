// Decides what is compiled. Samples say where time goes: a place that is met often becomes the root of a region. What is
// decided depends on the samples alone, which come by instruction count, and shows in nothing but speed.

import { WebAssemblyHost } from '../base/webassembly.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { type CpuState, FPSR_IXC, Slot } from '../cpu/state.ts';
import { FLAT } from '../cpu/tlb.ts';
import { Special } from '../interp/record.ts';
import type { MakeTier, Tier, TierHost } from '../interp/region.ts';
import { MAX_PAGES } from '../interp/region_check.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { Area } from './area.ts';
import { Askers } from './askers.ts';
import { Counts } from './counts.ts';
import { spansOf, wordsOf } from './cover.ts';
import type { CompiledRegion } from './dump.ts';
import { hasFusedMultiplyAdd } from './fused.ts';
import { explore } from './graph.ts';
import type { Lifted } from './lift.ts';
import { Lifts } from './lifts.ts';
import { indexOf, isNear, PLACES_PER_PAGE, pageOf } from './places.ts';
import { buildRegion, regionImporter } from './region.ts';
import { DEFAULT_CACHE, type Known, keyOf, type Region, type RegionCode, Regions, type TierStats } from './regions.ts';

/** A place of code, and the records of its page. */
export interface Place {
  readonly pc: bigint;
  readonly records: number;
  readonly guarded: boolean;
}
export interface TierOptions {
  /** Samples of a place before it is compiled. */
  readonly threshold: number;
  /** Interpreted instructions between samples: at least, and at most where everything is compiled. */
  readonly stretch: readonly [number, number];
  /** Accesses of a region that the data TLB does not answer, up to which it leaves them to the interpreter. */
  readonly misses: number;
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
  /** What is compiled is to be kept (keptBytes). */
  readonly keep?: boolean;
  /** Where regions are put; without it, where there are none yet. */
  readonly regions?: Regions;
  /** What was met often before there was a compiler, most often first: if not this run, the next one goes through it again. */
  readonly early?: readonly Place[];
}
const DEFAULTS: TierOptions = {
  threshold: 4, stretch: [1 << 14, 1 << 16], misses: 256, size: 500, cache: DEFAULT_CACHE, now: () => 0,
}; // biome-ignore format: a table
const MAX_ENTRIES = 64;
/** Regions that places which branches lead to are scattered over before they are made one. */
const SCATTERED = 1;
/** Instructions of regions that are made again sooner. */
const SMALL = 128;
/** Samples after which what is met often has been compiled: what was met before, and is not, belongs to how the program starts. */
const SETTLED = 256;
/** Pages around that of a place that have no region, for it to be one of those. */
const NEAR = [-4, -3, -2, -1, 0, 1, 2, 3, 4];
/** Samples in a row that may meet the beginnings of regions. */
const PATIENCE = 8;
const MAX_HEAT = 1 << 16;
/** A place inside a region that is not one of its entries is met this many times as often before it becomes one. */
const COVERED = 4;

function assumptionsOf({ mem }: TierHost, cpu: CpuState, guarded: boolean): Known {
  const fpOn = cpu.get(Slot.FP_ON) !== 0n;
  const fpcr = Number(cpu.get(Slot.FPCR) & 0xffff_ffffn);
  const sve = cpu.sveLive !== 0;
  const ixc = (cpu.get(Slot.FPSR) & BigInt(FPSR_IXC)) !== 0n;
  const spMask = cpu.low(Slot.SP_MASK);
  const flat = mem.u32[(cpu.low(Slot.TLB) + FLAT) >>> 2] !== 0;
  const known = { fpOn, fpcr, ixc, sve, spMask, guarded, flat };
  return { ...known, key: keyOf(known) };
}

/** Of an instruction in its page. */
const indexIn = (pc: bigint): number => Number(pc & BigInt(FRAME_SIZE - 1)) >>> 2;

class JitTier implements Tier {
  readonly counts: Counts | undefined;
  readonly stats: TierStats;
  private readonly regions: Regions;
  private readonly host: TierHost;
  private readonly options: TierOptions;
  private readonly fused = hasFusedMultiplyAdd();
  stretch: number;
  /** Samples in a row that met the beginning of a region. */
  private passedBy = 0;
  private jitter = 1;
  /** Samples, by address of the record. */
  private readonly heat = new Map<number, number>();
  private readonly askers: Askers;
  private readonly lifts: Lifts;

  constructor(regions: Regions, options: TierOptions) {
    const { host } = regions;
    this.regions = regions;
    regions.fused ||= this.fused;
    this.stats = regions.stats;
    this.host = host;
    this.lifts = new Lifts(host.decoder);
    this.options = options;
    this.askers = new Askers(regions, this.lifts, options.misses);
    this.stretch = options.stretch[0];
    this.counts = options.count ? new Counts(host.mem, host.area.at) : undefined;
  }

  sample(cpu: CpuState, pc: bigint, records: number, guarded: boolean): number {
    const { regions } = this;
    if (regions.putDue()) return this.soon();
    const { threshold, stretch } = this.options;
    const [least, most] = stretch;
    if (++regions.stats.samples === SETTLED) this.makeUp(cpu);
    const index = indexIn(pc);
    this.counts?.survey(this.host, records, index);
    const known = assumptionsOf(this.host, cpu, guarded);
    const region = regions.at(records, index, known);
    if (region && this.askers.look(region)) {
      regions.drop(region);
      this.compile(cpu, pc, records, index, known);
    } else if (region) {
      // What was interpreted led here: it can be met where the region is left.
      if (++this.passedBy < PATIENCE) return 0;
      this.passedBy = 0;
      this.stretch = Math.min(2 * this.stretch, most);
    } else {
      this.passedBy = 0;
      this.stretch = Math.max(this.stretch >>> 1, least);
      this.meet(cpu, pc, records, index, known, threshold * (regions.cover.at(records, index) ? COVERED : 1));
    }
    const refused = regions.takeRefusal(cpu, known);
    if (refused) this.meet(cpu, refused.pc, refused.records, refused.index, known, threshold);
    return this.soon();
  }
  /** A place has been met: for the last time before it is compiled, if that was often enough. */
  private meet(cpu: CpuState, pc: bigint, records: number, index: number, known: Known, threshold: number): void {
    const key = records + index;
    const heat = (this.heat.get(key) ?? 0) + 1;
    if (this.heat.size >= MAX_HEAT) this.heat.clear();
    this.heat.set(key, heat);
    if (heat < threshold) return;
    this.heat.delete(key);
    this.compile(cpu, pc, records, index, known);
  }
  /**
   * Compiles what was met before there was a compiler, where nothing is compiled far and wide: how programs are loaded. What else
   * there is is compiled better when it is met.
   */
  private makeUp(cpu: CpuState): void {
    const { host, regions } = this;
    const taken = new Set([...regions.all()].flatMap((region) => region.records ?? []));
    for (const { pc, records, guarded } of this.options.early ?? []) {
      if (host.recordsAt(cpu, pc, guarded) !== records || !host.pages.isFresh(records)) continue;
      const index = indexIn(pc);
      const hasNeighbour = NEAR.some((page) => taken.has(host.recordsAt(cpu, pc + BigInt(page * FRAME_SIZE), guarded)));
      if (!hasNeighbour && !regions.cover.at(records, index))
        this.compile(cpu, pc, records, index, assumptionsOf(host, cpu, guarded));
    }
  }
  /** Loops must not beat against the samples. */
  private soon(): number {
    this.jitter = (Math.imul(this.jitter, 1664525) + 1013904223) >>> 0;
    return this.stretch + (this.jitter % (this.stretch >>> 2));
  }
  arrived(cpu: CpuState, pc: bigint, records: number, guarded: boolean): boolean {
    return this.regions.arrived(cpu, pc, records, guarded);
  }
  dropped(records: number): void {
    this.askers.lost(records);
    this.regions.lost(records);
  }

  private compile(cpu: CpuState, pc: bigint, root: number, index: number, known: Known): void {
    const { host, options, regions } = this;
    const { pages } = host;
    const { cover, stats } = regions;
    const start = options.now();
    const near = new Map<number, number>();
    let latest: number | undefined;
    let latestRecords = 0;
    const recordsOf = (page: number): number => {
      if (page === latest) return latestRecords;
      if (!isNear(page)) return 0;
      let records = near.get(page);
      if (records === undefined) {
        records = page === 0 ? root : host.recordsAt(cpu, pc + BigInt(page * FRAME_SIZE), known.guarded);
        if (records !== 0 && (near.size >= MAX_PAGES || !pages.isFresh(records))) records = 0;
        near.set(page, records);
      }
      latest = page;
      latestRecords = records;
      return records;
    };
    const word = (place: number): number => pages.wordAt(recordsOf(pageOf(place)), indexOf(place));
    const fetch = (place: number): Lifted | undefined => {
      const records = recordsOf(pageOf(place));
      if (records === 0) return undefined;
      const index = indexOf(place);
      // What regions of an earlier run have executed may never have been decoded.
      const isMet = pages.handlerAt(records, index) !== Special.Decode || cover.at(records, index);
      return isMet ? this.lifts.of(pages.wordAt(records, index) | 0, known, known.key) : undefined;
    };
    const elsewhere = (place: number): number => {
      const records = recordsOf(pageOf(place));
      return records === 0 ? 0 : (regions.at(records, indexOf(place), known)?.instructions ?? 0);
    };
    const limits = { size: options.size, entries: MAX_ENTRIES };
    const graph = explore(index, fetch, () => this.landings(root, known), limits, elsewhere);
    if (graph.entries[0] !== index) return;
    const cell = regions.cells.take();
    if (cell === undefined) return;
    const slot = host.takeSlot();
    if (slot === undefined) {
      regions.cells.release(cell);
      return;
    }

    const module = new ModuleBuilder();
    const { add, names } = regionImporter(module, host.mem.shared, regions.imports);
    const used = new Map<number, number>();
    for (const b of graph.blocks.values()) {
      for (const place of [b.start, b.start + b.code.length - 1]) used.set(pageOf(place), recordsOf(pageOf(place)));
    }
    const built = buildRegion(module, add, graph, {
      known,
      pages: [...used.keys()],
      cell: regions.cells.address(cell),
      flat: host.flat,
      fused: this.fused,
      parallel: host.mem.parallel,
      misses: host.area.at + Area.misses,
      asks: this.askers.among(recordsOf),
      ...(this.counts && { counts: this.counts.at }),
      constants: regions.constants,
    });
    module.export('0', built.func);
    const bytes = module.finish();
    const body = options.keep ? module.bodyOf(built.func) : undefined;
    module.free();
    options.dump?.({ base: pc & ~BigInt(FRAME_SIZE - 1), graph, limits: built.limits, bytes, word });
    host.setSlot(slot, { module: new WebAssemblyHost.Module(bytes), imports: names });

    const blocks = [...graph.blocks.values()];
    const records = [...used.values()];
    const spans = spansOf(blocks, [...used.keys()]);
    const code: RegionCode = {
      known,
      ...built.uses,
      cell,
      entries: graph.entries.map((place, i) => ({ place, limit: built.limits[i]! })),
      pages: [...used].map(([page, records]) => ({ page, sum: pages.sumOf(records) })),
      spans,
      words: wordsOf(spans, (page) => host.mem.u32.subarray(pages.frameOf(records[page]!) * PLACES_PER_PAGE)),
      bytes: bytes.length,
      body,
    };
    regions.add(code, slot, records);
    stats.regions++;
    stats.instructions += graph.size;
    stats.bytes += bytes.length;
    stats.milliseconds += options.now() - start;
  }

  /** Places of the page of the root that branches have been seen to lead to, and that are not well where they are. */
  private landings(root: number, known: Known): number[] {
    const fresh: number[] = [];
    const all: number[] = [];
    const found = new Set<Region>();
    for (let i = 0; i < PLACES_PER_PAGE; i++) {
      const region = this.regions.at(root, i, known);
      if (region) found.add(region);
      else if (!this.heat.has(root + i)) continue;
      else fresh.push(i);
      all.push(i);
    }
    const instructions = [...found].reduce((sum, region) => sum + region.instructions, 0);
    return found.size > SCATTERED || instructions <= SMALL ? all : fresh;
  }
}

/** A tier that compiles regions. @param report is given what it has done so far, at once */
export function jitTier(
  options: Partial<TierOptions> = {},
  report?: (stats: TierStats, counts: Counts | undefined) => void,
): MakeTier {
  return (host) => {
    const all = { ...DEFAULTS, ...options };
    const tier = new JitTier(options.regions ?? new Regions(host, all.cache), all);
    report?.(tier.stats, tier.counts);
    return tier;
  };
}
