// What writing an instruction needs from whoever has it written: a frame that says how the instruction is left, and a state
// that says where operands, registers and flags live.

import type { Node, NodeOf, Place, Ty } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import type { Emitter } from './emit.ts';

/**
 * What a handler function returns: go on, or why not. Odd numbers below LEAVE are jumps to the PC that is stored. Numbers
 * from LEAVE on end the run: exit reason << 4 | LEAVE, plus PAST where the instruction is done.
 */
export const Status = { Next: 0, Jump: 1, Resync: 2 } as const;
/** A Jump says from this bit on what type of branch it was. */
export const JUMP_TYPE_SHIFT = 1;
export const LEAVE = 8;
export const PAST = 1;

/** Where the code of a handler is written to. */
export interface Frame {
  readonly code: Code;
  /** Local: address of the CPU state. */
  readonly cpu: number;
  temp(type: ValueType): number;
  /** Index of an imported function. */
  import(name: string, params: readonly ValueType[], results: readonly ValueType[]): number;
  /** The handler is done; goes on with the next instruction. */
  next(): void;
  /** Leaves with an exception that RAISE_EC and RAISE_ISS describe. */
  raise(past: boolean): void;
  /** Leaves for what an `exit` says. */
  exit(kind: string): void;
  /** Takes an i32 from the stack and leaves with an exception that is already described if it is zero. */
  faultIfZero(): void;
  /** Takes an i64 from the stack: the target. @param type a BranchType */
  jump(type: number): void;
  /** Branches by the distance in an operand. */
  branch(operand: number): void;
  /** Goes on with the next instruction by looking it up anew. */
  resync(): void;
  /** Where to remember what the present instruction signs. @param key as in cpu/pauth.ts */
  signs?(key: number): Signature;
  /** What the present instruction authenticates may be what another one has signed, with the same key. */
  authenticates?(key: number): Signature | undefined;
}

/** Locals with what was signed last by an instruction, i64 each: the pointer, 0 if none was; the modifier; the pointer signed. */
export interface Signature {
  readonly pointer: number;
  readonly modifier: number;
  readonly signed: number;
}

export type ReadFlags = NodeOf<'flags.get' | 'flags.carry' | 'flags.cond'>;
export type Probe = NodeOf<'mem.r' | 'mem.w' | 'mem.rw'>;

/** Code that looks at a result of the host's floating point. Each puts an i32 on the stack. */
export interface Checks {
  /** Inexact may be raised. */
  readonly inexact: boolean;
  /** Nonzero only if no other flag can have been raised. */
  counts(): void;
  /** The same for what `counts` says no to though it need not; it may change the result to what it should be. */
  readonly rare?: (() => void) | undefined;
  /** For a result that counts: nonzero only if Inexact has not been raised either. */
  readonly exact?: (() => void) | undefined;
}

/** Where operands, registers and flags live. Methods that read leave the value on the stack. */
export interface State {
  immediate(operand: number, ty: 'i32' | 'i64'): void;
  read(e: Emitter, place: Place, ty: Ty): void;
  /** Leaves the low half of a register as an i64. */
  readWide?(place: Place): void;
  /** As read, for a value that is the bit pattern of a floating-point number, which is left. */
  readNumber(e: Emitter, place: Place, ty: 'i32' | 'i64'): void;
  /** Leaves a vector whose first lane is V[n]'s. @returns false if that is not the shortest way to it */
  readLane?(place: Place): boolean;
  /** A write of V[n] zeroes the rest of Z[n], as far as Slot.SVE_LIVE says that it can hold anything. */
  write(e: Emitter, place: Place, value: Node): void;
  pc(): void;
  /** The number of instructions of this run before the present one. */
  counted(): void;
  /** Stores what a called function may want to know: PC and the instruction count. */
  publish(): void;
  addWithCarry(e: Emitter, n: NodeOf<'adc.i32' | 'adc.i64'>): void;
  signZero(e: Emitter, n: NodeOf<'flags.nz.i32' | 'flags.nz.i64'>): void;
  setFlags(e: Emitter, n: NodeOf<'flags.set'>): void;
  readFlags(e: Emitter, n: ReadFlags): void;
  /** Checks an access and defines the host address. */
  probe(e: Emitter, n: Probe): void;
  commit(e: Emitter, n: NodeOf<'mem.commit'>): void;
  /** Does what a helper does without calling it: leaves the result on the stack. @returns false if it must be called */
  helper?(e: Emitter, n: NodeOf<'helper'>): boolean;
  /** Takes a constant from memory. @returns false if it is better in the code */
  vector?(value: bigint): boolean;
  /** Calls a routine, which reads and writes any state in the block at `cpu` (registers, flags). Leaves 0 for a fault, else 1. */
  routine(e: Emitter, n: NodeOf<'routine'>): void;
  /** Writes an `if` in which nothing but an exception is raised. @returns false if it is to be written as any other */
  refusal?(e: Emitter, n: NodeOf<'if'>): boolean;
  /** Control parts. @returns what is to be called at the end of each arm, with whether control leaves before it */
  fork(): (ends: boolean) => void;
  /** There are relaxed instructions, and `f64x2.relaxed_madd` rounds once. */
  readonly fused: boolean;
  /** Other PEs execute at the same time: what is atomic or ordered must be so in the host's memory. */
  readonly parallel: boolean;
  /** Has the soft implementation compute unless the host's result counts. @param soft computes and replaces the result */
  unlessExact(e: Emitter, checks: Checks, soft: () => void): void;
}
