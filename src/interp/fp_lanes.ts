// Vectors of numbers in locals, and code that asks what these are: as fp_scalar.ts, for all lanes at once.

import type { Code } from '../wasm/builder.ts';
import type { PlainOp } from '../wasm/opcodes.ts';
import type { Emitter } from './emit.ts';
import { WIDTH } from './fp_scalar.ts';

interface Lanes {
  readonly int: 'i32x4' | 'i64x2';
  readonly float: 'f32x4' | 'f64x2';
  /** Patterns of one lane. */
  readonly infinity: bigint;
  readonly least: bigint;
  /** In every lane. */
  readonly sign: bigint;
}
export const repeat = (v: bigint, bits: 32 | 64): bigint => {
  const half = bits === 64 ? v : v | (v << 32n);
  return half | (half << 64n);
};
const LANES: Readonly<Record<32 | 64, Lanes>> = {
  32: {
    int: 'i32x4',
    float: 'f32x4',
    infinity: WIDTH[32].infinity,
    least: WIDTH[32].least,
    sign: repeat(1n << 31n, 32),
  },
  64: {
    int: 'i64x2',
    float: 'f64x2',
    infinity: WIDTH[64].infinity,
    least: WIDTH[64].least,
    sign: repeat(1n << 63n, 64),
  },
};
export const ALL = (1n << 128n) - 1n;

/** Writes vector code; every method leaves a v128 on the stack. */
export class Vector {
  readonly e: Emitter;
  readonly code: Code;
  readonly l: Lanes;
  private readonly bits: 32 | 64;
  constructor(e: Emitter, bits: 32 | 64) {
    this.e = e;
    this.code = e.code;
    this.l = LANES[bits];
    this.bits = bits;
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
    const rest = this.local(() => this.float('sub', x, x));
    return this.isNumber(rest);
  }
  isNumber(x: number): Code {
    return this.float('eq', x, x);
  }
  /** Normal and not the least normal number, to which something smaller may have been rounded up. */
  isNormal(x: number): Code {
    return this.isFrom(x, this.l.least + 1n);
  }
  /** Finite, its magnitude at least that of a pattern: an unsigned comparison, of patterns without signs, shifted left by one. */
  isFrom(x: number, least: bigint): Code {
    const { bits, l } = this;
    const sign = 1n << BigInt(bits - 1);
    const constant = (v: bigint): Code => this.e.vector(repeat(BigInt.asUintN(bits, v), bits));
    this.code.get(x).i32(1);
    this.int('shl');
    constant(sign - 2n * least);
    this.int('add');
    constant(2n * (l.infinity - least) - sign);
    return this.int('lt_s');
  }
  // Tests of doubles: emit_fused.ts.
  everywhere(x: number): Code {
    return this.code.f64(x).op('f64x2.splat');
  }
  and(): Code {
    return this.code.op('v128.and');
  }
  or(): Code {
    return this.code.op('v128.or');
  }
  choose(): Code {
    return this.code.op('v128.bitselect');
  }
}

/** As Fast of emit_fp.ts, but tests are v128: all ones in the lanes where they hold. */
export interface FastVector {
  readonly inexact: boolean;
  result(): void;
  counts(result: number): void;
  rare?(result: number): void;
}
