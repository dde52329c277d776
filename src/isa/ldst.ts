// Semantics of arch/a64/ldst.ts: loads and stores of general registers.

import { LDST } from '../arch/a64/ldst.ts';
import {
  type Address,
  extendLoaded,
  type Indexing,
  imm7,
  imm9,
  imm12,
  indexed,
  registerOffset,
  writeBack,
} from './addresses.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { signed } from './shared.ts';

type Imm9 = Ops<{ readonly imm9: number }>;
type Imm12 = Ops<{ readonly imm12: number }>;
type Extended = Ops<{ readonly option: number; readonly S: number }>;
type Pair = Ops<{ readonly imm7: number }>;
interface Registers {
  readonly Rn: Reg;
  readonly Rt: Reg;
}
type Opts = { unprivileged?: boolean };

/** What one instruction of a family moves, given its fields and a way to make the address. */
interface Move<X> {
  readonly bits: (f: X) => 8 | 16 | 32 | 64;
  readonly run: <F>(o: Ops<F>, address: Address, Rt: Reg, f: X, opts: Opts) => void;
}
const wordOrDouble = (f: { readonly sf: number }): 32 | 64 => (f.sf ? 64 : 32);

function store<X>(bits: Move<X>['bits']): Move<X> {
  return {
    bits,
    run: (o, address, Rt, f, opts) => {
      o.st(address.at, bits(f), o.X(Rt, bits(f) === 64 ? 1 : 0), opts);
      writeBack(o, address);
    },
  };
}
function load<X>(bits: Move<X>['bits'], extend?: <F>(o: Ops<F>, value: Val, f: X) => Val): Move<X> {
  return {
    bits,
    run: (o, address, Rt, f, opts) => {
      const value = o.ld(address.at, bits(f), opts);
      const result = extend ? extend(o, value, f) : value;
      writeBack(o, address);
      o.setX(Rt, result);
    },
  };
}
type W = { readonly w: number };
const STRB = store(() => 8);
const LDRB = load(() => 8);
const LDRSB = load<W>(
  () => 8,
  (o, v, { w }) => extendLoaded(o, v, 8, w === 0),
);
const STRH = store(() => 16);
const LDRH = load(() => 16);
const LDRSH = load<W>(
  () => 16,
  (o, v, { w }) => extendLoaded(o, v, 16, w === 0),
);
const STR = store(wordOrDouble);
const LDR = load(wordOrDouble);
const LDRSW = load(
  () => 32,
  (o, v) => extendLoaded(o, v, 32, true),
);

// ---- addressing modes -------------------------------------------------------------------------------------------------

const imm9Mode =
  (indexing: Indexing, opts: Opts = {}) =>
  <X>(move: Move<X>) =>
  (o: Imm9, f: Registers & X): void =>
    move.run(o, indexed(o, f.Rn, indexing, imm9, opts), f.Rt, f, opts);
const unscaled = imm9Mode('offset');
const unprivileged = imm9Mode('offset', { unprivileged: true });
const post = imm9Mode('post');
const pre = imm9Mode('pre');
const offset =
  <X>(move: Move<X>) =>
  (o: Imm12, f: Registers & X): void =>
    move.run(o, indexed(o, f.Rn, 'offset', imm12(move.bits(f))), f.Rt, f, {});
const register =
  <X>(move: Move<X>) =>
  (o: Extended, f: Registers & { readonly Rm: Reg } & X): void =>
    move.run(o, registerOffset(o, f.Rn, f.Rm, move.bits(f)), f.Rt, f, {});

// ---- pairs ---------------------------------------------------------------------------------------------------------------

type PairRegisters = Registers & { readonly Rt2: Reg };
const loadPair =
  (indexing: Indexing, opts: Opts = {}) =>
  (o: Pair, f: PairRegisters & { readonly sf: number }): void => {
    const bits = wordOrDouble(f);
    const address = indexed(o, f.Rn, indexing, imm7(bits), opts);
    const [first, second] = o.ldMany(address.at, bits, 2, opts);
    writeBack(o, address);
    o.setX(f.Rt, first!);
    o.setX(f.Rt2, second!);
  };
const loadPairSigned =
  (indexing: Indexing) =>
  (o: Pair, f: PairRegisters): void => {
    const address = indexed(o, f.Rn, indexing, imm7(32));
    const [first, second] = o.ldMany(address.at, 32, 2);
    writeBack(o, address);
    o.setX(f.Rt, o.extS(first!));
    o.setX(f.Rt2, o.extS(second!));
  };
