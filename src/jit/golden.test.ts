// What becomes of a handful of regions, so that changes of the code's quality are seen: golden/jit/NAME.txt has instructions,
// IR and WebAssembly of each. `npm run golden:jit` writes the files anew; the difference is for the reviewer.

import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assembleProgram, disassemble } from '../asm/index.ts';
import { WebAssemblyHost } from '../base/webassembly.ts';
import { type CompiledRegion, regionText } from './dump.ts';
import { testGraph, testRegion } from './testing.ts';

const BASE = 0x400000n;
const PAGE = 4096n;
const REGIONS: Readonly<Record<string, { readonly at?: bigint; readonly source: string; readonly flat?: boolean }>> = {
  loop: {
    source: `1: ldr x3, [x1], #8
      adds x4, x4, x3
      adc x5, x5, xzr
      str x4, [x2, x0, lsl #3]
      subs x0, x0, #1
      b.ne 1b
      ret`,
  },
  calls: {
    source: `1: mov x0, x19
      bl 2f
      add x19, x19, x0
      cmp x19, #100
      b.lt 1b
      br x20
      2: cbz x0, 3f
      add x0, x0, #1
      3: ret`,
  },
  pairs: {
    source: `1: stp x29, x30, [sp, #-32]!
      ldp x2, x3, [x0], #16
      stp x2, x3, [x1, #16]!
      ldp x29, x30, [sp], #32
      cbnz x2, 1b
      ret`,
  },
  floating: {
    source: `1: ldr d1, [x0], #8
      fmadd d0, d1, d2, d0
      fcmp d0, d3
      b.mi 1b
      ldr q4, [x1]
      fmla v5.4s, v4.4s, v6.4s
      add v7.2d, v7.2d, v5.2d
      fcvtzs w2, s5
      ret`,
  },
  atomics: {
    source: `1: ldaddal x1, x2, [x0]
      casal w3, w4, [x5]
      2: ldaxr x6, [x7]
      add x6, x6, #1
      stlxr w8, x6, [x7]
      cbnz w8, 2b
      cbnz x2, 1b
      ret`,
  },
  flat: {
    flat: true,
    source: `1: ldp x2, x3, [sp, #16]
      ldrb w4, [x2], #1
      str w4, [x3, x5, lsl #2]
      stlr x4, [x6]
      cbnz w4, 1b
      ret`,
  },
  pages: {
    at: PAGE - 8n,
    source: `1: ldrb w2, [x1], #1
      add w3, w3, w2
      strb w3, [x4], #1
      cbnz w2, 1b
      ret`,
  },
};

/** The region that begins at the first instruction, with everything known that is there. */
function regionOf({ at = 0n, source, flat = false }: (typeof REGIONS)[string]): CompiledRegion {
  const [section] = assembleProgram(source, { base: BASE + at }).sections;
  const bytes = section!.bytes.slice();
  const words = new Uint32Array(bytes.buffer);
  const first = Number(at) / 4;
  const known = { fpOn: true, fpcr: 0, ixc: true, sve: false, guarded: false, flat, spMask: 15 };
  const word = (place: number): number => words[place - first]!;
  const graph = testGraph(words, first, known);
  return { base: BASE, graph, word, ...testRegion(graph, known, [first, first + words.length - 1]) };
}

describe('compiled regions', () => {
  const update = process.env['UPDATE_GOLDEN'] !== undefined;
  for (const [name, region] of Object.entries(REGIONS)) {
    it(`are as golden/jit/${name}.txt has them`, () => {
      const file = new URL(`../../golden/jit/${name}.txt`, import.meta.url);
      const made = regionOf(region);
      const text = regionText(made, (w, pc) => disassemble(w, { pc }));
      if (update) writeFileSync(file, text);
      expect(text).toBe(readFileSync(file, 'utf8'));
      expect(made.graph.size).toBe(region.source.split('\n').length);
    });
  }
  it('are modules that load, where the host can fuse', () => {
    for (const region of Object.values(REGIONS)) {
      const { bytes } = regionOf(region);
      const relaxed = /relaxed/.test(regionText(regionOf(region), () => ''));
      expect(relaxed || WebAssemblyHost.validate(bytes)).toBe(true);
    }
  });
});
