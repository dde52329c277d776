// Every KVM request that arm64 answers, and those it refuses but that programs may try: name, number, argument.
// The number is derived from direction, size and nr; the dispatch tables in kvm/ are total over these rows.

import { absent, type FdKind, type Ioctl, io, ior, iow, iowr, KVMIO, takes } from './schema.ts';
import * as s from './structs.ts';

// biome-ignore-start format: a table
export const IOCTLS = {
  // the system file
  KVM_GET_API_VERSION:            io(['system'], 0x00),
  KVM_CREATE_VM:                  io(['system'], 0x01),
  KVM_CHECK_EXTENSION:            io(['system', 'vm'], 0x03),
  KVM_GET_VCPU_MMAP_SIZE:         io(['system'], 0x04),
  // VM files
  KVM_CREATE_VCPU:                io(['vm'], 0x41),
  KVM_GET_DIRTY_LOG:              iow(['vm'], 0x42, s.kvm_dirty_log),
  KVM_SET_USER_MEMORY_REGION:     iow(['vm'], 0x46, s.kvm_userspace_memory_region),
  KVM_SET_USER_MEMORY_REGION2:    iow(['vm'], 0x49, s.kvm_userspace_memory_region2),
  KVM_CREATE_IRQCHIP:             io(['vm'], 0x60),
  KVM_IRQ_LINE:                   iow(['vm'], 0x61, s.kvm_irq_level),
  KVM_IRQ_LINE_STATUS:            iowr(['vm'], 0x67, s.kvm_irq_level),
  KVM_REGISTER_COALESCED_MMIO:    iow(['vm'], 0x67, s.kvm_coalesced_mmio_zone),
  KVM_UNREGISTER_COALESCED_MMIO:  iow(['vm'], 0x68, s.kvm_coalesced_mmio_zone),
  KVM_SET_GSI_ROUTING:            iow(['vm'], 0x6a, s.kvm_irq_routing),
  KVM_IRQFD:                      iow(['vm'], 0x76, s.kvm_irqfd),
  KVM_IOEVENTFD:                  iow(['vm'], 0x79, s.kvm_ioeventfd),
  KVM_ENABLE_CAP:                 iow(['vm'], 0xa3, s.kvm_enable_cap),
  KVM_SIGNAL_MSI:                 iow(['vm'], 0xa5, s.kvm_msi),
  KVM_ARM_SET_DEVICE_ADDR:        iow(['vm'], 0xab, s.kvm_arm_device_addr),
  KVM_ARM_PREFERRED_TARGET:       ior(['vm'], 0xaf, s.kvm_vcpu_init),
  KVM_ARM_MTE_COPY_TAGS:          takes(ior(['vm'], 0xb4, s.kvm_arm_copy_mte_tags), false),
  KVM_ARM_SET_COUNTER_OFFSET:     iow(['vm'], 0xb5, s.kvm_arm_counter_offset),
  KVM_ARM_GET_REG_WRITABLE_MASKS: takes(ior(['vm'], 0xb6, s.reg_mask_range), false),
  KVM_CLEAR_DIRTY_LOG:            takes(iowr(['vm'], 0xc0, s.kvm_clear_dirty_log), false),
  KVM_RESET_DIRTY_RINGS:          io(['vm'], 0xc7),
  KVM_CREATE_GUEST_MEMFD:         takes(iowr(['vm'], 0xd4, s.kvm_create_guest_memfd), false),
  KVM_CREATE_DEVICE:              iowr(['vm'], 0xe0, s.kvm_create_device),
  // VM, vCPU and device files
  KVM_GET_STATS_FD:               io(['vm', 'vcpu'], 0xce),
  KVM_SET_DEVICE_ATTR:            iow(['vm', 'vcpu', 'device'], 0xe1, s.kvm_device_attr),
  KVM_GET_DEVICE_ATTR:            iow(['vcpu', 'device'], 0xe2, s.kvm_device_attr),
  KVM_HAS_DEVICE_ATTR:            iow(['vm', 'vcpu', 'device'], 0xe3, s.kvm_device_attr),
  // vCPU files
  KVM_RUN:                        io(['vcpu'], 0x80),
  KVM_SET_SIGNAL_MASK:            iow(['vcpu'], 0x8b, s.kvm_signal_mask),
  KVM_GET_MP_STATE:               ior(['vcpu'], 0x98, s.kvm_mp_state),
  KVM_SET_MP_STATE:               iow(['vcpu'], 0x99, s.kvm_mp_state),
  KVM_SET_GUEST_DEBUG:            iow(['vcpu'], 0x9b, s.kvm_guest_debug),
  KVM_GET_VCPU_EVENTS:            ior(['vcpu'], 0x9f, s.kvm_vcpu_events),
  KVM_SET_VCPU_EVENTS:            iow(['vcpu'], 0xa0, s.kvm_vcpu_events),
  KVM_GET_ONE_REG:                iow(['vcpu'], 0xab, s.kvm_one_reg),
  KVM_SET_ONE_REG:                iow(['vcpu'], 0xac, s.kvm_one_reg),
  KVM_ARM_VCPU_INIT:              iow(['vcpu'], 0xae, s.kvm_vcpu_init),
  KVM_GET_REG_LIST:               iowr(['vcpu'], 0xb0, s.kvm_reg_list),
  KVM_ARM_VCPU_FINALIZE:          iow(['vcpu'], 0xc2, s.kvm_int),
  // defined by Linux, not offered on arm64
  KVM_GET_REGS:                   absent(ior(['vcpu'], 0x81, s.kvm_regs)),
  KVM_SET_REGS:                   absent(iow(['vcpu'], 0x82, s.kvm_regs)),
  KVM_GET_SREGS:                  absent(ior(['vcpu'], 0x83, s.kvm_sregs)),
  KVM_SET_SREGS:                  absent(iow(['vcpu'], 0x84, s.kvm_sregs)),
  KVM_TRANSLATE:                  absent(iowr(['vcpu'], 0x85, s.kvm_translation)),
  KVM_INTERRUPT:                  absent(iow(['vcpu'], 0x86, s.kvm_interrupt)),
  KVM_GET_FPU:                    absent(ior(['vcpu'], 0x8c, s.kvm_fpu)),
  KVM_SET_FPU:                    absent(iow(['vcpu'], 0x8d, s.kvm_fpu)),
  KVM_SET_MEMORY_ATTRIBUTES:      absent(iow(['vm'], 0xd2, s.kvm_memory_attributes)),
  KVM_PRE_FAULT_MEMORY:           absent(iowr(['vcpu'], 0xd5, s.kvm_pre_fault_memory)),
} as const satisfies Record<string, Ioctl>;
// biome-ignore-end format: a table

