// Loops that keep the registers they use in locals. Whatever comes into one loads them, whatever leaves it stores what the
// loop may have written. It pays where turns are many: a loop that calls is left in every turn, and keeps nothing.

import type { Label } from '../wasm/builder.ts';
import type { Used } from './homes.ts';
import type { Shape } from './shape.ts';

export type Loop = Extract<Shape, { kind: 'loop' }>;

export interface Zone {
  readonly blocks: ReadonlySet<number>;
  readonly used: Used;
  /** Where control goes that leaves the region from here, with what kinds of flags; set while the loop is written. */
  out: Label | undefined;
  kinds: number;
}

/** Instructions of the largest loop that keeps its registers. */
const LARGEST = 200;

export function* members(shape: Shape): Generator<number> {
  if (shape.kind === 'block') yield shape.id;
  else for (const s of shape.body) yield* members(s);
}
/** Where all loops begin, and may be entered. */
export function* entriesOf(shapes: readonly Shape[]): Generator<number> {
  for (const s of shapes) {
    if (s.kind !== 'loop') continue;
    yield* s.heads;
    yield* s.extras;
    yield* entriesOf(s.body);
  }
}
function* headsOf(shapes: readonly Shape[]): Generator<number> {
  for (const s of shapes) {
    if (s.kind !== 'loop') continue;
    yield* s.heads;
    yield* headsOf(s.body);
  }
}

/**
 * The outermost loops that control only comes into at heads of loops, or that nothing leaves to come back into.
 * @param weight instructions of a block
 * @param leaves whether a block ends where control leaves the region to come back
 * @param used homes of the instructions of blocks
 */
export function zonesOf(
  shapes: readonly Shape[],
  weight: (id: number) => number,
  leaves: (id: number) => boolean,
  used: (ids: Iterable<number>) => Used,
): Map<Loop, Zone> {
  const zones = new Map<Loop, Zone>();
  const heads = new Set(headsOf(shapes));
  const walk = (list: readonly Shape[]): void => {
    for (const s of list) {
      if (s.kind !== 'loop') continue;
      const blocks = new Set(members(s));
      const size = [...blocks].reduce((sum, id) => sum + weight(id), 0);
      if (size <= LARGEST && (s.extras.every((id) => heads.has(id)) || ![...blocks].some(leaves)))
        zones.set(s, { blocks, used: used(blocks), out: undefined, kinds: 0 });
      else walk(s.body);
    }
  };
  walk(shapes);
  return zones;
}
