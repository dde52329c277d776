// Operand codecs of SVE: z0.s, p0/m, p0.b, lists { z0.s, z1.s }, predicate patterns, addresses in vector lengths.

import { expression } from './expression.ts';
import { type Cursor, type Fields, Mismatch, type Operand } from './form.ts';
import { checkRange, dec, readImmediate } from './operands.ts';
import { fixed, type Named } from './operands_simd.ts';

const fits = (want: Fields, f: Fields): boolean =>
  Object.entries(want).every(([k, v]) => f[k] === undefined || f[k] === v);
const matches = (want: Fields, f: Fields): boolean => Object.entries(want).every(([k, v]) => f[k] === v);
const textOf = (rows: Named, f: Fields): string => rows.find(([, want]) => matches(want, f))?.[0] ?? '?';
const named = (t: string | Named): Named => (typeof t === 'string' ? fixed(t) : t);

/** Element sizes by `size`. */
export const BHSD: Named = [['b', { size: 0 }], ['h', { size: 1 }], ['s', { size: 2 }], ['d', { size: 3 }]]; // biome-ignore format: a table
export const HSD: Named = BHSD.slice(1);
/** Elements twice and half as wide as `size` says. */
export const WIDER: Named = [['h', { size: 0 }], ['s', { size: 1 }], ['d', { size: 2 }]]; // biome-ignore format: a table
export const NARROWER: Named = [['b', { size: 1 }], ['h', { size: 2 }], ['s', { size: 3 }]]; // biome-ignore format: a table
/** Single or double by `sz`. */
export const SD: Named = [['s', { sz: 0 }], ['d', { sz: 1 }]]; // biome-ignore format: a table

function register(c: Cursor, letter: string, below: number, rows: Named, f: Fields): { n: number; fields: Fields } {
  const at = c.pos;
  const bare = rows.length === 1 && rows[0]![0] === '';
  const what = bare ? `${letter}0` : rows.map(([t]) => `${letter}0.${t}`).join(', ');
  const m = c.take(
    bare ? new RegExp(`${letter}(\\d{1,2})()(?![\\w.])`) : new RegExp(`${letter}(\\d{1,2})\\.([bhsdq])\\b`),
  );
  const row = m && rows.find(([t, want]) => t === m[2]!.toLowerCase() && fits(want, f));
  if (!m || !row) {
    c.pos = at;
    return c.fail(`a register like ${what}`);
  }
  const n = Number(m[1]);
  if (n >= below) throw new Mismatch(`no register ${m[0]}: ${letter} registers are numbered 0 to ${below - 1}`, at);
  return { n, fields: row[1] };
}
function one(letter: string, count: number, field: string, rows: Named, after = ''): Operand {
  return {
    print: (f) => `${letter}${f[field]!}${rows[0]![0] === '' ? '' : `.${textOf(rows, f)}`}${after}`,
    parse(c, set, f) {
      const { n, fields } = register(c, letter, count, rows, f);
      set(field, n);
      for (const [k, v] of Object.entries(fields)) set(k, v);
      if (after && !c.literal(after)) c.fail(`'${after}'`);
    },
  };
}

/** `z0.s`; without elements `z0`. */
export const Z = (field: string, elements: string | Named = BHSD): Operand => one('z', 32, field, named(elements));
/** `p0.s`; without elements `p0`. */
export const P = (field: string, elements: string | Named = ''): Operand => one('p', 16, field, named(elements));
/** Governing predicates: `p0/m`, `p0/z`. */
export const Pm = (field = 'Pg'): Operand => one('p', 16, field, fixed(''), '/m');
export const Pz = (field = 'Pg'): Operand => one('p', 16, field, fixed(''), '/z');

