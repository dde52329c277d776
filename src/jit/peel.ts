// Loops that can be entered at several places would have to choose at every turn where they were entered. Where the way
// from such a place to the head of the loop is short, control goes that way in a copy of it that stands before the loop.

import { type Block, type Edge, type Graph, successorsIn } from './graph.ts';
import { COPY, type Shape, type Successors, shapeOf } from './shape.ts';
import { members } from './zones.ts';

/** A block as it stands in the function: copies have numbers of their own. */
export interface Placed extends Block {
  readonly id: number;
}
export interface Peeled {
  /** By number. Edges lead to numbers; those that lead out of the region, to places. */
  readonly blocks: ReadonlyMap<number, Placed>;
  /** Numbers, in the order of the graph. */
  readonly entries: readonly number[];
  readonly successors: Successors;
  readonly shapes: readonly Shape[];
}

/** Instructions that are copied before one loop, and in all. */
const MOST = 48;
const MOST_IN_ALL = 160;

class Peeler {
  readonly blocks: Map<number, Placed>;
  entries: number[];
  private copies = 0;
  private room = MOST_IN_ALL;
  readonly successors: Successors;
  shapes: readonly Shape[] = [];

  constructor(graph: Graph) {
    this.blocks = new Map([...graph.blocks].map(([id, b]) => [id, { ...b, id }]));
    this.entries = [...graph.entries];
    this.successors = successorsIn(this.blocks);
  }
  /** @returns false when there is nothing more to do */
  step(): boolean {
    this.shapes = shapeOf(this.blocks.keys(), this.successors, this.entries);
    return this.anyOf(this.shapes);
  }
  private anyOf(shapes: readonly Shape[]): boolean {
    return shapes.some((s) => s.kind === 'loop' && (this.peel(s) || this.anyOf(s.body)));
  }
  private peel(loop: Extract<Shape, { kind: 'loop' }>): boolean {
    const inside = new Set(members(loop));
    const [head, ...others] = [...loop.heads, ...loop.extras] as [number, ...number[]];
    const ways = new Set<number>();
    const copied = new Set<number>();
    for (const way of others) {
      const more = this.between(way, head, inside, copied);
      if (!more) continue;
      ways.add(way);
      for (const id of more) copied.add(id);
    }
    if (ways.size === 0) return false;
    this.copy(copied, ways, inside);
    return true;
  }
  private weight(ids: Iterable<number>): number {
    let sum = 0;
    for (const id of ids) sum += this.blocks.get(id)!.code.length;
    return sum;
  }
  /** Blocks on the way from one to the head, if they are not too many together with what is copied already. */
  private between(
    from: number,
    head: number,
    inside: ReadonlySet<number>,
    before: ReadonlySet<number>,
  ): Set<number> | undefined {
    const found = new Set([from]);
    for (const id of found) {
      if (this.weight(new Set([...before, ...found])) > Math.min(MOST, this.room)) return undefined;
      for (const to of this.successors(id)) if (to !== head && inside.has(to)) found.add(to);
    }
    return found;
  }
  private copy(ids: ReadonlySet<number>, ways: ReadonlySet<number>, inside: ReadonlySet<number>): void {
    this.room -= this.weight(ids);
    const copyOf = new Map([...ids].map((id) => [id, this.blocks.get(id)!.start + COPY * ++this.copies]));
    const moved = (e: Edge | undefined): Edge | undefined => e && { ...e, to: copyOf.get(e.to) ?? e.to };
    const led = (e: Edge | undefined): Edge | undefined => (e && ways.has(e.to) ? moved(e) : e);
    for (const [id, b] of this.blocks) {
      if (!inside.has(id)) this.blocks.set(id, { ...b, next: led(b.next), branch: led(b.branch), back: led(b.back) });
    }
    for (const [id, copy] of copyOf) {
      const b = this.blocks.get(id)!;
      this.blocks.set(copy, { ...b, id: copy, next: moved(b.next), branch: moved(b.branch), back: moved(b.back) });
    }
    this.entries = this.entries.map((id) => (ways.has(id) ? copyOf.get(id)! : id));
  }
}

export function peel(graph: Graph): Peeled {
  const peeler = new Peeler(graph);
  while (peeler.step());
  return peeler;
}
