// Semantics of arch/a64/simd_misc.ts: vector instructions of one source register, their scalar forms, and vector
// immediates.

import { SIMD_IMM, SIMD_MISC, SIMD_MISC_SCALAR } from '../arch/a64/simd_misc.ts';
import type { Ops, Reg } from './ops.ts';
import { semantics } from './semantics.ts';
import {
  abs,
  add,
  addPairsLong,
  type Binary,
  bitsOf,
  bytes16,
  choose,
  clz,
  compare,
  eq,
  every,
  extend,
  gtU,
  isNegative,
  type Kit,
  keepQ,
  narrow,
  neg,
  ones,
  popcount,
  put,
  putNarrow,
  putSaturated,
  putSaturatedNarrow,
  repeat64,
  type SatBinary,
  type SatUnary,
  type Sign,
  type Size,
  satAdd,
  satMostNegative,
  satNarrow,
  shiftAll,
  signBit,
  sub,
  type Unary,
  zero,
} from './simd_lanes.ts';

interface Two {
  readonly size: number;
  readonly Rn: Reg;
  readonly Rd: Reg;
}
interface TwoQ extends Two {
  readonly Q: number;
}

// ---- operands ------------------------------------------------------------------------------------------------------------

const each =
  (op: Unary) =>
  (o: Kit, { Q, size, Rn, Rd }: TwoQ): void =>
    put(o, Rd, keepQ(Q), op(o, size, o.V(Rn)));
const eachScalar =
  (op: Unary) =>
  (o: Kit, { size, Rn, Rd }: Two): void =>
    put(o, Rd, bitsOf(size), op(o, size, o.V(Rn)));
/** Rows whose element size is fixed by the encoding. */
const eachOf =
  (size: Size, op: Unary) =>
  (o: Kit, { Q, Rn, Rd }: Omit<TwoQ, 'size'>): void =>
    put(o, Rd, keepQ(Q), op(o, size, o.V(Rn)));
const saturating =
  (op: SatUnary) =>
  (o: Kit, { Q, size, Rn, Rd }: TwoQ): void =>
    putSaturated(o, Rd, keepQ(Q), op(o, size, o.V(Rn)));
const saturatingScalar =
  (op: SatUnary) =>
  (o: Kit, { size, Rn, Rd }: Two): void =>
    putSaturated(o, Rd, bitsOf(size), op(o, size, o.V(Rn)));
const accumulating =
  (op: SatBinary) =>
  (o: Kit, { Q, size, Rn, Rd }: TwoQ): void =>
    putSaturated(o, Rd, keepQ(Q), op(o, size, o.V(Rd), o.V(Rn)));
const accumulatingScalar =
  (op: SatBinary) =>
  (o: Kit, { size, Rn, Rd }: Two): void =>
    putSaturated(o, Rd, bitsOf(size), op(o, size, o.V(Rd), o.V(Rn)));
const narrowing =
  (from: Sign, to: Sign) =>
  (o: Kit, { Q, size, Rn, Rd }: TwoQ): void =>
    putSaturatedNarrow(o, Rd, Q, satNarrow(o, from, to, size, o.V(Rn)));
const narrowingScalar =
  (from: Sign, to: Sign) =>
  (o: Kit, { size, Rn, Rd }: Two): void =>
    putSaturated(o, Rd, bitsOf(size), satNarrow(o, from, to, size, o.V(Rn)), bitsOf(size + 1));
const pairsLong =
  (sign: Sign) =>
  (o: Kit, { Q, size, Rn, Rd }: TwoQ): void =>
    put(o, Rd, keepQ(Q), addPairsLong(o, sign, size, o.V(Rn)));
const pairsLongInto =
  (sign: Sign) =>
  (o: Kit, { Q, size, Rn, Rd }: TwoQ): void => {
    const pairs = addPairsLong(o, sign, size, o.V(Rn));
    put(o, Rd, keepQ(Q), add(o, size + 1, o.V(Rd), pairs));
  };

// ---- operations -----------------------------------------------------------------------------------------------------------

/** Reverses elements of `size` within groups of `group` bytes. */
const reverse =
  (group: 2 | 4 | 8): Unary =>
  (o, size, a) => {
    const turn = (group - 1) ^ ((1 << size) - 1);
    const from = Array.from({ length: 16 }, (_, i) => i ^ turn);
    return o.shuffle(a, a, from);
  };
/** The sign bit and those after it that equal it, less one. */
const cls: Unary = (o, size, a) =>
  sub(o, size, clz(o, size, o.v('v128.xor', a, shiftAll(o, size, 'shr_s', a, 1))), every(o, size, 1n));
