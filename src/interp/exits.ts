// Why compiled code comes back, as numbers inside a status.

import { Exit } from '../cpu/engine.ts';

export const EXITS = Exit;
/** A status is reason << REASON_SHIFT | LEAVE | PAST. */
export const REASON_SHIFT = 4;
