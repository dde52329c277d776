// What has to be asked before a register or operation may be accessed? The trap columns of the rows, unrolled: which
// controls, in which order, where each traps to. Derived once for each access; the answers are in sysreg_access.ts.

import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import type { Condition, ControlReg, TrapRef } from '../arch/schema.ts';
import { type Space, spacesAt } from '../arch/spaces.ts';
import type { Operation, Register } from '../arch/sysregs.ts';

/** Fine: a bit for one register or a few (HFGRTR_EL2...). Coarse: a bit for many. */
export type Grain = 'coarse' | 'fine';

/** 'HCRX_EL2.EnFPM', split. */
export interface ControlRef {
  readonly path: string;
  readonly reg: ControlRegName;
  readonly bit: string;
}
export interface ControlQuestion {
  readonly kind: 'controls';
  readonly grain: Grain;
  /** All of these have to trap. */
  readonly controls: readonly ControlRef[];
  /** 1: a control of EL1 (or EL0), which speaks about EL0. 2: one of EL2. */
  readonly level: 1 | 2;
  /** HCRX_EL2.FGTnXS = 1 exempts it. */
  readonly unlessFgtNxs?: true;
  /** Lowest level that is asked. */
  readonly el?: 0 | 1;
}
export interface ConditionQuestion {
  readonly kind: 'condition';
  readonly condition: Condition;
}
export type Question = ControlQuestion | ConditionQuestion;

export interface Questions {
  /** Asked before anybody looks whether there is a register. */
  readonly spaces: readonly ControlQuestion[];
  /** Asked at EL1 about what belongs to EL2: without a yes it is UNDEFINED there. */
  readonly nested: readonly Question[];
  readonly traps: readonly Question[];
}

export const READ_FGT = [
  'HFGRTR_EL2',
  'HFGRTR2_EL2',
  'HDFGRTR_EL2',
  'HDFGRTR2_EL2',
  'HAFGRTR_EL2',
  'ICH_HFGRTR_EL2',
] as const;
export const WRITE_FGT = ['HFGWTR_EL2', 'HFGWTR2_EL2', 'HDFGWTR_EL2', 'HDFGWTR2_EL2', 'ICH_HFGWTR_EL2'] as const;
export const INSN_FGT = ['HFGITR_EL2', 'HFGITR2_EL2', 'ICH_HFGITR_EL2'] as const; // biome-ignore format: tables

const controlRow = (name: ControlRegName): ControlReg => CONTROL_REGS[name];

export function controlRef(path: string): ControlRef {
  const [reg, bit] = path.split('.') as [ControlRegName, string];
  return { path, reg, bit };
}
/** The bit of the fine-grained trap registers that a row names. */
export function fineRef(registers: readonly ControlRegName[], bit: string): ControlRef | undefined {
  const reg = registers.find((r) => controlRow(r).fields[bit]);
  return reg && { path: `${reg}.${bit}`, reg, bit };
}
function coarse(paths: readonly string[], el?: 0 | 1): ControlQuestion {
  const controls = paths.map(controlRef);
  const level = controlRow(controls[0]!.reg).el >= 2 ? 2 : 1;
  return { kind: 'controls', grain: 'coarse', controls, level, ...(el !== undefined && { el }) };
}
const condition = (c: Condition): ConditionQuestion => ({ kind: 'condition', condition: c });
function spaceQuestions(encoding: number, isRead: boolean): readonly ControlQuestion[] {
  const asks = (s: Space): boolean => s.on === 'rw' || isRead;
  return spacesAt(encoding).filter(asks).flatMap((s) => s.traps.map((control) => coarse([control], s.el))); // biome-ignore format: one pipeline
}

const NV = 'HCR_EL2.NV';
const NV_TRAP = coarse([NV]);
const NV_CONDITION = 'NV_without_NV2';
const isNvCondition = (t: TrapRef): boolean => typeof t === 'object' && 'cond' in t && t.cond === NV_CONDITION;
const NONE: Questions = { spaces: [], nested: [], traps: [] };

function trapQuestions(t: TrapRef, row: Register, isRead: boolean): readonly Question[] {
  if (typeof t === 'string') return [coarse([t])];
  if ('cond' in t) return [condition(t.cond)];
  if ('fgt' in t) {
    if (t.on !== 'rw' && (t.on === 'r') !== isRead) return [];
    const ref = fineRef(isRead ? READ_FGT : WRITE_FGT, t.fgt.replace('<n>', String(row.index ?? 0)));
    return ref ? [{ kind: 'controls', grain: 'fine', controls: [ref], level: 2 }] : [];
  }
  const named = isRead ? t.r : t.w;
  return named === undefined ? [] : [coarse(typeof named === 'string' ? [named] : named)];
}

const registers = new Map<number, Questions>();
/** @param row undefined: no register stands at the encoding */
export function registerQuestions(row: Register | undefined, encoding: number, isRead: boolean): Questions {
  const key = encoding * 2 + (isRead ? 1 : 0);
  const known = registers.get(key);
  if (known) return known;
  const spaces = spaceQuestions(encoding, isRead);
  const questions: Questions = row
    ? {
        spaces,
        nested: row.el !== 2 || row.noNv ? [] : row.traps.some(isNvCondition) ? [condition(NV_CONDITION)] : [NV_TRAP],
        traps: row.traps.filter((t) => !isNvCondition(t)).flatMap((t) => trapQuestions(t, row, isRead)),
      }
    : { ...NONE, spaces };
  registers.set(key, questions);
  return questions;
}

const OPERATION_SPACE: Questions = { ...NONE, spaces: [coarse(['SCTLR_EL1.TIDCP']), coarse(['HCR_EL2.TIDCP'])] };
const operations = new Map<number, Questions>();
/** @param op undefined: no operation stands at the encoding */
export function operationQuestions(op: Operation | undefined, encoding: number): Questions {
  const CRn = (encoding >> 7) & 15;
  if (CRn === 11 || CRn === 15) return OPERATION_SPACE;
  if (!op) return NONE;
  const known = operations.get(encoding);
  if (known) return known;
  const ref = op.fgt === undefined ? undefined : fineRef(INSN_FGT, op.fgt);
  const fine: readonly ControlQuestion[] = ref
    ? [{ kind: 'controls', grain: 'fine', controls: [ref], level: 2, ...(op.nxsOf !== undefined && { unlessFgtNxs: true }) }]
    : []; // biome-ignore format: one decision
  const questions: Questions = {
    spaces: [],
    nested: op.el === 2 ? [NV_TRAP] : [],
    traps: [...op.traps.map((t) => coarse([t])), ...(op.nv ? [coarse([NV], 1)] : []), ...fine],
  };
  operations.set(encoding, questions);
  return questions;
}
