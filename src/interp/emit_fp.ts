// Floating point in handlers: the host's own arithmetic where it gives exactly what Arm asks for, the soft
// implementation everywhere else. The host's answer counts if
// - FPCR is such that operations mean IEEE 754 to nearest (no flushing, no other rounding, AH = 0), and
// - the result shows that no flag but Inexact can have been raised, and Inexact is set already (or cannot be raised).
// Programs meet the slow path once, for their first inexact result; after that only for special values.

import { Slot } from '../cpu/state.ts';
import { constantOf } from '../ir/builder.ts';
import { fpKey, fpTypes } from '../ir/fp_ops.ts';
import type { FpAttr, NodeOf } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { PlainOp } from '../wasm/opcodes.ts';
import type { Emitter } from './emit.ts';
import { emitFpVectorFast } from './emit_fp_vector.ts';

/** FPCR: RMode, FZ, AH, FIZ. Default NaNs do not matter where there are no NaNs. */
export const FPCR_SPECIAL = 0x01c0_0003;
export const FPSR_IXC = 0x10;

export function callSoft(e: Emitter, attr: FpAttr): void {
  const { args, result } = fpTypes(attr);
  e.code.call(e.f.import(`fp:${fpKey(attr)}`, args, [result]));
}
/** Asks FPCR (and for inexact operations FPSR) too whether the host's result counts. */
export function emitUnlessExact(e: Emitter, inexact: boolean, counts: () => void, soft: () => void): void {
  const { code, f } = e;
  code.get(f.cpu).mem('i32.load', Slot.FPCR).i32(FPCR_SPECIAL).op('i32.and');
  if (inexact) {
    code.get(f.cpu).mem('i32.load', Slot.FPSR).i32(FPSR_IXC).op('i32.and').i32(FPSR_IXC).op('i32.xor').op('i32.or');
  }
  code.op('i32.eqz');
  counts();
  code.i32(0).op('i32.ne').op('i32.and').op('i32.eqz');
  code.block('if');
  soft();
  code.end();
}

/** A width: how its bit patterns and numbers are called, and the patterns at the borders of its ranges. */
interface Width {
  readonly int: 'i32' | 'i64';
  readonly float: 'f32' | 'f64';
  readonly infinity: bigint;
  readonly least: bigint;
  /** The bits below the upper half of a significand: where they are 0, products of two numbers have room. */
  readonly lower: bigint;
  /** Whole numbers up to here have room. */
  readonly whole: bigint;
  readonly reinterpretIn: PlainOp;
  readonly reinterpretOut: PlainOp;
}
const WIDTH: Readonly<Record<32 | 64, Width>> = {
  32: {
    int: 'i32',
    float: 'f32',
    infinity: 0x7f80_0000n,
    least: 0x0080_0000n,
    lower: (1n << 12n) - 1n,
    whole: 1n << 24n,
    reinterpretIn: 'f32.reinterpret_i32',
    reinterpretOut: 'i32.reinterpret_f32',
  },
  64: {
    int: 'i64',
    float: 'f64',
    infinity: 0x7ff0_0000_0000_0000n,
    least: 0x0010_0000_0000_0000n,
    lower: (1n << 27n) - 1n,
    whole: 1n << 53n,
    reinterpretIn: 'f64.reinterpret_i64',
    reinterpretOut: 'i64.reinterpret_f64',
  },
};

/** Code for one operation: the result from operands in locals, and whether it counts. */
interface Fast {
  /** Inexact may be raised. */
  readonly inexact: boolean;
  /** Puts the result's bit pattern on the stack. */
  result(): void;
  /** Puts an i32 on the stack, given the local that holds the result: nonzero if it counts. */
  counts(result: number): void;
  /** The same for a result that counts: nonzero only if it is exact. It says so of whole numbers that are not large. */
  exact?(result: number): void;
}

