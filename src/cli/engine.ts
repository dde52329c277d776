// Which engine runs programs, and what it can execute.

import { openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Feat, has, isFeat } from '../arch/features.ts';
import { lazy } from '../base/lazy.ts';
import type { Engine, SystemHooks } from '../cpu/engine.ts';
import type { CpuModel } from '../cpu/models.ts';
import type { PauthState } from '../cpu/pauth.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import type { CpuState } from '../cpu/state.ts';
import { createInterpreter } from '../interp/engine.ts';
import type { ThreadOptions } from '../interp/options.ts';
import { Prebuilt } from '../interp/prebuilt.ts';
import type { MakeTier } from '../interp/region.ts';
import { Templates } from '../interp/templates.ts';
import { A64 } from '../isa/a64.ts';
import { Counts } from '../jit/counts.ts';
import type { Place, TierOptions } from '../jit/index.ts';
import { circumstancesOf, readKept as readRegions } from '../jit/kept.ts';
import { DEFAULT_CACHE, Regions } from '../jit/regions.ts';
import type { ModelFacts } from './cpu_option.ts';
import { borrowKept, keepAtEnd, nativeModule, optimisedModule, readKept } from './kept.ts';
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
  // Without URLs, and names put together by hand: making them takes longer than reading the file.
  const here = import.meta.dirname;
  const layer = (name: string): string => `${here}/../${name}`;
  const file = `${layer('interp')}/interp.wasm`;
  try {
    // The bundle was made together with it.
    if (here.endsWith('bin')) return open(file);
    const made = statSync(file).mtimeMs;
    for (const name of ['wasm', 'ir', 'arch/a64', 'isa', 'interp']) {
      for (const source of readdirSync(layer(name))) {
        if (source.endsWith('.js') && statSync(join(layer(name), source)).mtimeMs > made) return undefined;
      }
    }
    return open(file);
  } catch {
    return undefined;
  }
}
function open(file: string): Prebuilt {
  const fd = openSync(file, 'r');
  return new Prebuilt((from, to) => {
    const bytes = Buffer.allocUnsafeSlow(to - from);
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
/** Samples before the compiler is loaded, and instructions from one to the next. */
const PATIENCE = 512;
const STRETCH = 4096;
/** How many of them may meet a place that is then compiled: less than the compiler's own, which come less often. */
const OFTEN = 16;
/** Samples before what was kept of the program is read: it pays where there are more. */
const SHORT = 64;
/** How often samples are taken where everything is to be compiled when it is first met. */
const EAGER: Partial<TierOptions> = { threshold: 1, stretch: [512, 1 << 16], misses: 4 };

export interface CompilerOptions {
  /** Megabytes. */
  readonly cache?: number;
  /** Compile what is met once, instead of what is met often. */
  readonly eager?: boolean;
  readonly stats?: EngineStats | undefined;
  /** Is given the text of every region. */
  readonly dump?: ((text: string, address: bigint) => void) | undefined;
  /** Name of the program whose compiled code is kept for its next run; undefined: nothing is kept, and nothing kept is used. */
  readonly keepFor?: string | undefined;
}

/** `auto` loads the compiler when a program has run for a while: short ones never pay for it. */
export async function chooseTier(name: EngineName, options: CompilerOptions = {}): Promise<TierChoice> {
  const { eager = false, stats, dump, keepFor } = options;
  const observe = stats && { observe: stats.observe };
  if (name === 'interp') return { ...INTERPRETED, ...observe };
  const program = eager || dump ? undefined : keepFor;
  const load = async (): Promise<Load> => {
    const { cache = DEFAULT_CACHE } = options;
    const { jitTier, keptBytes, regionText } = await import('../jit/index.ts');
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
    return {
      keptBytes,
      make: (regions, early = []) =>
        jitTier(
          { cache, now: () => performance.now(), keep: program !== undefined, regions, early, ...more },
          stats?.report,
        ),
    };
  };
  const loaded = name === 'jit' ? await load() : undefined;
  return { make: lazily(load, options, program, loaded), ...observe };
}

/** The compiler. */
interface Load {
  readonly keptBytes: typeof import('../jit/index.ts').keptBytes;
  make(regions: Regions, early?: readonly Place[]): MakeTier;
}
/** Places that samples have met before the compiler is there. */
class EarlyPlaces {
  private readonly met = new Map<bigint, { readonly place: Place; count: number }>();

  add(place: Place): void {
    const known = this.met.get(place.pc);
    if (known) known.count++;
    else this.met.set(place.pc, { place, count: 1 });
  }
  /** The most frequent first. */
  often(): readonly Place[] {
    const often = [...this.met.values()].filter(({ count }) => count >= OFTEN);
    return often.sort((a, b) => b.count - a.count).map(({ place }) => place);
  }
}
/** @param program see keepFor @param loaded is there at once */
function lazily(
  load: () => Promise<Load>,
  { cache, stats }: CompilerOptions,
  program: string | undefined,
  loaded: Load | undefined,
): MakeTier {
  return (host) => {
    let made: Regions | undefined;
    /** Short programs do without. */
    const regions = (): Regions => {
      made ??= new Regions(host, cache ?? DEFAULT_CACHE);
      return made;
    };
    stats?.report(regions().stats, new Counts(host.mem, host.area.at));
    let compiler = loaded;
    /** Samples until what was kept is read; compiled code must not be there yet. */
    let untilKept = program === undefined || host.mem.parallel ? 0 : loaded ? 1 : SHORT;
    let tier = compiler?.make(regions())(host);
    let samples = 0;
    const early = new EarlyPlaces();
    return {
      stretch: tier?.stretch ?? STRETCH,
      sample(cpu, pc, records, guarded) {
        if (untilKept > 0 && --untilKept === 0) {
          useKept(program!, regions(), stats !== undefined, () => compiler);
          for (const page of host.fetched(cpu)) regions().arrived(cpu, ...page);
        }
        if (tier) return tier.sample(cpu, pc, records, guarded);
        if (made?.putDue()) return STRETCH;
        if (untilKept === 0 && program !== undefined) early.add({ pc, records, guarded });
        if (++samples === PATIENCE) {
          void load().then((loaded) => {
            compiler = loaded;
            tier = loaded.make(regions(), early.often())(host);
          });
        }
        return STRETCH;
      },
      arrived: (cpu, pc, records, guarded) => made?.arrived(cpu, pc, records, guarded) ?? false,
      dropped: (records) => made?.lost(records),
    };
  };
}
/** Has regions that earlier runs of a program have made, and keeps those of this run. */
function useKept(program: string, regions: Regions, counts: boolean, compiler: () => Load | undefined): void {
  const circumstances = circumstancesOf(regions.host, counts);
  const name = `${fileOf(program)}-${digestOf(circumstances)}`;
  const bytes = readKept(name);
  const kept = bytes && readRegions(bytes, circumstances, (module, sum) => nativeModule(name, sum, module));
  if (kept) regions.use(kept);
  keepAtEnd(name, () => compiler()?.keptBytes(regions, circumstances));
}
/** How names of files begin that are of a program. */
function fileOf(program: string): string {
  return `program-${program.replace(/[^\w.-]/g, '_').slice(0, 64)}`;
}
function digestOf(text: string): string {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return (sum >>> 0).toString(16);
}

/** Instructions that nobody has met before of a program that is like no other before. */
const OTHER_PROGRAM = 256;

/** Another one for other features. */
export function nameOf(model: CpuModel): string {
  let sum = 0xcbf29ce484222325n;
  for (const [enc, value] of model.raw) sum = BigInt.asUintN(64, (sum ^ (BigInt(enc) << 48n) ^ value) * 0x100000001b3n);
  return sum.toString(16);
}
/**
 * What earlier runs on the same model have decoded: it depends on its features.
 * @param program what is read at first is what a program of that name has met
 */
function keptTemplates(machine: string, program: string): Templates {
  const all = `decoded-${machine}`;
  const own = `${fileOf(program)}-${all}`;
  const templates = new Templates(
    () => borrowKept(own),
    () => readKept(all),
  );
  keepAtEnd(own, () => templates.metBytes());
  keepAtEnd(
    all,
    () => templates.bytes(),
    () => templates.added > OTHER_PROGRAM,
  );
  return templates;
}

/** @param program its name: what is kept of its last run is looked for by that */
export function createEngine(
  mem: PhysMem,
  model: CpuModel,
  facts: ModelFacts | undefined,
  hooks: SystemHooks,
  pauth: (cpu: CpuState) => PauthState,
  program: string,
  { make, observe = (engine) => engine }: TierChoice = INTERPRETED,
  threads?: ThreadOptions,
): Engine {
  const read = (enc: number): bigint => model.raw.get(enc) ?? 0n;
  const prebuilt = prebuiltInterpreter();
  const machine = facts?.machine ?? nameOf(model);
  // A program on many threads is interpreted by another program.
  const templates = prebuilt && !threads && keptTemplates(machine, program);
  const engine = createInterpreter(mem, {
    has: facts ? (f) => facts.has(f as Feat) : (f) => isFeat(f) && has(f, read),
    pads: facts?.pads,
    machine,
    hooks,
    pauth,
    // Asked for when there is an instruction that nobody has met before.
    get groups() {
      return A64;
    },
    ...(prebuilt && {
      prebuilt,
      compiled: () => optimisedModule(prebuilt.main, () => (templates ? templates.numbers : [])),
    }),
    ...(templates && { templates }),
    ...(make && { tier: make }),
    ...(threads && { threads }),
  });
  return observe(engine);
}
