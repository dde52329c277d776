// Encodings of single-instruction atomics: FEAT_LSE compare-and-swap and read-modify-write, FEAT_LSE128, FEAT_LSUI, and the
// known rows of FEAT_THE. A is acquire, R is release, size is log2 of the bytes. Pairs need even registers.

import { insn, odd, type Rows } from './schema.ts';

const LSE = { feat: 'FEAT_LSE' } as const;
const EVEN = { not: `${odd('Rs')} | ${odd('Rt')}` } as const;
const NOT_31 = { not: 'Rt=31 | Rt2=31' } as const;
const LSE128 = { feat: 'FEAT_LSE128', ...NOT_31 } as const;
const THE = { feat: 'FEAT_THE', todo: true } as const;
const D128 = { feat: 'FEAT_D128', todo: true } as const;
const LSUI = { feat: 'FEAT_LSUI' } as const;

export const LDST_ATOMIC = {
  // Compare and swap (pair)
  CAS:      insn('size:2 001000 1 A:1 1 Rs:5 R:1 11111 Rn:5 Rt:5', LSE),
  CASP:     insn('0 sz:1 001000 0 A:1 1 Rs:5 R:1 11111 Rn:5 Rt:5', { ...LSE, ...EVEN }),
  CAST:     insn('11 001001 1 A:1 0 Rs:5 R:1 11111 Rn:5 Rt:5', LSUI),
  CASPT:    insn('01 001001 1 A:1 0 Rs:5 R:1 11111 Rn:5 Rt:5', { ...LSUI, ...EVEN }),

  // Atomic memory operations
  LDADD:    insn('size:2 111 0 00 A:1 R:1 1 Rs:5 0 000 00 Rn:5 Rt:5', LSE),
  LDCLR:    insn('size:2 111 0 00 A:1 R:1 1 Rs:5 0 001 00 Rn:5 Rt:5', LSE),
  LDEOR:    insn('size:2 111 0 00 A:1 R:1 1 Rs:5 0 010 00 Rn:5 Rt:5', LSE),
  LDSET:    insn('size:2 111 0 00 A:1 R:1 1 Rs:5 0 011 00 Rn:5 Rt:5', LSE),
  LDSMAX:   insn('size:2 111 0 00 A:1 R:1 1 Rs:5 0 100 00 Rn:5 Rt:5', LSE),
  LDSMIN:   insn('size:2 111 0 00 A:1 R:1 1 Rs:5 0 101 00 Rn:5 Rt:5', LSE),
  LDUMAX:   insn('size:2 111 0 00 A:1 R:1 1 Rs:5 0 110 00 Rn:5 Rt:5', LSE),
  LDUMIN:   insn('size:2 111 0 00 A:1 R:1 1 Rs:5 0 111 00 Rn:5 Rt:5', LSE),
  SWP:      insn('size:2 111 0 00 A:1 R:1 1 Rs:5 1 000 00 Rn:5 Rt:5', LSE),
  RCWCLR:   insn('0 S:1 111 0 00 A:1 R:1 1 Rs:5 1 001 00 Rn:5 Rt:5', THE),
  RCWSWP:   insn('0 S:1 111 0 00 A:1 R:1 1 Rs:5 1 010 00 Rn:5 Rt:5', THE),
  RCWSET:   insn('0 S:1 111 0 00 A:1 R:1 1 Rs:5 1 011 00 Rn:5 Rt:5', THE),

  // Atomic memory operations (unprivileged)
  LDTADD:   insn('0 sf:1 011001 A:1 R:1 1 Rs:5 0 000 01 Rn:5 Rt:5', LSUI),
  LDTCLR:   insn('0 sf:1 011001 A:1 R:1 1 Rs:5 0 001 01 Rn:5 Rt:5', LSUI),
  LDTSET:   insn('0 sf:1 011001 A:1 R:1 1 Rs:5 0 011 01 Rn:5 Rt:5', LSUI),
  SWPT:     insn('0 sf:1 011001 A:1 R:1 1 Rs:5 1 000 01 Rn:5 Rt:5', LSUI),

  // 128-bit atomic memory operations
  LDCLRP:   insn('00 011001 A:1 R:1 1 Rt2:5 0 001 00 Rn:5 Rt:5', LSE128),
  LDSETP:   insn('00 011001 A:1 R:1 1 Rt2:5 0 011 00 Rn:5 Rt:5', LSE128),
  SWPP:     insn('00 011001 A:1 R:1 1 Rt2:5 1 000 00 Rn:5 Rt:5', LSE128),
  RCWCLRP:  insn('0 S:1 011001 A:1 R:1 1 Rt2:5 1 001 00 Rn:5 Rt:5', { ...D128, ...NOT_31 }),
  RCWSWPP:  insn('0 S:1 011001 A:1 R:1 1 Rt2:5 1 010 00 Rn:5 Rt:5', { ...D128, ...NOT_31 }),
  RCWSETP:  insn('0 S:1 011001 A:1 R:1 1 Rt2:5 1 011 00 Rn:5 Rt:5', { ...D128, ...NOT_31 }),

  // RCW compare and swap (pair)
  RCWCAS:   insn('0 S:1 011001 A:1 R:1 1 Rs:5 0 000 10 Rn:5 Rt:5', THE),
  RCWCASP:  insn('0 S:1 011001 A:1 R:1 1 Rs:5 0 000 11 Rn:5 Rt:5', { ...D128, ...EVEN }),
} satisfies Rows;
