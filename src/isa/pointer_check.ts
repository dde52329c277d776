// Checked pointer arithmetic (FEAT_CPA2): what becomes of an address whose top byte would change. Compiled engines do not
// know it: while a check is on, the reference evaluator runs.

import type { PointerOf } from '../ir/ops.ts';

/** Bits of Slot.POINTER_CHECKS: additions, multiplications (only ever together with it), additions of unprivileged accesses. */
export const PointerCheck = { Add: 1, Multiply: 2, Unprivileged: 4 } as const;

const TOP = 0xff80n << 48n;
const BIT_54 = 1n << 54n;

/**
 * Bits 63:55 of the base stay and bit 54 is made unequal to bit 55, if the top byte of the sum differs, if that had been
 * detected before, or if a product of the sum overflowed.
 * @param checks the bits of PointerCheck that are in effect
 * @arm PointerCheckAtEL, R_RQRKMW ff.
 */
export function checkPointer(sum: bigint, base: bigint, checks: number, of: PointerOf, overflow: boolean): bigint {
  const add = of === 'unprivileged' ? PointerCheck.Unprivileged : PointerCheck.Add;
  const detectedBefore = ((base >> 55n) & 1n) !== ((base >> 54n) & 1n);
  const detected = sum >> 56n !== base >> 56n || detectedBefore;
  if (!((detected && checks & add) || (overflow && checks & PointerCheck.Multiply))) return sum;
  const kept = (sum & ~(TOP | BIT_54)) | (base & TOP);
  return kept & (1n << 55n) ? kept : kept | BIT_54;
}
