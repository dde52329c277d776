// Floating point in handlers. Everything the host's own arithmetic cannot answer exactly, flags included, is asked of
// the soft implementation.

import { type FpAttr, fpKey, fpTypes, type NodeOf, type Ty } from '../ir/ops.ts';
import type { Emitter } from './emit.ts';

const LANES = { 16: 'i16x8', 32: 'i32x4', 64: 'i64x2' } as const;

function callSoft(e: Emitter, attr: FpAttr): void {
  const { args, result } = fpTypes(attr);
  e.code.call(e.f.import(`fp:${fpKey(attr)}`, args, [result]));
}

export function emitFp(e: Emitter, n: NodeOf<'fp'>): void {
  for (const a of n.args) e.value(a);
  callSoft(e, n.attr);
  e.store(n);
}

export function emitFpVector(e: Emitter, n: NodeOf<'fpv'>): void {
  const { code } = e;
  const { fp, count } = n.attr;
  const shape = LANES[fp.fmt];
  const args = n.args.map((a) => e.inLocal(a));
  const test =
    fpTypes(fp).result !== (fp.fmt === 64 ? 'i64' : 'i32') || fp.op === 'eq' || fp.op === 'ge' || fp.op === 'gt';
  code.v128(0n);
  for (let i = 0; i < count; i++) {
    for (const a of args) {
      code.get(a);
      code.lane(shape === 'i16x8' ? 'i16x8.extract_lane_u' : `${shape}.extract_lane`, i);
    }
    callSoft(e, fp);
    if (test) mask(e, fp.fmt === 64 ? 'i64' : 'i32');
    code.lane(`${shape}.replace_lane`, i);
  }
  e.store(n);
}
/** 0 or 1 on the stack becomes zero or all ones. */
function mask(e: Emitter, ty: Ty): void {
  const { code, f } = e;
  const bit = f.temp('i32');
  code.set(bit).i32(0).get(bit).op('i32.sub');
  if (ty === 'i64') code.op('i64.extend_i32_s');
}
