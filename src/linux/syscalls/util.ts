// What handlers share: user memory in and out, descriptors, waiting.

import { Errno, type Pending, type Result } from '../../base/hostfile.ts';
import { lazy } from '../../base/lazy.ts';
import { Struct, timespec, timespec64 } from '../bytes.ts';
import { UserfaultWait } from '../mm/user_access.ts';
import type { Thread } from '../thread.ts';
import type { Description } from '../vfs/file.ts';
import { SysError } from './schema.ts';

/** Largest single transfer. @linux MAX_RW_COUNT */
export const MAX_RW = 0x7fff_f000;
/** Files are handed at most this much at once, so that a huge count does not need a huge buffer. */
const CHUNK = 1 << 20;
/** What is read goes through it, one chunk after the other. */
const chunk = lazy(() => new Uint8Array(CHUNK));

export function getBytes(t: Thread, addr: bigint, n: number): Uint8Array {
  const b = new Uint8Array(n);
  if (!t.mm.read(addr, b)) throw new SysError(Errno.EFAULT);
  return b;
}
export function getStruct(t: Thread, addr: bigint, n: number): Struct {
  return new Struct(getBytes(t, addr, n));
}
export function putBytes(t: Thread, addr: bigint, b: Uint8Array): void {
  if (!t.mm.write(addr, b)) throw new SysError(Errno.EFAULT);
}
export function putStruct(t: Thread, addr: bigint, s: Struct): void {
  putBytes(t, addr, s.bytes);
}
export function put32(t: Thread, addr: bigint, v: number): void {
  putBytes(t, addr, new Struct(4).set32(0, v).bytes);
}
export function put64(t: Thread, addr: bigint, v: bigint | number): void {
  putBytes(t, addr, new Struct(8).set64(0, v).bytes);
}
export function getString(t: Thread, addr: bigint, max = 4096): string {
  const s = t.mm.readString(addr, max);
  if (s === undefined) throw new SysError(Errno.EFAULT);
  if (s === null) throw new SysError(Errno.ENAMETOOLONG);
  return s;
}
/** struct timespec in ns. @throws EFAULT, EINVAL */
export function getTimespec(t: Thread, addr: bigint): number {
  const ns = timespec(getStruct(t, addr, 16), 0);
  if (ns === undefined) throw new SysError(Errno.EINVAL);
  return ns;
}

/** An absolute time, exact. @throws EFAULT, EINVAL */
export function getAbsolute(t: Thread, addr: bigint): bigint {
  const ns = timespec64(getStruct(t, addr, 16), 0);
  if (ns === undefined) throw new SysError(Errno.EINVAL);
  return ns;
}
/** An absolute time of CLOCK_REALTIME or CLOCK_MONOTONIC as CLOCK_MONOTONIC, never negative. */
export function asMonotonic(t: Thread, ns: bigint, realtime: boolean): number {
  const { clock } = t.machine;
  const at = realtime ? ns - (clock.realtime() - BigInt(clock.now())) : ns;
  return at < 0n ? 0 : Number(at);
}

/** @throws EBADF, also for O_PATH descriptors */
export function fileOf(t: Thread, fd: number): Description {
  const d = t.files.get(fd);
  if (!d || d.file.kind === 'path') throw new SysError(Errno.EBADF);
  return d;
}

/** Goes on with `f` when the result is there. `f` may throw UserfaultWait and is then called again. */
export function after(r: Result, f: (n: number) => Result): Result {
  if (typeof r === 'number') {
    try {
      return f(r);
    } catch (e) {
      if (!(e instanceof UserfaultWait)) throw e;
      return continued(undefined, r, f);
    }
  }
  return continued(r, undefined, f);
}
function continued(first: Pending | undefined, known: number | undefined, f: (n: number) => Result): Pending {
  let done = known;
  let second: Pending | undefined;
  return {
    get queues() {
      return ((second ?? first) as { queues?: unknown } | undefined)?.queues;
    },
    step(budget: number) {
      if (second) return second.step(budget);
      if (done === undefined) {
        const r = first!.step(budget);
        if (typeof r !== 'number') return r;
        done = r;
      }
      const r = f(done);
      if (typeof r === 'number') return r;
      second = r;
      return second.step(budget);
    },
    wakeAt: () => (second ?? (done === undefined ? first : undefined))?.wakeAt?.(),
    interrupt: () => (second ?? (done === undefined ? first : undefined))?.interrupt?.(),
  } as Pending;
}
/** O_NONBLOCK: what cannot be had at once is EAGAIN. */
export function unlessBlocking(r: Result, nonblock: boolean): Result {
  if (typeof r === 'number' || !nonblock) return r;
  const now = r.step(0);
  return typeof now === 'number' ? now : -Errno.EAGAIN;
}

