// What time is it for the emulated process? Virtual time is the number of instructions executed so far (one each
// nanosecond) plus what idle waiting skipped; real time asks the host. Knows nothing of who waits for what.

import { AwayTime } from '../cpu/away_time.ts';
import type { CpuState } from '../cpu/state.ts';

/** 2026-01-01T00:00:00Z in seconds: CLOCK_REALTIME when a virtual machine starts. */
const VIRTUAL_EPOCH_S = 1_767_225_600n;
/** CLOCK_MONOTONIC at start, ns: the machine "booted" ten seconds ago, so no sane clock reads zero. */
const BOOT_OFFSET_NS = 10_000_000_000;
/** Frequency of CNTVCT_EL0. 1 GHz is what Armv8.6 and later require, and makes one tick one nanosecond. */
export const COUNTER_HZ = 1_000_000_000n;

/** The host's clocks, for `--clock real`. */
export interface RealClock {
  /** Monotonic ns. */
  monotonic(): number;
  /** ns since 1970. */
  realtime(): bigint;
}

export class Clock {
  private elapsed = BOOT_OFFSET_NS;
  private running: CpuState | undefined;
  /** Low half of its time: no run is as long as 2^32 ticks. */
  private runningSince = 0;
  private readonly real: RealClock | undefined;
  private readonly realStart: number;
  private readonly away = new AwayTime();

  constructor(real?: RealClock) {
    this.real = real;
    this.realStart = real ? real.monotonic() : 0;
  }

  get isReal(): boolean {
    return this.real !== undefined;
  }

  /** CLOCK_MONOTONIC in ns. */
  now(): number {
    if (this.real) return BOOT_OFFSET_NS + Math.floor(this.real.monotonic() - this.realStart);
    const cpu = this.running;
    return cpu ? this.elapsed + this.executed(cpu) : this.elapsed;
  }
  private executed(cpu: CpuState): number {
    return (cpu.timeLow - this.runningSince) >>> 0;
  }
  /** CLOCK_REALTIME in ns. */
  realtime(): bigint {
    return this.real ? this.real.realtime() : VIRTUAL_EPOCH_S * 1_000_000_000n + BigInt(this.now());
  }
  /** CNTVCT_EL0. */
  counter(): bigint {
    return BigInt(this.now());
  }

  /** From here to leave(), time that passes for `cpu`, an instruction a nanosecond, passes. Nests (a vCPU inside KVM_RUN). */
  enter(cpu: CpuState): void {
    if (this.running) this.elapsed += this.executed(this.running);
    this.running = cpu;
    this.runningSince = cpu.timeLow;
  }
  /** @returns ns since enter(). */
  leave(): number {
    if (!this.running) return 0;
    const n = this.executed(this.running);
    this.elapsed += n;
    this.running = undefined;
    return n;
  }
  /** The CPU that was entered goes on by itself, beside others. */
  depart(cpu: CpuState): void {
    this.leave();
    this.away.depart(cpu, this.elapsed);
  }
  /** It asks for something: time is at least where it is. */
  follow(cpu: CpuState): void {
    this.elapsed = this.away.of(cpu, this.elapsed);
  }
  /** It is back, as after enter(). */
  arrive(cpu: CpuState): void {
    this.follow(cpu);
    this.away.arrive(cpu);
    this.enter(cpu);
  }
  /** Time that no instruction accounts for: the cost of a system call, idle time skipped. */
  advance(ns: number): void {
    this.elapsed += ns;
  }
  /** Idle: jump to `ns` if it lies ahead (virtual time only). */
  jumpTo(ns: number): void {
    if (!this.real && ns > this.elapsed) this.elapsed = ns;
  }
}
