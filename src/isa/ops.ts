// The facade that instruction semantics are written against: Arm's words (X, SP, V, NZCV, AddWithCarry), typed
// expression nodes, no PE state layout, no WebAssembly bytes. One function per encoding row, once. Engines are
// evaluators of what it builds: the reference evaluator runs it with the instruction's own field values, the
// interpreter generator runs it with register and immediate fields left open.
//
// RULES for semantics functions
//  1. Order is program order: register reads and memory accesses happen where they are written. Read every source,
//     do every memory access, and only then write registers and flags: then faults are precise by construction.
//  2. Fields come in two sorts. Register and immediate fields (see DynamicField) are opaque: hand them to X(), V(),
//     or use them inside the callback of imm(). All other fields (sf, size, Q, U, opc, ...) are plain numbers: use
//     `if`, `switch` and arithmetic on them freely, each value becomes its own specialised handler. Look at a static
//     field only where it matters: each one looked at multiplies handlers.
//  3. A number that decides the shape but is computed from dynamic fields (element size from imm5, "Rn is 31",
//     "Rd equals Rn") is asked for with pick().
//  4. FP values are bit patterns (i32 for half and single, i64 for double): rounding, NaNs and flags are the business
//     of the fp ops, which read FPCR and accumulate into FPSR.

/** Type of a value node. Booleans are i32 0/1. */
export type Ty = 'i32' | 'i64' | 'v128';
/** A value: an opaque node of the IR. */
export interface Val {
  readonly ty: Ty;
}

/** Fields whose values stay open in generated handlers. */
const REG_FIELDS = ['Rd', 'Rn', 'Rm', 'Ra', 'Rt', 'Rt2', 'Rs', 'Rs2'] as const;
const IMM_FIELDS = [
  'imm3', 'imm4', 'imm5', 'imm6', 'imm7', 'imm8', 'imm9', 'imm12', 'imm14', 'imm16', 'imm19', 'imm26',
  'simm7', 'simm9', 'uimm4', 'uimm6', 'immlo', 'immhi', 'immr', 'imms', 'immb', 'b40', 'b5', 'hw', 'scale',
  'cond', 'nzcv', 'mask', 'CRm', 'CRn', 'op1', 'op2', 'o0', 'rotate',
  'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h',
] as const; // biome-ignore format: a table
export type RegField = (typeof REG_FIELDS)[number];
export type ImmField = (typeof IMM_FIELDS)[number];
export type DynamicField = RegField | ImmField;
/** Which fields are open, and of which sort. A field that is not here is static. */
export const DYNAMIC_FIELDS: Readonly<Record<string, 'reg' | 'imm' | undefined>> = {
  ...Object.fromEntries(REG_FIELDS.map((name) => [name, 'reg' as const])),
  ...Object.fromEntries(IMM_FIELDS.map((name) => [name, 'imm' as const])),
};

declare const brand: unique symbol;
/** A register field left open: only good for X(), V() and pick(). */
export interface Reg {
  readonly [brand]: 'Reg';
}
/** An immediate field left open: only good for cond() and, through its name, in imm() and pick() callbacks. */
export interface Imm {
  readonly [brand]: 'Imm';
}
/** What the second argument of a semantics function looks like, given all fields F of the row. */
export type Fields<F> = { readonly [K in keyof F]: K extends RegField ? Reg : K extends ImmField ? Imm : number };

/** Size of a memory access or vector element in bits. */
export type Bits = 8 | 16 | 32 | 64 | 128;
/** Floating-point format by width: 16 half, 32 single, 64 double. BFloat16 and FP8 have ops of their own. */
export type Fmt = 16 | 32 | 64;
/** Rounding: FPCR.RMode, or one of the fixed modes of FCVT?/FRINT?. */
export type Rounding = 'fpcr' | 'tieeven' | 'plusinf' | 'minusinf' | 'zero' | 'tieaway' | 'odd';

/** Two-operand FP operations. 'absmax' and 'absmin' are FAMAX and FAMIN; 'scale' takes an integer of `fmt` bits as b. */
export type Fp2 =
  | 'add' | 'sub' | 'mul' | 'div' | 'max' | 'min' | 'maxnm' | 'minnm' | 'mulx' | 'recps' | 'rsqrts'
  | 'absmax' | 'absmin' | 'scale'; // biome-ignore format: a table
