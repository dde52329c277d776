// How SVE memory instructions are written.

import { SVE_MEM } from '../../arch/a64/sve_mem.ts';
import { form, syntax } from '../form.ts';
import { texts, X, Xsp } from '../operands.ts';
import type { Named } from '../operands_simd.ts';
import { BHSD, implied, mulVl, P, Pz, zlist } from '../operands_sve.ts';

/** What dtype says: mnemonic suffix, elements of the register, log2 of bytes in memory. */
const DTYPE: readonly (readonly [suffix: string, elements: string, msz: number])[] = [
  ['b', 'b', 0], ['b', 'h', 0], ['b', 's', 0], ['b', 'd', 0], ['sw', 'd', 2], ['h', 'h', 1], ['h', 's', 1], ['h', 'd', 1],
  ['sh', 'd', 1], ['sh', 's', 1], ['w', 's', 2], ['w', 'd', 2], ['sb', 'd', 0], ['sb', 's', 0], ['sb', 'h', 0], ['d', 'd', 3],
]; // biome-ignore format: a table
const loadSuffix = texts(...DTYPE.map(([t], dtype) => [t, { dtype }] as const));
const loadElements: Named = DTYPE.map(([, t], dtype) => [t, { dtype }]);
const loadShift = implied(...DTYPE.map(([, , msz], dtype) => [msz === 0 ? '' : `, lsl #${msz}`, { dtype }] as const));
const storeSuffix = texts(['b', { msz: 0 }], ['h', { msz: 1 }], ['w', { msz: 2 }], ['d', { msz: 3 }]);
const storeShift = implied(['', { msz: 0 }], [', lsl #1', { msz: 1 }], [', lsl #2', { msz: 2 }], [', lsl #3', { msz: 3 }]);

export const SVE_MEM_SYNTAX = syntax(SVE_MEM, {
  LD1_rr: form`ld1${loadSuffix} ${zlist('Zt', loadElements)}, ${Pz()}, [${Xsp('Rn')}, ${X('Rm')}${loadShift}]`,
  LD1_ri: form`ld1${loadSuffix} ${zlist('Zt', loadElements)}, ${Pz()}, [${Xsp('Rn')}${mulVl('imm4', 4)}]`,
  ST1_rr: form`st1${storeSuffix} ${zlist('Zt', BHSD)}, ${P('Pg')}, [${Xsp('Rn')}, ${X('Rm')}${storeShift}]`,
  ST1_ri: form`st1${storeSuffix} ${zlist('Zt', BHSD)}, ${P('Pg')}, [${Xsp('Rn')}${mulVl('imm4', 4)}]`,
}); // biome-ignore format: a table
