// SVE predicates: making, testing, counting.

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE' } as const;

export const SVE_PRED = {
  PTRUE:   insn('00100101 size:2 01100 S:1 111000 pattern:5 0 Pd:4', { ...SVE, inside: 'SVE_predicate_misc' }),
  WHILELO: insn('00100101 size:2 1 Rm:5 000 sf:1 11 Rn:5 0 Pd:4',    { ...SVE, inside: 'SVE_compare_scalars' }),
} as const;
