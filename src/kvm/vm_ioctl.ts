// Requests on a VM's file. @linux kvm_vm_ioctl, arch/arm64/kvm/arm.c: kvm_arch_vm_ioctl

import { Errno, type HostFile } from '../base/hostfile.ts';
import {
  KVM_ARM_IRQ_TYPE,
  KVM_ARM_TARGET,
  KVM_LIMITS,
  KVM_MEM,
  KVM_MSI,
  PAGE_SIZE,
  structs,
  type ValueOf,
} from '../uapi/index.ts';
import { vmAttrs } from './attrs.ts';
import {
  type Call,
  copyIn,
  copyOut,
  dispatcher,
  type Handler,
  type IoctlTable,
  installFd,
  O_CLOEXEC,
  O_RDWR,
  writeUser,
} from './call.ts';
import { checkExtension, isCapAllowed } from './capabilities.ts';
import { clearDirtyLog, getDirtyLog, resetDirtyRings } from './dirty.ts';
import { enableCap } from './enable_cap.ts';
import { check, refuse } from './errors.ts';
import { ioeventfd } from './eventfd.ts';
import { GuestMemfd } from './guest_memfd.ts';
import { writableMasks } from './id_regs.ts';
import { setMsi, setRouting } from './irqchip.ts';
import { irqfd, releaseIrqfds } from './irqfd.ts';
import { createDevice, hasAttr, setAttr } from './kvm_device.ts';
import { setMemoryRegion } from './memory_region.ts';
import { statsFile } from './stats.ts';
import { createVcpu, type Vcpu } from './vcpu.ts';
import { vcpuFile } from './vcpu_ioctl.ts';
import { hasIrqchip, injectIrq, isPpi, kick, NR_PRIVATE_IRQS } from './vgic/vgic.ts';
import { createVgic, lazyInit } from './vgic/vgic-init.ts';
import { requireStopped, setLegacyV2Addr } from './vgic/vgic-kvm-device.ts';
import { getVm, putVm, refusesCaller, type Vm } from './vm.ts';
import { holds } from './vm_features.ts';

function createVcpuFd(vm: Vm, call: Call): number {
  const vcpu = createVcpu(vm, call.arg, call.caller);
  return installFd(call, vcpuFile(vcpu), `anon_inode:kvm-vcpu:${vcpu.id}`, O_RDWR | O_CLOEXEC);
}

function setRegion(vm: Vm, call: Call): number {
  const mem = copyIn(call, structs.kvm_userspace_memory_region);
  if ((mem.flags & ~(KVM_MEM.LOG_DIRTY_PAGES | KVM_MEM.READONLY)) !== 0) throw refuse.EINVAL;
  setMemoryRegion(vm, call, { ...mem, guest_memfd_offset: 0n, guest_memfd: 0, pad1: 0, pad2: [] });
  return 0;
}

// Interrupts.

/** vcpu2<31:28> type<27:24> vcpu<23:16> number<15:0>. @linux kvm_vm_ioctl_irq_line */
function irqLine(vm: Vm, call: Call): number {
  const { irq, level } = copyIn(call, structs.kvm_irq_level);
  const number = irq & 0xffff;
  const vcpu = vm.byId.get(((irq >>> 16) & 0xff) + (irq >>> 28) * 256);
  const high = level !== 0;
  switch ((irq >>> 24) & 0xf) {
    case KVM_ARM_IRQ_TYPE.CPU:
      if (hasIrqchip(vm)) throw refuse.ENXIO;
      if (!vcpu || number > 1) throw refuse.EINVAL;
      setCpuLine(vcpu, number === 0 ? 'irq' : 'fiq', high);
      return 0;
    case KVM_ARM_IRQ_TYPE.PPI:
      requireIrqchip(vm);
      if (!vcpu || !isPpi(number)) throw refuse.EINVAL;
      return injectIrq(vm, vcpu, number, high, undefined);
    case KVM_ARM_IRQ_TYPE.SPI:
      requireIrqchip(vm);
      if (number < NR_PRIVATE_IRQS) throw refuse.EINVAL;
      return injectIrq(vm, undefined, number, high, undefined);
    default:
      throw refuse.EINVAL;
  }
}
function requireIrqchip(vm: Vm): void {
  if (!hasIrqchip(vm)) throw refuse.ENXIO;
  check(lazyInit(vm));
}
function setCpuLine(vcpu: Vcpu, line: 'irq' | 'fiq', high: boolean): void {
  if (vcpu.lines[line] === high) return;
  vcpu.lines[line] = high;
  kick(vcpu);
}
function signalMsi(vm: Vm, call: Call): number {
  const m = copyIn(call, structs.kvm_msi);
  if (!hasIrqchip(vm) || (m.flags & ~KVM_MSI.VALID_DEVID) !== 0) throw refuse.EINVAL;
  const address = (BigInt(m.address_hi) << 32n) | BigInt(m.address_lo);
  return setMsi(vm, { address, data: m.data, flags: m.flags, devid: m.devid });
}
function setGsiRouting(vm: Vm, call: Call): number {
  const { nr, flags } = copyIn(call, structs.kvm_irq_routing);
  if (nr > KVM_LIMITS.MAX_IRQ_ROUTES || flags !== 0) throw refuse.EINVAL;
  const entry = structs.kvm_irq_routing_entry;
  const entries: ValueOf<typeof entry>[] = [];
  const first = call.arg + BigInt(structs.kvm_irq_routing.size);
  for (let i = 0; i < nr; i++) entries.push(copyIn(call, entry, first + BigInt(i * entry.size)));
  setRouting(vm, entries);
  return 0;
}

