// Scalar writes of vector registers: a number with zeroes above it, by the shortest way. What comes from memory or from a
// vector does not go through the integer registers.

import type { Emitter } from '../interp/emit.ts';
import { emitLowHalf } from '../interp/emit_plain.ts';
import type { Node } from '../ir/ops.ts';
import type { Scalar } from './homes.ts';

/** What a vector register is kept as. */
export type Float = 'v128' | 'f64' | 'f32';
const LOAD = { 64: 'v128.load64_zero', 32: 'v128.load32_zero' } as const;

/** Leaves the new value of a register that is kept as `type` on the stack. @param value the vector that is written */
export function emitScalar(e: Emitter, type: Float, value: Node, { part, bits }: Scalar): void {
  const { code } = e;
  if (type === 'v128' && !e.takes(value)) {
    e.value(value);
    return;
  }
  if (type === 'v128' && part.op === `host.load${bits}` && e.takes(part)) {
    e.value(part.args[0]);
    code.mem(LOAD[bits], part.attr as number);
    return;
  }
  if (bits === 64 && type === 'v128' && part.op === 'i64x2.extract_lane' && part.attr === 0 && e.takes(part)) {
    e.value(part.args[0]);
    emitLowHalf(code);
    return;
  }
  if (type === 'v128') code.v128(0n);
  if (type === 'f64' && bits === 32) {
    e.value(part);
    code.op('i64.extend_i32_u').op('f64.reinterpret_i64');
    return;
  }
  e.number(part);
  if (type === 'v128') code.lane(bits === 64 ? 'f64x2.replace_lane' : 'f32x4.replace_lane', 0);
}
