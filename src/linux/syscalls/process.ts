// Ending and waiting for processes; what they are called, and their limits.

import { Errno, type Result } from '../../base/hostfile.ts';
import { Open, Rlimit, SiCode, Signal } from '../abi/flags.ts';
import { Struct } from '../bytes.ts';
import { newPauth } from '../pauth.ts';
import { type Process, RLIM_INFINITY } from '../process.ts';
import { encodeSigInfo } from '../siginfo.ts';
import { getVectorLength, setVectorLength } from '../sve.ts';
import type { Thread } from '../thread.ts';
import { Description } from '../vfs/file.ts';
import { PidFd } from '../vfs/pidfd.ts';
import { Wait } from '../wait.ts';
import { answer, KEEP, type SyscallTable, sys } from './schema.ts';
import { after, fileOf, getString, getStruct, put32, putBytes, putStruct } from './util.ts';

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

// ---- prctl and limits ----------------------------------------------------------------------------------------------

// biome-ignore format: a table
const Prctl = {
  PR_SET_PDEATHSIG: 1, PR_GET_PDEATHSIG: 2, PR_GET_DUMPABLE: 3, PR_SET_DUMPABLE: 4, PR_SET_NAME: 15, PR_GET_NAME: 16,
  PR_GET_SECCOMP: 21, PR_CAPBSET_READ: 23, PR_SET_TIMERSLACK: 29, PR_GET_TIMERSLACK: 30, PR_SET_CHILD_SUBREAPER: 36,
  PR_GET_CHILD_SUBREAPER: 37, PR_SET_NO_NEW_PRIVS: 38, PR_GET_NO_NEW_PRIVS: 39, PR_SVE_SET_VL: 50, PR_SVE_GET_VL: 51,
  PR_PAC_RESET_KEYS: 54, PR_SET_TAGGED_ADDR_CTRL: 55, PR_GET_TAGGED_ADDR_CTRL: 56, PR_SET_VMA: 0x53564d41,
} as const;
function prctl(t: Thread, option: number, a2: bigint, a3: bigint, a4: bigint, a5: bigint): Result {
  const p = t.process;
  const n = Number(BigInt.asIntN(32, a2));
  switch (option) {
    case Prctl.PR_SET_NAME:
      t.comm = getString(t, a2, 4096).slice(0, 15);
      return 0;
    case Prctl.PR_GET_NAME:
      putBytes(t, a2, new Struct(16).text(0, t.comm, 16).bytes);
      return 0;
    case Prctl.PR_SET_PDEATHSIG:
      t.parentDeathSignal = n;
      return 0;
    case Prctl.PR_GET_PDEATHSIG:
      put32(t, a2, t.parentDeathSignal);
      return 0;
    case Prctl.PR_GET_DUMPABLE:
      return p.dumpable;
    case Prctl.PR_SET_DUMPABLE:
      if (n !== 0 && n !== 1) return -EINVAL;
      p.dumpable = n;
      return 0;
    case Prctl.PR_SET_NO_NEW_PRIVS:
      if (n !== 1 || a3 !== 0n || a4 !== 0n || a5 !== 0n) return -EINVAL;
      p.noNewPrivs = true;
      return 0;
    case Prctl.PR_GET_NO_NEW_PRIVS:
      return p.noNewPrivs ? 1 : 0;
    case Prctl.PR_SET_CHILD_SUBREAPER:
      p.subreaper = n !== 0;
      return 0;
    case Prctl.PR_GET_CHILD_SUBREAPER:
      put32(t, a2, p.subreaper ? 1 : 0);
      return 0;
    case Prctl.PR_GET_SECCOMP:
      return 0;
    case Prctl.PR_CAPBSET_READ:
      return n >= 0 && n <= 40 ? 1 : -EINVAL;
    case Prctl.PR_SET_TIMERSLACK:
      return 0;
    case Prctl.PR_GET_TIMERSLACK:
      return 50_000;
    case Prctl.PR_SET_TAGGED_ADDR_CTRL:
      return a2 <= 1n ? 0 : -EINVAL;
    case Prctl.PR_GET_TAGGED_ADDR_CTRL:
      return 0;
    case Prctl.PR_SVE_SET_VL:
      return setVectorLength(t, n);
    case Prctl.PR_SVE_GET_VL:
      return getVectorLength(t);
    case Prctl.PR_PAC_RESET_KEYS:
      if ((a2 & ~31n) !== 0n || a3 !== 0n || a4 !== 0n || a5 !== 0n) return -EINVAL;
      p.pauth = newPauth(t.machine.facts, t.machine.rng);
      return 0;
    case Prctl.PR_SET_VMA: {
      if (a2 !== 0n) return -EINVAL;
      const name = a5 === 0n ? '' : `[anon:${getString(t, a5, 80)}]`;
      const start = Number(a3);
      t.mm.vmas.change(start, start + Number(a4), (v) => {
        if (!v.backing) v.name = name;
      });
      return 0;
    }
    default:
      return -EINVAL;
  }
}
function encodeLimit(s: Struct, o: number, v: number): void {
  s.set64(o, v === RLIM_INFINITY ? 0xffff_ffff_ffff_ffffn : v);
}
function prlimit(t: Thread, pid: number, resource: number, set: bigint, old: bigint): number {
  if (resource > 15) return -EINVAL;
  const p = pid === 0 ? t.process : t.machine.process(pid);
  if (!p) return -ESRCH;
  const before = { ...p.limits[resource]! };
  if (set !== 0n) {
    const s = getStruct(t, set, 16);
    const value = (o: number) => (s.u64(o) >= 0x7fff_ffff_ffff_ffffn ? RLIM_INFINITY : Number(s.u64(o)));
    const next = { soft: value(0), hard: value(8) };
    if (next.soft > next.hard) return -EINVAL;
    if (next.hard > before.hard && t.process.cred.uid !== 0) return -EPERM;
    if (resource === Rlimit.RLIMIT_NOFILE && next.hard > 1_048_576) return -EPERM;
    p.limits[resource] = next;
  }
  if (old !== 0n) {
    const s = new Struct(16);
    encodeLimit(s, 0, before.soft);
    encodeLimit(s, 8, before.hard);
    putStruct(t, old, s);
  }
  return 0;
}

export const PROCESS = {
  exit: sys(93, 'int code', (t, a) => {
    t.machine.strace?.gone(t);
    t.exit((a.code & 0xff) << 8);
    return KEEP;
  }),
  exit_group: sys(94, 'int code', (t, a) => {
    t.machine.strace?.gone(t, (a.code & 0xff) << 8);
    t.process.exitGroup((a.code & 0xff) << 8);
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
  getuid: sys(174, '', (t) => t.process.cred.uid),
  geteuid: sys(175, '', (t) => t.process.cred.uid),
  getgid: sys(176, '', (t) => t.process.cred.gid),
  getegid: sys(177, '', (t) => t.process.cred.gid),
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
  prctl: sys(167, 'int option, u64 arg2, u64 arg3, u64 arg4, u64 arg5', (t, a) =>
    prctl(t, a.option, a.arg2, a.arg3, a.arg4, a.arg5),
  ),
  prlimit64: sys(261, 'pid pid, rlimit resource, ptr new, ptr old', (t, a) =>
    prlimit(t, a.pid, a.resource, a.new, a.old),
  ),
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
