// Branch target identification (FEAT_BTI): whether an instruction of a guarded page may be branched to indirectly.
// Engines ask when an indirect branch arrives in such a page; PSTATE.BTYPE exists only between the two.

import { type CpuState, Slot } from './state.ts';

/** How control got to an instruction. Direct branches and returns set no BTYPE. */
export const BranchType = { direct: 0, jump: 1, jumpIp: 2, call: 3 } as const;
export function branchTypeOf(kind: string): number {
  return (BranchType as Readonly<Record<string, number>>)[kind] ?? BranchType.direct;
}

/** PSTATE.BTYPE after a branch. @param guarded the branch itself stands in a guarded page */
export function btypeOf(type: number, guarded: boolean): number {
  if (type === BranchType.call) return 0b10;
  if (type === BranchType.direct) return 0;
  return type === BranchType.jump && guarded ? 0b11 : 0b01;
}

const EC_BRANCH_TARGET = 0x0d;
const BTYPE_SHIFT = 10;
const BTYPE_MASK = 3 << BTYPE_SHIFT;

/**
 * Instructions that may be branched to on one machine (landing_pads.ts): bits that are fixed, their values, and after which
 * BTYPEs, a bit for each.
 */
export type LandingPads = readonly (readonly [mask: number, value: number, types: number])[];

/** @returns false after having set cpu.exception and PSTATE.BTYPE. */
export function mayLand(pads: LandingPads, cpu: CpuState, word: number, btype: number): boolean {
  if (btype === 0) return true;
  const pad = pads.find((p) => (word & p[0]) >>> 0 === p[1]);
  if (pad && (pad[2] & (1 << btype)) !== 0) return true;
  putBtype(cpu, btype);
  cpu.exception = { ec: EC_BRANCH_TARGET, iss: btype, far: 0n, ipa: 0n, toEl2: false };
  return false;
}
/** A run ends between a branch and its target. */
export function putBtype(cpu: CpuState, btype: number): void {
  if (btype !== 0) cpu.setLow(Slot.PSTATE, (cpu.low(Slot.PSTATE) & ~BTYPE_MASK) | (btype << BTYPE_SHIFT));
}
/** Takes BTYPE out of PSTATE, where an exception return may have put it. */
export function takeBtype(cpu: CpuState): number {
  const pstate = cpu.low(Slot.PSTATE);
  if ((pstate & BTYPE_MASK) === 0) return 0;
  cpu.setLow(Slot.PSTATE, pstate & ~BTYPE_MASK);
  return (pstate & BTYPE_MASK) >>> BTYPE_SHIFT;
}
