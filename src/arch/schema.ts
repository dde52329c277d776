// The vocabulary of the architecture's tables: how a row says what a register is, what brings it into being and what
// may trap an access to it. Builders only; the rows are in id_regs.ts, control_regs.ts, state_regs.ts and sys_ops.ts,
// the checks over them in verify.ts. Knows nothing about how any of it is executed.
//
// Edition: Arm ARM DDI 0487 and DDI 0601 (2025-03), i.e. Armv9.6 with the 2023 and 2024 data-processing extensions, and
// the identification values of the 2025 ones.

import type { Control, FgtBoth, FgtInsn, FgtRead, FgtWrite } from './control_regs.ts';
import { type Encoding, enc } from './encoding.ts';
import type { Feat } from './features.ts';

export { type Encoding, enc, encParts, encText } from './encoding.ts';

// Fields.

export type Values = Readonly<Record<string, number>>;
/** A bit number, or [hi, lo]. */
export type Bits = number | readonly [hi: number, lo: number];

export function hiOf(bits: Bits): number {
  return typeof bits === 'number' ? bits : bits[0];
}
export function loOf(bits: Bits): number {
  return typeof bits === 'number' ? bits : bits[1];
}

/**
 * unsigned/signed: the values are ordered and a higher one includes the lower ones (DDI 0487 "Principles of the ID
 * scheme"); choice: the values exclude each other; number: a count or an address, without value names.
 */
export type FieldKind = 'unsigned' | 'signed' | 'choice' | 'number';

export interface Field<V extends Values = Values> {
  readonly hi: number;
  readonly lo: number;
  readonly kind: FieldKind;
  readonly values: V;
}

// Access: what every register row says about who may touch it.

/**
 * What may trap an access, in the order of the register's page. A control is 'REG.BIT' of CONTROL_REGS; its own row says
 * which value traps. A control of an EL1 (or EL0) register traps EL0 to EL1 (with EL2&0 in use: the bit of the same name
 * in the register's `e2h` twin traps to EL2); one of an EL2 register traps EL1 and EL0 to EL2.
 */
export type TrapRef =
  | string
  /** Only reads, only writes; of several controls all have to trap. */
  | { readonly r?: string | readonly string[]; readonly w?: string | readonly string[] }
  /** A bit of the fine-grained trap registers: the read register's for reads, the write register's for writes. */
  | { readonly fgt: string; readonly on: 'r' | 'w' | 'rw' }
  /** A condition that is not one bit, by its name in CONDITIONS. */
  | { readonly cond: Condition };

/** Conditions that are not one bit; the access procedure has a function for each. */
export const CONDITIONS = {
  FPEN:              'CPACR_EL1.FPEN, then CPTR_EL2.{FPEN,TFP}: EC 0x07',
  ZEN:               'CPACR_EL1.ZEN, then CPTR_EL2.{ZEN,TZ}: EC 0x19',
  SMEN:              'CPACR_EL1.SMEN, then CPTR_EL2.{SMEN,TSM}: EC 0x1D',
  TTA:               'CPACR_EL1.TTA traps EL0 and EL1 to EL1',
  NV1:               'HCR_EL2.{NV,NV1,NV2} = {1,1,0}',
  NV_without_NV2:    'HCR_EL2.{NV,NV2} = {1,0}',
  MDCR_HPMN:         'the counter index is at or above MDCR_EL2.HPMN, not at EL2',
  CNTHCTL_EL1NVPCT:  'CNTHCTL_EL2.EL1NVPCT with HCR_EL2.{E2H,TGE,NV2,NV1,NV} = {1,0,1,0,1}',
  CNTHCTL_EL1NVVCT:  'CNTHCTL_EL2.EL1NVVCT with HCR_EL2.{E2H,TGE,NV2,NV1,NV} = {1,0,1,0,1}',
  ICC_SRE:           'ICC_SRE_ELx.SRE = 0 at the level of the access: UNDEFINED; ICC_SRE_EL2.Enable = 0 traps ICC_SRE_EL1',
} as const;
export type Condition = keyof typeof CONDITIONS;

