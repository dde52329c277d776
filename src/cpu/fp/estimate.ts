// Reciprocal estimates (defined bit by bit by the architecture, not approximations of our own) and their Newton steps.

import { addExact, fpNeg, integerSqrt, roundSum } from './arith.ts';
import { alternateQuietContext, type Fmt, FPCR, FPSR, type FpContext, fpRoundingMode } from './context.ts';
import { fpProcessNaN, fpProcessNaNs } from './nan.ts';
import {
  type Format,
  FPType,
  formatOf,
  fpDefaultNaN,
  fpInfinity,
  fpMaxNormal,
  fpOnePointFive,
  fpTwo,
  fpUnpack,
  fpZero,
  isNaNType,
} from './unpack.ts';

/** 1/(a/512) as a number of 9 bits, for 256 <= a < 512. @arm RecipEstimate */
function recipEstimate(a: number): number {
  const b = Math.floor(2 ** 19 / (2 * a + 1));
  return (b + 1) >> 1;
}
/** 13 bits, for 2048 <= a < 4096 (FEAT_RPRES). */
function recipEstimate12(a: number): number {
  const d = 2 * a + 1;
  const r = Math.floor(2 ** 25 / d);
  return 2 * (2 ** 25 - r * d) > d ? r + 1 : r;
}

/** 1/sqrt(a/512) as a number of 9 bits, for 128 <= a < 512. @arm RecipSqrtEstimate */
function recipSqrtEstimate(a: number): number {
  const odd = a < 256 ? 2 * a + 1 : 2 * (2 * (a >> 1) + 1);
  let b = 512;
  while (odd * (b + 1) * (b + 1) < 2 ** 28) b += 1;
  return (b + 1) >> 1;
}
/** 13 bits, for 1024 <= a < 4096 (FEAT_RPRES). */
function recipSqrtEstimate12(a: number): number {
  // Twice the value whose root is taken, so that it stays an integer.
  const twice = a < 2048 ? 2 * a + 1 : 2 * (2 * (a >> 1) + 1);
  const scaled = BigInt(twice) << 93n; // root * 2^47, squared
  const floor = integerSqrt(scaled);
  const root = 4n * scaled > (2n * floor + 1n) ** 2n ? floor + 1n : floor;
  const quotient = (1n << 65n) / root;
  const rest = (1n << 65n) - quotient * root;
  const up = 2n * rest > root || (2n * rest === root && (quotient & 1n) === 1n);
  return Number(up ? quotient + 1n : quotient);
}

/** Fraction bits that the estimate looks at. */
function precision(cx: FpContext, fmt: Fmt): 8 | 11 {
  return fmt === 32 && cx.rpres && cx.fpcr & FPCR.AH ? 11 : 8;
}

/** The fraction as 52 bits whatever the format, and the biased exponent. */
function fields(f: Format, op: bigint): { fraction: bigint; exp: number } {
  return {
    fraction: (op & f.fracMask) << BigInt(52 - f.F),
    exp: Number((op & f.expMask) >> BigInt(f.F)),
  };
}
const mask52 = (1n << 52n) - 1n;
const top52 = 1n << 51n;

function assemble(f: Format, sign: number, exp: number, fraction: bigint): bigint {
  return (sign ? f.signBit : 0n) | (BigInt(exp) << BigInt(f.F)) | (fraction >> BigInt(52 - f.F));
}

/** FRECPE. @arm FPRecipEstimate */
export function fpRecipEstimate(context: FpContext, fmt: Fmt, op: bigint): bigint {
  const cx = alternateQuietContext(context);
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op);
  if (isNaNType(a.type)) return fpProcessNaN(cx, fmt, a.type, op);
  if (a.type === FPType.Infinity) return fpZero(f, a.sign);
  if (a.type === FPType.Zero) {
    cx.fpsr |= FPSR.DZC;
    return fpInfinity(f, a.sign);
  }
  let { fraction, exp } = fields(f, op);
  // Magnitudes below 2^(minExp - 2) have a reciprocal out of range.
  if (exp === 0 && fraction < 1n << 50n) {
    cx.fpsr |= FPSR.OFC | FPSR.IXC;
    const rounding = fpRoundingMode(cx.fpcr);
    const toInfinity =
      rounding === 'tieeven' || (rounding === 'plusinf' && !a.sign) || (rounding === 'minusinf' && a.sign === 1);
    return toInfinity ? fpInfinity(f, a.sign) : fpMaxNormal(f, a.sign);
  }
  const flush = (cx.fpcr & (fmt === 16 ? FPCR.FZ16 : FPCR.FZ)) !== 0;
  if (flush && exp >= 2 * f.bias - 1) {
    cx.fpsr |= FPSR.UFC;
    return fpZero(f, a.sign);
  }
  if (exp === 0) {
    if (fraction & top52) fraction = (fraction << 1n) & mask52;
    else {
      exp = -1;
      fraction = (fraction << 2n) & mask52;
    }
  }
  const bits = precision(context, fmt);
  const index = Number(fraction >> BigInt(52 - bits)) | (1 << bits);
  let resultExp = 2 * f.bias - 1 - exp;
  let estimate =
    bits === 8 ? BigInt(recipEstimate(index) & 0xff) << 44n : BigInt(recipEstimate12(index) & 0xfff) << 40n;
  if (resultExp === 0) estimate = top52 | (estimate >> 1n);
  else if (resultExp === -1) {
    estimate = (1n << 50n) | (estimate >> 2n);
    resultExp = 0;
  }
  return assemble(f, a.sign, resultExp, estimate);
}

