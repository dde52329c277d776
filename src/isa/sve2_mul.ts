// Semantics of arch/a64/sve2_mul.ts: integer multiplications.

import type { FieldValues } from '../arch/a64/encoding.ts';
import { SVE2_MUL } from '../arch/a64/sve2_mul.ts';
import { routines } from './semantics.ts';
import { i1, i2, i3, i3long } from './sve_fp_mla.ts';
import type { Plan, Routine } from './sve_machine.ts';
import * as op from './sve2_ops.ts';
import { byElement, type IntOp, lanewise, long, type Part, produce, reader, signed, toSigned } from './sve2_shapes.ts';

type IndexOf = (f: FieldValues) => number;
/** Two fields of the single bits of a number below 4. */
const i2long: IndexOf = (f) => (f['i2h']! << 1) | f['i2l']!;

/** Results of size `size` += products of as many narrower elements as fit; `times` narrower. */
const dot =
  (signs: 'ss' | 'uu' | 'us' | 'su', times: 2 | 4, size: number, indexOf?: IndexOf): Routine =>
  (f, m): Plan => {
    const { Zda, Zn, Zm } = f as { Zda: number; Zn: number; Zm: number };
    const small = size - Math.log2(times);
    const [wide, get] = [reader(m, size), reader(m, small)];
    const bits = 8 << small;
    const read = (sign: string, n: number, i: number): bigint => (sign === 's' ? toSigned(get(n, i), bits) : get(n, i));
    const index = indexOf?.(f);
    const segment = (16 >>> size) - 1;
    return () =>
      produce(m, Zda, size, (i) => {
        const group = times * (index === undefined ? i : (i & ~segment) + index);
        let sum = wide(Zda, i);
        for (let k = 0; k < times; k++) sum += read(signs[0]!, Zn, times * i + k) * read(signs[1]!, Zm, group + k);
        return sum;
      });
  };

/** In each segment, 2 by 8 bytes times 2 by 8 bytes transposed. */
const matMul =
  (signs: 'ss' | 'uu' | 'us'): Routine =>
  (f, m): Plan => {
    const { Zda, Zn, Zm } = f as { Zda: number; Zn: number; Zm: number };
    const [wide, get] = [reader(m, 2), reader(m, 0)];
    const read = (sign: string, n: number, i: number): bigint => (sign === 's' ? toSigned(get(n, i), 8) : get(n, i));
    return () =>
      produce(m, Zda, 2, (i) => {
        const segment = 16 * (i >> 2);
        const [row, column] = [segment + 8 * ((i >> 1) & 1), segment + 8 * (i & 1)];
        let sum = wide(Zda, i);
        for (let k = 0; k < 8; k++) sum += read(signs[0]!, Zn, row + k) * read(signs[1]!, Zm, column + k);
        return sum;
      });
  };

/**
 * By the indexed pair of Zm: Zda + the part of the complex product that comes from the real (rot 0, 2) or imaginary (rot 1, 3) part of Zn, with Zm
 * turned by rot quarter turns. The operation gets the sign of the product.
 */
const complexMulAdd =
  (make: (sign: 1n | -1n) => IntOp, size: number, indexOf: IndexOf): Routine =>
  (f, m): Plan => {
    const { Zda, Zn, Zm, rot } = f as { Zda: number; Zn: number; Zm: number; rot: number };
    const get = reader(m, size);
    const odd = rot & 1;
    const ops = [make(rot === 1 || rot === 2 ? -1n : 1n), make(rot >= 2 ? -1n : 1n)];
    const lastPair = (8 >>> size) - 1;
    const index = indexOf(f);
    return () =>
      produce(m, Zda, size, (i) => {
        const pair = i >> 1;
        const other = (pair & ~lastPair) + index;
        const b = get(Zm, 2 * other + ((i & 1) ^ odd));
        return ops[i & 1]!(get(Zn, 2 * pair + odd), b, get(Zda, i), 8 << size);
      });
  };
