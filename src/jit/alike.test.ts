// What is found out about one instruction is used for others: it must be what would have been found out about them.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Decoder } from '../cpu/decode.ts';
import { Random } from '../interp/testing.ts';
import { printBlock } from '../ir/print.ts';
import { A64 } from '../isa/a64.ts';
import { collectRows } from '../isa/handlers.ts';
import { explore, type Fetch } from './graph.ts';
import { type Assumptions, type Lifted, lift } from './lift.ts';
import { Lifts } from './lifts.ts';
import { randomProgram, testRegion } from './testing.ts';

const decoder = new Decoder(collectRows(A64), () => true);
const KNOWN: Assumptions = { fpOn: true, fpcr: 0, ixc: true, sve: false, guarded: false, flat: false, spMask: 15 };

function byItself(word: number, known: Assumptions): Lifted | undefined {
  const d = decoder.decode(word);
  return d && lift(d.entry.handler(d.fields), d.fields, known);
}
function text({ block, pattern, ...facts }: Lifted): string {
  return `${printBlock(block())} ${pattern.readsFlags} ${JSON.stringify(facts)}`;
}

describe('instructions that are alike', () => {
  it('are lifted as each by itself', () => {
    const r = new Random(1);
    const lifts = new Lifts(decoder);
    const states = [KNOWN, { ...KNOWN, fpOn: false }];
    let seen = 0;
    for (let i = 0; i < 20_000; i++) {
      const word = r.u32();
      states.forEach((known, key) => {
        const one = byItself(word, known);
        if (!one) return;
        seen++;
        expect(text(lifts.of(word, known, `${key}`))).toBe(text(one));
      });
    }
    expect(seen).toBeGreaterThan(5000);
  });
  it('are written as each by itself', () => {
    const r = new Random(2);
    const lifts = new Lifts(decoder);
    let again = 0;
    for (let i = 0; i < 40; i++) {
      const { bytes } = assembleProgram(randomProgram(r, { end: 'svc #0' }), { base: 0x400000n }).sections[0]!;
      const words = new Uint32Array(bytes.slice().buffer);
      const build = (of: (word: number) => Lifted | undefined) => {
        const fetch: Fetch = (place) => (words[place] === undefined ? undefined : of(words[place]));
        const graph = explore(
          0,
          fetch,
          () => [],
          { size: 500, entries: 64 },
          () => 0,
        );
        return { graph, bytes: testRegion(graph, KNOWN, [0, words.length - 1]).bytes };
      };
      const made = build((word) => lifts.of(word, KNOWN, ''));
      expect(made.bytes).toEqual(build((word) => byItself(word, KNOWN)).bytes);
      for (const { code } of made.graph.blocks.values())
        again += code.filter((one) => one.pattern.phrases.length > 0).length;
    }
    expect(again).toBeGreaterThan(1000);
  });
});
