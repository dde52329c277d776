// How integer vector arithmetic, shifts, permutes and immediates are written.

import { SIMD_ARITH, SIMD_ARITH_SCALAR } from '../../arch/a64/simd_arith.ts';
import { SIMD_INDEXED, SIMD_INDEXED_SCALAR } from '../../arch/a64/simd_indexed.ts';
import { SIMD_IMM, SIMD_MISC, SIMD_MISC_SCALAR } from '../../arch/a64/simd_misc.ts';
import { SIMD_PERMUTE } from '../../arch/a64/simd_permute.ts';
import { SIMD_SHIFT, SIMD_SHIFT_SCALAR } from '../../arch/a64/simd_shift.ts';
import { alias, type Fields, form, type Operand, type Shape, syntax } from '../form.ts';
import { computed, dec, imm, optional, texts, W, X } from '../operands.ts';
import { ARRANGEMENT, BYTES, E, indexIn, list, type Named, S, SCALAR, V } from '../operands_simd.ts';

// ---- shapes ------------------------------------------------------------------------------------------------------------

const two = texts(['', { Q: 0 }], ['2', { Q: 1 }]);
/** Elements twice as wide as size says, always a full register. */
const LONG: Named = [['8h', { size: 0 }], ['4s', { size: 1 }], ['2d', { size: 2 }]];
/** Pairs added up: half as many elements, twice as wide. */
const PAIRWISE: Named = [
  ['4h', { size: 0, Q: 0 }], ['8h', { size: 0, Q: 1 }], ['2s', { size: 1, Q: 0 }], ['4s', { size: 1, Q: 1 }],
  ['1d', { size: 2, Q: 0 }], ['2d', { size: 2, Q: 1 }],
];
const SCALAR_LONG: Named = [['h', { size: 0 }], ['s', { size: 1 }], ['d', { size: 2 }]];
const WORDS: Named = [['2s', { Q: 0 }], ['4s', { Q: 1 }]];

const same3: Shape = (m) => form`${m} ${V('Rd', ARRANGEMENT)}, ${V('Rn', ARRANGEMENT)}, ${V('Rm', ARRANGEMENT)}`;
const bytes3: Shape = (m) => form`${m} ${V('Rd', BYTES)}, ${V('Rn', BYTES)}, ${V('Rm', BYTES)}`;
const scalar3: Shape = (m) => form`${m} ${S('Rd', SCALAR)}, ${S('Rn', SCALAR)}, ${S('Rm', SCALAR)}`;
const dot: Shape = (m) => form`${m} ${V('Rd', WORDS)}, ${V('Rn', BYTES)}, ${V('Rm', BYTES)}`;
const mmla: Shape = (m) => form`${m} ${V('Rd', '4s')}, ${V('Rn', '16b')}, ${V('Rm', '16b')}`;
const long3: Shape = (m) => form`${m}${two} ${V('Rd', LONG)}, ${V('Rn', ARRANGEMENT)}, ${V('Rm', ARRANGEMENT)}`;
const wide3: Shape = (m) => form`${m}${two} ${V('Rd', LONG)}, ${V('Rn', LONG)}, ${V('Rm', ARRANGEMENT)}`;
const narrow3: Shape = (m) => form`${m}${two} ${V('Rd', ARRANGEMENT)}, ${V('Rn', LONG)}, ${V('Rm', LONG)}`;
const scalarLong3: Shape = (m) => form`${m} ${S('Rd', SCALAR_LONG)}, ${S('Rn', SCALAR)}, ${S('Rm', SCALAR)}`;
const across: Shape = (m) => form`${m} ${S('Rd', SCALAR)}, ${V('Rn', ARRANGEMENT)}`;
const acrossLong: Shape = (m) => form`${m} ${S('Rd', SCALAR_LONG)}, ${V('Rn', ARRANGEMENT)}`;
const same2: Shape = (m) => form`${m} ${V('Rd', ARRANGEMENT)}, ${V('Rn', ARRANGEMENT)}`;
const bytes2: Shape = (m) => form`${m} ${V('Rd', BYTES)}, ${V('Rn', BYTES)}`;
const words2: Shape = (m) => form`${m} ${V('Rd', WORDS)}, ${V('Rn', WORDS)}`;
const zero2: Shape = (m) => form`${m} ${V('Rd', ARRANGEMENT)}, ${V('Rn', ARRANGEMENT)}, #0`;
const pairwise2: Shape = (m) => form`${m} ${V('Rd', PAIRWISE)}, ${V('Rn', ARRANGEMENT)}`;
const narrow2: Shape = (m) => form`${m}${two} ${V('Rd', ARRANGEMENT)}, ${V('Rn', LONG)}`;
const scalar2: Shape = (m) => form`${m} ${S('Rd', SCALAR)}, ${S('Rn', SCALAR)}`;
const scalarZero2: Shape = (m) => form`${m} ${S('Rd', SCALAR)}, ${S('Rn', SCALAR)}, #0`;
const scalarNarrow2: Shape = (m) => form`${m} ${S('Rd', SCALAR)}, ${S('Rn', SCALAR_LONG)}`;

