// Vector shifts, by immediate and by register, with their rounding, saturating, narrowing and inserting variants.
// immh = 0 is the modified immediate group (simd_misc.ts).

import { insn } from './schema.ts';

export const SIMD_SHIFT = {
  // Advanced SIMD shift by immediate
  SSHR_vec:      insn('0 Q:1 0 011110 immh:4 immb:3 00000 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  USHR_vec:      insn('0 Q:1 1 011110 immh:4 immb:3 00000 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  SSRA_vec:      insn('0 Q:1 0 011110 immh:4 immb:3 00010 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  USRA_vec:      insn('0 Q:1 1 011110 immh:4 immb:3 00010 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  SRSHR_vec:     insn('0 Q:1 0 011110 immh:4 immb:3 00100 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  URSHR_vec:     insn('0 Q:1 1 011110 immh:4 immb:3 00100 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  SRSRA_vec:     insn('0 Q:1 0 011110 immh:4 immb:3 00110 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  URSRA_vec:     insn('0 Q:1 1 011110 immh:4 immb:3 00110 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  SRI_vec:       insn('0 Q:1 1 011110 immh:4 immb:3 01000 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  SHL_vec:       insn('0 Q:1 0 011110 immh:4 immb:3 01010 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  SLI_vec:       insn('0 Q:1 1 011110 immh:4 immb:3 01010 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  SQSHLU_vec:    insn('0 Q:1 1 011110 immh:4 immb:3 01100 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  SQSHL_imm_vec: insn('0 Q:1 0 011110 immh:4 immb:3 01110 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  UQSHL_imm_vec: insn('0 Q:1 1 011110 immh:4 immb:3 01110 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8 & Q=0' }),
  SHRN:          insn('0 Q:1 0 011110 immh:4 immb:3 10000 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  RSHRN:         insn('0 Q:1 0 011110 immh:4 immb:3 10001 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  SQSHRN_vec:    insn('0 Q:1 0 011110 immh:4 immb:3 10010 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  UQSHRN_vec:    insn('0 Q:1 1 011110 immh:4 immb:3 10010 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  SQRSHRN_vec:   insn('0 Q:1 0 011110 immh:4 immb:3 10011 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  UQRSHRN_vec:   insn('0 Q:1 1 011110 immh:4 immb:3 10011 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  SQSHRUN_vec:   insn('0 Q:1 1 011110 immh:4 immb:3 10000 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  SQRSHRUN_vec:  insn('0 Q:1 1 011110 immh:4 immb:3 10001 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  SSHLL:         insn('0 Q:1 0 011110 immh:4 immb:3 10100 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  USHLL:         insn('0 Q:1 1 011110 immh:4 immb:3 10100 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),

  // Advanced SIMD three same: shift by register
  SSHL_vec:      insn('0 Q:1 0 01110 size:2 1 Rm:5 01000 1 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  USHL_vec:      insn('0 Q:1 1 01110 size:2 1 Rm:5 01000 1 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  SQSHL_vec:     insn('0 Q:1 0 01110 size:2 1 Rm:5 01001 1 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  UQSHL_vec:     insn('0 Q:1 1 01110 size:2 1 Rm:5 01001 1 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  SRSHL_vec:     insn('0 Q:1 0 01110 size:2 1 Rm:5 01010 1 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  URSHL_vec:     insn('0 Q:1 1 01110 size:2 1 Rm:5 01010 1 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  SQRSHL_vec:    insn('0 Q:1 0 01110 size:2 1 Rm:5 01011 1 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
  UQRSHL_vec:    insn('0 Q:1 1 01110 size:2 1 Rm:5 01011 1 Rn:5 Rd:5',  { not: 'size=3 & Q=0' }),
} as const;

export const SIMD_SHIFT_SCALAR = {
  // Advanced SIMD scalar shift by immediate
  SSHR_scalar:      insn('01 0 111110 immh:4 immb:3 00000 1 Rn:5 Rd:5', { not: 'immh<8' }),
  USHR_scalar:      insn('01 1 111110 immh:4 immb:3 00000 1 Rn:5 Rd:5', { not: 'immh<8' }),
  SSRA_scalar:      insn('01 0 111110 immh:4 immb:3 00010 1 Rn:5 Rd:5', { not: 'immh<8' }),
  USRA_scalar:      insn('01 1 111110 immh:4 immb:3 00010 1 Rn:5 Rd:5', { not: 'immh<8' }),
  SRSHR_scalar:     insn('01 0 111110 immh:4 immb:3 00100 1 Rn:5 Rd:5', { not: 'immh<8' }),
  URSHR_scalar:     insn('01 1 111110 immh:4 immb:3 00100 1 Rn:5 Rd:5', { not: 'immh<8' }),
  SRSRA_scalar:     insn('01 0 111110 immh:4 immb:3 00110 1 Rn:5 Rd:5', { not: 'immh<8' }),
  URSRA_scalar:     insn('01 1 111110 immh:4 immb:3 00110 1 Rn:5 Rd:5', { not: 'immh<8' }),
  SRI_scalar:       insn('01 1 111110 immh:4 immb:3 01000 1 Rn:5 Rd:5', { not: 'immh<8' }),
  SHL_scalar:       insn('01 0 111110 immh:4 immb:3 01010 1 Rn:5 Rd:5', { not: 'immh<8' }),
  SLI_scalar:       insn('01 1 111110 immh:4 immb:3 01010 1 Rn:5 Rd:5', { not: 'immh<8' }),
  SQSHLU_scalar:    insn('01 1 111110 immh:4 immb:3 01100 1 Rn:5 Rd:5', { not: 'immh=0' }),
  SQSHL_imm_scalar: insn('01 0 111110 immh:4 immb:3 01110 1 Rn:5 Rd:5', { not: 'immh=0' }),
  UQSHL_imm_scalar: insn('01 1 111110 immh:4 immb:3 01110 1 Rn:5 Rd:5', { not: 'immh=0' }),
  SQSHRN_scalar:    insn('01 0 111110 immh:4 immb:3 10010 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  UQSHRN_scalar:    insn('01 1 111110 immh:4 immb:3 10010 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  SQRSHRN_scalar:   insn('01 0 111110 immh:4 immb:3 10011 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  UQRSHRN_scalar:   insn('01 1 111110 immh:4 immb:3 10011 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  SQSHRUN_scalar:   insn('01 1 111110 immh:4 immb:3 10000 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),
  SQRSHRUN_scalar:  insn('01 1 111110 immh:4 immb:3 10001 1 Rn:5 Rd:5', { not: 'immh=0 | immh>=8' }),

  // Advanced SIMD scalar three same: shift by register
  SSHL_scalar:      insn('01 0 11110 size:2 1 Rm:5 01000 1 Rn:5 Rd:5',  { not: 'size!=3' }),
  USHL_scalar:      insn('01 1 11110 size:2 1 Rm:5 01000 1 Rn:5 Rd:5',  { not: 'size!=3' }),
  SQSHL_scalar:     insn('01 0 11110 size:2 1 Rm:5 01001 1 Rn:5 Rd:5'),
  UQSHL_scalar:     insn('01 1 11110 size:2 1 Rm:5 01001 1 Rn:5 Rd:5'),
  SRSHL_scalar:     insn('01 0 11110 size:2 1 Rm:5 01010 1 Rn:5 Rd:5',  { not: 'size!=3' }),
  URSHL_scalar:     insn('01 1 11110 size:2 1 Rm:5 01010 1 Rn:5 Rd:5',  { not: 'size!=3' }),
  SQRSHL_scalar:    insn('01 0 11110 size:2 1 Rm:5 01011 1 Rn:5 Rd:5'),
  UQRSHL_scalar:    insn('01 1 11110 size:2 1 Rm:5 01011 1 Rn:5 Rd:5'),
} as const;
