// How SVE compares and predicate instructions are written.

import { SVE_PRED } from '../../arch/a64/sve_pred.ts';
import { alias, type Fields, type Form, form, parseOnly, type Shape, syntax } from '../form.ts';
import { imm, R, texts, W, X } from '../operands.ts';
import { BHSD, HSD, P, Pm, Pz, pattern, Z } from '../operands_sve.ts';
import { satIncDec } from './sve_int.ts';

const ppzz: Shape = (m) => form`${m} ${P('Pd', BHSD)}, ${Pz()}, ${Z('Zn')}, ${Z('Zm')}`;
const ppzw: Shape = (m) => form`${m} ${P('Pd', BHSD)}, ${Pz()}, ${Z('Zn')}, ${Z('Zm', 'd')}`;
const unsigned: Shape = (m) => form`${m} ${P('Pd', BHSD)}, ${Pz()}, ${Z('Zn')}, ${imm('imm7', { bits: 7 })}`;
const signed: Shape = (m) => form`${m} ${P('Pd', BHSD)}, ${Pz()}, ${Z('Zn')}, ${imm('imm5', { bits: 5, signed: true })}`;
/** Flags are set by the forms that end in s. */
const s = texts(['', { S: 0 }], ['s', { S: 1 }]);
const [d, n, m, g] = [P('Pd', 'b'), P('Pn', 'b'), P('Pm', 'b'), Pz()];
const logical: Shape = (name) => form`${name}${s} ${d}, ${g}, ${n}, ${m}`;
const same = (a: string, b: string) => (f: Fields) => f[a] === f[b];
const copy = (from: string, to: readonly string[]) => (f: Fields) => Object.fromEntries(to.map((k) => [k, f[from]!]));
const movs = texts(['mov', { S: 0 }], ['movs', { S: 1 }]);
const mz = texts(['/z', { M: 0 }], ['/m', { M: 1 }]);
const breakAt: Shape = (name) => form`${name}${s} ${d}, ${P('Pg')}${mz}, ${n}`;
const loop: Shape = (name) => form`${name} ${P('Pd', BHSD)}, ${R('Rn')}, ${R('Rm')}`;
const conflict: Shape = (name) => form`${name} ${P('Pd', BHSD)}, ${X('Rn')}, ${X('Rm')}`;
const terminate: Shape = (name) => form`${name} ${R('Rn')}, ${R('Rm')}`;
const incDec = texts(['incp', { D: 0 }], ['decp', { D: 1 }]);
const saturating = texts(...satIncDec.choices!.map(({ text, fields }) => [`${text}p`, fields] as const));

export const SVE_PRED_SYNTAX = syntax(SVE_PRED, {
  CMPHS_ppzz: ppzz, CMPHI_ppzz: ppzz, CMPEQ_ppzw: ppzw, CMPNE_ppzw: ppzw, CMPGE_ppzw: ppzw, CMPGT_ppzw: ppzw,
  CMPLT_ppzw: ppzw, CMPLE_ppzw: ppzw, CMPGE_ppzz: ppzz, CMPGT_ppzz: ppzz, CMPEQ_ppzz: ppzz, CMPNE_ppzz: ppzz,
  CMPHS_ppzw: ppzw, CMPHI_ppzw: ppzw, CMPLO_ppzw: ppzw, CMPLS_ppzw: ppzw, CMPHS_ppzi: unsigned, CMPHI_ppzi: unsigned,
  CMPLO_ppzi: unsigned, CMPLS_ppzi: unsigned, CMPGE_ppzi: signed, CMPGT_ppzi: signed, CMPLT_ppzi: signed,
  CMPLE_ppzi: signed, CMPEQ_ppzi: signed, CMPNE_ppzi: signed,

  AND_pppp: [
    alias(form`${movs} ${d}, ${g}, ${n}`, same('Pm', 'Pn'), {}, copy('Pn', ['Pm'])),
    logical('and') as Form,
  ],
  BIC_pppp: logical,
  EOR_pppp: [
    alias(form`not${s} ${d}, ${g}, ${n}`, same('Pm', 'Pg'), {}, copy('Pg', ['Pm'])),
    logical('eor') as Form,
  ],
  SEL_pppp: [
    alias(form`mov ${d}, ${Pm()}, ${n}`, same('Pm', 'Pd'), {}, copy('Pd', ['Pm'])),
    form`sel ${d}, ${P('Pg')}, ${n}, ${m}`,
  ],
  ORR_pppp: [
    alias(form`${movs} ${d}, ${n}`, (f) => f['Pm'] === f['Pn'] && f['Pg'] === f['Pn'], {}, copy('Pn', ['Pm', 'Pg'])),
    logical('orr') as Form,
  ],
  ORN_pppp: logical, NOR_pppp: logical, NAND_pppp: logical,
  BRKPA: logical, BRKPB: logical, BRKA: breakAt, BRKB: breakAt,
  BRKN: form`brkn${s} ${P('Pdm', 'b')}, ${g}, ${n}, ${P('Pdm', 'b')}`,
  PTEST: form`ptest ${P('Pg')}, ${n}`,
  PFIRST: form`pfirst ${P('Pdn', 'b')}, ${P('Pg')}, ${P('Pdn', 'b')}`,
  PNEXT: form`pnext ${P('Pdn', BHSD)}, ${P('Pg')}, ${P('Pdn', BHSD)}`,
  PTRUE: form`ptrue${s} ${P('Pd', BHSD)}${pattern()}`,
  PFALSE: form`pfalse ${d}`,
  RDFFR_p: form`rdffr${s} ${d}, ${g}`, RDFFR: form`rdffr ${d}`, WRFFR: form`wrffr ${n}`, SETFFR: form`setffr`,
  WHILEGE: loop, WHILEGT: loop, WHILELT: loop, WHILELE: loop, WHILEHS: loop, WHILEHI: loop, WHILELO: loop, WHILELS: loop,
  WHILEWR: conflict, WHILERW: conflict, CTERMEQ: terminate, CTERMNE: terminate,
  CNTP_r: form`cntp ${X('Rd')}, ${P('Pg')}, ${P('Pn', BHSD)}`,
  INCP_r: form`${incDec} ${X('Rdn')}, ${P('Pm', BHSD)}`,
  INCP_z: [
    form`${incDec} ${Z('Zdn', HSD)}, ${P('Pm', HSD)}`,
    parseOnly(form`${incDec} ${Z('Zdn', HSD)}, ${P('Pm')}`),
  ],
  QINCP_r: [
    alias(form`${saturating} ${X('Rdn')}, ${P('Pm', BHSD)}`, { sf: 1 }),
    alias(form`${saturating} ${X('Rdn')}, ${P('Pm', BHSD)}, ${W('Rdn')}`, (f) => f['sf'] === 0 && f['U'] === 0, { sf: 0, U: 0 }),
    alias(form`${saturating} ${W('Rdn')}, ${P('Pm', BHSD)}`, { sf: 0, U: 1 }),
  ],
  QINCP_z: [
    form`${saturating} ${Z('Zdn', HSD)}, ${P('Pm', HSD)}`,
    parseOnly(form`${saturating} ${Z('Zdn', HSD)}, ${P('Pm')}`),
  ],
  CNTP_counter: [],
});
