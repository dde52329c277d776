// How does an exception say what happened? ESR_ELx: exception classes, the layouts of the syndromes, fault status codes.
// Facts and packing only; when an exception is taken and to where is not known here.
// @arm DDI 0487 "ESR_ELx", "ISS encoding for an exception from ..."
import type { Need } from './schema.ts';
import { encParts } from './schema.ts';

interface ExceptionClass {
  readonly ec: number;
  /** What has to be there for the class to be reported. */
  readonly need: Need;
}
const ec = (value: number, need: Need = 'always'): ExceptionClass => ({ ec: value, need });

/** ESR_ELx.EC. _LOW: from a lower level, _CUR: from the level that takes it. Those of AArch32 are left out but for its traps. */
export const EC = {
  UNKNOWN:      ec(0x00),
  WFX:          ec(0x01),
  CP15_32:      ec(0x03, 'FEAT_AA32EL0'),
  CP15_64:      ec(0x04, 'FEAT_AA32EL0'),
  CP14_MR:      ec(0x05, 'FEAT_AA32EL0'),
  CP14_LS:      ec(0x06, 'FEAT_AA32EL0'),
  FP_ASIMD:     ec(0x07),
  CP10_ID:      ec(0x08, 'FEAT_AA32EL0'),
  PAC:          ec(0x09, 'FEAT_PAuth'),
  OTHER:        ec(0x0a, 'FEAT_LS64'),
  CP14_64:      ec(0x0c, 'FEAT_AA32EL0'),
  BTI:          ec(0x0d, 'FEAT_BTI'),
  ILL:          ec(0x0e),
  SVC32:        ec(0x11, 'FEAT_AA32EL0'),
  HVC32:        ec(0x12, 'FEAT_AA32EL1'),
  SMC32:        ec(0x13, 'FEAT_AA32EL1'),
  SYS128:       ec(0x14, 'FEAT_SYSREG128'),
  SVC64:        ec(0x15),
  HVC64:        ec(0x16),
  SMC64:        ec(0x17),
  SYS64:        ec(0x18),
  SVE:          ec(0x19, 'FEAT_SVE'),
  ERET:         ec(0x1a, { any: ['FEAT_FGT', 'FEAT_NV'] }),
  FPAC:         ec(0x1c, 'FEAT_FPAC'),
  SME:          ec(0x1d, 'FEAT_SME'),
  GPC:          ec(0x1e, 'FEAT_RME'),
  IMP_DEF:      ec(0x1f),
  IABT_LOW:     ec(0x20),
  IABT_CUR:     ec(0x21),
  PC_ALIGN:     ec(0x22),
  DABT_LOW:     ec(0x24),
  DABT_CUR:     ec(0x25),
  SP_ALIGN:     ec(0x26),
  MOPS:         ec(0x27, 'FEAT_MOPS'),
  FP_EXC32:     ec(0x28, 'FEAT_AA32EL0'),
  FP_EXC64:     ec(0x2c),
  GCS:          ec(0x2d, 'FEAT_GCS'),
  SERROR:       ec(0x2f),
  BREAKPT_LOW:  ec(0x30),
  BREAKPT_CUR:  ec(0x31),
  SOFTSTP_LOW:  ec(0x32),
  SOFTSTP_CUR:  ec(0x33),
  WATCHPT_LOW:  ec(0x34),
  WATCHPT_CUR:  ec(0x35),
  BKPT32:       ec(0x38, 'FEAT_AA32EL0'),
  VECTOR32:     ec(0x3a, 'FEAT_AA32EL0'),
  BRK64:        ec(0x3c),
  PROFILING:    ec(0x3d, { any: ['FEAT_EBEP', 'FEAT_SPE_EXC', 'FEAT_TRBE_EXC'] }),
} as const satisfies Readonly<Record<string, ExceptionClass>>;
export type ExceptionClassName = keyof typeof EC;

const nameByEc = new Map<number, ExceptionClassName>(Object.entries(EC).map(([name, c]) => [c.ec, name as ExceptionClassName]));
/** 'DABT_LOW', or undefined for a reserved class. */
export function exceptionClassName(value: number): ExceptionClassName | undefined {
  return nameByEc.get(value);
}

