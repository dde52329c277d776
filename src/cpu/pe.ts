// One processing element as its hypervisor sees it: named EL2 registers in, run(), exceptions to EL2 out. Guest code
// runs at EL1 and EL0 in an Engine; exceptions to EL1, interrupts, waiting and debug events are dealt with here.
// Knows nothing of memslots, exits to user space or interrupt controllers: those are behind pe_ports.ts.

import { EC, ISS } from '../arch/esr.ts';
import type { RegName } from '../arch/sysregs.ts';
import { INLINE_COUNTERS, type InlineCounter, SysOpen, WAIT_TICKS } from '../isa/inline_sysregs.ts';
import { PointerCheck } from '../isa/pointer_check.ts';
import { DebugUnit } from './debug.ts';
import {
  type Access,
  type ExceptionRecord,
  Exit,
  type ExitReason,
  type ParallelRuns,
  type SystemHooks,
} from './engine.ts';
import {
  ERET_WORD,
  type ExceptionSite,
  eretTarget,
  esrValue,
  exceptionReturn,
  existingPstate,
  takeToEl1,
  type Vector,
} from './exception.ts';
import { EC_BREAKPOINT_PAGE, Mmu, type Mode } from './mmu/translate.ts';
import type { Has } from './needs.ts';
import type { PauthState } from './pauth.ts';
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
import type { PeApi, PeExit, PeMaintenance, PeOptions, TimerName } from './pe_ports.ts';
import { bitOf, PeRegs, slotOf } from './pe_regs.ts';
import { PeSystem } from './pe_system.ts';
import { FRAME_SIZE } from './physmem.ts';
import { Pstate, Spsr, SpsrLow } from './pstate.ts';
import { type CpuState, Slot } from './state.ts';
import { instructionSyndrome, isCacheMaintenance, rtOf } from './syndrome.ts';
import { handleOf, type RegHandle } from './sysreg_effects.ts';
import { Timers } from './timer.ts';

const HCR = {
  E2H: bitOf('HCR_EL2', 'E2H'), HCD: bitOf('HCR_EL2', 'HCD'), TSC: bitOf('HCR_EL2', 'TSC'), TWI: bitOf('HCR_EL2', 'TWI'), TWE: bitOf('HCR_EL2', 'TWE'),
  VSE: bitOf('HCR_EL2', 'VSE'), VI: bitOf('HCR_EL2', 'VI'), VF: bitOf('HCR_EL2', 'VF'), AMO: bitOf('HCR_EL2', 'AMO'),
  IMO: bitOf('HCR_EL2', 'IMO'), FMO: bitOf('HCR_EL2', 'FMO'), TEA: bitOf('HCR_EL2', 'TEA'), 
}; // biome-ignore format: a table
/** Bits that nothing is derived from: they are looked at when it matters. */
const HCR_LIVE = HCR.VSE | HCR.VI | HCR.VF | HCR.TWI | HCR.TWE | HCR.TSC | HCR.HCD | HCR.TEA;
const EL2 = {
  HCR: slotOf('HCR_EL2'), CPTR: slotOf('CPTR_EL2'),  ESR: slotOf('ESR_EL2'), ELR: slotOf('ELR_EL2'), SPSR: slotOf('SPSR_EL2'), FAR: slotOf('FAR_EL2'), HPFAR: slotOf('HPFAR_EL2'),
}; // biome-ignore format: a table
const HCR_LOW = {
  VSE: Number(HCR.VSE), VI: Number(HCR.VI), VF: Number(HCR.VF), AMO: Number(HCR.AMO), IMO: Number(HCR.IMO), FMO: Number(HCR.FMO),
}; // biome-ignore format: a table
const ELR_EL1 = slotOf('ELR_EL1');
/** Exceptions in a row with no instruction between them after which each takes this much of the budget. */
const NO_PROGRESS = { after: 16, takes: 100 } as const;
/** From Armv8.6 on. */
const DEFAULT_HZ = 1_000_000_000n;
const TDE = bitOf('MDCR_EL2', 'TDE');
const SCTLR_N = { TWI: bitOf('SCTLR_EL1', 'nTWI'), TWE: bitOf('SCTLR_EL1', 'nTWE') };
const HCRX_MCE2 = bitOf('HCRX_EL2', 'MCE2');
const ISS_MASK = 0x1ff_ffffn;
const ISS_COND = (1 << ISS.WFX.CV) | (14 << ISS.WFX.COND[1]);
const FSC_MASK = 0x3f;
const isSea = (iss: number): boolean =>
  (iss & FSC_MASK) >= 0x10 && (iss & FSC_MASK) <= 0x17 && (iss & FSC_MASK) !== 0x11;
