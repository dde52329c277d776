// Floating-point multiplications by one element of the second register, vector and scalar.

import { insn } from './schema.ts';

export const SIMD_FP_INDEXED = {
  // Advanced SIMD vector by indexed element. Halves: Rm is V0..V15, index H:L:M; singles: index H:L; doubles: index H
  FMLA_elt_s:  insn('0 Q:1 0 01111 10 L:1 Rm:5 0001 H:1 0 Rn:5 Rd:5'),
  FMLA_elt_d:  insn('0 1 0 01111 11 0 Rm:5 0001 H:1 0 Rn:5 Rd:5'),
  FMLA_elt_h:  insn('0 Q:1 0 01111 00 L:1 M:1 Rm:4 0001 H:1 0 Rn:5 Rd:5',  { feat: 'FEAT_FP16' }),
  FMLS_elt_s:  insn('0 Q:1 0 01111 10 L:1 Rm:5 0101 H:1 0 Rn:5 Rd:5'),
  FMLS_elt_d:  insn('0 1 0 01111 11 0 Rm:5 0101 H:1 0 Rn:5 Rd:5'),
  FMLS_elt_h:  insn('0 Q:1 0 01111 00 L:1 M:1 Rm:4 0101 H:1 0 Rn:5 Rd:5',  { feat: 'FEAT_FP16' }),
  FMUL_elt_s:  insn('0 Q:1 0 01111 10 L:1 Rm:5 1001 H:1 0 Rn:5 Rd:5'),
  FMUL_elt_d:  insn('0 1 0 01111 11 0 Rm:5 1001 H:1 0 Rn:5 Rd:5'),
  FMUL_elt_h:  insn('0 Q:1 0 01111 00 L:1 M:1 Rm:4 1001 H:1 0 Rn:5 Rd:5',  { feat: 'FEAT_FP16' }),
  FMULX_elt_s: insn('0 Q:1 1 01111 10 L:1 Rm:5 1001 H:1 0 Rn:5 Rd:5'),
  FMULX_elt_d: insn('0 1 1 01111 11 0 Rm:5 1001 H:1 0 Rn:5 Rd:5'),
  FMULX_elt_h: insn('0 Q:1 1 01111 00 L:1 M:1 Rm:4 1001 H:1 0 Rn:5 Rd:5',  { feat: 'FEAT_FP16' }),
  FMLAL_elt:   insn('0 Q:1 0 01111 10 L:1 M:1 Rm:4 0000 H:1 0 Rn:5 Rd:5',  { feat: 'FEAT_FHM' }),
  FMLSL_elt:   insn('0 Q:1 0 01111 10 L:1 M:1 Rm:4 0100 H:1 0 Rn:5 Rd:5',  { feat: 'FEAT_FHM' }),
  FMLAL2_elt:  insn('0 Q:1 1 01111 10 L:1 M:1 Rm:4 1000 H:1 0 Rn:5 Rd:5',  { feat: 'FEAT_FHM' }),
  FMLSL2_elt:  insn('0 Q:1 1 01111 10 L:1 M:1 Rm:4 1100 H:1 0 Rn:5 Rd:5',  { feat: 'FEAT_FHM' }),
  FCMLA_elt_s: insn('0 1 1 01111 10 0 Rm:5 0 rot:2 1 H:1 0 Rn:5 Rd:5',     { feat: 'FEAT_FCMA' }),
  FCMLA_elt_h: insn('0 Q:1 1 01111 01 L:1 Rm:5 0 rot:2 1 H:1 0 Rn:5 Rd:5', { not: 'H=1 & Q=0', feat: 'FEAT_FCMA', also: 'FEAT_FP16' }),
  BFDOT_elt:   insn('0 Q:1 0 01111 01 L:1 Rm:5 1111 H:1 0 Rn:5 Rd:5',      { feat: 'FEAT_BF16' }),
  BFMLALB_elt: insn('0 0 0 01111 11 L:1 M:1 Rm:4 1111 H:1 0 Rn:5 Rd:5',    { feat: 'FEAT_BF16' }),
  BFMLALT_elt: insn('0 1 0 01111 11 L:1 M:1 Rm:4 1111 H:1 0 Rn:5 Rd:5',    { feat: 'FEAT_BF16' }),
} as const;

export const SIMD_FP_INDEXED_SCALAR = {
  FMLA_elt_scalar_s:  insn('01 0 11111 10 L:1 Rm:5 0001 H:1 0 Rn:5 Rd:5'),
  FMLA_elt_scalar_d:  insn('01 0 11111 11 0 Rm:5 0001 H:1 0 Rn:5 Rd:5'),
  FMLA_elt_scalar_h:  insn('01 0 11111 00 L:1 M:1 Rm:4 0001 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP16' }),
  FMLS_elt_scalar_s:  insn('01 0 11111 10 L:1 Rm:5 0101 H:1 0 Rn:5 Rd:5'),
  FMLS_elt_scalar_d:  insn('01 0 11111 11 0 Rm:5 0101 H:1 0 Rn:5 Rd:5'),
  FMLS_elt_scalar_h:  insn('01 0 11111 00 L:1 M:1 Rm:4 0101 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP16' }),
  FMUL_elt_scalar_s:  insn('01 0 11111 10 L:1 Rm:5 1001 H:1 0 Rn:5 Rd:5'),
  FMUL_elt_scalar_d:  insn('01 0 11111 11 0 Rm:5 1001 H:1 0 Rn:5 Rd:5'),
  FMUL_elt_scalar_h:  insn('01 0 11111 00 L:1 M:1 Rm:4 1001 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP16' }),
  FMULX_elt_scalar_s: insn('01 1 11111 10 L:1 Rm:5 1001 H:1 0 Rn:5 Rd:5'),
  FMULX_elt_scalar_d: insn('01 1 11111 11 0 Rm:5 1001 H:1 0 Rn:5 Rd:5'),
  FMULX_elt_scalar_h: insn('01 1 11111 00 L:1 M:1 Rm:4 1001 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP16' }),
} as const;
