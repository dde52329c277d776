// Vectors of floating-point numbers in handlers: as emit_fp.ts, with the host's vector instructions and one decision for
// all lanes.

import { type FpOp, fpTypes } from '../ir/fp_ops.ts';
import type { FpAttr, Node, NodeOf } from '../ir/ops.ts';
import type { Emitter } from './emit.ts';
import { callSoft } from './emit_fp.ts';
import { fusedVector } from './emit_fused.ts';
import { ALL, type FastVector, Vector } from './fp_lanes.ts';

function simple(v: Vector, op: FpOp, args: readonly number[]): FastVector | undefined {
  const { code } = v;
  const [a, b] = args as [number, number];
  switch (op) {
    case 'add':
    case 'sub':
      return { inexact: true, result: () => void v.float(op, a, b), counts: (r) => void v.isFinite(r) };
    case 'mul':
    case 'div':
    case 'sqrt':
      return {
        inexact: true,
        result: () => void v.float(op, ...args),
        counts: (r) => void v.isNormal(r),
        rare: (r) => {
          v.isZero(r);
          v.isZero(a);
          if (op === 'mul') v.isZero(b).op('v128.or');
          code.op('v128.and');
        },
      };
    case 'max':
    case 'min':
    case 'maxnm':
    case 'minnm':
      return {
        inexact: false,
        result: () => void v.float(op.slice(0, 3), a, b),
        counts: (r) => void v.isNumber(r),
      };
    case 'neg':
      return {
        inexact: false,
        result: () => {
          code.get(a);
          v.e.vector(v.l.sign).op('v128.xor');
        },
        counts: () => void code.v128(ALL),
      };
    case 'abs':
      return { inexact: false, result: () => void v.magnitude(a), counts: () => void code.v128(ALL) };
    case 'eq':
    case 'ge':
    case 'gt':
      return {
        inexact: false,
        result: () => void v.float(op, a, b),
        counts: () => {
          v.isNumber(a);
          v.isNumber(b).op('v128.and');
        },
      };
    default:
      return undefined;
  }
}

function fastVector(v: Vector, a: FpAttr, args: readonly number[]): FastVector | undefined {
  return a.op === 'fma' ? fusedVector(v, a.fmt as 32 | 64, args) : simple(v, a.op, args);
}

export function emitFpVector(e: Emitter, n: NodeOf<'fpv'>): void {
  const { code } = e;
  const { fp: attr, count } = n.attr;
  const args = n.args.map((a: Node) => e.inLocal(a));
  const v = attr.fmt === 16 ? undefined : new Vector(e, attr.fmt);
  const fast = v && fastVector(v, attr, args);
  if (!v || !fast) {
    softLanes(e, attr, count, args);
    e.store(n);
    return;
  }
  const value = v.local(() => fast.result());
  // Lanes that are not part of the vector have no say.
  const bits = count * attr.fmt;
  const lanes = (1 << count) - 1;
  const all = (test: (result: number) => void) => (): void => {
    test.call(fast, value);
    code.op(`${v.l.int}.bitmask`);
    if (bits < 128) code.i32(lanes).op('i32.and');
    code.i32(lanes).op('i32.eq');
  };
  const { inexact, counts, rare } = fast;
  const either = (): void => {
    counts.call(fast, value);
    rare!.call(fast, value);
    code.op('v128.or');
  };
  e.s.unlessExact(e, { inexact, counts: all(counts), rare: rare && all(either) }, () => {
    softLanes(e, attr, count, args);
    code.set(value);
  });
  code.get(value);
  if (bits < 128) code.v128((1n << BigInt(bits)) - 1n).op('v128.and');
  e.store(n);
}

const SHAPE = { 16: 'i16x8', 32: 'i32x4', 64: 'i64x2' } as const;
/** Lane by lane through the soft implementation. Leaves the vector on the stack. */
function softLanes(e: Emitter, attr: FpAttr, count: number, args: readonly number[]): void {
  const { code, f } = e;
  const shape = SHAPE[attr.fmt];
  const isTest = attr.op === 'eq' || attr.op === 'ge' || attr.op === 'gt';
  const type = fpTypes(attr).result;
  code.v128(0n);
  for (let i = 0; i < count; i++) {
    for (const a of args) {
      code.get(a).lane(shape === 'i16x8' ? 'i16x8.extract_lane_u' : `${shape}.extract_lane`, i);
    }
    callSoft(e, attr);
    if (isTest) {
      // 0 or 1 becomes zero or all ones.
      const bit = f.temp(type);
      code.set(bit).i32(0).get(bit).op('i32.sub');
      if (attr.fmt === 64) code.op('i64.extend_i32_s');
    }
    code.lane(`${shape}.replace_lane`, i);
  }
}
