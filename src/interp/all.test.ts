import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { WebAssemblyHost } from '../base/webassembly.ts';
import { overlaps } from '../cpu/decode.ts';
import { Exit } from '../cpu/engine.ts';
import { A64 } from '../isa/a64.ts';
import { collectRows, type RowEntry } from '../isa/handlers.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { createInterpreter } from './engine.ts';
import { generateHandlers, generateInterpreter } from './generate.ts';
import { ALSO_BULK, BULK, HOT, TOGETHER, USUAL } from './hot.ts';
import { buildHotLoop } from './hot_loop.ts';
import { hotVariants, LoopBit, type Variant, withPairs } from './hot_variants.ts';
import { Prebuilt } from './prebuilt.ts';
import { TestMachine } from './testing.ts';

const rows = collectRows(A64);
const implemented = rows.filter((row) => row.semantic);

/** What the WebAssembly engine says against the code of a row, if anything. */
function complaint(row: RowEntry): string | undefined {
  try {
    new WebAssemblyHost.Module(generateHandlers([...row.enumerate()]).bytes);
    return undefined;
  } catch (e) {
    return `${row.name}: ${String(e).slice(0, 200)}`;
  }
}

function namesOf({ handler, second }: Variant): string[] {
  return [handler.key.split(' ')[0]!, ...(second ? namesOf(second) : [])];
}

describe('all instructions', () => {
  it('have encodings that nobody else claims', () => {
    expect(overlaps(rows, 20)).toEqual([]);
  });
  it('become valid WebAssembly in every specialisation', () => {
    expect(implemented.map(complaint).filter((c) => c !== undefined)).toEqual([]);
  });
  it('can be generated ahead of time, the same each time', () => {
    const prebuilt = generateInterpreter(A64);
    expect(Buffer.from(generateInterpreter([...A64])).equals(prebuilt)).toBe(true);
    const source =
      'mov x0, #6\nfmov d1, #3.0\nscvtf d0, x0\nfmul d0, d0, d1\ncbz x0, .\nfcvtzs x1, d0\nrev16 x2, x1\nsvc #0';
    const { sections } = assembleProgram(source, { base: 0x400000n });
    const m = new TestMachine(createInterpreter, [], { groups: [...A64], prebuilt: new Prebuilt(prebuilt) });
    m.poke(0x400000n, sections[0]!.bytes);
    m.cpu.pc = 0x400000n;
    expect(m.engine.run(m.cpu, 100)).toBe(Exit.Exception);
    expect([m.cpu.x(1), m.cpu.x(2), m.cpu.exception?.ec]).toEqual([18n, 18n << 8n, 0x15]);
  });
  it('have their frequent ones in loops that compilers can still handle', () => {
    const named = new Set(implemented.map((row) => row.name));
    expect([HOT, BULK].flatMap((rows) => Object.keys(rows)).filter((name) => !named.has(name))).toEqual([]);
    expect([...USUAL].filter((name) => !named.has(name))).toEqual([]);
    expect(Object.keys(ALSO_BULK).filter((name) => !(name in HOT))).toEqual([]);
    const variants = withPairs(hotVariants(rows));
    // All rows of instructions that one handler is to do have such a handler.
    const done = new Set(variants.map((v) => namesOf(v).join(' ')));
    const wanted = TOGETHER.map(({ of }) => of.map((one) => Object.keys(one)[0]).join(' '));
    expect(wanted.filter((names) => !done.has(names))).toEqual([]);
    for (const bit of Object.values(LoopBit)) {
      const here = variants.map((v) => (v.loops & bit ? v : undefined));
      expect(here.filter((v) => v).length).toBeGreaterThan(150);
      const module = new ModuleBuilder();
      buildHotLoop(module, here, false);
      expect(module.finish().length).toBeLessThan(52_000);
    }
  });
});
