// How SVE integer arithmetic is written.

import { SVE_INT, SVE_INT_MLA } from '../../arch/a64/sve_int.ts';
import { decodeBitMasks, encodeBitMask } from '../bitmask.ts';
import { alias, type Fields, type Form, form, type Operand, parseOnly, type Shape, syntax } from '../form.ts';
import { computed, imm, texts, W, X, Xsp } from '../operands.ts';
import { type Named, S, SCALAR } from '../operands_simd.ts';
import {
  byFields,
  HSD,
  NARROWER,
  P,
  Pm,
  pattern,
  rotation,
  shifted8,
  shiftLeft,
  shiftRight,
  Z,
  Zs,
} from '../operands_sve.ts';

import { float8 } from './fp.ts';

// ---- shapes: operands by the letters at the end of a row's name ---------------------------------------------------------

export const zzz: Shape = (m) => form`${m} ${Z('Zd')}, ${Z('Zn')}, ${Z('Zm')}`;
/** Destructive: the first source is the destination. */
export const zpzz: Shape = (m) => form`${m} ${Z('Zdn')}, ${Pm()}, ${Z('Zdn')}, ${Z('Zm')}`;
export const zpz: Shape = (m) => form`${m} ${Z('Zd')}, ${Pm()}, ${Z('Zn')}`;
const zpzw: Shape = (m) => form`${m} ${Z('Zdn')}, ${Pm()}, ${Z('Zdn')}, ${Z('Zm', 'd')}`;
const zzw: Shape = (m) => form`${m} ${Z('Zd')}, ${Z('Zn')}, ${Z('Zm', 'd')}`;
const zpzzz: Shape = (m) => form`${m} ${Z('Zda')}, ${Pm()}, ${Z('Zn')}, ${Z('Zm')}`;
const zpzza: Shape = (m) => form`${m} ${Z('Zdn')}, ${Pm()}, ${Z('Zm')}, ${Z('Za')}`;
const zpzi = (amount: Operand): Shape => (m) => form`${m} ${Zs('Zdn')}, ${Pm()}, ${Zs('Zdn')}, ${amount}`;
const zzi = (amount: Operand): Shape => (m) => form`${m} ${Zs('Zd')}, ${Zs('Zn')}, ${amount}`;
/** Across lanes: a scalar of the element's size. */
export const reduction: Shape = (m) => form`${m} ${S('Vd', SCALAR)}, ${P('Pg')}, ${Z('Zn')}`;
const sum: Shape = (m) => form`${m} ${S('Vd', 'd')}, ${P('Pg')}, ${Z('Zn')}`;
const pointers: Shape = (m) => form`${m} ${Z('Zdn', 'd')}, ${Pm()}, ${Z('Zdn', 'd')}, ${Z('Zm', 'd')}`;
const bits3: Shape = (m) => form`${m} ${Z('Zd', 'd')}, ${Z('Zn', 'd')}, ${Z('Zm', 'd')}`;
const ternary: Shape = (m) => form`${m} ${Z('Zdn', 'd')}, ${Z('Zdn', 'd')}, ${Z('Zm', 'd')}, ${Z('Zk', 'd')}`;
const signed5 = (f: string): Operand => imm(f, { bits: 5, signed: true });
/** X for doublewords, else W. */
const byElement = (field: string): Operand => byFields((f) => (f['size'] === 3 ? X(field) : W(field)));
const addLength: Shape = (m) => form`${m} ${Xsp('Rd')}, ${Xsp('Rn')}, ${imm('imm6', { bits: 6, signed: true })}`;
const zi: Shape = (m) => form`${m} ${Z('Zdn')}, ${Z('Zdn')}, ${shifted8(false)}`;
const zi8 = (signed: boolean): Shape => (m) => form`${m} ${Z('Zdn')}, ${Z('Zdn')}, ${imm('imm8', { bits: 8, signed })}`;

// ---- logical immediates, written for the smallest element that repeats ----------------------------------------------------

