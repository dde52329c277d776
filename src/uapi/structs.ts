// The structures of the KVM ABI as seen on arm64, one row a field, in memory order. The number is the kernel's
// sizeof: it is part of the ioctl numbers, so a wrong one cannot go unnoticed. Says nothing about what is accepted.

import { as, struct } from './schema.ts';

// biome-ignore-start format: tables
export const kvm_userspace_memory_region = struct(32, {
  slot: 'u32', flags: as('u32', 'flags:KVM_MEM'), guest_phys_addr: as('u64', 'hex'), memory_size: as('u64', 'hex'),
  userspace_addr: as('u64', 'ptr'),
});
export const kvm_userspace_memory_region2 = struct(160, {
  slot: 'u32', flags: as('u32', 'flags:KVM_MEM'), guest_phys_addr: as('u64', 'hex'), memory_size: as('u64', 'hex'),
  userspace_addr: as('u64', 'ptr'), guest_memfd_offset: as('u64', 'hex'), guest_memfd: as('u32', 'fd'),
  pad1: as('u32', 'pad'), pad2: as('u64[14]', 'pad'),
});
export const kvm_dirty_log       = struct(16, { slot: 'u32', padding1: as('u32', 'pad'), dirty_bitmap: as('u64', 'ptr') });
export const kvm_clear_dirty_log = struct(24, { slot: 'u32', num_pages: 'u32', first_page: 'u64', dirty_bitmap: as('u64', 'ptr') });
export const kvm_dirty_gfn       = struct(16, { flags: as('u32', 'flags:KVM_DIRTY_GFN'), slot: 'u32', offset: 'u64' });
export const kvm_enable_cap = struct(104, {
  cap: as('u32', 'enum:KVM_CAP'), flags: as('u32', 'hex'), args: as('u64[4]', 'hex'), pad: as('u8[64]', 'pad'),
});
export const kvm_create_device = struct(12, {
  type: as('u32', 'enum:KVM_DEV_TYPE'), fd: as('u32', 'fd'), flags: as('u32', 'flags:KVM_CREATE_DEVICE'),
});
export const kvm_device_attr = struct(24, {
  flags: as('u32', 'pad'), group: 'u32', attr: as('u64', 'hex'), addr: as('u64', 'ptr'),
});
export const kvm_arm_device_addr = struct(16, { id: as('u64', 'hex'), addr: as('u64', 'hex') });
export const kvm_irq_level       = struct(8,  { irq: as('u32', 'hex'), level: 'u32' });
export const kvm_msi = struct(32, {
  address_lo: as('u32', 'hex'), address_hi: as('u32', 'hex'), data: as('u32', 'hex'), flags: as('u32', 'flags:KVM_MSI'),
  devid: as('u32', 'hex'), pad: as('u8[12]', 'pad'),
});
/** Followed by `nr` kvm_irq_routing_entry. */
export const kvm_irq_routing       = struct(8, { nr: 'u32', flags: as('u32', 'hex') });
export const kvm_irq_routing_entry = struct(48, {
  gsi: 'u32', type: as('u32', 'enum:KVM_IRQ_ROUTING'), flags: as('u32', 'flags:KVM_MSI'), pad: as('u32', 'pad'), u: as('u32[8]', 'hex'),
});
export const kvm_irq_routing_irqchip = struct(8,  { irqchip: 'u32', pin: 'u32' });
export const kvm_irq_routing_msi     = struct(16, {
  address_lo: as('u32', 'hex'), address_hi: as('u32', 'hex'), data: as('u32', 'hex'), devid: as('u32', 'hex'),
});
export const kvm_irqfd = struct(32, {
  fd: as('u32', 'fd'), gsi: 'u32', flags: as('u32', 'flags:KVM_IRQFD_FLAG'), resamplefd: as('u32', 'fd'), pad: as('u8[16]', 'pad'),
});
export const kvm_ioeventfd = struct(64, {
  datamatch: as('u64', 'hex'), addr: as('u64', 'hex'), len: 'u32', fd: as('s32', 'fd'),
  flags: as('u32', 'flags:KVM_IOEVENTFD_FLAG'), pad: as('u8[36]', 'pad'),
});
export const kvm_coalesced_mmio_zone = struct(16, { addr: as('u64', 'hex'), size: as('u32', 'hex'), pio: 'u32' });
export const kvm_coalesced_mmio      = struct(24, { phys_addr: as('u64', 'hex'), len: 'u32', pio: 'u32', data: as('u8[8]', 'hex') });
/** The head of the ring page; entries of kvm_coalesced_mmio follow. */
export const kvm_coalesced_mmio_ring = struct(8, { first: 'u32', last: 'u32' });
export const kvm_arm_copy_mte_tags = struct(48, {
  guest_ipa: as('u64', 'hex'), length: as('u64', 'hex'), addr: as('u64', 'ptr'), flags: as('u64', 'flags:KVM_ARM_TAGS'),
  reserved: as('u64[2]', 'pad'),
});
export const kvm_arm_counter_offset = struct(16, { counter_offset: as('u64', 'hex'), reserved: as('u64', 'pad') });
export const reg_mask_range         = struct(64, { addr: as('u64', 'ptr'), range: 'u32', reserved: as('u32[13]', 'pad') });
export const kvm_create_guest_memfd = struct(64, {
  size: as('u64', 'hex'), flags: as('u64', 'flags:GUEST_MEMFD_FLAG'), reserved: as('u64[6]', 'pad'),
});
export const kvm_memory_attributes = struct(32, {
  address: as('u64', 'hex'), size: as('u64', 'hex'), attributes: as('u64', 'hex'), flags: as('u64', 'hex'),
});
export const kvm_pre_fault_memory = struct(64, {
  gpa: as('u64', 'hex'), size: as('u64', 'hex'), flags: as('u64', 'hex'), padding: as('u64[5]', 'pad'),
});
export const kvm_smccc_filter = struct(24, {
  base: as('u32', 'hex'), nr_functions: 'u32', action: as('u8', 'enum:KVM_SMCCC_FILTER'), pad: as('u8[15]', 'pad'),
});
export const kvm_pmu_event_filter = struct(8, {
  base_event: as('u16', 'hex'), nevents: 'u16', action: as('u8', 'enum:KVM_PMU_EVENT'), pad: as('u8[3]', 'pad'),
});

