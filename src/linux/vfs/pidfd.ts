// A process as a file: readable when it has ended.

import type { Process } from '../process.ts';
import type { WaitQueue } from '../wait.ts';
import type { FileOps } from './file.ts';

export class PidFd implements FileOps {
  readonly kind = 'pidfd';
  readonly process: Process;

  constructor(process: Process) {
    this.process = process;
  }
  get waitQueue(): WaitQueue {
    return this.process.ended;
  }
  poll(): number {
    return this.process.status !== undefined && this.process.threads.length === 0 ? 1 : 0;
  }
  close(): void {}
}
