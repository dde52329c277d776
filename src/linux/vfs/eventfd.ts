// eventfd(2): a counter to wait for, also signalled and consumed from the device side (irqfd, ioeventfd).

import { Errno, type EventFile, type Result } from '../../base/hostfile.ts';
import { Wait, WaitQueue } from '../wait.ts';
import type { FileOps } from './file.ts';

let nextId = 0;
const MAX = 0xffff_ffff_ffff_fffen;

export class EventFd implements FileOps, EventFile {
  readonly kind = 'eventfd';
  readonly waitQueue = new WaitQueue();
  private readonly id = nextId++;
  private count: bigint;
  private readonly semaphore: boolean;
  private readonly listeners = new Set<() => void>();

  constructor(initial: number, semaphore: boolean) {
    this.count = BigInt(initial);
    this.semaphore = semaphore;
  }
  read(out: Uint8Array): Result {
    if (out.length < 8) return -Errno.EINVAL;
    return new Wait(
      () => {
        if (this.count === 0n) return 'wait';
        const v = this.semaphore ? 1n : this.count;
        this.count -= v;
        new DataView(out.buffer, out.byteOffset).setBigUint64(0, v, true);
        this.waitQueue.wake();
        return 8;
      },
      { queues: [this.waitQueue] },
    );
  }
  write(data: Uint8Array): Result {
    if (data.length < 8) return -Errno.EINVAL;
    const v = new DataView(data.buffer, data.byteOffset).getBigUint64(0, true);
    if (v === 0xffff_ffff_ffff_ffffn) return -Errno.EINVAL;
    return new Wait(
      () => {
        if (MAX - this.count < v) return 'wait';
        this.signal(v);
        return 8;
      },
      { queues: [this.waitQueue] },
    );
  }
  signal(value: bigint): void {
    const sum = this.count + value;
    this.count = sum > MAX ? MAX + 1n : sum;
    for (const l of [...this.listeners]) l();
    this.waitQueue.wake();
  }
  consume(): bigint {
    const v = this.count;
    this.count = 0n;
    if (v !== 0n) this.waitQueue.wake();
    return v;
  }
  onSignal(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  poll(): number {
    return (this.count > 0n ? 1 : 0) | (this.count < MAX ? 4 : 0) | (this.count > MAX ? 8 : 0);
  }
  info(): string {
    const count = this.count.toString(16).padStart(16);
    return `eventfd-count: ${count}\neventfd-id: ${this.id}\neventfd-semaphore: ${this.semaphore ? 1 : 0}\n`;
  }
  close(): void {}
}
