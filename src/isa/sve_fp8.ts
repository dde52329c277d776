// Semantics of arch/a64/sve_fp8.ts: how the 8-bit elements lie in the registers. What becomes of them, and of FPMR, is the
// helpers' business, which work on 128-bit segments.

import type { FieldValues } from '../arch/a64/encoding.ts';
import { SVE_FP8, SVE_LUT } from '../arch/a64/sve_fp8.ts';
import type { VectorHelperName } from './helpers.ts';
import { routines } from './semantics.ts';
import { bySegment, type IndexOf, i1, i2, i3long } from './sve_fp_mla.ts';
import type { Plan, Routine, SveMachine } from './sve_machine.ts';

const i4: IndexOf = (f) => (f['i4h']! << 2) | f['i4l']!;
const byteOf = (v: bigint, i: number): bigint => (v >> BigInt(8 * i)) & 0xffn;
/** A segment from a function of the number of each byte. */
function bytes(f: (i: number) => bigint): bigint {
  let v = 0n;
  for (let i = 15; i >= 0; i--) v = (v << 8n) | f(i);
  return v;
}

// ---- conversions ----------------------------------------------------------------------------------------------------------

/** The even (phase 0) or odd bytes, widened. `stream` chooses format and scale. */
const widen =
  (helper: VectorHelperName, stream: 1 | 2, phase: 0 | 1): Routine =>
  (f, m): Plan => {
    const { Zd, Zn } = f as { Zd: number; Zn: number };
    const op = m.helperV(helper);
    return () =>
      bySegment(m, Zd, [Zn], (a) =>
        op(
          stream,
          bytes((i) => (i < 8 ? byteOf(a!, 2 * i + phase) : 0n)),
        ),
      );
  };

/** Z[n] as an array of bytes that stays as it is. */
const copyOf = (m: SveMachine, n: number): Uint8Array => m.u8.slice(m.z0 + 256 * n, m.z0 + 256 * n + m.vl);
const segmentOf = (v: Uint8Array, s: number): bigint => bytes((i) => BigInt(v[16 * s + i]!));

/**
 * The elements of two registers as bytes, alternating: into all bytes (halves), or (singles) into the even or the odd ones.
 * Into the even ones, the odd ones become zero.
 */
const narrow =
  (helper: VectorHelperName, from: 16 | 32, phase: 0 | 1 | 'all'): Routine =>
  (f, m): Plan => {
    const { Zd } = f as { Zd: number };
    const first = 2 * f['Zn']!;
    const op = m.helperV(helper);
    const perSegment = 128 / from;
    const stride = phase === 'all' ? 1 : 2;
    return () => {
      const sources = [copyOf(m, first), copyOf(m, first + 1)];
      const at = m.z0 + 256 * Zd;
      if (phase === 0) m.u8.fill(0, at, at + m.vl);
      for (const [which, source] of sources.entries()) {
        for (let s = 0; s < m.vl >>> 4; s++) {
          const made = op(from, segmentOf(source, s));
          for (let i = 0; i < perSegment; i++) {
            const place = 2 * (s * perSegment + i) + which;
            m.u8[at + place * stride + (phase === 1 ? 1 : 0)] = Number(byteOf(made, i));
          }
        }
      }
    };
  };

// ---- multiplications --------------------------------------------------------------------------------------------------------

type Multiply = readonly [helper: VectorHelperName, param: number];
const mulAdd = (fmt: 16 | 32, phase: number): Multiply => ['fp8MulAdd', fmt + phase];
const dot = (fmt: 16 | 32): Multiply => ['fp8Dot', fmt];
const matMul = (fmt: 16 | 32): Multiply => ['fp8MatMulAdd', fmt];

/** Zda, Zn and Zm; with an index, that group of `size` bytes of Zm everywhere in its segment. */
const multiply =
  ([helper, param]: Multiply, size = 1, indexOf?: IndexOf): Routine =>
  (f, m): Plan => {
    const { Zda, Zn, Zm } = f as { Zda: number; Zn: number; Zm: number };
    const op = m.helperV(helper);
    const first = indexOf === undefined ? undefined : size * indexOf(f);
    const second = (b: bigint): bigint => (first === undefined ? b : bytes((i) => byteOf(b, first + (i % size))));
    return () => bySegment(m, Zda, [Zda, Zn, Zm], (c, a, b) => op(param, c!, a!, second(b!)));
  };

