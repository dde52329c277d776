// What SVE2 does to single elements, as functions of bigints. Saturation sets no flag in SVE.

import { type IntOp, saturateS, saturateU, signed, toSigned } from './sve2_shapes.ts';

const abs = (v: bigint): bigint => (v < 0n ? -v : v);

export const add: IntOp = (a, b) => a + b;
export const sub: IntOp = (a, b) => a - b;
export const mul: IntOp = (a, b) => a * b;
export const absDiff: IntOp = (a, b) => abs(a - b);
export const mla: IntOp = (a, b, c) => c + a * b;
export const mls: IntOp = (a, b, c) => c - a * b;
export const absDiffAdd: IntOp = (a, b, c) => c + abs(a - b);
export const max: IntOp = (a, b) => (a > b ? a : b);
export const min: IntOp = (a, b) => (a < b ? a : b);

/** The result of an operation on signed or on unsigned numbers, saturated alike. */
export const satS = (op: IntOp): IntOp => signed((a, b, c, bits) => saturateS(op(a, b, c, bits), bits));
export const satU =
  (op: IntOp): IntOp =>
  (a, b, c, bits) =>
    saturateU(op(a, b, c, bits), bits);
/** A signed addend to an unsigned number, and the other way round. */
export const suqadd: IntOp = (a, b, _c, bits) => saturateS(toSigned(a, bits) + b, bits);
export const usqadd: IntOp = (a, b, _c, bits) => saturateU(a + toSigned(b, bits), bits);
export const sqabs: IntOp = satS((a) => abs(a));
export const sqneg: IntOp = satS((a) => -a);

export const halvingAdd: IntOp = (a, b) => (a + b) >> 1n;
export const halvingSub: IntOp = (a, b) => (a - b) >> 1n;
export const roundingHalvingAdd: IntOp = (a, b) => (a + b + 1n) >> 1n;

// ---- products -----------------------------------------------------------------------------------------------------------

export const mulHigh: IntOp = (a, b, _c, bits) => (a * b) >> BigInt(bits);
const half = (bits: number): bigint => 1n << BigInt(bits - 1);
export const sqdmulh: IntOp = satS((a, b, _c, bits) => (2n * a * b) >> BigInt(bits));
export const sqrdmulh: IntOp = satS((a, b, _c, bits) => (2n * a * b + half(bits)) >> BigInt(bits));
/** `sign` of the product, which is doubled, added to the addend's upper half and rounded. */
export const sqrdmlah = (sign: 1n | -1n): IntOp =>
  satS((a, b, c, bits) => ((c << BigInt(bits)) + sign * 2n * a * b + half(bits)) >> BigInt(bits));
/** Doubled product of narrow elements that were read as signed. */
export const sqdmull: IntOp = (a, b, _c, bits) => saturateS(2n * a * b, bits);
export const sqdmlal =
  (sign: 1n | -1n): IntOp =>
  (a, b, c, bits) =>
    saturateS(toSigned(c, bits) + sign * saturateS(2n * a * b, bits), bits);
/** Product of polynomials over {0, 1}. */
export const polynomial: IntOp = (a, b) => {
  let product = 0n;
  for (let x = a, y = b; y !== 0n; x <<= 1n, y >>= 1n) if (y & 1n) product ^= x;
  return product;
};

// ---- shifts ----------------------------------------------------------------------------------------------------------------

/** a shifted left by n, or right (rounding or not) by -n. Amounts beyond the width are as good as the width plus 1. */
function shift(a: bigint, n: bigint, bits: number, rounding: boolean): bigint {
  const limit = BigInt(bits + 1);
  const amount = n > limit ? limit : n < -limit ? -limit : n;
  if (amount >= 0n) return a << amount;
  return (a + (rounding ? 1n << (-amount - 1n) : 0n)) >> -amount;
}
/** The amount is signed, the number read as `sign` says. */
const byVector =
  (sign: 's' | 'u', rounding: boolean, saturating: boolean): IntOp =>
  (a, b, _c, bits) => {
    const v = shift(sign === 's' ? toSigned(a, bits) : a, toSigned(b, bits), bits, rounding);
    if (!saturating) return v;
    return sign === 's' ? saturateS(v, bits) : saturateU(v, bits);
  };
