// Exceptions that KVM gives to a guest in place of what hardware would have done, while the vCPU is not executing.
// Architecture: the entry itself (AArch64.TakeException). KVM choice: which fault becomes which exception.
// @linux arch/arm64/kvm/inject_fault.c, hyp/exception.c

import { extract, insert } from '../base/bits.ts';
import { refuse } from './errors.ts';
import { sysRegSlot } from './sys_reg_table.ts';
import type { Vcpu } from './vcpu.ts';
import { holds } from './vm_features.ts';

type Target = 1 | 2;
type TargetReg = 'ESR' | 'FAR' | 'ELR' | 'SPSR' | 'VBAR' | 'SCTLR' | 'SCTLR2';

function slotOf(reg: TargetReg, el: Target): number {
  return sysRegSlot(`${reg}_EL${el}`);
}
function get(vcpu: Vcpu, reg: TargetReg, el: Target): bigint {
  return vcpu.regs.sys[slotOf(reg, el)]!;
}
function set(vcpu: Vcpu, reg: TargetReg, el: Target, value: bigint): void {
  vcpu.regs.sys[slotOf(reg, el)] = BigInt.asUintN(64, value);
}

/** PSTATE as SPSR_ELx holds it: bit positions. */
const PSTATE = { M32: 4, F: 6, I: 7, A: 8, D: 9, SSBS: 12, PAN: 22, DIT: 24, TCO: 25 } as const;
const NZCV = [31, 28] as const;
const has = (pstate: bigint, bit: number): boolean => ((pstate >> BigInt(bit)) & 1n) === 1n;
const one = (bit: number): bigint => 1n << BigInt(bit);
const modeOf = (pstate: bigint): bigint => extract(pstate, 4, 0);
const elOf = (pstate: bigint): number => (has(pstate, PSTATE.M32) ? 0 : Number(extract(pstate, 3, 2)));

const SCTLR = { SPAN: 23, DSSBS: 44 } as const;
const SCTLR2 = { NMEA: 2, EASE: 5 } as const;
const HCR_TGE = 27;
/** Vector offsets by kind. */
const VECTOR = { sync: 0n, serror: 0x180n } as const;
type Kind = keyof typeof VECTOR;

/** The level that takes an exception of the current context. @linux exception_target_el */
function targetEl(vcpu: Vcpu): Target {
  if (!holds(vcpu.vm.regs, 'el2')) return 1;
  const el = elOf(vcpu.regs.core.pstate);
  if (el === 0) return has(vcpu.regs.sys[sysRegSlot('HCR_EL2')]!, HCR_TGE) ? 2 : 1;
  return el === 2 ? 2 : 1;
}
function sctlr2Bit(vcpu: Vcpu, bit: number): boolean {
  return holds(vcpu.vm.regs, 'sctlr2') && has(get(vcpu, 'SCTLR2', targetEl(vcpu)), bit);
}

/** @arm AArch64.TakeException. @linux enter_exception64 */
function takeException(vcpu: Vcpu, el: Target, kind: Kind): void {
  const { core } = vcpu.regs;
  const old = core.pstate;
  const handler = el === 1 ? 0b00101n : 0b01001n; // ELxh
  const mode = modeOf(old);
  const from = mode === handler ? 0x200n : (mode | 1n) === handler ? 0n : has(old, PSTATE.M32) ? 0x600n : 0x400n;
  const sctlr = get(vcpu, 'SCTLR', el);
  let pstate = insert(0n, ...NZCV, extract(old, ...NZCV));
  if (holds(vcpu.vm.regs, 'mte')) pstate |= one(PSTATE.TCO);
  pstate |= old & (one(PSTATE.DIT) | one(PSTATE.PAN));
  if (!has(sctlr, SCTLR.SPAN)) pstate |= one(PSTATE.PAN);
  if (has(sctlr, SCTLR.DSSBS)) pstate |= one(PSTATE.SSBS);
  pstate |= one(PSTATE.D) | one(PSTATE.A) | one(PSTATE.I) | one(PSTATE.F) | handler;
  set(vcpu, 'ELR', el, core.pc);
  set(vcpu, 'SPSR', el, old);
  core.pc = BigInt.asUintN(64, get(vcpu, 'VBAR', el) + from + VECTOR[kind]);
  core.pstate = pstate;
}

const EC = { DABT_LOW: 0x24n, DABT_CUR: 0x25n, SERROR: 0x2fn } as const;
const IL = one(25);
const FSC_EXTABT = 0x10n;
const syndrome = (ec: bigint, iss: bigint): bigint => (ec << 26n) | IL | iss;

/** A synchronous external abort on data, at the address of the last fault. @linux kvm_inject_sea_dabt */
export function injectSeaDabt(vcpu: Vcpu): void {
  if (holds(vcpu.vm.regs, 'el1_32')) {
    vcpu.vm.kvm.trace('hypatia_not_implemented', { what: 'external abort into AArch32 EL1' });
    throw refuse.ENOSYS;
  }
  const el = targetEl(vcpu);
  const ec = elOf(vcpu.regs.core.pstate) === 0 ? EC.DABT_LOW : EC.DABT_CUR;
  const kind = sctlr2Bit(vcpu, SCTLR2.EASE) ? 'serror' : 'sync';
  set(vcpu, 'FAR', el, vcpu.faultAddress);
  set(vcpu, 'ESR', el, syndrome(ec, FSC_EXTABT));
  vcpu.mmioNeeded = false; // the access that was being emulated never happens
  takeException(vcpu, el, kind);
}

/** An SError: at once if it can be taken, else pending. @param iss of ESR_ELx. @linux kvm_inject_serror_esr */
export function injectSerror(vcpu: Vcpu, iss: bigint): void {
  const masked = has(vcpu.regs.core.pstate, PSTATE.A) && !sctlr2Bit(vcpu, SCTLR2.NMEA);
  if (masked || holds(vcpu.vm.regs, 'el1_32')) {
    vcpu.serrorSyndrome = iss;
    vcpu.lines.serror = true;
    return;
  }
  const el = targetEl(vcpu);
  set(vcpu, 'ESR', el, syndrome(EC.SERROR, iss));
  vcpu.mmioNeeded = false;
  takeException(vcpu, el, 'serror');
}
/** What an SError without a given syndrome says: implementation defined, nothing known. @linux kvm_inject_serror */
export const SERROR_IDS = one(24);
