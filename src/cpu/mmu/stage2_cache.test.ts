import { describe, expect, it } from 'vitest';
import { Stage2Cache } from './stage2_cache.ts';

const page = (frame: number, writable: boolean) => ({ ok: true, frame, writable, executable: true }) as const;

describe('what stage 2 said about pages', () => {
  it('is found until another page takes its place, for writes only where they were granted', () => {
    const cache = new Stage2Cache();
    cache.keep(7, page(70, false));
    cache.keep(8, page(80, true));
    expect(cache.find(7, false)?.frame).toBe(70);
    expect(cache.find(7, true)).toBeUndefined();
    expect(cache.find(8, true)?.frame).toBe(80);
    expect(cache.find(7 + 2 ** 32, false)).toBeUndefined();
    cache.keep(7 + 2 ** 32, page(71, true));
    expect(cache.find(7, false)).toBeUndefined();
  });
  it.each([
    ['few', 10, 20],
    ['many', 5, 2 ** 40],
  ])('is forgotten for ranges of %s pages', (_, first, end) => {
    const cache = new Stage2Cache();
    const pages = [first - 1, first, Math.min(end - 1, first + 40), end, end + 2 ** 33];
    for (const p of pages) {
      cache.keep(p, page(1, true));
      cache.forget(first, end);
      expect(cache.find(p, false) === undefined).toBe(p >= first && p < end);
    }
    cache.forgetAll();
    for (const p of pages) expect(cache.find(p, false)).toBeUndefined();
  });
});
