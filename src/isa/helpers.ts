// Helpers written in TypeScript that semantics may call: names, argument and result types. What they do is bound by
// the engine (cpu/helpers.ts), which must have every one of them.

import { lazy } from '../base/lazy.ts';
import type { Ty } from '../ir/ops.ts';

interface HelperRow {
  readonly args: readonly Ty[];
  readonly result: Ty;
}
type Words<S extends string> = S extends `${infer A extends Ty} ${infer Rest}`
  ? [A, ...Words<Rest>]
  : S extends Ty
    ? [S]
    : [];
type Parsed<S extends string> = S extends `${infer A} -> ${infer R extends Ty}`
  ? { readonly args: Words<A>; readonly result: R }
  : never;
function helper<const S extends string>(types: S): Parsed<S> {
  const [args, result] = types.split(' -> ') as [string, string];
  return { args: args.split(' '), result } as unknown as Parsed<S>;
}

/** What the atomic instructions of FEAT_LSFE do to memory. */
export const FP_ATOMICS = ['add', 'max', 'min', 'maxnm', 'minnm'] as const;
export type FpAtomic = (typeof FP_ATOMICS)[number];

/** Scalar helpers. */
export const helperRows = lazy(() => ({
  /** checksum, data, bits of data (8, 16, 32) */
  crc32:  helper('i32 i32 i32 -> i32'),
  crc32c: helper('i32 i32 i32 -> i32'),
  /** pointer, modifier, key (0 IA, 1 IB, 2 DA, 3 DB) */
  pacAdd:  helper('i64 i64 i32 -> i64'),
  pacAuth: helper('i64 i64 i32 -> i64'),
  /** Whether the last pacAuth faults; argument: the instruction goes on to use the pointer (FEAT_FPACCOMBINE). */
  pacFailed: helper('i32 -> i32'),
  /** pointer, 0 instruction or 1 data address */
  pacStrip: helper('i64 i32 -> i64'),
  /** data, modifier */
  pacGeneric: helper('i64 i64 -> i64'),
  /** single precision to BFloat16 */
  bfcvt: helper('i32 -> i32'),
  /** double precision to the low word, Z in bit 32 */
  fjcvtzs: helper('i64 -> i64'),
  /** addend, and two factors: half precision or BFloat16 into single precision, once or (dot) pairs of them */
  fpMulAddH: helper('i32 i32 i32 -> i32'),
  bfMulAddH: helper('i32 i32 i32 -> i32'),
  bfDotAdd: helper('i32 i32 i32 -> i32'),
  /** number in FP_ATOMICS, width (0: BFloat16, 16, 32), and two operands; double precision has no width */
  fpAtomic: helper('i32 i32 i32 i32 -> i32'),
  fpAtomicD: helper('i32 i64 i64 -> i64'),
}) satisfies Record<string, HelperRow>); // biome-ignore format: a table
export type HelperRows = ReturnType<typeof helperRows>;
export type HelperName = keyof HelperRows;

/**
 * Vector helpers: any number of v128 arguments, v128 result. Those of 8-bit floating point look at FPMR; their parameter:
 * fp8ToHalf, fp8ToBf16: 1 or 2, the stream; fpToFp8, bf16ToFp8: bits of an element; fp8MulAdd: bits of a sum, plus the number of the
 * byte in it; fp8Dot, fp8MatMulAdd: bits of a sum.
 */
export const VECTOR_HELPERS = [
  'bfMatMulAdd', 'fp8ToHalf', 'fp8ToBf16', 'fpToFp8', 'bf16ToFp8', 'fp8MulAdd', 'fp8Dot', 'fp8MatMulAdd',
] as const satisfies readonly string[]; // biome-ignore format: a table
export type VectorHelperName = (typeof VECTOR_HELPERS)[number];
