// One PE's state as bytes in linear memory: compiled code and TypeScript read the same. Offsets are facts of this
// project, written once here; the interpreter generator takes them from this table.

import type { ExceptionRecord } from './engine.ts';
import type { PhysMem } from './physmem.ts';

/** Bytes from one vector register to the next: room for SVE's largest (2048 bits). V[n] is the low 16 bytes. */
export const V_STRIDE = 256;

/** Slot.SP_MASK where SP is checked. */
export const SP_CHECKED = 15;
/** FPSR.IXC: a result was inexact. */
export const FPSR_IXC = 0x10;

/** The vector length that every implementation of SVE has, in bytes. */
const MIN_VL = 16;
const P_STRIDE = 32;

/** Byte offsets from CpuState.base. Those after ENGINE are for engines only: use the members of CpuState. */
export const Slot = {
  X: 0, // X0..X30
  SP: 31 * 8, // the current stack pointer
  ZERO: 32 * 8, // always zero: register 31 read as X
  SINK: 33 * 8, // register 31 written as X
  PC: 34 * 8,
  /** u64: PSTATE.PACM is 1 for the instruction at this address minus 1; 0: it is 0. */
  PACM: 35 * 8,
  /** u32, 0..3 */
  EL: 36 * 8,
  /** u32: nonzero while FP and SIMD instructions may execute; else they raise EC 0x07. */
  FP_ON: 37 * 8,
  FPCR: 38 * 8,
  FPSR: 39 * 8,
  FPMR: 40 * 8,
  TPIDR_EL0: 41 * 8,
  TPIDRRO_EL0: 42 * 8,
  TPIDR2_EL0: 43 * 8,
  /** u64: instructions executed in finished runs; CpuState.icount adds those of the present one. */
  ICOUNT: 44 * 8,
  /** i32: instructions that this run may execute; negative asks compiled code to come back. */
  BUDGET: 45 * 8,
  /** u32: address of the TLB block in use. */
  TLB: 46 * 8,
  /** u32: nonzero while no other PE executes (see Exit.Alone in interp/exits.ts). */
  ALONE: 46 * 8 + 4,
  /** Exclusive monitor: u64 host address (0: open), two u64 of data seen. */
  EXCL_ADDR: 47 * 8,
  EXCL_DATA: 48 * 8,
  EXCL_DATA_HI: 49 * 8,
  PSTATE: 50 * 8, // u64: SPSR layout without NZCV, EL and SP (DAIF, PAN, UAO, DIT, SSBS, TCO, BTYPE, SS, IL)
  KICK: 51 * 8, // u32: requestExit
  RETURN: 51 * 8 + 4, // u32: requestReturn

  /** u32: bits of SP that must be zero when it is a base address: 15, or 0 where SCTLR_ELx.SA{0} is 0. */
  SP_MASK: 52 * 8,
  /** u32: accesses that no control traps at present (bits: SysOpen in isa/inline_sysregs.ts); others ask SystemHooks. */
  SYS_OPEN: 53 * 8,
  /** u64: the event register of WFE and SEV, 0 or 1. */
  EVENT: 54 * 8,
  /** u64: CNTVCT value that ends a WFET or WFIT; all ones for WFE and WFI. */
  IDLE_DEADLINE: 55 * 8,
  /** u32: address of the TLB block that LDTR, STTR and such use. */
  TLB_UNPRIVILEGED: 56 * 8,

  /**
   * u32: nonzero while no control refuses FPMR (the three EnFPM bits, whatever FP_ON says); else the FP8 instructions are
   * UNDEFINED. Set by whoever sets FP_ON, 1 from the start. @arm CheckFPMREnabled
   */
  FPMR_ON: 57 * 8,

  /** u32: the SVE vector length in bytes at the present EL, 16..256. */
  VL: 58 * 8,
  /** u32: the exception class that SVE instructions raise: 0x19, 0x07, or 0 while they may execute. @arm CheckSVEEnabled */
  SVE_TRAP: 58 * 8 + 4,
  /**
   * u32: largest vector length in bytes with which an SVE instruction has executed, 0 before the first one. Writes of
   * V[n] zero Z[n] from bit 128 up to there; beyond it everything is zero, and while it is 0 all of P is too.
   */
  SVE_LIVE: 59 * 8,
  /** u32: which pointer arithmetic is checked (FEAT_CPA2; bits: PointerCheck in pointer_check.ts). Engines look between runs. */
  POINTER_CHECKS: 59 * 8 + 4,

  ENGINE: 60 * 8,
  // The flags in the form that makes them cheap to set: N is the sign of FLAG_N, Z means FLAG_Z is zero.
  FLAG_N: 60 * 8,
  FLAG_Z: 61 * 8,
  FLAG_C: 62 * 8, // u32
  FLAG_V: 62 * 8 + 4, // u32
  /** u32: instructions executed in this run, at the last point where it left compiled code. */
  EXEC: 63 * 8,
  // An exception that compiled code raises: class and syndrome.
  RAISE_EC: 64 * 8, // u32
  RAISE_ISS: 64 * 8 + 4, // u32
  /** u32: set by a called function that wants the instruction to be left with an exception. */
  LEAVE: 65 * 8,
  /** u32: type of the branch (BranchType) that the run ended at the target of; bit 2: it stands in a guarded page. */
  BRANCH: 65 * 8 + 4,
  ESR_EL1: 113 * 8,
  ELR_EL1: 114 * 8,
  SPSR_EL1: 115 * 8,
  FAR_EL1: 116 * 8,
  TPIDR_EL1: 117 * 8,
  /** u64: ticks that passed without an instruction, in all runs: CpuState.time adds them. */
  PASSED: 118 * 8,
  /** u64: what makes the counter of CpuState.time while a bit of SYS_OPEN says so: CNTVCT_EL0 and CNTPCT_EL0. */
  CNTV_AHEAD: 119 * 8,
  CNTP_AHEAD: 120 * 8,
  /** Stands in for two pages that an access touches both of: 64 bytes. */
  BOUNCE: 66 * 8,
  /** Arguments and result of vector helpers: the result, then up to 5 arguments of 16 bytes. */
  VECTORS: 74 * 8,
  /** u32: address of the table of pointer authentication codes (pac_cache.ts). */
  PAC_CACHE: 86 * 8,
  /** u32: whether the last authentication faults; bit 1: in an instruction that goes on to use the pointer. */
  PAC_FAILED: 86 * 8 + 4,
  /** i32: where the interpreter pauses though the budget is not used up; regions do not, but move it on. */
  PAUSE: 87 * 8,
  /** u32: what the modifier is multiplied by to find an entry of that table. */
  PAC_FACTOR: 87 * 8 + 4,
  // Of the interpreter's loop: what it knows of the page it is in, and what its two functions say to each other (hot_loop.ts).
  /** u64: address of the instruction at ip, minus ip/4. */
  LOOP_PC_BASE: 88 * 8,
  LOOP_RECORDS: 89 * 8, // u32
  LOOP_GUARDED: 89 * 8 + 4, // u32
  LOOP_IP: 90 * 8, // u32
  LOOP_COUNT: 90 * 8 + 4, // i32
  LOOP_MISSED: 91 * 8, // u64
  LOOP_ACCESS: 92 * 8, // u32
  LOOP_BRANCH: 92 * 8 + 4, // u32
  /** u32: address of the numbers of the functions that stand in for handlers of the loop, u16 each; 0: not known yet. */
  LOOP_FUNCTIONS: 93 * 8,
  /** u32: address of what is known of instruction words (interp/templates.ts). */
  LOOP_KNOWN: 93 * 8 + 4,
  // u32: addresses of the tables of checksums (crc32.ts); 0: they have not been asked for.
  CRC32: 94 * 8,
  CRC32C: 94 * 8 + 4,
  /** While a region runs, the flags as a later one finds them: u64 operands, u32 what became of them (interp/late_flags.ts); 0: FLAG_N to FLAG_V have them. */
  FLAG_A: 95 * 8,
  FLAG_B: 97 * 8,
  FLAG_KIND: 96 * 8,
  /** i32: the lesser of BUDGET and PAUSE, which stay what they are while a hot loop runs and no other PE does. */
  LOOP_LIMIT: 96 * 8 + 4,
  /** u32: how far that product is shifted to find an entry of PAC_CACHE. */
  PAC_SHIFT: 98 * 8,
  /** u32: instructions executed, while a region asks where an access goes (interp/misses.ts). */
  ASKED: 98 * 8 + 4,
  ENGINE_END: 128 * 8,
  /** Storage for system registers, 8 bytes each, in the order of arch/sysregs.ts. */
  SYSREGS: 128 * 8,
  SYSREGS_END: 1152 * 8,
  V: 1152 * 8,
  P: 1152 * 8 + 32 * V_STRIDE,
  END: 1152 * 8 + 32 * V_STRIDE + 17 * 32,
} as const;
export type SlotName = keyof typeof Slot;

