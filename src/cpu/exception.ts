// Taking exceptions to EL1 and returning from them: where the state goes, what PSTATE becomes, which returns are
// illegal. Which exceptions there are, and which go to EL2, is decided by the callers.
// @arm AArch64.TakeException, AArch64.ExceptionReturn

import { EC, ESR_EC_SHIFT, ESR_IL } from '../arch/esr.ts';
import type { ExceptionRecord } from './engine.ts';
import { type PauthState, pacAuth, pacFailed, result as pacResult } from './pauth.ts';
import { bitOf, type PeRegs, slotOf } from './pe_regs.ts';
import { type Pstate, Spsr } from './pstate.ts';
import type { Has } from './resx.ts';
import { type CpuState, Slot } from './state.ts';

export type Vector = 'sync' | 'irq' | 'fiq' | 'serror';
const VECTOR = { sync: 0, irq: 0x80, fiq: 0x100, serror: 0x180 } as const;
const FROM = { sp0: 0, spx: 0x200, el0: 0x400 } as const;
const ISS2_SHIFT = 32n;
const ISS_MASK = 0x1ff_ffff;

/** What an exception needs to know of its PE. */
export interface ExceptionSite {
  readonly cpu: CpuState;
  readonly regs: PeRegs;
  readonly pstate: Pstate;
  readonly has: Has;
  /** existingPstate(has) */
  readonly exists: bigint;
}

const SCTLR = {
  SPAN: bitOf('SCTLR_EL1', 'SPAN'),
  DSSBS: bitOf('SCTLR_EL1', 'DSSBS'),
  SPINTMASK: bitOf('SCTLR_EL1', 'SPINTMASK'),
};
const [SCTLR_EL1, SPSR_EL1, ELR_EL1, ESR_EL1, FAR_EL1, VBAR_EL1] = (
  ['SCTLR_EL1', 'SPSR_EL1', 'ELR_EL1', 'ESR_EL1', 'FAR_EL1', 'VBAR_EL1'] as const
).map(slotOf) as [number, number, number, number, number, number];
const SCTLR2_EASE = bitOf('SCTLR2_EL1', 'EASE');
/** Classes with an address in FAR_EL1. */
const HAS_FAR: ReadonlySet<number> = new Set(
  ([
    'IABT_LOW', 'IABT_CUR', 'DABT_LOW', 'DABT_CUR', 'PC_ALIGN', 'WATCHPT_LOW', 'WATCHPT_CUR', 'GPC',
  ] as const).map((n) => EC[n].ec),
); // biome-ignore format: a list
const FSC_SEA = 0x10;

export function esrValue(r: ExceptionRecord): bigint {
  const iss2 = BigInt(r.iss2 ?? 0) << ISS2_SHIFT;
  return iss2 | (BigInt(r.ec) << ESR_EC_SHIFT) | ESR_IL | BigInt(r.iss & ISS_MASK);
}

/** Takes an exception to EL1: PC is the preferred return address. */
export function takeToEl1(s: ExceptionSite, vector: Vector, record: ExceptionRecord | undefined): void {
  const { cpu, regs, pstate, has, exists } = s;
  const sctlr = regs.effective(SCTLR_EL1);
  const from = cpu.el === 0 ? FROM.el0 : pstate.sp === 0 ? FROM.sp0 : FROM.spx;
  regs.setRaw(SPSR_EL1, pstate.value);
  regs.setRaw(ELR_EL1, cpu.pc);
  let entry: Vector = vector;
  if (record) {
    regs.setRaw(ESR_EL1, esrValue(record));
    if (vector === 'sync' && HAS_FAR.has(record.ec)) regs.setRaw(FAR_EL1, record.far);
    // FEAT_DoubleFault2: synchronous external aborts may use the vector of SError.
    const isSea = (record.ec & ~5) === EC.IABT_LOW.ec && (record.iss & 0x3f) === FSC_SEA;
    if (isSea && has('FEAT_DoubleFault2') && regs.value('SCTLR2_EL1') & SCTLR2_EASE) entry = 'serror';
  }
  let bits = pstate.bits;
  bits |= Spsr.DAIF;
  bits &= ~(Spsr.IL | Spsr.SS | Spsr.UAO | Spsr.BTYPE | Spsr.SSBS | Spsr.ALLINT);
  if (exists & Spsr.PAN && !(sctlr & SCTLR.SPAN)) bits |= Spsr.PAN;
  if (exists & Spsr.SSBS && sctlr & SCTLR.DSSBS) bits |= Spsr.SSBS;
  if (exists & Spsr.TCO && has('FEAT_MTE2')) bits |= Spsr.TCO;
  if (exists & Spsr.ALLINT && !(sctlr & SCTLR.SPINTMASK)) bits |= Spsr.ALLINT;
  pstate.bits = bits;
  cpu.set(Slot.PACM, 0n);
  pstate.setMode(1, 1);
  cpu.pc = BigInt.asUintN(64, regs.effective(VBAR_EL1) + BigInt(from + VECTOR[entry]));
}

