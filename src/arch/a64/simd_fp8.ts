// The 8-bit floating-point instructions of the 2023 extensions. Formats and scales are in FPMR.

import { insn } from './schema.ts';

export const SIMD_FP8 = {
  // FEAT_FP8: conversions
  F1CVTL:           insn('0 Q:1 1 01110 00 10000 10111 10 Rn:5 Rd:5',            { feat: 'FEAT_FP8' }),
  F2CVTL:           insn('0 Q:1 1 01110 01 10000 10111 10 Rn:5 Rd:5',            { feat: 'FEAT_FP8' }),
  BF1CVTL:          insn('0 Q:1 1 01110 10 10000 10111 10 Rn:5 Rd:5',            { feat: 'FEAT_FP8' }),
  BF2CVTL:          insn('0 Q:1 1 01110 11 10000 10111 10 Rn:5 Rd:5',            { feat: 'FEAT_FP8' }),
  FCVTN_single_fp8: insn('0 Q:1 0 01110 00 0 Rm:5 111101 Rn:5 Rd:5',             { feat: 'FEAT_FP8' }),
  FCVTN_half_fp8:   insn('0 Q:1 0 01110 01 0 Rm:5 111101 Rn:5 Rd:5',             { feat: 'FEAT_FP8' }),

  // FEAT_FP8DOT2, FEAT_FP8DOT4
  FDOT_2_vec:       insn('0 Q:1 0 01110 01 0 Rm:5 111111 Rn:5 Rd:5',             { feat: 'FEAT_FP8DOT2' }),
  FDOT_2_elt:       insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 0000 H:1 0 Rn:5 Rd:5',   { feat: 'FEAT_FP8DOT2' }),
  FDOT_4_vec:       insn('0 Q:1 0 01110 00 0 Rm:5 111111 Rn:5 Rd:5',             { feat: 'FEAT_FP8DOT4' }),
  FDOT_4_elt:       insn('0 Q:1 0 01111 00 L:1 Rm:5 0000 H:1 0 Rn:5 Rd:5',       { feat: 'FEAT_FP8DOT4' }),

  // FEAT_FP8FMA: the element of the by-element forms is H:L:M and the top bit of Rm
  FMLALB_fp8_vec:   insn('0 0 0 01110 11 0 Rm:5 111111 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA' }),
  FMLALT_fp8_vec:   insn('0 1 0 01110 11 0 Rm:5 111111 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA' }),
  FMLALLBB_vec:     insn('0 0 0 01110 00 0 Rm:5 110001 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA' }),
  FMLALLBT_vec:     insn('0 0 0 01110 01 0 Rm:5 110001 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA' }),
  FMLALLTB_vec:     insn('0 1 0 01110 00 0 Rm:5 110001 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA' }),
  FMLALLTT_vec:     insn('0 1 0 01110 01 0 Rm:5 110001 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA' }),
  FMLALB_fp8_elt:   insn('0 0 0 01111 11 L:1 M:1 n:1 Rm:3 0000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA' }),
  FMLALT_fp8_elt:   insn('0 1 0 01111 11 L:1 M:1 n:1 Rm:3 0000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA' }),
  FMLALLBB_elt:     insn('0 0 1 01111 00 L:1 M:1 n:1 Rm:3 1000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA' }),
  FMLALLBT_elt:     insn('0 0 1 01111 01 L:1 M:1 n:1 Rm:3 1000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA' }),
  FMLALLTB_elt:     insn('0 1 1 01111 00 L:1 M:1 n:1 Rm:3 1000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA' }),
  FMLALLTT_elt:     insn('0 1 1 01111 01 L:1 M:1 n:1 Rm:3 1000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA' }),

  // FEAT_F8F16MM, FEAT_F8F32MM
  FMMLA_fp8_half:   insn('0 1 1 01110 00 0 Rm:5 111011 Rn:5 Rd:5',               { feat: 'FEAT_F8F16MM' }),
  FMMLA_fp8_single: insn('0 1 1 01110 10 0 Rm:5 111011 Rn:5 Rd:5',               { feat: 'FEAT_F8F32MM' }),
} as const;
