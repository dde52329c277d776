// Making, copying, closing and asking descriptors.

import { Errno, type Result } from '../../base/hostfile.ts';
import { Fcntl, Memfd, Open, Rlimit, Seal } from '../abi/flags.ts';
import { Struct } from '../bytes.ts';
import type { Thread } from '../thread.ts';
import { EventFd } from '../vfs/eventfd.ts';
import { Description } from '../vfs/file.ts';
import { MemFd } from '../vfs/memfd.ts';
import { Pipe, PipeEnd } from '../vfs/pipe.ts';
import { answer, type SyscallTable, sys } from './schema.ts';
import { fileOf } from './util.ts';

const { EBADF, EINVAL, ENOTTY, EMFILE, EPERM, EBUSY, EFAULT } = Errno;
const SETTABLE = Open.O_APPEND | Open.O_NONBLOCK | Open.O_ASYNC | Open.O_DIRECT | Open.O_NOATIME;

function dupTo(t: Thread, from: number, to: number, closeOnExec: boolean): number {
  const d = t.files.get(from);
  if (!d) return -EBADF;
  if (to < 0 || to >= t.process.limit(Rlimit.RLIMIT_NOFILE).soft) return -EBADF;
  t.files.replace(to, d.ref(), closeOnExec);
  return to;
}
function fcntl(t: Thread, fd: number, cmd: number, arg: bigint): Result {
  const d = t.files.get(fd);
  if (!d) return -EBADF;
  const n = Number(arg & 0xffff_ffffn);
  switch (cmd) {
    case Fcntl.F_DUPFD:
    case Fcntl.F_DUPFD_CLOEXEC: {
      const limit = t.process.limit(Rlimit.RLIMIT_NOFILE).soft;
      if (n >= limit) return -EINVAL;
      return t.files.install(d.ref(), cmd === Fcntl.F_DUPFD_CLOEXEC, limit, n);
    }
    case Fcntl.F_GETFD:
      return t.files.isCloseOnExec(fd) ? 1 : 0;
    case Fcntl.F_SETFD:
      t.files.setCloseOnExec(fd, (n & 1) !== 0);
      return 0;
    case Fcntl.F_GETFL:
      return d.flags;
    case Fcntl.F_SETFL:
      d.flags = (d.flags & ~SETTABLE) | (n & SETTABLE);
      return 0;
    case Fcntl.F_GETLK:
    case Fcntl.F_OFD_GETLK: {
      // Nobody else ever holds a lock: F_UNLCK.
      const s = new Struct(2).set16(0, 2);
      return t.mm.write(arg, s.bytes) ? 0 : -EFAULT;
    }
    case Fcntl.F_SETLK:
    case Fcntl.F_SETLKW:
    case Fcntl.F_OFD_SETLK:
    case Fcntl.F_OFD_SETLKW:
    case Fcntl.F_SETOWN:
    case Fcntl.F_SETSIG:
      return 0;
    case Fcntl.F_GETOWN:
    case Fcntl.F_GETSIG:
      return 0;
    case Fcntl.F_GETPIPE_SZ:
      return d.file instanceof PipeEnd ? d.file.pipe.capacity : -EBADF;
    case Fcntl.F_SETPIPE_SZ: {
      if (!(d.file instanceof PipeEnd)) return -EBADF;
      const size = Math.max(4096, 2 ** Math.ceil(Math.log2(Math.max(1, n))));
      if (size > 1 << 20) return -EPERM;
      if (d.file.pipe.bytes > size) return -EBUSY;
      d.file.pipe.capacity = size;
      return size;
    }
    case Fcntl.F_ADD_SEALS:
      if (!(d.file instanceof MemFd)) return -EINVAL;
      if ((d.file.seals & Seal.F_SEAL_SEAL) !== 0) return -EPERM;
      d.file.addSeals(n);
      return 0;
    case Fcntl.F_GET_SEALS:
      return d.file instanceof MemFd ? d.file.seals : -EINVAL;
    default:
      return -EINVAL;
  }
}

// biome-ignore format: a table
const Ioctl = { FIONBIO: 0x5421, FIONREAD: 0x541b, FIOCLEX: 0x5451, FIONCLEX: 0x5450 } as const;

function ioctl(t: Thread, fd: number, cmd: number, arg: bigint): Result {
  const d = fileOf(t, fd);
  switch (cmd) {
    case Ioctl.FIONBIO: {
      const b = new Uint8Array(4);
      if (!t.mm.read(arg, b)) return -EFAULT;
      d.flags = b.some((x) => x !== 0) ? d.flags | Open.O_NONBLOCK : d.flags & ~Open.O_NONBLOCK;
      return 0;
    }
    case Ioctl.FIOCLEX:
    case Ioctl.FIONCLEX:
      t.files.setCloseOnExec(fd, cmd === Ioctl.FIOCLEX);
      return 0;
    case Ioctl.FIONREAD:
      if (d.file.seekable && d.file.size) {
        const left = Math.max(0, Number(d.file.size()) - d.pos);
        return t.mm.write(arg, new Struct(4).set32(0, left).bytes) ? 0 : -EFAULT;
      }
      if (d.file instanceof PipeEnd)
        return t.mm.write(arg, new Struct(4).set32(0, d.file.pipe.bytes).bytes) ? 0 : -EFAULT;
      break;
  }
  return d.file.ioctl ? d.file.ioctl(cmd, arg, t) : -ENOTTY;
}
/** Installs two descriptions and tells their numbers. */
export function pair(t: Thread, a: Description, b: Description, closeOnExec: boolean, out: bigint): number {
  const x = t.install(a, closeOnExec);
  if (x < 0) {
    b.unref();
    return x;
  }
  const y = t.install(b, closeOnExec);
  if (y < 0) {
    t.files.close(x);
    return -EMFILE;
  }
  const s = new Struct(8).set32(0, x).set32(4, y);
  if (!t.mm.write(out, s.bytes)) {
    t.files.close(x);
    t.files.close(y);
    return -EFAULT;
  }
  return 0;
}

