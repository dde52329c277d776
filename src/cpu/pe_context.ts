// The registers of a processing element and what is derived from them: what is kept for each level, which TLB is in force,
// which accesses need not come to TypeScript. Kept true whenever a register changes, at once or before the next run.

import type { RegName } from '../arch/sysregs.ts';
import { type InlineCounter, inlineCounters, SysOpen, WAIT_TICKS } from '../isa/inline_sysregs.ts';
import { PointerCheck } from '../isa/pointer_check.ts';
import { DebugUnit } from './debug.ts';
import { type ExceptionSite, existingPstate } from './exception.ts';
import { Mmu, type Mode } from './mmu/translate.ts';
import type { Has } from './needs.ts';
import {
  configurePauth,
  newPeControls,
  noteHcr,
  type PeControls,
  updateControls,
  updateCptr,
  updateRegime,
} from './pe_controls.ts';
import { PePool } from './pe_pool.ts';
import type { PeOptions, TimerName } from './pe_ports.ts';
import { bitOf, PeRegs, slotOf } from './pe_regs.ts';
import { FRAME_SIZE } from './physmem.ts';
import { Pstate, Spsr, SpsrLow } from './pstate.ts';
import { type CpuState, Slot } from './state.ts';
import { handleOf, type RegHandle } from './sysreg_effects.ts';
import { Timers } from './timer.ts';

export const HCR = {
  E2H: bitOf('HCR_EL2', 'E2H'), HCD: bitOf('HCR_EL2', 'HCD'), TSC: bitOf('HCR_EL2', 'TSC'), TWI: bitOf('HCR_EL2', 'TWI'), TWE: bitOf('HCR_EL2', 'TWE'),
  VSE: bitOf('HCR_EL2', 'VSE'), VI: bitOf('HCR_EL2', 'VI'), VF: bitOf('HCR_EL2', 'VF'), AMO: bitOf('HCR_EL2', 'AMO'),
  IMO: bitOf('HCR_EL2', 'IMO'), FMO: bitOf('HCR_EL2', 'FMO'), TEA: bitOf('HCR_EL2', 'TEA'),
}; // biome-ignore format: a table
/** Bits that nothing is derived from: they are looked at when it matters. */
const HCR_LIVE = HCR.VSE | HCR.VI | HCR.VF | HCR.TWI | HCR.TWE | HCR.TSC | HCR.HCD | HCR.TEA;
const HCR_LOW = {
  VSE: Number(HCR.VSE), VI: Number(HCR.VI), VF: Number(HCR.VF), AMO: Number(HCR.AMO), IMO: Number(HCR.IMO), FMO: Number(HCR.FMO),
}; // biome-ignore format: a table
const EL2 = { HCR: slotOf('HCR_EL2'), CPTR: slotOf('CPTR_EL2') };
/** From Armv8.6 on. */
const DEFAULT_HZ = 1_000_000_000n;
const COUNTERS = inlineCounters().reduce((bits, c) => bits | c.open, 0);

export abstract class PeContext {
  readonly cpu: CpuState;
  readonly options: PeOptions;
  readonly regs: PeRegs;
  readonly pstate_: Pstate;
  readonly mmu: Mmu;
  readonly timers: Timers;
  readonly debug: DebugUnit;
  readonly has: Has;
  readonly controls: PeControls;
  protected readonly pool: PePool;
  protected site!: ExceptionSite;
  protected stale = true;
  protected debugStale = false;
  protected levelStale = true;
  /** By EL, bits of SYS_OPEN of registers whose accesses need not come here until a control changes. */
  private readonly opened: [number, number] = [0, 0];
  private seed = 1n;

  constructor(options: PeOptions) {
    this.options = options;
    this.has = options.guestHas ?? options.has;
    this.pool = options.pool ?? new PePool(options.mem, options.engine);
    this.cpu = this.pool.takeState();
    this.regs = new PeRegs(this.cpu);
    this.pstate_ = new Pstate(this.cpu, this.regs);
    this.mmu = new Mmu(options.mem, this.pool, options.stage2);
    this.timers = new Timers(this.regs, options.clock, options.timers);
    this.controls = newPeControls(this);
    this.debug = new DebugUnit(this.regs, this.pstate_, this.cpu, this.mmu);
    this.configure();
    this.pstate = Spsr.DAIF | 5n;
    this.regs.set('CNTFRQ_EL0', options.clock.frequency ?? DEFAULT_HZ);
  }
  /** Interrupts, or what the engine may do alone, have changed: a run looks at them anew. */
  abstract recheckInterrupts(): void;

