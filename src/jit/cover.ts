// Which region has which places.

import { PLACES_PER_PAGE, pageOf } from './frame.ts';
import type { Block } from './graph.ts';

/** Places one after the other in a page. */
export interface Span {
  /** Of the page. */
  readonly records: number;
  readonly from: number;
  readonly to: number;
}
/** Where blocks stand. @param recordsOf the records of a page */
export function spansOf(blocks: Iterable<Block>, recordsOf: (page: number) => number): Span[] {
  const spans: Span[] = [];
  for (const { start, code } of blocks) {
    const end = start + code.length;
    for (let at = start; at < end; ) {
      const page = pageOf(at);
      const first = page * PLACES_PER_PAGE;
      const stop = Math.min(end, first + PLACES_PER_PAGE);
      spans.push({ records: recordsOf(page), from: at - first, to: stop - first });
      at = stop;
    }
  }
  return spans;
}

export class Cover<Region> {
  private readonly pages = new Map<number, (Region | undefined)[]>();

  at(records: number, index: number): Region | undefined {
    return this.pages.get(records)?.[index];
  }
  /** The places are this region's from now on. */
  add(spans: readonly Span[], region: Region): void {
    for (const { records, from, to } of spans) {
      let page = this.pages.get(records);
      if (!page) {
        page = new Array<Region | undefined>(PLACES_PER_PAGE).fill(undefined);
        this.pages.set(records, page);
      }
      page.fill(region, from, to);
    }
  }
  remove(spans: readonly Span[], region: Region): void {
    for (const { records, from, to } of spans) {
      const page = this.pages.get(records)!;
      for (let i = from; i < to; i++) if (page[i] === region) page[i] = undefined;
    }
  }
}
