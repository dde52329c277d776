// The registers of a vCPU between two runs of its guest, wherever they are: still in the PE that ran it last, or back in
// VcpuRegs. Whoever handles an exit reads and writes through here and need not know. @linux asm/kvm_emulate.h

import { extract } from '../base/bits.ts';
import { encode, KVM_EXIT, offsetOf, type PartialValue, type Struct, structs } from '../uapi/index.ts';
import { type StoredReg, sysRegSlot } from './sys_reg_table.ts';
import { runPage, setExitReason, type Vcpu } from './vcpu.ts';

/** A PE that holds the registers of a vCPU. */
export interface Resident {
  x(n: number): bigint;
  setX(n: number, value: bigint): void;
  pc: bigint;
  readonly pstate: bigint;
  /** undefined: it is in VcpuRegs. */
  sysReg(name: StoredReg): bigint | undefined;
  /** Past the present instruction. */
  skip(): void;
  /** The PE comes out and looks, if it is executing. */
  kick(): void;
  /** Everything goes back to VcpuRegs; afterwards the PE may run another vCPU. */
  store(): void;
}

/** X0..X30; 31 reads as zero. @linux vcpu_get_reg */
export function getReg(vcpu: Vcpu, n: number): bigint {
  if (n === 31) return 0n;
  return vcpu.resident ? vcpu.resident.x(n) : vcpu.regs.core.x[n]!;
}
/** Writes to 31 are ignored. @linux vcpu_set_reg */
export function setReg(vcpu: Vcpu, n: number, value: bigint): void {
  if (n === 31) return;
  if (vcpu.resident) vcpu.resident.setX(n, BigInt.asUintN(64, value));
  else vcpu.regs.core.x[n] = value;
}
export function getPc(vcpu: Vcpu): bigint {
  return vcpu.resident ? vcpu.resident.pc : vcpu.regs.core.pc;
}
export function getPstate(vcpu: Vcpu): bigint {
  return vcpu.resident ? vcpu.resident.pstate : vcpu.regs.core.pstate;
}
/** PSTATE.BTYPE and PSTATE.SS in the layout of SPSR: an instruction that is over leaves them clear. */
export const PSTATE_BTYPE_SS = (3n << 10n) | (1n << 21n);
/** Past the instruction that was emulated. @linux kvm_incr_pc */
export function incrPc(vcpu: Vcpu): void {
  if (vcpu.resident) {
    vcpu.resident.skip();
    return;
  }
  const { core } = vcpu.regs;
  core.pc = BigInt.asUintN(64, core.pc + 4n);
  core.pstate &= ~PSTATE_BTYPE_SS;
}
/** Brings the registers back to VcpuRegs, where anybody may change them. @linux vcpu_put */
export function putRegs(vcpu: Vcpu): void {
  const at = vcpu.resident;
  if (!at) return;
  vcpu.resident = undefined;
  at.store();
}
const SCTLR_E0E = 24;
const SCTLR_EE = 25;
/** Data accesses at the present level are big-endian. @linux kvm_vcpu_is_be */
export function isBigEndian(vcpu: Vcpu): boolean {
  const pstate = getPstate(vcpu);
  if (((pstate >> 4n) & 1n) === 1n) return ((pstate >> 9n) & 1n) === 1n;
  const el = currentEl(vcpu);
  const sctlr = getSysReg(vcpu, el === 2 ? 'SCTLR_EL2' : 'SCTLR_EL1');
  return ((sctlr >> BigInt(el === 0 ? SCTLR_E0E : SCTLR_EE)) & 1n) === 1n;
}
/** A system register as the guest has it now. @linux vcpu_read_sys_reg */
export function getSysReg(vcpu: Vcpu, name: StoredReg): bigint {
  return vcpu.resident?.sysReg(name) ?? vcpu.regs.sys[sysRegSlot(name)]!;
}
/** The exception level, 0 to 2, that the guest was executing at. */
export function currentEl(vcpu: Vcpu): number {
  return Number(extract(getPstate(vcpu), 3, 2));
}

const EXIT = offsetOf(structs.kvm_run, 'exit');
/** KVM_RUN will return 0 with this reason, and with these details in place of the last ones. */
export function exitToUser<F>(vcpu: Vcpu, reason: keyof typeof KVM_EXIT, s: Struct<F>, value: PartialValue<F>): void {
  const page = runPage(vcpu);
  page.set(encode(s, value), EXIT);
  setExitReason(vcpu, KVM_EXIT[reason]);
}
