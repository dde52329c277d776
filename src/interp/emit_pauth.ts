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
    // Of the present instruction: nothing has failed that was found.
    if (e.authentication === undefined) code.get(f.cpu).mem('i32.load', Slot.PAC_FAILED);
    else code.get(e.authentication);
    e.value(n.args[0]!);
    code.op('i32.shr_u').i32(1).op('i32.and');
    e.store(n);
    return true;
  }
  const constant = n.args[2] && constantOf(n.args[2]);
  if ((name !== 'pacAdd' && name !== 'pacAuth') || constant === undefined) return false;
  const key = Number(constant);
  const pointer = e.inLocal(n.args[0]!);
  const modifier = e.inLocal(n.args[1]!);
  const ask = (): void => {
    code.get(pointer).get(modifier).i32(key);
    code.call(f.import(`helper:${name}`, n.attr.args, [n.attr.result]));
  };
  if (name === 'pacAdd') {
    const signature = f.signs?.(key);
    // Only what is found in the table is sure to be authenticated as what it was.
    const remember = (): void => {
      if (signature)
        code.tee(signature.signed).get(pointer).set(signature.pointer).get(modifier).set(signature.modifier);
    };
    const forget = (): void => {
      ask();
      if (signature) code.i64(0n).set(signature.pointer);
    };
    emitFound(e, { pointer, modifier, key }, false, remember, forget);
    e.store(n);
    return true;
  }
  const failed = f.temp('i32');
  e.authentication = failed;
  code.i32(0).set(failed);
  const signature = f.authenticates?.(key);
  const known = signature && code.block('block', 'i64');
  if (signature && known) {
    const unknown = code.block('block');
    code.get(signature.signed).get(pointer).op('i64.xor').get(signature.modifier).get(modifier).op('i64.xor');
    code.op('i64.or').i64(0n).op('i64.ne').seldom().brIf(unknown);
    code.get(signature.pointer).get(signature.pointer).op('i64.eqz').op('i32.eqz').brIf(known).drop().end();
  }
  const askAll = (): void => {
    ask();
    code.get(f.cpu).mem('i32.load', Slot.PAC_FAILED).set(failed);
  };
  emitFound(e, { pointer, modifier, key }, true, () => {}, askAll);
  if (known) code.end();
  e.store(n);
  return true;
}
/** Puts on the stack what is in the table, or what is asked for. @param what locals, and the key @param auth it is signed @param found looks at the former */
function emitFound(
  { code, f }: Emitter,
  { pointer, modifier, key }: Readonly<Record<'pointer' | 'modifier' | 'key', number>>,
  auth: boolean,
  found: () => void,
  ask: () => void,
): void {
  const entry = f.temp('i32');
  code.get(pointer).op('i32.wrap_i64').i32(PAC_HASH.pointer).op('i32.mul');
  code.get(modifier).op('i32.wrap_i64').get(f.cpu).mem('i32.load', Slot.PAC_FACTOR).op('i32.mul').op('i32.add');
  if (key) code.i32(key).op('i32.add');
  code.get(f.cpu).mem('i32.load', Slot.PAC_SHIFT).op('i32.shr_u').i32(PacEntry.shift).op('i32.shl');
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
  ask();
  code.else();
  code.get(entry).mem('i64.load', auth ? PacEntry.pointer : PacEntry.signed);
  found();
  code.end();
}
