// SVE's building blocks for trigonometric functions (FTSMUL, FTMAD) and the exponent of a number (FLOGB).

import { type Fmt, FPCR, FPSR, type FpContext } from './context.ts';
import { fpMul, fpMulAdd } from './softfloat.ts';
import { FPType, formatOf, fpProcessDenorms, fpUnpack, isNaNBits, isNaNType } from './unpack.ts';

/** The square of op1 with the sign that bit 0 of op2 says. @arm FPTrigSMul */
export function fpTrigSMul(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): bigint {
  const f = formatOf(fmt);
  const square = fpMul(cx, fmt, op1, op1);
  return isNaNBits(f, square) ? square : (square & ~f.signBit) | (op2 & 1n ? f.signBit : 0n);
}

/** Coefficients of the series for sine (first row) and cosine, that of the lowest power first. @arm FPTrigMAddCoefficient */
const COEFFICIENTS: Readonly<Record<Fmt, readonly (readonly bigint[])[]>> = {
  16: [
    [0x3c00n, 0xb155n, 0x2030n, 0n, 0n, 0n, 0n, 0n],
    [0x3c00n, 0xb800n, 0x293an, 0n, 0n, 0n, 0n, 0n],
  ],
  32: [
    [0x3f800000n, 0xbe2aaaabn, 0x3c088886n, 0xb95008b9n, 0x36369d6dn, 0n, 0n, 0n],
    [0x3f800000n, 0xbf000000n, 0x3d2aaaa6n, 0xbab60705n, 0x37cd37ccn, 0n, 0n, 0n],
  ],
  64: [
    [
      0x3ff0000000000000n, 0xbfc5555555555543n, 0x3f8111111110f30cn, 0xbf2a01a019b92fc6n, 0x3ec71de351f3d22bn,
      0xbe5ae5e2b60f7b91n, 0x3de5d8408868552fn, 0n,
    ],
    [
      0x3ff0000000000000n, 0xbfe0000000000000n, 0x3fa5555555555536n, 0xbf56c16c16c13a0bn, 0x3efa01a019b1e8d8n,
      0xbe927e4f7282f468n, 0x3e21ee96d2641b13n, 0xbda8f76380fbb401n,
    ],
  ],
}; // biome-ignore format: a table
/** Coefficient + op1 * |op2|; the sign of op2 chooses between sine and cosine. @arm FPTrigMAdd */
export function fpTrigMAdd(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint, index: number): bigint {
  const f = formatOf(fmt);
  const cosine = op2 & f.signBit ? 1 : 0;
  const keep = cx.fpcr & FPCR.AH && isNaNBits(f, op2);
  return fpMulAdd(cx, fmt, COEFFICIENTS[fmt][cosine]![index]!, op1, keep ? op2 : op2 & ~f.signBit);
}

/** The exponent of op as a signed integer; that of zero and of NaNs is the most negative one. @arm FPLogB */
export function fpLogB(cx: FpContext, fmt: Fmt, op: bigint): bigint {
  const f = formatOf(fmt);
  const a = fpUnpack(cx, fmt, op);
  if (a.type === FPType.Infinity) return f.signBit - 1n;
  if (isNaNType(a.type) || a.type === FPType.Zero) {
    cx.fpsr |= FPSR.IOC;
    return f.signBit;
  }
  fpProcessDenorms(cx, fmt, a.type);
  return BigInt.asUintN(fmt, BigInt(a.exp + a.mant.toString(2).length - 1));
}