// vCPU
export const kvm_vcpu_init = struct(32, { target: 'u32', features: as('u32[7]', 'flags:KVM_ARM_VCPU') });
export const kvm_one_reg   = struct(16, { id: as('u64', 'reg'), addr: as('u64', 'ptr') });
/** Followed by `n` register ids (u64). */
export const kvm_reg_list  = struct(8,  { n: 'u64' });
export const kvm_mp_state  = struct(4,  { mp_state: as('u32', 'enum:KVM_MP_STATE') });
export const kvm_int       = struct(4,  { value: 's32' });
export const kvm_vcpu_events = struct(64, {
  exception: struct(16, {
    serror_pending: 'u8', serror_has_esr: 'u8', ext_dabt_pending: 'u8', pad: as('u8[5]', 'pad'), serror_esr: as('u64', 'hex'),
  }),
  reserved: as('u32[12]', 'pad'),
});
export const kvm_guest_debug_arch = struct(512, {
  dbg_bcr: as('u64[16]', 'hex'), dbg_bvr: as('u64[16]', 'hex'), dbg_wcr: as('u64[16]', 'hex'), dbg_wvr: as('u64[16]', 'hex'),
});
export const kvm_guest_debug = struct(520, {
  control: as('u32', 'flags:KVM_GUESTDBG'), pad: as('u32', 'pad'), arch: kvm_guest_debug_arch,
});
/** Followed by `len` bytes of signal set. */
export const kvm_signal_mask = struct(4, { len: 'u32' });
export const kvm_translation = struct(24, {
  linear_address: as('u64', 'hex'), physical_address: as('u64', 'hex'), valid: 'u8', writeable: 'u8', usermode: 'u8', pad: as('u8[5]', 'pad'),
});
export const kvm_interrupt = struct(4, { irq: 'u32' });
/** user_pt_regs, then the banked state: what core register ids are offsets into. */
export const kvm_regs = struct(864, {
  regs: as('u64[31]', 'hex'), sp: as('u64', 'hex'), pc: as('u64', 'hex'), pstate: as('u64', 'hex'),
  sp_el1: as('u64', 'hex'), elr_el1: as('u64', 'hex'), spsr: as('u64[5]', 'hex'), align16: as('u64', 'pad'),
  vregs: as('u64[64]', 'hex'), fpsr: as('u32', 'hex'), fpcr: as('u32', 'hex'), reserved: as('u32[2]', 'pad'),
});
export const kvm_sregs = struct(0, {});
export const kvm_fpu   = struct(0, {});

