// Clocks, sleeping, interval and POSIX timers.

import { Errno, type Result } from '../../base/hostfile.ts';
import { Clockid, SiCode, Signal } from '../abi/flags.ts';
import { putTimespec, putTimeval, Struct } from '../bytes.ts';
import type { PosixTimer } from '../process.ts';
import type { Thread } from '../thread.ts';
import { Restart, Wait } from '../wait.ts';
import { answer, type SyscallTable, SysError, sys } from './schema.ts';
import { asMonotonic, getAbsolute, getStruct, getTimespec, put32, putStruct } from './util.ts';

const { EINVAL, EPERM, EFAULT, EOPNOTSUPP } = Errno;

/** Reads a clock in ns. @throws EINVAL */
function readClock(t: Thread, id: number): bigint {
  const { clock } = t.machine;
  switch (id) {
    case Clockid.CLOCK_REALTIME:
    case Clockid.CLOCK_REALTIME_COARSE:
    case Clockid.CLOCK_REALTIME_ALARM:
    case Clockid.CLOCK_TAI:
      return clock.realtime();
    case Clockid.CLOCK_MONOTONIC:
    case Clockid.CLOCK_MONOTONIC_RAW:
    case Clockid.CLOCK_MONOTONIC_COARSE:
    case Clockid.CLOCK_BOOTTIME:
    case Clockid.CLOCK_BOOTTIME_ALARM:
      return BigInt(clock.now());
    case Clockid.CLOCK_PROCESS_CPUTIME_ID:
      return BigInt(t.process.cpuTime);
    case Clockid.CLOCK_THREAD_CPUTIME_ID:
      return BigInt(t.cpuTime);
  }
  if (id < 0) {
    // CPU-time clocks of others: (~pid << 3) | kind, bit 2 for a thread.
    const pid = ~(id >> 3);
    const target =
      (id & 4) !== 0 ? (pid === 0 ? t : t.machine.thread(pid)) : pid === 0 ? t.process : t.machine.process(pid);
    if (target && (id & 3) !== 3) return BigInt(target.cpuTime);
  }
  throw new SysError(EINVAL);
}
const usesRealtime = (id: number) =>
  id === Clockid.CLOCK_REALTIME || id === Clockid.CLOCK_TAI || id === Clockid.CLOCK_REALTIME_ALARM;
/** Clocks that can be read but not waited for. */
const NO_TIMERS: readonly number[] = [
  Clockid.CLOCK_REALTIME_COARSE,
  Clockid.CLOCK_MONOTONIC_COARSE,
  Clockid.CLOCK_MONOTONIC_RAW,
];
/**
 * From the expiry of a sleeper's timer until it runs: interrupt, wake-up, switch. Linux allows itself 50 us more (the
 * timer slack); programs that sleep for a microsecond count on never getting so little.
 */
const WAKE_LATENCY_NS = 5_000;
function sleep(t: Thread, id: number, absolute: boolean, request: bigint, remain: bigint): Result {
  const want = getAbsolute(t, request);
  if (id === Clockid.CLOCK_THREAD_CPUTIME_ID) return -EINVAL;
  if (NO_TIMERS.includes(id)) return -EOPNOTSUPP;
  const { clock } = t.machine;
  readClock(t, id);
  const due = absolute ? asMonotonic(t, want, usesRealtime(id)) : clock.now() + Number(want);
  const deadline = due > clock.now() && !clock.isReal ? due + WAKE_LATENCY_NS : due;
  return new Wait(() => (clock.now() >= deadline ? 0 : 'wait'), {
    queues: [],
    deadline,
    now: () => clock.now(),
    timedOut: 0,
    interrupted: () => {
      if (absolute) return Restart.ERESTARTNOHAND;
      if (remain !== 0n) {
        const s = new Struct(16);
        putTimespec(s, 0, Math.max(0, deadline - clock.now()));
        if (!t.mm.write(remain, s.bytes)) return -EFAULT;
      }
      return -Errno.EINTR;
    },
  });
}

