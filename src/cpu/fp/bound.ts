// What vector helpers and floating-point operations are bound to, as in helpers.ts: a function for each operation of ir/ops.ts. Few
// programs need them.

import type { FpOp } from '../../ir/fp_ops.ts';
import type { FpAttr, Ty } from '../../ir/ops.ts';
import type { VectorHelperName } from '../../isa/helpers.ts';
import type { HelperContext } from '../helpers.ts';
import { directFp } from './direct.ts';
import * as fp8 from './fp8.ts';
import * as soft from './softfloat.ts';
import * as trig from './trig.ts';

/** Arguments and result are 128-bit numbers; `param` is the constant of the call. */
export type VectorHelper = (cx: HelperContext, param: number, ...args: bigint[]) => bigint;
export const VECTOR_HELPERS: Readonly<Record<VectorHelperName, VectorHelper>> = {
  bfMatMulAdd: (cx, _, c, a, b) => soft.bfMatMulAdd(cx, c!, a!, b!),
  fp8ToHalf: (cx, stream, a) => fp8.fp8ConvertVector(cx, 'half', stream as 1 | 2, a!),
  fp8ToBf16: (cx, stream, a) => fp8.fp8ConvertVector(cx, 'bfloat16', stream as 1 | 2, a!),
  fpToFp8: (cx, from, a) => fp8.fpConvertFp8Vector(cx, from as 16 | 32, a!),
  bf16ToFp8: (cx, _, a) => fp8.bf16ConvertFp8Vector(cx, a!),
  fp8MulAdd: (cx, param, c, a, b) => fp8.fp8MulAddVector(cx, (param & ~15) as 16 | 32, param & 15, c!, a!, b!),
  fp8Dot: (cx, fmt, c, a, b) => fp8.fp8DotVector(cx, fmt as 16 | 32, c!, a!, b!),
  fp8MatMulAdd: (cx, fmt, c, a, b) => fp8.fp8MatMulVector(cx, fmt as 16 | 32, c!, a!, b!),
};

