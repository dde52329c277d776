// Exceptions that KVM gives to a guest in place of what hardware would have done, while the vCPU is not executing.
// Architecture: the entry itself (AArch64.TakeException). KVM choice: which fault becomes which exception.
// @linux arch/arm64/kvm/inject_fault.c, hyp/exception.c

import { extract, insert } from '../base/bits.ts';
import { putRegs } from './emulate.ts';
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

const EC = { UNKNOWN: 0n, IABT_LOW: 0x20n, DABT_LOW: 0x24n, SERROR: 0x2fn } as const;
const IL = one(25);
const FSC_EXTABT = 0x10n;
const FSC_EXTABT_WALK = 0x14n;
const FSC_ADDRESS_SIZE = 0n;
const syndrome = (ec: bigint, iss: bigint): bigint => (ec << 26n) | IL | iss;

/** A synchronous external abort on data, at the address of the last fault. @linux kvm_inject_sea_dabt */
export function injectSeaDabt(vcpu: Vcpu): void {
  putRegs(vcpu);
  if (holds(vcpu.vm.regs, 'el1_32')) {
    injectDabt32(vcpu);
    return;
  }
  injectAbort(vcpu, false, FSC_EXTABT);
}
/** The same on an instruction fetch. @linux kvm_inject_sea_iabt */
export function injectSeaIabt(vcpu: Vcpu): void {
  putRegs(vcpu);
  injectAbort(vcpu, true, FSC_EXTABT);
}
/** An address that no translation of this host can produce. @linux kvm_inject_size_fault */
export function injectSizeFault(vcpu: Vcpu, isFetch: boolean): void {
  putRegs(vcpu);
  injectAbort(vcpu, isFetch, FSC_ADDRESS_SIZE);
}
function injectAbort(vcpu: Vcpu, isFetch: boolean, fsc: bigint): void {
  const el = targetEl(vcpu);
  const low = isFetch ? EC.IABT_LOW : EC.DABT_LOW;
  const ec = elOf(vcpu.regs.core.pstate) < el ? low : low + 1n;
  const kind = fsc !== FSC_ADDRESS_SIZE && sctlr2Bit(vcpu, SCTLR2.EASE) ? 'serror' : 'sync';
  set(vcpu, 'FAR', el, vcpu.faultAddress);
  set(vcpu, 'ESR', el, syndrome(ec, fsc));
  vcpu.mmioNeeded = false; // the access that was being emulated never happens
  takeException(vcpu, el, kind);
}
/** The same while stage 1 tables were read. @param level of the table, -1 to 3 */
export function injectSeaWalk(vcpu: Vcpu, isFetch: boolean, level: number): void {
  putRegs(vcpu);
  injectAbort(vcpu, isFetch, FSC_EXTABT_WALK + BigInt(level));
}
/** The instruction does not exist for this guest. @linux kvm_inject_undefined */
export function injectUndefined(vcpu: Vcpu): void {
  injectSync(vcpu, EC.UNKNOWN, 0n);
}
/** A synchronous exception without an address. @param ec ESR_ELx.EC. @param iss ESR_ELx.ISS */
export function injectSync(vcpu: Vcpu, ec: bigint, iss: bigint): void {
  putRegs(vcpu);
  const el = targetEl(vcpu);
  set(vcpu, 'ESR', el, syndrome(ec, iss));
  takeException(vcpu, el, 'sync');
}

/** What came from a nested guest belongs to its hypervisor: virtual EL2 takes it as it came. @linux kvm_inject_nested_sync */
export function forwardToEl2(vcpu: Vcpu, esr: bigint): void {
  putRegs(vcpu);
  set(vcpu, 'ESR', 2, esr);
  takeException(vcpu, 2, 'sync');
}

// The same for a guest whose EL1 is AArch32.

