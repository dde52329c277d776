// Fused multiply-add in handlers. Where the host's relaxed instruction rounds once, that is it. Else double precision is an
// unevaluated sum, and single precision goes through double: mostly that is right at once, and it can be seen whether it is.

import type { Node, NodeOf } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { Emitter } from './emit.ts';
import { type FastVector, repeat, Vector } from './fp_lanes.ts';
import { type Fast, Scalar, WIDTH } from './fp_scalar.ts';

/** Doubles, one or two: methods leave numbers, or what is the case with them (a test), on the stack. */
interface Doubles {
  readonly code: Code;
  local(write: () => void): number;
  float(name: string, ...locals: number[]): Code;
  everywhere(x: number): Code;
  isZero(x: number): Code;
  isNormal(x: number): Code;
  /** It is finite, and its magnitude at least that of a pattern. */
  isFrom(x: number, least: bigint): Code;
  and(): Code;
  or(): Code;
  /** Of two numbers and a test: the first one where that holds. */
  choose(): Code;
}

/** sum = fl(x + y) and the exact error of it. */
function twoSum(d: Doubles, x: number, y: number): { sum: number; error: number } {
  const sum = d.local(() => d.float('add', x, y));
  const back = d.local(() => d.float('sub', sum, x));
  const error = d.local(() => {
    d.code.get(x);
    d.float('sub', sum, back);
    d.float('sub');
    d.float('sub', y, back);
    d.float('add');
  });
  return { sum, error };
}

const SPLITTER = 134217729; // 2^27 + 1
/** 2^-900: the error of a product from there on is a number. */
const LEAST_PRODUCT = 123n << 52n;
/** A little more than the error of one operation. */
const MARGIN = 2 ** -52;

interface Fused {
  result(): void;
  counts(result: number): void;
  rare(result: number): void;
}
/**
 * Product and sum are pairs of numbers (Dekker, Knuth), so that sum + (error + tail) is exact but for the addition in
 * brackets. The result is right if it is the same for a little more and a little less of that. What overflows on the way
 * is not a number in the end.
 */
function fusedDouble(d: Doubles, addend: number, a: number, b: number): Fused {
  const { code } = d;
  const split = (x: number): { high: number; low: number } => {
    const scaled = d.local(() => {
      code.get(x);
      d.everywhere(SPLITTER);
      d.float('mul');
    });
    const high = d.local(() => {
      code.get(scaled);
      d.float('sub', scaled, x);
      d.float('sub');
    });
    return { high, low: d.local(() => d.float('sub', x, high)) };
  };
  let [product, tail, sum, other] = [0, 0, 0, 0];
  const alike = (result: number): void => {
    d.float('eq', result, other);
    d.isFrom(product, LEAST_PRODUCT);
    d.and();
  };
  return {
    result: () => {
      product = d.local(() => d.float('mul', a, b));
      const [x, y] = [split(a), split(b)];
      tail = d.local(() => {
        d.float('mul', x.high, y.high);
        code.get(product);
        d.float('sub');
        d.float('mul', x.high, y.low);
        d.float('add');
        d.float('mul', x.low, y.high);
        d.float('add');
        d.float('mul', x.low, y.low);
        d.float('add');
      });
      const s = twoSum(d, product, addend);
      sum = s.sum;
      const rest = d.local(() => d.float('add', s.error, tail));
      const nearby = (factor: number): void => {
        code.get(sum).get(rest);
        d.everywhere(factor);
        d.float('mul');
        d.float('add');
      };
      other = d.local(() => nearby(1 + MARGIN));
      nearby(1 - MARGIN);
    },
    counts: (r) => {
      alike(r);
      d.isNormal(r);
      d.and();
    },
    rare: (r) => {
      // Sums of exact products are rounded once: halfway between two numbers, too.
      for (const x of [r, other]) {
        code.get(sum).get(x);
        d.isZero(tail);
        d.choose().set(x);
      }
      // Zero is what is left where nothing has been rounded; for one of the operands it stands if the addend does.
      alike(r);
      d.isNormal(r);
      d.isZero(r);
      d.or();
      d.and();
      d.isZero(a);
      d.isZero(b);
      d.or();
      d.isNormal(r);
      d.and();
      d.float('eq', r, addend);
      d.and();
      d.or();
    },
  };
}

/** A zero that is not made of a zero may be an underflow. */
function isExact(d: Doubles, r: number, a: () => void, b: () => void): void {
  d.isZero(r);
  a();
  b();
  d.or();
  d.and();
}

