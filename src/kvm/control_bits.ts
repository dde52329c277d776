// Bits of control registers by their names.

import { CONTROL_REGS, type ControlBitName, type ControlRegName } from '../arch/control_regs.ts';
import type { ControlReg } from '../arch/schema.ts';
import { fieldMask } from '../base/bits.ts';

/** The named bits of a control register, in the layout that it has while HCR_EL2.E2H is `e2h`. */
export function bitsOf<R extends ControlRegName>(name: R, e2h: boolean, ...bits: readonly ControlBitName<R>[]): bigint {
  const row: ControlReg = CONTROL_REGS[name];
  const fields = (!e2h && row.e2h0) || row.fields;
  return bits.reduce((m, b) => m | (fields[b] ? fieldMask(fields[b].hi, fields[b].lo) : 0n), 0n);
}
