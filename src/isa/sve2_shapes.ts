// What SVE2 integer rows share: elements as bigints, and operand shapes. An operation is a function of unsigned elements
// and of the width of a result; what is negative it finds out itself (signed()). Results are taken modulo the width.

import type { FieldValues } from '../arch/a64/encoding.ts';
import { registersOf } from './sve_fp_shapes.ts';
import { readMask } from './sve_lanes.ts';
import type { Routine, SveMachine } from './sve_machine.ts';

/** The third operand is the addend of multiply-adds, 0 elsewhere. `bits` is the width of the result. */
export type IntOp = (a: bigint, b: bigint, c: bigint, bits: number) => bigint;

export const toSigned = (v: bigint, bits: number): bigint => BigInt.asIntN(bits, v);
/** The operation on elements read as signed. */
export const signed =
  (op: IntOp): IntOp =>
  (a, b, c, bits) =>
    op(toSigned(a, bits), toSigned(b, bits), toSigned(c, bits), bits);
export const swapped =
  (op: IntOp): IntOp =>
  (a, b, c, bits) =>
    op(b, a, c, bits);
export function saturateS(v: bigint, bits: number): bigint {
  const max = (1n << BigInt(bits - 1)) - 1n;
  return v > max ? max : v < -max - 1n ? -max - 1n : v;
}
export function saturateU(v: bigint, bits: number): bigint {
  const max = (1n << BigInt(bits)) - 1n;
  return v < 0n ? 0n : v > max ? max : v;
}

// ---- elements -------------------------------------------------------------------------------------------------------------

const STRIDE = 256;
/** Element i of Z[n]. */
export type Reader = (n: number, i: number) => bigint;
export function reader(m: SveMachine, size: number): Reader {
  const at = (n: number, i: number): number => ((m.z0 + STRIDE * n) >>> size) + i;
  if (size === 0) return (n, i) => BigInt(m.u8[at(n, i)]!);
  if (size === 1) return (n, i) => BigInt(m.u16[at(n, i)]!);
  if (size === 2) return (n, i) => BigInt(m.u32[at(n, i)]!);
  if (size === 3) return (n, i) => m.u64[at(n, i)]!;
  return (n, i) => {
    const low = ((m.z0 + STRIDE * n) >>> 3) + 2 * i;
    return m.u64[low]! | (m.u64[low + 1]! << 64n);
  };
}
const results: bigint[] = Array.from({ length: STRIDE }, () => 0n);
/** Writes every element of Z[d]; all are computed before any is written. */
export function produce(m: SveMachine, d: number, size: number, element: (i: number) => bigint): void {
  const count = m.vl >>> size;
  for (let i = 0; i < count; i++) results[i] = element(i);
  const at = (m.z0 + STRIDE * d) >>> Math.min(size, 3);
  if (size === 0) for (let i = 0; i < count; i++) m.u8[at + i] = Number(results[i]! & 0xffn);
  else if (size === 1) for (let i = 0; i < count; i++) m.u16[at + i] = Number(results[i]! & 0xffffn);
  else if (size === 2) for (let i = 0; i < count; i++) m.u32[at + i] = Number(results[i]! & 0xffff_ffffn);
  else if (size === 3) for (let i = 0; i < count; i++) m.u64[at + i] = results[i]!;
  else
    for (let i = 0; i < count; i++) {
      m.u64[at + 2 * i] = results[i]!;
      m.u64[at + 2 * i + 1] = results[i]! >> 64n;
    }
}
const destination = (f: FieldValues): number => registersOf(f).d;
const bitsOf = (size: number): number => 8 << size;

// ---- shapes -----------------------------------------------------------------------------------------------------------------

/** Elements beside each other; with Pg, only active ones change. The addend, if any, is third. */
export const lanewise =
  (op: IntOp, fixedSize?: number): Routine =>
  (f, m) => {
    const size = fixedSize ?? f['size']!;
    const { d, sources } = registersOf(f);
    const [first, second, third] = f['Zda'] === undefined ? sources : [...sources.slice(1), f['Zda']];
    const get = reader(m, size);
    const pg = f['Pg'];
    return () => {
      const active = pg === undefined ? undefined : readMask(m, 0, pg, size);
      produce(m, d, size, (i) => {
        if (active && !active[i]) return get(d, i);
        const b = second === undefined ? 0n : get(second, i);
        return op(get(first!, i), b, third === undefined ? 0n : get(third, i), bitsOf(size));
      });
    };
  };

/** Sizes and amounts of shifts from tszh:tszl:imm3. */
function shiftOf(f: FieldValues): { readonly size: number; readonly right: bigint; readonly left: bigint } {
  const tsz = (f['tszh']! << 2) | f['tszl']!;
  const size = 31 - Math.clz32(tsz);
  const value = (tsz << 3) | f['imm3']!;
  return { size, right: BigInt(2 * bitsOf(size) - value), left: BigInt(value - bitsOf(size)) };
}
/** Zdn or Zn shifted by an immediate, which is the second operand; Zda or the old Zd is the third. */
export const shifted =
  (op: IntOp, direction: 'left' | 'right'): Routine =>
  (f, m) => {
    const shift = shiftOf(f);
    const { size } = shift;
    const amount = shift[direction];
    const d = destination(f);
    const source = f['Zn'] ?? d;
    const get = reader(m, size);
    const pg = f['Pg'];
    return () => {
      const active = pg === undefined ? undefined : readMask(m, 0, pg, size);
      produce(m, d, size, (i) => {
        const old = get(d, i);
        return active && !active[i] ? old : op(get(source, i), amount, old, bitsOf(size));
      });
    };
  };

