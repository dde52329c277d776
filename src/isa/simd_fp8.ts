// Semantics of arch/a64/simd_fp8.ts: how the 8-bit elements lie in the registers. What becomes of them, and of FPMR, is
// the helpers' business.

import { SIMD_FP8 } from '../arch/a64/simd_fp8.ts';
import { setPart, type V2, type V3 } from './fp_lanes.ts';
import type { Kit, Three, Val } from './fp_shapes.ts';
import type { VectorHelperName } from './helpers.ts';
import { semantics } from './semantics.ts';

// ---- conversions ------------------------------------------------------------------------------------------------------------

/** The lower (Q = 0) or upper eight bytes of Rn, widened. `stream` chooses format and scale. */
const widen =
  (helper: VectorHelperName, stream: 1 | 2) =>
  (o: Kit, { Q, Rn, Rd }: V2): void => {
    const a = o.V(Rn);
    o.setV(Rd, o.helperV(helper, stream, Q ? o.shuffle(a, a, [8, 9, 10, 11, 12, 13, 14, 15, ...LOW]) : a));
  };
const LOW = [0, 1, 2, 3, 4, 5, 6, 7];
const of = (first: number, n: number): number[] => Array.from({ length: n }, (_, i) => first + i);

/** The elements of Rn, then those of Rm, as bytes: into the lower half of Rd, or with Q = 1 the upper. */
function narrowSingles(o: Kit, { Q, Rm, Rn, Rd }: V3): void {
  const [a, b] = [o.helperV('fpToFp8', 32, o.V(Rn)), o.helperV('fpToFp8', 32, o.V(Rm))];
  setPart(o, Rd, Q, o.shuffle(a, b, [...of(0, 4), ...of(16, 4), ...of(8, 8)]));
}
/** The same for half precision: 4 and 4 elements, or 8 and 8. */
function narrowHalves(o: Kit, { Q, Rm, Rn, Rd }: V3): void {
  const [a, b] = [o.V(Rn), o.V(Rm)];
  const pairs = [...LOW, ...of(16, 8)];
  if (Q) o.setV(Rd, o.shuffle(o.helperV('fpToFp8', 16, a), o.helperV('fpToFp8', 16, b), pairs));
  else o.setV(Rd, o.helperV('fpToFp8', 16, o.shuffle(a, b, pairs)));
}

// ---- multiplications ----------------------------------------------------------------------------------------------------------

type Multiply = (o: Kit, acc: Val, a: Val, b: Val) => Val;
const mulAdd =
  (fmt: 16 | 32, phase: number): Multiply =>
  (o, ...v) =>
    o.helperV('fp8MulAdd', fmt + phase, ...v);
const dot =
  (fmt: 16 | 32): Multiply =>
  (o, ...v) =>
    o.helperV('fp8Dot', fmt, ...v);
const matMul =
  (fmt: 16 | 32): Multiply =>
  (o, ...v) =>
    o.helperV('fp8MatMulAdd', fmt, ...v);

function write(o: Kit, f: Three, Q: number, op: Multiply, b: Val): void {
  const [acc, a] = [o.V(f.Rd), o.V(f.Rn)];
  const value = op(o, acc, a, b);
  o.setV(f.Rd, Q ? value : o.low64(value));
}
const vector =
  (op: Multiply) =>
  (o: Kit, f: Three): void =>
    write(o, f, 1, op, o.V(f.Rm));
const vectorQ =
  (op: Multiply) =>
  (o: Kit, f: V3): void =>
    write(o, f, f.Q, op, o.V(f.Rm));
/** `b` everywhere: group `index` of `size` bytes. */
function group(o: Kit, b: Val, size: number, index: number): Val {
  return o.shuffle(
    b,
    b,
    of(0, 16).map((i) => index * size + (i % size)),
  );
}
interface ByByte extends Three {
  readonly H: number;
  readonly L: number;
  readonly M: number;
  readonly n: number;
}
const byElement =
  (op: Multiply) =>
  (o: Kit, f: ByByte): void =>
    write(o, f, 1, op, group(o, o.V(f.Rm), 1, (f.H << 3) | (f.L << 2) | (f.M << 1) | f.n));

/** @arm the pages of C7.2 for these instructions */
export const simdFp8 = semantics(
  SIMD_FP8,
  {
    F1CVTL: widen('fp8ToHalf', 1),
    F2CVTL: widen('fp8ToHalf', 2),
    BF1CVTL: widen('fp8ToBf16', 1),
    BF2CVTL: widen('fp8ToBf16', 2),
    FCVTN_single_fp8: narrowSingles,
    FCVTN_half_fp8: narrowHalves,

    FDOT_2_vec: vectorQ(dot(16)),
    FDOT_2_elt: (o, f) => write(o, f, f.Q, dot(16), group(o, o.V(f.Rm), 2, (f.H << 2) | (f.L << 1) | f.M)),
    FDOT_4_vec: vectorQ(dot(32)),
    FDOT_4_elt: (o, f) => write(o, f, f.Q, dot(32), group(o, o.V(f.Rm), 4, (f.H << 1) | f.L)),

    FMLALB_fp8_vec: vector(mulAdd(16, 0)),
    FMLALT_fp8_vec: vector(mulAdd(16, 1)),
    FMLALLBB_vec: vector(mulAdd(32, 0)),
    FMLALLBT_vec: vector(mulAdd(32, 1)),
    FMLALLTB_vec: vector(mulAdd(32, 2)),
    FMLALLTT_vec: vector(mulAdd(32, 3)),
    FMLALB_fp8_elt: byElement(mulAdd(16, 0)),
    FMLALT_fp8_elt: byElement(mulAdd(16, 1)),
    FMLALLBB_elt: byElement(mulAdd(32, 0)),
    FMLALLBT_elt: byElement(mulAdd(32, 1)),
    FMLALLTB_elt: byElement(mulAdd(32, 2)),
    FMLALLTT_elt: byElement(mulAdd(32, 3)),

    FMMLA_fp8_half: vector(matMul(16)),
    FMMLA_fp8_single: vector(matMul(32)),
  },
  { fp: true, fpmr: true },
);
