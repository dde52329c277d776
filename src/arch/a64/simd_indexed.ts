// Integer multiplications by one element of the second register, vector and scalar.

import { insn } from './schema.ts';

export const SIMD_INDEXED = {
  // Advanced SIMD vector by indexed element. Halfwords: Rm is V0..V15, index H:L:M; words: index H:L.
  MUL_elt_h:      insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 1000 H:1 0 Rn:5 Rd:5'),
  MUL_elt_s:      insn('0 Q:1 0 01111 10 L:1 Rm:5 1000 H:1 0 Rn:5 Rd:5'),
  MLA_elt_h:      insn('0 Q:1 1 01111 01 L:1 M:1 Rm:4 0000 H:1 0 Rn:5 Rd:5'),
  MLA_elt_s:      insn('0 Q:1 1 01111 10 L:1 Rm:5 0000 H:1 0 Rn:5 Rd:5'),
  MLS_elt_h:      insn('0 Q:1 1 01111 01 L:1 M:1 Rm:4 0100 H:1 0 Rn:5 Rd:5'),
  MLS_elt_s:      insn('0 Q:1 1 01111 10 L:1 Rm:5 0100 H:1 0 Rn:5 Rd:5'),
  SMULL_elt_h:    insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 1010 H:1 0 Rn:5 Rd:5'),
  SMULL_elt_s:    insn('0 Q:1 0 01111 10 L:1 Rm:5 1010 H:1 0 Rn:5 Rd:5'),
  UMULL_elt_h:    insn('0 Q:1 1 01111 01 L:1 M:1 Rm:4 1010 H:1 0 Rn:5 Rd:5'),
  UMULL_elt_s:    insn('0 Q:1 1 01111 10 L:1 Rm:5 1010 H:1 0 Rn:5 Rd:5'),
  SMLAL_elt_h:    insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 0010 H:1 0 Rn:5 Rd:5'),
  SMLAL_elt_s:    insn('0 Q:1 0 01111 10 L:1 Rm:5 0010 H:1 0 Rn:5 Rd:5'),
  UMLAL_elt_h:    insn('0 Q:1 1 01111 01 L:1 M:1 Rm:4 0010 H:1 0 Rn:5 Rd:5'),
  UMLAL_elt_s:    insn('0 Q:1 1 01111 10 L:1 Rm:5 0010 H:1 0 Rn:5 Rd:5'),
  SMLSL_elt_h:    insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 0110 H:1 0 Rn:5 Rd:5'),
  SMLSL_elt_s:    insn('0 Q:1 0 01111 10 L:1 Rm:5 0110 H:1 0 Rn:5 Rd:5'),
  UMLSL_elt_h:    insn('0 Q:1 1 01111 01 L:1 M:1 Rm:4 0110 H:1 0 Rn:5 Rd:5'),
  UMLSL_elt_s:    insn('0 Q:1 1 01111 10 L:1 Rm:5 0110 H:1 0 Rn:5 Rd:5'),
  SQDMULL_elt_h:  insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 1011 H:1 0 Rn:5 Rd:5'),
  SQDMULL_elt_s:  insn('0 Q:1 0 01111 10 L:1 Rm:5 1011 H:1 0 Rn:5 Rd:5'),
  SQDMLAL_elt_h:  insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 0011 H:1 0 Rn:5 Rd:5'),
  SQDMLAL_elt_s:  insn('0 Q:1 0 01111 10 L:1 Rm:5 0011 H:1 0 Rn:5 Rd:5'),
  SQDMLSL_elt_h:  insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 0111 H:1 0 Rn:5 Rd:5'),
  SQDMLSL_elt_s:  insn('0 Q:1 0 01111 10 L:1 Rm:5 0111 H:1 0 Rn:5 Rd:5'),
  SQDMULH_elt_h:  insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 1100 H:1 0 Rn:5 Rd:5'),
  SQDMULH_elt_s:  insn('0 Q:1 0 01111 10 L:1 Rm:5 1100 H:1 0 Rn:5 Rd:5'),
  SQRDMULH_elt_h: insn('0 Q:1 0 01111 01 L:1 M:1 Rm:4 1101 H:1 0 Rn:5 Rd:5'),
  SQRDMULH_elt_s: insn('0 Q:1 0 01111 10 L:1 Rm:5 1101 H:1 0 Rn:5 Rd:5'),
  SQRDMLAH_elt_h: insn('0 Q:1 1 01111 01 L:1 M:1 Rm:4 1101 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_RDM' }),
  SQRDMLAH_elt_s: insn('0 Q:1 1 01111 10 L:1 Rm:5 1101 H:1 0 Rn:5 Rd:5',     { feat: 'FEAT_RDM' }),
  SQRDMLSH_elt_h: insn('0 Q:1 1 01111 01 L:1 M:1 Rm:4 1111 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_RDM' }),
  SQRDMLSH_elt_s: insn('0 Q:1 1 01111 10 L:1 Rm:5 1111 H:1 0 Rn:5 Rd:5',     { feat: 'FEAT_RDM' }),

  // Dot products: the element is a group of four bytes
  SDOT_elt:       insn('0 Q:1 0 01111 10 L:1 Rm:5 1110 H:1 0 Rn:5 Rd:5',     { feat: 'FEAT_DotProd' }),
  UDOT_elt:       insn('0 Q:1 1 01111 10 L:1 Rm:5 1110 H:1 0 Rn:5 Rd:5',     { feat: 'FEAT_DotProd' }),
  SUDOT_elt:      insn('0 Q:1 0 01111 00 L:1 Rm:5 1111 H:1 0 Rn:5 Rd:5',     { feat: 'FEAT_I8MM' }),
  USDOT_elt:      insn('0 Q:1 0 01111 10 L:1 Rm:5 1111 H:1 0 Rn:5 Rd:5',     { feat: 'FEAT_I8MM' }),
} as const;

