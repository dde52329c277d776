// What the owner of stage 2 said about pages of data that it maps one by one, kept until it says that something changed:
// what guests unmap and map anew is mostly the same memory.

import type { Stage2Answer } from '../pe_ports.ts';

/** Pages remembered: a power of two. */
const PAGES = 1024;

export type Stage2Page = Extract<Stage2Answer, { ok: true }>;

export class Stage2Cache {
  /** By the low bits of their number; -1: nothing. */
  private readonly pages = new Float64Array(PAGES).fill(-1);
  private readonly answers: (Stage2Page | undefined)[] = new Array<undefined>(PAGES).fill(undefined);

  find(page: number, write: boolean): Stage2Page | undefined {
    const slot = page & (PAGES - 1);
    if (this.pages[slot] !== page) return undefined;
    const answer = this.answers[slot]!;
    return write && !answer.writable ? undefined : answer;
  }
  keep(page: number, answer: Stage2Page): void {
    const slot = page & (PAGES - 1);
    this.pages[slot] = page;
    this.answers[slot] = answer;
  }
  forgetAll(): void {
    this.pages.fill(-1);
  }
  /** Pages [first, end). */
  forget(first: number, end: number): void {
    forgetPages(this.pages, first, end);
  }
}

/** Of pages remembered by the low bits of their number, forgets [first, end). */
export function forgetPages(pages: Float64Array, first: number, end: number): void {
  const slots = pages.length;
  if (end - first < slots) {
    for (let page = first; page < end; page++) if (pages[page & (slots - 1)] === page) pages[page & (slots - 1)] = -1;
    return;
  }
  for (let i = 0; i < slots; i++) if (pages[i]! >= first && pages[i]! < end) pages[i] = -1;
}
