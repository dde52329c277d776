// `hypatia trap`: what is asked about. A register by name or S-form, an operation, an instruction as text or as a word.

import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import { isIdRegName } from '../arch/id_fields.ts';
import { enc, encText } from '../arch/schema.ts';
import { type Operation, operationAt, REGISTERS, type Register, registerAt, SYSTEM_OPS } from '../arch/sysregs.ts';
import { assembleLine, disassemble, identify, rowsOf } from '../asm/a64.ts';
import { UsageError } from '../base/assert.ts';

export type Subject =
  | { readonly kind: 'register'; readonly encoding: number; readonly isRead: boolean; readonly rt: number; readonly row: Register | undefined; readonly text: string }
  | { readonly kind: 'operation'; readonly encoding: number; readonly isRead: boolean; readonly rt: number; readonly op: Operation | undefined; readonly text: string }
  | { readonly kind: 'instruction'; readonly word: number; readonly name: string | undefined; readonly text: string }; // biome-ignore format: one kind a line

const S_FORM = /^S([0-3])_([0-7])_C(\d{1,2})_C(\d{1,2})_([0-7])$/i;
const WORD = /^(0x)?[0-9a-f]{8}$/i;

function ofRegister(encoding: number, isRead: boolean, rt = 0): Subject {
  const row = registerAt(encoding, isRead ? 'read' : 'write');
  const name = row ? `${row.name} (${encText(encoding)})` : encText(encoding);
  return { kind: 'register', encoding, isRead, rt, row, text: `${isRead ? 'MRS' : 'MSR'} of ${name}` };
}
function ofOperation(encoding: number, isRead: boolean, rt = 31): Subject {
  const op = operationAt(encoding);
  const name = op ? `${op.name.replace('_', ' ')} (${encText(encoding)})` : encText(encoding);
  return { kind: 'operation', encoding, isRead, rt, op, text: name };
}
function ofWord(word: number): Subject {
  const encoding = (word >>> 5) & 0xffff;
  const rt = word & 31;
  const isRead = ((word >>> 21) & 1) === 1;
  const top = (word & 0xffd0_0000) >>> 0;
  const op0 = encoding >> 14;
  if (top === 0xd510_0000 && op0 >= 2) return ofRegister(encoding, isRead, rt);
  if ((word & 0xffd8_0000) >>> 0 === 0xd508_0000 && op0 === 1) return ofOperation(encoding, isRead, rt);
  return { kind: 'instruction', word, name: identify(word)?.name, text: disassemble(word) };
}

/** The edit distance of two words, up to a limit. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
const FAR = 4;
const PER_EDIT = 3;
/** Up to three names that are like a wrong one. */
export function nearest(wrong: string, names: Iterable<string>): readonly string[] {
  const upper = wrong.toUpperCase();
  const far = Math.min(FAR, Math.ceil(upper.length / PER_EDIT));
  const like = [...names].map((n) => [n, distance(upper, n.toUpperCase(), far)] as const).filter(([, d]) => d <= far);
  const within = [...names]
    .filter((n) => upper.length > 3 && n.toUpperCase().includes(upper))
    .map((n) => [n, FAR] as const);
  const sorted = [...like, ...within].sort((a, b) => a[1] - b[1]).map(([n]) => n);
  return [...new Set(sorted)].slice(0, 3);
}
export function suggest(wrong: string, names: Iterable<string>): string {
  const like = nearest(wrong, names);
  return like.length === 0 ? '' : ` (did you mean ${like.join(', ')}?)`;
}

/** @throws UsageError with the nearest names */
export function parseSubject(text: string, write: boolean | undefined): Subject {
  const s = S_FORM.exec(text);
  const upper = text.trim().toUpperCase();
  if (s) {
    const [op0, op1, CRn, CRm, op2] = s.slice(1).map(Number) as [number, number, number, number, number];
    if (CRn > 15 || CRm > 15) throw new UsageError(`trap: ${text}: CRn and CRm go to 15`);
    const encoding = enc(op0, op1, CRn, CRm, op2);
    if (op0 >= 2) return ofRegister(encoding, write !== true);
    if (op0 === 1) return ofOperation(encoding, false);
    throw new UsageError(`trap: ${text}: op0 is 2 or 3 for registers, 1 for operations`);
  }
  const register = [...REGISTERS.values()].find((r) => r.name.toUpperCase() === upper);
  if (register) return ofRegister(register.enc, write === undefined ? register.access !== 'wo' : !write);
  const op = [...SYSTEM_OPS.values()].find((o) => o.name.toUpperCase() === upper.replace(/\s+/g, '_'));
  if (op) return ofOperation(op.enc, op.result);
  if (WORD.test(text)) return ofWord(Number.parseInt(text.replace(/^0x/i, ''), 16) >>> 0);
  try {
    return ofWord(assembleLine(text) >>> 0);
  } catch (e) {
    const isInstruction = /\s/.test(text) || rowsOf().some((r) => r.name.toUpperCase() === upper);
    if (isInstruction) throw new UsageError(`trap: '${text}': ${e instanceof Error ? e.message : String(e)}${suggest(text.split(/[\s,]+/).at(-1)!, REGISTERS.keys())}`);
    throw new UsageError(`trap: '${text}' is no register, operation or instruction${suggest(text, [...REGISTERS.keys(), ...SYSTEM_OPS.keys()])}`);
  }
} // biome-ignore format: messages in one line

export interface Setting {
  readonly reg: string;
  readonly field: string;
  readonly value: number;
}
/** 'REG.FIELD=VALUE'. @throws UsageError */
export function parseSetting(option: string, text: string, of: 'control' | 'id'): Setting {
  const m = /^(\w+)\.(\w+)=(0x[0-9a-f]+|\d+)$/i.exec(text);
  if (!m) throw new UsageError(`trap: --${option} ${text}: give REGISTER.FIELD=VALUE, as ${of === 'id' ? 'ID_AA64PFR2_EL1.FPMR=0' : 'HCRX_EL2.EnFPM=0'}`);
  const [, reg = '', field = '', value = ''] = m;
  const known = of === 'id' ? isIdRegName(reg) : reg in CONTROL_REGS;
  if (!known) {
    const names = of === 'id' ? [...REGISTERS.values()].filter((r) => r.table === 'id').map((r) => r.name) : Object.keys(CONTROL_REGS);
    throw new UsageError(`trap: --${option} ${text}: ${reg} is no ${of === 'id' ? 'ID' : 'control'} register${suggest(reg, names)}`);
  }
  const row = REGISTERS.get(reg)!;
  const e2h0 = of === 'control' ? (CONTROL_REGS[reg as ControlRegName] as { readonly e2h0?: object }).e2h0 : undefined;
  const fields = { ...e2h0, ...row.fields } as typeof row.fields;
  const f = fields[field];
  if (!f) throw new UsageError(`trap: --${option} ${text}: ${reg} has no field ${field}${suggest(field, Object.keys(fields))}`);
  const n = Number(value);
  const most = 2 ** (f.hi - f.lo + 1) - 1;
  if (n > most) throw new UsageError(`trap: --${option} ${text}: ${reg}.${field} goes to ${most}`);
  return { reg, field, value: n };
} // biome-ignore format: messages in one line
