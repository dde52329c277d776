// How the kernel's side reads and writes user memory: page by page, each made accessible as if the program had touched it.

import { textOf } from '../../base/text.ts';
import type { PhysMem } from '../../cpu/physmem.ts';
import { offsetIn, TASK_SIZE, userAddress } from './addresses.ts';
import { Pte } from './page_table.ts';
import { PAGE } from './pages.ts';
import type { Vma } from './vma.ts';

/** Why an access cannot go on, as the signal that Linux would send. */
export type Fault =
  | { readonly kind: 'maperr' | 'accerr' | 'adrerr' | 'oom'; readonly addr: number; readonly write: boolean }
  | { readonly kind: 'userfault'; readonly addr: number; readonly write: boolean; readonly vma: Vma };

/** Thrown through a system call that touched a page which a userfaultfd handler must supply first. */
export class UserfaultWait extends Error {
  override readonly name = 'UserfaultWait';
  readonly fault: Fault;
  constructor(fault: Fault) {
    super('page under userfaultfd');
    this.fault = fault;
  }
}

export abstract class UserAccess {
  readonly mem: PhysMem;
  /** Why the last fault() failed. */
  lastFault: Fault | undefined;

  constructor(mem: PhysMem) {
    this.mem = mem;
  }
  /**
   * Makes the page at `addr` accessible. @returns its entry, or 0 with `lastFault` set.
   * @param force kernel access on behalf of a debugger (/proc/PID/mem): permissions do not count
   */
  abstract fault(addr: number, write: boolean, execute?: boolean, force?: boolean): number;

  /** A fault has failed: that is EFAULT, unless a handler may mend it. @throws UserfaultWait */
  private mayWait(): void {
    const f = this.lastFault;
    if (f?.kind === 'userfault') throw new UserfaultWait(f);
  }
  /**
   * Copies `length` bytes in or out.
   * @param from where they begin in `bytes`, which may be all of the memory
   * @returns false on EFAULT. @throws UserfaultWait
   */
  private copy(
    address: number,
    bytes: Uint8Array,
    from: number,
    length: number,
    write: boolean,
    force: boolean,
  ): boolean {
    const { u8 } = this.mem;
    if (address + length > TASK_SIZE) return length === 0;
    let at = address;
    for (let done = 0; done < length; ) {
      const offset = offsetIn(at);
      const len = Math.min(PAGE - offset, length - done);
      const entry = this.fault(at, write, false, force);
      if (entry === 0) {
        this.mayWait();
        return false;
      }
      const pa = (entry & Pte.FRAME) * PAGE + offset;
      const here = from + done;
      if (bytes === u8) u8.copyWithin(write ? pa : here, write ? here : pa, write ? here + len : pa + len);
      else if (write) u8.set(bytes.subarray(here, here + len), pa);
      else bytes.set(u8.subarray(pa, pa + len), here);
      done += len;
      at += len;
    }
    return true;
  }
  read(addr: bigint, out: Uint8Array, force = false): boolean {
    return this.copy(userAddress(addr), out, 0, out.length, false, force);
  }
  write(addr: bigint, data: Uint8Array, force = false): boolean {
    return this.copy(userAddress(addr), data, 0, data.length, true, force);
  }
  /** The same for a part of a buffer, and for an address that is a number. */
  readAt(address: number, out: Uint8Array, from: number, length: number): boolean {
    return this.copy(address, out, from, length, false, false);
  }
  writeAt(address: number, data: Uint8Array, from: number, length: number): boolean {
    return this.copy(address, data, from, length, true, false);
  }
  /** Where some bytes of one page stand in memory; -1: they are of several pages, or there is a reason that a copy will tell. */
  direct(address: number, length: number, write: boolean): number {
    const offset = offsetIn(address);
    if (offset + length > PAGE || address >= TASK_SIZE) return -1;
    const entry = this.fault(address, write);
    return entry === 0 ? -1 : (entry & Pte.FRAME) * PAGE + offset;
  }
  /** The frame behind a page; 'pending': a userfaultfd handler has been told that it is wanted; undefined: EFAULT. */
  frame(addr: bigint, write: boolean): number | undefined | 'pending' {
    const at = userAddress(addr);
    if (at >= TASK_SIZE) return undefined;
    const entry = this.fault(at, write);
    if (entry !== 0) return entry & Pte.FRAME;
    const f = this.lastFault;
    if (f?.kind !== 'userfault') return undefined;
    f.vma.userfault!.report(f.addr, f.write);
    return 'pending';
  }
  /** A NUL-terminated string of at most `max` bytes. @returns undefined on EFAULT, null when it is longer. */
  readString(addr: bigint, max = 4096): string | undefined | null {
    const parts: number[] = [];
    let at = userAddress(addr);
    while (parts.length < max) {
      if (at >= TASK_SIZE) return undefined;
      const entry = this.fault(at, false);
      if (entry === 0) {
        this.mayWait();
        return undefined;
      }
      const pa = (entry & Pte.FRAME) * PAGE;
      for (let o = at % PAGE; o < PAGE && parts.length < max; o++, at++) {
        const b = this.mem.u8[pa + o]!;
        if (b === 0) return textOf(Uint8Array.from(parts));
        parts.push(b);
      }
    }
    return null;
  }
}