/** Bits of each byte reversed, a nibble at a time. */
const reverseBits: Unary = (o, _size, a) => {
  const mirror = (i: number): number => ((i & 1) << 3) | ((i & 2) << 1) | ((i & 4) >> 1) | ((i & 8) >> 3);
  const lowNibble = o.v('v128.and', a, every(o, 0, 15n));
  const highNibble = shiftAll(o, 0, 'shr_u', a, 4);
  const up = o.v(
    'i8x16.swizzle',
    bytes16(o, (i) => mirror(i) << 4),
    lowNibble,
  );
  return o.v('v128.or', up, o.v('i8x16.swizzle', bytes16(o, mirror), highNibble));
};
const withZero =
  (op: Binary, zeroFirst = false): Unary =>
  (o, size, a) =>
    zeroFirst ? op(o, size, zero(o), a) : op(o, size, a, zero(o));

/** Signed + unsigned, saturating signed: as unsigned addition when the number line starts at the most negative. */
const satAddUnsigned: SatBinary = (o, size, acc, b) => {
  const origin = signBit(o, size);
  const sum = satAdd('u')(o, size, o.v('v128.xor', acc, origin), b);
  return { value: o.v('v128.xor', sum.value, origin), sat: sum.sat };
};
/** Unsigned + signed, saturating unsigned. */
const satAddSigned: SatBinary = (o, size, acc, b) => {
  const sum = add(o, size, acc, b);
  const down = isNegative(o, size, b);
  const over = o.v('v128.andnot', gtU(o, size, acc, sum), down);
  const under = o.v('v128.and', gtU(o, size, sum, acc), down);
  const value = o.v('v128.andnot', o.v('v128.or', sum, over), under);
  return { value, sat: o.v('v128.or', over, under) };
};

/** @arm UnsignedRecipEstimate: 9 bits of 2^19 / (2a + 1), rounded, for operands of at least a half. */
const recipEstimate: Unary = (o, _size, a) => {
  const estimate = o.lanes(32, 4, (i) => {
    const divisor = o.or(o.shrU(o.lane(a, 32, i), o.i32(22)), o.i32(1));
    const quotient = o.udiv(o.i32(1 << 19), divisor);
    return o.shl(o.add(quotient, o.i32(1)), o.i32(22));
  });
  return choose(o, isNegative(o, 2, a), o.v('v128.and', estimate, every(o, 2, 0xff80_0000n)), ones(o));
};
/**
 * @arm UnsignedRSqrtEstimate: the top 9 bits, widened to the middle of their interval, give a; wanted is the greatest b
 * of 10 bits with a * b * b < 2^28, rounded to 9. The bits of b are tried from the top.
 */
const recipSqrtEstimate: Unary = (o, _size, a) => {
  const isLarge = isNegative(o, 2, a);
  const top = shiftAll(o, 2, 'shr_u', a, 23);
  const small = o.v('v128.or', add(o, 2, top, top), every(o, 2, 1n));
  const large = add(o, 2, shiftAll(o, 2, 'shl', shiftAll(o, 2, 'shr_u', a, 24), 2), every(o, 2, 2n));
  const scaled = choose(o, isLarge, large, small);
  let b = every(o, 2, 512n);
  for (let bit = 256; bit >= 1; bit /= 2) {
    const next = add(o, 2, b, every(o, 2, BigInt(bit)));
    const square = o.v('i32x4.mul', o.v('i32x4.mul', scaled, next), next);
    const fits = o.v('i32x4.lt_u', square, every(o, 2, 1n << 28n));
    b = choose(o, fits, next, b);
  }
  const rounded = shiftAll(o, 2, 'shr_u', add(o, 2, b, every(o, 2, 1n)), 1);
  const result = shiftAll(o, 2, 'shl', rounded, 23);
  const tooSmall = eq(o, 2, o.v('v128.and', a, every(o, 2, 0xc000_0000n)), zero(o));
  return o.v('v128.or', result, tooSmall);
};

// ---- immediates -----------------------------------------------------------------------------------------------------------

type Abcdefgh = Readonly<Record<'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h', number>>;

function imm8(f: Abcdefgh): number {
  return (f.a << 7) | (f.b << 6) | (f.c << 5) | (f.d << 4) | (f.e << 3) | (f.f << 2) | (f.g << 1) | f.h;
}
/** @arm AdvSIMDExpandImm, the rows of its table by element size. */
const shifted =
  (size: Size) =>
  (f: Abcdefgh & { readonly cmode: number }): bigint =>
    repeat64(size, BigInt(imm8(f)) << BigInt(8 * f.cmode));
const shiftedOnes = (f: Abcdefgh & { readonly cmode: number }): bigint =>
  repeat64(2, f.cmode ? BigInt(imm8(f) * 0x10000 + 0xffff) : BigInt(imm8(f) * 0x100 + 0xff));
const bytes = (f: Abcdefgh): bigint => repeat64(0, BigInt(imm8(f)));
/** Each bit becomes a byte. */
function byteMask(f: Abcdefgh): bigint {
  let value = 0n;
  for (let i = 0; i < 8; i++) if ((imm8(f) >> i) & 1) value |= 0xffn << BigInt(8 * i);
  return value;
}

