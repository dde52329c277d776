// Semantics of arch/a64/simd_fp_indexed.ts: floating-point multiplications by one element, vector and scalar.

import { SIMD_FP_INDEXED, SIMD_FP_INDEXED_SCALAR } from '../arch/a64/simd_fp_indexed.ts';
import { broadcast, gather, type Vec3 } from './fp_lanes.ts';
import { countOf, type Fmt, type Kit, type Three, type Val } from './fp_shapes.ts';
import { semantics } from './semantics.ts';
import { complexMulAdd } from './simd_fp.ts';

/** The index bits of the three element sizes: H:L:M, H:L, H. */
interface IndexH extends Three {
  readonly H: number;
  readonly L: number;
  readonly M: number;
}
type IndexS = Omit<IndexH, 'M'>;
type IndexD = Omit<IndexS, 'L'>;
type WithQ<F> = F & { readonly Q: number };
const hIndex = ({ H, L, M }: { readonly H: number; readonly L: number; readonly M: number }) => (H << 2) | (L << 1) | M;
const sIndex = ({ H, L }: { readonly H: number; readonly L: number }) => (H << 1) | L;

// ---- vectors --------------------------------------------------------------------------------------------------------------

function elementwise(o: Kit, { Rm, Rn, Rd }: Three, fmt: Fmt, count: number, index: number, op: Vec3): void {
  const [acc, a, b] = [o.V(Rd), o.V(Rn), o.V(Rm)];
  o.setV(Rd, op(o, fmt, count, acc, a, broadcast(o, fmt, count, b, index)));
}
const vector = (op: Vec3) => ({
  h: (o: Kit, f: WithQ<IndexH>) => elementwise(o, f, 16, countOf(16, f.Q), hIndex(f), op),
  s: (o: Kit, f: WithQ<IndexS>) => elementwise(o, f, 32, countOf(32, f.Q), sIndex(f), op),
  d: (o: Kit, f: IndexD) => elementwise(o, f, 64, 2, f.H, op),
});
const fmla = vector((o, fmt, count, acc, a, b) => o.fpvFma(fmt, count, acc, a, b));
const fmls = vector((o, fmt, count, acc, a, b) => o.fpvFma(fmt, count, acc, o.fpvNeg(fmt, count, a), b));
const fmul = vector((o, fmt, count, _acc, a, b) => o.fpv2('mul', fmt, count, a, b));
const fmulx = vector((o, fmt, count, _acc, a, b) => o.fpv2('mulx', fmt, count, a, b));

const fmlal =
  (upper: boolean, subtract: boolean) =>
  (o: Kit, f: WithQ<IndexH>): void => {
    const [acc, a, b] = [o.V(f.Rd), o.V(f.Rn), o.lane(o.V(f.Rm), 16, hIndex(f))];
    const count = f.Q ? 4 : 2;
    const first = upper ? count : 0;
    const value = o.lanes(32, count, (i) => {
      const factor = o.lane(a, 16, first + i);
      return o.helper('fpMulAddH', o.lane(acc, 32, i), subtract ? o.fneg(16, factor) : factor, b);
    });
    o.setV(f.Rd, value);
  };
const bfmlal =
  (phase: 0 | 1) =>
  (o: Kit, f: IndexH): void => {
    const [acc, a, b] = [o.V(f.Rd), o.V(f.Rn), o.lane(o.V(f.Rm), 16, hIndex(f))];
    const value = o.lanes(32, 4, (i) => o.helper('bfMulAddH', o.lane(acc, 32, i), o.lane(a, 16, 2 * i + phase), b));
    o.setV(f.Rd, value);
  };
/** One complex element, a pair of `fmt`, against all of Rn. */
function complex(o: Kit, { Rm, Rn, Rd }: Three, fmt: Fmt, count: number, rot: number, index: number): void {
  const [acc, a, b] = [o.V(Rd), o.V(Rn), o.V(Rm)];
  const everywhere = gather(
    o,
    fmt,
    b,
    b,
    Array.from({ length: count }, (_, i) => 2 * index + (i & 1)),
  );
  o.setV(Rd, complexMulAdd(o, fmt, count, rot, acc, a, everywhere));
}

