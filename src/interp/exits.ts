// Why compiled code comes back, as numbers inside a status.

import { Exit } from '../cpu/engine.ts';

/** Alone: the instruction at PC can only be atomic while no other PE executes; Slot.ALONE is to say that none does. */
export const EXITS = { ...Exit, Alone: 6 } as const;
/** A status is reason << REASON_SHIFT | LEAVE | PAST. */
export const REASON_SHIFT = 4;
/** Instructions are counted in 31 bits, and a run may go past its budget by a page of straight code. */
export const MAX_BUDGET = 0x7fff_0000;
