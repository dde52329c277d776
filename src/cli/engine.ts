// Which engine runs programs, and what it can execute.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { type Feat, has, isFeat } from '../arch/features.ts';
import type { Engine, SystemHooks } from '../cpu/engine.ts';
import type { CpuModel } from '../cpu/models.ts';
import type { PauthState } from '../cpu/pauth.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import type { CpuState } from '../cpu/state.ts';
import { createInterpreter } from '../interp/engine.ts';
import { A64 } from '../isa/a64.ts';

/** Features that are more than instructions, and not there: FEAT_CPA2 changes how every address is generated. */
const ABSENT: readonly Feat[] = ['FEAT_CPA2'];
/** Those, and features with an instruction that has no semantics yet. */
const incomplete: ReadonlySet<string> = (() => {
  const out = new Set<string>(ABSENT);
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

/**
 * The interpreter as the build generated it (tools/postbuild.mjs), or undefined where there is none that is as new as the
 * code it was generated from: then it is generated now, which takes longer.
 */
function prebuiltInterpreter(): Uint8Array | undefined {
  const layer = (name: string): URL => new URL(`../${name}/`, import.meta.url);
  const file = new URL('interp.wasm', layer('interp'));
  try {
    const made = statSync(file).mtimeMs;
    for (const name of ['wasm', 'ir', 'arch/a64', 'isa', 'interp']) {
      for (const source of readdirSync(layer(name))) {
        if (source.endsWith('.js') && statSync(new URL(source, layer(name))).mtimeMs > made) return undefined;
      }
    }
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

export function createEngine(
  mem: PhysMem,
  model: CpuModel,
  hooks: SystemHooks,
  pauth: (cpu: CpuState) => PauthState,
): Engine {
  const read = (enc: number): bigint => model.raw.get(enc) ?? 0n;
  const prebuilt = prebuiltInterpreter();
  return createInterpreter(mem, {
    has: (f) => isFeat(f) && has(f, read),
    hooks,
    pauth,
    groups: A64,
    ...(prebuilt && { prebuilt }),
  });
}
