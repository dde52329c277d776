// How branches, exceptions and pointer authentication are written.

import { BRANCHES } from '../../arch/a64/branches.ts';
import { PAUTH_ROWS } from '../../arch/a64/pauth.ts';
import { alias, type Form, form, type Operand, type Shape, syntax } from '../form.ts';
import { cond, imm, label, names, optional, R, target, texts, W, X, Xsp } from '../operands.ts';

const imm16 = imm('imm16', { bits: 16, hex: true });
const exception: Shape = (m) => form`${m} ${imm16}`;
const dcps: Shape = (m) => form`${m} ${optional([imm16], { imm16: 0 })}`;
const compare: Shape = (m) => form`${m} ${R('Rt')}, ${label('imm19', 19)}`;
const bit: Operand = {
  print: (f) => `#${f['b5']! * 32 + f['b40']!}`,
  parse(c, set, f) {
    imm('n', { bits: 6 }).parse(c, (_, v) => { set('b5', v >> 5); set('b40', v & 31); }, f);
  },
};
/** Printed as x for bits above 31; either is read. */
const testRegister: Operand = {
  print: (f) => (f['b5'] ? X('Rt') : W('Rt')).print(f),
  parse: (c, set, f) => R('Rt', 'any').parse(c, (k, v) => { if (k === 'Rt') set(k, v); }, f),
};
const test: Shape = (m) => form`${m} ${testRegister}, ${bit}, ${label('imm14', 14)}`;
const register: Shape = (m) => form`${m} ${X('Rn')}`;
const CC = ['gt', 'ge', 'hi', 'hs', '', '', 'eq', 'ne'];
const CC_IMM = ['gt', 'lt', 'hi', 'lo', '', '', 'eq', 'ne'];
const cb = (list: readonly string[]) => names('cc', list, 'a condition');

export const BRANCHES_SYNTAX = syntax(BRANCHES, {
  B_cond: form`b.${cond()} ${label('imm19', 19)}`,
  BC_cond: form`bc.${cond()} ${label('imm19', 19)}`,
  SVC: exception, HVC: exception, SMC: exception, BRK: exception, HLT: exception, DCPS1: dcps, DCPS2: dcps, DCPS3: dcps,
  UDF: form`udf ${imm('imm16', { bits: 16 })}`,
  BR: register, BLR: register,
  RET: [alias(form`ret`, { Rn: 30 }), form`ret ${X('Rn')}`],
  ERET: form`eret`, DRPS: form`drps`,
  B: form`b ${label('imm26', 26)}`, BL: form`bl ${label('imm26', 26)}`,
  CBZ: compare, CBNZ: compare, TBZ: test, TBNZ: test,
  CB_reg: form`cb${cb(CC)} ${R('Rt')}, ${R('Rm')}, ${label('imm9', 9)}`,
  CBB: form`cbb${cb(CC)} ${W('Rt')}, ${W('Rm')}, ${label('imm9', 9)}`,
  CBH: form`cbh${cb(CC)} ${W('Rt')}, ${W('Rm')}, ${label('imm9', 9)}`,
  CB_imm: form`cb${cb(CC_IMM)} ${R('Rt')}, ${imm('imm6', { bits: 6 })}, ${label('imm9', 9)}`,
});

const bare: Shape = (m) => form`${m}`;
const modified: Shape = (m) => form`${m} ${X('Rd')}, ${Xsp('Rn')}`;
const zero: Shape = (m) => form`${m} ${X('Rd')}`;
const ab = texts(['a', { M: 0 }], ['b', { M: 1 }]);
/** A branch back to where the return address was signed: negative word offset. */
const back = target(
  (f) => -4n * BigInt(f['imm16']!),
  (o) => (o <= 0n && o > -262144n && (o & 3n) === 0n ? { imm16: Number(-o / 4n) } : undefined),
);
const loadBytes: Operand = {
  print: (f) => `#${Number(BigInt.asIntN(10, BigInt(f['S']! * 512 + f['imm9']!))) * 8}`,
  parse(c, set, f) {
    imm('n', { bits: 10, signed: true, scale: 8 }).parse(c, (_, v) => { set('S', v >> 9); set('imm9', v & 511); }, f);
  },
};
const loadAuthenticated = (m: string): Form[] => [
  alias(form`${m}${ab} ${X('Rt')}, [${Xsp('Rn')}]`, { W: 0, S: 0, imm9: 0 }),
  alias(form`${m}${ab} ${X('Rt')}, [${Xsp('Rn')}, ${loadBytes}]!`, { W: 1 }),
  alias(form`${m}${ab} ${X('Rt')}, [${Xsp('Rn')}, ${loadBytes}]`, { W: 0 }),
];

export const PAUTH_SYNTAX = syntax(PAUTH_ROWS, {
  XPACLRI: bare, PACIA1716: bare, PACIB1716: bare, AUTIA1716: bare, AUTIB1716: bare, PACIAZ: bare, PACIASP: bare,
  PACIBZ: bare, PACIBSP: bare, AUTIAZ: bare, AUTIASP: bare, AUTIBZ: bare, AUTIBSP: bare, PACM: bare,
  PACIA: modified, PACIB: modified, PACDA: modified, PACDB: modified, AUTIA: modified, AUTIB: modified,
  AUTDA: modified, AUTDB: modified, PACIZA: zero, PACIZB: zero, PACDZA: zero, PACDZB: zero, AUTIZA: zero,
  AUTIZB: zero, AUTDZA: zero, AUTDZB: zero, XPACI: zero, XPACD: zero, PACNBIASPPC: bare, PACNBIBSPPC: bare,
  PACIA171615: bare, PACIB171615: bare, AUTIASPPCR: form`autiasppcr ${X('Rn')}`, AUTIBSPPCR: form`autibsppcr ${X('Rn')}`,
  PACIASPPC: bare, PACIBSPPC: bare, AUTIA171615: bare, AUTIB171615: bare,
  AUTIASPPC: form`autiasppc ${back}`, AUTIBSPPC: form`autibsppc ${back}`,
  PACGA: form`pacga ${X('Rd')}, ${X('Rn')}, ${Xsp('Rm')}`,
  BRAZ: form`bra${ab}z ${X('Rn')}`, BLRAZ: form`blra${ab}z ${X('Rn')}`,
  RETA: form`reta${ab}`, ERETA: form`ereta${ab}`,
  BRA: form`bra${ab} ${X('Rn')}, ${Xsp('Rm')}`, BLRA: form`blra${ab} ${X('Rn')}, ${Xsp('Rm')}`,
  RETASPPCR: form`reta${ab}sppcr ${X('Rm')}`, RETASPPC_imm: form`reta${ab}sppc ${back}`,
  LDRA: loadAuthenticated('ldra'),
});
