// Numbers in locals, and code that asks what they are: fast forms of floating-point operations (emit_fp.ts) are made of it.

import type { Code } from '../wasm/builder.ts';
import type { PlainOp, ValueType } from '../wasm/opcodes.ts';
import type { Checks } from './emit_frame.ts';

/** A width: how its bit patterns and numbers are called, and the patterns at the borders of its ranges. */
export interface Width {
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
export const WIDTH: Readonly<Record<32 | 64, Width>> = {
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
export interface Fast {
  /** Inexact may be raised. */
  readonly inexact: boolean;
  /** Of the result: floating point for numbers, whose bit patterns the IR has. */
  readonly type: ValueType;
  /** Puts the result on the stack. */
  result(): void;
  /** Each puts an i32 on the stack, given the local that holds the result: as those of Checks. */
  counts(result: number): void;
  rare?(result: number): void;
  /** It says so of whole numbers that are not large. */
  exact?(result: number): void;
}
export function checksOf(fast: Fast, value: number): Checks {
  const { inexact, rare, exact } = fast;
  return {
    inexact,
    counts: () => fast.counts(value),
    rare: rare && (() => rare.call(fast, value)),
    exact: exact && (() => exact.call(fast, value)),
  };
}

/** Operands are locals with numbers. */
export class Scalar {
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
    return this.code.get(local);
  }
  bits(local: number): Code {
    return this.code.get(local).op(this.w.reinterpretOut);
  }
  /** The pattern without its sign, shifted left by one. */
  magnitude2(local: number): Code {
    this.bits(local);
    this.constant(1n);
    return this.code.op(`${this.w.int}.shl`);
  }
  isZero(local: number): Code {
    this.number(local);
    if (this.w.float === 'f64') this.code.f64(0);
    else this.code.f32(0);
    return this.float('eq');
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
    return this.isFrom(local, this.w.least + 1n);
  }
  /** Finite, its magnitude at least that of a pattern. */
  isFrom(local: number, least: bigint): Code {
    const { w } = this;
    this.magnitude2(local);
    const low = least * 2n;
    this.constant(low);
    this.code.op(`${w.int}.sub`);
    this.constant(w.infinity * 2n - low);
    return this.code.op(`${w.int}.lt_u`);
  }
  float(name: string, ...locals: number[]): Code {
    for (const x of locals) this.code.get(x);
    return this.code.op(`${this.w.float}.${name}` as PlainOp);
  }
  /** Both have short significands, so that their product is exact unless it is out of range. */
  areShort(a: number, b: number): Code {
    const { int } = this.w;
    this.bits(a);
    this.bits(b).op(`${int}.or`);
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
    this.float(name);
  }
}
