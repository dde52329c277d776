// The host's double arithmetic as a tool: bit patterns of numbers and exact rounding errors. The names follow the
// literature: TwoSum (Knuth), TwoProduct (Dekker), rounding to odd (Boldo and Melquiond). Knows nothing of FPCR but its
// rounding mode and of FPSR but Inexact.

import { FPCR, FPSR, type FpContext } from './context.ts';

const float = new Float64Array(1);
const pattern = new BigUint64Array(float.buffer);
const words = new Uint32Array(float.buffer);
const LOW = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

export function toDouble(bits: bigint): number {
  pattern[0] = bits;
  return float[0]!;
}
export function doubleBits(value: number): bigint {
  float[0] = value;
  return pattern[0]!;
}

const shortFloat = new Float32Array(1);
const shortPattern = new Uint32Array(shortFloat.buffer);
export function toSingle(bits: number): number {
  shortPattern[0] = bits;
  return shortFloat[0]!;
}
/** The pattern of a number that a single can represent. */
export function singleBits(value: number): number {
  shortFloat[0] = value;
  return shortPattern[0]!;
}

export function toNearest(cx: FpContext): boolean {
  return (cx.fpcr & FPCR.RMode) === 0;
}
export function reportInexact(cx: FpContext, inexact: boolean): void {
  if (inexact) cx.fpsr |= FPSR.IXC;
}
/** Inexact is reported already: whether it is again need not be found out. */
export function knowsInexact(cx: FpContext): boolean {
  return (cx.fpsr & FPSR.IXC) !== 0;
}

/** The error of sum = a + b, exactly. */
export function twoSumError(a: number, b: number, sum: number): number {
  const rest = sum - a;
  return a - (sum - rest) + (b - rest);
}

const SPLITTER = 2 ** 27 + 1;
/** The error of product = a * b, exactly, for modest factors. */
export function twoProductError(a: number, b: number, product: number): number {
  const ta = SPLITTER * a;
  const ah = ta - (ta - a);
  const al = a - ah;
  const tb = SPLITTER * b;
  const bh = tb - (tb - b);
  const bl = b - bh;
  return al * bl - (product - ah * bh - al * bh - ah * bl);
}

/** `value` moved to the neighbour with an odd last bit on the side of `error`, if something was lost. */
export function toOdd(value: number, error: number): number {
  if (error === 0) return value;
  float[0] = value;
  if (words[LOW]! & 1) return value;
  if (error > 0 === value > 0) words[LOW]! |= 1;
  else {
    if (words[LOW] === 0) words[HIGH]! -= 1;
    words[LOW]! -= 1;
  }
  return float[0]!;
}
