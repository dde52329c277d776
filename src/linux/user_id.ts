// Identification registers as programs see them.

import type { ReadId } from '../arch/features.ts';
import { encParts } from '../arch/schema.ts';
import { visibleAt } from './hwcap.ts';

/**
 * What MRS of the ID space yields at EL0, where the kernel emulates it.
 * @returns undefined when the access is UNDEFINED there
 * @linux emulate_sys_reg
 */
export function userIdRegister(packed: number, read: ReadId): bigint | undefined {
  const [op0, op1, CRn, CRm, op2] = encParts(packed);
  if (op0 !== 3 || op1 !== 0 || CRn !== 0 || CRm === 1 || CRm > 7) return undefined;
  if (CRm === 0) {
    if (op2 === 0) return read(packed); // MIDR_EL1
    if (op2 === 5) return 0x8000_0000n; // MPIDR_EL1: only the RES1 bit
    return op2 === 6 ? read(packed) : undefined; // REVIDR_EL1
  }
  return visibleAt(packed, read);
}
