// userfaultfd(2), missing and minor mode: page faults of registered ranges are told to a reader, who supplies the page.
// The ioctls work on the address space that made the descriptor.

import { type Caller, Errno, type Result } from '../../base/hostfile.ts';
import type { AddressSpace } from '../mm/mm.ts';
import { PAGE, PageStore } from '../mm/pages.ts';
import type { Vma } from '../mm/vma.ts';
import { Wait, WaitQueue } from '../wait.ts';
import type { FileOps } from './file.ts';

/** What a mapping knows of its userfaultfd. */
export interface Userfault {
  /** A page of a mapped object is there already: no fault to report. */
  hasPage(vma: Vma, index: number): boolean;
  /** Somebody waits for the page at `addr`. */
  report(addr: number, write: boolean, tid?: number): void;
  /** Woken when pages were supplied or ranges given up. */
  readonly resolved: WaitQueue;
  unmapped(vma: Vma): void;
}

const ioc = (dir: number, nr: number, size: number) => dir * 0x4000_0000 + size * 0x10000 + 0xaa00 + nr;
// biome-ignore format: a table
export const Uffdio = {
  UFFDIO_API: ioc(3, 0x3f, 24), UFFDIO_REGISTER: ioc(3, 0x00, 32), UFFDIO_UNREGISTER: ioc(2, 0x01, 16),
  UFFDIO_WAKE: ioc(2, 0x02, 16), UFFDIO_COPY: ioc(3, 0x03, 40), UFFDIO_ZEROPAGE: ioc(3, 0x04, 32),
  UFFDIO_CONTINUE: ioc(3, 0x07, 32),
} as const;
const UFFD_API = 0xaan;
/** Features offered: shmem ranges, exact addresses, thread ids, SIGBUS instead of events, minor faults on shmem. */
const FEATURES = {
  MISSING_SHMEM: 1n << 5n,
  SIGBUS: 1n << 7n,
  THREAD_ID: 1n << 8n,
  MINOR_SHMEM: 1n << 10n,
  EXACT_ADDRESS: 1n << 11n,
} as const;
const ALL_FEATURES = Object.values(FEATURES).reduce((a, b) => a | b, 0n);
const MODE_MISSING = 1n;
const MODE_MINOR = 4n;
const RANGE_IOCTLS = (1n << 2n) | (1n << 3n) | (1n << 4n);
const MSG_SIZE = 32;
const EVENT_PAGEFAULT = 0x12;

interface Message {
  readonly addr: number;
  readonly flags: bigint;
  readonly tid: number;
}

export class UserfaultFd implements FileOps, Userfault {
  readonly kind = 'userfaultfd';
  readonly waitQueue = new WaitQueue();
  readonly resolved = new WaitQueue();
  private readonly mm: AddressSpace;
  private features = 0n;
  private ready = false;
  private minor = false;
  private readonly queue: Message[] = [];
  /** Pages (address / 4096, with the reader's choice of flags) whose fault was reported and is not resolved yet. */
  private readonly reported = new Set<number>();