const record = (ec: number, iss = 0, toEl2 = false): ExceptionRecord => ({ ec, iss, far: 0n, ipa: 0n, toEl2 });

export class Pe implements PeApi, SystemHooks, PeMaintenance {
  readonly cpu: CpuState;
  readonly options: PeOptions;
  readonly regs: PeRegs;
  readonly pstate_: Pstate;
  readonly mmu: Mmu;
  readonly timers: Timers;
  readonly debug: DebugUnit;
  readonly has: Has;
  readonly controls: PeControls;
  private readonly pool: PePool;
  private readonly system_: PeSystem;
  private stale = true;
  private debugStale = false;
  private levelStale = true;
  private site!: ExceptionSite;
  /** By EL, bits of SYS_OPEN of registers whose accesses need not come here until a control changes. */
  private readonly opened: [number, number] = [0, 0];
  /** What resume() takes to EL1. */
  private readonly raised = record(0);
  /** Exceptions in a row before which no instruction was executed. */
  private stuck = 0;
  private kicked = false;
  private running = false;
  private seed = 1n;
  /** The engine executes elsewhere: what is to be done when it comes back. */
  private away: { readonly remaining: number; readonly start: number } | undefined;

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
    this.system_ = new PeSystem(this);
    options.domain.add(this);
    options.directory.register(this.cpu, this);
    this.configure();
    this.pstate = Spsr.DAIF | 5n;
    this.regs.set('CNTFRQ_EL0', options.clock.frequency ?? DEFAULT_HZ);
  }

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

  // ---- SystemHooks ------------------------------------------------------------------------------------------------------

  readSysreg(_cpu: CpuState, enc: number): bigint | undefined {
    return this.system_.read(enc);
  }
  writeSysreg(_cpu: CpuState, enc: number, value: bigint): boolean {
    return this.system_.write(enc, value);
  }
  system(_cpu: CpuState, enc: number, value: bigint, isRead: boolean): bigint | undefined {
    return this.system_.operation(enc, value, isRead);
  }
  pauth(): PauthState {
    return this.controls.pauth;
  }
  resume(cpu: CpuState, reason: ExitReason): boolean {
    const { debug } = this;
    if (this.stale || this.debugStale || debug.stepping || debug.onBreakpointPage) return false;
    if (reason === Exit.System) {
      if (this.wordHere() !== ERET_WORD || this.controls.trapsEret) return false;
      cpu.execute(1);
      exceptionReturn(this.site, this.regs.half(ELR_EL1, 0), this.regs.half(ELR_EL1, 1), false);
      if ((this.pstate_.low & SpsrLow.IL) !== 0 || (this.pendingInterrupts() & ~this.pstate_.low) !== 0)
        cpu.requestReturn();
    } else {
      if (reason !== Exit.Exception || cpu.exception) return false;
      const ec = cpu.low(Slot.RAISE_EC);
      if (ec !== EC.UNKNOWN.ec && (ec !== EC.SVC64.ec || this.controls.trapsSvc[cpu.el as 0 | 1])) return false;
      this.raised.ec = ec;
      this.raised.iss = cpu.low(Slot.RAISE_ISS);
      takeToEl1(this.site, 'sync', this.raised);
    }
    this.applyLevel();
    if (debug.stepping) cpu.requestReturn();
    return true;
  }

  // ---- running --------------------------------------------------------------------------------------------------------------

  kick(): void {
    this.kicked = true;
    if (this.running) this.cpu.requestExit();
  }
  recheckInterrupts(): void {
    if (this.running) this.cpu.requestReturn();
  }
  /** The next number of a sequence that is the same in every run. */
  nextRandom(): bigint {
    this.seed = BigInt.asUintN(64, this.seed * 6364136223846793005n + 1442695040888963407n);
    return this.seed ^ (this.seed >> 29n);
  }
  counter(timer: TimerName): bigint {
    return this.timers.counter(timer);
  }
  timerOutput(timer: TimerName): boolean {
    return this.timers.output(timer);
  }
  get tableFaultLevel(): number {
    return this.mmu.tableLevel;
  }
  flushTlbs(): void {
    this.mmu.flushAll();
  }
  release(): void {
    this.abandon();
    this.mmu.release();
    this.pool.giveState(this.cpu);
  }
  takeToEl1(r: ExceptionRecord, vector: Vector): void {
    this.toEl1(vector, r);
  }
  operate(name: string, value: bigint): void {
    if (this.stale) this.sync();
    this.system_.operateAtEl2(name, value);
  }
  translateVa(va: bigint, access: Access): { readonly ipa: bigint; readonly frame: number } | undefined {
    if (this.stale) this.sync();
    const mode = this.cpu.el === 0 ? 'el0' : 'el1';
    const s1 = this.mmu.stage1(va, access, mode, false);
    if (!s1.ok) return undefined;
    const s2 = this.mmu.stage2Of(s1.ipa, access, mode, false);
    return s2.ok ? { ipa: BigInt(s1.ipa), frame: s2.frame } : undefined;
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

  run(budget: number): PeExit {
    this.close(COUNTERS);
    this.running = true;
    try {
      return this.loop(budget, undefined)!;
    } finally {
      this.running = false;
    }
  }
  start(budget: number): PeExit | undefined {
    this.close(COUNTERS);
    return this.leave(() => this.loop(budget, this.options.engine.parallel));
  }
  finish(): PeExit | undefined {
    const { cpu, options, away } = this;
    const parallel = options.engine.parallel!;
    return this.leave(() => {
      const reason = parallel.finish(cpu);
      if (reason === undefined) return undefined;
      this.away = undefined;
      const remaining = away!.remaining - this.used(away!.start, reason);
      return this.cameBack(reason) ?? this.loop(remaining, parallel);
    });
  }
  abandon(): void {
    if (this.away) this.options.engine.parallel!.abandon(this.cpu);
    this.away = undefined;
    this.running = false;
  }
  private leave(f: () => PeExit | undefined): PeExit | undefined {
    this.running = true;
    let exit: PeExit | undefined;
    try {
      exit = f();
      return exit;
    } finally {
      this.running = this.away !== undefined;
    }
  }
  /** @param parallel where to execute, and undefined may be answered */
  private loop(budget: number, parallel: ParallelRuns | undefined): PeExit | undefined {
    const { cpu, timers, debug, options } = this;
    let remaining = budget;
    for (;;) {
      if (this.stale) this.sync();
      else if (this.levelStale) this.applyLevel();
      if (this.debugStale) this.syncDebug();
      if (this.kicked) {
        this.kicked = false;
        cpu.set(Slot.KICK, 0n);
        return { kind: 'kick' };
      }
      timers.update();
      this.takeInterrupt();
      if (remaining <= 0) return { kind: 'budget' };
      let exit: PeExit | undefined;
      const pending = this.pstate_.low & SpsrLow.IL ? record(EC.ILL.ec) : debug.pendingStep();
      if (pending) {
        remaining--;
        exit = this.raise(pending);
      } else {
        const [before, start] = [cpu.icountLow, cpu.timeLow];
        const steps = debug.stepping;
        const single = steps || debug.onBreakpointPage;
        const most = single ? 1 : timers.budget(remaining);
        const reason = parallel && !single ? parallel.start(cpu, most) : options.engine.run(cpu, most);
        if (reason === undefined) {
          this.away = { remaining, start };
          return undefined;
        }
        remaining -= this.used(start, reason);
        if (steps && cpu.icountLow !== before) debug.stepped(this.wordAt(cpu.pc - 4n));
        if (debug.onBreakpointPage) debug.leaveBreakpointPage();
        exit = this.cameBack(reason);
      }
      if (exit) return exit;
    }
  }
  /** What a run takes of the budget. @param start the time when it began */
  private used(start: number, reason: ExitReason): number {
    this.stall();
    const ticks = (this.cpu.timeLow - start) >>> 0;
    // The engine does not count what it leaves to the PE.
    if (reason === Exit.System) return ticks + 1;
    if (reason !== Exit.Exception || ticks > 0) {
      this.stuck = 0;
      return ticks;
    }
    // Whose handler faults at once must come to the end of a run soon.
    return ++this.stuck > NO_PROGRESS.after ? NO_PROGRESS.takes : 1;
  }
  /** Deals with what the engine came back for. */
  private cameBack(reason: ExitReason): PeExit | undefined {
    switch (reason) {
      case Exit.Budget:
        return undefined;
      case Exit.Kick:
        this.kicked = false;
        return { kind: 'kick' };
      case Exit.Idle:
        return this.idle();
      case Exit.System:
        return this.eret();
      default:
        return this.exception(this.cpu.exception!);
    }
  }

  /** Accesses that missed the TLB took time. */
  private stall(): void {
    const { mmu, options, cpu } = this;
    const { stalled } = mmu;
    if (stalled === 0) return;
    mmu.stalled = 0;
    if (options.clock.follows) cpu.pass(stalled);
  }

  /** The instruction at an address that was just executed; 0 if it cannot be read any more. */
  wordAt(pc: bigint): number {
    const frame = this.mmu.fetchFrame(pc, this.mode, this.cpu);
    return frame === 0 ? 0 : this.options.mem.u32[(frame * FRAME_SIZE + Number(pc & 0xffcn)) >>> 2]!;
  }

  // ---- exceptions -------------------------------------------------------------------------------------------------------------

  private toEl1(vector: Vector, r: ExceptionRecord | undefined): void {
    takeToEl1(this.site, vector, r);
    if (!this.stale) this.applyLevel();
  }
  private toEl2(r: ExceptionRecord): PeExit {
    const { regs, cpu } = this;
    regs.setRaw(EL2.ESR, esrValue(r));
    regs.setRaw(EL2.ELR, cpu.pc);
    regs.setRaw(EL2.SPSR, this.pstate);
    regs.setRaw(EL2.FAR, r.far);
    if (r.ipa !== 0n || r.toEl2) regs.setRaw(EL2.HPFAR, (r.ipa >> 12n) << 4n);
    return { kind: 'el2', record: { ...r, toEl2: true } };
  }
  /** Takes a synchronous exception where its record says. */
  private raise(r: ExceptionRecord): PeExit | undefined {
    if (r.toEl2) return this.toEl2(r);
    this.toEl1('sync', r);
    return undefined;
  }
  /** The instruction at PC. */
  private wordHere(): number {
    const { cpu, mmu } = this;
    const [low, high] = [cpu.low(Slot.PC), cpu.high(Slot.PC)];
    const frame = mmu.fetchedFrame(low, high, this.mode) || mmu.fetchFrame(cpu.pc, this.mode, cpu);
    return frame === 0 ? 0 : this.options.mem.u32[(frame * FRAME_SIZE + (low & 0xffc)) >>> 2]!;
  }
  private back(): void {
    this.cpu.pc = BigInt.asUintN(64, this.cpu.pc - 4n);
  }
  private hcr(bit: bigint): boolean {
    return (this.controls.hcr & bit) !== 0n;
  }

  /** Routes what an instruction raised. */
  private exception(r: ExceptionRecord): PeExit | undefined {
    const { cpu, controls } = this;
    const el = cpu.el as 0 | 1;
    switch (r.ec) {
      case EC_BREAKPOINT_PAGE: {
        const hit = this.debug.breakpointAt(cpu.pc);
        if (hit) return this.raise(hit);
        this.debug.enterBreakpointPage(cpu.pc);
        return undefined;
      }
      case EC.SVE.ec:
      case EC.FP_ASIMD.ec: {
        // An SVE instruction that finds FP disabled may have met the control of another level first. What raises SVE's
        // class and is no SVE instruction is an access to a register, decided already.
        const sve = isSve(this.wordAt(cpu.pc));
        const { fpToEl2, sveToEl2 } = controls.cptr;
        const toEl2 = sve ? sveToEl2[el]! : r.ec === EC.SVE.ec ? r.toEl2 : fpToEl2[el]!;
        return this.raise(record(r.ec, r.iss, toEl2));
      }
      case EC.SVC64.ec:
        if (this.debug.stepping) this.debug.stepped(0);
        r.toEl2 = controls.trapsSvc[el];
        return this.raise(r);
      case EC.HVC64.ec:
        if (!this.hcr(HCR.HCD)) return this.toEl2(r);
        this.back();
        return this.raise(record(EC.UNKNOWN.ec));
      case EC.SMC64.ec:
        this.back();
        // Without EL3 there is nobody else to call.
        return this.hcr(HCR.TSC) ? this.toEl2(r) : this.raise(record(EC.UNKNOWN.ec));
      case EC.SYS64.ec:
        r.iss |= rtOf(this.wordHere()) << ISS.SYS64.Rt[1];
        return this.raise(r);
      case EC.MOPS.ec:
        return this.raise({ ...r, toEl2: (this.regs.value('HCRX_EL2') & HCRX_MCE2) !== 0n });
      case EC.IABT_LOW.ec:
      case EC.IABT_CUR.ec:
      case EC.DABT_LOW.ec:
      case EC.DABT_CUR.ec:
        return this.abort(r);
      case EC.BRK64.ec:
      case EC.BREAKPT_LOW.ec:
      case EC.BREAKPT_CUR.ec:
      case EC.WATCHPT_LOW.ec:
      case EC.WATCHPT_CUR.ec:
        return this.raise({ ...r, toEl2: (this.regs.value('MDCR_EL2') & TDE) !== 0n });
      default:
        return this.raise(r);
    }
  }
  private abort(r: ExceptionRecord): PeExit | undefined {
    const isData = r.ec >= EC.DABT_LOW.ec;
    let { iss } = r;
    if (isData) {
      const word = this.wordAt(this.cpu.pc);
      if (isCacheMaintenance(word)) iss |= (1 << ISS.DABT.CM) | (1 << ISS.DABT.WnR);
      else if (r.toEl2 && !(iss & (1 << ISS.DABT.S1PTW)) && !isSea(iss)) iss |= instructionSyndrome(word);
    }
    if (!r.toEl2 && isSea(iss) && this.hcr(HCR.TEA)) {
      return this.toEl2({ ...r, ec: isData ? EC.DABT_LOW.ec : EC.IABT_LOW.ec, iss });
    }
    return this.raise({ ...r, iss });
  }

  private eret(): PeExit | undefined {
    const { cpu, controls, regs } = this;
    const word = this.wordHere();
    if (controls.trapsEret) {
      const iss = word === ERET_WORD ? 0 : 2 | ((word >>> 10) & 1);
      return this.toEl2(record(EC.ERET.ec, iss));
    }
    let low = regs.half(ELR_EL1, 0);
    let high = regs.half(ELR_EL1, 1);
    if (word !== ERET_WORD) {
      const target = eretTarget(regs.raw(ELR_EL1), word, cpu.sp, controls.pauth);
      if (typeof target !== 'bigint') return this.raise(record(EC.FPAC.ec, target.iss));
      low = Number(BigInt.asUintN(32, target));
      high = Number(target >> 32n);
    }
    cpu.count(1);
    exceptionReturn(this.site, low, high, this.debug.stepping);
    this.applyLevel();
    return undefined;
  }

  // ---- interrupts and waiting ---------------------------------------------------------------------------------------------------

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
  private takeInterrupt(): void {
    const open = this.pendingInterrupts() & ~this.pstate_.low;
    if (open === 0) return;
    if (open & SpsrLow.A) {
      const syndrome = this.has('FEAT_RAS') ? Number(this.regs.get('VSESR_EL2') & ISS_MASK) : 0;
      this.regs.set('HCR_EL2', this.regs.get('HCR_EL2') & ~HCR.VSE);
      noteHcr(this);
      this.toEl1('serror', record(EC.SERROR.ec, syndrome));
    } else if (open & SpsrLow.F) this.toEl1('fiq', undefined);
    else if (open & SpsrLow.I) this.toEl1('irq', undefined);
  }

  private idle(): PeExit | undefined {
    const { cpu, regs, timers } = this;
    const word = this.wordAt(cpu.pc - 4n);
    const timed = (word & 0xffffff00) >>> 0 === 0xd5031000;
    const isEvent = timed ? ((word >>> 5) & 1) === 0 : word === WFE_WORD;
    if (this.pendingInterrupts() !== 0) return undefined;
    const until = timed ? cpu.idleDeadline : undefined;
    if (until !== undefined && timers.counter('CNTV') >= until) return undefined;
    const ti = (timed ? 2 : 0) | (isEvent ? 1 : 0);
    const iss = ISS_COND | ti | (timed ? ((word & 31) << ISS.WFX.RN[1]) | (1 << ISS.WFX.RV) : 0);
    const open = regs.value('SCTLR_EL1') & (isEvent ? SCTLR_N.TWE : SCTLR_N.TWI);
    if (cpu.el === 0 && !open) {
      this.back();
      return this.raise(record(EC.WFX.ec, iss));
    }
    if (this.hcr(isEvent ? HCR.TWE : HCR.TWI)) {
      this.back();
      return this.toEl2(record(EC.WFX.ec, iss));
    }
    let wake = timers.nextEvent();
    for (const at of [
      until === undefined ? undefined : timers.atVirtual(until),
      isEvent ? timers.eventStream() : undefined,
    ]) {
      if (at !== undefined && (wake === undefined || at < wake)) wake = at;
    }
    return { kind: 'idle', wake };
  }
}

/** SVE has a quarter of the encodings of its own (op0 of the top level). */
const isSve = (word: number): boolean => ((word >>> 25) & 15) === 2;
const COUNTERS = INLINE_COUNTERS.reduce((bits, c) => bits | c.open, 0);
const WFE_WORD = 0xd503205f;
