// SVE floating-point multiply-adds, dot products and matrix multiplications, with vectors and with one element. Names of
// rows with one element end in _x and the letter of the element they multiply.

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE' } as const;
const SIZED = { feat: 'FEAT_SVE', not: 'size=0' } as const;
const SVE2 = { feat: 'FEAT_SVE2' } as const;
const SVE2P1 = { feat: 'FEAT_SVE2p1', todo: true } as const;
const BF16 = { feat: 'FEAT_BF16', also: 'FEAT_SVE' } as const;
const B16B16 = { feat: 'FEAT_SVE_B16B16', todo: true } as const;
const F32MM = { feat: 'FEAT_F32MM', also: 'FEAT_SVE' } as const;
const F64MM = { feat: 'FEAT_F64MM', also: 'FEAT_SVE' } as const;

export const SVE_FP_MLA = {
  // Predicated. The first four write the addend, the others a factor
  FMLA_p:      insn('01100101 size:2 1 Zm:5 000 Pg:3 Zn:5 Zda:5', SIZED),
  FMLS_p:      insn('01100101 size:2 1 Zm:5 001 Pg:3 Zn:5 Zda:5', SIZED),
  FNMLA_p:     insn('01100101 size:2 1 Zm:5 010 Pg:3 Zn:5 Zda:5', SIZED),
  FNMLS_p:     insn('01100101 size:2 1 Zm:5 011 Pg:3 Zn:5 Zda:5', SIZED),
  FMAD_p:      insn('01100101 size:2 1 Za:5 100 Pg:3 Zm:5 Zdn:5', SIZED),
  FMSB_p:      insn('01100101 size:2 1 Za:5 101 Pg:3 Zm:5 Zdn:5', SIZED),
  FNMAD_p:     insn('01100101 size:2 1 Za:5 110 Pg:3 Zm:5 Zdn:5', SIZED),
  FNMSB_p:     insn('01100101 size:2 1 Za:5 111 Pg:3 Zm:5 Zdn:5', SIZED),
  BFMLA_p:     insn('01100101 00 1 Zm:5 000 Pg:3 Zn:5 Zda:5', B16B16),
  BFMLS_p:     insn('01100101 00 1 Zm:5 001 Pg:3 Zn:5 Zda:5', B16B16),
  FCMLA_p:     insn('01100100 size:2 0 Zm:5 0 rot:2 Pg:3 Zn:5 Zda:5', SIZED),

  // By one element of each 128-bit segment
  FMLA_x_h:    insn('01100100 0 i3h:1 1 i3l:2 Zm:3 000000 Zn:5 Zda:5', SVE),
  FMLA_x_s:    insn('01100100 10 1 i2:2 Zm:3 000000 Zn:5 Zda:5', SVE),
  FMLA_x_d:    insn('01100100 11 1 i1:1 Zm:4 000000 Zn:5 Zda:5', SVE),
  FMLS_x_h:    insn('01100100 0 i3h:1 1 i3l:2 Zm:3 000001 Zn:5 Zda:5', SVE),
  FMLS_x_s:    insn('01100100 10 1 i2:2 Zm:3 000001 Zn:5 Zda:5', SVE),
  FMLS_x_d:    insn('01100100 11 1 i1:1 Zm:4 000001 Zn:5 Zda:5', SVE),
  FMUL_x_h:    insn('01100100 0 i3h:1 1 i3l:2 Zm:3 001000 Zn:5 Zd:5', SVE),
  FMUL_x_s:    insn('01100100 10 1 i2:2 Zm:3 001000 Zn:5 Zd:5', SVE),
  FMUL_x_d:    insn('01100100 11 1 i1:1 Zm:4 001000 Zn:5 Zd:5', SVE),
  BFMLA_x_h:   insn('01100100 0 i3h:1 1 i3l:2 Zm:3 000010 Zn:5 Zda:5', B16B16),
  BFMLS_x_h:   insn('01100100 0 i3h:1 1 i3l:2 Zm:3 000011 Zn:5 Zda:5', B16B16),
  BFMUL_x_h:   insn('01100100 0 i3h:1 1 i3l:2 Zm:3 001010 Zn:5 Zd:5', B16B16),
  FCMLA_x_h:   insn('01100100 10 1 i2:2 Zm:3 0001 rot:2 Zn:5 Zda:5', SVE),
  FCMLA_x_s:   insn('01100100 11 1 i1:1 Zm:4 0001 rot:2 Zn:5 Zda:5', SVE),

  // From half precision or BFloat16 into single precision: even (B) or odd (T) elements, or pairs
  FMLALB_z:    insn('01100100 10 1 Zm:5 100 000 Zn:5 Zda:5', SVE2),
  FMLALT_z:    insn('01100100 10 1 Zm:5 100 001 Zn:5 Zda:5', SVE2),
  FMLSLB_z:    insn('01100100 10 1 Zm:5 101 000 Zn:5 Zda:5', SVE2),
  FMLSLT_z:    insn('01100100 10 1 Zm:5 101 001 Zn:5 Zda:5', SVE2),
  BFMLALB_z:   insn('01100100 11 1 Zm:5 100 000 Zn:5 Zda:5', BF16),
  BFMLALT_z:   insn('01100100 11 1 Zm:5 100 001 Zn:5 Zda:5', BF16),
  BFMLSLB_z:   insn('01100100 11 1 Zm:5 101 000 Zn:5 Zda:5', SVE2P1),
  BFMLSLT_z:   insn('01100100 11 1 Zm:5 101 001 Zn:5 Zda:5', SVE2P1),
  FMLALB_x_h:  insn('01100100 10 1 i3h:2 Zm:3 0100 i3l:1 0 Zn:5 Zda:5', SVE2),
  FMLALT_x_h:  insn('01100100 10 1 i3h:2 Zm:3 0100 i3l:1 1 Zn:5 Zda:5', SVE2),
  FMLSLB_x_h:  insn('01100100 10 1 i3h:2 Zm:3 0110 i3l:1 0 Zn:5 Zda:5', SVE2),
  FMLSLT_x_h:  insn('01100100 10 1 i3h:2 Zm:3 0110 i3l:1 1 Zn:5 Zda:5', SVE2),
  BFMLALB_x_h: insn('01100100 11 1 i3h:2 Zm:3 0100 i3l:1 0 Zn:5 Zda:5', BF16),
  BFMLALT_x_h: insn('01100100 11 1 i3h:2 Zm:3 0100 i3l:1 1 Zn:5 Zda:5', BF16),
  BFMLSLB_x_h: insn('01100100 11 1 i3h:2 Zm:3 0110 i3l:1 0 Zn:5 Zda:5', SVE2P1),
  BFMLSLT_x_h: insn('01100100 11 1 i3h:2 Zm:3 0110 i3l:1 1 Zn:5 Zda:5', SVE2P1),
  FDOT_z_h:    insn('01100100 00 1 Zm:5 100 000 Zn:5 Zda:5', SVE2P1),
  FDOT_x_h:    insn('01100100 00 1 i2:2 Zm:3 010000 Zn:5 Zda:5', SVE2P1),
  BFDOT_z:     insn('01100100 01 1 Zm:5 100 000 Zn:5 Zda:5', BF16),
  BFDOT_x_h:   insn('01100100 01 1 i2:2 Zm:3 010000 Zn:5 Zda:5', BF16),

  // Matrices of 2 by 2 (BFloat16: 2 by 4) elements in each segment
  BFMMLA_z:    insn('01100100 01 1 Zm:5 111001 Zn:5 Zda:5', BF16),
  FMMLA_z_s:   insn('01100100 10 1 Zm:5 111001 Zn:5 Zda:5', F32MM),
  FMMLA_z_d:   insn('01100100 11 1 Zm:5 111001 Zn:5 Zda:5', F64MM),
} as const;
