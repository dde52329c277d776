// Which instructions are written into the hot loops, by row and the choices that matter, and which are compiled first of all
// others. Tables of frequency, nothing else: a row that is missing here is only slower. Each loop must stay below about
// 40 KB, where compilers take to worse ways of using registers.

/** Values allowed for choices, by label; choices that are not named take all their values. */
export type HotRow = Readonly<Record<string, readonly number[]>>;

const ANY: HotRow = {};
/** Not relative to SP. */
const NO_SP: HotRow = { 'Rn=31': [0] };
const SP: HotRow = { 'Rn=31': [1], sf: [1] };
const REG: HotRow = { 'Rn=31': [0] };
/** Single, double and quad registers. */
const FP: HotRow = { size: [0, 2, 3] };
const FP_REG: HotRow = { 'Rn=31': [0], size: [0, 2, 3] };
const FP_SCALED: HotRow = { 'Rn=31': [0], size: [0, 2, 3], '?0': [0] };
/** Not shifted. */
const PLAIN: HotRow = { shift: [0], '?0': [0] };
/** Words and doublewords. */
const ATOMIC: HotRow = { 'Rn=31': [0], size: [2, 3] };
const DOUBLE: HotRow = { sz: [1] };

/** Of the main loop. */
export const HOT: Readonly<Record<string, HotRow>> = {
  ADR: ANY, ADRP: ANY,
  ADD_imm: ANY, ADDS_imm: ANY, SUB_imm: ANY, SUBS_imm: ANY,
  AND_imm: ANY, ORR_imm: ANY, EOR_imm: ANY, ANDS_imm: ANY,
  MOVN: ANY, MOVZ: ANY, MOVK: ANY,
  SBFM: ANY, UBFM: ANY, BFM: ANY, EXTR: { '?0': [1] },

  AND_shift: { shift: [0, 1] }, ORR_shift: { shift: [0] }, EOR_shift: { shift: [0, 1, 3] }, ANDS_shift: PLAIN,
  BIC_shift: PLAIN,
  ADD_shift: { shift: [0, 1] }, SUB_shift: { shift: [0, 1] }, ADDS_shift: PLAIN, SUBS_shift: { shift: [0, 1] },
  ADD_ext: { '?0': [1, 2] }, SUB_ext: { sf: [1], '?0': [0, 1] }, SUBS_ext: { sf: [1], '?0': [2] },
  LSLV: ANY, LSRV: ANY, UDIV: ANY, MADD: ANY, MSUB: ANY, UMADDL: ANY, SMADDL: ANY,
  CLZ_int: { sf: [1] }, RBIT_int: { sf: [1] }, REV_x: ANY, UMULH: ANY,
  CSEL: { cond: [0, 1, 2, 3, 8, 9, 10, 11, 12, 13] }, CSINC: { cond: [0, 1, 2, 3, 8, 9, 10, 11, 12, 13] },
  CSINV: { cond: [0, 1, 3] }, CCMP_reg: { cond: [0, 1] }, CCMP_imm: { cond: [0, 1, 9] },

  B: ANY, BL: ANY, BR: ANY, BLR: ANY, RET: ANY, B_cond: ANY,
  CBZ: ANY, CBNZ: ANY, TBZ: ANY, TBNZ: ANY,
  NOP: ANY, BTI: ANY, SVC: ANY, MRS: { sysreg: [1] },

  LDR_imm: ANY, STR_imm: ANY, LDRSW_imm: NO_SP, LDRB_imm: NO_SP, STRB_imm: ANY, LDRH_imm: NO_SP, STRH_imm: NO_SP,
  LDUR: NO_SP, STUR: NO_SP, LDURB: NO_SP, LDR_reg: REG, STR_reg: REG, LDRSW_reg: REG, LDRB_reg: REG, STRB_reg: REG, LDRH_reg: REG,
  LDR_post: NO_SP, STR_post: NO_SP, LDRB_post: NO_SP, STRB_post: NO_SP, LDRB_pre: NO_SP, STRB_pre: NO_SP, LDR_pre: NO_SP, STR_pre: SP,
  LDP: ANY, STP: ANY, LDP_post: SP, STP_pre: SP, STP_post: NO_SP,
  LDR_imm_fp: FP, STR_imm_fp: FP, LDP_fp: { opc: [1, 2] }, STP_fp: { opc: [1, 2] },
  LDUR_fp: FP_REG, STUR_fp: FP_REG,

  LDADD: ATOMIC, SWP: ATOMIC, CAS: ATOMIC, LDAR: ATOMIC, STLR: ATOMIC,
  LDXR: ATOMIC, LDAXR: ATOMIC, STXR: ATOMIC, STLXR: ATOMIC,
} as const; // biome-ignore format: a table

