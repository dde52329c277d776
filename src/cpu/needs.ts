// Does a machine (or VM) have what a row of the tables needs?

import type { Feat } from '../arch/features.ts';
import type { Need } from '../arch/schema.ts';

export type Has = (feat: Feat) => boolean;

/** Whether a need is met. */
export function meets(need: Need, has: Has): boolean {
  if (need === 'always') return true;
  if (typeof need === 'object') {
    return 'any' in need ? need.any.some((n) => meets(n, has)) : need.all.every((n) => meets(n, has));
  }
  return need.startsWith('!') ? !has(need.slice(1) as Feat) : has(need as Feat);
}
