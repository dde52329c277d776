// One PE's state as bytes in linear memory: compiled code and TypeScript read the same. Offsets are facts of this
// project, written once here; the interpreter generator takes them from this table.

import type { ExceptionRecord } from './engine.ts';
import type { PhysMem } from './physmem.ts';

/** Bytes from one vector register to the next: room for SVE's largest (2048 bits). V[n] is the low 16 bytes. */
export const V_STRIDE = 256;

/** Byte offsets from CpuState.base. */
export const Slot = {
  X: 0, // X0..X30
  SP: 31 * 8, // the current stack pointer
  ZERO: 32 * 8, // always zero: register 31 read as X
  SINK: 33 * 8, // register 31 written as X
  PC: 34 * 8,
  NZCV: 35 * 8, // u32, N in bit 3
  /** u32, 0..3 */
  EL: 36 * 8,
  /** u32: nonzero while FP and SIMD instructions may execute; else exception syndrome is made by SystemHooks. */
  FP_ON: 37 * 8,
  FPCR: 38 * 8,
  FPSR: 39 * 8,
  FPMR: 40 * 8,
  TPIDR_EL0: 41 * 8,
  TPIDRRO_EL0: 42 * 8,
  TPIDR2_EL0: 43 * 8,
  /** u64: instructions executed since the state was made. */
  ICOUNT: 44 * 8,
  /** i32: instructions left in this run; negative asks compiled code to come back. */
  BUDGET: 45 * 8,
  /** u32: address of the TLB block in use. */
  TLB: 46 * 8,
  /** Exclusive monitor: u64 host address (0: open), two u64 of data seen. */
  EXCL_ADDR: 47 * 8,
  EXCL_DATA: 48 * 8,
  PSTATE: 50 * 8, // u64: SPSR layout without NZCV, EL and SP (DAIF, PAN, UAO, DIT, SSBS, TCO, BTYPE, SS, IL)
  KICK: 51 * 8, // u32: requestExit
  /** The engine's own: pending exception, page bases, bounce buffer. */
  ENGINE: 52 * 8,
  ENGINE_END: 128 * 8,
  /** Storage for system registers, 8 bytes each, in the order of arch/sysregs.ts. */
  SYSREGS: 128 * 8,
  SYSREGS_END: 1152 * 8,
  V: 1152 * 8,
  P: 1152 * 8 + 32 * V_STRIDE,
  END: 1152 * 8 + 32 * V_STRIDE + 17 * 32,
} as const;

export class CpuState {
  readonly mem: PhysMem;
  /** Address of the state block in linear memory. */
  readonly base: number;
  /** Set by the engine or a hook when run() returns Exit.Exception. */
  exception: ExceptionRecord | undefined;

  constructor(mem: PhysMem) {
    this.mem = mem;
    this.base = mem.allocFixed(Slot.END);
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
    return this.mem.u32[(this.base + Slot.NZCV) >>> 2]!;
  }
  set nzcv(v: number) {
    this.mem.u32[(this.base + Slot.NZCV) >>> 2] = v;
  }
  get el(): number {
    return this.mem.u32[(this.base + Slot.EL) >>> 2]!;
  }
  set el(v: number) {
    this.mem.u32[(this.base + Slot.EL) >>> 2] = v;
  }
  set fpOn(v: boolean) {
    this.mem.u32[(this.base + Slot.FP_ON) >>> 2] = v ? 1 : 0;
  }
  get icount(): bigint {
    return this.u64(Slot.ICOUNT);
  }
  set tlb(base: number) {
    this.mem.u32[(this.base + Slot.TLB) >>> 2] = base;
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
  /** Makes the running engine return Exit.Kick at the next branch. */
  requestExit(): void {
    this.mem.u32[(this.base + Slot.KICK) >>> 2] = 1;
    this.mem.i32[(this.base + Slot.BUDGET) >>> 2] = -1;
  }
}
