// One processing element as its hypervisor sees it: named EL2 registers in, run(), exceptions to EL2 out. Guest code
// runs at EL1 and EL0 in an Engine, time and again until something is for the hypervisor. What registers mean is in
// pe_context.ts, where exceptions and interrupts go in pe_exceptions.ts.
// Knows nothing of memslots, exits to user space or interrupt controllers: those are behind pe_ports.ts.

import { EC } from '../arch/esr.ts';
import {
  type Access,
  type ExceptionRecord,
  Exit,
  type ExitReason,
  type ParallelRuns,
  type SystemHooks,
} from './engine.ts';
import { ERET_WORD, exceptionReturn, takeToEl1, type Vector } from './exception.ts';
import type { PauthState } from './pauth.ts';
import { PeExceptions, record } from './pe_exceptions.ts';
import type { PeApi, PeExit, PeMaintenance, PeOptions, TimerName } from './pe_ports.ts';
import { slotOf } from './pe_regs.ts';
import { PeSystem } from './pe_system.ts';
import { SpsrLow } from './pstate.ts';
import { type CpuState, Slot } from './state.ts';

const ELR_EL1 = slotOf('ELR_EL1');
/** Exceptions in a row with no instruction between them after which each takes this much of the budget. */
const NO_PROGRESS = { after: 16, takes: 100 } as const;

export class Pe extends PeExceptions implements PeApi, SystemHooks, PeMaintenance {
  private readonly system_: PeSystem;
  /** What resume() takes to EL1. */
  private readonly raised = record(0);
  /** Exceptions in a row before which no instruction was executed. */
  private stuck = 0;
  private kicked = false;
  private running = false;
  /** The engine executes elsewhere: what is to be done when it comes back. */
  private away: { readonly remaining: number; readonly start: number } | undefined;

  constructor(options: PeOptions) {
    super(options);
    this.system_ = new PeSystem(this);
    options.domain.add(this);
    options.directory.register(this.cpu, this);
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
    const { level } = this;
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
    if (this.levelStale || this.level !== level) this.applyLevel();
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

  run(budget: number): PeExit {
    this.closeCounters();
    this.running = true;
    try {
      return this.loop(budget, undefined)!;
    } finally {
      this.running = false;
    }
  }
  start(budget: number): PeExit | undefined {
    this.closeCounters();
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
}
