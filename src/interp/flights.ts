// Runs of CPUs on threads of their own. A CPU that is under way executes until its run ends, or asks for something and waits.
// What changes under it (translations, decoded code, tables of functions) changes while it stands still: it is brought back to
// where a branch lands, and goes on when the main thread next attends.

import type { WasmModule } from '../base/webassembly.ts';
import type { SplitStore } from '../cpu/access.ts';
import { newSplitStore } from '../cpu/access.ts';
import { Exit, type ExitReason, type ParallelRuns } from '../cpu/engine.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import { type CpuState, Slot } from '../cpu/state.ts';
import { BoxState, type Crew, type Member, type TableChange } from './crew.ts';
import { MAX_BUDGET } from './exits.ts';
import type { Part } from './program.ts';

/** What the engine does for runs, on the main thread. */
export interface FlightControl {
  readonly main: Part;
  /** What regions get to each other by, if there are any. */
  readonly linker: () => WasmModule | undefined;
  /** As the beginning and the end of Engine.run. @returns why there is nothing to run, or undefined */
  begin(cpu: CpuState): ExitReason | undefined;
  end(cpu: CpuState, reason: ExitReason): ExitReason;
  /** Runs here what cannot run elsewhere. */
  run(cpu: CpuState, budget: number): ExitReason;
  /** Calls a function that compiled code imports. */
  call(cpu: CpuState, split: SplitStore, name: string, args: readonly (number | bigint)[]): number | bigint | undefined;
  /** How much to interpret before the run pauses; what is to be done then, or when it comes back for another reason. */
  stretch(): number;
  paused(cpu: CpuState, early: boolean): void;
  /** Executes an instruction while no other CPU does, if that is why the run came back. @returns why it comes back then */
  resolve(cpu: CpuState, reason: number): ExitReason;
  /** Exact count of a CPU that asks for something: time goes at least as far. */
  follow(cpu: CpuState): void;
}

interface Flight {
  readonly cpu: CpuState;
  readonly member: Member;
  readonly split: SplitStore;
  /** As in Engine.run: where the budget ends. */
  end: number;
  /** It stands still and has not been told to go on. */
  halted: boolean;
  result: ExitReason | undefined;
  /** What a function threw. */
  error: unknown;
}
/** Functions after which somebody else may have something to do. */
const EVENTFUL = /^sys\./;
const NAP_MS = 20;
const NEVER = 0xffff_ffff;

export class Flights implements ParallelRuns {
  private readonly mem: PhysMem;
  private readonly crew: Crew;
  private readonly control: FlightControl;
  private readonly byCpu = new Map<CpuState, Flight>();

  constructor(mem: PhysMem, crew: Crew, control: FlightControl) {
    this.mem = mem;
    this.crew = crew;
    this.control = control;
  }
  get any(): boolean {
    return this.byCpu.size > 0;
  }
  private at({ cpu }: Flight, slot: number): number {
    return (cpu.base + slot) >>> 2;
  }
  private get(f: Flight, slot: number): number {
    return this.mem.u32[this.at(f, slot)]!;
  }

