// How a thread sleeps inside a system call: a wait queue that something else wakes, and the Pending that tries again.
// Knows nothing of what is waited for.

import { Errno, type Pending } from '../base/hostfile.ts';

/** Internal results of an interrupted call, as the kernel's errno.h has them; never seen by the program. */
export const Restart = {
  /** Restart if the handler has SA_RESTART, else EINTR. */
  ERESTARTSYS: -512,
  /** Restart always. */
  ERESTARTNOINTR: -513,
  /** Restart only if no handler ran. */
  ERESTARTNOHAND: -514,
} as const;

/** Whoever can be woken: a thread. */
export interface Sleeper {
  wake(): void;
}

export class WaitQueue {
  private readonly sleepers = new Set<Sleeper>();

  add(s: Sleeper): void {
    this.sleepers.add(s);
  }
  remove(s: Sleeper): void {
    this.sleepers.delete(s);
  }
  /** Wakes all sleepers; each looks again whether what it waits for is there. */
  wake(): void {
    if (this.sleepers.size === 0) return;
    const all = [...this.sleepers];
    this.sleepers.clear();
    for (const s of all) s.wake();
  }
}

export interface WaitOptions {
  /** Queues whose wake() is worth another try. Without any, the scheduler polls. */
  readonly queues?: readonly WaitQueue[];
  /** Absolute CLOCK_MONOTONIC ns after which `timedOut` is the result. */
  readonly deadline?: number | undefined;
  readonly now?: () => number;
  readonly timedOut?: number | (() => number);
  /** Result when a signal arrives. Default ERESTARTSYS. A function may decide (and clean up). */
  readonly interrupted?: number | (() => number);
}

/** A Pending that asks `attempt` again and again. */
export class Wait implements Pending {
  private readonly attempt: () => number | 'wait';
  private readonly options: WaitOptions;

  constructor(attempt: () => number | 'wait', options: WaitOptions = {}) {
    this.attempt = attempt;
    this.options = options;
  }
  get queues(): readonly WaitQueue[] | undefined {
    return this.options.queues;
  }
  step(): number | 'wait' {
    const r = this.attempt();
    if (r !== 'wait') return r;
    const { deadline, now, timedOut } = this.options;
    if (deadline !== undefined && now && now() >= deadline)
      return typeof timedOut === 'function' ? timedOut() : (timedOut ?? -Errno.ETIMEDOUT);
    return 'wait';
  }
  wakeAt(): bigint | undefined {
    return this.options.deadline === undefined ? undefined : BigInt(this.options.deadline);
  }
  interrupt(): number {
    const i = this.options.interrupted;
    return typeof i === 'function' ? i() : (i ?? Restart.ERESTARTSYS);
  }
}
