// The Scalable Vector Extension by encoding class: known, not done. A class becomes rows of single instructions when
// these get semantics. `feat` is the feature of the oldest instruction in the class.

import { insn } from './schema.ts';

export const SVE = {
  // Integer, predicated and unpredicated

  // Permute

  // Compare, predicates
  SVE_predicate_select:        insn('001 0010 1x x 1xxxx x 01xxxx xxxxx x xxxx', { feat: 'FEAT_SVE2p1', todo: true }),

  // SVE2
  SVE2_clamp_and_quads:        insn('010 0010 0x x 0xxxx x 11xxxx xxxxx x xxxx', { feat: 'FEAT_SVE2p1', todo: true }),

  // Memory
} as const;
