// Making processes and threads, and replacing the program of one.

import { Errno, type Result } from '../../base/hostfile.ts';
import { Slot } from '../../cpu/state.ts';
import { AT_FDCWD, At, CLONE_CLEAR_SIGHAND, CLONE_INTO_CGROUP, Clone, Open } from '../abi/flags.ts';
import { NO_ALT_STACK } from '../alt_stack.ts';
import { Struct } from '../bytes.ts';
import { ElfError } from '../elf.ts';
import { become, load } from '../exec.ts';
import { Process } from '../process.ts';
import { Thread } from '../thread.ts';
import { Description } from '../vfs/file.ts';
import { SymlinkNode } from '../vfs/node.ts';
import { PidFd } from '../vfs/pidfd.ts';
import { Wait } from '../wait.ts';
import { permits, place } from './places.ts';
import { KEEP, type SyscallTable, SysError, sys } from './schema.ts';
import { fileOf, getString, getStruct, put32 } from './util.ts';

const { EINVAL, EPERM, EACCES, E2BIG, ELOOP } = Errno;

// ---- clone ---------------------------------------------------------------------------------------------------------

interface CloneRequest {
  readonly flags: number;
  readonly exitSignal: number;
  /** 0n: the child goes on with the parent's. */
  readonly stack: bigint;
  readonly tls: bigint;
  readonly parentTid: bigint;
  readonly childTid: bigint;
  readonly pidfd: bigint;
}
function has(flags: number, bit: number): boolean {
  return Math.floor(flags / bit) % 2 === 1;
}
const NAMESPACES = [
  Clone.CLONE_NEWNS, Clone.CLONE_NEWCGROUP, Clone.CLONE_NEWUTS, Clone.CLONE_NEWIPC, Clone.CLONE_NEWUSER,
  Clone.CLONE_NEWPID, Clone.CLONE_NEWNET,
]; // biome-ignore format: a list

function clone(t: Thread, r: CloneRequest): Result {
  const on = (bit: number) => has(r.flags, bit);
  if (on(Clone.CLONE_THREAD) && !on(Clone.CLONE_SIGHAND)) return -EINVAL;
  if (on(Clone.CLONE_SIGHAND) && !on(Clone.CLONE_VM)) return -EINVAL;
  if (NAMESPACES.some(on)) return -EPERM;
  if (r.exitSignal < 0 || r.exitSignal > 64) return -EINVAL;
  const { machine } = t;
  const parent = t.process;
  const tid = machine.allocPid();
  let p = parent;
  if (!on(Clone.CLONE_THREAD)) {
    const mm = on(Clone.CLONE_VM) ? parent.mm : parent.mm.fork();
    if (on(Clone.CLONE_VM)) mm.users++;
    const sighand = on(Clone.CLONE_SIGHAND) ? parent.sighand : parent.sighand.copy();
    if (has(r.flags, CLONE_CLEAR_SIGHAND)) sighand.reset();
    const owner = on(Clone.CLONE_PARENT) ? parent.parent : parent;
    p = new Process(
      machine,
      tid,
      owner,
      mm,
      sighand,
      parent.limits.map((l) => ({ ...l })),
    );
    p.pgid = parent.pgid;
    p.sid = parent.sid;
    p.cred = parent.cred;
    p.exe = parent.exe;
    p.cmdline = parent.cmdline;
    p.environ = parent.environ;
    p.auxv = parent.auxv;
    p.exitSignal = r.exitSignal;
    p.noNewPrivs = parent.noNewPrivs;
    machine.addProcess(p);
  }
  const files = on(Clone.CLONE_FILES) ? t.files : t.files.copy();
  if (files === t.files) files.users++;
  const fs = on(Clone.CLONE_FS) ? t.fs : t.fs.copy();
  if (fs === t.fs) fs.users++;
  const state = machine.newCpuState(t.state);
  const child = new Thread(machine, tid, p, state, files, fs);
  child.comm = t.comm;
  child.mask = t.mask;
  child.affinity = t.affinity;
  machine.scheduler.migrate(child);
  child.altStack = on(Clone.CLONE_VM) && !on(Clone.CLONE_VFORK) ? NO_ALT_STACK : t.altStack;
  child.vectorLength = { ...t.vectorLength };
  child.syscall = -1;
  state.setX(0, 0n);
  if (r.stack !== 0n) state.sp = r.stack;
  if (on(Clone.CLONE_SETTLS)) state.set(Slot.TPIDR_EL0, r.tls);
  if (!on(Clone.CLONE_VM)) {
    child.rseq = t.rseq;
    child.rseqLength = t.rseqLength;
    child.rseqSignature = t.rseqSignature;
    child.robustList = 0n;
  }
  if (on(Clone.CLONE_CHILD_CLEARTID)) child.clearChildTid = r.childTid;
  if (on(Clone.CLONE_PARENT_SETTID) && r.parentTid !== 0n) t.mm.write(r.parentTid, new Struct(4).set32(0, tid).bytes);
  if (on(Clone.CLONE_CHILD_SETTID)) p.mm.write(r.childTid, new Struct(4).set32(0, tid).bytes);
  if (on(Clone.CLONE_PIDFD)) {
    const fd = t.install(new Description(new PidFd(p), Open.O_RDWR, 'anon_inode:[pidfd]'), true);
    if (fd >= 0) put32(t, r.pidfd, fd);
  }
  machine.strace?.born(t, child);
  if (!on(Clone.CLONE_VFORK)) return tid;
  p.vforking = true;
  return new Wait(() => (p.vforking ? 'wait' : tid), { queues: [p.vforkDone], interrupted: () => tid });
}
function clone3(t: Thread, args: bigint, size: number): Result {
  const MIN = 64;
  if (size < MIN || size > 4096) return size > 4096 ? -E2BIG : -EINVAL;
  const s = getStruct(t, args, Math.max(size, 88));
  const flags = s.n64(0);
  const known = Object.values<number>(Clone).reduce((n, b) => n + b, 0) + CLONE_CLEAR_SIGHAND + CLONE_INTO_CGROUP;
  if (flags < 0 || flags > known || flags % 256 !== (has(flags, Clone.CLONE_NEWTIME) ? 0x80 : 0)) return -EINVAL;
  if (has(flags, CLONE_INTO_CGROUP) || has(flags, Clone.CLONE_NEWTIME)) return -EPERM;
  const stack = s.u64(40);
  const stackSize = s.u64(48);
  if ((stack === 0n) !== (stackSize === 0n)) return -EINVAL;
  if (size >= 80 && s.u64(72) !== 0n) return -EPERM; // set_tid
  return clone(t, {
    flags,
    exitSignal: s.n64(32),
    stack: stack + stackSize,
    tls: s.u64(56),
    parentTid: s.u64(24),
    childTid: s.u64(16),
    pidfd: s.u64(8),
  });
}

