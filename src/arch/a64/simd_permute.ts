// Moving vector elements about: duplicate, insert, extract, zip, transpose, table lookup. No arithmetic.

import { insn } from './schema.ts';

export const SIMD_PERMUTE = {
  // Advanced SIMD copy. imm5: element size and index; x0000 is no size.
  DUP_elt:    insn('0 Q:1 0 01110000 imm5:5 0 0000 1 Rn:5 Rd:5',      { not: 'imm5=0 | imm5=16 | Q=0 & imm5=8 | Q=0 & imm5=24' }),
  DUP_gen:    insn('0 Q:1 0 01110000 imm5:5 0 0001 1 Rn:5 Rd:5',      { not: 'imm5=0 | imm5=16 | Q=0 & imm5=8 | Q=0 & imm5=24' }),
  DUP_scalar: insn('01 0 11110000 imm5:5 0 0000 1 Rn:5 Rd:5',         { not: 'imm5=0 | imm5=16' }),
  SMOV_w:     insn('0 0 0 01110000 imm5:5 0 0101 1 Rn:5 Rd:5',        { not: 'imm5=0 | imm5=4 | imm5=8 | imm5=12 | imm5=16 | imm5=20 | imm5=24 | imm5=28' }),
  SMOV_x:     insn('0 1 0 01110000 imm5:5 0 0101 1 Rn:5 Rd:5',        { not: 'imm5=0 | imm5=8 | imm5=16 | imm5=24' }),
  UMOV_w:     insn('0 0 0 01110000 imm5:5 0 0111 1 Rn:5 Rd:5',        { not: 'imm5=0 | imm5=8 | imm5=16 | imm5=24' }),
  UMOV_x:     insn('0 1 0 01110000 imm5:5 0 0111 1 Rn:5 Rd:5',        { not: 'imm5!=8 & imm5!=24' }),
  INS_gen:    insn('0 1 0 01110000 imm5:5 0 0011 1 Rn:5 Rd:5',        { not: 'imm5=0 | imm5=16' }),
  INS_elt:    insn('0 1 1 01110000 imm5:5 0 imm4:4 1 Rn:5 Rd:5',      { not: 'imm5=0 | imm5=16' }),

  // Advanced SIMD permute, extract, table lookup
  UZP1:       insn('0 Q:1 0 01110 size:2 0 Rm:5 0 001 10 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  TRN1:       insn('0 Q:1 0 01110 size:2 0 Rm:5 0 010 10 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  ZIP1:       insn('0 Q:1 0 01110 size:2 0 Rm:5 0 011 10 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  UZP2:       insn('0 Q:1 0 01110 size:2 0 Rm:5 0 101 10 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  TRN2:       insn('0 Q:1 0 01110 size:2 0 Rm:5 0 110 10 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  ZIP2:       insn('0 Q:1 0 01110 size:2 0 Rm:5 0 111 10 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  EXT:        insn('0 Q:1 101110 00 0 Rm:5 0 imm4:4 0 Rn:5 Rd:5',     { not: 'Q=0 & imm4>=8' }),
  TBL:        insn('0 Q:1 001110 00 0 Rm:5 0 len:2 0 00 Rn:5 Rd:5'),
  TBX:        insn('0 Q:1 001110 00 0 Rm:5 0 len:2 1 00 Rn:5 Rd:5'),

  // Table lookup with packed indices
  LUTI2_b:    insn('0 1 0 01110 10 0 Rm:5 0 index:2 1 00 Rn:5 Rd:5',  { feat: 'FEAT_LUT' }),
  LUTI2_h:    insn('0 1 0 01110 11 0 Rm:5 0 index:3 00 Rn:5 Rd:5',    { feat: 'FEAT_LUT' }),
  LUTI4_b:    insn('0 1 0 01110 01 0 Rm:5 0 index:1 10 00 Rn:5 Rd:5', { feat: 'FEAT_LUT' }),
  LUTI4_h:    insn('0 1 0 01110 01 0 Rm:5 0 index:2 1 00 Rn:5 Rd:5',  { feat: 'FEAT_LUT' }),
} as const;
