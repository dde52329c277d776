// Conversions that the host can do: between single and double, to and from integers, to integral values. Taken where
// operands and results are plain (see double.ts); everything else goes the exact way in convert.ts.

import { FPSR, type FpContext, type FpRounding, fpRoundingMode } from './context.ts';
import { convertExactly, fixedToFp, roundIntExactly, toFixedExactly } from './convert.ts';
import { doubleBits, reportInexact, singleBits, toDouble, toNearest, toSingle } from './host.ts';

const wide = (bits: number) => BigInt(bits >>> 0);
const unsigned = (bits: bigint) => BigInt.asUintN(64, bits);
function isPlain(x: number, minNormal: number): boolean {
  const magnitude = Math.abs(x);
  return (magnitude >= minNormal && magnitude < Infinity) || x === 0;
}
const plainSingle = (x: number) => isPlain(x, 2 ** -126);
const plainDouble = (x: number) => isPlain(x, 2 ** -1022);

export function singleToDouble(cx: FpContext, a: number): bigint {
  const x = toSingle(a);
  return plainSingle(x) ? doubleBits(x) : convertExactly(cx, 32, 64, wide(a));
}
export function doubleToSingle(cx: FpContext, a: bigint, rounding: FpRounding = fpRoundingMode(cx.fpcr)): number {
  const x = toDouble(a);
  const r = Math.fround(x);
  const magnitude = Math.abs(r);
  if (rounding === 'tieeven' && ((magnitude > 2 ** -125 && magnitude < Infinity) || x === 0)) {
    reportInexact(cx, r !== x);
    return singleBits(r);
  }
  return Number(convertExactly(cx, 64, 32, unsigned(a), rounding));
}

/** x rounded to an integral value; the sign of a zero is that of x. */
function roundNumber(x: number, rounding: FpRounding): number {
  switch (rounding) {
    case 'zero':
      return Math.trunc(x);
    case 'plusinf':
      return Math.ceil(x);
    case 'minusinf':
      return Math.floor(x);
    default: {
      const magnitude = Math.abs(x);
      const below = Math.floor(magnitude);
      const rest = magnitude - below;
      const up = rest > 0.5 || (rest === 0.5 && (rounding === 'tieaway' || below % 2 === 1));
      const r = up ? below + 1 : below;
      return x < 0 || Object.is(x, -0) ? -r : r;
    }
  }
}

/** The integral value of a plain number and its flags; saturation above is one beyond the range. */
function toInteger(cx: FpContext, x: number, bits: 32 | 64, signed: boolean, rounding: FpRounding): number {
  const r = roundNumber(x, rounding);
  const max = signed ? 2 ** (bits - 1) : 2 ** bits;
  const min = signed ? -max : 0;
  if (r >= max || r < min) {
    cx.fpsr |= FPSR.IOC;
    return r < min ? min : max;
  }
  reportInexact(cx, r !== x);
  return r;
}
/** The pattern of what toInteger gives: the largest 64-bit integers are no doubles. */
function integer64(r: number, signed: boolean): bigint {
  const beyond = signed ? 2 ** 63 : 2 ** 64;
  return r === beyond ? BigInt(beyond) - 1n : BigInt(r);
}
function integer32(r: number, signed: boolean): number {
  const beyond = signed ? 2 ** 31 : 2 ** 32;
  return (r === beyond ? r - 1 : r) >>> 0;
}
const scaled = (x: number, fbits: number) => (fbits === 0 ? x : x * 2 ** fbits);
/** Scaling by 2^64 at most keeps such a number exact. */
const canScale = (x: number) => Math.abs(x) < 2 ** 900;

