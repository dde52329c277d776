// SVE floating-point arithmetic, comparison and reduction. Conversions are in sve_fp_convert.ts, multiply-adds in
// sve_fp_mla.ts. size: 1 half, 2 single, 3 double; 0 is UNALLOCATED or BFloat16. Suffixes of names: _z vectors without
// predicate, _p predicated, _pz predicated and zeroing, _pi predicated with an immediate, _ppz comparison.

import { insn } from './schema.ts';

const SVE = { feat: 'FEAT_SVE', not: 'size=0' } as const;
const SVE2 = { feat: 'FEAT_SVE2', not: 'size=0' } as const;
const SVE2P1 = { feat: 'FEAT_SVE2p1', not: 'size=0' } as const;
const FAMINMAX = { feat: 'FEAT_FAMINMAX', also: 'FEAT_SVE2', not: 'size=0' } as const;
const B16B16 = { feat: 'FEAT_SVE_B16B16', todo: true } as const;

export const SVE_FP = {
  // Unpredicated arithmetic
  FADD_z:     insn('01100101 size:2 0 Zm:5 000 000 Zn:5 Zd:5', SVE),
  FSUB_z:     insn('01100101 size:2 0 Zm:5 000 001 Zn:5 Zd:5', SVE),
  FMUL_z:     insn('01100101 size:2 0 Zm:5 000 010 Zn:5 Zd:5', SVE),
  FTSMUL:     insn('01100101 size:2 0 Zm:5 000 011 Zn:5 Zd:5', SVE),
  FRECPS_z:   insn('01100101 size:2 0 Zm:5 000 110 Zn:5 Zd:5', SVE),
  FRSQRTS_z:  insn('01100101 size:2 0 Zm:5 000 111 Zn:5 Zd:5', SVE),
  BFADD_z:    insn('01100101 00 0 Zm:5 000 000 Zn:5 Zd:5', B16B16),
  BFSUB_z:    insn('01100101 00 0 Zm:5 000 001 Zn:5 Zd:5', B16B16),
  BFMUL_z:    insn('01100101 00 0 Zm:5 000 010 Zn:5 Zd:5', B16B16),
  FTMAD:      insn('01100101 size:2 010 imm3:3 100000 Zm:5 Zdn:5', SVE),
  FRECPE_z:   insn('01100101 size:2 001 110 001100 Zn:5 Zd:5', SVE),
  FRSQRTE_z:  insn('01100101 size:2 001 111 001100 Zn:5 Zd:5', SVE),

  // Predicated arithmetic
  FADD_p:     insn('01100101 size:2 00 0000 100 Pg:3 Zm:5 Zdn:5', SVE),
  FSUB_p:     insn('01100101 size:2 00 0001 100 Pg:3 Zm:5 Zdn:5', SVE),
  FMUL_p:     insn('01100101 size:2 00 0010 100 Pg:3 Zm:5 Zdn:5', SVE),
  FSUBR_p:    insn('01100101 size:2 00 0011 100 Pg:3 Zm:5 Zdn:5', SVE),
  FMAXNM_p:   insn('01100101 size:2 00 0100 100 Pg:3 Zm:5 Zdn:5', SVE),
  FMINNM_p:   insn('01100101 size:2 00 0101 100 Pg:3 Zm:5 Zdn:5', SVE),
  FMAX_p:     insn('01100101 size:2 00 0110 100 Pg:3 Zm:5 Zdn:5', SVE),
  FMIN_p:     insn('01100101 size:2 00 0111 100 Pg:3 Zm:5 Zdn:5', SVE),
  FABD_p:     insn('01100101 size:2 00 1000 100 Pg:3 Zm:5 Zdn:5', SVE),
  FSCALE_p:   insn('01100101 size:2 00 1001 100 Pg:3 Zm:5 Zdn:5', SVE),
  FMULX_p:    insn('01100101 size:2 00 1010 100 Pg:3 Zm:5 Zdn:5', SVE),
  FDIVR_p:    insn('01100101 size:2 00 1100 100 Pg:3 Zm:5 Zdn:5', SVE),
  FDIV_p:     insn('01100101 size:2 00 1101 100 Pg:3 Zm:5 Zdn:5', SVE),
  FAMAX_p:    insn('01100101 size:2 00 1110 100 Pg:3 Zm:5 Zdn:5', FAMINMAX),
  FAMIN_p:    insn('01100101 size:2 00 1111 100 Pg:3 Zm:5 Zdn:5', FAMINMAX),
  BFADD_p:    insn('01100101 00 00 0000 100 Pg:3 Zm:5 Zdn:5', B16B16),
  BFSUB_p:    insn('01100101 00 00 0001 100 Pg:3 Zm:5 Zdn:5', B16B16),
  BFMUL_p:    insn('01100101 00 00 0010 100 Pg:3 Zm:5 Zdn:5', B16B16),
  BFMAXNM_p:  insn('01100101 00 00 0100 100 Pg:3 Zm:5 Zdn:5', B16B16),
  BFMINNM_p:  insn('01100101 00 00 0101 100 Pg:3 Zm:5 Zdn:5', B16B16),
  BFMAX_p:    insn('01100101 00 00 0110 100 Pg:3 Zm:5 Zdn:5', B16B16),
  BFMIN_p:    insn('01100101 00 00 0111 100 Pg:3 Zm:5 Zdn:5', B16B16),

  // With one of two constants, i1
  FADD_pi:    insn('01100101 size:2 011 000 100 Pg:3 0000 i1:1 Zdn:5', SVE),
  FSUB_pi:    insn('01100101 size:2 011 001 100 Pg:3 0000 i1:1 Zdn:5', SVE),
  FMUL_pi:    insn('01100101 size:2 011 010 100 Pg:3 0000 i1:1 Zdn:5', SVE),
  FSUBR_pi:   insn('01100101 size:2 011 011 100 Pg:3 0000 i1:1 Zdn:5', SVE),
  FMAXNM_pi:  insn('01100101 size:2 011 100 100 Pg:3 0000 i1:1 Zdn:5', SVE),
  FMINNM_pi:  insn('01100101 size:2 011 101 100 Pg:3 0000 i1:1 Zdn:5', SVE),
  FMAX_pi:    insn('01100101 size:2 011 110 100 Pg:3 0000 i1:1 Zdn:5', SVE),
  FMIN_pi:    insn('01100101 size:2 011 111 100 Pg:3 0000 i1:1 Zdn:5', SVE),

  // Predicated, one source
  FRINTN_p:   insn('01100101 size:2 000 000 101 Pg:3 Zn:5 Zd:5', SVE),
  FRINTP_p:   insn('01100101 size:2 000 001 101 Pg:3 Zn:5 Zd:5', SVE),
  FRINTM_p:   insn('01100101 size:2 000 010 101 Pg:3 Zn:5 Zd:5', SVE),
  FRINTZ_p:   insn('01100101 size:2 000 011 101 Pg:3 Zn:5 Zd:5', SVE),
  FRINTA_p:   insn('01100101 size:2 000 100 101 Pg:3 Zn:5 Zd:5', SVE),
  FRINTX_p:   insn('01100101 size:2 000 110 101 Pg:3 Zn:5 Zd:5', SVE),
  FRINTI_p:   insn('01100101 size:2 000 111 101 Pg:3 Zn:5 Zd:5', SVE),
  FRECPX_p:   insn('01100101 size:2 001 100 101 Pg:3 Zn:5 Zd:5', SVE),
  FSQRT_p:    insn('01100101 size:2 001 101 101 Pg:3 Zn:5 Zd:5', SVE),
  /** The size is of the result. */
  FLOGB_p:    insn('01100101 00 011 size:2 0101 Pg:3 Zn:5 Zd:5', SVE2),

  // Comparisons
  FCMGE_ppz:  insn('01100101 size:2 0 Zm:5 010 Pg:3 Zn:5 0 Pd:4', SVE),
  FCMGT_ppz:  insn('01100101 size:2 0 Zm:5 010 Pg:3 Zn:5 1 Pd:4', SVE),
  FCMEQ_ppz:  insn('01100101 size:2 0 Zm:5 011 Pg:3 Zn:5 0 Pd:4', SVE),
  FCMNE_ppz:  insn('01100101 size:2 0 Zm:5 011 Pg:3 Zn:5 1 Pd:4', SVE),
  FCMUO_ppz:  insn('01100101 size:2 0 Zm:5 110 Pg:3 Zn:5 0 Pd:4', SVE),
  FACGE_ppz:  insn('01100101 size:2 0 Zm:5 110 Pg:3 Zn:5 1 Pd:4', SVE),
  FACGT_ppz:  insn('01100101 size:2 0 Zm:5 111 Pg:3 Zn:5 1 Pd:4', SVE),
  FCMGE_pp0:  insn('01100101 size:2 0100 00 001 Pg:3 Zn:5 0 Pd:4', SVE),
  FCMGT_pp0:  insn('01100101 size:2 0100 00 001 Pg:3 Zn:5 1 Pd:4', SVE),
  FCMLT_pp0:  insn('01100101 size:2 0100 01 001 Pg:3 Zn:5 0 Pd:4', SVE),
  FCMLE_pp0:  insn('01100101 size:2 0100 01 001 Pg:3 Zn:5 1 Pd:4', SVE),
  FCMEQ_pp0:  insn('01100101 size:2 0100 10 001 Pg:3 Zn:5 0 Pd:4', SVE),
  FCMNE_pp0:  insn('01100101 size:2 0100 11 001 Pg:3 Zn:5 0 Pd:4', SVE),

  // Reductions: to a scalar, in order, of each 128-bit segment
  FADDV:      insn('01100101 size:2 000 000 001 Pg:3 Zn:5 Vd:5', SVE),
  FMAXNMV_p:  insn('01100101 size:2 000 100 001 Pg:3 Zn:5 Vd:5', SVE),
  FMINNMV_p:  insn('01100101 size:2 000 101 001 Pg:3 Zn:5 Vd:5', SVE),
  FMAXV_p:    insn('01100101 size:2 000 110 001 Pg:3 Zn:5 Vd:5', SVE),
  FMINV_p:    insn('01100101 size:2 000 111 001 Pg:3 Zn:5 Vd:5', SVE),
  FADDA:      insn('01100101 size:2 011 000 001 Pg:3 Zm:5 Vdn:5', SVE),
  FADDQV:     insn('01100100 size:2 010 000 101 Pg:3 Zn:5 Vd:5', SVE2P1),
  FMAXNMQV:   insn('01100100 size:2 010 100 101 Pg:3 Zn:5 Vd:5', SVE2P1),
  FMINNMQV:   insn('01100100 size:2 010 101 101 Pg:3 Zn:5 Vd:5', SVE2P1),
  FMAXQV:     insn('01100100 size:2 010 110 101 Pg:3 Zn:5 Vd:5', SVE2P1),
  FMINQV:     insn('01100100 size:2 010 111 101 Pg:3 Zn:5 Vd:5', SVE2P1),

  // Pairs
  FADDP_p:    insn('01100100 size:2 010 000 100 Pg:3 Zm:5 Zdn:5', SVE2),
  FMAXNMP_p:  insn('01100100 size:2 010 100 100 Pg:3 Zm:5 Zdn:5', SVE2),
  FMINNMP_p:  insn('01100100 size:2 010 101 100 Pg:3 Zm:5 Zdn:5', SVE2),
  FMAXP_p:    insn('01100100 size:2 010 110 100 Pg:3 Zm:5 Zdn:5', SVE2),
  FMINP_p:    insn('01100100 size:2 010 111 100 Pg:3 Zm:5 Zdn:5', SVE2),
  FCADD_p:    insn('01100100 size:2 00000 rot:1 100 Pg:3 Zm:5 Zdn:5', SVE),

  // Clamp
  FCLAMP:     insn('01100100 size:2 1 Zm:5 001001 Zn:5 Zd:5', SVE2P1),
  BFCLAMP:    insn('01100100 00 1 Zm:5 001001 Zn:5 Zd:5', B16B16),
} as const;
