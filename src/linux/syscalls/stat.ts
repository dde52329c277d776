// What files are: kind, size, times, owners, rights; and changing them.

import { Errno, type Result } from '../../base/hostfile.ts';
import { MoreErrno } from '../abi/errors.ts';
import { AT_FDCWD, At } from '../abi/flags.ts';
import { putTimespec, Struct } from '../bytes.ts';
import type { Thread } from '../thread.ts';
import type { Description, Stat } from '../vfs/file.ts';
import type { Node } from '../vfs/node.ts';
import { permits, place } from './places.ts';
import { answer, type SyscallTable, SysError, sys } from './schema.ts';
import { fileOf, getStruct, putStruct } from './util.ts';

const { EINVAL, ENOENT, EACCES, EBADF, EOPNOTSUPP, EFAULT } = Errno;
const { ENODATA } = MoreErrno;

// ---- stat ----------------------------------------------------------------------------------------------------------

export function encodeStat(s: Stat): Struct {
  const o = new Struct(128);
  o.set64(0, s.dev).set64(8, s.ino).set32(16, s.mode).set32(20, s.nlink).set32(24, s.uid).set32(28, s.gid);
  o.set64(32, s.rdev).set64(48, s.size).set32(56, s.blksize).set64(64, s.blocks);
  putTimespec(o, 72, s.atime);
  putTimespec(o, 88, s.mtime);
  putTimespec(o, 104, s.ctime);
  return o;
}
function encodeStatx(s: Stat): Struct {
  const o = new Struct(256);
  const STATX_BASIC_STATS = 0x7ff;
  o.set32(0, STATX_BASIC_STATS).set32(4, s.blksize).set32(16, s.nlink).set32(20, s.uid).set32(24, s.gid);
  o.set16(28, s.mode).set64(32, s.ino).set64(40, s.size).set64(48, s.blocks);
  for (const [at, ns] of [
    [64, s.atime],
    [96, s.ctime],
    [112, s.mtime],
  ] as const)
    o.set64(at, ns / 1_000_000_000n).set32(at + 8, Number(ns % 1_000_000_000n));
  const [rmajor, rminor] = split(s.rdev);
  const [major, minor] = split(s.dev);
  o.set32(128, rmajor).set32(132, rminor).set32(136, major).set32(140, minor);
  return o;
}
function split(dev: number): [number, number] {
  return [Math.floor(dev / 256) & 0xfff, (dev & 0xff) | (Math.floor(dev / 0x100000) << 8)];
}
/** What fstatat and statx look at. */
function statAt(t: Thread, dirfd: number, path: string, flags: number): Stat {
  if (path === '') {
    if ((flags & At.AT_EMPTY_PATH) === 0) throw new SysError(ENOENT);
    if (dirfd === AT_FDCWD) return t.fs.cwd.node.stat();
    const d = t.files.get(dirfd);
    if (!d) throw new SysError(EBADF);
    return d.stat();
  }
  const loc = place(t, dirfd, path, (flags & At.AT_SYMLINK_NOFOLLOW) === 0);
  const shown = (loc.node as { description?: () => Description }).description?.();
  return shown ? shown.stat() : loc.node.stat();
}

function statfs(t: Thread, buf: bigint, node: Node): number {
  // struct statfs: a file system with room. Type numbers as in linux/magic.h.
  const OVERLAYFS = 0x794c7630;
  const TMPFS = 0x01021994;
  const PROC = 0x9fa0;
  const SYSFS = 0x62656572;
  const kind = (node as { fsType?: string }).fsType;
  const s = new Struct(120);
  s.set64(0, kind === 'proc' ? PROC : kind === 'sysfs' ? SYSFS : kind === 'tmpfs' ? TMPFS : OVERLAYFS);
  s.set64(8, 4096)
    .set64(16, 1 << 24)
    .set64(24, 1 << 23)
    .set64(32, 1 << 23)
    .set64(40, 1 << 20)
    .set64(48, 1 << 19);
  s.set64(64, 255).set64(72, 4096);
  putStruct(t, buf, s);
  return 0;
}
/** Reads the times of utimensat. @returns [atime, mtime], undefined where UTIME_OMIT */
function utimes(t: Thread, addr: bigint): readonly [bigint | undefined, bigint | undefined] {
  const now = t.machine.clock.realtime();
  if (addr === 0n) return [now, now];
  const s = getStruct(t, addr, 32);
  const one = (o: number) => {
    const nsec = s.n64(o + 8);
    const UTIME_NOW = 0x3fff_ffff;
    const UTIME_OMIT = 0x3fff_fffe;
    if (nsec === UTIME_NOW) return now;
    if (nsec === UTIME_OMIT) return undefined;
    if (nsec < 0 || nsec > 999_999_999) throw new SysError(EINVAL);
    return s.u64(o) * 1_000_000_000n + BigInt(nsec);
  };
  return [one(0), one(16)];
}
function nodeAt(t: Thread, dirfd: number, path: string, flags: number): Node {
  if (path === '' && (flags & At.AT_EMPTY_PATH) !== 0) {
    const n = dirfd === AT_FDCWD ? t.fs.cwd.node : fileOf(t, dirfd).location?.node;
    if (!n) throw new SysError(EBADF);
    return n;
  }
  return place(t, dirfd, path, (flags & At.AT_SYMLINK_NOFOLLOW) === 0).node;
}
function access(t: Thread, dirfd: number, path: string, mode: number, flags: number): number {
  if ((mode & ~7) !== 0) return -EINVAL;
  const s = statAt(t, dirfd, path, flags);
  return mode === 0 || permits(t, s, mode) ? 0 : -EACCES;
}