/** Even elements from neighbours in Zdn, odd ones from neighbours in Zm. */
export const pairwise =
  (op: IntOp): Routine =>
  (f, m) => {
    const { size, Zdn, Zm, Pg } = f as { size: number; Zdn: number; Zm: number; Pg: number };
    const get = reader(m, size);
    return () => {
      const active = readMask(m, 0, Pg, size);
      produce(m, Zdn, size, (i) => {
        if (!active[i]) return get(Zdn, i);
        const n = i & 1 ? Zm : Zdn;
        return op(get(n, i & ~1), get(n, i | 1), 0n, bitsOf(size));
      });
    };
  };

/** Which of two narrow elements in a wide one: the bottom or the top. */
export type Part = 'B' | 'T';
const offset = (part: Part): number => (part === 'T' ? 1 : 0);
/** Narrow elements read as signed or unsigned. */
export type Sign = 's' | 'u';
const extended = (get: Reader, sign: Sign, bits: number): Reader =>
  sign === 's' ? (n, i) => toSigned(get(n, i), bits) : get;

export interface LongOptions {
  /** log2 of the bytes of the result's elements, if the row has no size. */
  readonly size?: number;
  /** Number of the element of Zm in its 128-bit segment. */
  readonly index?: (f: FieldValues) => number;
}
/** Narrow elements of Zn and Zm, or the indexed one, and the wide element of Zda, which the operation gets as it is. */
export const long =
  (sign: Sign, op: IntOp, first: Part, second: Part = first, options: LongOptions = {}): Routine =>
  (f, m) => {
    const size = options.size ?? f['size']!;
    const { Zn, Zm, Zda } = f as { Zn: number; Zm: number; Zda?: number };
    const wide = reader(m, size);
    const get = extended(reader(m, size - 1), sign, bitsOf(size - 1));
    const index = options.index?.(f);
    const segment = (16 >>> (size - 1)) - 1;
    const d = destination(f);
    return () =>
      produce(m, d, size, (i) => {
        const b = index === undefined ? 2 * i + offset(second) : ((2 * i) & ~segment) + index;
        return op(get(Zn, 2 * i + offset(first)), get(Zm, b), Zda === undefined ? 0n : wide(Zda, i), bitsOf(size));
      });
  };
/** Wide elements of Zn, narrow ones of Zm. */
export const wide =
  (sign: Sign, op: IntOp, part: Part): Routine =>
  (f, m) => {
    const { size, Zd, Zn, Zm } = f as { size: number; Zd: number; Zn: number; Zm: number };
    const [full, get] = [reader(m, size), extended(reader(m, size - 1), sign, bitsOf(size - 1))];
    return () => produce(m, Zd, size, (i) => op(full(Zn, i), get(Zm, 2 * i + offset(part)), 0n, bitsOf(size)));
  };
/**
 * Wide elements to narrow ones at even places, with zeroes between, or to odd places. The second operand is that of Zm or
 * the amount of a shift; `bits` is the width of the narrow element.
 */
export const narrow =
  (op: IntOp, part: Part): Routine =>
  (f, m) => {
    const shift = f['imm3'] === undefined ? undefined : shiftOf(f);
    const tsz = f['tszh'] === undefined ? undefined : 31 - Math.clz32((f['tszh'] << 2) | f['tszl']!);
    const size = shift?.size ?? tsz ?? f['size']! - 1;
    const { Zd, Zn, Zm } = f as { Zd: number; Zn: number; Zm?: number };
    const [from, old] = [reader(m, size + 1), reader(m, size)];
    return () =>
      produce(m, Zd, size, (i) => {
        if ((i & 1) !== offset(part)) return part === 'T' ? old(Zd, i) : 0n;
        const b = Zm === undefined ? (shift?.right ?? 0n) : from(Zm, i >> 1);
        return op(from(Zn, i >> 1), b, 0n, bitsOf(size));
      });
  };

/** Zn and the indexed element of Zm; the third operand is Zda. */
export const byElement =
  (op: IntOp, size: number, indexOf: (f: FieldValues) => number): Routine =>
  (f, m) => {
    const { Zn, Zm, Zda } = f as { Zn: number; Zm: number; Zda?: number };
    const get = reader(m, size);
    const index = indexOf(f);
    const segment = (16 >>> size) - 1;
    const d = destination(f);
    return () =>
      produce(m, d, size, (i) =>
        op(get(Zn, i), get(Zm, (i & ~segment) + index), Zda === undefined ? 0n : get(Zda, i), bitsOf(size)),
      );
  };
