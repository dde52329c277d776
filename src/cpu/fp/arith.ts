// Arithmetic over exact values, rounded once: add, subtract, multiply, divide, square root, fused multiply-add,
// maximum and minimum. The slow truth: softfloat.ts puts shortcuts in front of it.

import { type Fmt, FPCR, FPSR, type FpContext, type FpRounding, fpRoundingMode } from './context.ts';
import { fpProcessNaN, fpProcessNaNs, fpProcessNaNs3 } from './nan.ts';
import { bitLength, fpRound } from './round.ts';
import {
  FPType,
  formatOf,
  fpDefaultNaN,
  fpInfinity,
  fpProcessDenorms,
  fpTwo,
  fpUnpack,
  fpZero,
  isNaNBits,
  isNaNType,
  type Unpacked,
} from './unpack.ts';

function invalid(cx: FpContext, fmt: Fmt): bigint {
  cx.fpsr |= FPSR.IOC;
  return fpDefaultNaN(formatOf(fmt), cx.fpcr);
}

/** A signed value mant * 2^exp, the sum of two exact values. */
export function addExact(
  a: { readonly mant: bigint; readonly exp: number },
  b: { readonly mant: bigint; readonly exp: number },
): { mant: bigint; exp: number } {
  if (a.mant === 0n) return b;
  if (b.mant === 0n) return a;
  const exp = Math.min(a.exp, b.exp);
  return { mant: (a.mant << BigInt(a.exp - exp)) + (b.mant << BigInt(b.exp - exp)), exp };
}
export function signedValue(x: Unpacked): { mant: bigint; exp: number } {
  return { mant: x.sign ? -x.mant : x.mant, exp: x.exp };
}

/** Rounds a signed exact value; an exact zero is negative only when rounding towards minus infinity. */
export function roundSum(
  cx: FpContext,
  fmt: Fmt,
  value: { readonly mant: bigint; readonly exp: number },
  rounding: FpRounding,
): bigint {
  if (value.mant === 0n) return fpZero(formatOf(fmt), rounding === 'minusinf' ? 1 : 0);
  return value.mant < 0n
    ? fpRound(cx, fmt, 1, -value.mant, value.exp, rounding)
    : fpRound(cx, fmt, 0, value.mant, value.exp, rounding);
}

function addUnpacked(cx: FpContext, fmt: Fmt, a: Unpacked, b: Unpacked): bigint {
  const f = formatOf(fmt);
  const inf1 = a.type === FPType.Infinity;
  const inf2 = b.type === FPType.Infinity;
  let result: bigint;
  if (inf1 && inf2 && a.sign !== b.sign) result = invalid(cx, fmt);
  else if (inf1) result = fpInfinity(f, a.sign);
  else if (inf2) result = fpInfinity(f, b.sign);
  else if (a.type === FPType.Zero && b.type === FPType.Zero && a.sign === b.sign) result = fpZero(f, a.sign);
  else result = roundSum(cx, fmt, addExact(signedValue(a), signedValue(b)), fpRoundingMode(cx.fpcr));
  fpProcessDenorms(cx, fmt, a.type, b.type);
  return result;
}

/** @arm FPAdd */
export function addExactly(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  const a = fpUnpack(cx, fmt, op1);
  const b = fpUnpack(cx, fmt, op2);
  return fpProcessNaNs(cx, fmt, a.type, b.type, op1, op2) ?? addUnpacked(cx, fmt, a, b);
}

/** @arm FPSub */
export function subExactly(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  const a = fpUnpack(cx, fmt, op1);
  const b = fpUnpack(cx, fmt, op2);
  const nan = fpProcessNaNs(cx, fmt, a.type, b.type, op1, op2);
  return nan ?? addUnpacked(cx, fmt, a, { ...b, sign: b.sign ? 0 : 1 });
}