/** Writes by the first, reads by the second. */
export const wr = <const W extends string, const R extends string>(w: W, r: R): { readonly w: W; readonly r: R } => ({ w, r });
/** Reads only. */
export const rd = <const R extends string>(r: R): { readonly r: R } => ({ r });
/** Writes only. */
export const wo = <const W extends string>(w: W): { readonly w: W } => ({ w });
/** Only when all of these trap. */
export const closed = <const C extends readonly string[]>(...by: C): { readonly r: C; readonly w: C } => ({ r: by, w: by });
/** A fine-grained trap in both the read and the write register. */
export const fgt = <const B extends string>(bit: B): { readonly fgt: B; readonly on: 'rw' } => ({ fgt: bit, on: 'rw' });
export const fgtR = <const B extends string>(bit: B): { readonly fgt: B; readonly on: 'r' } => ({ fgt: bit, on: 'r' });
export const fgtW = <const B extends string>(bit: B): { readonly fgt: B; readonly on: 'w' } => ({ fgt: bit, on: 'w' });
export const cond = <const C extends Condition>(name: C): { readonly cond: C } => ({ cond: name });

/** Who switches a register's contents: with the EL1 or EL2 state, with the FP state, with debug, timers, GIC, PMU, or nobody. */
export type Bank = 'el0' | 'el1' | 'el2' | 'el3' | 'fp' | 'debug' | 'timer' | 'gic' | 'pmu' | 'trace';

export interface Access {
  /** Lowest exception level that may access the register when nothing traps. */
  readonly el: 0 | 1 | 2 | 3;
  readonly access: 'rw' | 'ro' | 'wo';
  /** The feature without which the register does not exist. */
  readonly feat: Need;
  /** Writes need this level (3: the highest that is implemented) where it is above `el`. */
  readonly writeFrom?: 1 | 2 | 3;
  readonly bank?: Bank;
  /** Offset in the page at VNCR_EL2 where accesses at virtual EL2 go under FEAT_NV2. */
  readonly vncr?: number;
  /** There is an alias with op1 = 5, named _EL12 (_EL02), that reaches the EL1 (EL0) register while HCR_EL2.E2H is 1. */
  readonly el12?: true;
  /** The EL2 register that this name reaches at EL2 while HCR_EL2.E2H is 1. */
  readonly e2h?: string;
  /** UNDEFINED at EL1 whatever HCR_EL2.NV says. */
  readonly noNv?: true;
  /** Another name of the same register's contents. */
  readonly alias?: string;
  /** What may trap an access through the _EL02 alias. */
  readonly aliasTraps?: readonly TrapRef[];
}
type AccessOptions = Omit<Access, 'el' | 'access' | 'feat' | 'traps'> & { readonly access?: 'rw' | 'ro' | 'wo' };

/**
 * What a bit or register needs to exist: a feature, its absence, one of several, all of several, or nothing.
 * Where the need fails the bit is RES0 unless a word says otherwise.
 */
export type Need = 'always' | Feat | `!${Feat}` | { readonly any: readonly Feat[] } | { readonly all: readonly (Feat | `!${Feat}`)[] };
export const anyOf = (...any: readonly Feat[]): Need => ({ any });
export const allOf = (...all: readonly (Feat | `!${Feat}`)[]): Need => ({ all });

// ID registers.

export interface Row extends Access {
  /** Packed encoding. For a family (name with <n>): of member 0. */
  readonly enc: number;
  readonly fields: Readonly<Record<string, Field>>;
  /** Bits that read as one. All others without a field are RES0. */
  readonly res1: bigint;
  /** Bits that read as zero but are not RES0: reserved for fields of the same kind. */
  readonly raz: bigint;
  readonly traps: readonly TrapRef[];
}
export interface IdReg<F extends Fields = Fields, T extends readonly TrapRef[] = readonly TrapRef[]> extends Row {
  readonly fields: F;
  readonly traps: T;
}
type Fields = Readonly<Record<string, Field>>;
interface IdRegOptions<T extends readonly TrapRef[]> {
  readonly el?: 0;
  readonly feat?: string;
  readonly res1?: readonly Bits[];
  readonly raz?: readonly Bits[];
  readonly traps?: T;
}

