// Semantics of arch/a64/simd_fp_misc.ts: vector instructions of one source register, and their scalar forms.

import { SIMD_FP_MISC, SIMD_FP_MISC_SCALAR } from '../arch/a64/simd_fp_misc.ts';
import { reduce, setPart, type V2, vec1 } from './fp_lanes.ts';
import {
  countOf,
  type Fmt,
  immediate,
  type Kit,
  maskOf,
  type Reg,
  sizes,
  type Two,
  unary,
  type Val,
  zero,
} from './fp_shapes.ts';
import type { Fp1, Fp2, Ops, Rounding } from './ops.ts';
import { semantics } from './semantics.ts';

// ---- vectors --------------------------------------------------------------------------------------------------------------

const each = (op: (o: Kit, fmt: Fmt, a: Val) => Val) =>
  vec1((o, fmt, count, a) => o.lanes(fmt, count, (i) => op(o, fmt, o.lane(a, fmt, i))));
const whole = (op: Fp1) => vec1((o, fmt, count, a) => o.fpv1(op, fmt, count, a));
const round = (mode: Rounding, exact = false) => each((o, fmt, a) => o.fpRoundInt(fmt, a, mode, exact));
const roundN = (mode: Rounding, bits: 32 | 64) => each((o, fmt, a) => o.fpRoundIntN(fmt, a, mode, bits)).sd;
const toInt = (mode: Rounding, signed: boolean) => each((o, fmt, a) => o.fpToInt(fmt, a, fmt, signed, mode));
const fromInt = (signed: boolean) => each((o, fmt, a) => o.intToFp(fmt, a, fmt, signed));

type ZeroTest = 'eq' | 'ge' | 'gt' | 'le' | 'lt';
/** a <= 0 is 0 >= a. */
const zeroTest = (op: ZeroTest) =>
  vec1((o, fmt, count, a) => {
    const nothing = o.v128(0n, 0n);
    if (op === 'le') return o.fpvTest('ge', fmt, count, nothing, a);
    if (op === 'lt') return o.fpvTest('gt', fmt, count, nothing, a);
    return o.fpvTest(op, fmt, count, a, nothing);
  });

const cvt = {
  ns: toInt('tieeven', true), nu: toInt('tieeven', false), as: toInt('tieaway', true), au: toInt('tieaway', false),
  ps: toInt('plusinf', true), pu: toInt('plusinf', false), ms: toInt('minusinf', true), mu: toInt('minusinf', false),
  zs: toInt('zero', true), zu: toInt('zero', false), scvtf: fromInt(true), ucvtf: fromInt(false),
}; // biome-ignore format: a table
const frint = {
  n: round('tieeven'), p: round('plusinf'), m: round('minusinf'), z: round('zero'), a: round('tieaway'),
  x: round('fpcr', true), i: round('fpcr'),
}; // biome-ignore format: a table
const cm = { eq: zeroTest('eq'), ge: zeroTest('ge'), gt: zeroTest('gt'), le: zeroTest('le'), lt: zeroTest('lt') };
const fabs = vec1((o, fmt, count, a) => o.fpvAbs(fmt, count, a));
const fneg = vec1((o, fmt, count, a) => o.fpvNeg(fmt, count, a));
const frecpe = whole('recpe');
const frsqrte = whole('rsqrte');
const fsqrt = whole('sqrt');

// ---- between precisions ---------------------------------------------------------------------------------------------------

/** The lower (Q = 0) or upper elements of Rn, widened. */
function widen(o: Kit, { Q, Rn, Rd }: V2, from: Fmt, to: Fmt): void {
  const a = o.V(Rn);
  const count = 128 / to;
  o.setV(
    Rd,
    o.lanes(to, count, (i) => o.fpConvert(from, to, o.lane(a, from, Q * count + i))),
  );
}
function narrow(o: Kit, { Q, Rn, Rd }: V2, from: 32 | 64, to: 16 | 32, op: (a: Val) => Val): void {
  const a = o.V(Rn);
  setPart(
    o,
    Rd,
    Q,
    o.lanes(to, 64 / to, (i) => op(o.lane(a, from, i))),
  );
}

