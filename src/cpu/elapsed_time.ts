// Time that follows what CPUs do: it passes while an entered CPU executes, an instruction each nanosecond, and while that CPU
// waits. Where CPUs execute at the same time it goes as far as the furthest of them has come.

import type { CpuState } from './state.ts';

/** ns that a guest takes to read the counter: it asks another thread, so loops that wait for a time must not be long ones. */
export const AWAY_READ_TICKS = 1000;

export class ElapsedTime {
  private readonly start: number;
  private elapsed: number;
  private running: CpuState | undefined;
  /** Low half of its time: no run is as long as 2^32 ticks. */
  private since = 0;
  private readonly away = new Map<CpuState, { readonly at: number; readonly since: number }>();

  /** @param start the time before anything has happened, in ns */
  constructor(start: number) {
    this.start = start;
    this.elapsed = start;
  }
  now(): number {
    return this.elapsed + this.executed();
  }
  private executed(): number {
    return this.running ? (this.running.timeLow - this.since) >>> 0 : 0;
  }

  /** From here to leave(), time that passes for `cpu` passes. Nests (a vCPU inside KVM_RUN). */
  enter(cpu: CpuState): void {
    this.elapsed += this.executed();
    this.running = cpu;
    this.since = cpu.timeLow;
  }
  /** @returns ns since enter() */
  leave(): number {
    const n = this.executed();
    this.elapsed += n;
    this.running = undefined;
    return n;
  }
  /** The CPU that was entered goes on by itself, beside others. */
  depart(cpu: CpuState): void {
    this.leave();
    this.away.set(cpu, { at: this.elapsed, since: cpu.timeLow });
  }
  /** It asks for something: time is at least where it is, as far as it has said. */
  follow(cpu: CpuState): void {
    const began = this.away.get(cpu);
    if (began) this.elapsed = Math.max(this.elapsed, began.at + ((cpu.timeLow - began.since) >>> 0));
  }
  /** It is back, as after enter(). */
  arrive(cpu: CpuState): void {
    this.follow(cpu);
    this.away.delete(cpu);
    this.enter(cpu);
  }
  /** Time that no instruction accounts for: the cost of a system call, idle time skipped. */
  advance(ns: number): void {
    this.elapsed += ns;
  }
  /** Idle: goes to `ns` if it lies ahead. */
  jumpTo(ns: number): void {
    this.elapsed += Math.max(0, ns - this.elapsed - this.executed());
  }
  restart(): void {
    this.elapsed = this.start;
  }
}