  start(cpu: CpuState, budget: number): ExitReason | undefined {
    const { control } = this;
    // Checked pointers and single steps are for the evaluator and the step of the main thread.
    if (cpu.pointerChecks !== 0 || budget === 1) return control.run(cpu, budget);
    const member = this.crew.take(control.main.module, control.main.imports, control.linker);
    if (!member) return control.run(cpu, budget);
    const early = control.begin(cpu);
    if (early !== undefined) {
      this.crew.give(member);
      return early;
    }
    const f: Flight = {
      cpu, member, split: newSplitStore(), end: budget, halted: false, result: undefined, error: undefined,
    }; // biome-ignore format: one flight
    this.byCpu.set(cpu, f);
    this.go(f);
    return undefined;
  }
  private go(f: Flight): void {
    const pause = this.get(f, Slot.EXEC) + this.control.stretch();
    this.mem.u32[this.at(f, Slot.PAUSE)] = Math.min(pause, MAX_BUDGET);
    Atomics.store(this.mem.u32, this.at(f, Slot.BUDGET), f.end);
    f.member.go(f.cpu.base);
  }
  finish(cpu: CpuState): ExitReason | undefined {
    const f = this.byCpu.get(cpu)!;
    if (f.result === undefined) {
      this.look(f);
      if (f.result === undefined) return undefined;
    }
    this.byCpu.delete(cpu);
    this.crew.give(f.member);
    if (f.error !== undefined) throw f.error;
    return this.control.end(cpu, f.result);
  }
  attend(wait: boolean): boolean {
    for (;;) {
      const { rings } = this.crew;
      let news = !wait;
      for (const f of this.byCpu.values()) if (this.look(f)) news = true;
      if (news || !this.any) return this.any;
      this.crew.sleep(rings, NAP_MS);
      if (rings === this.crew.rings) return true;
    }
  }
  /** Does what there is to do for a run. @returns whether others may have something to do now */
  private look(f: Flight): boolean {
    if (f.result !== undefined) return true;
    if (f.member.state === BoxState.call) return this.serve(f);
    if (f.member.state !== BoxState.done) return false;
    const { control } = this;
    const halted = f.halted;
    f.halted = false;
    let reason: ExitReason;
    try {
      reason = control.resolve(f.cpu, f.member.reason);
    } catch (e) {
      f.error = e;
      f.result = Exit.Exception;
      return true;
    }
    // Others may have taken from the budget.
    f.end = this.get(f, Slot.BUDGET) | 0;
    control.paused(f.cpu, !halted && reason === Exit.Budget && this.get(f, Slot.EXEC) < f.end);
    const over = reason !== Exit.Budget || this.get(f, Slot.EXEC) >= f.end;
    if (over || this.get(f, Slot.RETURN) || this.get(f, Slot.KICK)) f.result = reason;
    else this.go(f);
    return f.result !== undefined;
  }
  private serve(f: Flight): boolean {
    const { id, args } = f.member.question();
    const name = this.crew.nameOf(id);
    this.control.follow(f.cpu);
    let result: number | bigint | undefined;
    try {
      result = this.control.call(f.cpu, f.split, name, args);
    } catch (e) {
      f.error = e;
      this.refuse(f, name);
      return true;
    }
    f.member.answer(result);
    return EVENTFUL.test(name);
  }
  /** Answers a question in the way that ends the instruction. */
  private refuse(f: Flight, name: string): void {
    this.mem.u32[this.at(f, Slot.LEAVE)] = 1;
    Atomics.store(this.mem.u32, this.at(f, Slot.BUDGET), NEVER);
    this.mem.u32[this.at(f, Slot.RETURN)] = 1;
    f.member.answer(name === 'sys.read' || name === 'sys.op' ? 0n : 0);
  }

  /** Runs by a certain TLB block, or all, stand still from here on until the main thread attends. */
  standStill(tlb?: number): void {
    for (const f of this.byCpu.values()) {
      if (tlb !== undefined && this.get(f, Slot.TLB) !== tlb && this.get(f, Slot.TLB_UNPRIVILEGED) !== tlb) continue;
      this.halt(f);
    }
  }
  private halt(f: Flight): void {
    if (f.halted || f.member.state !== BoxState.go) return;
    const at = this.at(f, Slot.BUDGET);
    const budget = this.mem.u32[at]!;
    for (;;) {
      const { rings } = this.crew;
      // Again and again: code that waits counts the budget down itself, and may write what it has read before.
      Atomics.store(this.mem.u32, at, NEVER);
      if (f.member.state !== BoxState.go) break;
      this.crew.sleep(rings, 1);
    }
    Atomics.store(this.mem.u32, at, budget);
    f.halted = f.member.state === BoxState.done;
  }
  abandon(cpu: CpuState): void {
    const f = this.byCpu.get(cpu);
    if (!f) return;
    this.halt(f);
    while (f.member.state === BoxState.call) {
      this.refuse(f, this.crew.nameOf(f.member.question().id));
      this.halt(f);
    }
    this.byCpu.delete(cpu);
    this.crew.give(f.member);
    this.control.end(cpu, Exit.Budget);
  }
  /** Puts a function into the tables of all threads, or takes it away. */
  tableChanged(slot: number, part?: Part): void {
    this.standStill();
    const change: TableChange = part
      ? { slot, module: part.module, calls: this.crew.calls(part.imports) }
      : { slot, calls: [] };
    this.crew.post(change);
  }
}
