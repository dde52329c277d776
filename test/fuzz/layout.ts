// Where things are in the guests of the fuzzer, and which register points where when a guest starts. Guest code leaves
// X8 to X21 alone most of the time.

export const RAM = 0x4000_0000n;
export const RAM_BYTES = 0x10_0000;
/** Offsets in RAM. */
export const AT = { code: 0, vectors: 0x4000, tables: 0x1_0000, data: 0x4_0000, its: 0x8_0000 } as const;
export const CODE_WORDS = 160;
/** A slot that guests can only read. */
export const READ_ONLY = 0x4100_0000n;
export const READ_ONLY_PAGES = 4;
/** No memory and no device of KVM's. */
export const DEVICE = 0x0900_0000n;
export const GIC = { dist: 0x0800_0000n, cpu: 0x0801_0000n, its: 0x0808_0000n, redist: 0x080a_0000n } as const;

/** Registers of a guest when it starts. */
export const POINTS: Readonly<Record<number, bigint>> = {
  8: RAM + BigInt(AT.data),
  9: RAM + BigInt(AT.data + 0xff8),
  10: RAM + BigInt(AT.data + 0x2003),
  11: RAM + BigInt(AT.tables),
  12: READ_ONLY,
  13: RAM + BigInt(AT.code),
  14: GIC.dist,
  15: GIC.redist,
  16: DEVICE,
  17: GIC.its,
};
/** What the guest puts into TTBR0_EL1, TCR_EL1, SCTLR_EL1 and MAIR_EL1 when it turns its MMU on. */
export const HOLDS = { ttbr0: 18, tcr: 19, sctlr: 20, mair: 21 } as const;
/** From here on anything. */
export const FREE = 22;
