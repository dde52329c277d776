// Encodings of exclusive, ordered and unprivileged-ordered loads and stores (including FEAT_LRCPC, LRCPC2, LRCPC3).
// size is log2 of the bytes. Rs and Rt2 of forms that have no such operand should be 31 and are not looked at.

import { insn, type Rows } from './schema.ts';

const LOR = { feat: 'FEAT_LOR' } as const;
const RCPC = { feat: 'FEAT_LRCPC' } as const;
const RCPC2 = { feat: 'FEAT_LRCPC2' } as const;
const RCPC3 = { feat: 'FEAT_LRCPC3' } as const;
const LSUI = { feat: 'FEAT_LSUI' } as const;

export const LDST_EXCLUSIVE = {
  // Load/store exclusive register
  STXR:        insn('size:2 001000 000 Rs:5 0 Rt2:5 Rn:5 Rt:5'),
  STLXR:       insn('size:2 001000 000 Rs:5 1 Rt2:5 Rn:5 Rt:5'),
  LDXR:        insn('size:2 001000 010 Rs:5 0 Rt2:5 Rn:5 Rt:5'),
  LDAXR:       insn('size:2 001000 010 Rs:5 1 Rt2:5 Rn:5 Rt:5'),

  // Load/store exclusive pair
  STXP:        insn('1 sz:1 001000 001 Rs:5 0 Rt2:5 Rn:5 Rt:5'),
  STLXP:       insn('1 sz:1 001000 001 Rs:5 1 Rt2:5 Rn:5 Rt:5'),
  LDXP:        insn('1 sz:1 001000 011 Rs:5 0 Rt2:5 Rn:5 Rt:5'),
  LDAXP:       insn('1 sz:1 001000 011 Rs:5 1 Rt2:5 Rn:5 Rt:5'),

  // Load/store ordered
  STLLR:       insn('size:2 001000 100 Rs:5 0 Rt2:5 Rn:5 Rt:5', LOR),
  STLR:        insn('size:2 001000 100 Rs:5 1 Rt2:5 Rn:5 Rt:5'),
  LDLAR:       insn('size:2 001000 110 Rs:5 0 Rt2:5 Rn:5 Rt:5', LOR),
  LDAR:        insn('size:2 001000 110 Rs:5 1 Rt2:5 Rn:5 Rt:5'),

  // Load/store exclusive register (unprivileged)
  STTXR:       insn('1 sf:1 001001 000 Rs:5 0 Rt2:5 Rn:5 Rt:5', LSUI),
  STLTXR:      insn('1 sf:1 001001 000 Rs:5 1 Rt2:5 Rn:5 Rt:5', LSUI),
  LDTXR:       insn('1 sf:1 001001 010 Rs:5 0 Rt2:5 Rn:5 Rt:5', LSUI),
  LDATXR:      insn('1 sf:1 001001 010 Rs:5 1 Rt2:5 Rn:5 Rt:5', LSUI),

  // LDAPR (among the atomic memory operations)
  LDAPR:       insn('size:2 111 0 00 101 11111 1 100 00 Rn:5 Rt:5', RCPC),

  // LDAPR/STLR (unscaled immediate)
  STLUR:       insn('size:2 011001 00 0 imm9:9 00 Rn:5 Rt:5', RCPC2),
  LDAPUR:      insn('size:2 011001 01 0 imm9:9 00 Rn:5 Rt:5', RCPC2),
  LDAPURSB:    insn('00 011001 1 w:1 0 imm9:9 00 Rn:5 Rt:5', RCPC2),
  LDAPURSH:    insn('01 011001 1 w:1 0 imm9:9 00 Rn:5 Rt:5', RCPC2),
  LDAPURSW:    insn('10 011001 10 0 imm9:9 00 Rn:5 Rt:5', RCPC2),

  // Load/store ordered (writeback)
  STLR_pre:    insn('1 sf:1 011001 10 0 000000000 10 Rn:5 Rt:5', RCPC3),
  LDAPR_post:  insn('1 sf:1 011001 11 0 000000000 10 Rn:5 Rt:5', RCPC3),

  // Load/store ordered pair
  STILP_pre:   insn('1 sf:1 011001 00 0 Rt2:5 0000 10 Rn:5 Rt:5', RCPC3),
  STILP:       insn('1 sf:1 011001 00 0 Rt2:5 0001 10 Rn:5 Rt:5', RCPC3),
  LDIAPP_post: insn('1 sf:1 011001 01 0 Rt2:5 0000 10 Rn:5 Rt:5', RCPC3),
  LDIAPP:      insn('1 sf:1 011001 01 0 Rt2:5 0001 10 Rn:5 Rt:5', RCPC3),
} satisfies Rows;
