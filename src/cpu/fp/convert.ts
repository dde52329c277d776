// Conversions: between formats, to and from integers and fixed point, and rounding to an integral value.

import {
  alternateQuietContext,
  type Fmt,
  FPCR,
  FPSR,
  type FpContext,
  type FpRounding,
  fpRoundingMode,
} from './context.ts';
import { fpConvertNaN, fpProcessNaN } from './nan.ts';
import { fpRound, fpRoundCV, fpRoundFormat, roundsUp } from './round.ts';
import {
  bfloat16,
  FPType,
  formatOf,
  fpDefaultNaN,
  fpInfinity,
  fpProcessDenorms,
  fpUnpack,
  fpUnpackCV,
  fpZero,
  isNaNType,
  type Unpacked,
} from './unpack.ts';

/**
 * Between half, single and double. FPCR.AHP gives halves their alternative meaning; `rounding` defaults to FPCR.RMode
 * ('odd' for FCVTXN). @arm FPConvert
 */
export function convertExactly(
  cx: FpContext,
  from: Fmt,
  to: Fmt,
  op: bigint,
  rounding: FpRounding = fpRoundingMode(cx.fpcr),
): bigint {
  const f = formatOf(to);
  const a = fpUnpackCV(cx, from, op);
  const alternativeHalf = to === 16 && (cx.fpcr & FPCR.AHP) !== 0;
  if (isNaNType(a.type)) {
    if (a.type === FPType.SNaN || alternativeHalf) cx.fpsr |= FPSR.IOC;
    if (alternativeHalf) return fpZero(f, a.sign);
    return cx.fpcr & FPCR.DN ? fpDefaultNaN(f, cx.fpcr) : fpConvertNaN(from, to, op);
  }
  if (a.type === FPType.Infinity) {
    if (!alternativeHalf) return fpInfinity(f, a.sign);
    cx.fpsr |= FPSR.IOC;
    return fpZero(f, a.sign) | (f.signBit - 1n);
  }
  if (a.type === FPType.Zero) return fpZero(f, a.sign);
  const result = fpRoundCV(cx, to, a.sign, a.mant, a.exp, rounding);
  fpProcessDenorms(cx, from, a.type);
  return result;
}

/** Single to BFloat16 (BFCVT). With FPCR.AH: to nearest, flushing, reporting nothing. @arm FPConvertBF */
export function fpConvertBF(cx: FpContext, op: bigint): bigint {
  const local = alternateQuietContext(cx);
  const a = fpUnpack(local, 32, op);
  if (isNaNType(a.type)) {
    if (a.type === FPType.SNaN) local.fpsr |= FPSR.IOC;
    return local.fpcr & FPCR.DN ? fpDefaultNaN(bfloat16, cx.fpcr) : (op >> 16n) | bfloat16.quietBit;
  }
  if (a.type === FPType.Infinity) return fpInfinity(bfloat16, a.sign);
  if (a.type === FPType.Zero) return fpZero(bfloat16, a.sign);
  return fpRoundFormat(local, bfloat16, a.sign, a.mant, a.exp, fpRoundingMode(local.fpcr));
}

/** The magnitude of a finite value rounded to an integer, and whether something was lost. */
function integral(a: Unpacked, scale: number, rounding: FpRounding): { magnitude: bigint; inexact: boolean } {
  const exp = a.exp + scale;
  if (exp >= 0) return { magnitude: a.mant << BigInt(exp), inexact: false };
  const shift = -exp;
  const kept = a.mant >> BigInt(shift);
  const rest = a.mant & ((1n << BigInt(shift)) - 1n);
  return { magnitude: roundsUp(rounding, a.sign, kept, rest, shift) ? kept + 1n : kept, inexact: rest !== 0n };
}

/**
 * To an integer or fixed-point number of `bits` with `fbits` fraction bits, saturating. NaN gives 0, infinities the
 * nearest end of the range; both, and saturation, are Invalid Operation. @returns `bits` bits, unsigned.
 * @arm FPToFixed
 */