export type Fp1 = 'sqrt' | 'recpe' | 'rsqrte' | 'recpx';

/** WebAssembly SIMD lane shapes. */
export type Shape = 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2';

/**
 * @typeParam F all fields of the row as numbers: what imm() and pick() callbacks see.
 */
export interface Ops<F = Readonly<Record<string, number>>> {
  // ---- constants and choices ------------------------------------------------------------------------------------
  /** A 64-bit constant computed from the fields at decode time. The callback must be pure. */
  imm(value: (f: F) => bigint): Val;
  /** A 32-bit constant computed from the fields at decode time. The callback must be pure. */
  imm32(value: (f: F) => number): Val;
  i64(value: bigint | number): Val;
  i32(value: number): Val;
  v128(lo: bigint, hi: bigint): Val;
  /** A small number computed from the fields that decides the shape of the code; `values` lists all it can be. */
  pick<const T extends number>(value: (f: F) => number, values: readonly T[]): T;

  // ---- general registers: 31 reads as zero and ignores writes in X, is the stack pointer in XSP -------------------
  /** X[n] (sf = 1, i64) or W[n] (sf = 0, i32). */
  X(n: Reg, sf?: number): Val;
  /** Writes X[n]; an i32 is zero-extended. */
  setX(n: Reg, value: Val): void;
  XSP(n: Reg, sf?: number): Val;
  /** A register that the encoding implies by its name: X16, X17, X30 and SP (31) of the PAC hints. */
  reg(n: number): Reg;
  setXSP(n: Reg, value: Val): void;
  /** X[30], for BL and BLR. */
  setLR(value: Val): void;
  /** The next register after an even-numbered Rs/Rt pair register (CASP). */
  Xpair(n: Reg, sf?: number): Val;
  setXpair(n: Reg, value: Val): void;
  /** A base register of a memory access: XSP plus CheckSPAlignment when it is SP. */
  base(n: Reg): Val;

  // ---- vector registers -------------------------------------------------------------------------------------------
  /** V[n]<127:0>. */
  V(n: Reg): Val;
  /** Writes V[n]<127:0> (bits above, if SVE has them, are zeroed). */
  setV(n: Reg, value: Val): void;
  /** The low `bits` bits of V[n]: i32 zero-extended for 8, 16, 32; i64 for 64; v128 for 128. */
  Vs(n: Reg, bits: Bits): Val;
  /** Writes the low `bits` bits of V[n] and zeroes the rest. */
  setVs(n: Reg, bits: Bits, value: Val): void;
  /** V[(n + k) MOD 32], k 0..3: register lists of LD1..LD4, ST1..ST4, TBL. */
  Vlist(n: Reg, k: number): Val;
  setVlist(n: Reg, k: number, value: Val): void;

  // ---- integer arithmetic (both operands the same type; the result has it) ------------------------------------------
  add(a: Val, b: Val): Val;
  sub(a: Val, b: Val): Val;
  mul(a: Val, b: Val): Val;
  and(a: Val, b: Val): Val;
  or(a: Val, b: Val): Val;
  xor(a: Val, b: Val): Val;
  not(a: Val): Val;
  neg(a: Val): Val;
  /** Shift and rotate amounts have the type of `a` and are taken modulo its width. */
  shl(a: Val, n: Val): Val;
  shrU(a: Val, n: Val): Val;
  shrS(a: Val, n: Val): Val;
  rotr(a: Val, n: Val): Val;
  clz(a: Val): Val;
  ctz(a: Val): Val;
  popcnt(a: Val): Val;
  /** Arm UDIV/SDIV: division by zero is 0, most negative by -1 wraps. */
  udiv(a: Val, b: Val): Val;
  sdiv(a: Val, b: Val): Val;
  /** High 64 bits of the 128-bit product (i64 only). */
  umulh(a: Val, b: Val): Val;
  smulh(a: Val, b: Val): Val;
  rbit(a: Val): Val;
  /** Reverses bytes within each `group` bits (16, 32, 64). */
  revBytes(a: Val, group: 16 | 32 | 64): Val;
  eq(a: Val, b: Val): Val;
  ne(a: Val, b: Val): Val;
  ltU(a: Val, b: Val): Val;
  ltS(a: Val, b: Val): Val;
  leU(a: Val, b: Val): Val;
  leS(a: Val, b: Val): Val;
  /** i32 1 if a = 0. */
  eqz(a: Val): Val;
  /** cond (i32) nonzero ? a : b. Both sides are evaluated. */
  select(cond: Val, a: Val, b: Val): Val;
  /** i64 -> i32 */
  wrap(a: Val): Val;
  /** i32 -> i64 */
  extU(a: Val): Val;
  extS(a: Val): Val;
  /** Sign-extends the low `bits` bits within the type. */
  sext(a: Val, bits: 8 | 16 | 32): Val;
  /** Keeps the low `bits` bits. */
  zext(a: Val, bits: 8 | 16 | 32): Val;

