// Encodings of hints, barriers, PSTATE access and system instructions. The hints of pointer authentication are in
// pauth.ts. A hint whose feature is absent is not UNDEFINED but what HINT is: a NOP.

import { insn, odd, type Rows } from './schema.ts';

const hint = <const F extends string>(feat: F) => ({ feat, inside: 'HINT' }) as const;
const HINT = { inside: 'HINT' } as const;

export const SYSTEM = {
  // System instructions with register argument
  WFET:     insn('11010101000000110001 0000 000 Rt:5', { feat: 'FEAT_WFxT' }),
  WFIT:     insn('11010101000000110001 0000 001 Rt:5', { feat: 'FEAT_WFxT' }),

  // Hints
  HINT:     insn('11010101000000110010 CRm:4 op2:3 11111'),
  NOP:      insn('11010101000000110010 0000 000 11111', HINT),
  YIELD:    insn('11010101000000110010 0000 001 11111', HINT),
  WFE:      insn('11010101000000110010 0000 010 11111', HINT),
  WFI:      insn('11010101000000110010 0000 011 11111', HINT),
  SEV:      insn('11010101000000110010 0000 100 11111', HINT),
  SEVL:     insn('11010101000000110010 0000 101 11111', HINT),
  DGH:      insn('11010101000000110010 0000 110 11111', hint('FEAT_DGH')),
  ESB:      insn('11010101000000110010 0010 000 11111', hint('FEAT_RAS')),
  PSB:      insn('11010101000000110010 0010 001 11111', hint('FEAT_SPE')),
  TSB:      insn('11010101000000110010 0010 010 11111', hint('FEAT_TRF')),
  GCSB:     insn('11010101000000110010 0010 011 11111', hint('FEAT_GCS')),
  CSDB:     insn('11010101000000110010 0010 100 11111', HINT),
  CLRBHB:   insn('11010101000000110010 0010 110 11111', hint('FEAT_CLRBHB')),
  BTI:      insn('11010101000000110010 0100 targets:2 0 11111', hint('FEAT_BTI')),
  CHKFEAT:  insn('11010101000000110010 0101 000 11111', HINT), // FEAT_CHK has no ID field
  STSHH:    insn('11010101000000110010 0110 00 policy:1 11111', hint('FEAT_PCDPHINT')),

  // Barriers
  CLREX:    insn('11010101000000110011 CRm:4 010 11111'),
  DSB:      insn('11010101000000110011 CRm:4 100 11111'),
  DMB:      insn('11010101000000110011 CRm:4 101 11111'),
  ISB:      insn('11010101000000110011 CRm:4 110 11111'),
  SB:       insn('11010101000000110011 0000 111 11111', { feat: 'FEAT_SB' }),
  DSB_nXS:  insn('11010101000000110011 imm2:2 10 001 11111', { feat: 'FEAT_XS' }),

  // PSTATE: op1:op2 name the field. Which of them exist is a question of features, asked where they are written.
  MSR_imm:  insn('1101010100000 op1:3 0100 CRm:4 op2:3 11111', {
    not: 'op1=0 & op2<3 | op1=0 & op2>5 | op1=1 & op2!=0 | op1=1 & CRm>=4 | op1=2 | op1>3 | op1=3 & op2=0 | op1=3 & op2=3 | op1=3 & op2=5',
  }),
  MSR_SVCR: insn('1101010100000 011 0100 0 mask:2 imm1:1 011 11111', {
    feat: 'FEAT_SME', todo: true, inside: 'MSR_imm', not: 'mask=0',
  }),
  CFINV:    insn('1101010100000 000 0100 0000 000 11111', { feat: 'FEAT_FlagM', inside: 'MSR_imm' }),
  XAFLAG:   insn('1101010100000 000 0100 0000 001 11111', { feat: 'FEAT_FlagM2', inside: 'MSR_imm' }),
  AXFLAG:   insn('1101010100000 000 0100 0000 010 11111', { feat: 'FEAT_FlagM2', inside: 'MSR_imm' }),

  // System instructions, system register move
  SYS:      insn('1101010100 0 01 op1:3 CRn:4 CRm:4 op2:3 Rt:5'),
  SYSL:     insn('1101010100 1 01 op1:3 CRn:4 CRm:4 op2:3 Rt:5'),
  MSR_reg:  insn('1101010100 0 1 o0:1 op1:3 CRn:4 CRm:4 op2:3 Rt:5'),
  MRS:      insn('1101010100 1 1 o0:1 op1:3 CRn:4 CRm:4 op2:3 Rt:5'),

  // System pair instructions, system register pair move
  SYSP:     insn('1101010101 0 01 op1:3 CRn:4 CRm:4 op2:3 Rt:5', { feat: 'FEAT_SYSINSTR128', todo: true, not: odd('Rt', 31) }),
  MSRR:     insn('1101010101 0 1 o0:1 op1:3 CRn:4 CRm:4 op2:3 Rt:5', { feat: 'FEAT_SYSREG128', todo: true, not: odd('Rt') }),
  MRRS:     insn('1101010101 1 1 o0:1 op1:3 CRn:4 CRm:4 op2:3 Rt:5', { feat: 'FEAT_SYSREG128', todo: true, not: odd('Rt') }),
} satisfies Rows;
