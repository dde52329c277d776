// The Scalable Vector Extension by encoding class: known, not done. A class becomes rows of single instructions when
// these get semantics. `feat` is the feature of the oldest instruction in the class.

import { insn } from './schema.ts';

export const SVE = {
  // Integer, predicated and unpredicated

  // Permute
  SVE_permute:                 insn('000 0010 1x x 1xxxx x 00xxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_permute_predicate:       insn('000 0010 1x x 1xxxx x 010xxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_permute_elements:        insn('000 0010 1x x 1xxxx x 011xxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_permute_pred:            insn('000 0010 1x x 1xxxx x 10xxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),
  SVE_select:                  insn('000 0010 1x x 1xxxx x 11xxxx xxxxx x xxxx', { feat: 'FEAT_SVE', todo: true }),

  // Compare, predicates
  SVE_predicate_select:        insn('001 0010 1x x 1xxxx x 01xxxx xxxxx x xxxx', { feat: 'FEAT_SVE2p1', todo: true }),

  // SVE2
  SVE2_clamp_and_quads:        insn('010 0010 0x x 0xxxx x 11xxxx xxxxx x xxxx', { feat: 'FEAT_SVE2p1', todo: true }),

  // Memory
  SVE_gather32_and_unsized:    insn('100 0010 xxxxxxxxxxxxxxxxxxxxxxxxx',        { feat: 'FEAT_SVE', todo: true }),
  SVE_contiguous_load:         insn('101 0010 xxxxxxxxxxxxxxxxxxxxxxxxx',        { feat: 'FEAT_SVE', todo: true }),
  SVE_gather64:                insn('110 0010 xxxxxxxxxxxxxxxxxxxxxxxxx',        { feat: 'FEAT_SVE', todo: true }),
  SVE_store:                   insn('111 0010 xxxxxxxxxxxxxxxxxxxxxxxxx',        { feat: 'FEAT_SVE', todo: true }),
} as const;
