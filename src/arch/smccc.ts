// Which function does a firmware call mean? SMC calling convention and PSCI: function ids, versions, return codes.
// @arm DEN 0028 (SMCCC 1.6), DEN 0022 (PSCI 1.3), DEN 0057 (paravirtualized time), DEN 0098 (TRNG)

/** Bits of a function id: fast call, 64-bit convention, owning entity, function number. */
export const SMCCC_ID = { FAST: 31, CONV64: 30, OWNER: [29, 24], SVE_HINT: 16, FUNCTION: [15, 0] } as const;
export const SMCCC_OWNER = {
  ARCH: 0, CPU: 1, SIP: 2, OEM: 3, STANDARD: 4, STANDARD_HYP: 5, VENDOR_HYP: 6, TRUSTED_APP: 48, TRUSTED_APP_END: 49, TRUSTED_OS: 50, TRUSTED_OS_END: 63,
} as const;

const fast = (owner: keyof typeof SMCCC_OWNER, number: number, conv64 = false): number =>
  (0x8000_0000 + (conv64 ? 0x4000_0000 : 0) + SMCCC_OWNER[owner] * 0x100_0000 + number) >>> 0;

export const SMCCC = {
  VERSION:                 fast('ARCH', 0x0000),
  ARCH_FEATURES:           fast('ARCH', 0x0001),
  ARCH_SOC_ID:             fast('ARCH', 0x0002),
  ARCH_WORKAROUND_3:       fast('ARCH', 0x3fff),
  ARCH_WORKAROUND_2:       fast('ARCH', 0x7fff),
  ARCH_WORKAROUND_1:       fast('ARCH', 0x8000),
  PSCI_VERSION:            fast('STANDARD', 0x00),
  PSCI_CPU_SUSPEND:        fast('STANDARD', 0x01),
  PSCI_CPU_OFF:            fast('STANDARD', 0x02),
  PSCI_CPU_ON:             fast('STANDARD', 0x03),
  PSCI_AFFINITY_INFO:      fast('STANDARD', 0x04),
  PSCI_MIGRATE:            fast('STANDARD', 0x05),
  PSCI_MIGRATE_INFO_TYPE:  fast('STANDARD', 0x06),
  PSCI_MIGRATE_INFO_UP_CPU: fast('STANDARD', 0x07),
  PSCI_SYSTEM_OFF:         fast('STANDARD', 0x08),
  PSCI_SYSTEM_RESET:       fast('STANDARD', 0x09),
  PSCI_FEATURES:           fast('STANDARD', 0x0a),
  PSCI_CPU_FREEZE:         fast('STANDARD', 0x0b),
  PSCI_CPU_DEFAULT_SUSPEND: fast('STANDARD', 0x0c),
  PSCI_NODE_HW_STATE:      fast('STANDARD', 0x0d),
  PSCI_SYSTEM_SUSPEND:     fast('STANDARD', 0x0e),
  PSCI_SET_SUSPEND_MODE:   fast('STANDARD', 0x0f),
  PSCI_STAT_RESIDENCY:     fast('STANDARD', 0x10),
  PSCI_STAT_COUNT:         fast('STANDARD', 0x11),
  PSCI_SYSTEM_RESET2:      fast('STANDARD', 0x12),
  PSCI_MEM_PROTECT:        fast('STANDARD', 0x13),
  PSCI_MEM_PROTECT_CHECK_RANGE: fast('STANDARD', 0x14),
  PSCI_SYSTEM_OFF2:        fast('STANDARD', 0x15),
  PSCI_CPU_SUSPEND_64:     fast('STANDARD', 0x01, true),
  PSCI_CPU_ON_64:          fast('STANDARD', 0x03, true),
  PSCI_AFFINITY_INFO_64:   fast('STANDARD', 0x04, true),
  PSCI_MIGRATE_64:         fast('STANDARD', 0x05, true),
  PSCI_MIGRATE_INFO_UP_CPU_64: fast('STANDARD', 0x07, true),
  PSCI_CPU_DEFAULT_SUSPEND_64: fast('STANDARD', 0x0c, true),
  PSCI_NODE_HW_STATE_64:   fast('STANDARD', 0x0d, true),
  PSCI_SYSTEM_SUSPEND_64:  fast('STANDARD', 0x0e, true),
  PSCI_STAT_RESIDENCY_64:  fast('STANDARD', 0x10, true),
  PSCI_STAT_COUNT_64:      fast('STANDARD', 0x11, true),
  PSCI_SYSTEM_RESET2_64:   fast('STANDARD', 0x12, true),
  PSCI_MEM_PROTECT_CHECK_RANGE_64: fast('STANDARD', 0x14, true),
  PSCI_SYSTEM_OFF2_64:     fast('STANDARD', 0x15, true),
  TRNG_VERSION:            fast('STANDARD', 0x50),
  TRNG_FEATURES:           fast('STANDARD', 0x51),
  TRNG_GET_UUID:           fast('STANDARD', 0x52),
  TRNG_RND32:              fast('STANDARD', 0x53),
  TRNG_RND64:              fast('STANDARD', 0x53, true),
  HV_PV_TIME_FEATURES:     fast('STANDARD_HYP', 0x20, true),
  HV_PV_TIME_ST:           fast('STANDARD_HYP', 0x21, true),
  VENDOR_HYP_CALL_UID:     fast('VENDOR_HYP', 0xff01),
} as const;
export type SmcccName = keyof typeof SMCCC;

const nameById = new Map<number, SmcccName>(Object.entries(SMCCC).map(([name, id]) => [id, name as SmcccName]));
/** The call behind W0, undefined for one without a name here. */
export function smcccName(id: number): SmcccName | undefined {
  return nameById.get(id >>> 0);
}

/** X0 on return of an SMCCC call. */
export const SMCCC_RET = { SUCCESS: 0, NOT_SUPPORTED: -1, NOT_REQUIRED: -2, INVALID_PARAMETER: -3 } as const;
/** X0 on return of a PSCI call. */
export const PSCI_RET = {
  SUCCESS: 0, NOT_SUPPORTED: -1, INVALID_PARAMETERS: -2, DENIED: -3, ALREADY_ON: -4, ON_PENDING: -5, INTERNAL_FAILURE: -6, NOT_PRESENT: -7,
  DISABLED: -8, INVALID_ADDRESS: -9,
} as const;
/** What PSCI_AFFINITY_INFO answers. */
export const PSCI_AFFINITY = { ON: 0, OFF: 1, ON_PENDING: 2 } as const;
/** What PSCI_MIGRATE_INFO_TYPE answers where no trusted OS runs. */
export const PSCI_TOS_NOT_PRESENT_MP = 2;
/** Version numbers as the calls answer them: major << 16 | minor. */
export const version = (major: number, minor: number): number => (major << 16) | minor;
