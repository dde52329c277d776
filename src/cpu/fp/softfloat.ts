// The floating-point operations of the PE over bit patterns: what engines call. Results, NaNs and flags are bit-exact.
// Operands and results are unsigned bit patterns of the format's width; FPCR is read from the context and exceptions are
// OR-ed into its fpsr. The exact arithmetic is in arith.ts, convert.ts, compare.ts, estimate.ts and bf16.ts; single.ts,
// double.ts and integers.ts take shortcuts where the host's own arithmetic is provably right.

import {
  addExactly,
  divExactly,
  fpMax as maxExactly,
  fpMin as minExactly,
  mulAddExactly,
  mulExactly,
  sqrtExactly,
  subExactly,
} from './arith.ts';
import { compareExactly } from './compare.ts';
import { type Fmt, FPCR, type FpContext, type FpRounding, fpRoundingMode } from './context.ts';
import { convertExactly, fixedToFp as fixedToFpExactly, roundIntExactly, toFixedExactly } from './convert.ts';
import * as d from './double.ts';
import * as i from './integers.ts';
import * as s from './single.ts';

export { fpAbs, fpAbsMax, fpAbsMin, fpMaxNum, fpMinNum, fpMulAddH, fpMulX, fpNeg, fpScale } from './arith.ts';
export { bfDotAdd, bfloatAdd, bfMatMulAdd, bfMulAddH } from './bf16.ts';
export { fpCompareEQ, fpCompareGE, fpCompareGT } from './compare.ts';
export { type Fmt, FPCR, FPSR, type FpContext, type FpRounding, fpRoundingMode } from './context.ts';
export { fpConvertBF, fpRoundIntN, fpToFixedJS } from './convert.ts';
export {
  fpRecipEstimate,
  fpRecipStepFused,
  fpRecpX,
  fpRSqrtEstimate,
  fpRSqrtStepFused,
} from './estimate.ts';

/** @arm FPAdd */
export function fpAdd(cx: FpContext, fmt: Fmt, a: bigint, b: bigint): bigint {
  if (fmt === 64) return d.add64(cx, a, b);
  return fmt === 32 ? BigInt(s.add32(cx, Number(a), Number(b))) : addExactly(cx, fmt, a, b);
}
/** @arm FPSub */
export function fpSub(cx: FpContext, fmt: Fmt, a: bigint, b: bigint): bigint {
  if (fmt === 64) return d.sub64(cx, a, b);
  return fmt === 32 ? BigInt(s.sub32(cx, Number(a), Number(b))) : subExactly(cx, fmt, a, b);
}
/** @arm FPMul */
export function fpMul(cx: FpContext, fmt: Fmt, a: bigint, b: bigint): bigint {
  if (fmt === 64) return d.mul64(cx, a, b);
  return fmt === 32 ? BigInt(s.mul32(cx, Number(a), Number(b))) : mulExactly(cx, fmt, a, b);
}
/** @arm FPDiv */
export function fpDiv(cx: FpContext, fmt: Fmt, a: bigint, b: bigint): bigint {
  if (fmt === 64) return d.div64(cx, a, b);
  return fmt === 32 ? BigInt(s.div32(cx, Number(a), Number(b))) : divExactly(cx, fmt, a, b);
}
/** @arm FPSqrt */
export function fpSqrt(cx: FpContext, fmt: Fmt, a: bigint): bigint {
  if (fmt === 64) return d.sqrt64(cx, a);
  return fmt === 32 ? BigInt(s.sqrt32(cx, Number(a))) : sqrtExactly(cx, fmt, a);
}
/** addend + a * b with one rounding. @arm FPMulAdd */
export function fpMulAdd(cx: FpContext, fmt: Fmt, addend: bigint, a: bigint, b: bigint): bigint {
  if (fmt === 64) return d.fma64(cx, addend, a, b);
  if (fmt === 32) return BigInt(s.fma32(cx, Number(addend), Number(a), Number(b)));
  return mulAddExactly(cx, fmt, addend, a, b);
}
/** @arm FPMax */
export function fpMax(cx: FpContext, fmt: Fmt, a: bigint, b: bigint): bigint {
  if (fmt === 64) return d.max64(cx, a, b);
  return fmt === 32 ? BigInt(s.max32(cx, Number(a), Number(b))) : maxExactly(cx, fmt, a, b);
}
/** @arm FPMin */
export function fpMin(cx: FpContext, fmt: Fmt, a: bigint, b: bigint): bigint {
  if (fmt === 64) return d.min64(cx, a, b);
  return fmt === 32 ? BigInt(s.min32(cx, Number(a), Number(b))) : minExactly(cx, fmt, a, b);
}
/** NZCV of a comparison, N in bit 3. @arm FPCompare */
export function fpCompare(cx: FpContext, fmt: Fmt, a: bigint, b: bigint, signalNaNs: boolean): number {
  if (fmt === 64) return d.compare64(cx, a, b, signalNaNs);
  return fmt === 32 ? s.compare32(cx, Number(a), Number(b), signalNaNs) : compareExactly(cx, fmt, a, b, signalNaNs);
}
/** Between formats; `rounding` defaults to FPCR.RMode. @arm FPConvert */
export function fpConvert(
  cx: FpContext,
  from: Fmt,
  to: Fmt,
  a: bigint,
  rounding: FpRounding = fpRoundingMode(cx.fpcr),
): bigint {
  if (from === 32 && to === 64) return i.singleToDouble(cx, Number(a));
  if (from === 64 && to === 32) return BigInt(i.doubleToSingle(cx, a, rounding));
  return convertExactly(cx, from, to, a, rounding);
}
/** As fpConvert, with FPCR.AHP as if it were 0. @arm FPConvertSVE */
export function fpConvertIeee(cx: FpContext, from: Fmt, to: Fmt, a: bigint, rounding: FpRounding): bigint {
  if (!(cx.fpcr & FPCR.AHP)) return fpConvert(cx, from, to, a, rounding);
  const local: FpContext = { fpcr: cx.fpcr & ~FPCR.AHP, fpsr: 0 };
  const result = fpConvert(local, from, to, a, rounding);
  cx.fpsr |= local.fpsr;
  return result;
}
/**
 * To an integer of `bits` with `fbits` fraction bits, saturating. @returns it as `bits` unsigned bits. @arm FPToFixed
 */
