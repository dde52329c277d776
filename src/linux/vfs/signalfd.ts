// signalfd(2): signals as a file. Reading takes the pending ones of the reader.

import { type Caller, Errno, type Result } from '../../base/hostfile.ts';
import { Struct } from '../bytes.ts';
import type { Thread } from '../thread.ts';
import { Wait, type WaitQueue } from '../wait.ts';
import type { FileOps } from './file.ts';

const ENTRY = 128;

export class SignalFd implements FileOps {
  readonly kind = 'signalfd';
  readonly waitQueue: WaitQueue;
  mask: bigint;
  private readonly owner: Thread;

  constructor(owner: Thread, mask: bigint) {
    this.owner = owner;
    this.mask = mask;
    this.waitQueue = owner.signalQueue;
  }
  read(out: Uint8Array, caller: Caller): Result {
    const t = (caller.tid === this.owner.tid ? this.owner : this.owner.machine.thread(caller.tid)) ?? this.owner;
    if (out.length < ENTRY) return -Errno.EINVAL;
    return new Wait(
      () => {
        let n = 0;
        while (n + ENTRY <= out.length) {
          const i = t.pending.take(this.mask) ?? t.process.pending.take(this.mask);
          if (!i) break;
          const s = new Struct(ENTRY);
          s.set32(0, i.signo)
            .set32(4, i.errno ?? 0)
            .set32(8, i.code)
            .set32(12, i.pid ?? 0)
            .set32(16, i.uid ?? 0);
          s.set32(40, i.status ?? 0)
            .set64(48, i.value ?? 0n)
            .set64(72, i.addr ?? 0n);
          out.set(s.bytes, n);
          n += ENTRY;
        }
        return n > 0 ? n : 'wait';
      },
      { queues: [t.signalQueue] },
    );
  }
  poll(): number {
    return ((this.owner.pending.mask | this.owner.process.pending.mask) & this.mask) !== 0n ? 1 : 0;
  }
  close(): void {}
}
