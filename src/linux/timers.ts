// What shall happen when: timers of the machine in CLOCK_MONOTONIC ns, fired in order of their deadlines, equal ones
// in order of arming. Knows nothing of signals and files.

export interface Timer {
  /** @param deadline ns, undefined disarms @param interval ns between later expirations, 0 for one shot */
  arm(deadline: number | undefined, interval: number): void;
  readonly deadline: number | undefined;
  readonly interval: number;
}

interface Entry extends Timer {
  deadline: number | undefined;
  interval: number;
  order: number;
  fire: (expirations: number) => void;
}

export class Timers {
  private readonly armed = new Set<Entry>();
  private order = 0;
  private soonest: number | undefined;

  /** @param fire gets the number of expirations since the last call */
  create(fire: (expirations: number) => void): Timer {
    const entry: Entry = {
      deadline: undefined,
      interval: 0,
      order: 0,
      fire,
      arm: (deadline, interval) => {
        entry.deadline = deadline;
        entry.interval = interval;
        entry.order = this.order++;
        if (deadline === undefined) this.armed.delete(entry);
        else this.armed.add(entry);
        this.recompute();
      },
    };
    return entry;
  }
  private recompute(): void {
    this.soonest = undefined;
    for (const e of this.armed) if (this.soonest === undefined || e.deadline! < this.soonest) this.soonest = e.deadline;
  }
  /** The next deadline. */
  next(): number | undefined {
    return this.soonest;
  }
  /** Fires everything that is due. */
  run(now: number): void {
    while (this.soonest !== undefined && this.soonest <= now) {
      let first: Entry | undefined;
      for (const e of this.armed)
        if (!first || e.deadline! < first.deadline! || (e.deadline === first.deadline && e.order < first.order))
          first = e;
      const e = first!;
      let n = 1;
      if (e.interval > 0) {
        n += Math.floor((now - e.deadline!) / e.interval);
        e.deadline! += n * e.interval;
        e.order = this.order++;
      } else {
        e.deadline = undefined;
        this.armed.delete(e);
      }
      this.recompute();
      e.fire(n);
    }
  }
}
