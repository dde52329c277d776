// The SVE forms of the 2023 extensions: 8-bit floating point and table lookup. Formats and scales are in FPMR.

import { insn } from './schema.ts';

const FP8 = { feat: 'FEAT_FP8', also: 'FEAT_SVE2' } as const;
const FMA = { feat: 'FEAT_FP8FMA', also: 'FEAT_SVE2' } as const;
const DOT2 = { feat: 'FEAT_FP8DOT2', also: 'FEAT_SVE2' } as const;
const DOT4 = { feat: 'FEAT_FP8DOT4', also: 'FEAT_SVE2' } as const;
const LUT = { feat: 'FEAT_LUT', also: 'FEAT_SVE2' } as const;

export const SVE_FP8 = {
  // Conversions: even bytes (LT: odd ones) to 16 bits; two registers to bytes
  F1CVT:          insn('01100101 00 001 000 001100 Zn:5 Zd:5', FP8),
  F2CVT:          insn('01100101 00 001 000 001101 Zn:5 Zd:5', FP8),
  BF1CVT:         insn('01100101 00 001 000 001110 Zn:5 Zd:5', FP8),
  BF2CVT:         insn('01100101 00 001 000 001111 Zn:5 Zd:5', FP8),
  F1CVTLT:        insn('01100101 00 001 001 001100 Zn:5 Zd:5', FP8),
  F2CVTLT:        insn('01100101 00 001 001 001101 Zn:5 Zd:5', FP8),
  BF1CVTLT:       insn('01100101 00 001 001 001110 Zn:5 Zd:5', FP8),
  BF2CVTLT:       insn('01100101 00 001 001 001111 Zn:5 Zd:5', FP8),
  FCVTN_z_hb:     insn('01100101 00 001 010 001100 Zn:4 0 Zd:5', FP8),
  FCVTNB_z_sb:    insn('01100101 00 001 010 001101 Zn:4 0 Zd:5', FP8),
  BFCVTN_z_hb:    insn('01100101 00 001 010 001110 Zn:4 0 Zd:5', FP8),
  FCVTNT_z_sb:    insn('01100101 00 001 010 001111 Zn:4 0 Zd:5', FP8),

  // Multiply-adds: to half precision one of two bytes, to single precision one of four
  FMLALB_z_b:     insn('01100100 10 1 Zm:5 100 010 Zn:5 Zda:5', FMA),
  FMLALT_z_b:     insn('01100100 10 1 Zm:5 100 110 Zn:5 Zda:5', FMA),
  FMLALLBB_z:     insn('01100100 00 1 Zm:5 100 010 Zn:5 Zda:5', FMA),
  FMLALLBT_z:     insn('01100100 00 1 Zm:5 100 110 Zn:5 Zda:5', FMA),
  FMLALLTB_z:     insn('01100100 00 1 Zm:5 101 010 Zn:5 Zda:5', FMA),
  FMLALLTT_z:     insn('01100100 00 1 Zm:5 101 110 Zn:5 Zda:5', FMA),
  FMLALB_x_b:     insn('01100100 00 1 i4h:2 Zm:3 0101 i4l:2 Zn:5 Zda:5', FMA),
  FMLALT_x_b:     insn('01100100 10 1 i4h:2 Zm:3 0101 i4l:2 Zn:5 Zda:5', FMA),
  FMLALLBB_x_b:   insn('01100100 00 1 i4h:2 Zm:3 1100 i4l:2 Zn:5 Zda:5', FMA),
  FMLALLBT_x_b:   insn('01100100 01 1 i4h:2 Zm:3 1100 i4l:2 Zn:5 Zda:5', FMA),
  FMLALLTB_x_b:   insn('01100100 10 1 i4h:2 Zm:3 1100 i4l:2 Zn:5 Zda:5', FMA),
  FMLALLTT_x_b:   insn('01100100 11 1 i4h:2 Zm:3 1100 i4l:2 Zn:5 Zda:5', FMA),

  // Dot products of pairs to half precision, of fours to single precision
  FDOT_z_bh:      insn('01100100 00 1 Zm:5 100 001 Zn:5 Zda:5', DOT2),
  FDOT_x_bh:      insn('01100100 00 1 i3h:2 Zm:3 0100 i3l:1 1 Zn:5 Zda:5', DOT2),
  FDOT_z_bs:      insn('01100100 01 1 Zm:5 100 001 Zn:5 Zda:5', DOT4),
  FDOT_x_bs:      insn('01100100 01 1 i2:2 Zm:3 010001 Zn:5 Zda:5', DOT4),

  // Matrices
  FMMLA_z_bs:     insn('01100100 00 1 Zm:5 111000 Zn:5 Zda:5', { feat: 'FEAT_F8F32MM', also: 'FEAT_SVE2' }),
  FMMLA_z_bh:     insn('01100100 01 1 Zm:5 111000 Zn:5 Zda:5', { feat: 'FEAT_F8F16MM', also: 'FEAT_SVE2' }),
} as const;

/** Lookup in a table of 4 or 16 elements in the lowest bytes of a register (or two), with 2- or 4-bit indexes. */
export const SVE_LUT = {
  LUTI2_z_b:      insn('01000101 i2:2 1 Zm:5 101100 Zn:5 Zd:5', LUT),
  LUTI2_z_h:      insn('01000101 i3h:2 1 Zm:5 101 i3l:1 10 Zn:5 Zd:5', LUT),
  LUTI4_z_b:      insn('01000101 i1:1 11 Zm:5 101001 Zn:5 Zd:5', LUT),
  LUTI4_z_h:      insn('01000101 i2:2 1 Zm:5 101111 Zn:5 Zd:5', LUT),
  LUTI4_z_h2:     insn('01000101 i2:2 1 Zm:5 101101 Zn:5 Zd:5', LUT),
} as const;
