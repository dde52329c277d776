// Vector instructions of one source register (reverse, count, compare with zero, narrow, ...), their scalar forms, and
// vector immediates.

import { insn } from './schema.ts';

export const SIMD_MISC = {
  // Advanced SIMD two-register miscellaneous
  REV64_vec:     insn('0 Q:1 0 01110 size:2 10000 00000 10 Rn:5 Rd:5', { not: 'size=3' }),
  REV32_vec:     insn('0 Q:1 1 01110 size:2 10000 00000 10 Rn:5 Rd:5', { not: 'size>=2' }),
  REV16_vec:     insn('0 Q:1 0 01110 size:2 10000 00001 10 Rn:5 Rd:5', { not: 'size!=0' }),
  SADDLP_vec:    insn('0 Q:1 0 01110 size:2 10000 00010 10 Rn:5 Rd:5', { not: 'size=3' }),
  UADDLP_vec:    insn('0 Q:1 1 01110 size:2 10000 00010 10 Rn:5 Rd:5', { not: 'size=3' }),
  SADALP_vec:    insn('0 Q:1 0 01110 size:2 10000 00110 10 Rn:5 Rd:5', { not: 'size=3' }),
  UADALP_vec:    insn('0 Q:1 1 01110 size:2 10000 00110 10 Rn:5 Rd:5', { not: 'size=3' }),
  SUQADD_vec:    insn('0 Q:1 0 01110 size:2 10000 00011 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  USQADD_vec:    insn('0 Q:1 1 01110 size:2 10000 00011 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  CLS_vec:       insn('0 Q:1 0 01110 size:2 10000 00100 10 Rn:5 Rd:5', { not: 'size=3' }),
  CLZ_vec:       insn('0 Q:1 1 01110 size:2 10000 00100 10 Rn:5 Rd:5', { not: 'size=3' }),
  CNT_vec:       insn('0 Q:1 0 01110 00 10000 00101 10 Rn:5 Rd:5'),
  NOT_vec:       insn('0 Q:1 1 01110 00 10000 00101 10 Rn:5 Rd:5'),
  RBIT_vec:      insn('0 Q:1 1 01110 01 10000 00101 10 Rn:5 Rd:5'),
  SQABS_vec:     insn('0 Q:1 0 01110 size:2 10000 00111 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  SQNEG_vec:     insn('0 Q:1 1 01110 size:2 10000 00111 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  CMGT_zero_vec: insn('0 Q:1 0 01110 size:2 10000 01000 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  CMGE_zero_vec: insn('0 Q:1 1 01110 size:2 10000 01000 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  CMEQ_zero_vec: insn('0 Q:1 0 01110 size:2 10000 01001 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  CMLE_zero_vec: insn('0 Q:1 1 01110 size:2 10000 01001 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  CMLT_zero_vec: insn('0 Q:1 0 01110 size:2 10000 01010 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  ABS_vec:       insn('0 Q:1 0 01110 size:2 10000 01011 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  NEG_vec:       insn('0 Q:1 1 01110 size:2 10000 01011 10 Rn:5 Rd:5', { not: 'size=3 & Q=0' }),
  XTN:           insn('0 Q:1 0 01110 size:2 10000 10010 10 Rn:5 Rd:5', { not: 'size=3' }),
  SQXTUN_vec:    insn('0 Q:1 1 01110 size:2 10000 10010 10 Rn:5 Rd:5', { not: 'size=3' }),
  SHLL:          insn('0 Q:1 1 01110 size:2 10000 10011 10 Rn:5 Rd:5', { not: 'size=3' }),
  SQXTN_vec:     insn('0 Q:1 0 01110 size:2 10000 10100 10 Rn:5 Rd:5', { not: 'size=3' }),
  UQXTN_vec:     insn('0 Q:1 1 01110 size:2 10000 10100 10 Rn:5 Rd:5', { not: 'size=3' }),
  URECPE:        insn('0 Q:1 0 01110 10 10000 11100 10 Rn:5 Rd:5'),
  URSQRTE:       insn('0 Q:1 1 01110 10 10000 11100 10 Rn:5 Rd:5'),
} as const;

export const SIMD_MISC_SCALAR = {
  // Advanced SIMD scalar two-register miscellaneous
  SUQADD_scalar:    insn('01 0 11110 size:2 10000 00011 10 Rn:5 Rd:5'),
  USQADD_scalar:    insn('01 1 11110 size:2 10000 00011 10 Rn:5 Rd:5'),
  SQABS_scalar:     insn('01 0 11110 size:2 10000 00111 10 Rn:5 Rd:5'),
  SQNEG_scalar:     insn('01 1 11110 size:2 10000 00111 10 Rn:5 Rd:5'),
  CMGT_zero_scalar: insn('01 0 11110 size:2 10000 01000 10 Rn:5 Rd:5', { not: 'size!=3' }),
  CMGE_zero_scalar: insn('01 1 11110 size:2 10000 01000 10 Rn:5 Rd:5', { not: 'size!=3' }),
  CMEQ_zero_scalar: insn('01 0 11110 size:2 10000 01001 10 Rn:5 Rd:5', { not: 'size!=3' }),
  CMLE_zero_scalar: insn('01 1 11110 size:2 10000 01001 10 Rn:5 Rd:5', { not: 'size!=3' }),
  CMLT_zero_scalar: insn('01 0 11110 size:2 10000 01010 10 Rn:5 Rd:5', { not: 'size!=3' }),
  ABS_scalar:       insn('01 0 11110 size:2 10000 01011 10 Rn:5 Rd:5', { not: 'size!=3' }),
  NEG_scalar:       insn('01 1 11110 size:2 10000 01011 10 Rn:5 Rd:5', { not: 'size!=3' }),
  SQXTUN_scalar:    insn('01 1 11110 size:2 10000 10010 10 Rn:5 Rd:5', { not: 'size=3' }),
  SQXTN_scalar:     insn('01 0 11110 size:2 10000 10100 10 Rn:5 Rd:5', { not: 'size=3' }),
  UQXTN_scalar:     insn('01 1 11110 size:2 10000 10100 10 Rn:5 Rd:5', { not: 'size=3' }),
} as const;

export const SIMD_IMM = {
  // Advanced SIMD modified immediate (FMOV is with floating point)
  MOVI_32:    insn('0 Q:1 0 0111100000 a:1 b:1 c:1 0 cmode:2 0 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  MOVI_16:    insn('0 Q:1 0 0111100000 a:1 b:1 c:1 10 cmode:1 0 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  MOVI_msl:   insn('0 Q:1 0 0111100000 a:1 b:1 c:1 110 cmode:1 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  ORR_imm_32: insn('0 Q:1 0 0111100000 a:1 b:1 c:1 0 cmode:2 1 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  ORR_imm_16: insn('0 Q:1 0 0111100000 a:1 b:1 c:1 10 cmode:1 1 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  MVNI_32:    insn('0 Q:1 1 0111100000 a:1 b:1 c:1 0 cmode:2 0 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  MVNI_16:    insn('0 Q:1 1 0111100000 a:1 b:1 c:1 10 cmode:1 0 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  MVNI_msl:   insn('0 Q:1 1 0111100000 a:1 b:1 c:1 110 cmode:1 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  BIC_imm_32: insn('0 Q:1 1 0111100000 a:1 b:1 c:1 0 cmode:2 1 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  BIC_imm_16: insn('0 Q:1 1 0111100000 a:1 b:1 c:1 10 cmode:1 1 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  MOVI_8:     insn('0 Q:1 0 0111100000 a:1 b:1 c:1 1110 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
  MOVI_64:    insn('0 Q:1 1 0111100000 a:1 b:1 c:1 1110 01 d:1 e:1 f:1 g:1 h:1 Rd:5'),
} as const;
