// The interpreter as an Engine: runs the generated loop on a CPU state and answers what the loop asks of the world. Decides
// nothing about instructions.

import { lowHalf } from '../base/bits.ts';
import { lazy } from '../base/lazy.ts';
import { AccessPath, newSplitStore, type SplitStore, translate } from '../cpu/access.ts';
import { btypeOf, putBtype, takeBtype } from '../cpu/bti.ts';
import { Decoder } from '../cpu/decode.ts';
import {
  type Engine,
  Exit,
  type ExitReason,
  type ParallelRuns,
  type SystemHooks,
  type Tlb,
  type Translator,
} from '../cpu/engine.ts';
import { FlatPages } from '../cpu/flat.ts';
import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { type CpuState, Slot } from '../cpu/state.ts';
import { SystemAccess } from '../cpu/system.ts';
import { extraIn, SoftTlb, valueIn } from '../cpu/tlb.ts';
import { CodePages } from './code_pages.ts';
import { Crew } from './crew.ts';
import { EXITS, MAX_BUDGET } from './exits.ts';
import { type FlightControl, Flights } from './flights.ts';
import { HandlerTable } from './handler_table.ts';
import { Landing } from './landing.ts';
import { Linker } from './linker.ts';
import { missFunctions } from './misses.ts';
import type { EngineOptions, ThreadOptions } from './options.ts';
import { Predecoder } from './predecode.ts';
import { type Program, programOf } from './program.ts';
import { RECORD_SIZE, Special } from './record.ts';
import { Reference } from './reference.ts';
import { isMissImport, isRegionImport, LinkEntry, type Tier, usualTier } from './region.ts';
import { Templates } from './templates.ts';

/** A memory of fewer frames has no room for pages to stand where their addresses say. */
const FLAT_FRAMES = 2 ** 18;
/** What the tier gets for itself: bytes, and a part of all memory. */
const AREA = { least: 1 << 15, most: 1 << 23, share: 64 };

class Interpreter implements Engine {
  private readonly mem: PhysMem;
  private readonly program: Program;
  private readonly decoder: () => Decoder;
  private readonly landing: Landing;
  private readonly path: AccessPath;
  private readonly pages: CodePages;
  private readonly system: SystemAccess;
  private readonly main: (cpu: number) => number;
  private readonly hasBti: boolean;
  private readonly hooks: SystemHooks;
  private readonly predecoder: Predecoder;
  private readonly handlers: HandlerTable;
  /** If there is a tier. */
  private linker: (() => Linker) | undefined;
  private links: number | undefined;
  private readonly misses = lazy(() =>
    missFunctions(this.mem.wasm, this.mem.shared, (va, access) => this.path.fill(this.cpu!, va, access)),
  );
  /** Runs while pointer arithmetic is checked: code is compiled without. */
  private readonly checking: () => Reference;
  private cpu: CpuState | undefined;
  private readonly tier: Tier | undefined;
  private readonly flights: Flights | undefined;
  private readonly flat: FlatPages | undefined;
  private readonly split = newSplitStore();
  private readonly functions = new Map<string, (...args: (number | bigint)[]) => unknown>();
  /** Interpreted instructions until the next sample. */
  private stretch = MAX_BUDGET;