/** FRSQRTE. @arm FPRSqrtEstimate */
export function fpRSqrtEstimate(context: FpContext, fmt: Fmt, op: bigint): bigint {
  const cx = alternateQuietContext(context);
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op);
  if (isNaNType(a.type)) return fpProcessNaN(cx, fmt, a.type, op);
  if (a.type === FPType.Zero) {
    cx.fpsr |= FPSR.DZC;
    return fpInfinity(f, a.sign);
  }
  if (a.sign) {
    cx.fpsr |= FPSR.IOC;
    return fpDefaultNaN(f, cx.fpcr);
  }
  if (a.type === FPType.Infinity) return fpZero(f, 0);
  let { fraction, exp } = fields(f, op);
  if (exp === 0) {
    while (!(fraction & top52)) {
      fraction <<= 1n;
      exp -= 1;
    }
    fraction = (fraction << 1n) & mask52;
  }
  const bits = precision(context, fmt);
  const leading = (1 << bits) | Number(fraction >> BigInt(52 - bits));
  const index = exp & 1 ? leading >> 1 : leading;
  const resultExp = Math.trunc((3 * f.bias - 1 - exp) / 2);
  const estimate =
    bits === 8 ? BigInt(recipSqrtEstimate(index) & 0xff) << 44n : BigInt(recipSqrtEstimate12(index) & 0xfff) << 40n;
  return assemble(f, 0, resultExp, estimate);
}

/** FRECPX: the reciprocal of the exponent. @arm FPRecpX */
export function fpRecpX(context: FpContext, fmt: Fmt, op: bigint): bigint {
  const cx = alternateQuietContext(context);
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op);
  if (isNaNType(a.type)) return fpProcessNaN(cx, fmt, a.type, op);
  const exp = op & f.expMask;
  const result = exp === 0n ? f.expMask - (f.fracMask + 1n) : ~exp & f.expMask;
  return (op & f.signBit) | result;
}

/** (constant - op1 * op2) / divisor with one rounding, and a limit for infinity times zero. */
function step(
  context: FpContext,
  fmt: Fmt,
  op1: bigint,
  op2: bigint,
  constant: bigint,
  halved: number,
  limit: (f: Format) => bigint,
): bigint {
  const negated = fpNeg(context, fmt, op1);
  const cx = alternateQuietContext(context);
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, negated);
  const b = fpUnpack(cx, fmt, op2);
  const nan = fpProcessNaNs(cx, fmt, a.type, b.type, negated, op2);
  if (nan !== undefined) return nan;
  const inf = a.type === FPType.Infinity || b.type === FPType.Infinity;
  const zero = a.type === FPType.Zero || b.type === FPType.Zero;
  const sign = a.sign ^ b.sign;
  if (inf && zero) return limit(f);
  if (inf) return fpInfinity(f, sign);
  const product = a.mant * b.mant;
  const sum = addExact({ mant: constant, exp: 0 }, { mant: sign ? -product : product, exp: a.exp + b.exp });
  return roundSum(cx, fmt, { mant: sum.mant, exp: sum.exp - halved }, fpRoundingMode(cx.fpcr));
}

/** FRECPS: 2 - op1 * op2. @arm FPRecipStepFused */
export function fpRecipStepFused(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  return step(cx, fmt, op1, op2, 2n, 0, (f) => fpTwo(f, 0));
}
/** FRSQRTS: (3 - op1 * op2) / 2. @arm FPRSqrtStepFused */
export function fpRSqrtStepFused(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  return step(cx, fmt, op1, op2, 3n, 1, (f) => fpOnePointFive(f, 0));
}