export type Rows = Readonly<Record<string, HotRow>>;

/** Words. */
const WORDS: HotRow = { '?0': [2], size: [2] };
/** Of the loop for bulk alone: what is frequent in programs that work through much data, and in no others. */
export const BULK: Rows = {
  CRC32: ANY, CRC32C: ANY, CRC32X: ANY, CRC32CX: ANY, REV_w: ANY,
  AESE: ANY, AESMC: ANY, AESD: ANY, AESIMC: ANY,
  LDR_reg_fp: FP_SCALED, STR_reg_fp: FP_SCALED, LDR_post_fp: FP_REG, STR_post_fp: FP_REG,
  FADD: DOUBLE, FSUB: DOUBLE, FMUL: DOUBLE, FMOV_reg: DOUBLE, FMADD: DOUBLE, FMSUB: DOUBLE,
  FADD_vec: DOUBLE, FSUB_vec: DOUBLE, FMUL_vec: DOUBLE, FMLA_vec: DOUBLE, FMLS_vec: DOUBLE,
  AND_vec: ANY, ORR_vec: ANY, EOR_vec: ANY, BIC_vec: ANY, BSL_vec: ANY, BIT_vec: ANY, BIF_vec: ANY,
  ADD_vec: { size: [0, 2, 3] }, SUB_vec: WORDS, MUL_vec: WORDS, MLA_vec: WORDS,
  SHL_vec: { '?0': [2, 3] }, USHR_vec: { '?0': [2, 3] }, SRI_vec: WORDS, SLI_vec: WORDS, USHLL: { '?0': [0, 1] }, SHLL: ANY,
  EXT: ANY, INS_gen: { '?0': [2, 3] }, REV32_vec: ANY, REV64_vec: ANY, TBL: ANY,
  LD1_x1_post: { 'Rn=31': [0] }, ST1_x1_post: { 'Rn=31': [0] }, LD1R_post: { 'Rn=31': [0], Q: [1], size: [2, 3] },
}; // biome-ignore format: a table

const SOME: HotRow = { cond: [0, 1, 2, 3, 8, 9] };
/** Of the first table: what programs do besides in the loops where they do that. */
export const ALSO_BULK: Rows = {
  ADD_imm: ANY, SUB_imm: ANY, SUBS_imm: ANY, ADD_shift: { shift: [0] }, SUBS_shift: PLAIN, ORR_shift: PLAIN, EOR_shift: PLAIN,
  AND_imm: ANY, UBFM: ANY, B_cond: SOME, CBZ: ANY, CBNZ: ANY, B: ANY,
  LDRB_post: ANY, LDR_post: ANY, STR_post: ANY, LDR_imm: NO_SP, STR_imm: NO_SP, LDR_reg: REG, LDUR: ANY,
  LDR_imm_fp: ANY, STR_imm_fp: ANY, LDP_fp: ANY, STP_fp: ANY, LDUR_fp: ANY, STUR_fp: ANY,
}; // biome-ignore format: a table

