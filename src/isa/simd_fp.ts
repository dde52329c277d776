// Semantics of arch/a64/simd_fp.ts: floating-point vector arithmetic on two or three registers, and its scalar forms.

import { SIMD_FP, SIMD_FP_SCALAR } from '../arch/a64/simd_fp.ts';
import { gather, reduce, unzip, type V3, type Vec2, vec2, vec3, vectors } from './fp_lanes.ts';
import { binary, type Fmt, type Kit, maskOf, sizes, type Three, type Two, type Val } from './fp_shapes.ts';
import type { Fp2 } from './ops.ts';
import { semantics } from './semantics.ts';

// ---- vectors --------------------------------------------------------------------------------------------------------------

const lanewise = (op: Fp2) => vec2((o, fmt, count, a, b) => o.fpv2(op, fmt, count, a, b));
/** The operation on neighbours: first those of Rn, then those of Rm. */
const pairwise = (op: Fp2) =>
  vec2((o, fmt, count, a, b) => o.fpv2(op, fmt, count, unzip(o, fmt, count, a, b, 0), unzip(o, fmt, count, a, b, 1)));
const test = (op: 'eq' | 'ge' | 'gt') => vec2((o, fmt, count, a, b) => o.fpvTest(op, fmt, count, a, b));
const absTest = (op: 'ge' | 'gt') =>
  vec2((o, fmt, count, a, b) => o.fpvTest(op, fmt, count, o.fpvAbs(fmt, count, a), o.fpvAbs(fmt, count, b)));
const absDifference: Vec2 = (o, fmt, count, a, b) => o.fpvAbs(fmt, count, o.fpv2('sub', fmt, count, a, b));

const add = lanewise('add');
const sub = lanewise('sub');
const mul = lanewise('mul');
const div = lanewise('div');
const mulx = lanewise('mulx');
const max = lanewise('max');
const min = lanewise('min');
const maxnm = lanewise('maxnm');
const minnm = lanewise('minnm');
const absmax = lanewise('absmax');
const absmin = lanewise('absmin');
const scale = lanewise('scale');
const recps = lanewise('recps');
const rsqrts = lanewise('rsqrts');
const addp = pairwise('add');
const maxp = pairwise('max');
const minp = pairwise('min');
const maxnmp = pairwise('maxnm');
const minnmp = pairwise('minnm');
const cmeq = test('eq');
const cmge = test('ge');
const cmgt = test('gt');
const acge = absTest('ge');
const acgt = absTest('gt');
const abd = vec2(absDifference);
const mla = vec3((o, fmt, count, acc, a, b) => o.fpvFma(fmt, count, acc, a, b));
const mls = vec3((o, fmt, count, acc, a, b) => o.fpvFma(fmt, count, acc, o.fpvNeg(fmt, count, a), b));

/** Singles += products of halves, the factors from the lower or the upper half of the sources. */
const fmlal =
  (upper: boolean, subtract: boolean) =>
  (o: Kit, { Q, Rm, Rn, Rd }: V3): void => {
    const [acc, a, b] = [o.V(Rd), o.V(Rn), o.V(Rm)];
    const count = Q ? 4 : 2;
    const first = upper ? count : 0;
    const value = o.lanes(32, count, (i) => {
      const factor = o.lane(a, 16, first + i);
      const x = subtract ? o.fneg(16, factor) : factor;
      return o.helper('fpMulAddH', o.lane(acc, 32, i), x, o.lane(b, 16, first + i));
    });
    o.setV(Rd, value);
  };

// ---- complex numbers: (real, imaginary) in neighbouring elements ---------------------------------------------------------

/** Rn + Rm turned by 90 (rot 0) or 270 degrees. */
const fcadd = vectors<V3 & { readonly rot: number }>((o, fmt, count, { rot, Rm, Rn, Rd }) => {
  const [a, b] = [o.V(Rn), o.V(Rm)];
  const turned = o.lanes(fmt, count, (i) => {
    const partner = o.lane(b, fmt, i ^ 1);
    return (i + rot) % 2 === 0 ? o.fneg(fmt, partner) : partner;
  });
  o.setV(Rd, o.fpv2('add', fmt, count, a, turned));
});

/**
 * acc + the part of the product that comes from the real (rot 0, 2) or imaginary (rot 1, 3) part of a, with b turned by
 * rot quarter turns.
 */
