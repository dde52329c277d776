// Eight-bit floating point (FEAT_FP8 and kin): conversions, multiply-adds and dot products. FPMR chooses formats, scales
// and what overflow gives. FPCR says next to nothing here: everything rounds to nearest, denormals are never flushed,
// every NaN result is the default NaN. The multiplications report no exceptions at all.

import { lazy } from '../../base/lazy.ts';
import { addExact, signedValue } from './arith.ts';
import { FPCR, FPSR, type FpContext } from './context.ts';
import { fpRoundFormat } from './round.ts';
import {
  bfloat16,
  type Format,
  FPType,
  formatOf,
  fpDefaultNaN,
  fpInfinity,
  fpMaxNormal,
  fpUnpackFormat,
  fpZero,
  isNaNType,
  makeFormat,
  type Unpacked,
} from './unpack.ts';

/** FPMR is the whole register. */
export interface Fp8Context extends FpContext {
  readonly fpmr: bigint;
}

/** An 8-bit format: E4M3 has no infinities, its only NaN is all ones and is signalling. */
interface Fp8Format {
  readonly format: Format;
  readonly unpacked: () => readonly Unpacked[];
  /** The pattern of the default NaN, without sign. */
  readonly nan: bigint;
  /** What overflow and infinity become: an infinity or a NaN, or (OSC) the largest number. */
  readonly beyond: bigint;
  readonly largest: bigint;
}

/** Nothing is flushed, nothing is alternative. */
const PLAIN: FpContext = Object.freeze({ fpcr: 0, fpsr: 0 });
const patterns = (unpack: (bits: bigint) => Unpacked): (() => readonly Unpacked[]) =>
  lazy(() => Array.from({ length: 256 }, (_, bits) => unpack(BigInt(bits))));

const e5m2 = makeFormat(8, 5);
const E5M2: Fp8Format = {
  format: e5m2,
  unpacked: patterns((bits) => fpUnpackFormat(PLAIN, e5m2, bits)),
  nan: e5m2.expMask | e5m2.quietBit,
  beyond: e5m2.expMask,
  largest: e5m2.expMask - 1n,
};
const e4m3 = makeFormat(8, 4);
const E4M3: Fp8Format = {
  format: e4m3,
  unpacked: patterns((bits) =>
    (bits & 0x7fn) === 0x7fn
      ? { type: FPType.SNaN, sign: bits & 0x80n ? 1 : 0, mant: 0n, exp: 0 }
      : fpUnpackFormat(PLAIN, e4m3, bits, true),
  ),
  nan: 0x7fn,
  beyond: 0x7fn,
  largest: 0x7en,
};
/** A bit pattern of one of the two formats taken apart. */
export function fp8Unpack(format: 'E5M2' | 'E4M3', bits: number): Unpacked {
  return (format === 'E5M2' ? E5M2 : E4M3).unpacked()[bits]!;
}
/** Numbers in a format that does not exist are signalling NaNs. */
const NO_NUMBERS = patterns(() => ({ type: FPType.SNaN, sign: 0, mant: 0n, exp: 0 }));

/** Positions of fields of FPMR. */
const F8S1 = 0;
const F8S2 = 3;
const F8D = 6;
const OSM = 14;
const OSC = 15;
const LSCALE = 16;
const NSCALE = 24;
const LSCALE2 = 32;
function field(fpmr: bigint, at: number, width: number): number {
  return Number(BigInt.asUintN(width, fpmr >> BigInt(at)));
}
/** The format that a field of FPMR names, if it is one. @arm FP8DecodeType */
function formatAt(fpmr: bigint, at: number): Fp8Format | undefined {
  return [E5M2, E4M3][field(fpmr, at, 3)];
}
function numbersAt(fpmr: bigint, at: number): readonly Unpacked[] {
  return (formatAt(fpmr, at)?.unpacked ?? NO_NUMBERS)();
}

/** Everything of FPCR but AH (when underflow is detected) is as if zero; exceptions go to the context. */
function rounded(cx: FpContext, f: Format, a: Unpacked, scale: number, alternative = false): bigint {
  const local: FpContext = { fpcr: cx.fpcr & FPCR.AH, fpsr: 0 };
  const options = { alternativeHalf: alternative, ignoreFZ16: true };
  const result = fpRoundFormat(local, f, a.sign, a.mant, a.exp + scale, 'tieeven', options);
  cx.fpsr |= local.fpsr;
  return result;
}

