// What an interpreter is made with.

import type { WasmModule } from '../base/webassembly.ts';
import type { LandingPads } from '../cpu/bti.ts';
import type { SystemHooks } from '../cpu/engine.ts';
import type { CpuState } from '../cpu/state.ts';
import type { SystemOptions } from '../cpu/system.ts';
import type { StartThread } from './crew.ts';
import type { Prebuilt } from './prebuilt.ts';
import type { MakeTier } from './region.ts';
import type { Templates } from './templates.ts';

export interface EngineOptions extends SystemOptions {
  /** Whether the machine has a feature, by its FEAT_ name. */
  has(feature: string): boolean;
  /** What follows from that (landingPads), if it is known already. */
  readonly pads?: LandingPads | undefined;
  /** Another one for other features: what is compiled depends on it. */
  readonly machine?: string;
  readonly hooks: SystemHooks;
  /** What generateInterpreter made of the groups when the project was built: nothing is generated at start-up then. */
  readonly prebuilt?: Prebuilt;
  /** Gives the module of `prebuilt` if it was compiled before, for shared memory. */
  readonly compiled?: () => WasmModule | undefined;
  /** Records of an earlier run with the same `prebuilt` and features, and for the next one. */
  readonly templates?: Templates;
  /** What compiles frequent code; without it everything is interpreted. */
  readonly tier?: MakeTier;
  /** Threads for runs that need not take turns; the memory must be a shared one. */
  readonly threads?: ThreadOptions;
}
export interface ThreadOptions {
  readonly begin: StartThread;
  readonly most: number;
  /** A CPU asks for something: time goes at least as far as it has come. */
  follow(cpu: CpuState): void;
}
