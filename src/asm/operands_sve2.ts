// Operand codecs of SVE2 and SVE floating point: shift amounts that share a field with the element size, rotations, pairs
// of registers at even numbers, the two constants of an instruction.

import { type Fields, Mismatch, type Operand } from './form.ts';
import { checkRange, computed, dec, readImmediate } from './operands.ts';
import type { Named } from './operands_simd.ts';
import { Z, zlist } from './operands_sve.ts';

/** `{ z2.h, z3.h }` from field times `count` on. */
export function alignedList(field: string, elements: string | Named, count: number): Operand {
  const list = zlist('n', elements, count);
  return {
    print: (f) => list.print({ ...f, n: f[field]! * count }),
    parse(c, set, f) {
      c.skipBlanks();
      const at = c.pos;
      const take = (k: string, v: number): void => {
        if (k === 'n' && v % count !== 0)
          throw new Mismatch(`the first register of this list is a multiple of ${count}`, at);
        set(k === 'n' ? field : k, k === 'n' ? v / count : v);
      };
      list.parse(c, take, f);
    },
  };
}

/** Turns of a complex operation: the text is the field times `step` plus `bias`. */
export function rotation(step: 90 | 180, bias = 0): Operand {
  return computed(
    (f) => BigInt(f['rot']! * step + bias),
    (v) => {
      const n = (Number(v) - bias) / step;
      return Number.isInteger(n) && n >= 0 && n < 360 / step ? { rot: n } : undefined;
    },
    { what: 'a rotation' },
  );
}

/** One of two floating-point constants by a field. */
export function constants(field: string, ...texts: readonly [string, string]): Operand {
  return {
    print: (f) => `#${texts[f[field]!]!}`,
    parse(c, set) {
      c.skipBlanks();
      const at = c.pos;
      const m = c.take(/#?([+-]?\d+(\.\d*)?(e[+-]?\d+)?)/);
      const i = m ? texts.findIndex((t) => Number(t) === Number(m[1])) : -1;
      if (i < 0) {
        c.pos = at;
        c.fail(`#${texts.join(' or #')}`);
      }
      set(field, i);
    },
  };
}

// ---- sizes and shift amounts in one: tszh:tszl:imm3 is an element size in bits plus an amount ------------------------------

const tsize = (f: Fields): number => (f['tszh']! << 2) | f['tszl']!;
const LETTERS = 'bhsdq';
const sizes: Named = [...LETTERS].map((l, esize) => [l, { esize }] as const);

/** `z0.s` whose element size is told by tsz, or (`by` 1) twice that. Read, it is kept in `esize`, which is no field. */
export function Zt(field: string, by: 0 | 1 = 0): Operand {
  const z = Z(field, by ? sizes.slice(1, 4).map(([l], esize) => [l, { esize }] as const) : sizes.slice(0, 4));
  return { ...z, print: (f) => z.print({ ...f, esize: 31 - Math.clz32(tsize(f)) }) };
}
/** A shift amount, behind registers of Zt: 1 to esize to the right, 0 to esize - 1 to the left. */
export function shiftAmount(direction: 'left' | 'right'): Operand {
  const left = direction === 'left';
  return {
    print(f) {
      const bits = 8 << (31 - Math.clz32(tsize(f)));
      const value = (tsize(f) << 3) | f['imm3']!;
      return dec(left ? value - bits : 2 * bits - value);
    },
    parse(c, set, f) {
      const bits = 8 << f['esize']!;
      c.skipBlanks();
      const at = c.pos;
      const n = readImmediate(c);
      checkRange(c, at, n, left ? 0n : 1n, BigInt(left ? bits - 1 : bits));
      const value = left ? bits + Number(n) : 2 * bits - Number(n);
      set('tszh', value >> 5);
      set('tszl', (value >> 3) & 3);
      set('imm3', value & 7);
    },
  };
}
