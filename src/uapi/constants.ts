// Named numbers of the KVM ABI on arm64, grouped so that a printer can name a value: one table each for enumerations
// and flag sets. The name before the dot is the kernel's common prefix. Numbers only, no rules.

export const KVM_API_VERSION = 12;
export const PAGE_SIZE = 4096;

/** KVM_CHECK_EXTENSION. Every capability that some arm64 KVM answers, and the generic ones it never has. */
export const KVM_CAP = {
  IRQCHIP: 0, USER_MEMORY: 3, NR_VCPUS: 9, NR_MEMSLOTS: 10, MP_STATE: 14, COALESCED_MMIO: 15, SYNC_MMU: 16,
  DESTROY_MEMORY_REGION_WORKS: 21, SET_GUEST_DEBUG: 23, IRQ_ROUTING: 25, IRQ_INJECT_STATUS: 26,
  JOIN_MEMORY_REGIONS_WORKS: 30, IRQFD: 32, IOEVENTFD: 36, INTERNAL_ERROR_DATA: 40, VCPU_EVENTS: 41, ENABLE_CAP: 54,
  ASYNC_PF: 59, MAX_VCPUS: 66, ONE_REG: 70, SYNC_REGS: 74, SIGNAL_MSI: 77, READONLY_MEM: 81, IRQFD_RESAMPLE: 82,
  ARM_PSCI: 87, ARM_SET_DEVICE_ADDR: 88, DEVICE_CTRL: 89, ARM_EL1_32BIT: 93, ENABLE_CAP_VM: 98,
  IOEVENTFD_NO_LENGTH: 100, VM_ATTRIBUTES: 101, ARM_PSCI_0_2: 102, CHECK_EXTENSION_VM: 105, MULTI_ADDRESS_SPACE: 118,
  GUEST_DEBUG_HW_BPS: 119, GUEST_DEBUG_HW_WPS: 120, IOEVENTFD_ANY_LENGTH: 122, ARM_PMU_V3: 126, VCPU_ATTRIBUTES: 127,
  MAX_VCPU_ID: 128, MSI_DEVID: 131, IMMEDIATE_EXIT: 136, ARM_USER_IRQ: 144, ARM_INJECT_SERROR_ESR: 158,
  COALESCED_PIO: 162, ARM_VM_IPA_SIZE: 165, MANUAL_DIRTY_LOG_PROTECT: 166, MANUAL_DIRTY_LOG_PROTECT2: 168, ARM_SVE: 170,
  ARM_PTRAUTH_ADDRESS: 171, ARM_PTRAUTH_GENERIC: 172, ARM_IRQ_LINE_LAYOUT_2: 174, ARM_NISV_TO_USER: 177,
  ARM_INJECT_EXT_DABT: 178, HALT_POLL: 182, STEAL_TIME: 187, DIRTY_LOG_RING: 192, SET_GUEST_DEBUG2: 195, PTP_KVM: 198,
  BINARY_STATS_FD: 203, ARM_MTE: 205, VM_GPA_BITS: 207, SYS_ATTRIBUTES: 209, SYSTEM_EVENT_DATA: 215,
  ARM_SYSTEM_SUSPEND: 216, DIRTY_LOG_RING_ACQ_REL: 223, DIRTY_LOG_RING_WITH_BITMAP: 225, COUNTER_OFFSET: 227,
  ARM_EAGER_SPLIT_CHUNK_SIZE: 228, ARM_SUPPORTED_BLOCK_SIZES: 229, ARM_SUPPORTED_REG_MASK_RANGES: 230,
  USER_MEMORY2: 231, MEMORY_FAULT_INFO: 232, MEMORY_ATTRIBUTES: 233, GUEST_MEMFD: 234, VM_TYPES: 235,
  PRE_FAULT_MEMORY: 236, ARM_WRITABLE_IMP_ID_REGS: 239, ARM_EL2: 240, ARM_EL2_E2H0: 241,
  ARM_CACHEABLE_PFNMAP_SUPPORTED: 243, GUEST_MEMFD_FLAGS: 244, ARM_SEA_TO_USER: 245,
} as const;
export type CapName = keyof typeof KVM_CAP;