// Registers and tags.

function preferredTarget(_vm: Vm, call: Call): number {
  copyOut(call, structs.kvm_vcpu_init, { target: KVM_ARM_TARGET.GENERIC_V8 });
  return 0;
}
/** @linux kvm_vm_ioctl_get_reg_writable_masks */
function getWritableMasks(vm: Vm, call: Call): number {
  const { addr, range, reserved } = copyIn(call, structs.reg_mask_range);
  if (range !== 0 || reserved.some((w) => w !== 0)) throw refuse.EINVAL;
  const masks = writableMasks(vm.regs);
  writeUser(call, addr, new Uint8Array(masks.buffer, masks.byteOffset, masks.byteLength));
  return 0;
}
/** All vCPUs see the same counters from now on, whatever they write to them. @linux kvm_vm_ioctl_set_counter_offset */
function setCounterOffset(vm: Vm, call: Call): number {
  const { counter_offset, reserved } = copyIn(call, structs.kvm_arm_counter_offset);
  if (reserved !== 0n || vm.regs.isProtected) throw refuse.EINVAL;
  requireStopped(vm);
  vm.regs.counterOffsetFixed = true;
  vm.regs.virtualOffset = counter_offset;
  vm.regs.physicalOffset = counter_offset;
  return 0;
}
const INT_MAX = 2n ** 31n - 1n;
const TAGS_PER_PAGE = PAGE_SIZE / 16;
/**
 * Tags live with the pages of a PE that has MTE. No PE here has, so a VM with MTE has none written yet: they read as
 * zero, and writing them is refused. @linux kvm_vm_ioctl_mte_copy_tags
 */
function copyTags(vm: Vm, call: Call): number {
  const c = copyIn(call, structs.kvm_arm_copy_mte_tags);
  const pageMask = BigInt(PAGE_SIZE - 1);
  if (!holds(vm.regs, 'mte')) throw refuse.EINVAL;
  if (c.reserved.some((w) => w !== 0n) || (c.flags & ~1n) !== 0n) throw refuse.EINVAL;
  if ((c.length & pageMask) !== 0n || (c.guest_ipa & pageMask) !== 0n || c.length > INT_MAX) throw refuse.EINVAL;
  const isWrite = (c.flags & 1n) === 0n;
  if (isWrite && [...vm.slots.all()].some((s) => (s.flags & KVM_MEM.LOG_DIRTY_PAGES) !== 0)) throw refuse.EBUSY;
  let done = 0;
  for (let addr = c.addr; done < Number(c.length); addr += BigInt(TAGS_PER_PAGE), done += PAGE_SIZE) {
    const slot = vm.slots.at(Number((c.guest_ipa + BigInt(done)) / BigInt(PAGE_SIZE)));
    const ok = slot && !isWrite && call.caller.memory.write(addr, new Uint8Array(TAGS_PER_PAGE));
    if (!ok) break;
  }
  if (done === 0 && c.length !== 0n) throw isWrite ? refuse.EOPNOTSUPP : refuse.EFAULT;
  return done;
}
function createMemfd(vm: Vm, call: Call): number {
  const { size, flags } = copyIn(call, structs.kvm_create_guest_memfd);
  return installFd(call, new GuestMemfd(vm, size, flags), 'anon_inode:[kvm-gmem]', O_RDWR);
}
function getStatsFd(vm: Vm, call: Call): number {
  getVm(vm);
  return installFd(
    call,
    statsFile(vm.stats, () => putVm(vm)),
    'anon_inode:kvm-vm-stats',
    O_CLOEXEC,
  );
}
/** A request that protected VMs do not have. @linux kvm_pkvm_ioctl_allowed */
const unlessProtected =
  (cap: Parameters<typeof isCapAllowed>[2], handler: Handler<Vm>): Handler<Vm> =>
  (vm, call) => {
    if (!isCapAllowed(vm.kvm, vm, cap)) throw refuse.EINVAL;
    return handler(vm, call);
  };
