// Semantics of arch/a64/simd_shift.ts: vector shifts by immediate and by register. Element size and shift amount of
// the immediate forms both come out of immh:immb: the size decides the shape, the amount stays open.

import { SIMD_SHIFT, SIMD_SHIFT_SCALAR } from '../arch/a64/simd_shift.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import {
  add,
  type Binary,
  bitsOf,
  choose,
  compare,
  every,
  extend,
  isNegative,
  type Kit,
  keepQ,
  lastShift,
  minmax,
  narrow,
  ne,
  neg,
  ones,
  put,
  putNarrow,
  putSaturated,
  putSaturatedNarrow,
  repeat64,
  type SatBinary,
  type Saturated,
  type Sign,
  type Size,
  satNarrow,
  shapeOf,
  shiftAll,
  shiftEach,
} from './simd_lanes.ts';

/** The fields that immediates are computed from. */
interface ImmhImmb {
  readonly immh: number;
  readonly immb: number;
}
type O = Ops<ImmhImmb>;

interface Shifted {
  readonly Rn: Reg;
  readonly Rd: Reg;
}
interface ShiftedQ extends Shifted {
  readonly Q: number;
}

// ---- immediates ------------------------------------------------------------------------------------------------------------

const sizeIn = (f: ImmhImmb): Size => 31 - Math.clz32(f.immh);
/** 0 to width - 1. */
const leftBy = (f: ImmhImmb): number => ((f.immh << 3) | f.immb) - (8 << sizeIn(f));
/** 1 to width. */
const rightBy = (f: ImmhImmb): number => (16 << sizeIn(f)) - ((f.immh << 3) | f.immb);

const anySize = (o: O): Size => o.pick(sizeIn, [0, 1, 2, 3]);
const narrowSize = (o: O): Size => o.pick(sizeIn, [0, 1, 2]);

/**
 * Right shift by 1 to width: all but one bit first, since a WebAssembly shift by the width is no shift.
 */
function shiftRight(o: O, size: Size, sign: Sign, rounding: boolean, a: Val): Val {
  if (sign === 's' && !rounding) {
    return o.vshift(
      shapeOf(size),
      'shr_s',
      a,
      o.imm32((f) => Math.min(rightBy(f), (8 << sizeIn(f)) - 1)),
    );
  }
  const most = o.vshift(
    shapeOf(size),
    `shr_${sign}`,
    a,
    o.imm32((f) => rightBy(f) - 1),
  );
  return lastShift(o, size, sign, rounding, most);
}
function shiftLeft(o: O, size: Size, a: Val): Val {
  return o.vshift(shapeOf(size), 'shl', a, o.imm32(leftBy));
}

// ---- shifts by immediate ------------------------------------------------------------------------------------------------------

type ImmediateShift = (o: O, size: Size, a: Val, d: () => Val) => Val;

const vector =
  (op: ImmediateShift) =>
  (o: O, { Q, Rn, Rd }: ShiftedQ): void =>
    put(
      o,
      Rd,
      keepQ(Q),
      op(o, anySize(o), o.V(Rn), () => o.V(Rd)),
    );
/** Only for 64-bit elements. */
const scalar =
  (op: ImmediateShift) =>
  (o: O, { Rn, Rd }: Shifted): void =>
    put(
      o,
      Rd,
      64,
      op(o, 3, o.V(Rn), () => o.V(Rd)),
    );

const right =
  (sign: Sign, rounding: boolean): ImmediateShift =>
  (o, size, a) =>
    shiftRight(o, size, sign, rounding, a);
const rightInto =
  (sign: Sign, rounding: boolean): ImmediateShift =>
  (o, size, a, d) =>
    add(o, size, d(), shiftRight(o, size, sign, rounding, a));
