// Pointer authentication in compiled code: what was computed lately is found in a table (cpu/pac_cache.ts), the rest is
// asked for.

import { PAC_HASH, PacEntry } from '../cpu/pac_cache.ts';
import { Slot } from '../cpu/state.ts';
import { constantOf } from '../ir/builder.ts';
import type { NodeOf } from '../ir/ops.ts';
import type { Emitter } from './emit.ts';

/** @returns false for a helper that is none of these */
export function emitPauth(e: Emitter, n: NodeOf<'helper'>): boolean {
  const { code, f } = e;
  const { name } = n.attr;
  if (name === 'pacFailed') {
    code.get(f.cpu).mem('i32.load', Slot.PAC_FAILED);
    e.value(n.args[0]!);
    code.op('i32.shr_u').i32(1).op('i32.and');
    e.store(n);
    return true;
  }
  const key = n.args[2] && constantOf(n.args[2]);
  if ((name !== 'pacAdd' && name !== 'pacAuth') || key === undefined) return false;
  const auth = name === 'pacAuth';
  const pointer = e.inLocal(n.args[0]!);
  const modifier = e.inLocal(n.args[1]!);
  const entry = f.temp('i32');
  code.get(pointer).op('i32.wrap_i64').i32(PAC_HASH.pointer).op('i32.mul');
  code.get(modifier).op('i32.wrap_i64').get(f.cpu).mem('i32.load', Slot.PAC_FACTOR).op('i32.mul').op('i32.add');
  if (key) code.i32(Number(key)).op('i32.add');
  code.i32(PAC_HASH.shift).op('i32.shr_u').i32(PacEntry.shift).op('i32.shl');
  code.get(f.cpu).mem('i32.load', Slot.PAC_CACHE).op('i32.add').tee(entry);
  // Differences, because V8 reads what is compared twice.
  code
    .mem('i64.load', auth ? PacEntry.signed : PacEntry.pointer)
    .get(pointer)
    .op('i64.sub');
  code.get(entry).mem('i64.load', PacEntry.modifier).get(modifier).op('i64.sub').op('i64.or');
  code
    .get(entry)
    .mem('i64.load32_u', PacEntry.key)
    .i64(BigInt(key) + 1n)
    .op('i64.sub')
    .op('i64.or');
  code.i64(0n).op('i64.ne').seldom().block('if', 'i64');
  code
    .get(pointer)
    .get(modifier)
    .i32(Number(key))
    .call(f.import(`helper:${name}`, n.attr.args, [n.attr.result]));
  code.else();
  if (auth) code.get(f.cpu).i32(0).mem('i32.store', Slot.PAC_FAILED);
  code
    .get(entry)
    .mem('i64.load', auth ? PacEntry.pointer : PacEntry.signed)
    .end();
  e.store(n);
  return true;
}
