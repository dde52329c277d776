// A guest that tries a list of instructions at EL1, one after the other, and says which exception each took.

import { enc } from '../../src/arch/schema.ts';
import { DONE, type GuestOptions, SET_VECTORS, TestGuest, VECTORS } from './guest.ts';

const BYTES = 8;
export const UNDEF = 0x0200_0000n;
/** FP is on for both levels. */
const ENABLE_FP = 'mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb\n';

/** MRS X1 or MSR X1 of any encoding. */
export function sysregInsn(encoding: number, isRead: boolean): string {
  const word = 0xd500_0000 + ((isRead ? 1 << 21 : 0) | (encoding << 5) | 1);
  return `.inst 0x${(word >>> 0).toString(16)}`;
}
/** SYS with X1. */
export function sysInsn(encoding: number): string {
  return `.inst 0x${((0xd500_0000 + ((encoding << 5) | 1)) >>> 0).toString(16)}`;
}

/**
 * @param insns instructions that may use X1 (0 before each) and X2
 * @returns for each: ESR_EL1 of the exception that it took, 0n for none; and what it left in X1
 */
export function probe(
  insns: readonly string[],
  options: GuestOptions = {},
): { readonly esr: bigint[]; readonly x1: bigint[]; readonly guest: TestGuest } {
  const body = insns.map((i) => ` mov x28, #0\n mov x1, #0\n ${i}\n stp x28, x1, [x20], #16`).join('\n');
  const guest = new TestGuest(
    `${SET_VECTORS}${ENABLE_FP} adrp x20, results\n add x20, x20, :lo12:results\n${body}\n ${DONE} ${VECTORS}
    .balign 4096\nresults: .skip ${insns.length * 2 * BYTES}\n`,
    options,
  );
  guest.finish();
  const at = Number(guest.symbols.get('results')! - guest.ram.guestPhysAddr);
  const bytes = guest.ram.read(at, insns.length * 2 * BYTES);
  const words = new BigUint64Array(bytes.slice().buffer);
  return { esr: insns.map((_, i) => words[2 * i]!), x1: insns.map((_, i) => words[2 * i + 1]!), guest };
}
export const FPMR = enc(3, 3, 4, 4, 2);