  constructor(mem: PhysMem, options: EngineOptions) {
    this.mem = mem;
    this.program = programOf(options, mem);
    this.hasBti = options.has('FEAT_BTI');
    this.hooks = options.hooks;
    this.decoder = lazy(() => new Decoder(this.program.rows(), options.has));
    this.path = new AccessPath(mem, { lse2: options.has('FEAT_LSE2') });
    this.pages = new CodePages(mem);
    this.landing = new Landing(mem, this.path, this.pages, options);
    this.pages.singleOf = (number) => this.program.single(number);
    const makeTier = options.tier ?? usualTier();
    const area = { at: 0, size: 0 };
    if (makeTier) {
      // What compiled code names comes first: it is where it was in earlier runs.
      area.size = Math.min(AREA.most, Math.max(AREA.least, (mem.frames * FRAME_SIZE) / AREA.share));
      area.at = mem.allocFixed(area.size);
      this.links = mem.parallel ? undefined : mem.allocFixed(LinkEntry.count << LinkEntry.shift);
      this.linker = lazy(() => new Linker(this.links, area.at, mem.shared));
      this.flat = mem.frames > FLAT_FRAMES && !mem.parallel ? new FlatPages(mem) : undefined;
    }
    const handlers = new HandlerTable(mem, this.program, (name) => this.importFor(name));
    this.handlers = handlers;
    this.predecoder = new Predecoder(mem, this.pages, options.templates ?? new Templates(), handlers.known, {
      decoder: this.decoder,
      install: (handler, row) => handlers.install(handler, row),
      isThere: (number) => handlers.isThere(number),
      pair: (first, second, ip, isSame) => this.program.pair(first, second, ip, isSame),
    });
    this.system = new SystemAccess(mem, this.path, options, (frame) => this.invalidateCode(frame));
    this.checking = lazy(
      () =>
        new Reference(mem, this.hasBti, {
          decoder: this.decoder(),
          pads: this.landing.pads(),
          path: this.path,
          system: this.system,
          fetch: (cpu, pc) => this.wordAt(cpu, pc),
        }),
    );
    const exports = handlers.begin();
    this.main = exports['run'] as (cpu: number) => number;
    this.pages.sum = exports['sum'] as (address: number) => number;
    const { threads } = options;
    if (threads) {
      const flights = new Flights(mem, new Crew(mem, threads.begin, threads.most), this.control(threads));
      this.flights = flights;
      handlers.onChange = (number, part) => flights.tableChanged(number, part);
      this.pages.beforeLoss = () => flights.standStill();
    }
    if (makeTier) {
      const { decoder } = this;
      const tier = makeTier({
        links: this.links,
        flat: this.flat?.tables,
        mem,
        pages: this.pages,
        get decoder() {
          return decoder();
        },
        area,
        machine: options.machine ?? '',
        takeSlot: () => handlers.takeSlot(),
        setSlot: (slot, part) => {
          if (part) handlers.set(slot, part);
          else handlers.freeSlot(slot);
        },
        fill: (count, part, isGood) => handlers.fill(count, part, isGood),
        fetched: (cpu) =>
          [...this.path.tlbOf(cpu).all('fetch')].map(([va, records, guarded]) => [va, records, guarded !== 0] as const),
        recordsAt: (cpu, pc, guarded) => {
          const found = this.path.tlbOf(cpu).find('fetch', pc);
          return found && (found[1] !== 0) === guarded ? found[0] : 0;
        },
      });
      this.tier = tier;
      this.stretch = tier.stretch;
      this.pages.onDrop = (records) => tier.dropped(records);
      this.pages.onHook = () => this.path.renew();
    }
  }

  createTlb(translator: Translator): Tlb {
    const { flights } = this;
    const tlb = new SoftTlb(this.mem, translator, flights && ((base) => flights.standStill(base)), this.flat);
    this.path.add(tlb);
    return tlb;
  }
  invalidateCode(frame?: number): void {
    // When code is fetched again, what was decoded is compared with what is there.
    if (frame === undefined) this.path.flushFetch();
    else this.pages.invalidate(frame);
  }

