// Semantics of arch/a64/branches.ts: branches and exception generation.

import { BRANCHES } from '../arch/a64/branches.ts';
import type { FieldsOf } from '../arch/a64/schema.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { signed } from './shared.ts';

type Rows = typeof BRANCHES;
type Kit<K extends keyof Rows> = Ops<FieldsOf<Rows[K]>>;

const words = (value: number, width: number): bigint => signed(value, width) << 2n;
const imm19 = (f: { readonly imm19: number }): bigint => words(f.imm19, 19);
const imm26 = (f: { readonly imm26: number }): bigint => words(f.imm26, 26);
const imm14 = (f: { readonly imm14: number }): bigint => words(f.imm14, 14);
const imm16 = (o: Kit<'SVC'>): Val => o.imm32((f) => f.imm16);

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
});
