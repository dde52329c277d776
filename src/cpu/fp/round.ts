// Exact values to bit patterns: rounding, overflow, underflow, flushing of results.

import { type Fmt, FPCR, FPSR, type FpContext, type FpRounding } from './context.ts';
import { type Format, formatOf, fpInfinity, fpMaxNormal, fpZero } from './unpack.ts';

/** Number of bits of a positive integer. */
export function bitLength(value: bigint): number {
  if (value < 0x1_0000_0000n) return 32 - Math.clz32(Number(value));
  const digits = value.toString(16);
  return digits.length * 4 - Math.clz32(Number.parseInt(digits.charAt(0), 16)) + 28;
}

/** Whether rounding moves the magnitude up, given what was cut off (`rest` of `shift` bits) and the last kept bit. */
export function roundsUp(rounding: FpRounding, sign: number, kept: bigint, rest: bigint, shift: number): boolean {
  if (rest === 0n) return false;
  switch (rounding) {
    case 'tieeven': {
      const halfway = 1n << BigInt(shift - 1);
      return rest > halfway || (rest === halfway && (kept & 1n) === 1n);
    }
    case 'tieaway':
      return rest >= 1n << BigInt(shift - 1);
    case 'plusinf':
      return sign === 0;
    case 'minusinf':
      return sign === 1;
    case 'zero':
    case 'odd':
      return false;
  }
}

function overflowsToInfinity(rounding: FpRounding, sign: number): boolean {
  switch (rounding) {
    case 'plusinf':
      return sign === 0;
    case 'minusinf':
      return sign === 1;
    case 'zero':
    case 'odd':
      return false;
    default:
      return true;
  }
}

/** What a conversion may ask of rounding beyond FPCR. */
export interface RoundOptions {
  /** The format is the alternative half precision: no infinities, overflow is Invalid Operation. */
  readonly alternativeHalf?: boolean;
  /** FPCR.FZ16 is not looked at (conversions). */
  readonly ignoreFZ16?: boolean;
}

/**
 * Rounds (-1)^sign * mant * 2^exp, mant > 0, to a bit pattern. `mant` may carry a sticky lowest bit if it has at least
 * three bits more than the format. Underflow is detected before rounding, with FPCR.AH after it.
 * @arm FPRoundBase
 */
export function fpRoundFormat(
  cx: FpContext,
  f: Format,
  sign: number,
  mant: bigint,
  exp: number,
  rounding: FpRounding,
  options: RoundOptions = {},
): bigint {
  const fpcr = cx.fpcr;
  const ah = (fpcr & FPCR.AH) !== 0;
  const isHalf = f.width === 16 && f.E === 5;
  const flush = isHalf ? (fpcr & FPCR.FZ16) !== 0 && !options.ignoreFZ16 : (fpcr & FPCR.FZ) !== 0;
  const exponent = exp + bitLength(mant) - 1;
  const tiny = exponent < f.minExp;
  if (tiny && flush && !ah) {
    cx.fpsr |= FPSR.UFC;
    return fpZero(f, sign);
  }

  let biased = tiny ? 0 : exponent - f.minExp + 1;
  const shift = (tiny ? f.minExp : exponent) - f.F - exp;
  let kept = shift > 0 ? mant >> BigInt(shift) : mant << BigInt(-shift);
  const rest = shift > 0 ? mant & ((1n << BigInt(shift)) - 1n) : 0n;
  let inexact = rest !== 0n;

  if (tiny && (ah ? staysTiny(f, sign, mant, exp, exponent, rounding) : true)) {
    if (ah && flush) {
      cx.fpsr |= FPSR.UFC | FPSR.IXC;
      return fpZero(f, sign);
    }
    if (inexact) cx.fpsr |= FPSR.UFC;
  }

  if (roundsUp(rounding, sign, kept, rest, shift)) {
    kept += 1n;
    if (biased === 0 && kept > f.fracMask) biased = 1;
    if (kept > 2n * f.fracMask + 1n) {
      biased += 1;
      kept >>= 1n;
    }
  }
  if (inexact && rounding === 'odd') kept |= 1n;

  let result: bigint;
  if (options.alternativeHalf) {
    if (biased >= 2 ** f.E) {
      cx.fpsr |= FPSR.IOC;
      inexact = false;
      result = (sign ? f.signBit : 0n) | (f.signBit - 1n);
    } else result = pack(f, sign, biased, kept);
  } else if (biased >= 2 ** f.E - 1) {
    cx.fpsr |= FPSR.OFC;
    inexact = true;
    result = overflowsToInfinity(rounding, sign) ? fpInfinity(f, sign) : fpMaxNormal(f, sign);
  } else result = pack(f, sign, biased, kept);
  if (inexact) cx.fpsr |= FPSR.IXC;
  return result;
}

function pack(f: Format, sign: number, biased: number, kept: bigint): bigint {
  return (sign ? f.signBit : 0n) | (BigInt(biased) << BigInt(f.F)) | (kept & f.fracMask);
}

/** Whether a tiny value is still below the smallest normal number when rounded as if exponents had no lower bound. */
function staysTiny(f: Format, sign: number, mant: bigint, exp: number, exponent: number, rounding: FpRounding) {
  if (exponent < f.minExp - 1) return true;
  const shift = exponent - f.F - exp;
  if (shift <= 0) return true;
  const kept = mant >> BigInt(shift);
  const rest = mant & ((1n << BigInt(shift)) - 1n);
  return !(roundsUp(rounding, sign, kept, rest, shift) && kept === 2n * f.fracMask + 1n);
}

/** Rounds to a format, as arithmetic does. @arm FPRound */
export function fpRound(
  cx: FpContext,
  fmt: Fmt,
  sign: number,
  mant: bigint,
  exp: number,
  rounding: FpRounding,
): bigint {
  return fpRoundFormat(cx, formatOf(fmt), sign, mant, exp, rounding);
}

/** Rounds to a format, as conversions between formats do: AHP applies, FZ16 does not. @arm FPRoundCV */
export function fpRoundCV(
  cx: FpContext,
  fmt: Fmt,
  sign: number,
  mant: bigint,
  exp: number,
  rounding: FpRounding,
): bigint {
  const alternativeHalf = fmt === 16 && (cx.fpcr & FPCR.AHP) !== 0;
  return fpRoundFormat(cx, formatOf(fmt), sign, mant, exp, rounding, { alternativeHalf, ignoreFZ16: true });
}