export const SIMD_ARITH_SYNTAX = syntax(SIMD_ARITH, {
  SHADD_vec: same3, UHADD_vec: same3, SQADD_vec: same3, UQADD_vec: same3, SRHADD_vec: same3, URHADD_vec: same3,
  SHSUB_vec: same3, UHSUB_vec: same3, SQSUB_vec: same3, UQSUB_vec: same3, CMGT_vec: same3, CMHI_vec: same3,
  CMGE_vec: same3, CMHS_vec: same3, SMAX_vec: same3, UMAX_vec: same3, SMIN_vec: same3, UMIN_vec: same3,
  SABD_vec: same3, UABD_vec: same3, SABA_vec: same3, UABA_vec: same3, ADD_vec: same3, SUB_vec: same3,
  CMTST_vec: same3, CMEQ_vec: same3, MLA_vec: same3, MLS_vec: same3, MUL_vec: same3, PMUL_vec: same3,
  SMAXP_vec: same3, UMAXP_vec: same3, SMINP_vec: same3, UMINP_vec: same3, SQDMULH_vec: same3, SQRDMULH_vec: same3,
  ADDP_vec: same3, AND_vec: bytes3, BIC_vec: bytes3, ORN_vec: bytes3, EOR_vec: bytes3, BSL_vec: bytes3,
  BIT_vec: bytes3, BIF_vec: bytes3,
  ORR_vec: [
    alias(form`mov ${V('Rd', BYTES)}, ${V('Rn', BYTES)}`, (f) => f['Rn'] === f['Rm'], {}, (f) => ({ Rm: f['Rn']! })),
    bytes3('orr') as ReturnType<typeof form>,
  ],
  SQRDMLAH_vec: same3, SQRDMLSH_vec: same3, SDOT_vec: dot, UDOT_vec: dot, USDOT_vec: dot,
  SMMLA: mmla, UMMLA: mmla, USMMLA: mmla,
  SADDL_vec: long3, UADDL_vec: long3, SADDW_vec: wide3, UADDW_vec: wide3, SSUBL_vec: long3, USUBL_vec: long3,
  SSUBW_vec: wide3, USUBW_vec: wide3, ADDHN_vec: narrow3, RADDHN_vec: narrow3, SABAL_vec: long3, UABAL_vec: long3,
  SUBHN_vec: narrow3, RSUBHN_vec: narrow3, SABDL_vec: long3, UABDL_vec: long3, SMLAL_vec: long3, UMLAL_vec: long3,
  SMLSL_vec: long3, UMLSL_vec: long3, SMULL_vec: long3, UMULL_vec: long3, SQDMLAL_vec: long3, SQDMLSL_vec: long3,
  SQDMULL_vec: long3,
  PMULL_vec: form`pmull${two} ${V('Rd', '8h')}, ${V('Rn', BYTES)}, ${V('Rm', BYTES)}`,
  PMULL_1q: form`pmull${two} ${V('Rd', '1q')}, ${V('Rn', [['1d', { Q: 0 }], ['2d', { Q: 1 }]])}, ${V('Rm', [['1d', { Q: 0 }], ['2d', { Q: 1 }]])}`,
  SADDLV: acrossLong, UADDLV: acrossLong, SMAXV: across, UMAXV: across, SMINV: across, UMINV: across, ADDV: across,
});

