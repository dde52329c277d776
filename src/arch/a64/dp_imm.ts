// Encodings of "Data processing -- immediate", in the order of the Arm ARM's decode tables.

import { insn, type Rows } from './schema.ts';

/** An immediate that DecodeBitMasks reserves: no element size, or an element of all ones. */
const RESERVED_BITMASK =
  'sf=0 & N=1 | N=1 & imms=63 | N=0 & imms=31 | N=0 & imms=47 | N=0 & imms=55 | N=0 & imms=59 | N=0 & imms>=61';
/** N repeats sf, and 32-bit forms have 5-bit positions. */
const WRONG_BITFIELD = 'sf=0 & N=1 | sf=1 & N=0 | sf=0 & immr>=32 | sf=0 & imms>=32';

export const DP_IMM = {
  // PC-rel. addressing
  ADR:      insn('0 immlo:2 10000 immhi:19 Rd:5'),
  ADRP:     insn('1 immlo:2 10000 immhi:19 Rd:5'),

  // Add/subtract (immediate)
  ADD_imm:  insn('sf:1 0 0 100010 sh:1 imm12:12 Rn:5 Rd:5'),
  ADDS_imm: insn('sf:1 0 1 100010 sh:1 imm12:12 Rn:5 Rd:5'),
  SUB_imm:  insn('sf:1 1 0 100010 sh:1 imm12:12 Rn:5 Rd:5'),
  SUBS_imm: insn('sf:1 1 1 100010 sh:1 imm12:12 Rn:5 Rd:5'),

  // Min/max (immediate)
  SMAX_imm: insn('sf:1 0 0 100011 1 0000 imm8:8 Rn:5 Rd:5', { feat: 'FEAT_CSSC' }),
  UMAX_imm: insn('sf:1 0 0 100011 1 0001 imm8:8 Rn:5 Rd:5', { feat: 'FEAT_CSSC' }),
  SMIN_imm: insn('sf:1 0 0 100011 1 0010 imm8:8 Rn:5 Rd:5', { feat: 'FEAT_CSSC' }),
  UMIN_imm: insn('sf:1 0 0 100011 1 0011 imm8:8 Rn:5 Rd:5', { feat: 'FEAT_CSSC' }),

  // Logical (immediate)
  AND_imm:  insn('sf:1 00 100100 N:1 immr:6 imms:6 Rn:5 Rd:5', { not: RESERVED_BITMASK }),
  ORR_imm:  insn('sf:1 01 100100 N:1 immr:6 imms:6 Rn:5 Rd:5', { not: RESERVED_BITMASK }),
  EOR_imm:  insn('sf:1 10 100100 N:1 immr:6 imms:6 Rn:5 Rd:5', { not: RESERVED_BITMASK }),
  ANDS_imm: insn('sf:1 11 100100 N:1 immr:6 imms:6 Rn:5 Rd:5', { not: RESERVED_BITMASK }),

  // Move wide (immediate)
  MOVN:     insn('sf:1 00 100101 hw:2 imm16:16 Rd:5', { not: 'sf=0 & hw>=2' }),
  MOVZ:     insn('sf:1 10 100101 hw:2 imm16:16 Rd:5', { not: 'sf=0 & hw>=2' }),
  MOVK:     insn('sf:1 11 100101 hw:2 imm16:16 Rd:5', { not: 'sf=0 & hw>=2' }),

  // Bitfield
  SBFM:     insn('sf:1 00 100110 N:1 immr:6 imms:6 Rn:5 Rd:5', { not: WRONG_BITFIELD }),
  BFM:      insn('sf:1 01 100110 N:1 immr:6 imms:6 Rn:5 Rd:5', { not: WRONG_BITFIELD }),
  UBFM:     insn('sf:1 10 100110 N:1 immr:6 imms:6 Rn:5 Rd:5', { not: WRONG_BITFIELD }),

  // Extract
  EXTR:     insn('sf:1 00 100111 N:1 0 Rm:5 imms:6 Rn:5 Rd:5', { not: 'sf=0 & N=1 | sf=1 & N=0 | sf=0 & imms>=32' }),
} satisfies Rows;
