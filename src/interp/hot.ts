// Which instructions are written into the main loop, by row and the choices that matter. A table of frequency, nothing
// else: a row that is missing here is only slower. The loop must stay below about 50 KB, where compilers give up.

/** Values allowed for choices, by label; choices that are not named take all their values. */
export type HotRow = Readonly<Record<string, readonly number[]>>;

const ANY: HotRow = {};

export const HOT: Readonly<Record<string, HotRow>> = {
  ADR: ANY, ADRP: ANY,
  ADD_imm: ANY, ADDS_imm: ANY, SUB_imm: ANY, SUBS_imm: ANY,
  AND_imm: ANY, ORR_imm: ANY, EOR_imm: ANY, ANDS_imm: ANY,
  MOVN: ANY, MOVZ: ANY, MOVK: ANY,
  SBFM: ANY, UBFM: ANY, BFM: ANY, EXTR: ANY,

  AND_shift: { shift: [0, 1] }, ORR_shift: { shift: [0] }, EOR_shift: { shift: [0, 1] }, ANDS_shift: { shift: [0] },
  BIC_shift: { shift: [0] }, ORN_shift: { shift: [0] },
  ADD_shift: { shift: [0, 1] }, SUB_shift: { shift: [0] }, ADDS_shift: { shift: [0] }, SUBS_shift: { shift: [0] },
  ADD_ext: { '?0': [1, 2] },
  LSLV: ANY, LSRV: ANY, UDIV: ANY, MADD: ANY, MSUB: ANY, UMADDL: ANY, SMADDL: ANY,
  CSEL: ANY, CSINC: { cond: [0, 1, 2, 3, 8, 9, 10, 11, 12, 13] },

  B: ANY, BL: ANY, BR: ANY, BLR: ANY, RET: ANY, B_cond: ANY,
  CBZ: ANY, CBNZ: ANY, TBZ: ANY, TBNZ: ANY,
  NOP: ANY, BTI: ANY, PACIASP: ANY, AUTIASP: ANY,
} as const; // biome-ignore format: a table
