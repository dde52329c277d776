// Which instructions ask for their accesses where the data TLB does not answer (interp/misses.ts): those that miss in most turns of
// the loop that they stand in. A region notes what it misses; once that is much, it is made again.

import { Cell } from '../interp/region_check.ts';
import { Area, Miss } from './area.ts';
import type { Lifts } from './lifts.ts';
import { indexOf, PLACES_PER_PAGE, pageOf } from './places.ts';
import type { Region, Regions } from './regions.ts';

/** Turns of a loop from one miss of an instruction to the next, up to which it is better for it to ask: a call slows a loop down. */
const SELDOM = 240;

export class Askers {
  private readonly regions: Regions;
  private readonly lifts: Lifts;
  private readonly most: number;
  /** Records and place. */
  private readonly found = new Set<number>();

  /** @param most misses of a region before it is looked at */
  constructor(regions: Regions, lifts: Lifts, most: number) {
    this.regions = regions;
    this.lifts = lifts;
    this.most = most;
  }
  /** @param recordsOf those of the pages of a region @returns which of its instructions ask; undefined: none does */
  among(recordsOf: (page: number) => number): ((place: number) => boolean) | undefined {
    const { found } = this;
    return found.size === 0 ? undefined : (place) => found.has(recordsOf(pageOf(place)) + indexOf(place));
  }
  /** What was known of records does not hold any more. */
  lost(records: number): void {
    for (const at of this.found) if (at >= records && at < records + PLACES_PER_PAGE) this.found.delete(at);
  }
  /** Looks at what a region has missed. @returns whether there is something new that is to ask: it is to be made again */
  look(region: Region): boolean {
    const { mem } = this.regions.host;
    const at = (this.regions.cells.address(region.code.cell) + Cell.missed) >>> 2;
    // On threads there is nobody to ask.
    if (mem.u32[at]! <= this.most || mem.parallel) return false;
    mem.u32[at] = 0;
    return this.learn(region);
  }
  private learn(region: Region): boolean {
    const { code, records } = region;
    const { found } = this;
    const before = found.size;
    for (const [place, executed] of this.lastMisses(code.cell)) {
      const page = code.pages.findIndex((p) => p.page === pageOf(place));
      // The cell may have been another region's.
      if (!records || page < 0) continue;
      const between = (Math.max(...executed) - Math.min(...executed)) / (executed.length - 1);
      if (between <= SELDOM * this.turnOf(region, records[page]!, place)) found.add(records[page]! + indexOf(place));
    }
    return found.size > before;
  }
  /** How many instructions had been executed at the last misses of a region, by place. */
  private lastMisses(cell: number): Map<number, number[]> {
    const { mem, area } = this.regions.host;
    const address = this.regions.cells.address(cell);
    const found = new Map<number, number[]>();
    for (let i = 0; i < Miss.count; i++) {
      const at = (area.at + Area.misses + i * Miss.size) >>> 2;
      if (mem.u32[at + Miss.cell / 4] !== address) continue;
      const place = mem.i32[at + Miss.distance / 4]! >> 2;
      found.set(place, [...(found.get(place) ?? []), mem.u32[at + Miss.executed / 4]!]);
    }
    return found;
  }
  /** Instructions of the innermost loop around a place: the first branch that leads back over it; all of the region if there is none. */
  private turnOf({ code, instructions }: Region, records: number, place: number): number {
    const { lifts } = this;
    const { pages } = this.regions.host;
    const from = indexOf(place);
    for (let i = from; i < Math.min(PLACES_PER_PAGE, from + instructions); i++) {
      const { distance, flow } = lifts.of(pages.wordAt(records, i) | 0, code.known, code.known.key);
      if ((flow === 'cond' || flow === 'jump') && i + distance <= from) return 1 - distance;
    }
    return instructions;
  }
}