export function toFixedExactly(
  cx: FpContext,
  fmt: Fmt,
  op: bigint,
  bits: 16 | 32 | 64,
  signed: boolean,
  rounding: FpRounding,
  fbits: number,
): bigint {
  const a = fpUnpack(cx, fmt, op);
  if (isNaNType(a.type)) {
    cx.fpsr |= FPSR.IOC;
    return 0n;
  }
  const max = (1n << BigInt(signed ? bits - 1 : bits)) - 1n;
  const min = signed ? -max - 1n : 0n;
  const { magnitude, inexact } =
    a.type === FPType.Infinity ? { magnitude: max + 2n, inexact: false } : integral(a, fbits, rounding);
  const value = a.sign ? -magnitude : magnitude;
  if (value > max || value < min) {
    cx.fpsr |= FPSR.IOC;
    return BigInt.asUintN(bits, value > max ? max : min);
  }
  if (inexact) cx.fpsr |= FPSR.IXC;
  return BigInt.asUintN(bits, value);
}

/** From an integer or fixed-point number of `bits` with `fbits` fraction bits. @arm FixedToFP */
export function fixedToFp(
  cx: FpContext,
  fmt: Fmt,
  op: bigint,
  bits: 16 | 32 | 64,
  signed: boolean,
  fbits: number,
  rounding: FpRounding = fpRoundingMode(cx.fpcr),
): bigint {
  const value = signed ? BigInt.asIntN(bits, op) : BigInt.asUintN(bits, op);
  if (value === 0n) return 0n;
  const sign = value < 0n ? 1 : 0;
  return fpRound(cx, fmt, sign, sign ? -value : value, -fbits, rounding);
}

/** To an integral value of the same format; `exact` reports Inexact (FRINTX). @arm FPRoundInt */
export function roundIntExactly(cx: FpContext, fmt: Fmt, op: bigint, rounding: FpRounding, exact: boolean): bigint {
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op);
  if (isNaNType(a.type)) return fpProcessNaN(cx, fmt, a.type, op);
  if (a.type === FPType.Infinity) return fpInfinity(f, a.sign);
  if (a.type === FPType.Zero) return fpZero(f, a.sign);
  const { magnitude, inexact } = integral(a, 0, rounding);
  const result = magnitude === 0n ? fpZero(f, a.sign) : fpRound(cx, fmt, a.sign, magnitude, 0, 'zero');
  if (inexact && exact) cx.fpsr |= FPSR.IXC;
  return result;
}

/**
 * To an integral value that fits a signed integer of `bits`; anything else gives the most negative one with Invalid
 * Operation (FRINT32Z and kin). @arm FPRoundIntN
 */
export function fpRoundIntN(cx: FpContext, fmt: 32 | 64, op: bigint, rounding: FpRounding, bits: 32 | 64): bigint {
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op);
  if (a.type === FPType.Zero) return fpZero(f, a.sign);
  if (a.type === FPType.Denormal || a.type === FPType.Nonzero) {
    const { magnitude, inexact } = integral(a, 0, rounding);
    const limit = 1n << BigInt(bits - 1);
    if (a.sign ? magnitude <= limit : magnitude < limit) {
      if (inexact) cx.fpsr |= FPSR.IXC;
      return magnitude === 0n ? fpZero(f, a.sign) : fpRound(cx, fmt, a.sign, magnitude, 0, 'zero');
    }
  }
  cx.fpsr |= FPSR.IOC;
  return f.signBit | (BigInt(f.bias + bits - 1) << BigInt(f.F));
}

/**
 * JavaScript's ToInt32: double to a 32-bit integer modulo 2^32. @returns the integer, unsigned, and PSTATE.Z, set if
 * nothing was lost (minus zero loses its sign). @arm FPToFixedJS
 */
export function fpToFixedJS(cx: FpContext, op: bigint): { value: number; z: boolean } {
  const a = fpUnpack(cx, 64, op);
  if (a.type === FPType.Zero) return { value: 0, z: op === 0n };
  if (a.type !== FPType.Denormal && a.type !== FPType.Nonzero) {
    cx.fpsr |= FPSR.IOC;
    return { value: 0, z: false };
  }
  const { magnitude, inexact } = integral(a, 0, 'zero');
  const result = a.sign ? -magnitude : magnitude;
  const fits = BigInt.asIntN(32, result) === result;
  if (!fits) cx.fpsr |= FPSR.IOC;
  else if (inexact) cx.fpsr |= FPSR.IXC;
  return { value: Number(BigInt.asUintN(32, result)), z: fits && !inexact };
}