export const SIMD_ARITH_SCALAR_SYNTAX = syntax(SIMD_ARITH_SCALAR, {
  SQADD_scalar: scalar3, UQADD_scalar: scalar3, SQSUB_scalar: scalar3, UQSUB_scalar: scalar3, CMGT_scalar: scalar3,
  CMHI_scalar: scalar3, CMGE_scalar: scalar3, CMHS_scalar: scalar3, ADD_scalar: scalar3, SUB_scalar: scalar3,
  CMTST_scalar: scalar3, CMEQ_scalar: scalar3, SQDMULH_scalar: scalar3, SQRDMULH_scalar: scalar3,
  SQRDMLAH_scalar: scalar3, SQRDMLSH_scalar: scalar3, SQDMLAL_scalar: scalarLong3, SQDMLSL_scalar: scalarLong3,
  SQDMULL_scalar: scalarLong3, ADDP_scalar: form`addp ${S('Rd', 'd')}, ${V('Rn', '2d')}`,
});

export const SIMD_MISC_SYNTAX = syntax(SIMD_MISC, {
  REV64_vec: same2, REV32_vec: same2, REV16_vec: same2, SADDLP_vec: pairwise2, UADDLP_vec: pairwise2,
  SADALP_vec: pairwise2, UADALP_vec: pairwise2, SUQADD_vec: same2, USQADD_vec: same2, CLS_vec: same2, CLZ_vec: same2,
  CNT_vec: bytes2, RBIT_vec: bytes2, SQABS_vec: same2, SQNEG_vec: same2,
  NOT_vec: [alias(form`mvn ${V('Rd', BYTES)}, ${V('Rn', BYTES)}`, {}), bytes2('not') as ReturnType<typeof form>],
  CMGT_zero_vec: zero2, CMGE_zero_vec: zero2, CMEQ_zero_vec: zero2, CMLE_zero_vec: zero2, CMLT_zero_vec: zero2,
  ABS_vec: same2, NEG_vec: same2, XTN: narrow2, SQXTUN_vec: narrow2, SQXTN_vec: narrow2, UQXTN_vec: narrow2,
  SHLL: form`shll${two} ${V('Rd', LONG)}, ${V('Rn', ARRANGEMENT)}, ${computed((f) => 8n << BigInt(f['size']!), (v, f) => (v === 8n << BigInt(f['size']!) ? {} : undefined))}`,
  URECPE: words2, URSQRTE: words2,
});

export const SIMD_MISC_SCALAR_SYNTAX = syntax(SIMD_MISC_SCALAR, {
  SUQADD_scalar: scalar2, USQADD_scalar: scalar2, SQABS_scalar: scalar2, SQNEG_scalar: scalar2,
  CMGT_zero_scalar: scalarZero2, CMGE_zero_scalar: scalarZero2, CMEQ_zero_scalar: scalarZero2,
  CMLE_zero_scalar: scalarZero2, CMLT_zero_scalar: scalarZero2, ABS_scalar: scalar2, NEG_scalar: scalar2,
  SQXTUN_scalar: scalarNarrow2, SQXTN_scalar: scalarNarrow2, UQXTN_scalar: scalarNarrow2,
});

// ---- modified immediates: eight bits spread over a..h -------------------------------------------------------------------

const ABCDEFGH = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;
const imm8of = (f: Fields): number => ABCDEFGH.reduce((v, n) => v * 2 + f[n]!, 0);
export const spread8 = (v: number): Fields => Object.fromEntries(ABCDEFGH.map((n, i) => [n, (v >> (7 - i)) & 1]));
const byte = computed((f) => BigInt(imm8of(f)), (v) => (v >= 0n && v <= 255n ? spread8(Number(v)) : undefined), {
  hex: false,
  what: 'an eight-bit immediate',
});
const bytes64 = computed(
  (f) => ABCDEFGH.reduce((v, n) => (v << 8n) | (f[n] ? 0xffn : 0n), 0n),
  (v) => {
    const out: Fields = {};
    for (let i = 0; i < 8; i++) {
      const b = (BigInt.asUintN(64, v) >> BigInt(8 * (7 - i))) & 0xffn;
      if (b !== 0n && b !== 0xffn) return undefined;
      out[ABCDEFGH[i]!] = b === 0n ? 0 : 1;
    }
    return out;
  },
  { hex: true, what: 'eight bytes that are each 0x00 or 0xff' },
);
const lslBy = (max: number): Operand =>
  optional([', lsl ', imm('cmode', { bits: max, scale: 8 })], { cmode: 0 });
