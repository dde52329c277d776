// Scalar writes of vector registers: a number with zeroes above it, by the shortest way. What comes from memory or from a
// vector does not go through the integer registers.

import { type Emitter, emitLowHalf } from '../interp/emit.ts';
import type { Node } from '../ir/ops.ts';
import type { MemoryOp, VectorMemoryOp } from '../wasm/opcodes.ts';
import type { Scalar } from './homes.ts';

/** What a vector register is kept as. */
export type Float = 'v128' | 'f64' | 'f32';
const LOAD: Readonly<Record<32 | 64, Partial<Record<Float, MemoryOp | VectorMemoryOp>>>> = {
  64: { v128: 'v128.load64_zero', f64: 'f64.load' },
  32: { v128: 'v128.load32_zero', f32: 'f32.load' },
};

/** Leaves the new value of a register that is kept as `type` on the stack. @param value the vector that is written */
export function emitScalar(e: Emitter, type: Float, value: Node, { part, bits }: Scalar): void {
  const { code } = e;
  if (type === 'v128' && !e.takes(value)) {
    e.value(value);
    return;
  }
  const load = LOAD[bits][type];
  if (load && part.op === `host.load${bits}` && e.takes(part)) {
    e.value(part.args[0]);
    code.mem(load, part.attr as number);
    return;
  }
  if (bits === 64 && type !== 'f32' && part.op === 'i64x2.extract_lane' && part.attr === 0 && e.takes(part)) {
    e.value(part.args[0]);
    if (type === 'v128') emitLowHalf(code);
    else code.floatLane(0);
    return;
  }
  if (type === 'v128') code.v128(0n);
  e.value(part);
  if (type === 'f32') code.op('f32.reinterpret_i32');
  else {
    if (bits === 32) code.op('i64.extend_i32_u');
    if (type === 'f64') code.op('f64.reinterpret_i64');
    else code.lane('i64x2.replace_lane', 0);
  }
}
