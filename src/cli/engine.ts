// Which engine runs programs, and what it can execute.

import { type Feat, has } from '../arch/features.ts';
import type { Engine, SystemHooks } from '../cpu/engine.ts';
import type { CpuModel } from '../cpu/models.ts';
import type { PauthState } from '../cpu/pauth.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import type { CpuState } from '../cpu/state.ts';
import { createInterpreter } from '../interp/engine.ts';
import { A64 } from '../isa/a64.ts';

/** Features with an instruction that has no semantics yet. */
const incomplete: ReadonlySet<string> = (() => {
  const out = new Set<string>();
  for (const group of A64)
    for (const row of Object.values(group.rows)) {
      if (!row.todo) continue;
      if (row.feat !== undefined) out.add(row.feat);
      if (row.also !== undefined) out.add(row.also);
    }
  return out;
})();

/** All instructions of the feature are there. */
export function canExecute(feat: Feat): boolean {
  return !incomplete.has(feat);
}

export function createEngine(
  mem: PhysMem,
  model: CpuModel,
  hooks: SystemHooks,
  pauth: (cpu: CpuState) => PauthState,
): Engine {
  const read = (enc: number): bigint => model.raw.get(enc) ?? 0n;
  return createInterpreter(mem, { has: (f) => has(f as Feat, read), hooks, pauth, groups: A64 });
}
