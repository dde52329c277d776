// Semantics of arch/a64/system.ts: hints, barriers, PSTATE, system registers and instructions. Who may do what is
// decided behind readSysreg, writeSysreg, sys and msrImm, not here.

import { SYSTEM } from '../arch/a64/system.ts';
import type { Ops, Val } from './ops.ts';
import { semantics } from './semantics.ts';

const nothing = (): void => {};

/** PSTATE.<N,Z,C,V> one by one as i32 0/1, and put together again. */
function flags(o: Ops): { n: Val; z: Val; c: Val; v: Val } {
  const all = o.nzcv();
  const bit = (i: number): Val => o.and(o.shrU(all, o.i32(i)), o.i32(1));
  return { n: bit(3), z: bit(2), c: bit(1), v: bit(0) };
}
function setFlags(o: Ops, n: Val, z: Val, c: Val, v: Val): void {
  const high = o.or(o.shl(n, o.i32(3)), o.shl(z, o.i32(2)));
  o.setNZCV(o.or(high, o.or(o.shl(c, o.i32(1)), v)));
}

export const system = semantics(SYSTEM, {
  WFET: (o, { Rt }) => o.idle('wfet', o.X(Rt)),
  WFIT: (o, { Rt }) => o.idle('wfit', o.X(Rt)),

  HINT: nothing,
  NOP: nothing,
  YIELD: (o) => o.idle('yield'),
  WFE: (o) => o.idle('wfe'),
  WFI: (o) => o.idle('wfi'),
  SEV: (o) => o.idle('sev'),
  SEVL: (o) => o.idle('sevl'),
  DGH: nothing,
  // No error is ever pending, no profiling or trace buffer exists to be synchronised.
  ESB: nothing,
  PSB: nothing,
  TSB: nothing,
  GCSB: nothing,
  CSDB: (o) => o.barrier('csdb'),
  CLRBHB: nothing,
  // A landing pad does nothing itself: other instructions fault after an indirect branch into a guarded page.
  BTI: nothing,
  // Clears the bits of X16 for features that are enabled; none of those that can be asked for is implemented.
  CHKFEAT: nothing,
  STSHH: nothing,

  CLREX: (o) => o.clrex(),
  DSB: (o) => o.barrier('dsb'),
  DMB: (o) => o.barrier('dmb'),
  ISB: (o) => o.barrier('isb'),
  SB: (o) => o.barrier('sb'),
  DSB_nXS: (o) => o.barrier('dsb'),

  MSR_imm: (o) => o.msrImm(),
  CFINV: (o) => o.setNZCV(o.xor(o.nzcv(), o.i32(2))),
  XAFLAG: (o) => {
    const { z, c } = flags(o);
    const not = (x: Val): Val => o.eqz(x);
    setFlags(o, o.and(not(c), not(z)), o.and(z, c), o.or(c, z), o.and(not(c), z));
  },
  AXFLAG: (o) => {
    const { z, c, v } = flags(o);
    setFlags(o, o.i32(0), o.or(z, v), o.and(c, o.eqz(v)), o.i32(0));
  },

  SYS: (o, { Rt }) => o.sys(o.X(Rt)),
  SYSL: (o, { Rt }) => o.setX(Rt, o.sysl()),
  MSR_reg: (o, { Rt }) => o.writeSysreg(o.X(Rt)),
  MRS: (o, { Rt }) => o.setX(Rt, o.readSysreg()),
});
