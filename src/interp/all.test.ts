import { describe, expect, it } from 'vitest';
import { WebAssemblyHost } from '../base/webassembly.ts';
import { overlaps } from '../cpu/decode.ts';
import { A64 } from '../isa/a64.ts';
import { collectRows, type RowEntry } from '../isa/handlers.ts';
import { generateHandlers, generateModule, hotVariants } from './program.ts';

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

describe('all instructions', () => {
  it('have encodings that nobody else claims', () => {
    expect(overlaps(rows, 20)).toEqual([]);
  });
  it('become valid WebAssembly in every specialisation', () => {
    expect(implemented.map(complaint).filter((c) => c !== undefined)).toEqual([]);
  });
  it('have their frequent ones in a main loop that compilers can still handle', () => {
    const variants = hotVariants(rows);
    expect(variants.length).toBeGreaterThan(150);
    expect(generateModule(variants, []).length).toBeLessThan(50_000);
  });
});
