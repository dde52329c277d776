// Guest memory as KVM itself reads and writes it: through the memslots, to the program's memory or a guest_memfd.
// Writes count as the guest's for the dirty log. @linux kvm_read_guest, kvm_write_guest

import { FRAME_SHIFT, FRAME_SIZE } from '../cpu/physmem.ts';
import { KVM_MEM } from '../uapi/index.ts';
import { markDirty } from './dirty.ts';
import type { MemSlot } from './memslots.ts';
import type { Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';

/** Cuts [gpa, gpa + length) at pages. @returns false as soon as a piece fails */
function pieces(
  gpa: bigint,
  length: number,
  f: (gfn: number, offset: number, from: number, to: number) => boolean,
): boolean {
  for (let done = 0; done < length; ) {
    const at = gpa + BigInt(done);
    const offset = Number(at & BigInt(FRAME_SIZE - 1));
    const n = Math.min(length - done, FRAME_SIZE - offset);
    if (!f(Number(at >> BigInt(FRAME_SHIFT)), offset, done, done + n)) return false;
    done += n;
  }
  return true;
}
function hvaOf(slot: MemSlot, gfn: number): bigint {
  return slot.hva + BigInt(gfn - slot.baseGfn) * BigInt(FRAME_SIZE);
}
/** The bytes of a page of a guest_memfd; undefined where the slot has none there. */
function memfdPage(vm: Vm, slot: MemSlot, gfn: number): Uint8Array | undefined {
  const frame = slot.gmem?.file.frame(slot.gmem.page + gfn - slot.baseGfn);
  return frame === undefined ? undefined : vm.kvm.mem.frameBytes(frame);
}

/** @returns false where some of it is not memory */
export function readGuest(vm: Vm, gpa: bigint, out: Uint8Array): boolean {
  return pieces(gpa, out.length, (gfn, offset, from, to) => {
    const slot = vm.slots.at(gfn);
    if (!slot) return false;
    if (slot.gmem) {
      const page = memfdPage(vm, slot, gfn);
      if (page) out.set(page.subarray(offset, offset + to - from), from);
      return page !== undefined;
    }
    return vm.owner.read(hvaOf(slot, gfn) + BigInt(offset), out.subarray(from, to));
  });
}
/** @param vcpu whose dirty ring takes the pages. @returns false where some of it is not memory that can be written */
export function writeGuest(vm: Vm, gpa: bigint, data: Uint8Array, vcpu?: Vcpu): boolean {
  return pieces(gpa, data.length, (gfn, offset, from, to) => {
    const slot = vm.slots.at(gfn);
    if (!slot || (slot.flags & KVM_MEM.READONLY) !== 0) return false;
    if (slot.gmem) {
      const page = memfdPage(vm, slot, gfn);
      page?.set(data.subarray(from, to), offset);
      if (!page) return false;
    } else if (!vm.owner.write(hvaOf(slot, gfn) + BigInt(offset), data.subarray(from, to))) return false;
    markDirty(vm, slot, gfn, vcpu);
    return true;
  });
}
export function readGuestU64(vm: Vm, gpa: bigint): bigint | undefined {
  const bytes = new Uint8Array(8);
  return readGuest(vm, gpa, bytes) ? new DataView(bytes.buffer).getBigUint64(0, true) : undefined;
}
export function writeGuestU64(vm: Vm, gpa: bigint, value: bigint, vcpu?: Vcpu): boolean {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return writeGuest(vm, gpa, bytes, vcpu);
}
/** There is memory at `gpa`. @linux kvm_is_visible_gfn */
export function isVisible(vm: Vm, gpa: bigint): boolean {
  return vm.slots.at(Number(gpa >> BigInt(FRAME_SHIFT))) !== undefined;
}
