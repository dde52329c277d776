// What do the address translation instructions leave in PAR_EL1? AT S1E0R, S1E0W, S1E1R, S1E1W, S1E1RP, S1E1WP, S1E1A.
// @arm AArch64.AT, AArch64.EncodePAR

import type { Access } from '../engine.ts';
import type { Mmu, Mode } from './translate.ts';

const F = 1n;
const PTW = 1n << 8n;
const S_STAGE2 = 1n << 9n;
const RES1 = 1n << 11n;
/** Non-secure: this PE has no other state. */
const NS = 1n << 9n;
const ADDRESS = 0x000f_ffff_ffff_f000n;
/** Why a permission was missing. */
const BECAUSE = { overlay: 1n << 14n, clean: 1n << 15n } as const;
const OUTER_SHAREABLE = 2n;
const NON_CACHEABLE = 0x44;

/** A fault of stage 2 on the way: the instruction is trapped with it instead. */
export type AtResult = { readonly par: bigint } | { readonly stage2: { readonly ipa: bigint } };

export function translateAt(mmu: Mmu, va: bigint, access: Access, mode: Mode, unchecked: boolean): AtResult {
  const w = mmu.stage1(va, access, mode, false, unchecked);
  if (w.ok) {
    const uncached = (w.attr & 0xf0) === 0 || w.attr === NON_CACHEABLE;
    const sh = uncached ? OUTER_SHAREABLE : BigInt(w.sh);
    return { par: (BigInt(w.attr) << 56n) | (BigInt(w.ipa) & ADDRESS) | RES1 | NS | (sh << 7n) };
  }
  if (w.fsc !== undefined) return { par: RES1 | (BigInt(w.fsc) << 1n) | F | (w.because ? BECAUSE[w.because] : 0n) };
  const { external } = mmu.lastTableFault;
  if (external !== undefined) return { par: RES1 | (BigInt(external) << 1n) | F };
  return { stage2: { ipa: BigInt(w.ipa) } };
}
/** PAR_EL1 for a stage 2 fault on a table: what AT instructions that look at stage 2 report. */
export function parOfStage2(fsc: number): bigint {
  return RES1 | S_STAGE2 | PTW | (BigInt(fsc) << 1n) | F;
}
