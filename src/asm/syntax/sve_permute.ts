// How SVE permutes are written.

import { SVE_PERMUTE } from '../../arch/a64/sve_permute.ts';
import { alias, type Fields, form, type Operand, parseOnly, type Shape, syntax } from '../form.ts';
import { computed, texts, W, Wsp, X, Xsp } from '../operands.ts';
import { type Named, S, SCALAR } from '../operands_simd.ts';
import { BHSD, byFields, HSD, P, Pm, Z, zlist } from '../operands_sve.ts';
import { zpz, zzz } from './sve_int.ts';

const quads: Shape = (m) => form`${m} ${Z('Zd', 'q')}, ${Z('Zn', 'q')}, ${Z('Zm', 'q')}`;
const predicates: Shape = (m) => form`${m} ${P('Pd', BHSD)}, ${P('Pn', BHSD)}, ${P('Pm', BHSD)}`;
const ab = texts(['a', { B: 0 }], ['b', { B: 1 }]);
const loHi = texts(['lo', { H: 0 }], ['hi', { H: 1 }]);
/** A general register as wide as the element needs: X for doublewords. */
const byElement = (field: string, sp = false): Operand =>
  byFields((f) => (f['size'] === 3 ? (sp ? Xsp(field) : X(field)) : sp ? Wsp(field) : W(field)));
/** The same where the element is only read later; `agrees` after it says whether they go together. */
const byRegister = (field: string): Operand => ({
  print: (f) => byElement(field).print(f),
  parse(c, set, f) {
    c.skipBlanks();
    const isX = /^x/i.test(c.text.slice(c.pos));
    set('wide', isX ? 1 : 0);
    (isX ? X(field) : W(field)).parse(c, set, f);
  },
});
const agrees: Operand = {
  print: () => '',
  parse(c, _set, f) {
    if ((f['size'] === 3) !== (f['wide'] === 1)) c.fail('an x register for doublewords, else a w register');
  },
};
const bytes = computed(
  (f) => BigInt(f['imm8h']! * 8 + f['imm8l']!),
  (v) => (v >= 0n && v < 256n ? { imm8h: Number(v >> 3n), imm8l: Number(v & 7n) } : undefined),
  { what: 'a number of bytes, 0 to 255,' },
);
const HALF: Named = [['b', { size: 1 }], ['h', { size: 2 }], ['s', { size: 3 }]];

