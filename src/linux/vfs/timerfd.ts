// timerfd(2): a timer to read and poll.

import { Errno, type Result } from '../../base/hostfile.ts';
import type { Timer, Timers } from '../timers.ts';
import { Wait, WaitQueue } from '../wait.ts';
import type { FileOps } from './file.ts';

export class TimerFd implements FileOps {
  readonly kind = 'timerfd';
  readonly waitQueue = new WaitQueue();
  readonly clockid: number;
  readonly timer: Timer;
  private expirations = 0;

  constructor(timers: Timers, clockid: number) {
    this.clockid = clockid;
    this.timer = timers.create((n) => {
      this.expirations += n;
      this.waitQueue.wake();
    });
  }
  set(deadline: number | undefined, interval: number): void {
    this.expirations = 0;
    this.timer.arm(deadline, interval);
  }
  read(out: Uint8Array): Result {
    if (out.length < 8) return -Errno.EINVAL;
    return new Wait(
      () => {
        if (this.expirations === 0) return 'wait';
        new DataView(out.buffer, out.byteOffset).setBigUint64(0, BigInt(this.expirations), true);
        this.expirations = 0;
        return 8;
      },
      { queues: [this.waitQueue] },
    );
  }
  poll(): number {
    return this.expirations > 0 ? 1 : 0;
  }
  close(): void {
    this.timer.arm(undefined, 0);
  }
}
