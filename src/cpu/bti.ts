// Branch target identification (FEAT_BTI): whether an instruction of a guarded page may be branched to indirectly.
// Engines ask when an indirect branch arrives in such a page; PSTATE.BTYPE exists only between the two.

import { BRANCHES } from '../arch/a64/branches.ts';
import { type FieldValues, fieldsOf, matches, type ParsedRow, parseRow } from '../arch/a64/encoding.ts';
import { PAUTH_ROWS } from '../arch/a64/pauth.ts';
import type { Row } from '../arch/a64/schema.ts';
import { SYSTEM } from '../arch/a64/system.ts';
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

type Allows = (fields: FieldValues, btype: number) => boolean;
/**
 * Where branches may land, and which.
 * @arm BTypeCompatible_BTI, BTypeCompatible_PAC
 * Our choice: SCTLR_ELx.BT is taken as 1, as Linux sets it for programs and for itself.
 */
const PADS: readonly (readonly [Row, Allows])[] = [
  [SYSTEM.BTI, ({ targets: t }, btype) => t === 3 || (t === 1 && btype !== 0b11) || (t === 2 && btype !== 0b10)],
  ...[PAUTH_ROWS.PACIASP, PAUTH_ROWS.PACIBSP, PAUTH_ROWS.PACIASPPC, PAUTH_ROWS.PACIBSPPC].map(
    (row) => [row, (_, btype) => btype !== 0b11] satisfies [Row, Allows],
  ),
  [BRANCHES.BRK, () => true],
  [BRANCHES.HLT, () => true],
];

/** What may be branched to on one machine. */
export class LandingPads {
  private readonly pads: readonly { readonly row: ParsedRow; readonly allows: Allows }[];

  /** @param has whether the machine has a feature, by its FEAT_ name */
  constructor(has: (feature: string) => boolean) {
    this.pads = PADS.filter(([row]) => row.feat === undefined || has(row.feat)).map(([row, allows]) => ({
      row: parseRow(row),
      allows,
    }));
  }
  private allows(word: number, btype: number): boolean {
    const pad = this.pads.find(({ row }) => matches(row, word));
    return pad?.allows(fieldsOf(pad.row, word), btype) ?? false;
  }
  /** @returns false after having set cpu.exception and PSTATE.BTYPE. */
  mayLand(cpu: CpuState, word: number, btype: number): boolean {
    if (btype === 0 || this.allows(word, btype)) return true;
    putBtype(cpu, btype);
    cpu.exception = { ec: EC_BRANCH_TARGET, iss: btype, far: 0n, ipa: 0n, toEl2: false };
    return false;
  }
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
