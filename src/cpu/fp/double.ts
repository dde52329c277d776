// Double precision by the host's own arithmetic where that is provably the answer: to nearest, operands and results far
// from zero and infinity. Rounding errors are recovered exactly to know about Inexact. Everything else goes the exact way.
// Operands are 64-bit patterns, signed or unsigned; results are unsigned.

import { addExactly, divExactly, fpMax, fpMin, mulAddExactly, mulExactly, sqrtExactly, subExactly } from './arith.ts';
import { compareExactly } from './compare.ts';
import { FPCR, type FpContext } from './context.ts';
import {
  doubleBits,
  knowsInexact,
  reportInexact,
  toDouble,
  toNearest,
  toOdd,
  twoProductError,
  twoSumError,
} from './host.ts';

const MIN_NORMAL = 2 ** -1022;
/** Results in these bounds neither underflow nor overflow, whatever FPCR says. */
const SMALL = 2 ** -1020;
const LARGE = 2 ** 1022;

/** Neither NaN nor infinity nor denormal: FPCR's flushing bits do not matter. */
function isPlain(x: number): boolean {
  const magnitude = Math.abs(x);
  return (magnitude >= MIN_NORMAL && magnitude < Infinity) || x === 0;
}
function isSafe(magnitude: number): boolean {
  return magnitude > SMALL && magnitude < LARGE;
}
/** In these bounds products of two, their errors and further sums are exact too. */
function isModest(x: number): boolean {
  const magnitude = Math.abs(x);
  return magnitude > 2 ** -300 && magnitude < 2 ** 300;
}
const unsigned = (bits: bigint) => BigInt.asUintN(64, bits);

function sum(cx: FpContext, x: number, y: number): bigint | undefined {
  const r = x + y;
  if (!toNearest(cx) || !isPlain(x) || !isPlain(y) || !(isSafe(Math.abs(r)) || r === 0)) return undefined;
  if (!knowsInexact(cx)) reportInexact(cx, twoSumError(x, y, r) !== 0);
  return doubleBits(r);
}

export function add64(cx: FpContext, a: bigint, b: bigint): bigint {
  return sum(cx, toDouble(a), toDouble(b)) ?? addExactly(cx, 64, unsigned(a), unsigned(b));
}
export function sub64(cx: FpContext, a: bigint, b: bigint): bigint {
  return sum(cx, toDouble(a), -toDouble(b)) ?? subExactly(cx, 64, unsigned(a), unsigned(b));
}

export function mul64(cx: FpContext, a: bigint, b: bigint): bigint {
  const x = toDouble(a);
  const y = toDouble(b);
  const r = x * y;
  if (toNearest(cx) && isPlain(x) && isPlain(y)) {
    if (x === 0 || y === 0) return doubleBits(r);
    if (isSafe(Math.abs(r))) {
      if (knowsInexact(cx)) return doubleBits(r);
      if (isModest(x) && isModest(y)) {
        reportInexact(cx, twoProductError(x, y, r) !== 0);
        return doubleBits(r);
      }
    }
  }
  return mulExactly(cx, 64, unsigned(a), unsigned(b));
}

export function div64(cx: FpContext, a: bigint, b: bigint): bigint {
  const x = toDouble(a);
  const y = toDouble(b);
  const r = x / y;
  if (toNearest(cx) && isPlain(x) && isPlain(y) && isSafe(Math.abs(r))) {
    if (knowsInexact(cx)) return doubleBits(r);
    if (isModest(x) && isModest(y) && isModest(r)) {
      const back = r * y;
      reportInexact(cx, back !== x || twoProductError(r, y, back) !== 0);
      return doubleBits(r);
    }
  }
  return divExactly(cx, 64, unsigned(a), unsigned(b));
}

export function sqrt64(cx: FpContext, a: bigint): bigint {
  const x = toDouble(a);
  if (toNearest(cx) && isPlain(x) && x >= 0) {
    const r = Math.sqrt(x);
    if (x === 0 || knowsInexact(cx)) return doubleBits(r);
    if (isModest(x)) {
      const back = r * r;
      reportInexact(cx, back !== x || twoProductError(r, r, back) !== 0);
      return doubleBits(r);
    }
  }
  return sqrtExactly(cx, 64, unsigned(a));
}

export function fma64(cx: FpContext, addend: bigint, a: bigint, b: bigint): bigint {
  const x = toDouble(a);
  const y = toDouble(b);
  const c = toDouble(addend);
  if (toNearest(cx) && isModest(x) && isModest(y) && isModest(c)) {
    const product = x * y;
    const productError = twoProductError(x, y, product);
    const low = c + productError;
    const lowError = twoSumError(c, productError, low);
    const high = product + low;
    const highError = twoSumError(product, low, high);
    const rest = lowError + highError;
    const restError = twoSumError(lowError, highError, rest);
    const odd = toOdd(rest, restError);
    const r = high + odd;
    reportInexact(cx, restError !== 0 || twoSumError(high, odd, r) !== 0);
    return doubleBits(r);
  }
  return mulAddExactly(cx, 64, unsigned(addend), unsigned(a), unsigned(b));
}

/** NZCV, or undefined if an operand needs attention. */
function compareNumbers(cx: FpContext, x: number, y: number): number | undefined {
  if (cx.fpcr & (FPCR.FZ | FPCR.FIZ | FPCR.AH) && !(isPlain(x) && isPlain(y))) return undefined;
  return x === y ? 0b0110 : x < y ? 0b1000 : x > y ? 0b0010 : undefined;
}
export function compare64(cx: FpContext, a: bigint, b: bigint, signalNaNs: boolean): number {
  return compareNumbers(cx, toDouble(a), toDouble(b)) ?? compareExactly(cx, 64, unsigned(a), unsigned(b), signalNaNs);
}

export function max64(cx: FpContext, a: bigint, b: bigint): bigint {
  const nzcv = compareNumbers(cx, toDouble(a), toDouble(b));
  if (nzcv === undefined || cx.fpcr & FPCR.AH) return fpMax(cx, 64, unsigned(a), unsigned(b));
  return unsigned(nzcv === 0b0110 ? a & b : nzcv === 0b0010 ? a : b);
}
export function min64(cx: FpContext, a: bigint, b: bigint): bigint {
  const nzcv = compareNumbers(cx, toDouble(a), toDouble(b));
  if (nzcv === undefined || cx.fpcr & FPCR.AH) return fpMin(cx, 64, unsigned(a), unsigned(b));
  return unsigned(nzcv === 0b0110 ? a | b : nzcv === 0b1000 ? a : b);
}
