// The instruction set as a whole: every table of semantics there is.

import { branches } from './branches.ts';
import { crypto } from './crypto.ts';
import { dpImm } from './dp_imm.ts';
import { dpReg } from './dp_reg.ts';
import { fp } from './fp.ts';
import { ldst } from './ldst.ts';
import { ldstAtomic } from './ldst_atomic.ts';
import { ldstExclusive } from './ldst_exclusive.ts';
import { ldstFp } from './ldst_fp.ts';
import { mops } from './mops.ts';
import { mte } from './mte.ts';
import { pauth } from './pauth.ts';
import type { Group } from './semantics.ts';
import { simdArith, simdArithScalar } from './simd_arith.ts';
import { simdFp, simdFpScalar } from './simd_fp.ts';
import { simdFpIndexed, simdFpIndexedScalar } from './simd_fp_indexed.ts';
import { simdFpMisc, simdFpMiscScalar } from './simd_fp_misc.ts';
import { simdFp8 } from './simd_fp8.ts';
import { simdIndexed, simdIndexedScalar } from './simd_indexed.ts';
import { simdLdstMultiple, simdLdstSingle } from './simd_ldst.ts';
import { simdImm, simdMisc, simdMiscScalar } from './simd_misc.ts';
import { simdPermute } from './simd_permute.ts';
import { simdShift, simdShiftScalar } from './simd_shift.ts';
import { sme } from './sme.ts';
import { sve } from './sve.ts';
import { sveFp } from './sve_fp.ts';
import { sveFpConvert } from './sve_fp_convert.ts';
import { sveFpMla } from './sve_fp_mla.ts';
import { sveFp8, sveLut } from './sve_fp8.ts';
import { sveInt } from './sve_int.ts';
import { sveIntMla } from './sve_int_mla.ts';
import { sveMem } from './sve_mem.ts';
import { svePermute } from './sve_permute.ts';
import { svePred } from './sve_pred.ts';
import { sve2Int } from './sve2_int.ts';
import { sve2Misc } from './sve2_misc.ts';
import { sve2Mul } from './sve2_mul.ts';
import { system } from './system.ts';

export const A64: readonly Group[] = [
  dpImm, branches, system, dpReg, pauth, ldst, ldstAtomic, ldstExclusive, ldstFp, mops, mte,
  simdLdstMultiple, simdLdstSingle, fp, simdArith, simdArithScalar, simdMisc, simdMiscScalar, simdImm, simdShift,
  simdShiftScalar, simdPermute, simdIndexed, simdIndexedScalar, simdFp, simdFpScalar, simdFpMisc, simdFpMiscScalar,
  simdFpIndexed, simdFpIndexedScalar, simdFp8, crypto, sve, sveInt, sveIntMla, svePred, svePermute, sveMem, sveFp, sveFpMla,
  sveFpConvert, sveFp8, sveLut, sve2Int, sve2Mul, sve2Misc, sme,
]; // biome-ignore format: a table