export function complexMulAdd(o: Kit, fmt: Fmt, count: number, rot: number, acc: Val, a: Val, b: Val): Val {
  const odd = rot & 1;
  const factor = gather(
    o,
    fmt,
    a,
    a,
    Array.from({ length: count }, (_, i) => (i & ~1) + odd),
  );
  const turned = o.lanes(fmt, count, (i) => {
    const element = o.lane(b, fmt, i ^ odd);
    const negative = rot === 2 || (rot === 1 && i % 2 === 0) || (rot === 3 && i % 2 === 1);
    return negative ? o.fneg(fmt, element) : element;
  });
  return o.fpvFma(fmt, count, acc, factor, turned);
}
const fcmla = vectors<V3 & { readonly rot: number }>((o, fmt, count, { rot, Rm, Rn, Rd }) =>
  o.setV(Rd, complexMulAdd(o, fmt, count, rot, o.V(Rd), o.V(Rn), o.V(Rm))),
);

// ---- BFloat16 --------------------------------------------------------------------------------------------------------------

/** Singles += products of the even (B) or odd (T) BFloat16 elements. */
const bfmlal =
  (phase: 0 | 1) =>
  (o: Kit, { Rm, Rn, Rd }: Three): void => {
    const [acc, a, b] = [o.V(Rd), o.V(Rn), o.V(Rm)];
    const value = o.lanes(32, 4, (i) =>
      o.helper('bfMulAddH', o.lane(acc, 32, i), o.lane(a, 16, 2 * i + phase), o.lane(b, 16, 2 * i + phase)),
    );
    o.setV(Rd, value);
  };

/** @arm the pages of C7.2 for these instructions */
export const simdFp = semantics(
  SIMD_FP,
  {
    FMAXNM_vec: maxnm.sd,
    FMLA_vec: mla.sd,
    FADD_vec: add.sd,
    FMULX_vec: mulx.sd,
    FCMEQ_vec: cmeq.sd,
    FMAX_vec: max.sd,
    FRECPS_vec: recps.sd,
    FMINNM_vec: minnm.sd,
    FMLS_vec: mls.sd,
    FSUB_vec: sub.sd,
    FMIN_vec: min.sd,
    FRSQRTS_vec: rsqrts.sd,
    FMAXNMP_vec: maxnmp.sd,
    FADDP_vec: addp.sd,
    FMUL_vec: mul.sd,
    FCMGE_vec: cmge.sd,
    FACGE_vec: acge.sd,
    FMAXP_vec: maxp.sd,
    FDIV_vec: div.sd,
    FMINNMP_vec: minnmp.sd,
    FABD_vec: abd.sd,
    FCMGT_vec: cmgt.sd,
    FACGT_vec: acgt.sd,
    FMINP_vec: minp.sd,
    FAMAX_vec: absmax.sd,
    FAMIN_vec: absmin.sd,
    FSCALE_vec: scale.sd,

    FMAXNM_vec_half: maxnm.half,
    FMLA_vec_half: mla.half,
    FADD_vec_half: add.half,
    FMULX_vec_half: mulx.half,
    FCMEQ_vec_half: cmeq.half,
    FMAX_vec_half: max.half,
    FRECPS_vec_half: recps.half,
    FMINNM_vec_half: minnm.half,
    FMLS_vec_half: mls.half,
    FSUB_vec_half: sub.half,
    FMIN_vec_half: min.half,
    FRSQRTS_vec_half: rsqrts.half,
    FMAXNMP_vec_half: maxnmp.half,
    FADDP_vec_half: addp.half,
    FMUL_vec_half: mul.half,
    FCMGE_vec_half: cmge.half,
    FACGE_vec_half: acge.half,
    FMAXP_vec_half: maxp.half,
    FDIV_vec_half: div.half,
    FMINNMP_vec_half: minnmp.half,
    FABD_vec_half: abd.half,
    FCMGT_vec_half: cmgt.half,
    FACGT_vec_half: acgt.half,
    FMINP_vec_half: minp.half,
    FAMAX_vec_half: absmax.half,
    FAMIN_vec_half: absmin.half,
    FSCALE_vec_half: scale.half,

    FMLAL_vec: fmlal(false, false),
    FMLSL_vec: fmlal(false, true),
    FMLAL2_vec: fmlal(true, false),
    FMLSL2_vec: fmlal(true, true),

    FCMLA_vec: fcmla.sd,
    FCMLA_vec_half: fcmla.half,
    FCADD_vec: fcadd.sd,
    FCADD_vec_half: fcadd.half,

    BFDOT_vec: (o, { Q, Rm, Rn, Rd }) => {
      const [acc, a, b] = [o.V(Rd), o.V(Rn), o.V(Rm)];
      const pair = (v: Val, i: number) => o.lane(v, 32, i);
      o.setV(
        Rd,
        o.lanes(32, Q ? 4 : 2, (i) => o.helper('bfDotAdd', pair(acc, i), pair(a, i), pair(b, i))),
      );
    },
    BFMMLA: (o, { Rm, Rn, Rd }) => o.setV(Rd, o.helperV('bfMatMulAdd', 0, o.V(Rd), o.V(Rn), o.V(Rm))),
    BFMLALB_vec: bfmlal(0),
    BFMLALT_vec: bfmlal(1),
  },
  { fp: true },
);

