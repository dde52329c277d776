// Which operands of integer vector arithmetic meet and what is kept of the result. Vector forms take Q, scalar forms keep one
// element.

import type { Reg, Val } from './ops.ts';
import {
  add,
  type Binary,
  bitsOf,
  doublingProduct,
  elements,
  every,
  extend,
  type Keep,
  type Kit,
  keepQ,
  odds,
  put,
  putNarrow,
  putSaturated,
  type SatBinary,
  type SatTernary,
  type Sign,
  type Size,
  type Ternary,
} from './simd_lanes.ts';

interface Three {
  readonly size: number;
  readonly Rm: Reg;
  readonly Rn: Reg;
  readonly Rd: Reg;
}
interface Three128 extends Three {
  readonly Q: number;
}
export type Three128NoSize = Omit<Three128, 'size'>;

/** Element by element. */
export const same =
  (op: Binary) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: Three128): void =>
    put(o, Rd, keepQ(Q), op(o, size, o.V(Rn), o.V(Rm)));
export const sameScalar =
  (op: Binary) =>
  (o: Kit, { size, Rm, Rn, Rd }: Three): void =>
    put(o, Rd, bitsOf(size), op(o, size, o.V(Rn), o.V(Rm)));
/** With the old destination. */
export const accumulating =
  (op: Ternary) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: Three128): void =>
    put(o, Rd, keepQ(Q), op(o, size, o.V(Rd), o.V(Rn), o.V(Rm)));
export const saturating =
  (op: SatBinary) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: Three128): void =>
    putSaturated(o, Rd, keepQ(Q), op(o, size, o.V(Rn), o.V(Rm)));
export const saturatingScalar =
  (op: SatBinary) =>
  (o: Kit, { size, Rm, Rn, Rd }: Three): void =>
    putSaturated(o, Rd, bitsOf(size), op(o, size, o.V(Rn), o.V(Rm)));
export const satAccumulating =
  (op: SatTernary) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: Three128): void =>
    putSaturated(o, Rd, keepQ(Q), op(o, size, o.V(Rd), o.V(Rn), o.V(Rm)));
export const satAccumulatingScalar =
  (op: SatTernary) =>
  (o: Kit, { size, Rm, Rn, Rd }: Three): void =>
    putSaturated(o, Rd, bitsOf(size), op(o, size, o.V(Rd), o.V(Rn), o.V(Rm)));

/** Bitwise operations on whole registers; `d` is the old destination. */
export const bitwise =
  (op: (o: Kit, n: Val, m: Val, d: () => Val) => Val) =>
  (o: Kit, { Q, Rm, Rn, Rd }: Three128NoSize): void =>
    put(
      o,
      Rd,
      keepQ(Q),
      op(o, o.V(Rn), o.V(Rm), () => o.V(Rd)),
    );

/** Pairs of adjacent elements of Vn:Vm. */
export const pairwise =
  (op: Binary) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: Three128): void => {
    const [n, m] = [o.V(Rn), o.V(Rm)];
    const perSource = (Q ? 128 : 64) / bitsOf(size) / 2;
    const inRegister = 128 / bitsOf(size);
    const half = (odd: number): Val =>
      elements(o, size, n, m, (i) =>
        i < perSource ? 2 * i + odd : inRegister + 2 * ((i - perSource) % perSource) + odd,
      );
    put(o, Rd, keepQ(Q), op(o, size, half(0), half(1)));
  };

/** Long: result elements of twice the width from the low (Q = 0) or high half of both sources. */
export const long =
  (op: (o: Kit, size: Size, high: number, n: Val, m: Val, d: () => Val) => Val) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: Three128): void =>
    o.setV(
      Rd,
      op(o, size, Q, o.V(Rn), o.V(Rm), () => o.V(Rd)),
    );
/** Result elements and those of the first source are of twice the width. */
export const wide =
  (op: Binary, sign: Sign) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: Three128): void =>
    o.setV(Rd, op(o, size + 1, o.V(Rn), extend(o, sign, size, Q, o.V(Rm))));
/** The high half of sums or differences of twice the width. */
export const highNarrow =
  (op: Binary, rounding: boolean) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: Three128): void => {
    const result = op(o, size + 1, o.V(Rn), o.V(Rm));
    const rounded = rounding ? add(o, size + 1, result, every(o, size + 1, 1n << BigInt(bitsOf(size) - 1))) : result;
    putNarrow(o, Rd, Q, odds(o, size, rounded, rounded));
  };
export const longDoubling =
  (accumulate: SatBinary | undefined) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: Three128): void =>
    putSaturated(o, Rd, 128, doublingLong(o, size, Q, accumulate, Rd, o.V(Rn), o.V(Rm)));
export const longDoublingScalar =
  (accumulate: SatBinary | undefined) =>
  (o: Kit, { size, Rm, Rn, Rd }: Three): void =>
    putSaturated(o, Rd, bitsOf(size + 1) as Keep, doublingLong(o, size, 0, accumulate, Rd, o.V(Rn), o.V(Rm)));

/** SQDMULL, SQDMLAL, SQDMLSL of the low or high half: product and accumulation saturate each on its own. */
export function doublingLong(
  o: Kit,
  size: Size,
  high: number,
  accumulate: SatBinary | undefined,
  Rd: Reg,
  n: Val,
  m: Val,
): { value: Val; sat: Val } {
  const product = doublingProduct(o, size, high, n, m);
  if (!accumulate) return product;
  const sum = accumulate(o, size + 1, o.V(Rd), product.value);
  return { value: sum.value, sat: o.v('v128.or', product.sat, sum.sat) };
}
