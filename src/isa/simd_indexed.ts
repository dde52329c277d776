// Semantics of arch/a64/simd_indexed.ts: multiplications by one element of the second register. The element, whose
// number stays open, is copied to all lanes; then they are the operations of simd_arith.ts.

import { SIMD_INDEXED, SIMD_INDEXED_SCALAR } from '../arch/a64/simd_indexed.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { dot } from './simd_arith.ts';
import { doublingLong } from './simd_arith_shapes.ts';
import {
  add,
  type Binary,
  bitsOf,
  doublingHigh,
  doublingHighAccumulate,
  dupElement,
  extmul,
  type Kit,
  keepQ,
  mul,
  put,
  putSaturated,
  type SatBinary,
  type SatTernary,
  type Sign,
  type Size,
  satAdd,
  satSub,
  sub,
} from './simd_lanes.ts';

interface IndexH {
  readonly H: number;
  readonly L: number;
  readonly M: number;
}
type IndexS = Omit<IndexH, 'M'>;
interface Registers {
  readonly Rm: Reg;
  readonly Rn: Reg;
  readonly Rd: Reg;
}
interface RegistersQ extends Registers {
  readonly Q: number;
}

/** The element of Vm in all lanes. */
const elementH = (o: Ops<IndexH>, Rm: Reg): Val =>
  dupElement(
    o,
    1,
    o.V(Rm),
    o.imm32((f) => (f.H << 2) | (f.L << 1) | f.M),
  );
const elementS = (o: Ops<IndexS>, Rm: Reg): Val =>
  dupElement(
    o,
    2,
    o.V(Rm),
    o.imm32((f) => (f.H << 1) | f.L),
  );

/** An instruction for both element sizes: what is done once n and the copied element m are at hand. */
type Body<R> = (o: Kit, size: Size, f: R, n: Val, m: Val) => void;
const halfwords =
  <R extends Registers>(body: Body<R>) =>
  (o: Ops<IndexH>, f: R): void =>
    body(o, 1, f, o.V(f.Rn), elementH(o, f.Rm));
const words =
  <R extends Registers>(body: Body<R>) =>
  (o: Ops<IndexS>, f: R): void =>
    body(o, 2, f, o.V(f.Rn), elementS(o, f.Rm));

const multiply: Body<RegistersQ> = (o, size, { Q, Rd }, n, m) => put(o, Rd, keepQ(Q), mul(o, size, n, m));
const multiplyInto =
  (op: Binary): Body<RegistersQ> =>
  (o, size, { Q, Rd }, n, m) =>
    put(o, Rd, keepQ(Q), op(o, size, o.V(Rd), mul(o, size, n, m)));
const long =
  (sign: Sign): Body<RegistersQ> =>
  (o, size, { Q, Rd }, n, m) =>
    o.setV(Rd, extmul(o, sign, size, Q, n, m));
const longInto =
  (op: Binary, sign: Sign): Body<RegistersQ> =>
  (o, size, { Q, Rd }, n, m) =>
    o.setV(Rd, op(o, size + 1, o.V(Rd), extmul(o, sign, size, Q, n, m)));
const longDoubling =
  (accumulate?: SatBinary): Body<RegistersQ> =>
  (o, size, { Q, Rd }, n, m) =>
    putSaturated(o, Rd, 128, doublingLong(o, size, Q, accumulate, Rd, n, m));
const high =
  (op: SatBinary): Body<RegistersQ> =>
  (o, size, { Q, Rd }, n, m) =>
    putSaturated(o, Rd, keepQ(Q), op(o, size, n, m));
const highInto =
  (op: SatTernary): Body<RegistersQ> =>
  (o, size, { Q, Rd }, n, m) =>
    putSaturated(o, Rd, keepQ(Q), op(o, size, o.V(Rd), n, m));

const longDoublingScalar =
  (accumulate?: SatBinary): Body<Registers> =>
  (o, size, { Rd }, n, m) =>
    putSaturated(o, Rd, bitsOf(size + 1), doublingLong(o, size, 0, accumulate, Rd, n, m));
const highScalar =
  (op: SatBinary): Body<Registers> =>
  (o, size, { Rd }, n, m) =>
    putSaturated(o, Rd, bitsOf(size), op(o, size, n, m));
const highIntoScalar =
  (op: SatTernary): Body<Registers> =>
  (o, size, { Rd }, n, m) =>
    putSaturated(o, Rd, bitsOf(size), op(o, size, o.V(Rd), n, m));