const storePair =
  (indexing: Indexing, opts: Opts = {}) =>
  (o: Pair, f: PairRegisters & { readonly sf: number }): void => {
    const bits = wordOrDouble(f);
    const address = indexed(o, f.Rn, indexing, imm7(bits), opts);
    o.stMany(address.at, bits, [o.X(f.Rt, f.sf), o.X(f.Rt2, f.sf)], opts);
    writeBack(o, address);
  };
/** The pairs of FEAT_LSUI are always of 64 bits. */
const unprivilegedPair =
  (move: typeof loadPair, indexing: Indexing) =>
  (o: Pair, { Rn, Rt, Rt2 }: PairRegisters): void =>
    move(indexing, { unprivileged: true })(o, { Rn, Rt, Rt2, sf: 1 });

const literal = (o: Ops<{ readonly imm19: number }>): Val => o.pcRel((f) => signed(f.imm19, 19) << 2n);
const prefetch = (): void => {};

export const ldst = semantics(LDST, {
  LDR_lit: (o, { sf, Rt }) => o.setX(Rt, o.ld(literal(o), sf ? 64 : 32)),
  LDRSW_lit: (o, { Rt }) => o.setX(Rt, o.extS(o.ld(literal(o), 32))),
  PRFM_lit: prefetch,

  STNP: storePair('offset'),
  LDNP: loadPair('offset'),
  STTNP: unprivilegedPair(storePair, 'offset'),
  LDTNP: unprivilegedPair(loadPair, 'offset'),
  STTP_post: unprivilegedPair(storePair, 'post'),
  LDTP_post: unprivilegedPair(loadPair, 'post'),
  STTP: unprivilegedPair(storePair, 'offset'),
  LDTP: unprivilegedPair(loadPair, 'offset'),
  STTP_pre: unprivilegedPair(storePair, 'pre'),
  LDTP_pre: unprivilegedPair(loadPair, 'pre'),
  STP_post: storePair('post'),
  LDP_post: loadPair('post'),
  LDPSW_post: loadPairSigned('post'),
  STP: storePair('offset'),
  LDP: loadPair('offset'),
  LDPSW: loadPairSigned('offset'),
  STP_pre: storePair('pre'),
  LDP_pre: loadPair('pre'),
  LDPSW_pre: loadPairSigned('pre'),

  STURB: unscaled(STRB),
  LDURB: unscaled(LDRB),
  LDURSB: unscaled(LDRSB),
  STURH: unscaled(STRH),
  LDURH: unscaled(LDRH),
  LDURSH: unscaled(LDRSH),
  STUR: unscaled(STR),
  LDUR: unscaled(LDR),
  LDURSW: unscaled(LDRSW),
  PRFUM: prefetch,

  STRB_post: post(STRB),
  LDRB_post: post(LDRB),
  LDRSB_post: post(LDRSB),
  STRH_post: post(STRH),
  LDRH_post: post(LDRH),
  LDRSH_post: post(LDRSH),
  STR_post: post(STR),
  LDR_post: post(LDR),
  LDRSW_post: post(LDRSW),

  STTRB: unprivileged(STRB),
  LDTRB: unprivileged(LDRB),
  LDTRSB: unprivileged(LDRSB),
  STTRH: unprivileged(STRH),
  LDTRH: unprivileged(LDRH),
  LDTRSH: unprivileged(LDRSH),
  STTR: unprivileged(STR),
  LDTR: unprivileged(LDR),
  LDTRSW: unprivileged(LDRSW),

  STRB_pre: pre(STRB),
  LDRB_pre: pre(LDRB),
  LDRSB_pre: pre(LDRSB),
  STRH_pre: pre(STRH),
  LDRH_pre: pre(LDRH),
  LDRSH_pre: pre(LDRSH),
  STR_pre: pre(STR),
  LDR_pre: pre(LDR),
  LDRSW_pre: pre(LDRSW),

  STRB_reg: register(STRB),
  LDRB_reg: register(LDRB),
  LDRSB_reg: register(LDRSB),
  STRH_reg: register(STRH),
  LDRH_reg: register(LDRH),
  LDRSH_reg: register(LDRSH),
  STR_reg: register(STR),
  LDR_reg: register(LDR),
  LDRSW_reg: register(LDRSW),
  PRFM_reg: prefetch,
  RPRFM: prefetch,

  STRB_imm: offset(STRB),
  LDRB_imm: offset(LDRB),
  LDRSB_imm: offset(LDRSB),
  STRH_imm: offset(STRH),
  LDRH_imm: offset(LDRH),
  LDRSH_imm: offset(LDRSH),
  STR_imm: offset(STR),
  LDR_imm: offset(LDR),
  LDRSW_imm: offset(LDRSW),
  PRFM_imm: prefetch,
});
