// The hardware that guests execute on, as whoever composes the machine offers it. Without it there is no guest: KVM_RUN
// stops at the door. Interfaces only.

import type { Feat } from '../arch/features.ts';
import type { PeApi, PeClock, PeDomain, PeOptions } from '../cpu/pe_ports.ts';
import type { CpuState } from '../cpu/state.ts';

/** What KVM says about a PE that it wants; the rest is the machine's. */
export type PeWiring = Pick<
  PeOptions,
  'domain' | 'stage2' | 'guestHas' | 'vectorQuads' | 'interrupts' | 'device' | 'timers' | 'readId'
>;

export interface Hardware {
  createPe(wiring: PeWiring): PeApi;
  /** PEs that hear each other's TLB maintenance: those of one VM. */
  createDomain(): PeDomain;
  /** What is in a frame became code without the guest's maintenance. */
  invalidateCode(frame: number): void;
  /** What a CPU has, also what no guest is shown. */
  has(feat: Feat): boolean;
  readonly clock: PeClock;
  /** From here to leave(), instructions that `cpu` executes are time that passes. */
  enter(cpu: CpuState): void;
  leave(): void;
  /**
   * vCPUs execute at the same time (PeApi.start): what was entered goes on by itself, and comes back as after enter().
   * Absent: they take turns.
   */
  depart?(cpu: CpuState): void;
  arrive?(cpu: CpuState): void;
  /** CLOCK_MONOTONIC in ns at which CNTPCT_EL0 will be `tick`. */
  timeOf(tick: bigint): bigint;
  /** CLOCK_REALTIME in ns. */
  realtime(): bigint;
}