export class CpuState {
  readonly mem: PhysMem;
  /** Address of the state block in linear memory. */
  readonly base: number;
  /** Set by the engine or a hook when run() returns Exit.Exception. */
  exception: ExceptionRecord | undefined;

  constructor(mem: PhysMem) {
    this.mem = mem;
    this.base = mem.allocFixed(Slot.END);
    this.reset();
  }
  /** Makes it what it is when new. */
  reset(): void {
    this.mem.zero(this.base, this.base + Slot.END);
    this.exception = undefined;
    this.mem.u32[(this.base + Slot.SP_MASK) >>> 2] = SP_CHECKED;
    this.mem.u32[(this.base + Slot.SYS_OPEN) >>> 2] = 15;
    this.fpmrOn = true;
    this.vl = MIN_VL;
    this.nzcv = 0;
  }

  private u32(offset: number): number {
    return this.mem.u32[(this.base + offset) >>> 2]!;
  }
  private setU32(offset: number, value: number): void {
    this.mem.u32[(this.base + offset) >>> 2] = value;
  }

  private u64(offset: number): bigint {
    return this.mem.u64[(this.base + offset) >>> 3]!;
  }
  private setU64(offset: number, value: bigint): void {
    this.mem.u64[(this.base + offset) >>> 3] = value;
  }
  /** X0..X30; 31 is the stack pointer. */
  x(n: number): bigint {
    return this.u64(n * 8);
  }
  setX(n: number, value: bigint): void {
    this.setU64(n * 8, value);
  }
  get sp(): bigint {
    return this.u64(Slot.SP);
  }
  set sp(v: bigint) {
    this.setU64(Slot.SP, v);
  }
  get pc(): bigint {
    return this.u64(Slot.PC);
  }
  set pc(v: bigint) {
    this.setU64(Slot.PC, v);
  }
  /** PSTATE.<N,Z,C,V>, N in bit 3. */
  get nzcv(): number {
    const n = this.u32(Slot.FLAG_N + 4) >>> 31;
    const z = (this.u32(Slot.FLAG_Z) | this.u32(Slot.FLAG_Z + 4)) === 0 ? 1 : 0;
    return (n << 3) | (z << 2) | (this.u32(Slot.FLAG_C) << 1) | this.u32(Slot.FLAG_V);
  }
  set nzcv(v: number) {
    this.setU32(Slot.FLAG_N + 4, v & 8 ? 0x8000_0000 : 0);
    this.setHalves(Slot.FLAG_Z, v & 4 ? 0 : 1, 0);
    this.setU32(Slot.FLAG_C, (v >> 1) & 1);
    this.setU32(Slot.FLAG_V, v & 1);
  }
  get el(): number {
    return this.u32(Slot.EL);
  }
  set el(v: number) {
    this.setU32(Slot.EL, v);
  }
  set fpOn(v: boolean) {
    this.setU32(Slot.FP_ON, v ? 1 : 0);
  }
  /** The FP8 instructions may use FPMR. */
  set fpmrOn(v: boolean) {
    this.setU32(Slot.FPMR_ON, v ? 1 : 0);
  }
  /** SVE vector length at the present EL in bytes, a multiple of 16 up to 256. */
  get vl(): number {
    return this.u32(Slot.VL);
  }
  set vl(bytes: number) {
    this.setU32(Slot.VL, bytes);
  }
  get pointerChecks(): number {
    return this.u32(Slot.POINTER_CHECKS);
  }
  set pointerChecks(v: number) {
    this.setU32(Slot.POINTER_CHECKS, v);
  }
  /** The exception class that SVE instructions raise (0x19, or 0x07 where FP is disabled), 0 while they may execute. */
  set sveTrap(ec: number) {
    this.setU32(Slot.SVE_TRAP, ec);
  }
  /** Instructions executed since the state was made; exact inside SystemHooks too. */
  get icount(): bigint {
    return this.u64(Slot.ICOUNT) + BigInt(this.u32(Slot.EXEC));
  }
  /** Brings the running engine back at its next branch, although its budget is not used up. */
  requestReturn(): void {
    this.setU32(Slot.RETURN, 1);
    this.setU32(Slot.BUDGET, 0xffff_ffff);
  }
  /** The low half of icount. */
  get icountLow(): number {
    return (this.u32(Slot.ICOUNT) + this.u32(Slot.EXEC)) >>> 0;
  }
  /** What a clock that follows this CPU goes by: instructions, and ticks that passed without any. Exact like icount. */
  get time(): bigint {
    return this.icount + this.u64(Slot.PASSED);
  }
  /** The low half of time. */
  get timeLow(): number {
    return (this.icountLow + this.u32(Slot.PASSED)) >>> 0;
  }
  /** Lets time pass that no instruction accounts for. What is left of the running engine's budget is less by that. */
  pass(ticks: number): void {
    const low = this.u32(Slot.PASSED) + ticks;
    this.setU32(Slot.PASSED, low);
    if (low > 0xffff_ffff) this.setU32(Slot.PASSED + 4, this.u32(Slot.PASSED + 4) + 1);
    this.setU32(Slot.BUDGET, this.u32(Slot.BUDGET) - ticks);
  }
  /** The present run has executed these outside of compiled code. */
  execute(instructions: number): void {
    this.setU32(Slot.EXEC, this.u32(Slot.EXEC) + instructions);
  }
  /** Instructions were executed outside of the engine. */
  count(instructions: number): void {
    const low = this.u32(Slot.ICOUNT) + instructions;
    this.setU32(Slot.ICOUNT, low);
    if (low > 0xffff_ffff) this.setU32(Slot.ICOUNT + 4, this.u32(Slot.ICOUNT + 4) + 1);
  }
  /** Those of the present run belong to finished ones now. */
  finishRun(): void {
    this.count(this.u32(Slot.EXEC));
    this.setU32(Slot.EXEC, 0);
  }
  /** The address space in use, for privileged and unprivileged accesses alike. */
  set tlb(base: number) {
    this.setU32(Slot.TLB, base);
    this.setU32(Slot.TLB_UNPRIVILEGED, base);
  }
  /** Another one for LDTR, STTR and such; set after `tlb`. */
  set tlbUnprivileged(base: number) {
    this.setU32(Slot.TLB_UNPRIVILEGED, base);
  }
  /** After Exit.Idle: the CNTVCT value at which a WFET or WFIT ends, or undefined. */
  get idleDeadline(): bigint | undefined {
    const v = this.u64(Slot.IDLE_DEADLINE);
    return v === 0xffff_ffff_ffff_ffffn ? undefined : v;
  }
  /** What is true after an exception return: no exclusive access is under way, the event register is set. */
  clearMonitor(): void {
    this.setHalves(Slot.EXCL_ADDR, 0, 0);
    this.setHalves(Slot.EVENT, 1, 0);
  }
  /** The halves of a 64-bit slot, or a slot of 32 bits: exceptions come too often for bigints. */
  low(slot: number): number {
    return this.u32(slot);
  }
  high(slot: number): number {
    return this.u32(slot + 4);
  }
  setLow(slot: number, value: number): void {
    this.setU32(slot, value);
  }
  setHalves(slot: number, low: number, high: number): void {
    this.setU32(slot, low);
    this.setU32(slot + 4, high);
  }
  /** Any of the slots that hold one 64-bit register. */
  get(slot: number): bigint {
    return this.u64(slot);
  }
  set(slot: number, value: bigint): void {
    this.setU64(slot, value);
  }
  /** V[n] as [low, high]. */
  v(n: number): readonly [bigint, bigint] {
    const o = Slot.V + n * V_STRIDE;
    return [this.u64(o), this.u64(o + 8)];
  }
  setV(n: number, lo: bigint, hi: bigint): void {
    const o = Slot.V + n * V_STRIDE;
    this.setU64(o, lo);
    this.setU64(o + 8, hi);
  }
  /** The largest vector length that SVE instructions have used since discardSve, in bytes; 0: none executed. */
  get sveLive(): number {
    return this.u32(Slot.SVE_LIVE);
  }
  /** The first bytes of Z[n] (a live view; after writing more than V call touchSve). */
  z(n: number, bytes = this.vl): Uint8Array {
    const at = this.base + Slot.V + n * V_STRIDE;
    return this.mem.u8.subarray(at, at + bytes);
  }
  /** The bytes of P[n] for a vector length; P[16] is FFR. */
  p(n: number, vl = this.vl): Uint8Array {
    const at = this.base + Slot.P + n * P_STRIDE;
    return this.mem.u8.subarray(at, at + vl / 8);
  }
  /** Z or P were written with that vector length by something else than an instruction. */
  touchSve(vl: number): void {
    if (this.sveLive < vl) this.setU32(Slot.SVE_LIVE, vl);
  }
  /** Zeroes what SVE has beyond V: bits from 128 on, predicates, FFR. */
  discardSve(): void {
    const live = this.sveLive;
    if (live === 0) return;
    for (let n = 0; n < 32; n++) this.z(n, live).fill(0, MIN_VL);
    this.mem.zero(this.base + Slot.P, this.base + Slot.END);
    this.setU32(Slot.SVE_LIVE, 0);
  }
  /** Makes the running engine return Exit.Kick at the next branch, or the next run at once. */
  requestExit(): void {
    this.setU32(Slot.KICK, 1);
    this.setU32(Slot.BUDGET, 0xffff_ffff);
  }
}
