// What the registers of each instruction of the FP8 workbench hold, and why an element of the result is what it is. The
// result itself comes from executing the instruction; here it is only compared with the exact one.

import {
  add,
  compare,
  type Exact,
  exactText,
  FP8_FORMATS,
  largest,
  magnitude,
  type NumberName,
  scaled,
  times,
  toNumber,
  type Value,
  valueText,
} from './fp8_numbers.ts';

type Fields = Readonly<Record<string, number>>;
/** Elements of a register: format, bits of one, and how many of them the instruction looks at. */
export interface Elements {
  readonly format: NumberName;
  readonly width: number;
  readonly count: number;
}
export interface Shape {
  readonly Rd: Elements;
  readonly Rn: Elements;
  readonly Rm?: Elements;
  /** Registers from Rn on (a table of LUTI4). */
  readonly tables: number;
  /** The destination is an operand too, as numbers to add to or as bytes that stay. */
  readonly readsRd: boolean;
}
/** FPMR taken apart: field name to number. */
export type Fpmr = Readonly<Record<string, number>>;

const elements = (format: NumberName, width: number, count: number): Elements => ({ format, width, count });
const formatIn = (fpmr: Fpmr, field: string): NumberName => FP8_FORMATS[fpmr[field]!] ?? 'no format';
const byWidth = (width: number): NumberName => (width === 16 ? 'half' : width === 32 ? 'single' : 'double');

const WIDEN = /^(B?)F([12])CVTL/;
const NARROW = /^FCVTN_(single|half)_fp8/;
const PRODUCTS = /^(FDOT_2|FDOT_4|FMLALB|FMLALT|FMLALL(?:BB|BT|TB|TT)|FMMLA_fp8_half|FMMLA_fp8_single)/;
const LOOKUP = /^LUTI[24]_([bh])/;

/** @param name of the encoding row */
export function shapeOf(name: string, f: Fields, fpmr: Fpmr): Shape {
  const q = (count: number): number => (f['Q'] === 0 ? count / 2 : count);
  const widen = WIDEN.exec(name);
  if (widen) {
    const source = formatIn(fpmr, `F8S${widen[2]}`);
    const result = widen[1] ? 'bfloat16' : 'half';
    return { Rd: elements(result, 16, 8), Rn: elements(source, 8, 16), tables: 1, readsRd: false };
  }
  const narrow = NARROW.exec(name);
  if (narrow) {
    const wide = narrow[1] === 'half' ? elements('half', 16, q(8)) : elements('single', 32, 4);
    const result = elements(formatIn(fpmr, 'F8D'), 8, q(16));
    return { Rd: result, Rn: wide, Rm: wide, tables: 1, readsRd: narrow[1] === 'single' && f['Q'] === 1 };
  }
  const products = PRODUCTS.exec(name);
  if (products) {
    const width = widthOfSum(products[1]!);
    const whole = !/^FDOT/.test(name);
    const count = 128 / width;
    const bytes = (field: string, all: boolean): Elements => elements(formatIn(fpmr, field), 8, all ? 16 : q(16));
    return {
      Rd: elements(byWidth(width), width, whole ? count : q(count)),
      Rn: bytes('F8S1', whole),
      Rm: bytes('F8S2', whole || name.endsWith('_elt')),
      tables: 1,
      readsRd: true,
    };
  }
  const lookup = LOOKUP.exec(name);
  if (lookup) {
    const value = lookup[1] === 'b' ? elements('unsigned', 8, 16) : elements('unsigned', 16, 8);
    const tables = name.startsWith('LUTI4_h') ? 2 : 1;
    return { Rd: value, Rn: value, Rm: elements('unsigned', 8, 16), tables, readsRd: false };
  }
  const width = name.endsWith('_half') ? 16 : f['sz'] ? 64 : 32;
  const value = elements(byWidth(width), width, q(128 / width));
  const second = name.startsWith('FSCALE') ? { ...value, format: 'signed' as const } : value;
  return { Rd: value, Rn: value, Rm: second, tables: 1, readsRd: false };
}
function widthOfSum(stem: string): 16 | 32 {
  return /^(FDOT_2|FMLAL[BT]$|FMMLA_fp8_half)/.test(stem) ? 16 : 32;
}

