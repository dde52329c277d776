// The hardware behind KVM: PEs on the engine of the machine, with the machine's clock.

import { type Feat, has, type ReadId } from '../arch/features.ts';
import { AWAY_READ_TICKS } from '../cpu/elapsed_time.ts';
import type { Engine } from '../cpu/engine.ts';
import { Pe } from '../cpu/pe.ts';
import { createPeDomain } from '../cpu/pe_directory.ts';
import { PePool } from '../cpu/pe_pool.ts';
import type { PeRegistry } from '../cpu/pe_ports.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import type { CpuState } from '../cpu/state.ts';
import type { Hardware } from '../kvm/index.ts';
import type { Clock } from '../linux/clock.ts';

export interface HardwareParts {
  readonly mem: PhysMem;
  readonly engine: Engine;
  readonly directory: PeRegistry;
  /** ID registers of the CPU that guests run on. */
  readonly readId: ReadId;
  /** Asked when a guest runs, when there is a machine. */
  readonly clock: () => Clock;
  /** Guests execute at the same time. */
  readonly parallel: boolean;
}

/** One tick of the counter is one nanosecond (linux/clock.ts), and one instruction. */
export function guestHardware(parts: HardwareParts): Hardware {
  const { mem, engine, directory, clock, parallel } = parts;
  const pool = new PePool(mem, engine);
  const known = new Map<Feat, boolean>();
  const hasFeat = (feat: Feat): boolean => {
    const before = known.get(feat);
    if (before !== undefined) return before;
    const is = has(feat, parts.readId);
    known.set(feat, is);
    return is;
  };
  const peClock = {
    now: () => clock().counter(),
    get follows() {
      return !clock().isReal;
    },
    spend: (ticks: number) => clock().advance(ticks),
    instructionsUntil: (tick: bigint) => Math.max(1, Math.min(Number(tick - clock().counter()), 0x7fff_ffff)),
    ...(parallel && { readTicks: AWAY_READ_TICKS }),
  };
  return {
    createPe: (wiring) => new Pe({ mem, engine, pool, directory, has: hasFeat, clock: peClock, ...wiring }),
    createDomain: createPeDomain,
    invalidateCode: (frame) => engine.invalidateCode(frame),
    has: hasFeat,
    clock: peClock,
    enter: (cpu) => clock().enter(cpu),
    leave: () => {
      clock().leave();
    },
    ...(parallel && { depart: (cpu: CpuState) => clock().depart(cpu), arrive: (cpu: CpuState) => clock().arrive(cpu) }),
    timeOf: (tick) => tick,
    realtime: () => clock().realtime(),
  };
}
