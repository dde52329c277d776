// FEAT_CPA2 as the manual's D8.11 words it: what is kept, what becomes of bits 55 and 54, and which control asks for it.

import { describe, expect, it } from 'vitest';
import { checkPointer, PointerCheck } from './pointer_check.ts';

const { Add, Multiply, Unprivileged } = PointerCheck;
const LOW = (1n << 54n) - 1n;
const add = (base: bigint, offset: bigint, checks: number = Add): bigint =>
  checkPointer(BigInt.asUintN(64, base + offset), base, checks, 'present', false);

describe('the check of a sum', () => {
  it.each([
    // Bits 55:54 of the base are equal and the top byte would change: it stays, bit 55 too, bit 54 becomes its opposite.
    ['a carry out of bit 55', 0x12ff_ffff_ffff_ffffn, 1n, 0x1280_0000_0000_0000n],
    ['a borrow from bit 56', 0x1200_0000_0000_0000n, -1n, 0x127f_ffff_ffff_ffffn],
    ['an offset with a top byte', 0x0000_0000_0000_1000n, 0x3400_0000_0000_0008n, 0x0040_0000_0000_1008n],
    ['the same in the upper range', 0xffff_0000_0000_1000n, 0x3400_0000_0000_0008n, 0xffbf_0000_0000_1008n],
    // Bits 55:54 differ: all of bits 63:54 stay.
    ['what was detected before, below', 0x0040_0000_0000_1000n, 8n, 0x0040_0000_0000_1008n],
    ['what was detected before, taken back', 0x0040_0000_0000_0000n, -1n, 0x007f_ffff_ffff_ffffn],
    ['what was detected before, above', 0x12bf_ffff_ffff_ffffn, 1n, 0x1280_0000_0000_0000n],
    // Nothing to detect.
    ['a sum within the top byte', 0x0000_0000_0000_1000n, 8n, 0x0000_0000_0000_1008n],
    ['a change of bits 55:54 alone', 0x003f_ffff_ffff_ffffn, 1n, 0x0040_0000_0000_0000n],
    ['a step over the middle', 0x007f_ffff_ffff_ffffn - (1n << 54n), 1n << 54n, 0x007f_ffff_ffff_ffffn],
  ])('%s', (_, base, offset, result) => {
    expect(add(base, offset).toString(16)).toBe(result.toString(16));
  });
  it('leaves bits 53:0 alone, and does nothing to a base without an offset', () => {
    for (const base of [0n, 0x40_0000_0000_0000n, 0xffff_8000_0000_0000n, 0x5580_1234_5678_9abcn]) {
      expect(add(base, 0n)).toBe(base);
      expect(add(base, 0x7700_0000_1234_5678n) & LOW).toBe((base + 0x1234_5678n) & LOW);
    }
  });
  it('is of the control that the access is under', () => {
    const sum = (checks: number, of: 'present' | 'unprivileged'): bigint =>
      checkPointer(1n << 56n, (1n << 56n) - 1n, checks, of, false);
    const poisoned = 0x80_0000_0000_0000n;
    expect([sum(0, 'present'), sum(Unprivileged, 'present'), sum(Multiply, 'present')]).toEqual(
      Array(3).fill(1n << 56n),
    );
    expect([sum(Add, 'present'), sum(Unprivileged, 'unprivileged')]).toEqual([poisoned, poisoned]);
    expect(sum(Add, 'unprivileged')).toBe(1n << 56n);
  });
  it('takes a product that overflowed for one only where multiplication is checked', () => {
    const product = (checks: number): bigint => checkPointer(0x2000n, 0x1000n, checks, 'present', true);
    expect([product(0), product(Add), product(Add | Multiply)]).toEqual([0x2000n, 0x2000n, 0x40_0000_0000_2000n]);
  });
});