export const STAT = {
  newfstatat: sys(79, 'dirfd dirfd, path path, statout buf, atflags flags', (t, a): Result => {
    putStruct(t, a.buf, encodeStat(statAt(t, a.dirfd, a.path, a.flags)));
    return 0;
  }),
  fstat: sys(80, 'fd fd, statout buf', (t, a) => {
    const d = t.files.get(a.fd);
    if (!d) return -EBADF;
    putStruct(t, a.buf, encodeStat(d.stat()));
    return 0;
  }),
  statx: sys(291, 'dirfd dirfd, path path, atflags flags, uint mask, ptr buf', (t, a) => {
    putStruct(t, a.buf, encodeStatx(statAt(t, a.dirfd, a.path, a.flags)));
    return 0;
  }),
  faccessat: sys(48, 'dirfd dirfd, path path, int mode', (t, a) => access(t, a.dirfd, a.path, a.mode, 0)),
  faccessat2: sys(439, 'dirfd dirfd, path path, int mode, atflags flags', (t, a) =>
    access(t, a.dirfd, a.path, a.mode, a.flags),
  ),
  fchmod: sys(52, 'fd fd, mode mode', (t, a) => {
    const d = fileOf(t, a.fd);
    return d.location?.node.chmod(a.mode) ?? d.file.chmod?.(a.mode) ?? 0;
  }),
  fchmodat: sys(53, 'dirfd dirfd, path path, mode mode', (t, a) => place(t, a.dirfd, a.path).node.chmod(a.mode)),
  fchmodat2: sys(452, 'dirfd dirfd, path path, mode mode, atflags flags', (t, a) =>
    nodeAt(t, a.dirfd, a.path, a.flags).chmod(a.mode),
  ),
  // Owners are kept in memory only.
  fchownat: sys(54, 'dirfd dirfd, path path, int uid, int gid, atflags flags', (t, a) =>
    chown(nodeAt(t, a.dirfd, a.path, a.flags), a.uid, a.gid),
  ),
  fchown: sys(55, 'fd fd, int uid, int gid', (t, a) => {
    const n = fileOf(t, a.fd).location?.node;
    return n ? chown(n, a.uid, a.gid) : 0;
  }),
  utimensat: sys(88, 'dirfd dirfd, ptr path, ptr times, atflags flags', (t, a) => {
    const [atime, mtime] = utimes(t, a.times);
    const path = a.path === 0n ? '' : t.mm.readString(a.path);
    if (path === undefined || path === null) return -EFAULT;
    const n = a.path === 0n ? fileOf(t, a.dirfd).location?.node : nodeAt(t, a.dirfd, path, a.flags);
    if (!n) return 0;
    return n.setTimes(atime, mtime);
  }),
  statfs: sys(43, 'path path, ptr buf', (t, a) => statfs(t, a.buf, place(t, AT_FDCWD, a.path).node)),
  fstatfs: sys(44, 'fd fd, ptr buf', (t, a) => statfs(t, a.buf, fileOf(t, a.fd).location?.node ?? t.fs.root.node)),
  // No file here has extended attributes, and none can be given any.
  setxattr: answer(5, 'path path, ptr name, ptr value, size size, int flags', -EOPNOTSUPP),
  lsetxattr: answer(6, 'path path, ptr name, ptr value, size size, int flags', -EOPNOTSUPP),
  fsetxattr: answer(7, 'fd fd, ptr name, ptr value, size size, int flags', -EOPNOTSUPP),
  getxattr: answer(8, 'path path, ptr name, ptr value, size size', -ENODATA),
  lgetxattr: answer(9, 'path path, ptr name, ptr value, size size', -ENODATA),
  fgetxattr: answer(10, 'fd fd, ptr name, ptr value, size size', -ENODATA),
  listxattr: answer(11, 'path path, ptr list, size size', 0),
  llistxattr: answer(12, 'path path, ptr list, size size', 0),
  flistxattr: answer(13, 'fd fd, ptr list, size size', 0),
  removexattr: answer(14, 'path path, ptr name', -ENODATA),
  lremovexattr: answer(15, 'path path, ptr name', -ENODATA),
  fremovexattr: answer(16, 'fd fd, ptr name', -ENODATA),
} satisfies SyscallTable;

function chown(n: Node, uid: number, gid: number): number {
  if (uid !== -1) n.inode.uid = uid;
  if (gid !== -1) n.inode.gid = gid;
  return 0;
}
