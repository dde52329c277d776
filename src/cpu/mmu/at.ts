// What do the address translation instructions leave in PAR_EL1? AT S1E0R, S1E0W, S1E1R, S1E1W, S1E1RP, S1E1WP, S1E1A, and
// for EL2 AT S12E0R, S12E0W, S12E1R, S12E1W.
// @arm AArch64.AT, AArch64.EncodePAR

import type { Access } from '../engine.ts';
import { combine } from './stage2_attrs.ts';
import type { Stage2Refusal } from './table_port.ts';
import { fscOfStage2, type Mmu, type Mode } from './translate.ts';

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

/** A fault of stage 2 on a table: at EL1 the instruction is trapped with it instead. */
export type AtResult = { readonly par: bigint } | { readonly stage2: { readonly ipa: bigint } };

/** @param both stage 2 as well */
export function translateAt(
  mmu: Mmu,
  va: bigint,
  access: Access,
  mode: Mode,
  { unchecked = false, both = false } = {},
): AtResult {
  const w = mmu.stage1(va, access, mode, false, unchecked);
  if (w.ok) {
    const a = both ? mmu.stage2Of(w.ipa, access, mode, false) : undefined;
    if (a?.ok === false) return { par: parOfStage2(a, false) };
    const mapping = a?.mapping;
    const { attr, sh } = mapping?.memory ? combine(w, mapping.memory) : w;
    return { par: encode(attr, sh, mapping?.pa ?? w.ipa) };
  }
  if (w.fsc !== undefined) return { par: RES1 | (BigInt(w.fsc) << 1n) | F | (w.because ? BECAUSE[w.because] : 0n) };
  const { external } = mmu.lastTableFault;
  if (external !== undefined) return { par: RES1 | (BigInt(external) << 1n) | F };
  return { stage2: { ipa: BigInt(w.ipa) } };
}
function encode(attr: number, sh: number, address: number): bigint {
  const uncached = (attr & 0xf0) === 0 || attr === NON_CACHEABLE;
  const shared = uncached ? OUTER_SHAREABLE : BigInt(sh);
  return (BigInt(attr) << 56n) | (BigInt(address) & ADDRESS) | RES1 | NS | (shared << 7n);
}
/** PAR_EL1 for a fault of stage 2, as EL2 is told of it. @param walk on a table of stage 1 */
export function parOfStage2(a: Stage2Refusal, walk: boolean): bigint {
  if (a.external !== undefined) return RES1 | (BigInt(a.external) << 1n) | F;
  const because = a.because ? BECAUSE[a.because] : 0n;
  return RES1 | S_STAGE2 | (walk ? PTW : 0n) | (BigInt(fscOfStage2(a)) << 1n) | F | because;
}
