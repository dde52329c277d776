// SVE permutes: elements moved within and between vectors, general registers and predicates.

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE' } as const;
const SVE2 = { feat: 'FEAT_SVE2' } as const;
const SVE2p1 = { feat: 'FEAT_SVE2p1', todo: true } as const;
const SVE2p2 = { feat: 'FEAT_SVE2p2', todo: true } as const;
const F64MM = { feat: 'FEAT_F64MM' } as const;
const HSD = { not: 'size=0' } as const;
const SD = { not: 'size<2' } as const;

export const SVE_PERMUTE = {
  // Within and between vectors
  EXT_zzi:     insn('00000101 00 1 imm8h:5 000 imm8l:3 Zm:5 Zdn:5', SVE),
  EXT_zi:      insn('00000101 01 1 imm8h:5 000 imm8l:3 Zn:5 Zd:5',  SVE2),
  ZIP1_zzq:    insn('00000101 10 1 Zm:5 000 000 Zn:5 Zd:5',         F64MM),
  ZIP2_zzq:    insn('00000101 10 1 Zm:5 000 001 Zn:5 Zd:5',         F64MM),
  UZP1_zzq:    insn('00000101 10 1 Zm:5 000 010 Zn:5 Zd:5',         F64MM),
  UZP2_zzq:    insn('00000101 10 1 Zm:5 000 011 Zn:5 Zd:5',         F64MM),
  TRN1_zzq:    insn('00000101 10 1 Zm:5 000 110 Zn:5 Zd:5',         F64MM),
  TRN2_zzq:    insn('00000101 10 1 Zm:5 000 111 Zn:5 Zd:5',         F64MM),
  DUP_zx:      insn('00000101 imm2:2 1 tsz:5 001000 Zn:5 Zd:5',     { ...SVE, not: 'tsz=0' }),
  DUPQ:        insn('00000101 00 1 xxxxx 001001 xxxxx xxxxx',       SVE2p1),
  EXTQ:        insn('00000101 01 1 0xxxx 001001 xxxxx xxxxx',       SVE2p1),
  TBL_zz:      insn('00000101 size:2 1 Zm:5 001100 Zn:5 Zd:5',      SVE),
  TBL_zzz:     insn('00000101 size:2 1 Zm:5 001010 Zn:5 Zd:5',      SVE2),
  TBX_zz:      insn('00000101 size:2 1 Zm:5 001011 Zn:5 Zd:5',      SVE2),
  TBXQ:        insn('00000101 xx 1 xxxxx 001101 xxxxx xxxxx',       SVE2p1),
  DUP_zr:      insn('00000101 size:2 1 00000 001110 Rn:5 Zd:5',     SVE),
  INSR_r:      insn('00000101 size:2 1 00100 001110 Rm:5 Zdn:5',    SVE),
  INSR_v:      insn('00000101 size:2 1 10100 001110 Vm:5 Zdn:5',    SVE),
  PMOV:        insn('00000101 xx 1 01xxx 001110 xxxxx xxxxx',       SVE2p1),
  SUNPK:       insn('00000101 size:2 1 1000 H:1 001110 Zn:5 Zd:5',  { ...SVE, ...HSD }),
  UUNPK:       insn('00000101 size:2 1 1001 H:1 001110 Zn:5 Zd:5',  { ...SVE, ...HSD }),
  REV_zz:      insn('00000101 size:2 1 11000 001110 Zn:5 Zd:5',     SVE),
  ZIP1_zz:     insn('00000101 size:2 1 Zm:5 011 000 Zn:5 Zd:5',     SVE),
  ZIP2_zz:     insn('00000101 size:2 1 Zm:5 011 001 Zn:5 Zd:5',     SVE),
  UZP1_zz:     insn('00000101 size:2 1 Zm:5 011 010 Zn:5 Zd:5',     SVE),
  UZP2_zz:     insn('00000101 size:2 1 Zm:5 011 011 Zn:5 Zd:5',     SVE),
  TRN1_zz:     insn('00000101 size:2 1 Zm:5 011 100 Zn:5 Zd:5',     SVE),
  TRN2_zz:     insn('00000101 size:2 1 Zm:5 011 101 Zn:5 Zd:5',     SVE),

  // Predicates
  ZIP1_pp:     insn('00000101 size:2 10 Pm:4 010 000 0 Pn:4 0 Pd:4', SVE),
  ZIP2_pp:     insn('00000101 size:2 10 Pm:4 010 001 0 Pn:4 0 Pd:4', SVE),
  UZP1_pp:     insn('00000101 size:2 10 Pm:4 010 010 0 Pn:4 0 Pd:4', SVE),
  UZP2_pp:     insn('00000101 size:2 10 Pm:4 010 011 0 Pn:4 0 Pd:4', SVE),
  TRN1_pp:     insn('00000101 size:2 10 Pm:4 010 100 0 Pn:4 0 Pd:4', SVE),
  TRN2_pp:     insn('00000101 size:2 10 Pm:4 010 101 0 Pn:4 0 Pd:4', SVE),
  REV_pp:      insn('00000101 size:2 110100 010 000 0 Pn:4 0 Pd:4',  SVE),
  PUNPK:       insn('00000101 00 11000 H:1 010 000 0 Pn:4 0 Pd:4',   SVE),

  // Predicated
  CPY_zpv:     insn('00000101 size:2 1 00000 100 Pg:3 Vn:5 Zd:5',   SVE),
  CPY_zpr:     insn('00000101 size:2 1 01000 101 Pg:3 Rn:5 Zd:5',   SVE),
  COMPACT:     insn('00000101 size:2 1 00001 100 Pg:3 Zn:5 Zd:5',   { ...SVE, ...SD }),
  SVE2p2_compact: insn('00000101 0x 1 00001 100 xxx xxxxx xxxxx',   SVE2p2),
  SVE2p2_expand:  insn('00000101 xx 1 10001 100 xxx xxxxx xxxxx',   SVE2p2),
  LAST_v:      insn('00000101 size:2 1 0001 B:1 100 Pg:3 Zn:5 Vd:5', SVE),
  LAST_r:      insn('00000101 size:2 1 0000 B:1 101 Pg:3 Zn:5 Rd:5', SVE),
  CLAST_z:     insn('00000101 size:2 1 0100 B:1 100 Pg:3 Zm:5 Zdn:5', SVE),
  CLAST_v:     insn('00000101 size:2 1 0101 B:1 100 Pg:3 Zm:5 Vdn:5', SVE),
  CLAST_r:     insn('00000101 size:2 1 1000 B:1 101 Pg:3 Zm:5 Rdn:5', SVE),
  REVB_zpz:    insn('00000101 size:2 1 00100 100 Pg:3 Zn:5 Zd:5',   { ...SVE, ...HSD }),
  REVH_zpz:    insn('00000101 size:2 1 00101 100 Pg:3 Zn:5 Zd:5',   { ...SVE, ...SD }),
  REVW_zpz:    insn('00000101 size:2 1 00110 100 Pg:3 Zn:5 Zd:5',   { ...SVE, not: 'size!=3' }),
  RBIT_zpz:    insn('00000101 size:2 1 00111 100 Pg:3 Zn:5 Zd:5',   SVE),
  REVD:        insn('00000101 00 1 01110 100 Pg:3 Zn:5 Zd:5',       { feat: 'FEAT_SVE2p1' }),
  SPLICE_zpzz: insn('00000101 size:2 1 01100 100 Pv:3 Zm:5 Zdn:5',  SVE),
  SPLICE_zpz:  insn('00000101 size:2 1 01101 100 Pv:3 Zn:5 Zd:5',   SVE2),
  SEL_zpzz:    insn('00000101 size:2 1 Zm:5 11 Pg:4 Zn:5 Zd:5',     SVE),
} as const;