/** kvm_run.exit_reason. */
export const KVM_EXIT = {
  UNKNOWN: 0, EXCEPTION: 1, IO: 2, HYPERCALL: 3, DEBUG: 4, HLT: 5, MMIO: 6, IRQ_WINDOW_OPEN: 7, SHUTDOWN: 8,
  FAIL_ENTRY: 9, INTR: 10, INTERNAL_ERROR: 17, SYSTEM_EVENT: 24, ARM_NISV: 28, DIRTY_RING_FULL: 31, MEMORY_FAULT: 39,
  ARM_SEA: 41, ARM_LDST64B: 42,
} as const;
export const KVM_SYSTEM_EVENT  = { SHUTDOWN: 1, RESET: 2, CRASH: 3, WAKEUP: 4, SUSPEND: 5 } as const;
export const KVM_HYPERCALL_EXIT = { SMC: 1, '16BIT': 2 } as const;
export const KVM_EXIT_FAIL_ENTRY_CPU_UNSUPPORTED = 1;
/** Bits of kvm_run.s.regs.device_irq_level. */
export const KVM_ARM_DEV = { EL1_VTIMER: 1, EL1_PTIMER: 2, PMU: 4 } as const;

/** kvm_vcpu_init.features[0]: bit numbers. */
export const KVM_ARM_VCPU = {
  POWER_OFF: 0, EL1_32BIT: 1, PSCI_0_2: 2, PMU_V3: 3, SVE: 4, PTRAUTH_ADDRESS: 5, PTRAUTH_GENERIC: 6, HAS_EL2: 7, HAS_EL2_E2H0: 8,
} as const;
export type VcpuFeature = keyof typeof KVM_ARM_VCPU;
export const KVM_ARM_TARGET = { AEM_V8: 0, FOUNDATION_V8: 1, CORTEX_A57: 2, XGENE_POTENZA: 3, CORTEX_A53: 4, GENERIC_V8: 5 } as const;

export const KVM_MP_STATE = {
  RUNNABLE: 0, UNINITIALIZED: 1, INIT_RECEIVED: 2, HALTED: 3, SIPI_RECEIVED: 4, STOPPED: 5, CHECK_STOP: 6, OPERATING: 7,
  LOAD: 8, AP_RESET_HOLD: 9, SUSPENDED: 10,
} as const;

/** Flag sets: the value of each bit. */
export const KVM_MEM              = { LOG_DIRTY_PAGES: 1, READONLY: 2, GUEST_MEMFD: 4 } as const;
export const KVM_CREATE_DEVICE    = { TEST: 1 } as const;
export const KVM_IRQFD_FLAG       = { DEASSIGN: 1, RESAMPLE: 2 } as const;
export const KVM_IOEVENTFD_FLAG   = { DATAMATCH: 1, PIO: 2, DEASSIGN: 4, VIRTIO_CCW_NOTIFY: 8, FAST_MMIO: 16 } as const;
export const KVM_MSI              = { VALID_DEVID: 1 } as const;
export const KVM_GUESTDBG         = { ENABLE: 1, SINGLESTEP: 2, USE_SW_BP: 0x10000, USE_HW: 0x20000 } as const;
export const KVM_DIRTY_GFN        = { DIRTY: 1, RESET: 2 } as const;
export const KVM_DIRTY_LOG        = { MANUAL_PROTECT_ENABLE: 1, INITIALLY_SET: 2 } as const;
export const GUEST_MEMFD_FLAG     = { MMAP: 1, INIT_SHARED: 2 } as const;
export const KVM_ARM_TAGS         = { FROM_GUEST: 1 } as const;

/** KVM_CREATE_VM's argument. */
export const KVM_VM_TYPE_ARM = { IPA_SIZE_MASK: 0xff, PROTECTED: 0x8000_0000 } as const;

export const KVM_DEV_TYPE = {
  FSL_MPIC_20: 1, FSL_MPIC_42: 2, XICS: 3, VFIO: 4, ARM_VGIC_V2: 5, FLIC: 6, ARM_VGIC_V3: 7, ARM_VGIC_ITS: 8, XIVE: 9,
  ARM_PV_TIME: 10, RISCV_AIA: 11, LOONGARCH_IPI: 12, LOONGARCH_EIOINTC: 13, LOONGARCH_PCHPIC: 14, LOONGARCH_DMSINTC: 15,
  ARM_VGIC_V5: 16,
} as const;
export const KVM_IRQ_ROUTING = { IRQCHIP: 1, MSI: 2, S390_ADAPTER: 3, HV_SINT: 4, XEN_EVTCHN: 5 } as const;

