// Pipes, FIFOs and socket pairs: a bounded queue of bytes between two ends.

import { type Caller, Errno, type Result } from '../../base/hostfile.ts';
import { Mode, Poll, Signal } from '../abi/flags.ts';
import { Wait, WaitQueue } from '../wait.ts';
import { blankStat, type FileOps, type Stat } from './file.ts';
import { freshIno } from './node.ts';

const DEFAULT_CAPACITY = 65536;
const PIPE_BUF = 4096;

export class Pipe {
  readonly queue = new WaitQueue();
  readonly ino = freshIno();
  capacity = DEFAULT_CAPACITY;
  readers = 0;
  writers = 0;
  private chunks: Uint8Array[] = [];
  bytes = 0;
  /** Keeps the borders of what was written: a read gets one message, what does not fit is lost. */
  readonly keepsMessages: boolean;

  constructor(messages = false) {
    this.keepsMessages = messages;
  }

  take(out: Uint8Array): number {
    let n = 0;
    if (this.keepsMessages) {
      const m = this.chunks.shift()!;
      this.bytes -= m.length;
      n = Math.min(m.length, out.length);
      out.set(m.subarray(0, n));
      return n;
    }
    while (n < out.length && this.chunks.length > 0) {
      const c = this.chunks[0]!;
      const len = Math.min(c.length, out.length - n);
      out.set(c.subarray(0, len), n);
      n += len;
      if (len === c.length) this.chunks.shift();
      else this.chunks[0] = c.subarray(len);
    }
    this.bytes -= n;
    return n;
  }
  put(data: Uint8Array): void {
    this.chunks.push(data.slice());
    this.bytes += data.length;
  }
}

/** How a write to a pipe without readers raises SIGPIPE: Caller is wide enough only for our own threads. */
interface Signalled {
  raise(signal: number): void;
}

export class PipeEnd implements FileOps {
  readonly kind = 'pipe';
  private readonly input: Pipe | undefined;
  private readonly output: Pipe | undefined;
  readonly isSocket: boolean;
  private readsEnded = false;
  private writesEnded = false;

  /** @param input where it reads from @param output where it writes to; a socket has both */
  constructor(input: Pipe | undefined, output: Pipe | undefined, socket = false) {
    this.input = input;
    this.output = output;
    this.isSocket = socket;
    if (input) input.readers++;
    if (output) output.writers++;
  }
  get waitQueue(): WaitQueue {
    return (this.input ?? this.output)!.queue;
  }
  get pipe(): Pipe {
    return (this.input ?? this.output)!;
  }
  read(out: Uint8Array): Result {
    const p = this.input;
    if (!p) return -Errno.EBADF;
    if (out.length === 0) return 0;
    return new Wait(
      () => {
        if (p.bytes > 0) {
          const n = p.take(out);
          p.queue.wake();
          return n;
        }
        return p.writers === 0 || this.readsEnded ? 0 : 'wait';
      },
      { queues: [p.queue] },
    );
  }
  write(data: Uint8Array, caller: Caller): Result {
    const p = this.output;
    if (!p) return -Errno.EBADF;
    let done = 0;
    return new Wait(
      () => {
        if (p.readers === 0) {
          (caller as Caller & Partial<Signalled>).raise?.(Signal.SIGPIPE);
          return done > 0 ? done : -Errno.EPIPE;
        }
        if (data.length === 0) return 0;
        const room = p.capacity - p.bytes;
        // Writes of up to PIPE_BUF bytes are not torn apart.
        if (data.length <= PIPE_BUF ? room >= data.length : room > 0) {
          const n = Math.min(room, data.length - done);
          p.put(data.subarray(done, done + n));
          done += n;
          p.queue.wake();
        }
        return done === data.length ? done : 'wait';
      },
      { queues: [p.queue], interrupted: () => (done > 0 ? done : -512) },
    );
  }
  poll(): number {
    let r = 0;
    const i = this.input;
    const o = this.output;
    if (i) {
      if (i.bytes > 0) r |= Poll.POLLIN | Poll.POLLRDNORM;
      if (i.writers === 0) r |= Poll.POLLHUP;
    }
    if (o) {
      if (o.bytes + PIPE_BUF <= o.capacity) r |= Poll.POLLOUT | Poll.POLLWRNORM;
      if (o.readers === 0) r |= Poll.POLLERR;
    }
    return r;
  }
  stat(): Stat {
    return {
      ...blankStat(),
      dev: 14,
      ino: this.pipe.ino,
      mode: (this.isSocket ? Mode.S_IFSOCK : Mode.S_IFIFO) | 0o600,
    };
  }
  /** Ends one or both directions of a socket. */
  shutdown(reads: boolean, writes: boolean): void {
    if (reads && !this.readsEnded && this.input) {
      this.readsEnded = true;
      this.input.readers--;
      this.input.queue.wake();
    }
    if (writes && !this.writesEnded && this.output) {
      this.writesEnded = true;
      this.output.writers--;
      this.output.queue.wake();
    }
  }
  close(): void {
    this.shutdown(true, true);
  }
}
