// What SVE does to single elements: functions of numbers (up to 32 bits, read signed or unsigned as the operation says)
// and of bigints (64 bits). Results are taken modulo the width when they are written. Saturation reports nothing.

import type { FpOp } from '../ir/fp_ops.ts';
import type { FpAttr } from '../ir/ops.ts';
import type { F1, F2, F3, Made, Op1, Op2, Op3 } from './sve_lanes.ts';

export const unsigned1 = (n: F1<number>, w: F1<bigint>): Op1 => ({ signed: false, n, w });
export const signed1 = (n: F1<number>, w: F1<bigint>): Op1 => ({ signed: true, n, w });
export const unsigned2 = (n: F2<number>, w: F2<bigint>): Op2 => ({ signed: false, n, w });
export const signed2 = (n: F2<number>, w: F2<bigint>): Op2 => ({ signed: true, n, w });
export const signed3 = (n: F3<number>, w: F3<bigint>): Op3 => ({ signed: true, n, w });
export const unsigned3 = (n: F3<number>, w: F3<bigint>): Op3 => ({ signed: false, n, w });
/** f(b, a) */
export const reversed = (op: Op2): Op2 => ({
  ...op,
  n: (a, b, bits) => op.n(b, a, bits),
  w: (a, b, bits) => op.w(b, a, bits),
});

// ---- arithmetic ---------------------------------------------------------------------------------------------------------

export const add = unsigned2(
  (a, b) => a + b,
  (a, b) => a + b,
);
export const sub = unsigned2(
  (a, b) => a - b,
  (a, b) => a - b,
);
export const mul = unsigned2(
  (a, b) => Math.imul(a, b),
  (a, b) => a * b,
);
const max = { n: Math.max, w: (a: bigint, b: bigint): bigint => (a > b ? a : b) };
const min = { n: Math.min, w: (a: bigint, b: bigint): bigint => (a < b ? a : b) };
export const smax = signed2((a, b) => max.n(a, b), max.w);
export const umax = unsigned2((a, b) => max.n(a, b), max.w);
export const smin = signed2((a, b) => min.n(a, b), min.w);
export const umin = unsigned2((a, b) => min.n(a, b), min.w);
const distance = {
  n: (a: number, b: number): number => Math.abs(a - b),
  w: (a: bigint, b: bigint): bigint => (a > b ? a - b : b - a),
};
export const sabd = signed2(distance.n, distance.w);
export const uabd = unsigned2(distance.n, distance.w);
/** The high half of the product. */
const high = {
  n: (a: number, b: number, bits: number): number =>
    bits < 32 ? (a * b) >> bits : Number((BigInt(a) * BigInt(b)) >> 32n),
  w: (a: bigint, b: bigint): bigint => (a * b) >> 64n,
};
export const smulh = signed2(high.n, high.w);
export const umulh = unsigned2(high.n, high.w);
const quotient = {
  n: (a: number, b: number): number => (b === 0 ? 0 : Math.trunc(a / b)),
  w: (a: bigint, b: bigint): bigint => (b === 0n ? 0n : a / b),
};
export const sdiv = signed2(quotient.n, quotient.w);
export const udiv = unsigned2(quotient.n, quotient.w);
export const mla = unsigned3(
  (c, a, b) => c + Math.imul(a, b),
  (c, a, b) => c + a * b,
);
export const mls = unsigned3(
  (c, a, b) => c - Math.imul(a, b),
  (c, a, b) => c - a * b,
);

// ---- saturation -----------------------------------------------------------------------------------------------------------