/** Bits of the destination that SRI and SLI replace. */
function insertMask(o: O, bits: (f: ImmhImmb) => bigint): Val {
  return o.splat(
    'i64x2',
    o.imm((f) => repeat64(sizeIn(f), bits(f))),
  );
}
const insertRight: ImmediateShift = (o, size, a, d) => {
  const mask = insertMask(o, (f) => ((1n << BigInt(8 << sizeIn(f))) - 1n) >> BigInt(rightBy(f)));
  return choose(o, mask, shiftRight(o, size, 'u', false, a), d());
};
const insertLeft: ImmediateShift = (o, size, a, d) => {
  const mask = insertMask(o, (f) => -1n << BigInt(leftBy(f)));
  return choose(o, mask, shiftLeft(o, size, a), d());
};

/** SQSHL, UQSHL and SQSHLU by immediate: a left shift that comes back changed has lost something. */
function satShiftLeft(o: O, size: Size, from: Sign, to: Sign, a: Val): Saturated {
  const shifted = shiftLeft(o, size, a);
  const back = o.vshift(shapeOf(size), `shr_${to}`, shifted, o.imm32(leftBy));
  const changed = ne(o, size, back, a);
  if (from === to) return { value: choose(o, changed, limit(o, size, to, a), shifted), sat: changed };
  const negative = isNegative(o, size, a);
  const value = o.v('v128.andnot', o.v('v128.or', shifted, changed), negative);
  return { value, sat: o.v('v128.or', changed, negative) };
}
/** Where a result that grew too large ends up. */
function limit(o: Kit, size: Size, sign: Sign, a: Val): Val {
  if (sign === 'u') return ones(o);
  return o.v('v128.xor', isNegative(o, size, a), every(o, size, (1n << BigInt(bitsOf(size) - 1)) - 1n));
}
const satLeft =
  (from: Sign, to: Sign) =>
  (o: O, { Q, Rn, Rd }: ShiftedQ): void =>
    putSaturated(o, Rd, keepQ(Q), satShiftLeft(o, anySize(o), from, to, o.V(Rn)));
const satLeftScalar =
  (from: Sign, to: Sign) =>
  (o: O, { Rn, Rd }: Shifted): void => {
    const size = anySize(o);
    putSaturated(o, Rd, bitsOf(size), satShiftLeft(o, size, from, to, o.V(Rn)));
  };

/** Right shift of elements of twice the size by 1 to width: never the whole of them, so one shift does. */
function shiftRightWide(o: O, size: Size, sign: Sign, rounding: boolean, a: Val): Val {
  if (rounding) return shiftRight(o, size + 1, sign, true, a);
  return o.vshift(shapeOf(size + 1), `shr_${sign}`, a, o.imm32(rightBy));
}
const rightNarrow =
  (rounding: boolean) =>
  (o: O, { Q, Rn, Rd }: ShiftedQ): void => {
    const size = narrowSize(o);
    putNarrow(o, Rd, Q, narrow(o, size, shiftRightWide(o, size, 'u', rounding, o.V(Rn))));
  };
const satRightNarrow =
  (from: Sign, to: Sign, rounding: boolean) =>
  (o: O, { Q, Rn, Rd }: ShiftedQ): void => {
    const size = narrowSize(o);
    const shifted = shiftRightWide(o, size, from, rounding, o.V(Rn));
    putSaturatedNarrow(o, Rd, Q, satNarrow(o, from, to, size, shifted));
  };
const satRightNarrowScalar =
  (from: Sign, to: Sign, rounding: boolean) =>
  (o: O, { Rn, Rd }: Shifted): void => {
    const size = narrowSize(o);
    const shifted = shiftRightWide(o, size, from, rounding, o.V(Rn));
    putSaturated(o, Rd, bitsOf(size), satNarrow(o, from, to, size, shifted), bitsOf(size + 1));
  };
const leftLong =
  (sign: Sign) =>
  (o: O, { Q, Rn, Rd }: ShiftedQ): void => {
    const size = narrowSize(o);
    o.setV(Rd, o.vshift(shapeOf(size + 1), 'shl', extend(o, sign, size, Q, o.V(Rn)), o.imm32(leftBy)));
  };

// ---- shifts by register ---------------------------------------------------------------------------------------------------------

