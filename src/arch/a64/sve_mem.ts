// SVE loads and stores.

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE' } as const;

export const SVE_MEM = {
  // Contiguous: dtype says what is in memory and what in the register
  LD1_rr: insn('1010010 dtype:4 Rm:5 010 Pg:3 Rn:5 Zt:5',           { ...SVE, not: 'Rm=31', inside: 'SVE_contiguous_load' }),
  LD1_ri: insn('1010010 dtype:4 0 imm4:4 101 Pg:3 Rn:5 Zt:5',       { ...SVE, inside: 'SVE_contiguous_load' }),
  ST1_rr: insn('1110010 msz:2 size:2 Rm:5 010 Pg:3 Rn:5 Zt:5',      { ...SVE, not: 'Rm=31 | size<msz', inside: 'SVE_store' }),
  ST1_ri: insn('1110010 msz:2 size:2 0 imm4:4 111 Pg:3 Rn:5 Zt:5',  { ...SVE, not: 'size<msz', inside: 'SVE_store' }),
} as const;
