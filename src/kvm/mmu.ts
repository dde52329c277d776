// Stage 2 of a guest's translation, as memslots describe it: the PE asks for pages, KVM answers from the program's memory
// or a guest_memfd, and deals with what cannot be answered. There are no tables: every answer is looked up, and the PEs'
// TLBs are told which answers no longer hold. @linux arch/arm64/kvm/mmu.c

import { ISS } from '../arch/esr.ts';
import { extract } from '../base/bits.ts';
import { Errno } from '../base/hostfile.ts';
import type { Access } from '../cpu/engine.ts';
import type { Stage2, Stage2Answer, Stage2Change } from '../cpu/pe_ports.ts';
import { FRAME_SHIFT, FRAME_SIZE, OutOfFrames } from '../cpu/physmem.ts';
import { KVM_MEM, structs } from '../uapi/index.ts';
import { markDirty } from './dirty.ts';
import { exitToUser, incrPc } from './emulate.ts';
import { hasGuestMemfd } from './guest_memfd.ts';
import type { Hardware } from './hardware.ts';
import { injectSeaDabt, injectSeaIabt, injectSeaWalk, injectSizeFault } from './inject_fault.ts';
import type { MemSlot } from './memslots.ts';
import { ioMemAbort } from './mmio.ts';
import type { Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';

const PAGE_BITS = BigInt(FRAME_SHIFT);
const PAGE_MASK = BigInt(FRAME_SIZE - 1);

/** What all vCPUs of a VM must hear: pages are no longer where they were, or no longer writable. */
export class Stage2Mmu {
  private readonly listeners: ((change: Stage2Change) => void)[] = [];
  /** Pages from which instructions were fetched, and their frames: a page that comes back may hold other code. */
  private readonly fetched = new Map<number, number>();
  private unsubscribe: (() => void) | undefined;

  onChange(listener: (change: Stage2Change) => void): void {
    this.listeners.push(listener);
  }
  /** @returns whether instructions of the page are fetched for the first time since it was mapped */
  fetches(gfn: number, frame: number): boolean {
    if (this.fetched.get(gfn) === frame) return false;
    this.fetched.set(gfn, frame);
    return true;
  }
  /** Follows the memory of the program, from the first run on. */
  follow(vm: Vm): void {
    this.unsubscribe ??= vm.owner.onChange((start, end) => {
      const [from, to] = [Number(start >> PAGE_BITS), Number((end + PAGE_MASK) >> PAGE_BITS)];
      vm.slots.inMemory(from, to, (slot, first, count) => this.unmap(slot.baseGfn + first, count));
    });
  }
  /** Pages went away. */
  unmap(gfn: number, pages: number): void {
    if (pages < this.fetched.size) for (let g = gfn; g < gfn + pages; g++) this.fetched.delete(g);
    else for (const g of this.fetched.keys()) if (g >= gfn && g < gfn + pages) this.fetched.delete(g);
    this.changed({ first: gfn, end: gfn + pages, writesOnly: false });
  }
  /** The next write to these pages is asked for. */
  writeProtect(gfn: number, pages: number): void {
    this.changed({ first: gfn, end: gfn + pages, writesOnly: true });
  }
  free(): void {
    this.unsubscribe?.();
    this.listeners.length = 0;
  }
  private changed(change: Stage2Change): void {
    for (const l of this.listeners) l(change);
  }
}

function hvaOf(slot: MemSlot, gfn: number): bigint {
  return slot.hva + BigInt(gfn - slot.baseGfn) * BigInt(FRAME_SIZE);
}
/** The frame behind a guest page. @returns undefined: no access; 'pending': a userfaultfd handler must act first */
function frameOf(vm: Vm, slot: MemSlot, gfn: number, write: boolean): number | undefined | 'pending' {
  if (hasGuestMemfd(slot)) return slot.gmem?.file.frame(slot.gmem.page + gfn - slot.baseGfn);
  return vm.owner.frame(hvaOf(slot, gfn), write);
}

/**
 * The write has been recorded but has to wait: the vCPU comes out, and goes to the program before it enters again. So the
 * last entry of a full ring is a page that may not have been written yet, as in KVM.
 */
function isRingFull(vcpu: Vcpu, slot: MemSlot): boolean {
  return (slot.flags & KVM_MEM.LOG_DIRTY_PAGES) !== 0 && vcpu.dirtyRing?.softFull === true;
}

const NO_PAGE: Stage2Answer = { ok: false, fault: 'translation', level: 3 };
const NO_PERMISSION: Stage2Answer = { ok: false, fault: 'permission', level: 3 };

/** Stage 2 as the PE of one vCPU sees it. */
export class GuestStage2 implements Stage2 {
  private readonly vcpu: Vcpu;
  private readonly hw: Hardware;
  constructor(vcpu: Vcpu, hw: Hardware) {
    this.vcpu = vcpu;
    this.hw = hw;
  }

  translate(ipa: number, access: Access, _s1ptw: boolean): Stage2Answer {
    const { vm } = this.vcpu;
    const gfn = Math.floor(ipa / FRAME_SIZE);
    const slot = vm.slots.at(gfn);
    if (!slot) return NO_PAGE;
    const write = access === 'write';
    if (write && (slot.flags & KVM_MEM.READONLY) !== 0) return NO_PERMISSION;
    let frame: number | undefined | 'pending';
    try {
      frame = frameOf(vm, slot, gfn, write);
    } catch (e) {
      if (!(e instanceof OutOfFrames)) throw e;
      this.vcpu.faultResult = -Errno.ENOMEM;
      return NO_PAGE;
    }
    if (typeof frame !== 'number') {
      this.vcpu.faultResult = frame === 'pending' ? 'wait' : -Errno.EFAULT;
      return NO_PAGE;
    }
    if (write) {
      markDirty(vm, slot, gfn, this.vcpu);
      if (isRingFull(this.vcpu, slot)) return NO_PAGE;
    }
    if (access === 'execute' && vm.stage2.fetches(gfn, frame)) this.hw.invalidateCode(frame);
    return { ok: true, frame, writable: write, executable: true };
  }
  onChange(listener: (change: Stage2Change) => void): void {
    this.vcpu.vm.stage2.onChange(listener);
  }
}

const bit = (esr: bigint, n: number): boolean => ((esr >> BigInt(n)) & 1n) === 1n;
const FSC = (esr: bigint): number => Number(extract(esr, 5, 0));
const isTranslation = (fsc: number): boolean => (fsc & 0x3c) === 0x04 || fsc === 0x2a || fsc === 0x2b;
const isPermission = (fsc: number): boolean => (fsc & 0x3c) === 0x0c;
const isExternal = (fsc: number): boolean => fsc === 0x10 || (fsc >= 0x13 && fsc <= 0x17);

/**
 * A stage 2 abort: from outside all memory to the program or back to the guest, in KVM's order.
 * @returns 'wait': a page is on its way
 * @linux kvm_handle_guest_abort
 */
export function guestAbort(vcpu: Vcpu, isFetch: boolean): 'resume' | 'exit' | 'wait' | number {
  const { vm, fault } = vcpu;
  const { esr, far, ipa } = fault;
  const fsc = FSC(esr);
  const result = vcpu.faultResult;
  vcpu.faultResult = undefined;
  if (isExternal(fsc)) return externalAbort(vcpu);
  const full = ipa | (far & PAGE_MASK);
  if (isTranslation(fsc)) {
    if (ipa >= 1n << BigInt(vm.kvm.host.ipaLimit)) {
      injectSizeFault(vcpu, isFetch);
      return 'resume';
    }
    if (ipa >= 1n << BigInt(vm.ipaBits)) return injectSea(vcpu, isFetch);
  }
  vm.kvm.trace('kvm_guest_fault', { vcpu: vcpu.id, esr, far, ipa });
  const slot = vm.slots.at(Number(ipa >> BigInt(FRAME_SHIFT)));
  const s1ptw = bit(esr, ISS.DABT.S1PTW);
  const write = s1ptw ? isPermission(fsc) : !isFetch && bit(esr, ISS.DABT.WnR);
  if (!slot || (write && (slot.flags & KVM_MEM.READONLY) !== 0)) {
    if (isFetch || s1ptw) return injectSea(vcpu, isFetch);
    if (!slot && bit(esr, ISS.DABT.CM)) {
      incrPc(vcpu); // maintenance of what cannot be cached
      return 'resume';
    }
    return ioMemAbort(vcpu, full);
  }
  if (result === 'wait') return 'wait';
  if (result === undefined) return 'resume';
  if (hasGuestMemfd(slot))
    exitToUser(vcpu, 'MEMORY_FAULT', structs.exit_memory_fault, {
      flags: 0n,
      gpa: ipa & ~PAGE_MASK,
      size: BigInt(FRAME_SIZE),
    });
  return result;
}
function injectSea(vcpu: Vcpu, isFetch: boolean): 'resume' {
  const onTable = bit(vcpu.fault.esr, ISS.DABT.S1PTW) && !isExternal(FSC(vcpu.fault.esr));
  if (onTable) injectSeaWalk(vcpu, isFetch, vcpu.guest?.pe.tableFaultLevel ?? 3);
  else if (isFetch) injectSeaIabt(vcpu);
  else injectSeaDabt(vcpu);
  return 'resume';
}

/** What the program is shown of the syndrome of a memory error. */
const SEA_SHOWN = (0x3fn << 26n) | (1n << 25n) | (1n << 10n) | (1n << 9n) | (1n << 8n) | (1n << 6n) | 0x3fn;
const SEA_SET = 3n << 11n;
const GPA_VALID = 1n;
/** Memory that the host reports as broken. @linux kvm_handle_guest_sea */
function externalAbort(vcpu: Vcpu): 'resume' | 'exit' {
  const { vm, fault } = vcpu;
  if (!vm.options.seaToUser) return injectSea(vcpu, false);
  exitToUser(vcpu, 'ARM_SEA', structs.exit_arm_sea, {
    flags: fault.ipa === 0n ? 0n : GPA_VALID,
    esr: fault.esr & (SEA_SHOWN | (vm.kvm.host.hasRas ? SEA_SET : 0n)),
    gva: bit(fault.esr, ISS.DABT.FnV) ? 0n : fault.far,
    gpa: fault.ipa,
  });
  return 'exit';
}
