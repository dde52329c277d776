// Which handlers the hot loops have, in the order of their numbers: those of the rows in hot.ts, then the ones that do several
// instructions in a row.

import { type Handler, type RowEntry, UNDEFINED } from '../isa/handlers.ts';
import { ALSO_BULK, BULK, HOT, type Rows, TOGETHER } from './hot.ts';
import { fitsLoop } from './restart.ts';

/** A handler and, if it branches to a place in the code, whether that is in the same page. */
export interface Variant {
  readonly handler: Handler;
  readonly near: boolean;
  readonly loops: LoopSet;
  /** Of the record after it, which is done with it. */
  readonly second?: Variant;
}
/** Which loops a handler is in, as bits. */
export const LoopBit = { main: 1, bulk: 2 } as const;
export type LoopSet = 1 | 2 | 3;
/** By number from FIRST_HANDLER on: handlers, and undefined for those that are elsewhere. */
export type HotHandlers = readonly (Variant | undefined)[];

function branches(handler: Handler): boolean {
  return handler.code.operands.some((o) => o.kind === 'branch');
}
/** Handlers of the hot loops, branching ones twice: those that only the loop for bulk has are the last. */
export function hotVariants(rows: readonly RowEntry[]): Variant[] {
  const byName = new Map(rows.map((r) => [r.name, r]));
  const handlersOf = (wanted: Rows): Handler[] =>
    Object.entries(wanted).flatMap(([name, choices]) => {
      const entry = byName.get(name);
      const all = entry?.semantic ? [...entry.enumerate((c) => choices[c.label])] : [];
      return all.filter((h) => fitsLoop(h.code.block));
    });
  const main = [UNDEFINED, ...handlersOf(HOT)].flatMap((handler): Variant[] => {
    const loops = isAmong(handler, ALSO_BULK) ? 3 : LoopBit.main;
    const far: Variant = { handler, near: false, loops };
    if (!branches(handler)) return [far];
    const near: Variant = { handler, near: true, loops };
    // Conditional branches seldom leave their page.
    return handler.code.block.some((n) => n.op === 'if') ? [near] : [near, { ...far, loops: LoopBit.main }];
  });
  return [...main, ...handlersOf(BULK).map((handler): Variant => ({ handler, near: false, loops: LoopBit.bulk }))];
}
function isAmong(handler: Handler, rows: Rows): boolean {
  const [row, ...choices] = handler.key.split(' ') as [string, ...string[]];
  const wanted = rows[row];
  const isWanted = (choice: string): boolean => {
    const at = choice.lastIndexOf('=');
    return wanted![choice.slice(0, at)]?.includes(Number(choice.slice(at + 1))) ?? true;
  };
  return wanted !== undefined && choices.every(isWanted);
}
/**
 * Pairs of handlers that are in one loop. Those of bulk alone come first: they follow the last of its handlers. What comes
 * second may be a pair that is before it.
 */
export function pairsOf(variants: readonly Variant[]): [first: number, second: number][] {
  const all = variants.map((v, i) => ({ ...v, i, far: branches(v.handler) && !v.near }));
  const among = (rows: Rows): number[] =>
    all.filter(({ far, handler }) => !far && isAmong(handler, rows)).map(({ i }) => i);
  const pairs: [number, number][] = [];
  const loops: number[] = variants.map((v) => v.loops);
  const numbers = new Map<string, number>();
  /** What does these, all of it in one of the loops; made where it is not there yet. */
  const doing = ([first, ...rest]: readonly Rows[], inLoops: (of: number) => boolean): number[] => {
    const firsts = among(first!);
    if (rest.length === 0) return firsts;
    const seconds = doing(rest, inLoops);
    return firsts.flatMap((a) =>
      seconds.flatMap((b) => {
        const both = loops[a]! & loops[b]!;
        if (!inLoops(both)) return [];
        const key = `${a} ${b}`;
        if (!numbers.has(key)) {
          numbers.set(key, loops.length);
          loops.push(both);
          pairs.push([a, b]);
        }
        return [numbers.get(key)!];
      }),
    );
  };
  for (const rows of TOGETHER) doing(rows, (of) => of === LoopBit.bulk);
  for (const rows of TOGETHER) doing(rows, (of) => (of & LoopBit.main) !== 0);
  return pairs;
}
/** The same with those that do several instructions, in the order of the pairs. */
export function withPairs(variants: readonly Variant[], pairs = pairsOf(variants)): Variant[] {
  const all = [...variants];
  for (const [i, k] of pairs) {
    const [first, second] = [all[i]!, all[k]!];
    all.push({ ...first, second, loops: (first.loops & second.loops) as LoopSet });
  }
  return all;
}
