// BFloat16 dot products and multiply-adds (FEAT_BF16, FEAT_EBF16).

import { addExact, addExactly, mulAddExactly, roundSum, signedValue } from './arith.ts';
import { alternateQuietContext, FPCR, FPSR, type FpContext, fpRoundingMode } from './context.ts';
import { fpRoundFormat } from './round.ts';
import { bfloat16, FPType, formatOf, fpDefaultNaN, fpInfinity, fpUnpackFormat, fpZero, isNaNType } from './unpack.ts';

const single = formatOf(32);

/** The arithmetic of FPCR.EBF = 0: flush everything, round to odd, default NaN, report nothing. */
function simpleContext(cx: FpContext): FpContext {
  return { fpcr: (cx.fpcr & FPCR.AH) | FPCR.FIZ, fpsr: 0 };
}

/** Rounds to odd; tiny values become zero before rounding, overflow gives infinity. @arm BFRound */
function bfRound(sign: number, mant: bigint, exp: number): bigint {
  const local: FpContext = { fpcr: FPCR.FZ, fpsr: 0 };
  const result = fpRoundFormat(local, single, sign, mant, exp, 'odd');
  return local.fpsr & FPSR.OFC ? fpInfinity(single, sign) : result;
}

/** Product of two BFloat16 numbers as a single. @arm BFMulH */
function bfMulH(cx: FpContext, op1: bigint, op2: bigint): bigint {
  const a = fpUnpackFormat(cx, bfloat16, op1);
  const b = fpUnpackFormat(cx, bfloat16, op2);
  const inf = a.type === FPType.Infinity || b.type === FPType.Infinity;
  const zero = a.type === FPType.Zero || b.type === FPType.Zero;
  const sign = a.sign ^ b.sign;
  if (isNaNType(a.type) || isNaNType(b.type) || (inf && zero)) return fpDefaultNaN(single, cx.fpcr);
  if (inf) return fpInfinity(single, sign);
  if (zero) return fpZero(single, sign);
  return bfRound(sign, a.mant * b.mant, a.exp + b.exp);
}

/** @arm FPAdd_BF16 */
function bfAdd(cx: FpContext, op1: bigint, op2: bigint): bigint {
  const a = fpUnpackFormat(cx, single, op1);
  const b = fpUnpackFormat(cx, single, op2);
  const inf1 = a.type === FPType.Infinity;
  const inf2 = b.type === FPType.Infinity;
  if (isNaNType(a.type) || isNaNType(b.type) || (inf1 && inf2 && a.sign !== b.sign)) {
    return fpDefaultNaN(single, cx.fpcr);
  }
  if (inf1 || inf2) return fpInfinity(single, inf1 ? a.sign : b.sign);
  if (a.type === FPType.Zero && b.type === FPType.Zero && a.sign === b.sign) return fpZero(single, a.sign);
  const sum = addExact(signedValue(a), signedValue(b));
  if (sum.mant === 0n) return 0n;
  return sum.mant < 0n ? bfRound(1, -sum.mant, sum.exp) : bfRound(0, sum.mant, sum.exp);
}

/** op1a * op2a + op1b * op2b, rounded once to single. @arm FPDot, for BFloat16 */
function bfDot(cx: FpContext, op1a: bigint, op1b: bigint, op2a: bigint, op2b: bigint): bigint {
  const a1 = fpUnpackFormat(cx, bfloat16, op1a);
  const b1 = fpUnpackFormat(cx, bfloat16, op1b);
  const a2 = fpUnpackFormat(cx, bfloat16, op2a);
  const b2 = fpUnpackFormat(cx, bfloat16, op2b);
  const infA = a1.type === FPType.Infinity || a2.type === FPType.Infinity;
  const infB = b1.type === FPType.Infinity || b2.type === FPType.Infinity;
  const zeroA = a1.type === FPType.Zero || a2.type === FPType.Zero;
  const zeroB = b1.type === FPType.Zero || b2.type === FPType.Zero;
  const signA = a1.sign ^ a2.sign;
  const signB = b1.sign ^ b2.sign;
  const anyNaN = isNaNType(a1.type) || isNaNType(b1.type) || isNaNType(a2.type) || isNaNType(b2.type);
  if (anyNaN || (infA && zeroA) || (infB && zeroB) || (infA && infB && signA !== signB)) {
    return fpDefaultNaN(single, cx.fpcr);
  }
  if (infA || infB) return fpInfinity(single, infA ? signA : signB);
  if (zeroA && zeroB && signA === signB) return fpZero(single, signA);
  const productA = { mant: signA ? -(a1.mant * a2.mant) : a1.mant * a2.mant, exp: a1.exp + a2.exp };
  const productB = { mant: signB ? -(b1.mant * b2.mant) : b1.mant * b2.mant, exp: b1.exp + b2.exp };
  return roundSum(cx, 32, addExact(productA, productB), fpRoundingMode(cx.fpcr));
}

