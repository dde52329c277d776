// The cryptographic extensions: AES, SHA-1, SHA-2, SHA-3, SM3, SM4. PMULL is in simd_arith.ts.

import { insn } from './schema.ts';

export const CRYPTO = {
  // AES
  AESE:      insn('01001110 00 10100 00100 10 Rn:5 Rd:5',     { feat: 'FEAT_AES' }),
  AESD:      insn('01001110 00 10100 00101 10 Rn:5 Rd:5',     { feat: 'FEAT_AES' }),
  AESMC:     insn('01001110 00 10100 00110 10 Rn:5 Rd:5',     { feat: 'FEAT_AES' }),
  AESIMC:    insn('01001110 00 10100 00111 10 Rn:5 Rd:5',     { feat: 'FEAT_AES' }),

  // SHA-1, SHA-256
  SHA1C:     insn('01011110 00 0 Rm:5 0 000 00 Rn:5 Rd:5',    { feat: 'FEAT_SHA1' }),
  SHA1P:     insn('01011110 00 0 Rm:5 0 001 00 Rn:5 Rd:5',    { feat: 'FEAT_SHA1' }),
  SHA1M:     insn('01011110 00 0 Rm:5 0 010 00 Rn:5 Rd:5',    { feat: 'FEAT_SHA1' }),
  SHA1SU0:   insn('01011110 00 0 Rm:5 0 011 00 Rn:5 Rd:5',    { feat: 'FEAT_SHA1' }),
  SHA256H:   insn('01011110 00 0 Rm:5 0 100 00 Rn:5 Rd:5',    { feat: 'FEAT_SHA256' }),
  SHA256H2:  insn('01011110 00 0 Rm:5 0 101 00 Rn:5 Rd:5',    { feat: 'FEAT_SHA256' }),
  SHA256SU1: insn('01011110 00 0 Rm:5 0 110 00 Rn:5 Rd:5',    { feat: 'FEAT_SHA256' }),
  SHA1H:     insn('01011110 00 10100 00000 10 Rn:5 Rd:5',     { feat: 'FEAT_SHA1' }),
  SHA1SU1:   insn('01011110 00 10100 00001 10 Rn:5 Rd:5',     { feat: 'FEAT_SHA1' }),
  SHA256SU0: insn('01011110 00 10100 00010 10 Rn:5 Rd:5',     { feat: 'FEAT_SHA256' }),

  // SHA-512, SHA-3
  SHA512H:   insn('11001110 011 Rm:5 1 0 00 00 Rn:5 Rd:5',    { feat: 'FEAT_SHA512' }),
  SHA512H2:  insn('11001110 011 Rm:5 1 0 00 01 Rn:5 Rd:5',    { feat: 'FEAT_SHA512' }),
  SHA512SU1: insn('11001110 011 Rm:5 1 0 00 10 Rn:5 Rd:5',    { feat: 'FEAT_SHA512' }),
  RAX1:      insn('11001110 011 Rm:5 1 0 00 11 Rn:5 Rd:5',    { feat: 'FEAT_SHA3' }),
  SHA512SU0: insn('11001110 11000000 1000 00 Rn:5 Rd:5',      { feat: 'FEAT_SHA512' }),
  EOR3:      insn('11001110 000 Rm:5 0 Ra:5 Rn:5 Rd:5',       { feat: 'FEAT_SHA3' }),
  BCAX:      insn('11001110 001 Rm:5 0 Ra:5 Rn:5 Rd:5',       { feat: 'FEAT_SHA3' }),
  XAR:       insn('11001110 100 Rm:5 imm6:6 Rn:5 Rd:5',       { feat: 'FEAT_SHA3' }),

  // SM3, SM4
  SM3SS1:    insn('11001110 010 Rm:5 0 Ra:5 Rn:5 Rd:5',       { feat: 'FEAT_SM3' }),
  SM3TT1A:   insn('11001110 010 Rm:5 10 imm2:2 00 Rn:5 Rd:5', { feat: 'FEAT_SM3' }),
  SM3TT1B:   insn('11001110 010 Rm:5 10 imm2:2 01 Rn:5 Rd:5', { feat: 'FEAT_SM3' }),
  SM3TT2A:   insn('11001110 010 Rm:5 10 imm2:2 10 Rn:5 Rd:5', { feat: 'FEAT_SM3' }),
  SM3TT2B:   insn('11001110 010 Rm:5 10 imm2:2 11 Rn:5 Rd:5', { feat: 'FEAT_SM3' }),
  SM3PARTW1: insn('11001110 011 Rm:5 1 1 00 00 Rn:5 Rd:5',    { feat: 'FEAT_SM3' }),
  SM3PARTW2: insn('11001110 011 Rm:5 1 1 00 01 Rn:5 Rd:5',    { feat: 'FEAT_SM3' }),
  SM4EKEY:   insn('11001110 011 Rm:5 1 1 00 10 Rn:5 Rd:5',    { feat: 'FEAT_SM4' }),
  SM4E:      insn('11001110 11000000 1000 01 Rn:5 Rd:5',      { feat: 'FEAT_SM4' }),
} as const;
