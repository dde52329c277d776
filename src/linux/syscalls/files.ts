// Calls that take paths: opening, looking, making, removing, renaming.

import { Errno, type Result } from '../../base/hostfile.ts';
import { AT_FDCWD, At, Mode, O_ACCMODE, Open } from '../abi/flags.ts';
import { putTimespec, Struct, utf8 } from '../bytes.ts';
import type { Thread } from '../thread.ts';
import { FifoNode } from '../vfs/fifo.ts';
import { Description, type DirEntry, type Stat } from '../vfs/file.ts';
import { DirNode, Location, type Node, SymlinkNode } from '../vfs/node.ts';
import { type Walked, walk } from '../vfs/path.ts';
import { FileNode } from '../vfs/regular.ts';
import { renameEntry } from '../vfs/tree.ts';
import { answer, type SyscallTable, SysError, sys } from './schema.ts';
import { after, fileOf, getStruct, putBytes, putStruct } from './util.ts';

const { EINVAL, ENOENT, EEXIST, ENOTDIR, EISDIR, EACCES, ELOOP, ENOTEMPTY, EBADF, EBUSY, ERANGE, EPERM } = Errno;
const { EOPNOTSUPP, EFAULT } = Errno;
const ENODATA = 61;

// ---- places --------------------------------------------------------------------------------------------------------

function baseOf(t: Thread, dirfd: number, path: string): Location {
  if (path.startsWith('/') || dirfd === AT_FDCWD) return t.fs.cwd;
  const d = t.files.get(dirfd);
  if (!d) throw new SysError(EBADF);
  if (!d.location || !(d.location.node instanceof DirNode)) throw new SysError(ENOTDIR);
  return d.location;
}
function find(t: Thread, dirfd: number, path: string, follow: boolean): Walked {
  const w = walk(t.fs.root, baseOf(t, dirfd, path), path, follow);
  if (typeof w === 'number') throw new SysError(-w);
  return w;
}
export function place(t: Thread, dirfd: number, path: string, follow = true): Location {
  const w = find(t, dirfd, path, follow);
  if (!w.location) throw new SysError(ENOENT);
  return w.location;
}
function dirOf(w: Walked): DirNode {
  const { node } = w.parent;
  if (!(node instanceof DirNode)) throw new SysError(ENOTDIR);
  return node;
}

// ---- rights --------------------------------------------------------------------------------------------------------

/** @param want 4 read, 2 write, 1 execute */
export function permits(t: Thread, s: Stat, want: number): boolean {
  const { uid, gid } = t.process.cred;
  if (uid === 0) return (want & 1) === 0 || (s.mode & Mode.S_IFMT) === Mode.S_IFDIR || (s.mode & 0o111) !== 0;
  const shift = s.uid === uid ? 6 : s.gid === gid ? 3 : 0;
  return ((s.mode >> shift) & want) === want;
}

// ---- opening -------------------------------------------------------------------------------------------------------

