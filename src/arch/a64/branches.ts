// Encodings of branches and exception generation. Authenticating branches are in pauth.ts.

import { insn, type Rows } from './schema.ts';

const CMPBR = { feat: 'FEAT_CMPBR', not: 'cc=4 | cc=5' } as const;

export const BRANCHES = {
  // Conditional branch (immediate)
  B_cond:  insn('01010100 imm19:19 0 cond:4'),
  BC_cond: insn('01010100 imm19:19 1 cond:4', { feat: 'FEAT_HBC' }),

  // Exception generation
  SVC:     insn('11010100 000 imm16:16 000 01'),
  HVC:     insn('11010100 000 imm16:16 000 10'),
  SMC:     insn('11010100 000 imm16:16 000 11'),
  BRK:     insn('11010100 001 imm16:16 000 00'),
  HLT:     insn('11010100 010 imm16:16 000 00'),
  // UNDEFINED outside Debug state, which does not exist here.
  DCPS1:   insn('11010100 101 imm16:16 000 01', { todo: true }),
  DCPS2:   insn('11010100 101 imm16:16 000 10', { todo: true }),
  DCPS3:   insn('11010100 101 imm16:16 000 11', { todo: true }),
  UDF:     insn('0000000000000000 imm16:16'),

  // Unconditional branch (register)
  BR:      insn('1101011 0000 11111 000000 Rn:5 00000'),
  BLR:     insn('1101011 0001 11111 000000 Rn:5 00000'),
  RET:     insn('1101011 0010 11111 000000 Rn:5 00000'),
  ERET:    insn('1101011 0100 11111 000000 11111 00000'),
  DRPS:    insn('1101011 0101 11111 000000 11111 00000', { todo: true }),

  // Unconditional branch (immediate)
  B:       insn('0 00101 imm26:26'),
  BL:      insn('1 00101 imm26:26'),

  // Compare and branch (immediate)
  CBZ:     insn('sf:1 011010 0 imm19:19 Rt:5'),
  CBNZ:    insn('sf:1 011010 1 imm19:19 Rt:5'),

  // Test and branch (immediate)
  TBZ:     insn('b5:1 011011 0 b40:5 imm14:14 Rt:5'),
  TBNZ:    insn('b5:1 011011 1 b40:5 imm14:14 Rt:5'),

  // Compare registers and branch; compare bytes/halfwords and branch; compare register with immediate and branch
  CB_reg:  insn('sf:1 1110100 cc:3 Rm:5 00 imm9:9 Rt:5', CMPBR),
  CBB:     insn('01110100 cc:3 Rm:5 10 imm9:9 Rt:5', CMPBR),
  CBH:     insn('01110100 cc:3 Rm:5 11 imm9:9 Rt:5', CMPBR),
  CB_imm:  insn('sf:1 1110101 cc:3 imm6:6 0 imm9:9 Rt:5', CMPBR),
} satisfies Rows;
