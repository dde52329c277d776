// Address space calls.

import { Errno, type Result } from '../../base/hostfile.ts';
import { Map_, O_ACCMODE, Open } from '../abi/flags.ts';
import { Struct } from '../bytes.ts';
import { pageUp, TASK_SIZE } from '../mm/addresses.ts';
import { madvise } from '../mm/advice.ts';
import { type MapRequest, mmap, mprotect, mremap, munmap } from '../mm/map_calls.ts';
import { PAGE, PageStore } from '../mm/pages.ts';
import type { Backing } from '../mm/vma.ts';
import type { Thread } from '../thread.ts';
import type { Description } from '../vfs/file.ts';
import { shmemBacking } from '../vfs/memfd.ts';
import { freshIno } from '../vfs/node.ts';
import { answer, type SyscallTable, sys } from './schema.ts';
import { fileOf, getBytes, getIovecs, putBytes } from './util.ts';

const { EINVAL, ENOMEM, EACCES, ENODEV, EPERM, EFAULT, ESRCH } = Errno;

/** What a mapping of an open file shows, or a negative errno. */
function backingOf(d: Description, shared: boolean, prot: number, offset: number, length: number): Backing | number {
  if (!d.readable) return -EACCES;
  if (shared && (prot & 2) !== 0 && (d.flags & O_ACCMODE) !== Open.O_RDWR) return -EACCES;
  const { file } = d;
  const hold = { ref: () => void d.ref(), unref: () => d.unref() };
  if (file.backing) {
    const b = file.backing();
    return b;
  }
  if (!file.mmap) return -ENODEV;
  const pages = file.mmap(BigInt(offset), BigInt(length), shared, prot);
  if (typeof pages === 'number') return pages;
  return { pages, path: d.path, ino: d.stat().ino, dev: 15, shmem: false, mayWrite: true, ...hold };
}

function doMmap(
  t: Thread,
  addr: number,
  length: number,
  prot: number,
  flags: number,
  fd: number,
  offset: number,
): Result {
  const type = flags & 3;
  if (type === 0 || offset % PAGE !== 0) return -EINVAL;
  if ((flags & Map_.MAP_HUGETLB) !== 0) return -ENOMEM; // no huge pages are reserved
  if (length === 0) return -EINVAL;
  if (length > TASK_SIZE) return -ENOMEM;
  const request: MapRequest = { addr, length, prot, flags, offset };
  if ((flags & Map_.MAP_ANONYMOUS) !== 0) {
    if (type === Map_.MAP_PRIVATE) return mmap(t.mm, { ...request, offset: 0 });
    if (type !== Map_.MAP_SHARED) return -EINVAL;
    const pages = new PageStore(t.machine.mem, pageUp(length));
    const r = mmap(t.mm, { ...request, offset: 0, backing: shmemBacking(pages, '/dev/zero (deleted)', freshIno()) });
    pages.unref();
    return r;
  }
  const d = fileOf(t, fd);
  const shared = type !== Map_.MAP_PRIVATE;
  const backing = backingOf(d, shared, prot, offset, length);
  if (typeof backing === 'number') return backing;
  // A private mapping of a device page shows from its own first page on: HostFile.mmap was told the offset.
  return mmap(t.mm, { ...request, backing, offset: d.file.backing ? offset : 0 });
}

function vmReadWrite(
  t: Thread,
  pid: number,
  local: bigint,
  nlocal: number,
  remote: bigint,
  nremote: number,
  write: boolean,
): number {
  const p = t.machine.process(pid);
  if (!p) return -ESRCH;
  const mine = getIovecs(t, local, nlocal);
  const theirs = getIovecs(t, remote, nremote);
  let total = 0;
  let k = 0;
  let at = 0n;
  for (const v of theirs) {
    let left = v.length;
    let addr = v.base;
    while (left > 0 && k < mine.length) {
      const m = mine[k]!;
      const n = Math.min(left, m.length - Number(at));
      if (n > 0) {
        const b = new Uint8Array(n);
        const ok = write
          ? t.mm.read(m.base + at, b) && p.mm.write(addr, b)
          : p.mm.read(addr, b) && t.mm.write(m.base + at, b);
        if (!ok) return total > 0 ? total : -EFAULT;
        total += n;
        left -= n;
        addr += BigInt(n);
        at += BigInt(n);
      }
      if (Number(at) === m.length) {
        k++;
        at = 0n;
      }
    }
  }
  return total;
}

