// PSTATE of one PE as one value in the layout of SPSR_ELx, over the slots of the CPU state: EL, the stack pointer
// banks, the flags. Knows no exceptions.

import { type PeRegs, slotOf } from './pe_regs.ts';
import { type CpuState, Slot } from './state.ts';

/** Bits of SPSR_ELx. */
export const Spsr = {
  /** Kept in Slot.PACM, not with the others. */
  PACM: 1n << 35n,
  TCO: 1n << 25n,
  DIT: 1n << 24n,
  UAO: 1n << 23n,
  PAN: 1n << 22n,
  SS: 1n << 21n,
  IL: 1n << 20n,
  ALLINT: 1n << 13n,
  SSBS: 1n << 12n,
  BTYPE: 3n << 10n,
  D: 1n << 9n,
  A: 1n << 8n,
  I: 1n << 7n,
  F: 1n << 6n,
  DAIF: 15n << 6n,
  NRW: 1n << 4n,
} as const;
/** Those in the low half, as numbers. */
export const SpsrLow = {
  TCO: 1 << 25, DIT: 1 << 24, UAO: 1 << 23, PAN: 1 << 22, SS: 1 << 21, IL: 1 << 20, ALLINT: 1 << 13, SSBS: 1 << 12, BTYPE: 3 << 10,
  A: 1 << 8, I: 1 << 7, F: 1 << 6, DAIF: 15 << 6,
} as const; // biome-ignore format: a table
/** PACM in the high half. */
export const SPSR_HIGH_PACM = 1 << 3;
const NZCV_SHIFT = 28n;
const MODE = 0x1fn;

const SP_EL0 = slotOf('SP_EL0');
const SP_EL1 = slotOf('SP_EL1');

export class Pstate {
  private readonly cpu: CpuState;
  private readonly regs: PeRegs;
  /** PSTATE.SP: meaningful at EL1. */
  private spsel = 1;

  constructor(cpu: CpuState, regs: PeRegs) {
    this.cpu = cpu;
    this.regs = regs;
  }

  private get bank(): number {
    return this.cpu.el === 0 || this.spsel === 0 ? SP_EL0 : SP_EL1;
  }
  /** Bits other than NZCV, EL and SP. */
  get bits(): bigint {
    return this.cpu.get(Slot.PSTATE);
  }
  set bits(v: bigint) {
    this.cpu.set(Slot.PSTATE, v);
  }
  /** The same as a number: there is nothing in the high half. */
  get low(): number {
    return this.cpu.low(Slot.PSTATE);
  }
  set low(v: number) {
    this.cpu.setHalves(Slot.PSTATE, v, 0);
  }
  has(bit: bigint): boolean {
    return (this.bits & bit) !== 0n;
  }
  assign(bit: bigint, value: boolean): void {
    this.bits = value ? this.bits | bit : this.bits & ~bit;
  }
  get sp(): 0 | 1 {
    return this.cpu.el === 0 || this.spsel === 0 ? 0 : 1;
  }
  /** Changes EL and SP together, and the stack pointer with them. */
  setMode(el: 0 | 1, sp: 0 | 1): void {
    const { cpu, regs } = this;
    const from = this.bank;
    cpu.el = el;
    this.spsel = sp;
    const to = this.bank;
    if (from === to) return;
    regs.setHalves(from, cpu.low(Slot.SP), cpu.high(Slot.SP));
    cpu.setHalves(Slot.SP, regs.half(to, 0), regs.half(to, 1));
  }
  /** SP_EL0 or SP_EL1, selected or not. */
  stackPointer(el: 0 | 1): bigint {
    const slot = el === 0 ? SP_EL0 : SP_EL1;
    return slot === this.bank ? this.cpu.sp : this.regs.raw(slot);
  }
  setStackPointer(el: 0 | 1, value: bigint): void {
    const slot = el === 0 ? SP_EL0 : SP_EL1;
    if (slot === this.bank) this.cpu.sp = value;
    else this.regs.setRaw(slot, value);
  }

  /** The whole, as SPSR_ELx would hold it: the low half. */
  get spsrLow(): number {
    const { cpu } = this;
    return ((cpu.nzcv << 28) | this.low | (cpu.el << 2) | this.sp) >>> 0;
  }
  get spsrHigh(): number {
    const { cpu } = this;
    // The address after the marked instruction's first byte: instructions are aligned, so nothing is carried.
    const marked = cpu.low(Slot.PACM) === cpu.low(Slot.PC) + 1 && cpu.high(Slot.PACM) === cpu.high(Slot.PC);
    return marked ? SPSR_HIGH_PACM : 0;
  }
  get value(): bigint {
    return (BigInt(this.spsrHigh) << 32n) | BigInt(this.spsrLow);
  }
  /** Sets everything; M other than EL0t, EL1t and EL1h counts as EL1h. */
  set value(v: bigint) {
    this.cpu.nzcv = Number((v >> NZCV_SHIFT) & 15n);
    this.bits = v & 0xfff_ffffn & ~MODE;
    const m = Number(v & MODE);
    this.setMode(m === 0 ? 0 : 1, m === 4 ? 0 : 1);
  }
}
