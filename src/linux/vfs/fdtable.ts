// File descriptors: the numbers of a process and the descriptions behind them. Shared by CLONE_FILES.

import { Errno } from '../../base/hostfile.ts';
import type { Description } from './file.ts';

interface Slot {
  readonly description: Description;
  closeOnExec: boolean;
}

export class FdTable {
  private readonly slots: (Slot | undefined)[] = [];
  users = 1;

  get(fd: number): Description | undefined {
    return this.slots[fd]?.description;
  }
  /** @returns the lowest free number >= `from`, or -EMFILE at `limit`. Takes over the reference. */
  install(d: Description, closeOnExec: boolean, limit: number, from = 0): number {
    let fd = from;
    while (this.slots[fd]) fd++;
    if (fd >= limit) {
      d.unref();
      return -Errno.EMFILE;
    }
    this.slots[fd] = { description: d, closeOnExec };
    return fd;
  }
  /** Puts a description at a given number; what was there is closed. Takes over the reference. */
  replace(fd: number, d: Description, closeOnExec: boolean): void {
    const old = this.slots[fd];
    this.slots[fd] = { description: d, closeOnExec };
    old?.description.unref();
  }
  isCloseOnExec(fd: number): boolean {
    return this.slots[fd]?.closeOnExec ?? false;
  }
  setCloseOnExec(fd: number, on: boolean): void {
    const s = this.slots[fd];
    if (s) s.closeOnExec = on;
  }
  close(fd: number): number {
    const s = this.slots[fd];
    if (!s) return -Errno.EBADF;
    this.slots[fd] = undefined;
    s.description.unref();
    return 0;
  }
  entries(): [number, Description][] {
    const out: [number, Description][] = [];
    this.slots.forEach((s, fd) => {
      if (s) out.push([fd, s.description]);
    });
    return out;
  }
  get size(): number {
    return this.slots.length;
  }
  copy(): FdTable {
    const t = new FdTable();
    this.slots.forEach((s, fd) => {
      if (s) t.slots[fd] = { description: s.description.ref(), closeOnExec: s.closeOnExec };
    });
    return t;
  }
  execve(): void {
    for (let fd = 0; fd < this.slots.length; fd++) if (this.slots[fd]?.closeOnExec) this.close(fd);
  }
  closeAll(): void {
    for (let fd = 0; fd < this.slots.length; fd++) if (this.slots[fd]) this.close(fd);
  }
}
