// Which instructions of a guarded page may be branched to indirectly (FEAT_BTI), derived from their rows.

import { BRANCHES } from '../arch/a64/branches.ts';
import { parseRow } from '../arch/a64/encoding.ts';
import { PAUTH_ROWS } from '../arch/a64/pauth.ts';
import type { Row } from '../arch/a64/schema.ts';
import { SYSTEM } from '../arch/a64/system.ts';
import type { LandingPads } from './bti.ts';

/** Bits for the values of PSTATE.BTYPE after an indirect branch: a call, a jump by X16 or X17 or from elsewhere, another one. */
const CALL = 1 << 0b10;
const JUMP = 1 << 0b01;
const OTHER = 1 << 0b11;

/**
 * Where branches may land, and which: by values of the field, if one is named.
 * @arm BTypeCompatible_BTI, BTypeCompatible_PAC
 * Our choice: SCTLR_ELx.BT is taken as 1, as Linux sets it for programs and for itself.
 */
const PADS: readonly (readonly [Row, types: readonly number[], field?: string])[] = [
  [SYSTEM.BTI, [0, CALL | JUMP, JUMP | OTHER, CALL | JUMP | OTHER], 'targets'],
  ...[PAUTH_ROWS.PACIASP, PAUTH_ROWS.PACIBSP, PAUTH_ROWS.PACIASPPC, PAUTH_ROWS.PACIBSPPC].map(
    (row) => [row, [CALL | JUMP]] as const,
  ),
  [BRANCHES.BRK, [CALL | JUMP | OTHER]],
  [BRANCHES.HLT, [CALL | JUMP | OTHER]],
];

/** What may be branched to. @param has whether the machine has a feature, by its FEAT_ name */
export function landingPads(has: (feature: string) => boolean): LandingPads {
  return PADS.filter(([row]) => row.feat === undefined || has(row.feat)).flatMap(([row, types, field]) => {
    const { mask, value, fields } = parseRow(row);
    const span = fields.find(({ name }) => name === field);
    return types.map((of, i) => {
      if (!span) return [mask, value, of] as const;
      return [(mask | ((2 ** span.width - 1) << span.lo)) >>> 0, (value | (i << span.lo)) >>> 0, of] as const;
    });
  });
}