  get parallel(): ParallelRuns | undefined {
    return this.flights;
  }
  run(cpu: CpuState, budget: number): ExitReason {
    if (cpu.pointerChecks !== 0) return this.runChecking(cpu, budget);
    const early = this.begin(cpu);
    if (early !== undefined) return early;
    return this.end(cpu, this.runTo(cpu, Math.min(budget, MAX_BUDGET)));
  }
  /** @returns why there is nothing to run */
  private begin(cpu: CpuState): ExitReason | undefined {
    if (cpu.low(Slot.KICK)) {
      cpu.setLow(Slot.KICK, 0);
      return Exit.Kick;
    }
    this.cpu = cpu;
    this.system.enter(cpu);
    if (!this.flights?.any) this.pages.reclaim();
    cpu.exception = undefined;
    cpu.setLow(Slot.RETURN, 0);
    cpu.setLow(Slot.EXEC, 0);
    cpu.setLow(Slot.LOOP_FUNCTIONS, this.handlers.standIns);
    cpu.setLow(Slot.LOOP_KNOWN, this.handlers.known);
    cpu.setLow(Slot.BRANCH, 0);
    const btype = takeBtype(cpu);
    return btype !== 0 && !this.landing.here(cpu, btype) ? Exit.Exception : undefined;
  }
  private end(cpu: CpuState, reason: ExitReason): ExitReason {
    const branch = cpu.low(Slot.BRANCH);
    if (this.hasBti && branch & 3) putBtype(cpu, btypeOf(branch & 3, (branch & 4) !== 0));
    cpu.finishRun();
    if (reason === Exit.Exception) {
      cpu.exception ??= { ec: cpu.low(Slot.RAISE_EC), iss: cpu.low(Slot.RAISE_ISS), far: 0n, ipa: 0n, toEl2: false };
    }
    if (reason === Exit.Budget && cpu.low(Slot.KICK)) {
      cpu.setLow(Slot.KICK, 0);
      return Exit.Kick;
    }
    return reason;
  }
  private runChecking(cpu: CpuState, budget: number): ExitReason {
    this.cpu = cpu;
    this.pages.reclaim();
    return this.checking().run(cpu, budget);
  }
  private wordAt(cpu: CpuState, pc: bigint): { word: number; guarded: boolean } | undefined {
    const tlb = this.path.tlbOf(cpu);
    let found = pc & 3n ? undefined : tlb.find('fetch', pc);
    if (!found) {
      if (this.fetch(pc) === 0) return undefined;
      found = tlb.find('fetch', pc)!;
    }
    const word = this.pages.wordAt(found[0], Number(pc & 0xfffn) >>> 2);
    return { word, guarded: found[1] !== 0 };
  }
  /** Runs, with a sample taken now and then. */
  private runTo(cpu: CpuState, budget: number): ExitReason {
    if (budget === 1) {
      cpu.setLow(Slot.BUDGET, budget);
      cpu.setLow(Slot.PAUSE, MAX_BUDGET);
      return this.resolve(cpu, this.step(cpu));
    }
    let end = budget;
    let resumed = 0;
    for (;;) {
      const start = cpu.low(Slot.EXEC);
      cpu.setLow(Slot.BUDGET, end);
      cpu.setLow(Slot.PAUSE, Math.min(start + this.stretch, MAX_BUDGET));
      const reason = this.resolve(cpu, this.main(cpu.base));
      const executed = cpu.low(Slot.EXEC);
      // Others may have taken from the budget.
      end = cpu.low(Slot.BUDGET) | 0;
      if (this.tier) this.paused(cpu, reason === Exit.Budget && executed < end);
      if (reason !== Exit.Budget) {
        // Without an instruction since it was last asked, the system decides whether that is to go on.
        if (executed === resumed || !this.resume(cpu, reason)) return reason;
        resumed = cpu.low(Slot.EXEC);
        end = cpu.low(Slot.BUDGET) | 0;
      }
      if (cpu.exception) return Exit.Exception;
      if (cpu.low(Slot.EXEC) >= end || cpu.low(Slot.RETURN) || cpu.low(Slot.KICK)) return Exit.Budget;
    }
  }
  /** Samples are taken where branches land, and nowhere else does the interpreter pause. */
  private paused(cpu: CpuState, early: boolean): void {
    if (early) this.stretch = this.sample(cpu);
    else {
      // What regions have executed has moved the pause.
      const left = cpu.low(Slot.PAUSE) - cpu.low(Slot.EXEC);
      this.stretch = Math.max(0, left);
    }
  }
  /** What the system dealt with goes on at PC, as a run begins. */
  private resume(cpu: CpuState, reason: ExitReason): boolean {
    if (!this.hooks.resume?.(cpu, reason)) return false;
    cpu.setLow(Slot.BRANCH, 0);
    // Whatever else was run by the way.
    if (this.cpu !== cpu) {
      this.cpu = cpu;
      this.system.enter(cpu);
    }
    const btype = takeBtype(cpu);
    if (btype !== 0) this.landing.here(cpu, btype);
    return true;
  }
  private sample(cpu: CpuState): number {
    const entry = this.path.tlbOf(cpu).entryOf('fetch', cpu.low(Slot.PC), cpu.high(Slot.PC));
    if (entry === 0) return this.tier!.stretch;
    return this.tier!.sample(cpu, cpu.pc, valueIn(this.mem, entry), extraIn(this.mem, entry) !== 0);
  }
  /** One instruction: the record after it becomes one that stops. */
  private step(cpu: CpuState): number {
    const { u16 } = this.mem;
    const records = this.fetch(cpu.pc);
    if (records === 0) return Exit.Exception;
    const ip = records + Number(cpu.pc & BigInt(FRAME_SIZE - 4)) * (RECORD_SIZE / 4);
    const after = (ip + RECORD_SIZE) >>> 1;
    this.pages.split(records, (ip - records) / RECORD_SIZE);
    const saved = u16[after]!;
    u16[after] = Special.Stop;
    const reason = this.main(cpu.base);
    if (u16[after] === Special.Stop) u16[after] = saved;
    return reason;
  }

  // ---- runs on other threads ----------------------------------------------------------------------------------------------