// setitimer: ITIMER_REAL counts time, VIRTUAL and PROF count the process's own.
const ITIMER_SIGNAL = [Signal.SIGALRM, Signal.SIGVTALRM, Signal.SIGPROF] as const;
function itimerValue(t: Thread, which: number): Struct {
  const s = new Struct(32);
  const timer = t.process.itimers[which];
  if (timer?.deadline !== undefined) {
    putTimeval(s, 0, timer.interval);
    putTimeval(s, 16, Math.max(1000, timer.deadline - t.machine.clock.now()));
  }
  return s;
}
function setitimer(t: Thread, which: number, value: bigint, old: bigint): number {
  const signo = ITIMER_SIGNAL[which];
  if (signo === undefined) return -EINVAL;
  const before = itimerValue(t, which);
  let interval = 0;
  let first = 0;
  if (value !== 0n) {
    const s = getStruct(t, value, 32);
    const tv = (o: number) => {
      const usec = s.n64(o + 8);
      if (s.n64(o) < 0 || usec < 0 || usec > 999_999) throw new SysError(EINVAL);
      return s.n64(o) * 1e9 + usec * 1000;
    };
    interval = tv(0);
    first = tv(16);
  }
  const p = t.process;
  p.itimers[which] ??= t.machine.timers.create(() => p.signal({ signo, code: SiCode.SI_KERNEL, pid: 0, uid: 0 }));
  p.itimers[which].arm(first === 0 ? undefined : t.machine.clock.now() + first, interval);
  if (old !== 0n) putStruct(t, old, before);
  return 0;
}

function timerCreate(t: Thread, clockid: number, event: bigint, out: bigint): number {
  readClock(t, clockid);
  if (NO_TIMERS.includes(clockid)) return -EOPNOTSUPP;
  const p = t.process;
  const id = p.nextTimer++;
  let notify = 0;
  let signo: number = Signal.SIGALRM;
  let value = BigInt(id);
  let tid = 0;
  if (event !== 0n) {
    const s = getStruct(t, event, 64);
    value = s.u64(0);
    signo = s.i32(8);
    notify = s.i32(12);
    tid = s.i32(16);
    if ((notify & ~5) !== 0 || (notify !== 1 && (signo < 1 || signo > 64))) return -EINVAL;
    if ((notify & 4) !== 0 && t.machine.thread(tid)?.process !== p) return -EINVAL;
  }
  const isNone = (notify & 1) !== 0;
  let queued = false;
  let missed = 0;
  const entry: PosixTimer = {
    clockid,
    overrun: 0,
    timer: t.machine.timers.create((n) => {
      if (isNone) return;
      missed += n;
      if (queued) return;
      queued = true;
      missed--;
      const info = { signo, code: SiCode.SI_TIMER, pid: id, value, timer: entry };
      if ((notify & 4) !== 0) t.machine.thread(tid)?.signal(info);
      else p.signal(info);
    }),
    taken: () => {
      queued = false;
      entry.overrun = missed;
      missed = 0;
      return entry.overrun;
    },
    dropped: () => {
      queued = false;
      missed = 0;
    },
  };
  p.timers.set(id, entry);
  put32(t, out, id);
  return 0;
}
/** What the timer had to say before it was set anew or deleted. */
function forgetSignal(t: Thread, e: PosixTimer): void {
  t.process.pending.dropTimer(e);
  for (const x of t.process.threads) x.pending.dropTimer(e);
}
function posixTimer(t: Thread, id: number): PosixTimer {
  const e = t.process.timers.get(id);
  if (!e) throw new SysError(EINVAL);
  return e;
}
function itimerspec(t: Thread, e: PosixTimer): Struct {
  const s = new Struct(32);
  putTimespec(s, 0, e.timer.interval);
  putTimespec(s, 16, e.timer.deadline === undefined ? 0 : Math.max(1, e.timer.deadline - t.machine.clock.now()));
  return s;
}

