import { describe, expect, it } from 'vitest';
import { encode, fieldsOf } from '../arch/a64/encoding.ts';
import { insn } from '../arch/a64/schema.ts';
import { printBlock } from '../ir/print.ts';
import { dpImm } from './dp_imm.ts';
import { collectRows, type RowEntry } from './handlers.ts';
import { ldst } from './ldst.ts';
import { semantics } from './semantics.ts';

const rows = collectRows([dpImm, ldst]);
const row = (name: string): RowEntry => rows.find((r) => r.name === name)!;

describe('handlers', () => {
  it('are shared by instructions that differ in open fields only', () => {
    const add = row('ADD_imm');
    const of = (f: Record<string, number>) => add.handler(fieldsOf(add.parsed, encode(add.parsed, f)));
    expect(of({ sf: 1, Rn: 3, Rd: 4, imm12: 5 })).toBe(of({ sf: 1, Rn: 31, Rd: 0, imm12: 4095, sh: 1 }));
    expect(of({ sf: 0 })).not.toBe(of({ sf: 1 }));
    expect(of({ sf: 0 }).key).toBe('ADD_imm sf=0');
  });
  it('are enumerated without those in holes, and found again', () => {
    expect([...row('MOVZ').enumerate()].map((h) => h.key)).toEqual(['MOVZ sf=0', 'MOVZ sf=1']);
    const load = row('LDR_imm');
    const all = [...load.enumerate()];
    expect(all.map((h) => h.key)).toEqual([
      'LDR_imm sf=0 Rn=31=0',
      'LDR_imm sf=0 Rn=31=1',
      'LDR_imm sf=1 Rn=31=0',
      'LDR_imm sf=1 Rn=31=1',
    ]);
    expect([...load.enumerate((c) => (c.label === 'sf' ? [1] : undefined))].length).toBe(2);
    expect(all).toContain(load.handler(fieldsOf(load.parsed, load.parsed.value)));
  });
  it('end where the instruction is undefined, and skip what cannot be', () => {
    const seen: number[] = [];
    const rowsOf = { T: insn('0000000000000000000000000000 kind:2 x:2', { not: 'kind=3' }) };
    const group = semantics(rowsOf, {
      T: (o, { kind }) => {
        seen.push(kind);
        if (kind === 1) o.undefined();
        o.setLR(o.i64(kind));
      },
    });
    const [entry] = collectRows([group]);
    const texts = [...entry!.enumerate()].map((h) => printBlock(h.code.block));
    expect(seen).toEqual([0, 1, 2]);
    expect(texts[1]).toBe('%0 = const.i32 0\nraise ec=0 %0');
    expect(texts[2]).toBe('%0 = const.i64 0x2\nset.i64 X30 %0');
  });
  it('are written as a list of nodes', () => {
    const text = (name: string, f: Record<string, number>): string => {
      const r = row(name);
      return printBlock(r.handler(fieldsOf(r.parsed, encode(r.parsed, f))).code.block);
    };
    expect(text('SUBS_imm', { sf: 1 })).toMatchInlineSnapshot(`
      "%0 = get.i64 $0
      %1 = imm.i64 1
      %2 = const.i64 0xffffffffffffffff
      %3 = i64.xor %1 %2
      %4 = const.i32 1
      %5 = adc.i64 %0 %3 %4
      set.i64 $2 %5"
    `);
    expect(text('LDR_imm', { sf: 1, Rn: 31 })).toMatchInlineSnapshot(`
      "%0 = get.i64 SP
      %1 = i32.wrap_i64 %0
      %2 = get.i32 SP_MASK
      %3 = i32.and %1 %2
      %4 = const.i32 0
      %5 = i32.ne %3 %4
      if %5
        %6 = const.i32 0
        raise ec=38 %6
      %9 = imm.i64 0
      %10 = ptr.add present %0 %9
      %11 = mem.r size=8 element=8 %10
      %12 = host.load64 0 %11
      set.i64 $1 %12"
    `);
  });
});
