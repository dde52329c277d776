// Where one PE keeps its system registers: 64 bits each, raw, as the owner of EL2 wrote them or as the guest did. What
// reserved bits read as is applied on top (`effective`, `guestValue`). Registers that the CPU state itself holds
// (TPIDR_EL0, FPCR...) are reached there. Decides nothing about access.

import { CONTROL_REGS, type ControlBitName, type ControlRegName } from '../arch/control_regs.ts';
import { REGISTERS, type Register, type RegName } from '../arch/sysregs.ts';
import { fieldMask } from '../base/bits.ts';
import { lazy } from '../base/lazy.ts';
import type { Has } from './needs.ts';
import { type Resx, resxOf } from './resx.ts';
import { type CpuState, Slot } from './state.ts';

const BASE = [...REGISTERS.values()].filter((r) => r.aliasOf === undefined);
const INDEX: ReadonlyMap<string, number> = new Map(BASE.map((r, i) => [r.name, i]));
const baseOf = (r: Register): string => {
  let name = r.aliasOf ?? r.name;
  for (let next = REGISTERS.get(name)?.aliasOf; next; next = REGISTERS.get(name)?.aliasOf) name = next;
  return name;
};
/** Register names, aliases included, to the index of their storage. */
const SLOTS: ReadonlyMap<string, number> = new Map([...REGISTERS.values()].map((r) => [r.name, INDEX.get(baseOf(r))!]));

/** Registers that the CPU state holds. */
const IN_STATE: Readonly<Record<string, number>> = {
  TPIDR_EL0: Slot.TPIDR_EL0,
  TPIDRRO_EL0: Slot.TPIDRRO_EL0,
  TPIDR2_EL0: Slot.TPIDR2_EL0,
  FPCR: Slot.FPCR,
  FPSR: Slot.FPSR,
  FPMR: Slot.FPMR,
  ESR_EL1: Slot.ESR_EL1,
  ELR_EL1: Slot.ELR_EL1,
  SPSR_EL1: Slot.SPSR_EL1,
  FAR_EL1: Slot.FAR_EL1,
  TPIDR_EL1: Slot.TPIDR_EL1,
};

/** Registers whose reserved bits depend on what there is, and those of all others. */
const CONTROLS = BASE.flatMap((row, index) => (row.table === 'control' ? [{ row, index }] : []));
const FIXED = lazy(() => {
  const nothing: Has = () => false;
  const all = BASE.map((r) => (r.table === 'control' ? { res0: 0n, res1: 0n } : resxOf(r, nothing, false)));
  return { res0: BigUint64Array.from(all, (x) => x.res0), res1: BigUint64Array.from(all, (x) => x.res1) };
});

/** Names of registers, as numbers: an index into PeRegs. */
export function slotOf(name: RegName): number {
  return SLOTS.get(name)!;
}

export class PeRegs {
  private readonly cpu: CpuState;
  private readonly values = new BigUint64Array(BASE.length);
  private readonly res0 = new BigUint64Array(BASE.length);
  private readonly res1 = new BigUint64Array(BASE.length);
  /** The same by halves: exceptions come too often for bigints. */
  private readonly words = new Uint32Array(this.values.buffer);
  private readonly res0Words = new Uint32Array(this.res0.buffer);
  private readonly res1Words = new Uint32Array(this.res1.buffer);
  /** Offset in the CPU state, or -1. */
  private readonly inState = new Int32Array(BASE.length).fill(-1);

  constructor(cpu: CpuState) {
    this.cpu = cpu;
    for (const [name, slot] of Object.entries(IN_STATE)) this.inState[INDEX.get(name)!] = slot;
  }
  /** Computes reserved bits anew. EL2 registers are those of the hardware, all others those of the guest. */
  configure(hardware: Has, guest: Has, e2h: boolean): void {
    const { res0, res1 } = FIXED();
    this.res0.set(res0);
    this.res1.set(res1);
    for (const { row, index } of CONTROLS) {
      const x: Resx = resxOf(row, row.el >= 2 ? hardware : guest, e2h);
      this.res0[index] = x.res0;
      this.res1[index] = x.res1;
    }
  }
  raw(slot: number): bigint {
    const at = this.inState[slot]!;
    return at < 0 ? this.values[slot]! : this.cpu.get(at);
  }
  setRaw(slot: number, value: bigint): void {
    const at = this.inState[slot]!;
    if (at < 0) this.values[slot] = value;
    else this.cpu.set(at, BigInt.asUintN(64, value));
  }
  /** The value that counts: reserved bits read as they must. */
  effective(slot: number): bigint {
    return (this.raw(slot) & ~this.res0[slot]!) | this.res1[slot]!;
  }
  /** Nothing is reserved: what is stored is what counts, and what a write leaves. */
  isPlain(slot: number): boolean {
    const [low, high] = [2 * slot, 2 * slot + 1];
    const { res0Words, res1Words } = this;
    return (res0Words[low]! | res0Words[high]! | res1Words[low]! | res1Words[high]!) === 0;
  }
  /** What is stored is what counts, for now. */
  isExact(slot: number): boolean {
    return this.isPlain(slot) || this.raw(slot) === this.effective(slot);
  }
  /** Half 0 (low) or 1 of a register. */
  half(slot: number, which: 0 | 1): number {
    const at = this.inState[slot]!;
    return at < 0 ? this.words[2 * slot + which]! : this.cpu.low(at + 4 * which);
  }
  effectiveHalf(slot: number, which: 0 | 1): number {
    const i = 2 * slot + which;
    return ((this.half(slot, which) & ~this.res0Words[i]!) | this.res1Words[i]!) >>> 0;
  }
  setHalves(slot: number, low: number, high: number): void {
    const at = this.inState[slot]!;
    if (at >= 0) {
      this.cpu.setHalves(at, low, high);
      return;
    }
    this.words[2 * slot] = low;
    this.words[2 * slot + 1] = high;
  }
  /** What a write by the guest leaves. */
  masked(slot: number, value: bigint): bigint {
    return (value & ~this.res0[slot]!) | this.res1[slot]!;
  }
  get(name: RegName): bigint {
    return this.raw(slotOf(name));
  }
  set(name: RegName, value: bigint): void {
    this.setRaw(slotOf(name), value);
  }
  value(name: RegName): bigint {
    return this.effective(slotOf(name));
  }
}

/** Mask of a control bit, in the layout with E2H = 1 where there are two. */
export function bitOf<R extends ControlRegName>(reg: R, bit: ControlBitName<R>): bigint {
  const f = (CONTROL_REGS[reg].fields as Readonly<Record<string, { hi: number; lo: number }>>)[bit]!;
  return fieldMask(f.hi, f.lo);
}
/** A field of a control register's value as a number. */
export function fieldOf<R extends ControlRegName>(reg: R, field: ControlBitName<R>, value: bigint): number {
  const f = (CONTROL_REGS[reg].fields as Readonly<Record<string, { hi: number; lo: number }>>)[field]!;
  return Number((value & fieldMask(f.hi, f.lo)) >> BigInt(f.lo));
}
