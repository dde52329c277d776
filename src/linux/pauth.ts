// Pointer authentication as Linux sets it up for programs: all keys on, random, new ones with every execve.
// @linux ptrauth_keys_init_user

import { type PauthState, resetPauth } from '../cpu/pauth.ts';
import type { CpuFacts } from './machine.ts';
import type { Rng } from './rng.ts';

const KEYS = 5;
const WORDS = 4;
/** User addresses have 48 bits; their top byte is ignored. */
const VA_BITS = 48;

export function newPauth(facts: CpuFacts, rng: Rng): PauthState {
  const keys = new Int32Array(KEYS * WORDS);
  for (let i = 0; i < keys.length; i++) keys[i] = rng.next();
  return {
    ...resetPauth(),
    algorithm: facts.has('FEAT_PACQARMA5') ? 'qarma5' : facts.has('FEAT_PACQARMA3') ? 'qarma3' : 'impdef',
    epac: facts.has('FEAT_EPAC'),
    pauth2: facts.has('FEAT_PAuth2'),
    fpac: facts.has('FEAT_FPAC'),
    fpacCombine: facts.has('FEAT_FPACCOMBINE'),
    enabled: 15,
    keys,
    bottom: [VA_BITS, VA_BITS],
    tbiData: 1,
    tbiInstruction: 1,
  };
}
