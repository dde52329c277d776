// Semantics of arch/a64/sve_fp.ts: arithmetic, comparisons, reductions.

import { SVE_FP } from '../arch/a64/sve_fp.ts';
import type { FpOp } from '../ir/fp_ops.ts';
import { routines } from './semantics.ts';
import {
  accumulate, type Bind, compare, each, formatOf, fp, lanesOf, pairwise, reduce,
  reduceSegments, withConstant,
} from './sve_fp_shapes.ts'; // biome-ignore format: a table
import { readMask } from './sve_lanes.ts';
import type { Plan, Routine } from './sve_machine.ts';

const add = fp('add');
const sub = fp('sub');
const mul = fp('mul');
const max = fp('max');
const min = fp('min');
const maxnm = fp('maxnm');
const minnm = fp('minnm');
const round = (rounding: string, exact = false): Bind => fp('roundInt', { rounding, exact });

/** The operation with its first two operands exchanged. */
export const reversed =
  (bind: Bind): Bind =>
  (m, fmt) => {
    const op = bind(m, fmt);
    return (a, b, c) => op(b, a, c);
  };
const absoluteDifference: Bind = (m, fmt) => {
  const [minus, abs] = [sub(m, fmt), fp('abs')(m, fmt)];
  return (a, b) => abs(minus(a, b, 0), 0, 0);
};
const absolutes =
  (test: Bind): Bind =>
  (m, fmt) => {
    const [holds, abs] = [test(m, fmt), fp('abs')(m, fmt)];
    return (a, b) => holds(abs(a, 0, 0), abs(b, 0, 0), 0);
  };
const test = (op: FpOp): Bind => fp(op);
const notEqual: Bind = (m, fmt) => {
  const equal = fp('eq')(m, fmt);
  return (a, b) => (equal(a, b, 0) ? 0 : 1);
};
const UNORDERED = 0b0011;
const unordered: Bind = (m, fmt) => {
  const nzcv = fp('compare')(m, fmt);
  return (a, b) => (nzcv(a, b, 0) === UNORDERED ? 1 : 0);
};

/** Zdn + Zm turned by 90 (rot 0) or 270 degrees; (real, imaginary) in neighbouring elements. */
const complexAdd: Routine = (f, m): Plan => {
  const { size, rot, Zdn, Zm, Pg } = f as { size: number; rot: number; Zdn: number; Zm: number; Pg: number };
  const lanes = lanesOf(m, size);
  const [plus, neg] = [add(m, formatOf(size)), fp('neg')(m, formatOf(size))];
  return () => {
    const [d, b] = [lanes.read(0, Zdn), lanes.read(1, Zm)];
    const active = readMask(m, 0, Pg, size);
    const count = m.vl >>> size;
    for (let i = 0; i < count; i++) {
      if (!active[i]) continue;
      const partner = b[i ^ 1]!;
      d[i] = plus(d[i]!, (i + rot) % 2 === 0 ? neg(partner, 0, 0) : partner, 0);
    }
    lanes.write(Zdn, d);
  };
};
/** imm3 numbers the coefficient. */
const trigMulAdd: Routine = (f, m): Plan => {
  const bind: Bind = (pe, fmt) => {
    const op = fp('trigMAdd')(pe, fmt);
    return (a, b) => op(a, b, f['imm3']!);
  };
  return each(bind)(f, m);
};
/** Zd clamped to Zn..Zm. */
const clamp: Routine = (f, m): Plan => {
  const bind: Bind = (pe, fmt) => {
    const [lower, upper] = [minnm(pe, fmt), maxnm(pe, fmt)];
    return (low, high, value) => lower(upper(low, value, 0), high, 0);
  };
  return each(bind)({ size: f['size']!, Zn: f['Zn']!, Zm: f['Zm']!, Za: f['Zd']!, Zd: f['Zd']! }, m);
};

/** @arm the pages of C8.2 for these instructions */
export const sveFp = routines(SVE_FP, {
  FADD_z: each(add),
  FSUB_z: each(sub),
  FMUL_z: each(mul),
  FTSMUL: each(fp('trigSMul')),
  FRECPS_z: each(fp('recps')),
  FRSQRTS_z: each(fp('rsqrts')),
  FTMAD: trigMulAdd,
  FRECPE_z: each(fp('recpe')),
  FRSQRTE_z: each(fp('rsqrte')),

  FADD_p: each(add),
  FSUB_p: each(sub),
  FMUL_p: each(mul),
  FSUBR_p: each(reversed(sub)),
  FMAXNM_p: each(maxnm),
  FMINNM_p: each(minnm),
  FMAX_p: each(max),
  FMIN_p: each(min),
  FABD_p: each(absoluteDifference),
  FSCALE_p: each(fp('scale')),
  FMULX_p: each(fp('mulx')),
  FDIVR_p: each(reversed(fp('div'))),
  FDIV_p: each(fp('div')),
  FAMAX_p: each(fp('absmax')),
  FAMIN_p: each(fp('absmin')),

  FADD_pi: withConstant(add, 0.5, 1),
  FSUB_pi: withConstant(sub, 0.5, 1),
  FMUL_pi: withConstant(mul, 0.5, 2),
  FSUBR_pi: withConstant(reversed(sub), 0.5, 1),
  FMAXNM_pi: withConstant(maxnm, 0, 1),
  FMINNM_pi: withConstant(minnm, 0, 1),
  FMAX_pi: withConstant(max, 0, 1),
  FMIN_pi: withConstant(min, 0, 1),

  FRINTN_p: each(round('tieeven')),
  FRINTP_p: each(round('plusinf')),
  FRINTM_p: each(round('minusinf')),
  FRINTZ_p: each(round('zero')),
  FRINTA_p: each(round('tieaway')),
  FRINTX_p: each(round('fpcr', true)),
  FRINTI_p: each(round('fpcr')),
  FRECPX_p: each(fp('recpx')),
  FSQRT_p: each(fp('sqrt')),
  FLOGB_p: each(fp('logB')),

  FCMGE_ppz: compare(test('ge')),
  FCMGT_ppz: compare(test('gt')),
  FCMEQ_ppz: compare(test('eq')),
  FCMNE_ppz: compare(notEqual),
  FCMUO_ppz: compare(unordered),
  FACGE_ppz: compare(absolutes(test('ge'))),
  FACGT_ppz: compare(absolutes(test('gt'))),
  FCMGE_pp0: compare(test('ge')),
  FCMGT_pp0: compare(test('gt')),
  FCMLT_pp0: compare(reversed(test('gt'))),
  FCMLE_pp0: compare(reversed(test('ge'))),
  FCMEQ_pp0: compare(test('eq')),
  FCMNE_pp0: compare(notEqual),

  FADDV: reduce(add, 'zero'),
  FMAXNMV_p: reduce(maxnm, 'nan'),
  FMINNMV_p: reduce(minnm, 'nan'),
  FMAXV_p: reduce(max, 'minusinf'),
  FMINV_p: reduce(min, 'plusinf'),
  FADDA: accumulate(add),
  FADDQV: reduceSegments(add, 'zero'),
  FMAXNMQV: reduceSegments(maxnm, 'nan'),
  FMINNMQV: reduceSegments(minnm, 'nan'),
  FMAXQV: reduceSegments(max, 'minusinf'),
  FMINQV: reduceSegments(min, 'plusinf'),

  FADDP_p: pairwise(add),
  FMAXNMP_p: pairwise(maxnm),
  FMINNMP_p: pairwise(minnm),
  FMAXP_p: pairwise(max),
  FMINP_p: pairwise(min),
  FCADD_p: complexAdd,
  FCLAMP: clamp,
});
