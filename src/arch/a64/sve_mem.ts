// SVE loads, stores and prefetches. Names end in their address: rr (register and register), ri (register and multiple of
// the vector length), and for elements with addresses of their own zs and zd (register and 32-bit offsets of words or of
// doublewords), z64 (64-bit offsets), zi (vector and immediate), zr (vector and register).

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE' } as const;
const SVE2 = { feat: 'FEAT_SVE2' } as const;
const SVE2p1 = { feat: 'FEAT_SVE2p1', todo: true } as const;
const F64MM = { feat: 'FEAT_F64MM' } as const;
/** An offset register that is none. */
const RM = { not: 'Rm=31' } as const;
/** Words have no doublewords to load, and no smaller part with a sign than halfwords. */
const WORDS = 'msz=3 | msz=2 & U=0';
const DOUBLE = 'msz=3 & U=0';

export const SVE_MEM = {
  // Contiguous loads: dtype says what is in memory and what in the register
  LD1_rr:     insn('1010010 dtype:4 Rm:5 010 Pg:3 Rn:5 Zt:5',           { ...SVE, ...RM }),
  LDFF1_rr:   insn('1010010 dtype:4 Rm:5 011 Pg:3 Rn:5 Zt:5',           SVE),
  LD1_ri:     insn('1010010 dtype:4 0 imm4:4 101 Pg:3 Rn:5 Zt:5',       SVE),
  LDNF1_ri:   insn('1010010 dtype:4 1 imm4:4 101 Pg:3 Rn:5 Zt:5',       SVE),
  LDNT1_rr:   insn('1010010 msz:2 00 Rm:5 110 Pg:3 Rn:5 Zt:5',          { ...SVE, ...RM }),
  LDNT1_ri:   insn('1010010 msz:2 00 0 imm4:4 111 Pg:3 Rn:5 Zt:5',      SVE),
  LDn_rr:     insn('1010010 msz:2 n:2 Rm:5 110 Pg:3 Rn:5 Zt:5',         { ...SVE, not: 'n=0 | Rm=31' }),
  LDn_ri:     insn('1010010 msz:2 n:2 0 imm4:4 111 Pg:3 Rn:5 Zt:5',     { ...SVE, not: 'n=0' }),
  LD1RQ_rr:   insn('1010010 msz:2 00 Rm:5 000 Pg:3 Rn:5 Zt:5',          { ...SVE, ...RM }),
  LD1RQ_ri:   insn('1010010 msz:2 00 0 imm4:4 001 Pg:3 Rn:5 Zt:5',      SVE),
  LD1RO_rr:   insn('1010010 msz:2 01 Rm:5 000 Pg:3 Rn:5 Zt:5',          { ...F64MM, ...RM }),
  LD1RO_ri:   insn('1010010 msz:2 01 0 imm4:4 001 Pg:3 Rn:5 Zt:5',      F64MM),
  SVE2p1_load_quads_rr: insn('1010010 xxxx xxxxx 100 xxx xxxxx xxxxx',  SVE2p1),
  SVE2p1_load_quads_ri: insn('1010010 xxxx 1xxxx 001 xxx xxxxx xxxxx',  SVE2p1),
  SVE2p1_load_quads_n:  insn('1010010 xxxx 1xxxx 111 xxx xxxxx xxxxx',  SVE2p1),

  // One element for all
  LD1R_z:     insn('1000010 dtypeh:2 1 imm6:6 1 dtypel:2 Pg:3 Rn:5 Zt:5', SVE),

  // Gathers of words
  LD1_zs:     insn('1000010 msz:2 xs:1 0 Zm:5 0 U:1 ff:1 Pg:3 Rn:5 Zt:5', { ...SVE, not: WORDS }),
  LD1_zs_scaled: insn('1000010 msz:2 xs:1 1 Zm:5 0 U:1 ff:1 Pg:3 Rn:5 Zt:5', { ...SVE, not: 'msz=0 | msz=3 | msz=2 & U=0' }),
  LD1_zi_s:   insn('1000010 msz:2 01 imm5:5 1 U:1 ff:1 Pg:3 Zn:5 Zt:5', { ...SVE, not: WORDS }),
  LDNT1_zr_s: insn('1000010 msz:2 00 Rm:5 10 U:1 Pg:3 Zn:5 Zt:5',       { ...SVE2, not: WORDS }),

  // Gathers of doublewords
  LD1_zd:     insn('1100010 msz:2 xs:1 0 Zm:5 0 U:1 ff:1 Pg:3 Rn:5 Zt:5', { ...SVE, not: DOUBLE }),
  LD1_zd_scaled: insn('1100010 msz:2 xs:1 1 Zm:5 0 U:1 ff:1 Pg:3 Rn:5 Zt:5', { ...SVE, not: 'msz=0 | msz=3 & U=0' }),
  LD1_z64:    insn('1100010 msz:2 10 Zm:5 1 U:1 ff:1 Pg:3 Rn:5 Zt:5',   { ...SVE, not: DOUBLE }),
  LD1_z64_scaled: insn('1100010 msz:2 11 Zm:5 1 U:1 ff:1 Pg:3 Rn:5 Zt:5', { ...SVE, not: 'msz=0 | msz=3 & U=0' }),
  LD1_zi_d:   insn('1100010 msz:2 01 imm5:5 1 U:1 ff:1 Pg:3 Zn:5 Zt:5', { ...SVE, not: DOUBLE }),
  LDNT1_zr_d: insn('1100010 msz:2 00 Rm:5 1 U:1 0 Pg:3 Zn:5 Zt:5',      { ...SVE2, not: DOUBLE }),
  LD1Q:       insn('1100010 00 00 xxxxx 101 xxx xxxxx xxxxx',           SVE2p1),

  // Prefetches
  PRF_ri:     insn('1000010 111 imm6:6 0 msz:2 Pg:3 Rn:5 0 prfop:4',    SVE),
  PRF_rr:     insn('1000010 msz:2 00 Rm:5 110 Pg:3 Rn:5 0 prfop:4',     { ...SVE, ...RM }),
  PRF_zs:     insn('1000010 00 xs:1 1 Zm:5 0 msz:2 Pg:3 Rn:5 0 prfop:4', SVE),
  PRF_zi_s:   insn('1000010 msz:2 00 imm5:5 111 Pg:3 Zn:5 0 prfop:4',   SVE),
  PRF_zd:     insn('1100010 00 xs:1 1 Zm:5 0 msz:2 Pg:3 Rn:5 0 prfop:4', SVE),
  PRF_z64:    insn('1100010 00 11 Zm:5 1 msz:2 Pg:3 Rn:5 0 prfop:4',    SVE),
  PRF_zi_d:   insn('1100010 msz:2 00 imm5:5 111 Pg:3 Zn:5 0 prfop:4',   SVE),

  // Whole registers
  LDR_z:      insn('1000010 110 imm9h:6 010 imm9l:3 Rn:5 Zt:5',         SVE),
  LDR_p:      insn('1000010 110 imm9h:6 000 imm9l:3 Rn:5 0 Pt:4',       SVE),
  STR_z:      insn('1110010 110 imm9h:6 010 imm9l:3 Rn:5 Zt:5',         SVE),
  STR_p:      insn('1110010 110 imm9h:6 000 imm9l:3 Rn:5 0 Pt:4',       { ...SVE, inside: 'SVE2p1_store_quads' }),

  // Contiguous stores
  ST1_rr:     insn('1110010 msz:2 size:2 Rm:5 010 Pg:3 Rn:5 Zt:5',      { ...SVE, not: 'Rm=31 | size<msz' }),
  ST1_ri:     insn('1110010 msz:2 size:2 0 imm4:4 111 Pg:3 Rn:5 Zt:5',  { ...SVE, not: 'size<msz' }),
  STNT1_rr:   insn('1110010 msz:2 00 Rm:5 011 Pg:3 Rn:5 Zt:5',          { ...SVE, ...RM }),
  STNT1_ri:   insn('1110010 msz:2 00 1 imm4:4 111 Pg:3 Rn:5 Zt:5',      SVE),
  STn_rr:     insn('1110010 msz:2 n:2 Rm:5 011 Pg:3 Rn:5 Zt:5',         { ...SVE, not: 'n=0 | Rm=31' }),
  STn_ri:     insn('1110010 msz:2 n:2 1 imm4:4 111 Pg:3 Rn:5 Zt:5',     { ...SVE, not: 'n=0' }),
  SVE2p1_store_quads:   insn('1110010 xxxx xxxxx 000 xxx xxxxx xxxxx',  SVE2p1),
  SVE2p1_store_w_rr:    insn('1110010 10 00 xxxxx 010 xxx xxxxx xxxxx', SVE2p1),
  SVE2p1_store_w_ri:    insn('1110010 10 00 0xxxx 111 xxx xxxxx xxxxx', SVE2p1),
  SVE2p1_store_d_rr:    insn('1110010 11 10 xxxxx 010 xxx xxxxx xxxxx', SVE2p1),
  SVE2p1_store_d_ri:    insn('1110010 11 10 0xxxx 111 xxx xxxxx xxxxx', SVE2p1),

  // Scatters
  ST1_zd:     insn('1110010 msz:2 00 Zm:5 1 xs:1 0 Pg:3 Rn:5 Zt:5',     SVE),
  ST1_zd_scaled: insn('1110010 msz:2 01 Zm:5 1 xs:1 0 Pg:3 Rn:5 Zt:5',  { ...SVE, not: 'msz=0' }),
  ST1_zs:     insn('1110010 msz:2 10 Zm:5 1 xs:1 0 Pg:3 Rn:5 Zt:5',     { ...SVE, not: 'msz=3' }),
  ST1_zs_scaled: insn('1110010 msz:2 11 Zm:5 1 xs:1 0 Pg:3 Rn:5 Zt:5',  { ...SVE, not: 'msz=0 | msz=3' }),
  ST1_z64:    insn('1110010 msz:2 00 Zm:5 101 Pg:3 Rn:5 Zt:5',          SVE),
  ST1_z64_scaled: insn('1110010 msz:2 01 Zm:5 101 Pg:3 Rn:5 Zt:5',      { ...SVE, not: 'msz=0' }),
  ST1_zi_d:   insn('1110010 msz:2 10 imm5:5 101 Pg:3 Zn:5 Zt:5',        SVE),
  ST1_zi_s:   insn('1110010 msz:2 11 imm5:5 101 Pg:3 Zn:5 Zt:5',        { ...SVE, not: 'msz=3' }),
  STNT1_zr_d: insn('1110010 msz:2 00 Rm:5 001 Pg:3 Zn:5 Zt:5',          SVE2),
  STNT1_zr_s: insn('1110010 msz:2 10 Rm:5 001 Pg:3 Zn:5 Zt:5',          { ...SVE2, not: 'msz=3' }),
  ST1Q:       insn('1110010 00 01 xxxxx 001 xxx xxxxx xxxxx',           SVE2p1),
} as const;
