// Loops that keep the registers they use in locals. Whatever comes into one loads them, whatever leaves it stores what the
// loop may have written, and so does a call. It pays where turns are many: a loop that calls in every turn keeps nothing.

import type { Label } from '../wasm/builder.ts';
import type { Used } from './homes.ts';
import type { Shape, Successors } from './shape.ts';

export type Loop = Extract<Shape, { kind: 'loop' }>;

export interface Zone {
  readonly blocks: ReadonlySet<number>;
  readonly used: Used;
  /** Where control goes that leaves the region from here, and whether any does; set while the loop is written. */
  out: Label | undefined;
  leaves: boolean;
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

/** A turn of the loop need not call. */
function turns({ heads }: Loop, blocks: ReadonlySet<number>, straight: Successors): boolean {
  const seen = new Set<number>(heads);
  for (const id of seen) {
    for (const to of straight(id)) {
      if (heads.includes(to)) return true;
      if (blocks.has(to)) seen.add(to);
    }
  }
  return false;
}

/**
 * The outermost loops that control only comes into at heads of loops, or that nothing leaves to come back into.
 * @param weight instructions of a block
 * @param leaves whether a block ends where control leaves the region to come back by itself
 * @param straight where control goes but by calls
 * @param used homes of the instructions of blocks
 */
export function zonesOf(
  shapes: readonly Shape[],
  weight: (id: number) => number,
  leaves: (id: number) => boolean,
  straight: Successors,
  used: (ids: Iterable<number>) => Used,
): Map<Loop, Zone> {
  const zones = new Map<Loop, Zone>();
  const heads = new Set(headsOf(shapes));
  const walk = (list: readonly Shape[]): void => {
    for (const s of list) {
      if (s.kind !== 'loop') continue;
      const blocks = new Set(members(s));
      const size = [...blocks].reduce((sum, id) => sum + weight(id), 0);
      const stays = s.extras.every((id) => heads.has(id)) || ![...blocks].some(leaves);
      if (size <= LARGEST && stays && turns(s, blocks, straight))
        zones.set(s, { blocks, used: used(blocks), out: undefined, leaves: false });
      else walk(s.body);
    }
  };
  walk(shapes);
  return zones;
}
