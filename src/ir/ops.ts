// The operations of the IR, one row each: argument and result types and what kind of effect. Types are i32, i64 and
// v128 only: floating-point values are bit patterns. Computing operations carry the names of the WebAssembly
// instructions they are; where WebAssembly has none, the name is ours. Nothing here knows an instruction set: state is
// reached through places whose names the user of the IR gives.

import { INT, type IntOp, LANE, type LaneOp, signature, VECTOR, type VectorOp } from '../wasm/opcodes.ts';
import type { FpOp } from './fp_ops.ts';

export type Ty = 'i32' | 'i64' | 'v128';
/**
 * pure: may be moved, shared, dropped. read: depends on earlier effects, may be dropped. write: has an effect, stays.
 * leave: may end the instruction (fault) or does.
 */
export type Effect = 'pure' | 'read' | 'write' | 'leave';
export interface OpRow {
  readonly args: readonly Ty[];
  readonly result: Ty | 'void';
  readonly effect: Effect;
}
/** The row as nodes have it. */
export interface KnownOp extends OpRow {
  /** The name is that of a WebAssembly instruction. */
  readonly plain: boolean;
}

function op(types: string, effect: Effect): OpRow {
  const [args, result] = types.split('->').map((s) => s.trim()) as [string, string];
  return { args: args === '' ? [] : (args.split(' ') as Ty[]), result: result as Ty | 'void', effect };
}

/** A piece of state: a named one, or the register that operand `operand` of the instruction names. */
export type Place = { readonly slot: string } | { readonly operand: number };
export interface Local {
  readonly id: number;
  readonly ty: Ty;
}
/** What a memory access must satisfy before anything of it is done. */
export interface Access {
  /** Bytes, 1..64. */
  readonly size: number;
  /** Bytes of each of its elements: what must be aligned where memory asks for that. */
  readonly element: number;
  /** Single-copy atomic: alignment is checked. */
  readonly atomic: boolean;
  /** Checked with the rights of EL0. */
  readonly unprivileged: boolean;
  /** Ordered (acquire or release): misalignment rules differ from those of atomics. */
  readonly ordered: boolean;
}
export type Fmt = 16 | 32 | 64;
/** A floating-point operation. Which members mean something depends on `op`: see fpOps. */
export interface FpAttr {
  readonly op: FpOp;
  readonly fmt: Fmt;
  /** Other format, or width of the integer. */
  readonly to: number;
  readonly signed: boolean;
  readonly exact: boolean;
  readonly rounding: string;
}
export interface FpVectorAttr {
  readonly fp: FpAttr;
  readonly count: number;
}
/** Whose arithmetic: that of the present EL, or of an access with the rights of EL0. */
export type PointerOf = 'present' | 'unprivileged';
export interface HelperAttr {
  readonly name: string;
  readonly args: readonly Ty[];
  readonly result: Ty;
}

