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
    const kinds = flagsAfter(graph.blocks.get(id)!.code, into.get(id)!);
    for (const to of graph.successors(id)) {
      const before = into.get(to)!;
      if ((before | kinds) === before) continue;
      into.set(to, before | kinds);
      queue.push(to);
    }
  }
  return into;
}
