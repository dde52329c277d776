// Waiting for many files at once: poll, select, epoll; and the files that exist to be waited for.

import { Errno, type Result } from '../../base/hostfile.ts';
import { Clockid, Open, Poll } from '../abi/flags.ts';
import { UNBLOCKABLE } from '../abi/signals.ts';
import { putTimespec, Struct } from '../bytes.ts';
import type { Thread } from '../thread.ts';
import { Epoll } from '../vfs/epoll.ts';
import { Description } from '../vfs/file.ts';
import { SignalFd } from '../vfs/signalfd.ts';
import { TimerFd } from '../vfs/timerfd.ts';
import { UserfaultFd } from '../vfs/userfaultfd.ts';
import { Restart, Wait, type WaitQueue } from '../wait.ts';
import { type SyscallTable, SysError, sys } from './schema.ts';
import { after, asMonotonic, fileOf, getAbsolute, getStruct, getTimespec, putBytes, putStruct } from './util.ts';

const { EINVAL, EBADF } = Errno;

/** A temporary signal mask for the time of the call; it goes back on the way to the program. */
export function setTemporaryMask(t: Thread, addr: bigint, size: number): void {
  if (addr === 0n) return;
  if (size !== 8) throw new SysError(EINVAL);
  const mask = getStruct(t, addr, 8).u64(0);
  t.savedMask = t.mask;
  t.mask = mask & ~UNBLOCKABLE;
}

/**
 * Waits until `check` gives something. @param files looked at, for their wait queues
 * @param timeout relative ns, undefined: for ever
 */
function waitFor(
  t: Thread,
  files: readonly (Description | undefined)[],
  timeout: number | undefined,
  check: () => number,
  interrupted: number,
): Result {
  const n = check();
  if (n !== 0 || timeout === 0) return n;
  const queues: WaitQueue[] = [];
  let complete = true;
  for (const d of files) {
    if (!d) continue;
    if (d.file instanceof Epoll) {
      const q = d.file.queues();
      if (q) queues.push(...q);
      else complete = false;
    } else if (d.file.waitQueue) queues.push(d.file.waitQueue);
    else if (d.file.poll) complete = false;
  }
  const { clock } = t.machine;
  return new Wait(() => check() || 'wait', {
    ...(complete ? { queues } : {}),
    deadline: timeout === undefined ? undefined : clock.now() + timeout,
    now: () => clock.now(),
    timedOut: 0,
    interrupted,
  });
}
/** What poll says of a description; files without poll() are always ready. */
function ready(d: Description, events: number): number {
  const now = d.file.poll ? d.file.poll() : Poll.POLLIN | Poll.POLLOUT;
  let r = now;
  if ((now & Poll.POLLIN) !== 0) r |= Poll.POLLRDNORM;
  if ((now & Poll.POLLOUT) !== 0) r |= Poll.POLLWRNORM;
  return r & (events | Poll.POLLERR | Poll.POLLHUP);
}
function ppoll(t: Thread, fds: bigint, count: number, timeout: number | undefined): Result {
  if (count > 1_048_576) return -EINVAL;
  const s = getStruct(t, fds, count * 8);
  const files = Array.from({ length: count }, (_, i) => (s.i32(i * 8) < 0 ? undefined : t.files.get(s.i32(i * 8))));
  const check = () => {
    let n = 0;
    for (let i = 0; i < count; i++) {
      const d = files[i];
      const r = s.i32(i * 8) < 0 ? 0 : d ? ready(d, s.u16(i * 8 + 4)) : Poll.POLLNVAL;
      s.set16(i * 8 + 6, r);
      if (r !== 0) n++;
    }
    return n;
  };
  return after(waitFor(t, files, timeout, check, Restart.ERESTARTNOHAND), (n) => {
    if (n >= 0) putStruct(t, fds, s);
    return n;
  });
}
function pselect(t: Thread, n: number, sets: readonly [bigint, bigint, bigint], timeout: number | undefined): Result {
  if (n < 0 || n > 1024) return -EINVAL;
  const bytes = Math.ceil(n / 64) * 8;
  const WANT = [Poll.POLLIN | Poll.POLLHUP | Poll.POLLERR, Poll.POLLOUT | Poll.POLLERR, Poll.POLLPRI] as const;
  const inputs = sets.map((a) => (a === 0n ? undefined : getStruct(t, a, bytes).bytes));
  const outputs = inputs.map((b) => b && new Uint8Array(b.length));
  const files: (Description | undefined)[] = [];
  for (let fd = 0; fd < n; fd++) {
    if (!inputs.some((b) => b && (b[fd >> 3]! & (1 << (fd & 7))) !== 0)) continue;
    const d = t.files.get(fd);
    if (!d) return -EBADF;
    files[fd] = d;
  }
  const check = () => {
    let total = 0;
    for (let k = 0; k < 3; k++) {
      const inb = inputs[k];
      const out = outputs[k];
      if (!inb || !out) continue;
      out.fill(0);
      for (let fd = 0; fd < n; fd++) {
        if ((inb[fd >> 3]! & (1 << (fd & 7))) === 0) continue;
        const now = files[fd]!.file.poll ? files[fd]!.file.poll!() : Poll.POLLIN | Poll.POLLOUT;
        if ((now & WANT[k]!) !== 0) {
          out[fd >> 3]! |= 1 << (fd & 7);
          total++;
        }
      }
    }
    return total;
  };
  return after(waitFor(t, files, timeout, check, Restart.ERESTARTNOHAND), (r) => {
    if (r >= 0)
      sets.forEach((a, k) => {
        if (outputs[k]) putBytes(t, a, outputs[k]);
      });
    return r;
  });
}
function epollWait(t: Thread, fd: number, events: bigint, max: number, timeout: number | undefined): Result {
  const d = fileOf(t, fd);
  const ep = d.file;
  if (!(ep instanceof Epoll) || max <= 0) return -EINVAL;
  let found: { events: number; data: bigint }[] = [];
  const check = () => {
    found = ep.collect(max);
    return found.length;
  };
  return after(waitFor(t, [d], timeout, check, -Errno.EINTR), (n) => {
    if (n > 0) {
      const s = new Struct(16 * found.length);
      found.forEach((e, i) => {
        s.set32(16 * i, e.events).set64(16 * i + 8, e.data);
      });
      putStruct(t, events, s);
    }
    return n;
  });
}
const ms = (n: number): number | undefined => (n < 0 ? undefined : n * 1e6);
const KNOWN_CLOCKS: readonly number[] = [Clockid.CLOCK_REALTIME, Clockid.CLOCK_MONOTONIC, Clockid.CLOCK_BOOTTIME];

