// Operand codecs for vector registers: scalars (b0…q31), vectors with an arrangement (v0.8b), elements (v0.s[1]) and lists.

import { expression } from './expression.ts';
import { type Cursor, type Fields, Mismatch, type Operand } from './form.ts';

/** Names for what some fields say (an arrangement, an element size): text and field values. */
export type Named = readonly (readonly [text: string, fields: Fields])[];

const matches = (f: Fields, want: Fields) => Object.entries(want).every(([k, v]) => f[k] === v);
const textOf = (rows: Named, f: Fields): string => rows.find(([, w]) => matches(f, w))?.[0] ?? '?';

/** Integer vectors by size:Q. */
export const ARRANGEMENT: Named = [
  ['8b', { size: 0, Q: 0 }],
  ['16b', { size: 0, Q: 1 }],
  ['4h', { size: 1, Q: 0 }],
  ['8h', { size: 1, Q: 1 }],
  ['2s', { size: 2, Q: 0 }],
  ['4s', { size: 2, Q: 1 }],
  ['1d', { size: 3, Q: 0 }],
  ['2d', { size: 3, Q: 1 }],
];
/** Bytes only, by Q. */
export const BYTES: Named = [
  ['8b', { Q: 0 }],
  ['16b', { Q: 1 }],
];
/** Single and double vectors by sz:Q. */
export const ARRANGEMENT_FP: Named = [
  ['2s', { sz: 0, Q: 0 }],
  ['4s', { sz: 0, Q: 1 }],
  ['2d', { sz: 1, Q: 1 }],
];
export const HALVES: Named = [
  ['4h', { Q: 0 }],
  ['8h', { Q: 1 }],
];
/** A fixed arrangement that no field tells. */
export const fixed = (text: string): Named => [[text, {}]];
/** Scalar register letters by size. */
export const SCALAR: Named = [
  ['b', { size: 0 }],
  ['h', { size: 1 }],
  ['s', { size: 2 }],
  ['d', { size: 3 }],
];

function readNumber(c: Cursor, m: RegExpExecArray, at: number): number {
  const n = Number(m[1]);
  if (n > 31) throw new Mismatch(`no register ${m[0]}: vector registers are numbered 0 to 31`, at);
  c.skipBlanks();
  return n;
}

/** A scalar register whose letter is fixed ('d') or told by fields. */
export function S(field: string, letter: string | Named): Operand {
  const rows = typeof letter === 'string' ? fixed(letter) : letter;
  return {
    print: (f) => textOf(rows, f) + f[field]!,
    parse(c, set) {
      const at = c.pos;
      const m = c.take(/[bhsdq](\d{1,2})\b/);
      const row = m && rows.find(([t]) => t === m[0][0]!.toLowerCase());
      if (!m || !row) return c.fail(`a register ${rows.map(([t]) => `${t}n`).join(', ')}`);
      set(field, readNumber(c, m, at));
      for (const [k, v] of Object.entries(row[1])) set(k, v);
    },
  };
}

/** `v0.4s`: a vector register with an arrangement. */
export function V(field: string, arrangement: string | Named): Operand {
  const rows = typeof arrangement === 'string' ? fixed(arrangement) : arrangement;
  return {
    print: (f) => `v${f[field]!}.${textOf(rows, f)}`,
    parse(c, set) {
      const at = c.pos;
      const m = c.take(/v(\d{1,2})\.(\d{0,2}[bhsdq])\b/);
      const row = m && rows.find(([t]) => t === m[2]!.toLowerCase());
      if (!m || !row) {
        c.pos = at;
        return c.fail(`a vector register with arrangement ${rows.map(([t]) => t).join(', ')}`);
      }
      set(field, readNumber(c, m, at));
      for (const [k, v] of Object.entries(row[1])) set(k, v);
    },
  };
}

/** An index in brackets: get it from the fields, and the fields from it (undefined: out of range). */
export interface Index {
  get(f: Fields): number;
  fields(index: number, f: Fields): Fields | undefined;
}
/** An index held in one field, or in several, high bits first. */
export function indexIn(...spans: readonly (readonly [field: string, width: number])[]): Index {
  return {
    get: (f) => spans.reduce((v, [n, w]) => v * 2 ** w + f[n]!, 0),
    fields(index) {
      let rest = index;
      const out: Fields = {};
      for (const [n, w] of [...spans].reverse()) {
        out[n] = rest % 2 ** w;
        rest = Math.floor(rest / 2 ** w);
      }
      return index >= 0 && rest === 0 ? out : undefined;
    },
  };
}
function readIndex(c: Cursor, index: Index, set: (k: string, v: number) => void, f: Fields): void {
  if (!c.literal('[')) c.fail("'['");
  const at = c.pos;
  const n = Number(expression(c));
  const out = index.fields(n, f);
  if (!out) throw new Mismatch(`index ${n} is out of range`, at);
  for (const [k, v] of Object.entries(out)) set(k, v);
  if (!c.literal(']')) c.fail("']'");
}

/** `v0.s[1]`: one element. `size` is the element letter or what names it. */
export function E(field: string, size: string | Named, index: Index): Operand {
  const vector = V(field, size);
  return {
    print: (f) => `${vector.print(f)}[${index.get(f)}]`,
    parse(c, set, f) {
      vector.parse(c, set, f);
      readIndex(c, index, set, f);
    },
  };
}

/** `{ v0.8b, v1.8b }` with `count` registers from `field` on; with `index`, an element of each: `{ v0.b, v1.b }[3]`. */
export function list(field: string, arrangement: string | Named, count: number, index?: Index): Operand {
  const rows = typeof arrangement === 'string' ? fixed(arrangement) : arrangement;
  const one = V('n', rows);
  return {
    print(f) {
      const regs = Array.from({ length: count }, (_, i) => one.print({ ...f, n: (f[field]! + i) % 32 }));
      return `{ ${regs.join(', ')} }${index ? `[${index.get(f)}]` : ''}`;
    },
    parse(c, set, f) {
      if (!c.literal('{')) c.fail("'{'");
      let first = -1;
      const read = (expect: number | undefined) => {
        const at = c.pos;
        let got = -1;
        one.parse(
          c,
          (k, v) => {
            if (k === 'n') got = v;
            else set(k, v);
          },
          f,
        );
        if (expect !== undefined && got !== expect % 32)
          throw new Mismatch('registers of a list must follow each other', at);
        return got;
      };
      first = read(undefined);
      if (count > 1 && c.literal('-')) read(first + count - 1);
      else
        for (let i = 1; i < count; i++) {
          if (!c.literal(',')) c.fail(`a list of ${count} registers`);
          read(first + i);
        }
      if (!c.literal('}')) c.fail("'}'");
      set(field, first);
      if (index) readIndex(c, index, set, f);
    },
  };
}
