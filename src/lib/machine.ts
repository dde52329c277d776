// The hardware that guests of the library execute on: an engine, PEs, and a counter that follows the instructions that
// guests execute, one each nanosecond, so that equal programs see equal times. The engine is made when it is first needed.

import { type Feat, has, isFeat, type ReadId } from '../arch/features.ts';
import { AWAY_READ_TICKS, ElapsedTime } from '../cpu/elapsed_time.ts';
import type { Engine } from '../cpu/engine.ts';
import { Pe } from '../cpu/pe.ts';
import { createPeDirectory, createPeDomain } from '../cpu/pe_directory.ts';
import { PePool } from '../cpu/pe_pool.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import type { CpuState } from '../cpu/state.ts';
import { createInterpreter } from '../interp/engine.ts';
import type { ThreadOptions } from '../interp/options.ts';
import { Prebuilt } from '../interp/prebuilt.ts';
import type { MakeTier } from '../interp/region.ts';
import { A64 } from '../isa/a64.ts';
import type { Hardware } from '../kvm/hardware.ts';

export interface MachineOptions {
  readonly mem: PhysMem;
  /** ID registers of the CPUs. */
  readonly readId: ReadId;
  /** CNTPCT_EL0; default: instructions that guests executed. */
  readonly counter?: () => bigint;
  /** The file interp.wasm of the build; default: it is generated anew, which takes a moment. */
  readonly interpreter?: Uint8Array;
  /** vCPUs execute at the same time, each on one of these; the memory is shared. */
  readonly threads?: Omit<ThreadOptions, 'follow'>;
  readonly tier?: MakeTier;
}

export interface Machine {
  readonly mem: PhysMem;
  readonly hardware: Hardware;
  /** CNTPCT_EL0. */
  counter(): bigint;
  /** Nothing happens before the counter is at `tick`: it goes there. */
  jumpTo(tick: bigint): void;
  /** Answers what vCPUs ask that execute by themselves. @param wait until something has happened */
  attend(wait: boolean): void;
  readonly parallel: boolean;
  /** The counter is as it was when the machine was made: for VMs that are to be equal. */
  restart(): void;
}

/** The counter when the machine starts: no sane one reads zero. */
const START = 1_000_000;
const MAX_INSTRUCTIONS = 0x7fff_ffff;

export function createMachine(options: MachineOptions): Machine {
  const { mem, readId, interpreter, threads, tier } = options;
  const directory = createPeDirectory();
  const virtual = new ElapsedTime(START);
  const counter = options.counter ?? (() => BigInt(virtual.now()));
  const known = new Map<Feat, boolean>();
  const hasFeat = (feat: Feat): boolean => {
    const before = known.get(feat);
    if (before !== undefined) return before;
    const is = has(feat, readId);
    known.set(feat, is);
    return is;
  };
  let made: { readonly engine: Engine; readonly pool: PePool } | undefined;
  const execution = (): NonNullable<typeof made> => {
    if (made) return made;
    const engine = createInterpreter(mem, {
      has: (f) => isFeat(f) && hasFeat(f),
      hooks: directory,
      pauth: (cpu) => directory.pauth(cpu),
      groups: A64,
      ...(interpreter && { prebuilt: Prebuilt.of(interpreter) }),
      ...(tier && { tier }),
      ...(threads && { threads: { ...threads, follow: (cpu: CpuState) => virtual.follow(cpu) } }),
    });
    made = { engine, pool: new PePool(mem, engine) };
    return made;
  };
  const clock = {
    now: counter,
    follows: options.counter === undefined,
    spend: (ticks: number) => virtual.advance(ticks),
    instructionsUntil: (tick: bigint) => Math.max(1, Math.min(Number(tick - counter()), MAX_INSTRUCTIONS)),
    ...(threads && { readTicks: AWAY_READ_TICKS }),
  };
  return {
    mem,
    counter,
    jumpTo: (tick) => virtual.jumpTo(Number(tick)),
    parallel: threads !== undefined,
    attend: (wait) => void made?.engine.parallel?.attend(wait),
    restart: () => virtual.restart(),
    hardware: {
      createPe: (wiring) => new Pe({ mem, ...execution(), directory, has: hasFeat, clock, ...wiring }),
      createDomain: createPeDomain,
      invalidateCode: (frame) => made?.engine.invalidateCode(frame),
      has: hasFeat,
      clock,
      enter: (cpu) => virtual.enter(cpu),
      leave: () => void virtual.leave(),
      ...(threads && { depart: (cpu) => virtual.depart(cpu), arrive: (cpu) => virtual.arrive(cpu) }),
      timeOf: (tick) => tick,
      realtime: counter,
    },
  };
}