// ---- reductions, fixed point, immediates --------------------------------------------------------------------------------------

const across =
  (op: Fp2, fmt: Fmt) =>
  (o: Kit, { Rn, Rd }: Two, Q: number): void => {
    const result = reduce(o, fmt, countOf(fmt, Q), o.V(Rn), (lo, hi) => o.fp2(op, fmt, lo, hi));
    o.setVs(Rd, fmt, result);
  };
const acrossSingle = (op: Fp2) => (o: Kit, f: Two) => across(op, 32)(o, f, 1);
const acrossHalf = (op: Fp2) => (o: Kit, f: V2) => across(op, 16)(o, f, f.Q);

type Elementwise = (o: Kit, f: { readonly Rn: Reg; readonly Rd: Reg }, fmt: Fmt, op: (a: Val) => Val) => void;
/** Element-wise over a register of 64 or 128 bits. */
const overVector =
  (Q: number): Elementwise =>
  (o, { Rn, Rd }, fmt, op) => {
    const a = o.V(Rn);
    o.setV(
      Rd,
      o.lanes(fmt, countOf(fmt, Q), (i) => op(o.lane(a, fmt, i))),
    );
  };
const overScalar: Elementwise = (o, { Rn, Rd }, fmt, op) => o.setFp(Rd, fmt, op(o.Vs(Rn, fmt)), Rd);

type Fixed = (o: Kit, fmt: Fmt, a: Val, fbits: Val) => Val;
const fromFixed =
  (signed: boolean): Fixed =>
  (o, fmt, a, fbits) =>
    o.intToFp(fmt, a, fmt, signed, fbits);
const toFixed =
  (signed: boolean): Fixed =>
  (o, fmt, a, fbits) =>
    o.fpToInt(fmt, a, fmt, signed, 'zero', fbits);
/** The immediate counts down from the element size. */
const fixed16 = <F extends { imm4: number }>(o: Ops<F>, f: Two, over: Elementwise, op: Fixed) =>
  over(o, f, 16, (a) =>
    op(
      o,
      16,
      a,
      o.imm32((x) => 16 - x.imm4),
    ),
  );
const fixed32 = <F extends { imm5: number }>(o: Ops<F>, f: Two, over: Elementwise, op: Fixed) =>
  over(o, f, 32, (a) =>
    op(
      o,
      32,
      a,
      o.imm32((x) => 32 - x.imm5),
    ),
  );
const fixed64 = <F extends { imm6: number }>(o: Ops<F>, f: Two, over: Elementwise, op: Fixed) =>
  over(o, f, 64, (a) =>
    op(
      o,
      64,
      a,
      o.imm32((x) => 64 - x.imm6),
    ),
  );

type Letters = Record<'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h', number>;
const imm8 = (x: Letters) =>
  (x.a << 7) | (x.b << 6) | (x.c << 5) | (x.d << 4) | (x.e << 3) | (x.f << 2) | (x.g << 1) | x.h;
function moveImmediate<F extends Letters>(o: Ops<F>, Rd: Reg, fmt: Fmt, Q: number): void {
  const value = immediate(o, fmt, imm8);
  o.setV(
    Rd,
    o.lanes(fmt, countOf(fmt, Q), () => value),
  );
}

