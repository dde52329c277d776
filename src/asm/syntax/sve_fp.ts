// How SVE floating-point instructions are written. Most follow from the fields of their rows (sve_shapes.ts).

import { SVE_FP } from '../../arch/a64/sve_fp.ts';
import { SVE_FP_CONVERT } from '../../arch/a64/sve_fp_convert.ts';
import { SVE_FP_MLA } from '../../arch/a64/sve_fp_mla.ts';
import { SVE_FP8, SVE_LUT } from '../../arch/a64/sve_fp8.ts';
import { form, type Shape, syntaxBy } from '../form.ts';
import { imm } from '../operands.ts';
import { type Named, S, SCALAR, V } from '../operands_simd.ts';
import { HSD, P, Pm, Pz, Z, Zi, zlist } from '../operands_sve.ts';
import { alignedList, constants, rotation } from '../operands_sve2.ts';
import { byFields } from './sve_shapes.ts';

const T = HSD;
/** BFloat16 rows have no size. */
const sizeOf = (name: string): string | Named => (name.startsWith('BF') ? 'h' : T);
const SEGMENTS: Named = [['8h', { size: 1 }], ['4s', { size: 2 }], ['2d', { size: 3 }]]; // biome-ignore format: a table
const zdn = Z('Zdn', T);

const compareZero: Shape = (m) => form`${m} ${P('Pd', T)}, ${Pz()}, ${Z('Zn', T)}, #0.0`;
const acrossSegments: Shape = (m) => form`${m} ${V('Vd', SEGMENTS)}, ${P('Pg')}, ${Z('Zn', T)}`;
const across: Shape = (m) => form`${m} ${S('Vd', SCALAR)}, ${P('Pg')}, ${Z('Zn', T)}`;
const constant = (m: string, a: string, b: string) => form`${m} ${zdn}, ${Pm()}, ${zdn}, ${constants('i1', a, b)}`;

export const SVE_FP_SYNTAX = syntaxBy(
  SVE_FP,
  (name): Shape => {
    if (name.endsWith('_pp0')) return compareZero;
    if (/^F(ADD|MAXNM|MINNM|MAX|MIN)QV/.test(name)) return acrossSegments;
    if (/^F(ADD|MAXNM|MINNM|MAX|MIN)V/.test(name)) return across;
    if (/^FMUL_pi/.test(name)) return (m) => constant(m, '0.5', '2.0');
    if (/^F(ADD|SUBR?)_pi/.test(name)) return (m) => constant(m, '0.5', '1.0');
    if (name.endsWith('_pi')) return (m) => constant(m, '0.0', '1.0');
    return byFields(SVE_FP[name], sizeOf(name));
  },
  {
    FTMAD: (m) => form`${m} ${zdn}, ${zdn}, ${Z('Zm', T)}, ${imm('imm3', { bits: 3 })}`,
    FADDA: (m) => form`${m} ${S('Vdn', SCALAR)}, ${P('Pg')}, ${S('Vdn', SCALAR)}, ${Z('Zm', T)}`,
    FCADD_p: (m) => form`${m} ${zdn}, ${Pm()}, ${zdn}, ${Z('Zm', T)}, ${rotation(180, 90)}`,
  },
);

// ---- conversions --------------------------------------------------------------------------------------------------------

export const SVE_FP_CONVERT_SYNTAX = syntaxBy(SVE_FP_CONVERT, (name): Shape => {
  const [from, to] = name.startsWith('BF') ? 'sh' : name.slice(-2);
  return (m) => form`${m} ${Z('Zd', to!)}, ${Pm()}, ${Z('Zn', from!)}`;
});

// ---- multiply-adds ------------------------------------------------------------------------------------------------------

/** `z0.h[1]`, the element that a row's i-fields number. */
const elementOf = (pattern: string, letter: string) => {
  const spans = [...pattern.matchAll(/\b(i\d[hl]?):(\d)/g)].map(([, name, width]) => [name!, Number(width)] as const);
  return Zi('Zm', letter, ...spans);
};
export const byElement = (pattern: string, d: string, n: string): Shape => {
  const field = pattern.includes('Zda') ? 'Zda' : 'Zd';
  const [zd, zn, element] = [Z(field, d), Z('Zn', n), elementOf(pattern, n)];
  if (pattern.includes('rot')) return (m) => form`${m} ${zd}, ${zn}, ${element}, ${rotation(90)}`;
  return (m) => form`${m} ${zd}, ${zn}, ${element}`;
};

export const SVE_FP_MLA_SYNTAX = syntaxBy(
  SVE_FP_MLA,
  (name): Shape => {
    const { pattern } = SVE_FP_MLA[name];
    const long = /^(B?FML[AS]L[BT]|B?FDOT)_/.test(name);
    if (name.includes('_x_')) return byElement(pattern, long ? 's' : name.at(-1)!, name.at(-1)!);
    if (long || name === 'BFMMLA_z') return byFields(SVE_FP_MLA[name], 's', 'h');
    if (name.startsWith('FMMLA')) return byFields(SVE_FP_MLA[name], name.at(-1)!);
    return byFields(SVE_FP_MLA[name], sizeOf(name));
  },
  {
    FCMLA_p: (m) =>
      form`${m} ${Z('Zda', T)}, ${Pm()}, ${Z('Zn', T)}, ${Z('Zm', T)}, ${rotation(90)}`,
  },
);

// ---- 8-bit floating point -----------------------------------------------------------------------------------------------

const half8 = /^(FMLAL[BT]_|FDOT_._bh|FMMLA_z_bh)/;
export const SVE_FP8_SYNTAX = syntaxBy(SVE_FP8, (name): Shape => {
  const row = SVE_FP8[name];
  if (/^B?F[12]CVT/.test(name)) return byFields(row, 'h', 'b');
  if (name.includes('CVTN')) return (m) => form`${m} ${Z('Zd', 'b')}, ${alignedList('Zn', name.at(-2)!, 2)}`;
  const d = half8.test(name) ? 'h' : 's';
  return name.includes('_x_') ? byElement(row.pattern, d, 'b') : byFields(row, d, 'b');
});

export const SVE_LUT_SYNTAX = syntaxBy(SVE_LUT, (name): Shape => {
  const { pattern } = SVE_LUT[name];
  const element = name.includes('_b') ? 'b' : 'h';
  const tables = zlist('Zn', element, name.endsWith('2') ? 2 : 1);
  return (m) => form`${m} ${Z('Zd', element)}, ${tables}, ${elementOf(pattern, '')}`;
});