/** `{ z0.s, z1.s }`: `count` registers from `field` on, `step` apart. */
export function zlist(field: string, elements: string | Named, count = 1, step = 1): Operand {
  const rows = named(elements);
  const element = Z('n', rows);
  return {
    print(f) {
      const nth = (i: number): string => element.print({ ...f, n: (f[field]! + i * step) % 32 });
      const all = Array.from({ length: count }, (_, i) => nth(i));
      return count > 2 && step === 1 && f[field]! + count <= 32
        ? `{ ${nth(0)} - ${nth(count - 1)} }`
        : `{ ${all.join(', ')} }`;
    },
    parse(c, set, f) {
      if (!c.literal('{')) c.fail("'{'");
      const read = (expect: number | undefined): number => {
        const at = c.pos;
        const { n, fields } = register(c, 'z', 32, rows, f);
        for (const [k, v] of Object.entries(fields)) set(k, v);
        if (expect !== undefined && n !== expect % 32)
          throw new Mismatch('registers of a list must follow each other', at);
        return n;
      };
      const first = read(undefined);
      if (count > 1 && c.literal('-')) read(first + (count - 1) * step);
      else
        for (let i = 1; i < count; i++) {
          if (!c.literal(',')) c.fail(`a list of ${count} registers`);
          read(first + i * step);
        }
      if (!c.literal('}')) c.fail("'}'");
      set(field, first);
    },
  };
}

/** `z0.s[1]`: the index lies in fields, high bits first. */
export function Zi(
  field: string,
  elements: string | Named,
  ...spans: readonly (readonly [name: string, width: number])[]
): Operand {
  const z = Z(field, elements);
  return {
    print: (f) => `${z.print(f)}[${spans.reduce((v, [name, width]) => v * 2 ** width + f[name]!, 0)}]`,
    parse(c, set, f) {
      z.parse(c, set, f);
      if (!c.literal('[')) c.fail("'['");
      const at = c.pos;
      let rest = Number(expression(c));
      const given = rest;
      for (const [name, width] of [...spans].reverse()) {
        set(name, rest % 2 ** width);
        rest = Math.floor(rest / 2 ** width);
      }
      if (given < 0 || rest !== 0) throw new Mismatch(`index ${given} is out of range`, at);
      if (!c.literal(']')) c.fail("']'");
    },
  };
}

export const PATTERNS: Readonly<Record<string, number>> = {
  pow2: 0, vl1: 1, vl2: 2, vl3: 3, vl4: 4, vl5: 5, vl6: 6, vl7: 7, vl8: 8, vl16: 9, vl32: 10, vl64: 11, vl128: 12,
  vl256: 13, mul4: 29, mul3: 30, all: 31,
}; // biome-ignore format: a table
const PATTERN_NAMES = new Map(Object.entries(PATTERNS).map(([n, v]) => [v, n]));
const ALL = 31;
/** `, vl4, mul #3` or nothing for all of them once; without `multiplier` there is no mul. */
export function pattern(multiplier?: string): Operand {
  return {
    print(f) {
      const times = multiplier === undefined ? 0 : f[multiplier]!;
      const p = f['pattern']!;
      if (p === ALL && times === 0) return '';
      return `, ${PATTERN_NAMES.get(p) ?? dec(p)}${times === 0 ? '' : `, mul #${times + 1}`}`;
    },
    parse(c, set) {
      let p = ALL;
      let times = 1n;
      if (c.literal(',')) {
        const m = c.take(/[a-z]\w*/);
        const name = m && PATTERNS[m[0].toLowerCase()];
        if (m && name === undefined) c.fail('a pattern (all, pow2, vl1, ...)');
        p = name ?? Number(readImmediate(c));
        if (multiplier !== undefined && c.literal(',')) {
          if (!c.literal('mul')) c.fail("'mul'");
          const at = c.pos;
          times = readImmediate(c);
          checkRange(c, at, times, 1n, 16n);
        }
      }
      set('pattern', p);
      if (multiplier !== undefined) set(multiplier, Number(times) - 1);
    },
  };
}

/** `, #3, mul vl` or nothing for 0: a signed offset of `bits` bits, times `scale`. */
export function mulVl(field: string, bits: number, scale = 1): Operand {
  return {
    print(f) {
      const v = Number(BigInt.asIntN(bits, BigInt(f[field]!))) * scale;
      return v === 0 ? '' : `, #${v}, mul vl`;
    },
    parse(c, set) {
      let v = 0n;
      if (c.literal(',')) {
        const at = c.pos;
        v = readImmediate(c);
        const half = (1n << BigInt(bits - 1)) * BigInt(scale);
        checkRange(c, at, v, -half, half - BigInt(scale), BigInt(scale));
        if (!c.literal(', mul vl')) c.fail("', mul vl'");
      }
      set(field, Number(BigInt.asUintN(bits, v / BigInt(scale))));
    },
  };
}

