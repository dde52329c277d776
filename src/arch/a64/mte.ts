// Encodings of memory tagging, gathered from the Arm ARM's tables of data processing and loads and stores. All known,
// none done.

import { insn, type Rows } from './schema.ts';

const MTE = { feat: 'FEAT_MTE', todo: true } as const;
const MTE2 = { feat: 'FEAT_MTE2', todo: true } as const;

export const MTE_ROWS = {
  // Add/subtract (immediate, with tags)
  ADDG:      insn('1 0 0 100011 0 uimm6:6 00 uimm4:4 Rn:5 Rd:5', MTE),
  SUBG:      insn('1 1 0 100011 0 uimm6:6 00 uimm4:4 Rn:5 Rd:5', MTE),

  // Data-processing (2 source)
  SUBP:      insn('1 0 0 11010110 Rm:5 000000 Rn:5 Rd:5', MTE),
  SUBPS:     insn('1 0 1 11010110 Rm:5 000000 Rn:5 Rd:5', MTE),
  IRG:       insn('1 0 0 11010110 Rm:5 000100 Rn:5 Rd:5', MTE),
  GMI:       insn('1 0 0 11010110 Rm:5 000101 Rn:5 Rd:5', MTE),

  // Load/store memory tags
  STG_post:  insn('11011001 00 1 imm9:9 01 Rn:5 Rt:5', MTE),
  STG:       insn('11011001 00 1 imm9:9 10 Rn:5 Rt:5', MTE),
  STG_pre:   insn('11011001 00 1 imm9:9 11 Rn:5 Rt:5', MTE),
  STZG_post: insn('11011001 01 1 imm9:9 01 Rn:5 Rt:5', MTE),
  STZG:      insn('11011001 01 1 imm9:9 10 Rn:5 Rt:5', MTE),
  STZG_pre:  insn('11011001 01 1 imm9:9 11 Rn:5 Rt:5', MTE),
  ST2G_post: insn('11011001 10 1 imm9:9 01 Rn:5 Rt:5', MTE),
  ST2G:      insn('11011001 10 1 imm9:9 10 Rn:5 Rt:5', MTE),
  ST2G_pre:  insn('11011001 10 1 imm9:9 11 Rn:5 Rt:5', MTE),
  STZ2G_post: insn('11011001 11 1 imm9:9 01 Rn:5 Rt:5', MTE),
  STZ2G:     insn('11011001 11 1 imm9:9 10 Rn:5 Rt:5', MTE),
  STZ2G_pre: insn('11011001 11 1 imm9:9 11 Rn:5 Rt:5', MTE),
  LDG:       insn('11011001 01 1 imm9:9 00 Rn:5 Rt:5', MTE),
  STZGM:     insn('11011001 00 1 000000000 00 Rn:5 Rt:5', MTE2),
  STGM:      insn('11011001 10 1 000000000 00 Rn:5 Rt:5', MTE2),
  LDGM:      insn('11011001 11 1 000000000 00 Rn:5 Rt:5', MTE2),

  // Load/store register pair
  STGP_post: insn('01 101 0 001 0 imm7:7 Rt2:5 Rn:5 Rt:5', MTE),
  STGP:      insn('01 101 0 010 0 imm7:7 Rt2:5 Rn:5 Rt:5', MTE),
  STGP_pre:  insn('01 101 0 011 0 imm7:7 Rt2:5 Rn:5 Rt:5', MTE),
} satisfies Rows;
