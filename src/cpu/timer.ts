// The EL1 generic timers of one PE over the system counter: CNTP and CNTV, their offsets, compare values and outputs.
// Knows no interrupt numbers; who listens is told of changes of level. @arm the Generic Timer, "Timers"

import type { PeClock, TimerName, TimerSink } from './pe_ports.ts';
import { bitOf, type PeRegs, slotOf } from './pe_regs.ts';

const ENABLE = 1n;
const IMASK = 2n;
const ISTATUS = 4n;
const ECV = bitOf('CNTHCTL_EL2', 'ECV');
const MASK64 = 0xffff_ffff_ffff_ffffn;
const EVNTEN = bitOf('CNTKCTL_EL1', 'EVNTEN');

interface TimerRegs {
  readonly ctl: number;
  readonly cval: number;
}
const REGS: Readonly<Record<TimerName, TimerRegs>> = {
  CNTP: { ctl: slotOf('CNTP_CTL_EL0'), cval: slotOf('CNTP_CVAL_EL0') },
  CNTV: { ctl: slotOf('CNTV_CTL_EL0'), cval: slotOf('CNTV_CVAL_EL0') },
};
const NAMES = ['CNTP', 'CNTV'] as const;
const CNTVOFF = slotOf('CNTVOFF_EL2');
const CNTHCTL = slotOf('CNTHCTL_EL2');
const CNTPOFF = slotOf('CNTPOFF_EL2');

export class Timers {
  private readonly regs: PeRegs;
  private readonly clock: PeClock;
  private readonly sink: TimerSink;
  /** The next event when the present run began. */
  private deadline: bigint | undefined;
  private readonly level: Record<TimerName, boolean> = { CNTP: false, CNTV: false };

  constructor(regs: PeRegs, clock: PeClock, sink: TimerSink) {
    this.regs = regs;
    this.clock = clock;
    this.sink = sink;
  }

  private offset(t: TimerName): bigint {
    if (t === 'CNTV') return this.regs.raw(CNTVOFF);
    return this.regs.effective(CNTHCTL) & ECV ? this.regs.raw(CNTPOFF) : 0n;
  }
  /** CNTPCT_EL0 or CNTVCT_EL0. */
  counter(t: TimerName): bigint {
    return (this.clock.now() - this.offset(t)) & MASK64;
  }
  /** Whether the next event has become due since the present run began. */
  get due(): boolean {
    return this.deadline !== undefined && this.clock.now() >= this.deadline;
  }
  private met(t: TimerName): boolean {
    return this.counter(t) >= this.regs.raw(REGS[t].cval);
  }
  /** The level of the output now. */
  output(t: TimerName): boolean {
    const ctl = this.regs.raw(REGS[t].ctl);
    return (ctl & (ENABLE | IMASK)) === ENABLE && this.met(t);
  }

  // ---- registers ----------------------------------------------------------------------------------------------------------

  readCtl(t: TimerName): bigint {
    const ctl = this.regs.raw(REGS[t].ctl) & (ENABLE | IMASK);
    return ctl & ENABLE && this.met(t) ? ctl | ISTATUS : ctl;
  }
  writeCtl(t: TimerName, value: bigint): void {
    this.regs.setRaw(REGS[t].ctl, value & (ENABLE | IMASK));
    this.update();
  }
  writeCval(t: TimerName, value: bigint): void {
    this.regs.setRaw(REGS[t].cval, value);
    this.update();
  }
  readTval(t: TimerName): bigint {
    return (this.regs.raw(REGS[t].cval) - this.counter(t)) & 0xffff_ffffn;
  }
  writeTval(t: TimerName, value: bigint): void {
    this.writeCval(t, (this.counter(t) + BigInt.asIntN(32, value)) & MASK64);
  }

  // ---- events -------------------------------------------------------------------------------------------------------------

  /** Tells the sink what has changed. @returns whether anything has */
  update(): boolean {
    let changed = false;
    if (!this.anyEnabled && !this.level.CNTP && !this.level.CNTV) return false;
    for (const t of NAMES) {
      const now = this.output(t);
      if (now === this.level[t]) continue;
      this.level[t] = now;
      changed = true;
      this.sink.timerLevel(t, now);
    }
    return changed;
  }
  /** Asked at every entry of the guest. */
  private get anyEnabled(): boolean {
    return ((this.regs.half(REGS.CNTP.ctl, 0) | this.regs.half(REGS.CNTV.ctl, 0)) & 1) !== 0;
  }
  /** The system count at which the next output rises; undefined: none will. */
  nextEvent(): bigint | undefined {
    let next: bigint | undefined;
    if (!this.anyEnabled) return undefined;
    for (const t of NAMES) {
      const ctl = this.regs.raw(REGS[t].ctl);
      if ((ctl & (ENABLE | IMASK)) !== ENABLE) continue;
      const left = this.regs.raw(REGS[t].cval) - this.counter(t);
      if (left <= 0n) continue;
      const at = this.clock.now() + left;
      if (next === undefined || at < next) next = at;
    }
    return next;
  }
  /** Instructions until then, at most `limit`. */
  budget(limit: number): number {
    const next = this.nextEvent();
    this.deadline = next;
    return next === undefined ? limit : Math.max(1, Math.min(limit, this.clock.instructionsUntil(next)));
  }
  /** The virtual counter's next event for WFE, where the event stream is on. */
  eventStream(): bigint | undefined {
    const ctl = this.regs.value('CNTKCTL_EL1');
    if (!(ctl & EVNTEN)) return undefined;
    const period = 2n << ((ctl >> 4n) & 15n);
    const now = this.counter('CNTV');
    return this.clock.now() + (period - (now % period));
  }
  /** The system count at which the virtual counter shows `value`. */
  atVirtual(value: bigint): bigint {
    return this.clock.now() + ((value - this.counter('CNTV')) & MASK64);
  }
}
