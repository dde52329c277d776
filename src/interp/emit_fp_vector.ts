// Vectors of floating-point numbers, and fused multiply-add, in handlers: as emit_fp.ts, with the host's vector
// instructions and one decision for all lanes.
//
// Fused multiply-add has no instruction. Single precision goes through double: the product is exact there, the sum is
// rounded to odd, and rounding that once more gives what one rounding gives (53 >= 2 * 24 + 2). Double precision follows
// Boldo and Melquiond: product and sums as unevaluated pairs, their tail rounded to odd.

import { type FpOp, fpTypes } from '../ir/fp_ops.ts';
import type { FpAttr, Node, NodeOf } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { PlainOp } from '../wasm/opcodes.ts';
import type { Emitter } from './emit.ts';
import { callSoft } from './emit_fp.ts';

interface Lanes {
  readonly int: 'i32x4' | 'i64x2';
  readonly float: 'f32x4' | 'f64x2';
  readonly infinity: bigint;
  readonly least: bigint;
  readonly sign: bigint;
}
const repeat = (v: bigint, bits: 32 | 64): bigint => {
  const half = bits === 64 ? v : v | (v << 32n);
  return half | (half << 64n);
};
const LANES: Readonly<Record<32 | 64, Lanes>> = {
  32: {
    int: 'i32x4',
    float: 'f32x4',
    infinity: repeat(0x7f80_0000n, 32),
    least: repeat(0x0080_0000n, 32),
    sign: repeat(1n << 31n, 32),
  },
  64: {
    int: 'i64x2',
    float: 'f64x2',
    infinity: repeat(0x7ff0_0000_0000_0000n, 64),
    least: repeat(0x0010_0000_0000_0000n, 64),
    sign: repeat(1n << 63n, 64),
  },
};
const ALL = (1n << 128n) - 1n;

/** Writes vector code; every method leaves a v128 on the stack. */
class Vector {
  readonly e: Emitter;
  readonly code: Code;
  readonly l: Lanes;
  constructor(e: Emitter, bits: 32 | 64) {
    this.e = e;
    this.code = e.code;
    this.l = LANES[bits];
  }
  local(write: () => void): number {
    const t = this.e.f.temp('v128');
    write();
    this.code.set(t);
    return t;
  }
  float(name: string, ...locals: number[]): Code {
    for (const x of locals) this.code.get(x);
    return this.code.op(`${this.l.float}.${name}` as PlainOp);
  }
  int(name: string, ...locals: number[]): Code {
    for (const x of locals) this.code.get(x);
    return this.code.op(`${this.l.int}.${name}` as PlainOp);
  }
  magnitude(x: number): Code {
    this.code.get(x);
    return this.e.vector(ALL ^ this.l.sign).op('v128.and');
  }
  isZero(x: number): Code {
    this.magnitude(x).v128(0n);
    return this.int('eq');
  }
  isFinite(x: number): Code {
    this.magnitude(x);
    this.e.vector(this.l.infinity);
    return this.int('lt_s');
  }
  isNumber(x: number): Code {
    this.magnitude(x);
    this.e.vector(this.l.infinity);
    return this.int('le_s');
  }
  isNormal(x: number): Code {
    this.magnitude(x);
    this.e.vector(this.l.least);
    this.int('gt_s');
    return this.isFinite(x).op('v128.and');
  }
}