/** The low byte of each element as a signed number of the element's width: positive is left. */
function amountsOf(o: Kit, size: Size, b: Val): Val {
  const unused = bitsOf(size) - 8;
  return shiftAll(o, size, 'shr_s', shiftAll(o, size, 'shl', b, unused), unused);
}
/** a >= b of signed lanes small enough for every size. */
const notBelow = compare('ge', 's');

/** Right shift of each lane by its own 1, 2, ... (lanes with other amounts are anything). */
function shiftRightEach(o: Kit, size: Size, sign: Sign, rounding: boolean, a: Val, amounts: Val): Val {
  const bits = BigInt(bitsOf(size));
  const before = add(o, size, amounts, ones(o));
  if (sign === 's') {
    const most = every(o, size, bits - 1n);
    const clamped =
      size < 3 ? minmax('min', 's')(o, size, before, most) : choose(o, notBelow(o, 3, most, before), before, most);
    return lastShift(o, size, 's', rounding, shiftEach(o, size, 'shr_s', a, clamped));
  }
  const gone = notBelow(o, size, before, every(o, size, bits));
  const most = o.v('v128.andnot', shiftEach(o, size, 'shr_u', a, before), gone);
  return lastShift(o, size, 'u', rounding, most);
}
/** Left shift of each lane by its own 0, 1, ...: zero from the width on. */
function shiftLeftEach(o: Kit, size: Size, a: Val, amounts: Val): Val {
  const gone = notBelow(o, size, amounts, every(o, size, BigInt(bitsOf(size))));
  return o.v('v128.andnot', shiftEach(o, size, 'shl', a, amounts), gone);
}
/** SSHL, USHL, SRSHL, URSHL. */
const byRegister =
  (sign: Sign, rounding: boolean): Binary =>
  (o, size, a, b) => {
    const amounts = amountsOf(o, size, b);
    const left = shiftLeftEach(o, size, a, amounts);
    const shiftedRight = shiftRightEach(o, size, sign, rounding, a, neg(o, size, amounts));
    return choose(o, isNegative(o, size, amounts), shiftedRight, left);
  };
/** SQSHL, UQSHL, SQRSHL, UQRSHL. */
const byRegisterSaturating =
  (sign: Sign, rounding: boolean): SatBinary =>
  (o, size, a, b) => {
    const amounts = amountsOf(o, size, b);
    const left = shiftLeftEach(o, size, a, amounts);
    const changed = ne(o, size, shiftEach(o, size, `shr_${sign}`, left, amounts), a);
    const shiftedRight = shiftRightEach(o, size, sign, rounding, a, neg(o, size, amounts));
    const toRight = isNegative(o, size, amounts);
    const value = choose(o, toRight, shiftedRight, choose(o, changed, limit(o, size, sign, a), left));
    return { value, sat: o.v('v128.andnot', changed, toRight) };
  };

interface ByRegister extends Shifted {
  readonly size: number;
  readonly Rm: Reg;
}
const same =
  (op: Binary) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: ByRegister & ShiftedQ): void =>
    put(o, Rd, keepQ(Q), op(o, size, o.V(Rn), o.V(Rm)));
const sameScalar =
  (op: Binary) =>
  (o: Kit, { size, Rm, Rn, Rd }: ByRegister): void =>
    put(o, Rd, bitsOf(size), op(o, size, o.V(Rn), o.V(Rm)));
const saturating =
  (op: SatBinary) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: ByRegister & ShiftedQ): void =>
    putSaturated(o, Rd, keepQ(Q), op(o, size, o.V(Rn), o.V(Rm)));
const saturatingScalar =
  (op: SatBinary) =>
  (o: Kit, { size, Rm, Rn, Rd }: ByRegister): void =>
    putSaturated(o, Rd, bitsOf(size), op(o, size, o.V(Rn), o.V(Rm)));

// ---- tables ------------------------------------------------------------------------------------------------------------------------

