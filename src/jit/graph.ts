// Which code a region is made of: what can be reached from its root by direct branches and has been executed before, in
// basic blocks. Places are counted in instructions from the beginning of the page of the root.

import type { Lifted } from './lift.ts';
import { type Shape, type Successors, shapeOf } from './shape.ts';

/** How control goes from the end of a block to a place. */
export interface Edge {
  readonly to: number;
  /** By a branch: the budget counts here. */
  readonly taken: boolean;
}
export interface Block {
  readonly start: number;
  /** Instructions, the one that decides the flow last. */
  readonly code: readonly Lifted[];
  /** Where control goes when the last one does not branch, and when it does. */
  readonly next: Edge | undefined;
  readonly branch: Edge | undefined;
  /** Where control comes back to if the last one calls what is not in the region. */
  readonly back: Edge | undefined;
}
export interface Graph {
  readonly blocks: ReadonlyMap<number, Block>;
  /** Places where control may come in, the root first. */
  readonly entries: readonly number[];
  /** Number of instructions. */
  readonly size: number;
}

/** Instructions: a jump over more is taken for a call at the end of a function. */
const FAR = 256;
/** Instructions of a region that is gone on in where it begins, rather than compiled again as part of another. */
const LARGE = 200;

export interface Limits {
  readonly size: number;
  readonly entries: number;
}

/** What is at a place: undefined if it has never been executed or lies in a page that is not at hand. */
export type Fetch = (place: number) => Lifted | undefined;

/**
 * @param landings places that branches to addresses are known to have led to
 * @param limits of the region: instructions, and entries
 * @param elsewhere instructions of the region that begins at the place, 0: none does. What is called there is better left to it
 */
export function explore(
  root: number,
  fetch: Fetch,
  landings: () => readonly number[],
  limits: Limits,
  elsewhere: (place: number) => number,
): Graph {
  const code = new Map<number, Lifted>();
  const leaders = new Set<number>();
  const entries = new Set<number>([root]);
  const queue = [root];
  leaders.add(root);
  const leader = (place: number): void => {
    leaders.add(place);
    queue.push(place);
  };
  const entry = (place: number): void => {
    if (entries.size >= limits.entries || !fetch(place)) return;
    entries.add(place);
    leader(place);
  };
  // Callees come last: the code around is worth more.
  const callees: number[] = [];
  let jumps = false;
  for (let q = 0; ; q++) {
    while (q === queue.length && callees.length > 0) {
      const to = callees.shift()!;
      if (code.has(to) || elsewhere(to) === 0) leader(to);
    }
    if (q === queue.length) break;
    for (let at = queue[q]!; !code.has(at); at++) {
      if (code.size >= limits.size || (at !== root && elsewhere(at) >= LARGE)) break;
      const one = fetch(at);
      if (!one) break;
      code.set(at, one);
      const { flow } = one;
      if (flow === 'next') continue;
      const to = at + one.distance;
      if (flow === 'jump' && Math.abs(one.distance) > FAR && elsewhere(to) > 0) break;
      if (flow === 'cond' || flow === 'jump') {
        leader(to);
      }
      if (flow === 'cond') leader(at + 1);
      if (flow === 'stop' || flow === 'call' || one.links) entry(at + 1);
      // Also without being one, it goes on there.
      if (flow === 'call' || one.links) leader(at + 1);
      if (flow === 'call') callees.push(to);
      if (flow === 'indirect' && (one.jumps || one.links) && !jumps) {
        jumps = true;
        for (const place of landings()) entry(place);
      }
      break;
    }
  }
  const blocks = blocksOf(code, leaders);
  const known = [...entries].filter((e) => blocks.has(e));
  // Loops can be entered at their heads, so that what left one in the middle finds back.
  const shapes = shapeOf(blocks.keys(), successorsIn(blocks), known);
  const heads = [...headsOf(shapes)].filter((head) => !entries.has(head));
  return { blocks, entries: [...known, ...heads].slice(0, limits.entries), size: code.size };
}

/** Where control goes in the region after a block. */
export const successorsIn = (blocks: ReadonlyMap<number, Block>): Successors =>
  along(blocks, ({ next, branch, back }) => [next, branch, back]);
/** The same but for where calls out of the region come back to. */
export const straightIn = (blocks: ReadonlyMap<number, Block>): Successors =>
  along(blocks, ({ next, branch }) => [next, branch]);
function along(blocks: ReadonlyMap<number, Block>, edgesOf: (block: Block) => (Edge | undefined)[]): Successors {
  return (id) => {
    const list: number[] = [];
    for (const edge of edgesOf(blocks.get(id)!)) if (edge && blocks.has(edge.to)) list.push(edge.to);
    return list;
  };
}
function* headsOf(shapes: readonly Shape[]): Generator<number> {
  for (const s of shapes) {
    if (s.kind !== 'loop') continue;
    yield s.heads[0]!;
    yield* headsOf(s.body);
  }
}

function blocksOf(code: ReadonlyMap<number, Lifted>, leaders: ReadonlySet<number>): Map<number, Block> {
  const blocks = new Map<number, Block>();
  for (const start of leaders) {
    if (!code.has(start)) continue;
    const list: Lifted[] = [];
    let at = start;
    let next: Edge | undefined = { to: start, taken: false };
    let branch: Edge | undefined;
    let back: Edge | undefined;
    for (;;) {
      const one = code.get(at);
      if (!one || (at !== start && leaders.has(at))) break;
      list.push(one);
      const { flow } = one;
      at++;
      next = { to: at, taken: false };
      if (flow === 'next') continue;
      if (flow !== 'cond') next = undefined;
      if (flow === 'cond' || flow === 'jump' || flow === 'call') branch = { to: at - 1 + one.distance, taken: true };
      const calls = flow === 'call' ? !code.has(branch!.to) : one.links;
      if (calls && code.has(at)) back = { to: at, taken: true };
      break;
    }
    blocks.set(start, { start, code: list, next, branch, back });
  }
  return blocks;
}
