// SVE integer arithmetic: predicated and not, by immediate, shifts, reductions, dot products, element counts. Names end in
// their operands: zpzz (predicated, merging, destructive), zzz (unpredicated), zpz (predicated unary), zi (immediate).

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE' } as const;
const SVE2 = { feat: 'FEAT_SVE2' } as const;
const CPA = { feat: 'FEAT_CPA', also: 'FEAT_SVE2' } as const;
/** Not for bytes; for words and doublewords; not for doublewords. */
const HSD = { not: 'size=0' } as const;
const SD = { not: 'size<2' } as const;
const BHS = { not: 'size=3' } as const;
/** A logical immediate that has no meaning. */
const BITMASK = {
  not: 'N=1 & imms=63 | N=0 & imms=31 | N=0 & imms=47 | N=0 & imms=55 | N=0 & imms=59 | N=0 & imms>=61',
} as const;
/** A shift of no element size. */
const SHIFT = { not: 'tszh=0 & tszl=0' } as const;

export const SVE_INT = {
  // Predicated, two operands
  ADD_zpzz:    insn('00000100 size:2 0 00 000 000 Pg:3 Zm:5 Zdn:5', SVE),
  SUB_zpzz:    insn('00000100 size:2 0 00 001 000 Pg:3 Zm:5 Zdn:5', SVE),
  SUBR_zpzz:   insn('00000100 size:2 0 00 011 000 Pg:3 Zm:5 Zdn:5', SVE),
  ADDPT_zpzz:  insn('00000100 11 0 00 100 000 Pg:3 Zm:5 Zdn:5',     CPA),
  SUBPT_zpzz:  insn('00000100 11 0 00 101 000 Pg:3 Zm:5 Zdn:5',     CPA),
  SMAX_zpzz:   insn('00000100 size:2 0 01 000 000 Pg:3 Zm:5 Zdn:5', SVE),
  UMAX_zpzz:   insn('00000100 size:2 0 01 001 000 Pg:3 Zm:5 Zdn:5', SVE),
  SMIN_zpzz:   insn('00000100 size:2 0 01 010 000 Pg:3 Zm:5 Zdn:5', SVE),
  UMIN_zpzz:   insn('00000100 size:2 0 01 011 000 Pg:3 Zm:5 Zdn:5', SVE),
  SABD_zpzz:   insn('00000100 size:2 0 01 100 000 Pg:3 Zm:5 Zdn:5', SVE),
  UABD_zpzz:   insn('00000100 size:2 0 01 101 000 Pg:3 Zm:5 Zdn:5', SVE),
  MUL_zpzz:    insn('00000100 size:2 0 10 000 000 Pg:3 Zm:5 Zdn:5', SVE),
  SMULH_zpzz:  insn('00000100 size:2 0 10 010 000 Pg:3 Zm:5 Zdn:5', SVE),
  UMULH_zpzz:  insn('00000100 size:2 0 10 011 000 Pg:3 Zm:5 Zdn:5', SVE),
  SDIV_zpzz:   insn('00000100 size:2 0 10 100 000 Pg:3 Zm:5 Zdn:5', { ...SVE, ...SD }),
  UDIV_zpzz:   insn('00000100 size:2 0 10 101 000 Pg:3 Zm:5 Zdn:5', { ...SVE, ...SD }),
  SDIVR_zpzz:  insn('00000100 size:2 0 10 110 000 Pg:3 Zm:5 Zdn:5', { ...SVE, ...SD }),
  UDIVR_zpzz:  insn('00000100 size:2 0 10 111 000 Pg:3 Zm:5 Zdn:5', { ...SVE, ...SD }),
  ORR_zpzz:    insn('00000100 size:2 0 11 000 000 Pg:3 Zm:5 Zdn:5', SVE),
  EOR_zpzz:    insn('00000100 size:2 0 11 001 000 Pg:3 Zm:5 Zdn:5', SVE),
  AND_zpzz:    insn('00000100 size:2 0 11 010 000 Pg:3 Zm:5 Zdn:5', SVE),
  BIC_zpzz:    insn('00000100 size:2 0 11 011 000 Pg:3 Zm:5 Zdn:5', SVE),

  // Reductions
  SADDV_pz:    insn('00000100 size:2 0 00 000 001 Pg:3 Zn:5 Vd:5',  { ...SVE, ...BHS }),
  UADDV_pz:    insn('00000100 size:2 0 00 001 001 Pg:3 Zn:5 Vd:5',  SVE),
  SMAXV_pz:    insn('00000100 size:2 0 01 000 001 Pg:3 Zn:5 Vd:5',  SVE),
  UMAXV_pz:    insn('00000100 size:2 0 01 001 001 Pg:3 Zn:5 Vd:5',  SVE),
  SMINV_pz:    insn('00000100 size:2 0 01 010 001 Pg:3 Zn:5 Vd:5',  SVE),
  UMINV_pz:    insn('00000100 size:2 0 01 011 001 Pg:3 Zn:5 Vd:5',  SVE),
  ORV_pz:      insn('00000100 size:2 0 11 000 001 Pg:3 Zn:5 Vd:5',  SVE),
  EORV_pz:     insn('00000100 size:2 0 11 001 001 Pg:3 Zn:5 Vd:5',  SVE),
  ANDV_pz:     insn('00000100 size:2 0 11 010 001 Pg:3 Zn:5 Vd:5',  SVE),
  SVE2p1_quad_sum:     insn('00000100 xx 0 00 101 001 xxx xxxxx xxxxx', { feat: 'FEAT_SVE2p1', todo: true }),
  SVE2p1_quad_minmax:  insn('00000100 xx 0 01 1xx 001 xxx xxxxx xxxxx', { feat: 'FEAT_SVE2p1', todo: true }),
  SVE2p1_quad_or_eor:  insn('00000100 xx 0 11 10x 001 xxx xxxxx xxxxx', { feat: 'FEAT_SVE2p1', todo: true }),
  SVE2p1_quad_and:     insn('00000100 xx 0 11 110 001 xxx xxxxx xxxxx', { feat: 'FEAT_SVE2p1', todo: true }),
  MOVPRFX_pz:  insn('00000100 size:2 0 10 00 M:1 001 Pg:3 Zn:5 Zd:5', SVE),

  // Multiply and add
  MLA_zpzzz:   insn('00000100 size:2 0 Zm:5 010 Pg:3 Zn:5 Zda:5',   SVE),
  MLS_zpzzz:   insn('00000100 size:2 0 Zm:5 011 Pg:3 Zn:5 Zda:5',   SVE),
  MAD_zpzzz:   insn('00000100 size:2 0 Zm:5 110 Pg:3 Za:5 Zdn:5',   SVE),
  MSB_zpzzz:   insn('00000100 size:2 0 Zm:5 111 Pg:3 Za:5 Zdn:5',   SVE),

  // Shifts, predicated
  ASR_zpzi:    insn('00000100 tszh:2 0 00 000 100 Pg:3 tszl:2 imm3:3 Zdn:5', { ...SVE, ...SHIFT }),
  LSR_zpzi:    insn('00000100 tszh:2 0 00 001 100 Pg:3 tszl:2 imm3:3 Zdn:5', { ...SVE, ...SHIFT }),
  LSL_zpzi:    insn('00000100 tszh:2 0 00 011 100 Pg:3 tszl:2 imm3:3 Zdn:5', { ...SVE, ...SHIFT }),
  ASRD_zpzi:   insn('00000100 tszh:2 0 00 100 100 Pg:3 tszl:2 imm3:3 Zdn:5', { ...SVE, ...SHIFT }),
  SQSHL_zpzi:  insn('00000100 tszh:2 0 00 110 100 Pg:3 tszl:2 imm3:3 Zdn:5', { ...SVE2, ...SHIFT }),
  UQSHL_zpzi:  insn('00000100 tszh:2 0 00 111 100 Pg:3 tszl:2 imm3:3 Zdn:5', { ...SVE2, ...SHIFT }),
  SRSHR_zpzi:  insn('00000100 tszh:2 0 01 100 100 Pg:3 tszl:2 imm3:3 Zdn:5', { ...SVE2, ...SHIFT }),
  URSHR_zpzi:  insn('00000100 tszh:2 0 01 101 100 Pg:3 tszl:2 imm3:3 Zdn:5', { ...SVE2, ...SHIFT }),
  SQSHLU_zpzi: insn('00000100 tszh:2 0 01 111 100 Pg:3 tszl:2 imm3:3 Zdn:5', { ...SVE2, ...SHIFT }),
  ASR_zpzz:    insn('00000100 size:2 0 10 000 100 Pg:3 Zm:5 Zdn:5', SVE),
  LSR_zpzz:    insn('00000100 size:2 0 10 001 100 Pg:3 Zm:5 Zdn:5', SVE),
  LSL_zpzz:    insn('00000100 size:2 0 10 011 100 Pg:3 Zm:5 Zdn:5', SVE),
  ASRR_zpzz:   insn('00000100 size:2 0 10 100 100 Pg:3 Zm:5 Zdn:5', SVE),
  LSRR_zpzz:   insn('00000100 size:2 0 10 101 100 Pg:3 Zm:5 Zdn:5', SVE),
  LSLR_zpzz:   insn('00000100 size:2 0 10 111 100 Pg:3 Zm:5 Zdn:5', SVE),
  ASR_zpzw:    insn('00000100 size:2 0 11 000 100 Pg:3 Zm:5 Zdn:5', { ...SVE, ...BHS }),
  LSR_zpzw:    insn('00000100 size:2 0 11 001 100 Pg:3 Zm:5 Zdn:5', { ...SVE, ...BHS }),
  LSL_zpzw:    insn('00000100 size:2 0 11 011 100 Pg:3 Zm:5 Zdn:5', { ...SVE, ...BHS }),

  // Predicated, one operand
  SXTB_zpz:    insn('00000100 size:2 0 10 000 101 Pg:3 Zn:5 Zd:5',  { ...SVE, ...HSD }),
  UXTB_zpz:    insn('00000100 size:2 0 10 001 101 Pg:3 Zn:5 Zd:5',  { ...SVE, ...HSD }),
  SXTH_zpz:    insn('00000100 size:2 0 10 010 101 Pg:3 Zn:5 Zd:5',  { ...SVE, ...SD }),
  UXTH_zpz:    insn('00000100 size:2 0 10 011 101 Pg:3 Zn:5 Zd:5',  { ...SVE, ...SD }),
  SXTW_zpz:    insn('00000100 size:2 0 10 100 101 Pg:3 Zn:5 Zd:5',  { ...SVE, not: 'size!=3' }),
  UXTW_zpz:    insn('00000100 size:2 0 10 101 101 Pg:3 Zn:5 Zd:5',  { ...SVE, not: 'size!=3' }),
  ABS_zpz:     insn('00000100 size:2 0 10 110 101 Pg:3 Zn:5 Zd:5',  SVE),
  NEG_zpz:     insn('00000100 size:2 0 10 111 101 Pg:3 Zn:5 Zd:5',  SVE),
  CLS_zpz:     insn('00000100 size:2 0 11 000 101 Pg:3 Zn:5 Zd:5',  SVE),
  CLZ_zpz:     insn('00000100 size:2 0 11 001 101 Pg:3 Zn:5 Zd:5',  SVE),
  CNT_zpz:     insn('00000100 size:2 0 11 010 101 Pg:3 Zn:5 Zd:5',  SVE),
  CNOT_zpz:    insn('00000100 size:2 0 11 011 101 Pg:3 Zn:5 Zd:5',  SVE),
  FABS_zpz:    insn('00000100 size:2 0 11 100 101 Pg:3 Zn:5 Zd:5',  { ...SVE, ...HSD }),
  FNEG_zpz:    insn('00000100 size:2 0 11 101 101 Pg:3 Zn:5 Zd:5',  { ...SVE, ...HSD }),
  NOT_zpz:     insn('00000100 size:2 0 11 110 101 Pg:3 Zn:5 Zd:5',  SVE),
  SVE2p2_unary_zeroing: insn('00000100 xx 0 0x xxx 101 xxx xxxxx xxxxx', { feat: 'FEAT_SVE2p2', todo: true }),

  // Unpredicated
  ADD_zzz:     insn('00000100 size:2 1 Zm:5 000 000 Zn:5 Zd:5',     SVE),
  SUB_zzz:     insn('00000100 size:2 1 Zm:5 000 001 Zn:5 Zd:5',     SVE),
  ADDPT_zzz:   insn('00000100 11 1 Zm:5 000 010 Zn:5 Zd:5',         CPA),
  SUBPT_zzz:   insn('00000100 11 1 Zm:5 000 011 Zn:5 Zd:5',         CPA),
  SQADD_zzz:   insn('00000100 size:2 1 Zm:5 000 100 Zn:5 Zd:5',     SVE),
  UQADD_zzz:   insn('00000100 size:2 1 Zm:5 000 101 Zn:5 Zd:5',     SVE),
  SQSUB_zzz:   insn('00000100 size:2 1 Zm:5 000 110 Zn:5 Zd:5',     SVE),
  UQSUB_zzz:   insn('00000100 size:2 1 Zm:5 000 111 Zn:5 Zd:5',     SVE),
  AND_zzz:     insn('00000100 00 1 Zm:5 001100 Zn:5 Zd:5',          SVE),
  ORR_zzz:     insn('00000100 01 1 Zm:5 001100 Zn:5 Zd:5',          SVE),
  EOR_zzz:     insn('00000100 10 1 Zm:5 001100 Zn:5 Zd:5',          SVE),
  BIC_zzz:     insn('00000100 11 1 Zm:5 001100 Zn:5 Zd:5',          SVE),
  XAR_zzi:     insn('00000100 tszh:2 1 tszl:2 imm3:3 001101 Zm:5 Zdn:5', { ...SVE2, ...SHIFT }),
  EOR3_zzzz:   insn('00000100 00 1 Zm:5 001110 Zk:5 Zdn:5',         SVE2),
  BCAX_zzzz:   insn('00000100 01 1 Zm:5 001110 Zk:5 Zdn:5',         SVE2),
  BSL_zzzz:    insn('00000100 00 1 Zm:5 001111 Zk:5 Zdn:5',         SVE2),
  BSL1N_zzzz:  insn('00000100 01 1 Zm:5 001111 Zk:5 Zdn:5',         SVE2),
  BSL2N_zzzz:  insn('00000100 10 1 Zm:5 001111 Zk:5 Zdn:5',         SVE2),
  NBSL_zzzz:   insn('00000100 11 1 Zm:5 001111 Zk:5 Zdn:5',         SVE2),
  ASR_zzw:     insn('00000100 size:2 1 Zm:5 1000 00 Zn:5 Zd:5',     { ...SVE, ...BHS }),
  LSR_zzw:     insn('00000100 size:2 1 Zm:5 1000 01 Zn:5 Zd:5',     { ...SVE, ...BHS }),
  LSL_zzw:     insn('00000100 size:2 1 Zm:5 1000 11 Zn:5 Zd:5',     { ...SVE, ...BHS }),
  ASR_zzi:     insn('00000100 tszh:2 1 tszl:2 imm3:3 1001 00 Zn:5 Zd:5', { ...SVE, ...SHIFT }),
  LSR_zzi:     insn('00000100 tszh:2 1 tszl:2 imm3:3 1001 01 Zn:5 Zd:5', { ...SVE, ...SHIFT }),
  LSL_zzi:     insn('00000100 tszh:2 1 tszl:2 imm3:3 1001 11 Zn:5 Zd:5', { ...SVE, ...SHIFT }),
  INDEX_ii:    insn('00000100 size:2 1 imm5b:5 010000 imm5:5 Zd:5', SVE),
  INDEX_ri:    insn('00000100 size:2 1 imm5b:5 010001 Rn:5 Zd:5',   SVE),
  INDEX_ir:    insn('00000100 size:2 1 Rm:5 010010 imm5:5 Zd:5',    SVE),
  INDEX_rr:    insn('00000100 size:2 1 Rm:5 010011 Rn:5 Zd:5',      SVE),
  ADR_sxtw:    insn('00000100 00 1 Zm:5 1010 msz:2 Zn:5 Zd:5',      SVE),
  ADR_uxtw:    insn('00000100 01 1 Zm:5 1010 msz:2 Zn:5 Zd:5',      SVE),
  ADR_lsl:     insn('00000100 1 sz:1 1 Zm:5 1010 msz:2 Zn:5 Zd:5',  SVE),
  FTSSEL_zzz:  insn('00000100 size:2 1 Zm:5 101100 Zn:5 Zd:5',      { ...SVE, ...HSD }),
  FEXPA_zz:    insn('00000100 size:2 1 00000 101110 Zn:5 Zd:5',     { ...SVE, ...HSD }),
  MOVPRFX_zz:  insn('00000100 00 1 00000 101111 Zn:5 Zd:5',         SVE),

  // Multiples of the vector length
  ADDVL:       insn('00000100 001 Rn:5 01010 imm6:6 Rd:5',          SVE),
  ADDPL:       insn('00000100 011 Rn:5 01010 imm6:6 Rd:5',          SVE),
  RDVL:        insn('00000100 101 11111 01010 imm6:6 Rd:5',         SVE),
  SME_addsvl:  insn('00000100 0x1 xxxxx 01011 xxxxxx xxxxx',        { feat: 'FEAT_SME', todo: true }),
  SME_rdsvl:   insn('00000100 101 11111 01011 xxxxxx xxxxx',        { feat: 'FEAT_SME', todo: true }),

  // Element counts
  CNT_r:       insn('00000100 size:2 10 imm4:4 111000 pattern:5 Rd:5',          SVE),
  INC_r:       insn('00000100 size:2 11 imm4:4 11100 D:1 pattern:5 Rdn:5',      SVE),
  QINC_r:      insn('00000100 size:2 1 sf:1 imm4:4 1111 D:1 U:1 pattern:5 Rdn:5', SVE),
  INC_z:       insn('00000100 size:2 11 imm4:4 11000 D:1 pattern:5 Zdn:5',      { ...SVE, ...HSD }),
  QINC_z:      insn('00000100 size:2 10 imm4:4 1100 D:1 U:1 pattern:5 Zdn:5',   { ...SVE, ...HSD }),

  // By immediate
  ORR_zi:      insn('00000101 00 0000 N:1 immr:6 imms:6 Zdn:5', { ...SVE, ...BITMASK }),
  EOR_zi:      insn('00000101 01 0000 N:1 immr:6 imms:6 Zdn:5', { ...SVE, ...BITMASK }),
  AND_zi:      insn('00000101 10 0000 N:1 immr:6 imms:6 Zdn:5', { ...SVE, ...BITMASK }),
  CPY_zpi:     insn('00000101 size:2 01 Pg:4 0 M:1 sh:1 imm8:8 Zd:5', { ...SVE, not: 'size=0 & sh=1' }),
  FCPY_zpi:    insn('00000101 size:2 01 Pg:4 110 imm8:8 Zd:5',      { ...SVE, ...HSD }),
  ADD_zi:      insn('00100101 size:2 100 000 11 sh:1 imm8:8 Zdn:5', { ...SVE, not: 'size=0 & sh=1' }),
  SUB_zi:      insn('00100101 size:2 100 001 11 sh:1 imm8:8 Zdn:5', { ...SVE, not: 'size=0 & sh=1' }),
  SUBR_zi:     insn('00100101 size:2 100 011 11 sh:1 imm8:8 Zdn:5', { ...SVE, not: 'size=0 & sh=1' }),
  SQADD_zi:    insn('00100101 size:2 100 100 11 sh:1 imm8:8 Zdn:5', { ...SVE, not: 'size=0 & sh=1' }),
  UQADD_zi:    insn('00100101 size:2 100 101 11 sh:1 imm8:8 Zdn:5', { ...SVE, not: 'size=0 & sh=1' }),
  SQSUB_zi:    insn('00100101 size:2 100 110 11 sh:1 imm8:8 Zdn:5', { ...SVE, not: 'size=0 & sh=1' }),
  UQSUB_zi:    insn('00100101 size:2 100 111 11 sh:1 imm8:8 Zdn:5', { ...SVE, not: 'size=0 & sh=1' }),
  SMAX_zi:     insn('00100101 size:2 101 000 110 imm8:8 Zdn:5',     SVE),
  UMAX_zi:     insn('00100101 size:2 101 001 110 imm8:8 Zdn:5',     SVE),
  SMIN_zi:     insn('00100101 size:2 101 010 110 imm8:8 Zdn:5',     SVE),
  UMIN_zi:     insn('00100101 size:2 101 011 110 imm8:8 Zdn:5',     SVE),
  MUL_zi:      insn('00100101 size:2 110 000 110 imm8:8 Zdn:5',     SVE),
  DUP_zi:      insn('00100101 size:2 111 000 11 sh:1 imm8:8 Zd:5',  { ...SVE, not: 'size=0 & sh=1' }),
  FDUP_zi:     insn('00100101 size:2 111 001 110 imm8:8 Zd:5',      { ...SVE, ...HSD }),
  DUPM:        insn('00000101 11 0000 N:1 immr:6 imms:6 Zd:5', { ...SVE, ...BITMASK }),
} as const;

