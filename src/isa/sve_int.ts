// Semantics of arch/a64/sve_int.ts.

import { SVE_INT } from '../arch/a64/sve_int.ts';
import { routines } from './semantics.ts';
import { unpredicated2 } from './sve_lanes.ts';
import type { SveMachine } from './sve_machine.ts';
import { add, sub } from './sve_ops.ts';
import { patternCount } from './sve_pred.ts';

const signed6 = (imm6: number): bigint => BigInt((imm6 << 26) >> 26);
/** Rd = base + imm6 * unit(VL) */
const addLength =
  (unit: (m: SveMachine) => number) =>
  ({ Rn, imm6, Rd }: { Rn: number; imm6: number; Rd: number }, m: SveMachine) =>
  () =>
    m.setXsp(Rd, m.xsp(Rn) + signed6(imm6) * BigInt(unit(m)));

export const sveInt = routines(SVE_INT, {
  ADD_zzz: unpredicated2(add),
  SUB_zzz: unpredicated2(sub),

  ADDVL: addLength((m) => m.vl),
  ADDPL: addLength((m) => m.vl / 8),
  RDVL:
    ({ imm6, Rd }, m) =>
    () =>
      m.setX(Rd, signed6(imm6) * BigInt(m.vl)),

  CNT_r:
    ({ size, imm4, pattern, Rd }, m) =>
    () =>
      m.setX(Rd, BigInt(patternCount(pattern, m.vl >> size) * (imm4 + 1))),
});
