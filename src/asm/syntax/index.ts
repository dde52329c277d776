// All syntax tables.

import type { SyntaxTable } from '../form.ts';
import { BRANCHES_SYNTAX, PAUTH_SYNTAX } from './branches.ts';
import { CRYPTO_SYNTAX } from './crypto.ts';
import { DP_IMM_SYNTAX, DP_REG_SYNTAX } from './dp.ts';
import * as fp from './fp.ts';
import * as ldst from './ldst.ts';
import * as simd from './simd_int.ts';
import { SIMD_LDST_MULTIPLE_SYNTAX, SIMD_LDST_SINGLE_SYNTAX } from './simd_ldst.ts';
import * as sveFp from './sve_fp.ts';
import { SVE_INT_MLA_SYNTAX, SVE_INT_SYNTAX } from './sve_int.ts';
import { SVE_MEM_SYNTAX } from './sve_mem.ts';
import { SVE_PERMUTE_SYNTAX } from './sve_permute.ts';
import { SVE_PRED_SYNTAX } from './sve_pred.ts';
import * as sve2 from './sve2.ts';
import { SYSTEM_SYNTAX } from './system.ts';

export const SYNTAX: readonly SyntaxTable[] = [
  DP_IMM_SYNTAX,
  DP_REG_SYNTAX,
  BRANCHES_SYNTAX,
  PAUTH_SYNTAX,
  SYSTEM_SYNTAX,
  ldst.LDST_SYNTAX,
  ldst.LDST_FP_SYNTAX,
  ldst.LDST_EXCLUSIVE_SYNTAX,
  ldst.LDST_ATOMIC_SYNTAX,
  ldst.MOPS_SYNTAX,
  ldst.MTE_SYNTAX,
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
  fp.FP_SYNTAX,
  fp.SIMD_FP_SYNTAX,
  fp.SIMD_FP_SCALAR_SYNTAX,
  fp.SIMD_FP_MISC_SYNTAX,
  fp.SIMD_FP_MISC_SCALAR_SYNTAX,
  fp.SIMD_FP_INDEXED_SYNTAX,
  fp.SIMD_FP_INDEXED_SCALAR_SYNTAX,
  fp.SIMD_FP8_SYNTAX,
  SVE_INT_SYNTAX,
  SVE_INT_MLA_SYNTAX,
  SVE_PRED_SYNTAX,
  sveFp.SVE_FP_SYNTAX,
  sveFp.SVE_FP_CONVERT_SYNTAX,
  sveFp.SVE_FP_MLA_SYNTAX,
  sveFp.SVE_FP8_SYNTAX,
  sveFp.SVE_LUT_SYNTAX,
  sve2.SVE2_INT_SYNTAX,
  sve2.SVE2_MUL_SYNTAX,
  sve2.SVE2_MISC_SYNTAX,
  SVE_PERMUTE_SYNTAX,
  SVE_MEM_SYNTAX,
];
