// Lane arithmetic of Advanced SIMD at every element size, out of WebAssembly SIMD operations: what those lack (64-bit
// minima, unsigned 64-bit comparison, 32-bit saturation, shifts by vector, ...) is made up here. Knows no encodings:
// callers hand in values and say which part of the register they keep.

import type { Ops, Reg, Shape, Val } from './ops.ts';

/** The part of the facade that does not depend on the fields of a row. */
export type Kit = Omit<Ops, 'imm' | 'imm32' | 'pick' | 'pcRel' | 'branch' | 'branchIf'>;
/** Element size as the encodings have it: 0 is 8 bits, 3 is 64 bits. */
export type Size = number;
export type Unary = (o: Kit, size: Size, a: Val) => Val;
export type Binary = (o: Kit, size: Size, a: Val, b: Val) => Val;
/** acc is the old value of the destination. */
export type Ternary = (o: Kit, size: Size, acc: Val, a: Val, b: Val) => Val;

/** A result, and a vector that is nonzero exactly in the lanes that were saturated. */
export interface Saturated {
  readonly value: Val;
  readonly sat: Val;
}
export type SatUnary = (o: Kit, size: Size, a: Val) => Saturated;
export type SatBinary = (o: Kit, size: Size, a: Val, b: Val) => Saturated;
export type SatTernary = (o: Kit, size: Size, acc: Val, a: Val, b: Val) => Saturated;

/** Signedness of an operation. */
export type Sign = 's' | 'u';
/** Bits of the destination that are written; the rest of the register becomes zero. */
export type Keep = 8 | 16 | 32 | 64 | 128;
type ElementBits = 8 | 16 | 32 | 64;

const SHAPES = ['i8x16', 'i16x8', 'i32x4', 'i64x2'] as const;
const BITS = [8, 16, 32, 64] as const;

export function shapeOf(size: Size): Shape {
  return SHAPES[size]!;
}
export function bitsOf(size: Size): ElementBits {
  return BITS[size]!;
}
/** 64 for the Q = 0 forms, 128 for Q = 1. */
export function keepQ(Q: number): Keep {
  return Q ? 128 : 64;
}

// ---- constants -------------------------------------------------------------------------------------------------------

/** A 64-bit pattern made of copies of the low bits of `value`. */
export function repeat64(size: Size, value: bigint): bigint {
  let v = BigInt.asUintN(bitsOf(size), value);
  for (let width = bitsOf(size) as number; width < 64; width *= 2) v |= v << BigInt(width);
  return v;
}
/** Every lane the same constant. */
export function every(o: Kit, size: Size, value: bigint): Val {
  const half = repeat64(size, value);
  return o.v128(half, half);
}
/** Sixteen bytes, the first in bits <7:0>. */
export function bytes16(o: Kit, byte: (i: number) => number): Val {
  let v = 0n;
  for (let i = 15; i >= 0; i--) v = (v << 8n) | BigInt(byte(i) & 0xff);
  return o.v128(BigInt.asUintN(64, v), v >> 64n);
}
export function zero(o: Kit): Val {
  return o.v128(0n, 0n);
}
export function ones(o: Kit): Val {
  return every(o, 3, -1n);
}
/** The most negative signed element: also the sign bit alone. */
export function signBit(o: Kit, size: Size): Val {
  return every(o, size, 1n << BigInt(bitsOf(size) - 1));
}
function mostPositive(o: Kit, size: Size): Val {
  return every(o, size, (1n << BigInt(bitsOf(size) - 1)) - 1n);
}

// ---- writing destinations ----------------------------------------------------------------------------------------------

export function put(o: Kit, Rd: Reg, keep: Keep, value: Val): void {
  if (keep === 128) o.setV(Rd, value);
  else o.setVs(Rd, keep, o.lane(value, keep, 0));
}
/** The low `keep` bits of a vector, zeroes above. */
export function low(o: Kit, keep: Keep, value: Val): Val {
  if (keep === 128) return value;
  if (keep === 64) return o.low64(value);
  return o.v('v128.and', value, o.v128((1n << BigInt(keep)) - 1n, 0n));
}
/**
 * put, and FPSR.QC if a lane was saturated.
 * @param satKeep the part of `sat` that counts, where its lanes are not those of the result
 */
export function putSaturated(o: Kit, Rd: Reg, keep: Keep, r: Saturated, satKeep: Keep = keep): void {
  const qc = o.v('v128.any_true', low(o, satKeep, r.sat));
  put(o, Rd, keep, r.value);
  o.setQC(qc);
}

// ---- shuffles -----------------------------------------------------------------------------------------------------------

