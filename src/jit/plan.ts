// What is decided of a region before its code is written: in what order blocks come, what is known where they begin, which
// loops keep their registers, where control comes back to.

import { Comebacks } from './comebacks.ts';
import { kindsAtBlocks, kindsOf } from './flag_kinds.ts';
import type { RegionFrame } from './frame.ts';
import { type Block, straightIn } from './graph.ts';
import type { Flow } from './lift.ts';
import type { Peeled } from './peel.ts';
import { backEdges, longestPaths } from './shape.ts';
import { entriesOf, type Loop, type Zone, zonesOf } from './zones.ts';

/** What leads out of a loop that is not over, unless it is called and comes back. */
const LEAVES: ReadonlySet<Flow> = new Set(['call', 'indirect', 'stop']);
/** The most that a block takes of the budget. */
const costOf = (block: Block): number => block.code.reduce((sum, one) => sum + one.cost, 0);

export class Plan {
  readonly graph: Peeled;
  /** The most instructions that it may be from where a block begins to where the budget is looked at. */
  readonly longest: ReadonlyMap<number, number>;
  /** Kinds of flags that are possible: anywhere, where blocks begin. */
  readonly kinds: number;
  readonly kindsIn: ReadonlyMap<number, number>;
  readonly zones: ReadonlyMap<Loop, Zone>;
  readonly comebacks: Comebacks;
  /** Blocks that nothing is known of in locals where they begin: control comes from outside, or back to a loop or from a call. */
  readonly unknown: ReadonlySet<number>;

  /** @param places of the entries */
  constructor(graph: Peeled, places: readonly number[], { everything, homes, options }: RegionFrame) {
    this.graph = graph;
    const { blocks, entries, shapes } = graph;
    const straight = straightIn(blocks);
    // Behind calls the budget is looked at, too.
    this.longest = longestPaths(blocks.keys(), straight, (id) => costOf(blocks.get(id)!), backEdges(shapes, straight));
    this.kinds = kindsOf(everything);
    this.kindsIn = kindsAtBlocks(graph, this.kinds);
    this.zones = zonesOf(
      shapes,
      (id) => blocks.get(id)!.code.length,
      (id) => LEAVES.has(blocks.get(id)!.code.at(-1)!.flow) && !blocks.get(id)!.back,
      straight,
      (ids) => homes.usedBy(Array.from(ids, (id) => blocks.get(id)!)),
    );
    this.unknown = new Set([
      ...entries,
      ...entriesOf(shapes),
      ...[...blocks.values()].flatMap(({ back }) => back?.to ?? []),
    ]);
    const jumps = everything.some((one) => one.jumps);
    this.comebacks = new Comebacks(graph, places, this.longest, options.known.guarded, jumps);
  }
  /** `longest` of the entries, in their order. */
  limits(): number[] {
    return this.graph.entries.map((e) => this.longest.get(e)!);
  }
}