  // ---- pointers: base + offset, checked where FEAT_CPA2 is on -----------------------------------------------------------
  /** @param opts of the access that the address is for. @arm AddressAdd */
  addAddress(base: Val, offset: Val, opts?: { unprivileged?: boolean }): Val;
  /** A sum made from a base and, if `overflow` (i32) may be nonzero, a product. @arm PointerAddCheck, PointerMultiplyAddCheck */
  checkPointer(sum: Val, base: Val, overflow?: Val): Val;

  // ---- flags ----------------------------------------------------------------------------------------------------------
  /** a + b + carry (i32 0/1), setting NZCV if `flags`. @arm AddWithCarry */
  addWithCarry(a: Val, b: Val, carry: Val | 0 | 1, flags: boolean): Val;
  /** N and Z from the value, C = V = 0. */
  setNZ(value: Val): void;
  /** PSTATE.<N,Z,C,V> as a number, N in bit 3. */
  nzcv(): Val;
  setNZCV(value: Val): void;
  /** i32 0/1. @arm ConditionHolds */
  cond(c: Imm): Val;
  carry(): Val;

  // ---- control flow inside an instruction ------------------------------------------------------------------------------
  if(cond: Val, then: () => void, otherwise?: () => void): void;
  /** A mutable local, for values computed in `if` arms. */
  local(initial: Val): { get(): Val; set(value: Val): void };

  // ---- branches (the last thing an instruction does) ----------------------------------------------------------------------
  /** Address of this instruction. */
  pc(): Val;
  /** Address of this instruction plus a decode-time constant. */
  pcRel(offset: (f: F) => bigint): Val;
  /** PC + offset. */
  branch(offset: (f: F) => bigint): void;
  branchIf(cond: Val, offset: (f: F) => bigint): void;
  /** `type` tells the branch predictor and BTI (BTYPE) what it is; 'jumpIp' is BR through X16 or X17. */
  branchTo(target: Val, type: 'jump' | 'jumpIp' | 'call' | 'return'): void;

  // ---- memory. A fault leaves the instruction at once, with nothing written. -------------------------------------------------
  /** Little-endian load: i32 zero-extended for 8, 16, 32; i64 for 64; v128 for 128. */
  ld(addr: Val, bits: Bits, opts?: { unprivileged?: boolean }): Val;
  st(addr: Val, bits: Bits, value: Val, opts?: { unprivileged?: boolean }): void;
  /** Loads of `bits` each at addr, addr+bits/8, ...: all are checked before any is done. */
  ldMany(addr: Val, bits: Bits, count: number, opts?: { unprivileged?: boolean }): Val[];
  stMany(addr: Val, bits: Bits, values: readonly Val[], opts?: { unprivileged?: boolean }): void;
  /** Like ld/st, but must be single-copy atomic: alignment is checked as FEAT_LSE2 says. */
  ldAtomic(addr: Val, bits: Bits, opts?: { acquire?: boolean }): Val;
  stAtomic(addr: Val, bits: Bits, value: Val, opts?: { release?: boolean }): void;
  /** Read-modify-write: @returns the old value; `next` builds the new one from it. WnR of an abort follows Arm:
   *  a read fault if a read would fault too. */
  rmw(addr: Val, bits: Bits, next: (old: Val) => Val, opts?: { unprivileged?: boolean }): Val;
  /** Two registers side by side (CASP, LDXP of 64-bit): [low, high]. */
  rmwPair(
    addr: Val,
    bits: 32 | 64,
    next: (lo: Val, hi: Val) => readonly [Val, Val],
    opts?: { unprivileged?: boolean },
  ): readonly [Val, Val];
  /** Load-exclusive: loads `count` registers of `bits` and sets the monitor. */
  ldExclusive(addr: Val, bits: Bits, count: 1 | 2, opts?: { unprivileged?: boolean }): Val[];
  /** Store-exclusive: @returns i32 0 if stored, 1 if the monitor was lost. */
  stExclusive(addr: Val, bits: Bits, values: readonly Val[], opts?: { unprivileged?: boolean }): Val;
  clrex(): void;
  barrier(kind: 'dmb' | 'dsb' | 'isb' | 'sb' | 'csdb'): void;