/** An operation on bit patterns, all as unsigned bigints. */
type FpFunction = (cx: HelperContext, a: bigint, b: bigint, c: bigint) => bigint | number | boolean;
/** By operation; the attribute fixes formats and modes. A missing operation does not compile. */
const FP: { readonly [K in FpOp]: (x: FpAttr) => FpFunction } = {
  add: (x) => (cx, a, b) => soft.fpAdd(cx, x.fmt, a, b),
  sub: (x) => (cx, a, b) => soft.fpSub(cx, x.fmt, a, b),
  mul: (x) => (cx, a, b) => soft.fpMul(cx, x.fmt, a, b),
  div: (x) => (cx, a, b) => soft.fpDiv(cx, x.fmt, a, b),
  max: (x) => (cx, a, b) => soft.fpMax(cx, x.fmt, a, b),
  min: (x) => (cx, a, b) => soft.fpMin(cx, x.fmt, a, b),
  maxnm: (x) => (cx, a, b) => soft.fpMaxNum(cx, x.fmt, a, b),
  minnm: (x) => (cx, a, b) => soft.fpMinNum(cx, x.fmt, a, b),
  mulx: (x) => (cx, a, b) => soft.fpMulX(cx, x.fmt, a, b),
  recps: (x) => (cx, a, b) => soft.fpRecipStepFused(cx, x.fmt, a, b),
  rsqrts: (x) => (cx, a, b) => soft.fpRSqrtStepFused(cx, x.fmt, a, b),
  absmax: (x) => (cx, a, b) => soft.fpAbsMax(cx, x.fmt, a, b),
  absmin: (x) => (cx, a, b) => soft.fpAbsMin(cx, x.fmt, a, b),
  scale: (x) => (cx, a, b) => soft.fpScale(cx, x.fmt, a, b),
  sqrt: (x) => (cx, a) => soft.fpSqrt(cx, x.fmt, a),
  recpe: (x) => (cx, a) => soft.fpRecipEstimate(cx, x.fmt, a),
  rsqrte: (x) => (cx, a) => soft.fpRSqrtEstimate(cx, x.fmt, a),
  recpx: (x) => (cx, a) => soft.fpRecpX(cx, x.fmt, a),
  neg: (x) => (cx, a) => soft.fpNeg(cx, x.fmt, a),
  abs: (x) => (cx, a) => soft.fpAbs(cx, x.fmt, a),
  fma: (x) => (cx, addend, a, b) => soft.fpMulAdd(cx, x.fmt, addend, a, b),
  compare: (x) => (cx, a, b) => soft.fpCompare(cx, x.fmt, a, b, x.exact),
  eq: (x) => (cx, a, b) => soft.fpCompareEQ(cx, x.fmt, a, b),
  ge: (x) => (cx, a, b) => soft.fpCompareGE(cx, x.fmt, a, b),
  gt: (x) => (cx, a, b) => soft.fpCompareGT(cx, x.fmt, a, b),
  trigSMul: (x) => (cx, a, b) => trig.fpTrigSMul(cx, x.fmt, a, b),
  trigMAdd: (x) => (cx, a, b, index) => trig.fpTrigMAdd(cx, x.fmt, a, b, Number(index)),
  logB: (x) => (cx, a) => trig.fpLogB(cx, x.fmt, a),
  convert: (x) => (cx, a) => soft.fpConvert(cx, x.fmt, x.to as soft.Fmt, a, roundingOf(cx, x)),
  convertIeee: (x) => (cx, a) => soft.fpConvertIeee(cx, x.fmt, x.to as soft.Fmt, a, roundingOf(cx, x)),
  toInt: (x) => (cx, a, fbits) =>
    soft.fpToFixed(cx, x.fmt, a, x.to as 16 | 32 | 64, x.signed, roundingOf(cx, x), Number(fbits)),
  fromInt: (x) => (cx, a, fbits) => soft.fixedToFp(cx, x.fmt, a, x.to as 16 | 32 | 64, x.signed, Number(fbits)),
  roundInt: (x) => (cx, a) => soft.fpRoundInt(cx, x.fmt, a, roundingOf(cx, x), x.exact),
  roundIntN: (x) => (cx, a) => soft.fpRoundIntN(cx, x.fmt as 32 | 64, a, roundingOf(cx, x), x.to as 32 | 64),
};
function roundingOf(cx: HelperContext, x: FpAttr): soft.FpRounding {
  return x.rounding === 'fpcr' ? soft.fpRoundingMode(cx.fpcr) : (x.rounding as soft.FpRounding);
}

/**
 * A floating-point operation.
 * @returns a function of operands of the operation's types: i32 as number (any sign), i64 as bigint; the result alike
 */
export function bindFp(x: FpAttr, result: Ty): (cx: HelperContext, ...args: (number | bigint)[]) => number | bigint {
  const direct = directFp(x) as ReturnType<typeof bindFp> | undefined;
  if (direct) return direct;
  const f = FP[x.op](x);
  const pattern = (v: number | bigint | undefined): bigint =>
    typeof v === 'number' ? BigInt(v >>> 0) : BigInt.asUintN(64, v ?? 0n);
  // Half-precision operands come in the low half of an i32; their upper half means nothing.
  const operand =
    x.fmt === 16 && x.op !== 'fromInt'
      ? (v: number | bigint | undefined): bigint => BigInt.asUintN(16, pattern(v))
      : pattern;
  const wide = result === 'i64';
  return (cx, a, b, c) => {
    const r = f(cx, operand(a), operand(b), operand(c));
    if (wide) return BigInt.asUintN(64, BigInt(r));
    return typeof r === 'bigint' ? Number(BigInt.asIntN(32, r)) : Number(r) | 0;
  };
}
