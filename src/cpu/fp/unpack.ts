// Bit patterns to values and back: the formats, FPUnpack, and the constants (zero, infinity, NaN, largest number).
// A finite value is exact: (-1)^sign * mant * 2^exp with an integer `mant`.

import { type Fmt, FPCR, FPSR, type FpContext } from './context.ts';

/** What a bit pattern is, after flushing. The order matters: NaNs are the two largest. @arm FPType */
export const FPType = { Zero: 0, Denormal: 1, Nonzero: 2, Infinity: 3, QNaN: 4, SNaN: 5 } as const;
export type FPType = (typeof FPType)[keyof typeof FPType];

export interface Unpacked {
  readonly type: FPType;
  readonly sign: 0 | 1;
  /** Zero unless the type is Denormal or Nonzero. */
  readonly mant: bigint;
  readonly exp: number;
}

/** The shape of a format. */
export interface Format {
  readonly width: number;
  /** Fraction bits. */
  readonly F: number;
  /** Exponent bits. */
  readonly E: number;
  readonly bias: number;
  /** Exponent of the smallest normal number. */
  readonly minExp: number;
  readonly fracMask: bigint;
  readonly quietBit: bigint;
  readonly expMask: bigint;
  readonly signBit: bigint;
}

/** A format with `E` exponent bits and the usual bias. */
export function makeFormat(width: number, E: number): Format {
  const F = width - 1 - E;
  const bias = 2 ** (E - 1) - 1;
  return {
    width,
    F,
    E,
    bias,
    minExp: 1 - bias,
    fracMask: (1n << BigInt(F)) - 1n,
    quietBit: 1n << BigInt(F - 1),
    expMask: ((1n << BigInt(E)) - 1n) << BigInt(F),
    signBit: 1n << BigInt(width - 1),
  };
}

const half = makeFormat(16, 5);
const single = makeFormat(32, 8);
const double = makeFormat(64, 11);
/** BFloat16 is the upper half of a single. */
export const bfloat16 = makeFormat(16, 8);

export function formatOf(fmt: Fmt): Format {
  return fmt === 64 ? double : fmt === 32 ? single : half;
}

export function isNaNType(type: FPType): boolean {
  return type >= FPType.QNaN;
}

export function fpZero(f: Format, sign: number): bigint {
  return sign ? f.signBit : 0n;
}
export function fpInfinity(f: Format, sign: number): bigint {
  return sign ? f.signBit | f.expMask : f.expMask;
}
export function fpMaxNormal(f: Format, sign: number): bigint {
  return fpInfinity(f, sign) - 1n;
}
/** 2.0, the result of FMULX for infinity times zero. */
export function fpTwo(f: Format, sign: number): bigint {
  return (sign ? f.signBit : 0n) | (BigInt(f.bias + 1) << BigInt(f.F));
}
export function fpOnePointFive(f: Format, sign: number): bigint {
  return (sign ? f.signBit : 0n) | (BigInt(f.bias) << BigInt(f.F)) | f.quietBit;
}
/** The sign of the default NaN is FPCR.AH. @arm FPDefaultNaN */
export function fpDefaultNaN(f: Format, fpcr: number): bigint {
  return (fpcr & FPCR.AH ? f.signBit : 0n) | f.expMask | f.quietBit;
}

/** Whether a bit pattern is a NaN, quiet or signalling. */
export function isNaNBits(f: Format, bits: bigint): boolean {
  return (bits & f.expMask) === f.expMask && (bits & f.fracMask) !== 0n;
}

/**
 * Takes a bit pattern apart, flushing denormals as FPCR says (FZ with Input Denormal, FIZ without, FZ16 without).
 * `alternativeHalf`: an all-ones exponent is an ordinary number (FPCR.AHP, conversions only).
 * @arm FPUnpackBase
 */
export function fpUnpackFormat(cx: FpContext, f: Format, bits: bigint, alternativeHalf = false): Unpacked {
  const sign = bits & f.signBit ? 1 : 0;
  const frac = bits & f.fracMask;
  const biased = Number((bits & f.expMask) >> BigInt(f.F));
  if (biased === 0) {
    if (frac === 0n || flushesInput(cx, f)) return { type: FPType.Zero, sign, mant: 0n, exp: 0 };
    return { type: FPType.Denormal, sign, mant: frac, exp: f.minExp - f.F };
  }
  if (biased === 2 ** f.E - 1 && !alternativeHalf) {
    const type = frac === 0n ? FPType.Infinity : frac & f.quietBit ? FPType.QNaN : FPType.SNaN;
    return { type, sign, mant: 0n, exp: 0 };
  }
  return { type: FPType.Nonzero, sign, mant: frac | (f.fracMask + 1n), exp: biased - f.bias - f.F };
}

/** Whether a denormal input counts as zero; reports Input Denormal where FPCR.FZ is the reason. */
function flushesInput(cx: FpContext, f: Format): boolean {
  if (f === half) return (cx.fpcr & FPCR.FZ16) !== 0;
  if (cx.fpcr & FPCR.FZ && !(cx.fpcr & FPCR.AH)) {
    cx.fpsr |= FPSR.IDC;
    return true;
  }
  return (cx.fpcr & FPCR.FIZ) !== 0;
}

/** Takes an operand apart. @arm FPUnpack */
export function fpUnpack(cx: FpContext, fmt: Fmt, bits: bigint): Unpacked {
  return fpUnpackFormat(cx, formatOf(fmt), bits);
}

/**
 * Takes the operand of a conversion apart: FZ16 does not apply, AHP does.
 * @arm FPUnpackCV
 */
export function fpUnpackCV(cx: FpContext, fmt: Fmt, bits: bigint): Unpacked {
  if (fmt !== 16) return fpUnpackFormat(cx, formatOf(fmt), bits);
  const alternative = (cx.fpcr & FPCR.AHP) !== 0;
  return fpUnpackFormat({ fpcr: cx.fpcr & ~FPCR.FZ16, fpsr: 0 }, half, bits, alternative);
}

/** With FPCR.AH, a denormal operand that was used reports Input Denormal. @arm FPProcessDenorms */
export function fpProcessDenorms(cx: FpContext, fmt: Fmt, ...types: readonly FPType[]): void {
  if (cx.fpcr & FPCR.AH && fmt !== 16 && types.includes(FPType.Denormal)) cx.fpsr |= FPSR.IDC;
}