export type IoctlName = keyof typeof IOCTLS;
/** The requests that files of kind K answer. */
export type IoctlOn<K extends FdKind> = {
  [N in IoctlName]: K extends (typeof IOCTLS)[N]['on'][number] ? N : never;
}[IoctlName];

/** Request numbers by name: `KVM.KVM_RUN`. */
export const KVM = Object.fromEntries(Object.entries(IOCTLS).map(([n, r]) => [n, r.cmd])) as {
  readonly [N in IoctlName]: number;
};

const byNumber = new Map<number, { readonly name: IoctlName; readonly row: Ioctl }[]>();
for (const [name, row] of Object.entries(IOCTLS) as [IoctlName, Ioctl][]) {
  byNumber.set(row.cmd, [...(byNumber.get(row.cmd) ?? []), { name, row }]);
}

/**
 * The request with number `cmd`.
 * @param on the kind of file it is made on, where known: one number means two things (ARM_SET_DEVICE_ADDR on a VM is
 *           GET_ONE_REG on a vCPU)
 */
export function describeIoctl(cmd: number, on?: FdKind): { readonly name: IoctlName; readonly row: Ioctl } | undefined {
  if (((cmd >>> 8) & 0xff) !== KVMIO) return undefined;
  const all = byNumber.get(cmd >>> 0) ?? [];
  return all.find(x => on !== undefined && x.row.on.includes(on)) ?? all[0];
}
