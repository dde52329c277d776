// Arithmetic of handlers that WebAssembly has no single instruction for.

import type { Node } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { Emitter } from './emit.ts';

export function emitSelect(e: Emitter, n: Node): void {
  e.value(n.args[1]);
  e.value(n.args[2]);
  e.value(n.args[0]);
  e.code.select();
}
export function emitQuotient(e: Emitter, n: Node): void {
  const { code } = e;
  const ty = n.ty as 'i32' | 'i64';
  const [a, b] = [e.inLocal(n.args[0]!), e.inLocal(n.args[1]!)];
  const signed = n.op.endsWith('s');
  const constant = (v: number): void => void (ty === 'i64' ? code.i64(BigInt(v)) : code.i32(v));
  code.get(b).op(`${ty}.eqz`);
  code.block('if', ty);
  constant(0);
  code.else();
  if (signed) {
    // The most negative number by -1 would trap: dividing by -1 is negation.
    code.get(b);
    constant(-1);
    code.op(`${ty}.eq`);
    code.block('if', ty);
    constant(0);
    code.get(a).op(`${ty}.sub`).else();
  }
  code
    .get(a)
    .get(b)
    .op(`${ty}.div_${signed ? 's' : 'u'}`);
  if (signed) code.end();
  code.end();
}
/** The high half of a product, from four products of halves. */
export function emitHighProduct(e: Emitter, n: Node): void {
  const { code, f } = e;
  const [a, b] = [e.inLocal(n.args[0]!), e.inLocal(n.args[1]!)];
  const [middle, cross] = [f.temp('i64'), f.temp('i64')];
  const shift = n.op === 'i64.mulhi_s' ? 'i64.shr_s' : 'i64.shr_u';
  const low = (x: number): Code => code.get(x).i64(0xffff_ffffn).op('i64.and');
  const high = (x: number): Code => code.get(x).i64(32n).op(shift);
  // middle = high(a) * low(b) + carry of low(a) * low(b); cross = low(a) * high(b) + low(middle)
  high(a);
  low(b).op('i64.mul');
  low(a);
  low(b).op('i64.mul').i64(32n).op('i64.shr_u').op('i64.add').set(middle);
  low(a);
  high(b).op('i64.mul');
  low(middle).op('i64.add').set(cross);
  high(a);
  high(b).op('i64.mul');
  high(middle).op('i64.add');
  high(cross).op('i64.add');
}