/** Operations with fixed types beyond those that are plain WebAssembly. */
const OWN = {
  'const.i32':   op('-> i32', 'pure'),
  'const.i64':   op('-> i64', 'pure'),
  'const.v128':  op('-> v128', 'pure'),
  /** Constants that differ from instruction to instruction: number of the operand. */
  'imm.i32':     op('-> i32', 'pure'),
  'imm.i64':     op('-> i64', 'pure'),

  'i32.select':  op('i32 i32 i32 -> i32', 'pure'), // condition, if nonzero, if zero
  'i64.select':  op('i32 i64 i64 -> i64', 'pure'),
  'v128.select': op('i32 v128 v128 -> v128', 'pure'),
  // Division by zero gives 0, the most negative number by -1 itself.
  'i32.quot_u':  op('i32 i32 -> i32', 'pure'),
  'i32.quot_s':  op('i32 i32 -> i32', 'pure'),
  'i64.quot_u':  op('i64 i64 -> i64', 'pure'),
  'i64.quot_s':  op('i64 i64 -> i64', 'pure'),
  'i64.mulhi_u': op('i64 i64 -> i64', 'pure'),
  'i64.mulhi_s': op('i64 i64 -> i64', 'pure'),
  'i8x16.shuffle': op('v128 v128 -> v128', 'pure'),

  'get.i32':     op('-> i32', 'read'), // the low half of a 64-bit place
  'get.i64':     op('-> i64', 'read'),
  'get.v128':    op('-> v128', 'read'),
  'set.i32':     op('i32 -> void', 'write'), // a 32-bit place
  'set.i64':     op('i64 -> void', 'write'),
  'set.v128':    op('v128 -> void', 'write'),
  'local.new.i32':  op('i32 -> void', 'write'),
  'local.new.i64':  op('i64 -> void', 'write'),
  'local.new.v128': op('v128 -> void', 'write'),
  'local.get.i32':  op('-> i32', 'read'),
  'local.get.i64':  op('-> i64', 'read'),
  'local.get.v128': op('-> v128', 'read'),
  'local.set.i32':  op('i32 -> void', 'write'),
  'local.set.i64':  op('i64 -> void', 'write'),
  'local.set.v128': op('v128 -> void', 'write'),
  if:            op('i32 -> void', 'write'),

  /** a + b + carry with the four flags set: one operation, so that an engine may compute flags when they are asked for. */
  'adc.i32':     op('i32 i32 i32 -> i32', 'write'),
  'adc.i64':     op('i64 i64 i32 -> i64', 'write'),
  'flags.nz.i32': op('i32 -> void', 'write'), // sign and zero; carry and overflow cleared
  'flags.nz.i64': op('i64 -> void', 'write'),
  'flags.set':   op('i32 -> void', 'write'),
  'flags.get':   op('-> i32', 'read'),
  'flags.carry': op('-> i32', 'read'),
  'flags.cond':  op('-> i32', 'read'),

  pc:            op('-> i64', 'pure'),
  /** Instructions of this run before the present one. */
  executed:      op('-> i32', 'pure'),
  // Pointers (base, offset; sum, base, whether a product overflowed), whose sums a PE may check: else plain sums.
  'ptr.add':     op('i64 i64 -> i64', 'pure'),
  'ptr.check':   op('i64 i64 i32 -> i64', 'pure'),
  // Memory: a check that yields a host address (or faults), then plain accesses there, then for writes a commit.
  'mem.r':       op('i64 -> i32', 'leave'),
  'mem.w':       op('i64 -> i32', 'leave'),
  'mem.rw':      op('i64 -> i32', 'leave'),
  'mem.commit':  op('i32 -> void', 'write'),
  'host.load8':   op('i32 -> i32', 'read'),
  'host.load16':  op('i32 -> i32', 'read'),
  'host.load32':  op('i32 -> i32', 'read'),
  'host.load64':  op('i32 -> i64', 'read'),
  'host.load128': op('i32 -> v128', 'read'),
  'host.store8':   op('i32 i32 -> void', 'write'),
  'host.store16':  op('i32 i32 -> void', 'write'),
  'host.store32':  op('i32 i32 -> void', 'write'),
  'host.store64':  op('i32 i64 -> void', 'write'),
  'host.store128': op('i32 v128 -> void', 'write'),

  /** Ends the instruction: to the instruction at PC + operand; to an address. */
  br:            op('-> void', 'leave'),
  'br.to':       op('i64 -> void', 'leave'),
  /** Leaves with an exception: class in attr, syndrome as argument. */
  raise:         op('i32 -> void', 'leave'),
  /** Leaves the engine for another reason. */
  exit:          op('-> void', 'leave'),
  /** Memory accesses do not move across it. */
  fence:         op('-> void', 'write'),
  /** Goes on after the instruction, but with nothing remembered about where code lies. */
  resync:        op('-> void', 'leave'),

  // Questions to the system around the engine. They may leave.
  'sys.read':    op('i32 -> i64', 'leave'),
  'sys.write':   op('i32 i64 -> void', 'leave'),
  'sys.op':      op('i32 i64 -> i64', 'leave'),
  'sys.imm':     op('i32 i32 -> void', 'leave'),
} as const satisfies Record<string, OpRow>; // biome-ignore format: a table