const PLAIN_W: HotRow = { sf: [0], ...PLAIN };
const PLAIN_X: HotRow = { sf: [1], ...PLAIN };
/** ROR. */
const ROTATE: Rows = { EXTR: { sf: [0], '?0': [1] } };
const ADD: Rows = { ADD_shift: PLAIN_W };
const AND: Rows = { AND_shift: PLAIN_W };
const EOR: Rows = { EOR_shift: PLAIN_W };
/** Plain or rotated. */
const MIXED: HotRow = { sf: [0], shift: [0, 3], '?0': [0] };
const EOR_ROR: Rows = { EOR_shift: { sf: [0], shift: [3] } };
const W_SP: HotRow = { sf: [0], 'Rn=31': [1] };
/** What ciphers and checksums written in C consist of. */
const MIXING: Rows = { ...ADD, EOR_shift: MIXED, ...ROTATE, ...AND };
/** The same of two words at a time. */
const TWO: HotRow = { Q: [0], size: [2] };
const SHIFTED_TWO: HotRow = { Q: [0], '?0': [2] };
const MIXING_VECTORS: Rows = {
  SHL_vec: SHIFTED_TWO, USHR_vec: SHIFTED_TWO, ORR_vec: TWO, EOR_vec: TWO, ADD_vec: TWO,
}; // biome-ignore format: a table
const W: HotRow = { ...NO_SP, sf: [0] };
const X: HotRow = { ...NO_SP, sf: [1] };
const SHIFTED_X: HotRow = { sf: [1], shift: [0], '?0': [1] };
const IF_EQUAL: Rows = { B_cond: { cond: [0, 1] } };
const IF_NOT_EQUAL: Rows = { B_cond: { cond: [1] } };
/** A register that one of several instructions writes, counted from 0, is one that a later one reads: their fields. */
type Link = readonly [part: number, written: string, later: number, read: string];
export interface Row {
  readonly of: readonly Rows[];
  readonly links: readonly Link[];
  /** All of a loop, mostly: it is tried whether the branch goes to the begin. */
  readonly whole?: true;
}
const row = (...of: readonly Rows[]): Row => ({ of, links: [] });
/** Only where the registers are the same: what is written need not be read from memory. */
const linked = (of: readonly Rows[], ...links: readonly Link[]): Row => ({ of, links });
const whole = (of: readonly Rows[], ...links: readonly Link[]): Row => ({ of, links, whole: true });
/** Instructions in a row that one handler does, where there is a loop that has all of them; later ones are preferred. */
export const TOGETHER: readonly Row[] = [
  // The branch asks for no flags.
  row({ SUBS_imm: ANY }, { B_cond: { cond: [0, 1, 8, 9] } }),
  row({ SUBS_shift: PLAIN }, { B_cond: { cond: [0, 1, 2, 3] } }),
  row({ ANDS_imm: ANY }, IF_EQUAL),
  row({ ANDS_imm: { sf: [1] } }, { CSEL: { sf: [0], cond: [1] } }),
  row({ SUBS_shift: PLAIN_X }, { ORR_shift: PLAIN_X }, IF_NOT_EQUAL),
  row(MIXING, MIXING),
  row(ADD, ADD, ADD, ADD),
  row(EOR, EOR, EOR, EOR),
  row(ROTATE, ROTATE, ROTATE, ADD),
  row(ROTATE, ADD, ADD, ADD),
  row(AND, ADD, AND, EOR_ROR),
  row(ADD, EOR, EOR_ROR, ADD),
  row({ LDP: W_SP }, { ...ROTATE, ...AND }),
  row({ LDUR: W }, { EOR_shift: MIXED }),
  row({ BIC_shift: PLAIN_W }, { LDUR: W }),
  row({ LDR_imm: W_SP }, { ...ADD, ...AND }),
  row(ADD, { LDR_imm: W_SP }, AND),
  row({ UBFM: { sf: [1] } }, { ADD_shift: PLAIN_X }, { ADD_shift: PLAIN_X }),
  row({ LDUR: W }, { LDUR: W }),
  linked([ADD, { STR_imm: W_SP }], [0, 'Rd', 1, 'Rt']),
  row({ ORR_shift: PLAIN_X, ADD_imm: { sf: [1] } }, { NOP: ANY }),
  row(MIXING_VECTORS, MIXING_VECTORS),
  row(EOR, { UBFM: { sf: [0] } }),
  // Walks of strings and lists, copies.
  row({ LDRB_imm: W, LDRB_pre: W }, { CBZ: { sf: [0] }, CBNZ: { sf: [0] } }),
  row({ LDR_imm: X }, { CBZ: { sf: [1] }, CBNZ: { sf: [1] } }),
  row({ ORR_shift: PLAIN_X }, { LDRB_imm: W }),
  row({ LDR_imm: W }, { LDR_imm: W }),
  whole([{ LDUR: W }, { STR_post: W }, { SUBS_shift: PLAIN_X }, IF_NOT_EQUAL], [0, 'Rt', 1, 'Rt'], [1, 'Rn', 2, 'Rn']),
  whole(
    [{ LDR_imm: W }, { SUBS_shift: PLAIN_X }, { STR_imm: W }, { SUB_imm: { sf: [1] } }, IF_NOT_EQUAL],
    [0, 'Rt', 2, 'Rt'],
  ),
  row({ LDR_post: X }, { STR_post: X }),
  row({ LDRB_post: ANY }, { CRC32: { sz: [0] } }),
  whole(
    [{ LDRB_post: ANY }, { CRC32: { sz: [0] } }, { SUBS_shift: PLAIN_X }, IF_NOT_EQUAL],
    [0, 'Rt', 1, 'Rm'], [0, 'Rn', 2, 'Rn'],
  ),
  // Elements of arrays, and what is done with them.
  row({ UBFM: ANY }, { ADD_shift: SHIFTED_X }),
  linked([{ UBFM: ANY }, { ADD_shift: SHIFTED_X }, { LDAR: { size: [3] } }], [0, 'Rd', 1, 'Rm'], [1, 'Rd', 2, 'Rn']),
  linked([{ LDR_imm: X }, { EOR_shift: PLAIN_X }, { STR_imm: X }], [0, 'Rt', 1, 'Rn'], [1, 'Rd', 2, 'Rt']),
  linked(
    [{ LDR_imm: W }, { ADD_shift: PLAIN_X }, { MADD: { sf: [0] } }, { STR_imm: W }],
    [0, 'Rt', 2, 'Rn'], [2, 'Rd', 3, 'Rt'],
  ),
  linked([{ ADD_shift: SHIFTED_X }, { ADD_imm: { sf: [1] } }], [0, 'Rd', 1, 'Rn']),
  // Ends of loops.
  row({ ADD_imm: { sf: [1] } }, { SUBS_shift: PLAIN }, IF_EQUAL),
  linked([{ ADD_imm: { sf: [1] } }, { SUBS_shift: PLAIN_X }, IF_NOT_EQUAL], [0, 'Rd', 1, 'Rn']),
  // Counters and locks.
  linked([{ SWP: { size: [3] } }, { CBNZ: { sf: [1] } }], [0, 'Rt', 1, 'Rt']),
  linked(
    [{ ADD_shift: SHIFTED_X }, { ORR_shift: PLAIN_X }, { ADD_imm: { sf: [1] } }, { CAS: { size: [3] } }],
    [0, 'Rd', 2, 'Rn'], [1, 'Rd', 3, 'Rs'], [2, 'Rd', 3, 'Rt'],
  ),
  linked(
    [{ LDXR: { size: [3] } }, { ADD_shift: PLAIN_X }, { STXR: { size: [3] } }, { CBNZ: { sf: [0] } }],
    [0, 'Rt', 1, 'Rn'], [1, 'Rd', 2, 'Rt'], [2, 'Rs', 3, 'Rt'],
  ),
  linked([{ STLXR: { size: [3] } }, { CBNZ: { sf: [0] } }], [0, 'Rs', 1, 'Rt']),
  linked([{ LDAXR: { size: [3] } }, { STXR: { size: [3] } }, { CBNZ: { sf: [0] } }], [1, 'Rs', 2, 'Rt']),
  linked([{ LDAXR: { size: [3] } }, { SUBS_shift: PLAIN_X }, IF_NOT_EQUAL], [0, 'Rt', 1, 'Rn']),
  linked([{ STLR: { size: [3] } }, { ADD_imm: { sf: [1] } }, { SUBS_shift: PLAIN_X }, IF_NOT_EQUAL], [1, 'Rd', 2, 'Rn']),
]; // biome-ignore format: a table

