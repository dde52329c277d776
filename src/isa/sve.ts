// Semantics of arch/a64/sve.ts, the Scalable Vector Extension: none yet. The group exists so that decode knows the
// encodings.

import { SVE } from '../arch/a64/sve.ts';
import { semantics } from './semantics.ts';

export const sve = semantics(SVE, {}, { fp: true });
