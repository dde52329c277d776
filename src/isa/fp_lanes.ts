// What the floating-point vector tables share: how elements are paired, reduced, selected and written.

import { countOf, type Fmt, formatOf, type Kit, type Reg, type Val } from './fp_shapes.ts';
import type { Fields } from './ops.ts';

export type V2 = Fields<{ Q: number; Rn: number; Rd: number }>;
export type V3 = Fields<{ Q: number; Rm: number; Rn: number; Rd: number }>;
type WithSz<F> = F & { readonly sz: number };

/** A whole-vector function of one, two or three vectors of `count` elements. */
export type Vec1 = (o: Kit, fmt: Fmt, count: number, a: Val) => Val;
export type Vec2 = (o: Kit, fmt: Fmt, count: number, a: Val, b: Val) => Val;
export type Vec3 = (o: Kit, fmt: Fmt, count: number, acc: Val, a: Val, b: Val) => Val;

interface Forms<F> {
  readonly sd: (o: Kit, f: WithSz<F>) => void;
  readonly half: (o: Kit, f: F) => void;
}
/** One body as the semantics of the single/double row and of the half-precision row. */
export function vectors<F extends { readonly Q: number }>(
  body: (o: Kit, fmt: Fmt, count: number, f: F) => void,
): Forms<F> {
  return {
    sd: (o, f) => body(o, formatOf(f.sz), countOf(formatOf(f.sz), f.Q), f),
    half: (o, f) => body(o, 16, countOf(16, f.Q), f),
  };
}
export function vec1(op: Vec1): Forms<V2> {
  return vectors((o, fmt, count, { Rn, Rd }) => o.setV(Rd, op(o, fmt, count, o.V(Rn))));
}
export function vec2(op: Vec2): Forms<V3> {
  return vectors((o, fmt, count, { Rm, Rn, Rd }) => o.setV(Rd, op(o, fmt, count, o.V(Rn), o.V(Rm))));
}
export function vec3(op: Vec3): Forms<V3> {
  return vectors((o, fmt, count, { Rm, Rn, Rd }) => o.setV(Rd, op(o, fmt, count, o.V(Rd), o.V(Rn), o.V(Rm))));
}

/** The elements of `from` (0 the first of a, `perRegister` the first of b) side by side; the rest is zero. */
export function gather(o: Kit, bits: Fmt, a: Val, b: Val, from: readonly number[]): Val {
  const size = bits / 8;
  const bytes = from.flatMap((e) => Array.from({ length: size }, (_, i) => e * size + i));
  const whole = bytes.length === 16;
  while (bytes.length < 16) bytes.push(0);
  const v = o.shuffle(a, b, bytes);
  return whole ? v : o.low64(v);
}

/** The even (phase 0) or odd (phase 1) elements of a, then those of b, of vectors of `count` elements. */
export function unzip(o: Kit, fmt: Fmt, count: number, a: Val, b: Val, phase: 0 | 1): Val {
  const perRegister = 128 / fmt;
  const half = Array.from({ length: count / 2 }, (_, i) => 2 * i + phase);
  return gather(o, fmt, a, b, [...half, ...half.map((e) => e + perRegister)]);
}

/** Halves the vector until one element is left, low half first. @arm Reduce */
export function reduce(o: Kit, fmt: Fmt, count: number, v: Val, op: (lo: Val, hi: Val) => Val): Val {
  const walk = (first: number, n: number): Val =>
    n === 1 ? o.lane(v, fmt, first) : op(walk(first, n / 2), walk(first + n / 2, n / 2));
  return walk(0, count);
}

/** Every element of a vector of `count` elements is element `index` of `v`. */
export function broadcast(o: Kit, fmt: Fmt, count: number, v: Val, index: number): Val {
  return gather(o, fmt, v, v, new Array<number>(count).fill(index));
}

/** Writes the narrow half of a register: Q = 0 the lower one (the upper becomes zero), Q = 1 the upper one. */
export function setPart(o: Kit, Rd: Reg, Q: number, narrow: Val): void {
  o.setV(
    Rd,
    Q ? o.shuffle(o.V(Rd), narrow, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]) : o.low64(narrow),
  );
}