// ---- which elements meet in an element of the result --------------------------------------------------------------------------

/** Pairs of indices: into Rn, into Rm. */
function productsOf(name: string, f: Fields, lane: number): [number, number][] {
  const stem = PRODUCTS.exec(name)![1]!;
  const ways = widthOfSum(stem) / 8;
  const range = (n: number, at: (i: number) => [number, number]) => Array.from({ length: n }, (_, i) => at(i));
  if (stem.startsWith('FMMLA')) {
    const row = 2 * ways;
    const pair = 2 * (lane >> 2);
    return range(row, (i) => [(pair + ((lane >> 1) & 1)) * row + i, (pair + (lane & 1)) * row + i]);
  }
  const byElement = name.endsWith('_elt');
  if (stem.startsWith('FDOT')) {
    const index = ways === 2 ? (f['H']! << 2) | (f['L']! << 1) | f['M']! : (f['H']! << 1) | f['L']!;
    return range(ways, (i) => [ways * lane + i, byElement ? ways * index + i : ways * lane + i]);
  }
  const phase = ways === 2 ? (stem === 'FMLALT' ? 1 : 0) : ['BB', 'BT', 'TB', 'TT'].indexOf(stem.slice(-2));
  const at = ways * lane + phase;
  const index = byElement ? (f['H']! << 3) | (f['L']! << 2) | (f['M']! << 1) | f['n']! : at;
  return [[at, index]];
}

// ---- why ------------------------------------------------------------------------------------------------------------------------

export interface Operands {
  readonly Rd: readonly Value[];
  readonly Rn: readonly Value[];
  readonly Rm: readonly Value[];
}
const isNan = (v: Value): boolean => v.class === 'NaN' || v.class === 'signalling NaN';
const isZero = (v: Value): boolean => v.class === 'zero';
const isInfinite = (v: Value): boolean => v.class === 'infinity';

/** Compares a number with what it would be if nothing had to be rounded. */
function compared(result: Value, exact: Exact, limit: NumberName, modes: { saturates: boolean; name: string }): string {
  const top = largest(limit);
  const past = compare(magnitude(exact), top) > 0;
  const [plain, decimal] = [exactText(exact), String(toNumber(exact))];
  const is = `exactly ${plain === decimal ? plain : `${plain} = ${decimal}`}`;
  if (past && result.exact && compare(magnitude(result.exact), top) === 0)
    return modes.saturates
      ? `saturated: ${is} is beyond ${toNumber(top)}, and ${modes.name} = 1 gives the largest number`
      : `rounded: ${is}`;
  if (!result.exact) {
    const none = limit === 'E4M3' ? ', as E4M3 has no infinity' : '';
    return `overflowed: ${is} is beyond ${toNumber(top)}, and ${modes.name} = 0 gives ${valueText(result)}${none}`;
  }
  if (compare(result.exact, exact) === 0) return 'exact';
  return result.exact.mant === 0n ? `rounded to zero: ${is}` : `rounded: ${is}`;
}

/** An element of a result, and what it came from. */
export interface Outcome {
  /** Of the encoding row. */
  readonly name: string;
  readonly f: Fields;
  readonly fpmr: Fpmr;
  readonly shape: Shape;
  readonly o: Operands;
  readonly lane: number;
  readonly result: Value;
}