/** Products that are summed into wider elements, and saturating and complex ones of the same class. */
export const SVE_INT_MLA = {
  MLAPT_zzzz:  insn('01000100 11 0 Zm:5 110 100 Zn:5 Zda:5',        { ...CPA, inside: 'SVE2_clamp_and_quads' }),
  MADPT_zzzz:  insn('01000100 11 0 Zm:5 110 110 Za:5 Zdn:5',        { ...CPA, inside: 'SVE2_clamp_and_quads' }),
  SDOT_zzzz:      insn('01000100 1 sz:1 0 Zm:5 00000 0 Zn:5 Zda:5', SVE),
  UDOT_zzzz:      insn('01000100 1 sz:1 0 Zm:5 00000 1 Zn:5 Zda:5', SVE),
  USDOT_zzzz:     insn('01000100 10 0 Zm:5 01111 0 Zn:5 Zda:5',     { ...SVE, also: 'FEAT_I8MM' }),
  CDOT_zzzz:      insn('01000100 1 sz:1 0 Zm:5 0001 rot:2 Zn:5 Zda:5',  SVE2),
  CMLA_zzzz:      insn('01000100 size:2 0 Zm:5 0010 rot:2 Zn:5 Zda:5',  SVE2),
  SQRDCMLAH_zzzz: insn('01000100 size:2 0 Zm:5 0011 rot:2 Zn:5 Zda:5',  SVE2),
  SQDMLALBT_zzzz: insn('01000100 size:2 0 Zm:5 00001 0 Zn:5 Zda:5',     { ...SVE2, ...HSD }),
  SQDMLSLBT_zzzz: insn('01000100 size:2 0 Zm:5 00001 1 Zn:5 Zda:5',     { ...SVE2, ...HSD }),
  SMLAL_zzzz:     insn('01000100 size:2 0 Zm:5 01000 T:1 Zn:5 Zda:5',   { ...SVE2, ...HSD }),
  UMLAL_zzzz:     insn('01000100 size:2 0 Zm:5 01001 T:1 Zn:5 Zda:5',   { ...SVE2, ...HSD }),
  SMLSL_zzzz:     insn('01000100 size:2 0 Zm:5 01010 T:1 Zn:5 Zda:5',   { ...SVE2, ...HSD }),
  UMLSL_zzzz:     insn('01000100 size:2 0 Zm:5 01011 T:1 Zn:5 Zda:5',   { ...SVE2, ...HSD }),
  SQDMLAL_zzzz:   insn('01000100 size:2 0 Zm:5 01100 T:1 Zn:5 Zda:5',   { ...SVE2, ...HSD }),
  SQDMLSL_zzzz:   insn('01000100 size:2 0 Zm:5 01101 T:1 Zn:5 Zda:5',   { ...SVE2, ...HSD }),
  SQRDMLAH_zzzz:  insn('01000100 size:2 0 Zm:5 01110 0 Zn:5 Zda:5',     SVE2),
  SQRDMLSH_zzzz:  insn('01000100 size:2 0 Zm:5 01110 1 Zn:5 Zda:5',     SVE2),
} as const;