/** Bytes of a:b (b above) chosen by element numbers of a:b, counted in elements of `size`. */
export function elements(o: Kit, size: Size, a: Val, b: Val, choose: (i: number) => number): Val {
  const width = 1 << size;
  const picked: number[] = [];
  for (let i = 0; i < 16 / width; i++) for (let k = 0; k < width; k++) picked.push(choose(i) * width + k);
  return o.shuffle(a, b, picked);
}
/** The even-numbered elements of a, then those of b (UZP1). */
export function evens(o: Kit, size: Size, a: Val, b: Val): Val {
  return elements(o, size, a, b, (i) => 2 * i);
}
export function odds(o: Kit, size: Size, a: Val, b: Val): Val {
  return elements(o, size, a, b, (i) => 2 * i + 1);
}
/** The low halves of two vectors side by side: how Q = 0 forms concatenate. */
export function joinLow(o: Kit, a: Val, b: Val): Val {
  return elements(o, 3, a, b, (i) => 2 * i);
}
/** Copies an element, whose number is an i32, to all lanes. */
export function dupElement(o: Kit, size: Size, v: Val, index: Val): Val {
  const first = size === 0 ? index : o.shl(index, o.i32(size));
  const at = o.splat('i8x16', first);
  const within = bytes16(o, (i) => i & ((1 << size) - 1));
  return o.v('i8x16.swizzle', v, size === 0 ? at : o.v('i8x16.add', at, within));
}

// ---- plain arithmetic -----------------------------------------------------------------------------------------------------

const direct =
  (op: string): Binary =>
  (o, size, a, b) =>
    o.v(`${shapeOf(size)}.${op}`, a, b);

export const add = direct('add');
export const sub = direct('sub');
export const eq = direct('eq');
export const ne = direct('ne');
export const neg: Unary = (o, size, a) => o.v(`${shapeOf(size)}.neg`, a);
export const abs: Unary = (o, size, a) => o.v(`${shapeOf(size)}.abs`, a);

/** mask ? a : b, bit by bit. */
export function choose(o: Kit, mask: Val, a: Val, b: Val): Val {
  return o.v('v128.bitselect', a, b, mask);
}
/** All ones in the lanes that are negative. */
export const isNegative: Unary = (o, size, a) => o.v(`${shapeOf(size)}.lt_s`, a, zero(o));

/** a > b or a >= b. WebAssembly has no unsigned comparison of 64-bit lanes: flip the sign bits and compare signed. */
export const compare =
  (op: 'gt' | 'ge', sign: Sign): Binary =>
  (o, size, a, b) => {
    if (sign === 's' || size < 3) return o.v(`${shapeOf(size)}.${op}_${sign}`, a, b);
    const flip = signBit(o, 3);
    return o.v(`i64x2.${op}_s`, o.v('v128.xor', a, flip), o.v('v128.xor', b, flip));
  };
export const gtU = compare('gt', 'u');

export const mul: Binary = (o, size, a, b) => {
  if (size > 0) return o.v(`${shapeOf(size)}.mul`, a, b);
  return evens(o, 0, o.v('i16x8.extmul_low_i8x16_u', a, b), o.v('i16x8.extmul_high_i8x16_u', a, b));
};
/** Up to 32-bit lanes. */
export const minmax = (op: 'min' | 'max', sign: Sign): Binary => direct(`${op}_${sign}`);
/** |a - b|, up to 32-bit lanes. */
export const absDiff =
  (sign: Sign): Binary =>
  (o, size, a, b) =>
    sub(o, size, minmax('max', sign)(o, size, a, b), minmax('min', sign)(o, size, a, b));

/** Widens the low or high half of a vector of `size` elements to size + 1. */
export function extend(o: Kit, sign: Sign, size: Size, high: number, a: Val): Val {
  return o.v(`${shapeOf(size + 1)}.extend_${high ? 'high' : 'low'}_${shapeOf(size)}_${sign}`, a);
}
/** Products of twice the width, of the low or high halves. */
export function extmul(o: Kit, sign: Sign, size: Size, high: number, a: Val, b: Val): Val {
  return o.v(`${shapeOf(size + 1)}.extmul_${high ? 'high' : 'low'}_${shapeOf(size)}_${sign}`, a, b);
}
/** Sums of adjacent elements at twice the width. */
export function addPairsLong(o: Kit, sign: Sign, size: Size, a: Val): Val {
  if (size < 2) return o.v(`${shapeOf(size + 1)}.extadd_pairwise_${shapeOf(size)}_${sign}`, a);
  const lo = extend(o, sign, 2, 0, a);
  const hi = extend(o, sign, 2, 1, a);
  return add(o, 3, evens(o, 3, lo, hi), odds(o, 3, lo, hi));
}

// ---- saturation -------------------------------------------------------------------------------------------------------------

