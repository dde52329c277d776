// What instructions call: the system around the engine, and helpers written in TypeScript.

import { Slot } from '../cpu/state.ts';
import type { NodeOf, Ty } from '../ir/ops.ts';
import type { Emitter } from './emit.ts';
import { emitPauth } from './emit_pauth.ts';

export function emitSystem(e: Emitter, n: NodeOf<'sys.read' | 'sys.write' | 'sys.op' | 'sys.imm'>): void {
  const { code, f } = e;
  e.s.publish();
  for (const a of n.args) e.value(a);
  const types = n.args.map((a) => a.ty as Ty);
  if (n.op === 'sys.op') {
    code.i32(n.attr ? 1 : 0);
    types.push('i32');
  }
  const result = n.row.result;
  code.call(f.import(n.op, types, result === 'void' ? [] : [result]));
  if (result !== 'void') e.store(n);
  code.get(f.cpu).mem('i32.load', Slot.LEAVE).op('i32.eqz');
  f.faultIfZero();
}
export function emitHelper(e: Emitter, n: NodeOf<'helper'>): void {
  const { code, f } = e;
  if (emitPauth(e, n)) return;
  if (!e.s.helper?.(e, n)) {
    for (const a of n.args) e.value(a);
    code.call(f.import(`helper:${n.attr.name}`, n.attr.args, [n.attr.result]));
  }
  e.store(n);
}
export function emitVectorHelper(e: Emitter, n: NodeOf<'helperV'>): void {
  const { code, f } = e;
  n.args.forEach((a, i) => {
    code.get(f.cpu);
    e.value(a);
    code.mem('v128.store', Slot.VECTORS + 16 * (i + 1));
  });
  code.i32(n.attr.param).call(f.import(`vector:${n.attr.name}`, ['i32'], []));
  code.get(f.cpu).mem('v128.load', Slot.VECTORS);
  e.store(n);
}