/** An ID field with ordered values. The value that brings a feature is named after it. */
export function idField<const V extends Values>(hi: number, lo: number, values: V): Field<V> {
  return { hi, lo, kind: 'unsigned', values };
}
/** As idField, but read as a signed number: 0b1111 is -1 and sorts below 0. */
export function signedField<const V extends Values>(hi: number, lo: number, values: V): Field<V> {
  return { hi, lo, kind: 'signed', values };
}
/** Values that exclude each other. */
export function choice<const V extends Values>(hi: number, lo: number, values: V): Field<V> {
  return { hi, lo, kind: 'choice', values };
}
/** A count, a size or an implementation's own number. */
export function count(hi: number, lo = hi): Field<Record<never, number>> {
  return { hi, lo, kind: 'number', values: {} };
}

export function idreg<const F extends Fields, const T extends readonly TrapRef[] = readonly []>(
  at: Encoding, fields: F, options: IdRegOptions<T> = {},
): IdReg<F, T> {
  const { res1, raz, el = 1, feat = 'always', traps = [] as unknown as T } = options;
  return { enc: enc(...at), el, access: 'ro', feat: feat as Need, fields, res1: maskOf(res1), raz: maskOf(raz), traps };
}

export function maskOf(list: readonly Bits[] = []): bigint {
  let mask = 0n;
  for (const bits of list) mask |= ((1n << BigInt(hiOf(bits) - loOf(bits) + 1)) - 1n) << BigInt(loOf(bits));
  return mask;
}

// Control registers: every bit says its polarity and what it needs.

/** en: 0 in the lowest bit traps (or disables). trap: 1 traps. bits: neither. */
export type Role = 'en' | 'trap' | 'bits';
/**
 * res1-if-absent: reads as one where the need fails. res1-if-e2h0/-e2h1: the same, only where HCR_EL2.E2H is 0 (1).
 * needs-e2h: exists only where HCR_EL2.E2H is 1. host-el0: traps EL0 also under EL2&0 (HCR_EL2.{E2H,TGE} = {1,1}).
 * never-undef: a VM without the need still sees the access trap, not become UNDEFINED.
 */
export type Word = 'res1-if-absent' | 'res1-if-e2h0' | 'res1-if-e2h1' | 'needs-e2h' | 'host-el0' | 'never-undef';

export interface ControlBit<R extends Role = Role, V extends Values = Values> extends Field<V> {
  readonly role: R;
  readonly need: Need;
  readonly words: readonly Word[];
}

/** 0 traps (every n-bit of the fine-grained trap registers). The need is not optional. */
export function en(at: Bits, need: Need, ...words: readonly Word[]): ControlBit<'en', Record<never, number>> {
  return { hi: hiOf(at), lo: loOf(at), kind: 'number', values: {}, role: 'en', need, words };
}
/** 1 traps. The need is not optional. */
export function trap(at: Bits, need: Need, ...words: readonly Word[]): ControlBit<'trap', Record<never, number>> {
  return { hi: hiOf(at), lo: loOf(at), kind: 'number', values: {}, role: 'trap', need, words };
}
/** A bit that traps nothing. The need is not optional. */
export function bits(at: Bits, need: Need, ...words: readonly Word[]): ControlBit<'bits', Record<never, number>> {
  return { hi: hiOf(at), lo: loOf(at), kind: 'number', values: {}, role: 'bits', need, words };
}
/** A field with named values. */
export function pick<const V extends Values>(at: Bits, need: Need, values: V, ...words: readonly Word[]): ControlBit<'bits', V> {
  return { hi: hiOf(at), lo: loOf(at), kind: 'choice', values, role: 'bits', need, words };
}

