// futex(2): sleeping on a word of memory, waking sleepers.

import { Errno, type Pending } from '../base/hostfile.ts';
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS } from './abi/flags.ts';
import { Struct } from './bytes.ts';
import type { AddressSpace } from './mm/mm.ts';
import type { Thread } from './thread.ts';
import { Restart, Wait, WaitQueue } from './wait.ts';

interface Waiter {
  key: string;
  readonly bitset: number;
  readonly thread: Thread;
  readonly queue: WaitQueue;
  woken: boolean;
}

const { EAGAIN, EFAULT, EINVAL, ETIMEDOUT, EPERM, EDEADLK, ESRCH } = Errno;

export class Futexes {
  private readonly waiters = new Map<string, Waiter[]>();

  readWord(mm: AddressSpace, addr: bigint): number | undefined {
    const s = new Struct(4);
    return mm.read(addr, s.bytes) ? s.u32(0) : undefined;
  }
  private writeWord(mm: AddressSpace, addr: bigint, v: number): boolean {
    return mm.write(addr, new Struct(4).set32(0, v).bytes);
  }
  private key(mm: AddressSpace, addr: bigint): string | number {
    if ((addr & 3n) !== 0n) return -EINVAL;
    return mm.futexKey(Number(addr & 0xff_ffff_ffff_ffffn)) ?? -EFAULT;
  }
  private enqueue(key: string, t: Thread, bitset: number): Waiter {
    const w: Waiter = { key, bitset, thread: t, queue: new WaitQueue(), woken: false };
    const list = this.waiters.get(key);
    if (list) list.push(w);
    else this.waiters.set(key, [w]);
    return w;
  }
  private dequeue(w: Waiter): void {
    const list = this.waiters.get(w.key);
    if (!list) return;
    const i = list.indexOf(w);
    if (i >= 0) list.splice(i, 1);
    if (list.length === 0) this.waiters.delete(w.key);
  }
  private wakeOne(w: Waiter): void {
    w.woken = true;
    this.dequeue(w);
    w.queue.wake();
  }

  /** @param deadline absolute CLOCK_MONOTONIC ns */
  wait(
    t: Thread,
    addr: bigint,
    expected: number,
    bitset: number,
    deadline: number | undefined,
    absolute: boolean,
  ): number | Pending {
    if (bitset === 0) return -EINVAL;
    const key = this.key(t.mm, addr);
    if (typeof key === 'number') return key;
    const value = this.readWord(t.mm, addr);
    if (value === undefined) return -EFAULT;
    if (value !== expected) return -EAGAIN;
    const w = this.enqueue(key, t, bitset);
    return new Wait(() => (w.woken ? 0 : 'wait'), {
      queues: [w.queue],
      deadline,
      now: () => t.machine.clock.now(),
      timedOut: () => {
        this.dequeue(w);
        return -ETIMEDOUT;
      },
      interrupted: () => {
        this.dequeue(w);
        if (w.woken) return 0;
        return deadline !== undefined && !absolute ? Restart.ERESTARTNOHAND : Restart.ERESTARTSYS;
      },
    });
  }
  /** Waits on several words at once. @returns the index of the one that was woken */
  waitAny(
    t: Thread,
    words: readonly { readonly addr: bigint; readonly value: number }[],
    deadline: number | undefined,
  ): number | Pending {
    const keys: string[] = [];
    for (const { addr, value } of words) {
      const key = this.key(t.mm, addr);
      if (typeof key === 'number') return key;
      const now = this.readWord(t.mm, addr);
      if (now === undefined) return -EFAULT;
      if (now !== value) return -EAGAIN;
      keys.push(key);
    }
    const all = keys.map((k) => this.enqueue(k, t, 0xffff_ffff));
    const end = (r: number): number => {
      const woken = all.findIndex((w) => w.woken);
      for (const w of all) this.dequeue(w);
      return woken >= 0 ? woken : r;
    };
    return new Wait(() => (all.some((w) => w.woken) ? end(0) : 'wait'), {
      queues: all.map((w) => w.queue),
      deadline,
      now: () => t.machine.clock.now(),
      timedOut: () => end(-ETIMEDOUT),
      interrupted: () => end(Restart.ERESTARTSYS),
    });
  }
  /** @returns how many were woken. */
  wake(mm: AddressSpace, addr: bigint, count: number, bitset: number): number {
    const key = this.key(mm, addr);
    if (typeof key === 'number') return key;
    if (bitset === 0) return -EINVAL;
    let n = 0;
    for (const w of [...(this.waiters.get(key) ?? [])]) {
      if (n >= count) break;
      if ((w.bitset & bitset) === 0) continue;
      this.wakeOne(w);
      n++;
    }
    return n;
  }
  /** Wakes some, moves others to a second futex. */
  requeue(
    mm: AddressSpace,
    from: bigint,
    wake: number,
    move: number,
    to: bigint,
    expected: number | undefined,
  ): number {
    const a = this.key(mm, from);
    if (typeof a === 'number') return a;
    const b = this.key(mm, to);
    if (typeof b === 'number') return b;
    if (wake < 0 || move < 0) return -EINVAL;
    if (expected !== undefined) {
      const value = this.readWord(mm, from);
      if (value === undefined) return -EFAULT;
      if (value !== expected) return -EAGAIN;
    }
    let woken = 0;
    let moved = 0;
    for (const w of [...(this.waiters.get(a) ?? [])]) {
      if (woken < wake) {
        this.wakeOne(w);
        woken++;
      } else if (moved < move) {
        this.dequeue(w);
        w.key = b;
        const list = this.waiters.get(b);
        if (list) list.push(w);
        else this.waiters.set(b, [w]);
        moved++;
      } else break;
    }
    return woken + (expected !== undefined ? moved : 0);
  }
  /** FUTEX_WAKE_OP: changes the second word, wakes on the first, and on the second if its old value says so. */
  wakeOp(mm: AddressSpace, addr: bigint, count: number, addr2: bigint, count2: number, op: number): number {
    const kind = (op >>> 28) & 7;
    const cmp = (op >>> 24) & 15;
    let arg = (op << 8) >> 20;
    const cmpArg = (op << 20) >> 20;
    if ((op & 0x8000_0000) !== 0) {
      if (arg < 0 || arg > 31) arg &= 31;
      arg = 1 << arg;
    }
    const old = this.readWord(mm, addr2);
    if (old === undefined) return -EFAULT;
    const next = [arg, old + arg, old | arg, old & ~arg, old ^ arg][kind];
    if (next === undefined) return -Errno.ENOSYS;
    if (!this.writeWord(mm, addr2, next)) return -EFAULT;
    const s = old | 0;
    const test = [s === cmpArg, s !== cmpArg, s < cmpArg, s <= cmpArg, s > cmpArg, s >= cmpArg][cmp];
    if (test === undefined) return -Errno.ENOSYS;
    const n = this.wake(mm, addr, count, 0xffff_ffff);
    if (n < 0) return n;
    return test ? n + this.wake(mm, addr2, count2, 0xffff_ffff) : n;
  }

