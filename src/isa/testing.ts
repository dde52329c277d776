// Runs one instruction of a group on the reference evaluator, over a small state of its own: for tests of semantics,
// before and beside any engine. Memory is one window of bytes; everything outside it faults.

import { encode, fieldsOf, matches } from '../arch/a64/encoding.ts';
import { type Env, evaluate } from '../ir/eval.ts';
import { toValue, type Value } from '../ir/eval_pure.ts';
import type { Access, FpAttr, Place, Ty } from '../ir/ops.ts';
import { collectRows, type RowEntry } from './handlers.ts';
import { checkPointer } from './pointer_check.ts';
import type { Operand } from './record.ts';
import type { Group } from './semantics.ts';

export interface TestState {
  /** X0..X30. */
  x: bigint[];
  sp: bigint;
  pc: bigint;
  nzcv: number;
  /** V0..V31, 128 bits each. */
  v: bigint[];
  /** Address and contents of the only memory there is. */
  memoryBase: bigint;
  memory: Uint8Array;
  /** Any other slot by name (FPCR, FPSR, PSTATE, EXCL_ADDR, TPIDR_EL0, ...), default 0. */
  slots: Record<string, bigint>;
}
/** How the instruction ended. */
export type Outcome =
  | { readonly kind: 'next' }
  | { readonly kind: 'branch'; readonly type: string }
  /** `ec` as in ESR_ELx; past: the return address is the next instruction. */
  | {
      readonly kind: 'exception';
      readonly ec: number;
      readonly iss: number;
      readonly past: boolean;
      readonly far?: bigint;
    }
  | { readonly kind: 'exit'; readonly reason: string };

/** What the instruction may call. */
export interface TestHelpers {
  helper?(name: string, args: readonly Value[]): Value;
  helperV?(name: string, param: number, args: readonly bigint[]): bigint;
  fp?(attr: FpAttr, args: readonly Value[], state: TestState): Value;
  readSysreg?(enc: number): bigint;
  writeSysreg?(enc: number, value: bigint): void;
  system?(enc: number, value: bigint, isRead: boolean): bigint;
}

export function testState(from: Partial<TestState> = {}): TestState {
  return {
    x: Array.from({ length: 31 }, (_, i) => from.x?.[i] ?? 0n),
    sp: from.sp ?? 0x7fff0000n,
    pc: from.pc ?? 0x400000n,
    nzcv: from.nzcv ?? 0,
    v: Array.from({ length: 32 }, (_, i) => from.v?.[i] ?? 0n),
    memoryBase: from.memoryBase ?? 0x10000n,
    memory: from.memory ?? new Uint8Array(4096),
    slots: { FP_ON: 1n, FPMR_ON: 1n, SP_MASK: 15n, SYS_OPEN: 3n, ...from.slots },
  };
}

class Leave extends Error {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}
const leave = (outcome: Outcome): never => {
  throw new Leave(outcome);
};
function missing(what: string): never {
  throw new Error(`this test needs ${what}: pass it in helpers`);
}

const EC_DATA_ABORT = 0x24;
const DFSC = { translation: 0x07, alignment: 0x21 } as const;
const WNR = 0x40;

