import { describe, expect, it } from 'vitest';
import { A64 } from '../isa/a64.ts';
import { collectRows } from '../isa/handlers.ts';
import { Decoder } from './decode.ts';

const rows = collectRows(A64);
const all = new Decoder(rows, () => true);
const nameOf = (d: Decoder, word: number): string | undefined => d.decode(word)?.entry.name;

describe('the decoder', () => {
  it('finds rows and their fields', () => {
    const d = all.decode(0x91001441)!; // add x1, x2, #5
    expect(d.entry.name).toBe('ADD_imm');
    expect(d.fields).toEqual({ sf: 1, sh: 0, imm12: 5, Rn: 2, Rd: 1 });
    expect(nameOf(all, 0xd65f03c0)).toBe('RET');
    expect(nameOf(all, 0)).toBe('UDF');
    expect(nameOf(all, 0xffffffff)).toBeUndefined();
  });
  it('tries inner rows first and falls back to the outer one', () => {
    expect(nameOf(all, 0xd503201f)).toBe('NOP');
    expect(nameOf(all, 0xd503233f)).toBe('PACIASP');
    expect(nameOf(new Decoder(rows, (f) => f !== 'FEAT_PAuth'), 0xd503233f)).toBe('HINT');
  });
  it('knows only instructions of features that are there', () => {
    const base = new Decoder(rows, () => false);
    expect(nameOf(base, 0x1ac26020)).toBeUndefined(); // smax w0, w1, w2
    expect(nameOf(all, 0x1ac26020)).toBe('SMAX_reg');
    expect(nameOf(base, 0x91001441)).toBe('ADD_imm');
  });
  it('finds every row by some word of its own', () => {
    for (const row of rows) {
      if (!row.semantic || row.row.inside !== undefined) continue;
      const words = Array.from(
        { length: 64 },
        (_, i) => (row.parsed.value | (Math.imul(i + 1, 0x9e3779b1) & ~row.parsed.mask)) >>> 0,
      );
      const found = words.some((w) => nameOf(all, w) === row.name);
      const holes = words.every((w) => nameOf(all, w) === undefined);
      expect(found || holes, row.name).toBe(true);
    }
  });
});
