// arch/a64/mte.ts has no semantics yet: its instructions are UNDEFINED.

import { MTE_ROWS } from '../arch/a64/mte.ts';
import { semantics } from './semantics.ts';

export const mte = semantics(MTE_ROWS, {});
