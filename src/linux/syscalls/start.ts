// What a C library calls before and after main: most programs that do little make no others, so these are apart.

import { Errno } from '../../base/hostfile.ts';
import { Rlimit } from '../abi/flags.ts';
import { Struct, utf8 } from '../bytes.ts';
import { UTS } from '../machine.ts';
import { brk, mprotect } from '../mm/map_calls.ts';
import { RLIM_INFINITY } from '../process.ts';
import type { Thread } from '../thread.ts';
import { type Node, SymlinkNode } from '../vfs/node.ts';
import { place } from './places.ts';
import { prctl } from './prctl.ts';
import { KEEP, type SyscallTable, sys } from './schema.ts';
import { fileOf, getStruct, putBytes, putStruct, userData, writeFrom } from './util.ts';

const { EINVAL, EPERM, EBUSY, EFAULT, ESRCH, ENOENT, EBADF } = Errno;

/** @linux rseq: flags, registration rules and errnos of kernel/rseq.c */
function rseq(t: Thread, area: bigint, length: number, flags: number, signature: number): number {
  const UNREGISTER = 1;
  if ((flags & UNREGISTER) !== 0) {
    if (flags !== UNREGISTER || t.rseq !== area || t.rseq === 0n || t.rseqLength !== length) return -EINVAL;
    if (t.rseqSignature !== signature) return -EPERM;
    t.rseq = 0n;
    t.mm.write(area, new Struct(8).set32(4, 0xffff_ffff).bytes);
    return 0;
  }
  if (flags !== 0) return -EINVAL;
  if (t.rseq !== 0n) {
    if (t.rseq !== area || t.rseqLength !== length) return -EINVAL;
    return t.rseqSignature !== signature ? -EPERM : -EBUSY;
  }
  const MIN = 32;
  if (length < MIN || area % 32n !== 0n) return -EINVAL;
  const s = new Struct(8);
  if (!t.mm.read(area, s.bytes)) return -EFAULT;
  t.rseq = area;
  t.rseqLength = length;
  t.rseqSignature = signature;
  t.machine.rseqUpdate(t);
  return 0;
}
function encodeLimit(s: Struct, o: number, v: number): void {
  s.set64(o, v === RLIM_INFINITY ? 0xffff_ffff_ffff_ffffn : v);
}
export function prlimit(t: Thread, pid: number, resource: number, set: bigint, old: bigint): number {
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

export const START = {
  uname: sys(160, 'ptr buf', (t, a) => {
    const WIDTH = 65;
    const s = new Struct(6 * WIDTH);
    [UTS.sysname, UTS.nodename, UTS.release, UTS.version, UTS.machine, UTS.domainname].forEach((v, i) => {
      s.text(i * WIDTH, v, WIDTH);
    });
    putStruct(t, a.buf, s);
    return 0;
  }),
  brk: sys(214, 'addr addr', (t, a) => brk(t.mm, a.addr, t.process.limit(Rlimit.RLIMIT_DATA).soft)),
  mprotect: sys(226, 'addr addr, size length, prot prot', (t, a) => {
    const KNOWN = 0x3f | 0x0300_0000;
    return (a.prot & ~KNOWN) !== 0 ? -EINVAL : mprotect(t.mm, a.addr, a.length, a.prot);
  }),
  set_tid_address: sys(96, 'ptr addr', (t, a) => {
    t.clearChildTid = a.addr;
    return t.tid;
  }),
  set_robust_list: sys(99, 'ptr head, size length', (t, a) => {
    const HEAD = 24;
    if (a.length !== HEAD) return -EINVAL;
    t.robustList = a.head;
    t.robustLength = HEAD;
    return 0;
  }),
  rseq: sys(293, 'ptr area, uint length, int flags, uint signature', (t, a) =>
    rseq(t, a.area, a.length, a.flags, a.signature),
  ),
  prlimit64: sys(261, 'pid pid, rlimit resource, ptr new, ptr old', (t, a) =>
    prlimit(t, a.pid, a.resource, a.new, a.old),
  ),
  readlinkat: sys(78, 'dirfd dirfd, path path, bufout buf, int size', (t, a) => {
    if (a.size <= 0) return -EINVAL;
    const node = a.path === '' ? fileOfPath(t, a.dirfd) : place(t, a.dirfd, a.path, false).node;
    if (!(node instanceof SymlinkNode)) return a.path === '' ? -ENOENT : -EINVAL;
    const b = utf8(node.readlink()).subarray(0, a.size);
    putBytes(t, a.buf, b);
    return b.length;
  }),
  getrandom: sys(278, 'bufout buf, size length, uint flags', (t, a) => {
    if ((a.flags & ~7) !== 0) return -EINVAL;
    const b = new Uint8Array(Math.min(a.length, 1 << 25));
    t.machine.rng.fill(b);
    putBytes(t, a.buf, b);
    return b.length;
  }),
  prctl: sys(167, 'int option, u64 arg2, u64 arg3, u64 arg4, u64 arg5', (t, a) =>
    prctl(t, a.option, a.arg2, a.arg3, a.arg4, a.arg5),
  ),
  getuid: sys(174, '', (t) => t.process.cred.uid),
  geteuid: sys(175, '', (t) => t.process.cred.uid),
  getgid: sys(176, '', (t) => t.process.cred.gid),
  getegid: sys(177, '', (t) => t.process.cred.gid),
  write: sys(64, 'fd fd, bufin buf, size count', (t, a) => {
    const d = fileOf(t, a.fd);
    return d.writable ? writeFrom(t, d, userData(t, a.buf, a.count)) : -EBADF;
  }),
  exit_group: sys(94, 'int code', (t, a) => {
    t.machine.strace?.gone(t, (a.code & 0xff) << 8);
    t.process.exitGroup((a.code & 0xff) << 8);
    return KEEP;
  }),
} satisfies SyscallTable;

function fileOfPath(t: Thread, fd: number): Node | undefined {
  return t.files.get(fd)?.location?.node;
}
