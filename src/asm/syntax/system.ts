// How hints, barriers, PSTATE access, system registers and system operations are written.

import { SYSTEM } from '../../arch/a64/system.ts';
import { enc, encParts, encText } from '../../arch/schema.ts';
import { REGISTERS, SYSTEM_OPS } from '../../arch/sysregs.ts';
import { alias, type Fields, type Form, form, type Operand, type Shape, syntax } from '../form.ts';
import { imm, names, optional, texts, X } from '../operands.ts';

const bare: Shape = (m) => form`${m}`;
const timed: Shape = (m) => form`${m} ${X('Rt')}`;
const CRm = imm('CRm', { bits: 4 });
const BARRIERS = { oshld: 1, oshst: 2, osh: 3, nshld: 5, nshst: 6, nsh: 7, ishld: 9, ishst: 10, ish: 11, ld: 13, st: 14, sy: 15 };
const barrier = names('CRm', BARRIERS, 'a barrier type (sy, ish, ishst, ...)');
const hintNumber: Operand = {
  print: (f) => `#${f['CRm']! * 8 + f['op2']!}`,
  parse: (c, set, f) => imm('n', { bits: 7 }).parse(c, (_, v) => { set('CRm', v >> 3); set('op2', v & 7); }, f),
};

// ---- PSTATE fields of MSR (immediate): op1:op2, and CRm<3:1> where several share that ------------------------------------

const PSTATE_FIELDS: Readonly<Record<string, Fields>> = {
  uao: { op1: 0, op2: 3 }, pan: { op1: 0, op2: 4 }, spsel: { op1: 0, op2: 5 }, ssbs: { op1: 3, op2: 1 },
  dit: { op1: 3, op2: 2 }, tco: { op1: 3, op2: 4 }, daifset: { op1: 3, op2: 6 }, daifclr: { op1: 3, op2: 7 },
};
const SHARED: Readonly<Record<string, Fields>> = { allint: { op1: 1, op2: 0, high: 0 }, pm: { op1: 1, op2: 0, high: 1 } };
const matches = (f: Fields, want: Fields) => Object.entries(want).every(([k, v]) => f[k] === v);
const pstate: Operand = {
  print: (f) => Object.entries(PSTATE_FIELDS).find(([, w]) => matches(f, w))?.[0] ?? '?',
  parse(c, set) {
    const m = c.take(/[a-z]+/);
    const hit = m && PSTATE_FIELDS[m[0].toLowerCase()];
    if (!hit) return c.fail('a PSTATE field (daifset, spsel, pan, ...)');
    for (const [k, v] of Object.entries(hit)) set(k, v);
  },
};
const sharedPstate: Operand = {
  print: (f) => Object.entries(SHARED).find(([, w]) => matches({ ...f, high: f['CRm']! >> 1 }, w))?.[0] ?? '?',
  parse(c, set) {
    const m = c.take(/[a-z]+/);
    const hit = m && SHARED[m[0].toLowerCase()];
    if (!hit) return c.fail('a PSTATE field');
    for (const [k, v] of Object.entries(hit)) set(k, v);
  },
};
const oneBit: Operand = { print: (f) => `#${f['CRm']! & 1}`, parse: (c, set, f) => imm('bit', { bits: 1 }).parse(c, set, f) };

// ---- system registers and operations by name ---------------------------------------------------------------------------------