/** @arm the pages of C7.2 for these instructions, by element */
export const simdFpIndexed = semantics(
  SIMD_FP_INDEXED,
  {
    FMLA_elt_s: fmla.s,
    FMLA_elt_d: fmla.d,
    FMLA_elt_h: fmla.h,
    FMLS_elt_s: fmls.s,
    FMLS_elt_d: fmls.d,
    FMLS_elt_h: fmls.h,
    FMUL_elt_s: fmul.s,
    FMUL_elt_d: fmul.d,
    FMUL_elt_h: fmul.h,
    FMULX_elt_s: fmulx.s,
    FMULX_elt_d: fmulx.d,
    FMULX_elt_h: fmulx.h,
    FMLAL_elt: fmlal(false, false),
    FMLSL_elt: fmlal(false, true),
    FMLAL2_elt: fmlal(true, false),
    FMLSL2_elt: fmlal(true, true),
    FCMLA_elt_s: (o, f) => complex(o, f, 32, 4, f.rot, f.H),
    FCMLA_elt_h: (o, f) => complex(o, f, 16, countOf(16, f.Q), f.rot, sIndex(f)),
    BFDOT_elt: (o, f) => {
      const [acc, a, b] = [o.V(f.Rd), o.V(f.Rn), o.lane(o.V(f.Rm), 32, sIndex(f))];
      const dot = (i: number) => o.helper('bfDotAdd', o.lane(acc, 32, i), o.lane(a, 32, i), b);
      o.setV(f.Rd, o.lanes(32, f.Q ? 4 : 2, dot));
    },
    BFMLALB_elt: bfmlal(0),
    BFMLALT_elt: bfmlal(1),
  },
  { fp: true },
);

// ---- scalars: the rest of the register (FPCR.NEP) is the accumulator's, or else the first source's ---------------------------

function multiply(o: Kit, { Rm, Rn, Rd }: Three, fmt: Fmt, index: number, op: 'mul' | 'mulx'): void {
  o.setFp(Rd, fmt, o.fp2(op, fmt, o.Vs(Rn, fmt), o.lane(o.V(Rm), fmt, index)), Rn);
}
function accumulate(o: Kit, { Rm, Rn, Rd }: Three, fmt: Fmt, index: number, subtract: boolean): void {
  const acc = o.Vs(Rd, fmt);
  const a: Val = subtract ? o.fneg(fmt, o.Vs(Rn, fmt)) : o.Vs(Rn, fmt);
  o.setFp(Rd, fmt, o.fma(fmt, acc, a, o.lane(o.V(Rm), fmt, index)), Rd);
}
const scalar = (op: (o: Kit, f: Three, fmt: Fmt, index: number) => void) => ({
  h: (o: Kit, f: IndexH) => op(o, f, 16, hIndex(f)),
  s: (o: Kit, f: IndexS) => op(o, f, 32, sIndex(f)),
  d: (o: Kit, f: IndexD) => op(o, f, 64, f.H),
});
const sMla = scalar((o, f, fmt, index) => accumulate(o, f, fmt, index, false));
const sMls = scalar((o, f, fmt, index) => accumulate(o, f, fmt, index, true));
const sMul = scalar((o, f, fmt, index) => multiply(o, f, fmt, index, 'mul'));
const sMulx = scalar((o, f, fmt, index) => multiply(o, f, fmt, index, 'mulx'));

export const simdFpIndexedScalar = semantics(
  SIMD_FP_INDEXED_SCALAR,
  {
    FMLA_elt_scalar_s: sMla.s,
    FMLA_elt_scalar_d: sMla.d,
    FMLA_elt_scalar_h: sMla.h,
    FMLS_elt_scalar_s: sMls.s,
    FMLS_elt_scalar_d: sMls.d,
    FMLS_elt_scalar_h: sMls.h,
    FMUL_elt_scalar_s: sMul.s,
    FMUL_elt_scalar_d: sMul.d,
    FMUL_elt_scalar_h: sMul.h,
    FMULX_elt_scalar_s: sMulx.s,
    FMULX_elt_scalar_d: sMulx.d,
    FMULX_elt_scalar_h: sMulx.h,
  },
  { fp: true },
);