/** Two complex products' real (rot 0, 2) or imaginary part, of Zn and Zm or (rot 1, 2) its conjugate. */
const complexDot =
  (size: number, indexOf: IndexOf): Routine =>
  (f, m): Plan => {
    const { Zda, Zn, Zm, rot } = f as { Zda: number; Zn: number; Zm: number; rot: number };
    const [wide, small] = [reader(m, size), reader(m, size - 2)];
    const get = (n: number, i: number): bigint => toSigned(small(n, i), 2 << size);
    const odd = rot & 1;
    const sign = rot === 0 || rot === 3 ? -1n : 1n;
    const index = indexOf(f);
    const segment = (16 >>> size) - 1;
    return () =>
      produce(m, Zda, size, (i) => {
        const group = 4 * ((i & ~segment) + index);
        let sum = wide(Zda, i);
        for (let k = 0; k < 4; k += 2) {
          sum += get(Zn, 4 * i + k) * get(Zm, group + k + odd);
          sum += sign * get(Zn, 4 * i + k + 1) * get(Zm, group + k + (odd ^ 1));
        }
        return sum;
      });
  };

const cmla = (sign: 1n | -1n): IntOp => (sign > 0n ? op.mla : op.mls);
const [H, S, D] = [1, 2, 3] as const;

/** The rows of one operation for even and odd elements: of vectors, and of an element of 16 or 32 bits. */
const pair = (sign: 's' | 'u', f: IntOp) => {
  const rows = (part: Part) => ({
    z: long(sign, f, part),
    h: long(sign, f, part, part, { size: 2, index: i3long }),
    s: long(sign, f, part, part, { size: 3, index: i2long }),
  });
  return { b: rows('B'), t: rows('T') };
};
const smlal = pair('s', op.mla);
const umlal = pair('u', op.mla);
const smlsl = pair('s', op.mls);
const umlsl = pair('u', op.mls);
const smull = pair('s', op.mul);
const umull = pair('u', op.mul);
const sqdmlal = pair('s', op.sqdmlal(1n));
const sqdmlsl = pair('s', op.sqdmlal(-1n));
const sqdmull = pair('s', op.sqdmull);

