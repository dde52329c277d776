// Which region has which places.

import type { Block } from './graph.ts';
import { PLACES_PER_PAGE, pageOf } from './places.ts';

/** Places one after the other in a page. */
export interface Span {
  /** Of the page. */
  readonly records: number;
  readonly from: number;
  readonly to: number;
}
/** Places one after the other in a page of a region, by its index among its pages. */
export interface PageSpan {
  readonly page: number;
  readonly from: number;
  readonly to: number;
}
/** Where blocks stand, in the order of places. @param pages by their distance from the root's */
export function spansOf(blocks: Iterable<Block>, pages: readonly number[]): PageSpan[] {
  const spans: PageSpan[] = [];
  const inOrder = [...blocks].sort((a, b) => a.start - b.start);
  for (const { start, code } of inOrder) {
    const end = start + code.length;
    for (let at = start; at < end; ) {
      const distance = pageOf(at);
      const first = distance * PLACES_PER_PAGE;
      const stop = Math.min(end, first + PLACES_PER_PAGE);
      const page = pages.indexOf(distance);
      const last = spans.at(-1);
      if (last?.page === page && last.to === at - first) spans[spans.length - 1] = { ...last, to: stop - first };
      else spans.push({ page, from: at - first, to: stop - first });
      at = stop;
    }
  }
  return spans;
}
/** The words of spans, one after the other. @param contentsOf those of a page, by its index */
export function wordsOf(spans: readonly PageSpan[], contentsOf: (page: number) => Uint32Array): Uint32Array {
  const words = new Uint32Array(spans.reduce((sum, { from, to }) => sum + to - from, 0));
  let at = 0;
  for (const { page, from, to } of spans) {
    words.set(contentsOf(page).subarray(from, to), at);
    at += to - from;
  }
  return words;
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