  // ---- vectors: WebAssembly SIMD operations by their own names ---------------------------------------------------------------
  /** e.g. v('i8x16.add', a, b), v('v128.bitselect', a, b, c), v('i16x8.extmul_low_i8x16_s', a, b). */
  v(op: string, ...args: readonly Val[]): Val;
  splat(shape: Shape, value: Val): Val;
  /** Lane `i` (a static number): i32 zero-extended for 8, 16, 32 bits; i64 for 64. */
  lane(v: Val, bits: 8 | 16 | 32 | 64, i: number): Val;
  /** The same, sign-extended to i32/i64. */
  laneS(v: Val, bits: 8 | 16 | 32 | 64, i: number): Val;
  setLane(v: Val, bits: 8 | 16 | 32 | 64, i: number, value: Val): Val;
  /** Bytes chosen from a (0..15) and b (16..31). */
  shuffle(a: Val, b: Val, bytes: readonly number[]): Val;
  /** Lane-wise shift by an i32 amount, modulo the lane width: op 'shl' | 'shr_u' | 'shr_s'. */
  vshift(shape: Shape, op: 'shl' | 'shr_u' | 'shr_s', v: Val, amount: Val): Val;
  /** Keeps the low 64 bits, zeroes the rest (the Q = 0 forms). */
  low64(v: Val): Val;
  /** Applies f to each of the first `count` lanes and puts the results together (other lanes zero). */
  lanes(bits: 8 | 16 | 32 | 64, count: number, f: (i: number) => Val): Val;

  // ---- saturation ---------------------------------------------------------------------------------------------------------------
  /** Sets FPSR.QC if cond (i32) is nonzero, leaves it as it is otherwise. */
  setQC(cond: Val): void;

  // ---- floating point (bit patterns in, bit patterns out; FPCR read, FPSR accumulated) ------------------------------------------
  fp2(op: Fp2, fmt: Fmt, a: Val, b: Val): Val;
  fp1(op: Fp1, fmt: Fmt, a: Val): Val;
  /** addend + a * b with one rounding. @arm FPMulAdd */
  fma(fmt: Fmt, addend: Val, a: Val, b: Val): Val;
  /** FNEG/FABS, which change the sign bit only (FPCR.AH applies). */
  fneg(fmt: Fmt, a: Val): Val;
  fabs(fmt: Fmt, a: Val): Val;
  /** NZCV of a comparison as an i32 (N in bit 3). @arm FPCompare */
  fpCompare(fmt: Fmt, a: Val, b: Val, signalNaNs: boolean): Val;
  /** FCMEQ/GE/GT, FACGE/GT: i32 0/1. */
  fpTest(op: 'eq' | 'ge' | 'gt', fmt: Fmt, a: Val, b: Val): Val;
  fpConvert(from: Fmt, to: Fmt, a: Val, rounding?: Rounding): Val;
  /** FP to a fixed-point or integer of `bits` (32 or 64; 16 for half vectors) with `fbits` fraction bits. */
  fpToInt(fmt: Fmt, a: Val, bits: 16 | 32 | 64, signed: boolean, rounding: Rounding, fbits?: Val): Val;
  intToFp(fmt: Fmt, a: Val, bits: 16 | 32 | 64, signed: boolean, fbits?: Val): Val;
  /** FRINT*: `exact` reports Inexact (FRINTX). */
  fpRoundInt(fmt: Fmt, a: Val, rounding: Rounding, exact: boolean): Val;
  /** FRINT32Z/32X/64Z/64X. */
  fpRoundIntN(fmt: Fmt, a: Val, rounding: Rounding, bits: 32 | 64): Val;
  /**
   * Writes a scalar FP result: the low `fmt` bits of V[n]. The rest becomes zero or, with FPCR.NEP = 1, comes from V[rest].
   * @arm IsMerging
   */
  setFp(n: Reg, fmt: Fmt, value: Val, rest: Reg): void;

