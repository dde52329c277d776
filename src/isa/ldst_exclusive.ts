// Semantics of arch/a64/ldst_exclusive.ts: exclusive and ordered loads and stores. Memory is sequentially consistent
// here, so acquire and release show only in the alignment that they ask for.

import { LDST_EXCLUSIVE } from '../arch/a64/ldst_exclusive.ts';
import { bitsOfSize, extendLoaded, imm9, indexed } from './addresses.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';

interface Sized {
  readonly size: number;
  readonly Rn: Reg;
  readonly Rt: Reg;
}
interface PairOf {
  readonly Rn: Reg;
  readonly Rt: Reg;
  readonly Rt2: Reg;
}
type Imm9 = Ops<{ readonly imm9: number }>;

const isX = (size: number): 0 | 1 => (size === 3 ? 1 : 0);

function loadExclusive(o: Ops, { size, Rn, Rt }: Sized): void {
  const [value] = o.ldExclusive(o.base(Rn), bitsOfSize(size), 1);
  o.setX(Rt, value!);
}
function storeExclusive(o: Ops, { size, Rn, Rt, Rs }: Sized & { readonly Rs: Reg }): void {
  o.setX(Rs, o.stExclusive(o.base(Rn), bitsOfSize(size), [o.X(Rt, isX(size))]));
}
function loadExclusivePair(o: Ops, { sz, Rn, Rt, Rt2 }: PairOf & { readonly sz: number }): void {
  const [first, second] = o.ldExclusive(o.base(Rn), sz ? 64 : 32, 2);
  o.setX(Rt, first!);
  o.setX(Rt2, second!);
}
function storeExclusivePair(o: Ops, f: PairOf & { readonly sz: number; readonly Rs: Reg }): void {
  const values = [o.X(f.Rt, f.sz), o.X(f.Rt2, f.sz)];
  o.setX(f.Rs, o.stExclusive(o.base(f.Rn), f.sz ? 64 : 32, values));
}

/** FEAT_LSUI. */
const UNPRIVILEGED = { unprivileged: true } as const;
interface Unprivileged {
  readonly sf: number;
  readonly Rn: Reg;
  readonly Rt: Reg;
}
function loadUnprivileged(o: Ops, { sf, Rn, Rt }: Unprivileged): void {
  const [value] = o.ldExclusive(o.base(Rn), sf ? 64 : 32, 1, UNPRIVILEGED);
  o.setX(Rt, value!);
}
function storeUnprivileged(o: Ops, { sf, Rn, Rt, Rs }: Unprivileged & { readonly Rs: Reg }): void {
  o.setX(Rs, o.stExclusive(o.base(Rn), sf ? 64 : 32, [o.X(Rt, sf)], UNPRIVILEGED));
}

function loadOrdered(o: Ops, { size, Rn, Rt }: Sized): void {
  o.setX(Rt, o.ldAtomic(o.base(Rn), bitsOfSize(size), { acquire: true }));
}
function storeOrdered(o: Ops, { size, Rn, Rt }: Sized): void {
  o.stAtomic(o.base(Rn), bitsOfSize(size), o.X(Rt, isX(size)), { release: true });
}
const loadUnscaled = (o: Imm9, Rn: Reg, bits: 8 | 16 | 32 | 64): Val =>
  o.ldAtomic(indexed(o, Rn, 'offset', imm9).at, bits, { acquire: true });
const loadSigned =
  (bits: 8 | 16) =>
  (o: Imm9, { w, Rn, Rt }: { readonly w: number; readonly Rn: Reg; readonly Rt: Reg }): void =>
    o.setX(Rt, extendLoaded(o, loadUnscaled(o, Rn, bits), bits, w === 0));

/** Both registers are one access: single-copy atomic as a whole. */
function loadOrderedPair(o: Ops, { sf, Rn, Rt, Rt2 }: PairOf & { readonly sf: number }, post: boolean): void {
  const base = o.base(Rn);
  const both = o.ldAtomic(base, sf ? 128 : 64, { acquire: true });
  if (post) o.setXSP(Rn, o.addAddress(base, o.i64(sf ? 16 : 8)));
  o.setX(Rt, sf ? o.lane(both, 64, 0) : o.wrap(both));
  o.setX(Rt2, sf ? o.lane(both, 64, 1) : o.wrap(o.shrU(both, o.i64(32))));
}
function storeOrderedPair(o: Ops, { sf, Rn, Rt, Rt2 }: PairOf & { readonly sf: number }, pre: boolean): void {
  const base = o.base(Rn);
  const at = pre ? o.addAddress(base, o.i64(sf ? -16 : -8)) : base;
  const both = sf
    ? o.setLane(o.setLane(o.v128(0n, 0n), 64, 0, o.X(Rt)), 64, 1, o.X(Rt2))
    : o.or(o.extU(o.X(Rt, 0)), o.shl(o.extU(o.X(Rt2, 0)), o.i64(32)));
  o.stAtomic(at, sf ? 128 : 64, both, { release: true });
  if (pre) o.setXSP(Rn, at);
}

export const ldstExclusive = semantics(LDST_EXCLUSIVE, {
  STXR: storeExclusive,
  STLXR: storeExclusive,
  LDXR: loadExclusive,
  LDAXR: loadExclusive,
  STXP: storeExclusivePair,
  STLXP: storeExclusivePair,
  LDXP: loadExclusivePair,
  LDAXP: loadExclusivePair,

  STTXR: storeUnprivileged,
  STLTXR: storeUnprivileged,
  LDTXR: loadUnprivileged,
  LDATXR: loadUnprivileged,

  STLLR: storeOrdered,
  STLR: storeOrdered,
  LDLAR: loadOrdered,
  LDAR: loadOrdered,
  LDAPR: loadOrdered,

  STLUR: (o, { size, Rn, Rt }) => {
    const { at } = indexed(o, Rn, 'offset', imm9);
    o.stAtomic(at, bitsOfSize(size), o.X(Rt, isX(size)), { release: true });
  },
  LDAPUR: (o, { size, Rn, Rt }) => o.setX(Rt, loadUnscaled(o, Rn, bitsOfSize(size) as 8 | 16 | 32 | 64)),
  LDAPURSB: loadSigned(8),
  LDAPURSH: loadSigned(16),
  LDAPURSW: (o, { Rn, Rt }) => o.setX(Rt, o.extS(loadUnscaled(o, Rn, 32))),

  STLR_pre: (o, { sf, Rn, Rt }) => {
    const at = o.addAddress(o.base(Rn), o.i64(sf ? -8 : -4));
    o.stAtomic(at, sf ? 64 : 32, o.X(Rt, sf), { release: true });
    o.setXSP(Rn, at);
  },
  LDAPR_post: (o, { sf, Rn, Rt }) => {
    const base = o.base(Rn);
    const value = o.ldAtomic(base, sf ? 64 : 32, { acquire: true });
    o.setXSP(Rn, o.addAddress(base, o.i64(sf ? 8 : 4)));
    o.setX(Rt, value);
  },
  STILP_pre: (o, f) => storeOrderedPair(o, f, true),
  STILP: (o, f) => storeOrderedPair(o, f, false),
  LDIAPP_post: (o, f) => loadOrderedPair(o, f, true),
  LDIAPP: (o, f) => loadOrderedPair(o, f, false),
});