export const simdShift = semantics(
  SIMD_SHIFT,
  {
    SSHR_vec: vector(right('s', false)),
    USHR_vec: vector(right('u', false)),
    SSRA_vec: vector(rightInto('s', false)),
    USRA_vec: vector(rightInto('u', false)),
    SRSHR_vec: vector(right('s', true)),
    URSHR_vec: vector(right('u', true)),
    SRSRA_vec: vector(rightInto('s', true)),
    URSRA_vec: vector(rightInto('u', true)),
    SRI_vec: vector(insertRight),
    SHL_vec: vector(shiftLeft),
    SLI_vec: vector(insertLeft),
    SQSHLU_vec: satLeft('s', 'u'),
    SQSHL_imm_vec: satLeft('s', 's'),
    UQSHL_imm_vec: satLeft('u', 'u'),
    SHRN: rightNarrow(false),
    RSHRN: rightNarrow(true),
    SQSHRN_vec: satRightNarrow('s', 's', false),
    UQSHRN_vec: satRightNarrow('u', 'u', false),
    SQRSHRN_vec: satRightNarrow('s', 's', true),
    UQRSHRN_vec: satRightNarrow('u', 'u', true),
    SQSHRUN_vec: satRightNarrow('s', 'u', false),
    SQRSHRUN_vec: satRightNarrow('s', 'u', true),
    SSHLL: leftLong('s'),
    USHLL: leftLong('u'),

    SSHL_vec: same(byRegister('s', false)),
    USHL_vec: same(byRegister('u', false)),
    SQSHL_vec: saturating(byRegisterSaturating('s', false)),
    UQSHL_vec: saturating(byRegisterSaturating('u', false)),
    SRSHL_vec: same(byRegister('s', true)),
    URSHL_vec: same(byRegister('u', true)),
    SQRSHL_vec: saturating(byRegisterSaturating('s', true)),
    UQRSHL_vec: saturating(byRegisterSaturating('u', true)),
  },
  { fp: true },
);

export const simdShiftScalar = semantics(
  SIMD_SHIFT_SCALAR,
  {
    SSHR_scalar: scalar(right('s', false)),
    USHR_scalar: scalar(right('u', false)),
    SSRA_scalar: scalar(rightInto('s', false)),
    USRA_scalar: scalar(rightInto('u', false)),
    SRSHR_scalar: scalar(right('s', true)),
    URSHR_scalar: scalar(right('u', true)),
    SRSRA_scalar: scalar(rightInto('s', true)),
    URSRA_scalar: scalar(rightInto('u', true)),
    SRI_scalar: scalar(insertRight),
    SHL_scalar: scalar(shiftLeft),
    SLI_scalar: scalar(insertLeft),
    SQSHLU_scalar: satLeftScalar('s', 'u'),
    SQSHL_imm_scalar: satLeftScalar('s', 's'),
    UQSHL_imm_scalar: satLeftScalar('u', 'u'),
    SQSHRN_scalar: satRightNarrowScalar('s', 's', false),
    UQSHRN_scalar: satRightNarrowScalar('u', 'u', false),
    SQRSHRN_scalar: satRightNarrowScalar('s', 's', true),
    UQRSHRN_scalar: satRightNarrowScalar('u', 'u', true),
    SQSHRUN_scalar: satRightNarrowScalar('s', 'u', false),
    SQRSHRUN_scalar: satRightNarrowScalar('s', 'u', true),

    SSHL_scalar: sameScalar(byRegister('s', false)),
    USHL_scalar: sameScalar(byRegister('u', false)),
    SQSHL_scalar: saturatingScalar(byRegisterSaturating('s', false)),
    UQSHL_scalar: saturatingScalar(byRegisterSaturating('u', false)),
    SRSHL_scalar: sameScalar(byRegister('s', true)),
    URSHL_scalar: sameScalar(byRegister('u', true)),
    SQRSHL_scalar: saturatingScalar(byRegisterSaturating('s', true)),
    UQRSHL_scalar: saturatingScalar(byRegisterSaturating('u', true)),
  },
  { fp: true },
);