/** Reads from a file into user memory. @param offset for pread; undefined uses and moves the position */
export function readInto(t: Thread, d: Description, addr: bigint, count: number, offset?: number): Result {
  if (!d.readable) return -Errno.EBADF;
  const { file } = d;
  const n = Math.min(count, MAX_RW);
  if (file.seekable || offset !== undefined) {
    if (!file.pread) return d.location?.node.type === 0o040000 ? -Errno.EISDIR : -Errno.ESPIPE;
    let done = 0;
    let at = offset ?? d.pos;
    while (done < n) {
      const buffer = chunk().subarray(0, n - done);
      const r = file.pread(buffer, BigInt(at));
      if (r < 0) return done > 0 ? done : r;
      if (r === 0) break;
      if (!t.mm.write(addr + BigInt(done), buffer.subarray(0, r))) return done > 0 ? done : -Errno.EFAULT;
      done += r;
      at += r;
      if (offset === undefined) d.pos = at;
      if (r < buffer.length) break;
    }
    return done;
  }
  if (!file.read) return d.location?.node.type === 0o040000 ? -Errno.EISDIR : -Errno.EINVAL;
  const buffer = new Uint8Array(Math.min(n, CHUNK));
  return after(unlessBlocking(file.read(buffer, t), d.nonblock), (r) => {
    if (r > 0) putBytes(t, addr, buffer.subarray(0, r));
    return r;
  });
}

/** Writes user memory to a file. */
export function writeFrom(t: Thread, d: Description, data: Uint8Array, offset?: number): Result {
  if (!d.writable) return -Errno.EBADF;
  const { file } = d;
  const O_APPEND = 0o2000;
  if (file.seekable || offset !== undefined) {
    if (!file.pwrite) return file.seekable ? -Errno.EINVAL : -Errno.ESPIPE;
    const append = (d.flags & O_APPEND) !== 0;
    const r = file.pwrite(data, BigInt(offset ?? d.pos), append);
    if (r > 0 && offset === undefined) d.pos = append ? Number(file.size?.() ?? 0n) : d.pos + r;
    return r;
  }
  if (!file.write) return -Errno.EINVAL;
  return unlessBlocking(file.write(data, t), d.nonblock);
}
/** Copies in at most what one transfer may hold. */
export function userData(t: Thread, addr: bigint, count: number): Uint8Array {
  const n = Math.min(count, MAX_RW);
  const b = new Uint8Array(n);
  if (t.mm.read(addr, b)) return b;
  // Partly readable: as far as it goes, page by page.
  let good = 0;
  for (let at = 0; at < n; ) {
    const step = Math.min(n - at, 4096 - Number((addr + BigInt(at)) & 0xfffn));
    if (!t.mm.read(addr + BigInt(at), b.subarray(at, at + step))) break;
    at += step;
    good = at;
  }
  if (good === 0) throw new SysError(Errno.EFAULT);
  return b.subarray(0, good);
}

export interface Iovec {
  readonly base: bigint;
  readonly length: number;
}
const IOV_MAX = 1024;
export function getIovecs(t: Thread, addr: bigint, count: number): Iovec[] {
  if (count < 0 || count > IOV_MAX) throw new SysError(Errno.EINVAL);
  const s = getStruct(t, addr, count * 16);
  return Array.from({ length: count }, (_, i) => {
    const length = s.n64(i * 16 + 8);
    if (length < 0) throw new SysError(Errno.EINVAL);
    return { base: s.u64(i * 16), length };
  });
}
