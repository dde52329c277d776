// What SVE floating-point rows share: an operation bound to the PE for one format, and operand shapes. Which registers are
// read and written follows from the fields of a row: Zd, Zda or Zdn is written, Zda and Zdn are read first, then Zn, Zm,
// Za; with Pg only active elements change and count.

import type { FieldValues } from '../arch/a64/encoding.ts';
import type { FpOp } from '../ir/fp_ops.ts';
import type { Fmt, FpAttr } from '../ir/ops.ts';
import { type Lanes, maskRoom, narrow, readMask, wide, writeMask } from './sve_lanes.ts';
import type { Routine, SveMachine } from './sve_machine.ts';

/** An element: a number of up to 32 bits (of any sign), or a bigint of 64. */
export type El = number | bigint;
/** An operation on elements, bound to the state of a PE. */
export type Bound = (a: El, b: El, c: El) => El;
/** How to bind it for a format. */
export type Bind = (m: SveMachine, fmt: Fmt) => Bound;

/** log2 of the bytes of an element of a format. */
export const sizeOf = (fmt: Fmt): number => (fmt === 16 ? 1 : fmt === 32 ? 2 : 3);
export const formatOf = (size: number): Fmt => (8 << size) as Fmt;

/** One operation of ir/ops.ts. */
export const fp =
  (op: FpOp, rest: Partial<FpAttr> = {}): Bind =>
  (m, fmt) =>
    m.fp({ op, fmt, to: fmt, signed: false, exact: false, rounding: '', ...rest });

export function lanesOf(m: SveMachine, size: number): Lanes<El> {
  return (size < 3 ? narrow(m, size) : wide(m)) as Lanes<El>;
}

/** The register that is written, and the sources in order. */
export function registersOf(f: FieldValues): { readonly d: number; readonly sources: readonly number[] } {
  const destructive = f['Zda'] ?? f['Zdn'];
  const sources = [destructive, f['Zn'], f['Zm'], f['Za']].filter((n) => n !== undefined);
  return { d: f['Zd'] ?? destructive!, sources };
}

/** Each element of the result from the elements beside it. */
export const each =
  (bind: Bind, size?: number): Routine =>
  (f, m) => {
    const esize = size ?? f['size']!;
    const lanes = lanesOf(m, esize);
    const { d, sources } = registersOf(f);
    const [r0, r1, r2] = [sources[0]!, sources[1] ?? sources[0]!, sources[2] ?? sources[0]!];
    const op = bind(m, formatOf(esize));
    const pg = f['Pg'];
    return () => {
      const [a, b, c] = [lanes.read(0, r0), lanes.read(1, r1), lanes.read(2, r2)];
      const out = pg === undefined ? lanes.room(3) : lanes.read(3, d);
      const active = pg === undefined ? undefined : readMask(m, 0, pg, esize);
      const count = m.vl >>> esize;
      for (let i = 0; i < count; i++) if (!active || active[i]) out[i] = op(a[i]!, b[i]!, c[i]!);
      lanes.write(d, out);
    };
  };

/** Zdn and a constant, one of two by i1. */
export const withConstant =
  (bind: Bind, ...values: readonly [number, number]): Routine =>
  (f, m) => {
    const constant = patternOf(values[f['i1']!]!, formatOf(f['size']!));
    const made: Bind = (pe, fmt) => {
      const op = bind(pe, fmt);
      return (a) => op(a, constant, 0);
    };
    return each(made)(f, m);
  };
/** A small power of two, or zero, as a bit pattern. */
function patternOf(value: number, fmt: Fmt): El {
  if (value === 0) return fmt === 64 ? 0n : 0;
  const [E, F] = fmt === 16 ? [5, 10] : fmt === 32 ? [8, 23] : [11, 52];
  const exponent = 2 ** (E - 1) - 1 + Math.log2(value);
  return fmt === 64 ? BigInt(exponent) << BigInt(F) : exponent * 2 ** F;
}

/** Pd: whether `test` gives nonzero for Zn and Zm, or Zn and zero. */
export const compare =
  (test: Bind): Routine =>
  (f, m) => {
    const size = f['size']!;
    const lanes = lanesOf(m, size);
    const { Pd, Pg, Zn, Zm } = f as { Pd: number; Pg: number; Zn: number; Zm?: number };
    const holds = test(m, formatOf(size));
    const zero = lanes.of(0);
    return () => {
      const a = lanes.read(0, Zn);
      const b = Zm === undefined ? undefined : lanes.read(1, Zm);
      const active = readMask(m, 0, Pg, size);
      const out = maskRoom(1);
      const count = m.vl >>> size;
      for (let i = 0; i < count; i++) out[i] = active[i] && holds(a[i]!, b ? b[i]! : zero, zero) ? 1 : 0;
      writeMask(m, Pd, size, out);
    };
  };

// ---- reductions ---------------------------------------------------------------------------------------------------------

