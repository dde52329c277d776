// `hypatia trap`: what was asked and what came of it, in words and as ESR_ELx.

import { CONTROL_REGS } from '../arch/control_regs.ts';
import { EC, esrOf, exceptionClassName } from '../arch/esr.ts';
import { type ControlReg, encParts } from '../arch/schema.ts';
import { type Asked, type Level, type Note, needText, type Verdict } from '../cpu/sysreg_access.ts';
import type { Subject } from './trap_subject.ts';

/** Somebody who is asked, and what. */
export interface Step {
  readonly who: 'CPU' | 'KVM';
  readonly asked: string;
  /** The control's value; absent where it is not one control. */
  readonly value?: number;
  /** What the row says: 'enable: 0 traps; needs FEAT_FPMR'. */
  readonly row?: string;
  readonly answer: string;
}
export interface Outcome {
  /** Who has the last word: 'nobody' when the access goes through. */
  readonly taken: 'nobody' | 'EL1' | 'virtual EL2' | 'KVM';
  readonly what: string;
  readonly esr?: string;
  readonly ec?: string;
}
export interface Decision {
  readonly steps: readonly Step[];
  readonly outcome: Outcome;
}

const hex = (v: bigint): string => `0x${v.toString(16).padStart(8, '0')}`;
/** 'enable: 0 traps; needs FEAT_FPMR' */
export function rowText(control: string): string | undefined {
  const [reg = '', bit = ''] = control.split('.');
  const row = (CONTROL_REGS as Readonly<Record<string, ControlReg | undefined>>)[reg];
  const f = row?.fields[bit] ?? row?.e2h0?.[bit];
  if (!f) return undefined;
  const role = f.role === 'en' ? 'enable, 0 traps' : f.role === 'trap' ? 'trap, 1 traps' : 'a field';
  const need = f.need === 'always' ? '' : `; needs ${needText(f.need)}`;
  return `${role}${need}`;
}
function answerText(a: Asked, who: Step['who']): string {
  if (a.absent) return 'is not there: does not trap';
  if (a.verdict === undefined) return a.grain === 'existence' ? 'goes on' : 'does not trap';
  if (a.verdict === 'undef') return 'UNDEFINED';
  if (a.verdict === 'ok') return 'goes through';
  return who === 'KVM' ? 'asks for it' : `traps to EL${a.verdict.to}`;
}
export function noteTo(steps: Step[], who: Step['who']): Note {
  return (a) => {
    const row = rowText(a.what);
    steps.push({ who, asked: a.what, ...(a.value !== undefined && { value: a.value }), ...(row && { row }), answer: answerText(a, who) });
  };
} // biome-ignore format: one record

const withRt = (s: Subject, esr: bigint): bigint => (s.kind === 'instruction' ? esr : esr | (BigInt(s.rt) << 5n));
export function syndrome(s: Subject, v: Exclude<Verdict, string>): Pick<Outcome, 'esr' | 'ec'> {
  const name = exceptionClassName(v.ec) ?? 'UNKNOWN';
  const esr = esrOf(name, BigInt(v.iss >>> 0));
  const full = v.ec === EC.SYS64.ec ? withRt(s, esr) : esr;
  return {
    esr: hex(full),
    ec: `0x${v.ec.toString(16).padStart(2, '0')} ${name}${v.ec === EC.SYS64.ec ? sysregText(s) : ''}`,
  };
}
function sysregText(s: Subject): string {
  if (s.kind === 'instruction') return '';
  const [op0, op1, CRn, CRm, op2] = encParts(s.encoding);
  return `: Op0 ${op0}, Op1 ${op1}, CRn ${CRn}, CRm ${CRm}, Op2 ${op2}, Rt ${s.rt}, ${s.isRead ? 'read' : 'write'}`;
}
export function undefinedAt(el: Level): Outcome {
  const at = el === 2 ? 'virtual EL2' : 'EL1';
  return { taken: at, what: `UNDEFINED, taken to ${at}`, esr: hex(esrOf('UNKNOWN', 0n)), ec: '0x00 UNKNOWN' };
}
export function forwarded(s: Subject, by: string, v: Exclude<Verdict, string>): Outcome {
  return { taken: 'virtual EL2', what: `forwarded to virtual EL2, which asked for it by ${by}`, ...syndrome(s, v) };
}
