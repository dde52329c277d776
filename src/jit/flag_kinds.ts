// Which kinds of flags are possible where: as sets, one bit for each kind.

import { Kind } from '../interp/late_flags.ts';
import { flagsAfter } from './flag_nodes.ts';
import type { Lifted } from './lift.ts';
import type { Peeled } from './peel.ts';

/** Those that instructions leave, and those of the CPU state. */
export function kindsOf(code: readonly Lifted[]): number {
  let all = 1 << Kind.Mem;
  for (let i = 0; i < code.length; i++) all |= code[i]!.flags.made;
  return all;
}

/** Kinds of flags that are possible where each block begins. */
export function kindsAtBlocks(graph: Peeled, atEntries: number): Map<number, number> {
  const into = new Map<number, number>();
  for (const id of graph.blocks.keys()) into.set(id, 0);
  const queue = [...graph.entries];
  for (const e of graph.entries) into.set(e, atEntries);
  for (let q = 0; q < queue.length; q++) {
    const id = queue[q]!;
    const { code, back } = graph.blocks.get(id)!;
    const kinds = flagsAfter(code, into.get(id)!);
    for (const to of graph.successors(id)) {
      const before = into.get(to)!;
      // What is called leaves them in the CPU state. A call out of the region leads nowhere else.
      const after = before | (to === back?.to ? 1 << Kind.Mem : kinds);
      if (after === before) continue;
      into.set(to, after);
      queue.push(to);
    }
  }
  return into;
}
