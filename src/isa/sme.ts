// Semantics of arch/a64/sme.ts, the Scalable Matrix Extension: none yet. The group exists so that decode knows the
// encodings.

import { SME } from '../arch/a64/sme.ts';
import { semantics } from './semantics.ts';

export const sme = semantics(SME, {}, { fp: true });