/** Where saturation of a signed result ends up: most negative if `a` is negative, else most positive. */
function limitOf(o: Kit, size: Size, a: Val): Val {
  return o.v('v128.xor', isNegative(o, size, a), mostPositive(o, size));
}

export const satAdd =
  (sign: Sign): SatBinary =>
  (o, size, a, b) => {
    const sum = add(o, size, a, b);
    if (size < 2) {
      const value = o.v(`${shapeOf(size)}.add_sat_${sign}`, a, b);
      return { value, sat: o.v('v128.xor', value, sum) };
    }
    if (sign === 'u') {
      const sat = gtU(o, size, a, sum);
      return { value: o.v('v128.or', sum, sat), sat };
    }
    const overflow = o.v('v128.and', o.v('v128.xor', a, sum), o.v('v128.xor', b, sum));
    const sat = isNegative(o, size, overflow);
    return { value: choose(o, sat, limitOf(o, size, a), sum), sat };
  };

export const satSub =
  (sign: Sign): SatBinary =>
  (o, size, a, b) => {
    const difference = sub(o, size, a, b);
    if (size < 2) {
      const value = o.v(`${shapeOf(size)}.sub_sat_${sign}`, a, b);
      return { value, sat: o.v('v128.xor', value, difference) };
    }
    if (sign === 'u') {
      const sat = gtU(o, size, b, a);
      return { value: o.v('v128.andnot', difference, sat), sat };
    }
    const overflow = o.v('v128.and', o.v('v128.xor', a, b), o.v('v128.xor', a, difference));
    const sat = isNegative(o, size, overflow);
    return { value: choose(o, sat, limitOf(o, size, a), difference), sat };
  };

/** For -x and |x|, whose only overflow is that of the most negative x, which comes out as itself. */
export const satMostNegative =
  (op: Unary): SatUnary =>
  (o, size, a) => {
    const sat = eq(o, size, a, signBit(o, size));
    return { value: o.v('v128.xor', op(o, size, a), sat), sat };
  };

/**
 * Narrows elements of size + 1 to `size` in both halves of the result.
 * @param from signedness of the source @param to signedness of the result
 */
export function satNarrow(o: Kit, from: Sign, to: Sign, size: Size, a: Val): Saturated {
  const wide = size + 1;
  if (from === 's' && size < 2) {
    const value = o.v(`${shapeOf(size)}.narrow_${shapeOf(wide)}_${to}`, a, a);
    return { value, sat: o.v('v128.xor', extend(o, to, size, 0, value), a) };
  }
  const bits = bitsOf(size);
  const sat =
    to === 'u'
      ? ne(o, wide, o.v('v128.and', a, every(o, wide, -1n << BigInt(bits))), zero(o))
      : ne(o, wide, shiftAll(o, wide, 'shr_s', shiftAll(o, wide, 'shl', a, bits), bits), a);
  const negative = isNegative(o, wide, a);
  const limit =
    from === 'u'
      ? ones(o)
      : to === 'u'
        ? o.v('v128.not', negative)
        : o.v('v128.xor', negative, every(o, wide, (1n << BigInt(bits - 1)) - 1n));
  const value = choose(o, sat, limit, a);
  return { value: evens(o, size, value, value), sat };
}

/** Drops the high half of every element of size + 1; the result is in both halves. */
export function narrow(o: Kit, size: Size, a: Val): Val {
  return evens(o, size, a, a);
}
/** Writes a narrowed result: low half and zeroes above (Q = 0), or the high half, keeping the low one. */
export function putNarrow(o: Kit, Rd: Reg, Q: number, value: Val): void {
  if (Q) o.setV(Rd, joinLow(o, o.V(Rd), value));
  else put(o, Rd, 64, value);
}
/** putNarrow, and FPSR.QC if a lane of the whole source was saturated. */
export function putSaturatedNarrow(o: Kit, Rd: Reg, Q: number, r: Saturated): void {
  const qc = o.v('v128.any_true', r.sat);
  putNarrow(o, Rd, Q, r.value);
  o.setQC(qc);
}

// ---- multiplication with doubling ---------------------------------------------------------------------------------------------

/** 2 * a * b at twice the width: only most negative squared saturates. */
export function doublingProduct(o: Kit, size: Size, high: number, a: Val, b: Val): Saturated {
  const product = extmul(o, 's', size, high, a, b);
  const twice = add(o, size + 1, product, product);
  const sat = eq(o, size + 1, twice, signBit(o, size + 1));
  return { value: o.v('v128.xor', twice, sat), sat };
}

