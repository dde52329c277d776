// Semantics of arch/a64/sve_pred.ts.

import { SVE_PRED } from '../arch/a64/sve_pred.ts';
import { routines } from './semantics.ts';
import { maskRoom, predTest, writeMask } from './sve_lanes.ts';

/** Elements that a predicate pattern means, of `count` there are. @arm DecodePredCount */
export function patternCount(pattern: number, count: number): number {
  const upTo = (n: number): number => (n <= count ? n : 0);
  if (pattern === 0) return 2 ** Math.floor(Math.log2(count));
  if (pattern <= 8) return upTo(pattern);
  if (pattern <= 13) return upTo(16 << (pattern - 9));
  switch (pattern) {
    case 29:
      return count - (count % 4);
    case 30:
      return count - (count % 3);
    default:
      return pattern === 31 ? count : 0;
  }
}

export const svePred = routines(SVE_PRED, {
  PTRUE:
    ({ size, S, pattern, Pd }, m) =>
    () => {
      const count = m.vl >> size;
      const p = maskRoom(0).fill(0, 0, count).fill(1, 0, patternCount(pattern, count));
      writeMask(m, Pd, size, p);
      if (S) predTest(m, p, p, count);
    },
  WHILELO:
    ({ size, sf, Rm, Rn, Pd }, m) =>
    () => {
      const width = sf ? 64 : 32;
      const left = BigInt.asUintN(width, m.x(Rm)) - BigInt.asUintN(width, m.x(Rn));
      const count = m.vl >> size;
      const n = left <= 0n ? 0 : left > count ? count : Number(left);
      const p = maskRoom(0).fill(0, 0, count).fill(1, 0, n);
      writeMask(m, Pd, size, p);
      predTest(m, maskRoom(1).fill(1, 0, count), p, count);
    },
});
