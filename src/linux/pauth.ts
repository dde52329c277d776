// Pointer authentication as Linux sets it up for programs: all keys on, random, new ones with every execve.
// @linux ptrauth_keys_init_user

import { type Feat, has, type ReadId } from '../arch/features.ts';
import { type PauthState, resetPauth } from '../cpu/pauth.ts';
import type { Rng } from './rng.ts';

const KEYS = 5;
const WORDS = 4;
/** User addresses have 48 bits; their top byte is ignored. */
const VA_BITS = 48;

export function newPauth(read: ReadId, rng: Rng): PauthState {
  const is = (f: Feat) => has(f, read);
  const keys = new Int32Array(KEYS * WORDS);
  for (let i = 0; i < keys.length; i++) keys[i] = rng.next();
  return {
    ...resetPauth(),
    algorithm: is('FEAT_PACQARMA5') ? 'qarma5' : is('FEAT_PACQARMA3') ? 'qarma3' : 'impdef',
    epac: is('FEAT_EPAC'),
    pauth2: is('FEAT_PAuth2'),
    fpac: is('FEAT_FPAC'),
    fpacCombine: is('FEAT_FPACCOMBINE'),
    enabled: 15,
    keys,
    bottom: [VA_BITS, VA_BITS],
    tbiData: 1,
    tbiInstruction: 1,
  };
}