export const DESCRIPTORS = {
  close: sys(57, 'fd fd', (t, a) => {
    t.files.get(a.fd)?.file.sync?.();
    return t.files.close(a.fd);
  }),
  close_range: sys(436, 'uint first, uint last, uint flags', (t, a) => {
    if (a.first > a.last || (a.flags & ~6) !== 0) return -EINVAL;
    const CLOSE_RANGE_UNSHARE = 2;
    const CLOSE_RANGE_CLOEXEC = 4;
    if ((a.flags & CLOSE_RANGE_UNSHARE) !== 0 && t.files.users > 1) {
      t.files.users--;
      t.files = t.files.copy();
    }
    for (const [fd] of t.files.entries()) {
      if (fd < a.first || fd > a.last) continue;
      if ((a.flags & CLOSE_RANGE_CLOEXEC) !== 0) t.files.setCloseOnExec(fd, true);
      else t.files.close(fd);
    }
    return 0;
  }),
  dup: sys(23, 'fd fd', (t, a) => {
    const d = t.files.get(a.fd);
    return d ? t.install(d.ref(), false) : -EBADF;
  }),
  dup3: sys(24, 'fd from, fd to, openflags flags', (t, a) => {
    if (a.from === a.to || (a.flags & ~Open.O_CLOEXEC) !== 0) return -EINVAL;
    return dupTo(t, a.from, a.to, a.flags !== 0);
  }),
  fcntl: sys(25, 'fd fd, fcntlcmd cmd, u64 arg', (t, a) => fcntl(t, a.fd, a.cmd, a.arg)),
  ioctl: sys(29, 'fd fd, ioctlcmd cmd, ioctlarg arg', (t, a) => ioctl(t, a.fd, a.cmd, a.arg)),
  // Advisory locks between the processes of one machine are granted: no program here competes for them.
  flock: sys(32, 'fd fd, int operation', (t, a) => {
    fileOf(t, a.fd);
    return 0;
  }),
  pipe2: sys(59, 'pairout fds, openflags flags', (t, a) => {
    if ((a.flags & ~(Open.O_CLOEXEC | Open.O_NONBLOCK | Open.O_DIRECT)) !== 0) return -EINVAL;
    const pipe = new Pipe();
    const label = `pipe:[${pipe.ino}]`;
    const keep = a.flags & Open.O_NONBLOCK;
    const r = new Description(new PipeEnd(pipe, undefined), keep, label);
    const w = new Description(new PipeEnd(undefined, pipe), keep | Open.O_WRONLY, label);
    return pair(t, r, w, (a.flags & Open.O_CLOEXEC) !== 0, a.fds);
  }),
  memfd_create: sys(279, 'path name, uint flags', (t, a) => {
    const known = Memfd.MFD_CLOEXEC | Memfd.MFD_ALLOW_SEALING | Memfd.MFD_NOEXEC_SEAL | Memfd.MFD_EXEC;
    const HUGE_SIZE = 0xfc00_0000; // log2 of the page size, with MFD_HUGETLB only
    const isHuge = (a.flags & Memfd.MFD_HUGETLB) !== 0;
    if ((a.flags & ~(known | Memfd.MFD_HUGETLB | (isHuge ? HUGE_SIZE : 0))) !== 0 || a.name.length > 249)
      return -EINVAL;
    if ((a.flags & Memfd.MFD_EXEC) !== 0 && (a.flags & Memfd.MFD_NOEXEC_SEAL) !== 0) return -EINVAL;
    if (isHuge) return -Errno.ENOMEM; // no huge pages are reserved
    const sealing = (a.flags & (Memfd.MFD_ALLOW_SEALING | Memfd.MFD_NOEXEC_SEAL)) !== 0;
    const f = new MemFd(t.machine.mem, a.name, sealing, (a.flags & Memfd.MFD_NOEXEC_SEAL) === 0);
    return t.install(
      new Description(f, Open.O_RDWR | Open.O_LARGEFILE, `/memfd:${a.name} (deleted)`),
      (a.flags & Memfd.MFD_CLOEXEC) !== 0,
    );
  }),
  eventfd2: sys(19, 'uint initial, openflags flags', (t, a) => {
    const EFD_SEMAPHORE = 1;
    if ((a.flags & ~(Open.O_CLOEXEC | Open.O_NONBLOCK | EFD_SEMAPHORE)) !== 0) return -EINVAL;
    const f = new EventFd(a.initial, (a.flags & EFD_SEMAPHORE) !== 0);
    const d = new Description(f, Open.O_RDWR | (a.flags & Open.O_NONBLOCK), 'anon_inode:[eventfd]');
    return t.install(d, (a.flags & Open.O_CLOEXEC) !== 0);
  }),
  open_by_handle_at: answer(265, 'fd mount, ptr handle, openflags flags', -EPERM),
  memfd_secret: answer(447, 'uint flags', -Errno.ENOSYS),
} satisfies SyscallTable;
