// What KVM_CHECK_EXTENSION answers, one row a capability: a constant, or derived from the host or the VM. A capability
// without a row is 0. @linux kvm_vm_ioctl_check_extension_generic, kvm_vm_ioctl_check_extension

import { Errno } from '../base/hostfile.ts';
import { type CapName, KVM_CAP, KVM_DIRTY_LOG, KVM_GUESTDBG, KVM_LIMITS, structs } from '../uapi/index.ts';
import { GUEST_MEMFD_FLAGS } from './guest_memfd.ts';
import { defaultMaxVcpus, type Kvm, type Vm } from './vm.ts';

/** @param vm undefined on the system file */
type Answer = number | ((kvm: Kvm, vm: Vm | undefined) => number);

/** Sizes that stage 2 can map at once, with 4 KiB pages: page, 2 MiB, 1 GiB. */
const BLOCK_SIZES = 0x4020_1000;
const bit = (has: boolean): number => (has ? 1 : 0);
const maxVcpus: Answer = ({ host }, vm) => vm?.maxVcpus ?? defaultMaxVcpus(host);
const pauth: Answer = ({ host }) => bit(host.hasPauth);
/** Makes sense for a VM only. */
const vmOnly =
  (f: (vm: Vm) => number): Answer =>
  (_kvm, vm) =>
    vm ? f(vm) : -Errno.EINVAL;

// biome-ignore-start format: a table
const ANSWERS = {
  IRQCHIP: ({ host }) => bit(host.hasGicv3 || host.hasGicv5 || host.gic === 'v2'),
  USER_MEMORY: 1,
  NR_VCPUS: ({ host }) => Math.min(host.cpus, defaultMaxVcpus(host)),
  NR_MEMSLOTS: KVM_LIMITS.USER_MEM_SLOTS,
  MP_STATE: 1,
  COALESCED_MMIO: KVM_LIMITS.COALESCED_MMIO_PAGE_OFFSET,
  SYNC_MMU: 1,
  DESTROY_MEMORY_REGION_WORKS: 1,
  SET_GUEST_DEBUG: 1,
  IRQ_ROUTING: KVM_LIMITS.MAX_IRQ_ROUTES,
  JOIN_MEMORY_REGIONS_WORKS: 1,
  IRQFD: 1,
  IOEVENTFD: 1,
  INTERNAL_ERROR_DATA: 1,
  VCPU_EVENTS: 1,
  MAX_VCPUS: maxVcpus,
  ONE_REG: 1,
  SIGNAL_MSI: 1,
  READONLY_MEM: 1,
  IRQFD_RESAMPLE: 1,
  ARM_PSCI: 1,
  ARM_SET_DEVICE_ADDR: 1,
  DEVICE_CTRL: 1,
  ARM_EL1_32BIT: ({ host }) => bit(host.hasEl1_32),
  ENABLE_CAP_VM: 1,
  ARM_PSCI_0_2: 1,
  CHECK_EXTENSION_VM: 1,
  GUEST_DEBUG_HW_BPS: ({ host }) => host.breakpoints,
  GUEST_DEBUG_HW_WPS: ({ host }) => host.watchpoints,
  IOEVENTFD_ANY_LENGTH: 1,
  ARM_PMU_V3: ({ host }) => bit(host.hasPmu),
  VCPU_ATTRIBUTES: 1,
  MAX_VCPU_ID: maxVcpus,
  MSI_DEVID: vmOnly((vm) => bit(vm.vgic.msisRequireDevid)),
  IMMEDIATE_EXIT: 1,
  ARM_USER_IRQ: 1,
  ARM_INJECT_SERROR_ESR: ({ host }) => bit(host.hasRas),
  COALESCED_PIO: 1,
  ARM_VM_IPA_SIZE: ({ host }) => host.ipaLimit,
  MANUAL_DIRTY_LOG_PROTECT2: KVM_DIRTY_LOG.MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG.INITIALLY_SET,
  ARM_SVE: ({ host }) => bit(host.hasSve),
  ARM_PTRAUTH_ADDRESS: pauth,
  ARM_PTRAUTH_GENERIC: pauth,
  ARM_IRQ_LINE_LAYOUT_2: 1,
  ARM_NISV_TO_USER: 1,
  ARM_INJECT_EXT_DABT: 1,
  HALT_POLL: 1,
  STEAL_TIME: 1,
  SET_GUEST_DEBUG2: Object.values(KVM_GUESTDBG).reduce((a, b) => a | b, 0),
  PTP_KVM: 1,
  BINARY_STATS_FD: 1,
  ARM_MTE: ({ host }) => bit(host.hasMte),
  SYSTEM_EVENT_DATA: 1,
  ARM_SYSTEM_SUSPEND: 1,
  DIRTY_LOG_RING_ACQ_REL: KVM_LIMITS.DIRTY_RING_MAX_ENTRIES * structs.kvm_dirty_gfn.size,
  DIRTY_LOG_RING_WITH_BITMAP: 1,
  COUNTER_OFFSET: 1,
  ARM_EAGER_SPLIT_CHUNK_SIZE: (_kvm, vm) => Number(vm?.options.eagerSplitChunk ?? 0n),
  ARM_SUPPORTED_BLOCK_SIZES: BLOCK_SIZES,
  ARM_SUPPORTED_REG_MASK_RANGES: 1,
  USER_MEMORY2: 1,
  GUEST_MEMFD: 1,
  ARM_WRITABLE_IMP_ID_REGS: 1,
  ARM_EL2: ({ host }) => bit(host.hasNv),
  ARM_EL2_E2H0: ({ host }) => bit(host.hasNv1),
  ARM_CACHEABLE_PFNMAP_SUPPORTED: vmOnly((vm) => bit(vm.kvm.host.cacheablePfnmap)),
  GUEST_MEMFD_FLAGS: GUEST_MEMFD_FLAGS,
  ARM_SEA_TO_USER: 1,
} as const satisfies Partial<Record<CapName, Answer>>;