/** @arm the pages of C8.2 for these instructions */
export const sveFp8 = routines(
  SVE_FP8,
  {
    F1CVT: widen('fp8ToHalf', 1, 0),
    F2CVT: widen('fp8ToHalf', 2, 0),
    BF1CVT: widen('fp8ToBf16', 1, 0),
    BF2CVT: widen('fp8ToBf16', 2, 0),
    F1CVTLT: widen('fp8ToHalf', 1, 1),
    F2CVTLT: widen('fp8ToHalf', 2, 1),
    BF1CVTLT: widen('fp8ToBf16', 1, 1),
    BF2CVTLT: widen('fp8ToBf16', 2, 1),
    FCVTN_z_hb: narrow('fpToFp8', 16, 'all'),
    BFCVTN_z_hb: narrow('bf16ToFp8', 16, 'all'),
    FCVTNB_z_sb: narrow('fpToFp8', 32, 0),
    FCVTNT_z_sb: narrow('fpToFp8', 32, 1),

    FMLALB_z_b: multiply(mulAdd(16, 0)),
    FMLALT_z_b: multiply(mulAdd(16, 1)),
    FMLALLBB_z: multiply(mulAdd(32, 0)),
    FMLALLBT_z: multiply(mulAdd(32, 1)),
    FMLALLTB_z: multiply(mulAdd(32, 2)),
    FMLALLTT_z: multiply(mulAdd(32, 3)),
    FMLALB_x_b: multiply(mulAdd(16, 0), 1, i4),
    FMLALT_x_b: multiply(mulAdd(16, 1), 1, i4),
    FMLALLBB_x_b: multiply(mulAdd(32, 0), 1, i4),
    FMLALLBT_x_b: multiply(mulAdd(32, 1), 1, i4),
    FMLALLTB_x_b: multiply(mulAdd(32, 2), 1, i4),
    FMLALLTT_x_b: multiply(mulAdd(32, 3), 1, i4),

    FDOT_z_bh: multiply(dot(16)),
    FDOT_x_bh: multiply(dot(16), 2, i3long),
    FDOT_z_bs: multiply(dot(32)),
    FDOT_x_bs: multiply(dot(32), 4, i2),

    FMMLA_z_bs: multiply(matMul(32)),
    FMMLA_z_bh: multiply(matMul(16)),
  },
  { fpmr: true },
);

// ---- table lookup --------------------------------------------------------------------------------------------------------------

/**
 * Elements of `size` bytes from a table in the lowest bytes of `tables` registers, chosen by indexes of `bits` bits:
 * those of the part of Zm that the instruction numbers.
 */
const lookup =
  (size: 1 | 2, bits: 2 | 4, indexOf: IndexOf, tables = 1): Routine =>
  (f: FieldValues, m): Plan => {
    const { Zd, Zn, Zm } = f as { Zd: number; Zn: number; Zm: number };
    const part = indexOf(f);
    const perTable = (size << bits) / tables;
    return () => {
      if (m.vl < perTable) return m.undefined();
      const indexes = copyOf(m, Zm);
      const table = new Uint8Array(perTable * tables);
      for (let t = 0; t < tables; t++) table.set(copyOf(m, (Zn + t) % 32).subarray(0, perTable), perTable * t);
      const at = m.z0 + 256 * Zd;
      const count = m.vl / size;
      for (let i = 0; i < count; i++) {
        const bit = (part * count + i) * bits;
        const index = (indexes[bit >>> 3]! >>> (bit & 7)) & ((1 << bits) - 1);
        for (let k = 0; k < size; k++) m.u8[at + size * i + k] = table[size * index + k]!;
      }
      return true;
    };
  };
export const sveLut = routines(SVE_LUT, {
  LUTI2_z_b: lookup(1, 2, i2),
  LUTI2_z_h: lookup(2, 2, i3long),
  LUTI4_z_b: lookup(1, 4, i1),
  LUTI4_z_h: lookup(2, 4, i2),
  LUTI4_z_h2: lookup(2, 4, i2, 2),
});
