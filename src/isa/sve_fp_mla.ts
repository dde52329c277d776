// Semantics of arch/a64/sve_fp_mla.ts: multiply-adds by vectors and by elements, dot products, matrices.

import type { FieldValues } from '../arch/a64/encoding.ts';
import { SVE_FP_MLA } from '../arch/a64/sve_fp_mla.ts';
import { routines } from './semantics.ts';
import { type Bind, type El, each, formatOf, fp, lanesOf } from './sve_fp_shapes.ts';
import { readMask } from './sve_lanes.ts';
import type { Plan, Routine, SveMachine } from './sve_machine.ts';

// ---- one multiply-add of addend and two factors, with signs ----------------------------------------------------------------

/** `addend` and `product`: which of them are negated. */
const mulAdd =
  (product: boolean, addend: boolean): Bind =>
  (m, fmt) => {
    const [op, neg] = [fp('fma')(m, fmt), fp('neg')(m, fmt)];
    return (c, a, b) => op(addend ? neg(c, 0, 0) : c, product ? neg(a, 0, 0) : a, b);
  };
/** The same with the addend last: rows that write a factor. */
const addendLast =
  (bind: Bind): Bind =>
  (m, fmt) => {
    const op = bind(m, fmt);
    return (a, b, c) => op(c, a, b);
  };
const mla = mulAdd(false, false);
const mls = mulAdd(true, false);
const nmla = mulAdd(true, true);
const nmls = mulAdd(false, true);

// ---- one element of each segment ---------------------------------------------------------------------------------------

/** Number of the element, by how the row splits it. */
export type IndexOf = (f: FieldValues) => number;
export const i1: IndexOf = (f) => f['i1']!;
export const i2: IndexOf = (f) => f['i2']!;
export const i3: IndexOf = (f) => (f['i3h']! << 2) | f['i3l']!;
/** Two upper bits and a lower one. */
export const i3long: IndexOf = (f) => (f['i3h']! << 1) | f['i3l']!;

/** Zda (or nothing), Zn and the indexed element of Zm. */
const byElement =
  (bind: Bind, size: number, indexOf: IndexOf): Routine =>
  (f, m) => {
    const { Zn, Zm, Zda, Zd } = f as { Zn: number; Zm: number; Zda?: number; Zd?: number };
    const lanes = lanesOf(m, size);
    const op = bind(m, formatOf(size));
    const index = indexOf(f);
    const last = (16 >>> size) - 1;
    return () => {
      const [a, b] = [lanes.read(0, Zn), lanes.read(1, Zm)];
      const c = Zda === undefined ? undefined : lanes.read(2, Zda);
      const out = lanes.room(3);
      const count = m.vl >>> size;
      for (let i = 0; i < count; i++) {
        const element = b[(i & ~last) + index]!;
        out[i] = c ? op(c[i]!, a[i]!, element) : op(a[i]!, element, 0);
      }
      lanes.write(Zda ?? Zd!, out);
    };
  };

// ---- complex multiply-adds: (real, imaginary) in neighbouring elements ---------------------------------------------------------

/**
 * Zda + the part of the product that comes from the real (rot 0, 2) or imaginary (rot 1, 3) part of Zn, with Zm turned by
 * rot quarter turns.
 */
const complexMulAdd =
  (size?: number, indexOf?: IndexOf): Routine =>
  (f, m): Plan => {
    const { Zda, Zn, Zm, Pg, rot } = f as { Zda: number; Zn: number; Zm: number; Pg?: number; rot: number };
    const esize = size ?? f['size']!;
    const lanes = lanesOf(m, esize);
    const [fma, neg] = [fp('fma')(m, formatOf(esize)), fp('neg')(m, formatOf(esize))];
    const odd = rot & 1;
    const negative = [rot === 1 || rot === 2, rot === 2 || rot === 3];
    const lastPair = (8 >>> esize) - 1;
    const index = indexOf?.(f);
    return () => {
      const [c, a, b] = [lanes.read(0, Zda), lanes.read(1, Zn), lanes.read(2, Zm)];
      const active = Pg === undefined ? undefined : readMask(m, 0, Pg, esize);
      const count = m.vl >>> esize;
      for (let i = 0; i < count; i++) {
        if (active && !active[i]) continue;
        const pair = i >> 1;
        const other = index === undefined ? pair : (pair & ~lastPair) + index;
        const element = b[2 * other + ((i & 1) ^ odd)]!;
        c[i] = fma(c[i]!, a[2 * pair + odd]!, negative[i & 1] ? neg(element, 0, 0) : element);
      }
      lanes.write(Zda, c);
    };
  };

// ---- from 16 bits into single precision ----------------------------------------------------------------------------------

type Helper = 'fpMulAddH' | 'bfMulAddH';
/** Singles + products of the even (phase 0) or odd elements; by element of each segment if there is an index. */
const widening =
  (helper: Helper, phase: 0 | 1, negate = false, indexOf?: IndexOf): Routine =>
  (f, m): Plan => {
    const { Zda, Zn, Zm } = f as { Zda: number; Zn: number; Zm: number };
    const [halves, singles] = [lanesOf(m, 1), lanesOf(m, 2)];
    const op = m.helper(helper);
    const neg = fp('neg')(m, 16);
    const index = indexOf?.(f);
    return () => {
      const [c, a, b] = [singles.read(0, Zda), halves.read(1, Zn), halves.read(2, Zm)];
      const count = m.vl >>> 2;
      for (let i = 0; i < count; i++) {
        const factor = a[2 * i + phase]!;
        const element = b[index === undefined ? 2 * i + phase : ((2 * i) & ~7) + index]!;
        c[i] = op(c[i]!, negate ? neg(factor, 0, 0) : factor, element);
      }
      singles.write(Zda, c);
    };
  };
