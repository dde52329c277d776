// Where control comes to by branches to addresses that are likely: behind calls within the region, and in rows of places.

import type { Row } from './links.ts';
import type { Peeled } from './peel.ts';

/** Places that a return is compared with; where there are no more, nothing else is done either. */
const FEW = 4;
/** Places between the first and the last of a row. */
const FARTHEST = 512;

export interface Entry {
  readonly id: number;
  readonly place: number;
  /** The most instructions that it may be from there to where the budget is looked at. */
  readonly limit: number;
}
/** Entries that are not far from each other, by their distance from the first. */
export type Entries = Omit<Row, 'choice'> & { readonly ids: readonly (number | undefined)[] };

export class Comebacks {
  /** Behind calls within, as far as returns are compared with them one by one. */
  readonly inside: readonly Entry[];
  /**
   * Among which branches to addresses look, if that is worth it: entries outside of loops. Where it is checked how branches
   * land, these are returns.
   */
  readonly row: Entries | undefined;
  /** Returns may lead to entries that they are not compared with; other branches to addresses may lead to entries. */
  readonly moreReturns: boolean;
  readonly jumps: boolean;

  /**
   * @param places of the entries of the graph @param limits of blocks, by number
   * @param guarded it is checked how branches land @param jumps there are branches to addresses that are no returns
   */
  constructor(
    graph: Peeled,
    places: readonly number[],
    limits: ReadonlyMap<number, number>,
    guarded: boolean,
    jumps: boolean,
  ) {
    const entries = graph.entries.map((id, i): Entry => ({ id, place: places[i]!, limit: limits.get(id)! }));
    const behind = placesBehindCalls(graph);
    const within = entries.filter(({ place }) => behind.has(place));
    this.inside = within.slice(0, FEW);
    const plain = new Set(graph.shapes.flatMap((s) => (s.kind === 'block' ? [s.id] : [])));
    const wanted = guarded ? within : jumps ? entries : [];
    this.row = rowOf(wanted.filter(({ id }) => plain.has(id)));
    this.moreReturns = within.length > FEW;
    const back = new Set([...graph.blocks.values()].map((b) => b.back?.to));
    this.jumps = jumps && entries.slice(1).some(({ id, place }) => !back.has(id) && !behind.has(place));
  }
}
/** Places behind calls within the region. */
function placesBehindCalls({ blocks }: Peeled): ReadonlySet<number> {
  const places = new Set<number>();
  for (const { start, code, branch } of blocks.values())
    if (code.at(-1)!.flow === 'call' && branch && blocks.has(branch.to)) places.add(start + code.length);
  return places;
}
function rowOf(entries: readonly Entry[]): Entries | undefined {
  const sorted = [...entries].sort((a, b) => a.place - b.place);
  let near: readonly Entry[] = [];
  for (const [i, { place }] of sorted.entries()) {
    const others = sorted.slice(i).filter((other) => other.place < place + FARTHEST);
    if (others.length > near.length) near = others;
  }
  if (near.length <= FEW) return undefined;
  const first = near[0]!.place;
  const count = near.at(-1)!.place - first + 1;
  const ids = Array.from({ length: count }, () => undefined as number | undefined);
  for (const { id, place } of near) ids[place - first] = id;
  return { first, count, limit: Math.max(...near.map(({ limit }) => limit)), ids };
}