  // ---- registers ------------------------------------------------------------------------------------------------------

  get(name: RegName): bigint {
    return this.getAt(handleOf(name));
  }
  set(name: RegName, value: bigint): void {
    this.setAt(handleOf(name), value);
  }
  getAt(h: RegHandle): bigint {
    return h.read ? h.read(this) : this.regs.raw(h.slot);
  }
  setAt(h: RegHandle, value: bigint): void {
    const v = BigInt.asUintN(64, value);
    if (h.set) {
      h.set(this, v);
      return;
    }
    const old = this.regs.raw(h.slot);
    if (old === v) return;
    this.regs.setRaw(h.slot, v);
    if (!this.regs.isPlain(h.slot)) this.close(~0); // reserved bits read as they must
    if (h.slot === EL2.HCR) this.hcrChanged(old ^ v);
    else if (h.slot === EL2.CPTR) this.cptrChanged();
    else if (h.control === 'debug') this.debugStale = true;
    else if (h.control !== undefined) this.stale = true;
  }
  private hcrChanged(bits: bigint): void {
    if (bits & HCR.E2H) this.configureRegs();
    if (bits & ~HCR_LIVE) this.stale = true;
    else noteHcr(this);
  }
  private cptrChanged(): void {
    if (this.stale) return;
    updateCptr(this);
    this.close(~0);
    this.levelStale = true;
  }
  get pstate(): bigint {
    return this.pstate_.value;
  }
  set pstate(v: bigint) {
    this.pstate_.value = v;
    this.levelStale = true;
  }
  configure(): void {
    this.configureRegs();
    configurePauth(this);
    const { controls, debug } = this;
    this.site = {
      cpu: this.cpu,
      regs: this.regs,
      pstate: this.pstate_,
      has: this.has,
      exists: existingPstate(this.has),
      tco: this.has('FEAT_MTE2'),
      stepsAt: (el) => debug.stepsAt(el),
      pacmAt: (el) => (controls.cptr.sysOpen[el] & SysOpen.Pacm) !== 0,
    };
    this.stale = true;
  }
  private configureRegs(): void {
    const e2h = (this.regs.get('HCR_EL2') & HCR.E2H) !== 0n;
    this.regs.configure(this.options.has, this.has, e2h);
  }
  /** A register that only translation reads changed. */
  syncRegime(): void {
    updateRegime(this);
    this.applyTlb();
  }
  /** Only debug controls changed: programs that step their guests do that with every instruction. */
  syncDebug(): void {
    this.debugStale = false;
    for (const c of this.controls.byCptr.values()) c.verdicts.clear();
    this.close(~0);
    this.debug.update();
  }
  /** Control registers changed: what was derived from them is computed anew. */
  sync(): void {
    this.stale = false;
    this.debugStale = false;
    updateControls(this);
    this.close(~0);
    this.applyLevel();
  }
  /** All of the present EL and PSTATE that applyLevel() looks at. */
  protected get level(): number {
    return (this.pstate_.low & (SpsrLow.UAO | SpsrLow.PAN)) | this.cpu.el;
  }
  /** What the engine has to know of the present EL and PSTATE. */
  applyLevel(): void {
    this.levelStale = false;
    const { cpu, controls } = this;
    const el = cpu.el as 0 | 1;
    cpu.fpOn = controls.cptr.fpOn[el]!;
    cpu.fpmrOn = controls.fpmrOn[el]!;
    cpu.sveTrap = controls.cptr.sveTrap[el]!;
    cpu.vl = controls.vl;
    cpu.setLow(Slot.SP_MASK, controls.spMask[el]);
    cpu.setLow(Slot.SYS_OPEN, controls.cptr.sysOpen[el] | this.opened[el]);
    this.applyTlb();
  }
  applyTlb(): void {
    const { cpu, pstate_, mmu } = this;
    cpu.tlb = mmu.blockOf(this.mode);
    const asEl0 = cpu.el === 1 && !(pstate_.low & SpsrLow.UAO);
    if (asEl0) cpu.tlbUnprivileged = mmu.blockOf('el0');
    this.applyPointerChecks(asEl0);
  }
  private applyPointerChecks(unprivilegedAsEl0: boolean): void {
    const { cpu, controls } = this;
    const { pointerChecks: byEl } = controls;
    const own = byEl[cpu.el as 0 | 1];
    const unprivileged = unprivilegedAsEl0 ? byEl[0] : own;
    const checks = own | (unprivileged & PointerCheck.Add ? PointerCheck.Unprivileged : 0);
    if (checks === cpu.pointerChecks) return;
    cpu.pointerChecks = checks;
    // Another evaluator goes on from the next branch or context synchronisation.
    this.recheckInterrupts();
  }
  get mode(): Mode {
    return this.cpu.el === 0 ? 'el0' : this.pstate_.low & SpsrLow.PAN ? 'el1Pan' : 'el1';
  }

