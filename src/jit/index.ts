// The public face of the JIT.

export { COUNTED, type Counted, type Counts } from './counts.ts';
export { type CompiledRegion, type Disassemble, regionText } from './dump.ts';
export { type KeepingTier, keepingTier, keptBytes } from './keep.ts';
export { NO_STATS, Regions, type TierStats } from './regions.ts';
export { jitTier, type Place, type TierOptions } from './tier.ts';
