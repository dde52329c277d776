// Semantics of arch/a64/dp_reg.ts: data processing on registers.

import { DP_REG } from '../arch/a64/dp_reg.ts';
import type { FieldsOf } from '../arch/a64/schema.ts';
import type { Imm, Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { constOf, extendedReg, immOf, type MinMax, minMax, shiftedReg } from './shared.ts';

type Rows = typeof DP_REG;
type Kit<K extends keyof Rows> = Ops<FieldsOf<Rows[K]>>;
interface One {
  readonly sf: number;
  readonly Rn: Reg;
  readonly Rd: Reg;
}
interface Two extends One {
  readonly Rm: Reg;
}
interface Shifted extends Two {
  readonly shift: number;
}
interface Long {
  readonly Rd: Reg;
  readonly Rn: Reg;
  readonly Rm: Reg;
  readonly Ra: Reg;
}
interface Pointer {
  readonly Rd: Reg;
  readonly Rn: Reg;
  readonly Rm: Reg;
}
interface Choice extends Two {
  readonly cond: Imm;
}

/** Rd = f(Rn, Rm). */
const two =
  (f: (o: Kit<'UDIV'>, a: Val, b: Val) => Val) =>
  (o: Kit<'UDIV'>, { sf, Rm, Rn, Rd }: Two): void =>
    o.setX(Rd, f(o, o.X(Rn, sf), o.X(Rm, sf)));
const minMaxReg = (kind: MinMax) => two((o, a, b) => minMax(o, kind, a, b));
/** Rd = f(Rn). */
const one =
  (f: (o: Kit<'CLZ_int'>, a: Val, sf: number) => Val) =>
  (o: Kit<'CLZ_int'>, { sf, Rn, Rd }: One): void =>
    o.setX(Rd, f(o, o.X(Rn, sf), sf));

const logical =
  (f: (o: Kit<'AND_shift'>, a: Val, b: Val) => Val, flags = false) =>
  (o: Kit<'AND_shift'>, { sf, shift, Rm, Rn, Rd }: Shifted): void => {
    const result = f(o, o.X(Rn, sf), shiftedReg(o, Rm, sf, shift));
    if (flags) o.setNZ(result);
    o.setX(Rd, result);
  };

const extended = (o: Kit<'ADD_ext'>, Rm: Reg, sf: number): Val => extendedReg(o, Rm, sf, (f) => f.imm3);

/** With `invert` the second operand is complemented: subtraction. */
const withCarry =
  (invert: boolean, flags: boolean) =>
  (o: Kit<'ADC'>, { sf, Rm, Rn, Rd }: Two): void => {
    const b = o.X(Rm, sf);
    o.setX(Rd, o.addWithCarry(o.X(Rn, sf), invert ? o.not(b) : b, o.carry(), flags));
  };

/** The operands are compared if the condition holds, else the flags come from the instruction. */
function conditionalCompare<F extends { readonly nzcv: number }>(
  o: Ops<F>,
  cond: Imm,
  a: Val,
  b: Val,
  subtract: boolean,
): void {
  o.if(
    o.cond(cond),
    () => {
      o.addWithCarry(a, subtract ? o.not(b) : b, subtract ? 1 : 0, true);
    },
    () => o.setNZCV(o.imm32((f) => f.nzcv)),
  );
}
const compareReg =
  (subtract: boolean) =>
  (o: Kit<'CCMP_reg'>, f: { readonly sf: number; readonly Rm: Reg; readonly Rn: Reg; readonly cond: Imm }): void =>
    conditionalCompare(o, f.cond, o.X(f.Rn, f.sf), o.X(f.Rm, f.sf), subtract);
const compareImm =
  (subtract: boolean) =>
  (o: Kit<'CCMP_imm'>, f: { readonly sf: number; readonly Rn: Reg; readonly cond: Imm }): void => {
    const b = immOf(o, f.sf, (x) => BigInt(x.imm5));
    conditionalCompare(o, f.cond, o.X(f.Rn, f.sf), b, subtract);
  };

const choose =
  (otherwise: (o: Kit<'CSEL'>, b: Val, sf: number) => Val) =>
  (o: Kit<'CSEL'>, { sf, Rm, Rn, Rd, cond }: Choice): void =>
    o.setX(Rd, o.select(o.cond(cond), o.X(Rn, sf), otherwise(o, o.X(Rm, sf), sf)));

/** Ra ± Rn * Rm, the factors widened from 32 bits. */
const multiplyLong =
  (extend: 'extU' | 'extS', op: 'add' | 'sub') =>
  (o: Kit<'SMADDL'>, { Rd, Rn, Rm, Ra }: Long): void =>
    o.setX(Rd, o[op](o.X(Ra), o.mul(o[extend](o.X(Rn, 0)), o[extend](o.X(Rm, 0)))));

const pointerArithmetic =
  (op: 'add' | 'sub') =>
  (o: Kit<'ADDPT'>, { Rd, Rn, Rm }: Pointer): void => {
    const amount = o.imm((f) => BigInt(f.imm3));
    const base = o.XSP(Rn);
    o.setXSP(Rd, o.checkPointer(o[op](base, o.shl(o.X(Rm), amount)), base));
  };
const multiplyPointer =
  (op: 'add' | 'sub') =>
  (o: Kit<'MADDPT'>, { Rd, Rn, Rm, Ra }: Long): void => {
    const [base, n, m] = [o.X(Ra), o.X(Rn), o.X(Rm)];
    const product = o.mul(n, m);
    const overflow = o.ne(o.smulh(n, m), o.shrS(product, o.i64(63)));
    o.setX(Rd, o.checkPointer(o[op](base, product), base, overflow));
  };

/** N, Z from a byte or halfword and V from the carry into its top; C stays. */
const evaluateInto = (bits: number) => (o: Kit<'SETF8'>, f: { readonly Rn: Reg }) => {
  const x = o.X(f.Rn, 0);
  const bit = (n: number): Val => o.and(o.shrU(x, o.i32(n)), o.i32(1));
  const z = o.eqz(o.shl(x, o.i32(32 - bits)));
  const v = o.xor(bit(bits), bit(bits - 1));
  const nz = o.or(o.shl(bit(bits - 1), o.i32(3)), o.shl(z, o.i32(2)));
  o.setNZCV(o.or(o.and(o.nzcv(), o.i32(2)), o.or(nz, v)));
};

const crc32 =
  (helper: string) =>
  (o: Kit<'CRC32'>, f: { readonly Rm: Reg; readonly sz: number; readonly Rn: Reg; readonly Rd: Reg }): void => {
    o.setX(f.Rd, o.helper(helper, o.X(f.Rn, 0), o.X(f.Rm, 0), o.i32(8 << f.sz)));
  };
/** 64 bits are two steps of 32. */
const crc32x =
  (helper: string) =>
  (o: Kit<'CRC32X'>, f: { readonly Rm: Reg; readonly Rn: Reg; readonly Rd: Reg }): void => {
    const data = o.X(f.Rm);
    const low = o.helper(helper, o.X(f.Rn, 0), o.wrap(data), o.i32(32));
    o.setX(f.Rd, o.helper(helper, low, o.wrap(o.shrU(data, o.i64(32))), o.i32(32)));
  };

export const dpReg = semantics(DP_REG, {
  UDIV: two((o, a, b) => o.udiv(a, b)),
  SDIV: two((o, a, b) => o.sdiv(a, b)),
  LSLV: two((o, a, b) => o.shl(a, b)),
  LSRV: two((o, a, b) => o.shrU(a, b)),
  ASRV: two((o, a, b) => o.shrS(a, b)),
  RORV: two((o, a, b) => o.rotr(a, b)),
  CRC32: crc32('crc32'),
  CRC32X: crc32x('crc32'),
  CRC32C: crc32('crc32c'),
  CRC32CX: crc32x('crc32c'),
  SMAX_reg: minMaxReg('smax'),
  UMAX_reg: minMaxReg('umax'),
  SMIN_reg: minMaxReg('smin'),
  UMIN_reg: minMaxReg('umin'),

  RBIT_int: one((o, a) => o.rbit(a)),
  REV16_int: one((o, a) => o.revBytes(a, 16)),
  REV_w: (o, { Rn, Rd }) => o.setX(Rd, o.revBytes(o.X(Rn, 0), 32)),
  REV32_int: (o, { Rn, Rd }) => o.setX(Rd, o.revBytes(o.X(Rn), 32)),
  REV_x: (o, { Rn, Rd }) => o.setX(Rd, o.revBytes(o.X(Rn), 64)),
  CLZ_int: one((o, a) => o.clz(a)),
  // Bits equal to their upper neighbour: the sign bit itself does not count.
  CLS_int: one((o, a, sf) => o.sub(o.clz(o.xor(a, o.shrS(a, constOf(o, sf, 1)))), constOf(o, sf, 1))),
  CTZ: one((o, a) => o.ctz(a)),
  CNT_int: one((o, a) => o.popcnt(a)),
  ABS_int: one((o, a, sf) => o.select(o.ltS(a, constOf(o, sf, 0)), o.neg(a), a)),

  AND_shift: logical((o, a, b) => o.and(a, b)),
  BIC_shift: logical((o, a, b) => o.and(a, o.not(b))),
  ORR_shift: logical((o, a, b) => o.or(a, b)),
  ORN_shift: logical((o, a, b) => o.or(a, o.not(b))),
  EOR_shift: logical((o, a, b) => o.xor(a, b)),
  EON_shift: logical((o, a, b) => o.xor(a, o.not(b))),
  ANDS_shift: logical((o, a, b) => o.and(a, b), true),
  BICS_shift: logical((o, a, b) => o.and(a, o.not(b)), true),

  ADD_shift: (o, { sf, shift, Rm, Rn, Rd }) => o.setX(Rd, o.add(o.X(Rn, sf), shiftedReg(o, Rm, sf, shift))),
  ADDS_shift: (o, { sf, shift, Rm, Rn, Rd }) =>
    o.setX(Rd, o.addWithCarry(o.X(Rn, sf), shiftedReg(o, Rm, sf, shift), 0, true)),
  SUB_shift: (o, { sf, shift, Rm, Rn, Rd }) => o.setX(Rd, o.sub(o.X(Rn, sf), shiftedReg(o, Rm, sf, shift))),
  SUBS_shift: (o, { sf, shift, Rm, Rn, Rd }) =>
    o.setX(Rd, o.addWithCarry(o.X(Rn, sf), o.not(shiftedReg(o, Rm, sf, shift)), 1, true)),

  ADD_ext: (o, { sf, Rm, Rn, Rd }) => o.setXSP(Rd, o.add(o.XSP(Rn, sf), extended(o, Rm, sf))),
  ADDS_ext: (o, { sf, Rm, Rn, Rd }) => o.setX(Rd, o.addWithCarry(o.XSP(Rn, sf), extended(o, Rm, sf), 0, true)),
  SUB_ext: (o, { sf, Rm, Rn, Rd }) => o.setXSP(Rd, o.sub(o.XSP(Rn, sf), extended(o, Rm, sf))),
  SUBS_ext: (o, { sf, Rm, Rn, Rd }) => o.setX(Rd, o.addWithCarry(o.XSP(Rn, sf), o.not(extended(o, Rm, sf)), 1, true)),

  ADC: withCarry(false, false),
  ADCS: withCarry(false, true),
  SBC: withCarry(true, false),
  SBCS: withCarry(true, true),
  ADDPT: pointerArithmetic('add'),
  SUBPT: pointerArithmetic('sub'),

  RMIF: (o, { Rn }) => {
    const rotated = o.wrap(
      o.rotr(
        o.X(Rn),
        o.imm((f) => BigInt(f.imm6)),
      ),
    );
    const kept = o.and(
      o.nzcv(),
      o.imm32((f) => ~f.mask & 15),
    );
    o.setNZCV(
      o.or(
        kept,
        o.and(
          rotated,
          o.imm32((f) => f.mask),
        ),
      ),
    );
  },
  SETF8: evaluateInto(8),
  SETF16: evaluateInto(16),

  CCMN_reg: compareReg(false),
  CCMP_reg: compareReg(true),
  CCMN_imm: compareImm(false),
  CCMP_imm: compareImm(true),

  CSEL: choose((_, b) => b),
  CSINC: choose((o, b, sf) => o.add(b, constOf(o, sf, 1))),
  CSINV: choose((o, b) => o.not(b)),
  CSNEG: choose((o, b) => o.neg(b)),

  MADD: (o, { sf, Rm, Ra, Rn, Rd }) => o.setX(Rd, o.add(o.X(Ra, sf), o.mul(o.X(Rn, sf), o.X(Rm, sf)))),
  MSUB: (o, { sf, Rm, Ra, Rn, Rd }) => o.setX(Rd, o.sub(o.X(Ra, sf), o.mul(o.X(Rn, sf), o.X(Rm, sf)))),
  SMADDL: multiplyLong('extS', 'add'),
  SMSUBL: multiplyLong('extS', 'sub'),
  MADDPT: multiplyPointer('add'),
  MSUBPT: multiplyPointer('sub'),
  SMULH: (o, { Rm, Rn, Rd }) => o.setX(Rd, o.smulh(o.X(Rn), o.X(Rm))),
  UMADDL: multiplyLong('extU', 'add'),
  UMSUBL: multiplyLong('extU', 'sub'),
  UMULH: (o, { Rm, Rn, Rd }) => o.setX(Rd, o.umulh(o.X(Rn), o.X(Rm))),
});