/** @arm the pages of C7.2 for these instructions */
export const simdFpMisc = semantics(
  SIMD_FP_MISC,
  {
    FRINTN_vec: frint.n.sd,
    FRINTM_vec: frint.m.sd,
    FCVTNS_vec: cvt.ns.sd,
    FCVTMS_vec: cvt.ms.sd,
    FCVTAS_vec: cvt.as.sd,
    SCVTF_vec: cvt.scvtf.sd,
    FCMGT_zero_vec: cm.gt.sd,
    FCMEQ_zero_vec: cm.eq.sd,
    FCMLT_zero_vec: cm.lt.sd,
    FABS_vec: fabs.sd,
    FRINTP_vec: frint.p.sd,
    FRINTZ_vec: frint.z.sd,
    FCVTPS_vec: cvt.ps.sd,
    FCVTZS_vec: cvt.zs.sd,
    FRECPE_vec: frecpe.sd,
    FRINTA_vec: frint.a.sd,
    FRINTX_vec: frint.x.sd,
    FCVTNU_vec: cvt.nu.sd,
    FCVTMU_vec: cvt.mu.sd,
    FCVTAU_vec: cvt.au.sd,
    UCVTF_vec: cvt.ucvtf.sd,
    FCMGE_zero_vec: cm.ge.sd,
    FCMLE_zero_vec: cm.le.sd,
    FNEG_vec: fneg.sd,
    FRINTI_vec: frint.i.sd,
    FCVTPU_vec: cvt.pu.sd,
    FCVTZU_vec: cvt.zu.sd,
    FRSQRTE_vec: frsqrte.sd,
    FSQRT_vec: fsqrt.sd,
    FRINT32Z_vec: roundN('zero', 32),
    FRINT64Z_vec: roundN('zero', 64),
    FRINT32X_vec: roundN('fpcr', 32),
    FRINT64X_vec: roundN('fpcr', 64),

    FCVTL: (o, f) => (f.sz ? widen(o, f, 32, 64) : widen(o, f, 16, 32)),
    FCVTN: (o, f) =>
      f.sz ? narrow(o, f, 64, 32, (a) => o.fpConvert(64, 32, a)) : narrow(o, f, 32, 16, (a) => o.fpConvert(32, 16, a)),
    FCVTXN_vec: (o, f) => narrow(o, f, 64, 32, (a) => o.fpConvert(64, 32, a, 'odd')),
    BFCVTN: (o, f) => narrow(o, f, 32, 16, (a) => o.helper('bfcvt', a)),

    FRINTN_vec_half: frint.n.half,
    FRINTM_vec_half: frint.m.half,
    FCVTNS_vec_half: cvt.ns.half,
    FCVTMS_vec_half: cvt.ms.half,
    FCVTAS_vec_half: cvt.as.half,
    SCVTF_vec_half: cvt.scvtf.half,
    FCMGT_zero_vec_half: cm.gt.half,
    FCMEQ_zero_vec_half: cm.eq.half,
    FCMLT_zero_vec_half: cm.lt.half,
    FABS_vec_half: fabs.half,
    FRINTP_vec_half: frint.p.half,
    FRINTZ_vec_half: frint.z.half,
    FCVTPS_vec_half: cvt.ps.half,
    FCVTZS_vec_half: cvt.zs.half,
    FRECPE_vec_half: frecpe.half,
    FRINTA_vec_half: frint.a.half,
    FRINTX_vec_half: frint.x.half,
    FCVTNU_vec_half: cvt.nu.half,
    FCVTMU_vec_half: cvt.mu.half,
    FCVTAU_vec_half: cvt.au.half,
    UCVTF_vec_half: cvt.ucvtf.half,
    FCMGE_zero_vec_half: cm.ge.half,
    FCMLE_zero_vec_half: cm.le.half,
    FNEG_vec_half: fneg.half,
    FRINTI_vec_half: frint.i.half,
    FCVTPU_vec_half: cvt.pu.half,
    FCVTZU_vec_half: cvt.zu.half,
    FRSQRTE_vec_half: frsqrte.half,
    FSQRT_vec_half: fsqrt.half,

    FMAXNMV: acrossSingle('maxnm'),
    FMAXNMV_half: acrossHalf('maxnm'),
    FMAXV: acrossSingle('max'),
    FMAXV_half: acrossHalf('max'),
    FMINNMV: acrossSingle('minnm'),
    FMINNMV_half: acrossHalf('minnm'),
    FMINV: acrossSingle('min'),
    FMINV_half: acrossHalf('min'),

    SCVTF_fixed_vec_s: (o, f) => fixed32(o, f, overVector(f.Q), fromFixed(true)),
    SCVTF_fixed_vec_d: (o, f) => fixed64(o, f, overVector(1), fromFixed(true)),
    SCVTF_fixed_vec_half: (o, f) => fixed16(o, f, overVector(f.Q), fromFixed(true)),
    UCVTF_fixed_vec_s: (o, f) => fixed32(o, f, overVector(f.Q), fromFixed(false)),
    UCVTF_fixed_vec_d: (o, f) => fixed64(o, f, overVector(1), fromFixed(false)),
    UCVTF_fixed_vec_half: (o, f) => fixed16(o, f, overVector(f.Q), fromFixed(false)),
    FCVTZS_fixed_vec_s: (o, f) => fixed32(o, f, overVector(f.Q), toFixed(true)),
    FCVTZS_fixed_vec_d: (o, f) => fixed64(o, f, overVector(1), toFixed(true)),
    FCVTZS_fixed_vec_half: (o, f) => fixed16(o, f, overVector(f.Q), toFixed(true)),
    FCVTZU_fixed_vec_s: (o, f) => fixed32(o, f, overVector(f.Q), toFixed(false)),
    FCVTZU_fixed_vec_d: (o, f) => fixed64(o, f, overVector(1), toFixed(false)),
    FCVTZU_fixed_vec_half: (o, f) => fixed16(o, f, overVector(f.Q), toFixed(false)),

    FMOV_imm_vec_s: (o, { Q, Rd }) => moveImmediate(o, Rd, 32, Q),
    FMOV_imm_vec_d: (o, { Rd }) => moveImmediate(o, Rd, 64, 1),
    FMOV_imm_vec_half: (o, { Q, Rd }) => moveImmediate(o, Rd, 16, Q),
  },
  { fp: true },
);

