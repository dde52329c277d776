// Functions of the Arm pseudocode that several headings need, over numbers (computed when an instruction is decoded)
// and over nodes. Nothing here belongs to a single instruction.

import type { Ops, Reg, Val } from './ops.ts';

/** A constant of the operand width: i64 if sf, else i32 (the low half). */
export function immOf<F>(o: Ops<F>, sf: number, value: (f: F) => bigint): Val {
  return sf ? o.imm(value) : o.imm32((f) => Number(BigInt.asIntN(32, value(f))));
}
/** A known constant of the operand width. */
export function constOf<F>(o: Ops<F>, sf: number, value: number): Val {
  return sf ? o.i64(value) : o.i32(value);
}

/** A signed field. @arm SignExtend */
export function signed(value: number, width: number): bigint {
  return BigInt.asIntN(width, BigInt(value));
}

function ones(n: number): bigint {
  return (1n << BigInt(n)) - 1n;
}
function rotateRight(value: bigint, n: number, width: number): bigint {
  const r = BigInt(n % width);
  return ((value >> r) | (value << (BigInt(width) - r))) & ones(width);
}
function replicate(value: bigint, size: number, width: number): bigint {
  let out = 0n;
  for (let at = 0; at < width; at += size) out |= value << BigInt(at);
  return out;
}

/**
 * The mask that a logical immediate stands for.
 * @returns undefined where the encoding is reserved. @arm DecodeBitMasks (wmask, immediate = TRUE)
 */
export function bitMask(N: number, imms: number, immr: number, width: number): bigint | undefined {
  const log = 31 - Math.clz32((N << 6) | (~imms & 63));
  if (log < 1) return undefined;
  const size = 1 << log;
  if (size > width) return undefined;
  const levels = size - 1;
  const s = imms & levels;
  if (s === levels) return undefined;
  return replicate(rotateRight(ones(s + 1), immr & levels, size), size, width);
}
/** Bits of the destination that a bitfield move takes from the rotated source. @arm DecodeBitMasks (wmask AND tmask) */
export function bitfieldMask(immr: number, imms: number, width: number): bigint {
  const wmask = rotateRight(ones(imms + 1), immr, width);
  const tmask = ones(((imms - immr) & (width - 1)) + 1);
  return wmask & tmask;
}

/** @arm ShiftReg: `shift` 0 LSL, 1 LSR, 2 ASR, 3 ROR by the field imm6. */
export function shiftedReg<F extends { readonly imm6: number }>(o: Ops<F>, n: Reg, sf: number, shift: number): Val {
  const x = o.X(n, sf);
  if (shift === 0 && o.pick((f) => (f.imm6 === 0 ? 0 : 1), [0, 1]) === 0) return x;
  const amount = immOf(o, sf, (f) => BigInt(f.imm6));
  if (shift === 0) return o.shl(x, amount);
  if (shift === 1) return o.shrU(x, amount);
  return shift === 2 ? o.shrS(x, amount) : o.rotr(x, amount);
}

/** How an extended register is made: the frequent kinds cheaply, bytes and halfwords by one general sequence. */
const Extend = { None: 0, UXTW: 1, SXTW: 2, Narrow: 3 } as const;
const WORDS = [Extend.None, Extend.UXTW, Extend.SXTW] as const;

/**
 * @arm ExtendReg, shifted left by `left` of the fields. `option` 0..7 is UXTB, UXTH, UXTW, UXTX, SXTB, ...
 * @param words the row allows no bytes and halfwords (and sf is 1).
 */
export function extendedReg<F extends { readonly option: number }>(
  o: Ops<F>,
  n: Reg,
  sf: number,
  left: (f: F) => number,
  words = false,
): Val {
  const kindOf = (f: F): number => {
    const width = 8 << (f.option & 3);
    if (width < 32) return Extend.Narrow;
    if (width === 64 || !sf) return Extend.None;
    return f.option & 4 ? Extend.SXTW : Extend.UXTW;
  };
  const kind = words
    ? o.pick(kindOf, WORDS)
    : o.pick(kindOf, sf ? [...WORDS, Extend.Narrow] : [Extend.None, Extend.Narrow]);
  const amount = immOf(o, sf, (f) => BigInt(left(f)));
  if (kind === Extend.None) return o.shl(o.X(n, sf), amount);
  if (kind === Extend.UXTW) return o.shl(o.extU(o.X(n, 0)), amount);
  if (kind === Extend.SXTW) return o.shl(o.extS(o.X(n, 0)), amount);
  const x = o.and(
    o.X(n, sf),
    immOf(o, sf, (f) => ones(8 << (f.option & 3))),
  );
  // Flipping the sign bit and subtracting it again extends the sign; zero leaves the value alone.
  const sign = immOf(o, sf, (f) => (f.option & 4 ? 1n << BigInt((8 << (f.option & 3)) - 1) : 0n));
  return o.shl(o.sub(o.xor(x, sign), sign), amount);
}

export type MinMax = 'smax' | 'smin' | 'umax' | 'umin';
export function minMax<F>(o: Ops<F>, kind: MinMax, a: Val, b: Val): Val {
  const [low, high] = kind === 'smin' || kind === 'umin' ? [a, b] : [b, a];
  return o.select(kind[0] === 's' ? o.ltS(low, high) : o.ltU(low, high), a, b);
}
