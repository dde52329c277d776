// The programmers' model of the Generic Interrupt Controller: register offsets and fields of GICv2 and GICv3 frames and
// of the ITS, and the fields of the virtual CPU interface registers. Facts of IHI 0048 and IHI 0069; no behaviour.

/** Distributor, GICv3 (v2 has the same offsets up to ICFGR, and SGIR onwards). */
// biome-ignore-start format: tables
export const GICD = {
  CTLR: 0x0000, TYPER: 0x0004, IIDR: 0x0008, TYPER2: 0x000c, STATUSR: 0x0010, IGROUPR: 0x0080, ISENABLER: 0x0100,
  ICENABLER: 0x0180, ISPENDR: 0x0200, ICPENDR: 0x0280, ISACTIVER: 0x0300, ICACTIVER: 0x0380, IPRIORITYR: 0x0400,
  ITARGETSR: 0x0800, ICFGR: 0x0c00, IGRPMODR: 0x0d00, SGIR: 0x0f00, CPENDSGIR: 0x0f10, SPENDSGIR: 0x0f20, IROUTER: 0x6000,
  IDREGS: 0xffd0, PIDR2: 0xffe8,
} as const;
export const GICD_CTLR  = { EnableGrp0: 0x01, EnableGrp1: 0x02, ARE_NS: 0x10, DS: 0x40, nASSGIreq: 0x100 } as const;
export const GICD_TYPER = { LPIS: 1 << 17, IDbits: 19 } as const;
/** Implementer<11:0> Revision<15:12> ProductID<31:24>; the same in GICR_IIDR and GITS_IIDR. */
export const GIC_IIDR   = { Revision: 12, RevisionMask: 0xf000, ProductID: 24, IMPLEMENTER_ARM: 0x43b } as const;

/** Redistributor: RD_base, then SGI_base 64 KiB above. */
export const GICR = {
  CTLR: 0x0000, IIDR: 0x0004, TYPER: 0x0008, STATUSR: 0x0010, WAKER: 0x0014, PROPBASER: 0x0070, PENDBASER: 0x0078,
  INVLPIR: 0x00a0, INVALLR: 0x00b0, SYNCR: 0x00c0, IDREGS: 0xffd0,
  SGI_BASE: 0x10000, IGROUPR0: 0x10080, ISENABLER0: 0x10100, ICENABLER0: 0x10180, ISPENDR0: 0x10200, ICPENDR0: 0x10280,
  ISACTIVER0: 0x10300, ICACTIVER0: 0x10380, IPRIORITYR0: 0x10400, ICFGR0: 0x10c00, IGRPMODR0: 0x10d00, NSACR: 0x10e00,
} as const;
export const GICR_CTLR  = { EnableLPIs: 1, CES: 2, IR: 4, RWP: 8 } as const;
export const GICR_TYPER = { PLPIS: 1, Last: 1 << 4 } as const;

/** CPU interface of GICv2. */
export const GICC = {
  CTLR: 0x00, PMR: 0x04, BPR: 0x08, IAR: 0x0c, EOIR: 0x10, RPR: 0x14, HPPIR: 0x18, ABPR: 0x1c, AIAR: 0x20, AEOIR: 0x24, AHPPIR: 0x28,
  APR0: 0xd0, IIDR: 0xfc, DIR: 0x1000,
} as const;
export const GICC_CTLR = { EnableGrp0: 0, EnableGrp1: 1, AckCtl: 2, FIQEn: 3, CBPR: 4, EOImodeNS: 9 } as const;

/** Interrupt Translation Service: control frame; GITS_TRANSLATER lies 64 KiB above. */
export const GITS = {
  CTLR: 0x0000, IIDR: 0x0004, TYPER: 0x0008, CBASER: 0x0080, CWRITER: 0x0088, CREADR: 0x0090, BASER: 0x0100,
  IDREGS: 0xffd0, PIDR4: 0xffd0, PIDR0: 0xffe0, PIDR1: 0xffe4, PIDR2: 0xffe8, CIDR0: 0xfff0, CIDR1: 0xfff4, CIDR2: 0xfff8,
  CIDR3: 0xfffc, TRANSLATER: 0x10040,
} as const;
export const GITS_CTLR  = { Enabled: 1, Quiescent: 1 << 31 } as const;
export const GITS_TYPER = { Physical: 0, ITT_entry_size: 4, ID_bits: 8, Devbits: 13 } as const;
export const GITS_CMD = {
  MOVI: 0x01, INT: 0x03, CLEAR: 0x04, SYNC: 0x05, MAPD: 0x08, MAPC: 0x09, MAPTI: 0x0a, MAPI: 0x0b, INV: 0x0c, INVALL: 0x0d,
  MOVALL: 0x0e, DISCARD: 0x0f,
} as const;

/** Bit positions [hi, lo] of the attribute fields that the BASER registers share. */
export const BASER_FIELDS = {
  GITS_BASER:     { valid: 63, indirect: 62, inner: [61, 59], type: [58, 56], outer: [55, 53], entrySize: [52, 48], share: [11, 10], pageSize: [9, 8], size: [7, 0] },
  GITS_CBASER:    { valid: 63, inner: [61, 59], outer: [55, 53], share: [11, 10], size: [7, 0] },
  GICR_PROPBASER: { inner: [9, 7], outer: [58, 56], share: [11, 10], IDbits: [4, 0] },
  GICR_PENDBASER: { PTZ: 62, inner: [9, 7], outer: [58, 56], share: [11, 10] },
} as const;
/** Cacheability and shareability values of those fields. */
export const BASER_CACHE = { nCnB: 0, SameAsInner: 0, nC: 1, RaWb: 3 } as const;
export const BASER_SHARE = { None: 0, Inner: 1, Outer: 2 } as const;
export const BASER_TYPE  = { Device: 1, Collection: 4 } as const;
/** GITS_BASER.Page_Size: 64 KiB. */
export const BASER_PAGE_64K = 2;

/** ICH_VMCR_EL2: the guest's CPU interface settings, [hi, lo]. */
export const ICH_VMCR = {
  VENG0: [0, 0], VENG1: [1, 1], VAckCtl: [2, 2], VFIQEn: [3, 3], VCBPR: [4, 4], VEOIM: [9, 9], VBPR1: [20, 18],
  VBPR0: [23, 21], VPMR: [31, 24],
} as const;
/** ICC_CTLR_EL1, [hi, lo]. */
export const ICC_CTLR = { CBPR: [0, 0], EOImode: [1, 1], PRIbits: [10, 8], IDbits: [13, 11], SEIS: [14, 14], A3V: [15, 15] } as const;
/** ICH_VTR_EL2, [hi, lo]. */
export const ICH_VTR = {
  ListRegs: [4, 0], DVIM: [18, 18], TDS: [19, 19], nV4: [20, 20], A3V: [21, 21], SEIS: [22, 22], IDbits: [25, 23],
  PREbits: [28, 26], PRIbits: [31, 29],
} as const;
/** ICC_SRE_ELx. */
export const ICC_SRE = { SRE: 1, DFB: 2, DIB: 4, Enable: 8 } as const;
// biome-ignore-end format: tables