export const MEMORY = {
  mmap: sys(222, 'addr addr, size length, prot prot, mapflags flags, fd fd, size offset', (t, a) =>
    doMmap(t, a.addr, a.length, a.prot, a.flags, a.fd, a.offset),
  ),
  munmap: sys(215, 'addr addr, size length', (t, a) => munmap(t.mm, a.addr, a.length)),
  mremap: sys(216, 'addr addr, size old, size new, uint flags, addr to', (t, a) =>
    mremap(t.mm, a.addr, a.old, a.new, a.flags, a.to),
  ),
  madvise: sys(233, 'addr addr, size length, madvice advice', (t, a) => madvise(t.mm, a.addr, a.length, a.advice)),
  process_madvise: answer(440, 'fd pidfd, ptr iov, size count, madvice advice, uint flags', -EPERM),
  msync: sys(227, 'addr addr, size length, int flags', (t, a) => {
    if (a.addr % PAGE !== 0 || (a.flags & ~7) !== 0 || (a.flags & 5) === 5) return -EINVAL;
    return t.mm.vmas.covers(a.addr, a.addr + pageUp(a.length)) ? 0 : -ENOMEM;
  }),
  // Memory never leaves for swap, so locking it only has to know whether it is there.
  mlock: sys(228, 'addr addr, size length', (t, a) => lockRange(t, a.addr, a.length, true)),
  mlock2: sys(284, 'addr addr, size length, int flags', (t, a) =>
    (a.flags & ~1) !== 0 ? -EINVAL : lockRange(t, a.addr, a.length, (a.flags & 1) === 0),
  ),
  munlock: sys(229, 'addr addr, size length', (t, a) => {
    const end = a.addr + pageUp(a.length);
    t.mm.vmas.change(a.addr, end, (v) => {
      v.locked = false;
    });
    return t.mm.vmas.covers(a.addr, end) ? 0 : -ENOMEM;
  }),
  mlockall: answer(230, 'int flags', 0),
  munlockall: answer(231, '', 0),
  mincore: sys(232, 'addr addr, size length, ptr vec', (t, a) => {
    if (a.addr % PAGE !== 0) return -EINVAL;
    const pages = pageUp(a.length) / PAGE;
    if (!t.mm.vmas.covers(a.addr, a.addr + pages * PAGE)) return -ENOMEM;
    const out = new Uint8Array(pages);
    for (let i = 0; i < pages; i++) out[i] = t.mm.table.get(a.addr / PAGE + i) !== 0 ? 1 : 0;
    putBytes(t, a.vec, out);
    return 0;
  }),
  membarrier: sys(283, 'int cmd, uint flags, int cpu', (t, a) => membarrier(t, a.cmd, a.flags)),
  // One memory node.
  get_mempolicy: sys(236, 'ptr mode, ptr nodemask, size maxnode, ptr addr, uint flags', (t, a) => {
    if ((a.flags & ~7) !== 0) return -EINVAL;
    if (a.mode !== 0n) putBytes(t, a.mode, new Struct(4).bytes);
    if (a.nodemask !== 0n) {
      const bytes = Math.ceil(a.maxnode / 64) * 8;
      const s = new Struct(bytes);
      const MPOL_F_MEMS_ALLOWED = 4;
      if ((a.flags & MPOL_F_MEMS_ALLOWED) !== 0 && bytes > 0) s.set32(0, 1);
      putBytes(t, a.nodemask, s.bytes);
    }
    return 0;
  }),
  set_mempolicy: answer(237, 'int mode, ptr nodemask, size maxnode', 0),
  mbind: sys(235, 'addr addr, size length, int mode, ptr nodemask, size maxnode, uint flags', (t, a) => {
    if (a.addr % PAGE !== 0) return -EINVAL;
    return t.mm.vmas.covers(a.addr, a.addr + pageUp(a.length)) ? 0 : -EFAULT;
  }),
  move_pages: sys(239, 'pid pid, size count, ptr pages, ptr nodes, ptr status, int flags', (t, a) => {
    const pages = new Struct(getBytes(t, a.pages, a.count * 8));
    const s = new Struct(a.count * 4);
    for (let i = 0; i < a.count; i++)
      s.set32(i * 4, t.mm.table.get(Math.floor(pages.n64(i * 8) / PAGE)) !== 0 ? 0 : -Errno.ENOENT);
    putBytes(t, a.status, s.bytes);
    return 0;
  }),
  process_vm_readv: sys(270, 'pid pid, iovout local, int nlocal, iovin remote, int nremote, u64 flags', (t, a) =>
    vmReadWrite(t, a.pid, a.local, a.nlocal, a.remote, a.nremote, false),
  ),
  process_vm_writev: sys(271, 'pid pid, iovin local, int nlocal, iovout remote, int nremote, u64 flags', (t, a) =>
    vmReadWrite(t, a.pid, a.local, a.nlocal, a.remote, a.nremote, true),
  ),
  pkey_mprotect: sys(288, 'addr addr, size length, prot prot, int pkey', (t, a) =>
    a.pkey !== -1 ? -EINVAL : mprotect(t.mm, a.addr, a.length, a.prot),
  ),
  pkey_alloc: answer(289, 'uint flags, uint rights', -EINVAL),
  pkey_free: answer(290, 'int pkey', -EINVAL),
} satisfies SyscallTable;

// membarrier commands: one bit each; a private one needs the process to have registered with the next bit.
const MEMBARRIER_ALL = 0x3ff;
const MEMBARRIER_PRIVATE: readonly number[] = [1 << 3, 1 << 5, 1 << 7];
const MEMBARRIER_REGISTER: readonly number[] = [1 << 2, 1 << 4, 1 << 6, 1 << 8];
const MEMBARRIER_GET_REGISTRATIONS = 1 << 9;
const MEMBARRIER_RSEQ = 1 << 7;
/** One thread runs at a time and its stores are seen at once: every barrier is there already. */
function membarrier(t: Thread, cmd: number, flags: number): number {
  if (flags !== 0 && !(flags === 1 && cmd === MEMBARRIER_RSEQ)) return -EINVAL;
  if (cmd === 0) return MEMBARRIER_ALL;
  if (cmd < 0 || (cmd & (cmd - 1)) !== 0 || (cmd & MEMBARRIER_ALL) === 0) return -EINVAL;
  const p = t.process;
  if (cmd === MEMBARRIER_GET_REGISTRATIONS) return p.membarriers;
  if (MEMBARRIER_REGISTER.includes(cmd)) p.membarriers |= cmd;
  return MEMBARRIER_PRIVATE.includes(cmd) && (p.membarriers & (cmd << 1)) === 0 ? -EPERM : 0;
}

function lockRange(t: Thread, addr: number, length: number, populate: boolean): number {
  const end = addr + pageUp(length);
  if (!t.mm.vmas.covers(addr, end)) return -ENOMEM;
  t.mm.vmas.change(addr, end, (v) => {
    v.locked = true;
  });
  if (populate) for (let a = addr; a < end; a += PAGE) t.mm.fault(a, false);
  return 0;
}