/** Bit numbers (or [hi, lo]) within ESR_ELx of each syndrome. */
export const ISS = {
  DABT: {
    ISV: 24, SAS: [23, 22], SSE: 21, SRT: [20, 16], SF: 15, AR: 14, VNCR: 13, SET: [12, 11], LST: [12, 11], FnV: 10, EA: 9, CM: 8, S1PTW: 7,
    WnR: 6, DFSC: [5, 0],
  },
  /** ISS2 of a data abort, bits 55:32 of ESR_ELx. */
  DABT2: { TnD: 42, TagAccess: 41, GCS: 40, AssuredOnly: 39, Overlay: 38, DirtyBit: 37, Xs: [36, 32] },
  IABT: { PFV: 14, SET: [12, 11], FnV: 10, EA: 9, S1PTW: 7, IFSC: [5, 0] },
  SYS64: { Op0: [21, 20], Op2: [19, 17], Op1: [16, 14], CRn: [13, 10], Rt: [9, 5], CRm: [4, 1], Direction: 0 },
  WFX: { CV: 24, COND: [23, 20], RN: [9, 5], RV: 2, TI: [1, 0] },
  CALL: { imm16: [15, 0] },
  FP_ASIMD: { CV: 24, COND: [23, 20] },
  SME: { SMTC: [2, 0] },
  ERET: { ERET: 1, ERETA: 0 },
  BTI: { BTYPE: [1, 0] },
  BRK64: { Comment: [15, 0] },
  SOFTSTP: { ISV: 24, EX: 6, IFSC: [5, 0] },
  WATCHPT: { WPT: [23, 18], WPTV: 17, WPF: 16, FnP: 15, VNCR: 13, FnV: 10, CM: 8, WnR: 6, DFSC: [5, 0] },
  MOPS: { MemInst: 24, isSETG: 23, Options: [22, 19], FromEpilogue: 18, WrongOption: 17, OptionA: 16, destreg: [14, 10], srcreg: [9, 5], sizereg: [4, 0] },
  SERROR: { IDS: 24, WnRV: 18, WU: [17, 16], VFV: 15, IESB: 13, AET: [12, 10], EA: 9, WnR: 6, DFSC: [5, 0] },
} as const;
/** ESR_ELx.IL: a 32-bit instruction. */
export const ESR_IL = 1n << 25n;
export const ESR_EC_SHIFT = 26n;

/** Fault status codes. A translation, access flag, permission or address size fault adds its level, -1 to 3. */
export const FSC = {
  ADDRESS_SIZE:     0x00,
  TRANSLATION:      0x04,
  ACCESS_FLAG:      0x08,
  PERMISSION:       0x0c,
  EXTERNAL:         0x10,
  TAG_CHECK:        0x11,
  EXTERNAL_WALK:    0x14,
  ECC:              0x18,
  ECC_WALK:         0x1c,
  ALIGNMENT:        0x21,
  GPC:              0x28,
  ADDRESS_SIZE_M1:  0x29,
  TRANSLATION_M1:   0x2b,
  TLB_CONFLICT:     0x30,
  UNSUPPORTED_ATOMIC: 0x31,
  IMP_DEF_LOCKDOWN: 0x34,
  EXCLUSIVE:        0x35,
} as const;
export type FaultKind = 'ADDRESS_SIZE' | 'TRANSLATION' | 'ACCESS_FLAG' | 'PERMISSION' | 'EXTERNAL_WALK' | 'ECC_WALK';

/** The status code of a fault at a level of the walk; -1 is the first level of a five-level walk (FEAT_LPA2). */
export function fscAt(kind: FaultKind, level: -1 | 0 | 1 | 2 | 3): number {
  const first = { ADDRESS_SIZE: 0x29, TRANSLATION: 0x2b, EXTERNAL_WALK: 0x13, ECC_WALK: 0x1b, ACCESS_FLAG: undefined, PERMISSION: undefined }[kind];
  if (level >= 0) return FSC[kind] + level;
  if (first === undefined) throw new RangeError(`${kind} has no level -1`);
  return first;
}

/** ESR_ELx of a class and its syndrome, for a 32-bit instruction unless said otherwise. */
export function esrOf(name: ExceptionClassName, iss: bigint, il = true): bigint {
  return (BigInt(EC[name].ec) << ESR_EC_SHIFT) | (il ? ESR_IL : 0n) | iss;
}
/** The syndrome of a trapped MRS, MSR or system instruction (EC 0x18). @arm AArch64.SystemAccessTrapSyndrome */
export function issOfSysreg(packed: number, rt: number, isRead: boolean): number {
  const [op0, op1, CRn, CRm, op2] = encParts(packed);
  return (op0 << 20) | (op2 << 17) | (op1 << 14) | (CRn << 10) | (rt << 5) | (CRm << 1) | (isRead ? 1 : 0);
}
/** What such a syndrome says. */
export function sysregOfIss(iss: number): { readonly enc: number; readonly rt: number; readonly isRead: boolean } {
  const field = (hi: number, lo: number): number => (iss >>> lo) & (2 ** (hi - lo + 1) - 1);
  const at = (field(21, 20) << 14) | (field(16, 14) << 11) | (field(13, 10) << 7) | (field(4, 1) << 3) | field(19, 17);
  return { enc: at, rt: field(9, 5), isRead: (iss & 1) === 1 };
}
