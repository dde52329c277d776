// Local variables of a function that its instructions share: one has them for itself until the next begins.

import type { Code } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';

interface Pool {
  readonly locals: number[];
  used: number;
}
const pool = (): Pool => ({ locals: [], used: 0 });

export class Temps {
  private readonly code: Code;
  private readonly pools: Readonly<Record<ValueType, Pool>> = {
    i32: pool(),
    i64: pool(),
    f32: pool(),
    f64: pool(),
    v128: pool(),
  };

  constructor(code: Code) {
    this.code = code;
  }
  take(type: ValueType): number {
    const of = this.pools[type];
    if (of.used === of.locals.length) of.locals.push(this.code.local(type));
    return of.locals[of.used++]!;
  }
  /** The next instruction begins. */
  release(): void {
    const { i32, i64, f32, f64, v128 } = this.pools;
    i32.used = 0;
    i64.used = 0;
    f32.used = 0;
    f64.used = 0;
    v128.used = 0;
  }
}