/** PSTATE bits that a machine has. */
export function existingPstate(has: Has): bigint {
  let bits = Spsr.DAIF | Spsr.IL | Spsr.SS;
  if (has('FEAT_PAN')) bits |= Spsr.PAN;
  if (has('FEAT_UAO')) bits |= Spsr.UAO;
  if (has('FEAT_SSBS')) bits |= Spsr.SSBS;
  if (has('FEAT_DIT')) bits |= Spsr.DIT;
  if (has('FEAT_MTE')) bits |= Spsr.TCO;
  if (has('FEAT_BTI')) bits |= Spsr.BTYPE;
  if (has('FEAT_NMI')) bits |= Spsr.ALLINT;
  return bits;
}

/** SPSR.M of legal returns from EL1. */
const EL0T = 0n;
const EL1T = 4n;
const EL1H = 5n;

/**
 * Executes ERET at EL1, from ELR_EL1 (already authenticated) and SPSR_EL1.
 * @param stepping PSTATE.SS after the return if SPSR.SS asks for it
 * @param pacm PACM has an effect at an EL
 */
export function exceptionReturn(
  s: ExceptionSite,
  target: bigint,
  stepping: (el: 0 | 1) => boolean,
  pacm: (el: 0 | 1) => boolean,
): void {
  const { cpu, regs, pstate, exists } = s;
  const spsr = regs.raw(SPSR_EL1);
  const m = spsr & 0x1fn;
  const legal = m === EL0T || m === EL1T || m === EL1H;
  cpu.nzcv = Number((spsr >> 28n) & 15n);
  if (legal) {
    pstate.bits = spsr & exists & ~Spsr.SS;
    pstate.setMode(m === EL0T ? 0 : 1, m === EL1H ? 1 : 0);
  } else {
    // The mode stays; masks and PAN come from SPSR all the same.
    const kept = pstate.bits & ~(Spsr.DAIF | Spsr.PAN | Spsr.ALLINT | Spsr.SS | Spsr.BTYPE);
    pstate.bits = kept | (spsr & exists & (Spsr.DAIF | Spsr.PAN | Spsr.ALLINT)) | Spsr.IL;
  }
  if (spsr & Spsr.SS && stepping(cpu.el as 0 | 1)) pstate.assign(Spsr.SS, true);
  const marked = spsr & Spsr.PACM && pacm(cpu.el as 0 | 1);
  cpu.set(Slot.PACM, marked ? target + 1n : 0n);
  cpu.pc = target;
  cpu.clearMonitor();
}

/** Words of the three exception returns. */
export const ERET_WORD = 0xd69f03e0;
const ERETAB_BIT = 0x400;
/**
 * The address that ERET, ERETAA or ERETAB goes to.
 * @returns undefined: authentication failed and faults, with the ISS in `iss`
 */
export function eretTarget(
  elr: bigint,
  word: number,
  sp: bigint,
  pauth: PauthState,
): bigint | { readonly iss: number } {
  if (word === ERET_WORD) return elr;
  const key = word & ERETAB_BIT ? 1 : 0;
  const half = (v: bigint, shift: bigint): number => Number(BigInt.asIntN(32, v >> shift));
  pacAuth(pauth, half(elr, 0n), half(elr, 32n), half(sp, 0n), half(sp, 32n), key);
  if (pacFailed(pauth, true)) return { iss: key };
  return (BigInt(pacResult[1]! >>> 0) << 32n) | BigInt(pacResult[0]! >>> 0);
}