/** A text that fields already read decide (`, lsl #1` of an access size). */
export function implied(...rows: readonly (readonly [text: string, fields: Fields])[]): Operand {
  return {
    print: (f) => textOf(rows, f),
    parse(c, _set, f) {
      const text = rows.find(([, want]) => fits(want, f))?.[0] ?? '';
      if (!c.literal(text)) c.fail(`'${text.trim()}'`);
    },
  };
}

/** The operand that fields already read choose. */
export function byFields(choose: (f: Fields) => Operand): Operand {
  return { print: (f, scope) => choose(f).print(f, scope), parse: (c, set, f) => choose(f).parse(c, set, f) };
}

// ---- shifts: element size and amount share the bits of tszh:tszl:imm3 ----------------------------------------------------

const elementBits = (f: Fields): number => 8 << (31 - Math.clz32((f['tszh']! << 2) | f['tszl']!));
const LETTERS: Readonly<Record<number, string>> = { 8: 'b', 16: 'h', 32: 's', 64: 'd' };
/** A register whose element size the shift says; `times` for one that is wider (2) or narrower (0.5). */
export function Zs(field: string, times = 1): Operand {
  return {
    print: (f) => `z${f[field]!}.${LETTERS[elementBits(f) * times]}`,
    parse(c, set) {
      const m = c.take(/z(\d{1,2})\.([bhsd])\b/);
      const bits = m && Number(Object.entries(LETTERS).find(([, l]) => l === m[2]!.toLowerCase())![0]) / times;
      if (!m || Number(m[1]) > 31 || bits! < 8 || bits! > 64) return c.fail('a register like z0.s');
      set(field, Number(m[1]));
      set('elementBits', bits!);
    },
  };
}
function shiftAmount(
  get: (value: number, bits: number) => number,
  from: (n: number, bits: number) => number,
  lo: number,
): Operand {
  const value = (f: Fields): number => (f['tszh']! << 5) | (f['tszl']! << 3) | f['imm3']!;
  return {
    print: (f) => dec(get(value(f), elementBits(f))),
    parse(c, set, f) {
      const at = c.pos;
      const bits = f['elementBits']!;
      const n = readImmediate(c);
      checkRange(c, at, n, BigInt(lo), BigInt(bits - 1 + lo));
      const v = from(Number(n), bits);
      set('tszh', v >> 5);
      set('tszl', (v >> 3) & 3);
      set('imm3', v & 7);
    },
  };
}
export const shiftLeft = shiftAmount(
  (v, bits) => v - bits,
  (n, bits) => n + bits,
  0,
);
export const shiftRight = shiftAmount(
  (v, bits) => 2 * bits - v,
  (n, bits) => 2 * bits - n,
  1,
);

/** `#n`, or `#n, lsl #8` where n is zero: eight bits that sh shifts by eight. */
export function shifted8(signed: boolean): Operand {
  return {
    print(f) {
      const v = signed ? (f['imm8']! << 24) >> 24 : f['imm8']!;
      if (v === 0 && f['sh']) return '#0, lsl #8';
      return dec(f['sh'] ? v * 256 : v);
    },
    parse(c, set) {
      const at = c.pos;
      let v = readImmediate(c);
      let sh = false;
      if (c.literal(', lsl')) {
        const by = readImmediate(c);
        checkRange(c, at, by, 0n, 8n, 8n);
        sh = by === 8n;
      } else if (v % 256n === 0n && v !== 0n) {
        sh = true;
        v /= 256n;
      }
      if (signed) checkRange(c, at, v, -128n, 127n);
      else checkRange(c, at, v, 0n, 255n);
      set('imm8', Number(BigInt.asUintN(8, v)));
      set('sh', sh ? 1 : 0);
    },
  };
}

/** `#90`: a rotation of complex numbers in steps of `step` degrees from `first` on. */
export function rotation(field: string, step = 90, first = 0): Operand {
  return {
    print: (f) => dec(first + f[field]! * step),
    parse(c, set) {
      const at = c.pos;
      const v = readImmediate(c);
      checkRange(c, at, v, 0n, 270n, 90n);
      set(field, (Number(v) - first) / step);
    },
  };
}
