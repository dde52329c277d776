// Which code a region is made of.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { testGraph } from './testing.ts';

const KNOWN = { fpOn: true, fpcr: 0, ixc: true, sve: false, guarded: false, flat: false, spMask: 15 };

/** The blocks from place 0 on. @param elsewhere instructions of the region that begins at a place */
function blocksOf(source: string, elsewhere: (place: number) => number): readonly (readonly [number, number])[] {
  const words = new Uint32Array(assembleProgram(source, { base: 0n }).sections[0]!.bytes.slice().buffer);
  const { blocks } = testGraph(words, 0, KNOWN, elsewhere);
  return [...blocks.values()].map(({ start, code }) => [start, code.length] as const).sort((a, b) => a[0] - b[0]);
}

describe('a region', () => {
  const source = 'mov x0, #9\n1: subs x0, x0, #1\n b.ne 1b\n bl 2f\n svc #0\n ret\n 2: ret';
  const whole = [
    [0, 1],
    [1, 2],
    [3, 1],
    [4, 1],
    [5, 1],
    [6, 1],
  ];
  it('has what can be reached, and what it calls', () => {
    expect(blocksOf(source, () => 0)).toEqual(whole);
  });
  it('takes small regions in, but for those that it calls', () => {
    expect(blocksOf(source, (place) => (place === 1 ? 5 : 0))).toEqual(whole);
    expect(blocksOf(source, (place) => (place === 6 ? 5 : 0))).toEqual(whole.slice(0, -1));
  });
  it('ends where a large one begins, and not at its own root', () => {
    expect(blocksOf(source, (place) => (place === 1 ? 400 : 0))).toEqual([[0, 1]]);
    expect(blocksOf(source, (place) => (place === 0 ? 400 : 0))).toEqual(whole);
  });
});
