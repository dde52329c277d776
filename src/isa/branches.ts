// Semantics of arch/a64/branches.ts: branches and exception generation.

import { BRANCHES } from '../arch/a64/branches.ts';
import type { FieldsOf } from '../arch/a64/schema.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { immOf, signed } from './shared.ts';

type Rows = typeof BRANCHES;
type Kit<K extends keyof Rows> = Ops<FieldsOf<Rows[K]>>;

const words = (value: number, width: number): bigint => signed(value, width) << 2n;
const imm19 = (f: { readonly imm19: number }): bigint => words(f.imm19, 19);
const imm26 = (f: { readonly imm26: number }): bigint => words(f.imm26, 26);
const imm14 = (f: { readonly imm14: number }): bigint => words(f.imm14, 14);
const imm16 = (o: Kit<'SVC'>): Val => o.imm32((f) => f.imm16);

// ---- compare and branch in one (FEAT_CMPBR) ------------------------------------------------------------------------------

type Compare9 = Ops<{ readonly imm9: number }>;
const imm9 = (f: { readonly imm9: number }): bigint => words(f.imm9, 9);
/** GT, GE, HI, HS, -, -, EQ, NE. */
function compare(o: Compare9, cc: number, a: Val, b: Val): Val {
  if (cc === 6) return o.eq(a, b);
  if (cc === 7) return o.ne(a, b);
  if (cc & 1) return cc === 1 ? o.leS(b, a) : o.leU(b, a);
  return cc === 0 ? o.ltS(b, a) : o.ltU(b, a);
}
/** Bytes and halfwords, extended as the comparison asks. */
const compareNarrow =
  (bits: 8 | 16) =>
  (o: Compare9, { cc, Rm, Rt }: { readonly cc: number; readonly Rm: Reg; readonly Rt: Reg }): void => {
    const part = (n: Reg): Val => (cc < 2 ? o.sext(o.X(n, 0), bits) : o.zext(o.X(n, 0), bits));
    o.branchIf(compare(o, cc, part(Rt), part(Rm)), imm9);
  };

/** The tested bit, alone in its place. */
const testedBit = (o: Kit<'TBZ'>, Rt: Reg): Val =>
  o.and(
    o.X(Rt),
    o.imm((f) => 1n << BigInt((f.b5 << 5) | f.b40)),
  );

export const branches = semantics(BRANCHES, {
  B_cond: (o, { cond }) => o.branchIf(o.cond(cond), imm19),
  // Consistent branching is advice to a predictor.
  BC_cond: (o, { cond }) => o.branchIf(o.cond(cond), imm19),

  SVC: (o) => o.exception('svc', imm16(o)),
  HVC: (o) => o.exception('hvc', imm16(o)),
  SMC: (o) => o.exception('smc', imm16(o)),
  BRK: (o) => o.exception('brk', imm16(o)),
  HLT: (o) => o.exception('hlt', imm16(o)),
  UDF: (o) => o.undefined(),

  BR: (o, { Rn }) => {
    const viaIp = o.pick((f) => (f.Rn === 16 || f.Rn === 17 ? 1 : 0), [0, 1]);
    o.branchTo(o.X(Rn), viaIp ? 'jumpIp' : 'jump');
  },
  BLR: (o, { Rn }) => {
    const target = o.X(Rn);
    o.setLR(o.pcRel(() => 4n));
    o.branchTo(target, 'call');
  },
  RET: (o, { Rn }) => o.branchTo(o.X(Rn), 'return'),
  ERET: (o) => o.eret(),

  B: (o) => o.branch(imm26),
  BL: (o) => {
    o.setLR(o.pcRel(() => 4n));
    o.branch(imm26);
  },

  CBZ: (o, { sf, Rt }) => o.branchIf(o.eqz(o.X(Rt, sf)), imm19),
  CBNZ: (o, { sf, Rt }) => o.branchIf(o.eqz(o.eqz(o.X(Rt, sf))), imm19),
  TBZ: (o, { Rt }) => o.branchIf(o.eqz(testedBit(o, Rt)), imm14),
  TBNZ: (o, { Rt }) => o.branchIf(o.eqz(o.eqz(testedBit(o, Rt))), imm14),

  CB_reg: (o, { sf, cc, Rm, Rt }) => o.branchIf(compare(o, cc, o.X(Rt, sf), o.X(Rm, sf)), imm9),
  CBB: compareNarrow(8),
  CBH: compareNarrow(16),
  // GT, LT, HI, LO, -, -, EQ, NE: the second of each pair is the first with the operands exchanged.
  CB_imm: (o, { sf, cc, Rt }) => {
    const register = o.X(Rt, sf);
    const constant = immOf(o, sf, (f) => BigInt(f.imm6));
    const swapped = cc === 1 || cc === 3;
    const [a, b] = swapped ? [constant, register] : [register, constant];
    o.branchIf(compare(o, swapped ? cc - 1 : cc, a, b), imm9);
  },
});