const imm32: Shape = (m) => form`${m} ${V('Rd', WORDS)}, ${byte}${lslBy(2)}`;
const imm16: Shape = (m) => form`${m} ${V('Rd', [['4h', { Q: 0 }], ['8h', { Q: 1 }]])}, ${byte}${lslBy(1)}`;
const msl: Shape = (m) => form`${m} ${V('Rd', WORDS)}, ${byte}, msl ${imm('cmode', { bits: 1, scale: 8, bias: 8 })}`;

export const SIMD_IMM_SYNTAX = syntax(SIMD_IMM, {
  MOVI_32: imm32, MOVI_16: imm16, MOVI_msl: msl, ORR_imm_32: imm32, ORR_imm_16: imm16, MVNI_32: imm32, MVNI_16: imm16,
  MVNI_msl: msl, BIC_imm_32: imm32, BIC_imm_16: imm16,
  MOVI_8: form`movi ${V('Rd', BYTES)}, ${byte}`,
  MOVI_64: [
    alias(form`movi ${S('Rd', 'd')}, ${bytes64}`, { Q: 0 }),
    alias(form`movi ${V('Rd', '2d')}, ${bytes64}`, { Q: 1 }),
  ],
});

// ---- shifts by immediate: the element size is the highest set bit of immh, the amount is the rest --------------------------

const log2 = (immh: number): number => 31 - Math.clz32(immh);
const esize = (f: Fields): number => 8 << log2(f['immh']!);
const value7 = (f: Fields): number => f['immh']! * 8 + f['immb']!;
/** Texts for element sizes; the field `lg` is read back into immh together with the amount. */
const sized = (rows: readonly (readonly [text: string, lg: number, q?: number])[]): Named =>
  rows.map(([t, lg, q]) => [t, q === undefined ? { lg } : { lg, Q: q }]);
const ARR_LG = sized([['8b', 0, 0], ['16b', 0, 1], ['4h', 1, 0], ['8h', 1, 1], ['2s', 2, 0], ['4s', 2, 1], ['2d', 3, 1]]);
const LONG_LG = sized([['8h', 0], ['4s', 1], ['2d', 2]]);
const SCALAR_LG = sized([['b', 0], ['h', 1], ['s', 2], ['d', 3]]);
const SCALAR_LONG_LG = sized([['h', 0], ['s', 1], ['d', 2]]);
/** Lets a codec that speaks of `lg` print from immh. */
const lg = (o: Operand): Operand => ({ ...o, print: (f, s) => o.print({ ...f, lg: log2(f['immh']!) }, s) });
function amount(right: boolean): Operand {
  return {
    print: (f) => dec(right ? 2 * esize(f) - value7(f) : value7(f) - esize(f)),
    parse(c, set, f) {
      const size = 8 << f['lg']!;
      const shape = right ? { bits: 7, bias: 1 } : { bits: 7 };
      let n = -1;
      imm('n', shape).parse(c, (_, v) => { n = right ? v + 1 : v; }, f);
      if (right ? n < 1 || n > size : n < 0 || n >= size) c.fail(`a shift from ${right ? `1 to ${size}` : `0 to ${size - 1}`}`);
      const v = right ? 2 * size - n : size + n;
      set('immh', v >> 3);
      set('immb', v & 7);
    },
  };
}
const VL = (r: string, n: Named) => lg(V(r, n));
const SL = (r: string, n: Named) => lg(S(r, n));
const right: Shape = (m) => form`${m} ${VL('Rd', ARR_LG)}, ${VL('Rn', ARR_LG)}, ${amount(true)}`;
const left: Shape = (m) => form`${m} ${VL('Rd', ARR_LG)}, ${VL('Rn', ARR_LG)}, ${amount(false)}`;
const shiftNarrow: Shape = (m) => form`${m}${two} ${VL('Rd', ARR_LG)}, ${VL('Rn', LONG_LG)}, ${amount(true)}`;
const shiftLong = (m: string, extend: string) => [
  alias(form`${extend}${two} ${VL('Rd', LONG_LG)}, ${VL('Rn', ARR_LG)}`, (f) => f['immb'] === 0 && (f['immh']! & (f['immh']! - 1)) === 0, { immb: 0 }, (f) => ({ immh: 1 << f['lg']! })),
  form`${m}${two} ${VL('Rd', LONG_LG)}, ${VL('Rn', ARR_LG)}, ${amount(false)}`,
];
const scalarRight: Shape = (m) => form`${m} ${SL('Rd', SCALAR_LG)}, ${SL('Rn', SCALAR_LG)}, ${amount(true)}`;
const scalarLeft: Shape = (m) => form`${m} ${SL('Rd', SCALAR_LG)}, ${SL('Rn', SCALAR_LG)}, ${amount(false)}`;
const scalarShiftNarrow: Shape = (m) => form`${m} ${SL('Rd', SCALAR_LG)}, ${SL('Rn', SCALAR_LONG_LG)}, ${amount(true)}`;

