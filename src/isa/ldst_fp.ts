// Semantics of arch/a64/ldst_fp.ts: loads and stores of SIMD and FP registers, one or two at a time.

import { LDST_FP } from '../arch/a64/ldst_fp.ts';
import {
  type Address,
  bitsOfSize,
  type Indexing,
  imm7,
  imm9,
  imm12,
  indexed,
  registerOffset,
  writeBack,
} from './addresses.ts';
import { FP_ATOMICS, type FpAtomic } from './helpers.ts';
import type { Bits, Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { signed } from './shared.ts';

interface One {
  readonly size: number;
  readonly opc1: number;
  readonly Rn: Reg;
  readonly Rt: Reg;
}
interface Two {
  readonly opc: number;
  readonly Rn: Reg;
  readonly Rt: Reg;
  readonly Rt2: Reg;
}
type Imm9 = Ops<{ readonly imm9: number }>;
type Pair = Ops<{ readonly imm7: number }>;

// Anything wider than 128 bits is a hole of the row.
const bitsOf = (f: One): Bits => bitsOfSize(Math.min(f.opc1 * 4 + f.size, 4));
const bitsOfPair = (opc: number): 32 | 64 | 128 => (32 << Math.min(opc, 2)) as 32 | 64 | 128;

function load<F>(o: Ops<F>, address: Address, f: One): void {
  const value = o.ld(address.at, bitsOf(f));
  writeBack(o, address);
  o.setVs(f.Rt, bitsOf(f), value);
}
function store<F>(o: Ops<F>, address: Address, f: One): void {
  o.st(address.at, bitsOf(f), o.Vs(f.Rt, bitsOf(f)));
  writeBack(o, address);
}
type Move = typeof load;

const byImm9 =
  (move: Move, indexing: Indexing) =>
  (o: Imm9, f: One): void =>
    move(o, indexed(o, f.Rn, indexing, imm9), f);
const byImm12 =
  (move: Move) =>
  (o: Ops<{ readonly imm12: number }>, f: One): void =>
    move(o, indexed(o, f.Rn, 'offset', imm12(bitsOf(f))), f);
const byRegister =
  (move: Move) =>
  (o: Ops<{ readonly option: number; readonly S: number }>, f: One & { readonly Rm: Reg }): void =>
    move(o, registerOffset(o, f.Rn, f.Rm, bitsOf(f)), f);

type Opts = { unprivileged?: boolean };
const loadPair =
  (indexing: Indexing, opts: Opts = {}) =>
  (o: Pair, f: Two): void => {
    const bits = bitsOfPair(f.opc);
    const address = indexed(o, f.Rn, indexing, imm7(bits), opts);
    const [first, second] = o.ldMany(address.at, bits, 2, opts);
    writeBack(o, address);
    o.setVs(f.Rt, bits, first!);
    o.setVs(f.Rt2, bits, second!);
  };
const storePair =
  (indexing: Indexing, opts: Opts = {}) =>
  (o: Pair, f: Two): void => {
    const bits = bitsOfPair(f.opc);
    const address = indexed(o, f.Rn, indexing, imm7(bits), opts);
    o.stMany(address.at, bits, [o.Vs(f.Rt, bits), o.Vs(f.Rt2, bits)], opts);
    writeBack(o, address);
  };
/** The pairs of FEAT_LSUI are always of 128 bits. */
const unprivilegedPair =
  (move: typeof loadPair, indexing: Indexing) =>
  (o: Pair, { Rn, Rt, Rt2 }: Omit<Two, 'opc'>): void =>
    move(indexing, { unprivileged: true })(o, { Rn, Rt, Rt2, opc: 2 });

// ---- FEAT_LSFE: size 0 is BFloat16 ----------------------------------------------------------------------------------

interface Atomic {
  readonly size: number;
  readonly Rs: Reg;
  readonly Rn: Reg;
}
const combine = (o: Ops, op: FpAtomic, { size, Rs, Rn }: Atomic): [bits: Bits, old: Val] => {
  const bits = bitsOfSize(Math.max(size, 1));
  const operand = o.Vs(Rs, bits);
  const number = o.i32(FP_ATOMICS.indexOf(op));
  const old = o.rmw(o.base(Rn), bits, (x) =>
    size === 3 ? o.helper('fpAtomicD', number, x, operand) : o.helper('fpAtomic', number, o.i32(size * 16), x, operand),
  );
  return [bits, old];
};
const loadAtomic =
  (op: FpAtomic) =>
  (o: Ops, f: Atomic & { readonly Rt: Reg }): void => {
    const [bits, old] = combine(o, op, f);
    o.setVs(f.Rt, bits, old);
  };
const storeAtomic =
  (op: FpAtomic) =>
  (o: Ops, f: Atomic): void => {
    combine(o, op, f);
  };

export const ldstFp = semantics(
  LDST_FP,
  {
    LDR_lit_fp: (o, { opc, Rt }) => {
      const bits = bitsOfPair(opc);
      const at = o.pcRel((f) => signed(f.imm19, 19) << 2n);
      o.setVs(Rt, bits, o.ld(at, bits));
    },

    STNP_fp: storePair('offset'),
    LDNP_fp: loadPair('offset'),
    STTNP_fp: unprivilegedPair(storePair, 'offset'),
    LDTNP_fp: unprivilegedPair(loadPair, 'offset'),
    STTP_post_fp: unprivilegedPair(storePair, 'post'),
    LDTP_post_fp: unprivilegedPair(loadPair, 'post'),
    STTP_fp: unprivilegedPair(storePair, 'offset'),
    LDTP_fp: unprivilegedPair(loadPair, 'offset'),
    STTP_pre_fp: unprivilegedPair(storePair, 'pre'),
    LDTP_pre_fp: unprivilegedPair(loadPair, 'pre'),
    STP_post_fp: storePair('post'),
    LDP_post_fp: loadPair('post'),
    STP_fp: storePair('offset'),
    LDP_fp: loadPair('offset'),
    STP_pre_fp: storePair('pre'),
    LDP_pre_fp: loadPair('pre'),

    STUR_fp: byImm9(store, 'offset'),
    LDUR_fp: byImm9(load, 'offset'),
    STR_post_fp: byImm9(store, 'post'),
    LDR_post_fp: byImm9(load, 'post'),
    STR_pre_fp: byImm9(store, 'pre'),
    LDR_pre_fp: byImm9(load, 'pre'),
    STR_reg_fp: byRegister(store),
    LDR_reg_fp: byRegister(load),
    STR_imm_fp: byImm12(store),
    LDR_imm_fp: byImm12(load),

    STLUR_fp: (o, f) => {
      const { at } = indexed(o, f.Rn, 'offset', imm9);
      o.stAtomic(at, bitsOf(f), o.Vs(f.Rt, bitsOf(f)), { release: true });
    },
    LDAPUR_fp: (o, f) => {
      const { at } = indexed(o, f.Rn, 'offset', imm9);
      o.setVs(f.Rt, bitsOf(f), o.ldAtomic(at, bitsOf(f), { acquire: true }));
    },

    LDFADD: loadAtomic('add'),
    LDFMAX: loadAtomic('max'),
    LDFMIN: loadAtomic('min'),
    LDFMAXNM: loadAtomic('maxnm'),
    LDFMINNM: loadAtomic('minnm'),
    STFADD: storeAtomic('add'),
    STFMAX: storeAtomic('max'),
    STFMIN: storeAtomic('min'),
    STFMAXNM: storeAtomic('maxnm'),
    STFMINNM: storeAtomic('minnm'),
  },
  { fp: true },
);