const packed = (f: Fields): number => enc(2 + f['o0']!, f['op1']!, f['CRn']!, f['CRm']!, f['op2']!);
const setPacked = (set: (k: string, v: number) => void, p: number): void => {
  const [op0, op1, CRn, CRm_, op2] = encParts(p);
  set('o0', op0 - 2);
  set('op1', op1);
  set('CRn', CRn);
  set('CRm', CRm_);
  set('op2', op2);
};
interface Named { readonly read: string | undefined; readonly write: string | undefined }
let byEncoding: Map<number, Named> | undefined;
let byName: Map<string, number> | undefined;
/** Some encodings have one name for reading and another for writing. */
function sysregNames(): Map<number, Named> {
  if (byEncoding) return byEncoding;
  byEncoding = new Map();
  for (const [name, row] of REGISTERS) {
    const old = byEncoding.get(row.enc);
    const read = row.access === 'wo' ? old?.read : (old?.read ?? name);
    const write = row.access === 'ro' ? old?.write : (old?.write ?? name);
    byEncoding.set(row.enc, { read, write });
  }
  return byEncoding;
}
/** Arm's name of a packed encoding, or S<op0>_<op1>_C<n>_C<m>_<op2>. */
export function sysregName(p: number, access: 'read' | 'write' = 'read'): string {
  return sysregNames().get(p)?.[access] ?? encText(p);
}
const register = (access: 'read' | 'write'): Operand => ({
  print: (f) => sysregName(packed(f), access).toUpperCase(),
  parse(c, set) {
    const m = c.take(/\w+/);
    if (!m) return c.fail('a system register');
    const generic = /^s([23])_([0-7])_c(\d{1,2})_c(\d{1,2})_([0-7])$/i.exec(m[0]);
    byName ??= new Map([...REGISTERS].map(([n, r]) => [n.toUpperCase(), r.enc]));
    const p = generic ? enc(Number(generic[1]), Number(generic[2]), Number(generic[3]), Number(generic[4]), Number(generic[5])) : byName.get(m[0].toUpperCase());
    if (p === undefined) {
      c.pos -= m[0].length;
      return c.fail('a system register by its name in the Arm ARM or as S3_0_C0_C0_0');
    }
    setPacked(set, p);
  },
});

const sysPacked = (f: Fields): number => enc(1, f['op1']!, f['CRn']!, f['CRm']!, f['op2']!);
interface Operation { readonly mnemonic: string; readonly text: string; readonly enc: number; readonly register: boolean }
let operations: Operation[] | undefined;
/** Rows of SYS_OPS are named MNEMONIC_OPERATION: TLBI_VAE1IS, DC_CVAC, AT_S1E1R, IC_IALLU. */
function sysOperations(): Operation[] {
  const rows: ReadonlyMap<string, { readonly enc: number; readonly register?: boolean }> = SYSTEM_OPS;
  operations ??= [...rows].map(([name, row]) => {
    const cut = name.indexOf('_');
    const m = cut < 0 ? name : name.slice(0, cut);
    return { mnemonic: m.toLowerCase(), text: cut < 0 ? '' : name.slice(cut + 1).toLowerCase(), enc: row.enc, register: row.register ?? true };
  });
  return operations;
}
const operation = (mnemonic: string, withRegister: boolean): Operand => ({
  print: (f) => sysOperations().find((o) => o.enc === sysPacked(f) && o.mnemonic === mnemonic)?.text ?? '?',
  parse(c, set) {
    const m = c.take(/\w+/);
    const hit = m && sysOperations().find((o) => o.mnemonic === mnemonic && o.text === m[0].toLowerCase() && o.register === withRegister);
    if (!hit) return c.fail(`an operation of ${mnemonic}`);
    const [, op1, CRn, CRm_, op2] = encParts(hit.enc);
    for (const [k, v] of Object.entries({ op1, CRn, CRm: CRm_, op2 })) set(k, v);
  },
});
const isOperation = (mnemonic: string, withRegister: boolean) => (f: Fields) =>
  sysOperations().some((o) => o.mnemonic === mnemonic && o.enc === sysPacked(f) && o.register === withRegister) && (withRegister || f['Rt'] === 31);