export const SIMD_SHIFT_SYNTAX = syntax(SIMD_SHIFT, {
  SSHR_vec: right, USHR_vec: right, SSRA_vec: right, USRA_vec: right, SRSHR_vec: right, URSHR_vec: right,
  SRSRA_vec: right, URSRA_vec: right, SRI_vec: right, SHL_vec: left, SLI_vec: left, SQSHLU_vec: left,
  SQSHL_imm_vec: left, UQSHL_imm_vec: left, SHRN: shiftNarrow, RSHRN: shiftNarrow, SQSHRN_vec: shiftNarrow,
  UQSHRN_vec: shiftNarrow, SQRSHRN_vec: shiftNarrow, UQRSHRN_vec: shiftNarrow, SQSHRUN_vec: shiftNarrow,
  SQRSHRUN_vec: shiftNarrow, SSHLL: shiftLong('sshll', 'sxtl'), USHLL: shiftLong('ushll', 'uxtl'),
  SSHL_vec: same3, USHL_vec: same3, SQSHL_vec: same3, UQSHL_vec: same3, SRSHL_vec: same3, URSHL_vec: same3,
  SQRSHL_vec: same3, UQRSHL_vec: same3,
});
export const SIMD_SHIFT_SCALAR_SYNTAX = syntax(SIMD_SHIFT_SCALAR, {
  SSHR_scalar: scalarRight, USHR_scalar: scalarRight, SSRA_scalar: scalarRight, USRA_scalar: scalarRight,
  SRSHR_scalar: scalarRight, URSHR_scalar: scalarRight, SRSRA_scalar: scalarRight, URSRA_scalar: scalarRight,
  SRI_scalar: scalarRight, SHL_scalar: scalarLeft, SLI_scalar: scalarLeft, SQSHLU_scalar: scalarLeft,
  SQSHL_imm_scalar: scalarLeft, UQSHL_imm_scalar: scalarLeft, SQSHRN_scalar: scalarShiftNarrow,
  UQSHRN_scalar: scalarShiftNarrow, SQRSHRN_scalar: scalarShiftNarrow, UQRSHRN_scalar: scalarShiftNarrow,
  SQSHRUN_scalar: scalarShiftNarrow, SQRSHRUN_scalar: scalarShiftNarrow, SSHL_scalar: scalar3, USHL_scalar: scalar3,
  SQSHL_scalar: scalar3, UQSHL_scalar: scalar3, SRSHL_scalar: scalar3, URSHL_scalar: scalar3, SQRSHL_scalar: scalar3,
  UQRSHL_scalar: scalar3,
});

// ---- by element ------------------------------------------------------------------------------------------------------------

const indexH = indexIn(['H', 1], ['L', 1], ['M', 1]);
const indexS = indexIn(['H', 1], ['L', 1]);
const H48: Named = [['4h', { Q: 0 }], ['8h', { Q: 1 }]];
const eltH: Shape = (m) => form`${m} ${V('Rd', H48)}, ${V('Rn', H48)}, ${E('Rm', 'h', indexH)}`;
const eltS: Shape = (m) => form`${m} ${V('Rd', WORDS)}, ${V('Rn', WORDS)}, ${E('Rm', 's', indexS)}`;
const eltLongH: Shape = (m) => form`${m}${two} ${V('Rd', '4s')}, ${V('Rn', H48)}, ${E('Rm', 'h', indexH)}`;
const eltLongS: Shape = (m) => form`${m}${two} ${V('Rd', '2d')}, ${V('Rn', WORDS)}, ${E('Rm', 's', indexS)}`;
const eltDot: Shape = (m) => form`${m} ${V('Rd', WORDS)}, ${V('Rn', BYTES)}, ${E('Rm', '4b', indexS)}`;
const scalarEltH: Shape = (m) => form`${m} ${S('Rd', 'h')}, ${S('Rn', 'h')}, ${E('Rm', 'h', indexH)}`;
const scalarEltS: Shape = (m) => form`${m} ${S('Rd', 's')}, ${S('Rn', 's')}, ${E('Rm', 's', indexS)}`;
const scalarEltLongH: Shape = (m) => form`${m} ${S('Rd', 's')}, ${S('Rn', 'h')}, ${E('Rm', 'h', indexH)}`;
const scalarEltLongS: Shape = (m) => form`${m} ${S('Rd', 'd')}, ${S('Rn', 's')}, ${E('Rm', 's', indexS)}`;