/** Singles + products of pairs. */
const bfDot =
  (indexOf?: IndexOf): Routine =>
  (f, m): Plan => {
    const { Zda, Zn, Zm } = f as { Zda: number; Zn: number; Zm: number };
    const lanes = lanesOf(m, 2);
    const op = m.helper('bfDotAdd');
    const index = indexOf?.(f);
    return () => {
      const [c, a, b] = [lanes.read(0, Zda), lanes.read(1, Zn), lanes.read(2, Zm)];
      const count = m.vl >>> 2;
      for (let i = 0; i < count; i++) c[i] = op(c[i]!, a[i]!, b[index === undefined ? i : (i & ~3) + index]!);
      lanes.write(Zda, c);
    };
  };

// ---- matrices -------------------------------------------------------------------------------------------------------------

/** In groups of four elements, rows of two: Zda + Zn times Zm transposed. */
const matMulAdd =
  (size: 2 | 3): Routine =>
  (f, m): Plan => {
    const { Zda, Zn, Zm } = f as { Zda: number; Zn: number; Zm: number };
    const lanes = lanesOf(m, size);
    const [add, mul] = [fp('add')(m, formatOf(size)), fp('mul')(m, formatOf(size))];
    return () => {
      if (m.vl < 4 << size) return m.undefined();
      const [c, a, b] = [lanes.read(0, Zda), lanes.read(1, Zn), lanes.read(2, Zm)];
      const out = lanes.room(3);
      const count = m.vl >>> size;
      const product = (row: number, column: number): El => mul(a[row]!, b[column]!, 0);
      for (let i = 0; i < count; i++) {
        const group = i & ~3;
        const [row, column] = [group + (i & 2), group + 2 * (i & 1)];
        out[i] = add(c[i]!, add(product(row, column), product(row + 1, column + 1), 0), 0);
      }
      lanes.write(Zda, out);
      return true;
    };
  };

/** Carries out a helper on each 128-bit segment of Zda, Zn and Zm. */
export function bySegment(m: SveMachine, d: number, sources: readonly number[], op: (...v: bigint[]) => bigint): void {
  const at = (n: number, s: number): number => (m.z0 + 256 * n + 16 * s) >>> 3;
  const low = (1n << 64n) - 1n;
  for (let s = 0; s < m.vl >>> 4; s++) {
    const value = op(...sources.map((n) => m.u64[at(n, s)]! | (m.u64[at(n, s) + 1]! << 64n)));
    m.u64[at(d, s)] = value & low;
    m.u64[at(d, s) + 1] = value >> 64n;
  }
}
const bfMatMulAdd: Routine = (f, m): Plan => {
  const { Zda, Zn, Zm } = f as { Zda: number; Zn: number; Zm: number };
  const op = m.helperV('bfMatMulAdd');
  return () => bySegment(m, Zda, [Zda, Zn, Zm], (c, a, b) => op(0, c!, a!, b!));
};

const [H, S, D] = [1, 2, 3] as const;

/** @arm the pages of C8.2 for these instructions */
export const sveFpMla = routines(SVE_FP_MLA, {
  FMLA_p: each(mla),
  FMLS_p: each(mls),
  FNMLA_p: each(nmla),
  FNMLS_p: each(nmls),
  FMAD_p: each(addendLast(mla)),
  FMSB_p: each(addendLast(mls)),
  FNMAD_p: each(addendLast(nmla)),
  FNMSB_p: each(addendLast(nmls)),
  FCMLA_p: complexMulAdd(),

  FMLA_x_h: byElement(mla, H, i3),
  FMLA_x_s: byElement(mla, S, i2),
  FMLA_x_d: byElement(mla, D, i1),
  FMLS_x_h: byElement(mls, H, i3),
  FMLS_x_s: byElement(mls, S, i2),
  FMLS_x_d: byElement(mls, D, i1),
  FMUL_x_h: byElement(fp('mul'), H, i3),
  FMUL_x_s: byElement(fp('mul'), S, i2),
  FMUL_x_d: byElement(fp('mul'), D, i1),
  FCMLA_x_h: complexMulAdd(H, i2),
  FCMLA_x_s: complexMulAdd(S, i1),

  FMLALB_z: widening('fpMulAddH', 0),
  FMLALT_z: widening('fpMulAddH', 1),
  FMLSLB_z: widening('fpMulAddH', 0, true),
  FMLSLT_z: widening('fpMulAddH', 1, true),
  BFMLALB_z: widening('bfMulAddH', 0),
  BFMLALT_z: widening('bfMulAddH', 1),
  FMLALB_x_h: widening('fpMulAddH', 0, false, i3long),
  FMLALT_x_h: widening('fpMulAddH', 1, false, i3long),
  FMLSLB_x_h: widening('fpMulAddH', 0, true, i3long),
  FMLSLT_x_h: widening('fpMulAddH', 1, true, i3long),
  BFMLALB_x_h: widening('bfMulAddH', 0, false, i3long),
  BFMLALT_x_h: widening('bfMulAddH', 1, false, i3long),
  BFDOT_z: bfDot(),
  BFDOT_x_h: bfDot(i2),

  BFMMLA_z: bfMatMulAdd,
  FMMLA_z_s: matMulAdd(2),
  FMMLA_z_d: matMulAdd(3),
});
