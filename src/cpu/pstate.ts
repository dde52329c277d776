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
    this.regs.setRaw(this.bank, this.cpu.sp);
    this.cpu.el = el;
    this.spsel = sp;
    this.cpu.sp = this.regs.raw(this.bank);
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

  /** The whole, as SPSR_ELx would hold it. */
  get value(): bigint {
    const { cpu } = this;
    const pacm = cpu.get(Slot.PACM) === BigInt.asUintN(64, cpu.pc + 1n) ? Spsr.PACM : 0n;
    return pacm | (BigInt(cpu.nzcv) << NZCV_SHIFT) | this.bits | (BigInt(cpu.el) << 2n) | BigInt(this.sp);
  }
  /** Sets everything; M other than EL0t, EL1t and EL1h counts as EL1h. */
  set value(v: bigint) {
    this.cpu.nzcv = Number((v >> NZCV_SHIFT) & 15n);
    this.bits = v & 0xfff_ffffn & ~MODE;
    const m = Number(v & MODE);
    this.setMode(m === 0 ? 0 : 1, m === 4 ? 0 : 1);
  }
}
