// Floating-point vector arithmetic on two or three registers, and its scalar forms. One-register instructions are in
// simd_fp_misc.ts, by-element forms in simd_fp_indexed.ts.

import { insn } from './schema.ts';

export const SIMD_FP = {
  // Advanced SIMD three same. sz: 0 single, 1 double
  FMAXNM_vec:       insn('0 Q:1 0 01110 0 sz:1 1 Rm:5 11000 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMLA_vec:         insn('0 Q:1 0 01110 0 sz:1 1 Rm:5 11001 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FADD_vec:         insn('0 Q:1 0 01110 0 sz:1 1 Rm:5 11010 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMULX_vec:        insn('0 Q:1 0 01110 0 sz:1 1 Rm:5 11011 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FCMEQ_vec:        insn('0 Q:1 0 01110 0 sz:1 1 Rm:5 11100 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMAX_vec:         insn('0 Q:1 0 01110 0 sz:1 1 Rm:5 11110 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FRECPS_vec:       insn('0 Q:1 0 01110 0 sz:1 1 Rm:5 11111 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMINNM_vec:       insn('0 Q:1 0 01110 1 sz:1 1 Rm:5 11000 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMLS_vec:         insn('0 Q:1 0 01110 1 sz:1 1 Rm:5 11001 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FSUB_vec:         insn('0 Q:1 0 01110 1 sz:1 1 Rm:5 11010 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMIN_vec:         insn('0 Q:1 0 01110 1 sz:1 1 Rm:5 11110 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FRSQRTS_vec:      insn('0 Q:1 0 01110 1 sz:1 1 Rm:5 11111 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMAXNMP_vec:      insn('0 Q:1 1 01110 0 sz:1 1 Rm:5 11000 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FADDP_vec:        insn('0 Q:1 1 01110 0 sz:1 1 Rm:5 11010 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMUL_vec:         insn('0 Q:1 1 01110 0 sz:1 1 Rm:5 11011 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FCMGE_vec:        insn('0 Q:1 1 01110 0 sz:1 1 Rm:5 11100 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FACGE_vec:        insn('0 Q:1 1 01110 0 sz:1 1 Rm:5 11101 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMAXP_vec:        insn('0 Q:1 1 01110 0 sz:1 1 Rm:5 11110 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FDIV_vec:         insn('0 Q:1 1 01110 0 sz:1 1 Rm:5 11111 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMINNMP_vec:      insn('0 Q:1 1 01110 1 sz:1 1 Rm:5 11000 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FABD_vec:         insn('0 Q:1 1 01110 1 sz:1 1 Rm:5 11010 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FCMGT_vec:        insn('0 Q:1 1 01110 1 sz:1 1 Rm:5 11100 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FACGT_vec:        insn('0 Q:1 1 01110 1 sz:1 1 Rm:5 11101 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FMINP_vec:        insn('0 Q:1 1 01110 1 sz:1 1 Rm:5 11110 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0' }),
  FAMAX_vec:        insn('0 Q:1 0 01110 1 sz:1 1 Rm:5 11011 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0', feat: 'FEAT_FAMINMAX' }),
  FAMIN_vec:        insn('0 Q:1 1 01110 1 sz:1 1 Rm:5 11011 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0', feat: 'FEAT_FAMINMAX' }),
  FSCALE_vec:       insn('0 Q:1 1 01110 1 sz:1 1 Rm:5 11111 1 Rn:5 Rd:5',      { not: 'sz=1 & Q=0', feat: 'FEAT_FP8' }),

  // Advanced SIMD three same (FP16)
  FMAXNM_vec_half:  insn('0 Q:1 0 01110 0 10 Rm:5 00 000 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMLA_vec_half:    insn('0 Q:1 0 01110 0 10 Rm:5 00 001 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FADD_vec_half:    insn('0 Q:1 0 01110 0 10 Rm:5 00 010 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMULX_vec_half:   insn('0 Q:1 0 01110 0 10 Rm:5 00 011 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FCMEQ_vec_half:   insn('0 Q:1 0 01110 0 10 Rm:5 00 100 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMAX_vec_half:    insn('0 Q:1 0 01110 0 10 Rm:5 00 110 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FRECPS_vec_half:  insn('0 Q:1 0 01110 0 10 Rm:5 00 111 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMINNM_vec_half:  insn('0 Q:1 0 01110 1 10 Rm:5 00 000 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMLS_vec_half:    insn('0 Q:1 0 01110 1 10 Rm:5 00 001 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FSUB_vec_half:    insn('0 Q:1 0 01110 1 10 Rm:5 00 010 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMIN_vec_half:    insn('0 Q:1 0 01110 1 10 Rm:5 00 110 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FRSQRTS_vec_half: insn('0 Q:1 0 01110 1 10 Rm:5 00 111 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMAXNMP_vec_half: insn('0 Q:1 1 01110 0 10 Rm:5 00 000 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FADDP_vec_half:   insn('0 Q:1 1 01110 0 10 Rm:5 00 010 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMUL_vec_half:    insn('0 Q:1 1 01110 0 10 Rm:5 00 011 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FCMGE_vec_half:   insn('0 Q:1 1 01110 0 10 Rm:5 00 100 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FACGE_vec_half:   insn('0 Q:1 1 01110 0 10 Rm:5 00 101 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMAXP_vec_half:   insn('0 Q:1 1 01110 0 10 Rm:5 00 110 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FDIV_vec_half:    insn('0 Q:1 1 01110 0 10 Rm:5 00 111 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMINNMP_vec_half: insn('0 Q:1 1 01110 1 10 Rm:5 00 000 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FABD_vec_half:    insn('0 Q:1 1 01110 1 10 Rm:5 00 010 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FCMGT_vec_half:   insn('0 Q:1 1 01110 1 10 Rm:5 00 100 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FACGT_vec_half:   insn('0 Q:1 1 01110 1 10 Rm:5 00 101 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FMINP_vec_half:   insn('0 Q:1 1 01110 1 10 Rm:5 00 110 1 Rn:5 Rd:5',         { feat: 'FEAT_FP16' }),
  FAMAX_vec_half:   insn('0 Q:1 0 01110 1 10 Rm:5 00 011 1 Rn:5 Rd:5',         { feat: 'FEAT_FAMINMAX' }),
  FAMIN_vec_half:   insn('0 Q:1 1 01110 1 10 Rm:5 00 011 1 Rn:5 Rd:5',         { feat: 'FEAT_FAMINMAX' }),
  FSCALE_vec_half:  insn('0 Q:1 1 01110 1 10 Rm:5 00 111 1 Rn:5 Rd:5',         { feat: 'FEAT_FP8' }),

  // Widening half-precision multiply-add
  FMLAL_vec:        insn('0 Q:1 0 01110 0 0 1 Rm:5 11101 1 Rn:5 Rd:5',         { feat: 'FEAT_FHM' }),
  FMLSL_vec:        insn('0 Q:1 0 01110 1 0 1 Rm:5 11101 1 Rn:5 Rd:5',         { feat: 'FEAT_FHM' }),
  FMLAL2_vec:       insn('0 Q:1 1 01110 0 0 1 Rm:5 11001 1 Rn:5 Rd:5',         { feat: 'FEAT_FHM' }),
  FMLSL2_vec:       insn('0 Q:1 1 01110 1 0 1 Rm:5 11001 1 Rn:5 Rd:5',         { feat: 'FEAT_FHM' }),

  // Complex arithmetic: rot counts quarter turns
  FCMLA_vec:        insn('0 Q:1 1 01110 1 sz:1 0 Rm:5 110 rot:2 1 Rn:5 Rd:5',  { not: 'sz=1 & Q=0', feat: 'FEAT_FCMA' }),
  FCMLA_vec_half:   insn('0 Q:1 1 01110 01 0 Rm:5 110 rot:2 1 Rn:5 Rd:5',      { feat: 'FEAT_FCMA', also: 'FEAT_FP16' }),
  FCADD_vec:        insn('0 Q:1 1 01110 1 sz:1 0 Rm:5 111 rot:1 01 Rn:5 Rd:5', { not: 'sz=1 & Q=0', feat: 'FEAT_FCMA' }),
  FCADD_vec_half:   insn('0 Q:1 1 01110 01 0 Rm:5 111 rot:1 01 Rn:5 Rd:5',     { feat: 'FEAT_FCMA', also: 'FEAT_FP16' }),

  // BFloat16
  BFDOT_vec:        insn('0 Q:1 1 01110 01 0 Rm:5 111111 Rn:5 Rd:5',           { feat: 'FEAT_BF16' }),
  BFMMLA:           insn('0 1 1 01110 01 0 Rm:5 111011 Rn:5 Rd:5',             { feat: 'FEAT_BF16' }),
  BFMLALB_vec:      insn('0 0 1 01110 11 0 Rm:5 111111 Rn:5 Rd:5',             { feat: 'FEAT_BF16' }),
  BFMLALT_vec:      insn('0 1 1 01110 11 0 Rm:5 111111 Rn:5 Rd:5',             { feat: 'FEAT_BF16' }),
} as const;

export const SIMD_FP_SCALAR = {
  // Advanced SIMD scalar three same
  FMULX_scalar:        insn('01 0 11110 0 sz:1 1 Rm:5 11011 1 Rn:5 Rd:5'),
  FCMEQ_scalar:        insn('01 0 11110 0 sz:1 1 Rm:5 11100 1 Rn:5 Rd:5'),
  FRECPS_scalar:       insn('01 0 11110 0 sz:1 1 Rm:5 11111 1 Rn:5 Rd:5'),
  FRSQRTS_scalar:      insn('01 0 11110 1 sz:1 1 Rm:5 11111 1 Rn:5 Rd:5'),
  FCMGE_scalar:        insn('01 1 11110 0 sz:1 1 Rm:5 11100 1 Rn:5 Rd:5'),
  FACGE_scalar:        insn('01 1 11110 0 sz:1 1 Rm:5 11101 1 Rn:5 Rd:5'),
  FABD_scalar:         insn('01 1 11110 1 sz:1 1 Rm:5 11010 1 Rn:5 Rd:5'),
  FCMGT_scalar:        insn('01 1 11110 1 sz:1 1 Rm:5 11100 1 Rn:5 Rd:5'),
  FACGT_scalar:        insn('01 1 11110 1 sz:1 1 Rm:5 11101 1 Rn:5 Rd:5'),

  // Advanced SIMD scalar three same FP16
  FMULX_scalar_half:   insn('01 0 11110 0 10 Rm:5 00 011 1 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FCMEQ_scalar_half:   insn('01 0 11110 0 10 Rm:5 00 100 1 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FRECPS_scalar_half:  insn('01 0 11110 0 10 Rm:5 00 111 1 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FRSQRTS_scalar_half: insn('01 0 11110 1 10 Rm:5 00 111 1 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FCMGE_scalar_half:   insn('01 1 11110 0 10 Rm:5 00 100 1 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FACGE_scalar_half:   insn('01 1 11110 0 10 Rm:5 00 101 1 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FABD_scalar_half:    insn('01 1 11110 1 10 Rm:5 00 010 1 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FCMGT_scalar_half:   insn('01 1 11110 1 10 Rm:5 00 100 1 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FACGT_scalar_half:   insn('01 1 11110 1 10 Rm:5 00 101 1 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),

  // Advanced SIMD scalar pairwise
  FMAXNMP_pair:        insn('01 1 11110 0 sz:1 11000 01100 10 Rn:5 Rd:5'),
  FMAXNMP_pair_half:   insn('01 0 11110 0 0 11000 01100 10 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FADDP_pair:          insn('01 1 11110 0 sz:1 11000 01101 10 Rn:5 Rd:5'),
  FADDP_pair_half:     insn('01 0 11110 0 0 11000 01101 10 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FMAXP_pair:          insn('01 1 11110 0 sz:1 11000 01111 10 Rn:5 Rd:5'),
  FMAXP_pair_half:     insn('01 0 11110 0 0 11000 01111 10 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FMINNMP_pair:        insn('01 1 11110 1 sz:1 11000 01100 10 Rn:5 Rd:5'),
  FMINNMP_pair_half:   insn('01 0 11110 1 0 11000 01100 10 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
  FMINP_pair:          insn('01 1 11110 1 sz:1 11000 01111 10 Rn:5 Rd:5'),
  FMINP_pair_half:     insn('01 0 11110 1 0 11000 01111 10 Rn:5 Rd:5',    { feat: 'FEAT_FP16' }),
} as const;
