// SVE and SVE2 integer multiplications: by vectors and by one element, long, complex, dot products, matrices. Those that
// accumulate products of vectors are in sve_int.ts.

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE' } as const;
const SVE2 = { feat: 'FEAT_SVE2' } as const;
const SVE2P1 = { feat: 'FEAT_SVE2p1', inside: 'SVE2_clamp_and_quads' } as const;
const I8MM = { feat: 'FEAT_I8MM', also: 'FEAT_SVE' } as const;
const WIDE = { feat: 'FEAT_SVE2', not: 'size=0' } as const;
const PMULL128 = { feat: 'FEAT_SVE_PMULL128', also: 'FEAT_SVE2' } as const;
/** 64 by 64 bits is FEAT_SVE_PMULL128, 32 by 32 bits does not exist. */
const POLY = { feat: 'FEAT_SVE2', not: 'size=0 | size=2' } as const;

export const SVE2_MUL = {
  // Unpredicated
  MUL_z:         insn('00000100 size:2 1 Zm:5 0110 00 Zn:5 Zd:5', SVE2),
  PMUL_z:        insn('00000100 00 1 Zm:5 0110 01 Zn:5 Zd:5', SVE2),
  SMULH_z:       insn('00000100 size:2 1 Zm:5 0110 10 Zn:5 Zd:5', SVE2),
  UMULH_z:       insn('00000100 size:2 1 Zm:5 0110 11 Zn:5 Zd:5', SVE2),
  SQDMULH_z:     insn('00000100 size:2 1 Zm:5 0111 00 Zn:5 Zd:5', SVE2),
  SQRDMULH_z:    insn('00000100 size:2 1 Zm:5 0111 01 Zn:5 Zd:5', SVE2),

  // Long
  SQDMULLB_z:    insn('01000101 size:2 0 Zm:5 011 000 Zn:5 Zd:5', WIDE),
  SQDMULLT_z:    insn('01000101 size:2 0 Zm:5 011 001 Zn:5 Zd:5', WIDE),
  PMULLB:        insn('01000101 size:2 0 Zm:5 011 010 Zn:5 Zd:5', POLY),
  PMULLB_q:      insn('01000101 00 0 Zm:5 011 010 Zn:5 Zd:5', PMULL128),
  PMULLT_q:      insn('01000101 00 0 Zm:5 011 011 Zn:5 Zd:5', PMULL128),
  PMULLT:        insn('01000101 size:2 0 Zm:5 011 011 Zn:5 Zd:5', POLY),
  SMULLB_z:      insn('01000101 size:2 0 Zm:5 011 100 Zn:5 Zd:5', WIDE),
  SMULLT_z:      insn('01000101 size:2 0 Zm:5 011 101 Zn:5 Zd:5', WIDE),
  UMULLB_z:      insn('01000101 size:2 0 Zm:5 011 110 Zn:5 Zd:5', WIDE),
  UMULLT_z:      insn('01000101 size:2 0 Zm:5 011 111 Zn:5 Zd:5', WIDE),

  // Dot products and matrices
  SDOT_z_hs:     insn('01000100 00 0 Zm:5 110010 Zn:5 Zda:5', SVE2P1),
  UDOT_z_hs:     insn('01000100 00 0 Zm:5 110011 Zn:5 Zda:5', SVE2P1),
  SMMLA_z:       insn('01000101 00 0 Zm:5 100110 Zn:5 Zda:5', I8MM),
  USMMLA_z:      insn('01000101 10 0 Zm:5 100110 Zn:5 Zda:5', I8MM),
  UMMLA_z:       insn('01000101 11 0 Zm:5 100110 Zn:5 Zda:5', I8MM),

  // By one element of each 128-bit segment, whose size the name tells
  MLA_x_h:       insn('01000100 0 i3h:1 1 i3l:2 Zm:3 000010 Zn:5 Zda:5', SVE2),
  MLA_x_s:       insn('01000100 10 1 i2:2 Zm:3 000010 Zn:5 Zda:5', SVE2),
  MLA_x_d:       insn('01000100 11 1 i1:1 Zm:4 000010 Zn:5 Zda:5', SVE2),
  MLS_x_h:       insn('01000100 0 i3h:1 1 i3l:2 Zm:3 000011 Zn:5 Zda:5', SVE2),
  MLS_x_s:       insn('01000100 10 1 i2:2 Zm:3 000011 Zn:5 Zda:5', SVE2),
  MLS_x_d:       insn('01000100 11 1 i1:1 Zm:4 000011 Zn:5 Zda:5', SVE2),
  SQRDMLAH_x_h:  insn('01000100 0 i3h:1 1 i3l:2 Zm:3 000100 Zn:5 Zda:5', SVE2),
  SQRDMLAH_x_s:  insn('01000100 10 1 i2:2 Zm:3 000100 Zn:5 Zda:5', SVE2),
  SQRDMLAH_x_d:  insn('01000100 11 1 i1:1 Zm:4 000100 Zn:5 Zda:5', SVE2),
  SQRDMLSH_x_h:  insn('01000100 0 i3h:1 1 i3l:2 Zm:3 000101 Zn:5 Zda:5', SVE2),
  SQRDMLSH_x_s:  insn('01000100 10 1 i2:2 Zm:3 000101 Zn:5 Zda:5', SVE2),
  SQRDMLSH_x_d:  insn('01000100 11 1 i1:1 Zm:4 000101 Zn:5 Zda:5', SVE2),
  MUL_x_h:       insn('01000100 0 i3h:1 1 i3l:2 Zm:3 111110 Zn:5 Zd:5', SVE2),
  MUL_x_s:       insn('01000100 10 1 i2:2 Zm:3 111110 Zn:5 Zd:5', SVE2),
  MUL_x_d:       insn('01000100 11 1 i1:1 Zm:4 111110 Zn:5 Zd:5', SVE2),
  SQDMULH_x_h:   insn('01000100 0 i3h:1 1 i3l:2 Zm:3 111100 Zn:5 Zd:5', SVE2),
  SQDMULH_x_s:   insn('01000100 10 1 i2:2 Zm:3 111100 Zn:5 Zd:5', SVE2),
  SQDMULH_x_d:   insn('01000100 11 1 i1:1 Zm:4 111100 Zn:5 Zd:5', SVE2),
  SQRDMULH_x_h:  insn('01000100 0 i3h:1 1 i3l:2 Zm:3 111101 Zn:5 Zd:5', SVE2),
  SQRDMULH_x_s:  insn('01000100 10 1 i2:2 Zm:3 111101 Zn:5 Zd:5', SVE2),
  SQRDMULH_x_d:  insn('01000100 11 1 i1:1 Zm:4 111101 Zn:5 Zd:5', SVE2),
  SMLALB_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1000 i3l:1 0 Zn:5 Zda:5', SVE2),
  SMLALB_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1000 i2l:1 0 Zn:5 Zda:5', SVE2),
  SMLALT_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1000 i3l:1 1 Zn:5 Zda:5', SVE2),
  SMLALT_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1000 i2l:1 1 Zn:5 Zda:5', SVE2),
  UMLALB_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1001 i3l:1 0 Zn:5 Zda:5', SVE2),
  UMLALB_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1001 i2l:1 0 Zn:5 Zda:5', SVE2),
  UMLALT_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1001 i3l:1 1 Zn:5 Zda:5', SVE2),
  UMLALT_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1001 i2l:1 1 Zn:5 Zda:5', SVE2),
  SMLSLB_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1010 i3l:1 0 Zn:5 Zda:5', SVE2),
  SMLSLB_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1010 i2l:1 0 Zn:5 Zda:5', SVE2),
  SMLSLT_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1010 i3l:1 1 Zn:5 Zda:5', SVE2),
  SMLSLT_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1010 i2l:1 1 Zn:5 Zda:5', SVE2),
  UMLSLB_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1011 i3l:1 0 Zn:5 Zda:5', SVE2),
  UMLSLB_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1011 i2l:1 0 Zn:5 Zda:5', SVE2),
  UMLSLT_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1011 i3l:1 1 Zn:5 Zda:5', SVE2),
  UMLSLT_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1011 i2l:1 1 Zn:5 Zda:5', SVE2),
  SMULLB_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1100 i3l:1 0 Zn:5 Zd:5', SVE2),
  SMULLB_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1100 i2l:1 0 Zn:5 Zd:5', SVE2),
  SMULLT_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1100 i3l:1 1 Zn:5 Zd:5', SVE2),
  SMULLT_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1100 i2l:1 1 Zn:5 Zd:5', SVE2),
  UMULLB_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1101 i3l:1 0 Zn:5 Zd:5', SVE2),
  UMULLB_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1101 i2l:1 0 Zn:5 Zd:5', SVE2),
  UMULLT_x_h:    insn('01000100 10 1 i3h:2 Zm:3 1101 i3l:1 1 Zn:5 Zd:5', SVE2),
  UMULLT_x_s:    insn('01000100 11 1 i2h:1 Zm:4 1101 i2l:1 1 Zn:5 Zd:5', SVE2),
  SQDMLALB_x_h:  insn('01000100 10 1 i3h:2 Zm:3 0010 i3l:1 0 Zn:5 Zda:5', SVE2),
  SQDMLALB_x_s:  insn('01000100 11 1 i2h:1 Zm:4 0010 i2l:1 0 Zn:5 Zda:5', SVE2),
  SQDMLALT_x_h:  insn('01000100 10 1 i3h:2 Zm:3 0010 i3l:1 1 Zn:5 Zda:5', SVE2),
  SQDMLALT_x_s:  insn('01000100 11 1 i2h:1 Zm:4 0010 i2l:1 1 Zn:5 Zda:5', SVE2),
  SQDMLSLB_x_h:  insn('01000100 10 1 i3h:2 Zm:3 0011 i3l:1 0 Zn:5 Zda:5', SVE2),
  SQDMLSLB_x_s:  insn('01000100 11 1 i2h:1 Zm:4 0011 i2l:1 0 Zn:5 Zda:5', SVE2),
  SQDMLSLT_x_h:  insn('01000100 10 1 i3h:2 Zm:3 0011 i3l:1 1 Zn:5 Zda:5', SVE2),
  SQDMLSLT_x_s:  insn('01000100 11 1 i2h:1 Zm:4 0011 i2l:1 1 Zn:5 Zda:5', SVE2),
  SQDMULLB_x_h:  insn('01000100 10 1 i3h:2 Zm:3 1110 i3l:1 0 Zn:5 Zd:5', SVE2),
  SQDMULLB_x_s:  insn('01000100 11 1 i2h:1 Zm:4 1110 i2l:1 0 Zn:5 Zd:5', SVE2),
  SQDMULLT_x_h:  insn('01000100 10 1 i3h:2 Zm:3 1110 i3l:1 1 Zn:5 Zd:5', SVE2),
  SQDMULLT_x_s:  insn('01000100 11 1 i2h:1 Zm:4 1110 i2l:1 1 Zn:5 Zd:5', SVE2),
  SDOT_x_b:      insn('01000100 10 1 i2:2 Zm:3 000000 Zn:5 Zda:5', SVE),
  SDOT_x_h:      insn('01000100 11 1 i1:1 Zm:4 000000 Zn:5 Zda:5', SVE),
  UDOT_x_b:      insn('01000100 10 1 i2:2 Zm:3 000001 Zn:5 Zda:5', SVE),
  UDOT_x_h:      insn('01000100 11 1 i1:1 Zm:4 000001 Zn:5 Zda:5', SVE),
  USDOT_x_b:     insn('01000100 10 1 i2:2 Zm:3 000110 Zn:5 Zda:5', I8MM),
  SUDOT_x_b:     insn('01000100 10 1 i2:2 Zm:3 000111 Zn:5 Zda:5', I8MM),
  SDOT_x_hs:     insn('01000100 10 0 i2:2 Zm:3 110010 Zn:5 Zda:5', SVE2P1),
  UDOT_x_hs:     insn('01000100 10 0 i2:2 Zm:3 110011 Zn:5 Zda:5', SVE2P1),
  CDOT_x_b:      insn('01000100 10 1 i2:2 Zm:3 0100 rot:2 Zn:5 Zda:5', SVE2),
  CDOT_x_h:      insn('01000100 11 1 i1:1 Zm:4 0100 rot:2 Zn:5 Zda:5', SVE2),
  CMLA_x_h:      insn('01000100 10 1 i2:2 Zm:3 0110 rot:2 Zn:5 Zda:5', SVE2),
  CMLA_x_s:      insn('01000100 11 1 i1:1 Zm:4 0110 rot:2 Zn:5 Zda:5', SVE2),
  SQRDCMLAH_x_h: insn('01000100 10 1 i2:2 Zm:3 0111 rot:2 Zn:5 Zda:5', SVE2),
  SQRDCMLAH_x_s: insn('01000100 11 1 i1:1 Zm:4 0111 rot:2 Zn:5 Zda:5', SVE2),
} as const;
