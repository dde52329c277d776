// Which engine runs programs, and what it can execute.

import { openSync, readdirSync, readSync, statSync } from 'node:fs';
import { type Feat, has, isFeat } from '../arch/features.ts';
import { lazy } from '../base/lazy.ts';
import type { Engine, SystemHooks } from '../cpu/engine.ts';
import type { CpuModel } from '../cpu/models.ts';
import type { PauthState } from '../cpu/pauth.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import type { CpuState } from '../cpu/state.ts';
import { createInterpreter, type ThreadOptions } from '../interp/engine.ts';
import { Prebuilt } from '../interp/prebuilt.ts';
import type { MakeTier, Tier } from '../interp/region.ts';
import { Templates } from '../interp/templates.ts';
import { A64 } from '../isa/a64.ts';
import type { TierOptions } from '../jit/index.ts';
import type { CpuFacts } from '../linux/index.ts';
import { keepAtEnd, optimisedModule, readKept } from './kept.ts';
import type { EngineName } from './options.ts';
import type { EngineStats } from './stats.ts';

/** Features with an instruction that has no semantics yet. */
const incomplete = lazy((): ReadonlySet<string> => {
  const out = new Set<string>();
  for (const group of A64)
    for (const row of Object.values(group.rows)) {
      if (!row.todo) continue;
      if (row.feat !== undefined) out.add(row.feat);
      if (row.also !== undefined) out.add(row.also);
    }
  return out;
});

/** All instructions of the feature are there. */
export function canExecute(feat: Feat): boolean {
  return !incomplete().has(feat);
}

/**
 * The interpreter as the build generated it (tools/postbuild.mjs), or undefined where there is none that is as new as the
 * code it was generated from: then it is generated now, which takes longer.
 */
function prebuiltInterpreter(): Prebuilt | undefined {
  const layer = (name: string): URL => new URL(`../${name}/`, import.meta.url);
  const file = new URL('interp.wasm', layer('interp'));
  try {
    // The bundle was made together with it.
    if (/\/bin\/[^/]*$/.test(import.meta.url)) return open(file);
    const made = statSync(file).mtimeMs;
    for (const name of ['wasm', 'ir', 'arch/a64', 'isa', 'interp']) {
      for (const source of readdirSync(layer(name))) {
        if (source.endsWith('.js') && statSync(new URL(source, layer(name))).mtimeMs > made) return undefined;
      }
    }
    return open(file);
  } catch {
    return undefined;
  }
}
function open(file: URL): Prebuilt {
  const fd = openSync(file, 'r');
  return new Prebuilt((from, to) => {
    const bytes = new Uint8Array(to - from);
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
  });
}

/** What compiles code. */
export interface TierChoice {
  readonly make: MakeTier | undefined;
  /** Stands before the engine: tools look on. */
  readonly observe?: (engine: Engine) => Engine;
}
const INTERPRETED: TierChoice = { make: undefined };
/** Megabytes. */
export const DEFAULT_CACHE = 256;
/** Samples before the compiler is loaded, and instructions from one to the next. */
const PATIENCE = 512;
const STRETCH = 4096;
/** How often samples are taken where everything is to be compiled when it is first met. */
const EAGER: Partial<TierOptions> = { threshold: 1, stretch: [512, 1 << 16] };

export interface CompilerOptions {
  /** Megabytes. */
  readonly cache?: number;
  /** Compile what is met once, instead of what is met often. */
  readonly eager?: boolean;
  readonly stats?: EngineStats | undefined;
  /** Is given the text of every region. */
  readonly dump?: ((text: string, address: bigint) => void) | undefined;
}

/** `auto` loads the compiler when a program has run for a while: short ones never pay for it. */
export async function chooseTier(name: EngineName, options: CompilerOptions = {}): Promise<TierChoice> {
  const { cache = DEFAULT_CACHE, eager = false, stats, dump } = options;
  const observe = stats && { observe: stats.observe };
  if (name === 'interp') return { ...INTERPRETED, ...observe };
  const load = async (): Promise<MakeTier> => {
    const { jitTier, regionText } = await import('../jit/index.ts');
    const { disassemble } = dump ? await import('../asm/a64.ts') : {};
    const more: Partial<TierOptions> = {
      ...(eager && EAGER),
      ...(stats && { count: true }),
      ...(dump && {
        dump: (r) =>
          dump(
            regionText(r, (word, pc) => disassemble!(word, { pc })),
            r.base + BigInt(r.graph.entries[0]! * 4),
          ),
      }),
    };
    return jitTier({ cache, now: () => performance.now(), ...more }, stats?.report);
  };
  return { make: name === 'jit' ? await load() : lazily(load), ...observe };
}
function lazily(load: () => Promise<MakeTier>): MakeTier {
  return (host) => {
    let tier: Tier | undefined;
    let samples = 0;
    return {
      stretch: STRETCH,
      sample(cpu, pc, records, guarded) {
        if (tier) return tier.sample(cpu, pc, records, guarded);
        if (++samples === PATIENCE) {
          void load().then((make) => {
            tier = make(host);
          });
        }
        return STRETCH;
      },
      dropped: (records) => tier?.dropped(records),
    };
  };
}

/** Instructions that nobody has met before of a program that is like no other before. */
const OTHER_PROGRAM = 256;

/** What earlier runs on the same model have decoded: it depends on its features. */
function keptTemplates(model: CpuModel): Templates {
  let sum = 0xcbf29ce484222325n;
  for (const [enc, value] of model.raw) sum = BigInt.asUintN(64, (sum ^ (BigInt(enc) << 48n) ^ value) * 0x100000001b3n);
  const name = `decoded-${sum.toString(16)}`;
  const templates = new Templates(readKept(name));
  keepAtEnd(
    name,
    () => templates.bytes(),
    () => templates.added > OTHER_PROGRAM,
  );
  return templates;
}

export function createEngine(
  mem: PhysMem,
  model: CpuModel,
  facts: CpuFacts | undefined,
  hooks: SystemHooks,
  pauth: (cpu: CpuState) => PauthState,
  { make, observe = (engine) => engine }: TierChoice = INTERPRETED,
  threads?: ThreadOptions,
): Engine {
  const read = (enc: number): bigint => model.raw.get(enc) ?? 0n;
  const prebuilt = prebuiltInterpreter();
  // A program on many threads is interpreted by another program.
  const templates = prebuilt && !threads && keptTemplates(model);
  const engine = createInterpreter(mem, {
    has: facts ? (f) => facts.has(f as Feat) : (f) => isFeat(f) && has(f, read),
    hooks,
    pauth,
    // Asked for when there is an instruction that nobody has met before.
    get groups() {
      return A64;
    },
    ...(prebuilt && { prebuilt, compiled: () => optimisedModule(prebuilt.main) }),
    ...(templates && { templates }),
    ...(make && { tier: make }),
    ...(threads && { threads }),
  });
  return observe(engine);
}
