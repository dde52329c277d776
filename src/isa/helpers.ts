// Helpers written in TypeScript that semantics may call: names, argument and result types. What they do is bound by
// the engine (cpu/helpers.ts), which must have every one of them.

import type { Ty } from '../ir/ops.ts';

interface HelperRow {
  readonly args: readonly Ty[];
  readonly result: Ty;
}
function helper(types: string): HelperRow {
  const [args, result] = types.split(' -> ') as [string, string];
  return { args: args.split(' ') as Ty[], result: result as Ty };
}

/** Scalar helpers. */
export const HELPERS = {
  /** checksum, data, bits of data (8, 16, 32) */
  crc32:  helper('i32 i32 i32 -> i32'),
  crc32c: helper('i32 i32 i32 -> i32'),
} as const satisfies Record<string, HelperRow>; // biome-ignore format: a table
export type HelperName = keyof typeof HELPERS;

/** Vector helpers: any number of v128 arguments, v128 result. */
export const VECTOR_HELPERS = [] as const satisfies readonly string[];
export type VectorHelperName = (typeof VECTOR_HELPERS)[number];
