// futex(2), robust lists: what thread libraries are built on.

import { Errno, type Result } from '../../base/hostfile.ts';
import { FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE_FLAG, Futex } from '../abi/flags.ts';
import type { Thread } from '../thread.ts';
import { type SyscallTable, sys } from './schema.ts';
import { asMonotonic, getAbsolute, getStruct, getTimespec, put64 } from './util.ts';

const { EINVAL, ENOSYS, ESRCH } = Errno;
const MATCH_ANY = 0xffff_ffff;

function futex(t: Thread, addr: bigint, op: number, val: number, timeout: bigint, addr2: bigint, val3: number): Result {
  const f = t.machine.futexes();
  const cmd = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  const realtime = (op & FUTEX_CLOCK_REALTIME) !== 0;
  const mayBeRealtime: readonly number[] = [Futex.FUTEX_WAIT_BITSET, Futex.FUTEX_WAIT_REQUEUE_PI, Futex.FUTEX_LOCK_PI2];
  if (realtime && !mayBeRealtime.includes(cmd)) return -ENOSYS;
  const count = val | 0;
  const val2 = Number(timeout & 0xffff_ffffn) | 0;
  switch (cmd) {
    case Futex.FUTEX_WAIT: {
      const deadline = timeout === 0n ? undefined : t.machine.clock.now() + getTimespec(t, timeout);
      return f.wait(t, addr, val, MATCH_ANY, deadline, false);
    }
    case Futex.FUTEX_WAIT_BITSET: {
      const deadline = timeout === 0n ? undefined : asMonotonic(t, getAbsolute(t, timeout), realtime);
      return f.wait(t, addr, val, val3, deadline, true);
    }
    case Futex.FUTEX_WAKE:
      return f.wake(t.mm, addr, Math.max(1, count), MATCH_ANY);
    case Futex.FUTEX_WAKE_BITSET:
      return f.wake(t.mm, addr, Math.max(1, count), val3);
    case Futex.FUTEX_REQUEUE:
      return f.requeue(t.mm, addr, count, val2, addr2, undefined);
    case Futex.FUTEX_CMP_REQUEUE:
      return f.requeue(t.mm, addr, count, val2, addr2, val3);
    case Futex.FUTEX_WAKE_OP:
      return f.wakeOp(t.mm, addr, Math.max(1, count), addr2, Math.max(0, val2), val3);
    case Futex.FUTEX_LOCK_PI:
    case Futex.FUTEX_LOCK_PI2: {
      const useReal = cmd === Futex.FUTEX_LOCK_PI || realtime;
      const deadline = timeout === 0n ? undefined : asMonotonic(t, getAbsolute(t, timeout), useReal);
      return f.lockPi(t, addr, deadline, false);
    }
    case Futex.FUTEX_TRYLOCK_PI:
      return f.lockPi(t, addr, undefined, true);
    case Futex.FUTEX_UNLOCK_PI:
      return f.unlockPi(t, addr);
    default:
      t.machine.unknown(`futex operation ${cmd}`);
      return -ENOSYS;
  }
}

export const FUTEX = {
  futex: sys(98, 'ptr uaddr, futexop op, uint val, ptr timeout, ptr uaddr2, uint val3', (t, a) =>
    futex(t, a.uaddr, a.op, a.val, a.timeout, a.uaddr2, a.val3),
  ),
  futex_waitv: sys(449, 'ptr waiters, uint count, uint flags, ptr timeout, clockid clock', (t, a) => {
    const MAX = 128;
    const SIZE = 24;
    if (a.flags !== 0 || a.count < 1 || a.count > MAX) return -EINVAL;
    const s = getStruct(t, a.waiters, a.count * SIZE);
    const words: { addr: bigint; value: number }[] = [];
    for (let i = 0; i < a.count; i++) {
      const flags = s.u32(i * SIZE + 16) & ~FUTEX_PRIVATE_FLAG;
      const FUTEX2_SIZE_U32 = 2;
      if (flags !== FUTEX2_SIZE_U32 || s.u32(i * SIZE + 20) !== 0) return -EINVAL;
      words.push({ addr: s.u64(i * SIZE + 8), value: s.u32(i * SIZE) });
    }
    if (a.timeout !== 0n && a.clock !== 0 && a.clock !== 1) return -EINVAL;
    const deadline = a.timeout === 0n ? undefined : asMonotonic(t, getAbsolute(t, a.timeout), a.clock === 0);
    return t.machine.futexes().waitAny(t, words, deadline);
  }),
  get_robust_list: sys(100, 'pid pid, ptr head, ptr length', (t, a) => {
    const target = a.pid === 0 ? t : t.machine.thread(a.pid);
    if (!target) return -ESRCH;
    put64(t, a.head, target.robustList);
    put64(t, a.length, target.robustLength);
    return 0;
  }),
} satisfies SyscallTable;