export type ControlBits = Readonly<Record<string, ControlBit>>;
export interface ControlReg<F extends ControlBits = ControlBits, T extends readonly TrapRef[] = readonly TrapRef[]> extends Row {
  readonly fields: F;
  readonly traps: T;
  /** One of the fine-grained trap registers, and what it controls. */
  readonly fgt?: 'read' | 'write' | 'insn';
  /** The layout while HCR_EL2.E2H is 0, where it is another one. */
  readonly e2h0?: ControlBits;
  readonly e2h0Res1?: bigint;
}
interface ControlOptions<T extends readonly TrapRef[], A extends true | undefined> extends Omit<AccessOptions, 'el12'> {
  readonly el12?: A;
  readonly el: 0 | 1 | 2 | 3;
  readonly traps?: T;
  readonly res1?: readonly Bits[];
  readonly fgt?: 'read' | 'write' | 'insn';
  readonly e2h0?: ControlBits;
  readonly e2h0Res1?: readonly Bits[];
}

/** A row says in its type whether it has an _EL12 alias. */
type Aliased<O> = O extends { readonly el12: true } ? { readonly el12: true } : unknown;

export function ctlreg<const F extends ControlBits, const T extends readonly TrapRef[] = readonly [], A extends true | undefined = undefined>(
  at: Encoding, feat: Need, options: ControlOptions<T, A>, fields: F,
): ControlReg<F, T> & Aliased<{ readonly el12: A }> {
  const { res1, e2h0Res1, traps = [] as unknown as T, ...rest } = options;
  const layout = rest.e2h0 === undefined ? {} : { e2h0Res1: maskOf(e2h0Res1) };
  const row = { enc: enc(...at), access: 'rw', feat, ...rest, ...layout, fields, res1: maskOf(res1), raz: 0n, traps };
  return row as ControlReg<F, T> & Aliased<{ readonly el12: A }>;
}

/** The same bits without some: a write register of a fine-grained pair has only the writable registers' bits. */
export function without<const F extends ControlBits, const K extends keyof F>(fields: F, ...keys: readonly K[]): Omit<F, K> {
  return Object.fromEntries(Object.entries(fields).filter(([k]) => !(keys as readonly PropertyKey[]).includes(k))) as Omit<F, K>;
}
/** The same bits, high to low. */
export function inOrder<const F extends ControlBits>(fields: F): F {
  return Object.fromEntries(Object.entries(fields).sort(([, a], [, b]) => b.lo - a.lo)) as F;
}

// State registers: everything that is neither identification nor control.

/** A trap of a state register, held against the control registers at compile time. */
export type StateTrap =
  | Control
  | { readonly r?: Control | readonly Control[]; readonly w?: Control | readonly Control[] }
  | { readonly fgt: FgtBoth; readonly on: 'rw' }
  | { readonly fgt: FgtRead | `${string}<n>${string}`; readonly on: 'r' }
  | { readonly fgt: FgtWrite; readonly on: 'w' }
  | { readonly cond: Condition };

interface StateOptions extends AccessOptions {
  readonly el: 0 | 1 | 2 | 3;
  readonly feat?: Need;
  readonly traps?: readonly StateTrap[];
  readonly fields?: Readonly<Record<string, Bits | Field>>;
  readonly res1?: readonly Bits[];
  readonly raz?: readonly Bits[];
  /** Another layout of the same register where a feature is there. */
  readonly layouts?: { readonly [F in Feat]?: Readonly<Record<string, Bits | Field>> };
}
export interface StateReg extends Row {
  readonly layouts?: { readonly [F in Feat]?: Readonly<Record<string, Field>> };
  /** For a family: how many members and the encoding of each. */
  readonly members?: { readonly first: number; readonly last: number; readonly at: (n: number) => Encoding };
}

