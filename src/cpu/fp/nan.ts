// Which NaN comes out when NaNs go in.

import { type Fmt, FPCR, FPSR, type FpContext } from './context.ts';
import { FPType, formatOf, fpDefaultNaN, isNaNType } from './unpack.ts';

/** Quietens a NaN, reports Invalid Operation for a signalling one, applies FPCR.DN. @arm FPProcessNaN */
export function fpProcessNaN(cx: FpContext, fmt: Fmt, type: FPType, op: bigint): bigint {
  const f = formatOf(fmt);
  if (type === FPType.SNaN) cx.fpsr |= FPSR.IOC;
  return cx.fpcr & FPCR.DN ? fpDefaultNaN(f, cx.fpcr) : op | f.quietBit;
}

/** Carries sign and the top payload bits of a NaN to another format, quiet. @arm FPConvertNaN */
export function fpConvertNaN(from: Fmt, to: Fmt, op: bigint): bigint {
  const a = formatOf(from);
  const b = formatOf(to);
  const payload = op & (a.quietBit - 1n);
  const moved = b.F >= a.F ? payload << BigInt(b.F - a.F) : payload >> BigInt(a.F - b.F);
  return (op & a.signBit ? b.signBit : 0n) | b.expMask | b.quietBit | moved;
}

export interface NaNOperand {
  readonly type: FPType;
  readonly bits: bigint;
  readonly fmt: Fmt;
}

/**
 * The NaN result of an operation with these operands, in format `fmt`, or undefined if none is a NaN. The first
 * signalling NaN wins, then the first quiet one. @arm FPProcessNaNs4
 */
export function fpFirstNaN(cx: FpContext, fmt: Fmt, operands: readonly NaNOperand[]): bigint | undefined {
  const chosen = operands.find((o) => o.type === FPType.SNaN) ?? operands.find((o) => o.type === FPType.QNaN);
  return chosen && resultNaN(cx, fmt, chosen, chosen.type);
}

/**
 * The NaN result of a two-operand operation. With FPCR.AH the first operand wins whatever the kinds.
 * @arm FPProcessNaNs
 */
export function fpProcessNaNs(
  cx: FpContext,
  fmt: Fmt,
  type1: FPType,
  type2: FPType,
  op1: bigint,
  op2: bigint,
): bigint | undefined {
  if (type1 < FPType.QNaN && type2 < FPType.QNaN) return undefined;
  const a = { type: type1, bits: op1, fmt };
  const b = { type: type2, bits: op2, fmt };
  if (cx.fpcr & FPCR.AH && isNaNType(type1) && isNaNType(type2)) return resultNaN(cx, fmt, a, worst(type1, type2));
  return fpFirstNaN(cx, fmt, [a, b]);
}

/**
 * The NaN result of a fused multiply-add; the factors may be of half the width. With FPCR.AH and more than one NaN the
 * first factor wins, then the second, then the addend. @arm FPProcessNaNs3, FPProcessNaNs3H
 */
export function fpProcessNaNs3(
  cx: FpContext,
  fmt: Fmt,
  addend: NaNOperand,
  op1: NaNOperand,
  op2: NaNOperand,
): bigint | undefined {
  if (cx.fpcr & FPCR.AH) {
    const nans = [op1, op2, addend].filter((o) => isNaNType(o.type));
    const first = nans[0];
    if (first && nans.length > 1) {
      return resultNaN(cx, fmt, first, worst(addend.type, worst(op1.type, op2.type)));
    }
  }
  return fpFirstNaN(cx, fmt, [addend, op1, op2]);
}

function worst(a: FPType, b: FPType): FPType {
  return a === FPType.SNaN || b === FPType.SNaN ? FPType.SNaN : FPType.QNaN;
}

function resultNaN(cx: FpContext, fmt: Fmt, operand: NaNOperand, type: FPType): bigint {
  const nan = fpProcessNaN(cx, operand.fmt, type, operand.bits);
  return operand.fmt === fmt ? nan : fpConvertNaN(operand.fmt, fmt, nan);
}