/**
 * From 8 bits to half precision or BFloat16, divided by 2^LSCALE (by 2^LSCALE2 for stream 2, whose format is F8S2).
 * @arm FP8ConvertFP, FP8ConvertBF
 */
export function fp8Convert(cx: Fp8Context, op: number, to: 'half' | 'bfloat16', stream: 1 | 2): bigint {
  const f = to === 'half' ? formatOf(16) : bfloat16;
  const a = numbersAt(cx.fpmr, stream === 1 ? F8S1 : F8S2)[op]!;
  if (isNaNType(a.type)) {
    if (a.type === FPType.SNaN) cx.fpsr |= FPSR.IOC;
    return fpDefaultNaN(f, cx.fpcr);
  }
  if (a.type === FPType.Infinity) return fpInfinity(f, a.sign);
  if (a.type === FPType.Zero) return fpZero(f, a.sign);
  return rounded(cx, f, a, -field(cx.fpmr, stream === 1 ? LSCALE : LSCALE2, to === 'half' ? 4 : 6));
}

/** From half or single precision to 8 bits, multiplied by 2^NSCALE; from half, that scale has 5 bits. @arm FPConvertFP8 */
export function fpConvertFp8(cx: Fp8Context, from: 16 | 32, op: bigint): bigint {
  const to = formatAt(cx.fpmr, F8D);
  const a = fpUnpackFormat(PLAIN, formatOf(from), op);
  if (!to) {
    cx.fpsr |= FPSR.IOC;
    return 0xffn;
  }
  const sign = a.sign ? 0x80n : 0n;
  const beyond = sign | (field(cx.fpmr, OSC, 1) ? to.largest : to.beyond);
  if (isNaNType(a.type)) {
    if (a.type === FPType.SNaN) cx.fpsr |= FPSR.IOC;
    return to.nan | (cx.fpcr & FPCR.AH ? 0x80n : 0n);
  }
  if (a.type === FPType.Infinity) return beyond;
  if (a.type === FPType.Zero) return sign;
  const scale = Number(BigInt.asIntN(from === 16 ? 5 : 8, cx.fpmr >> BigInt(NSCALE)));
  const local: FpContext = { fpcr: cx.fpcr, fpsr: 0 };
  const result = rounded(local, to.format, a, scale, to === E4M3);
  const overflow = to === E4M3 ? (result & 0x7fn) === 0x7fn : (local.fpsr & FPSR.OFC) !== 0;
  cx.fpsr |= overflow ? FPSR.OFC | FPSR.IXC : local.fpsr;
  return overflow ? beyond : result;
}

/**
 * addend + (the sum of products of the elements) / 2^LSCALE with one rounding; `fmt` is that of addend and result. No
 * exceptions are reported. @arm FP8MulAddFP, FP8DotAddFP
 */
export function fp8DotAdd(
  cx: Fp8Context,
  fmt: 16 | 32,
  addend: bigint,
  op1: readonly number[],
  op2: readonly number[],
): bigint {
  const f = formatOf(fmt);
  const numbers1 = numbersAt(cx.fpmr, F8S1);
  const numbers2 = numbersAt(cx.fpmr, F8S2);
  const c = fpUnpackFormat(PLAIN, f, addend);
  let invalid = isNaNType(c.type);
  /** Signs that are there among infinities, among zeros, and whether there is anything but zeros: bit 0 plus, bit 1 minus. */
  let infinities = c.type === FPType.Infinity ? 1 << c.sign : 0;
  let zeros = c.type === FPType.Zero ? 1 << c.sign : 0;
  let onlyZeros = c.type === FPType.Zero;
  const scale = field(cx.fpmr, LSCALE, fmt === 16 ? 4 : 7);
  let sum = { mant: 0n, exp: 0 };
  for (let i = 0; i < op1.length; i++) {
    const a = numbers1[op1[i]!]!;
    const b = numbers2[op2[i]!]!;
    const sign = a.sign ^ b.sign;
    const zero = a.type === FPType.Zero || b.type === FPType.Zero;
    const infinity = a.type === FPType.Infinity || b.type === FPType.Infinity;
    if (isNaNType(a.type) || isNaNType(b.type) || (zero && infinity)) invalid = true;
    if (infinity) infinities |= 1 << sign;
    else if (zero) zeros |= 1 << sign;
    else sum = addExact(sum, { mant: sign ? -(a.mant * b.mant) : a.mant * b.mant, exp: a.exp + b.exp - scale });
    if (!zero) onlyZeros = false;
  }
  if (invalid || infinities === 3) return fpDefaultNaN(f, cx.fpcr);
  if (infinities) return fpInfinity(f, infinities >> 1);
  if (onlyZeros) return fpZero(f, zeros === 2 ? 1 : 0);
  const { mant, exp } = addExact(signedValue(c), sum);
  if (mant === 0n) return 0n;
  const sign = mant < 0n ? 1 : 0;
  const local: FpContext = { fpcr: 0, fpsr: 0 };
  const result = fpRoundFormat(local, f, sign, sign ? -mant : mant, exp, 'tieeven');
  return local.fpsr & FPSR.OFC && field(cx.fpmr, OSM, 1) ? fpMaxNormal(f, sign) : result;
}

