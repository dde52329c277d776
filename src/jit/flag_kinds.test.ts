// Which flags are possible where.

import { expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Kind } from '../interp/late_flags.ts';
import { kindsAtBlocks, kindsOf } from './flag_kinds.ts';
import { peel } from './peel.ts';
import { testGraph } from './testing.ts';

const KNOWN = { fpOn: true, fpcr: 0, ixc: true, sve: false, guarded: false, flat: false, spMask: 15 };

it('a call out of the region leaves those of what was called, also in a loop that a return cannot come into', () => {
  const source = '1: ands x9, x4, #1\n bl .+4096\n cinc x1, x1, mi\n subs x19, x19, #1\n b.ne 1b\n ret';
  const words = new Uint32Array(assembleProgram(source, { base: 0n }).sections[0]!.bytes.slice().buffer);
  const graph = peel(testGraph(words, 0, KNOWN));
  const all = kindsOf([...graph.blocks.values()].flatMap(({ code }) => code));
  const behind = graph.blocks.get(2)!;
  expect(graph.entries).not.toContain(behind.id);
  expect(kindsAtBlocks(graph, all).get(behind.id)).toBe(1 << Kind.Mem);
});
