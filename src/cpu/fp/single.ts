// Single precision in the host's double arithmetic, which holds sums, products, quotients and roots of singles with more
// than twice the bits, so that rounding again is harmless. Taken where FPCR says to nearest and nothing is near zero or
// infinity; everything else goes the exact way. Operands are 32-bit patterns, signed or unsigned; results are unsigned.

import { addExactly, divExactly, fpMax, fpMin, mulAddExactly, mulExactly, sqrtExactly, subExactly } from './arith.ts';
import { compareExactly } from './compare.ts';
import { FPCR, type FpContext } from './context.ts';
import { reportInexact, singleBits, toNearest, toOdd, toSingle, twoSumError } from './host.ts';

const MIN_NORMAL = 2 ** -126;
const SMALL = 2 ** -125;

/** Neither NaN nor infinity nor denormal: FPCR's flushing bits do not matter. */
function isPlain(x: number): boolean {
  const magnitude = Math.abs(x);
  return (magnitude >= MIN_NORMAL && magnitude < Infinity) || x === 0;
}
/** A rounded result that neither underflows nor overflows, whatever FPCR says. */
function isSafe(r: number): boolean {
  const magnitude = Math.abs(r);
  return magnitude > SMALL && magnitude < Infinity;
}
const wide = (bits: number) => BigInt(bits >>> 0);

function sum(cx: FpContext, x: number, y: number): number | undefined {
  const s = x + y;
  const r = Math.fround(s);
  if (!toNearest(cx) || !isPlain(x) || !isPlain(y) || !(isSafe(r) || s === 0)) return undefined;
  reportInexact(cx, r !== s || twoSumError(x, y, s) !== 0);
  return singleBits(r);
}
export function add32(cx: FpContext, a: number, b: number): number {
  return sum(cx, toSingle(a), toSingle(b)) ?? Number(addExactly(cx, 32, wide(a), wide(b)));
}
export function sub32(cx: FpContext, a: number, b: number): number {
  return sum(cx, toSingle(a), -toSingle(b)) ?? Number(subExactly(cx, 32, wide(a), wide(b)));
}

export function mul32(cx: FpContext, a: number, b: number): number {
  const x = toSingle(a);
  const y = toSingle(b);
  const product = x * y;
  const r = Math.fround(product);
  if (toNearest(cx) && isPlain(x) && isPlain(y) && (isSafe(r) || product === 0)) {
    reportInexact(cx, r !== product);
    return singleBits(r);
  }
  return Number(mulExactly(cx, 32, wide(a), wide(b)));
}

export function div32(cx: FpContext, a: number, b: number): number {
  const x = toSingle(a);
  const y = toSingle(b);
  const r = Math.fround(x / y);
  if (toNearest(cx) && isPlain(x) && isPlain(y) && isSafe(r)) {
    reportInexact(cx, r * y !== x);
    return singleBits(r);
  }
  return Number(divExactly(cx, 32, wide(a), wide(b)));
}

export function sqrt32(cx: FpContext, a: number): number {
  const x = toSingle(a);
  if (toNearest(cx) && isPlain(x) && x >= 0) {
    const r = Math.fround(Math.sqrt(x));
    reportInexact(cx, r * r !== x);
    return singleBits(r);
  }
  return Number(sqrtExactly(cx, 32, wide(a)));
}

export function fma32(cx: FpContext, addend: number, a: number, b: number): number {
  const x = toSingle(a);
  const y = toSingle(b);
  const c = toSingle(addend);
  if (toNearest(cx) && isPlain(x) && isPlain(y) && isPlain(c)) {
    const product = x * y;
    const s = product + c;
    const error = twoSumError(product, c, s);
    const r = Math.fround(toOdd(s, error));
    if (isSafe(r) || (s === 0 && error === 0)) {
      reportInexact(cx, error !== 0 || r !== s);
      return singleBits(r);
    }
  }
  return Number(mulAddExactly(cx, 32, wide(addend), wide(a), wide(b)));
}

/** NZCV, or undefined if an operand needs attention. */
function compareNumbers(cx: FpContext, x: number, y: number): number | undefined {
  if (cx.fpcr & (FPCR.FZ | FPCR.FIZ | FPCR.AH) && !(isPlain(x) && isPlain(y))) return undefined;
  return x === y ? 0b0110 : x < y ? 0b1000 : x > y ? 0b0010 : undefined;
}
export function compare32(cx: FpContext, a: number, b: number, signalNaNs: boolean): number {
  return compareNumbers(cx, toSingle(a), toSingle(b)) ?? compareExactly(cx, 32, wide(a), wide(b), signalNaNs);
}

export function max32(cx: FpContext, a: number, b: number): number {
  const nzcv = compareNumbers(cx, toSingle(a), toSingle(b));
  if (nzcv === undefined || cx.fpcr & FPCR.AH) return Number(fpMax(cx, 32, wide(a), wide(b)));
  return (nzcv === 0b0110 ? a & b : nzcv === 0b0010 ? a : b) >>> 0;
}
export function min32(cx: FpContext, a: number, b: number): number {
  const nzcv = compareNumbers(cx, toSingle(a), toSingle(b));
  if (nzcv === undefined || cx.fpcr & FPCR.AH) return Number(fpMin(cx, 32, wide(a), wide(b)));
  return (nzcv === 0b0110 ? a | b : nzcv === 0b1000 ? a : b) >>> 0;
}
