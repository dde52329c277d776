// SVE compares and predicates: making, combining, testing, counting. Names end in their operands: ppzz (compare of vectors),
// ppzw (with doublewords), ppzi (with an immediate), pppp (predicates).

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE' } as const;
const SVE2 = { feat: 'FEAT_SVE2' } as const;
const SVE2p1 = { feat: 'FEAT_SVE2p1', todo: true } as const;
const BHS = { not: 'size=3' } as const;
const HSD = { not: 'size=0' } as const;

export const SVE_PRED = {
  // Compares
  CMPHS_ppzz: insn('00100100 size:2 0 Zm:5 000 Pg:3 Zn:5 0 Pd:4',  SVE),
  CMPHI_ppzz: insn('00100100 size:2 0 Zm:5 000 Pg:3 Zn:5 1 Pd:4',  SVE),
  CMPEQ_ppzw: insn('00100100 size:2 0 Zm:5 001 Pg:3 Zn:5 0 Pd:4',  { ...SVE, ...BHS }),
  CMPNE_ppzw: insn('00100100 size:2 0 Zm:5 001 Pg:3 Zn:5 1 Pd:4',  { ...SVE, ...BHS }),
  CMPGE_ppzw: insn('00100100 size:2 0 Zm:5 010 Pg:3 Zn:5 0 Pd:4',  { ...SVE, ...BHS }),
  CMPGT_ppzw: insn('00100100 size:2 0 Zm:5 010 Pg:3 Zn:5 1 Pd:4',  { ...SVE, ...BHS }),
  CMPLT_ppzw: insn('00100100 size:2 0 Zm:5 011 Pg:3 Zn:5 0 Pd:4',  { ...SVE, ...BHS }),
  CMPLE_ppzw: insn('00100100 size:2 0 Zm:5 011 Pg:3 Zn:5 1 Pd:4',  { ...SVE, ...BHS }),
  CMPGE_ppzz: insn('00100100 size:2 0 Zm:5 100 Pg:3 Zn:5 0 Pd:4',  SVE),
  CMPGT_ppzz: insn('00100100 size:2 0 Zm:5 100 Pg:3 Zn:5 1 Pd:4',  SVE),
  CMPEQ_ppzz: insn('00100100 size:2 0 Zm:5 101 Pg:3 Zn:5 0 Pd:4',  SVE),
  CMPNE_ppzz: insn('00100100 size:2 0 Zm:5 101 Pg:3 Zn:5 1 Pd:4',  SVE),
  CMPHS_ppzw: insn('00100100 size:2 0 Zm:5 110 Pg:3 Zn:5 0 Pd:4',  { ...SVE, ...BHS }),
  CMPHI_ppzw: insn('00100100 size:2 0 Zm:5 110 Pg:3 Zn:5 1 Pd:4',  { ...SVE, ...BHS }),
  CMPLO_ppzw: insn('00100100 size:2 0 Zm:5 111 Pg:3 Zn:5 0 Pd:4',  { ...SVE, ...BHS }),
  CMPLS_ppzw: insn('00100100 size:2 0 Zm:5 111 Pg:3 Zn:5 1 Pd:4',  { ...SVE, ...BHS }),
  CMPHS_ppzi: insn('00100100 size:2 1 imm7:7 0 Pg:3 Zn:5 0 Pd:4',  SVE),
  CMPHI_ppzi: insn('00100100 size:2 1 imm7:7 0 Pg:3 Zn:5 1 Pd:4',  SVE),
  CMPLO_ppzi: insn('00100100 size:2 1 imm7:7 1 Pg:3 Zn:5 0 Pd:4',  SVE),
  CMPLS_ppzi: insn('00100100 size:2 1 imm7:7 1 Pg:3 Zn:5 1 Pd:4',  SVE),
  CMPGE_ppzi: insn('00100101 size:2 0 imm5:5 000 Pg:3 Zn:5 0 Pd:4', SVE),
  CMPGT_ppzi: insn('00100101 size:2 0 imm5:5 000 Pg:3 Zn:5 1 Pd:4', SVE),
  CMPLT_ppzi: insn('00100101 size:2 0 imm5:5 001 Pg:3 Zn:5 0 Pd:4', SVE),
  CMPLE_ppzi: insn('00100101 size:2 0 imm5:5 001 Pg:3 Zn:5 1 Pd:4', SVE),
  CMPEQ_ppzi: insn('00100101 size:2 0 imm5:5 100 Pg:3 Zn:5 0 Pd:4', SVE),
  CMPNE_ppzi: insn('00100101 size:2 0 imm5:5 100 Pg:3 Zn:5 1 Pd:4', SVE),

  // Logical operations on predicates
  AND_pppp:   insn('00100101 0 S:1 00 Pm:4 01 Pg:4 0 Pn:4 0 Pd:4', SVE),
  BIC_pppp:   insn('00100101 0 S:1 00 Pm:4 01 Pg:4 0 Pn:4 1 Pd:4', SVE),
  EOR_pppp:   insn('00100101 0 S:1 00 Pm:4 01 Pg:4 1 Pn:4 0 Pd:4', SVE),
  SEL_pppp:   insn('00100101 0 0 00 Pm:4 01 Pg:4 1 Pn:4 1 Pd:4',   SVE),
  ORR_pppp:   insn('00100101 1 S:1 00 Pm:4 01 Pg:4 0 Pn:4 0 Pd:4', SVE),
  ORN_pppp:   insn('00100101 1 S:1 00 Pm:4 01 Pg:4 0 Pn:4 1 Pd:4', SVE),
  NOR_pppp:   insn('00100101 1 S:1 00 Pm:4 01 Pg:4 1 Pn:4 0 Pd:4', SVE),
  NAND_pppp:  insn('00100101 1 S:1 00 Pm:4 01 Pg:4 1 Pn:4 1 Pd:4', SVE),

  // Breaks
  BRKPA:      insn('00100101 0 S:1 00 Pm:4 11 Pg:4 0 Pn:4 0 Pd:4', SVE),
  BRKPB:      insn('00100101 0 S:1 00 Pm:4 11 Pg:4 0 Pn:4 1 Pd:4', SVE),
  BRKA:       insn('00100101 0 S:1 01 0000 01 Pg:4 0 Pn:4 M:1 Pd:4', { ...SVE, not: 'S=1 & M=1' }),
  BRKB:       insn('00100101 1 S:1 01 0000 01 Pg:4 0 Pn:4 M:1 Pd:4', { ...SVE, not: 'S=1 & M=1' }),
  BRKN:       insn('00100101 0 S:1 01 1000 01 Pg:4 0 Pn:4 0 Pdm:4', SVE),

  // Predicates and FFR
  PTEST:      insn('00100101 01 010000 11 Pg:4 0 Pn:4 00000',      SVE),
  PFIRST:     insn('00100101 01 011000 1100000 Pg:4 0 Pdn:4',      SVE),
  PNEXT:      insn('00100101 size:2 011001 1100010 Pg:4 0 Pdn:4',  SVE),
  PTRUE:      insn('00100101 size:2 01100 S:1 111000 pattern:5 0 Pd:4', SVE),
  PFALSE:     insn('00100101 00 011000 111001 00000 0 Pd:4',       SVE),
  RDFFR_p:    insn('00100101 0 S:1 011000 1111000 Pg:4 0 Pd:4',    SVE),
  RDFFR:      insn('00100101 00 011001 1111000 0000 0 Pd:4',       SVE),
  WRFFR:      insn('00100101 00 101000 1001000 Pn:4 00000',        SVE),
  SETFFR:     insn('00100101 00 101100 1001000 0000 00000',        SVE),

  // Loops
  WHILEGE:    insn('00100101 size:2 1 Rm:5 000 sf:1 00 Rn:5 0 Pd:4', SVE2),
  WHILEGT:    insn('00100101 size:2 1 Rm:5 000 sf:1 00 Rn:5 1 Pd:4', SVE2),
  WHILELT:    insn('00100101 size:2 1 Rm:5 000 sf:1 01 Rn:5 0 Pd:4', SVE),
  WHILELE:    insn('00100101 size:2 1 Rm:5 000 sf:1 01 Rn:5 1 Pd:4', SVE),
  WHILEHS:    insn('00100101 size:2 1 Rm:5 000 sf:1 10 Rn:5 0 Pd:4', SVE2),
  WHILEHI:    insn('00100101 size:2 1 Rm:5 000 sf:1 10 Rn:5 1 Pd:4', SVE2),
  WHILELO:    insn('00100101 size:2 1 Rm:5 000 sf:1 11 Rn:5 0 Pd:4', SVE),
  WHILELS:    insn('00100101 size:2 1 Rm:5 000 sf:1 11 Rn:5 1 Pd:4', SVE),
  WHILEWR:    insn('00100101 size:2 1 Rm:5 001100 Rn:5 0 Pd:4',    SVE2),
  WHILERW:    insn('00100101 size:2 1 Rm:5 001100 Rn:5 1 Pd:4',    SVE2),
  CTERMEQ:    insn('00100101 1 sf:1 1 Rm:5 001000 Rn:5 00000',     SVE),
  CTERMNE:    insn('00100101 1 sf:1 1 Rm:5 001000 Rn:5 10000',     SVE),

  // Counts
  CNTP_r:     insn('00100101 size:2 100000 10 Pg:4 0 Pn:4 Rd:5',   SVE),
  INCP_r:     insn('00100101 size:2 10110 D:1 10001 00 Pm:4 Rdn:5', SVE),
  INCP_z:     insn('00100101 size:2 10110 D:1 10000 00 Pm:4 Zdn:5', { ...SVE, ...HSD }),
  QINCP_r:    insn('00100101 size:2 1010 D:1 U:1 10001 sf:1 0 Pm:4 Rdn:5', SVE),
  QINCP_z:    insn('00100101 size:2 1010 D:1 U:1 10000 00 Pm:4 Zdn:5', { ...SVE, ...HSD }),
  CNTP_counter: insn('00100101 xx 100000 10 000x 1 xxxx xxxxx',    SVE2p1),
} as const;
