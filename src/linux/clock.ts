// What time is it for the emulated process? Virtual time is the number of instructions executed so far (one each
// nanosecond) plus what idle waiting skipped; real time asks the host. Knows nothing of who waits for what.

import { ElapsedTime } from '../cpu/elapsed_time.ts';

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

export class Clock extends ElapsedTime {
  private readonly real: RealClock | undefined;
  private readonly realStart: number;

  constructor(real?: RealClock) {
    super(BOOT_OFFSET_NS);
    this.real = real;
    this.realStart = real ? real.monotonic() : 0;
  }

  get isReal(): boolean {
    return this.real !== undefined;
  }

  /** CLOCK_MONOTONIC in ns. */
  override now(): number {
    if (this.real) return BOOT_OFFSET_NS + Math.floor(this.real.monotonic() - this.realStart);
    return super.now();
  }
  /** CLOCK_REALTIME in ns. */
  realtime(): bigint {
    return this.real ? this.real.realtime() : VIRTUAL_EPOCH_S * 1_000_000_000n + BigInt(this.now());
  }
  /** CNTVCT_EL0. */
  counter(): bigint {
    return BigInt(this.now());
  }
  /** Virtual time only. */
  override jumpTo(ns: number): void {
    if (!this.real) super.jumpTo(ns);
  }
}
