// Encodings of loads and stores of SIMD and FP registers, one at a time or in pairs. Structures (LD1...) are in
// simd_ldst.ts. The size is 2^(opc1:size) bytes, up to 16.

import { insn, type Rows } from './schema.ts';

const NO_Q = 'opc1=1 & size!=0';
const NO_Q_REG = 'opc1=1 & size!=0 | option=0 | option=1 | option=4 | option=5';
const NO_PAIR = { not: 'opc=3' } as const;
const LSUI = { feat: 'FEAT_LSUI' } as const;
const LRCPC3 = { feat: 'FEAT_LRCPC3', not: NO_Q } as const;
const LSFE = { feat: 'FEAT_LSFE' } as const;

export const LDST_FP = {
  // Load register (literal)
  LDR_lit_fp:  insn('opc:2 011 1 00 imm19:19 Rt:5', NO_PAIR),

  // Load/store no-allocate pair (offset)
  STNP_fp:     insn('opc:2 101 1 000 0 imm7:7 Rt2:5 Rn:5 Rt:5', NO_PAIR),
  LDNP_fp:     insn('opc:2 101 1 000 1 imm7:7 Rt2:5 Rn:5 Rt:5', NO_PAIR),
  STTNP_fp:    insn('11 101 1 000 0 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),
  LDTNP_fp:    insn('11 101 1 000 1 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),

  // Load/store register pair (post-indexed)
  STP_post_fp: insn('opc:2 101 1 001 0 imm7:7 Rt2:5 Rn:5 Rt:5', NO_PAIR),
  LDP_post_fp: insn('opc:2 101 1 001 1 imm7:7 Rt2:5 Rn:5 Rt:5', NO_PAIR),
  STTP_post_fp: insn('11 101 1 001 0 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),
  LDTP_post_fp: insn('11 101 1 001 1 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),

  // Load/store register pair (offset)
  STP_fp:      insn('opc:2 101 1 010 0 imm7:7 Rt2:5 Rn:5 Rt:5', NO_PAIR),
  LDP_fp:      insn('opc:2 101 1 010 1 imm7:7 Rt2:5 Rn:5 Rt:5', NO_PAIR),
  STTP_fp:     insn('11 101 1 010 0 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),
  LDTP_fp:     insn('11 101 1 010 1 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),

  // Load/store register pair (pre-indexed)
  STP_pre_fp:  insn('opc:2 101 1 011 0 imm7:7 Rt2:5 Rn:5 Rt:5', NO_PAIR),
  LDP_pre_fp:  insn('opc:2 101 1 011 1 imm7:7 Rt2:5 Rn:5 Rt:5', NO_PAIR),
  STTP_pre_fp: insn('11 101 1 011 0 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),
  LDTP_pre_fp: insn('11 101 1 011 1 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),

  // Load/store register (unscaled immediate)
  STUR_fp:     insn('size:2 111 1 00 opc1:1 0 0 imm9:9 00 Rn:5 Rt:5', { not: NO_Q }),
  LDUR_fp:     insn('size:2 111 1 00 opc1:1 1 0 imm9:9 00 Rn:5 Rt:5', { not: NO_Q }),

  // Load/store register (immediate post-indexed)
  STR_post_fp: insn('size:2 111 1 00 opc1:1 0 0 imm9:9 01 Rn:5 Rt:5', { not: NO_Q }),
  LDR_post_fp: insn('size:2 111 1 00 opc1:1 1 0 imm9:9 01 Rn:5 Rt:5', { not: NO_Q }),

  // Load/store register (immediate pre-indexed)
  STR_pre_fp:  insn('size:2 111 1 00 opc1:1 0 0 imm9:9 11 Rn:5 Rt:5', { not: NO_Q }),
  LDR_pre_fp:  insn('size:2 111 1 00 opc1:1 1 0 imm9:9 11 Rn:5 Rt:5', { not: NO_Q }),

  // Load/store register (register offset)
  STR_reg_fp:  insn('size:2 111 1 00 opc1:1 0 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: NO_Q_REG }),
  LDR_reg_fp:  insn('size:2 111 1 00 opc1:1 1 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: NO_Q_REG }),

  // Load/store register (unsigned immediate)
  STR_imm_fp:  insn('size:2 111 1 01 opc1:1 0 imm12:12 Rn:5 Rt:5', { not: NO_Q }),
  LDR_imm_fp:  insn('size:2 111 1 01 opc1:1 1 imm12:12 Rn:5 Rt:5', { not: NO_Q }),

  // LDAPR/STLR (unscaled immediate, SIMD&FP)
  STLUR_fp:    insn('size:2 011101 opc1:1 0 0 imm9:9 10 Rn:5 Rt:5', LRCPC3),
  LDAPUR_fp:   insn('size:2 011101 opc1:1 1 0 imm9:9 10 Rn:5 Rt:5', LRCPC3),

  // Atomic memory operations on FP values: size 0 is BFloat16
  LDFADD:      insn('size:2 111 1 00 A:1 R:1 1 Rs:5 0 000 00 Rn:5 Rt:5', LSFE),
  LDFMAX:      insn('size:2 111 1 00 A:1 R:1 1 Rs:5 0 100 00 Rn:5 Rt:5', LSFE),
  LDFMIN:      insn('size:2 111 1 00 A:1 R:1 1 Rs:5 0 101 00 Rn:5 Rt:5', LSFE),
  LDFMAXNM:    insn('size:2 111 1 00 A:1 R:1 1 Rs:5 0 110 00 Rn:5 Rt:5', LSFE),
  LDFMINNM:    insn('size:2 111 1 00 A:1 R:1 1 Rs:5 0 111 00 Rn:5 Rt:5', LSFE),
  STFADD:      insn('size:2 111 1 00 0 R:1 1 Rs:5 1 000 00 Rn:5 11111', LSFE),
  STFMAX:      insn('size:2 111 1 00 0 R:1 1 Rs:5 1 100 00 Rn:5 11111', LSFE),
  STFMIN:      insn('size:2 111 1 00 0 R:1 1 Rs:5 1 101 00 Rn:5 11111', LSFE),
  STFMAXNM:    insn('size:2 111 1 00 0 R:1 1 Rs:5 1 110 00 Rn:5 11111', LSFE),
  STFMINNM:    insn('size:2 111 1 00 0 R:1 1 Rs:5 1 111 00 Rn:5 11111', LSFE),
} satisfies Rows;
