// Which instructions are written into the main loop, by row and the choices that matter. A table of frequency, nothing
// else: a row that is missing here is only slower. The loop must stay below about 50 KB, where compilers give up.

/** Values allowed for choices, by label; choices that are not named take all their values. */
export type HotRow = Readonly<Record<string, readonly number[]>>;

const ANY: HotRow = {};
/** Not relative to SP. */
const NO_SP: HotRow = { 'Rn=31': [0] };
const SP: HotRow = { 'Rn=31': [1], sf: [1] };
const REG: HotRow = { 'Rn=31': [0] };
/** Single, double and quad registers. */
const FP: HotRow = { size: [0, 2, 3] };

export const HOT: Readonly<Record<string, HotRow>> = {
  ADR: ANY, ADRP: ANY,
  ADD_imm: ANY, ADDS_imm: ANY, SUB_imm: ANY, SUBS_imm: ANY,
  AND_imm: ANY, ORR_imm: ANY, EOR_imm: ANY, ANDS_imm: ANY,
  MOVN: ANY, MOVZ: ANY, MOVK: ANY,
  SBFM: ANY, UBFM: ANY, BFM: ANY, EXTR: ANY,

  AND_shift: { shift: [0, 1] }, ORR_shift: { shift: [0] }, EOR_shift: { shift: [0, 1] }, ANDS_shift: { shift: [0] },
  BIC_shift: { shift: [0] }, BICS_shift: { shift: [0] }, ORN_shift: { shift: [0] },
  ADD_shift: { shift: [0, 1] }, SUB_shift: { shift: [0, 1] }, ADDS_shift: { shift: [0] }, SUBS_shift: { shift: [0, 1] },
  ADD_ext: { '?0': [1, 2] }, SUB_ext: { sf: [1], '?0': [0, 1] }, SUBS_ext: { sf: [1], '?0': [2] },
  LSLV: ANY, LSRV: ANY, UDIV: ANY, MADD: ANY, MSUB: ANY, UMADDL: ANY, SMADDL: ANY,
  CLZ_int: { sf: [1] }, RBIT_int: { sf: [1] }, REV_x: ANY, UMULH: ANY,
  CSEL: ANY, CSINC: { cond: [0, 1, 2, 3, 8, 9, 10, 11, 12, 13] },
  CSINV: { cond: [0, 1, 3] }, CCMP_reg: { cond: [0, 1] }, CCMP_imm: { cond: [0, 1, 9] },

  B: ANY, BL: ANY, BR: ANY, BLR: ANY, RET: ANY, B_cond: ANY,
  CBZ: ANY, CBNZ: ANY, TBZ: ANY, TBNZ: ANY,
  NOP: ANY, BTI: ANY, SVC: ANY, MRS: { sysreg: [1] },

  LDR_imm: ANY, STR_imm: ANY, LDRSW_imm: NO_SP, LDRB_imm: NO_SP, STRB_imm: ANY, LDRH_imm: NO_SP, STRH_imm: NO_SP,
  LDUR: NO_SP, STUR: NO_SP, LDURB: NO_SP, LDR_reg: REG, STR_reg: REG, LDRSW_reg: REG, LDRB_reg: REG, STRB_reg: REG, LDRH_reg: REG,
  LDR_post: NO_SP, STR_post: NO_SP, LDRB_post: NO_SP, STRB_post: NO_SP, LDRB_pre: NO_SP, STRB_pre: NO_SP, LDR_pre: NO_SP, STR_pre: SP,
  LDP: ANY, STP: ANY, LDP_post: SP, STP_pre: SP, STP_post: NO_SP,
  LDR_imm_fp: FP, STR_imm_fp: FP, LDP_fp: FP, STP_fp: FP,
} as const; // biome-ignore format: a table