/** @arm the pages of C8.2 for these instructions */
export const sve2Mul = routines(SVE2_MUL, {
  MUL_z: lanewise(op.mul),
  PMUL_z: lanewise(op.polynomial, 0),
  SMULH_z: lanewise(signed(op.mulHigh)),
  UMULH_z: lanewise(op.mulHigh),
  SQDMULH_z: lanewise(op.sqdmulh),
  SQRDMULH_z: lanewise(op.sqrdmulh),

  SQDMULLB_z: sqdmull.b.z,
  SQDMULLT_z: sqdmull.t.z,
  PMULLB: long('u', op.polynomial, 'B'),
  PMULLT: long('u', op.polynomial, 'T'),
  PMULLB_q: long('u', op.polynomial, 'B', 'B', { size: 4 }),
  PMULLT_q: long('u', op.polynomial, 'T', 'T', { size: 4 }),
  SMULLB_z: smull.b.z,
  SMULLT_z: smull.t.z,
  UMULLB_z: umull.b.z,
  UMULLT_z: umull.t.z,

  SMMLA_z: matMul('ss'),
  USMMLA_z: matMul('us'),
  UMMLA_z: matMul('uu'),

  MLA_x_h: byElement(op.mla, H, i3),
  MLA_x_s: byElement(op.mla, S, i2),
  MLA_x_d: byElement(op.mla, D, i1),
  MLS_x_h: byElement(op.mls, H, i3),
  MLS_x_s: byElement(op.mls, S, i2),
  MLS_x_d: byElement(op.mls, D, i1),
  SQRDMLAH_x_h: byElement(op.sqrdmlah(1n), H, i3),
  SQRDMLAH_x_s: byElement(op.sqrdmlah(1n), S, i2),
  SQRDMLAH_x_d: byElement(op.sqrdmlah(1n), D, i1),
  SQRDMLSH_x_h: byElement(op.sqrdmlah(-1n), H, i3),
  SQRDMLSH_x_s: byElement(op.sqrdmlah(-1n), S, i2),
  SQRDMLSH_x_d: byElement(op.sqrdmlah(-1n), D, i1),
  MUL_x_h: byElement(op.mul, H, i3),
  MUL_x_s: byElement(op.mul, S, i2),
  MUL_x_d: byElement(op.mul, D, i1),
  SQDMULH_x_h: byElement(op.sqdmulh, H, i3),
  SQDMULH_x_s: byElement(op.sqdmulh, S, i2),
  SQDMULH_x_d: byElement(op.sqdmulh, D, i1),
  SQRDMULH_x_h: byElement(op.sqrdmulh, H, i3),
  SQRDMULH_x_s: byElement(op.sqrdmulh, S, i2),
  SQRDMULH_x_d: byElement(op.sqrdmulh, D, i1),
  SMLALB_x_h: smlal.b.h,
  SMLALB_x_s: smlal.b.s,
  SMLALT_x_h: smlal.t.h,
  SMLALT_x_s: smlal.t.s,
  UMLALB_x_h: umlal.b.h,
  UMLALB_x_s: umlal.b.s,
  UMLALT_x_h: umlal.t.h,
  UMLALT_x_s: umlal.t.s,
  SMLSLB_x_h: smlsl.b.h,
  SMLSLB_x_s: smlsl.b.s,
  SMLSLT_x_h: smlsl.t.h,
  SMLSLT_x_s: smlsl.t.s,
  UMLSLB_x_h: umlsl.b.h,
  UMLSLB_x_s: umlsl.b.s,
  UMLSLT_x_h: umlsl.t.h,
  UMLSLT_x_s: umlsl.t.s,
  SMULLB_x_h: smull.b.h,
  SMULLB_x_s: smull.b.s,
  SMULLT_x_h: smull.t.h,
  SMULLT_x_s: smull.t.s,
  UMULLB_x_h: umull.b.h,
  UMULLB_x_s: umull.b.s,
  UMULLT_x_h: umull.t.h,
  UMULLT_x_s: umull.t.s,
  SQDMLALB_x_h: sqdmlal.b.h,
  SQDMLALB_x_s: sqdmlal.b.s,
  SQDMLALT_x_h: sqdmlal.t.h,
  SQDMLALT_x_s: sqdmlal.t.s,
  SQDMLSLB_x_h: sqdmlsl.b.h,
  SQDMLSLB_x_s: sqdmlsl.b.s,
  SQDMLSLT_x_h: sqdmlsl.t.h,
  SQDMLSLT_x_s: sqdmlsl.t.s,
  SQDMULLB_x_h: sqdmull.b.h,
  SQDMULLB_x_s: sqdmull.b.s,
  SQDMULLT_x_h: sqdmull.t.h,
  SQDMULLT_x_s: sqdmull.t.s,

  SDOT_x_b: dot('ss', 4, S, i2),
  SDOT_x_h: dot('ss', 4, D, i1),
  UDOT_x_b: dot('uu', 4, S, i2),
  UDOT_x_h: dot('uu', 4, D, i1),
  USDOT_x_b: dot('us', 4, S, i2),
  SUDOT_x_b: dot('su', 4, S, i2),
  SDOT_z_hs: dot('ss', 2, S),
  UDOT_z_hs: dot('uu', 2, S),
  SDOT_x_hs: dot('ss', 2, S, i2),
  UDOT_x_hs: dot('uu', 2, S, i2),
  CDOT_x_b: complexDot(S, i2),
  CDOT_x_h: complexDot(D, i1),
  CMLA_x_h: complexMulAdd(cmla, H, i2),
  CMLA_x_s: complexMulAdd(cmla, S, i1),
  SQRDCMLAH_x_h: complexMulAdd(op.sqrdmlah, H, i2),
  SQRDCMLAH_x_s: complexMulAdd(op.sqrdmlah, S, i1),
});