function whyProducts({ name, f, fpmr, lane, o, result, shape }: Outcome): string {
  const pairs = productsOf(name, f, lane);
  const reserved = (['F8S1', 'F8S2'] as const).filter((s) => formatIn(fpmr, s) === 'no format');
  if (reserved.length > 0) return `NaN: ${reserved.map((s) => `${s} = ${fpmr[s]}`).join(' and ')} names no format`;
  const addend = o.Rd[lane]!;
  const named = ([i, j]: [number, number]): string =>
    `Rn[${i}] = ${valueText(o.Rn[i]!)} times Rm[${j}] = ${valueText(o.Rm[j]!)}`;
  if (isNan(addend)) return 'NaN: the addend is one (every NaN result is the default NaN)';
  const nan = pairs.find(([i, j]) => isNan(o.Rn[i]!) || isNan(o.Rm[j]!));
  if (nan) return `NaN: ${named(nan)}`;
  const invalid = pairs.find(
    ([i, j]) => (isZero(o.Rn[i]!) && isInfinite(o.Rm[j]!)) || (isInfinite(o.Rn[i]!) && isZero(o.Rm[j]!)),
  );
  if (invalid) return `NaN: ${named(invalid)}`;
  const infinite = pairs.filter(([i, j]) => isInfinite(o.Rn[i]!) || isInfinite(o.Rm[j]!));
  if (isNan(result)) return 'NaN: infinities of both signs are added';
  if (infinite.length > 0) return `infinity: ${named(infinite[0]!)}`;
  if (isInfinite(addend)) return 'infinity: the addend is one';
  const scale = fpmr['LSCALE']! & (shape.Rd.width === 16 ? 15 : 127);
  let sum = addend.exact!;
  for (const [i, j] of pairs) sum = add(sum, scaled(times(o.Rn[i]!.exact!, o.Rm[j]!.exact!), -scale));
  return compared(result, sum, shape.Rd.format, { saturates: fpmr['OSM'] === 1, name: 'OSM' });
}

/** Why element `lane` of the result is what it is. */
export function why(outcome: Outcome): string {
  const { name, f, fpmr, lane, o, result, shape } = outcome;
  const widen = WIDEN.exec(name);
  if (widen) {
    const a = o.Rn[lane + (f['Q'] ? 8 : 0)]!;
    if (shape.Rn.format === 'no format') return `NaN: F8S${widen[2]} = ${fpmr[`F8S${widen[2]}`]} names no format`;
    if (!a.exact) return `${valueText(a)} of Rn`;
    const scale = fpmr[widen[2] === '1' ? 'LSCALE' : 'LSCALE2']! & (widen[1] ? 63 : 15);
    return compared(result, scaled(a.exact, -scale), shape.Rd.format, { saturates: false, name: 'FPMR' });
  }
  if (NARROW.test(name)) {
    const each = shape.Rn.count;
    const own = shape.readsRd ? lane - 8 : lane;
    if (own < 0 || own >= 2 * each) return 'kept';
    const a = own < each ? o.Rn[own]! : o.Rm[own - each]!;
    if (shape.Rd.format === 'no format') return `all ones: F8D = ${fpmr['F8D']} names no format`;
    const saturates = fpmr['OSC'] === 1;
    if (isInfinite(a)) {
      if (saturates) return `saturated: infinity, and OSC = 1 gives the largest number`;
      return `infinity, and OSC = 0 gives ${valueText(result)}`;
    }
    if (!a.exact) return `${valueText(a)} of the source`;
    const raw = fpmr['NSCALE']!;
    const scale = shape.Rn.width === 16 ? ((raw & 31) ^ 16) - 16 : (raw ^ 128) - 128;
    return compared(result, scaled(a.exact, scale), shape.Rd.format as NumberName, { saturates, name: 'OSC' });
  }
  if (PRODUCTS.test(name)) return whyProducts(outcome);
  if (LOOKUP.test(name)) return '';
  const [a, b] = [o.Rn[lane]!, o.Rm[lane]!];
  if (isNan(a) || isNan(b)) return `${valueText(isNan(a) ? a : b)} of an operand`;
  if (!name.startsWith('FSCALE')) return '';
  if (!a.exact) return `${valueText(a)} of Rn`;
  // Far beyond any format it makes no difference how far.
  const by = Math.max(-5000, Math.min(5000, toNumber(b.exact!)));
  const exact = scaled(a.exact, by);
  if (result.class === 'infinity') return `overflowed: ${exactText(exact)}`;
  return result.exact && compare(result.exact, exact) === 0 ? 'exact' : `rounded: exactly ${exactText(exact)}`;
}
