// The public face of the JIT.

export { COUNTED, type Counted, type Counts } from './counts.ts';
export { type CompiledRegion, type Disassemble, regionText } from './dump.ts';
export { jitTier, NO_STATS, type TierOptions, type TierStats } from './tier.ts';
