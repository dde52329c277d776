// Named pipes: a name for a pipe that lives as long as somebody has it open. Opening waits for the other side.

import { Errno, type Pending } from '../../base/hostfile.ts';
import { Mode, O_ACCMODE, Open } from '../abi/flags.ts';
import { Wait, WaitQueue } from '../wait.ts';
import type { FileOps } from './file.ts';
import { Node } from './node.ts';
import { Pipe, PipeEnd } from './pipe.ts';

export class FifoNode extends Node {
  private pipe = new Pipe();
  private readonly opened = new WaitQueue();
  /** How often each side was opened: an opener waits for the count of the other side to grow. */
  private reads = 0;
  private writes = 0;

  constructor(mode: number) {
    super(Mode.S_IFIFO | (mode & 0o7777));
  }
  /** @returns the end, a negative errno, or a wait for the other side together with the end that it is for. */
  openEnd(flags: number): { readonly end: FileOps; readonly wait: Pending | undefined } | number {
    const access = flags & O_ACCMODE;
    const reading = access !== Open.O_WRONLY;
    const writing = access !== 0;
    const nonblock = (flags & Open.O_NONBLOCK) !== 0;
    if (this.pipe.readers === 0 && this.pipe.writers === 0 && this.pipe.bytes > 0) this.pipe = new Pipe();
    const { pipe } = this;
    if (writing && !reading && nonblock && pipe.readers === 0) return -Errno.ENXIO;
    if (reading) this.reads++;
    if (writing) this.writes++;
    const end = new PipeEnd(reading ? pipe : undefined, writing ? pipe : undefined);
    this.opened.wake();
    if (nonblock || (reading && writing)) return { end, wait: undefined };
    const seen = reading ? this.writes : this.reads;
    const there = () => (reading ? pipe.writers > 0 || this.writes > seen : pipe.readers > 0 || this.reads > seen);
    if (there()) return { end, wait: undefined };
    return { end, wait: new Wait(() => (there() ? 0 : 'wait'), { queues: [this.opened] }) };
  }
  override open(flags: number): FileOps | number {
    const r = this.openEnd(flags | Open.O_NONBLOCK);
    return typeof r === 'number' ? r : r.end;
  }
}