/** PSTATE as SPSR_EL1 holds it in AArch32 state: what an exception leaves as it was. */
const CPSR = {
  N: 31,
  Z: 30,
  C: 29,
  V: 28,
  Q: 27,
  DIT: 24,
  SSBS: 23,
  PAN: 22,
  GE: 16,
  E: 9,
  A: 8,
  I: 7,
  F: 6,
  T: 5,
} as const;
const MODE_ABT = 0x17n;
const SCTLR32 = { DSSBS: 31, TE: 30, EE: 25, SPAN: 23, V: 13 } as const;
const { N, Z, C, V, Q } = CPSR;
const KEPT32 =
  [N, Z, C, V, Q, CPSR.DIT, CPSR.PAN, CPSR.F].reduce((bits, b) => bits | one(b), 0n) | (0xfn << BigInt(CPSR.GE));
const TTBCR_EAE = 31;
/** DFSR of an external abort, by the translation table format. */
const DFSR_LONG = 0x210n;
const DFSR_SHORT = 0x008n;
const VECTOR_DABT = 0x10n;
const HIGH_VECTORS = 0xffff_0000n;
/** A data abort returns to the instruction itself: LR_abt is 8 further, in either instruction set. */
const LR_DABT = 8n;
/** LR_abt is X20 to AArch64; SPSR_abt comes first among the banked ones. */
const [X_LR_ABT, SPSR_ABT] = [20, 0];

/** SPSR in the layout of AArch32, where DIT is bit 21 and there is no SS. */
function spsr32(pstate: bigint): bigint {
  const dit = extract(pstate, CPSR.DIT, CPSR.DIT);
  return (pstate & ~(one(CPSR.DIT) | one(21))) | (dit << 21n);
}
/** @arm AArch32.TakeDataAbortException. @linux inject_abt32, enter_exception32 */
function injectDabt32(vcpu: Vcpu): void {
  const { core, sys } = vcpu.regs;
  const old = core.pstate;
  const sctlr = get(vcpu, 'SCTLR', 1);
  let pstate = (old & KEPT32) | one(CPSR.A) | one(CPSR.I) | MODE_ABT;
  if (!has(sctlr, SCTLR32.SPAN)) pstate |= one(CPSR.PAN);
  if (has(sctlr, SCTLR32.DSSBS)) pstate |= one(CPSR.SSBS);
  if (has(sctlr, SCTLR32.EE)) pstate |= one(CPSR.E);
  if (has(sctlr, SCTLR32.TE)) pstate |= one(CPSR.T);
  // DFSR is ESR_EL1, DFAR the low half of FAR_EL1.
  set(vcpu, 'ESR', 1, has(sys[sysRegSlot('TCR_EL1')]!, TTBCR_EAE) ? DFSR_LONG : DFSR_SHORT);
  set(vcpu, 'FAR', 1, insert(get(vcpu, 'FAR', 1), 31, 0, extract(vcpu.faultAddress, 31, 0)));
  vcpu.mmioNeeded = false;
  // Until the first run has worked out HCR_EL2, the hypervisor takes any guest for AArch64 and finds nothing to do.
  if (!vcpu.regs.hasRun) return;
  core.spsrBanked[SPSR_ABT] = spsr32(old);
  core.x[X_LR_ABT] = extract(core.pc + LR_DABT, 31, 0);
  const base = has(sctlr, SCTLR32.V) ? HIGH_VECTORS : get(vcpu, 'VBAR', 1);
  core.pc = extract(base + VECTOR_DABT, 31, 0);
  core.pstate = pstate;
}

/** An SError: at once if it can be taken, else pending. @param iss of ESR_ELx. @linux kvm_inject_serror_esr */
export function injectSerror(vcpu: Vcpu, iss: bigint): void {
  putRegs(vcpu);
  const masked = has(vcpu.regs.core.pstate, PSTATE.A) && !sctlr2Bit(vcpu, SCTLR2.NMEA);
  if (masked) {
    vcpu.serrorSyndrome = iss;
    vcpu.lines.serror = true;
    return;
  }
  const el = targetEl(vcpu);
  set(vcpu, 'ESR', el, syndrome(EC.SERROR, iss));
  vcpu.mmioNeeded = false;
  if (!holds(vcpu.vm.regs, 'el1_32')) takeException(vcpu, el, 'serror'); // for AArch32, KVM leaves it at the syndrome
}
/** What an SError without a given syndrome says: implementation defined, nothing known. @linux kvm_inject_serror */
export const SERROR_IDS = one(24);
