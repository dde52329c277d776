// Operations that WebAssembly has as the IR does, and where another instruction does the same in a shorter way.

import { constantOf } from '../ir/builder.ts';
import type { Node } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { LaneOp, PlainOp } from '../wasm/opcodes.ts';
import type { Emitter } from './emit.ts';
import { isPlainLookup } from './emit_swizzle.ts';

const LOW_HALF = (1n << 64n) - 1n;
/** Zeroes the high half of the vector on the stack: unlike most constants, zero costs nothing. */
export function emitLowHalf(code: Code): void {
  code.v128(0n).shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
}

const LOGIC: Readonly<Record<string, PlainOp>> = { 'i32.and': 'i64.and', 'i32.or': 'i64.or', 'i32.xor': 'i64.xor' };
/** Of 32 bits from registers in memory: V8 would read what it takes from memory twice, but what it extends once. @returns false: not here */
function emitWideLogic(e: Emitter, n: Node): boolean {
  const { code, s } = e;
  const op = LOGIC[n.op];
  if (op === undefined || !s.readWide || !e.takes(n)) return false;
  for (const a of n.args) {
    if (a.op === 'get.i32' && e.takes(a)) s.readWide(a.attr);
    else {
      e.value(a);
      code.op('i64.extend_i32_u');
    }
  }
  code.op(op);
  return true;
}

/** Leaves the value of a node whose row is plain on the stack. */
export function emitPlain(e: Emitter, n: Node): void {
  const { code } = e;
  if (n.op === 'v128.and' && constantOf(n.args[1]!) === LOW_HALF) {
    e.value(n.args[0]);
    emitLowHalf(code);
    return;
  }
  if (n.op === 'i64.extend_i32_u' && emitWideLogic(e, n.args[0]!)) return;
  const last = n.args.at(-1)!;
  if ((n.op === 'i64x2.splat' || n.op === 'i64x2.replace_lane') && e.isNumber(last)) {
    if (n.args.length > 1) e.value(n.args[0]);
    e.number(last);
    if (n.op === 'i64x2.splat') code.op('f64x2.splat');
    else code.lane('f64x2.replace_lane', n.attr as number);
    return;
  }
  e.args(n);
  if (n.op === 'i8x16.swizzle' && e.s.fused && isPlainLookup(n)) code.op('i8x16.relaxed_swizzle');
  else if (typeof n.attr === 'number') code.lane(n.op as LaneOp, n.attr);
  else code.op(n.op as PlainOp);
}