// ---- scalars -----------------------------------------------------------------------------------------------------------------

const sToInt = (mode: Rounding, signed: boolean) => unary((o, fmt, a) => o.fpToInt(fmt, a, fmt, signed, mode));
const sFromInt = (signed: boolean) => unary((o, fmt, a) => o.intToFp(fmt, a, fmt, signed));
/** Comparison with zero never merges (FPCR.NEP). */
const sZeroTest = (op: ZeroTest) =>
  sizes<Two>((o, fmt, { Rn, Rd }) => {
    const [a, nothing] = [o.Vs(Rn, fmt), zero(o, fmt)];
    const holds =
      op === 'le'
        ? o.fpTest('ge', fmt, nothing, a)
        : op === 'lt'
          ? o.fpTest('gt', fmt, nothing, a)
          : o.fpTest(op, fmt, a, nothing);
    o.setVs(Rd, fmt, maskOf(o, fmt, holds));
  });

const s = {
  ns: sToInt('tieeven', true), nu: sToInt('tieeven', false), as: sToInt('tieaway', true), au: sToInt('tieaway', false),
  ps: sToInt('plusinf', true), pu: sToInt('plusinf', false), ms: sToInt('minusinf', true), mu: sToInt('minusinf', false),
  zs: sToInt('zero', true), zu: sToInt('zero', false), scvtf: sFromInt(true), ucvtf: sFromInt(false),
  eq: sZeroTest('eq'), ge: sZeroTest('ge'), gt: sZeroTest('gt'), le: sZeroTest('le'), lt: sZeroTest('lt'),
  recpe: unary((o, fmt, a) => o.fp1('recpe', fmt, a)),
  rsqrte: unary((o, fmt, a) => o.fp1('rsqrte', fmt, a)),
  recpx: unary((o, fmt, a) => o.fp1('recpx', fmt, a)),
}; // biome-ignore format: a table

