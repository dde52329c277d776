// What the helpers that semantics call are bound to: one function for each row of isa/helpers.ts and for each
// floating-point operation of ir/ops.ts. Knows how arguments are passed (i32 as number, i64 and vectors as bigint), not
// how engines call.

import { lazy } from '../base/lazy.ts';
import type { FpOp } from '../ir/fp_ops.ts';
import type { FpAttr, Ty } from '../ir/ops.ts';
import { FP_ATOMICS, type FpAtomic, type HELPERS, type HelperName, type VectorHelperName } from '../isa/helpers.ts';
import { crc32, crc32c } from './crc32.ts';
import { FPCR } from './fp/context.ts';
import { directFp } from './fp/direct.ts';
import * as fp8 from './fp/fp8.ts';
import * as soft from './fp/softfloat.ts';
import * as trig from './fp/trig.ts';
import * as pauth from './pauth.ts';

/** What a helper may look at; FPMR only those of 8-bit floating point. Exceptions are OR-ed into fpsr. */
export interface HelperContext extends fp8.Fp8Context {
  readonly pauth: pauth.PauthState;
}

type Js<T> = T extends 'i32' ? number : bigint;
type JsArgs<T extends readonly Ty[]> = { [K in keyof T]: Js<T[K]> };
type Bound<T> = T extends { readonly args: infer A extends readonly Ty[]; readonly result: infer R }
  ? (cx: HelperContext, ...args: JsArgs<A>) => Js<R>
  : never;
export type ScalarHelpers = { readonly [K in HelperName]: Bound<(typeof HELPERS)[K]> };

// Halves of 64-bit values go through memory: shifting bigints allocates, and functions that sign and check their return
// address call these helpers twice each.
const whole = new BigInt64Array(2);
const halves = new Int32Array(whole.buffer);
const take = (p: bigint, m: bigint): void => {
  whole[0] = p;
  whole[1] = m;
};
const pacResult = (): bigint => {
  halves[0] = pauth.result[0]!;
  halves[1] = pauth.result[1]!;
  return whole[0]!;
};
const u = (v: number): bigint => BigInt(v >>> 0);
const s = (v: bigint): number => Number(BigInt.asIntN(32, v));

/** What FEAT_LSFE does to numbers; nothing is reported, and every NaN is the default NaN. */
const atomics = lazy(
  (): Readonly<Record<FpAtomic, typeof soft.fpAdd>> => ({
    add: soft.fpAdd,
    max: soft.fpMax,
    min: soft.fpMin,
    maxnm: soft.fpMaxNum,
    minnm: soft.fpMinNum,
  }),
);
function fpAtomic(cx: HelperContext, number: number, width: soft.Fmt | 0, a: bigint, b: bigint): bigint {
  const op = FP_ATOMICS[number]!;
  const local = { fpcr: (cx.fpcr & ~FPCR.AH) | FPCR.DN, fpsr: 0 };
  if (width !== 0) return atomics()[op](local, width, a, b);
  // BFloat16 is the upper half of single precision: only a sum has to be rounded.
  return op === 'add' ? soft.bfloatAdd(local, a, b) : atomics()[op](local, 32, a << 16n, b << 16n) >> 16n;
}

export const SCALAR_HELPERS: ScalarHelpers = {
  crc32: (_, crc, data, bits) => crc32(crc, data, bits),
  crc32c: (_, crc, data, bits) => crc32c(crc, data, bits),
  pacAdd: (cx, p, m, key) => {
    take(p, m);
    pauth.pacAdd(cx.pauth, halves[0]!, halves[1]!, halves[2]!, halves[3]!, key);
    return pacResult();
  },
  pacAuth: (cx, p, m, key) => {
    take(p, m);
    pauth.pacAuth(cx.pauth, halves[0]!, halves[1]!, halves[2]!, halves[3]!, key);
    return pacResult();
  },
  pacFailed: (cx, combined) => (pauth.pacFailed(cx.pauth, combined !== 0) ? 1 : 0),
  pacStrip: (cx, p, data) => {
    take(p, 0n);
    pauth.pacStrip(cx.pauth, halves[0]!, halves[1]!, data !== 0);
    return pacResult();
  },
  pacGeneric: (cx, d, m) => {
    take(d, m);
    pauth.pacGeneric(cx.pauth, halves[0]!, halves[1]!, halves[2]!, halves[3]!);
    return pacResult();
  },
  bfcvt: (cx, a) => s(soft.fpConvertBF(cx, u(a))),
  fjcvtzs: (cx, a) => {
    const { value, z } = soft.fpToFixedJS(cx, a);
    return BigInt(value >>> 0) | (z ? 1n << 32n : 0n);
  },
  fpMulAddH: (cx, c, a, b) => s(soft.fpMulAddH(cx, u(c), u(a), u(b))),
  bfMulAddH: (cx, c, a, b) => s(soft.bfMulAddH(cx, u(c), u(a), u(b))),
  fpAtomic: (cx, op, width, a, b) => s(fpAtomic(cx, op, width as 0 | 16 | 32, u(a), u(b))),
  fpAtomicD: (cx, op, a, b) => fpAtomic(cx, op, 64, a, b),
  bfDotAdd: (cx, c, a, b) => s(soft.bfDotAdd(cx, u(c), u(a) & 0xffffn, u(a) >> 16n, u(b) & 0xffffn, u(b) >> 16n)),
};

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