/** Rounded to odd: an inexact sum whose last bit is even moves one step towards the error. */
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
/** Single precision, two lanes at a time as doubles: rounding to odd and once more is rounding once (53 >= 2 * 24 + 2). */
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
    counts: (r) => void v.isNormal(r),
    rare: () => {
      // A sum that is zero before it is rounded to single is exactly zero.
      const [low, high] = exactZero as [number, number];
      d.isZero(low);
      d.isZero(high).shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
    },
  };
}

export function fusedVector(v: Vector, bits: 32 | 64, args: readonly number[]): FastVector {
  const [addend, a, b] = args as [number, number, number];
  if (bits === 32) return fusedSingle(v, addend, a, b);
  if (!v.e.s.fused) return { inexact: true, ...fusedDouble(v, addend, a, b) };
  return {
    inexact: true,
    result: () => void v.float('relaxed_madd', a, b, addend),
    counts: (r) => void v.isNormal(r),
    rare: (r) =>
      isExact(
        v,
        r,
        () => v.isZero(a),
        () => v.isZero(b),
      ),
  };
}

class One extends Scalar implements Doubles {
  readonly e: Emitter;
  constructor(e: Emitter, bits: 32 | 64) {
    super(e.code, WIDTH[bits], []);
    this.e = e;
  }
  local(write: () => void): number {
    const t = this.e.f.temp(this.w.float);
    write();
    this.code.set(t);
    return t;
  }
  everywhere(x: number): Code {
    return this.code.f64(x);
  }
  and(): Code {
    return this.code.op('i32.and');
  }
  or(): Code {
    return this.code.op('i32.or');
  }
  choose(): Code {
    return this.code.select();
  }
}
/** The lower bits of a double that lies halfway between two single-precision numbers, and which those are. */
const HALFWAY = 1n << 28n;
const BELOW_SINGLE = (1n << 29n) - 1n;

function oneSingle(e: Emitter, args: readonly Node[]): Fast {
  const { code } = e;
  const [s, d] = [new One(e, 32), new One(e, 64)];
  const [addend, a, b] = args.map((x) => {
    const narrow = e.inNumber(x);
    return d.local(() => code.get(narrow).op('f64.promote_f32'));
  }) as [number, number, number];
  let [product, sum] = [0, 0];
  return {
    inexact: true,
    type: 'f32',
    result: () => {
      product = d.local(() => d.float('mul', a, b));
      sum = d.local(() => d.float('add', product, addend));
      code.get(sum).op('f32.demote_f64');
    },
    // Rounded twice, but on the right side of what is halfway.
    counts: (r) => {
      s.isNormal(r);
      d.bits(sum).i64(BELOW_SINGLE).op('i64.and').i64(HALFWAY).op('i64.ne');
      s.and();
    },
    rare: (r) => {
      const v = new Vector(e, 64);
      const { error } = twoSum(d, product, addend);
      const [x, y] = [sum, error].map((one) => v.local(() => code.get(one).op('f64x2.splat'))) as [number, number];
      const odd = v.local(() => roundToOdd(v, x, y));
      code.get(odd).op('f32x4.demote_f64x2_zero').lane('f32x4.extract_lane', 0).set(r);
      s.isNormal(r);
      d.isZero(sum);
      s.or();
    },
  };
}
function oneByHost(e: Emitter, args: readonly Node[]): Fast {
  const { code } = e;
  const d = new One(e, 64);
  const [addend, a, b] = args.map((x) => e.inLane(x)) as [number, number, number];
  return {
    inexact: true,
    type: 'f64',
    result: () => void code.get(a).get(b).get(addend).op('f64x2.relaxed_madd').lane('f64x2.extract_lane', 0),
    counts: (r) => void d.isNormal(r),
    rare: (r) => {
      const isZero = (x: number) => (): void => void d.isZero(d.local(() => code.get(x).lane('f64x2.extract_lane', 0)));
      isExact(d, r, isZero(a), isZero(b));
    },
  };
}
/** One number. */
export function fusedScalar(e: Emitter, n: NodeOf<'fp'>): Fast | undefined {
  switch (n.attr.fmt) {
    case 16:
      return undefined;
    case 32:
      return oneSingle(e, n.args);
    default: {
      if (e.s.fused) return oneByHost(e, n.args);
      const [addend, a, b] = n.args.map((x) => e.inNumber(x)) as [number, number, number];
      return { inexact: true, type: 'f64', ...fusedDouble(new One(e, 64), addend, a, b) };
    }
  }
}
