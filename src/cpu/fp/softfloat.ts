// The floating-point operations of the PE over bit patterns: what engines call. Results, NaNs and flags are bit-exact.
// Operands and results are unsigned bit patterns of the format's width; FPCR is read from the context and exceptions
// are OR-ed into its fpsr. The arithmetic itself is in arith.ts, convert.ts, compare.ts, estimate.ts and bf16.ts.

import { addExactly, divExactly, mulAddExactly, mulExactly, sqrtExactly, subExactly } from './arith.ts';
import { compareExactly } from './compare.ts';
import { type Fmt, type FpContext, type FpRounding, fpRoundingMode } from './context.ts';
import { convertExactly, roundIntExactly, toFixedExactly } from './convert.ts';

export {
  fpAbs,
  fpAbsMax,
  fpAbsMin,
  fpMax,
  fpMaxNum,
  fpMin,
  fpMinNum,
  fpMulAddH,
  fpMulX,
  fpNeg,
  fpScale,
} from './arith.ts';
export { bfDotAdd, bfMatMulAdd, bfMulAddH } from './bf16.ts';
export { fpCompareEQ, fpCompareGE, fpCompareGT } from './compare.ts';
export { type Fmt, FPCR, FPSR, type FpContext, type FpRounding, fpRoundingMode } from './context.ts';
export { fixedToFp, fpConvertBF, fpRoundIntN, fpToFixedJS } from './convert.ts';
export {
  fpRecipEstimate,
  fpRecipStepFused,
  fpRecpX,
  fpRSqrtEstimate,
  fpRSqrtStepFused,
  unsignedRecipEstimate,
  unsignedRSqrtEstimate,
} from './estimate.ts';

/** @arm FPAdd */
export function fpAdd(cx: FpContext, fmt: Fmt, a: bigint, b: bigint): bigint {
  return addExactly(cx, fmt, a, b);
}
/** @arm FPSub */
export function fpSub(cx: FpContext, fmt: Fmt, a: bigint, b: bigint): bigint {
  return subExactly(cx, fmt, a, b);
}
/** @arm FPMul */
export function fpMul(cx: FpContext, fmt: Fmt, a: bigint, b: bigint): bigint {
  return mulExactly(cx, fmt, a, b);
}
/** @arm FPDiv */
export function fpDiv(cx: FpContext, fmt: Fmt, a: bigint, b: bigint): bigint {
  return divExactly(cx, fmt, a, b);
}
/** @arm FPSqrt */
export function fpSqrt(cx: FpContext, fmt: Fmt, a: bigint): bigint {
  return sqrtExactly(cx, fmt, a);
}
/** addend + a * b with one rounding. @arm FPMulAdd */
export function fpMulAdd(cx: FpContext, fmt: Fmt, addend: bigint, a: bigint, b: bigint): bigint {
  return mulAddExactly(cx, fmt, addend, a, b);
}
/** NZCV of a comparison, N in bit 3. @arm FPCompare */
export function fpCompare(cx: FpContext, fmt: Fmt, a: bigint, b: bigint, signalNaNs: boolean): number {
  return compareExactly(cx, fmt, a, b, signalNaNs);
}
/** Between formats; `rounding` defaults to FPCR.RMode. @arm FPConvert */
export function fpConvert(
  cx: FpContext,
  from: Fmt,
  to: Fmt,
  a: bigint,
  rounding: FpRounding = fpRoundingMode(cx.fpcr),
): bigint {
  return convertExactly(cx, from, to, a, rounding);
}
/** To an integer of `bits` with `fbits` fraction bits, saturating. @returns it as `bits` unsigned bits. @arm FPToFixed */
export function fpToFixed(
  cx: FpContext,
  fmt: Fmt,
  a: bigint,
  bits: 16 | 32 | 64,
  signed: boolean,
  rounding: FpRounding,
  fbits = 0,
): bigint {
  return toFixedExactly(cx, fmt, a, bits, signed, rounding, fbits);
}
/** To an integral value; `exact` reports Inexact. @arm FPRoundInt */
export function fpRoundInt(cx: FpContext, fmt: Fmt, a: bigint, rounding: FpRounding, exact: boolean): bigint {
  return roundIntExactly(cx, fmt, a, rounding, exact);
}