/** Operations whose types come from the attribute. */
const OPEN = {
  helper:  { args: [], result: 'void', effect: 'write' },
  helperV: { args: [], result: 'v128', effect: 'write' },
  fp:      { args: [], result: 'void', effect: 'write' },
  fpv:     { args: [], result: 'v128', effect: 'write' },
  /** Calls the routine of that name with the instruction's word: it may read and write any state, and may fault. */
  routine: { args: ['i32'], result: 'void', effect: 'leave' },
} as const satisfies Record<string, OpRow>; // biome-ignore format: a table

export type OwnOp = keyof typeof OWN;
export type OpenOp = keyof typeof OPEN;
export type PlainOp = IntOp | VectorOp | LaneOp;
export type Op = PlainOp | OwnOp | OpenOp;
/** Operations whose result depends on their arguments and attribute alone. */
export type PureOp =
  | PlainOp
  | `${Ty}.select`
  | `${'i32' | 'i64'}.quot_${'s' | 'u'}`
  | `i64.mulhi_${'s' | 'u'}`
  | 'i8x16.shuffle';

function allRows(): Record<Op, KnownOp> {
  const rows = {} as Record<Op, KnownOp>;
  const add = (name: Op, { args, result, effect }: OpRow, plain: boolean): void => {
    rows[name] = { args, result, effect, plain };
  };
  for (const name of [...Object.keys(INT), ...Object.keys(VECTOR), ...Object.keys(LANE)] as PlainOp[]) {
    const s = signature(name);
    add(name, { args: s.args as Ty[], result: s.result as Ty, effect: 'pure' }, true);
  }
  for (const [name, row] of Object.entries({ ...OWN, ...OPEN })) add(name as Op, row, false);
  return rows;
}
export const OPS: Readonly<Record<Op, KnownOp>> = allRows();

type Size = 'i32' | 'i64' | 'v128';
interface OwnAttrs
  extends Record<LaneOp, number>,
    Record<`imm.${'i32' | 'i64'}`, number>,
    Record<`get.${Size}` | `set.${Size}`, Place>,
    Record<`local.${'new' | 'get' | 'set'}.${Size}`, Local>,
    Record<'mem.r' | 'mem.w' | 'mem.rw', Access>,
    Record<`host.${'load' | 'store'}${8 | 16 | 32 | 64 | 128}`, number> {
  'const.i32': number;
  'const.i64': bigint;
  'const.v128': bigint;
  'i8x16.shuffle': readonly number[];
  if: { readonly yes: readonly Node[]; readonly no: readonly Node[] };
  'flags.cond': number;
  'ptr.add': PointerOf;
  /** The operand that holds the distance in bytes. */
  br: number;
  /** A word that says what kind of branch it is. */
  'br.to': string;
  raise: { readonly ec: number; readonly past: boolean };
  exit: string;
  /** true: reads (SYSL), false: writes (SYS). */
  'sys.op': boolean;
  helper: HelperAttr;
  helperV: { readonly name: string; readonly param: number };
  fp: FpAttr;
  fpv: FpVectorAttr;
  /** Name of the routine. */
  routine: string;
}
/** What a node of operation K says besides its arguments. */
export type AttrOf<K extends Op> = K extends keyof OwnAttrs ? OwnAttrs[K] : undefined;

export interface NodeOf<K extends Op> {
  /** Counts up from 0 within an instruction. */
  readonly id: number;
  readonly op: K;
  readonly row: KnownOp;
  readonly ty: Ty | 'void';
  readonly args: readonly Node[];
  readonly attr: AttrOf<K>;
}
export type Node = { [K in Op]: NodeOf<K> }[Op];
/** A node with a value. */
export type ValueNode = Node & { readonly ty: Ty };
/** A straight list of nodes in program order. */
export type Block = readonly Node[];
