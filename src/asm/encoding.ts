// Encoding patterns as bit arithmetic: fields into words and words into fields. Nothing here knows any instruction.

import type { Row } from '../arch/a64/schema.ts';
import { InternalError } from '../base/assert.ts';
import type { Fields } from './form.ts';

export interface FieldSpan {
  readonly name: string;
  readonly hi: number;
  readonly width: number;
}
export interface Encoding {
  /** Bits that are fixed, and their values. */
  readonly mask: number;
  readonly value: number;
  readonly fields: readonly FieldSpan[];
  /** True where the encoding is UNALLOCATED by the row's `not`. */
  readonly hole: (f: Fields) => boolean;
}

const OPERATORS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
};

/** `not` syntax: alternatives by `|`, conditions by `&`, each `field OP number` or `field OP field`. */
function compileHole(not: string | undefined): (f: Fields) => boolean {
  if (!not) return () => false;
  const alternatives = not.split('|').map((alt) =>
    alt.split('&').map((c) => {
      const m = /^\s*(\w+)\s*(!=|>=|<=|=|>|<)\s*(\w+)\s*$/.exec(c);
      if (!m) throw new InternalError(`cannot read condition '${c}' in not: '${not}'`);
      const op = OPERATORS[m[2]!]!;
      const right = /^\d|^0x/.test(m[3]!) ? Number(m[3]) : undefined;
      return (f: Fields) => op(f[m[1]!] ?? 0, right ?? f[m[3]!] ?? 0);
    }),
  );
  return (f) => alternatives.some((all) => all.every((c) => c(f)));
}

export function parseEncoding(row: Row): Encoding {
  let bit = 32;
  let mask = 0;
  let value = 0;
  const fields: FieldSpan[] = [];
  for (const token of row.pattern.trim().split(/\s+/)) {
    const [name, width] = token.split(':');
    if (width !== undefined) {
      bit -= Number(width);
      fields.push({ name: name!, hi: bit + Number(width) - 1, width: Number(width) });
    } else {
      for (const ch of token) {
        bit--;
        if (ch === 'x') continue;
        mask |= 1 << bit;
        if (ch === '1') value |= 1 << bit;
      }
    }
  }
  if (bit !== 0) throw new InternalError(`pattern '${row.pattern}' has ${32 - bit} bits`);
  return { mask: mask >>> 0, value: value >>> 0, fields, hole: compileHole(row.not) };
}

export function extractFields(e: Encoding, word: number): Fields {
  const f: Fields = {};
  for (const s of e.fields) f[s.name] = (word >>> (s.hi - s.width + 1)) & (2 ** s.width - 1);
  return f;
}
export function insertFields(e: Encoding, f: Fields): number {
  let word = e.value;
  for (const s of e.fields) word |= ((f[s.name] ?? 0) & (2 ** s.width - 1)) << (s.hi - s.width + 1);
  return word >>> 0;
}