const MNEMONICS = ['at', 'dc', 'ic', 'tlbi', 'brb', 'cfp', 'dvp', 'cpp', 'cosp'];
/** System operations that are mnemonics of their own. */
const OWN: readonly (readonly [mnemonic: string, op1: number, CRm: number, op2: number, register: boolean])[] = [
  ['trcit', 3, 2, 7, true], ['gcspushm', 3, 7, 0, true], ['gcsss1', 3, 7, 2, true],
  ['gcspushx', 0, 7, 4, false], ['gcspopcx', 0, 7, 5, false], ['gcspopx', 0, 7, 6, false],
];
const sysForms = (): Form[] => [
  ...OWN.map(([m, op1, CRm, op2, withRegister]) =>
    withRegister
      ? alias(form`${m} ${X('Rt')}`, { op1, CRn: 7, CRm, op2 })
      : alias(form`${m}`, { op1, CRn: 7, CRm, op2, Rt: 31 }),
  ),
  ...MNEMONICS.flatMap((m) => [
    alias(form`${m} ${operation(m, true)}, ${X('Rt')}`, isOperation(m, true)),
    alias(form`${m} ${operation(m, false)}`, isOperation(m, false), { Rt: 31 }),
  ]),
];
const coprocessor = (field: string): Operand => ({
  print: (f) => `c${f[field]}`,
  parse(c, set) {
    const m = c.take(/c(\d{1,2})\b/);
    if (!m || Number(m[1]) > 15) return c.fail('c0 to c15');
    set(field, Number(m[1]));
  },
});
const op1 = imm('op1', { bits: 3 });
const op2 = imm('op2', { bits: 3 });

export const SYSTEM_SYNTAX = syntax(SYSTEM, {
  WFET: timed, WFIT: timed,
  HINT: form`hint ${hintNumber}`,
  NOP: bare, YIELD: bare, WFE: bare, WFI: bare, SEV: bare, SEVL: bare, DGH: bare, ESB: bare, CSDB: bare, CLRBHB: bare,
  PSB: form`psb csync`, TSB: form`tsb csync`, GCSB: form`gcsb dsync`,
  BTI: form`bti ${texts(['', { targets: 0 }], ['c', { targets: 1 }], ['j', { targets: 2 }], ['jc', { targets: 3 }])}`,
  CHKFEAT: form`chkfeat x16`,
  STSHH: form`stshh ${names('policy', ['keep', 'strm'], 'keep or strm')}`,
  CLREX: form`clrex ${optional([CRm], { CRm: 15 })}`,
  DSB: [alias(form`ssbb`, { CRm: 0 }), alias(form`pssbb`, { CRm: 4 }), alias(form`dfb`, { CRm: 12 }), form`dsb ${barrier}`],
  DMB: form`dmb ${barrier}`,
  ISB: form`isb ${optional([names('CRm', { sy: 15 }, 'sy')], { CRm: 15 })}`,
  SB: bare,
  DSB_nXS: form`dsb ${names('imm2', ['oshnxs', 'nshnxs', 'ishnxs', 'synxs'], 'a barrier type')}`,
  MSR_imm: [
    alias(form`msr ${sharedPstate}, ${oneBit}`, (f) => f['op1'] === 1, {}, (f) => ({ CRm: f['high']! * 2 + f['bit']! })),
    form`msr ${pstate}, ${CRm}`,
  ],
  MSR_SVCR: [
    alias(form`smstart ${names('mask', { sm: 1, za: 2 }, 'sm or za')}`, (f) => f['imm1'] === 1 && f['mask'] !== 3, { imm1: 1 }),
    alias(form`smstart`, { imm1: 1, mask: 3 }),
    alias(form`smstop ${names('mask', { sm: 1, za: 2 }, 'sm or za')}`, (f) => f['imm1'] === 0 && f['mask'] !== 3, { imm1: 0 }),
    alias(form`smstop`, { imm1: 0, mask: 3 }),
  ],
  CFINV: bare, XAFLAG: bare, AXFLAG: bare,
  SYS: [...sysForms(), alias(form`sys ${op1}, ${coprocessor('CRn')}, ${coprocessor('CRm')}, ${op2}`, { Rt: 31 }), form`sys ${op1}, ${coprocessor('CRn')}, ${coprocessor('CRm')}, ${op2}, ${X('Rt')}`],
  SYSL: [
    alias(form`gcspopm ${X('Rt')}`, { op1: 3, CRn: 7, CRm: 7, op2: 1 }),
    alias(form`gcsss2 ${X('Rt')}`, { op1: 3, CRn: 7, CRm: 7, op2: 3 }),
    form`sysl ${X('Rt')}, ${op1}, ${coprocessor('CRn')}, ${coprocessor('CRm')}, ${op2}`,
  ],
  MSR_reg: form`msr ${register('write')}, ${X('Rt')}`,
  MRS: form`mrs ${X('Rt')}, ${register('read')}`,
  SYSP: [], MSRR: [], MRRS: [],
});