function timerFd(t: Thread, fd: number): TimerFd {
  const { file } = fileOf(t, fd);
  if (!(file instanceof TimerFd)) throw new SysError(EINVAL);
  return file;
}
function remaining(t: Thread, f: TimerFd): Struct {
  const s = new Struct(32);
  putTimespec(s, 0, f.timer.interval);
  putTimespec(s, 16, f.timer.deadline === undefined ? 0 : Math.max(1, f.timer.deadline - t.machine.clock.now()));
  return s;
}

export const EVENTS = {
  ppoll: sys(73, 'ptr fds, uint nfds, timespec timeout, sigset sigmask, size size', (t, a) => {
    const timeout = a.timeout === 0n ? undefined : getTimespec(t, a.timeout);
    setTemporaryMask(t, a.sigmask, a.size);
    return ppoll(t, a.fds, a.nfds, timeout);
  }),
  pselect6: sys(72, 'int nfds, ptr read, ptr write, ptr except, timespec timeout, ptr sigmask', (t, a) => {
    const timeout = a.timeout === 0n ? undefined : getTimespec(t, a.timeout);
    if (a.sigmask !== 0n) {
      const s = getStruct(t, a.sigmask, 16);
      setTemporaryMask(t, s.u64(0), s.n64(8));
    }
    return pselect(t, a.nfds, [a.read, a.write, a.except], timeout);
  }),
  epoll_create1: sys(20, 'openflags flags', (t, a) => {
    if ((a.flags & ~Open.O_CLOEXEC) !== 0) return -EINVAL;
    return t.install(new Description(new Epoll(), Open.O_RDWR, 'anon_inode:[eventpoll]'), a.flags !== 0);
  }),
  epoll_ctl: sys(21, 'fd epfd, int op, fd fd, ptr event', (t, a) => {
    const ep = fileOf(t, a.epfd).file;
    const d = fileOf(t, a.fd);
    if (!(ep instanceof Epoll) || d.file === ep) return -EINVAL;
    const EPOLL_CTL_DEL = 2;
    if (a.op === EPOLL_CTL_DEL) return ep.control(a.op, a.fd, d, 0, 0n);
    const s = getStruct(t, a.event, 16);
    return ep.control(a.op, a.fd, d, s.u32(0), s.u64(8));
  }),
  epoll_pwait: sys(22, 'fd epfd, ptr events, int max, int timeout, sigset sigmask, size size', (t, a) => {
    setTemporaryMask(t, a.sigmask, a.size);
    return epollWait(t, a.epfd, a.events, a.max, ms(a.timeout));
  }),
  epoll_pwait2: sys(441, 'fd epfd, ptr events, int max, timespec timeout, sigset sigmask, size size', (t, a) => {
    const timeout = a.timeout === 0n ? undefined : getTimespec(t, a.timeout);
    setTemporaryMask(t, a.sigmask, a.size);
    return epollWait(t, a.epfd, a.events, a.max, timeout);
  }),
  timerfd_create: sys(85, 'clockid clockid, openflags flags', (t, a) => {
    if ((a.flags & ~(Open.O_CLOEXEC | Open.O_NONBLOCK)) !== 0 || !KNOWN_CLOCKS.includes(a.clockid)) return -EINVAL;
    const f = new TimerFd(t.machine.timers, a.clockid);
    const d = new Description(f, Open.O_RDWR | (a.flags & Open.O_NONBLOCK), 'anon_inode:[timerfd]');
    return t.install(d, (a.flags & Open.O_CLOEXEC) !== 0);
  }),
  timerfd_settime: sys(86, 'fd fd, int flags, ptr new, ptr old', (t, a) => {
    const f = timerFd(t, a.fd);
    if ((a.flags & ~3) !== 0) return -EINVAL;

    const old = remaining(t, f);
    const interval = getTimespec(t, a.new);
    const value = getAbsolute(t, a.new + 16n);
    const { clock } = t.machine;
    const isReal = f.clockid === Clockid.CLOCK_REALTIME;
    const at = (a.flags & 1) !== 0 ? asMonotonic(t, value, isReal) : clock.now() + Number(value);
    f.set(value === 0n ? undefined : at, interval);
    if (a.old !== 0n) putStruct(t, a.old, old);
    return 0;
  }),
  timerfd_gettime: sys(87, 'fd fd, ptr current', (t, a) => {
    putStruct(t, a.current, remaining(t, timerFd(t, a.fd)));
    return 0;
  }),
  signalfd4: sys(74, 'fd fd, sigset mask, size size, openflags flags', (t, a) => {
    if (a.size !== 8 || (a.flags & ~(Open.O_CLOEXEC | Open.O_NONBLOCK)) !== 0) return -EINVAL;
    const mask = getStruct(t, a.mask, 8).u64(0) & ~UNBLOCKABLE;
    if (a.fd >= 0) {
      const { file } = fileOf(t, a.fd);
      if (!(file instanceof SignalFd)) return -EINVAL;
      file.mask = mask;
      return a.fd;
    }
    const d = new Description(
      new SignalFd(t, mask),
      Open.O_RDWR | (a.flags & Open.O_NONBLOCK),
      'anon_inode:[signalfd]',
    );
    return t.install(d, (a.flags & Open.O_CLOEXEC) !== 0);
  }),
  userfaultfd: sys(282, 'openflags flags', (t, a) => {
    const UFFD_USER_MODE_ONLY = 1;
    if ((a.flags & ~(Open.O_CLOEXEC | Open.O_NONBLOCK | UFFD_USER_MODE_ONLY)) !== 0) return -EINVAL;
    const d = new Description(
      new UserfaultFd(t.mm),
      Open.O_RDWR | (a.flags & Open.O_NONBLOCK),
      'anon_inode:[userfaultfd]',
    );
    return t.install(d, (a.flags & Open.O_CLOEXEC) !== 0);
  }),
} satisfies SyscallTable;
