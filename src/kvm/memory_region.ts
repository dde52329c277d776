// KVM_SET_USER_MEMORY_REGION and its second form: a slot comes, goes, moves or changes its flags.
// @linux virt/kvm/kvm_main.c: kvm_set_memory_region, arch/arm64/kvm/mmu.c: kvm_arch_prepare_memory_region

import { FRAME_SHIFT } from '../cpu/physmem.ts';
import { KVM_DIRTY_LOG, KVM_LIMITS, KVM_MEM, PAGE_SIZE, type structs, type ValueOf } from '../uapi/index.ts';
import type { Call } from './call.ts';
import { bitmapBytes, usesBitmap } from './dirty.ts';
import { refuse } from './errors.ts';
import { bindGuestMemfd, hasGuestMemfd } from './guest_memfd.ts';
import type { MemSlot } from './memslots.ts';
import type { Vm } from './vm.ts';
import { holds } from './vm_features.ts';

type Region = ValueOf<typeof structs.kvm_userspace_memory_region2>;

const U64 = 2n ** 64n;
const PAGE = BigInt(PAGE_SIZE);
/** User addresses end here; the top byte may carry a tag, but not in this call. */
const USER_END = 2n ** 52n;
const { LOG_DIRTY_PAGES, READONLY, GUEST_MEMFD } = KVM_MEM;
/** Ticks that a change takes: KVM waits until no vCPU uses the old slots. Programs change slots for a given time. */
const UPDATE_NS = 20_000;

/** @throws EINVAL, EEXIST, EFAULT, EBADF, EPERM */
export function setMemoryRegion(vm: Vm, call: Call, mem: Region): void {
  checkRegion(mem);
  vm.kvm.hardware?.clock.spend?.(UPDATE_NS);
  const id = mem.slot & 0xffff;
  const old = vm.slots.byId(id);
  const pages = Number(mem.memory_size >> BigInt(FRAME_SHIFT));
  if (pages === 0) {
    if (!old) throw refuse.EINVAL;
    remove(vm, old);
    return;
  }
  const baseGfn = Number(mem.guest_phys_addr >> BigInt(FRAME_SHIFT));
  if (old) {
    if ((mem.flags & GUEST_MEMFD) !== 0) throw refuse.EINVAL; // can only be deleted
    const sameFlags = ((mem.flags ^ old.flags) & (READONLY | GUEST_MEMFD)) === 0;
    if (mem.userspace_addr !== old.hva || pages !== old.pages || !sameFlags) throw refuse.EINVAL;
    if (baseGfn === old.baseGfn && mem.flags === old.flags) return;
  }
  if (baseGfn !== old?.baseGfn && vm.slots.overlaps(baseGfn, baseGfn + pages, id)) throw refuse.EEXIST;
  const slot: MemSlot = {
    id,
    baseGfn,
    pages,
    hva: mem.userspace_addr,
    flags: mem.flags,
    gmem: undefined,
    dirty: undefined,
  };
  if (hasGuestMemfd(slot)) bindGuestMemfd(vm, slot, call.caller.getFile(mem.guest_memfd | 0), mem.guest_memfd_offset);
  try {
    checkForArm64(vm, slot);
    slot.dirty = bitmapOf(vm, slot, old);
  } catch (e) {
    slot.gmem?.file.unbind(slot);
    throw e;
  }
  replace(vm, old, slot);
}

/** What can be said without looking at the VM. @throws EINVAL. @linux check_memory_region_flags, kvm_set_memory_region */
function checkRegion(mem: Region): void {
  const isGmem = (mem.flags & GUEST_MEMFD) !== 0;
  if ((mem.slot & 0xffff) >= KVM_LIMITS.USER_MEM_SLOTS) throw refuse.EINVAL;
  // Neither a dirty log nor emulated writes exist for memory that the program cannot see.
  if ((mem.flags & ~(isGmem ? GUEST_MEMFD : LOG_DIRTY_PAGES | READONLY)) !== 0) throw refuse.EINVAL;
  if (mem.memory_size % PAGE !== 0n || mem.guest_phys_addr % PAGE !== 0n || mem.userspace_addr % PAGE !== 0n)
    throw refuse.EINVAL;
  if (mem.userspace_addr + mem.memory_size > USER_END) throw refuse.EINVAL;
  if (isGmem && (mem.guest_memfd_offset % PAGE !== 0n || mem.guest_memfd_offset + mem.memory_size >= U64))
    throw refuse.EINVAL;
  if (mem.slot >>> 16 !== 0) throw refuse.EINVAL; // there is one address space
  if (mem.guest_phys_addr + mem.memory_size >= U64) throw refuse.EINVAL;
  if (mem.memory_size >> BigInt(FRAME_SHIFT) > BigInt(KVM_LIMITS.MEM_MAX_NR_PAGES)) throw refuse.EINVAL;
}

/** @throws EPERM, EFAULT beyond the VM's addresses, EINVAL. @linux kvm_arch_prepare_memory_region */
function checkForArm64(vm: Vm, slot: MemSlot): void {
  if (vm.regs.isProtected && (slot.flags & (LOG_DIRTY_PAGES | READONLY)) !== 0) throw refuse.EPERM;
  if (slot.baseGfn + slot.pages > 2 ** (vm.ipaBits - FRAME_SHIFT)) throw refuse.EFAULT;
  if (slot.gmem && (!slot.gmem.file.mappable || holds(vm.regs, 'mte'))) throw refuse.EINVAL;
}

function bitmapOf(vm: Vm, slot: MemSlot, old: MemSlot | undefined): Uint8Array | undefined {
  if ((slot.flags & LOG_DIRTY_PAGES) === 0) return undefined;
  if (old?.dirty) return old.dirty;
  if (!usesBitmap(vm)) return undefined;
  const bitmap = new Uint8Array(bitmapBytes(slot));
  if ((vm.manualDirtyLogProtect & KVM_DIRTY_LOG.INITIALLY_SET) === 0) return bitmap;
  bitmap.fill(0xff, 0, slot.pages >> 3);
  if (slot.pages % 8 !== 0) bitmap[slot.pages >> 3] = 2 ** (slot.pages % 8) - 1;
  return bitmap;
}

function remove(vm: Vm, old: MemSlot): void {
  vm.stage2.unmap(old.baseGfn, old.pages);
  vm.slots.remove(old);
  old.gmem?.file.unbind(old);
}
function replace(vm: Vm, old: MemSlot | undefined, slot: MemSlot): void {
  if (old && old.baseGfn !== slot.baseGfn) vm.stage2.unmap(old.baseGfn, old.pages);
  if (old) vm.slots.remove(old);
  vm.slots.insert(slot);
  const logs = (slot.flags & LOG_DIRTY_PAGES) !== 0;
  // With all bits set from the start, pages are protected as they are cleared.
  if (logs && (vm.manualDirtyLogProtect & KVM_DIRTY_LOG.INITIALLY_SET) === 0)
    vm.stage2.writeProtect(slot.baseGfn, slot.pages);
}