function multiply(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint, extended: boolean): bigint {
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op1);
  const b = fpUnpack(cx, fmt, op2);
  const nan = fpProcessNaNs(cx, fmt, a.type, b.type, op1, op2);
  if (nan !== undefined) return nan;
  const sign = a.sign ^ b.sign;
  const inf = a.type === FPType.Infinity || b.type === FPType.Infinity;
  const zero = a.type === FPType.Zero || b.type === FPType.Zero;
  let result: bigint;
  if (inf && zero) result = extended ? fpTwo(f, sign) : invalid(cx, fmt);
  else if (inf) result = fpInfinity(f, sign);
  else if (zero) result = fpZero(f, sign);
  else result = fpRound(cx, fmt, sign, a.mant * b.mant, a.exp + b.exp, fpRoundingMode(cx.fpcr));
  fpProcessDenorms(cx, fmt, a.type, b.type);
  return result;
}

/** @arm FPMul */
export function mulExactly(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  return multiply(cx, fmt, op1, op2, false);
}

/** @arm FPMulX */
export function fpMulX(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  return multiply(cx, fmt, op1, op2, true);
}

/** @arm FPDiv */
export function divExactly(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op1);
  const b = fpUnpack(cx, fmt, op2);
  const nan = fpProcessNaNs(cx, fmt, a.type, b.type, op1, op2);
  if (nan !== undefined) return nan;
  const sign = a.sign ^ b.sign;
  const inf1 = a.type === FPType.Infinity;
  const inf2 = b.type === FPType.Infinity;
  const zero1 = a.type === FPType.Zero;
  const zero2 = b.type === FPType.Zero;
  let result: bigint;
  if ((inf1 && inf2) || (zero1 && zero2)) result = invalid(cx, fmt);
  else if (inf1 || zero2) {
    result = fpInfinity(f, sign);
    if (!inf1) cx.fpsr |= FPSR.DZC;
  } else if (zero1 || inf2) result = fpZero(f, sign);
  else {
    const scale = Math.max(0, f.F + 4 + bitLength(b.mant) - bitLength(a.mant));
    const dividend = a.mant << BigInt(scale);
    const quotient = dividend / b.mant;
    const sticky = quotient * b.mant === dividend ? 0n : 1n;
    result = fpRound(cx, fmt, sign, (quotient << 1n) | sticky, a.exp - b.exp - scale - 1, fpRoundingMode(cx.fpcr));
  }
  if (!zero2) fpProcessDenorms(cx, fmt, a.type, b.type);
  return result;
}

/** Largest integer whose square is at most `n`. */
export function integerSqrt(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((bitLength(n) + 1) >> 1);
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** @arm FPSqrt */
export function sqrtExactly(cx: FpContext, fmt: Fmt, op: bigint): bigint {
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op);
  if (isNaNType(a.type)) return fpProcessNaN(cx, fmt, a.type, op);
  if (a.type === FPType.Zero) return fpZero(f, a.sign);
  if (a.sign) return invalid(cx, fmt);
  if (a.type === FPType.Infinity) return fpInfinity(f, 0);
  let scale = Math.max(0, 2 * (f.F + 4) - bitLength(a.mant));
  if ((a.exp - scale) & 1) scale += 1;
  const radicand = a.mant << BigInt(scale);
  const root = integerSqrt(radicand);
  const sticky = root * root === radicand ? 0n : 1n;
  const result = fpRound(cx, fmt, 0, (root << 1n) | sticky, (a.exp - scale) / 2 - 1, fpRoundingMode(cx.fpcr));
  fpProcessDenorms(cx, fmt, a.type);
  return result;
}

/** An operand of a multiply-add with the format it came in. */
interface Operand extends Unpacked {
  readonly bits: bigint;
  readonly fmt: Fmt;
}
function operand(cx: FpContext, fmt: Fmt, bits: bigint): Operand {
  const { type, sign, mant, exp } = fpUnpack(cx, fmt, bits);
  return { type, sign, mant, exp, bits, fmt };
}

