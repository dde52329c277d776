// Addressing modes of loads and stores, and what a load does to a value on its way into a register. Shared by the
// files of all loads and stores; nothing here knows an instruction.

import type { Bits, Ops, Reg, Val } from './ops.ts';
import { extendedReg, signed } from './shared.ts';

/** Where an access goes, and what the base register becomes (write-back), if anything. */
export interface Address {
  readonly at: Val;
  readonly writeBack?: { readonly base: Reg; readonly value: Val };
}

/** How an immediate offset is used: `post` accesses at the base, both `post` and `pre` write the sum back. */
export type Indexing = 'offset' | 'pre' | 'post';

/** Base register plus an offset computed from the fields. */
export function indexed<F>(
  o: Ops<F>,
  Rn: Reg,
  indexing: Indexing,
  offset: (f: F) => bigint,
  opts?: { unprivileged?: boolean },
): Address {
  const base = o.base(Rn);
  const sum = o.addAddress(base, o.imm(offset), opts);
  if (indexing === 'offset') return { at: sum };
  return { at: indexing === 'post' ? base : sum, writeBack: { base: Rn, value: sum } };
}
export const imm9 = (f: { readonly imm9: number }): bigint => signed(f.imm9, 9);
/** Unsigned offset in units of the access. */
export const imm12 =
  (bits: number) =>
  (f: { readonly imm12: number }): bigint =>
    BigInt(f.imm12 * (bits / 8));
export const imm7 =
  (bits: number) =>
  (f: { readonly imm7: number }): bigint =>
    signed(f.imm7, 7) * BigInt(bits / 8);

/** Base plus an extended register, shifted by the access size if S. */
export function registerOffset(
  o: Ops<{ readonly option: number; readonly S: number }>,
  Rn: Reg,
  Rm: Reg,
  bits: number,
): Address {
  const log = Math.log2(bits / 8);
  return {
    at: o.addAddress(
      o.base(Rn),
      extendedReg(o, Rm, 1, (f) => (f.S ? log : 0), true),
    ),
  };
}

/** Called after the accesses, before any other register is written: a loaded register wins over the base. */
export function writeBack<F>(o: Ops<F>, { writeBack: w }: Address): void {
  if (w) o.setXSP(w.base, w.value);
}

/** Sign-extends a loaded value of `bits` (i32) to a W or X register. */
export function extendLoaded<F>(o: Ops<F>, value: Val, bits: 8 | 16 | 32, wide: boolean): Val {
  const word = bits === 32 ? value : o.sext(value, bits);
  return wide ? o.extS(word) : word;
}

/** Access width of a `size` field: log2 of the bytes. */
export const bitsOfSize = (size: number): Bits => (8 << size) as Bits;