/** SQDMULH, SQRDMULH: the high half of 2 * a * b, for 16 and 32 bits. */
export const doublingHigh =
  (rounding: boolean): SatBinary =>
  (o, size, a, b) => {
    const least = signBit(o, size);
    if (size === 1 && rounding) {
      const value = o.v('i16x8.q15mulr_sat_s', a, b);
      return { value, sat: o.v('v128.and', eq(o, 1, a, least), eq(o, 1, b, least)) };
    }
    const half = (high: number): Val => {
      const product = extmul(o, 's', size, high, a, b);
      const twice = add(o, size + 1, product, product);
      return rounding ? add(o, size + 1, twice, every(o, size + 1, 1n << BigInt(bitsOf(size) - 1))) : twice;
    };
    // The most negative result comes only from the one product that overflows.
    const value = odds(o, size, half(0), half(1));
    const sat = eq(o, size, value, least);
    return { value: o.v('v128.xor', value, sat), sat };
  };

/**
 * SQRDMLAH, SQRDMLSH for 16 and 32 bits: the high half of (acc << bits) +- 2ab + rounding, saturated.
 * Computed at half scale, where all terms are whole and the sum always fits in twice the width.
 */
export const doublingHighAccumulate =
  (op: 'add' | 'sub'): SatTernary =>
  (o, size, acc, a, b) => {
    const wide = size + 1;
    const bits = bitsOf(size);
    const half = (high: number): Saturated => {
      const start = shiftAll(o, wide, 'shl', extend(o, 's', size, high, acc), bits - 1);
      const rounded = add(o, wide, start, every(o, wide, 1n << BigInt(bits - 2)));
      const sum = direct(op)(o, wide, rounded, extmul(o, 's', size, high, a, b));
      return satNarrow(o, 's', 's', size, shiftAll(o, wide, 'shr_s', sum, bits - 1));
    };
    const [lo, hi] = [half(0), half(1)];
    // A saturated lane in terms of the wide vectors is not one of the result: put them back in their places.
    return {
      value: joinLow(o, lo.value, hi.value),
      sat: joinLow(o, narrowMask(o, wide, lo.sat), narrowMask(o, wide, hi.sat)),
    };
  };
/** Nonzero lanes of `wide` elements as masks of half the width, in both halves. */
function narrowMask(o: Kit, wide: Size, nonzero: Val): Val {
  return narrow(o, wide - 1, ne(o, wide, nonzero, zero(o)));
}

// ---- shifts ----------------------------------------------------------------------------------------------------------------------

export type Shift = 'shl' | 'shr_u' | 'shr_s';

/** All lanes by the same number, 0 <= n < width. */
export function shiftAll(o: Kit, size: Size, op: Shift, a: Val, n: number): Val {
  return n === 0 ? a : o.vshift(shapeOf(size), op, a, o.i32(n));
}

/**
 * Each lane by its own number, of which only the low log2(width) bits count.
 * Few wide lanes go one by one; many narrow ones bit by bit of the shift amount.
 */
export function shiftEach(o: Kit, size: Size, op: Shift, a: Val, amounts: Val): Val {
  const bits = bitsOf(size);
  if (bits === 32 || bits === 64) {
    return o.lanes(bits, 128 / bits, (i) => {
      const [x, n] = [o.lane(a, bits, i), o.lane(amounts, bits, i)];
      return op === 'shl' ? o.shl(x, n) : op === 'shr_u' ? o.shrU(x, n) : o.shrS(x, n);
    });
  }
  let value = a;
  for (let n = 1; n < bits; n *= 2) {
    const wanted = ne(o, size, o.v('v128.and', amounts, every(o, size, BigInt(n))), zero(o));
    value = choose(o, wanted, shiftAll(o, size, op, value, n), value);
  }
  return value;
}

/** a >> 1, plus the bit shifted out if rounding. The last step of a right shift whose first n - 1 are done. */
export function lastShift(o: Kit, size: Size, sign: Sign, rounding: boolean, a: Val): Val {
  const shifted = shiftAll(o, size, `shr_${sign}`, a, 1);
  return rounding ? add(o, size, shifted, o.v('v128.and', a, every(o, size, 1n))) : shifted;
}

// ---- bit counting ------------------------------------------------------------------------------------------------------------------

/** Number of one bits of each element, up to 32 bits. */
export const popcount: Unary = (o, size, a) => {
  let count = o.v('i8x16.popcnt', a);
  for (let s = 0; s < size; s++) count = addPairsLong(o, 'u', s, count);
  return count;
};
/** Leading zeros of each element, up to 32 bits. */
export const clz: Unary = (o, size, a) => {
  let smeared = a;
  for (let n = 1; n < bitsOf(size); n *= 2) {
    smeared = o.v('v128.or', smeared, shiftAll(o, size, 'shr_u', smeared, n));
  }
  return popcount(o, size, o.v('v128.not', smeared));
};