export function openAt(t: Thread, dirfd: number, path: string, flags: number, mode: number): Result {
  if ((flags & Open.O_TMPFILE) === Open.O_TMPFILE) return -EOPNOTSUPP;
  const isPath = (flags & Open.O_PATH) !== 0;
  const create = (flags & Open.O_CREAT) !== 0 && !isPath;
  const exclusive = create && (flags & Open.O_EXCL) !== 0;
  const w = find(t, dirfd, path, (flags & Open.O_NOFOLLOW) === 0 && !exclusive);
  let { location } = w;
  const cloexec = (flags & Open.O_CLOEXEC) !== 0;
  if (!location) {
    if (!create) return -ENOENT;
    if (w.slash) return -EISDIR;
    const dir = dirOf(w);
    if (!permits(t, dir.stat(), 3)) return -EACCES;
    const made = dir.makeFile(w.name, mode & ~t.fs.umask & 0o7777);
    if (typeof made === 'number') return made;
    owned(t, made);
    location = new Location(made, w.parent, w.name);
  } else {
    if (exclusive) return -EEXIST;
    const { node } = location;
    if (node instanceof SymlinkNode && !isPath) return -ELOOP;
    if ((flags & Open.O_DIRECTORY) !== 0 && !(node instanceof DirNode)) return -ENOTDIR;
    if (node instanceof DirNode && !isPath && ((flags & O_ACCMODE) !== 0 || create)) return -EISDIR;
    if (!isPath) {
      const acc = flags & O_ACCMODE;
      const want = acc === 0 ? 4 : acc === Open.O_WRONLY ? 2 : 6;
      if (!permits(t, node.stat(), want)) return -EACCES;
    }
  }
  if (isPath) {
    const d = new Description({ kind: 'path', close() {} }, Open.O_PATH, '', location);
    return t.install(d, cloexec);
  }
  const { node } = location;
  if (node instanceof FifoNode) return openFifo(t, node, flags, location);
  const magic = (node as { reopen?: () => Description }).reopen;
  const file = magic ? magic().file : node.open(flags);
  if (typeof file === 'number') return file;
  if (node instanceof FileNode) (file as { path?: string }).path = location.path();
  const keep =
    Open.O_LARGEFILE | (flags & ~(Open.O_CREAT | Open.O_EXCL | Open.O_NOCTTY | Open.O_TRUNC | Open.O_CLOEXEC));
  return t.install(new Description(file, keep, location.path(), location), cloexec);
}
function openFifo(t: Thread, node: FifoNode, flags: number, location: Location): Result {
  const r = node.openEnd(flags);
  if (typeof r === 'number') return r;
  const d = new Description(r.end, flags & (O_ACCMODE | Open.O_NONBLOCK), location.path(), location);
  const install = () => t.install(d, (flags & Open.O_CLOEXEC) !== 0);
  return r.wait ? after(r.wait, (n) => (n < 0 ? n : install())) : install();
}
function owned(t: Thread, n: Node): void {
  n.uid = t.process.cred.uid;
  n.gid = t.process.cred.gid;
}

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

// ---- directories ---------------------------------------------------------------------------------------------------