/** Folds neighbouring halves until one element is left, as Arm's Reduce does: `rest` fills up to a power of two. Overwrites `values`. */
function fold(op: Bound, values: El[], rest: El): El {
  while (values.length & (values.length - 1)) values.push(rest);
  for (let n = values.length; n > 1; n >>= 1) {
    for (let i = 0; i < n; i += 2) values[i >> 1] = op(values[i]!, values[i + 1]!, 0);
  }
  return values[0]!;
}
/** What inactive elements count as: plus zero, the default NaN, an infinity. */
export type Neutral = 'zero' | 'nan' | 'plusinf' | 'minusinf';
function neutralOf(m: SveMachine, kind: Neutral, fmt: Fmt): El {
  if (kind === 'zero') return fmt === 64 ? 0n : 0;
  const [all, F] = fmt === 16 ? [0x7c00n, 10n] : fmt === 32 ? [0x7f80_0000n, 23n] : [0x7ff0_0000_0000_0000n, 52n];
  const sign = kind === 'minusinf' || (kind === 'nan' && m.fpcr & FPCR_AH);
  const bits = all | (kind === 'nan' ? 1n << (F - 1n) : 0n) | (sign ? 1n << BigInt(fmt - 1) : 0n);
  return fmt === 64 ? bits : Number(bits);
}
const FPCR_AH = 2;

/** Vd = all active elements of Zn folded; the rest of the register is zero. */
export const reduce =
  (bind: Bind, neutral: Neutral): Routine =>
  (f, m) => {
    const { size, Zn, Pg, Vd } = f as { size: number; Zn: number; Pg: number; Vd: number };
    const lanes = lanesOf(m, size);
    const op = bind(m, formatOf(size));
    return () => {
      const a = lanes.read(0, Zn);
      const active = readMask(m, 0, Pg, size);
      const count = m.vl >>> size;
      const rest = neutralOf(m, neutral, formatOf(size));
      const values = Array.from({ length: count }, (_, i) => (active[i] ? a[i]! : rest));
      writeScalar(m, lanes, Vd, fold(op, values, rest));
    };
  };
export function writeScalar(m: SveMachine, lanes: Lanes<El>, n: number, value: El): void {
  const out = lanes.room(0);
  const count = m.vl >>> lanes.size;
  for (let i = 1; i < count; i++) out[i] = lanes.of(0);
  out[0] = value;
  lanes.write(n, out);
}

/** Vdn = Vdn + the active elements of Zm, one after the other. */
export const accumulate =
  (bind: Bind): Routine =>
  (f, m) => {
    const { size, Zm, Pg, Vdn } = f as { size: number; Zm: number; Pg: number; Vdn: number };
    const lanes = lanesOf(m, size);
    const op = bind(m, formatOf(size));
    return () => {
      let sum = lanes.read(0, Vdn)[0]!;
      const b = lanes.read(1, Zm);
      const active = readMask(m, 0, Pg, size);
      const count = m.vl >>> size;
      for (let i = 0; i < count; i++) if (active[i]) sum = op(sum, b[i]!, 0);
      writeScalar(m, lanes, Vdn, sum);
    };
  };

const SEGMENT = 16;
/** Each element of Vd from the elements at its place in all segments of Zn. */
export const reduceSegments =
  (bind: Bind, neutral: Neutral): Routine =>
  (f, m) => {
    const { size, Zn, Pg, Vd } = f as { size: number; Zn: number; Pg: number; Vd: number };
    const lanes = lanesOf(m, size);
    const op = bind(m, formatOf(size));
    const ofSegment = SEGMENT >>> size;
    return () => {
      const a = lanes.read(0, Zn);
      const active = readMask(m, 0, Pg, size);
      const count = m.vl >>> size;
      const rest = neutralOf(m, neutral, formatOf(size));
      const out = lanes.room(1);
      for (let i = 0; i < count; i++) out[i] = lanes.of(0);
      for (let e = 0; e < ofSegment; e++) {
        const values = Array.from({ length: m.vl / SEGMENT }, (_, s) => e + s * ofSegment);
        out[e] = fold(op, values.map((i) => (active[i] ? a[i]! : rest)), rest); // biome-ignore format: one value
      }
      lanes.write(Vd, out);
    };
  };

/** Even elements from neighbours in Zdn, odd ones from neighbours in Zm. */
export const pairwise =
  (bind: Bind): Routine =>
  (f, m) => {
    const { size, Zdn, Zm, Pg } = f as { size: number; Zdn: number; Zm: number; Pg: number };
    const lanes = lanesOf(m, size);
    const op = bind(m, formatOf(size));
    return () => {
      const [a, b] = [lanes.read(0, Zdn), lanes.read(1, Zm)];
      const out = lanes.read(2, Zdn);
      const active = readMask(m, 0, Pg, size);
      const count = m.vl >>> size;
      for (let i = 0; i < count; i++) {
        if (!active[i]) continue;
        const source = i & 1 ? b : a;
        out[i] = op(source[i & ~1]!, source[i | 1]!, 0);
      }
      lanes.write(Zdn, out);
    };
  };