export const SIMD_INDEXED_SCALAR = {
  // Advanced SIMD scalar by indexed element
  SQDMULL_scalar_elt_h:  insn('01 0 11111 01 L:1 M:1 Rm:4 1011 H:1 0 Rn:5 Rd:5'),
  SQDMULL_scalar_elt_s:  insn('01 0 11111 10 L:1 Rm:5 1011 H:1 0 Rn:5 Rd:5'),
  SQDMLAL_scalar_elt_h:  insn('01 0 11111 01 L:1 M:1 Rm:4 0011 H:1 0 Rn:5 Rd:5'),
  SQDMLAL_scalar_elt_s:  insn('01 0 11111 10 L:1 Rm:5 0011 H:1 0 Rn:5 Rd:5'),
  SQDMLSL_scalar_elt_h:  insn('01 0 11111 01 L:1 M:1 Rm:4 0111 H:1 0 Rn:5 Rd:5'),
  SQDMLSL_scalar_elt_s:  insn('01 0 11111 10 L:1 Rm:5 0111 H:1 0 Rn:5 Rd:5'),
  SQDMULH_scalar_elt_h:  insn('01 0 11111 01 L:1 M:1 Rm:4 1100 H:1 0 Rn:5 Rd:5'),
  SQDMULH_scalar_elt_s:  insn('01 0 11111 10 L:1 Rm:5 1100 H:1 0 Rn:5 Rd:5'),
  SQRDMULH_scalar_elt_h: insn('01 0 11111 01 L:1 M:1 Rm:4 1101 H:1 0 Rn:5 Rd:5'),
  SQRDMULH_scalar_elt_s: insn('01 0 11111 10 L:1 Rm:5 1101 H:1 0 Rn:5 Rd:5'),
  SQRDMLAH_scalar_elt_h: insn('01 1 11111 01 L:1 M:1 Rm:4 1101 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_RDM' }),
  SQRDMLAH_scalar_elt_s: insn('01 1 11111 10 L:1 Rm:5 1101 H:1 0 Rn:5 Rd:5',     { feat: 'FEAT_RDM' }),
  SQRDMLSH_scalar_elt_h: insn('01 1 11111 01 L:1 M:1 Rm:4 1111 H:1 0 Rn:5 Rd:5', { feat: 'FEAT_RDM' }),
  SQRDMLSH_scalar_elt_s: insn('01 1 11111 10 L:1 Rm:5 1111 H:1 0 Rn:5 Rd:5',     { feat: 'FEAT_RDM' }),
} as const;
