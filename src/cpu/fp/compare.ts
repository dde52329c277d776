// Comparisons.

import { compareValues } from './arith.ts';
import { type Fmt, FPSR, type FpContext } from './context.ts';
import { FPType, fpProcessDenorms, fpUnpack, isNaNType } from './unpack.ts';

/** 'unordered' | -1 | 0 | 1; reports Invalid Operation for a signalling NaN, and for any NaN if `signalNaNs`. */
function compareOperands(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint, signalNaNs: boolean): number | undefined {
  const a = fpUnpack(cx, fmt, op1);
  const b = fpUnpack(cx, fmt, op2);
  if (isNaNType(a.type) || isNaNType(b.type)) {
    if (a.type === FPType.SNaN || b.type === FPType.SNaN || signalNaNs) cx.fpsr |= FPSR.IOC;
    return undefined;
  }
  fpProcessDenorms(cx, fmt, a.type, b.type);
  return compareValues(a, b);
}

/** NZCV of a comparison, N in bit 3: 0110 equal, 1000 less, 0010 greater, 0011 unordered. @arm FPCompare */
export function compareExactly(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint, signalNaNs: boolean): number {
  const order = compareOperands(cx, fmt, op1, op2, signalNaNs);
  return order === undefined ? 0b0011 : order === 0 ? 0b0110 : order < 0 ? 0b1000 : 0b0010;
}

/** op1 = op2; quiet NaNs report nothing. @arm FPCompareEQ */
export function fpCompareEQ(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): boolean {
  return compareOperands(cx, fmt, op1, op2, false) === 0;
}
/** op1 >= op2. @arm FPCompareGE */
export function fpCompareGE(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): boolean {
  const order = compareOperands(cx, fmt, op1, op2, true);
  return order !== undefined && order >= 0;
}
/** op1 > op2. @arm FPCompareGT */
export function fpCompareGT(cx: FpContext, fmt: Fmt, op1: bigint, op2: bigint): boolean {
  const order = compareOperands(cx, fmt, op1, op2, true);
  return order !== undefined && order > 0;
}
