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

export type Successors = (id: number) => readonly number[];

/**
 * @param heads nodes that control comes to from the code around, @param entries those where a region can be entered
 * @returns shapes in an order in which control goes forward, but for branches to the heads of loops from within
 */
export function shapeOf(
  nodes: ReadonlySet<number>,
  successors: Successors,
  heads: readonly number[],
  entries: readonly number[],
): Shape[] {
  return components(nodes, successors).map((component) => {
    const [first] = component as [number];
    const inside = new Set(component);
    if (component.length === 1 && !successors(first).includes(first)) return { kind: 'block', id: first };
    const own = new Set(heads.filter((id) => inside.has(id)));
    for (const id of nodes) {
      if (inside.has(id)) continue;
      for (const to of successors(id)) if (inside.has(to)) own.add(to);
    }
    const entered = entries.filter((id) => inside.has(id));
    if (own.size === 0) own.add(entered[0] ?? first);
    const extras = entered.filter((id) => !own.has(id));
    const within = (id: number): readonly number[] => successors(id).filter((to) => inside.has(to) && !own.has(to));
    return { kind: 'loop', heads: [...own], extras, body: shapeOf(inside, within, [...own], extras) };
  });
}

/** Tarjan's algorithm. @returns components, each before those that it leads to */
function components(nodes: ReadonlySet<number>, successors: Successors): number[][] {
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const stack: number[] = [];
  const onStack = new Set<number>();
  const out: number[][] = [];
  const visit = (id: number): void => {
    const number = index.size;
    index.set(id, number);
    low.set(id, number);
    stack.push(id);
    onStack.add(id);
    for (const to of successors(id)) {
      if (!nodes.has(to)) continue;
      if (!index.has(to)) {
        visit(to);
        low.set(id, Math.min(low.get(id)!, low.get(to)!));
      } else if (onStack.has(to)) low.set(id, Math.min(low.get(id)!, index.get(to)!));
    }
    if (low.get(id) !== number) return;
    const component: number[] = [];
    for (;;) {
      const top = stack.pop()!;
      onStack.delete(top);
      component.push(top);
      if (top === id) break;
    }
    out.push(component.reverse());
  };
  for (const id of nodes) if (!index.has(id)) visit(id);
  return out.reverse();
}

/** Branches that go back to an entry of a loop that they stand in: `from,to`. */
export function backEdges(shapes: readonly Shape[], successors: Successors): Set<string> {
  const out = new Set<string>();
  const walk = (list: readonly Shape[], heads: ReadonlySet<number>): void => {
    for (const s of list) {
      if (s.kind === 'loop') walk(s.body, new Set([...heads, ...s.heads]));
      else for (const to of successors(s.id)) if (heads.has(to)) out.add(`${s.id},${to}`);
    }
  };
  walk(shapes, new Set());
  return out;
}

/** The most that `weight` adds up to on a way from each node to an end or a back edge. */
export function longestPaths(
  nodes: Iterable<number>,
  successors: Successors,
  weight: (id: number) => number,
  back: ReadonlySet<string>,
): Map<number, number> {
  const known = new Map<number, number>();
  const visit = (id: number): number => {
    const before = known.get(id);
    if (before !== undefined) return before;
    let most = 0;
    for (const to of successors(id)) if (!back.has(`${id},${to}`)) most = Math.max(most, visit(to));
    const length = most + weight(id);
    known.set(id, length);
    return length;
  };
  for (const id of nodes) visit(id);
  return known;
}