/** imm2:tsz holds size and index: the lowest bit that is set, and what is above it. */
const LETTERS = ['b', 'h', 's', 'd', 'q'];
const sizeOf = (f: Fields): number => 31 - Math.clz32(f['tsz']! & -f['tsz']!);
const indexOf = (f: Fields): number => ((f['imm2']! << 5) | f['tsz']!) >> (sizeOf(f) + 1);
const indexed = (field: string, withIndex: boolean): Operand => ({
  print: (f) => `z${f[field]!}.${LETTERS[sizeOf(f)]}${withIndex ? `[${indexOf(f)}]` : ''}`,
  parse(c, set) {
    const m = c.take(withIndex ? /z(\d{1,2})\.([bhsdq])\s*\[\s*#?(\d+)\s*\]/ : /z(\d{1,2})\.([bhsdq])\b/);
    if (!m || Number(m[1]) > 31) return c.fail(withIndex ? 'an element like z0.s[1]' : 'a register like z0.s');
    const size = LETTERS.indexOf(m[2]!.toLowerCase());
    set(field, Number(m[1]));
    set('elementSize', size);
    if (!withIndex) return;
    const all = ((Number(m[3]) << 1) | 1) << size;
    if (all > 127) c.fail('a smaller index');
    set('imm2', all >> 5);
    set('tsz', all & 31);
  },
});
/** The scalar register that stands for element 0. */
const scalarOf = (field: string): Operand => ({
  print: (f) => `${LETTERS[sizeOf(f)]}${f[field]!}`,
  parse(c, set) {
    const m = c.take(/([bhsdq])(\d{1,2})\b/);
    if (!m || Number(m[2]) > 31) return c.fail('a scalar register');
    const size = LETTERS.indexOf(m[1]!.toLowerCase());
    set(field, Number(m[2]));
    set('elementSize', size);
    set('imm2', 0);
    set('tsz', 1 << size);
  },
});

export const SVE_PERMUTE_SYNTAX = syntax(SVE_PERMUTE, {
  EXT_zzi: form`ext ${Z('Zdn', 'b')}, ${Z('Zdn', 'b')}, ${Z('Zm', 'b')}, ${bytes}`,
  EXT_zi: form`ext ${Z('Zd', 'b')}, ${zlist('Zn', 'b', 2)}, ${bytes}`,
  ZIP1_zzq: quads, ZIP2_zzq: quads, UZP1_zzq: quads, UZP2_zzq: quads, TRN1_zzq: quads, TRN2_zzq: quads,
  DUP_zx: [
    alias(form`mov ${indexed('Zd', false)}, ${scalarOf('Zn')}`, (f) => indexOf(f) === 0),
    form`mov ${indexed('Zd', false)}, ${indexed('Zn', true)}`,
    parseOnly(form`dup ${indexed('Zd', false)}, ${indexed('Zn', true)}`),
  ],
  DUPQ: [], EXTQ: [],
  TBL_zz: form`tbl ${Z('Zd')}, ${zlist('Zn', BHSD)}, ${Z('Zm')}`,
  TBL_zzz: form`tbl ${Z('Zd')}, ${zlist('Zn', BHSD, 2)}, ${Z('Zm')}`,
  TBX_zz: zzz, TBXQ: [],
  DUP_zr: [form`mov ${Z('Zd')}, ${byElement('Rn', true)}`, parseOnly(form`dup ${Z('Zd')}, ${byElement('Rn', true)}`)],
  INSR_r: form`insr ${Z('Zdn')}, ${byElement('Rm')}`, INSR_v: form`insr ${Z('Zdn')}, ${S('Vm', SCALAR)}`,
  PMOV: [],
  SUNPK: form`sunpk${loHi} ${Z('Zd', HSD)}, ${Z('Zn', HALF)}`, UUNPK: form`uunpk${loHi} ${Z('Zd', HSD)}, ${Z('Zn', HALF)}`,
  REV_zz: form`rev ${Z('Zd')}, ${Z('Zn')}`,
  ZIP1_zz: zzz, ZIP2_zz: zzz, UZP1_zz: zzz, UZP2_zz: zzz, TRN1_zz: zzz, TRN2_zz: zzz,
  ZIP1_pp: predicates, ZIP2_pp: predicates, UZP1_pp: predicates, UZP2_pp: predicates, TRN1_pp: predicates,
  TRN2_pp: predicates, REV_pp: form`rev ${P('Pd', BHSD)}, ${P('Pn', BHSD)}`,
  PUNPK: form`punpk${loHi} ${P('Pd', 'h')}, ${P('Pn', 'b')}`,
  CPY_zpv: [
    form`mov ${Z('Zd')}, ${Pm()}, ${S('Vn', SCALAR)}`,
    parseOnly(form`cpy ${Z('Zd')}, ${Pm()}, ${S('Vn', SCALAR)}`),
  ],
  CPY_zpr: [
    form`mov ${Z('Zd')}, ${Pm()}, ${byElement('Rn', true)}`,
    parseOnly(form`cpy ${Z('Zd')}, ${Pm()}, ${byElement('Rn', true)}`),
  ],
  COMPACT: form`compact ${Z('Zd')}, ${P('Pg')}, ${Z('Zn')}`, SVE2p2_compact: [], SVE2p2_expand: [],
  LAST_v: form`last${ab} ${S('Vd', SCALAR)}, ${P('Pg')}, ${Z('Zn')}`,
  LAST_r: form`last${ab} ${byRegister('Rd')}, ${P('Pg')}, ${Z('Zn')}${agrees}`,
  CLAST_z: form`clast${ab} ${Z('Zdn')}, ${P('Pg')}, ${Z('Zdn')}, ${Z('Zm')}`,
  CLAST_v: form`clast${ab} ${S('Vdn', SCALAR)}, ${P('Pg')}, ${S('Vdn', SCALAR)}, ${Z('Zm')}`,
  CLAST_r: form`clast${ab} ${byRegister('Rdn')}, ${P('Pg')}, ${byRegister('Rdn')}, ${Z('Zm')}${agrees}`,
  REVB_zpz: zpz, REVH_zpz: zpz, REVW_zpz: zpz, RBIT_zpz: zpz,
  REVD: form`revd ${Z('Zd', 'q')}, ${Pm()}, ${Z('Zn', 'q')}`,
  SPLICE_zpzz: form`splice ${Z('Zdn')}, ${P('Pv')}, ${Z('Zdn')}, ${Z('Zm')}`,
  SPLICE_zpz: form`splice ${Z('Zd')}, ${P('Pv')}, ${zlist('Zn', BHSD, 2)}`,
  SEL_zpzz: [
    alias(form`mov ${Z('Zd')}, ${Pm()}, ${Z('Zn')}`, (f) => f['Zm'] === f['Zd'], {}, (f) => ({ Zm: f['Zd']! })),
    form`sel ${Z('Zd')}, ${P('Pg')}, ${Z('Zn')}, ${Z('Zm')}`,
  ],
});
