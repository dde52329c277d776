// Semantics of arch/a64/pauth.ts: which register, which modifier, which key. The cipher, and whether a key is enabled
// at all, is behind the helpers (cpu/pauth.ts).

import { PAUTH_ROWS } from '../arch/a64/pauth.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { signed } from './shared.ts';

/** Keys as the helpers number them: bit 0 is A or B, bit 1 is instruction or data. */
const Key = { IA: 0, IB: 1, DA: 2, DB: 3 } as const;
type Key = (typeof Key)[keyof typeof Key];

const X16 = 16;
const X17 = 17;
const LR = 30;
const SP = 31;

/** @arm AddPAC */
function add(o: Ops, pointer: Val, modifier: Val, key: Key): Val {
  return o.helper('pacAdd', pointer, modifier, o.i32(key));
}
/**
 * The pointer without its code, or a pointer that faults when used; with FEAT_FPAC a wrong code faults here. `combined`:
 * the instruction goes on to use the pointer, which faults here only with FEAT_FPACCOMBINE. @arm Auth
 */
function authenticate(o: Ops, pointer: Val, modifier: Val, key: Key, combined = false): Val {
  const result = o.helper('pacAuth', pointer, modifier, o.i32(key));
  o.if(o.helper('pacFailed', o.i32(combined ? 1 : 0)), () => o.exception('pac', o.i32(key)));
  return result;
}
function strip(o: Ops, pointer: Val, data: boolean): Val {
  return o.helper('pacStrip', pointer, o.i32(data ? 1 : 0));
}

type Change = typeof add;
/** Rd by the modifier in Rn. */
const general =
  (change: Change, key: Key) =>
  (o: Ops, { Rn, Rd }: { readonly Rn: Reg; readonly Rd: Reg }): void =>
    o.setX(Rd, change(o, o.X(Rd), o.XSP(Rn), key));
/** Rd by the modifier 0. */
const zeroed =
  (change: Change, key: Key) =>
  (o: Ops, { Rd }: { readonly Rd: Reg }): void =>
    o.setX(Rd, change(o, o.X(Rd), o.i64(0), key));
/** An implied register by an implied modifier; none is 0. */
const implied = (change: Change, key: Key, register: number, modifier?: number) => (o: Ops) => {
  const m = modifier === undefined ? o.i64(0) : o.XSP(o.reg(modifier));
  const n = o.reg(register);
  o.setX(n, change(o, o.X(n), m, key));
};
const auth: Change = (o, pointer, modifier, key) => authenticate(o, pointer, modifier, key);

interface Branch {
  readonly M: number;
  readonly Rn: Reg;
}
const target = (o: Ops, { M, Rn }: Branch, modifier: Val): Val =>
  authenticate(o, o.X(Rn), modifier, M ? Key.IB : Key.IA, true);
/** BTYPE depends on the register even here. */
const jump = (o: Ops, to: Val): void => {
  const viaIp = o.pick((f) => (f['Rn'] === X16 || f['Rn'] === X17 ? 1 : 0), [0, 1]);
  o.branchTo(to, viaIp ? 'jumpIp' : 'jump');
};
const call = (o: Ops, to: Val): void => {
  o.setLR(o.pcRel(() => 4n));
  o.branchTo(to, 'call');
};

export const pauth = semantics(PAUTH_ROWS, {
  XPACLRI: (o) => o.setX(o.reg(LR), strip(o, o.X(o.reg(LR)), false)),
  PACIA1716: implied(add, Key.IA, X17, X16),
  PACIB1716: implied(add, Key.IB, X17, X16),
  AUTIA1716: implied(auth, Key.IA, X17, X16),
  AUTIB1716: implied(auth, Key.IB, X17, X16),
  PACIAZ: implied(add, Key.IA, LR),
  PACIASP: implied(add, Key.IA, LR, SP),
  PACIBZ: implied(add, Key.IB, LR),
  PACIBSP: implied(add, Key.IB, LR, SP),
  AUTIAZ: implied(auth, Key.IA, LR),
  AUTIASP: implied(auth, Key.IA, LR, SP),
  AUTIBZ: implied(auth, Key.IB, LR),
  AUTIBSP: implied(auth, Key.IB, LR, SP),

  PACIA: general(add, Key.IA),
  PACIB: general(add, Key.IB),
  PACDA: general(add, Key.DA),
  PACDB: general(add, Key.DB),
  AUTIA: general(auth, Key.IA),
  AUTIB: general(auth, Key.IB),
  AUTDA: general(auth, Key.DA),
  AUTDB: general(auth, Key.DB),
  PACIZA: zeroed(add, Key.IA),
  PACIZB: zeroed(add, Key.IB),
  PACDZA: zeroed(add, Key.DA),
  PACDZB: zeroed(add, Key.DB),
  AUTIZA: zeroed(auth, Key.IA),
  AUTIZB: zeroed(auth, Key.IB),
  AUTDZA: zeroed(auth, Key.DA),
  AUTDZB: zeroed(auth, Key.DB),
  XPACI: (o, { Rd }) => o.setX(Rd, strip(o, o.X(Rd), false)),
  XPACD: (o, { Rd }) => o.setX(Rd, strip(o, o.X(Rd), true)),

  PACGA: (o, { Rm, Rn, Rd }) => o.setX(Rd, o.helper('pacGeneric', o.X(Rn), o.XSP(Rm))),

  BRAZ: (o, f) => jump(o, target(o, f, o.i64(0))),
  BLRAZ: (o, f) => call(o, target(o, f, o.i64(0))),
  RETA: (o, { M }) => {
    const to = target(o, { M, Rn: o.reg(LR) }, o.XSP(o.reg(SP)));
    o.branchTo(to, 'return');
  },
  // The exception return authenticates ELR itself: ERETA only says with which key (M), which eret() finds there.
  ERETA: (o) => o.eret(),
  BRA: (o, f) => jump(o, target(o, f, o.XSP(f.Rm))),
  BLRA: (o, f) => call(o, target(o, f, o.XSP(f.Rm))),

  LDRA: (o, { M, W, Rn, Rt }) => {
    const base = authenticate(o, o.base(Rn), o.i64(0), M ? Key.DB : Key.DA, true);
    const at = o.add(
      base,
      o.imm((f) => signed((f.S << 9) | f.imm9, 10) << 3n),
    );
    const value = o.ld(at, 64);
    if (W) o.setXSP(Rn, at);
    o.setX(Rt, value);
  },
});
