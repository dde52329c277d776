// Semantics of arch/a64/sve_fp_convert.ts. A conversion works on elements of the larger size: a smaller source is the low
// part of its element, a smaller result is extended, with its sign if it is a signed integer.

import { SVE_FP_CONVERT } from '../arch/a64/sve_fp_convert.ts';
import type { Fmt } from '../ir/ops.ts';
import { routines } from './semantics.ts';
import { type Bind, type El, fp, lanesOf, sizeOf } from './sve_fp_shapes.ts';
import { readMask } from './sve_lanes.ts';
import type { Plan, Routine, SveMachine } from './sve_machine.ts';

/** What one conversion is: formats (or widths of integers) of source and result, and how. */
interface Conversion {
  readonly from: Fmt;
  readonly to: Fmt;
  readonly bind: Bind;
  /** A smaller result is extended with its sign. */
  readonly signed?: boolean;
}

/** An element of `from` bits in a lane of `size` as the type of its own width. */
function narrowed(from: Fmt, size: number): (v: El) => El {
  if (size < 3 || from === 64) return from === 16 ? (v) => Number(v) & 0xffff : (v) => v;
  const mask = (1n << BigInt(from)) - 1n;
  return (v) => Number((v as bigint) & mask);
}
/** A result of `to` bits as an element of a lane of `size`. */
function widened(to: Fmt, size: number, signed: boolean): (v: El) => El {
  if (size === 3 && signed) return (v) => BigInt.asIntN(to, BigInt(v));
  if (size === 3) return to === 64 ? (v) => v : (v) => BigInt.asUintN(to, BigInt(v));
  return to === 16 ? (v) => Number(v) & 0xffff : (v) => v;
}
/** Converts active elements. */
const convert =
  ({ from, to, bind, signed = false }: Conversion): Routine =>
  (f, m): Plan => {
    const { Zd, Zn, Pg } = f as { Zd: number; Zn: number; Pg: number };
    const size = Math.max(sizeOf(from), sizeOf(to));
    const lanes = lanesOf(m, size);
    const [op, source, result] = [bind(m, from), narrowed(from, size), widened(to, size, signed)];
    return () => {
      const [d, a] = [lanes.read(0, Zd), lanes.read(1, Zn)];
      const active = readMask(m, 0, Pg, size);
      const count = m.vl >>> size;
      for (let i = 0; i < count; i++) if (active[i]) d[i] = result(op(source(a[i]!), 0, 0));
      lanes.write(Zd, d);
    };
  };
/** The result goes to, or the source comes from, the odd elements of the smaller size; active as the larger ones are. */
const odd =
  ({ from, to, bind }: Conversion): Routine =>
  (f, m): Plan => {
    const { Zd, Zn, Pg } = f as { Zd: number; Zn: number; Pg: number };
    const [source, result] = [sizeOf(from), sizeOf(to)];
    const size = Math.max(source, result);
    const [reader, writer] = [lanesOf(m, source), lanesOf(m, result)];
    const op = bind(m, from);
    const place = (i: number, small: boolean): number => (small ? 2 * i + 1 : i);
    return () => {
      const [a, d] = [reader.read(0, Zn), writer.read(1, Zd)];
      const active = readMask(m, 0, Pg, size);
      const count = m.vl >>> size;
      for (let i = 0; i < count; i++) {
        if (active[i]) d[place(i, result < size)] = op(a[place(i, source < size)]!, 0, 0);
      }
      writer.write(Zd, d);
    };
  };

const precision = (from: Fmt, to: Fmt, rounding = 'fpcr'): Conversion => ({
  from,
  to,
  bind: fp('convertIeee', { to, rounding }),
});
const toBf16: Conversion = { from: 32, to: 16, bind: (m: SveMachine) => m.helper('bfcvt') };
/** To an integer, rounding towards zero; 16-bit integers come from half precision only. */
const toInt = (signed: boolean, from: Fmt, to: Fmt): Routine =>
  convert({ from, to, bind: fp('toInt', { to, signed, rounding: 'zero' }), signed });
const fromInt = (signed: boolean, from: Fmt, to: Fmt): Routine =>
  convert({ from, to, bind: (m) => fp('fromInt', { to: from, signed })(m, to) });

/** @arm the pages of C8.2 for these instructions */
export const sveFpConvert = routines(SVE_FP_CONVERT, {
  FCVT_p_sh: convert(precision(32, 16)),
  FCVT_p_hs: convert(precision(16, 32)),
  FCVT_p_dh: convert(precision(64, 16)),
  FCVT_p_hd: convert(precision(16, 64)),
  FCVT_p_ds: convert(precision(64, 32)),
  FCVT_p_sd: convert(precision(32, 64)),
  BFCVT_p: convert(toBf16),
  FCVTX_p_ds: convert(precision(64, 32, 'odd')),
  FCVTXNT_p_ds: odd(precision(64, 32, 'odd')),
  FCVTNT_p_sh: odd(precision(32, 16)),
  FCVTNT_p_ds: odd(precision(64, 32)),
  FCVTLT_p_hs: odd(precision(16, 32)),
  FCVTLT_p_sd: odd(precision(32, 64)),
  BFCVTNT_p: odd(toBf16),

  FCVTZS_p_hh: toInt(true, 16, 16),
  FCVTZU_p_hh: toInt(false, 16, 16),
  FCVTZS_p_hs: toInt(true, 16, 32),
  FCVTZU_p_hs: toInt(false, 16, 32),
  FCVTZS_p_hd: toInt(true, 16, 64),
  FCVTZU_p_hd: toInt(false, 16, 64),
  FCVTZS_p_ss: toInt(true, 32, 32),
  FCVTZU_p_ss: toInt(false, 32, 32),
  FCVTZS_p_ds: toInt(true, 64, 32),
  FCVTZU_p_ds: toInt(false, 64, 32),
  FCVTZS_p_sd: toInt(true, 32, 64),
  FCVTZU_p_sd: toInt(false, 32, 64),
  FCVTZS_p_dd: toInt(true, 64, 64),
  FCVTZU_p_dd: toInt(false, 64, 64),

  SCVTF_p_hh: fromInt(true, 16, 16),
  UCVTF_p_hh: fromInt(false, 16, 16),
  SCVTF_p_sh: fromInt(true, 32, 16),
  UCVTF_p_sh: fromInt(false, 32, 16),
  SCVTF_p_dh: fromInt(true, 64, 16),
  UCVTF_p_dh: fromInt(false, 64, 16),
  SCVTF_p_ss: fromInt(true, 32, 32),
  UCVTF_p_ss: fromInt(false, 32, 32),
  SCVTF_p_sd: fromInt(true, 32, 64),
  UCVTF_p_sd: fromInt(false, 32, 64),
  SCVTF_p_ds: fromInt(true, 64, 32),
  UCVTF_p_ds: fromInt(false, 64, 32),
  SCVTF_p_dd: fromInt(true, 64, 64),
  UCVTF_p_dd: fromInt(false, 64, 64),
});
