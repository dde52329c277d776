// Calls that take paths: opening, listing, making, removing, renaming.

import { Errno, type Result } from '../../base/hostfile.ts';
import { AT_FDCWD, At, Mode, O_ACCMODE, Open } from '../abi/flags.ts';
import { Struct, utf8 } from '../bytes.ts';
import type { Thread } from '../thread.ts';
import { FifoNode } from '../vfs/fifo.ts';
import { Description, type DirEntry } from '../vfs/file.ts';
import { DirNode, Location, type Node, SymlinkNode } from '../vfs/node.ts';
import type { Walked } from '../vfs/path.ts';
import { FileNode } from '../vfs/regular.ts';
import { renameEntry } from '../vfs/tree.ts';
import { dirOf, find, permits, place } from './places.ts';
import { answer, type SyscallTable, sys } from './schema.ts';
import { after, fileOf, getStruct, putBytes, putStruct } from './util.ts';

const { EINVAL, ENOENT, EEXIST, ENOTDIR, EISDIR, EACCES, ELOOP, ENOTEMPTY, EBADF, EBUSY, ERANGE, EPERM, EOPNOTSUPP } =
  Errno;

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
  n.inode.uid = t.process.cred.uid;
  n.inode.gid = t.process.cred.gid;
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
  node.inode.nlink--;
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
export const FILES = {
  openat: sys(56, 'dirfd dirfd, path path, openflags flags, mode mode', (t, a) =>
    openAt(t, a.dirfd, a.path, a.flags, a.mode),
  ),
  openat2: sys(437, 'dirfd dirfd, path path, ptr how, size size', (t, a) => {
    if (a.size < 24) return -EINVAL;
    const s = getStruct(t, a.how, 24);
    const RESOLVE_KNOWN = 0x3fn;
    if ((s.u64(16) & ~RESOLVE_KNOWN) !== 0n) return -EINVAL;
    return openAt(t, a.dirfd, a.path, s.u32(0), s.u32(8));
  }),
  getdents64: sys(61, 'fd fd, ptr buf, uint size', (t, a) => getdents(t, a.fd, a.buf, a.size)),
  getcwd: sys(17, 'bufout buf, size size', (t, a) => {
    const b = utf8(`${t.fs.cwd.path()}\0`);
    if (b.length > a.size) return -ERANGE;
    putBytes(t, a.buf, b);
    return b.length;
  }),
  chdir: sys(49, 'path path', (t, a) => {
    const l = place(t, AT_FDCWD, a.path);
    if (!(l.node instanceof DirNode)) return -ENOTDIR;
    if (!permits(t, l.node.stat(), 1)) return -EACCES;
    t.fs.cwd = l;
    return 0;
  }),
  fchdir: sys(50, 'fd fd', (t, a) => {
    const d = t.files.get(a.fd);
    if (!d) return -EBADF;
    if (!(d.location?.node instanceof DirNode)) return -ENOTDIR;
    t.fs.cwd = d.location;
    return 0;
  }),
  chroot: sys(51, 'path path', (t, a) => {
    const l = place(t, AT_FDCWD, a.path);
    if (!(l.node instanceof DirNode)) return -ENOTDIR;
    if (t.process.cred.uid !== 0) return -EPERM;
    t.fs.root = l;
    return 0;
  }),
  umask: sys(166, 'mode mask', (t, a) => {
    const old = t.fs.umask;
    t.fs.umask = a.mask & 0o777;
    return old;
  }),
  mkdirat: sys(34, 'dirfd dirfd, path path, mode mode', (t, a) => mkdir(t, a.dirfd, a.path, a.mode)),
  mknodat: sys(33, 'dirfd dirfd, path path, mode mode, uint dev', (t, a) => {
    const type = a.mode & Mode.S_IFMT;
    if (type !== 0 && type !== Mode.S_IFREG && type !== Mode.S_IFIFO) return -EPERM;
    const w = find(t, a.dirfd, a.path, false);
    if (w.location) return -EEXIST;
    const mode = a.mode & ~t.fs.umask & 0o7777;
    const made = type === Mode.S_IFIFO ? dirOf(w).makeFifo(w.name, mode) : dirOf(w).makeFile(w.name, mode);
    return typeof made === 'number' ? made : 0;
  }),
  unlinkat: sys(35, 'dirfd dirfd, path path, atflags flags', (t, a) => unlink(t, a.dirfd, a.path, a.flags)),
  symlinkat: sys(36, 'path target, dirfd dirfd, path path', (t, a) => {
    const w = find(t, a.dirfd, a.path, false);
    if (w.location) return -EEXIST;
    if (a.target === '') return -ENOENT;
    const made = dirOf(w).makeSymlink(w.name, a.target);
    return typeof made === 'number' ? made : 0;
  }),
  linkat: sys(37, 'dirfd olddir, path old, dirfd newdir, path path, atflags flags', (t, a) => {
    const l = place(t, a.olddir, a.old, (a.flags & At.AT_SYMLINK_FOLLOW) !== 0);
    const w = find(t, a.newdir, a.path, false);
    if (w.location) return -EEXIST;
    if (l.node instanceof DirNode) return -EPERM;
    return dirOf(w).link(w.name, l.node);
  }),
  renameat: sys(38, 'dirfd olddir, path old, dirfd newdir, path path', (t, a) =>
    rename(t, find(t, a.olddir, a.old, false), find(t, a.newdir, a.path, false), 0),
  ),
  renameat2: sys(276, 'dirfd olddir, path old, dirfd newdir, path path, uint flags', (t, a) =>
    rename(t, find(t, a.olddir, a.old, false), find(t, a.newdir, a.path, false), a.flags),
  ),
  truncate: sys(45, 'path path, long length', (t, a) => {
    if (a.length < 0) return -EINVAL;
    const { node } = place(t, AT_FDCWD, a.path);
    if (node instanceof DirNode) return -EISDIR;
    if (!(node instanceof FileNode)) return -EINVAL;
    return permits(t, node.stat(), 2) ? node.truncate(a.length) : -EACCES;
  }),
  sync: answer(81, '', 0),
  syncfs: answer(267, 'fd fd', 0),
  mount: answer(40, 'ptr source, path target, ptr type, u64 flags, ptr data', -EPERM),
  umount2: answer(39, 'path target, int flags', -EPERM),
} satisfies SyscallTable;