// ---- scalars -----------------------------------------------------------------------------------------------------------------

const scalar = (op: Fp2) => binary((o, fmt, a, b) => o.fp2(op, fmt, a, b));
/** A comparison gives a mask; with FPCR.NEP the rest comes from Rm, unlike elsewhere. */
const scalarTest = (op: 'eq' | 'ge' | 'gt', abs: boolean) =>
  sizes<Three>((o, fmt, { Rm, Rn, Rd }) => {
    const operand = (v: Val) => (abs ? o.fabs(fmt, v) : v);
    const holds = o.fpTest(op, fmt, operand(o.Vs(Rn, fmt)), operand(o.Vs(Rm, fmt)));
    o.setFp(Rd, fmt, maskOf(o, fmt, holds), Rm);
  });
const pair = (op: Fp2) =>
  sizes<Two>((o, fmt, { Rn, Rd }) =>
    o.setVs(
      Rd,
      fmt,
      reduce(o, fmt, 2, o.V(Rn), (lo, hi) => o.fp2(op, fmt, lo, hi)),
    ),
  );

const s = {
  mulx: scalar('mulx'),
  recps: scalar('recps'),
  rsqrts: scalar('rsqrts'),
  abd: binary((o, fmt, a, b) => o.fabs(fmt, o.fp2('sub', fmt, a, b))),
  cmeq: scalarTest('eq', false),
  cmge: scalarTest('ge', false),
  cmgt: scalarTest('gt', false),
  acge: scalarTest('ge', true),
  acgt: scalarTest('gt', true),
  maxnmp: pair('maxnm'),
  minnmp: pair('minnm'),
  maxp: pair('max'),
  minp: pair('min'),
  addp: pair('add'),
};

export const simdFpScalar = semantics(
  SIMD_FP_SCALAR,
  {
    FMULX_scalar: s.mulx.sd,
    FCMEQ_scalar: s.cmeq.sd,
    FRECPS_scalar: s.recps.sd,
    FRSQRTS_scalar: s.rsqrts.sd,
    FCMGE_scalar: s.cmge.sd,
    FACGE_scalar: s.acge.sd,
    FABD_scalar: s.abd.sd,
    FCMGT_scalar: s.cmgt.sd,
    FACGT_scalar: s.acgt.sd,

    FMULX_scalar_half: s.mulx.half,
    FCMEQ_scalar_half: s.cmeq.half,
    FRECPS_scalar_half: s.recps.half,
    FRSQRTS_scalar_half: s.rsqrts.half,
    FCMGE_scalar_half: s.cmge.half,
    FACGE_scalar_half: s.acge.half,
    FABD_scalar_half: s.abd.half,
    FCMGT_scalar_half: s.cmgt.half,
    FACGT_scalar_half: s.acgt.half,

    FMAXNMP_pair: s.maxnmp.sd,
    FMAXNMP_pair_half: s.maxnmp.half,
    FADDP_pair: s.addp.sd,
    FADDP_pair_half: s.addp.half,
    FMAXP_pair: s.maxp.sd,
    FMAXP_pair_half: s.maxp.half,
    FMINNMP_pair: s.minnmp.sd,
    FMINNMP_pair_half: s.minnmp.half,
    FMINP_pair: s.minp.sd,
    FMINP_pair_half: s.minp.half,
  },
  { fp: true },
);
