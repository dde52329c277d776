// guest_memfd: memory that belongs to one VM and is named by a file. The program can map it only where the file was
// made so; it can be given away page by page, never read or written. @linux virt/kvm/guest_memfd.c

import { Errno, type HostFile, type SharedPages } from '../base/hostfile.ts';
import { GUEST_MEMFD_FLAG, KVM_MEM, PAGE_SIZE } from '../uapi/index.ts';
import { answer, refuse } from './errors.ts';
import type { MemSlot } from './memslots.ts';
import { getVm, putVm, type Vm } from './vm.ts';

const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
/** All flags that CREATE_GUEST_MEMFD knows: what KVM_CAP_GUEST_MEMFD_FLAGS says. */
export const GUEST_MEMFD_FLAGS = GUEST_MEMFD_FLAG.MMAP | GUEST_MEMFD_FLAG.INIT_SHARED;

interface Binding {
  readonly slot: MemSlot;
  readonly page: number;
}

export class GuestMemfd implements HostFile {
  readonly kind = 'guest_memfd';
  readonly vm: Vm;
  readonly flags: number;
  private readonly bytes: bigint;
  private readonly frames = new Map<number, number>();
  private bindings: Binding[] = [];
  /** Mappings of the program, told before pages go away. */
  private readonly mappings = new Set<(first: number, end: number) => void>();

  /** @throws EINVAL for an unknown flag, a size of 0, or one that is not whole pages */
  constructor(vm: Vm, size: bigint, flags: bigint) {
    if ((flags & ~BigInt(GUEST_MEMFD_FLAGS)) !== 0n) throw refuse.EINVAL;
    if (BigInt.asIntN(64, size) <= 0n || size % BigInt(PAGE_SIZE) !== 0n) throw refuse.EINVAL;
    this.vm = vm;
    this.bytes = size;
    this.flags = Number(flags);
    getVm(vm);
  }

  get mappable(): boolean {
    return (this.flags & GUEST_MEMFD_FLAG.MMAP) !== 0;
  }
  size(): bigint {
    return this.bytes;
  }
  /** The frame of a page, made on first use; undefined beyond the end. */
  frame(page: number): number | undefined {
    if (BigInt(page) * BigInt(PAGE_SIZE) >= this.bytes) return undefined;
    let f = this.frames.get(page);
    if (f === undefined) {
      f = this.vm.kvm.mem.allocFrame();
      this.frames.set(page, f);
    }
    return f;
  }
  mmap(offset: bigint, length: bigint, shared: boolean): SharedPages | number {
    if (!this.mappable) return -Errno.ENODEV;
    if (!shared) return -Errno.EINVAL;
    const first = Number(offset / BigInt(PAGE_SIZE));
    const visible = (this.flags & GUEST_MEMFD_FLAG.INIT_SHARED) !== 0;
    return {
      pages: Number((length + BigInt(PAGE_SIZE) - 1n) / BigInt(PAGE_SIZE)),
      frame: (index) => (visible ? this.frame(first + index) : undefined),
      onZap: (listener) => {
        const mapping = (from: number, to: number): void => {
          if (to > first) listener(Math.max(0, from - first), to - Math.max(from, first));
        };
        this.mappings.add(mapping);
        return () => this.mappings.delete(mapping);
      },
    };
  }
  fallocate(mode: number, offset: bigint, length: bigint): number {
    return answer(() => {
      if ((mode & KEEP_SIZE) === 0 || (mode & ~(KEEP_SIZE | PUNCH_HOLE)) !== 0) throw refuse.EOPNOTSUPP;
      const page = BigInt(PAGE_SIZE);
      if (offset % page !== 0n || length % page !== 0n) throw refuse.EINVAL;
      const first = Number(offset / page);
      const end = Number((offset + length) / page);
      if ((mode & PUNCH_HOLE) !== 0) this.punch(first, end);
      else if (offset + length > this.bytes) throw refuse.EINVAL;
      else for (let p = first; p < end; p++) this.frame(p);
      return 0;
    }) as number;
  }
  close(): void {
    for (const { slot } of this.bindings) {
      slot.gmem = undefined;
      this.vm.stage2.unmap(slot.baseGfn, slot.pages);
    }
    for (const f of this.frames.values()) this.vm.kvm.mem.unref(f);
    this.frames.clear();
    putVm(this.vm);
  }

  /** @throws EINVAL for a range beyond the file, EEXIST where another slot shows some of it. @linux kvm_gmem_bind */
  bind(slot: MemSlot, offset: bigint): void {
    if (offset + BigInt(slot.pages) * BigInt(PAGE_SIZE) > this.bytes) throw refuse.EINVAL;
    const page = Number(offset / BigInt(PAGE_SIZE));
    if (this.bindings.some((b) => page < b.page + b.slot.pages && b.page < page + slot.pages)) throw refuse.EEXIST;
    slot.gmem = { file: this, page };
    this.bindings.push({ slot, page });
  }
  unbind(slot: MemSlot): void {
    this.bindings = this.bindings.filter((b) => b.slot !== slot);
    slot.gmem = undefined;
  }

  private punch(first: number, end: number): void {
    for (const { slot, page } of this.bindings) {
      const from = Math.max(first, page);
      const to = Math.min(end, page + slot.pages);
      if (from < to) this.vm.stage2.unmap(slot.baseGfn + from - page, to - from);
    }
    for (const forget of this.mappings) forget(first, end);
    for (const [p, f] of [...this.frames]) {
      if (p < first || p >= end) continue;
      this.frames.delete(p);
      this.vm.kvm.mem.unref(f);
    }
  }
}

/** The guest_memfd that a new slot with KVM_MEM_GUEST_MEMFD names, bound to it. @throws EBADF, EINVAL, EEXIST */
export function bindGuestMemfd(vm: Vm, slot: MemSlot, file: HostFile | undefined, offset: bigint): void {
  if (!file) throw refuse.EBADF;
  if (!(file instanceof GuestMemfd) || file.vm !== vm) throw refuse.EINVAL;
  file.bind(slot, offset);
}
/** The slot shows a guest_memfd and nothing else. @linux kvm_slot_has_gmem */
export function hasGuestMemfd(slot: MemSlot): boolean {
  return (slot.flags & KVM_MEM.GUEST_MEMFD) !== 0;
}
