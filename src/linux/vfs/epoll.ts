// epoll(7): a set of files to wait for at once.

import { Errno } from '../../base/hostfile.ts';
import { Poll } from '../abi/flags.ts';
import { WaitQueue } from '../wait.ts';
import type { Description, FileOps } from './file.ts';

export const EPOLLET = 0x8000_0000;
export const EPOLLONESHOT = 0x4000_0000;

interface Interest {
  readonly description: Description;
  readonly fd: number;
  events: number;
  data: bigint;
  /** Edge-triggered and one-shot bookkeeping: what was reported last. */
  reported: number;
}

export class Epoll implements FileOps {
  readonly kind = 'epoll';
  /** Woken when the set changes. */
  readonly waitQueue = new WaitQueue();
  private readonly set = new Map<string, Interest>();
  private readonly ids = new WeakMap<Description, number>();
  private nextId = 1;

  private key(fd: number, d: Description): string {
    let id = this.ids.get(d);
    if (id === undefined) {
      id = this.nextId++;
      this.ids.set(d, id);
    }
    return `${fd}:${id}`;
  }
  control(op: number, fd: number, d: Description, events: number, data: bigint): number {
    const key = this.key(fd, d);
    const known = this.set.get(key);
    if (!d.file.poll) return -Errno.EPERM;
    switch (op) {
      case 1:
        if (known) return -Errno.EEXIST;
        this.set.set(key, { description: d, fd, events, data, reported: 0 });
        break;
      case 2:
        if (!known) return -Errno.ENOENT;
        this.set.delete(key);
        break;
      case 3:
        if (!known) return -Errno.ENOENT;
        known.events = events;
        known.data = data;
        known.reported = 0;
        break;
      default:
        return -Errno.EINVAL;
    }
    this.waitQueue.wake();
    return 0;
  }
  /** Queues that announce a change of readiness; undefined when some file has none and must be polled. */
  queues(): WaitQueue[] | undefined {
    const out: WaitQueue[] = [this.waitQueue];
    for (const i of this.live()) {
      const { file } = i.description;
      if (file instanceof Epoll) {
        const inner = file.queues();
        if (!inner) return undefined;
        out.push(...inner);
      } else if (file.waitQueue) out.push(file.waitQueue);
      else return undefined;
    }
    return out;
  }
  private *live(): Iterable<Interest> {
    for (const [key, i] of this.set) {
      if (i.description.refCount <= 0) this.set.delete(key);
      else yield i;
    }
  }
  private ready(i: Interest): number {
    const now = (i.description.file.poll?.() ?? 0) & (i.events | Poll.POLLERR | Poll.POLLHUP);
    if ((i.events & EPOLLET) !== 0) {
      const fresh = now & ~i.reported;
      if (now === 0) i.reported = 0;
      return fresh === 0 ? 0 : now;
    }
    return now;
  }
  /** @returns at most `max` ready entries; reporting them consumes edges and one-shots. */
  collect(max: number): { events: number; data: bigint }[] {
    const out: { events: number; data: bigint }[] = [];
    for (const i of this.live()) {
      if (out.length >= max) break;
      const events = this.ready(i);
      if (events === 0) continue;
      out.push({ events, data: i.data });
      i.reported = events;
      if ((i.events & EPOLLONESHOT) !== 0) i.events &= EPOLLET | EPOLLONESHOT;
    }
    return out;
  }
  poll(): number {
    for (const i of this.live()) if (this.ready(i) !== 0) return Poll.POLLIN;
    return 0;
  }
  close(): void {
    this.set.clear();
  }
}
