// What the semantics of SVE are written against. An SVE row has no IR of its own: its semantics are a routine, a
// function from the fields of the instruction to a function without arguments that carries it out ("plan"). The plan is
// made when the word is first executed and kept, so everything that depends on fields alone belongs outside of it. One
// row is one line of encoding (arch/a64/sve_*.ts), one line of syntax (asm/syntax/sve_*.ts) and one line here:
//
//   arch  ADD_zzz: insn('00000100 size:2 1 Zm:5 000 000 Zn:5 Zd:5', SVE)
//   asm   ADD_zzz: zzz                               ('add z0.s, z1.s, z2.s'; the mnemonic is the name up to the first _)
//   isa   ADD_zzz: unpredicated2(add)                (sve_lanes.ts: the operands) (sve_ops.ts: the operation on one element)
//
// Registers are bytes of linear memory: m.z0 + 256 n, m.p0 + 32 n (P16 is FFR). Elements are read into rooms
// (sve_lanes.ts) as numbers, 64-bit ones as bigints, computed there and written back, so operands may overlap. Order: read every
// source, do every memory access, then write. A plan answers false after a fault, with cpu.exception set by `probe`.
// CheckSVEEnabled comes before every routine. Floating point: m.fp() binds an operation of ir/ops.ts to FPCR and FPSR.
// The implementation of SveMachine is cpu/sve.ts; both engines call it, so evaluators cannot differ in it.

import type { FieldValues } from '../arch/a64/encoding.ts';
import type { FpAttr } from '../ir/ops.ts';

/** Carries out one instruction. @returns false if it faulted */
export type Plan = () => unknown;
/** Semantics of a row: fields as plain numbers in, plan out. */
export type Routine = (f: FieldValues, m: SveMachine) => Plan;

export type AccessKind = 'r' | 'w';

/** One PE, as SVE sees it. */
export interface SveMachine {
  /** Linear memory. */
  readonly u8: Uint8Array;
  readonly i8: Int8Array;
  readonly u16: Uint16Array;
  readonly i16: Int16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;
  readonly i64: BigInt64Array;
  readonly view: DataView;
  /** Addresses of Z0 and P0 of the PE that runs. */
  readonly z0: number;
  readonly p0: number;
  /** Vector length in bytes, 16..256. */
  readonly vl: number;

  /** X[n]; 31 is zero, or SP in xsp. */
  x(n: number): bigint;
  xsp(n: number): bigint;
  /** Writes X[n], modulo 2^64; 31 is ignored, or SP in setXsp. */
  setX(n: number, value: bigint): void;
  setXsp(n: number, value: bigint): void;
  /** base + offset, modulo 2^64, checked where FEAT_CPA2 is on. @arm AddressAdd */
  addAddress(base: bigint, offset: bigint): bigint;
  /** A 64-bit sum made from a base and perhaps a product. @arm PointerAddCheck, PointerMultiplyAddCheck */
  checkPointer(sum: bigint, base: bigint, overflow: boolean): bigint;

  /** PSTATE.<N,Z,C,V>, N in bit 3. */
  nzcv: number;

  /** FPCR, for what depends on it besides the operations of fp(). */
  readonly fpcr: number;
  /** Sets FPSR.QC. */
  setQC(): void;
  /** A floating-point operation under FPCR that accumulates into FPSR: i32 operands as numbers (any sign), i64 as bigints. */
  fp(attr: FpAttr): (...args: (number | bigint)[]) => number | bigint;
  /** A helper of isa/helpers.ts by name, with its types. */
  helper(name: string): (...args: (number | bigint)[]) => number | bigint;
  /** A vector helper: 128-bit numbers in and out. */
  helperV(name: string): (param: number, ...args: bigint[]) => bigint;

  /** The instruction is UNDEFINED at this vector length. @returns false, which the plan gives back */
  undefined(): false;
  /** CheckSPAlignment for a base register of a memory access. @returns false after having set the exception */
  checkBase(n: number): boolean;
  /**
   * Makes `size` bytes at an address accessible; they may touch two pages only if no larger than 64 bytes.
   * @param element bytes of each element, for memory that wants alignment
   * @returns a host address good for this access until the next probe, or 0 after having set the exception. A store that
   *   touches two pages must be followed by commit() once its bytes are written.
   */
  probe(kind: AccessKind, va: bigint, size: number, element: number): number;
  commit(host: number): void;
  /** As probe, for loads that do not fault: 0 where the access would fault, or is to memory that must not be read idly. */
  peek(va: bigint, size: number, element: number): number;
}
