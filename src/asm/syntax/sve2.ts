// How SVE2 integer instructions are written. Most follow from the fields of their rows (sve_shapes.ts).

import { SVE2_INT } from '../../arch/a64/sve2_int.ts';
import { SVE2_MISC } from '../../arch/a64/sve2_misc.ts';
import { SVE2_MUL } from '../../arch/a64/sve2_mul.ts';
import { form, type Shape, syntaxBy } from '../form.ts';
import type { Named } from '../operands_simd.ts';
import { BHSD, HSD, NARROWER, Pz, SD, Z } from '../operands_sve.ts';
import { rotation, shiftAmount, Zt } from '../operands_sve2.ts';
import { byElement } from './sve_fp.ts';
import { byFields } from './sve_shapes.ts';

const narrowing = (name: string): boolean => /^(SU|US|U|S)?Q?(R?SHRU?|XTU?)N[BT]$/.test(name);
const leftShift = /^(SLI|[SU]SHLL[BT])/;

/** The one bit of tsz that is set. */
const extracted = (letters: string): Named =>
  [...letters].map((l, i) => [l, { tszh: (1 << i) >> 2, tszl: (1 << i) & 3 }] as const);
const [EXTRACTED, EXTRACTED_FROM] = [extracted('bhs'), extracted('hsd')];

function int2(name: keyof typeof SVE2_INT): Shape {
  const row = SVE2_INT[name];
  if (/^U(RECPE|RSQRTE)/.test(name)) return byFields(row, 's');
  if (/^[SU]QXTU?N/.test(name)) return byFields(row, EXTRACTED, EXTRACTED_FROM);
  if (row.pattern.includes('tszh')) {
    const d = Zt(row.pattern.includes('Zda') ? 'Zda' : 'Zd', /SHLL/.test(name) ? 1 : 0);
    const n = Zt('Zn', narrowing(name) ? 1 : 0);
    const amount = shiftAmount(leftShift.test(name) ? 'left' : 'right');
    return (m) => form`${m} ${d}, ${n}, ${amount}`;
  }
  if (/^(ADC|SBC)L/.test(name)) return byFields(row, SD);
  if (/CADD/.test(name)) {
    return (m) => form`${m} ${Z('Zdn', BHSD)}, ${Z('Zdn', BHSD)}, ${Z('Zm', BHSD)}, ${rotation(180, 90)}`;
  }
  if (/ADALP/.test(name)) return byFields(row, HSD, NARROWER);
  if (/^R?(ADD|SUB)HN/.test(name)) return byFields(row, NARROWER, HSD);
  if (/W[BT]$/.test(name)) return byFields(row, HSD, HSD, NARROWER);
  if (/L(B|T|BT|TB)$/.test(name)) return byFields(row, HSD, NARROWER);
  return byFields(row, BHSD);
}
export const SVE2_INT_SYNTAX = syntaxBy(SVE2_INT, int2);

// ---- multiplications ----------------------------------------------------------------------------------------------------

/** Elements of the result, given the letter of what is multiplied. */
const WIDER: Readonly<Record<string, string>> = { b: 'h', h: 's', s: 'd' };
const WIDEST: Readonly<Record<string, string>> = { b: 's', h: 'd' };
const POLY: Named = [['h', { size: 1 }], ['d', { size: 3 }]]; // biome-ignore format: a table
const POLY_NARROW: Named = [['b', { size: 1 }], ['s', { size: 3 }]]; // biome-ignore format: a table
const DOT_SIZE: Named = [['s', { size: 2 }], ['d', { size: 3 }]]; // biome-ignore format: a table

function mul(name: keyof typeof SVE2_MUL): Shape {
  const row = SVE2_MUL[name];
  if (name.endsWith('_hs')) {
    return name.includes('_x_') ? byElement(row.pattern, 's', 'h') : byFields(row, 's', 'h');
  }
  if (name.includes('_x_')) {
    const n = name.at(-1)!;
    if (/DOT/.test(name)) return byElement(row.pattern, WIDEST[n]!, n);
    return byElement(row.pattern, /L[BT]_/.test(name) ? WIDER[n]! : n, n);
  }
  if (name.endsWith('_q')) return byFields(row, 'q', 'd');
  if (name === 'PMUL_z') return byFields(row, 'b');
  if (name.startsWith('PMULL')) return byFields(row, POLY, POLY_NARROW);
  if (name.includes('MMLA')) return byFields(row, 's', 'b');
  return /L(B|T|BT)(_z)?$/.test(name) ? byFields(row, HSD, NARROWER) : byFields(row, BHSD);
}
export const SVE2_MUL_SYNTAX = syntaxBy(SVE2_MUL, mul);

// ---- the rest -----------------------------------------------------------------------------------------------------------

export const SVE2_MISC_SYNTAX = syntaxBy(
  SVE2_MISC,
  (name): Shape => {
    const row = SVE2_MISC[name];
    if (name === 'RAX1_z') return byFields(row, 'd');
    if (/^AES/.test(name)) return byFields(row, 'b');
    if (/^SM4/.test(name)) return byFields(row, 's');
    if (name === 'HISTSEG') return byFields(row, 'b');
    return byFields(row, BHSD);
  },
  {
    HISTCNT: (m) => form`${m} ${Z('Zd', DOT_SIZE)}, ${Pz()}, ${Z('Zn', DOT_SIZE)}, ${Z('Zm', DOT_SIZE)}`,
  },
);