  private control({ follow }: ThreadOptions): FlightControl {
    return {
      main: this.program.main,
      linker: () => this.linker?.().module,
      begin: (cpu) => this.begin(cpu),
      end: (cpu, reason) => this.end(cpu, reason),
      run: (cpu, budget) => this.run(cpu, budget),
      call: (cpu, split, name, args) => this.callFor(cpu, split, name, args),
      stretch: () => this.stretch,
      paused: (cpu, early) => {
        if (this.tier) this.paused(cpu, early);
      },
      resolve: (cpu, reason) => this.resolve(cpu, reason),
      follow,
    };
  }
  private callFor(cpu: CpuState, split: SplitStore, name: string, args: readonly (number | bigint)[]) {
    let f = this.functions.get(name);
    if (!f) {
      f = this.importFor(name) as (...args: (number | bigint)[]) => unknown;
      this.functions.set(name, f);
    }
    this.cpu = cpu;
    this.system.enter(cpu);
    this.path.split = split;
    try {
      return f(...args) as number | bigint | undefined;
    } finally {
      this.path.split = this.split;
    }
  }
  /** An instruction that has to be alone is executed so. */
  private resolve(cpu: CpuState, reason: number): ExitReason {
    if (reason !== EXITS.Alone) return reason as ExitReason;
    this.flights?.standStill();
    this.cpu = cpu;
    this.system.enter(cpu);
    const left = cpu.low(Slot.BUDGET);
    cpu.setLow(Slot.ALONE, 1);
    cpu.setLow(Slot.BUDGET, cpu.low(Slot.EXEC) + 1); // enough for no region
    const after = this.step(cpu) as ExitReason;
    cpu.setLow(Slot.BUDGET, left);
    cpu.setLow(Slot.ALONE, 0);
    return after;
  }

  // ---- what the loop calls ----------------------------------------------------------------------------------------------

  /** @returns address of the records of the page, or 0 for a fault */
  private fetch(va: bigint): number {
    const cpu = this.cpu!;
    const pc = BigInt.asUintN(64, va);
    const low = lowHalf(pc);
    if (low & 3) {
      cpu.exception = { ec: 0x22, iss: 0, far: pc, ipa: 0n, toEl2: false };
      return 0;
    }
    const tlb = this.path.tlbOf(cpu);
    const t = translate(tlb.translator, pc, 'execute', 4, cpu);
    if (!t) return 0;
    const records = this.pages.recordsOf(t.frame, (low & (FRAME_SIZE - 1)) >>> 2);
    tlb.fill('fetch', pc, records, t.guarded ? 1 : 0, t.tag);
    if (this.tier && !this.mem.parallel && this.tier.arrived(cpu, pc, records, t.guarded === true))
      cpu.setLow(Slot.PAUSE, 0);
    return records;
  }
  /**
   * A handler of the loop meets what it leaves to its function, or the TLB does not answer for an access.
   * @returns number of the function; 0: to be tried again
   */
  private slow(va: bigint, access: number, ip: number, records: number): number {
    if (access !== 0 && this.path.fill(this.cpu!, va, access)) return 0;
    const number = this.pages.handlerAt(records, (ip - records) / RECORD_SIZE);
    if (!this.program.isInLoop(number)) return 0;
    return this.handlers.standIn(number);
  }
  private importFor(name: string): unknown {
    switch (name) {
      case 'fetch':
        return (va: bigint) => this.fetch(va);
      case 'land':
        return (va: bigint, type: number, guarded: number) =>
          this.landing.branch(this.cpu!, BigInt.asUintN(64, va), type, guarded !== 0) ? 1 : 0;
      case 'decode':
        return (ip: number, records: number) => this.predecoder.decode(ip >>> 0, records >>> 0);
      case 'slow':
        return (va: bigint, access: number, ip: number, records: number) =>
          this.slow(BigInt.asUintN(64, va), access, ip >>> 0, records >>> 0);
      case 'probe':
        return (va: bigint, packed: number) => this.path.probe(this.cpu!, BigInt.asUintN(64, va), packed);
      case 'commit':
        return () => this.path.commit(this.cpu!);
      default:
        if (isMissImport(name)) return this.misses()[name];
        if (this.linker && isRegionImport(name)) return this.linker().functionFor(name, this.handlers.imports);
        return this.system.importFor(name);
    }
  }
}

/** The interpreter for one machine in `mem`. */
export function createInterpreter(mem: PhysMem, options: EngineOptions): Engine {
  return new Interpreter(mem, options);
}