export function singleTo32(cx: FpContext, a: number, signed: boolean, rounding: FpRounding, fbits: number): number {
  const x = toSingle(a);
  if (plainSingle(x)) return integer32(toInteger(cx, scaled(x, fbits), 32, signed, rounding), signed);
  return Number(toFixedExactly(cx, 32, wide(a), 32, signed, rounding, fbits));
}
export function singleTo64(cx: FpContext, a: number, signed: boolean, rounding: FpRounding, fbits: number): bigint {
  const x = toSingle(a);
  if (plainSingle(x)) return unsigned(integer64(toInteger(cx, scaled(x, fbits), 64, signed, rounding), signed));
  return toFixedExactly(cx, 32, wide(a), 64, signed, rounding, fbits);
}
export function doubleTo32(cx: FpContext, a: bigint, signed: boolean, rounding: FpRounding, fbits: number): number {
  const x = toDouble(a);
  if (plainDouble(x) && canScale(x)) return integer32(toInteger(cx, scaled(x, fbits), 32, signed, rounding), signed);
  return Number(toFixedExactly(cx, 64, unsigned(a), 32, signed, rounding, fbits));
}
export function doubleTo64(cx: FpContext, a: bigint, signed: boolean, rounding: FpRounding, fbits: number): bigint {
  const x = toDouble(a);
  if (plainDouble(x) && canScale(x)) {
    return unsigned(integer64(toInteger(cx, scaled(x, fbits), 64, signed, rounding), signed));
  }
  return toFixedExactly(cx, 64, unsigned(a), 64, signed, rounding, fbits);
}

/** Singles from numbers that a double holds; exact scaling by a power of two. */
function fromNumber32(cx: FpContext, x: number): number | undefined {
  const r = Math.fround(x);
  if (!toNearest(cx) && r !== x) return undefined;
  reportInexact(cx, r !== x);
  return singleBits(r);
}
export function int32ToSingle(cx: FpContext, a: number, signed: boolean, fbits: number): number {
  const x = (signed ? a | 0 : a >>> 0) * 2 ** -fbits;
  return fromNumber32(cx, x) ?? Number(fixedToFp(cx, 32, wide(a), 32, signed, fbits));
}
export function int64ToSingle(cx: FpContext, a: bigint, signed: boolean, fbits: number): number {
  const value = signed ? BigInt.asIntN(64, a) : unsigned(a);
  const x = Number(value);
  if (Math.abs(x) < 2 ** 53) {
    const r = fromNumber32(cx, x * 2 ** -fbits);
    if (r !== undefined) return r;
  }
  return Number(fixedToFp(cx, 32, unsigned(a), 64, signed, fbits));
}
export function int32ToDouble(_cx: FpContext, a: number, signed: boolean, fbits: number): bigint {
  return doubleBits((signed ? a | 0 : a >>> 0) * 2 ** -fbits);
}
export function int64ToDouble(cx: FpContext, a: bigint, signed: boolean, fbits: number): bigint {
  const value = signed ? BigInt.asIntN(64, a) : unsigned(a);
  const x = Number(value);
  const exact = Math.abs(x) < 2 ** 53 || BigInt(x) === value;
  if (!exact && !toNearest(cx)) return fixedToFp(cx, 64, unsigned(a), 64, signed, fbits);
  reportInexact(cx, !exact);
  return doubleBits(x * 2 ** -fbits);
}

export function roundSingle(cx: FpContext, a: number, rounding: FpRounding, exact: boolean): number {
  const x = toSingle(a);
  if (!plainSingle(x)) return Number(roundIntExactly(cx, 32, wide(a), rounding, exact));
  const r = roundNumber(x, rounding);
  if (exact) reportInexact(cx, r !== x);
  return singleBits(r);
}
export function roundDouble(cx: FpContext, a: bigint, rounding: FpRounding, exact: boolean): bigint {
  const x = toDouble(a);
  if (!plainDouble(x)) return roundIntExactly(cx, 64, unsigned(a), rounding, exact);
  const r = roundNumber(x, rounding);
  if (exact) reportInexact(cx, r !== x);
  return doubleBits(r);
}
