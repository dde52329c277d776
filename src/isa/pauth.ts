// Semantics of arch/a64/pauth.ts: which register, which modifier, which key. The cipher, and whether a key is enabled
// at all, is behind the helpers (cpu/pauth.ts).

import { PAUTH_ROWS } from '../arch/a64/pauth.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { signed } from './shared.ts';

/** Keys as the helpers number them: bit 0 is A or B, bit 1 is instruction or data. */
const Key = { IA: 0, IB: 1, DA: 2, DB: 3 } as const;
type Key = (typeof Key)[keyof typeof Key];

const X15 = 15;
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

/** Two modifiers as one (FEAT_PAuth_LR): of the first, bits 35 to 4; of the second, bits 36 to 5. @arm ComputePAC2 */
function both(o: Ops, first: Val, second: Val): Val {
  const low = o.zext(o.shrU(first, o.i64(4)), 32);
  return o.or(low, o.shl(o.shrU(second, o.i64(5)), o.i64(32)));
}
/** A modifier, and a second one where the PACM instruction came just before. */
function withPacm(o: Ops, first: Val, second: Val): Val {
  const modifier = o.local(first);
  o.ifPacm(() => modifier.set(both(o, first, second)));
  return modifier.get();
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
/** The same for those that PACM extends. */
const extended =
  (change: Change, key: Key, register: number, modifier: number, second: (o: Ops) => Val) => (o: Ops) => {
    const m = withPacm(o, o.XSP(o.reg(modifier)), second(o));
    const n = o.reg(register);
    o.setX(n, change(o, o.X(n), m, key));
  };
const x15 = (o: Ops): Val => o.X(o.reg(X15));
const x16 = (o: Ops): Val => o.X(o.reg(X16));
const here = (o: Ops): Val => o.pc();
/** By an implied modifier and a second one, always. */
const twice = (change: Change, key: Key, register: number, modifier: number, second: Val, o: Ops): void => {
  const n = o.reg(register);
  o.setX(n, change(o, o.X(n), both(o, o.XSP(o.reg(modifier)), second), key));
};
const twiceBy = (change: Change, key: Key, register: number, modifier: number, second: (o: Ops) => Val) => (o: Ops) =>
  twice(change, key, register, modifier, second(o), o);
/** Where the return address was signed: so many words back. */
const signedAt = (o: Ops<{ readonly imm16: number }>): Val => o.pcRel((f) => BigInt(-4 * f.imm16));

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
  PACIA1716: extended(add, Key.IA, X17, X16, x15),
  PACIB1716: extended(add, Key.IB, X17, X16, x15),
  AUTIA1716: extended(auth, Key.IA, X17, X16, x15),
  AUTIB1716: extended(auth, Key.IB, X17, X16, x15),
  PACIAZ: implied(add, Key.IA, LR),
  PACIASP: extended(add, Key.IA, LR, SP, here),
  PACIBZ: implied(add, Key.IB, LR),
  PACIBSP: extended(add, Key.IB, LR, SP, here),
  AUTIAZ: implied(auth, Key.IA, LR),
  AUTIASP: extended(auth, Key.IA, LR, SP, x16),
  AUTIBZ: implied(auth, Key.IB, LR),
  AUTIBSP: extended(auth, Key.IB, LR, SP, x16),
  PACM: (o) => o.pacm(),

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

  PACNBIASPPC: twiceBy(add, Key.IA, LR, SP, here),
  PACNBIBSPPC: twiceBy(add, Key.IB, LR, SP, here),
  PACIASPPC: twiceBy(add, Key.IA, LR, SP, here),
  PACIBSPPC: twiceBy(add, Key.IB, LR, SP, here),
  PACIA171615: twiceBy(add, Key.IA, X17, X16, x15),
  PACIB171615: twiceBy(add, Key.IB, X17, X16, x15),
  AUTIA171615: twiceBy(auth, Key.IA, X17, X16, x15),
  AUTIB171615: twiceBy(auth, Key.IB, X17, X16, x15),
  AUTIASPPCR: (o, { Rn }) => twice(auth, Key.IA, LR, SP, o.X(Rn), o),
  AUTIBSPPCR: (o, { Rn }) => twice(auth, Key.IB, LR, SP, o.X(Rn), o),
  AUTIASPPC: (o) => twice(auth, Key.IA, LR, SP, signedAt(o), o),
  AUTIBSPPC: (o) => twice(auth, Key.IB, LR, SP, signedAt(o), o),

  PACGA: (o, { Rm, Rn, Rd }) => o.setX(Rd, o.helper('pacGeneric', o.X(Rn), o.XSP(Rm))),

  BRAZ: (o, f) => jump(o, target(o, f, o.i64(0))),
  BLRAZ: (o, f) => call(o, target(o, f, o.i64(0))),
  RETA: (o, { M }) => {
    const modifier = withPacm(o, o.XSP(o.reg(SP)), x16(o));
    o.branchTo(target(o, { M, Rn: o.reg(LR) }, modifier), 'return');
  },
  RETASPPCR: (o, { M, Rm }) => {
    const modifier = both(o, o.XSP(o.reg(SP)), o.X(Rm));
    o.branchTo(target(o, { M, Rn: o.reg(LR) }, modifier), 'return');
  },
  RETASPPC_imm: (o, { M }) => {
    const modifier = both(o, o.XSP(o.reg(SP)), signedAt(o));
    o.branchTo(target(o, { M, Rn: o.reg(LR) }, modifier), 'return');
  },
  // The exception return authenticates ELR itself: ERETA only says with which key (M), which eret() finds there.
  ERETA: (o) => o.eret(),
  BRA: (o, f) => jump(o, target(o, f, o.XSP(f.Rm))),
  BLRA: (o, f) => call(o, target(o, f, o.XSP(f.Rm))),

  LDRA: (o, { M, W, Rn, Rt }) => {
    const base = authenticate(o, o.base(Rn), o.i64(0), M ? Key.DB : Key.DA, true);
    const at = o.addAddress(
      base,
      o.imm((f) => signed((f.S << 9) | f.imm9, 10) << 3n),
    );
    const value = o.ld(at, 64);
    if (W) o.setXSP(Rn, at);
    o.setX(Rt, value);
  },
});