// kvm_run: page 0 of a vCPU's mapping
export const kvm_run = struct(2352, {
  request_interrupt_window: 'u8', immediate_exit: 'u8', padding1: as('u8[6]', 'pad'),
  exit_reason: as('u32', 'enum:KVM_EXIT'), ready_for_interrupt_injection: 'u8', if_flag: 'u8', flags: 'u16',
  cr8: 'u64', apic_base: 'u64',
  exit: as('u64[32]', 'hex'),                     // 256 bytes, one of EXIT_UNION by exit_reason
  kvm_valid_regs: 'u64', kvm_dirty_regs: 'u64',
  device_irq_level: as('u64', 'flags:KVM_ARM_DEV'), regs: as('u64[255]', 'pad'),
});
export const exit_none         = struct(0,   {});
export const exit_hypercall    = struct(72,  { nr: as('u64', 'hex'), args: as('u64[6]', 'hex'), ret: 'u64', flags: as('u64', 'flags:KVM_HYPERCALL_EXIT') });
export const exit_debug        = struct(16,  { hsr: as('u32', 'hex'), hsr_high: as('u32', 'hex'), far: as('u64', 'hex') });
export const exit_mmio         = struct(24,  { phys_addr: as('u64', 'hex'), data: as('u8[8]', 'hex'), len: 'u32', is_write: 'u8' });
export const exit_fail_entry   = struct(16,  { hardware_entry_failure_reason: as('u64', 'hex'), cpu: 'u32' });
export const exit_internal     = struct(136, { suberror: 'u32', ndata: 'u32', data: as('u64[16]', 'hex') });
export const exit_system_event = struct(136, { type: as('u32', 'enum:KVM_SYSTEM_EVENT'), ndata: 'u32', data: as('u64[16]', 'hex') });
export const exit_arm_nisv     = struct(16,  { esr_iss: as('u64', 'hex'), fault_ipa: as('u64', 'hex') });
export const exit_memory_fault = struct(24,  { flags: as('u64', 'hex'), gpa: as('u64', 'hex'), size: as('u64', 'hex') });
export const exit_arm_sea      = struct(32,  { flags: as('u64', 'hex'), esr: as('u64', 'hex'), gva: as('u64', 'hex'), gpa: as('u64', 'hex') });

// statistics files
export const kvm_stats_header = struct(24, { flags: 'u32', name_size: 'u32', num_desc: 'u32', id_offset: 'u32', desc_offset: 'u32', data_offset: 'u32' });
export const kvm_stats_desc   = struct(64, { flags: as('u32', 'hex'), exponent: 's16', size: 'u16', offset: 'u32', bucket_size: 'u32', name: 'u8[48]' });
// biome-ignore-end format: tables
