// What a dying thread owes: the locks on its robust list.

import { Struct } from './bytes.ts';
import type { Thread } from './thread.ts';

const ROBUST_LIMIT = 2048;

/** Marks the locks on the thread's robust list as left behind by a dead owner. @linux exit_robust_list */
export function exitRobustList(t: Thread): void {
  const head = t.robustList;
  if (head === 0n) return;
  const { mm } = t;
  const s = new Struct(24);
  if (!mm.read(head, s.bytes)) return;
  const offset = s.u64(8);
  const pendingEntry = s.u64(16);
  let entry = s.u64(0);
  const died = (e: bigint) => t.machine.futexes().ownerDied(t, (e & ~1n) + offset, (e & 1n) !== 0n);
  for (let n = 0; n < ROBUST_LIMIT && (entry & ~1n) !== head; n++) {
    const next = new Struct(8);
    const ok = mm.read(entry & ~1n, next.bytes);
    if (entry !== pendingEntry) died(entry);
    if (!ok) return;
    entry = next.u64(0);
  }
  if ((pendingEntry & ~1n) !== 0n) died(pendingEntry);
}