  constructor(mm: AddressSpace) {
    this.mm = mm;
  }
  hasPage(vma: Vma, index: number): boolean {
    if (this.minor) return false; // a minor fault is reported although the page exists
    return vma.backing?.pages instanceof PageStore ? vma.backing.pages.has(index) : true;
  }
  report(addr: number, write: boolean, tid = 0): void {
    const page = Math.floor(addr / PAGE);
    if (this.reported.has(page)) return;
    this.reported.add(page);
    const exact = (this.features & FEATURES.EXACT_ADDRESS) !== 0n;
    const flags = (write ? 1n : 0n) | (this.minor ? 4n : 0n);
    this.queue.push({ addr: exact ? addr : page * PAGE, flags, tid });
    this.waitQueue.wake();
  }
  unmapped(): void {
    this.resolved.wake();
  }
  read(out: Uint8Array): Result {
    if (!this.ready) return -Errno.EINVAL;
    if (out.length < MSG_SIZE) return -Errno.EINVAL;
    return new Wait(
      () => {
        let n = 0;
        const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
        while (n + MSG_SIZE <= out.length && this.queue.length > 0) {
          const m = this.queue.shift()!;
          out.fill(0, n, n + MSG_SIZE);
          out[n] = EVENT_PAGEFAULT;
          view.setBigUint64(n + 8, m.flags, true);
          view.setBigUint64(n + 16, BigInt(m.addr), true);
          view.setUint32(n + 24, (this.features & FEATURES.THREAD_ID) !== 0n ? m.tid : 0, true);
          n += MSG_SIZE;
        }
        return n > 0 ? n : 'wait';
      },
      { queues: [this.waitQueue] },
    );
  }
  poll(): number {
    if (!this.ready) return 8;
    return this.queue.length > 0 ? 1 : 0;
  }
  ioctl(cmd: number, arg: bigint, caller: Caller): Result {
    const size = Math.floor(cmd / 0x10000) & 0x3fff;
    const bytes = new Uint8Array(size);
    if (!caller.memory.read(arg, bytes)) return -Errno.EFAULT;
    const v = new DataView(bytes.buffer);
    const u64 = (i: number) => v.getBigUint64(i * 8, true);
    const put = (i: number, value: bigint) => {
      v.setBigInt64(i * 8, value, true);
      return caller.memory.write(arg + BigInt(i * 8), bytes.subarray(i * 8, i * 8 + 8));
    };
    if (cmd === Uffdio.UFFDIO_API) {
      if (this.ready || u64(0) !== UFFD_API || (u64(1) & ~ALL_FEATURES) !== 0n) {
        caller.memory.write(arg, new Uint8Array(24));
        return -Errno.EINVAL;
      }
      this.ready = true;
      this.features = u64(1);
      put(1, ALL_FEATURES);
      put(2, 0x8000_0000_0000_0003n); // API, REGISTER, UNREGISTER
      return 0;
    }
    if (!this.ready) return -Errno.EINVAL;
    switch (cmd) {
      case Uffdio.UFFDIO_REGISTER: {
        const r = this.register(Number(u64(0)), Number(u64(1)), u64(2));
        if (r < 0) return r;
        const mode = u64(2);
        return put(3, RANGE_IOCTLS | ((mode & MODE_MINOR) !== 0n ? 1n << 7n : 0n)) ? 0 : -Errno.EFAULT;
      }
      case Uffdio.UFFDIO_UNREGISTER: {
        const [start, len] = [Number(u64(0)), Number(u64(1))];
        if (!validRange(start, len)) return -Errno.EINVAL;
        this.mm.vmas.change(start, start + len, (x) => {
          if (x.userfault === this) x.userfault = undefined;
        });
        this.settle(start, len);
        return 0;
      }
      case Uffdio.UFFDIO_WAKE: {
        const [start, len] = [Number(u64(0)), Number(u64(1))];
        if (!validRange(start, len)) return -Errno.EINVAL;
        this.settle(start, len);
        return 0;
      }
      case Uffdio.UFFDIO_COPY: {
        const [dst, src, len, mode] = [Number(u64(0)), u64(1), Number(u64(2)), u64(3)];
        if (!validRange(dst, len) || (mode & ~3n) !== 0n) return -Errno.EINVAL;
        return this.supply(
          dst,
          len,
          (mode & 1n) === 0n,
          (done) => {
            const page = new Uint8Array(PAGE);
            return caller.memory.read(src + BigInt(done), page) ? page : undefined;
          },
          (r) => put(4, r),
        );
      }
      case Uffdio.UFFDIO_ZEROPAGE: {
        const [dst, len, mode] = [Number(u64(0)), Number(u64(1)), u64(2)];
        if (!validRange(dst, len) || (mode & ~1n) !== 0n) return -Errno.EINVAL;
        return this.supply(
          dst,
          len,
          (mode & 1n) === 0n,
          () => null,
          (r) => put(3, r),
        );
      }
      case Uffdio.UFFDIO_CONTINUE: {
        const [dst, len, mode] = [Number(u64(0)), Number(u64(1)), u64(2)];
        if (!validRange(dst, len) || (mode & ~1n) !== 0n) return -Errno.EINVAL;
        return this.continueMinor(dst, len, (mode & 1n) === 0n, (r) => put(3, r));
      }
      default:
        return -Errno.EINVAL;
    }
  }
  private register(start: number, len: number, mode: bigint): number {
    if (!validRange(start, len) || mode === 0n || (mode & ~(MODE_MISSING | MODE_MINOR)) !== 0n) return -Errno.EINVAL;
    const vmas = this.mm.vmas.overlapping(start, start + len);
    if (vmas.length === 0) return -Errno.EINVAL;
    for (const x of vmas) {
      if (x.backing && !x.backing.shmem) return -Errno.EINVAL;
      if ((mode & MODE_MINOR) !== 0n && !x.backing) return -Errno.EINVAL;
      if (x.userfault && x.userfault !== this) return -Errno.EBUSY;
    }
    this.minor = (mode & MODE_MINOR) !== 0n;
    this.mm.vmas.change(start, start + len, (x) => {
      x.userfault = this;
    });
    return 0;
  }
  /** Faults within the range are answered: their threads look again. */
  private settle(start: number, len: number): void {
    for (let p = start / PAGE; p < (start + len) / PAGE; p++) this.reported.delete(p);
    for (let i = this.queue.length - 1; i >= 0; i--) {
      const a = this.queue[i]!.addr;
      if (a >= start && a < start + len) this.queue.splice(i, 1);
    }
    this.resolved.wake();
  }
  private supply(
    dst: number,
    len: number,
    wake: boolean,
    page: (done: number) => Uint8Array | null | undefined,
    result: (r: bigint) => boolean,
  ): number {
    let done = 0;
    let errno = 0;
    for (; done < len; done += PAGE) {
      const vma = this.mm.vmas.find(dst + done);
      if (!vma?.userfault) {
        errno = Errno.ENOENT;
        break;
      }
      const bytes = page(done);
      if (bytes === undefined) {
        errno = Errno.EFAULT;
        break;
      }
      const store = vma.backing?.pages;
      const index = (dst + done - vma.start + vma.offset) / PAGE;
      if (store && index >= store.pages) {
        errno = Errno.EFAULT;
        break;
      }
      const ok =
        vma.shared && store instanceof PageStore
          ? store.install(index, bytes ?? undefined)
          : this.mm.install(dst + done, bytes ?? undefined);
      if (!ok) {
        errno = Errno.EEXIST;
        break;
      }
    }
    if (!result(done > 0 ? BigInt(done) : BigInt(-errno))) return -Errno.EFAULT;
    if (wake && done > 0) this.settle(dst, done);
    return done === len ? 0 : done > 0 ? -Errno.EAGAIN : -errno;
  }
  private continueMinor(dst: number, len: number, wake: boolean, result: (r: bigint) => boolean): number {
    let done = 0;
    let errno = 0;
    for (; done < len; done += PAGE) {
      const vma = this.mm.vmas.find(dst + done);
      const store = vma?.backing?.pages;
      if (!vma || !store) {
        errno = Errno.ENOENT;
        break;
      }
      const index = (dst + done - vma.start + vma.offset) / PAGE;
      if (!(store instanceof PageStore) || !store.has(index)) {
        errno = Errno.EFAULT;
        break;
      }
      if (!this.mm.mapObject(dst + done, store.frame(index)!)) {
        errno = Errno.EEXIST;
        break;
      }
    }
    if (!result(done > 0 ? BigInt(done) : BigInt(-errno))) return -Errno.EFAULT;
    if (wake && done > 0) this.settle(dst, done);
    return done === len ? 0 : done > 0 ? -Errno.EAGAIN : -errno;
  }
  close(): void {
    for (const v of [...this.mm.vmas.all]) {
      if (v.userfault === this)
        this.mm.vmas.change(v.start, v.end, (x) => {
          x.userfault = undefined;
        });
    }
    this.reported.clear();
    this.resolved.wake();
  }
}
function validRange(start: number, len: number): boolean {
  return start % PAGE === 0 && len % PAGE === 0 && len > 0;
}
