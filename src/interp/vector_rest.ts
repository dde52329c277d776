// What of a vector register is beyond V[n]: writes to V[n] zero it, where it is there at all.

import { Slot } from '../cpu/state.ts';
import type { Code } from '../wasm/builder.ts';

/** Bytes of V[n]. */
export const V_BYTES = 16;

/** Zeroes it. @param address puts the base of the register on the stack and gives the offset to use */
export function writeZeroRest(code: Code, cpu: number, address: () => number): void {
  code.get(cpu).mem('i32.load', Slot.SVE_LIVE);
  code.block('if');
  const offset = address();
  code
    .i32(offset + V_BYTES)
    .op('i32.add')
    .i32(0);
  code.get(cpu).mem('i32.load', Slot.SVE_LIVE).i32(V_BYTES).op('i32.sub').fill().end();
}
