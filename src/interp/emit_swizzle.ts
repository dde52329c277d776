// Table look-ups of bytes. Machines look up by some bits of an index alone; what makes indices from 16 to 127 give 0 costs as
// much as the look-up. Where none of them can come up, the relaxed instruction does the same on every machine.

import type { Node, NodeOf } from '../ir/ops.ts';

/** Bits that say that an index is not below 16, without the highest one, with which all machines give 0. */
const DOUBTFUL = 0x70;
/** How far back what an index is made of is looked at. */
const DEPTH = 6;

/** Bits that may be set in some byte of a vector. */
function possibleBits(n: Node | undefined, depth = DEPTH): number {
  if (!n || depth === 0) return 255;
  const of = (i: number): number => possibleBits(n.args[i], depth - 1);
  switch (n.op) {
    case 'const.v128': {
      let bits = 0;
      for (let v = n.attr; v !== 0n; v >>= 8n) bits |= Number(v & 255n);
      return bits;
    }
    case 'v128.and':
      return of(0) & of(1);
    case 'v128.or':
    case 'v128.xor':
    case 'i8x16.shuffle':
      return of(0) | of(1);
    case 'i8x16.swizzle':
      return of(0);
    default:
      return 255;
  }
}

/** Every machine gives the same, for the relaxed instruction too. */
export function isPlainLookup(n: NodeOf<'i8x16.swizzle'>): boolean {
  return (possibleBits(n.args[1]) & DOUBTFUL) === 0;
}
