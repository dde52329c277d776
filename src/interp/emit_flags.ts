// The condition flags in handlers. They are kept as what they are made of (a value whose sign is N, a value that is zero
// if Z, C and V as words), which makes them cheap to set; conditions put them together.

import { Slot } from '../cpu/state.ts';
import { constantOf } from '../ir/builder.ts';
import type { Node, NodeOf, Op } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { IntOp } from '../wasm/opcodes.ts';
import type { Emitter } from './emit.ts';

/** What flags say, in locals: the comparison of two values, or (with one) of a value with zero. */
export interface Compared {
  readonly ty: 'i32' | 'i64';
  readonly x: number;
  readonly y: number | undefined;
}

/** N and Z of a value; C and V cleared. */
export function emitSignZero(e: Emitter, n: NodeOf<'flags.nz.i32' | 'flags.nz.i64'>): Compared {
  const x = signZero(e, () => e.value(n.args[0]), n.op === 'flags.nz.i64');
  e.code.get(e.f.cpu).i64(0n).mem('i64.store', Slot.FLAG_C);
  return { ty: 'i64', x, y: undefined };
}

/** N and Z follow from the value, sign-extended. */
function signZero(e: Emitter, emitValue: () => void, is64: boolean): number {
  const { code, f } = e;
  const wide = f.temp('i64');
  emitValue();
  if (!is64) code.op('i64.extend_i32_s');
  code.set(wide);
  code.get(f.cpu).get(wide).mem('i64.store', Slot.FLAG_N);
  code.get(f.cpu).get(wide).mem('i64.store', Slot.FLAG_Z);
  return wide;
}
/** @returns what the flags say, of a subtraction */
export function emitAddWithCarry(e: Emitter, n: NodeOf<'adc.i32' | 'adc.i64'>): Compared | undefined {
  const { code, f } = e;
  const ty = n.op === 'adc.i64' ? 'i64' : 'i32';
  const [a, b, c] = n.args as [Node, Node, Node];
  const carry = constantOf(c);
  const op = (name: string): Code => code.op(`${ty}.${name}` as IntOp);
  const x = e.inLocal(a);
  const result = f.temp(ty);
  const inverted = carry === 1 && e.usesOf(b) === 1 ? complementOf(b, ty) : undefined;
  const y = e.inLocal(inverted ?? b);
  let carryOut = (): void => {
    code.get(result).get(x);
    op('lt_u');
  };
  if (inverted) {
    code.get(x).get(y);
    op('sub').set(result);
    carryOut = () => {
      code.get(x).get(y);
      op('ge_u');
    };
  } else {
    code.get(x).get(y);
    op('add').set(result);
    if (carry !== 0) {
      // Either step may carry, never both.
      const first = f.temp('i32');
      const sum = f.temp(ty);
      carryOut();
      code.set(first).get(result).set(sum).get(result);
      e.value(c);
      if (ty === 'i64') code.op('i64.extend_i32_u');
      op('add').set(result);
      carryOut = () => {
        code.get(result).get(sum);
        op('lt_u').get(first).op('i32.or');
      };
    }
  }
  signZero(e, () => code.get(result), ty === 'i64');
  code.get(f.cpu);
  carryOut();
  code.mem('i32.store', Slot.FLAG_C);
  // Overflow: the result has another sign than both addends (for a difference: than x, and x another than y).
  code
    .get(f.cpu)
    .get(x)
    .get(inverted ? y : result);
  op('xor')
    .get(inverted ? x : y)
    .get(result);
  op('xor');
  op('and');
  if (ty === 'i64') code.i64(63n).op('i64.shr_u').op('i32.wrap_i64');
  else code.i32(31).op('i32.shr_u');
  code.mem('i32.store', Slot.FLAG_V);
  e.define(n, result);
  return inverted && { ty, x, y };
}
export function emitSetFlags(e: Emitter, n: Node): void {
  const { code, f } = e;
  const v = e.inLocal(n.args[0]!);
  code.get(f.cpu).get(v).op('i64.extend_i32_u').i64(60n).op('i64.shl').mem('i64.store', Slot.FLAG_N);
  code.get(f.cpu).get(v).i32(4).op('i32.and').i32(4).op('i32.xor').op('i64.extend_i32_u').mem('i64.store', Slot.FLAG_Z);
  code.get(f.cpu).get(v).i32(1).op('i32.shr_u').i32(1).op('i32.and').mem('i32.store', Slot.FLAG_C);
  code.get(f.cpu).get(v).i32(1).op('i32.and').mem('i32.store', Slot.FLAG_V);
}
export function emitReadFlags(e: Emitter, n: NodeOf<'flags.get' | 'flags.carry' | 'flags.cond'>): void {
  const { code, f } = e;
  const flag = (slot: number): Code => code.get(f.cpu).mem('i32.load', slot);
  const negative = (): Code => code.get(f.cpu).mem('i64.load', Slot.FLAG_N).i64(0n).op('i64.lt_s');
  const nonzero = (): Code => code.get(f.cpu).mem('i64.load', Slot.FLAG_Z).i64(0n).op('i64.ne');
  const zero = (): Code => code.get(f.cpu).mem('i64.load', Slot.FLAG_Z).op('i64.eqz');
  if (n.op === 'flags.carry') {
    flag(Slot.FLAG_C);
    return;
  }
  if (n.op === 'flags.get') {
    negative().i32(3).op('i32.shl');
    zero().i32(2).op('i32.shl').op('i32.or');
    flag(Slot.FLAG_C).i32(1).op('i32.shl').op('i32.or');
    flag(Slot.FLAG_V).op('i32.or');
    return;
  }
  const less = (): Code => {
    negative();
    return flag(Slot.FLAG_V);
  };
  const emit: readonly (() => Code)[] = [
    zero,
    nonzero,
    () => flag(Slot.FLAG_C),
    () => flag(Slot.FLAG_C).op('i32.eqz'),
    negative,
    () => negative().op('i32.eqz'),
    () => flag(Slot.FLAG_V),
    () => flag(Slot.FLAG_V).op('i32.eqz'),
    () => {
      flag(Slot.FLAG_C);
      return nonzero().op('i32.and');
    },
    () => {
      flag(Slot.FLAG_C).op('i32.eqz');
      return zero().op('i32.or');
    },
    () => less().op('i32.eq'),
    () => less().op('i32.ne'),
    () => {
      less().op('i32.eq');
      return nonzero().op('i32.and');
    },
    () => {
      less().op('i32.ne');
      return zero().op('i32.or');
    },
  ];
  const one = emit[n.attr ?? 14];
  if (one) one();
  else code.i32(1);
}