export const SIMD_INDEXED_SYNTAX = syntax(SIMD_INDEXED, {
  MUL_elt_h: eltH, MUL_elt_s: eltS, MLA_elt_h: eltH, MLA_elt_s: eltS, MLS_elt_h: eltH, MLS_elt_s: eltS,
  SMULL_elt_h: eltLongH, SMULL_elt_s: eltLongS, UMULL_elt_h: eltLongH, UMULL_elt_s: eltLongS, SMLAL_elt_h: eltLongH,
  SMLAL_elt_s: eltLongS, UMLAL_elt_h: eltLongH, UMLAL_elt_s: eltLongS, SMLSL_elt_h: eltLongH, SMLSL_elt_s: eltLongS,
  UMLSL_elt_h: eltLongH, UMLSL_elt_s: eltLongS, SQDMULL_elt_h: eltLongH, SQDMULL_elt_s: eltLongS,
  SQDMLAL_elt_h: eltLongH, SQDMLAL_elt_s: eltLongS, SQDMLSL_elt_h: eltLongH, SQDMLSL_elt_s: eltLongS,
  SQDMULH_elt_h: eltH, SQDMULH_elt_s: eltS, SQRDMULH_elt_h: eltH, SQRDMULH_elt_s: eltS, SQRDMLAH_elt_h: eltH,
  SQRDMLAH_elt_s: eltS, SQRDMLSH_elt_h: eltH, SQRDMLSH_elt_s: eltS, SDOT_elt: eltDot, UDOT_elt: eltDot,
  SUDOT_elt: eltDot, USDOT_elt: eltDot,
});
export const SIMD_INDEXED_SCALAR_SYNTAX = syntax(SIMD_INDEXED_SCALAR, {
  SQDMULL_scalar_elt_h: scalarEltLongH, SQDMULL_scalar_elt_s: scalarEltLongS, SQDMLAL_scalar_elt_h: scalarEltLongH,
  SQDMLAL_scalar_elt_s: scalarEltLongS, SQDMLSL_scalar_elt_h: scalarEltLongH, SQDMLSL_scalar_elt_s: scalarEltLongS,
  SQDMULH_scalar_elt_h: scalarEltH, SQDMULH_scalar_elt_s: scalarEltS, SQRDMULH_scalar_elt_h: scalarEltH,
  SQRDMULH_scalar_elt_s: scalarEltS, SQRDMLAH_scalar_elt_h: scalarEltH, SQRDMLAH_scalar_elt_s: scalarEltS,
  SQRDMLSH_scalar_elt_h: scalarEltH, SQRDMLSH_scalar_elt_s: scalarEltS,
});

// ---- copy and permute: imm5 is index, then a one, then as many zeroes as the size says ---------------------------------------

const ctz = (n: number): number => 31 - Math.clz32(n & -n);
/** Prints with `lg` taken from imm5, reads `lg`. */
const lg5 = (o: Operand): Operand => ({ ...o, print: (f, s) => o.print({ ...f, lg: ctz(f['imm5']! | 32) }, s) });
const ARR5: Named = sized([['8b', 0, 0], ['16b', 0, 1], ['4h', 1, 0], ['8h', 1, 1], ['2s', 2, 0], ['4s', 2, 1], ['2d', 3, 1]]);
const ELT5: Named = sized([['b', 0], ['h', 1], ['s', 2], ['d', 3]]);
const index5 = {
  get: (f: Fields) => f['imm5']! >> (ctz(f['imm5']!) + 1),
  fields: (i: number, f: Fields): Fields | undefined =>
    i < 16 >> f['lg']! ? { imm5: ((i * 2 + 1) << f['lg']!) & 31 } : undefined,
};
const index4 = {
  get: (f: Fields) => f['imm4']! >> ctz(f['imm5']!),
  fields: (i: number, f: Fields): Fields | undefined => (i < 16 >> f['lg']! ? { imm4: (i << f['lg']!) & 15 } : undefined),
};
const elt5 = (r: string) => lg5(E(r, ELT5, index5));
const only = (rows: Named, ...names: string[]): Named => rows.filter(([t]) => names.includes(t));
const smov = (m: string, dst: Operand, ...sizes: string[]) => form`${m} ${dst}, ${lg5(E('Rn', only(ELT5, ...sizes), index5))}`;