const elementOf = (f: Fields): number => (f['N'] ? 64 : (f['imms']! & 32) === 0 ? 32 : (f['imms']! & 16) === 0 ? 16 : 8);
const LETTER: Readonly<Record<number, string>> = { 8: 'b', 16: 'h', 32: 's', 64: 'd' };
const WIDTH: Readonly<Record<string, number>> = { b: 8, h: 16, s: 32, d: 64 };
const maskOf = (f: Fields): bigint => decodeBitMasks(f['N']!, f['imms']!, f['immr']!, 64) ?? 0n;
/** The element letter is only known once the immediate is. */
const ZMask = (field: string): Operand => ({
  print: (f) => `z${f[field]!}.${LETTER[elementOf(f)]}`,
  parse(c, set) {
    const m = c.take(/z(\d{1,2})\.([bhsd])\b/);
    if (!m || Number(m[1]) > 31) return c.fail('a register like z0.s');
    set(field, Number(m[1]));
    set('width', WIDTH[m[2]!.toLowerCase()]!);
  },
});
const bitmask: Operand = computed(
  (f) => BigInt.asUintN(elementOf(f), maskOf(f)),
  (v, f) => {
    const width = f['width']!;
    const element = BigInt.asUintN(width, v);
    if (v !== element && v !== BigInt.asIntN(width, v)) return undefined;
    let all = element;
    for (let have = width; have < 64; have *= 2) all |= all << BigInt(have);
    return encodeBitMask(all, 64);
  },
  { hex: true, what: 'a repeating pattern of ones' },
);
/** Values of 16 bits in decimal, others in hexadecimal. */
const moved: Operand = {
  ...bitmask,
  print(f) {
    const signed = BigInt.asIntN(elementOf(f), maskOf(f));
    if (signed >= -32768n && signed < 32768n) return `#${signed}`;
    const v = BigInt.asUintN(elementOf(f), maskOf(f));
    return v < 65536n ? `#${v}` : bitmask.print(f);
  },
};
const logical: Shape = (m) => form`${m} ${ZMask('Zdn')}, ${ZMask('Zdn')}, ${bitmask}`;
/** Whether DUP or FDUP could not do it too. @arm SVEMoveMaskPreferred */
function moveMaskPreferred(f: Fields): boolean {
  const v = maskOf(f);
  const byte = (x: bigint, bits: number): boolean => {
    const s = BigInt.asIntN(bits, x);
    return (s >= -128n && s < 128n) || ((x & 0xffn) === 0n && s >= -32768n && s < 32768n);
  };
  const repeats = (bits: number): boolean => {
    let all = BigInt.asUintN(bits, v);
    for (let have = bits; have < 64; have *= 2) all |= all << BigInt(have);
    return all === v;
  };
  for (const bits of [64, 32, 16]) if (repeats(bits) && byte(BigInt.asUintN(bits, v), bits)) return false;
  return !repeats(8);
}

// ---- counts -----------------------------------------------------------------------------------------------------------------

/** Element letters inside mnemonics of counts. */
const letter = texts(['b', { size: 0 }], ['h', { size: 1 }], ['w', { size: 2 }], ['d', { size: 3 }]);
const incDec = texts(['inc', { D: 0 }], ['dec', { D: 1 }]);
export const satIncDec = texts(['sqinc', { D: 0, U: 0 }], ['uqinc', { D: 0, U: 1 }], ['sqdec', { D: 1, U: 0 }], ['uqdec', { D: 1, U: 1 }]);
const count = pattern('imm4');

const accumulated =
  (d: string, a: string, b: string): Shape =>
  (m) => form`${m} ${Z(d, 'd')}, ${Z(a, 'd')}, ${Z(b, 'd')}`;

const SD_BY_SZ: Named = [['s', { sz: 0 }], ['d', { sz: 1 }]];
const mszText = texts(['', { msz: 0 }], [', lsl #1', { msz: 1 }], [', lsl #2', { msz: 2 }], [', lsl #3', { msz: 3 }]);
const extendText = (how: string): Operand =>
  texts([`${how}`, { msz: 0 }], [`${how} #1`, { msz: 1 }], [`${how} #2`, { msz: 2 }], [`${how} #3`, { msz: 3 }]);

