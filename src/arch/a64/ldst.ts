// Encodings of loads and stores of general registers: literal, pair, single register in all addressing modes, prefetch.
// Exclusive and ordered accesses are in ldst_exclusive.ts, SIMD and FP registers in ldst_fp.ts.
// `_imm` is the unsigned scaled offset; `w` = 1 sign-extends to 32 bits.

import { insn, odd, type Rows } from './schema.ts';

const WRONG_EXTEND = 'option=0 | option=1 | option=4 | option=5';
const LSUI = { feat: 'FEAT_LSUI' } as const;
const LS64 = <const F extends string>(feat: F) => ({ feat, todo: true, not: `${odd('Rt')} | Rt>=24` }) as const;
const GCS = { feat: 'FEAT_GCS', todo: true } as const;

export const LDST = {
  // Load register (literal)
  LDR_lit:     insn('0 sf:1 011 0 00 imm19:19 Rt:5'),
  LDRSW_lit:   insn('10 011 0 00 imm19:19 Rt:5'),
  PRFM_lit:    insn('11 011 0 00 imm19:19 Rt:5'),

  // Load/store no-allocate pair (offset)
  STNP:        insn('sf:1 0 101 0 000 0 imm7:7 Rt2:5 Rn:5 Rt:5'),
  LDNP:        insn('sf:1 0 101 0 000 1 imm7:7 Rt2:5 Rn:5 Rt:5'),
  STTNP:       insn('11 101 0 000 0 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),
  LDTNP:       insn('11 101 0 000 1 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),

  // Load/store register pair (post-indexed)
  STP_post:    insn('sf:1 0 101 0 001 0 imm7:7 Rt2:5 Rn:5 Rt:5'),
  LDP_post:    insn('sf:1 0 101 0 001 1 imm7:7 Rt2:5 Rn:5 Rt:5'),
  LDPSW_post:  insn('01 101 0 001 1 imm7:7 Rt2:5 Rn:5 Rt:5'),
  STTP_post:   insn('11 101 0 001 0 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),
  LDTP_post:   insn('11 101 0 001 1 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),

  // Load/store register pair (offset)
  STP:         insn('sf:1 0 101 0 010 0 imm7:7 Rt2:5 Rn:5 Rt:5'),
  LDP:         insn('sf:1 0 101 0 010 1 imm7:7 Rt2:5 Rn:5 Rt:5'),
  LDPSW:       insn('01 101 0 010 1 imm7:7 Rt2:5 Rn:5 Rt:5'),
  STTP:        insn('11 101 0 010 0 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),
  LDTP:        insn('11 101 0 010 1 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),

  // Load/store register pair (pre-indexed)
  STP_pre:     insn('sf:1 0 101 0 011 0 imm7:7 Rt2:5 Rn:5 Rt:5'),
  LDP_pre:     insn('sf:1 0 101 0 011 1 imm7:7 Rt2:5 Rn:5 Rt:5'),
  LDPSW_pre:   insn('01 101 0 011 1 imm7:7 Rt2:5 Rn:5 Rt:5'),
  STTP_pre:    insn('11 101 0 011 0 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),
  LDTP_pre:    insn('11 101 0 011 1 imm7:7 Rt2:5 Rn:5 Rt:5', LSUI),

  // Load/store register (unscaled immediate)
  STURB:      insn('00 111 0 00 00 0 imm9:9 00 Rn:5 Rt:5'),
  LDURB:      insn('00 111 0 00 01 0 imm9:9 00 Rn:5 Rt:5'),
  LDURSB:     insn('00 111 0 00 1 w:1 0 imm9:9 00 Rn:5 Rt:5'),
  STURH:      insn('01 111 0 00 00 0 imm9:9 00 Rn:5 Rt:5'),
  LDURH:      insn('01 111 0 00 01 0 imm9:9 00 Rn:5 Rt:5'),
  LDURSH:     insn('01 111 0 00 1 w:1 0 imm9:9 00 Rn:5 Rt:5'),
  STUR:       insn('1 sf:1 111 0 00 00 0 imm9:9 00 Rn:5 Rt:5'),
  LDUR:       insn('1 sf:1 111 0 00 01 0 imm9:9 00 Rn:5 Rt:5'),
  LDURSW:     insn('10 111 0 00 10 0 imm9:9 00 Rn:5 Rt:5'),
  PRFUM:      insn('11 111 0 00 10 0 imm9:9 00 Rn:5 Rt:5'),

  // Load/store register (immediate post-indexed)
  STRB_post:  insn('00 111 0 00 00 0 imm9:9 01 Rn:5 Rt:5'),
  LDRB_post:  insn('00 111 0 00 01 0 imm9:9 01 Rn:5 Rt:5'),
  LDRSB_post: insn('00 111 0 00 1 w:1 0 imm9:9 01 Rn:5 Rt:5'),
  STRH_post:  insn('01 111 0 00 00 0 imm9:9 01 Rn:5 Rt:5'),
  LDRH_post:  insn('01 111 0 00 01 0 imm9:9 01 Rn:5 Rt:5'),
  LDRSH_post: insn('01 111 0 00 1 w:1 0 imm9:9 01 Rn:5 Rt:5'),
  STR_post:   insn('1 sf:1 111 0 00 00 0 imm9:9 01 Rn:5 Rt:5'),
  LDR_post:   insn('1 sf:1 111 0 00 01 0 imm9:9 01 Rn:5 Rt:5'),
  LDRSW_post: insn('10 111 0 00 10 0 imm9:9 01 Rn:5 Rt:5'),

  // Load/store register (unprivileged)
  STTRB:      insn('00 111 0 00 00 0 imm9:9 10 Rn:5 Rt:5'),
  LDTRB:      insn('00 111 0 00 01 0 imm9:9 10 Rn:5 Rt:5'),
  LDTRSB:     insn('00 111 0 00 1 w:1 0 imm9:9 10 Rn:5 Rt:5'),
  STTRH:      insn('01 111 0 00 00 0 imm9:9 10 Rn:5 Rt:5'),
  LDTRH:      insn('01 111 0 00 01 0 imm9:9 10 Rn:5 Rt:5'),
  LDTRSH:     insn('01 111 0 00 1 w:1 0 imm9:9 10 Rn:5 Rt:5'),
  STTR:       insn('1 sf:1 111 0 00 00 0 imm9:9 10 Rn:5 Rt:5'),
  LDTR:       insn('1 sf:1 111 0 00 01 0 imm9:9 10 Rn:5 Rt:5'),
  LDTRSW:     insn('10 111 0 00 10 0 imm9:9 10 Rn:5 Rt:5'),

  // Load/store register (immediate pre-indexed)
  STRB_pre:   insn('00 111 0 00 00 0 imm9:9 11 Rn:5 Rt:5'),
  LDRB_pre:   insn('00 111 0 00 01 0 imm9:9 11 Rn:5 Rt:5'),
  LDRSB_pre:  insn('00 111 0 00 1 w:1 0 imm9:9 11 Rn:5 Rt:5'),
  STRH_pre:   insn('01 111 0 00 00 0 imm9:9 11 Rn:5 Rt:5'),
  LDRH_pre:   insn('01 111 0 00 01 0 imm9:9 11 Rn:5 Rt:5'),
  LDRSH_pre:  insn('01 111 0 00 1 w:1 0 imm9:9 11 Rn:5 Rt:5'),
  STR_pre:    insn('1 sf:1 111 0 00 00 0 imm9:9 11 Rn:5 Rt:5'),
  LDR_pre:    insn('1 sf:1 111 0 00 01 0 imm9:9 11 Rn:5 Rt:5'),
  LDRSW_pre:  insn('10 111 0 00 10 0 imm9:9 11 Rn:5 Rt:5'),

  // Load/store register (register offset)
  STRB_reg:   insn('00 111 0 00 00 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: WRONG_EXTEND }),
  LDRB_reg:   insn('00 111 0 00 01 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: WRONG_EXTEND }),
  LDRSB_reg:  insn('00 111 0 00 1 w:1 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: WRONG_EXTEND }),
  STRH_reg:   insn('01 111 0 00 00 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: WRONG_EXTEND }),
  LDRH_reg:   insn('01 111 0 00 01 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: WRONG_EXTEND }),
  LDRSH_reg:  insn('01 111 0 00 1 w:1 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: WRONG_EXTEND }),
  STR_reg:    insn('1 sf:1 111 0 00 00 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: WRONG_EXTEND }),
  LDR_reg:    insn('1 sf:1 111 0 00 01 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: WRONG_EXTEND }),
  LDRSW_reg:  insn('10 111 0 00 10 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: WRONG_EXTEND }),
  PRFM_reg:   insn('11 111 0 00 10 1 Rm:5 option:3 S:1 10 Rn:5 Rt:5', { not: WRONG_EXTEND }),
  // A hint that hides in the prefetch operations 24 to 31.
  RPRFM:      insn('11 111 0 00 10 1 Rm:5 opt2:1 1 opt0:1 S:1 10 Rn:5 11 prfop:3', { feat: 'FEAT_RPRFM', inside: 'PRFM_reg' }),

  // Load/store register (unsigned immediate)
  STRB_imm:   insn('00 111 0 01 00 imm12:12 Rn:5 Rt:5'),
  LDRB_imm:   insn('00 111 0 01 01 imm12:12 Rn:5 Rt:5'),
  LDRSB_imm:  insn('00 111 0 01 1 w:1 imm12:12 Rn:5 Rt:5'),
  STRH_imm:   insn('01 111 0 01 00 imm12:12 Rn:5 Rt:5'),
  LDRH_imm:   insn('01 111 0 01 01 imm12:12 Rn:5 Rt:5'),
  LDRSH_imm:  insn('01 111 0 01 1 w:1 imm12:12 Rn:5 Rt:5'),
  STR_imm:    insn('1 sf:1 111 0 01 00 imm12:12 Rn:5 Rt:5'),
  LDR_imm:    insn('1 sf:1 111 0 01 01 imm12:12 Rn:5 Rt:5'),
  LDRSW_imm:  insn('10 111 0 01 10 imm12:12 Rn:5 Rt:5'),
  PRFM_imm:   insn('11 111 0 01 10 imm12:12 Rn:5 Rt:5'),

  // 64-byte accesses
  LD64B:       insn('11 111 0 00 001 11111 1 101 00 Rn:5 Rt:5', LS64('FEAT_LS64')),
  ST64B:       insn('11 111 0 00 001 11111 1 001 00 Rn:5 Rt:5', LS64('FEAT_LS64')),
  ST64BV:      insn('11 111 0 00 001 Rs:5 1 011 00 Rn:5 Rt:5', LS64('FEAT_LS64_V')),
  ST64BV0:     insn('11 111 0 00 001 Rs:5 1 010 00 Rn:5 Rt:5', LS64('FEAT_LS64_ACCDATA')),
  // Guarded Control Stack stores
  GCSSTR:      insn('11011001 000 11111 000 011 Rn:5 Rt:5', GCS),
  GCSSTTR:     insn('11011001 000 11111 000 111 Rn:5 Rt:5', GCS),
} satisfies Rows;