export const srshl = byVector('s', true, false);
export const urshl = byVector('u', true, false);
export const sqshl = byVector('s', false, true);
export const uqshl = byVector('u', false, true);
export const sqrshl = byVector('s', true, true);
export const uqrshl = byVector('u', true, true);

/** Right shifts by an immediate; `rounded` adds half of what is lost. */
const shr: IntOp = (a, n) => a >> n;
const rounded: IntOp = (a, n) => (a + (1n << (n - 1n))) >> n;
/** The first operand alone read as signed: the second is an amount. */
export const firstSigned =
  (op: IntOp): IntOp =>
  (a, b, c, bits) =>
    op(toSigned(a, bits), b, c, bits);
export const shrS = firstSigned(shr);
export const rshrS = firstSigned(rounded);
export const rshrU = rounded;
/** The same, added to what is there. */
export const accumulated =
  (op: IntOp): IntOp =>
  (a, n, c, bits) =>
    c + op(a, n, 0n, bits);
export const usra = accumulated(shr);
export const insertRight: IntOp = (a, n, old, bits) => {
  const kept = ((1n << n) - 1n) << (BigInt(bits) - n);
  return (old & kept) | (a >> n);
};
export const insertLeft: IntOp = (a, n, old) => (old & ((1n << n) - 1n)) | (a << n);

/** Narrowing shifts: a has twice the bits of the result. */
export const shrn: IntOp = shr;
export const rshrn: IntOp = rounded;
const narrowed =
  (sign: 's' | 'u', to: 's' | 'u', op: IntOp): IntOp =>
  (a, n, c, bits) => {
    const v = op(sign === 's' ? toSigned(a, 2 * bits) : a, n, c, bits);
    return to === 's' ? saturateS(v, bits) : saturateU(v, bits);
  };
const plain: IntOp = (a) => a;
export const sqxtn = narrowed('s', 's', plain);
export const uqxtn = narrowed('u', 'u', plain);
export const sqxtun = narrowed('s', 'u', plain);
export const sqshrn = narrowed('s', 's', shr);
export const sqrshrn = narrowed('s', 's', rounded);
export const uqshrn = narrowed('u', 'u', shr);
export const uqrshrn = narrowed('u', 'u', rounded);
export const sqshrun = narrowed('s', 'u', shr);
export const sqrshrun = narrowed('s', 'u', rounded);
/** The upper half of a sum or difference. */
export const high =
  (op: IntOp, rounding: boolean): IntOp =>
  (a, b, c, bits) =>
    (op(a, b, c, bits) + (rounding ? half(bits) : 0n)) >> BigInt(bits);

// ---- estimates ----------------------------------------------------------------------------------------------------------------

/** 1/a for a number below 1 with 32 fraction bits, to 9 bits. @arm UnsignedRecipEstimate */
export const recipEstimate: IntOp = (a) => {
  if (!(a >> 31n)) return 0xffff_ffffn;
  const n = Number(a >> 23n);
  const b = Math.floor(2 ** 19 / (2 * n + 1));
  return BigInt((b + 1) >> 1) << 23n;
};
/** 1/sqrt(a). @arm UnsignedRSqrtEstimate */
export const recipSqrtEstimate: IntOp = (a) => {
  if (!(a >> 30n)) return 0xffff_ffffn;
  const n = Number(a >> 23n);
  const odd = n < 256 ? 2 * n + 1 : 2 * (2 * (n >> 1) + 1);
  let b = 512;
  while (odd * (b + 1) * (b + 1) < 2 ** 28) b += 1;
  return BigInt((b + 1) >> 1) << 23n;
};