const lutIndex = (bits: number): Operand => ({
  print: (f) => `[${f['index']}]`,
  parse(c, set) {
    if (!c.literal('[')) c.fail("'['");
    imm('index', { bits }).parse(c, set, {});
    if (!c.literal(']')) c.fail("']'");
  },
});
const vreg = (r: string): Operand => ({
  print: (f) => `v${f[r]}`,
  parse(c, set) {
    const m = c.take(/v(\d{1,2})(?![.\d])/);
    if (!m) return c.fail('a vector register without arrangement');
    set(r, Number(m[1]));
  },
});

const tableLookup = (m: string) =>
  [1, 2, 3, 4].map((n) => alias(form`${m} ${V('Rd', BYTES)}, ${list('Rn', '16b', n)}, ${V('Rm', BYTES)}`, { len: n - 1 }));

export const SIMD_PERMUTE_SYNTAX = syntax(SIMD_PERMUTE, {
  DUP_elt: form`dup ${lg5(V('Rd', ARR5))}, ${elt5('Rn')}`,
  DUP_gen: [
    alias(form`dup ${lg5(V('Rd', ARR5))}, ${X('Rn')}`, (f) => ctz(f['imm5']!) === 3, { lg: 3 }, (f) => ({ imm5: 1 << f['lg']! })),
    alias(form`dup ${lg5(V('Rd', ARR5))}, ${W('Rn')}`, () => true, {}, (f) => ({ imm5: 1 << f['lg']! })),
  ],
  DUP_scalar: [
    alias(form`mov ${lg5(S('Rd', ELT5))}, ${elt5('Rn')}`, {}),
    form`dup ${lg5(S('Rd', ELT5))}, ${elt5('Rn')}`,
  ],
  SMOV_w: smov('smov', W('Rd'), 'b', 'h'),
  SMOV_x: smov('smov', X('Rd'), 'b', 'h', 's'),
  UMOV_w: [alias(smov('mov', W('Rd'), 's'), (f) => ctz(f['imm5']!) === 2), smov('umov', W('Rd'), 'b', 'h', 's')],
  UMOV_x: [alias(smov('mov', X('Rd'), 'd'), {}), smov('umov', X('Rd'), 'd')],
  INS_gen: [
    alias(form`mov ${elt5('Rd')}, ${X('Rn')}`, (f) => ctz(f['imm5']!) === 3, { lg: 3 }),
    alias(form`mov ${elt5('Rd')}, ${W('Rn')}`, (f) => ctz(f['imm5']!) !== 3),
    alias(form`ins ${elt5('Rd')}, ${X('Rn')}`, (f) => ctz(f['imm5']!) === 3, { lg: 3 }),
    form`ins ${elt5('Rd')}, ${W('Rn')}`,
  ],
  INS_elt: [
    alias(form`mov ${elt5('Rd')}, ${lg5(E('Rn', ELT5, index4))}`, {}),
    form`ins ${elt5('Rd')}, ${lg5(E('Rn', ELT5, index4))}`,
  ],
  UZP1: same3, TRN1: same3, ZIP1: same3, UZP2: same3, TRN2: same3, ZIP2: same3,
  EXT: form`ext ${V('Rd', BYTES)}, ${V('Rn', BYTES)}, ${V('Rm', BYTES)}, ${imm('imm4', { bits: 4 })}`,
  TBL: tableLookup('tbl'),
  TBX: tableLookup('tbx'),
  LUTI2_b: form`luti2 ${V('Rd', '16b')}, ${list('Rn', '16b', 1)}, ${vreg('Rm')}${lutIndex(2)}`,
  LUTI2_h: form`luti2 ${V('Rd', '8h')}, ${list('Rn', '8h', 1)}, ${vreg('Rm')}${lutIndex(3)}`,
  LUTI4_b: form`luti4 ${V('Rd', '16b')}, ${list('Rn', '16b', 1)}, ${vreg('Rm')}${lutIndex(1)}`,
  LUTI4_h: form`luti4 ${V('Rd', '8h')}, ${list('Rn', '8h', 2)}, ${vreg('Rm')}${lutIndex(2)}`,
});


