// SVE floating-point conversions. A conversion between sizes works on elements of the larger size; the letters of a name
// are source and result.

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE' } as const;
const SVE2 = { feat: 'FEAT_SVE2' } as const;
const BF16 = { feat: 'FEAT_BF16', also: 'FEAT_SVE' } as const;

export const SVE_FP_CONVERT = {
  // Between precisions
  FCVT_p_sh:    insn('01100101 10 001000 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVT_p_hs:    insn('01100101 10 001001 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVT_p_dh:    insn('01100101 11 001000 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVT_p_hd:    insn('01100101 11 001001 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVT_p_ds:    insn('01100101 11 001010 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVT_p_sd:    insn('01100101 11 001011 101 Pg:3 Zn:5 Zd:5', SVE),
  BFCVT_p:      insn('01100101 10 001010 101 Pg:3 Zn:5 Zd:5', BF16),
  FCVTX_p_ds:   insn('01100101 00 001010 101 Pg:3 Zn:5 Zd:5', SVE2),
  // To and from the odd elements
  FCVTXNT_p_ds: insn('01100100 00 001010 101 Pg:3 Zn:5 Zd:5', SVE2),
  FCVTNT_p_sh:  insn('01100100 10 001000 101 Pg:3 Zn:5 Zd:5', SVE2),
  FCVTNT_p_ds:  insn('01100100 11 001010 101 Pg:3 Zn:5 Zd:5', SVE2),
  FCVTLT_p_hs:  insn('01100100 10 001001 101 Pg:3 Zn:5 Zd:5', SVE2),
  FCVTLT_p_sd:  insn('01100100 11 001011 101 Pg:3 Zn:5 Zd:5', SVE2),
  BFCVTNT_p:    insn('01100100 10 001010 101 Pg:3 Zn:5 Zd:5', BF16),

  // To integers
  FCVTZS_p_hh:  insn('01100101 01 011 01 0 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZU_p_hh:  insn('01100101 01 011 01 1 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZS_p_hs:  insn('01100101 01 011 10 0 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZU_p_hs:  insn('01100101 01 011 10 1 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZS_p_hd:  insn('01100101 01 011 11 0 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZU_p_hd:  insn('01100101 01 011 11 1 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZS_p_ss:  insn('01100101 10 011 10 0 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZU_p_ss:  insn('01100101 10 011 10 1 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZS_p_ds:  insn('01100101 11 011 00 0 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZU_p_ds:  insn('01100101 11 011 00 1 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZS_p_sd:  insn('01100101 11 011 10 0 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZU_p_sd:  insn('01100101 11 011 10 1 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZS_p_dd:  insn('01100101 11 011 11 0 101 Pg:3 Zn:5 Zd:5', SVE),
  FCVTZU_p_dd:  insn('01100101 11 011 11 1 101 Pg:3 Zn:5 Zd:5', SVE),

  // From integers
  SCVTF_p_hh:   insn('01100101 01 010 01 0 101 Pg:3 Zn:5 Zd:5', SVE),
  UCVTF_p_hh:   insn('01100101 01 010 01 1 101 Pg:3 Zn:5 Zd:5', SVE),
  SCVTF_p_sh:   insn('01100101 01 010 10 0 101 Pg:3 Zn:5 Zd:5', SVE),
  UCVTF_p_sh:   insn('01100101 01 010 10 1 101 Pg:3 Zn:5 Zd:5', SVE),
  SCVTF_p_dh:   insn('01100101 01 010 11 0 101 Pg:3 Zn:5 Zd:5', SVE),
  UCVTF_p_dh:   insn('01100101 01 010 11 1 101 Pg:3 Zn:5 Zd:5', SVE),
  SCVTF_p_ss:   insn('01100101 10 010 10 0 101 Pg:3 Zn:5 Zd:5', SVE),
  UCVTF_p_ss:   insn('01100101 10 010 10 1 101 Pg:3 Zn:5 Zd:5', SVE),
  SCVTF_p_sd:   insn('01100101 11 010 00 0 101 Pg:3 Zn:5 Zd:5', SVE),
  UCVTF_p_sd:   insn('01100101 11 010 00 1 101 Pg:3 Zn:5 Zd:5', SVE),
  SCVTF_p_ds:   insn('01100101 11 010 10 0 101 Pg:3 Zn:5 Zd:5', SVE),
  UCVTF_p_ds:   insn('01100101 11 010 10 1 101 Pg:3 Zn:5 Zd:5', SVE),
  SCVTF_p_dd:   insn('01100101 11 010 11 0 101 Pg:3 Zn:5 Zd:5', SVE),
  UCVTF_p_dd:   insn('01100101 11 010 11 1 101 Pg:3 Zn:5 Zd:5', SVE),
} as const;
