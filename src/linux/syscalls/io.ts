// Reading, writing and seeking.

import { Errno, type Result } from '../../base/hostfile.ts';
import type { Thread } from '../thread.ts';
import { DirNode } from '../vfs/node.ts';
import { type SyscallTable, sys } from './schema.ts';
import {
  after,
  fileOf,
  getIovecs,
  getStruct,
  type Iovec,
  put64,
  readInto,
  unlessBlocking,
  userData,
  writeFrom,
} from './util.ts';

const { EINVAL, ESPIPE, EBADF, EISDIR, ENXIO } = Errno;

/** Fills buffers one after the other until one comes back short. */
function readVector(t: Thread, fd: number, iov: readonly Iovec[], offset?: number): Result {
  const d = fileOf(t, fd);
  let total = 0;
  const next = (i: number): Result => {
    while (i < iov.length && iov[i]!.length === 0) i++;
    const v = iov[i];
    if (!v) return total;
    // What comes after the first part must not wait.
    if (total > 0 && !d.file.seekable && offset === undefined && ((d.file.poll?.() ?? 1) & 1) === 0) return total;
    return after(readInto(t, d, v.base, v.length, offset === undefined ? undefined : offset + total), (n) => {
      if (n < 0) return total > 0 ? total : n;
      total += n;
      return n < v.length ? total : next(i + 1);
    });
  };
  return next(0);
}
function gather(t: Thread, iov: readonly Iovec[]): Uint8Array {
  if (iov.length === 1) return userData(t, iov[0]!.base, iov[0]!.length);
  const parts = iov.filter((v) => v.length > 0).map((v) => userData(t, v.base, v.length));
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
function seek(t: Thread, fd: number, offset: number, whence: number): number {
  const d = fileOf(t, fd);
  const isDir = d.location?.node instanceof DirNode && d.file.kind === 'directory';
  if (!d.file.seekable && !isDir) return -ESPIPE;
  const size = () => Number(d.file.size?.() ?? 0n);
  let to: number;
  switch (whence) {
    case 0:
      to = offset;
      break;
    case 1:
      to = d.pos + offset;
      break;
    case 2:
      to = size() + offset;
      break;
    case 3: // SEEK_DATA: everything counts as data
      if (offset < 0 || offset >= size()) return -ENXIO;
      to = offset;
      break;
    case 4: // SEEK_HOLE: the one at the end
      if (offset < 0 || offset >= size()) return -ENXIO;
      to = size();
      break;
    default:
      return -EINVAL;
  }
  if (to < 0) return -EINVAL;
  d.pos = to;
  if (isDir && to === 0) d.entries = undefined;
  return to;
}
/** Moves bytes from one file to another within the kernel. */
function copy(t: Thread, from: number, to: number, count: number, inOffset?: number, outOffset?: number): Result {
  const src = fileOf(t, from);
  const dst = fileOf(t, to);
  if (!src.readable || !dst.writable) return -EBADF;
  if (!src.file.pread) return -EINVAL;
  const buffer = new Uint8Array(Math.min(count, 1 << 16));
  const at = inOffset ?? src.pos;
  const n = src.file.pread(buffer, BigInt(at));
  if (n <= 0) return n;
  return after(writeFrom(t, dst, buffer.subarray(0, n), outOffset), (w) => {
    if (w > 0 && inOffset === undefined) src.pos = at + w;
    return w;
  });
}

export const IO = {
  read: sys(63, 'fd fd, bufout buf, size count', (t, a) => readInto(t, fileOf(t, a.fd), a.buf, a.count)),
  readv: sys(65, 'fd fd, iovout iov, int count', (t, a) => readVector(t, a.fd, getIovecs(t, a.iov, a.count))),
  writev: sys(66, 'fd fd, iovin iov, int count', (t, a) =>
    writeFrom(t, fileOf(t, a.fd), gather(t, getIovecs(t, a.iov, a.count))),
  ),
  pread64: sys(67, 'fd fd, bufout buf, size count, long offset', (t, a) =>
    a.offset < 0 ? -EINVAL : readInto(t, fileOf(t, a.fd), a.buf, a.count, a.offset),
  ),
  pwrite64: sys(68, 'fd fd, bufin buf, size count, long offset', (t, a) =>
    a.offset < 0 ? -EINVAL : writeFrom(t, fileOf(t, a.fd), userData(t, a.buf, a.count), a.offset),
  ),
  preadv: sys(69, 'fd fd, iovout iov, int count, long offset', (t, a) =>
    a.offset < 0 ? -EINVAL : readVector(t, a.fd, getIovecs(t, a.iov, a.count), a.offset),
  ),
  pwritev: sys(70, 'fd fd, iovin iov, int count, long offset', (t, a) =>
    a.offset < 0 ? -EINVAL : writeFrom(t, fileOf(t, a.fd), gather(t, getIovecs(t, a.iov, a.count)), a.offset),
  ),
  preadv2: sys(286, 'fd fd, iovout iov, int count, long offset, long high, int flags', (t, a) =>
    readVector(t, a.fd, getIovecs(t, a.iov, a.count), a.offset < 0 ? undefined : a.offset),
  ),
  pwritev2: sys(287, 'fd fd, iovin iov, int count, long offset, long high, int flags', (t, a) =>
    writeFrom(t, fileOf(t, a.fd), gather(t, getIovecs(t, a.iov, a.count)), a.offset < 0 ? undefined : a.offset),
  ),
  lseek: sys(62, 'fd fd, long offset, whence whence', (t, a) => seek(t, a.fd, a.offset, a.whence)),
  sendfile: sys(71, 'fd out, fd in, ptr offset, size count', (t, a) => {
    if (a.offset === 0n) return copy(t, a.in, a.out, a.count);
    const from = getStruct(t, a.offset, 8).n64(0);
    return after(copy(t, a.in, a.out, a.count, from), (n) => {
      if (n > 0) put64(t, a.offset, from + n);
      return n;
    });
  }),
  copy_file_range: sys(285, 'fd in, ptr inoff, fd out, ptr outoff, size count, uint flags', (t, a) => {
    if (a.flags !== 0) return -EINVAL;
    if (!fileOf(t, a.in).file.seekable || !fileOf(t, a.out).file.seekable) return -EINVAL;
    const from = a.inoff === 0n ? undefined : getStruct(t, a.inoff, 8).n64(0);
    const to = a.outoff === 0n ? undefined : getStruct(t, a.outoff, 8).n64(0);
    return after(copy(t, a.in, a.out, a.count, from, to), (n) => {
      if (n > 0 && from !== undefined) put64(t, a.inoff, from + n);
      if (n > 0 && to !== undefined) put64(t, a.outoff, to + n);
      return n;
    });
  }),
  splice: sys(76, 'fd in, ptr inoff, fd out, ptr outoff, size count, uint flags', (t, a) => {
    const src = fileOf(t, a.in);
    const dst = fileOf(t, a.out);
    const isPipe = (d: typeof src) => d.file.kind === 'pipe';
    if (!isPipe(src) && !isPipe(dst)) return -EINVAL;
    if (!src.readable || !dst.writable) return -EBADF;
    if ((isPipe(src) && a.inoff !== 0n) || (isPipe(dst) && a.outoff !== 0n)) return -ESPIPE;
    const from = a.inoff === 0n ? undefined : getStruct(t, a.inoff, 8).n64(0);
    const to = a.outoff === 0n ? undefined : getStruct(t, a.outoff, 8).n64(0);
    const told = (r: Result) =>
      after(r, (n) => {
        if (n > 0 && from !== undefined) put64(t, a.inoff, from + n);
        if (n > 0 && to !== undefined) put64(t, a.outoff, to + n);
        return n;
      });
    if (!isPipe(src)) return told(copy(t, a.in, a.out, a.count, from, to));
    if (!src.file.read) return -EINVAL;
    const SPLICE_F_NONBLOCK = 2;
    const buffer = new Uint8Array(Math.min(a.count, 1 << 16));
    const got = unlessBlocking(src.file.read(buffer, t), src.nonblock || (a.flags & SPLICE_F_NONBLOCK) !== 0);
    return told(after(got, (n) => (n <= 0 ? n : writeFrom(t, dst, buffer.subarray(0, n), to))));
  }),
  fsync: sys(82, 'fd fd', (t, a) => {
    const d = fileOf(t, a.fd);
    d.file.sync?.();
    return d.file.seekable || d.file.kind === 'directory' ? 0 : -EINVAL;
  }),
  fdatasync: sys(83, 'fd fd', (t, a) => {
    const d = fileOf(t, a.fd);
    d.file.sync?.();
    return d.file.seekable || d.file.kind === 'directory' ? 0 : -EINVAL;
  }),
  ftruncate: sys(46, 'fd fd, long length', (t, a) => {
    const d = fileOf(t, a.fd);
    if (a.length < 0 || !d.writable || !d.file.truncate) return d.file.kind === 'directory' ? -EISDIR : -EINVAL;
    return d.file.truncate(a.length);
  }),
  fallocate: sys(47, 'fd fd, int mode, long offset, long length', (t, a) => {
    const d = fileOf(t, a.fd);
    if (a.offset < 0 || a.length <= 0) return -EINVAL;
    if (!d.writable) return -EBADF;
    if (!d.file.fallocate) return d.file.kind === 'pipe' ? -ESPIPE : -Errno.ENODEV;
    return d.file.fallocate(a.mode, BigInt(a.offset), BigInt(a.length));
  }),
  fadvise64: sys(223, 'fd fd, long offset, long length, int advice', (t, a) => {
    fileOf(t, a.fd);
    return 0;
  }),
  readahead: sys(213, 'fd fd, long offset, size count', (t, a) => {
    fileOf(t, a.fd);
    return 0;
  }),
} satisfies SyscallTable;