export const simdFpMiscScalar = semantics(
  SIMD_FP_MISC_SCALAR,
  {
    FCVTNS_scalar: s.ns.sd,
    FCVTMS_scalar: s.ms.sd,
    FCVTAS_scalar: s.as.sd,
    SCVTF_scalar: s.scvtf.sd,
    FCMGT_zero_scalar: s.gt.sd,
    FCMEQ_zero_scalar: s.eq.sd,
    FCMLT_zero_scalar: s.lt.sd,
    FCVTPS_scalar: s.ps.sd,
    FCVTZS_scalar: s.zs.sd,
    FRECPE_scalar: s.recpe.sd,
    FCVTNU_scalar: s.nu.sd,
    FCVTMU_scalar: s.mu.sd,
    FCVTAU_scalar: s.au.sd,
    UCVTF_scalar: s.ucvtf.sd,
    FCMGE_zero_scalar: s.ge.sd,
    FCMLE_zero_scalar: s.le.sd,
    FCVTPU_scalar: s.pu.sd,
    FCVTZU_scalar: s.zu.sd,
    FRSQRTE_scalar: s.rsqrte.sd,
    FRECPX: s.recpx.sd,
    FCVTXN_scalar: (o, { Rn, Rd }) => o.setFp(Rd, 32, o.fpConvert(64, 32, o.Vs(Rn, 64), 'odd'), Rd),

    FCVTNS_scalar_half: s.ns.half,
    FCVTMS_scalar_half: s.ms.half,
    FCVTAS_scalar_half: s.as.half,
    SCVTF_scalar_half: s.scvtf.half,
    FCMGT_zero_scalar_half: s.gt.half,
    FCMEQ_zero_scalar_half: s.eq.half,
    FCMLT_zero_scalar_half: s.lt.half,
    FCVTPS_scalar_half: s.ps.half,
    FCVTZS_scalar_half: s.zs.half,
    FRECPE_scalar_half: s.recpe.half,
    FCVTNU_scalar_half: s.nu.half,
    FCVTMU_scalar_half: s.mu.half,
    FCVTAU_scalar_half: s.au.half,
    UCVTF_scalar_half: s.ucvtf.half,
    FCMGE_zero_scalar_half: s.ge.half,
    FCMLE_zero_scalar_half: s.le.half,
    FCVTPU_scalar_half: s.pu.half,
    FCVTZU_scalar_half: s.zu.half,
    FRSQRTE_scalar_half: s.rsqrte.half,
    FRECPX_half: s.recpx.half,

    SCVTF_fixed_scalar_s: (o, f) => fixed32(o, f, overScalar, fromFixed(true)),
    SCVTF_fixed_scalar_d: (o, f) => fixed64(o, f, overScalar, fromFixed(true)),
    SCVTF_fixed_scalar_half: (o, f) => fixed16(o, f, overScalar, fromFixed(true)),
    UCVTF_fixed_scalar_s: (o, f) => fixed32(o, f, overScalar, fromFixed(false)),
    UCVTF_fixed_scalar_d: (o, f) => fixed64(o, f, overScalar, fromFixed(false)),
    UCVTF_fixed_scalar_half: (o, f) => fixed16(o, f, overScalar, fromFixed(false)),
    FCVTZS_fixed_scalar_s: (o, f) => fixed32(o, f, overScalar, toFixed(true)),
    FCVTZS_fixed_scalar_d: (o, f) => fixed64(o, f, overScalar, toFixed(true)),
    FCVTZS_fixed_scalar_half: (o, f) => fixed16(o, f, overScalar, toFixed(true)),
    FCVTZU_fixed_scalar_s: (o, f) => fixed32(o, f, overScalar, toFixed(false)),
    FCVTZU_fixed_scalar_d: (o, f) => fixed64(o, f, overScalar, toFixed(false)),
    FCVTZU_fixed_scalar_half: (o, f) => fixed16(o, f, overScalar, toFixed(false)),
  },
  { fp: true },
);