export const TIME = {
  clock_gettime: sys(113, 'clockid clock, timespecout tp', (t, a) => {
    const s = new Struct(16);
    putTimespec(s, 0, readClock(t, a.clock));
    putStruct(t, a.tp, s);
    return 0;
  }),
  clock_getres: sys(114, 'clockid clock, timespecout tp', (t, a) => {
    readClock(t, a.clock);
    const s = new Struct(16);
    putTimespec(s, 0, 1);
    if (a.tp !== 0n) putStruct(t, a.tp, s);
    return 0;
  }),
  clock_settime: answer(112, 'clockid clock, timespec tp', -EPERM),
  clock_adjtime: answer(266, 'clockid clock, ptr buf', -EOPNOTSUPP),
  clock_nanosleep: sys(115, 'clockid clock, int flags, timespec request, ptr remain', (t, a) =>
    sleep(t, a.clock, (a.flags & 1) !== 0, a.request, a.remain),
  ),
  nanosleep: sys(101, 'timespec request, ptr remain', (t, a) =>
    sleep(t, Clockid.CLOCK_MONOTONIC, false, a.request, a.remain),
  ),
  gettimeofday: sys(169, 'ptr tv, ptr tz', (t, a) => {
    if (a.tv !== 0n) {
      const s = new Struct(16);
      putTimeval(s, 0, t.machine.clock.realtime());
      putStruct(t, a.tv, s);
    }
    if (a.tz !== 0n) putStruct(t, a.tz, new Struct(8));
    return 0;
  }),
  settimeofday: answer(170, 'ptr tv, ptr tz', -EPERM),
  adjtimex: answer(171, 'ptr buf', -EPERM),
  getitimer: sys(102, 'int which, ptr value', (t, a) => {
    if (ITIMER_SIGNAL[a.which] === undefined) return -EINVAL;
    putStruct(t, a.value, itimerValue(t, a.which));
    return 0;
  }),
  setitimer: sys(103, 'int which, ptr value, ptr old', (t, a) => setitimer(t, a.which, a.value, a.old)),
  timer_create: sys(107, 'clockid clock, ptr event, intout timer', (t, a) => timerCreate(t, a.clock, a.event, a.timer)),
  timer_gettime: sys(108, 'int timer, ptr value', (t, a) => {
    putStruct(t, a.value, itimerspec(t, posixTimer(t, a.timer)));
    return 0;
  }),
  timer_getoverrun: sys(109, 'int timer', (t, a) => posixTimer(t, a.timer).overrun),
  timer_settime: sys(110, 'int timer, int flags, ptr value, ptr old', (t, a) => {
    const e = posixTimer(t, a.timer);
    const old = itimerspec(t, e);
    const interval = getTimespec(t, a.value);
    const first = getAbsolute(t, a.value + 16n);
    forgetSignal(t, e);
    const at =
      (a.flags & 1) !== 0 ? asMonotonic(t, first, usesRealtime(e.clockid)) : t.machine.clock.now() + Number(first);
    e.timer.arm(first === 0n ? undefined : at, interval);
    if (a.old !== 0n) putStruct(t, a.old, old);
    return 0;
  }),
  timer_delete: sys(111, 'int timer', (t, a) => {
    const e = posixTimer(t, a.timer);
    e.timer.arm(undefined, 0);
    forgetSignal(t, e);
    t.process.timers.delete(a.timer);
    return 0;
  }),
  times: sys(153, 'ptr buf', (t, a) => {
    const TICK = 1e7; // 100 ticks a second
    if (a.buf !== 0n) {
      const s = new Struct(32);
      s.set64(0, Math.floor(t.process.cpuTime / TICK)).set64(16, Math.floor(t.process.childTime / TICK));
      putStruct(t, a.buf, s);
    }
    return Math.floor(t.machine.clock.now() / TICK);
  }),
} satisfies SyscallTable;
