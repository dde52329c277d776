// Taking exceptions to EL1 and returning from them: where the state goes, what PSTATE becomes, which returns are
// illegal. Which exceptions there are, and which go to EL2, is decided by the callers.
// @arm AArch64.TakeException, AArch64.ExceptionReturn

import { EC, ESR_EC_SHIFT, ESR_IL } from '../arch/esr.ts';
import type { ExceptionRecord } from './engine.ts';
import type { Has } from './needs.ts';
import { type PauthState, pacAuth, pacFailed, result as pacResult } from './pauth.ts';
import { bitOf, type PeRegs, slotOf } from './pe_regs.ts';
import { type Pstate, SPSR_HIGH_PACM, SpsrLow } from './pstate.ts';
import { type CpuState, Slot } from './state.ts';

export type Vector = 'sync' | 'irq' | 'fiq' | 'serror';
const VECTOR = { sync: 0, irq: 0x80, fiq: 0x100, serror: 0x180 } as const;
const FROM = { sp0: 0, spx: 0x200, el0: 0x400 } as const;
const ISS2_SHIFT = 32n;
const EC_SHIFT = Number(ESR_EC_SHIFT);
const IL = Number(ESR_IL);
const ISS_MASK = 0x1ff_ffff;

/** What an exception needs to know of its PE. */
export interface ExceptionSite {
  readonly cpu: CpuState;
  readonly regs: PeRegs;
  readonly pstate: Pstate;
  readonly has: Has;
  /** existingPstate(has) */
  readonly exists: number;
  /** Set on entry. */
  readonly tco: boolean;
  /** PSTATE.SS after a return to an EL if SPSR.SS asks for it. */
  stepsAt(el: 0 | 1): boolean;
  /** PACM has an effect at an EL. */
  pacmAt(el: 0 | 1): boolean;
}

/** In the low half, and in the high one. */
const SCTLR_SPAN = Number(bitOf('SCTLR_EL1', 'SPAN'));
const SCTLR_HIGH = {
  DSSBS: Number(bitOf('SCTLR_EL1', 'DSSBS') >> 32n),
  SPINTMASK: Number(bitOf('SCTLR_EL1', 'SPINTMASK') >> 32n),
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

function esrLow(r: ExceptionRecord): number {
  return ((r.ec << EC_SHIFT) | IL | (r.iss & ISS_MASK)) >>> 0;
}
export function esrValue(r: ExceptionRecord): bigint {
  return (BigInt(r.iss2 ?? 0) << ISS2_SHIFT) | BigInt(esrLow(r));
}

/** Takes an exception to EL1: PC is the preferred return address. */
export function takeToEl1(s: ExceptionSite, vector: Vector, record: ExceptionRecord | undefined): void {
  const { cpu, regs, pstate, exists } = s;
  const sctlrHigh = regs.effectiveHalf(SCTLR_EL1, 1);
  const from = cpu.el === 0 ? FROM.el0 : pstate.sp === 0 ? FROM.sp0 : FROM.spx;
  regs.setHalves(SPSR_EL1, pstate.spsrLow, pstate.spsrHigh);
  regs.setHalves(ELR_EL1, cpu.low(Slot.PC), cpu.high(Slot.PC));
  let entry: Vector = vector;
  if (record) {
    regs.setHalves(ESR_EL1, esrLow(record), record.iss2 ?? 0);
    if (vector === 'sync' && HAS_FAR.has(record.ec)) regs.setRaw(FAR_EL1, record.far);
    // FEAT_DoubleFault2: synchronous external aborts may use the vector of SError.
    const isSea = (record.ec & ~5) === EC.IABT_LOW.ec && (record.iss & 0x3f) === FSC_SEA;
    if (isSea && s.has('FEAT_DoubleFault2') && regs.value('SCTLR2_EL1') & SCTLR2_EASE) entry = 'serror';
  }
  let bits = pstate.low | SpsrLow.DAIF;
  bits &= ~(SpsrLow.IL | SpsrLow.SS | SpsrLow.UAO | SpsrLow.BTYPE | SpsrLow.SSBS | SpsrLow.ALLINT);
  if (exists & SpsrLow.PAN && !(regs.effectiveHalf(SCTLR_EL1, 0) & SCTLR_SPAN)) bits |= SpsrLow.PAN;
  if (exists & SpsrLow.SSBS && sctlrHigh & SCTLR_HIGH.DSSBS) bits |= SpsrLow.SSBS;
  if (s.tco) bits |= SpsrLow.TCO;
  if (exists & SpsrLow.ALLINT && !(sctlrHigh & SCTLR_HIGH.SPINTMASK)) bits |= SpsrLow.ALLINT;
  pstate.low = bits;
  cpu.setHalves(Slot.PACM, 0, 0);
  pstate.setMode(1, 1);
  const low = regs.effectiveHalf(VBAR_EL1, 0) + from + VECTOR[entry];
  cpu.setHalves(Slot.PC, low, regs.effectiveHalf(VBAR_EL1, 1) + (low > 0xffff_ffff ? 1 : 0));
}

/** PSTATE bits that a machine has. */
export function existingPstate(has: Has): number {
  let bits: number = SpsrLow.DAIF | SpsrLow.IL | SpsrLow.SS;
  if (has('FEAT_PAN')) bits |= SpsrLow.PAN;
  if (has('FEAT_UAO')) bits |= SpsrLow.UAO;
  if (has('FEAT_SSBS')) bits |= SpsrLow.SSBS;
  if (has('FEAT_DIT')) bits |= SpsrLow.DIT;
  if (has('FEAT_MTE')) bits |= SpsrLow.TCO;
  if (has('FEAT_BTI')) bits |= SpsrLow.BTYPE;
  if (has('FEAT_NMI')) bits |= SpsrLow.ALLINT;
  return bits;
}

/** SPSR.M of legal returns from EL1. */
const EL0T = 0;
const EL1T = 4;
const EL1H = 5;
const MODE = 0x1f;

/**
 * Executes ERET at EL1, from ELR_EL1 (already authenticated: the halves of an address) and SPSR_EL1.
 * @param stepping the instruction itself is being stepped
 */
export function exceptionReturn(s: ExceptionSite, low: number, high: number, stepping: boolean): void {
  const { cpu, regs, pstate, exists } = s;
  const spsr = regs.half(SPSR_EL1, 0);
  const m = spsr & MODE;
  cpu.nzcv = spsr >>> 28;
  if (m === EL0T || m === EL1T || m === EL1H) {
    pstate.low = spsr & exists & ~SpsrLow.SS;
    pstate.setMode(m === EL0T ? 0 : 1, m === EL1H ? 1 : 0);
  } else {
    // The mode stays; masks and PAN come from SPSR all the same.
    const taken = SpsrLow.DAIF | SpsrLow.PAN | SpsrLow.ALLINT;
    pstate.low = (pstate.low & ~(taken | SpsrLow.SS | SpsrLow.BTYPE)) | (spsr & exists & taken) | SpsrLow.IL;
  }
  if (spsr & SpsrLow.SS && !stepping && s.stepsAt(cpu.el as 0 | 1)) pstate.low |= SpsrLow.SS;
  const marked = regs.half(SPSR_EL1, 1) & SPSR_HIGH_PACM && s.pacmAt(cpu.el as 0 | 1);
  cpu.setHalves(Slot.PACM, marked ? low + 1 : 0, marked ? high : 0);
  cpu.setHalves(Slot.PC, low, high);
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
