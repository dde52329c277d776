// The public face of the JIT.

export { jitTier, type TierOptions, type TierStats } from './tier.ts';
