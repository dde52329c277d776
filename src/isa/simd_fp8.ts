// Semantics of arch/a64/simd_fp8.ts: none yet. The group exists so that decode knows the encodings and the status page
// counts them.

import { SIMD_FP8 } from '../arch/a64/simd_fp8.ts';
import { semantics } from './semantics.ts';

export const simdFp8 = semantics(SIMD_FP8, {}, { fp: true });