const dotProduct =
  (...signs: [Sign, Sign]): Body<RegistersQ> =>
  (o, _size, { Q, Rd }, n, m) =>
    put(o, Rd, keepQ(Q), dot(...signs)(o, o.V(Rd), n, m));

export const simdIndexed = semantics(
  SIMD_INDEXED,
  {
    MUL_elt_h: halfwords(multiply),
    MUL_elt_s: words(multiply),
    MLA_elt_h: halfwords(multiplyInto(add)),
    MLA_elt_s: words(multiplyInto(add)),
    MLS_elt_h: halfwords(multiplyInto(sub)),
    MLS_elt_s: words(multiplyInto(sub)),
    SMULL_elt_h: halfwords(long('s')),
    SMULL_elt_s: words(long('s')),
    UMULL_elt_h: halfwords(long('u')),
    UMULL_elt_s: words(long('u')),
    SMLAL_elt_h: halfwords(longInto(add, 's')),
    SMLAL_elt_s: words(longInto(add, 's')),
    UMLAL_elt_h: halfwords(longInto(add, 'u')),
    UMLAL_elt_s: words(longInto(add, 'u')),
    SMLSL_elt_h: halfwords(longInto(sub, 's')),
    SMLSL_elt_s: words(longInto(sub, 's')),
    UMLSL_elt_h: halfwords(longInto(sub, 'u')),
    UMLSL_elt_s: words(longInto(sub, 'u')),
    SQDMULL_elt_h: halfwords(longDoubling()),
    SQDMULL_elt_s: words(longDoubling()),
    SQDMLAL_elt_h: halfwords(longDoubling(satAdd('s'))),
    SQDMLAL_elt_s: words(longDoubling(satAdd('s'))),
    SQDMLSL_elt_h: halfwords(longDoubling(satSub('s'))),
    SQDMLSL_elt_s: words(longDoubling(satSub('s'))),
    SQDMULH_elt_h: halfwords(high(doublingHigh(false))),
    SQDMULH_elt_s: words(high(doublingHigh(false))),
    SQRDMULH_elt_h: halfwords(high(doublingHigh(true))),
    SQRDMULH_elt_s: words(high(doublingHigh(true))),
    SQRDMLAH_elt_h: halfwords(highInto(doublingHighAccumulate('add'))),
    SQRDMLAH_elt_s: words(highInto(doublingHighAccumulate('add'))),
    SQRDMLSH_elt_h: halfwords(highInto(doublingHighAccumulate('sub'))),
    SQRDMLSH_elt_s: words(highInto(doublingHighAccumulate('sub'))),
    SDOT_elt: words(dotProduct('s', 's')),
    UDOT_elt: words(dotProduct('u', 'u')),
    SUDOT_elt: words(dotProduct('s', 'u')),
    USDOT_elt: words(dotProduct('u', 's')),
  },
  { fp: true },
);

export const simdIndexedScalar = semantics(
  SIMD_INDEXED_SCALAR,
  {
    SQDMULL_scalar_elt_h: halfwords(longDoublingScalar()),
    SQDMULL_scalar_elt_s: words(longDoublingScalar()),
    SQDMLAL_scalar_elt_h: halfwords(longDoublingScalar(satAdd('s'))),
    SQDMLAL_scalar_elt_s: words(longDoublingScalar(satAdd('s'))),
    SQDMLSL_scalar_elt_h: halfwords(longDoublingScalar(satSub('s'))),
    SQDMLSL_scalar_elt_s: words(longDoublingScalar(satSub('s'))),
    SQDMULH_scalar_elt_h: halfwords(highScalar(doublingHigh(false))),
    SQDMULH_scalar_elt_s: words(highScalar(doublingHigh(false))),
    SQRDMULH_scalar_elt_h: halfwords(highScalar(doublingHigh(true))),
    SQRDMULH_scalar_elt_s: words(highScalar(doublingHigh(true))),
    SQRDMLAH_scalar_elt_h: halfwords(highIntoScalar(doublingHighAccumulate('add'))),
    SQRDMLAH_scalar_elt_s: words(highIntoScalar(doublingHighAccumulate('add'))),
    SQRDMLSH_scalar_elt_h: halfwords(highIntoScalar(doublingHighAccumulate('sub'))),
    SQRDMLSH_scalar_elt_s: words(highIntoScalar(doublingHighAccumulate('sub'))),
  },
  { fp: true },
);