  // Whole vectors: what lanes(fmt, count, i => the scalar op of lanes i) gives (lanes from `count` on are zero), so that an
  // engine may use the machine's vector instructions. `fmt * count` is 64 or 128.
  fpv2(op: Fp2, fmt: Fmt, count: number, a: Val, b: Val): Val;
  fpv1(op: Fp1, fmt: Fmt, count: number, a: Val): Val;
  fpvFma(fmt: Fmt, count: number, addend: Val, a: Val, b: Val): Val;
  fpvNeg(fmt: Fmt, count: number, a: Val): Val;
  fpvAbs(fmt: Fmt, count: number, a: Val): Val;
  /** All ones in the lanes where the test holds, zero elsewhere. */
  fpvTest(op: 'eq' | 'ge' | 'gt', fmt: Fmt, count: number, a: Val, b: Val): Val;

  // ---- helpers written in TypeScript: pure functions of their arguments (and of FPCR/FPSR where the row says so) ----------------
  /** A scalar helper (CRC32, PAuth, ...). The row of the helper in isa/helpers.ts gives argument and result types. */
  helper(name: string, ...args: readonly Val[]): Val;
  /** A vector helper (AES, SHA, SM, BF16 dot products, ...). `param` is a static number handed through. */
  helperV(name: string, param: number, ...args: readonly Val[]): Val;

  // ---- the system ---------------------------------------------------------------------------------------------------------------
  /** The encoding is UNDEFINED (in this specialisation). Nothing after it is looked at. */
  undefined(): void;
  /**
   * SVC, HVC, SMC, BRK, HLT: takes the exception; `imm` is ISS<15:0>. 'pac' (PAC failure) and 'mops' (memory copy and set)
   * are faults with `imm` as the whole ISS: they may stand inside `if` and leave the instruction with nothing written.
   */
  exception(kind: 'svc' | 'hvc' | 'smc' | 'brk' | 'hlt' | 'pac' | 'mops', imm: Val): void;
  /** WFI, WFE, WFIT, WFET, YIELD, SEV, SEVL; `deadline` for the timed forms. */
  idle(kind: 'wfi' | 'wfe' | 'wfit' | 'wfet' | 'yield' | 'sev' | 'sevl', deadline?: Val): void;
  /** MRS: the register named by the instruction's own op0..op2 fields. */
  readSysreg(): Val;
  writeSysreg(value: Val): void;
  /** SYS (and AT, DC, IC, TLBI by alias). */
  sys(value: Val): void;
  sysl(): Val;
  /** MSR (immediate): PSTATE field named by op1:op2, value CRm. */
  msrImm(): void;
  /** ERET, ERETAA, ERETAB, DRPS. */
  eret(): void;
  /** PSTATE bits that EL0 instructions read or write directly. */
  pstate(bit: 'DIT' | 'SSBS' | 'TCO' | 'BTYPE' | 'PAN' | 'UAO'): Val;
  /** PACM: with its effect enabled, PSTATE.PACM is 1 for the next instruction. */
  pacm(): void;
  /** Does `then` while PSTATE.PACM is 1. */
  ifPacm(then: () => void): void;
  /** The PE executes no FP here: take the trap (CheckFPEnabled64). Called for every row of an `fp` table. */
  checkFP(): void;
  /** FPMR may not be used here: UNDEFINED (CheckFPMREnabled). Called before checkFP() for every row of an `fpmr` table. */
  checkFPMR(): void;
  /** SVE may not be used here: take the trap (CheckSVEEnabled, which looks at FP too). Called for every row of an `sve` table. */
  checkSVE(): void;
  /** All that the instruction does is done by the routine of its row (sve_machine.ts). */
  routine(row: string): void;
}
