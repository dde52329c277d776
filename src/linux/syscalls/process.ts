// Ending and waiting for processes; what they are called, and their limits.

import { Errno, type Result } from '../../base/hostfile.ts';
import { Open, SiCode, Signal } from '../abi/flags.ts';
import { Struct } from '../bytes.ts';
import type { Process } from '../process.ts';
import { encodeSigInfo } from '../siginfo.ts';
import type { Thread } from '../thread.ts';
import { Description } from '../vfs/file.ts';
import { PidFd } from '../vfs/pidfd.ts';
import { Wait } from '../wait.ts';
import { answer, KEEP, type SyscallTable, sys } from './schema.ts';
import { prlimit } from './start.ts';
import { after, fileOf, put32, putBytes, putStruct } from './util.ts';

const { EINVAL, ESRCH, ECHILD, EAGAIN, EPERM, ENOSYS } = Errno;

// ---- waiting for children ------------------------------------------------------------------------------------------

const WNOHANG = 1;
const WUNTRACED = 2;
const WEXITED = 4;
const WCONTINUED = 8;
const WNOWAIT = 0x0100_0000;
interface Found {
  readonly p: Process;
  /** CLD_*. */
  readonly code: number;
  readonly status: number;
}
function waitChild(t: Thread, matches: (p: Process) => boolean, options: number, done: (f: Found) => number): Result {
  const self = t.process;
  const attempt = (): number | 'wait' => {
    const mine = self.children.filter(matches);
    if (mine.length === 0) return -ECHILD;
    for (const p of mine) {
      if (p.status !== undefined && p.threads.length === 0 && (options & WEXITED) !== 0) {
        const killed = (p.status & 0x7f) !== 0;
        const code = !killed ? SiCode.CLD_EXITED : (p.status & 0x80) !== 0 ? SiCode.CLD_DUMPED : SiCode.CLD_KILLED;
        const r = done({ p, code, status: p.status });
        if ((options & WNOWAIT) === 0) p.reap();
        return r;
      }
      const e = p.event;
      const wanted = e?.code === SiCode.CLD_STOPPED ? WUNTRACED : e?.code === SiCode.CLD_CONTINUED ? WCONTINUED : 0;
      if (e && (options & wanted) !== 0) {
        if ((options & WNOWAIT) === 0) p.event = undefined;
        return done({ p, code: e.code, status: e.code === SiCode.CLD_STOPPED ? (e.status << 8) | 0x7f : 0xffff });
      }
    }
    return (options & WNOHANG) !== 0 ? 0 : 'wait';
  };
  const first = attempt();
  return first !== 'wait' ? first : new Wait(attempt, { queues: [self.childEvents] });
}
function selector(t: Thread, pid: number): (p: Process) => boolean {
  if (pid > 0) return (p) => p.pid === pid;
  if (pid === -1) return () => true;
  const pgid = pid === 0 ? t.process.pgid : -pid;
  return (p) => p.pgid === pgid;
}
export function rusage(cpuTime: number, t: Thread): Struct {
  const s = new Struct(144);
  const us = Math.floor(cpuTime / 1000);
  s.set64(0, Math.floor(us / 1e6)).set64(8, us % 1e6);
  s.set64(32, Math.floor(t.machine.mem.programFrames * 4)); // ru_maxrss in KiB
  s.set64(128, t.voluntarySwitches).set64(136, t.involuntarySwitches);
  return s;
}
function wait4(t: Thread, pid: number, status: bigint, options: number, usage: bigint): Result {
  if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED | 0xe000_0000)) !== 0) return -EINVAL;
  let found: Found | undefined;
  const r = waitChild(t, selector(t, pid), options | WEXITED, (f) => {
    found = f;
    return f.p.pid;
  });
  return after(r, (n) => {
    if (n > 0 && found) {
      if (status !== 0n) put32(t, status, found.status);
      if (usage !== 0n) putStruct(t, usage, rusage(found.p.cpuTime, t));
    }
    return n;
  });
}
function waitid(t: Thread, type: number, id: number, info: bigint, options: number, usage: bigint): Result {
  const P_ALL = 0;
  const P_PID = 1;
  const P_PGID = 2;
  const P_PIDFD = 3;
  if ((options & (WEXITED | WUNTRACED | WCONTINUED)) === 0) return -EINVAL;
  let matches: (p: Process) => boolean;
  if (type === P_ALL) matches = () => true;
  else if (type === P_PID) matches = (p) => p.pid === id;
  else if (type === P_PGID) matches = (p) => p.pgid === (id || t.process.pgid);
  else if (type === P_PIDFD) {
    const { file } = fileOf(t, id);
    if (!(file instanceof PidFd)) return -EINVAL;
    matches = (p) => p === file.process;
    if (fileOf(t, id).nonblock && (options & WNOHANG) === 0) {
      const p = file.process;
      if (p.parent === t.process && !(p.status !== undefined && p.threads.length === 0)) return -EAGAIN;
    }
  } else return -EINVAL;
  let found: Found | undefined;
  const r = waitChild(t, matches, options, (f) => {
    found = f;
    return 0;
  });
  return after(r, (n) => {
    if (n < 0) return n;
    if (info !== 0n) {
      if (found) {
        const { p, code, status } = found;
        const value =
          code === SiCode.CLD_EXITED ? status >> 8 : code === SiCode.CLD_STOPPED ? status >> 8 : status & 0x7f;
        putBytes(
          t,
          info,
          encodeSigInfo({ signo: Signal.SIGCHLD, code, pid: p.pid, uid: p.cred.uid, status: value }).subarray(0, 48),
        );
      } else putBytes(t, info, new Uint8Array(24));
    }
    if (usage !== 0n && found) putStruct(t, usage, rusage(found.p.cpuTime, t));
    return 0;
  });
}