const DT_SHIFT = 12;
function getdents(t: Thread, fd: number, buf: bigint, size: number): number {
  const d = fileOf(t, fd);
  const dir = d.location?.node;
  if (!(dir instanceof DirNode)) return -ENOTDIR;
  if (!d.entries || d.pos === 0) {
    const up = d.location!.parent?.node ?? dir;
    const self: DirEntry[] = [
      { name: '.', ino: dir.ino, type: Mode.S_IFDIR },
      { name: '..', ino: up.ino, type: Mode.S_IFDIR },
    ];
    d.entries = [...self, ...dir.list()];
  }
  const parts: Struct[] = [];
  let used = 0;
  while (d.pos < d.entries.length) {
    const e = d.entries[d.pos]!;
    const name = utf8(e.name);
    const length = Math.ceil((19 + name.length + 1) / 8) * 8;
    if (used + length > size) break;
    const s = new Struct(length);
    d.pos++;
    s.set64(0, e.ino)
      .set64(8, d.pos)
      .set16(16, length)
      .set8(18, e.type >> DT_SHIFT);
    s.bytes.set(name, 19);
    parts.push(s);
    used += length;
  }
  if (parts.length === 0 && d.pos < d.entries.length) return -EINVAL;
  let at = buf;
  for (const s of parts) {
    putStruct(t, at, s);
    at += BigInt(s.bytes.length);
  }
  return used;
}
function mkdir(t: Thread, dirfd: number, path: string, mode: number): number {
  const w = find(t, dirfd, path, false);
  if (w.location) return -EEXIST;
  const dir = dirOf(w);
  if (!permits(t, dir.stat(), 3)) return -EACCES;
  const made = dir.makeDir(w.name, mode & ~t.fs.umask & 0o1777);
  if (typeof made === 'number') return made;
  owned(t, made);
  return 0;
}
function unlink(t: Thread, dirfd: number, path: string, flags: number): number {
  if ((flags & ~At.AT_REMOVEDIR) !== 0) return -EINVAL;
  const w = find(t, dirfd, path, false);
  if (!w.location) return -ENOENT;
  const dir = dirOf(w);
  const { node } = w.location;
  const isDir = node instanceof DirNode;
  if ((flags & At.AT_REMOVEDIR) !== 0) {
    if (!isDir) return -ENOTDIR;
    if (/(^|\/)\.\/*$/.test(path)) return -EINVAL;
    if (!w.location.parent || dir.mounts.has(w.name)) return -EBUSY;
    if (node.list().length > 0) return -ENOTEMPTY;
  } else if (isDir) return -EISDIR;
  if (!permits(t, dir.stat(), 3)) return -EACCES;
  node.nlink--;
  return dir.remove(w.name);
}
function rename(t: Thread, a: Walked, b: Walked, flags: number): number {
  const NOREPLACE = 1;
  const EXCHANGE = 2;
  if ((flags & ~(NOREPLACE | EXCHANGE)) !== 0) return -EINVAL;
  if (!a.location) return -ENOENT;
  const from = dirOf(a);
  const to = dirOf(b);
  const { node } = a.location;
  if (!permits(t, from.stat(), 3) || !permits(t, to.stat(), 3)) return -EACCES;
  for (let l: Location | undefined = b.parent; l; l = l.parent) if (l.node === node) return -EINVAL;
  const old = b.location?.node;
  if ((flags & EXCHANGE) !== 0) {
    if (!old) return -ENOENT;
    const r = to.add(b.name, node);
    return r < 0 ? r : from.add(a.name, old);
  }
  if (old) {
    if ((flags & NOREPLACE) !== 0) return -EEXIST;
    if (old === node) return 0;
    if (old instanceof DirNode) {
      if (!(node instanceof DirNode)) return -EISDIR;
      if (old.list().length > 0) return -ENOTEMPTY;
    } else if (node instanceof DirNode) return -ENOTDIR;
  }
  return renameEntry(from, a.name, node, to, b.name);
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

export const FILES = {
  openat: sys(56, { dirfd: 'dirfd', path: 'path', flags: 'openflags', mode: 'mode' }, (t, a) =>
    openAt(t, a.dirfd, a.path, a.flags, a.mode),
  ),
  openat2: sys(437, { dirfd: 'dirfd', path: 'path', how: 'ptr', size: 'size' }, (t, a) => {
    if (a.size < 24) return -EINVAL;
    const s = getStruct(t, a.how, 24);
    const RESOLVE_KNOWN = 0x3fn;
    if ((s.u64(16) & ~RESOLVE_KNOWN) !== 0n) return -EINVAL;
    return openAt(t, a.dirfd, a.path, s.u32(0), s.u32(8));
  }),
  newfstatat: sys(79, { dirfd: 'dirfd', path: 'path', buf: 'statout', flags: 'atflags' }, (t, a): Result => {
    putStruct(t, a.buf, encodeStat(statAt(t, a.dirfd, a.path, a.flags)));
    return 0;
  }),
  fstat: sys(80, { fd: 'fd', buf: 'statout' }, (t, a) => {
    const d = t.files.get(a.fd);
    if (!d) return -EBADF;
    putStruct(t, a.buf, encodeStat(d.stat()));
    return 0;
  }),
  statx: sys(291, { dirfd: 'dirfd', path: 'path', flags: 'atflags', mask: 'uint', buf: 'ptr' }, (t, a) => {
    putStruct(t, a.buf, encodeStatx(statAt(t, a.dirfd, a.path, a.flags)));
    return 0;
  }),
  faccessat: sys(48, { dirfd: 'dirfd', path: 'path', mode: 'int' }, (t, a) => access(t, a.dirfd, a.path, a.mode, 0)),
  faccessat2: sys(439, { dirfd: 'dirfd', path: 'path', mode: 'int', flags: 'atflags' }, (t, a) =>
    access(t, a.dirfd, a.path, a.mode, a.flags),
  ),
  readlinkat: sys(78, { dirfd: 'dirfd', path: 'path', buf: 'bufout', size: 'int' }, (t, a) => {
    if (a.size <= 0) return -EINVAL;
    const node = a.path === '' ? fileOfPath(t, a.dirfd) : place(t, a.dirfd, a.path, false).node;
    if (!(node instanceof SymlinkNode)) return a.path === '' ? -ENOENT : -EINVAL;
    const b = utf8(node.readlink()).subarray(0, a.size);
    putBytes(t, a.buf, b);
    return b.length;
  }),
  getdents64: sys(61, { fd: 'fd', buf: 'ptr', size: 'uint' }, (t, a) => getdents(t, a.fd, a.buf, a.size)),
  getcwd: sys(17, { buf: 'bufout', size: 'size' }, (t, a) => {
    const b = utf8(`${t.fs.cwd.path()}\0`);
    if (b.length > a.size) return -ERANGE;
    putBytes(t, a.buf, b);
    return b.length;
  }),
  chdir: sys(49, { path: 'path' }, (t, a) => {
    const l = place(t, AT_FDCWD, a.path);
    if (!(l.node instanceof DirNode)) return -ENOTDIR;
    if (!permits(t, l.node.stat(), 1)) return -EACCES;
    t.fs.cwd = l;
    return 0;
  }),
  fchdir: sys(50, { fd: 'fd' }, (t, a) => {
    const d = t.files.get(a.fd);
    if (!d) return -EBADF;
    if (!(d.location?.node instanceof DirNode)) return -ENOTDIR;
    t.fs.cwd = d.location;
    return 0;
  }),
  chroot: sys(51, { path: 'path' }, (t, a) => {
    const l = place(t, AT_FDCWD, a.path);
    if (!(l.node instanceof DirNode)) return -ENOTDIR;
    if (t.process.cred.uid !== 0) return -EPERM;
    t.fs.root = l;
    return 0;
  }),
  umask: sys(166, { mask: 'mode' }, (t, a) => {
    const old = t.fs.umask;
    t.fs.umask = a.mask & 0o777;
    return old;
  }),
  mkdirat: sys(34, { dirfd: 'dirfd', path: 'path', mode: 'mode' }, (t, a) => mkdir(t, a.dirfd, a.path, a.mode)),
  mknodat: sys(33, { dirfd: 'dirfd', path: 'path', mode: 'mode', dev: 'uint' }, (t, a) => {
    const type = a.mode & Mode.S_IFMT;
    if (type !== 0 && type !== Mode.S_IFREG && type !== Mode.S_IFIFO) return -EPERM;
    const w = find(t, a.dirfd, a.path, false);
    if (w.location) return -EEXIST;
    const mode = a.mode & ~t.fs.umask & 0o7777;
    const made = type === Mode.S_IFIFO ? dirOf(w).makeFifo(w.name, mode) : dirOf(w).makeFile(w.name, mode);
    return typeof made === 'number' ? made : 0;
  }),
  unlinkat: sys(35, { dirfd: 'dirfd', path: 'path', flags: 'atflags' }, (t, a) => unlink(t, a.dirfd, a.path, a.flags)),
  symlinkat: sys(36, { target: 'path', dirfd: 'dirfd', path: 'path' }, (t, a) => {
    const w = find(t, a.dirfd, a.path, false);
    if (w.location) return -EEXIST;
    if (a.target === '') return -ENOENT;
    const made = dirOf(w).makeSymlink(w.name, a.target);
    return typeof made === 'number' ? made : 0;
  }),
  linkat: sys(37, { olddir: 'dirfd', old: 'path', newdir: 'dirfd', path: 'path', flags: 'atflags' }, (t, a) => {
    const l = place(t, a.olddir, a.old, (a.flags & At.AT_SYMLINK_FOLLOW) !== 0);
    const w = find(t, a.newdir, a.path, false);
    if (w.location) return -EEXIST;
    if (l.node instanceof DirNode) return -EPERM;
    const r = dirOf(w).add(w.name, l.node);
    if (r === 0) l.node.nlink++;
    return r;
  }),
  renameat: sys(38, { olddir: 'dirfd', old: 'path', newdir: 'dirfd', path: 'path' }, (t, a) =>
    rename(t, find(t, a.olddir, a.old, false), find(t, a.newdir, a.path, false), 0),
  ),
  renameat2: sys(276, { olddir: 'dirfd', old: 'path', newdir: 'dirfd', path: 'path', flags: 'uint' }, (t, a) =>
    rename(t, find(t, a.olddir, a.old, false), find(t, a.newdir, a.path, false), a.flags),
  ),
  truncate: sys(45, { path: 'path', length: 'long' }, (t, a) => {
    if (a.length < 0) return -EINVAL;
    const { node } = place(t, AT_FDCWD, a.path);
    if (node instanceof DirNode) return -EISDIR;
    if (!(node instanceof FileNode)) return -EINVAL;
    return permits(t, node.stat(), 2) ? node.truncate(a.length) : -EACCES;
  }),
  fchmod: sys(52, { fd: 'fd', mode: 'mode' }, (t, a) => {
    const d = fileOf(t, a.fd);
    return d.location?.node.chmod(a.mode) ?? d.file.chmod?.(a.mode) ?? 0;
  }),
  fchmodat: sys(53, { dirfd: 'dirfd', path: 'path', mode: 'mode' }, (t, a) =>
    place(t, a.dirfd, a.path).node.chmod(a.mode),
  ),
  fchmodat2: sys(452, { dirfd: 'dirfd', path: 'path', mode: 'mode', flags: 'atflags' }, (t, a) =>
    nodeAt(t, a.dirfd, a.path, a.flags).chmod(a.mode),
  ),
  // Owners are kept in memory only.
  fchownat: sys(54, { dirfd: 'dirfd', path: 'path', uid: 'int', gid: 'int', flags: 'atflags' }, (t, a) =>
    chown(nodeAt(t, a.dirfd, a.path, a.flags), a.uid, a.gid),
  ),
  fchown: sys(55, { fd: 'fd', uid: 'int', gid: 'int' }, (t, a) => {
    const n = fileOf(t, a.fd).location?.node;
    return n ? chown(n, a.uid, a.gid) : 0;
  }),
  utimensat: sys(88, { dirfd: 'dirfd', path: 'ptr', times: 'ptr', flags: 'atflags' }, (t, a) => {
    const [atime, mtime] = utimes(t, a.times);
    const path = a.path === 0n ? '' : t.mm.readString(a.path);
    if (path === undefined || path === null) return -EFAULT;
    const n = a.path === 0n ? fileOf(t, a.dirfd).location?.node : nodeAt(t, a.dirfd, path, a.flags);
    if (!n) return 0;
    if (atime !== undefined) n.atime = atime;
    if (mtime !== undefined) n.mtime = mtime;
    return 0;
  }),
  statfs: sys(43, { path: 'path', buf: 'ptr' }, (t, a) => statfs(t, a.buf, place(t, AT_FDCWD, a.path).node)),
  fstatfs: sys(44, { fd: 'fd', buf: 'ptr' }, (t, a) =>
    statfs(t, a.buf, fileOf(t, a.fd).location?.node ?? t.fs.root.node),
  ),
  sync: answer(81, {}, 0),
  syncfs: answer(267, { fd: 'fd' }, 0),
  // No file here has extended attributes, and none can be given any.
  setxattr: answer(5, { path: 'path', name: 'ptr', value: 'ptr', size: 'size', flags: 'int' }, -EOPNOTSUPP),
  lsetxattr: answer(6, { path: 'path', name: 'ptr', value: 'ptr', size: 'size', flags: 'int' }, -EOPNOTSUPP),
  fsetxattr: answer(7, { fd: 'fd', name: 'ptr', value: 'ptr', size: 'size', flags: 'int' }, -EOPNOTSUPP),
  getxattr: answer(8, { path: 'path', name: 'ptr', value: 'ptr', size: 'size' }, -ENODATA),
  lgetxattr: answer(9, { path: 'path', name: 'ptr', value: 'ptr', size: 'size' }, -ENODATA),
  fgetxattr: answer(10, { fd: 'fd', name: 'ptr', value: 'ptr', size: 'size' }, -ENODATA),
  listxattr: answer(11, { path: 'path', list: 'ptr', size: 'size' }, 0),
  llistxattr: answer(12, { path: 'path', list: 'ptr', size: 'size' }, 0),
  flistxattr: answer(13, { fd: 'fd', list: 'ptr', size: 'size' }, 0),
  removexattr: answer(14, { path: 'path', name: 'ptr' }, -ENODATA),
  lremovexattr: answer(15, { path: 'path', name: 'ptr' }, -ENODATA),
  fremovexattr: answer(16, { fd: 'fd', name: 'ptr' }, -ENODATA),
  mount: answer(40, { source: 'ptr', target: 'path', type: 'ptr', flags: 'u64', data: 'ptr' }, -EPERM),
  umount2: answer(39, { target: 'path', flags: 'int' }, -EPERM),
} satisfies SyscallTable;

function fileOfPath(t: Thread, fd: number): Node | undefined {
  return t.files.get(fd)?.location?.node;
}
function chown(n: Node, uid: number, gid: number): number {
  if (uid !== -1) n.uid = uid;
  if (gid !== -1) n.gid = gid;
  return 0;
}
