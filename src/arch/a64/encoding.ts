// Encoding patterns as bit arithmetic: what parts of a word are fixed, where its fields are, which values are holes.
// Knows the pattern language of schema.ts and no instruction.

import { InternalError } from '../../base/assert.ts';
import type { Row } from './schema.ts';

export type FieldValues = Readonly<Record<string, number>>;
export interface FieldSpan {
  readonly name: string;
  readonly lo: number;
  readonly width: number;
}
export interface ParsedRow {
  /** Bits that are fixed, and their values; both unsigned. */
  readonly mask: number;
  readonly value: number;
  readonly fields: readonly FieldSpan[];
  /** True for field values that the row's `not` excludes; a condition on an absent field does not hold. */
  readonly hole: (f: FieldValues) => boolean;
}

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function parseHoles(not: string | undefined, fields: readonly FieldSpan[]): (f: FieldValues) => boolean {
  if (not === undefined) return () => false;
  const any = not.split('|').map((alternative) =>
    alternative.split('&').map((condition): Condition => {
      const m = /^\s*(\w+)\s*(!=|<=|>=|=|<|>)\s*(\w+)\s*$/.exec(condition);
      const compare = m && COMPARE[m[2]!];
      if (!compare || !fields.some((s) => s.name === m[1])) {
        throw new InternalError(`cannot read '${condition.trim()}' in not: '${not}'`);
      }
      const right = m[3]!;
      return { left: m[1]!, compare, right: /^\d/.test(right) ? Number(right) : right };
    }),
  );
  return (f) => any.some((all) => holds(all, f));
}
interface Condition {
  readonly left: string;
  readonly compare: (a: number, b: number) => boolean;
  readonly right: number | string;
}
function holds(all: readonly Condition[], f: FieldValues): boolean {
  for (const { left, compare, right } of all) {
    const a = f[left];
    const b = typeof right === 'number' ? right : f[right];
    if (a === undefined || b === undefined || !compare(a, b)) return false;
  }
  return true;
}

function wordEnd(text: string, at: number): number {
  const blank = text.indexOf(' ', at);
  return blank < 0 ? text.length : blank;
}

/** @throws InternalError if the pattern is not 32 bits wide; hole() throws it if `not` names no field. */
export function parseRow(row: Row): ParsedRow {
  // One pass over the characters: a thousand rows are read each time a program starts.
  const { pattern } = row;
  let bit = 32;
  let mask = 0;
  let value = 0;
  const fields: FieldSpan[] = [];
  for (let at = 0; at < pattern.length; at++) {
    if (pattern[at] === ' ') continue;
    const end = wordEnd(pattern, at);
    const colon = pattern.indexOf(':', at);
    if (colon > at && colon < end) {
      const width = Number(pattern.slice(colon + 1, end));
      bit -= width;
      fields.push({ name: pattern.slice(at, colon), lo: bit, width });
    } else {
      for (let i = at; i < end; i++) {
        bit--;
        if (pattern[i] === 'x') continue;
        mask |= 1 << bit;
        if (pattern[i] === '1') value |= 1 << bit;
      }
    }
    at = end;
  }
  if (bit !== 0) throw new InternalError(`pattern '${row.pattern}' is ${32 - bit} bits wide`);
  // Most rows of a table are never met by a program: their conditions are read when they are first asked for.
  let holes: ParsedRow['hole'] | undefined;
  const hole = (f: FieldValues): boolean => {
    holes ??= parseHoles(row.not, fields);
    return holes(f);
  };
  return { mask: mask >>> 0, value: value >>> 0, fields, hole: row.not === undefined ? () => false : hole };
}

export function fieldOf(span: FieldSpan, word: number): number {
  return (word >>> span.lo) & (2 ** span.width - 1);
}
/** All fields of a word. */
export function fieldsOf(parsed: ParsedRow, word: number): Record<string, number> {
  const f: Record<string, number> = {};
  for (const s of parsed.fields) f[s.name] = (word >>> s.lo) & ((1 << s.width) - 1);
  return f;
}
/** The word with the given fields (absent ones 0). */
export function encode(parsed: ParsedRow, f: FieldValues): number {
  let word = parsed.value;
  for (const s of parsed.fields) word |= ((f[s.name] ?? 0) & (2 ** s.width - 1)) << s.lo;
  return word >>> 0;
}
/** The word belongs to the row (features aside). */
export function matches(parsed: ParsedRow, word: number): boolean {
  return (word & parsed.mask) >>> 0 === parsed.value && !parsed.hole(fieldsOf(parsed, word));
}
