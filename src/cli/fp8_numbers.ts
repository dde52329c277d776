// Numbers of the FP8 workbench: bit patterns of each format as values and text, and text as bit patterns. What a pattern
// means is asked of the CPU's own floating point.

import { UsageError } from '../base/assert.ts';
import { fp8Unpack } from '../cpu/fp/fp8.ts';
import { fpRoundFormat } from '../cpu/fp/round.ts';
import {
  bfloat16,
  type Format,
  FPType,
  formatOf,
  fpUnpackFormat,
  makeFormat,
  type Unpacked,
} from '../cpu/fp/unpack.ts';

export const FP8_FORMATS = ['E5M2', 'E4M3'] as const;
export type Fp8Name = (typeof FP8_FORMATS)[number];
export type NumberName = Fp8Name | 'half' | 'bfloat16' | 'single' | 'double' | 'unsigned' | 'signed' | 'no format';

/** mant * 2^exp, exactly. */
export interface Exact {
  readonly mant: bigint;
  readonly exp: number;
}
export interface Value {
  readonly bits: bigint;
  readonly class: 'zero' | 'denormal' | 'normal' | 'infinity' | 'NaN' | 'signalling NaN' | 'integer';
  readonly negative: boolean;
  /** Only of numbers. */
  readonly exact?: Exact;
}

const SHAPES: Readonly<Partial<Record<NumberName, Format>>> = {
  E5M2: makeFormat(8, 5),
  E4M3: makeFormat(8, 4),
  half: formatOf(16),
  bfloat16,
  single: formatOf(32),
  double: formatOf(64),
};
const PLAIN = (): { fpcr: number; fpsr: number } => ({ fpcr: 0, fpsr: 0 });

const CLASS = ['zero', 'denormal', 'normal', 'infinity', 'NaN', 'signalling NaN'] as const;
function unpack(name: NumberName, bits: bigint): Unpacked {
  if (name === 'E5M2' || name === 'E4M3') return fp8Unpack(name, Number(bits));
  const shape = SHAPES[name];
  if (shape) return fpUnpackFormat(PLAIN(), shape, bits);
  return { type: FPType.SNaN, sign: 0, mant: 0n, exp: 0 };
}
export function valueFrom(name: NumberName, bits: bigint, width: number): Value {
  if (name === 'unsigned' || name === 'signed') {
    const mant = name === 'signed' ? BigInt.asIntN(width, bits) : bits;
    return { bits, class: 'integer', negative: mant < 0n, exact: { mant, exp: 0 } };
  }
  const u = unpack(name, bits);
  const common = { bits, class: CLASS[u.type], negative: u.sign === 1 };
  return u.type >= FPType.Infinity ? common : { ...common, exact: { mant: u.sign ? -u.mant : u.mant, exp: u.exp } };
}

// ---- exact values ---------------------------------------------------------------------------------------------------------

export function add(a: Exact, b: Exact): Exact {
  const exp = Math.min(a.exp, b.exp);
  return { mant: (a.mant << BigInt(a.exp - exp)) + (b.mant << BigInt(b.exp - exp)), exp };
}
export const times = (a: Exact, b: Exact): Exact => ({ mant: a.mant * b.mant, exp: a.exp + b.exp });
export const scaled = (a: Exact, by: number): Exact => ({ mant: a.mant, exp: a.exp + by });
/** Negative, zero or positive as a is less than, equal to or more than b. */
export function compare(a: Exact, b: Exact): number {
  const { mant } = add(a, { mant: -b.mant, exp: b.exp });
  return mant < 0n ? -1 : mant > 0n ? 1 : 0;
}
export const magnitude = (a: Exact): Exact => ({ mant: a.mant < 0n ? -a.mant : a.mant, exp: a.exp });

/** An odd number times a power of two; small integers as they are. */
export function exactText({ mant, exp }: Exact): string {
  if (mant === 0n) return '0';
  let [m, e] = [mant, exp];
  while ((m & 1n) === 0n) {
    m >>= 1n;
    e++;
  }
  if (e >= 0 && e < 64) return String(m << BigInt(e));
  return `${m} * 2^${e}`;
}
/** The nearest double: exact for all formats but double, sums of them nearly always. */
export function toNumber({ mant, exp }: Exact): number {
  const digits = mant.toString(2).length;
  const cut = Math.max(0, digits - 64);
  let n = Number(mant >> BigInt(cut));
  let e = exp + cut;
  while (e < -1000) {
    n *= 2 ** -500;
    e += 500;
  }
  while (e > 900) {
    n *= 2 ** 500;
    e -= 500;
  }
  return n * 2 ** e;
}
export function valueText(v: Value): string {
  if (v.exact) return v.exact.mant === 0n ? (v.negative ? '-0' : '0') : String(toNumber(v.exact));
  if (v.class === 'infinity') return v.negative ? '-infinity' : 'infinity';
  return v.class;
}

// ---- text to bit patterns ---------------------------------------------------------------------------------------------------

