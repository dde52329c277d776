// Counts added to general registers and to vectors, wrapping or saturating: of elements (sve_int.ts) and of true elements of
// predicates (sve_pred.ts).

import { choose2, countOf, type Op2 } from './sve_lanes.ts';
import type { Plan, SveMachine } from './sve_machine.ts';
import * as op from './sve_ops.ts';

/** Saturating Rdn ± n: 32 bits (extended by their sign or by zeroes) or 64. */
export function saturateScalar(m: SveMachine, f: { sf: number; D: number; U: number; Rdn: number }, n: number): void {
  const bits = f.sf ? 64 : 32;
  const by = BigInt(f.D ? -n : n);
  const x = m.x(f.Rdn);
  if (f.U) m.setX(f.Rdn, op.satU.w(BigInt.asUintN(bits, x) + by, bits));
  else m.setX(f.Rdn, op.satS.w(BigInt.asIntN(bits, x) + by, bits));
}
/** Saturating or wrapping Zdn ± n in every element. */
export function addToElements(
  m: SveMachine,
  f: { size: number; D: number; Zdn: number; U?: number },
  n: (m: SveMachine) => number,
): Plan {
  const table = { wrapping: [op.add, op.sub], signed: [op.sqadd, op.sqsub], unsigned: [op.uqadd, op.uqsub] };
  const [up, down] = table[f.U === undefined ? 'wrapping' : f.U ? 'unsigned' : 'signed'] as [Op2, Op2];
  return choose2(m, f.size, f.D ? down : up, (lanes, g) => () => {
    const d = lanes.read(0, f.Zdn);
    const by = lanes.of(n(m));
    for (let i = 0; i < countOf(m, f.size); i++) d[i] = g(d[i]!, by, lanes.bits);
    lanes.write(f.Zdn, d);
  });
}
