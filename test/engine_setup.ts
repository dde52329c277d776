// HYPATIA_ENGINE=jit: every machine of a test compiles what it meets once, and commands that tests start do so, too.
// HYPATIA_ENGINE=interp, or none: nothing is compiled where a test does not ask for it.

import { setUsualTier } from '../src/interp/region.ts';
import type { TierStats } from '../src/jit/index.ts';

/** Of all engines of this test file. */
export const tiers: TierStats[] = [];

if (process.env['HYPATIA_ENGINE'] === 'jit') {
  const { jitTier } = await import('../src/jit/index.ts');
  setUsualTier(jitTier({ threshold: 1, stretch: [64, 4096] }, (stats) => tiers.push(stats)));
  process.env['HYPATIA_JIT_EAGER'] = '1';
}
