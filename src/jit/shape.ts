// Structured control flow for a graph: strongly connected components become loops, what is left is a sequence in which
// control only goes forward. A loop that can be entered at several places begins with a choice among them.

export type Shape =
  | { readonly kind: 'block'; readonly id: number }
  | {
      readonly kind: 'loop';
      /** Where control comes in from the code around; the first is where it goes without a choice having been made. */
      readonly heads: readonly number[];
      /** Places inside where the region can be entered. */
      readonly extras: readonly number[];
      readonly body: readonly Shape[];
    };

/** Blocks are numbered by their places; copies of them differ by multiples of this. */
export const COPY = 2 ** 32;
const placeOf = (id: number): number => id - COPY * Math.round(id / COPY);

export type Successors = (id: number) => readonly number[];

/**
 * @param entries places where the region can be entered
 * @returns shapes in an order in which control goes forward, but for branches to the heads of loops from within
 */
export function shapeOf(nodes: Iterable<number>, successors: Successors, entries: readonly number[]): Shape[] {
  return new Shaper([...nodes], successors).shapes(entries);
}

function filled<T>(size: number, value: T): T[] {
  const list: T[] = [];
  for (let i = 0; i < size; i++) list.push(value);
  return list;
}

/** Tarjan's algorithm on nodes that are numbered, for a graph and again for what is left of each loop without its heads. */
class Shaper {
  private readonly ids: readonly number[];
  private readonly numberOf = new Map<number, number>();
  private readonly successors: readonly (readonly number[])[];
  /** Which loop a node has been found in, counted from 1; heads of loops are out: no edge leads to them. */
  private readonly loop: number[];
  private readonly out: boolean[];
  private loops = 0;
  /** In the present search: order of finding, from 1, and the earliest that can be reached. */
  private readonly found: number[];
  private readonly low: number[];
  private readonly onStack: boolean[];
  private readonly stack: number[] = [];
  private count = 0;
  private scope = 0;
  private components: number[][] = [];

  constructor(ids: readonly number[], successors: Successors) {
    const size = ids.length;
    this.ids = ids;
    for (let n = 0; n < size; n++) this.numberOf.set(ids[n]!, n);
    this.successors = ids.map((id) => {
      const list: number[] = [];
      for (const to of successors(id)) {
        const n = this.numberOf.get(to);
        if (n !== undefined) list.push(n);
      }
      return list;
    });
    this.loop = filled(size, 0);
    this.out = filled(size, false);
    this.found = filled(size, 0);
    this.low = filled(size, 0);
    this.onStack = filled(size, false);
  }
  shapes(entries: readonly number[]): Shape[] {
    const numbers: number[] = [];
    for (const e of entries) numbers.push(this.numberOf.get(e)!);
    return this.within(
      this.ids.map((_, n) => n),
      0,
      numbers,
    );
  }
  private within(nodes: readonly number[], scope: number, entries: readonly number[]): Shape[] {
    const { ids } = this;
    const shapes: Shape[] = [];
    for (const component of this.split(nodes, scope)) {
      const [first] = component as [number];
      if (component.length === 1 && !this.successors[first]!.some((to) => to === first && this.leads(to, scope))) {
        shapes.push({ kind: 'block', id: ids[first]! });
        continue;
      }
      const inside = ++this.loops;
      for (const n of component) this.loop[n] = inside;
      const entered = entries.filter((n) => this.loop[n] === inside);
      const heads = this.headsOf(inside, nodes);
      if (heads.length === 0) heads.push(this.firstPlaceOf(component));
      for (const n of heads) this.out[n] = true;
      const extras = entered.filter((n) => !heads.includes(n));
      shapes.push({
        kind: 'loop',
        heads: heads.map((n) => ids[n]!),
        extras: extras.map((n) => ids[n]!),
        body: this.within(component, inside, extras),
      });
    }
    return shapes;
  }
  private leads(to: number, scope: number): boolean {
    return this.loop[to] === scope && !this.out[to];
  }
  /** Where a loop begins that is only entered from outside of the region, maybe in a loop within: something leads back to it. */
  private firstPlaceOf(component: readonly number[]): number {
    const placed = (n: number): number => placeOf(this.ids[n]!);
    return component.reduce((first, n) => (placed(n) < placed(first) ? n : first));
  }
  /** Nodes of a loop that control comes to from other nodes around. */
  private headsOf(inside: number, around: readonly number[]): number[] {
    const heads: number[] = [];
    for (const n of around) {
      if (this.loop[n] === inside) continue;
      for (const to of this.successors[n]!) {
        if (this.leads(to, inside) && !heads.includes(to)) heads.push(to);
      }
    }
    return heads;
  }

  /** @returns strongly connected components, each before those that it leads to */
  private split(nodes: readonly number[], scope: number): number[][] {
    this.components = [];
    this.scope = scope;
    this.count = 0;
    for (const n of nodes) this.found[n] = 0;
    for (const n of nodes) if (this.found[n] === 0) this.visit(n);
    return this.components.reverse();
  }
  private visit(n: number): void {
    const { found, low, stack, onStack } = this;
    found[n] = ++this.count;
    low[n] = found[n]!;
    stack.push(n);
    onStack[n] = true;
    const next = this.successors[n]!;
    for (let i = 0; i < next.length; i++) {
      const to = next[i]!;
      if (!this.leads(to, this.scope)) continue;
      if (found[to] === 0) {
        this.visit(to);
        if (low[to]! < low[n]!) low[n] = low[to]!;
      } else if (onStack[to] && found[to]! < low[n]!) low[n] = found[to]!;
    }
    if (low[n] !== found[n]) return;
    const component: number[] = [];
    for (;;) {
      const top = stack.pop()!;
      onStack[top] = false;
      component.push(top);
      if (top === n) break;
    }
    this.components.push(component.reverse());
  }
}

/** Branches that go back to an entry of a loop that they stand in: where from, and where to. */
export type BackEdges = ReadonlyMap<number, readonly number[]>;
export function backEdges(shapes: readonly Shape[], successors: Successors): BackEdges {
  const out = new Map<number, readonly number[]>();
  const heads = new Set<number>();
  const walk = (list: readonly Shape[]): void => {
    for (const s of list) {
      if (s.kind === 'loop') {
        for (const h of s.heads) heads.add(h);
        walk(s.body);
        for (const h of s.heads) heads.delete(h);
      } else if (heads.size > 0) {
        const back = successors(s.id).filter((to) => heads.has(to));
        if (back.length > 0) out.set(s.id, back);
      }
    }
  };
  walk(shapes);
  return out;
}

/** The most that `weight` adds up to on a way from each node to an end or a back edge. */
export function longestPaths(
  nodes: Iterable<number>,
  successors: Successors,
  weight: (id: number) => number,
  back: BackEdges,
): Map<number, number> {
  const known = new Map<number, number>();
  const visit = (id: number): number => {
    const before = known.get(id);
    if (before !== undefined) return before;
    const backwards = back.get(id);
    let most = 0;
    for (const to of successors(id)) if (!backwards?.includes(to)) most = Math.max(most, visit(to));
    const length = most + weight(id);
    known.set(id, length);
    return length;
  };
  for (const id of nodes) visit(id);
  return known;
}
