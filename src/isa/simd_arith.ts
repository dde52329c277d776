// Semantics of arch/a64/simd_arith.ts: integer vector arithmetic on two or three registers, and its scalar forms.
// Arithmetic that many of them have is in simd_lanes.ts, which operands meet in simd_arith_shapes.ts.

import { SIMD_ARITH, SIMD_ARITH_SCALAR } from '../arch/a64/simd_arith.ts';
import type { Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import {
  accumulating,
  bitwise,
  highNarrow,
  long,
  longDoubling,
  longDoublingScalar,
  pairwise,
  same,
  sameScalar,
  satAccumulating,
  satAccumulatingScalar,
  saturating,
  saturatingScalar,
  type Three128NoSize,
  wide,
} from './simd_arith_shapes.ts';
import {
  absDiff,
  add,
  addPairsLong,
  type Binary,
  bitsOf,
  bytes16,
  compare,
  doublingHigh,
  doublingHighAccumulate,
  elements,
  eq,
  evens,
  every,
  extend,
  extmul,
  type Kit,
  keepQ,
  minmax,
  mul,
  ne,
  odds,
  put,
  type Sign,
  type Size,
  satAdd,
  satSub,
  shiftAll,
  sub,
  type Ternary,
  zero,
} from './simd_lanes.ts';

// ---- operations ----------------------------------------------------------------------------------------------------------

/** (a + b) >> 1 without the carry getting lost: the common bits, plus half of those that differ. */
const halvingAdd =
  (sign: Sign): Binary =>
  (o, size, a, b) =>
    add(o, size, o.v('v128.and', a, b), shiftAll(o, size, `shr_${sign}`, o.v('v128.xor', a, b), 1));
const roundingHalvingAdd =
  (sign: Sign): Binary =>
  (o, size, a, b) => {
    if (sign === 'u' && size < 2) return o.v(`${size ? 'i16x8' : 'i8x16'}.avgr_u`, a, b);
    return sub(o, size, o.v('v128.or', a, b), shiftAll(o, size, `shr_${sign}`, o.v('v128.xor', a, b), 1));
  };
/** a - b = (a ^ b) - 2 * (b & ~a). */
const halvingSub =
  (sign: Sign): Binary =>
  (o, size, a, b) =>
    sub(o, size, shiftAll(o, size, `shr_${sign}`, o.v('v128.xor', a, b), 1), o.v('v128.andnot', b, a));
const test: Binary = (o, size, a, b) => ne(o, size, o.v('v128.and', a, b), zero(o));
const accumulate =
  (op: Binary, product: Binary): Ternary =>
  (o, size, acc, a, b) =>
    op(o, size, acc, product(o, size, a, b));

/** Carry-less product, each lane modulo its width. */
function polynomial(o: Kit, size: Size, a: Val, b: Val): Val {
  let sum: Val | undefined;
  let shifted = a;
  for (let i = 0; i < 8; i++) {
    const wanted = ne(o, size, o.v('v128.and', b, every(o, size, 1n << BigInt(i))), zero(o));
    const term = o.v('v128.and', shifted, wanted);
    sum = sum ? o.v('v128.xor', sum, term) : term;
    if (i < 7) shifted = add(o, size, shifted, shifted);
  }
  return sum!;
}

/**
 * Low 64 bits of the carry-less product of two i64: ordinary products of operands with three of every four bits
 * cleared, so that carries die out before they reach the next bit that counts.
 */
function clmulLow(o: Kit, a: Val, b: Val): Val {
  const masks = [0, 1, 2, 3].map((i) => o.i64(0x1111_1111_1111_1111n << BigInt(i)));
  const as = masks.map((m) => o.and(a, m));
  const bs = masks.map((m) => o.and(b, m));
  let result: Val | undefined;
  for (let k = 0; k < 4; k++) {
    let sum: Val | undefined;
    for (let i = 0; i < 4; i++) {
      const term = o.mul(as[i]!, bs[(k - i + 4) % 4]!);
      sum = sum ? o.xor(sum, term) : term;
    }
    const part = o.and(sum!, masks[k]!);
    result = result ? o.or(result, part) : part;
  }
  return result!;
}
/** The bits of a vector in reverse order, by the bits of half bytes. */
function mirror(o: Kit, v: Val): Val {
  const reversed = (n: number): number => ((n & 1) << 3) | ((n & 2) << 1) | ((n & 4) >> 1) | ((n & 8) >> 3);
  const half = every(o, 0, 15n);
  const upper = o.v('v128.and', shiftAll(o, 3, 'shr_u', v, 4), half);
  const bytes = o.v(
    'v128.or',
    o.v('i8x16.swizzle', bytes16(o, reversed), upper),
    o.v(
      'i8x16.swizzle',
      bytes16(o, (n) => reversed(n) << 4),
      o.v('v128.and', v, half),
    ),
  );
  return elements(o, 0, bytes, bytes, (i) => 15 - i);
}
/** The 128-bit carry-less product of the elements of a pair: the high half is the low half of the mirrored ones, mirrored. */
function clmul(o: Kit, pair: Val): Val {
  const mirrored = mirror(o, pair);
  const product = (v: Val): Val => clmulLow(o, o.lane(v, 64, 0), o.lane(v, 64, 1));
  const high = o.lane(mirror(o, o.splat('i64x2', product(mirrored))), 64, 0);
  return o.setLane(o.splat('i64x2', product(pair)), 64, 1, o.shrU(high, o.i64(1)));
}

/** Sums of four byte products for each 32-bit lane of one half. */
function dotHalf(o: Kit, signs: readonly [Sign, Sign], high: number, n: Val, m: Val): Val {
  return o.v('i32x4.dot_i16x8_s', extend(o, signs[0], 0, high, n), extend(o, signs[1], 0, high, m));
}
/** acc + dot product of groups of four bytes. Unsigned bytes fit signed halfwords, so one product serves all signs. */
export const dot =
  (...signs: [Sign, Sign]) =>
  (o: Kit, acc: Val, n: Val, m: Val): Val => {
    const [lo, hi] = [dotHalf(o, signs, 0, n, m), dotHalf(o, signs, 1, n, m)];
    return add(o, 2, acc, add(o, 2, evens(o, 2, lo, hi), odds(o, 2, lo, hi)));
  };
const dotVector =
  (...signs: [Sign, Sign]) =>
  (o: Kit, { Q, Rm, Rn, Rd }: Three128NoSize): void =>
    put(o, Rd, keepQ(Q), dot(...signs)(o, o.V(Rd), o.V(Rn), o.V(Rm)));
/** 2x8 matrix times 8x2 matrix: lane 2i + j gains row i of n times row j of m. */
const matrix =
  (...signs: [Sign, Sign]) =>
  (o: Kit, { Rm, Rn, Rd }: Omit<Three128NoSize, 'Q'>): void => {
    const [n, m, d] = [o.V(Rn), o.V(Rm), o.V(Rd)];
    const rows = [0, 1].map((h) => extend(o, signs[0], 0, h, n));
    const columns = [0, 1].map((h) => extend(o, signs[1], 0, h, m));
    const pairs = rows.map((row) => {
      const [x, y] = columns.map((column) => o.v('i32x4.dot_i16x8_s', row, column)) as [Val, Val];
      return add(o, 2, evens(o, 2, x, y), odds(o, 2, x, y));
    }) as [Val, Val];
    o.setV(Rd, add(o, 2, d, add(o, 2, evens(o, 2, ...pairs), odds(o, 2, ...pairs))));
  };

/** Folds the lanes of the low 8 or 16 bytes into lane 0. */
function fold(o: Kit, size: Size, Q: number, op: Binary, v: Val): Val {
  let value = v;
  for (let distance = Q ? 8 : 4; distance >= 1 << size; distance /= 2) {
    const moved = o.shuffle(
      value,
      value,
      Array.from({ length: 16 }, (_, i) => (i + distance) & 15),
    );
    value = op(o, size, value, moved);
  }
  return value;
}
interface Across {
  readonly Q: number;
  readonly size: number;
  readonly Rn: Reg;
  readonly Rd: Reg;
}
const across =
  (op: Binary) =>
  (o: Kit, { Q, size, Rn, Rd }: Across): void =>
    put(o, Rd, bitsOf(size), fold(o, size, Q, op, o.V(Rn)));
const acrossLong =
  (sign: Sign) =>
  (o: Kit, { Q, size, Rn, Rd }: Across): void =>
    put(o, Rd, bitsOf(size + 1), fold(o, size + 1, Q, add, addPairsLong(o, sign, size, o.V(Rn))));

const product =
  (sign: Sign) =>
  (o: Kit, size: Size, high: number, n: Val, m: Val): Val =>
    extmul(o, sign, size, high, n, m);
const productInto =
  (op: Binary, sign: Sign) =>
  (o: Kit, size: Size, high: number, n: Val, m: Val, d: () => Val): Val =>
    op(o, size + 1, d(), extmul(o, sign, size, high, n, m));
const extended =
  (op: Binary, sign: Sign) =>
  (o: Kit, size: Size, high: number, n: Val, m: Val): Val =>
    op(o, size + 1, extend(o, sign, size, high, n), extend(o, sign, size, high, m));
/** The difference fits the narrow width as an unsigned number, whatever the signs of the operands. */
const absDiffLong =
  (sign: Sign) =>
  (o: Kit, size: Size, high: number, n: Val, m: Val): Val =>
    extend(o, 'u', size, high, absDiff(sign)(o, size, n, m));
const absDiffLongInto =
  (sign: Sign) =>
  (o: Kit, size: Size, high: number, n: Val, m: Val, d: () => Val): Val =>
    add(o, size + 1, d(), absDiffLong(sign)(o, size, high, n, m));

// ---- tables ---------------------------------------------------------------------------------------------------------------

export const simdArith = semantics(
  SIMD_ARITH,
  {
    SHADD_vec: same(halvingAdd('s')),
    UHADD_vec: same(halvingAdd('u')),
    SQADD_vec: saturating(satAdd('s')),
    UQADD_vec: saturating(satAdd('u')),
    SRHADD_vec: same(roundingHalvingAdd('s')),
    URHADD_vec: same(roundingHalvingAdd('u')),
    SHSUB_vec: same(halvingSub('s')),
    UHSUB_vec: same(halvingSub('u')),
    SQSUB_vec: saturating(satSub('s')),
    UQSUB_vec: saturating(satSub('u')),
    CMGT_vec: same(compare('gt', 's')),
    CMHI_vec: same(compare('gt', 'u')),
    CMGE_vec: same(compare('ge', 's')),
    CMHS_vec: same(compare('ge', 'u')),
    SMAX_vec: same(minmax('max', 's')),
    UMAX_vec: same(minmax('max', 'u')),
    SMIN_vec: same(minmax('min', 's')),
    UMIN_vec: same(minmax('min', 'u')),
    SABD_vec: same(absDiff('s')),
    UABD_vec: same(absDiff('u')),
    SABA_vec: accumulating(accumulate(add, absDiff('s'))),
    UABA_vec: accumulating(accumulate(add, absDiff('u'))),
    ADD_vec: same(add),
    SUB_vec: same(sub),
    CMTST_vec: same(test),
    CMEQ_vec: same(eq),
    MLA_vec: accumulating(accumulate(add, mul)),
    MLS_vec: accumulating(accumulate(sub, mul)),
    MUL_vec: same(mul),
    PMUL_vec: same(polynomial),
    SMAXP_vec: pairwise(minmax('max', 's')),
    UMAXP_vec: pairwise(minmax('max', 'u')),
    SMINP_vec: pairwise(minmax('min', 's')),
    UMINP_vec: pairwise(minmax('min', 'u')),
    SQDMULH_vec: saturating(doublingHigh(false)),
    SQRDMULH_vec: saturating(doublingHigh(true)),
    ADDP_vec: pairwise(add),

    AND_vec: bitwise((o, n, m) => o.v('v128.and', n, m)),
    BIC_vec: bitwise((o, n, m) => o.v('v128.andnot', n, m)),
    ORR_vec: bitwise((o, n, m) => o.v('v128.or', n, m)),
    ORN_vec: bitwise((o, n, m) => o.v('v128.or', n, o.v('v128.not', m))),
    EOR_vec: bitwise((o, n, m) => o.v('v128.xor', n, m)),
    BSL_vec: bitwise((o, n, m, d) => o.v('v128.bitselect', n, m, d())),
    BIT_vec: bitwise((o, n, m, d) => o.v('v128.bitselect', n, d(), m)),
    BIF_vec: bitwise((o, n, m, d) => o.v('v128.bitselect', d(), n, m)),

    SQRDMLAH_vec: satAccumulating(doublingHighAccumulate('add')),
    SQRDMLSH_vec: satAccumulating(doublingHighAccumulate('sub')),
    SDOT_vec: dotVector('s', 's'),
    UDOT_vec: dotVector('u', 'u'),
    USDOT_vec: dotVector('u', 's'),
    SMMLA: matrix('s', 's'),
    UMMLA: matrix('u', 'u'),
    USMMLA: matrix('u', 's'),

    SADDL_vec: long(extended(add, 's')),
    UADDL_vec: long(extended(add, 'u')),
    SADDW_vec: wide(add, 's'),
    UADDW_vec: wide(add, 'u'),
    SSUBL_vec: long(extended(sub, 's')),
    USUBL_vec: long(extended(sub, 'u')),
    SSUBW_vec: wide(sub, 's'),
    USUBW_vec: wide(sub, 'u'),
    ADDHN_vec: highNarrow(add, false),
    RADDHN_vec: highNarrow(add, true),
    SABAL_vec: long(absDiffLongInto('s')),
    UABAL_vec: long(absDiffLongInto('u')),
    SUBHN_vec: highNarrow(sub, false),
    RSUBHN_vec: highNarrow(sub, true),
    SABDL_vec: long(absDiffLong('s')),
    UABDL_vec: long(absDiffLong('u')),
    SMLAL_vec: long(productInto(add, 's')),
    UMLAL_vec: long(productInto(add, 'u')),
    SMLSL_vec: long(productInto(sub, 's')),
    UMLSL_vec: long(productInto(sub, 'u')),
    SMULL_vec: long(product('s')),
    UMULL_vec: long(product('u')),
    SQDMLAL_vec: longDoubling(satAdd('s')),
    SQDMLSL_vec: longDoubling(satSub('s')),
    SQDMULL_vec: longDoubling(undefined),
    PMULL_vec: (o, { Q, Rm, Rn, Rd }) =>
      o.setV(Rd, polynomial(o, 1, extend(o, 'u', 0, Q, o.V(Rn)), extend(o, 'u', 0, Q, o.V(Rm)))),
    PMULL_1q: (o, { Q, Rm, Rn, Rd }) =>
      o.setV(
        Rd,
        clmul(
          o,
          elements(o, 3, o.V(Rn), o.V(Rm), (i) => 2 * i + Q),
        ),
      ),

    SADDLV: acrossLong('s'),
    UADDLV: acrossLong('u'),
    SMAXV: across(minmax('max', 's')),
    UMAXV: across(minmax('max', 'u')),
    SMINV: across(minmax('min', 's')),
    UMINV: across(minmax('min', 'u')),
    ADDV: across(add),
  },
  { fp: true },
);

export const simdArithScalar = semantics(
  SIMD_ARITH_SCALAR,
  {
    SQADD_scalar: saturatingScalar(satAdd('s')),
    UQADD_scalar: saturatingScalar(satAdd('u')),
    SQSUB_scalar: saturatingScalar(satSub('s')),
    UQSUB_scalar: saturatingScalar(satSub('u')),
    CMGT_scalar: sameScalar(compare('gt', 's')),
    CMHI_scalar: sameScalar(compare('gt', 'u')),
    CMGE_scalar: sameScalar(compare('ge', 's')),
    CMHS_scalar: sameScalar(compare('ge', 'u')),
    ADD_scalar: sameScalar(add),
    SUB_scalar: sameScalar(sub),
    CMTST_scalar: sameScalar(test),
    CMEQ_scalar: sameScalar(eq),
    SQDMULH_scalar: saturatingScalar(doublingHigh(false)),
    SQRDMULH_scalar: saturatingScalar(doublingHigh(true)),
    SQRDMLAH_scalar: satAccumulatingScalar(doublingHighAccumulate('add')),
    SQRDMLSH_scalar: satAccumulatingScalar(doublingHighAccumulate('sub')),
    SQDMLAL_scalar: longDoublingScalar(satAdd('s')),
    SQDMLSL_scalar: longDoublingScalar(satSub('s')),
    SQDMULL_scalar: longDoublingScalar(undefined),
    ADDP_scalar: (o, { Rn, Rd }) => {
      const v = o.V(Rn);
      o.setVs(Rd, 64, o.add(o.lane(v, 64, 0), o.lane(v, 64, 1)));
    },
  },
  { fp: true },
);
