// Semantics of arch/a64/ldst_atomic.ts: compare-and-swap and atomic read-modify-write. Memory is sequentially
// consistent here: acquire and release make no difference.

import { LDST_ATOMIC } from '../arch/a64/ldst_atomic.ts';
import { bitsOfSize } from './addresses.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { minMax } from './shared.ts';

interface Sized {
  readonly size: number;
  readonly Rs: Reg;
  readonly Rn: Reg;
  readonly Rt: Reg;
}
interface Wide {
  readonly Rn: Reg;
  readonly Rt: Reg;
  readonly Rt2: Reg;
}

/** A register as an operand of `size`: the low bits, zero-extended as memory values are. */
function operand(o: Ops, n: Reg, size: number): Val {
  if (size === 3) return o.X(n);
  return size === 2 ? o.X(n, 0) : o.zext(o.X(n, 0), size === 1 ? 16 : 8);
}
/** Sign-extends a byte or halfword, for signed comparison. */
function asSigned(o: Ops, value: Val, size: number): Val {
  return size >= 2 ? value : o.sext(value, size === 1 ? 16 : 8);
}

type Next = (o: Ops, old: Val, operand: Val, size: number) => Val;
const atomic =
  (next: Next) =>
  (o: Ops, { size, Rs, Rn, Rt }: Sized): void => {
    const value = operand(o, Rs, size);
    o.setX(
      Rt,
      o.rmw(o.base(Rn), bitsOfSize(size), (old) => next(o, old, value, size)),
    );
  };
const signedMinMax =
  (kind: 'smax' | 'smin'): Next =>
  (o, old, value, size) =>
    minMax(o, kind, asSigned(o, old, size), asSigned(o, value, size));

/** FEAT_LSUI. */
const UNPRIVILEGED = { unprivileged: true } as const;
interface Unprivileged {
  readonly sf: number;
  readonly Rs: Reg;
  readonly Rn: Reg;
  readonly Rt: Reg;
}
const atomicUnprivileged =
  (next: (o: Ops, old: Val, operand: Val) => Val) =>
  (o: Ops, { sf, Rs, Rn, Rt }: Unprivileged): void => {
    const value = o.X(Rs, sf);
    o.setX(
      Rt,
      o.rmw(o.base(Rn), sf ? 64 : 32, (old) => next(o, old, value), UNPRIVILEGED),
    );
  };

interface Swap {
  readonly Rs: Reg;
  readonly Rn: Reg;
  readonly Rt: Reg;
}
function compareAndSwap(o: Ops, { Rs, Rn, Rt }: Swap, size: number, opts = {}): void {
  const expected = operand(o, Rs, size);
  const wanted = operand(o, Rt, size);
  const old = o.rmw(o.base(Rn), bitsOfSize(size), (x) => o.select(o.eq(x, expected), wanted, x), opts);
  o.setX(Rs, old);
}
function compareAndSwapPair(o: Ops, { Rs, Rn, Rt }: Swap, sz: number, opts = {}): void {
  const expected = [o.X(Rs, sz), o.Xpair(Rs, sz)] as const;
  const wanted = [o.X(Rt, sz), o.Xpair(Rt, sz)] as const;
  const next = (a: Val, b: Val): [Val, Val] => {
    const same = o.and(o.eq(a, expected[0]), o.eq(b, expected[1]));
    return [o.select(same, wanted[0], a), o.select(same, wanted[1], b)];
  };
  const [low, high] = o.rmwPair(o.base(Rn), sz ? 64 : 32, next, opts);
  o.setX(Rs, low);
  o.setXpair(Rs, high);
}

const atomicPair =
  (next: (o: Ops, old: Val, operand: Val) => Val) =>
  (o: Ops, { Rn, Rt, Rt2 }: Wide): void => {
    const low = o.X(Rt);
    const high = o.X(Rt2);
    const [oldLow, oldHigh] = o.rmwPair(o.base(Rn), 64, (a, b) => [next(o, a, low), next(o, b, high)]);
    o.setX(Rt, oldLow);
    o.setX(Rt2, oldHigh);
  };

export const ldstAtomic = semantics(LDST_ATOMIC, {
  CAS: (o, f) => compareAndSwap(o, f, f.size),
  CASP: (o, f) => compareAndSwapPair(o, f, f.sz),
  CAST: (o, f) => compareAndSwap(o, f, 3, UNPRIVILEGED),
  CASPT: (o, f) => compareAndSwapPair(o, f, 1, UNPRIVILEGED),

  LDADD: atomic((o, old, x) => o.add(old, x)),
  LDCLR: atomic((o, old, x) => o.and(old, o.not(x))),
  LDEOR: atomic((o, old, x) => o.xor(old, x)),
  LDSET: atomic((o, old, x) => o.or(old, x)),
  LDSMAX: atomic(signedMinMax('smax')),
  LDSMIN: atomic(signedMinMax('smin')),
  LDUMAX: atomic((o, old, x) => minMax(o, 'umax', old, x)),
  LDUMIN: atomic((o, old, x) => minMax(o, 'umin', old, x)),
  SWP: atomic((_o, _old, x) => x),

  LDTADD: atomicUnprivileged((o, old, x) => o.add(old, x)),
  LDTCLR: atomicUnprivileged((o, old, x) => o.and(old, o.not(x))),
  LDTSET: atomicUnprivileged((o, old, x) => o.or(old, x)),
  SWPT: atomicUnprivileged((_o, _old, x) => x),

  LDCLRP: atomicPair((o, old, x) => o.and(old, o.not(x))),
  LDSETP: atomicPair((o, old, x) => o.or(old, x)),
  SWPP: atomicPair((_o, _old, x) => x),
});