/** By condition: the comparison that it is after a subtraction. */
const COMPARISON: Readonly<Record<number, string>> = {
  0: 'eq', 1: 'ne', 2: 'ge_u', 3: 'lt_u', 8: 'gt_u', 9: 'le_u', 10: 'ge_s', 11: 'lt_s', 12: 'gt_s', 13: 'le_s',
}; // biome-ignore format: a table
/** Of a value with zero, where C and V are 0. */
const WITH_ZERO: Readonly<Record<number, string>> = {
  0: 'eq', 1: 'ne', 4: 'lt_s', 5: 'ge_s', 10: 'ge_s', 11: 'lt_s', 12: 'gt_s', 13: 'le_s',
}; // biome-ignore format: a table
/** Puts a condition on the stack without looking at the flags. @returns false if it must be asked for */
export function emitCompared(code: Code, { ty, x, y }: Compared, condition: number): boolean {
  const name = (y === undefined ? WITH_ZERO : COMPARISON)[condition];
  if (name === undefined) return false;
  code.get(x);
  if (y !== undefined) code.get(y);
  else if (ty === 'i64') code.i64(0n);
  else code.i32(0);
  code.op(`${ty}.${name}` as IntOp);
  return true;
}

/** What `n` is the bitwise complement of, if it is. */
export function complementOf(n: Node, ty: 'i32' | 'i64'): Node | undefined {
  const op: Op = ty === 'i64' ? 'i64.xor' : 'i32.xor';
  if (n.op !== op) return undefined;
  const ones = constantOf(n.args[1]!);
  return ones === 0xffff_ffff_ffff_ffffn || ones === -1 ? n.args[0] : undefined;
}
