// The Scalable Vector Extension by encoding class: known, not done. A class becomes rows of single instructions when
// these get semantics. `feat` is the feature of the oldest instruction in the class.

import { insn } from './schema.ts';

export const SVE = {
  // Integer, predicated and unpredicated
  SVE2_int_mul:                insn('000 0010 0x x 1xxxx x 011xxx xxxxx x xxxx', { feat: 'FEAT_SVE2', todo: true }),

  // Permute
  SVE_permute:                 insn('000 0010 1x x 1xxxx x 00xxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_permute_predicate:       insn('000 0010 1x x 1xxxx x 010xxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_permute_elements:        insn('000 0010 1x x 1xxxx x 011xxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_permute_pred:            insn('000 0010 1x x 1xxxx x 10xxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_select:                  insn('000 0010 1x x 1xxxx x 11xxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),

  // Compare, predicates
  SVE_predicate_select:        insn('001 0010 1x x 1xxxx x 01xxxx xxxxx x xxxx', { feat: 'FEAT_SVE2p1', todo: true }),

  // SVE2
  SVE2_int_pred:               insn('010 0010 0x x 0xxxx x 10xxxx xxxxx x xxxx', { feat: 'FEAT_SVE2', todo: true }),
  SVE2_clamp_and_quads:        insn('010 0010 0x x 0xxxx x 11xxxx xxxxx x xxxx', { feat: 'FEAT_SVE2p1', todo: true }),
  SVE2_mul_indexed:            insn('010 0010 0x x 1xxxx x xxxxxx xxxxx x xxxx', { feat: 'FEAT_SVE2', todo: true }),
  SVE2_widening:               insn('010 0010 1x x 0xxxx x 0xxxxx xxxxx x xxxx', { feat: 'FEAT_SVE2', todo: true }),
  SVE2_misc:                   insn('010 0010 1x x 0xxxx x 10xxxx xxxxx x xxxx', { feat: 'FEAT_SVE2', todo: true }),
  SVE2_accumulate:             insn('010 0010 1x x 0xxxx x 11xxxx xxxxx x xxxx', { feat: 'FEAT_SVE2', todo: true }),
  SVE2_narrowing:              insn('010 0010 1x x 1xxxx x 0xxxxx xxxxx x xxxx', { feat: 'FEAT_SVE2', todo: true }),
  SVE2_match:                  insn('010 0010 1x x 1xxxx x 100xxx xxxxx x xxxx', { feat: 'FEAT_SVE2', todo: true }),
  SVE2_segment:                insn('010 0010 1x x 1xxxx x 101xxx xxxxx x xxxx', { feat: 'FEAT_SVE2', todo: true }),
  SVE2_histogram:              insn('010 0010 1x x 1xxxx x 110xxx xxxxx x xxxx', { feat: 'FEAT_SVE2', todo: true }),
  SVE2_crypto:                 insn('010 0010 1x x 1xxxx x 111xxx xxxxx x xxxx', { feat: 'FEAT_SVE_AES', todo: true }),

  // Floating point
  SVE_fp_complex_mla_pred:     insn('011 0010 0x x 0xxxx x 0xxxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_fp_pair_and_convert:     insn('011 0010 0x x 0xxxx x 1xxxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_fp_widening_and_indexed: insn('011 0010 0x x 1xxxx x xxxxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_fp_compare:              insn('011 0010 1x x 0xxxx x x1xxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_fp_arith:                insn('011 0010 1x x 0xxxx x 000xxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_fp_reduce_and_zero:      insn('011 0010 1x x 0xxxx x 001xxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_fp_arith_pred:           insn('011 0010 1x x 0xxxx x 100xxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_fp_unary_pred:           insn('011 0010 1x x 0xxxx x 101xxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_fp_mla_pred:             insn('011 0010 1x x 1xxxx x xxxxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),

  // Memory
  SVE_gather32_and_unsized:    insn('100 0010 xxxxxxxxxxxxxxxxxxxxxxxxx',        { feat: 'FEAT_SVE', todo: true }),
  SVE_contiguous_load:         insn('101 0010 xxxxxxxxxxxxxxxxxxxxxxxxx',        { feat: 'FEAT_SVE', todo: true }),
  SVE_gather64:                insn('110 0010 xxxxxxxxxxxxxxxxxxxxxxxxx',        { feat: 'FEAT_SVE', todo: true }),
  SVE_store:                   insn('111 0010 xxxxxxxxxxxxxxxxxxxxxxxxx',        { feat: 'FEAT_SVE', todo: true }),
} as const;
