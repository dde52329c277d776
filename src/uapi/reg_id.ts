// The ids of KVM_GET_ONE_REG and KVM_SET_ONE_REG on arm64: architecture, size and class in the upper half, an index
// whose meaning depends on the class in the lower. What exists and who may see it is not known here.

import { extract } from '../base/bits.ts';

const ARM64 = 0x60n << 56n;
/** Class of a register id (bits 27:16). */
export const REG_CLASS = { CORE: 0x10, DEMUX: 0x11, SYSREG: 0x13, FW: 0x14, SVE: 0x15, FW_FEAT_BMAP: 0x16 } as const;
export type RegClass = keyof typeof REG_CLASS;

/** Size field (bits 55:52): log2 of the number of bytes. */
export const REG_SIZE = { U8: 0, U16: 1, U32: 2, U64: 3, U128: 4, U256: 5, U512: 6, U1024: 7, U2048: 8 } as const;
export type RegSize = keyof typeof REG_SIZE;

export function regId(size: RegSize, cls: RegClass, index: number): bigint {
  return ARM64 | (BigInt(REG_SIZE[size]) << 52n) | (BigInt(REG_CLASS[cls]) << 16n) | BigInt(index);
}
/** The number of bytes that a register of this id has: 1 to 32768, whether it exists or not. */
export function regSize(id: bigint): number {
  return 2 ** Number(extract(id, 55, 52));
}
export function regClass(id: bigint): RegClass | undefined {
  const c = Number(extract(id, 27, 16));
  return (Object.keys(REG_CLASS) as RegClass[]).find(k => REG_CLASS[k] === c);
}
export function regIndex(id: bigint): number {
  return Number(extract(id, 15, 0));
}
export function isArm64Reg(id: bigint): boolean {
  return extract(id, 63, 32) >> 24n === ARM64 >> 56n && extract(id, 51, 32) === 0n;
}

/** op0<15:14> op1<13:11> CRn<10:7> CRm<6:3> op2<2:0>, the index of a SYSREG id. */
export function packSysreg(op0: number, op1: number, crn: number, crm: number, op2: number): number {
  return (op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2;
}
export function sysregId(op0: number, op1: number, crn: number, crm: number, op2: number): bigint {
  return regId('U64', 'SYSREG', packSysreg(op0, op1, crn, crm, op2));
}

/** Indices of core registers: the byte offset in kvm_regs over four. */
export const CORE_REG = {
  X0: 0, SP_EL0: 62, PC: 64, PSTATE: 66, SP_EL1: 68, ELR_EL1: 70, SPSR_EL1: 72, SPSR_ABT: 74, SPSR_UND: 76, SPSR_IRQ: 78,
  SPSR_FIQ: 80, V0: 84, FPSR: 212, FPCR: 213,
} as const;