export function largest(name: NumberName): Exact {
  const shape = SHAPES[name]!;
  const bits = name === 'E4M3' ? 0x7en : shape.expMask - 1n;
  return valueFrom(name, bits, shape.width).exact!;
}
function exactOf(n: number): Exact {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, n);
  return valueFrom('double', bits.getBigUint64(0), 64).exact!;
}
const SPECIAL: Readonly<Record<string, (f: Format, name: NumberName) => bigint | undefined>> = {
  inf: (f, name) => (name === 'E4M3' ? undefined : f.expMask),
  nan: (f, name) => (name === 'E4M3' ? 0x7fn : f.expMask | f.quietBit),
  max: (f, name) => (name === 'E4M3' ? 0x7en : f.expMask - 1n),
};

/**
 * One element as it is written: 0x3c (a bit pattern), 1.5, -0, inf, nan, max.
 * @param inexact told when the number itself is not in the format
 * @throws UsageError
 */
export function parseElement(text: string, name: NumberName, width: number, inexact: (what: string) => void): bigint {
  const t = text.trim().toLowerCase();
  const limit = 1n << BigInt(width);
  if (/^0x[0-9a-f]+$/.test(t)) {
    const bits = BigInt(t);
    if (bits >= limit) throw new UsageError(`${text} has more than the ${width} bits of an element (${name})`);
    return bits;
  }
  if (name === 'unsigned' || name === 'signed') {
    const n = /^-?\d+$/.test(t) ? BigInt(t) : undefined;
    const [lo, hi] = name === 'signed' ? [-(limit >> 1n), (limit >> 1n) - 1n] : [0n, limit - 1n];
    if (n === undefined || n < lo || n > hi) throw new UsageError(`'${text}': give a whole number from ${lo} to ${hi}`);
    return BigInt.asUintN(width, n);
  }
  const shape = SHAPES[name];
  if (!shape) throw new UsageError(`'${text}': FPMR names no format for this register; give bit patterns (0x3c)`);
  const m = /^([+-]?)(inf|infinity|nan|max)$/.exec(t);
  if (m) {
    const bits = SPECIAL[m[2]!.slice(0, 3)]!(shape, name);
    if (bits === undefined) throw new UsageError(`'${text}': ${name} has no infinity`);
    return m[1] === '-' ? bits | shape.signBit : bits;
  }
  const n = Number(t);
  if (t === '' || !Number.isFinite(n) || !/^[+-]?[\d.]/.test(t)) {
    throw new UsageError(`'${text}' is no element: give a number (1.5), a bit pattern (0x3c), inf, nan or max`);
  }
  const exact = exactOf(n);
  const negative = n < 0 || Object.is(n, -0);
  if (exact.mant === 0n) return negative ? shape.signBit : 0n;
  const { mant, exp } = magnitude(exact);
  const options = { alternativeHalf: name === 'E4M3', ignoreFZ16: true };
  const bits = fpRoundFormat(PLAIN(), shape, negative ? 1 : 0, mant, exp, 'tieeven', options);
  const made = valueFrom(name, bits, width);
  if (!made.exact) {
    throw new UsageError(`${text} is beyond ${name}, whose largest number is ${toNumber(largest(name))}`);
  }
  if (compare(made.exact, exact) !== 0) inexact(`${text} is not in ${name}: the nearest is ${valueText(made)}`);
  return bits;
}

// ---- tables -------------------------------------------------------------------------------------------------------------------

export interface FormatTable {
  readonly format: Fp8Name;
  readonly values: readonly Value[];
}
export function tableOf(format: Fp8Name): FormatTable {
  return { format, values: Array.from({ length: 256 }, (_, i) => valueFrom(format, BigInt(i), 8)) };
}
/** The numbers without a sign, one line for each exponent. */
export function tableText({ format, values }: FormatTable): string {
  const columns = format === 'E4M3' ? 8 : 4;
  const texts = values.slice(0, 128).map((v) => valueText(v));
  const width = Math.max(...texts.map((t) => t.length)) + 2;
  const lines = Array.from({ length: 128 / columns }, (_, row) => {
    const first = row * columns;
    const cells = texts.slice(first, first + columns).map((t) => t.padStart(width));
    return `0x${first.toString(16).padStart(2, '0')}${cells.join('')}`;
  });
  const finite = values.filter((v) => v.exact !== undefined && !v.negative && v.exact.mant !== 0n);
  const range = (kind: string): string => {
    const of = finite.filter((v) => v.class === kind);
    return `${kind} numbers ${valueText(of[0]!)} to ${valueText(of.at(-1)!)}`;
  };
  const none = format === 'E4M3' ? 'no infinity; 0x7f is the only NaN, and signals' : 'infinity 0x7c, NaNs above it';
  return `${format}: ${range('denormal')}, ${range('normal')}; ${none}.\nWith bit 7 set, the same negative.\n\n${lines.join('\n')}\n`;
}
