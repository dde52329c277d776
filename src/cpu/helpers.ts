// What the helpers that semantics call are bound to: one function for each row of isa/helpers.ts; vector helpers and
// floating-point operations in fp/bound.ts. Knows how arguments are passed (i32 as number, i64 and vectors as bigint), not
// how engines call.

import { lazy } from '../base/lazy.ts';
import type { Ty } from '../ir/ops.ts';
import { FP_ATOMICS, type FpAtomic, type HelperName, type HelperRows } from '../isa/helpers.ts';
import { crc32, crc32c } from './crc32.ts';
import { FPCR } from './fp/context.ts';
import type { Fp8Context } from './fp/fp8.ts';
import * as soft from './fp/softfloat.ts';
import * as pauth from './pauth.ts';

export { bindFp, VECTOR_HELPERS, type VectorHelper } from './fp/bound.ts';

/** What a helper may look at; FPMR only those of 8-bit floating point. Exceptions are OR-ed into fpsr. */
export interface HelperContext extends Fp8Context {
  readonly pauth: pauth.PauthState;
}

type Js<T> = T extends 'i32' ? number : bigint;
type JsArgs<T extends readonly Ty[]> = { [K in keyof T]: Js<T[K]> };
type Bound<T> = T extends { readonly args: infer A extends readonly Ty[]; readonly result: infer R }
  ? (cx: HelperContext, ...args: JsArgs<A>) => Js<R>
  : never;
export type ScalarHelpers = { readonly [K in HelperName]: Bound<HelperRows[K]> };

// Halves of 64-bit values go through memory: shifting bigints allocates, and functions that sign and check their return
// address call these helpers twice each.
const whole = new BigInt64Array(2);
const halves = new Int32Array(whole.buffer);
const take = (p: bigint, m: bigint): void => {
  whole[0] = p;
  whole[1] = m;
};
const pacResult = (): bigint => {
  halves[0] = pauth.result[0]!;
  halves[1] = pauth.result[1]!;
  return whole[0]!;
};
const u = (v: number): bigint => BigInt(v >>> 0);
const s = (v: bigint): number => Number(BigInt.asIntN(32, v));

/** What FEAT_LSFE does to numbers; nothing is reported, and every NaN is the default NaN. */
const atomics = lazy(
  (): Readonly<Record<FpAtomic, typeof soft.fpAdd>> => ({
    add: soft.fpAdd,
    max: soft.fpMax,
    min: soft.fpMin,
    maxnm: soft.fpMaxNum,
    minnm: soft.fpMinNum,
  }),
);
function fpAtomic(cx: HelperContext, number: number, width: soft.Fmt | 0, a: bigint, b: bigint): bigint {
  const op = FP_ATOMICS[number]!;
  const local = { fpcr: (cx.fpcr & ~FPCR.AH) | FPCR.DN, fpsr: 0 };
  if (width !== 0) return atomics()[op](local, width, a, b);
  // BFloat16 is the upper half of single precision: only a sum has to be rounded.
  return op === 'add' ? soft.bfloatAdd(local, a, b) : atomics()[op](local, 32, a << 16n, b << 16n) >> 16n;
}

export const SCALAR_HELPERS: ScalarHelpers = {
  crc32: (_, crc, data, bits) => crc32(crc, data, bits),
  crc32c: (_, crc, data, bits) => crc32c(crc, data, bits),
  pacAdd: (cx, p, m, key) => {
    take(p, m);
    pauth.pacAdd(cx.pauth, halves[0]!, halves[1]!, halves[2]!, halves[3]!, key);
    return pacResult();
  },
  pacAuth: (cx, p, m, key) => {
    take(p, m);
    pauth.pacAuth(cx.pauth, halves[0]!, halves[1]!, halves[2]!, halves[3]!, key);
    return pacResult();
  },
  pacFailed: (cx, combined) => (pauth.pacFailed(cx.pauth, combined !== 0) ? 1 : 0),
  pacStrip: (cx, p, data) => {
    take(p, 0n);
    pauth.pacStrip(cx.pauth, halves[0]!, halves[1]!, data !== 0);
    return pacResult();
  },
  pacGeneric: (cx, d, m) => {
    take(d, m);
    pauth.pacGeneric(cx.pauth, halves[0]!, halves[1]!, halves[2]!, halves[3]!);
    return pacResult();
  },
  bfcvt: (cx, a) => s(soft.fpConvertBF(cx, u(a))),
  fjcvtzs: (cx, a) => {
    const { value, z } = soft.fpToFixedJS(cx, a);
    return BigInt(value >>> 0) | (z ? 1n << 32n : 0n);
  },
  fpMulAddH: (cx, c, a, b) => s(soft.fpMulAddH(cx, u(c), u(a), u(b))),
  bfMulAddH: (cx, c, a, b) => s(soft.bfMulAddH(cx, u(c), u(a), u(b))),
  fpAtomic: (cx, op, width, a, b) => s(fpAtomic(cx, op, width as 0 | 16 | 32, u(a), u(b))),
  fpAtomicD: (cx, op, a, b) => fpAtomic(cx, op, 64, a, b),
  bfDotAdd: (cx, c, a, b) => s(soft.bfDotAdd(cx, u(c), u(a) & 0xffffn, u(a) >> 16n, u(b) & 0xffffn, u(b) >> 16n)),
};