export const PROCESS = {
  exit: sys(93, 'int code', (t, a) => {
    t.machine.strace?.gone(t);
    t.exit((a.code & 0xff) << 8);
    return KEEP;
  }),
  wait4: sys(260, 'pid pid, waitstatus status, int options, ptr rusage', (t, a) =>
    wait4(t, a.pid, a.status, a.options, a.rusage),
  ),
  waitid: sys(95, 'int type, pid id, ptr info, int options, ptr rusage', (t, a) =>
    waitid(t, a.type, a.id, a.info, a.options, a.rusage),
  ),
  getpid: sys(172, '', (t) => t.pid),
  getppid: sys(173, '', (t) => t.process.parent?.pid ?? 1),
  gettid: sys(178, '', (t) => t.tid),
  getresuid: sys(148, 'ptr ruid, ptr euid, ptr suid', (t, a) => {
    for (const at of [a.ruid, a.euid, a.suid]) put32(t, at, t.process.cred.uid);
    return 0;
  }),
  getresgid: sys(150, 'ptr rgid, ptr egid, ptr sgid', (t, a) => {
    for (const at of [a.rgid, a.egid, a.sgid]) put32(t, at, t.process.cred.gid);
    return 0;
  }),
  setuid: sys(146, 'uint uid', (t, a) => setIds(t, a.uid, undefined)),
  setgid: sys(144, 'uint gid', (t, a) => setIds(t, undefined, a.gid)),
  setreuid: sys(145, 'int ruid, int euid', (t, a) => setIds(t, a.euid, undefined)),
  setregid: sys(143, 'int rgid, int egid', (t, a) => setIds(t, undefined, a.egid)),
  setresuid: sys(147, 'int ruid, int euid, int suid', (t, a) => setIds(t, a.euid, undefined)),
  setresgid: sys(149, 'int rgid, int egid, int sgid', (t, a) => setIds(t, undefined, a.egid)),
  getgroups: answer(158, 'int size, ptr list', 0),
  setgroups: answer(159, 'int size, ptr list', 0),
  setfsuid: sys(151, 'uint uid', (t) => t.process.cred.uid),
  setfsgid: sys(152, 'uint gid', (t) => t.process.cred.gid),
  getpgid: sys(155, 'pid pid', (t, a) => (a.pid === 0 ? t.process : t.machine.process(a.pid))?.pgid ?? -ESRCH),
  getsid: sys(156, 'pid pid', (t, a) => (a.pid === 0 ? t.process : t.machine.process(a.pid))?.sid ?? -ESRCH),
  setpgid: sys(154, 'pid pid, pid pgid', (t, a) => {
    const p = a.pid === 0 ? t.process : t.machine.process(a.pid);
    if (!p || (p !== t.process && p.parent !== t.process)) return -ESRCH;
    if (a.pgid < 0) return -EINVAL;
    p.pgid = a.pgid || p.pid;
    return 0;
  }),
  setsid: sys(157, '', (t) => {
    const p = t.process;
    if (p.pgid === p.pid && p.sid !== p.pid) return -EPERM;
    p.sid = p.pid;
    p.pgid = p.pid;
    return p.pid;
  }),
  getrlimit: sys(163, 'rlimit resource, ptr limit', (t, a) => prlimit(t, 0, a.resource, 0n, a.limit)),
  setrlimit: sys(164, 'rlimit resource, ptr limit', (t, a) => prlimit(t, 0, a.resource, a.limit, 0n)),
  getrusage: sys(165, 'int who, ptr usage', (t, a) => {
    const time =
      a.who === 0 ? t.process.cpuTime : a.who === 1 ? t.cpuTime : a.who === -1 ? t.process.childTime : undefined;
    if (time === undefined) return -EINVAL;
    putStruct(t, a.usage, rusage(time, t));
    return 0;
  }),
  personality: sys(92, 'uint persona', () => 0),
  pidfd_open: sys(434, 'pid pid, openflags flags', (t, a) => {
    if ((a.flags & ~Open.O_NONBLOCK) !== 0 || a.pid <= 0) return -EINVAL;
    const p = t.machine.process(a.pid);
    if (!p) return -ESRCH;
    return t.install(new Description(new PidFd(p), Open.O_RDWR | a.flags, 'anon_inode:[pidfd]'), true);
  }),
  pidfd_send_signal: sys(424, 'fd pidfd, sig sig, ptr info, uint flags', (t, a) => {
    const { file } = fileOf(t, a.pidfd);
    if (!(file instanceof PidFd)) return -Errno.EBADF;
    if (file.process.status !== undefined) return -ESRCH;
    if (a.sig < 0 || a.sig > 64 || a.flags !== 0) return -EINVAL;
    if (a.sig !== 0) file.process.signal({ signo: a.sig, code: SiCode.SI_USER, pid: t.pid, uid: t.process.cred.uid });
    return 0;
  }),
  capget: sys(90, 'ptr header, ptr data', (t, a) => {
    if (a.data === 0n) return 0;
    const all = t.process.cred.uid === 0 ? 0xffff_ffff : 0;
    const s = new Struct(24);
    s.set32(0, all)
      .set32(4, all)
      .set32(12, all & 0x1ff)
      .set32(16, all & 0x1ff);
    putStruct(t, a.data, s);
    return 0;
  }),
  capset: answer(91, 'ptr header, ptr data', 0),
  ptrace: answer(117, 'int request, pid pid, ptr addr, ptr data', -EPERM),
  seccomp: answer(277, 'uint op, uint flags, ptr args', -EINVAL),
  kcmp: answer(272, 'pid pid1, pid pid2, int type, u64 a, u64 b', -ENOSYS),
} satisfies SyscallTable;

function setIds(t: Thread, uid: number | undefined, gid: number | undefined): number {
  const { cred } = t.process;
  const u = uid === undefined || uid === -1 ? cred.uid : uid;
  const g = gid === undefined || gid === -1 ? cred.gid : gid;
  if (cred.uid !== 0 && (u !== cred.uid || g !== cred.gid)) return -EPERM;
  t.process.cred = { uid: u, gid: g };
  return 0;
}