const done =
  (f: (vm: Vm, call: Call) => void): Handler<Vm> =>
  (vm, call) => {
    f(vm, call);
    return 0;
  };

const TABLE: IoctlTable<'vm', Vm> = {
  KVM_CHECK_EXTENSION: (vm, call) => checkExtension(vm.kvm, vm, call.arg),
  KVM_CREATE_VCPU: createVcpuFd,
  KVM_SET_USER_MEMORY_REGION: setRegion,
  KVM_SET_USER_MEMORY_REGION2: done((vm, call) =>
    setMemoryRegion(vm, call, copyIn(call, structs.kvm_userspace_memory_region2)),
  ),
  KVM_GET_DIRTY_LOG: done((vm, call) => {
    const { slot, dirty_bitmap } = copyIn(call, structs.kvm_dirty_log);
    getDirtyLog(vm, call, slot, dirty_bitmap);
  }),
  KVM_CLEAR_DIRTY_LOG: done((vm, call) => {
    const log = copyIn(call, structs.kvm_clear_dirty_log);
    clearDirtyLog(vm, call, log.slot, log.first_page, log.num_pages, log.dirty_bitmap);
  }),
  KVM_RESET_DIRTY_RINGS: resetDirtyRings,
  KVM_ENABLE_CAP: done((vm, call) => enableCap(vm, copyIn(call, structs.kvm_enable_cap))),
  KVM_REGISTER_COALESCED_MMIO: done((vm, call) => {
    const zone = copyIn(call, structs.kvm_coalesced_mmio_zone);
    vm.coalesced.register(zone, zone.pio === 0 ? vm.buses.mmio : vm.buses.pio);
  }),
  KVM_UNREGISTER_COALESCED_MMIO: done((vm, call) => {
    const zone = copyIn(call, structs.kvm_coalesced_mmio_zone);
    vm.coalesced.unregister(zone, zone.pio === 0 ? vm.buses.mmio : vm.buses.pio);
  }),
  KVM_IRQFD: done((vm, call) => irqfd(vm, call, copyIn(call, structs.kvm_irqfd))),
  KVM_IOEVENTFD: done((vm, call) => ioeventfd(vm, call, copyIn(call, structs.kvm_ioeventfd))),
  KVM_SIGNAL_MSI: signalMsi,
  KVM_IRQ_LINE: irqLine,
  KVM_IRQ_LINE_STATUS: (vm, call) => {
    check(irqLine(vm, call));
    copyOut(call, structs.kvm_irq_level, copyIn(call, structs.kvm_irq_level));
    return 0;
  },
  KVM_SET_GSI_ROUTING: setGsiRouting,
  KVM_CREATE_DEVICE: createDevice,
  KVM_GET_STATS_FD: getStatsFd,
  KVM_CREATE_GUEST_MEMFD: createMemfd,
  KVM_CREATE_IRQCHIP: unlessProtected(
    'IRQCHIP',
    done((vm) => createVgic(vm, 'v2')),
  ),
  KVM_ARM_SET_DEVICE_ADDR: unlessProtected(
    'ARM_SET_DEVICE_ADDR',
    done((vm, call) => {
      const { id, addr } = copyIn(call, structs.kvm_arm_device_addr);
      if (((id >> 16n) & 0xffffn) !== 0n) throw refuse.ENODEV;
      setLegacyV2Addr(vm, Number(id & 0xffffn), addr);
    }),
  ),
  KVM_ARM_PREFERRED_TARGET: preferredTarget,
  KVM_ARM_MTE_COPY_TAGS: unlessProtected('ARM_MTE', copyTags),
  KVM_ARM_SET_COUNTER_OFFSET: unlessProtected('COUNTER_OFFSET', setCounterOffset),
  KVM_ARM_GET_REG_WRITABLE_MASKS: unlessProtected('ARM_SUPPORTED_REG_MASK_RANGES', getWritableMasks),
  KVM_SET_DEVICE_ATTR: (vm, call) => setAttr(vmAttrs(vm), call),
  KVM_HAS_DEVICE_ATTR: (vm, call) => hasAttr(vmAttrs(vm), call),
};
const dispatch = dispatcher<'vm', Vm>(TABLE, () => -Errno.EINVAL);

/** The file of a VM, which is its first user. */
export function vmFile(vm: Vm): HostFile {
  return {
    kind: 'kvm-vm',
    ioctl: (cmd, arg, caller) => (refusesCaller(vm, caller) ? -Errno.EIO : dispatch(vm, cmd, arg, caller)),
    close: () => {
      releaseIrqfds(vm);
      putVm(vm);
    },
  };
}
