// How floating-point instructions, scalar and vector, are written.

import { FP } from '../../arch/a64/fp.ts';
import { SIMD_FP, SIMD_FP_SCALAR } from '../../arch/a64/simd_fp.ts';
import { SIMD_FP_INDEXED, SIMD_FP_INDEXED_SCALAR } from '../../arch/a64/simd_fp_indexed.ts';
import { SIMD_FP_MISC, SIMD_FP_MISC_SCALAR } from '../../arch/a64/simd_fp_misc.ts';
import { SIMD_FP8 } from '../../arch/a64/simd_fp8.ts';
import { type Fields, type Form, form, type Operand, type Shape, syntax, syntaxBy } from '../form.ts';
import { computed, cond, dec, imm, R, texts, W, X } from '../operands.ts';
import { ARRANGEMENT_FP, BYTES, E, HALVES, indexIn, type Named, S, V } from '../operands_simd.ts';
import { spread8 } from './simd_int.ts';

const SD: Named = [['s', { sz: 0 }], ['d', { sz: 1 }]];
const WORDS: Named = [['2s', { Q: 0 }], ['4s', { Q: 1 }]];
const H: Named = [['h', {}]];
const two = texts(['', { Q: 0 }], ['2', { Q: 1 }]);

// ---- immediates: a sign, three bits of exponent, four of fraction ----------------------------------------------------------