class Scalar {
  readonly code: Code;
  readonly w: Width;
  readonly args: readonly number[];
  constructor(code: Code, w: Width, args: readonly number[]) {
    this.code = code;
    this.w = w;
    this.args = args;
  }
  constant(v: bigint): Code {
    return this.w.int === 'i64' ? this.code.i64(v) : this.code.i32(Number(BigInt.asIntN(32, v)));
  }
  number(local: number): Code {
    return this.code.get(local).op(this.w.reinterpretIn);
  }
  /** The pattern without its sign, shifted left by one. */
  magnitude2(local: number): Code {
    this.code.get(local);
    this.constant(1n);
    return this.code.op(`${this.w.int}.shl`);
  }
  isZero(local: number): Code {
    return this.magnitude2(local).op(`${this.w.int}.eqz`);
  }
  isFinite(local: number): Code {
    this.magnitude2(local);
    this.constant(this.w.infinity * 2n);
    return this.code.op(`${this.w.int}.lt_u`);
  }
  isNumber(local: number): Code {
    this.magnitude2(local);
    this.constant(this.w.infinity * 2n);
    return this.code.op(`${this.w.int}.le_u`);
  }
  /** Normal and not the least normal number, to which something smaller may have been rounded up. */
  isNormal(local: number): Code {
    const { w } = this;
    this.magnitude2(local);
    const low = w.least * 2n + 2n;
    this.constant(low);
    this.code.op(`${w.int}.sub`);
    this.constant(w.infinity * 2n - low);
    return this.code.op(`${w.int}.lt_u`);
  }
  float(name: string): Code {
    return this.code.op(`${this.w.float}.${name}` as PlainOp);
  }
  /** Both have short significands, so that their product is exact unless it is out of range. */
  areShort(a: number, b: number): Code {
    const { int } = this.w;
    this.code.get(a).get(b).op(`${int}.or`);
    this.constant(this.w.lower);
    return this.code.op(`${int}.and`).op(`${int}.eqz`);
  }
  /** The result of an addition or subtraction is exact: what it is short of each operand adds up to nothing (Knuth). */
  sumIsExact(op: 'add' | 'sub', r: number): void {
    const [a, b] = this.args as [number, number];
    const rest = (): Code => {
      this.number(r);
      this.number(a);
      return this.float('sub');
    };
    this.number(a);
    this.number(r);
    rest();
    this.float('sub');
    this.float('sub');
    rest();
    this.number(b);
    this.float(op === 'add' ? 'sub' : 'add');
    this.float('eq');
  }
  /** x * y is z, and exactly that. */
  productIs(x: number, y: number, z: number): void {
    this.areShort(x, y);
    this.number(x);
    this.number(y);
    this.float('mul');
    this.number(z);
    this.float('eq').op('i32.and');
  }
  arithmetic(name: string): void {
    for (const a of this.args) this.number(a);
    this.code.op(`${this.w.float}.${name}` as PlainOp).op(this.w.reinterpretOut);
  }
}

/** WebAssembly's names of rounding to an integral value. FPCR.RMode is to nearest where the host counts at all. */
const ROUND: Readonly<Record<string, string>> = {
  fpcr: 'nearest',
  tieeven: 'nearest',
  plusinf: 'ceil',
  minusinf: 'floor',
  zero: 'trunc',
};

