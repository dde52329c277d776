// What becomes loops.

import { describe, expect, it } from 'vitest';
import { COPY, type Shape, shapeOf } from './shape.ts';

const block = (id: number): Shape => ({ kind: 'block', id });
const loop = (heads: readonly number[], extras: readonly number[], body: readonly Shape[]): Shape => ({
  kind: 'loop',
  heads,
  extras,
  body,
});
/** 0 to 3 and back to 0; within, 2 to 1 and back to 2. */
const NESTED: Readonly<Record<number, readonly number[]>> = { 0: [2], 1: [2], 2: [1, 3], 3: [0] };
const nested = (first: number, entry: number): Shape[] =>
  shapeOf(
    Object.keys(NESTED).map((n) => first + Number(n)),
    (id) => NESTED[id - first]!.map((to) => first + to),
    [first + entry],
  );

describe('the shapes of a region', () => {
  it('are loops within loops, also where it is entered in the inner one', () => {
    const within = (extras: readonly number[]): Shape =>
      loop([0], extras, [block(0), loop([2], extras, [block(2), block(1)]), block(3)]);
    expect(nested(0, 0)).toEqual([within([])]);
    expect(nested(0, 1)).toEqual([within([1])]);
  });
  it('are the same for copies, and for places before the page', () => {
    for (const first of [-2, 3 * COPY, 3 * COPY - 2])
      expect(JSON.stringify(nested(first, 1))).toBe(
        JSON.stringify(nested(0, 1), (_, v: unknown) => (typeof v === 'number' ? v + first : v)),
      );
  });
});