export function fpToFixed(
  cx: FpContext,
  fmt: Fmt,
  a: bigint,
  bits: 16 | 32 | 64,
  signed: boolean,
  rounding: FpRounding,
  fbits = 0,
): bigint {
  if (fmt === 16 || bits === 16) return toFixedExactly(cx, fmt, a, bits, signed, rounding, fbits);
  if (fmt === 64) {
    if (bits === 64) return i.doubleTo64(cx, a, signed, rounding, fbits);
    return BigInt(i.doubleTo32(cx, a, signed, rounding, fbits));
  }
  if (bits === 64) return i.singleTo64(cx, Number(a), signed, rounding, fbits);
  return BigInt(i.singleTo32(cx, Number(a), signed, rounding, fbits));
}
/** From an integer or fixed-point number of `bits` with `fbits` fraction bits. @arm FixedToFP */
export function fixedToFp(
  cx: FpContext,
  fmt: Fmt,
  a: bigint,
  bits: 16 | 32 | 64,
  signed: boolean,
  fbits: number,
): bigint {
  if (fmt === 16 || bits === 16) return fixedToFpExactly(cx, fmt, a, bits, signed, fbits);
  if (fmt === 64) {
    if (bits === 64) return i.int64ToDouble(cx, a, signed, fbits);
    return i.int32ToDouble(cx, Number(a), signed, fbits);
  }
  if (bits === 64) return BigInt(i.int64ToSingle(cx, a, signed, fbits));
  return BigInt(i.int32ToSingle(cx, Number(a), signed, fbits));
}
/** To an integral value; `exact` reports Inexact. @arm FPRoundInt */
export function fpRoundInt(cx: FpContext, fmt: Fmt, a: bigint, rounding: FpRounding, exact: boolean): bigint {
  if (fmt === 64) return i.roundDouble(cx, a, rounding, exact);
  if (fmt === 32) return BigInt(i.roundSingle(cx, Number(a), rounding, exact));
  return roundIntExactly(cx, fmt, a, rounding, exact);
}
