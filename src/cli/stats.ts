// `--stats`: what the engine did, said at the end. While nobody asks, nothing is counted.

import { type Engine, Exit, type Translator } from '../cpu/engine.ts';
import type { Counted, Counts, TierStats } from '../jit/index.ts';

/** How a region is left, in words. */
const LEFT: readonly (readonly [Counted, string])[] = [
  ['edge', 'a branch to code outside'],
  ['indirect', 'a branch to an address'],
  ['interpreted', 'an instruction or a case for the interpreter'],
  ['missed', 'a miss of the data TLB'],
  ['inexact', 'floating point that the host does not do alike'],
  ['budget', 'the end of a turn'],
];
/** Why the engine came back, in words. */
const RETURNS: Readonly<Record<number, string>> = {
  [Exit.Budget]: 'budget',
  [Exit.Exception]: 'exception',
  [Exit.Idle]: 'idle',
  [Exit.Kick]: 'kick',
  [Exit.System]: 'system',
};
const MB = 2 ** 20;

export class EngineStats {
  instructions = 0;
  readonly returns = new Map<string, number>();
  /** Translations that were asked for. */
  readonly misses = { read: 0, write: 0, execute: 0 };
  private tier: TierStats | undefined;
  private counts: Counts | undefined;

  /** Is told by the tier what it does. */
  readonly report = (stats: TierStats, counts: Counts | undefined): void => {
    this.tier = stats;
    this.counts = counts;
  };
  /** An engine that is looked on. */
  readonly observe = (engine: Engine): Engine => ({
    run: (cpu, budget) => {
      const before = cpu.icount;
      const reason = engine.run(cpu, budget);
      this.instructions += Number(cpu.icount - before);
      const name = RETURNS[reason]!;
      this.returns.set(name, (this.returns.get(name) ?? 0) + 1);
      return reason;
    },
    createTlb: (translator) => engine.createTlb(this.counting(translator)),
    invalidateCode: (frame) => engine.invalidateCode(frame),
  });
  private counting(translator: Translator): Translator {
    return {
      translate: (va, access, size, cpu) => {
        this.misses[access]++;
        return translator.translate(va, access, size, cpu);
      },
    };
  }

  /** @param rss bytes */
  text(engine: string, rss: number): string {
    const { instructions, misses, tier, counts } = this;
    const count = (n: number): string => Math.round(n).toLocaleString('en-US');
    const share = (part: number, whole: number): string => `${((100 * part) / Math.max(whole, 1)).toFixed(2)}%`;
    const list = (parts: readonly string[]): string => (parts.length > 0 ? parts.join(', ') : 'none');
    const inside = counts?.get('inside') ?? 0;
    const data = misses.read + misses.write;
    const { instructions: seen = 0, accesses = 0 } = counts?.surveyed ?? {};
    const hits = seen > 0 ? 1 - data / Math.max((instructions * accesses) / seen, data, 1) : undefined;
    const left = LEFT.filter(([what]) => (counts?.get(what) ?? 0) > 0).map(
      ([what, words]) => `${words} ${count(counts!.get(what))}`,
    );
    const lines = [
      `instructions ${count(instructions)}: ${share(inside, instructions)} compiled, ${share(instructions - inside, instructions)} interpreted`,
      tier
        ? `regions ${count(tier.regions)} of ${count(tier.instructions)} instructions, compiled in ${count(tier.milliseconds)} ms; ${count(tier.kept)} of an earlier run; ${count(tier.dropped)} dropped, ${count(tier.present)} left`
        : 'regions none',
      `regions entered ${count(counts?.get('entered') ?? 0)}; left for ${list(left)}`,
      `engine returned for ${list([...this.returns].map(([name, n]) => `${name} ${count(n)}`))}`,
      `TLB misses: data ${count(data)}${hits === undefined ? '' : ` (about ${(100 * hits).toFixed(3)}% hits)`}, fetch ${count(misses.execute)} (${(100 * (1 - misses.execute / Math.max(instructions, 1))).toFixed(3)}% hits)`,
      `compiled code ${((tier?.cached ?? 0) / MB).toFixed(1)} MB (estimated), resident memory ${(rss / MB).toFixed(1)} MB`,
    ];
    return lines.map((line) => `hypatia: ${engine}: ${line}`).join('\n');
  }
}