// ---- execve --------------------------------------------------------------------------------------------------------

function strings(t: Thread, addr: bigint): string[] {
  const out: string[] = [];
  if (addr === 0n) return out;
  for (let i = 0; ; i++) {
    const p = getStruct(t, addr + BigInt(8 * i), 8).u64(0);
    if (p === 0n) return out;
    if (out.length > 0x10000) throw new SysError(E2BIG);
    out.push(getString(t, p, 131072));
  }
}
function execve(t: Thread, dirfd: number, path: string, argvAt: bigint, envpAt: bigint, flags: number): number {
  const argv = strings(t, argvAt);
  const envp = strings(t, envpAt);
  let location = path === '' && (flags & At.AT_EMPTY_PATH) !== 0 ? fileOf(t, dirfd).location : undefined;
  location ??= place(t, dirfd, path, (flags & At.AT_SYMLINK_NOFOLLOW) === 0);
  if (location.node instanceof SymlinkNode) return -ELOOP;
  if (!permits(t, location.node.stat(), 1)) return -EACCES;
  let loaded: ReturnType<typeof load>;
  try {
    loaded = load(t.machine, t.fs, location, path || location.path(), { argv: argv.length > 0 ? argv : [''], envp });
  } catch (e) {
    if (e instanceof ElfError) return -e.errno;
    throw e;
  }
  const p = t.process;
  // All other threads end; this one takes over the process's id.
  for (const other of [...p.threads]) if (other !== t) other.exit(0);
  t.machine.strace?.exit(t, 0);
  p.leaveMm();
  become(t, loaded);
  if (t.files.users > 1) {
    t.files.users--;
    t.files = t.files.copy();
  }
  t.files.execve();
  p.sighand = p.sighand.copy();
  p.sighand.reset();
  for (const timer of p.timers.values()) timer.timer.arm(undefined, 0);
  p.timers.clear();
  t.altStack = NO_ALT_STACK;
  t.clearChildTid = 0n;
  t.robustList = 0n;
  t.rseq = 0n;
  t.syscall = -1;
  return KEEP;
}

export const CLONE = {
  clone: sys(220, 'cloneflags flags, ptr stack, ptr parentTid, u64 tls, ptr childTid', (t, a) => {
    const flags = a.flags % 0x1_0000_0000;
    return clone(t, {
      flags: flags - (flags % 256),
      exitSignal: flags % 256,
      stack: a.stack,
      tls: a.tls,
      parentTid: a.parentTid,
      childTid: a.childTid,
      pidfd: a.parentTid,
    });
  }),
  clone3: sys(435, 'ptr args, size size', (t, a) => clone3(t, a.args, a.size)),
  execve: sys(221, 'path path, argv argv, ptr envp', (t, a) => execve(t, AT_FDCWD, a.path, a.argv, a.envp, 0)),
  execveat: sys(281, 'dirfd dirfd, path path, argv argv, ptr envp, atflags flags', (t, a) =>
    execve(t, a.dirfd, a.path, a.argv, a.envp, a.flags),
  ),
  unshare: sys(97, 'cloneflags flags', (t, a) => {
    if (NAMESPACES.some((b) => has(a.flags, b))) return -EPERM;
    if (has(a.flags, Clone.CLONE_FILES) && t.files.users > 1) {
      t.files.users--;
      t.files = t.files.copy();
    }
    return 0;
  }),
} satisfies SyscallTable;