interface FastVector {
  readonly inexact: boolean;
  result(): void;
  /** A v128: all ones in the lanes whose result counts. */
  counts(result: number): void;
}

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
        counts: (r) => {
          v.isNormal(r);
          v.isZero(r);
          v.isZero(a);
          if (op === 'mul') v.isZero(b).op('v128.or');
          code.op('v128.and').op('v128.or');
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

/** sum = fl(x + y) and the exact error of it. */
function twoSum(v: Vector, x: number, y: number): { sum: number; error: number } {
  const sum = v.local(() => v.float('add', x, y));
  const back = v.local(() => v.float('sub', sum, x));
  const error = v.local(() => {
    v.code.get(x);
    v.float('sub', sum, back);
    v.float('sub');
    v.float('sub', y, back);
    v.float('add');
  });
  return { sum, error };
}
/** sum + error rounded to odd: an inexact sum whose last bit is even moves one step towards the error. */
function roundToOdd(v: Vector, sum: number, error: number): void {
  const { code } = v;
  const one = repeat(1n, 64);
  // +1 to the pattern moves away from zero: right if error and sum have the same sign, else -1 (all ones).
  const step = v.local(() => {
    code.get(error).get(sum).op('v128.xor').v128(0n);
    v.int('lt_s').v128(one).op('v128.or');
  });
  code.get(sum).get(step).get(error).v128(0n);
  v.float('ne');
  code.get(sum).v128(one).op('v128.and').v128(0n);
  v.int('eq').op('v128.and').op('v128.and');
  v.int('add');
}

const SPLITTER = 134217729; // 2^27 + 1
/** The operands are zero or of a size at which nothing below overflows or loses bits: exponents within +-480. */
const SAFE_LOW = repeat(543n << 52n, 64);
const SAFE_HIGH = repeat(1503n << 52n, 64);

function fusedDouble(v: Vector, addend: number, a: number, b: number): FastVector {
  const { code } = v;
  const split = (x: number): { high: number; low: number } => {
    const scaled = v.local(() => {
      code.get(x).f64(SPLITTER).op('f64x2.splat');
      v.float('mul');
    });
    const high = v.local(() => {
      code.get(scaled);
      v.float('sub', scaled, x);
      v.float('sub');
    });
    return { high, low: v.local(() => v.float('sub', x, high)) };
  };
  return {
    inexact: true,
    result: () => {
      const product = v.local(() => v.float('mul', a, b));
      const [x, y] = [split(a), split(b)];
      const tail = v.local(() => {
        v.float('mul', x.high, y.high).get(product);
        v.float('sub');
        v.float('mul', x.high, y.low);
        v.float('add');
        v.float('mul', x.low, y.high);
        v.float('add');
        v.float('mul', x.low, y.low);
        v.float('add');
      });
      const t = twoSum(v, addend, tail);
      const s = twoSum(v, product, t.sum);
      const rest = twoSum(v, t.error, s.error);
      code.get(s.sum);
      roundToOdd(v, rest.sum, rest.error);
      v.float('add');
    },
    // Zero has a sign of its own making here: left to the soft implementation.
    counts: (r) => {
      v.isNormal(r);
      for (const x of [addend, a, b]) {
        v.magnitude(x);
        v.e.vector(SAFE_LOW);
        v.int('gt_s');
        v.magnitude(x);
        v.e.vector(SAFE_HIGH);
        v.int('lt_s').op('v128.and');
        v.isZero(x).op('v128.or').op('v128.and');
      }
    },
  };
}
/** The host has the operation. */
function fusedByHost(v: Vector, addend: number, a: number, b: number): FastVector {
  return {
    inexact: true,
    result: () => void v.float('relaxed_madd', a, b, addend),
    // A product of zero is exact, and so is its sum with zero; any other zero may be an underflow.
    counts: (r) => {
      v.isNormal(r);
      v.isZero(r);
      v.isZero(a);
      v.isZero(b).op('v128.or').op('v128.and').op('v128.or');
    },
  };
}
/** Single precision: two lanes at a time as doubles. */
function fusedSingle(v: Vector, addend: number, a: number, b: number): FastVector {
  const { code, e } = v;
  const d = new Vector(e, 64);
  const exactZero: number[] = [];
  const half = (high: boolean): number => {
    const wide = (x: number): number =>
      d.local(() => {
        code.get(x);
        if (high) code.get(x).shuffle([8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0, 0, 0, 0, 0, 0]);
        code.op('f64x2.promote_low_f32x4');
      });
    const [c, x, y] = [wide(addend), wide(a), wide(b)];
    const product = d.local(() => d.float('mul', x, y));
    const s = twoSum(d, product, c);
    const odd = d.local(() => roundToOdd(d, s.sum, s.error));
    exactZero.push(odd);
    return d.local(() => code.get(odd).op('f32x4.demote_f64x2_zero'));
  };
  const low64 = [0, 1, 2, 3, 4, 5, 6, 7];
  return {
    inexact: true,
    result: () => {
      const [low, high] = [half(false), half(true)];
      code
        .get(low)
        .get(high)
        .shuffle([...low64, ...low64.map((i) => i + 16)]);
    },
    counts: (r) => {
      v.isNormal(r);
      // A sum that is zero before it is rounded to single is exactly zero.
      const [low, high] = exactZero as [number, number];
      d.isZero(low);
      d.isZero(high).shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]).op('v128.or');
    },
  };
}

function fastVector(v: Vector, a: FpAttr, args: readonly number[]): FastVector | undefined {
  if (a.op !== 'fma') return simple(v, a.op, args);
  const [addend, x, y] = args as [number, number, number];
  if (a.fmt === 32) return fusedSingle(v, addend, x, y);
  return v.e.s.fused ? fusedByHost(v, addend, x, y) : fusedDouble(v, addend, x, y);
}

/** Emits a vector operation, or a scalar one as the first lane of a vector. */
export function emitFpVectorFast(e: Emitter, n: NodeOf<'fpv' | 'fp'>): void {
  const { code, f } = e;
  const attr = n.op === 'fpv' ? (n.attr as NodeOf<'fpv'>['attr']).fp : (n.attr as FpAttr);
  const count = n.op === 'fpv' ? (n.attr as NodeOf<'fpv'>['attr']).count : 0;
  const scalar = n.op === 'fp';
  const raw = n.args.map((a: Node) => e.inLocal(a));
  if (attr.fmt === 16) {
    softLanes(e, attr, count, raw);
    e.store(n);
    return;
  }
  const v = new Vector(e, attr.fmt);
  const args = scalar ? raw.map((x) => v.local(() => code.get(x).op(`${v.l.int}.splat`))) : raw;
  const fast = fastVector(v, attr, args);
  if (!fast) {
    softLanes(e, attr, count, raw);
    e.store(n);
    return;
  }
  const bits = scalar ? 128 : count * attr.fmt;
  const value = v.local(() => fast.result());
  const counts = (): void => {
    fast.counts(value);
    // Lanes that are not part of the vector have no say.
    if (bits < 128) code.v128(ALL ^ ((1n << BigInt(bits)) - 1n)).op('v128.or');
    code.op(`${v.l.int}.all_true`);
  };
  if (scalar) {
    const result = f.temp(attr.fmt === 64 ? 'i64' : 'i32');
    code.get(value).lane(`${v.l.int}.extract_lane`, 0).set(result);
    e.s.unlessExact(e, fast.inexact, counts, () => {
      for (const x of raw) code.get(x);
      callSoft(e, attr);
      code.set(result);
    });
    code.get(result);
  } else {
    e.s.unlessExact(e, fast.inexact, counts, () => {
      softLanes(e, attr, count, raw);
      code.set(value);
    });
    code.get(value);
    if (bits < 128) code.v128((1n << BigInt(bits)) - 1n).op('v128.and');
  }
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
