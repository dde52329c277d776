import { describe, expect, it } from 'vitest';
import { IrBuilder } from '../ir/builder.ts';
import type { Node, NodeOf } from '../ir/ops.ts';
import { isPlainLookup } from './emit_swizzle.ts';

describe('look-ups that relaxed instructions do alike', () => {
  const ir = new IrBuilder();
  const all = (byte: number): Node => ir.const('v128', BigInt(`0x${byte.toString(16).padStart(2, '0').repeat(16)}`));
  const unknown = ir.add('get.v128', [], { slot: 'V0' });
  const look = (table: Node, index: Node): Node => ir.add('i8x16.swizzle', [table, index]);
  const plain = (index: Node): boolean => isPlainLookup(look(all(1), index) as NodeOf<'i8x16.swizzle'>);
  const and = (a: Node, byte: number): Node => ir.add('v128.and', [a, all(byte)]);

  it('have indices below 16', () => {
    expect(plain(and(unknown, 15))).toBe(true);
    expect(plain(and(unknown, 31))).toBe(false);
    expect(plain(unknown)).toBe(false);
    expect(plain(ir.add('v128.or', [and(unknown, 3), unknown]))).toBe(false);
  });
  it('or from 128 on', () => {
    const nibble = and(unknown, 15);
    const entries = look(all(0x8f), nibble);
    expect(plain(ir.add('v128.xor', [entries, nibble]))).toBe(true);
    expect(plain(ir.add('v128.xor', [look(all(0x40), nibble), nibble]))).toBe(false);
    expect(plain(ir.add('i8x16.add', [entries, nibble]))).toBe(false);
  });
});