function mulAdd(cx: FpContext, fmt: Fmt, factors: Fmt, addend: bigint, op1: bigint, op2: bigint): bigint {
  const f = formatOf(fmt);
  const c = operand(cx, fmt, addend);
  const a = operand(cx, factors, op1);
  const b = operand(cx, factors, op2);
  const infP = a.type === FPType.Infinity || b.type === FPType.Infinity;
  const zeroP = a.type === FPType.Zero || b.type === FPType.Zero;
  const infTimesZero = infP && zeroP && (a.type === FPType.Zero) !== (b.type === FPType.Zero);
  const nan = fpProcessNaNs3(cx, fmt, c, a, b);
  if (c.type === FPType.QNaN && infTimesZero && !isNaNType(a.type) && !isNaNType(b.type) && !(cx.fpcr & FPCR.AH)) {
    return invalid(cx, fmt);
  }
  if (nan !== undefined) return nan;
  const infA = c.type === FPType.Infinity;
  const signP = a.sign ^ b.sign;
  if (infTimesZero || (infA && infP && c.sign !== signP)) return invalid(cx, fmt);
  let result: bigint;
  if (infA) result = fpInfinity(f, c.sign);
  else if (infP) result = fpInfinity(f, signP);
  else if (c.type === FPType.Zero && zeroP && c.sign === signP) result = fpZero(f, signP);
  else {
    const product = { mant: signP ? -(a.mant * b.mant) : a.mant * b.mant, exp: a.exp + b.exp };
    result = roundSum(cx, fmt, addExact(signedValue(c), product), fpRoundingMode(cx.fpcr));
  }
  // A half-precision factor never counts as a used denormal.
  if (factors === fmt) fpProcessDenorms(cx, fmt, c.type, a.type, b.type);
  else fpProcessDenorms(cx, fmt, c.type);
  return result;
}

/** addend + op1 * op2, rounded once. @arm FPMulAdd */
export function mulAddExactly(cx: FpContext, fmt: Fmt, addend: bigint, op1: bigint, op2: bigint): bigint {
  return mulAdd(cx, fmt, fmt, addend, op1, op2);
}

/** Single-precision addend + product of two halves, rounded once (FMLAL). @arm FPMulAddH */
export function fpMulAddH(cx: FpContext, addend: bigint, op1: bigint, op2: bigint): bigint {
  return mulAdd(cx, 32, 16, addend, op1, op2);
}

/** Changes the sign; with FPCR.AH a NaN keeps it. @arm FPNeg */
export function fpNeg(cx: FpContext, fmt: Fmt, op: bigint): bigint {
  const f = formatOf(fmt);
  return cx.fpcr & FPCR.AH && isNaNBits(f, op) ? op : op ^ f.signBit;
}

/** Clears the sign; with FPCR.AH a NaN keeps it. @arm FPAbs */
export function fpAbs(cx: FpContext, fmt: Fmt, op: bigint): bigint {
  const f = formatOf(fmt);
  return cx.fpcr & FPCR.AH && isNaNBits(f, op) ? op : op & (f.signBit - 1n);
}

/** Orders two unpacked non-NaN values: negative, zero or positive as a - b. */
export function compareValues(a: Unpacked, b: Unpacked): number {
  const rank = (x: Unpacked) => (x.type === FPType.Zero ? 0 : (x.sign ? -1 : 1) * (x.type === FPType.Infinity ? 2 : 1));
  const ra = rank(a);
  const rb = rank(b);
  if (ra !== rb) return ra - rb;
  if (ra === 0 || ra === 2 || ra === -2) return 0;
  const difference = addExact(signedValue(a), { mant: b.sign ? b.mant : -b.mant, exp: b.exp }).mant;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function maxMin(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint, max: boolean, alternative: boolean): bigint {
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op1);
  const b = fpUnpack(cx, fmt, op2);
  const anyNaN = isNaNType(a.type) || isNaNType(b.type);
  if (alternative) {
    if (a.type === FPType.Zero && b.type === FPType.Zero && a.sign !== b.sign) return fpZero(f, b.sign);
    if (anyNaN) {
      cx.fpsr |= FPSR.IOC;
      return b.type === FPType.Zero ? fpZero(f, b.sign) : op2;
    }
  }
  const nan = anyNaN ? fpProcessNaNs(cx, fmt, a.type, b.type, op1, op2) : undefined;
  if (nan !== undefined) return nan;
  const order = compareValues(a, b);
  const chosen = max ? (order > 0 ? a : b) : order < 0 ? a : b;
  let result: bigint;
  if (chosen.type === FPType.Infinity) result = fpInfinity(f, chosen.sign);
  else if (chosen.type === FPType.Zero) result = fpZero(f, max ? a.sign & b.sign : a.sign | b.sign);
  else {
    const local = alternative ? { fpcr: cx.fpcr & ~(FPCR.FZ | FPCR.FZ16), fpsr: 0 } : cx;
    result = fpRound(local, fmt, chosen.sign, chosen.mant, chosen.exp, fpRoundingMode(cx.fpcr));
    if (local !== cx) cx.fpsr |= local.fpsr;
  }
  fpProcessDenorms(cx, fmt, a.type, b.type);
  return result;
}