const clampN = (v: number, lo: number, hi: number): number => (v < lo ? lo : v > hi ? hi : v);
const clampW = (v: bigint, lo: bigint, hi: bigint): bigint => (v < lo ? lo : v > hi ? hi : v);
/** @arm SignedSat, UnsignedSat */
export const satS = {
  n: (v: number, bits: number): number => clampN(v, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1),
  w: (v: bigint, bits = 64): bigint => clampW(v, -(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n),
};
export const satU = {
  n: (v: number, bits: number): number => clampN(v, 0, 2 ** bits - 1),
  w: (v: bigint, bits = 64): bigint => clampW(v, 0n, (1n << BigInt(bits)) - 1n),
};
export const sqadd = signed2(
  (a, b, bits) => satS.n(a + b, bits),
  (a, b) => satS.w(a + b),
);
export const sqsub = signed2(
  (a, b, bits) => satS.n(a - b, bits),
  (a, b) => satS.w(a - b),
);
export const uqadd = unsigned2(
  (a, b, bits) => satU.n(a + b, bits),
  (a, b) => satU.w(a + b),
);
export const uqsub = unsigned2(
  (a, b, bits) => satU.n(a - b, bits),
  (a, b) => satU.w(a - b),
);
/** (c << bits ± 2ab + rounding) >> bits, saturated. */
const roundingDouble = (sign: 1 | -1): Op3 => {
  const w = (c: bigint, a: bigint, b: bigint, bits: number): bigint => {
    const n = BigInt(bits);
    return satS.w(((c << n) + BigInt(sign) * 2n * a * b + (1n << (n - 1n))) >> n, bits);
  };
  return signed3((c, a, b, bits) => Number(w(BigInt(c), BigInt(a), BigInt(b), bits)), w);
};
export const sqrdmlah = roundingDouble(1);
export const sqrdmlsh = roundingDouble(-1);

// ---- bits -------------------------------------------------------------------------------------------------------------------

export const and = unsigned2(
  (a, b) => a & b,
  (a, b) => a & b,
);
export const or = unsigned2(
  (a, b) => a | b,
  (a, b) => a | b,
);
export const xor = unsigned2(
  (a, b) => a ^ b,
  (a, b) => a ^ b,
);
export const bic = unsigned2(
  (a, b) => a & ~b,
  (a, b) => a & ~b,
);
export const not = unsigned1(
  (a) => ~a,
  (a) => ~a,
);
export const neg = unsigned1(
  (a) => -a,
  (a) => -a,
);
export const abs = signed1(
  (a) => Math.abs(a),
  (a) => (a < 0n ? -a : a),
);
export const cnot = unsigned1(
  (a) => (a === 0 ? 1 : 0),
  (a) => (a === 0n ? 1n : 0n),
);
/** Leading zeros of 64 bits. */
const clz64 = (a: bigint): number => {
  const hi = Math.clz32(Number(BigInt.asUintN(32, a >> 32n)));
  return hi < 32 ? hi : 32 + Math.clz32(Number(BigInt.asUintN(32, a)));
};
export const clz = unsigned1(
  (a, bits) => Math.clz32(a) - 32 + bits,
  (a) => BigInt(clz64(a)),
);
export const cls = signed1(
  (a, bits) => Math.clz32(a < 0 ? ~a : a) - 33 + bits,
  (a) => BigInt(clz64(a < 0n ? ~a : a) - 1),
);
const ones32 = (v: number): number => {
  let n = 0;
  for (let x = v >>> 0; x !== 0; x = (x & (x - 1)) >>> 0) n++;
  return n;
};
export const cnt = unsigned1(ones32, (a) => BigInt(ones32(Number(a & 0xffff_ffffn)) + ones32(Number(a >> 32n))));
/** The low `from` bits with their sign, or with zeroes above. */
export const sext = (from: number): Op1 =>
  signed1(
    (a) => (a << (32 - from)) >> (32 - from),
    (a) => BigInt.asIntN(from, a),
  );
export const zext = (from: number): Op1 =>
  unsigned1(
    (a) => a & (2 ** from - 1),
    (a) => BigInt.asUintN(from, a),
  );

// ---- shifts: by as much as the element says, however much that is --------------------------------------------------------

export const lsl = unsigned2(
  (a, n, bits) => (n >= bits ? 0 : a << n),
  (a, n) => (n >= 64n ? 0n : a << n),
);
export const lsr = unsigned2(
  (a, n, bits) => (n >= bits ? 0 : a >>> n),
  (a, n) => (n >= 64n ? 0n : a >> n),
);
/** Amounts are read signed: negative ones are large. */
export const asr = signed2(
  (a, n, bits) => (n < 0 || n >= bits ? (a < 0 ? -1 : 0) : a >> n),
  (a, n) => (n < 0n || n >= 64n ? (a < 0n ? -1n : 0n) : a >> n),
);
/** Towards zero. */
export const asrd = signed2(
  (a, n) => Math.trunc(a / 2 ** n),
  (a, n) => a / (1n << n),
);
const rounded = {
  n: (a: number, n: number): number => Math.floor((a + 2 ** (n - 1)) / 2 ** n),
  w: (a: bigint, n: bigint): bigint => (a + (1n << (n - 1n))) >> n,
};
export const srshr = signed2(rounded.n, rounded.w);
export const urshr = unsigned2(rounded.n, rounded.w);
export const sqshl = signed2(
  (a, n, bits) => satS.n(a * 2 ** n, bits),
  (a, n) => satS.w(a << n),
);
export const uqshl = unsigned2(
  (a, n, bits) => satU.n(a * 2 ** n, bits),
  (a, n) => satU.w(a << n),
);
export const sqshlu = signed2(
  (a, n, bits) => satU.n(a * 2 ** n, bits),
  (a, n) => satU.w(a << n),
);

// ---- floating point ---------------------------------------------------------------------------------------------------------

/** A floating-point operation of one operand on 16, 32 and 64 bits. */
export const fp1 =
  (op: FpOp, more: Partial<FpAttr> = {}): Made<Op1> =>
  (m) => {
    const bind = (fmt: 16 | 32 | 64) =>
      m.fp({ op, fmt, to: fmt, signed: false, exact: false, rounding: '', ...more }) as (a: unknown) => unknown;
    const [half, single, double] = [bind(16), bind(32), bind(64)];
    return unsigned1(
      (a, bits) => (bits === 16 ? half : single)(a) as number,
      (a) => double(a) as bigint,
    );
  };
