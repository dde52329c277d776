// Semantics of arch/a64/sve_int.ts, but for sums of products: sve_int_mla.ts.

import { SVE_INT } from '../arch/a64/sve_int.ts';
import { expandImm } from './fp_shapes.ts';
import type { Fmt } from './ops.ts';
import { routines } from './semantics.ts';
import {
  addLength,
  address,
  allOnes,
  bitwise,
  countFor,
  decodeShift,
  fexpa,
  fill,
  fillActive,
  index,
  leftAmount,
  logicalImmediate,
  maskOf,
  none,
  pointer,
  reduce,
  rightAmount,
  shift,
  shiftMerging,
  shiftWide,
  signed5,
  signed6,
  signed8,
  sum,
  ternary,
  trigSelect,
  unsigned8,
  withImmediate,
} from './sve_int_shapes.ts';
import { countOf, lanesOf, merging1, merging2, merging3, readMask, unpredicated2 } from './sve_lanes.ts';
import * as op from './sve_ops.ts';
import { addToElements, saturateScalar } from './sve_scalar.ts';

export const sveInt = routines(SVE_INT, {
  ADD_zpzz: merging2(op.add),
  SUB_zpzz: merging2(op.sub),
  SUBR_zpzz: merging2(op.reversed(op.sub)),
  ADDPT_zpzz: (f, m) => merging2(pointer(op.add))({ ...f, size: 3 }, m),
  SUBPT_zpzz: (f, m) => merging2(pointer(op.sub))({ ...f, size: 3 }, m),
  SMAX_zpzz: merging2(op.smax),
  UMAX_zpzz: merging2(op.umax),
  SMIN_zpzz: merging2(op.smin),
  UMIN_zpzz: merging2(op.umin),
  SABD_zpzz: merging2(op.sabd),
  UABD_zpzz: merging2(op.uabd),
  MUL_zpzz: merging2(op.mul),
  SMULH_zpzz: merging2(op.smulh),
  UMULH_zpzz: merging2(op.umulh),
  SDIV_zpzz: merging2(op.sdiv),
  UDIV_zpzz: merging2(op.udiv),
  SDIVR_zpzz: merging2(op.reversed(op.sdiv)),
  UDIVR_zpzz: merging2(op.reversed(op.udiv)),
  ORR_zpzz: merging2(op.or),
  EOR_zpzz: merging2(op.xor),
  AND_zpzz: merging2(op.and),
  BIC_zpzz: merging2(op.bic),

  SADDV_pz: sum(true),
  UADDV_pz: sum(false),
  SMAXV_pz: reduce(op.smax, (bits) => -(1n << BigInt(bits - 1))),
  UMAXV_pz: reduce(op.umax, none),
  SMINV_pz: reduce(op.smin, (bits) => (1n << BigInt(bits - 1)) - 1n),
  UMINV_pz: reduce(op.umin, (bits) => (1n << BigInt(bits)) - 1n),
  ORV_pz: reduce(op.or, none),
  EORV_pz: reduce(op.xor, none),
  ANDV_pz: reduce(op.and, allOnes),
  MOVPRFX_pz: (f, m) => {
    const { lanes, of } = lanesOf(m, f.size);
    return () => {
      const [d, a] = [lanes.read(0, f.Zd), lanes.read(1, f.Zn)];
      const active = readMask(m, 0, f.Pg, f.size);
      for (let i = 0; i < countOf(m, f.size); i++) d[i] = active[i] ? a[i]! : f.M ? d[i]! : of(0n);
      lanes.write(f.Zd, d);
    };
  },

  MLA_zpzzz: merging3(op.mla, 'Zda', 'Zda', 'Zn', 'Zm'),
  MLS_zpzzz: merging3(op.mls, 'Zda', 'Zda', 'Zn', 'Zm'),
  MAD_zpzzz: merging3(op.mla, 'Zdn', 'Za', 'Zdn', 'Zm'),
  MSB_zpzzz: merging3(op.mls, 'Zdn', 'Za', 'Zdn', 'Zm'),

  ASR_zpzi: shiftMerging(op.asr, rightAmount),
  LSR_zpzi: shiftMerging(op.lsr, rightAmount),
  LSL_zpzi: shiftMerging(op.lsl, leftAmount),
  ASRD_zpzi: shiftMerging(op.asrd, rightAmount),
  SQSHL_zpzi: shiftMerging(op.sqshl, leftAmount),
  UQSHL_zpzi: shiftMerging(op.uqshl, leftAmount),
  SRSHR_zpzi: shiftMerging(op.srshr, rightAmount),
  URSHR_zpzi: shiftMerging(op.urshr, rightAmount),
  SQSHLU_zpzi: shiftMerging(op.sqshlu, leftAmount),
  ASR_zpzz: merging2(op.asr),
  LSR_zpzz: merging2(op.lsr),
  LSL_zpzz: merging2(op.lsl),
  ASRR_zpzz: merging2(op.reversed(op.asr)),
  LSRR_zpzz: merging2(op.reversed(op.lsr)),
  LSLR_zpzz: merging2(op.reversed(op.lsl)),
  ASR_zpzw: shiftWide(op.asr, true),
  LSR_zpzw: shiftWide(op.lsr, true),
  LSL_zpzw: shiftWide(op.lsl, true),

  SXTB_zpz: merging1(op.sext(8)),
  UXTB_zpz: merging1(op.zext(8)),
  SXTH_zpz: merging1(op.sext(16)),
  UXTH_zpz: merging1(op.zext(16)),
  SXTW_zpz: merging1(op.sext(32)),
  UXTW_zpz: merging1(op.zext(32)),
  ABS_zpz: merging1(op.abs),
  NEG_zpz: merging1(op.neg),
  CLS_zpz: merging1(op.cls),
  CLZ_zpz: merging1(op.clz),
  CNT_zpz: merging1(op.cnt),
  CNOT_zpz: merging1(op.cnot),
  FABS_zpz: merging1(op.fp1('abs')),
  FNEG_zpz: merging1(op.fp1('neg')),
  NOT_zpz: merging1(op.not),

  ADD_zzz: unpredicated2(op.add),
  SUB_zzz: unpredicated2(op.sub),
  ADDPT_zzz: (f, m) => unpredicated2(pointer(op.add))({ ...f, size: 3 }, m),
  SUBPT_zzz: (f, m) => unpredicated2(pointer(op.sub))({ ...f, size: 3 }, m),
  SQADD_zzz: unpredicated2(op.sqadd),
  UQADD_zzz: unpredicated2(op.uqadd),
  SQSUB_zzz: unpredicated2(op.sqsub),
  UQSUB_zzz: unpredicated2(op.uqsub),
  AND_zzz: bitwise((n, m) => n & m),
  ORR_zzz: bitwise((n, m) => n | m),
  EOR_zzz: bitwise((n, m) => n ^ m),
  BIC_zzz: bitwise((n, m) => n & ~m),
  XAR_zzi: (f, m) => {
    const { size, bits } = decodeShift(f);
    const [left, right] = [BigInt(bits - rightAmount(f)), BigInt(rightAmount(f))];
    const { lanes, of } = lanesOf(m, size);
    return () => {
      const [d, b] = [lanes.read(0, f.Zdn), lanes.read(1, f.Zm)];
      for (let i = 0; i < countOf(m, size); i++) {
        const v = BigInt(d[i]!) ^ BigInt(b[i]!);
        d[i] = of(BigInt.asUintN(bits, (v >> right) | (v << left)));
      }
      lanes.write(f.Zdn, d);
    };
  },
  EOR3_zzzz: ternary((n, m, k) => n ^ m ^ k),
  BCAX_zzzz: ternary((n, m, k) => n ^ (m & ~k)),
  BSL_zzzz: ternary((n, m, k) => (n & k) | (m & ~k)),
  BSL1N_zzzz: ternary((n, m, k) => (~n & k) | (m & ~k)),
  BSL2N_zzzz: ternary((n, m, k) => (n & k) | (~m & ~k)),
  NBSL_zzzz: ternary((n, m, k) => ~((n & k) | (m & ~k))),
  ASR_zzw: shiftWide(op.asr, false),
  LSR_zzw: shiftWide(op.lsr, false),
  LSL_zzw: shiftWide(op.lsl, false),
  ASR_zzi: shift(op.asr, rightAmount),
  LSR_zzi: shift(op.lsr, rightAmount),
  LSL_zzi: shift(op.lsl, leftAmount),
  INDEX_ii: (f, m) =>
    index(
      m,
      f.size,
      f.Zd,
      () => signed5(f.imm5),
      () => signed5(f.imm5b),
    ),
  INDEX_ri: (f, m) =>
    index(
      m,
      f.size,
      f.Zd,
      () => m.x(f.Rn),
      () => signed5(f.imm5b),
    ),
  INDEX_ir: (f, m) =>
    index(
      m,
      f.size,
      f.Zd,
      () => signed5(f.imm5),
      () => m.x(f.Rm),
    ),
  INDEX_rr: (f, m) =>
    index(
      m,
      f.size,
      f.Zd,
      () => m.x(f.Rn),
      () => m.x(f.Rm),
    ),
  ADR_sxtw: address((v) => BigInt.asIntN(32, v)),
  ADR_uxtw: address((v) => BigInt.asUintN(32, v)),
  ADR_lsl: (f, m) =>
    unpredicated2(
      op.unsigned2(
        (a, b) => a + b * 2 ** f.msz,
        (a, b) => a + (b << BigInt(f.msz)),
      ),
    )({ ...f, size: 2 + f.sz }, m),
  FTSSEL_zzz: unpredicated2(trigSelect),
  FEXPA_zz: fexpa,
  MOVPRFX_zz: (f, m) => () => {
    m.u8.copyWithin(m.z0 + 256 * f.Zd, m.z0 + 256 * f.Zn, m.z0 + 256 * f.Zn + m.vl);
  },

  ADDVL: addLength((m) => m.vl),
  ADDPL: addLength((m) => m.vl / 8),
  RDVL: (f, m) => () => m.setX(f.Rd, signed6(f.imm6) * BigInt(m.vl)),

  CNT_r: (f, m) => () => m.setX(f.Rd, BigInt(countFor(m, f))),
  INC_r: (f, m) => () => m.setX(f.Rdn, m.x(f.Rdn) + BigInt(f.D ? -countFor(m, f) : countFor(m, f))),
  QINC_r: (f, m) => () => saturateScalar(m, f, countFor(m, f)),
  INC_z: (f, m) => addToElements(m, f, () => countFor(m, f)),
  QINC_z: (f, m) => addToElements(m, f, () => countFor(m, f)),

  ORR_zi: logicalImmediate(op.or),
  EOR_zi: logicalImmediate(op.xor),
  AND_zi: logicalImmediate(op.and),
  DUPM: (f, m) => fill(m, 3, f.Zd, maskOf(f)),
  CPY_zpi: (f, m) => fillActive(m, f, BigInt(signed8(f)), f.M === 1),
  FCPY_zpi: (f, m) => fillActive(m, f, expandImm(f.imm8, (8 << f.size) as Fmt), true),
  ADD_zi: withImmediate(op.add, unsigned8),
  SUB_zi: withImmediate(op.sub, unsigned8),
  SUBR_zi: withImmediate(op.reversed(op.sub), unsigned8),
  SQADD_zi: withImmediate(op.sqadd, unsigned8),
  UQADD_zi: withImmediate(op.uqadd, unsigned8),
  SQSUB_zi: withImmediate(op.sqsub, unsigned8),
  UQSUB_zi: withImmediate(op.uqsub, unsigned8),
  SMAX_zi: withImmediate(op.smax, signed8),
  UMAX_zi: withImmediate(op.umax, unsigned8),
  SMIN_zi: withImmediate(op.smin, signed8),
  UMIN_zi: withImmediate(op.umin, unsigned8),
  MUL_zi: withImmediate(op.mul, signed8),
  DUP_zi: (f, m) => fill(m, f.size, f.Zd, BigInt(signed8(f))),
  FDUP_zi: (f, m) => fill(m, f.size, f.Zd, expandImm(f.imm8, (8 << f.size) as Fmt)),
});
