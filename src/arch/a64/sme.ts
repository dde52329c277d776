// The Scalable Matrix Extension by encoding class: known, not done. See sve.ts.

import { insn } from './schema.ts';

export const SME = {
  SME_fp_outer_product:     insn('100 0000 xxxxxxxxxxxxxxxxxxxxxxxxx',   { feat: 'FEAT_SME', todo: true }),
  SME2_multi_vector_memory: insn('101 0000 0 0 xxxxxxxxxxxxxxxxxxxxxxx', { feat: 'FEAT_SME2', todo: true }),
  SME_int_outer_product:    insn('101 0000 0 1 xxxxxxxxxxxxxxxxxxxxxxx', { feat: 'FEAT_SME', todo: true }),
  SME2_strided_memory:      insn('101 0000 1 0 xxxxxxxxxxxxxxxxxxxxxxx', { feat: 'FEAT_SME2', todo: true }),
  SME_uint_outer_product:   insn('101 0000 1 1 xxxxxxxxxxxxxxxxxxxxxxx', { feat: 'FEAT_SME', todo: true }),
  SME_move_zero_add:        insn('110 0000 0 xxxxxxxxxxxxxxxxxxxxxxxx',  { feat: 'FEAT_SME', todo: true }),
  SME2_multi_vector:        insn('110 0000 1 xxxxxxxxxxxxxxxxxxxxxxxx',  { feat: 'FEAT_SME2', todo: true }),
  SME_tile_memory:          insn('111 0000 0 xxxxxxxxxxxxxxxxxxxxxxxx',  { feat: 'FEAT_SME', todo: true }),
  SME_array_memory:         insn('111 0000 1 xxxxxxxxxxxxxxxxxxxxxxxx',  { feat: 'FEAT_SME', todo: true }),
} as const;