export const SVE_INT_SYNTAX = syntax(SVE_INT, {
  ADD_zpzz: zpzz, SUB_zpzz: zpzz, SUBR_zpzz: zpzz, ADDPT_zpzz: pointers, SUBPT_zpzz: pointers, SMAX_zpzz: zpzz, UMAX_zpzz: zpzz,
  SMIN_zpzz: zpzz, UMIN_zpzz: zpzz, SABD_zpzz: zpzz, UABD_zpzz: zpzz, MUL_zpzz: zpzz, SMULH_zpzz: zpzz, UMULH_zpzz: zpzz,
  SDIV_zpzz: zpzz, UDIV_zpzz: zpzz, SDIVR_zpzz: zpzz, UDIVR_zpzz: zpzz, ORR_zpzz: zpzz, EOR_zpzz: zpzz, AND_zpzz: zpzz,
  BIC_zpzz: zpzz,
  SADDV_pz: sum, UADDV_pz: sum, SMAXV_pz: reduction, UMAXV_pz: reduction, SMINV_pz: reduction, UMINV_pz: reduction,
  ORV_pz: reduction, EORV_pz: reduction, ANDV_pz: reduction,
  SVE2p1_quad_sum: [], SVE2p1_quad_minmax: [], SVE2p1_quad_or_eor: [], SVE2p1_quad_and: [],
  MOVPRFX_pz: (m) => form`${m} ${Z('Zd')}, ${P('Pg')}${texts(['/z', { M: 0 }], ['/m', { M: 1 }])}, ${Z('Zn')}`,
  MLA_zpzzz: zpzzz, MLS_zpzzz: zpzzz, MAD_zpzzz: zpzza, MSB_zpzzz: zpzza,
  ASR_zpzi: zpzi(shiftRight), LSR_zpzi: zpzi(shiftRight), LSL_zpzi: zpzi(shiftLeft), ASRD_zpzi: zpzi(shiftRight),
  SQSHL_zpzi: zpzi(shiftLeft), UQSHL_zpzi: zpzi(shiftLeft), SRSHR_zpzi: zpzi(shiftRight), URSHR_zpzi: zpzi(shiftRight),
  SQSHLU_zpzi: zpzi(shiftLeft),
  ASR_zpzz: zpzz, LSR_zpzz: zpzz, LSL_zpzz: zpzz, ASRR_zpzz: zpzz, LSRR_zpzz: zpzz, LSLR_zpzz: zpzz,
  ASR_zpzw: zpzw, LSR_zpzw: zpzw, LSL_zpzw: zpzw,
  SXTB_zpz: zpz, UXTB_zpz: zpz, SXTH_zpz: zpz, UXTH_zpz: zpz, SXTW_zpz: zpz, UXTW_zpz: zpz, ABS_zpz: zpz, NEG_zpz: zpz,
  CLS_zpz: zpz, CLZ_zpz: zpz, CNT_zpz: zpz, CNOT_zpz: zpz, FABS_zpz: zpz, FNEG_zpz: zpz, NOT_zpz: zpz,
  SVE2p2_unary_zeroing: [],

  ADD_zzz: zzz, SUB_zzz: zzz, ADDPT_zzz: bits3, SUBPT_zzz: bits3, SQADD_zzz: zzz, UQADD_zzz: zzz, SQSUB_zzz: zzz, UQSUB_zzz: zzz,
  AND_zzz: bits3,
  ORR_zzz: [
    alias(form`mov ${Z('Zd', 'd')}, ${Z('Zn', 'd')}`, (f) => f['Zn'] === f['Zm'], {}, (f) => ({ Zm: f['Zn']! })),
    bits3('orr') as Form,
  ],
  EOR_zzz: bits3, BIC_zzz: bits3,
  XAR_zzi: (m) => form`${m} ${Zs('Zdn')}, ${Zs('Zdn')}, ${Zs('Zm')}, ${shiftRight}`,
  EOR3_zzzz: ternary, BCAX_zzzz: ternary, BSL_zzzz: ternary, BSL1N_zzzz: ternary, BSL2N_zzzz: ternary, NBSL_zzzz: ternary,
  ASR_zzw: zzw, LSR_zzw: zzw, LSL_zzw: zzw, ASR_zzi: zzi(shiftRight), LSR_zzi: zzi(shiftRight), LSL_zzi: zzi(shiftLeft),
  INDEX_ii: form`index ${Z('Zd')}, ${signed5('imm5')}, ${signed5('imm5b')}`,
  INDEX_ri: form`index ${Z('Zd')}, ${byElement('Rn')}, ${signed5('imm5b')}`,
  INDEX_ir: form`index ${Z('Zd')}, ${signed5('imm5')}, ${byElement('Rm')}`,
  INDEX_rr: form`index ${Z('Zd')}, ${byElement('Rn')}, ${byElement('Rm')}`,
  ADR_sxtw: form`adr ${Z('Zd', 'd')}, [${Z('Zn', 'd')}, ${Z('Zm', 'd')}, ${extendText('sxtw')}]`,
  ADR_uxtw: form`adr ${Z('Zd', 'd')}, [${Z('Zn', 'd')}, ${Z('Zm', 'd')}, ${extendText('uxtw')}]`,
  ADR_lsl: form`adr ${Z('Zd', SD_BY_SZ)}, [${Z('Zn', SD_BY_SZ)}, ${Z('Zm', SD_BY_SZ)}${mszText}]`,
  FTSSEL_zzz: zzz, FEXPA_zz: (m) => form`${m} ${Z('Zd')}, ${Z('Zn')}`,
  MOVPRFX_zz: (m) => form`${m} ${Z('Zd', '')}, ${Z('Zn', '')}`,

  ADDVL: addLength, ADDPL: addLength, RDVL: (m) => form`${m} ${X('Rd')}, ${imm('imm6', { bits: 6, signed: true })}`,
  SME_addsvl: [], SME_rdsvl: [],
  CNT_r: form`cnt${letter} ${X('Rd')}${count}`,
  INC_r: form`${incDec}${letter} ${X('Rdn')}${count}`,
  QINC_r: [
    alias(form`${satIncDec}${letter} ${X('Rdn')}${count}`, { sf: 1 }),
    alias(form`${satIncDec}${letter} ${X('Rdn')}, ${W('Rdn')}${count}`, (f) => f['sf'] === 0 && f['U'] === 0, { sf: 0, U: 0 }),
    alias(form`${satIncDec}${letter} ${W('Rdn')}${count}`, { sf: 0, U: 1 }),
  ],
  INC_z: form`${incDec}${letter} ${Z('Zdn')}${count}`,
  QINC_z: form`${satIncDec}${letter} ${Z('Zdn')}${count}`,

  ORR_zi: logical, EOR_zi: logical, AND_zi: logical,
  DUPM: [
    alias(form`mov ${ZMask('Zd')}, ${moved}`, moveMaskPreferred),
    form`dupm ${ZMask('Zd')}, ${bitmask}`,
  ],
  CPY_zpi: [
    form`mov ${Z('Zd')}, ${P('Pg')}${texts(['/z', { M: 0 }], ['/m', { M: 1 }])}, ${shifted8(true)}`,
    parseOnly(form`cpy ${Z('Zd')}, ${P('Pg')}${texts(['/z', { M: 0 }], ['/m', { M: 1 }])}, ${shifted8(true)}`),
  ],
  FCPY_zpi: [
    form`fmov ${Z('Zd')}, ${Pm()}, ${float8}`,
    parseOnly(form`fcpy ${Z('Zd')}, ${Pm()}, ${float8}`),
  ],
  ADD_zi: zi, SUB_zi: zi, SUBR_zi: zi, SQADD_zi: zi, UQADD_zi: zi, SQSUB_zi: zi, UQSUB_zi: zi,
  SMAX_zi: zi8(true), UMAX_zi: zi8(false), SMIN_zi: zi8(true), UMIN_zi: zi8(false), MUL_zi: zi8(true),
  DUP_zi: [
    form`mov ${Z('Zd')}, ${shifted8(true)}`,
    parseOnly(form`dup ${Z('Zd')}, ${shifted8(true)}`),
  ],
  FDUP_zi: [form`fmov ${Z('Zd')}, ${float8}`, parseOnly(form`fdup ${Z('Zd')}, ${float8}`)],
});