/** Rows that most programs meet while they start: the library of C, tests of KVM. */
export const USUAL: ReadonlySet<string> = new Set(
  `B_cond CBZ CBNZ TBZ TBNZ PACIASP AUTIASP MRS MSR_reg SYS DMB HVC SMC CHKFEAT
  CCMP_reg CCMP_imm CCMN_imm ADD_ext ADDS_ext SUB_ext SUBS_ext ADD_shift SUBS_shift ANDS_shift BICS_shift ORR_shift CSNEG CSINV ASRV SDIV RBIT_int CLZ_int
  LDRB_imm LDRSB_imm LDRSB_reg LDRSB_post LDRH_imm LDRH_post LDRSH_imm LDRSW_imm LDRSW_post LDR_post LDUR LDURH LDURSW
  STUR STURB STURH STRH_imm STRH_reg STR_pre LDAR STLR LDAXR STXR LDXR STLXR LDADD CAS SWP
  STR_reg_fp LDR_reg_fp STUR_fp LDUR_fp STP_post_fp LDR_pre_fp STR_post_fp LDP_pre_fp
  SETP SETM SETE CPYFP CPYFM CPYFE
  LD1_x1 LD1_x1_post LD1_x2 LD1_lane_d DUP_gen MOVI_32 MOVI_8 MVNI_32 BIC_imm_16
  CMEQ_zero_vec CMEQ_vec CMHS_vec BIT_vec AND_vec EOR_vec ADD_vec ADDP_vec ADDV UMAXP_vec UMINP_vec CNT_vec SHRN ADDHN_vec EXT
  FMOV_d_to_x FMOV_s_to_w FMOV_x_to_d FMOV_reg FABS FMUL FCMP FCMP_zero FCMPE FCCMP FRINTM SCVTF SCVTF_scalar FCVTZS_scalar
  WHILELO CNT_r LD1_ri ST1_ri`.split(/\s+/),
); // biome-ignore format: a table