/**
 * addend + op1a * op2a + op1b * op2b (BFDOT). With FPCR.EBF the products are summed with one rounding, otherwise every
 * step rounds to odd. Reports nothing either way. @arm BFDotAdd
 */
export function bfDotAdd(
  cx: FpContext,
  addend: bigint,
  op1a: bigint,
  op1b: bigint,
  op2a: bigint,
  op2b: bigint,
): bigint {
  if (cx.fpcr & FPCR.EBF) {
    const quiet: FpContext = { fpcr: cx.fpcr | FPCR.DN, fpsr: 0 };
    return addExactly(quiet, 32, addend, bfDot(quiet, op1a, op1b, op2a, op2b));
  }
  const simple = simpleContext(cx);
  return bfAdd(simple, addend, bfAdd(simple, bfMulH(simple, op1a, op2a), bfMulH(simple, op1b, op2b)));
}

/** The sum of two BFloat16 numbers as one; every NaN result is the default NaN. @arm BFAdd, with FPCR.DN = 1 */
export function bfloatAdd(cx: FpContext, op1: bigint, op2: bigint): bigint {
  const a = fpUnpackFormat(cx, bfloat16, op1);
  const b = fpUnpackFormat(cx, bfloat16, op2);
  const inf1 = a.type === FPType.Infinity;
  const inf2 = b.type === FPType.Infinity;
  if (isNaNType(a.type) || isNaNType(b.type) || (inf1 && inf2 && a.sign !== b.sign)) {
    return fpDefaultNaN(bfloat16, cx.fpcr);
  }
  if (inf1 || inf2) return fpInfinity(bfloat16, inf1 ? a.sign : b.sign);
  if (a.type === FPType.Zero && b.type === FPType.Zero && a.sign === b.sign) return fpZero(bfloat16, a.sign);
  const rounding = fpRoundingMode(cx.fpcr);
  const { mant, exp } = addExact(signedValue(a), signedValue(b));
  if (mant === 0n) return fpZero(bfloat16, rounding === 'minusinf' ? 1 : 0);
  const sign = mant < 0n ? 1 : 0;
  return fpRoundFormat(cx, bfloat16, sign, sign ? -mant : mant, exp, rounding);
}

/** 2x4 by 4x2 matrix multiply-accumulate of BFloat16 into four singles (BFMMLA). @arm BFMatMulAdd */
export function bfMatMulAdd(cx: FpContext, addend: bigint, op1: bigint, op2: bigint): bigint {
  const element = (v: bigint, i: number) => (v >> BigInt(16 * i)) & 0xffffn;
  let result = 0n;
  for (let i = 0; i < 2; i++) {
    for (let j = 0; j < 2; j++) {
      const at = BigInt(32 * (2 * i + j));
      let sum = (addend >> at) & 0xffff_ffffn;
      for (let k = 0; k < 2; k++) {
        const row = 4 * i + 2 * k;
        const column = 4 * j + 2 * k;
        sum = bfDotAdd(
          cx,
          sum,
          element(op1, row),
          element(op1, row + 1),
          element(op2, column),
          element(op2, column + 1),
        );
      }
      result |= sum << at;
    }
  }
  return result;
}

/** Single addend + product of two BFloat16 numbers, rounded once (BFMLALB, BFMLALT). @arm BFMulAddH */
export function bfMulAddH(cx: FpContext, addend: bigint, op1: bigint, op2: bigint): bigint {
  return mulAddExactly(alternateQuietContext(cx), 32, addend, op1 << 16n, op2 << 16n);
}