type FieldSpecs = Readonly<Record<string, Bits | Field>>;
const NO_FIELDS: FieldSpecs = {};
/** Rows share layouts: each is read once. */
const read = new WeakMap<FieldSpecs, Readonly<Record<string, Field>>>();
function fieldsOf(specs: FieldSpecs = NO_FIELDS): Readonly<Record<string, Field>> {
  const known = read.get(specs);
  if (known) return known;
  const isField = (f: Bits | Field): f is Field => typeof f === 'object' && 'kind' in f;
  const fields: Record<string, Field> = {};
  for (const name of Object.keys(specs)) {
    const f = specs[name]!;
    fields[name] = isField(f) ? f : count(hiOf(f), loOf(f));
  }
  read.set(specs, fields);
  return fields;
}

/** The lowest bit of every field: what the mask registers of FEAT_SRMASK have. */
export function lowBits(fields: Readonly<Record<string, Field>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(fields).map(([name, f]) => [name, f.lo]));
}

export function reg<const O extends StateOptions>(at: Encoding, options: O): StateReg & Aliased<O> {
  return stateReg(at, options) as StateReg & Aliased<O>;
}
function stateReg(at: Encoding, options: StateOptions): StateReg {
  const { fields, res1, raz, layouts, access = 'rw', feat = 'always', traps = [], ...rest } = options;
  const other = layouts === undefined ? {} : { layouts: Object.fromEntries(Object.entries(layouts).map(([f, l]) => [f, fieldsOf(l)])) };
  return { enc: enc(...at), access, feat, traps, ...rest, ...other, fields: fieldsOf(fields), res1: maskOf(res1), raz: maskOf(raz) };
}
/** A family: the key has <n> where the number stands. Members from 0, or from the number given. */
export function regs(members: number | readonly [first: number, last: number], at: (n: number) => Encoding, options: StateOptions): StateReg {
  const [first, last] = typeof members === 'number' ? [0, members - 1] : members;
  return { ...stateReg(at(first), options), members: { first, last, at } };
}

// Operations of the SYS space.

export interface SysOp {
  readonly enc: number;
  readonly el: 0 | 1 | 2 | 3;
  readonly feat: Need;
  /** Takes Xt. */
  readonly register: boolean;
  /** Answers in Xt (SYSL). */
  readonly result: boolean;
  readonly traps: readonly Control[];
  /** Its bit in the fine-grained instruction trap registers. */
  readonly fgt?: FgtInsn;
  /** HCR_EL2.NV traps it at EL1 although EL1 (EL0) may execute it. */
  readonly nv?: true;
  /** What a TLBI is given (everything, a VA, an ASID, an IPA, a range), and how far it reaches ('': this PE). */
  readonly tlbi?: { readonly scope: TlbiScope; readonly share: '' | 'IS' | 'OS' };
}
export type TlbiScope = 'all' | 'va' | 'asid' | 'range' | 'ipa' | 'iparange';
interface SysOpOptions {
  readonly el: 0 | 1 | 2 | 3;
  readonly feat?: Need;
  readonly register?: true;
  readonly result?: true;
  readonly traps?: readonly Control[];
  readonly fgt?: FgtInsn;
  readonly nv?: true;
}

export function sysop(at: Encoding, options: SysOpOptions): SysOp {
  const { feat = 'always', register = false, result = false, traps = [], ...rest } = options;
  return { enc: enc(...at), feat, register, result, traps, ...rest };
}
/** op1 says the level: 0 for EL1, 4 for EL2, 6 for EL3. */
export function tlbi(at: Encoding, scope: TlbiScope, share: '' | 'IS' | 'OS', options: Omit<SysOpOptions, 'el' | 'register' | 'result'>): SysOp {
  const el = at[1] === 0 ? 1 : at[1] === 4 ? 2 : 3;
  const op = sysop(at, { el, ...options });
  return { ...op, register: scope !== 'all', tlbi: { scope, share } };
}
