// Time where CPUs execute at the same time: it goes as far as the furthest of them has come. Each began at a known time and
// time of its own has passed since: an instruction each nanosecond, and waiting.

import type { CpuState } from './state.ts';

/** ns that a guest takes to read the counter: it asks another thread, so loops that wait for a time must not be long ones. */
export const AWAY_READ_TICKS = 1000;

export class AwayTime {
  private readonly began = new Map<CpuState, { readonly at: number; readonly since: number }>();

  /** The CPU executes by itself from now on. */
  depart(cpu: CpuState, now: number): void {
    this.began.set(cpu, { at: now, since: cpu.timeLow });
  }
  /** How far the CPU has come, as far as it has said; not before `now`. */
  of(cpu: CpuState, now: number): number {
    const b = this.began.get(cpu);
    return b ? Math.max(now, b.at + ((cpu.timeLow - b.since) >>> 0)) : now;
  }
  arrive(cpu: CpuState): void {
    this.began.delete(cpu);
  }
}
