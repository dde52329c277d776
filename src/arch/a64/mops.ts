// Encodings of "Memory Copy and Memory Set". A copy or a set is three instructions in a row: prologue, main, epilogue;
// op1 of the copies and op2<3:2> of the sets tell which. `options` are hints (non-temporal) and privilege (T).

import { insn, type Rows } from './schema.ts';

const DISTINCT = 'Rd=Rs | Rd=Rn | Rs=Rn';
const CPY = { feat: 'FEAT_MOPS', not: `Rd=31 | Rs=31 | Rn=31 | ${DISTINCT}` } as const;
const SET = { feat: 'FEAT_MOPS', not: `Rd=31 | Rn=31 | ${DISTINCT}` } as const;
const SETG = { feat: 'FEAT_MTE', todo: true, not: SET.not } as const;

export const MOPS_ROWS = {
  // Copy, forward only
  CPYFP: insn('00 011 0 01 00 0 Rs:5 options:4 01 Rn:5 Rd:5', CPY),
  CPYFM: insn('00 011 0 01 01 0 Rs:5 options:4 01 Rn:5 Rd:5', CPY),
  CPYFE: insn('00 011 0 01 10 0 Rs:5 options:4 01 Rn:5 Rd:5', CPY),
  // Copy, either direction
  CPYP:  insn('00 011 1 01 00 0 Rs:5 options:4 01 Rn:5 Rd:5', CPY),
  CPYM:  insn('00 011 1 01 01 0 Rs:5 options:4 01 Rn:5 Rd:5', CPY),
  CPYE:  insn('00 011 1 01 10 0 Rs:5 options:4 01 Rn:5 Rd:5', CPY),
  // Set, set with tag
  SETP:  insn('00 011 0 01 11 0 Rs:5 00 options:2 01 Rn:5 Rd:5', SET),
  SETM:  insn('00 011 0 01 11 0 Rs:5 01 options:2 01 Rn:5 Rd:5', SET),
  SETE:  insn('00 011 0 01 11 0 Rs:5 10 options:2 01 Rn:5 Rd:5', SET),
  SETGP: insn('00 011 1 01 11 0 Rs:5 00 options:2 01 Rn:5 Rd:5', SETG),
  SETGM: insn('00 011 1 01 11 0 Rs:5 01 options:2 01 Rn:5 Rd:5', SETG),
  SETGE: insn('00 011 1 01 11 0 Rs:5 10 options:2 01 Rn:5 Rd:5', SETG),
} satisfies Rows;
