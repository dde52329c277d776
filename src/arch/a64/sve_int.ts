// SVE integer arithmetic.

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE' } as const;

export const SVE_INT = {
  // Unpredicated
  ADD_zzz: insn('00000100 size:2 1 Zm:5 000 000 Zn:5 Zd:5', { ...SVE, inside: 'SVE_int_addsub' }),
  SUB_zzz: insn('00000100 size:2 1 Zm:5 000 001 Zn:5 Zd:5', { ...SVE, inside: 'SVE_int_addsub' }),

  // Multiples of the vector length
  ADDVL:   insn('00000100 001 Rn:5 01010 imm6:6 Rd:5',      { ...SVE, inside: 'SVE_stack' }),
  ADDPL:   insn('00000100 011 Rn:5 01010 imm6:6 Rd:5',      { ...SVE, inside: 'SVE_stack' }),
  RDVL:    insn('00000100 101 11111 01010 imm6:6 Rd:5',     { ...SVE, inside: 'SVE_stack' }),

  // Element counts
  CNT_r:   insn('00000100 size:2 10 imm4:4 111000 pattern:5 Rd:5', { ...SVE, inside: 'SVE_element_count' }),
} as const;