function makeEnv(s: TestState, entry: RowEntry, word: number, operands: readonly Operand[], h: TestHelpers): Env {
  const fields = fieldsOf(entry.parsed, word);
  /** Slot name of a place. */
  const nameOf = (place: Place): string => {
    if ('slot' in place) return place.slot;
    const o = operands[place.operand]!;
    if (!('field' in o)) throw new Error('operand is not a register');
    const n = (fields[o.field]! + o.add) & 31;
    if (o.kind === 'v') return `V${n}`;
    return n < 31 ? `X${n}` : { xr: 'ZERO', xw: 'SINK', sp: 'SP' }[o.kind];
  };
  const numbered = (name: string): [readonly bigint[] & bigint[], number] | undefined => {
    const m = /^([XV])(\d+)$/.exec(name);
    return m ? [m[1] === 'X' ? s.x : s.v, Number(m[2])] : undefined;
  };
  const at = (host: number): number => host - 1; // host address 0 means nothing
  return {
    operand: (i) => {
      const o = operands[i]!;
      if ('field' in o) throw new Error('operand is not a constant');
      return o.value(fields);
    },
    get: (place, ty: Ty) => {
      const name = nameOf(place);
      const reg = numbered(name);
      if (reg) return toValue(ty, reg[0][reg[1]]!);
      return toValue(ty, name === 'SP' ? s.sp : name === 'EL' ? (s.slots['EL'] ?? 0n) : (s.slots[name] ?? 0n));
    },
    set: (place, ty, value) => {
      const name = nameOf(place);
      const reg = numbered(name);
      const v = BigInt.asUintN(ty === 'v128' ? 128 : 64, BigInt(value));
      if (reg) reg[0][reg[1]] = v;
      else if (name === 'SP') s.sp = v;
      else if (name !== 'SINK') s.slots[name] = v;
    },
    get flags() {
      return s.nzcv;
    },
    set flags(v) {
      s.nzcv = v;
    },
    pc: s.pc,
    pointer: (sum, base, of, overflow) =>
      checkPointer(sum, base, Number(s.slots['POINTER_CHECKS'] ?? 0n), of, overflow),
    probe: (kind, address, access: Access) => {
      const offset = address - s.memoryBase;
      // A read-modify-write that could not even read reports the read.
      const fault = (code: number, write = kind !== 'r'): never =>
        leave({
          kind: 'exception',
          ec: EC_DATA_ABORT,
          iss: code | (write ? WNR : 0),
          past: false,
          far: address,
        });
      // FEAT_LSE2: atomic accesses must stay within 16 bytes.
      if ((access.atomic || access.ordered) && (address & 15n) + BigInt(access.size) > 16n) fault(DFSC.alignment);
      if (offset < 0n || offset + BigInt(access.size) > BigInt(s.memory.length)) fault(DFSC.translation, kind === 'w');
      return Number(offset) + 1;
    },
    load: (host, bytes) => {
      let v = 0n;
      for (let i = bytes - 1; i >= 0; i--) v = (v << 8n) | BigInt(s.memory[at(host) + i]!);
      return v;
    },
    store: (host, bytes, value) => {
      for (let i = 0; i < bytes; i++) s.memory[at(host) + i] = Number((value >> BigInt(8 * i)) & 0xffn);
    },
    commit: () => {},
    branch: (target, type) => {
      s.pc = BigInt.asUintN(64, target);
      return leave({ kind: 'branch', type });
    },
    raise: (ec, past, iss) => leave({ kind: 'exception', ec, iss, past }),
    exit: (reason) => leave({ kind: 'exit', reason }),
    resync: () => leave({ kind: 'next' }),
    executed: 0,
    sysRead: (enc) => (h.readSysreg ?? missing('readSysreg'))(enc),
    sysWrite: (enc, value) => (h.writeSysreg ?? missing('writeSysreg'))(enc, value),
    sysOp: (enc, value, isRead) => (h.system ?? missing('system'))(enc, value, isRead),
    sysImm: (field, value) => void (h.system ?? missing('system'))(field, BigInt(value), false),
    helper: (name, args) => (h.helper ?? missing(`helper ${name}`))(name, args),
    helperV: (name, param, args) => (h.helperV ?? missing(`helperV ${name}`))(name, param, args),
    fp: (attr, args) => (h.fp ?? missing(`fp ${attr.op}`))(attr, args, s),
    routine: (name) => missing(`an engine for ${name}`),
  };
}

/**
 * Runs one instruction.
 * @param what the instruction word, or a row and its fields (absent ones 0): `['ADD_imm', { sf: 1, Rd: 3 }]`
 * @param state is changed in place, PC too
 * @returns how it ended
 */
export function runInstruction(
  group: Group,
  what: number | readonly [row: string, fields: Readonly<Record<string, number>>],
  state: TestState,
  helpers: TestHelpers = {},
): Outcome {
  const rows = rowsOf(group);
  let entry: RowEntry | undefined;
  let word: number;
  if (typeof what === 'number') {
    word = what;
    const found = rows.filter((r) => matches(r.parsed, word));
    entry = found.find((r) => r.row.inside !== undefined) ?? found[0];
    if (!entry) throw new Error(`no row of this group has the word 0x${word.toString(16)}`);
  } else {
    entry = rows.find((r) => r.name === what[0]);
    if (!entry) throw new Error(`no row '${what[0]}' in this group`);
    word = encode(entry.parsed, what[1]);
    if (!matches(entry.parsed, word)) throw new Error(`${what[0]} does not allow these fields`);
  }
  return runEntry(entry, word, state, helpers);
}

/** The same for a word whose row is known. */
export function runEntry(entry: RowEntry, word: number, state: TestState, helpers: TestHelpers = {}): Outcome {
  if (!entry.semantic) throw new Error(`${entry.name} has no semantics`);
  const { block, operands } = entry.handler(fieldsOf(entry.parsed, word)).code;
  const pc = state.pc;
  const past = BigInt.asUintN(64, pc + 4n);
  try {
    evaluate(block, makeEnv(state, entry, word, operands, helpers));
  } catch (e) {
    if (!(e instanceof Leave)) throw e;
    const { outcome } = e;
    if (outcome.kind === 'next' || (outcome.kind === 'exception' && outcome.past) || outcome.kind === 'exit') {
      if (!(outcome.kind === 'exit' && outcome.reason === 'system')) state.pc = past;
    }
    return outcome;
  }
  state.pc = past;
  return { kind: 'next' };
}

const cache = new WeakMap<Group, RowEntry[]>();
function rowsOf(group: Group): RowEntry[] {
  const known = cache.get(group);
  if (known) return known;
  const rows = collectRows([group]);
  cache.set(group, rows);
  return rows;
}