  // ---- counters and registers that compiled code accesses alone ---------------------------------------------------------------

  /** The next number of a sequence that is the same in every run. */
  nextRandom(): bigint {
    this.seed = BigInt.asUintN(64, this.seed * 6364136223846793005n + 1442695040888963407n);
    return this.seed ^ (this.seed >> 29n);
  }
  counter(timer: TimerName): bigint {
    return this.timers.counter(timer);
  }
  /** A guest's read of a counter that no control traps: those to come are compiled code's business, where that can tell the time. */
  readCounter(row: InlineCounter, timer: TimerName): bigint {
    const { cpu, timers, options } = this;
    const value = timers.counter(timer);
    const { follows, readTicks } = options.clock;
    if (!follows || readTicks !== undefined) {
      if (readTicks !== undefined) cpu.pass(readTicks);
      if (timers.due) this.recheckInterrupts();
      return value;
    }
    cpu.set(Slot[row.slot], BigInt.asUintN(64, value - cpu.time));
    cpu.pass(WAIT_TICKS);
    this.open(row.open);
    return value;
  }
  /** The guest has accessed a register, which no control traps. @param open its bit in SYS_OPEN, or 0 */
  openRegister(slot: number, open: number, isRead: boolean): void {
    if (open !== 0 && (isRead ? this.regs.isExact(slot) : this.regs.isPlain(slot))) this.open(open);
  }
  private open(bits: number): void {
    const { cpu } = this;
    this.opened[cpu.el as 0 | 1] |= bits;
    cpu.setLow(Slot.SYS_OPEN, cpu.low(Slot.SYS_OPEN) | bits);
  }
  /** Who may access registers, or how far counters are ahead of the CPU, may have changed. */
  private close(bits: number): void {
    const { opened, cpu, controls } = this;
    if (((opened[0] | opened[1]) & bits) === 0) return;
    opened[0] &= ~bits;
    opened[1] &= ~bits;
    const el = cpu.el as 0 | 1;
    cpu.setLow(Slot.SYS_OPEN, controls.cptr.sysOpen[el] | opened[el]);
  }
  protected closeCounters(): void {
    this.close(COUNTERS);
  }

  /** What is signalled to the guest, whatever PSTATE masks: bits as in ISR_EL1. */
  pendingInterrupts(): number {
    const hcr = this.controls.hcrLow;
    const p = this.options.interrupts.pending();
    let bits = 0;
    if (hcr & HCR_LOW.IMO && (hcr & HCR_LOW.VI || p === 'irq' || p === 'both')) bits |= SpsrLow.I;
    if (hcr & HCR_LOW.FMO && (hcr & HCR_LOW.VF || p === 'fiq' || p === 'both')) bits |= SpsrLow.F;
    if (hcr & HCR_LOW.AMO && hcr & HCR_LOW.VSE) bits |= SpsrLow.A;
    return bits;
  }
  /** The instruction at an address that was just executed; 0 if it cannot be read any more. */
  wordAt(pc: bigint): number {
    const frame = this.mmu.fetchFrame(pc, this.mode, this.cpu);
    return frame === 0 ? 0 : this.options.mem.u32[(frame * FRAME_SIZE + Number(pc & 0xffcn)) >>> 2]!;
  }
  /** The instruction at PC. */
  protected wordHere(): number {
    const { cpu, mmu } = this;
    const [low, high] = [cpu.low(Slot.PC), cpu.high(Slot.PC)];
    const frame = mmu.fetchedFrame(low, high, this.mode) || mmu.fetchFrame(cpu.pc, this.mode, cpu);
    return frame === 0 ? 0 : this.options.mem.u32[(frame * FRAME_SIZE + (low & 0xffc)) >>> 2]!;
  }
}