// ---- sums of products ---------------------------------------------------------------------------------------------------------

const QUARTER_SD: Named = [['b', { sz: 0 }], ['h', { sz: 1 }]];
const dot: Shape = (m) => form`${m} ${Z('Zda', SD_BY_SZ)}, ${Z('Zn', QUARTER_SD)}, ${Z('Zm', QUARTER_SD)}`;
const same: Shape = (m) => form`${m} ${Z('Zda')}, ${Z('Zn')}, ${Z('Zm')}`;
const halves: Shape = (m) => form`${m} ${Z('Zda', HSD)}, ${Z('Zn', NARROWER)}, ${Z('Zm', NARROWER)}`;
/** Bottom or top halves, by T. */
const bt = texts(['b', { T: 0 }], ['t', { T: 1 }]);
const long: Shape = (m) => form`${m}${bt} ${Z('Zda', HSD)}, ${Z('Zn', NARROWER)}, ${Z('Zm', NARROWER)}`;

export const SVE_INT_MLA_SYNTAX = syntax(SVE_INT_MLA, {
  MLAPT_zzzz: accumulated('Zda', 'Zn', 'Zm'), MADPT_zzzz: accumulated('Zdn', 'Zm', 'Za'),
  SDOT_zzzz: dot, UDOT_zzzz: dot,
  USDOT_zzzz: (m) => form`${m} ${Z('Zda', 's')}, ${Z('Zn', 'b')}, ${Z('Zm', 'b')}`,
  CDOT_zzzz: (m) => form`${m} ${Z('Zda', SD_BY_SZ)}, ${Z('Zn', QUARTER_SD)}, ${Z('Zm', QUARTER_SD)}, ${rotation('rot')}`,
  CMLA_zzzz: (m) => form`${m} ${Z('Zda')}, ${Z('Zn')}, ${Z('Zm')}, ${rotation('rot')}`,
  SQRDCMLAH_zzzz: (m) => form`${m} ${Z('Zda')}, ${Z('Zn')}, ${Z('Zm')}, ${rotation('rot')}`,
  SQDMLALBT_zzzz: halves, SQDMLSLBT_zzzz: halves,
  SMLAL_zzzz: long, UMLAL_zzzz: long, SMLSL_zzzz: long, UMLSL_zzzz: long, SQDMLAL_zzzz: long, SQDMLSL_zzzz: long,
  SQRDMLAH_zzzz: same, SQRDMLSH_zzzz: same,
});
