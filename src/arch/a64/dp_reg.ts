// Encodings of "Data processing -- register", in the order of the Arm ARM's decode tables. Pointer authentication is in
// pauth.ts, memory tagging in mte.ts.

import { insn, type Rows } from './schema.ts';

const CSSC = { feat: 'FEAT_CSSC' } as const;
const CRC = { feat: 'FEAT_CRC32' } as const;
const FLAGM = { feat: 'FEAT_FlagM' } as const;
const CPA = { feat: 'FEAT_CPA' } as const;
const NARROW_SHIFT = 'sf=0 & imm6>=32';
const NO_ROR = 'shift=3 | sf=0 & imm6>=32';
const BAD_LSL = 'imm3>=5';

export const DP_REG = {
  // Data-processing (2 source)
  UDIV:       insn('sf:1 0 0 11010110 Rm:5 000010 Rn:5 Rd:5'),
  SDIV:       insn('sf:1 0 0 11010110 Rm:5 000011 Rn:5 Rd:5'),
  LSLV:       insn('sf:1 0 0 11010110 Rm:5 001000 Rn:5 Rd:5'),
  LSRV:       insn('sf:1 0 0 11010110 Rm:5 001001 Rn:5 Rd:5'),
  ASRV:       insn('sf:1 0 0 11010110 Rm:5 001010 Rn:5 Rd:5'),
  RORV:       insn('sf:1 0 0 11010110 Rm:5 001011 Rn:5 Rd:5'),
  CRC32:      insn('0 0 0 11010110 Rm:5 010 0 sz:2 Rn:5 Rd:5', { ...CRC, not: 'sz=3' }),
  CRC32X:     insn('1 0 0 11010110 Rm:5 010 0 11 Rn:5 Rd:5', CRC),
  CRC32C:     insn('0 0 0 11010110 Rm:5 010 1 sz:2 Rn:5 Rd:5', { ...CRC, not: 'sz=3' }),
  CRC32CX:    insn('1 0 0 11010110 Rm:5 010 1 11 Rn:5 Rd:5', CRC),
  SMAX_reg:   insn('sf:1 0 0 11010110 Rm:5 011000 Rn:5 Rd:5', CSSC),
  UMAX_reg:   insn('sf:1 0 0 11010110 Rm:5 011001 Rn:5 Rd:5', CSSC),
  SMIN_reg:   insn('sf:1 0 0 11010110 Rm:5 011010 Rn:5 Rd:5', CSSC),
  UMIN_reg:   insn('sf:1 0 0 11010110 Rm:5 011011 Rn:5 Rd:5', CSSC),

  // Data-processing (1 source)
  RBIT_int:   insn('sf:1 1 0 11010110 00000 000000 Rn:5 Rd:5'),
  REV16_int:  insn('sf:1 1 0 11010110 00000 000001 Rn:5 Rd:5'),
  REV_w:      insn('0 1 0 11010110 00000 000010 Rn:5 Rd:5'),
  REV32_int:  insn('1 1 0 11010110 00000 000010 Rn:5 Rd:5'),
  REV_x:      insn('1 1 0 11010110 00000 000011 Rn:5 Rd:5'),
  CLZ_int:    insn('sf:1 1 0 11010110 00000 000100 Rn:5 Rd:5'),
  CLS_int:    insn('sf:1 1 0 11010110 00000 000101 Rn:5 Rd:5'),
  CTZ:        insn('sf:1 1 0 11010110 00000 000110 Rn:5 Rd:5', CSSC),
  CNT_int:    insn('sf:1 1 0 11010110 00000 000111 Rn:5 Rd:5', CSSC),
  ABS_int:    insn('sf:1 1 0 11010110 00000 001000 Rn:5 Rd:5', CSSC),

  // Logical (shifted register)
  AND_shift:  insn('sf:1 00 01010 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5', { not: NARROW_SHIFT }),
  BIC_shift:  insn('sf:1 00 01010 shift:2 1 Rm:5 imm6:6 Rn:5 Rd:5', { not: NARROW_SHIFT }),
  ORR_shift:  insn('sf:1 01 01010 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5', { not: NARROW_SHIFT }),
  ORN_shift:  insn('sf:1 01 01010 shift:2 1 Rm:5 imm6:6 Rn:5 Rd:5', { not: NARROW_SHIFT }),
  EOR_shift:  insn('sf:1 10 01010 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5', { not: NARROW_SHIFT }),
  EON_shift:  insn('sf:1 10 01010 shift:2 1 Rm:5 imm6:6 Rn:5 Rd:5', { not: NARROW_SHIFT }),
  ANDS_shift: insn('sf:1 11 01010 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5', { not: NARROW_SHIFT }),
  BICS_shift: insn('sf:1 11 01010 shift:2 1 Rm:5 imm6:6 Rn:5 Rd:5', { not: NARROW_SHIFT }),

  // Add/subtract (shifted register)
  ADD_shift:  insn('sf:1 0 0 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5', { not: NO_ROR }),
  ADDS_shift: insn('sf:1 0 1 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5', { not: NO_ROR }),
  SUB_shift:  insn('sf:1 1 0 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5', { not: NO_ROR }),
  SUBS_shift: insn('sf:1 1 1 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5', { not: NO_ROR }),

  // Add/subtract (extended register)
  ADD_ext:    insn('sf:1 0 0 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 Rd:5', { not: BAD_LSL }),
  ADDS_ext:   insn('sf:1 0 1 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 Rd:5', { not: BAD_LSL }),
  SUB_ext:    insn('sf:1 1 0 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 Rd:5', { not: BAD_LSL }),
  SUBS_ext:   insn('sf:1 1 1 01011 00 1 Rm:5 option:3 imm3:3 Rn:5 Rd:5', { not: BAD_LSL }),

  // Add/subtract (with carry)
  ADC:        insn('sf:1 0 0 11010000 Rm:5 000000 Rn:5 Rd:5'),
  ADCS:       insn('sf:1 0 1 11010000 Rm:5 000000 Rn:5 Rd:5'),
  SBC:        insn('sf:1 1 0 11010000 Rm:5 000000 Rn:5 Rd:5'),
  SBCS:       insn('sf:1 1 1 11010000 Rm:5 000000 Rn:5 Rd:5'),

  // Add/subtract (checked pointer)
  ADDPT:      insn('1 0 0 11010000 Rm:5 001 imm3:3 Rn:5 Rd:5', CPA),
  SUBPT:      insn('1 1 0 11010000 Rm:5 001 imm3:3 Rn:5 Rd:5', CPA),

  // Rotate right into flags; evaluate into flags
  RMIF:       insn('1 0 1 11010000 imm6:6 00001 Rn:5 0 mask:4', FLAGM),
  SETF8:      insn('0 0 1 11010000 000000 0 0010 Rn:5 0 1101', FLAGM),
  SETF16:     insn('0 0 1 11010000 000000 1 0010 Rn:5 0 1101', FLAGM),

  // Conditional compare (register), (immediate)
  CCMN_reg:   insn('sf:1 0 1 11010010 Rm:5 cond:4 0 0 Rn:5 0 nzcv:4'),
  CCMP_reg:   insn('sf:1 1 1 11010010 Rm:5 cond:4 0 0 Rn:5 0 nzcv:4'),
  CCMN_imm:   insn('sf:1 0 1 11010010 imm5:5 cond:4 1 0 Rn:5 0 nzcv:4'),
  CCMP_imm:   insn('sf:1 1 1 11010010 imm5:5 cond:4 1 0 Rn:5 0 nzcv:4'),

  // Conditional select
  CSEL:       insn('sf:1 0 0 11010100 Rm:5 cond:4 0 0 Rn:5 Rd:5'),
  CSINC:      insn('sf:1 0 0 11010100 Rm:5 cond:4 0 1 Rn:5 Rd:5'),
  CSINV:      insn('sf:1 1 0 11010100 Rm:5 cond:4 0 0 Rn:5 Rd:5'),
  CSNEG:      insn('sf:1 1 0 11010100 Rm:5 cond:4 0 1 Rn:5 Rd:5'),

  // Data-processing (3 source). Ra of the high multiplies should be 31 and is not looked at.
  MADD:       insn('sf:1 00 11011 000 Rm:5 0 Ra:5 Rn:5 Rd:5'),
  MSUB:       insn('sf:1 00 11011 000 Rm:5 1 Ra:5 Rn:5 Rd:5'),
  SMADDL:     insn('1 00 11011 001 Rm:5 0 Ra:5 Rn:5 Rd:5'),
  SMSUBL:     insn('1 00 11011 001 Rm:5 1 Ra:5 Rn:5 Rd:5'),
  SMULH:      insn('1 00 11011 010 Rm:5 0 Ra:5 Rn:5 Rd:5'),
  MADDPT:     insn('1 00 11011 011 Rm:5 0 Ra:5 Rn:5 Rd:5', CPA),
  MSUBPT:     insn('1 00 11011 011 Rm:5 1 Ra:5 Rn:5 Rd:5', CPA),
  UMADDL:     insn('1 00 11011 101 Rm:5 0 Ra:5 Rn:5 Rd:5'),
  UMSUBL:     insn('1 00 11011 101 Rm:5 1 Ra:5 Rn:5 Rd:5'),
  UMULH:      insn('1 00 11011 110 Rm:5 0 Ra:5 Rn:5 Rd:5'),
} satisfies Rows;
