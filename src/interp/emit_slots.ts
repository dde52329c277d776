// Where in the CPU state is what semantics name. All else asks for members of Slot, which are numbers where they are asked for.

import { InternalError } from '../base/assert.ts';
import { Slot, V_STRIDE } from '../cpu/state.ts';

/** Offset of a slot by the name that semantics use: X0..X30, V0..V31 or a name of Slot. */
export function slotOffset(name: string): number {
  const m = /^([XV])(\d+)$/.exec(name);
  if (m) return m[1] === 'X' ? Slot.X + 8 * Number(m[2]) : Slot.V + V_STRIDE * Number(m[2]);
  const offset = (Slot as Readonly<Record<string, number>>)[name];
  if (offset === undefined) throw new InternalError(`no slot '${name}'`);
  return offset;
}
