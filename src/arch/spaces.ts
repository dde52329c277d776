// Which controls trap whole stretches of encodings, whether or not a register is named there? Rows only.
import type { Control } from './control_regs.ts';
import { enc } from './schema.ts';

export interface Space {
  /** Inclusive, packed. op1 from first to last, and within each op1 the CRn and CRm given. */
  readonly op0: number;
  readonly op1: readonly [first: number, last: number];
  readonly CRn: readonly [first: number, last: number];
  readonly CRm: readonly [first: number, last: number];
  readonly on: 'r' | 'rw';
  readonly traps: readonly Control[];
  /** Lowest level that may access what is there. */
  readonly el: 0 | 1;
}

export const SPACES: Readonly<Record<string, Space>> = {
  // Feature identification group 3, with the encodings that Arm keeps for later.
  'feature identification':  { op0: 3, op1: [0, 0], CRn: [0, 0],   CRm: [1, 7],  on: 'r',  traps: ['HCR_EL2.TID3'], el: 1 },
  'trace':                   { op0: 2, op1: [1, 1], CRn: [0, 7],   CRm: [0, 15], on: 'rw', traps: ['CPTR_EL2.TTA'], el: 1 },
  'implementation defined':  { op0: 3, op1: [0, 7], CRn: [11, 11], CRm: [0, 15], on: 'rw', traps: ['SCTLR_EL1.TIDCP', 'HCR_EL2.TIDCP'], el: 0 },
  'implementation defined ': { op0: 3, op1: [0, 7], CRn: [15, 15], CRm: [0, 15], on: 'rw', traps: ['SCTLR_EL1.TIDCP', 'HCR_EL2.TIDCP'], el: 0 },
};

/** The spaces that a packed encoding lies in. */
export function spacesAt(packed: number): readonly Space[] {
  return Object.values(SPACES).filter((s) => {
    for (let op1 = s.op1[0]; op1 <= s.op1[1]; op1++)
      if (packed >= enc(s.op0, op1, s.CRn[0], s.CRm[0], 0) && packed <= enc(s.op0, op1, s.CRn[1], s.CRm[1], 7)) return true;
    return false;
  });
}
