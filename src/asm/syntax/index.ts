// All syntax tables.

import type { SyntaxTable } from '../form.ts';
import { CRYPTO_SYNTAX } from './crypto.ts';
import * as simd from './simd_int.ts';
import { SIMD_LDST_MULTIPLE_SYNTAX, SIMD_LDST_SINGLE_SYNTAX } from './simd_ldst.ts';

export const SYNTAX: readonly SyntaxTable[] = [
  simd.SIMD_ARITH_SYNTAX,
  simd.SIMD_ARITH_SCALAR_SYNTAX,
  simd.SIMD_MISC_SYNTAX,
  simd.SIMD_MISC_SCALAR_SYNTAX,
  simd.SIMD_IMM_SYNTAX,
  simd.SIMD_SHIFT_SYNTAX,
  simd.SIMD_SHIFT_SCALAR_SYNTAX,
  simd.SIMD_INDEXED_SYNTAX,
  simd.SIMD_INDEXED_SCALAR_SYNTAX,
  simd.SIMD_PERMUTE_SYNTAX,
  SIMD_LDST_MULTIPLE_SYNTAX,
  SIMD_LDST_SINGLE_SYNTAX,
  CRYPTO_SYNTAX,
];