const bytesOf = (v: bigint): number[] => Array.from({ length: 16 }, (_, i) => Number((v >> BigInt(8 * i)) & 0xffn));
/** The elements of `bits` each that `element` gives, put together. */
function assemble(bits: number, count: number, element: (i: number) => bigint): bigint {
  let v = 0n;
  for (let i = 0; i < count; i++) v |= element(i) << BigInt(bits * i);
  return v;
}
const elementOf = (v: bigint, bits: number, i: number): bigint => BigInt.asUintN(bits, v >> BigInt(bits * i));

/** The eight bytes of the low half, each to 16 bits. */
export function fp8ConvertVector(cx: Fp8Context, to: 'half' | 'bfloat16', stream: 1 | 2, op: bigint): bigint {
  const bytes = bytesOf(op);
  return assemble(16, 8, (i) => fp8Convert(cx, bytes[i]!, to, stream));
}

/** All elements of `from` bits to bytes, side by side; the rest is zero. */
export function fpConvertFp8Vector(cx: Fp8Context, from: 16 | 32, op: bigint): bigint {
  return assemble(8, 128 / from, (i) => fpConvertFp8(cx, from, elementOf(op, from, i)));
}

/** As fpConvertFp8Vector, from BFloat16, which is scaled as single precision is. */
export function bf16ConvertFp8Vector(cx: Fp8Context, op: bigint): bigint {
  return assemble(8, 8, (i) => fpConvertFp8(cx, 32, elementOf(op, 16, i) << 16n));
}

/** To each element of `fmt` bits, the product of the bytes of number `phase` in it. */
export function fp8MulAddVector(cx: Fp8Context, fmt: 16 | 32, phase: number, addend: bigint, op1: bigint, op2: bigint) {
  const [a, b] = [bytesOf(op1), bytesOf(op2)];
  const at = (i: number): number => (fmt / 8) * i + phase;
  return assemble(fmt, 128 / fmt, (i) => fp8DotAdd(cx, fmt, elementOf(addend, fmt, i), [a[at(i)]!], [b[at(i)]!]));
}

/** To each element of `fmt` bits, the products of all bytes in it. */
export function fp8DotVector(cx: Fp8Context, fmt: 16 | 32, addend: bigint, op1: bigint, op2: bigint): bigint {
  const [a, b] = [bytesOf(op1), bytesOf(op2)];
  const ways = fmt / 8;
  const part = (bytes: readonly number[], i: number) => bytes.slice(ways * i, ways * (i + 1));
  return assemble(fmt, 128 / fmt, (i) => fp8DotAdd(cx, fmt, elementOf(addend, fmt, i), part(a, i), part(b, i)));
}

/**
 * Matrices of two rows of `fmt` / 4 bytes: to element (i, j), the products of row i of the first and row j of the second.
 * For half precision, each half of the register for itself. @arm FP8MatMulAddFP
 */
export function fp8MatMulVector(cx: Fp8Context, fmt: 16 | 32, addend: bigint, op1: bigint, op2: bigint): bigint {
  const [a, b] = [bytesOf(op1), bytesOf(op2)];
  const ways = fmt / 4;
  const row = (bytes: readonly number[], n: number) => bytes.slice(ways * n, ways * (n + 1));
  return assemble(fmt, 128 / fmt, (e) => {
    const pair = 2 * (e >> 2);
    const [i, j] = [pair + ((e >> 1) & 1), pair + (e & 1)];
    return fp8DotAdd(cx, fmt, elementOf(addend, fmt, e), row(a, i), row(b, j));
  });
}