function expand8(v: number): number {
  const e = ((v >> 4) & 3) + (v & 0x40 ? -3 : 1);
  return (v & 0x80 ? -1 : 1) * ((16 + (v & 15)) / 16) * 2 ** e;
}
function floatImmediate(get: (f: Fields) => number, fields: (v: number) => Fields): Operand {
  return {
    print: (f) => `#${expand8(get(f)).toFixed(8)}`,
    parse(c, set) {
      c.take(/#/);
      const m = c.take(/[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?/);
      const v = m && Array.from({ length: 256 }, (_, i) => i).find((i) => expand8(i) === Number(m[0]));
      if (v === undefined) return c.fail('a floating-point number of 4 significant bits between 0.125 and 31');
      for (const [k, x] of Object.entries(fields(v))) set(k, x);
    },
  };
}
export const float8 = floatImmediate((f) => f['imm8']!, (v) => ({ imm8: v }));
const floatSpread = floatImmediate((f) => ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].reduce((v, n) => v * 2 + f[n]!, 0), spread8);

// ---- scalar ---------------------------------------------------------------------------------------------------------------------

const regs = (n: Named) => ({ d: S('Rd', n), n: S('Rn', n), m: S('Rm', n), a: S('Ra', n) });
const full = regs(SD);
const half = regs(H);
const of = (name: string) => (name.endsWith('_half') ? half : full);
const int = R('Rd');
const nzcv = imm('nzcv', { bits: 4 });
const fraction = computed((f) => BigInt(64 - f['scale']!), (v, f) => (v >= 1n && v <= (f['sf'] ? 64n : 32n) ? { scale: 64 - Number(v) } : undefined), { what: 'a number of fraction bits' });

/** Conversions between registers of different sizes: a single goes with a 64-bit integer, a double with a 32-bit one. */
const fprInt = (name: string, field: string): Operand => S(field, name.endsWith('_half') ? [['s', { sf: 0 }], ['d', { sf: 1 }]] : [['s', { sf: 0, sz: 1 }], ['d', { sf: 1, sz: 0 }]]);
const fprFloat = (name: string, field: string): Operand => S(field, name.endsWith('_half') ? 'h' : [['s', { sf: 1, sz: 0 }], ['d', { sf: 0, sz: 1 }]]);

const fpRule = (name: string): Shape => {
  const r = of(name);
  const stem = name.replace(/_.*/, '');
  if (name.includes('_fpr')) return (m) => (m.startsWith('f') ? form`${m} ${fprInt(name, 'Rd')}, ${fprFloat(name, 'Rn')}` : form`${m} ${fprFloat(name, 'Rd')}, ${fprInt(name, 'Rn')}`);
  if (name.includes('_fixed')) return (m) => (m.startsWith('f') ? form`${m} ${int}, ${r.n}, ${fraction}` : form`${m} ${r.d}, ${R('Rn')}, ${fraction}`);
  if (name.includes('_zero')) return (m) => form`${m} ${r.n}, #0.0`;
  if (/^FCCMPE?$/.test(stem)) return (m) => form`${m} ${r.n}, ${r.m}, ${nzcv}, ${cond()}`;
  if (/^FCMPE?$/.test(stem)) return (m) => form`${m} ${r.n}, ${r.m}`;
  if (stem === 'FCSEL') return (m) => form`${m} ${r.d}, ${r.n}, ${r.m}, ${cond()}`;
  if (/^FN?M(ADD|SUB)$/.test(stem)) return (m) => form`${m} ${r.d}, ${r.n}, ${r.m}, ${r.a}`;
  if (/^FCVT[NAPMZ][SU]$/.test(stem)) return (m) => form`${m} ${int}, ${r.n}`;
  if (/^[SU]CVTF$/.test(stem)) return (m) => form`${m} ${r.d}, ${R('Rn')}`;
  if (/^F(N?MUL|DIV|ADD|SUB|MAX|MIN|MAXNM|MINNM)$/.test(stem)) return (m) => form`${m} ${r.d}, ${r.n}, ${r.m}`;
  return (m) => form`${m} ${r.d}, ${r.n}`;
};
const cvt = (to: string, from: string): Form => form`fcvt ${S('Rd', to)}, ${S('Rn', from)}`;
const top = (r: string) => E(r, 'd', { get: () => 1, fields: (i) => (i === 1 ? {} : undefined) });

export const FP_SYNTAX = syntaxBy(FP, fpRule, {
  FCVT_s_d: cvt('d', 's'), FCVT_s_h: cvt('h', 's'), FCVT_d_s: cvt('s', 'd'), FCVT_d_h: cvt('h', 'd'),
  FCVT_h_s: cvt('s', 'h'), FCVT_h_d: cvt('d', 'h'), BFCVT: form`bfcvt ${S('Rd', 'h')}, ${S('Rn', 's')}`,
  FMOV_imm: form`fmov ${full.d}, ${float8}`, FMOV_imm_half: form`fmov ${half.d}, ${float8}`,
  FJCVTZS: form`fjcvtzs ${W('Rd')}, ${S('Rn', 'd')}`,
  FMOV_s_to_w: form`fmov ${W('Rd')}, ${S('Rn', 's')}`, FMOV_w_to_s: form`fmov ${S('Rd', 's')}, ${W('Rn')}`,
  FMOV_d_to_x: form`fmov ${X('Rd')}, ${S('Rn', 'd')}`, FMOV_x_to_d: form`fmov ${S('Rd', 'd')}, ${X('Rn')}`,
  FMOV_top_to_x: form`fmov ${X('Rd')}, ${top('Rn')}`, FMOV_x_to_top: form`fmov ${top('Rd')}, ${X('Rn')}`,
  FMOV_h_to_r: form`fmov ${R('Rd')}, ${S('Rn', 'h')}`, FMOV_r_to_h: form`fmov ${S('Rd', 'h')}, ${R('Rn')}`,
});

// ---- vectors ------------------------------------------------------------------------------------------------------------------------

const vectors = (n: Named) => ({ d: V('Rd', n), n: V('Rn', n), m: V('Rm', n) });
const vFull = vectors(ARRANGEMENT_FP);
const vHalf = vectors(HALVES);
const vOf = (name: string) => (name.endsWith('_half') ? vHalf : vFull);
const same3 = (name: string): Shape => (m) => form`${m} ${vOf(name).d}, ${vOf(name).n}, ${vOf(name).m}`;
const rot4 = imm('rot', { bits: 2, scale: 90 });
const rot2 = imm('rot', { bits: 1, scale: 180, bias: 90 });
const HALVES_LOW: Named = [['2h', { Q: 0 }], ['4h', { Q: 1 }]];
const widening: Shape = (m) => form`${m} ${V('Rd', WORDS)}, ${V('Rn', HALVES_LOW)}, ${V('Rm', HALVES_LOW)}`;
const bf = (d: string | Named, n: string | Named): Shape => (m) => form`${m} ${V('Rd', d)}, ${V('Rn', n)}, ${V('Rm', n)}`;

export const SIMD_FP_SYNTAX = syntaxBy(SIMD_FP, same3, {
  FMLAL_vec: widening, FMLSL_vec: widening, FMLAL2_vec: widening, FMLSL2_vec: widening,
  FCMLA_vec: form`fcmla ${vFull.d}, ${vFull.n}, ${vFull.m}, ${rot4}`, FCMLA_vec_half: form`fcmla ${vHalf.d}, ${vHalf.n}, ${vHalf.m}, ${rot4}`,
  FCADD_vec: form`fcadd ${vFull.d}, ${vFull.n}, ${vFull.m}, ${rot2}`, FCADD_vec_half: form`fcadd ${vHalf.d}, ${vHalf.n}, ${vHalf.m}, ${rot2}`,
  BFDOT_vec: bf(WORDS, HALVES), BFMMLA: bf('4s', '8h'), BFMLALB_vec: bf('4s', '8h'), BFMLALT_vec: bf('4s', '8h'),
});

const pairSource = (name: string): Operand => (name.endsWith('_half') ? V('Rn', '2h') : V('Rn', [['2s', { sz: 0 }], ['2d', { sz: 1 }]]));
export const SIMD_FP_SCALAR_SYNTAX = syntaxBy(SIMD_FP_SCALAR, (name) =>
  name.includes('_pair') ? (m) => form`${m} ${of(name).d}, ${pairSource(name)}` : (m) => form`${m} ${of(name).d}, ${of(name).n}, ${of(name).m}`,
);

/** Fraction bits of a vector conversion: the immediate of `bits` counts down from 2^bits. */
const counted = (field: string, bits: number): Operand => ({
  print: (f) => dec(2 ** bits - f[field]!),
  parse: (c, set, f) => imm(field, { bits, bias: 1 }).parse(c, (k, v) => set(k, 2 ** bits - 1 - v), f),
});
const fixedCount = (name: string): Operand => (name.endsWith('_half') ? counted('imm4', 4) : name.endsWith('_s') ? counted('imm5', 5) : counted('imm6', 6));
const fixedNames = (name: string): Named => (name.endsWith('_half') ? HALVES : name.endsWith('_s') ? WORDS : [['2d', {}]]);
const fixedLetter = (name: string): string => (name.endsWith('_half') ? 'h' : name.endsWith('_s') ? 's' : 'd');
const miscRule = (name: string): Shape => {
  const v = vOf(name);
  if (name.includes('_fixed')) return (m) => form`${m} ${V('Rd', fixedNames(name))}, ${V('Rn', fixedNames(name))}, ${fixedCount(name)}`;
  if (name.includes('_zero')) return (m) => form`${m} ${v.d}, ${v.n}, #0.0`;
  if (/V(_half)?$/.test(name)) return (m) => (name.endsWith('_half') ? form`${m} ${S('Rd', 'h')}, ${V('Rn', HALVES)}` : form`${m} ${S('Rd', 's')}, ${V('Rn', '4s')}`);
  return (m) => form`${m} ${v.d}, ${v.n}`;
};
const LONG: Named = [['4s', { sz: 0 }], ['2d', { sz: 1 }]];
const SHORT: Named = [['4h', { sz: 0, Q: 0 }], ['8h', { sz: 0, Q: 1 }], ['2s', { sz: 1, Q: 0 }], ['4s', { sz: 1, Q: 1 }]];
export const SIMD_FP_MISC_SYNTAX = syntaxBy(SIMD_FP_MISC, miscRule, {
  FCVTL: form`fcvtl${two} ${V('Rd', LONG)}, ${V('Rn', SHORT)}`,
  FCVTN: form`fcvtn${two} ${V('Rd', SHORT)}, ${V('Rn', LONG)}`,
  FCVTXN_vec: form`fcvtxn${two} ${V('Rd', WORDS)}, ${V('Rn', '2d')}`,
  BFCVTN: form`bfcvtn${two} ${V('Rd', HALVES)}, ${V('Rn', '4s')}`,
  FMOV_imm_vec_s: form`fmov ${V('Rd', WORDS)}, ${floatSpread}`,
  FMOV_imm_vec_d: form`fmov ${V('Rd', '2d')}, ${floatSpread}`,
  FMOV_imm_vec_half: form`fmov ${V('Rd', HALVES)}, ${floatSpread}`,
});
export const SIMD_FP_MISC_SCALAR_SYNTAX = syntaxBy(
  SIMD_FP_MISC_SCALAR,
  (name) => {
    const r = of(name);
    const letter = fixedLetter(name);
    if (name.includes('_fixed')) return (m) => form`${m} ${S('Rd', letter)}, ${S('Rn', letter)}, ${fixedCount(name)}`;
    return (m) => (name.includes('_zero') ? form`${m} ${r.d}, ${r.n}, #0.0` : form`${m} ${r.d}, ${r.n}`);
  },
  { FCVTXN_scalar: form`fcvtxn ${S('Rd', 's')}, ${S('Rn', 'd')}` },
);

// ---- by element ------------------------------------------------------------------------------------------------------------------------

const elementH = E('Rm', 'h', indexIn(['H', 1], ['L', 1], ['M', 1]));
const elementS = E('Rm', 's', indexIn(['H', 1], ['L', 1]));
const elementD = E('Rm', 'd', indexIn(['H', 1]));
const byElement = (name: string): Shape => {
  const k = name.slice(-1);
  const [arr, e] = k === 'h' ? [HALVES, elementH] : k === 's' ? [WORDS, elementS] : [[['2d', {}]] as Named, elementD];
  return (m) => form`${m} ${V('Rd', arr)}, ${V('Rn', arr)}, ${e}`;
};
const wideningElement: Shape = (m) => form`${m} ${V('Rd', WORDS)}, ${V('Rn', HALVES_LOW)}, ${elementH}`;
const bfElement: Shape = (m) => form`${m} ${V('Rd', '4s')}, ${V('Rn', '8h')}, ${elementH}`;
export const SIMD_FP_INDEXED_SYNTAX = syntaxBy(SIMD_FP_INDEXED, byElement, {
  FMLAL_elt: wideningElement, FMLSL_elt: wideningElement, FMLAL2_elt: wideningElement, FMLSL2_elt: wideningElement,
  FCMLA_elt_s: form`fcmla ${V('Rd', '4s')}, ${V('Rn', '4s')}, ${E('Rm', 's', indexIn(['H', 1]))}, ${rot4}`,
  FCMLA_elt_h: form`fcmla ${V('Rd', HALVES)}, ${V('Rn', HALVES)}, ${E('Rm', 'h', indexIn(['H', 1], ['L', 1]))}, ${rot4}`,
  BFDOT_elt: form`bfdot ${V('Rd', WORDS)}, ${V('Rn', HALVES)}, ${E('Rm', '2h', indexIn(['H', 1], ['L', 1]))}`,
  BFMLALB_elt: bfElement, BFMLALT_elt: bfElement,
});
export const SIMD_FP_INDEXED_SCALAR_SYNTAX = syntaxBy(SIMD_FP_INDEXED_SCALAR, (name) => {
  const k = name.slice(-1);
  const e = k === 'h' ? elementH : k === 's' ? elementS : elementD;
  return (m) => form`${m} ${S('Rd', k)}, ${S('Rn', k)}, ${e}`;
});

// ---- eight bits --------------------------------------------------------------------------------------------------------------------------

const fp8 = (m: string, d: string | Named, n: string | Named): Form => form`${m} ${V('Rd', d)}, ${V('Rn', n)}, ${V('Rm', n)}`;
const elementB = E('Rm', 'b', indexIn(['H', 1], ['L', 1], ['M', 1], ['n', 1]));
const fp8Element = (m: string, d: string): Form => form`${m} ${V('Rd', d)}, ${V('Rn', '16b')}, ${elementB}`;
const widen8: Shape = (m) => form`${m}${two} ${V('Rd', '8h')}, ${V('Rn', BYTES)}`;
export const SIMD_FP8_SYNTAX = syntax(SIMD_FP8, {
  F1CVTL: widen8, F2CVTL: widen8, BF1CVTL: widen8, BF2CVTL: widen8,
  FCVTN_single_fp8: form`fcvtn${two} ${V('Rd', BYTES)}, ${V('Rn', '4s')}, ${V('Rm', '4s')}`,
  FCVTN_half_fp8: form`fcvtn ${V('Rd', BYTES)}, ${V('Rn', HALVES)}, ${V('Rm', HALVES)}`,
  FDOT_2_vec: fp8('fdot', HALVES, BYTES), FDOT_4_vec: fp8('fdot', WORDS, BYTES),
  FDOT_2_elt: form`fdot ${V('Rd', HALVES)}, ${V('Rn', BYTES)}, ${E('Rm', '2b', indexIn(['H', 1], ['L', 1], ['M', 1]))}`,
  FDOT_4_elt: form`fdot ${V('Rd', WORDS)}, ${V('Rn', BYTES)}, ${E('Rm', '4b', indexIn(['H', 1], ['L', 1]))}`,
  FMLALB_fp8_vec: fp8('fmlalb', '8h', '16b'), FMLALT_fp8_vec: fp8('fmlalt', '8h', '16b'),
  FMLALLBB_vec: fp8('fmlallbb', '4s', '16b'), FMLALLBT_vec: fp8('fmlallbt', '4s', '16b'),
  FMLALLTB_vec: fp8('fmlalltb', '4s', '16b'), FMLALLTT_vec: fp8('fmlalltt', '4s', '16b'),
  FMLALB_fp8_elt: fp8Element('fmlalb', '8h'), FMLALT_fp8_elt: fp8Element('fmlalt', '8h'),
  FMLALLBB_elt: fp8Element('fmlallbb', '4s'), FMLALLBT_elt: fp8Element('fmlallbt', '4s'),
  FMLALLTB_elt: fp8Element('fmlalltb', '4s'), FMLALLTT_elt: fp8Element('fmlalltt', '4s'),
  FMMLA_fp8_half: fp8('fmmla', '8h', '16b'), FMMLA_fp8_single: fp8('fmmla', '4s', '16b'),
});