  /** Priority-inheritance locks without priorities: first come, first served. */
  lockPi(t: Thread, addr: bigint, deadline: number | undefined, trylock: boolean): number | Pending {
    const key = this.key(t.mm, addr);
    if (typeof key === 'number') return key;
    let w: Waiter | undefined;
    const attempt = (): number | 'wait' => {
      const value = this.readWord(t.mm, addr);
      if (value === undefined) return -EFAULT;
      const owner = value & FUTEX_TID_MASK;
      if (w?.woken && owner === t.tid) return 0;
      if (!w && owner === t.tid) return -EDEADLK;
      if (owner === 0) {
        const others = (this.waiters.get(key)?.length ?? 0) > (w ? 1 : 0);
        if (w) this.dequeue(w);
        const keep = (value & FUTEX_OWNER_DIED) >>> 0;
        return this.writeWord(t.mm, addr, (t.tid | keep | (others ? FUTEX_WAITERS : 0)) >>> 0) ? 0 : -EFAULT;
      }
      if (trylock) return -EAGAIN;
      if (!t.machine.thread(owner)) return -ESRCH;
      if (!this.writeWord(t.mm, addr, (value | FUTEX_WAITERS) >>> 0)) return -EFAULT;
      w ??= this.enqueue(key, t, 0xffff_ffff);
      return 'wait';
    };
    const first = attempt();
    if (first !== 'wait') return first;
    return new Wait(attempt, {
      queues: [w!.queue],
      deadline,
      now: () => t.machine.clock.now(),
      timedOut: () => {
        this.dequeue(w!);
        return -ETIMEDOUT;
      },
      interrupted: () => {
        if (w!.woken) return 0;
        this.dequeue(w!);
        return Restart.ERESTARTNOINTR;
      },
    });
  }
  unlockPi(t: Thread, addr: bigint): number {
    const key = this.key(t.mm, addr);
    if (typeof key === 'number') return key;
    const value = this.readWord(t.mm, addr);
    if (value === undefined) return -EFAULT;
    if ((value & FUTEX_TID_MASK) !== t.tid) return -EPERM;
    return this.passOn(t.mm, key, addr, 0);
  }
  private passOn(mm: AddressSpace, key: string, addr: bigint, flags: number): number {
    const next = this.waiters.get(key)?.[0];
    if (!next) return this.writeWord(mm, addr, flags >>> 0) ? 0 : -EFAULT;
    const more = (this.waiters.get(key)?.length ?? 0) > 1;
    if (!this.writeWord(mm, addr, (next.thread.tid | flags | (more ? FUTEX_WAITERS : 0)) >>> 0)) return -EFAULT;
    this.wakeOne(next);
    return 0;
  }

  /** The owner of a lock of its robust list is gone. @linux handle_futex_death */
  ownerDied(t: Thread, addr: bigint, pi: boolean): void {
    addr = BigInt.asUintN(64, addr);
    const value = this.readWord(t.mm, addr);
    if (value === undefined || (value & FUTEX_TID_MASK) !== t.tid) return;
    if (pi) {
      const key = this.key(t.mm, addr);
      if (typeof key === 'string') this.passOn(t.mm, key, addr, FUTEX_OWNER_DIED);
      return;
    }
    this.writeWord(t.mm, addr, ((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0);
    if ((value & FUTEX_WAITERS) !== 0) this.wake(t.mm, addr, 1, 0xffff_ffff);
  }
}