/** kvm_irq_level.irq: vcpu2<31:28> type<27:24> vcpu<23:16> number<15:0>. */
export const KVM_ARM_IRQ_TYPE = { CPU: 0, SPI: 1, PPI: 2 } as const;
export const KVM_ARM_IRQ_CPU  = { IRQ: 0, FIQ: 1 } as const;

/** Groups and attributes of KVM_{SET,GET,HAS}_DEVICE_ATTR, by file. */
export const KVM_ARM_VM           = { SMCCC_CTRL: 0 } as const;
export const KVM_ARM_VM_SMCCC     = { FILTER: 0 } as const;
export const KVM_SMCCC_FILTER     = { HANDLE: 0, DENY: 1, FWD_TO_USER: 2 } as const;
export const KVM_ARM_VCPU_GROUP   = { PMU_V3_CTRL: 0, TIMER_CTRL: 1, PVTIME_CTRL: 2 } as const;
export const KVM_ARM_VCPU_PMU_V3  = { IRQ: 0, INIT: 1, FILTER: 2, SET_PMU: 3, SET_NR_COUNTERS: 4 } as const;
export const KVM_PMU_EVENT        = { ALLOW: 0, DENY: 1 } as const;
export const KVM_ARM_VCPU_TIMER   = { IRQ_VTIMER: 0, IRQ_PTIMER: 1, IRQ_HVTIMER: 2, IRQ_HPTIMER: 3 } as const;
export const KVM_ARM_VCPU_PVTIME  = { IPA: 0 } as const;
export const KVM_DEV_ARM_VGIC_GRP = {
  ADDR: 0, DIST_REGS: 1, CPU_REGS: 2, NR_IRQS: 3, CTRL: 4, REDIST_REGS: 5, CPU_SYSREGS: 6, LEVEL_INFO: 7, ITS_REGS: 8, MAINT_IRQ: 9,
} as const;
export const KVM_DEV_ARM_VGIC_CTRL = {
  INIT: 0, ITS_SAVE_TABLES: 1, ITS_RESTORE_TABLES: 2, SAVE_PENDING_TABLES: 3, ITS_CTRL_RESET: 4, USERSPACE_PPIS: 5,
} as const;
export const KVM_VGIC_ADDR_TYPE = { V2_DIST: 0, V2_CPU: 1, V3_DIST: 2, V3_REDIST: 3, ITS: 4, V3_REDIST_REGION: 5 } as const;

/** Sizes that user programs rely on. */
export const KVM_LIMITS = {
  MAX_VCPUS: 512, MAX_VCPUS_GICV2: 8, USER_MEM_SLOTS: 32767, MEM_MAX_NR_PAGES: 0x7fff_ffff, MAX_IRQ_ROUTES: 4096,
  NR_IRQCHIPS: 1, IRQCHIP_NUM_PINS: 988, COALESCED_MMIO_PAGE_OFFSET: 1, DIRTY_LOG_PAGE_OFFSET: 64, DIRTY_RING_MAX_ENTRIES: 65536,
  /** Entries kept free below the end of a dirty ring: where the soft limit stands. */
  DIRTY_RING_RSVD_ENTRIES: 64, NR_IOBUS_DEVS: 1000, STATS_NAME_SIZE: 48, FEATURE_ID_RANGE_SIZE: 192,
} as const;

/** The named tables that a structure's `enum:` and `flags:` meanings refer to. Feature bits are given as values. */
export const NAMED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  KVM_CAP, KVM_EXIT, KVM_SYSTEM_EVENT, KVM_HYPERCALL_EXIT, KVM_ARM_DEV, KVM_MP_STATE, KVM_MEM, KVM_CREATE_DEVICE,
  KVM_IRQFD_FLAG, KVM_IOEVENTFD_FLAG, KVM_MSI, KVM_GUESTDBG, KVM_DIRTY_GFN, GUEST_MEMFD_FLAG, KVM_ARM_TAGS, KVM_DEV_TYPE,
  KVM_IRQ_ROUTING, KVM_SMCCC_FILTER, KVM_PMU_EVENT,
  KVM_ARM_VCPU: Object.fromEntries(Object.entries(KVM_ARM_VCPU).map(([name, bit]) => [name, 2 ** bit])),
};