interface Immediate {
  readonly Q: number;
  readonly Rd: Reg;
}
const move =
  <F>(value: (f: F) => bigint, invert = false) =>
  (o: Ops<F>, { Q, Rd }: Immediate): void => {
    const imm = o.imm((f) => (invert ? BigInt.asUintN(64, ~value(f)) : value(f)));
    if (Q) o.setV(Rd, o.splat('i64x2', imm));
    else o.setVs(Rd, 64, imm);
  };
const modify =
  <F>(op: 'v128.or' | 'v128.andnot', value: (f: F) => bigint) =>
  (o: Ops<F>, { Q, Rd }: Immediate): void =>
    put(o, Rd, keepQ(Q), o.v(op, o.V(Rd), o.splat('i64x2', o.imm(value))));

// ---- tables ----------------------------------------------------------------------------------------------------------------

export const simdMisc = semantics(
  SIMD_MISC,
  {
    REV64_vec: each(reverse(8)),
    REV32_vec: each(reverse(4)),
    REV16_vec: each(reverse(2)),
    SADDLP_vec: pairsLong('s'),
    UADDLP_vec: pairsLong('u'),
    SADALP_vec: pairsLongInto('s'),
    UADALP_vec: pairsLongInto('u'),
    SUQADD_vec: accumulating(satAddUnsigned),
    USQADD_vec: accumulating(satAddSigned),
    CLS_vec: each(cls),
    CLZ_vec: each(clz),
    CNT_vec: eachOf(0, popcount),
    NOT_vec: eachOf(0, (o, _size, a) => o.v('v128.not', a)),
    RBIT_vec: eachOf(0, reverseBits),
    SQABS_vec: saturating(satMostNegative(abs)),
    SQNEG_vec: saturating(satMostNegative(neg)),
    CMGT_zero_vec: each(withZero(compare('gt', 's'))),
    CMGE_zero_vec: each(withZero(compare('ge', 's'))),
    CMEQ_zero_vec: each(withZero(eq)),
    CMLE_zero_vec: each(withZero(compare('ge', 's'), true)),
    CMLT_zero_vec: each(isNegative),
    ABS_vec: each(abs),
    NEG_vec: each(neg),
    XTN: (o, { Q, size, Rn, Rd }) => putNarrow(o, Rd, Q, narrow(o, size, o.V(Rn))),
    SQXTUN_vec: narrowing('s', 'u'),
    SHLL: (o, { Q, size, Rn, Rd }) =>
      o.setV(Rd, shiftAll(o, size + 1, 'shl', extend(o, 'u', size, Q, o.V(Rn)), bitsOf(size))),
    SQXTN_vec: narrowing('s', 's'),
    UQXTN_vec: narrowing('u', 'u'),
    URECPE: eachOf(2, recipEstimate),
    URSQRTE: eachOf(2, recipSqrtEstimate),
  },
  { fp: true },
);

export const simdMiscScalar = semantics(
  SIMD_MISC_SCALAR,
  {
    SUQADD_scalar: accumulatingScalar(satAddUnsigned),
    USQADD_scalar: accumulatingScalar(satAddSigned),
    SQABS_scalar: saturatingScalar(satMostNegative(abs)),
    SQNEG_scalar: saturatingScalar(satMostNegative(neg)),
    CMGT_zero_scalar: eachScalar(withZero(compare('gt', 's'))),
    CMGE_zero_scalar: eachScalar(withZero(compare('ge', 's'))),
    CMEQ_zero_scalar: eachScalar(withZero(eq)),
    CMLE_zero_scalar: eachScalar(withZero(compare('ge', 's'), true)),
    CMLT_zero_scalar: eachScalar(isNegative),
    ABS_scalar: eachScalar(abs),
    NEG_scalar: eachScalar(neg),
    SQXTUN_scalar: narrowingScalar('s', 'u'),
    SQXTN_scalar: narrowingScalar('s', 's'),
    UQXTN_scalar: narrowingScalar('u', 'u'),
  },
  { fp: true },
);

export const simdImm = semantics(
  SIMD_IMM,
  {
    MOVI_32: move(shifted(2)),
    MOVI_16: move(shifted(1)),
    MOVI_msl: move(shiftedOnes),
    ORR_imm_32: modify('v128.or', shifted(2)),
    ORR_imm_16: modify('v128.or', shifted(1)),
    MVNI_32: move(shifted(2), true),
    MVNI_16: move(shifted(1), true),
    MVNI_msl: move(shiftedOnes, true),
    BIC_imm_32: modify('v128.andnot', shifted(2)),
    BIC_imm_16: modify('v128.andnot', shifted(1)),
    MOVI_8: move(bytes),
    MOVI_64: move(byteMask),
  },
  { fp: true },
);