/** @arm FPMax */
export function fpMax(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  return maxMin(cx, fmt, op1, op2, true, (cx.fpcr & FPCR.AH) !== 0);
}
/** @arm FPMin */
export function fpMin(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  return maxMin(cx, fmt, op1, op2, false, (cx.fpcr & FPCR.AH) !== 0);
}

function maxMinNum(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint, max: boolean): bigint {
  const f = formatOf(fmt);
  const nan1 = isNaNBits(f, op1);
  const nan2 = isNaNBits(f, op2);
  if (!(cx.fpcr & FPCR.AH && nan1 && nan2)) {
    const quiet1 = nan1 && (op1 & f.quietBit) !== 0n;
    const quiet2 = nan2 && (op2 & f.quietBit) !== 0n;
    const neutral = fpInfinity(f, max ? 1 : 0);
    if (quiet1 && !quiet2) op1 = neutral;
    else if (quiet2 && !quiet1) op2 = neutral;
  }
  return maxMin(cx, fmt, op1, op2, max, false);
}

/** @arm FPMaxNum */
export function fpMaxNum(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  return maxMinNum(cx, fmt, op1, op2, true);
}
/** @arm FPMinNum */
export function fpMinNum(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  return maxMinNum(cx, fmt, op1, op2, false);
}

/** The larger magnitude (FAMAX), without sign unless it is a NaN. FPCR.AH and flushing do not matter. @arm FPAbsMax */
export function fpAbsMax(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  return absMaxMin(cx, fmt, op1, op2, true);
}
/** The smaller magnitude (FAMIN). @arm FPAbsMin */
export function fpAbsMin(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  return absMaxMin(cx, fmt, op1, op2, false);
}
function absMaxMin(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint, max: boolean): bigint {
  const local: FpContext = { fpcr: cx.fpcr & FPCR.DN, fpsr: 0 };
  const type1 = fpUnpack(local, fmt, op1).type;
  const type2 = fpUnpack(local, fmt, op2).type;
  const nan = fpProcessNaNs(local, fmt, type1, type2, op1, op2);
  cx.fpsr |= local.fpsr;
  if (nan !== undefined) return nan;
  // Magnitudes are ordered as their patterns are.
  const all = formatOf(fmt).signBit - 1n;
  const a = op1 & all;
  const b = op2 & all;
  return a > b === max ? a : b;
}

/** op * 2^scale; the scale is a signed integer of `fmt` bits. @arm FPScale */
export function fpScale(cx: FpContext, fmt: Fmt, op: bigint, scale: bigint): bigint {
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op);
  if (isNaNType(a.type)) return fpProcessNaN(cx, fmt, a.type, op);
  if (a.type === FPType.Zero) return fpZero(f, a.sign);
  if (a.type === FPType.Infinity) return fpInfinity(f, a.sign);
  // Beyond four times the exponent range every scale overflows or underflows alike.
  const bound = 4 << f.E;
  const n = Math.max(-bound, Math.min(bound, Number(BigInt.asIntN(fmt, scale))));
  const result = fpRound(cx, fmt, a.sign, a.mant, a.exp + n, fpRoundingMode(cx.fpcr));
  fpProcessDenorms(cx, fmt, a.type);
  return result;
}