function fastScalar(e: Emitter, n: NodeOf<'fp'>): Fast | undefined {
  const a = n.attr;
  if (a.fmt === 16) return undefined;
  const w = WIDTH[a.fmt];
  const { code } = e;
  const plainFraction = n.args[1] !== undefined && constantOf(n.args[1]) === 0;
  // Nothing is put into locals for operations that have no fast form.
  const scalar = (): Scalar =>
    new Scalar(
      code,
      w,
      n.args.map((x) => e.inLocal(x)),
    );
  switch (a.op) {
    case 'add':
    case 'sub': {
      const s = scalar();
      const { op } = a;
      return {
        inexact: true,
        result: () => s.arithmetic(op),
        counts: (r) => void s.isFinite(r),
        exact: (r) => s.sumIsExact(op, r),
      };
    }
    case 'mul':
    case 'div':
    case 'sqrt': {
      const s = scalar();
      return {
        inexact: true,
        result: () => s.arithmetic(a.op),
        counts: (r) => {
          // A zero from a zero is exact; any other zero or denormal may be an underflow.
          s.isNormal(r);
          s.isZero(r);
          s.isZero(s.args[0]!);
          if (a.op === 'mul') {
            s.isZero(s.args[1]!);
            code.op('i32.or');
          }
          code.op('i32.and').op('i32.or');
        },
        exact: (r) => {
          const [x, y] = s.args as [number, number];
          if (a.op === 'mul') s.areShort(x, y);
          else if (a.op === 'div') s.productIs(r, y, x);
          else s.productIs(r, r, x);
        },
      };
    }
    case 'max':
    case 'min':
    case 'maxnm':
    case 'minnm': {
      const s = scalar();
      const name = a.op.slice(0, 3);
      return { inexact: false, result: () => s.arithmetic(name), counts: (r) => void s.isNumber(r) };
    }
    case 'neg':
    case 'abs': {
      const s = scalar();
      const sign = a.fmt === 64 ? 1n << 63n : 1n << 31n;
      const result = (): void => {
        code.get(s.args[0]!);
        s.constant(a.op === 'neg' ? sign : ~sign);
        code.op(`${w.int}.${a.op === 'neg' ? 'xor' : 'and'}`);
      };
      return { inexact: false, result, counts: () => void code.i32(1) };
    }
    case 'compare': {
      const s = scalar();
      const test = (name: string): Code => {
        for (const x of s.args) s.number(x);
        return code.op(`${w.float}.${name}` as PlainOp);
      };
      const result = (): void => {
        test('lt').i32(3).op('i32.shl');
        test('eq').i32(6).op('i32.mul').op('i32.or');
        test('gt').i32(1).op('i32.shl').op('i32.or');
      };
      return { inexact: false, result, counts: (r) => void code.get(r) };
    }
    case 'eq':
    case 'ge':
    case 'gt': {
      const s = scalar();
      const result = (): void => {
        for (const x of s.args) s.number(x);
        code.op(`${w.float}.${a.op}` as PlainOp);
      };
      const counts = (): void => {
        s.isNumber(s.args[0]!);
        s.isNumber(s.args[1]!);
        code.op('i32.and');
      };
      return { inexact: false, result, counts };
    }
    case 'convert': {
      if (a.to === 16 || a.rounding === 'odd' || (a.rounding !== 'fpcr' && a.rounding !== 'tieeven')) return undefined;
      const s = scalar();
      const to = new Scalar(code, WIDTH[a.to as 32 | 64], s.args);
      const [x] = s.args as [number];
      if (a.to === 64) {
        const result = (): void => void s.number(x).op('f64.promote_f32').op('i64.reinterpret_f64');
        return { inexact: false, result, counts: (r) => void to.isNumber(r) };
      }
      return {
        inexact: true,
        result: () => void s.number(x).op('f32.demote_f64').op('i32.reinterpret_f32'),
        counts: (r) => {
          to.isNormal(r);
          s.isZero(x).op('i32.or');
        },
        exact: (r) => {
          to.number(r).op('f64.promote_f32');
          s.number(x).op('f64.eq');
        },
      };
    }
    case 'roundInt': {
      const name = ROUND[a.rounding];
      if (!name) return undefined;
      const s = scalar();
      const exact = (r: number): void => {
        for (const v of [r, s.args[0]!]) s.number(v);
        s.float('eq');
      };
      return { inexact: a.exact, result: () => s.arithmetic(name), counts: (r) => void s.isNumber(r), exact };
    }
    case 'toInt': {
      const name = ROUND[a.rounding];
      if (!name || a.to === 16 || !plainFraction) return undefined;
      return toInteger(e, scalar(), a, name);
    }
    case 'fromInt': {
      if (a.to === 16 || !plainFraction) return undefined;
      const x = e.inLocal(n.args[0]!);
      const from = a.to === 64 ? 'i64' : 'i32';
      const result = (): void =>
        void code
          .get(x)
          .op(`${w.float}.convert_${from}_${a.signed ? 's' : 'u'}`)
          .op(w.reinterpretOut);
      const constant = (v: bigint): Code => (from === 'i64' ? code.i64(v) : code.i32(Number(v)));
      const exact = (): void => {
        code.get(x);
        if (a.signed) {
          constant(w.whole);
          code.op(`${from}.add`);
        }
        constant(a.signed ? 2n * w.whole : w.whole);
        code.op(`${from}.le_u`);
      };
      return { inexact: a.to === 64 || a.fmt === 32, result, counts: () => void code.i32(1), exact };
    }
    default:
      return undefined;
  }
}

function toInteger(e: Emitter, s: Scalar, a: FpAttr, round: string): Fast {
  const { code } = e;
  const { float } = s.w;
  const int = a.to === 64 ? 'i64' : 'i32';
  const constant = (v: number): Code => (float === 'f64' ? code.f64(v) : code.f32(v));
  const integral = e.f.temp(float);
  // Whole numbers below 2^bits: at the borders of the range the formats have no number in between.
  const top = 2 ** (a.signed ? a.to - 1 : a.to);
  return {
    inexact: true,
    result: () => {
      s.number(s.args[0]!)
        .op(`${float}.${round}` as PlainOp)
        .tee(integral);
      code.op(`${int}.trunc_sat_${float}_${a.signed ? 's' : 'u'}`);
    },
    counts: () => {
      code.get(integral);
      constant(a.signed ? -top : 0)
        .op(`${float}.ge`)
        .get(integral);
      constant(top).op(`${float}.lt`).op('i32.and');
    },
    exact: () => {
      code.get(integral);
      s.number(s.args[0]!).op(`${float}.eq`);
    },
  };
}

export function emitFp(e: Emitter, n: NodeOf<'fp'>): void {
  const { code, f } = e;
  if (n.attr.op === 'fma' && n.attr.fmt !== 16) {
    emitFpVectorFast(e, n);
    return;
  }
  const fast = fastScalar(e, n);
  if (!fast) {
    for (const a of n.args) e.value(a);
    callSoft(e, n.attr);
    e.store(n);
    return;
  }
  const { result } = fpTypes(n.attr);
  const value = f.temp(result);
  fast.result();
  code.set(value);
  e.s.unlessExact(
    e,
    fast.inexact,
    () => fast.counts(value),
    () => {
      for (const a of n.args) e.value(a);
      callSoft(e, n.attr);
      code.set(value);
    },
    fast.exact && (() => fast.exact!(value)),
  );
  code.get(value);
  e.store(n);
}

export function emitFpVector(e: Emitter, n: NodeOf<'fpv'>): void {
  emitFpVectorFast(e, n);
}
