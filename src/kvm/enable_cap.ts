// KVM_ENABLE_CAP on a VM: settings that are off until asked for, one row a capability.
// @linux kvm_vm_ioctl_enable_cap_generic, kvm_vm_ioctl_enable_cap

import { type CapName, KVM_CAP, KVM_DIRTY_LOG, KVM_LIMITS, PAGE_SIZE, structs, type ValueOf } from '../uapi/index.ts';
import { checkExtension, isCapAllowed } from './capabilities.ts';
import { refuse } from './errors.ts';
import { hasGuestMemfd } from './guest_memfd.ts';
import type { Vm } from './vm.ts';

/** @param arg args[0]. @throws EINVAL, E2BIG */
type Enable = (vm: Vm, arg: bigint) => void;

const U32 = 2n ** 32n;
const { MANUAL_PROTECT_ENABLE, INITIALLY_SET } = KVM_DIRTY_LOG;

/** @linux kvm_vm_ioctl_enable_dirty_log_ring */
function enableRing(vm: Vm, arg: bigint): void {
  const size = Number(arg % U32);
  const reserved = KVM_LIMITS.DIRTY_RING_RSVD_ENTRIES * structs.kvm_dirty_gfn.size;
  if (size === 0 || (size & (size - 1)) !== 0 || size < reserved || size < PAGE_SIZE) throw refuse.EINVAL;
  if (size > KVM_LIMITS.DIRTY_RING_MAX_ENTRIES * structs.kvm_dirty_gfn.size) throw refuse.E2BIG;
  if (vm.dirtyRingSize !== 0 || vm.vcpus.length > 0) throw refuse.EINVAL;
  vm.dirtyRingSize = size;
}
/** Before the first vCPU. */
function early(vm: Vm): void {
  if (vm.vcpus.length > 0) throw refuse.EINVAL;
}

const ENABLES = {
  MANUAL_DIRTY_LOG_PROTECT2: (vm, arg) => {
    const allowed = arg & BigInt(MANUAL_PROTECT_ENABLE) ? MANUAL_PROTECT_ENABLE | INITIALLY_SET : MANUAL_PROTECT_ENABLE;
    if ((arg & ~BigInt(allowed)) !== 0n) throw refuse.EINVAL;
    vm.manualDirtyLogProtect = Number(arg);
  },
  HALT_POLL: (vm, arg) => {
    if (arg >= U32) throw refuse.EINVAL;
    vm.options.haltPoll = arg;
  },
  DIRTY_LOG_RING_ACQ_REL: enableRing,
  DIRTY_LOG_RING_WITH_BITMAP: (vm) => {
    if (vm.dirtyRingSize === 0 || vm.slots.size > 0) throw refuse.EINVAL;
    vm.dirtyRingWithBitmap = true;
  },
  ARM_NISV_TO_USER: (vm) => {
    vm.options.nisvToUser = true;
  },
  ARM_MTE: (vm) => {
    if (!vm.kvm.host.hasMte) throw refuse.EINVAL;
    early(vm);
    if ([...vm.slots.all()].some(hasGuestMemfd)) throw refuse.EINVAL;
    vm.regs.mte = true;
  },
  ARM_SYSTEM_SUSPEND: (vm) => {
    vm.options.systemSuspend = true;
  },
  ARM_EAGER_SPLIT_CHUNK_SIZE: (vm, arg) => {
    const sizes = BigInt(checkExtension(vm.kvm, vm, BigInt(KVM_CAP.ARM_SUPPORTED_BLOCK_SIZES)));
    const isBlock = (arg & (arg - 1n)) === 0n && (arg & sizes) !== 0n;
    if (vm.slots.size > 0 || (arg !== 0n && !isBlock)) throw refuse.EINVAL;
    vm.options.eagerSplitChunk = arg;
  },
  ARM_WRITABLE_IMP_ID_REGS: (vm) => {
    early(vm);
    vm.regs.writableImpIdRegs = true;
  },
  ARM_SEA_TO_USER: (vm) => {
    vm.options.seaToUser = true;
  },
} as const satisfies Partial<Record<CapName, Enable>>;
/** The ring looks at no flags. */
const IGNORES_FLAGS: CapName = 'DIRTY_LOG_RING_ACQ_REL';

const byNumber = new Map<number, readonly [CapName, Enable]>(
  (Object.entries(ENABLES) as [keyof typeof ENABLES, Enable][]).map(([name, f]) => [KVM_CAP[name], [name, f]]),
);

/** @throws EINVAL for what is unknown or comes too late, E2BIG */
export function enableCap(vm: Vm, cap: ValueOf<typeof structs.kvm_enable_cap>): void {
  const row = byNumber.get(cap.cap);
  if (!row) throw refuse.EINVAL;
  const [name, enable] = row;
  if (cap.flags !== 0 && name !== IGNORES_FLAGS) throw refuse.EINVAL;
  if (!isCapAllowed(vm.kvm, vm, name)) throw refuse.EINVAL;
  enable(vm, cap.args[0]!);
}
