// Which pages a guest wrote: a bitmap for each logged slot, or a ring of page numbers for each vCPU, or both.
// Decides nothing about write protection; the second stage of translation is told through Stage2.

import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { KVM_DIRTY_GFN, KVM_LIMITS, KVM_MEM, offsetOf, structs } from '../uapi/index.ts';
import { type Call, readUser, writeUser } from './call.ts';
import { refuse } from './errors.ts';
import type { MemSlot } from './memslots.ts';
import type { Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';

/** @linux kvm_use_dirty_bitmap */
export function usesBitmap(vm: Vm): boolean {
  return vm.dirtyRingSize === 0 || vm.dirtyRingWithBitmap;
}
export function bitmapBytes(slot: MemSlot): number {
  return Math.ceil(slot.pages / 64) * 8;
}

/** @throws ENXIO without bitmaps, EINVAL for no slot number, ENOENT where it is not logged */
function loggedSlot(vm: Vm, number: number): MemSlot & { readonly dirty: Uint8Array } {
  if (!usesBitmap(vm)) throw refuse.ENXIO;
  if (number >>> 16 !== 0 || (number & 0xffff) >= KVM_LIMITS.USER_MEM_SLOTS) throw refuse.EINVAL;
  const slot = vm.slots.byId(number & 0xffff);
  if (!slot?.dirty) throw refuse.ENOENT;
  return slot as MemSlot & { readonly dirty: Uint8Array };
}

/** KVM_GET_DIRTY_LOG. Unless clearing is manual, reading clears. @linux kvm_get_dirty_log_protect */
export function getDirtyLog(vm: Vm, call: Call, number: number, bitmap: bigint): void {
  const slot = loggedSlot(vm, number);
  const seen = slot.dirty.slice();
  if (!vm.manualDirtyLogProtect) {
    slot.dirty.fill(0);
    vm.stage2.writeProtect(slot.baseGfn, slot.pages);
  }
  writeUser(call, bitmap, seen);
}

/** KVM_CLEAR_DIRTY_LOG. @linux kvm_clear_dirty_log_protect */
export function clearDirtyLog(vm: Vm, call: Call, number: number, first: bigint, pages: number, bitmap: bigint): void {
  if (!usesBitmap(vm)) throw refuse.ENXIO;
  if (number >>> 16 !== 0 || (number & 0xffff) >= KVM_LIMITS.USER_MEM_SLOTS || (first & 63n) !== 0n)
    throw refuse.EINVAL;
  const slot = loggedSlot(vm, number);
  const left = BigInt(slot.pages) - first;
  if (left < 0n || BigInt(pages) > left || (BigInt(pages) < left && pages % 64 !== 0)) throw refuse.EINVAL;
  const wanted = readUser(call, bitmap, Math.ceil(pages / 64) * 8);
  const at = Number(first / 8n);
  let any = false;
  for (const [i, want] of wanted.entries()) {
    const was = slot.dirty[at + i] ?? 0;
    any ||= (was & want) !== 0;
    slot.dirty[at + i] = was & ~want;
  }
  if (any) vm.stage2.writeProtect(slot.baseGfn + Number(first), pages);
}

/**
 * A page of guest memory was written, by the guest or by KVM for it.
 * @param vcpu whose ring takes it; writes on nobody's behalf (ITS tables) go to the bitmap
 * @linux mark_page_dirty_in_slot
 */
export function markDirty(vm: Vm, slot: MemSlot, gfn: number, vcpu: Vcpu | undefined): void {
  if ((slot.flags & KVM_MEM.LOG_DIRTY_PAGES) === 0) return;
  const page = gfn - slot.baseGfn;
  if (vm.dirtyRingSize !== 0 && vcpu) {
    vcpu.dirtyRing?.push(slot.id, BigInt(page));
    return;
  }
  if (slot.dirty) slot.dirty[page >> 3]! |= 1 << (page & 7);
}

const GFN = structs.kvm_dirty_gfn;
const FLAGS = offsetOf(GFN, 'flags');
const SLOT = offsetOf(GFN, 'slot');
const OFFSET = offsetOf(GFN, 'offset');

/** One vCPU's ring, in pages that the program maps. */
export class DirtyRing {
  /** One frame a page of the mapping. */
  readonly frames: readonly number[];
  private readonly mem: PhysMem;
  private readonly entries: number;
  private dirtyIndex = 0;
  private resetIndex = 0;

  /** @param bytes a power of two, at least a page */
  constructor(mem: PhysMem, bytes: number) {
    this.mem = mem;
    this.entries = bytes / GFN.size;
    this.frames = Array.from({ length: bytes / FRAME_SIZE }, () => mem.allocFrame());
  }
  /** No room for what one more entry into the guest could write. @linux kvm_dirty_ring_soft_full */
  get softFull(): boolean {
    return this.dirtyIndex - this.resetIndex >= this.entries - KVM_LIMITS.DIRTY_RING_RSVD_ENTRIES;
  }
  push(slot: number, page: bigint): void {
    const at = this.address(this.dirtyIndex++);
    this.mem.view.setUint32(at + SLOT, slot, true);
    this.mem.view.setBigUint64(at + OFFSET, page, true);
    this.mem.view.setUint32(at + FLAGS, KVM_DIRTY_GFN.DIRTY, true);
  }
  /** Takes back what the program has marked as collected. @returns the number of entries */
  reset(protect: (slot: number, page: bigint) => void): number {
    let n = 0;
    for (; ; n++) {
      const at = this.address(this.resetIndex);
      if ((this.mem.view.getUint32(at + FLAGS, true) & KVM_DIRTY_GFN.RESET) === 0) return n;
      const slot = this.mem.view.getUint32(at + SLOT, true);
      const page = this.mem.view.getBigUint64(at + OFFSET, true);
      this.mem.view.setUint32(at + FLAGS, 0, true);
      this.resetIndex++;
      protect(slot, page);
    }
  }
  free(): void {
    for (const f of this.frames) this.mem.unref(f);
  }
  private address(index: number): number {
    const byte = (index % this.entries) * GFN.size;
    return this.frames[Math.floor(byte / FRAME_SIZE)]! * FRAME_SIZE + (byte % FRAME_SIZE);
  }
}

/** KVM_RESET_DIRTY_RINGS. @returns entries taken back, over all vCPUs */
export function resetDirtyRings(vm: Vm): number {
  if (vm.dirtyRingSize === 0) throw refuse.EINVAL;
  const protect = (id: number, page: bigint): void => {
    const slot = id >>> 16 === 0 ? vm.slots.byId(id) : undefined; // numbers come out of the program's memory
    if (slot && page < BigInt(slot.pages)) vm.stage2.writeProtect(slot.baseGfn + Number(page), 1);
  };
  return vm.vcpus.reduce((sum, v) => sum + (v.dirtyRing?.reset(protect) ?? 0), 0);
}
