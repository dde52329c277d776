// Scheduling: affinity, priorities, yielding.

import { Errno } from '../../base/hostfile.ts';
import { Struct } from '../bytes.ts';
import type { Thread } from '../thread.ts';
import { type SyscallTable, SysError, sys } from './schema.ts';
import { getBytes, getStruct, put32, putBytes, putStruct } from './util.ts';

const { EINVAL, ESRCH } = Errno;

function target(t: Thread, pid: number): Thread {
  if (pid < 0) throw new SysError(EINVAL);
  const x = pid === 0 ? t : t.machine.thread(pid);
  if (!x) throw new SysError(ESRCH);
  return x;
}
function bytesToMask(b: Uint8Array): bigint {
  let m = 0n;
  for (let i = b.length - 1; i >= 0; i--) m = (m << 8n) | BigInt(b[i]!);
  return m;
}
const SCHED_MAX: Readonly<Record<number, number>> = { 0: 0, 1: 99, 2: 99, 3: 0, 5: 0, 6: 0 };

export const SCHED = {
  sched_yield: sys(124, '', (t) => {
    t.machine.yielding = true;
    return 0;
  }),
  sched_setaffinity: sys(122, 'pid pid, uint size, cpuset mask', (t, a) => {
    const x = target(t, a.pid);
    const mask = bytesToMask(getBytes(t, a.mask, Math.min(a.size, 128))) & t.machine.allCpus;
    if (mask === 0n) return -EINVAL;
    x.affinity = mask;
    t.machine.scheduler.migrate(x);
    if (x === t) t.machine.rseqUpdate(t);
    return 0;
  }),
  sched_getaffinity: sys(123, 'pid pid, uint size, cpuset mask', (t, a) => {
    const x = target(t, a.pid);
    if (a.size % 8 !== 0 || a.size * 8 < t.machine.scheduler.cpus) return -EINVAL;
    const n = Math.min(a.size, Math.ceil(t.machine.scheduler.cpus / 64) * 8);
    const s = new Struct(n);
    for (let i = 0; i < n / 8; i++) s.set64(8 * i, (x.affinity >> BigInt(64 * i)) & 0xffff_ffff_ffff_ffffn);
    putStruct(t, a.mask, s);
    return n;
  }),
  getcpu: sys(168, 'intout cpu, intout node', (t, a) => {
    if (a.cpu !== 0n) put32(t, a.cpu, t.cpuIndex);
    if (a.node !== 0n) put32(t, a.node, 0);
    return 0;
  }),
  sched_getscheduler: sys(120, 'pid pid', (t, a) => target(t, a.pid).policy),
  sched_setscheduler: sys(119, 'pid pid, int policy, ptr param', (t, a) => {
    const x = target(t, a.pid);
    const policy = a.policy & 0xff;
    const max = SCHED_MAX[policy];
    const priority = getStruct(t, a.param, 4).i32(0);
    if (max === undefined || priority < (max > 0 ? 1 : 0) || priority > max) return -EINVAL;
    x.policy = policy;
    x.priority = priority;
    return 0;
  }),
  sched_getparam: sys(121, 'pid pid, ptr param', (t, a) => {
    put32(t, a.param, target(t, a.pid).priority);
    return 0;
  }),
  sched_setparam: sys(118, 'pid pid, ptr param', (t, a) => {
    target(t, a.pid).priority = getStruct(t, a.param, 4).i32(0);
    return 0;
  }),
  sched_get_priority_max: sys(125, 'int policy', (_t, a) => SCHED_MAX[a.policy] ?? -EINVAL),
  sched_get_priority_min: sys(126, 'int policy', (_t, a) => {
    const max = SCHED_MAX[a.policy];
    return max === undefined ? -EINVAL : max > 0 ? 1 : 0;
  }),
  sched_rr_get_interval: sys(127, 'pid pid, timespecout tp', (t, a) => {
    target(t, a.pid);
    putStruct(t, a.tp, new Struct(16).set64(8, 4_000_000));
    return 0;
  }),
  sched_setattr: sys(274, 'pid pid, ptr attr, uint flags', (t, a) => {
    const s = getStruct(t, a.attr, 48);
    const x = target(t, a.pid);
    if (SCHED_MAX[s.u32(4)] === undefined) return -EINVAL;
    x.policy = s.u32(4);
    x.nice = s.i32(16);
    x.priority = s.u32(20);
    return 0;
  }),
  sched_getattr: sys(275, 'pid pid, ptr attr, uint size, uint flags', (t, a) => {
    if (a.size < 48) return -EINVAL;
    const x = target(t, a.pid);
    const s = new Struct(56).set32(0, 56).set32(4, x.policy).set32(16, x.nice).set32(20, x.priority);
    putBytes(t, a.attr, s.bytes.subarray(0, Math.min(a.size, 56)));
    return 0;
  }),
  // Only PRIO_PROCESS makes a difference that a program could see.
  getpriority: sys(141, 'int which, int who', (t, a) =>
    a.which < 0 || a.which > 2 ? -EINVAL : 20 - (a.which === 0 ? target(t, a.who) : t).nice,
  ),
  setpriority: sys(140, 'int which, int who, int nice', (t, a) => {
    if (a.which < 0 || a.which > 2) return -EINVAL;
    (a.which === 0 ? target(t, a.who) : t).nice = Math.max(-20, Math.min(19, a.nice));
    return 0;
  }),
  ioprio_set: sys(30, 'int which, int who, int ioprio', () => 0),
  ioprio_get: sys(31, 'int which, int who', () => 0),
} satisfies SyscallTable;
