// Encodings of pointer authentication, gathered from the Arm ARM's tables of hints, one-source and two-source data
// processing, branches and loads. The hint forms are NOPs where FEAT_PAuth is absent.

import { insn, type Rows } from './schema.ts';

const PAUTH = { feat: 'FEAT_PAuth' } as const;
const HINT = { feat: 'FEAT_PAuth', inside: 'HINT' } as const;
const LR = { feat: 'FEAT_PAuth_LR' } as const;
const LR_HINT = { feat: 'FEAT_PAuth_LR', inside: 'HINT' } as const;

export const PAUTH_ROWS = {
  // Hints
  XPACLRI:      insn('11010101000000110010 0000 111 11111', HINT),
  PACIA1716:    insn('11010101000000110010 0001 000 11111', HINT),
  PACIB1716:    insn('11010101000000110010 0001 010 11111', HINT),
  AUTIA1716:    insn('11010101000000110010 0001 100 11111', HINT),
  AUTIB1716:    insn('11010101000000110010 0001 110 11111', HINT),
  PACIAZ:       insn('11010101000000110010 0011 000 11111', HINT),
  PACIASP:      insn('11010101000000110010 0011 001 11111', HINT),
  PACIBZ:       insn('11010101000000110010 0011 010 11111', HINT),
  PACIBSP:      insn('11010101000000110010 0011 011 11111', HINT),
  AUTIAZ:       insn('11010101000000110010 0011 100 11111', HINT),
  AUTIASP:      insn('11010101000000110010 0011 101 11111', HINT),
  AUTIBZ:       insn('11010101000000110010 0011 110 11111', HINT),
  AUTIBSP:      insn('11010101000000110010 0011 111 11111', HINT),
  PACM:         insn('11010101000000110010 0100 111 11111', LR_HINT),

  // Data-processing (1 source): Rn is the modifier
  PACIA:        insn('1 1 0 11010110 00001 000000 Rn:5 Rd:5', PAUTH),
  PACIB:        insn('1 1 0 11010110 00001 000001 Rn:5 Rd:5', PAUTH),
  PACDA:        insn('1 1 0 11010110 00001 000010 Rn:5 Rd:5', PAUTH),
  PACDB:        insn('1 1 0 11010110 00001 000011 Rn:5 Rd:5', PAUTH),
  AUTIA:        insn('1 1 0 11010110 00001 000100 Rn:5 Rd:5', PAUTH),
  AUTIB:        insn('1 1 0 11010110 00001 000101 Rn:5 Rd:5', PAUTH),
  AUTDA:        insn('1 1 0 11010110 00001 000110 Rn:5 Rd:5', PAUTH),
  AUTDB:        insn('1 1 0 11010110 00001 000111 Rn:5 Rd:5', PAUTH),
  PACIZA:       insn('1 1 0 11010110 00001 001000 11111 Rd:5', PAUTH),
  PACIZB:       insn('1 1 0 11010110 00001 001001 11111 Rd:5', PAUTH),
  PACDZA:       insn('1 1 0 11010110 00001 001010 11111 Rd:5', PAUTH),
  PACDZB:       insn('1 1 0 11010110 00001 001011 11111 Rd:5', PAUTH),
  AUTIZA:       insn('1 1 0 11010110 00001 001100 11111 Rd:5', PAUTH),
  AUTIZB:       insn('1 1 0 11010110 00001 001101 11111 Rd:5', PAUTH),
  AUTDZA:       insn('1 1 0 11010110 00001 001110 11111 Rd:5', PAUTH),
  AUTDZB:       insn('1 1 0 11010110 00001 001111 11111 Rd:5', PAUTH),
  XPACI:        insn('1 1 0 11010110 00001 010000 11111 Rd:5', PAUTH),
  XPACD:        insn('1 1 0 11010110 00001 010001 11111 Rd:5', PAUTH),
  PACNBIASPPC:  insn('1 1 0 11010110 00001 100000 11111 11110', LR),
  PACNBIBSPPC:  insn('1 1 0 11010110 00001 100001 11111 11110', LR),
  PACIA171615:  insn('1 1 0 11010110 00001 100010 11111 11110', LR),
  PACIB171615:  insn('1 1 0 11010110 00001 100011 11111 11110', LR),
  AUTIASPPCR:   insn('1 1 0 11010110 00001 100100 Rn:5 11110', LR),
  AUTIBSPPCR:   insn('1 1 0 11010110 00001 100101 Rn:5 11110', LR),
  PACIASPPC:    insn('1 1 0 11010110 00001 101000 11111 11110', LR),
  PACIBSPPC:    insn('1 1 0 11010110 00001 101001 11111 11110', LR),
  AUTIA171615:  insn('1 1 0 11010110 00001 101110 11111 11110', LR),
  AUTIB171615:  insn('1 1 0 11010110 00001 101111 11111 11110', LR),

  // Data-processing (1 source immediate)
  AUTIASPPC:    insn('1 11 100111 00 imm16:16 11111', LR),
  AUTIBSPPC:    insn('1 11 100111 01 imm16:16 11111', LR),

  // Data-processing (2 source)
  PACGA:        insn('1 0 0 11010110 Rm:5 001100 Rn:5 Rd:5', PAUTH),

  // Unconditional branch (register): M chooses key B, Rm is the modifier
  BRAZ:         insn('1101011 0000 11111 00001 M:1 Rn:5 11111', PAUTH),
  BLRAZ:        insn('1101011 0001 11111 00001 M:1 Rn:5 11111', PAUTH),
  RETA:         insn('1101011 0010 11111 00001 M:1 11111 11111', PAUTH),
  ERETA:        insn('1101011 0100 11111 00001 M:1 11111 11111', PAUTH),
  BRA:          insn('1101011 1000 11111 00001 M:1 Rn:5 Rm:5', PAUTH),
  BLRA:         insn('1101011 1001 11111 00001 M:1 Rn:5 Rm:5', PAUTH),
  RETASPPCR:    insn('1101011 0010 11111 00001 M:1 11111 Rm:5', { ...LR, not: 'Rm=31' }),
  RETASPPC_imm: insn('01010101 00 M:1 imm16:16 11111', LR),

  // Load/store register (pac): W is write-back, S:imm9 the offset in words of 8 bytes
  LDRA:         insn('11 111 0 00 M:1 S:1 1 imm9:9 W:1 1 Rn:5 Rt:5', PAUTH),
} satisfies Rows;
