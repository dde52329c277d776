// SVE2: bit permutations, permutations, character matching, histograms, cryptography.

import { insn } from './schema.ts';

const SVE2 = { feat: 'FEAT_SVE2' } as const;
const AES = { feat: 'FEAT_SVE_AES', also: 'FEAT_SVE2' } as const;
const SHA3 = { feat: 'FEAT_SVE_SHA3', also: 'FEAT_SVE2' } as const;
const SM4 = { feat: 'FEAT_SVE_SM4', also: 'FEAT_SVE2' } as const;
const BITPERM = { feat: 'FEAT_SVE_BitPerm', also: 'FEAT_SVE2' } as const;

export const SVE2_MISC = {
  // Bits
  EORBT:       insn('01000101 size:2 0 Zm:5 10010 0 Zn:5 Zd:5', SVE2),
  EORTB:       insn('01000101 size:2 0 Zm:5 10010 1 Zn:5 Zd:5', SVE2),
  BEXT:        insn('01000101 size:2 0 Zm:5 1011 00 Zn:5 Zd:5', BITPERM),
  BDEP:        insn('01000101 size:2 0 Zm:5 1011 01 Zn:5 Zd:5', BITPERM),
  BGRP:        insn('01000101 size:2 0 Zm:5 1011 10 Zn:5 Zd:5', BITPERM),

  // Permutations

  // Matching and counting
  MATCH:       insn('01000101 size:2 1 Zm:5 100 Pg:3 Zn:5 0 Pd:4', { feat: 'FEAT_SVE2', not: 'size>1' }),
  NMATCH:      insn('01000101 size:2 1 Zm:5 100 Pg:3 Zn:5 1 Pd:4', { feat: 'FEAT_SVE2', not: 'size>1' }),
  HISTCNT:     insn('01000101 size:2 1 Zm:5 110 Pg:3 Zn:5 Zd:5', { feat: 'FEAT_SVE2', not: 'size<2' }),
  HISTSEG:     insn('01000101 00 1 Zm:5 101 000 Zn:5 Zd:5', SVE2),

  // Cryptography, of each 128-bit segment
  AESMC_z:     insn('01000101 00 10000011100 0 00000 Zdn:5', AES),
  AESIMC_z:    insn('01000101 00 10000011100 1 00000 Zdn:5', AES),
  AESE_z:      insn('01000101 00 10001 0 11100 0 Zm:5 Zdn:5', AES),
  AESD_z:      insn('01000101 00 10001 0 11100 1 Zm:5 Zdn:5', AES),
  SM4E_z:      insn('01000101 00 10001 1 11100 0 Zm:5 Zdn:5', SM4),
  SM4EKEY_z:   insn('01000101 00 1 Zm:5 11110 0 Zn:5 Zd:5', SM4),
  RAX1_z:      insn('01000101 00 1 Zm:5 11110 1 Zn:5 Zd:5', SHA3),

} as const;