/** Answered by the part of KVM that all architectures share: a protected VM does not take these away. */
const GENERIC: ReadonlySet<string> = new Set<keyof typeof ANSWERS>([
  'SYNC_MMU',
  'USER_MEMORY',
  'USER_MEMORY2',
  'DESTROY_MEMORY_REGION_WORKS',
  'JOIN_MEMORY_REGIONS_WORKS',
  'INTERNAL_ERROR_DATA',
  'SIGNAL_MSI',
  'IRQFD',
  'IOEVENTFD_ANY_LENGTH',
  'CHECK_EXTENSION_VM',
  'ENABLE_CAP_VM',
  'HALT_POLL',
  'COALESCED_MMIO',
  'COALESCED_PIO',
  'MANUAL_DIRTY_LOG_PROTECT2',
  'IRQ_ROUTING',
  'NR_MEMSLOTS',
  'DIRTY_LOG_RING_ACQ_REL',
  'DIRTY_LOG_RING_WITH_BITMAP',
  'BINARY_STATS_FD',
  'SYSTEM_EVENT_DATA',
  'DEVICE_CTRL',
  'GUEST_MEMFD',
  'GUEST_MEMFD_FLAGS',
]);
/** All of arm64's that a protected VM keeps. @linux kvm_pkvm_ext_allowed */
const PROTECTED: ReadonlySet<string> = new Set<keyof typeof ANSWERS>([
  'IRQCHIP',
  'ARM_PSCI',
  'ARM_PSCI_0_2',
  'NR_VCPUS',
  'MAX_VCPUS',
  'MAX_VCPU_ID',
  'MSI_DEVID',
  'ARM_VM_IPA_SIZE',
  'ARM_PTRAUTH_ADDRESS',
  'ARM_PTRAUTH_GENERIC',
]);
// biome-ignore-end format: a table

const names = new Map<number, keyof typeof ANSWERS>(
  (Object.keys(ANSWERS) as (keyof typeof ANSWERS)[]).map((n) => [KVM_CAP[n], n]),
);

/** With protection on, MTE is offered to no VM, and protected VMs lose most of what is particular to arm64. */
export function isCapAllowed(kvm: Kvm, vm: Vm | undefined, name: CapName): boolean {
  if (kvm.host.mode !== 'protected' || GENERIC.has(name)) return true;
  if (name === 'ARM_MTE') return false;
  return PROTECTED.has(name) || !vm?.regs.isProtected;
}

/** @param cap KVM_CAP_*, any number. @returns the value; 0: not there; -EINVAL for those that make sense on a VM only */
export function checkExtension(kvm: Kvm, vm: Vm | undefined, cap: bigint): number {
  const name = cap < 2n ** 31n ? names.get(Number(cap)) : undefined;
  if (!name || !isCapAllowed(kvm, vm, name)) return 0;
  const answer: Answer = ANSWERS[name];
  return typeof answer === 'number' ? answer : answer(kvm, vm);
}
