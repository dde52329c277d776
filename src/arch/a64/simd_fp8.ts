// The 8-bit floating-point instructions of the 2023 extensions: known, not done.

import { insn } from './schema.ts';

export const SIMD_FP8 = {
  // FEAT_FP8: conversions; the format is in FPMR
  F1CVTL:           insn('0 Q:1 1 01110 00 10000 10111 10 Rn:5 Rd:5',            { feat: 'FEAT_FP8', todo: true }),
  F2CVTL:           insn('0 Q:1 1 01110 01 10000 10111 10 Rn:5 Rd:5',            { feat: 'FEAT_FP8', todo: true }),
  BF1CVTL:          insn('0 Q:1 1 01110 10 10000 10111 10 Rn:5 Rd:5',            { feat: 'FEAT_FP8', todo: true }),
  BF2CVTL:          insn('0 Q:1 1 01110 11 10000 10111 10 Rn:5 Rd:5',            { feat: 'FEAT_FP8', todo: true }),
  FCVTN_single_fp8: insn('0 Q:1 0 01110 00 0 Rm:5 111101 Rn:5 Rd:5',             { feat: 'FEAT_FP8', todo: true }),
  FCVTN_half_fp8:   insn('0 Q:1 0 01110 01 0 Rm:5 111101 Rn:5 Rd:5',             { feat: 'FEAT_FP8', todo: true }),

  // FEAT_FP8DOT2, FEAT_FP8DOT4
  FDOT_2_vec:       insn('0 Q:1 0 01110 01 0 Rm:5 111111 Rn:5 Rd:5',             { feat: 'FEAT_FP8DOT2', todo: true }),
  FDOT_2_elt:       insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 0000 H:1 0 Rn:5 Rd:5',   { feat: 'FEAT_FP8DOT2', todo: true }),
  FDOT_4_vec:       insn('0 Q:1 0 01110 00 0 Rm:5 111111 Rn:5 Rd:5',             { feat: 'FEAT_FP8DOT4', todo: true }),
  FDOT_4_elt:       insn('0 Q:1 0 01111 00 L:1 Rm:5 0000 H:1 0 Rn:5 Rd:5',       { feat: 'FEAT_FP8DOT4', todo: true }),

  // FEAT_FP8FMA: the element of the by-element forms is H:L:M and the top bit of Rm
  FMLALB_fp8_vec:   insn('0 0 0 01110 11 0 Rm:5 111111 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALT_fp8_vec:   insn('0 1 0 01110 11 0 Rm:5 111111 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALLBB_vec:     insn('0 0 0 01110 00 0 Rm:5 110001 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALLBT_vec:     insn('0 0 0 01110 01 0 Rm:5 110001 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALLTB_vec:     insn('0 1 0 01110 00 0 Rm:5 110001 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALLTT_vec:     insn('0 1 0 01110 01 0 Rm:5 110001 Rn:5 Rd:5',               { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALB_fp8_elt:   insn('0 0 0 01111 11 L:1 M:1 n:1 Rm:3 0000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALT_fp8_elt:   insn('0 1 0 01111 11 L:1 M:1 n:1 Rm:3 0000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALLBB_elt:     insn('0 0 1 01111 00 L:1 M:1 n:1 Rm:3 1000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALLBT_elt:     insn('0 0 1 01111 01 L:1 M:1 n:1 Rm:3 1000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALLTB_elt:     insn('0 1 1 01111 00 L:1 M:1 n:1 Rm:3 1000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA', todo: true }),
  FMLALLTT_elt:     insn('0 1 1 01111 01 L:1 M:1 n:1 Rm:3 1000 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_FP8FMA', todo: true }),
} as const;
