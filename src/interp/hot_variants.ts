// Which handlers the hot loops have, in the order of their numbers: those of the rows in hot.ts, then the ones that do several
// instructions in a row.

import { InternalError } from '../base/assert.ts';
import { type Handler, type RowEntry, UNDEFINED } from '../isa/handlers.ts';
import { layoutOf } from './emit_layout.ts';
import { ALSO_BULK, BULK, HOT, type Row, type Rows, TOGETHER } from './hot.ts';
import { fitsLoop } from './restart.ts';

/**
 * A register that the first record writes, and one of a record so many after it: offsets there. They must be the same, and
 * the later one is read; or they must differ, for the later one is written before it is read.
 */
export type Same = readonly [written: number, after: number, other: number, differs?: true];
/** What is done by one handler: numbers from FIRST_HANDLER on, and what must be the same. */
export type Pair = readonly [first: number, second: number, same?: readonly Same[], whole?: true];
/** A handler and, if it branches to a place in the code, whether that is in the same page. */
export interface Variant {
  readonly handler: Handler;
  readonly near: boolean;
  readonly loops: LoopSet;
  /** Of the record after it, which is done with it. */
  readonly second?: Variant;
  readonly same?: readonly Same[] | undefined;
  /** Its branch may well go to its begin. */
  readonly whole?: boolean;
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
const READ: readonly string[] = ['xr', 'sp'];
const WRITTEN: readonly string[] = ['xw', 'sp'];
/** Where a record has the registers that may be written. */
function writtenBy({ code }: Handler): number[] {
  const { slots } = layoutOf(code);
  return code.operands.flatMap((o, i) => (WRITTEN.includes(o.kind) ? [slots[i]!.at] : []));
}
/** Where a record has a register. */
function placeOf({ code }: Handler, field: string, kinds: readonly string[]): number {
  const operand = code.operands.findIndex((o) => 'field' in o && o.field === field && kinds.includes(o.kind));
  const slot = layoutOf(code).slots[operand];
  if (!slot || slot.aside) throw new InternalError(`no ${field} in records of this sort`);
  return slot.at;
}
/**
 * Pairs of handlers that are in one loop. Those of bulk alone, and what they consist of, come first: they follow the last of
 * its handlers. What comes second may be a pair that is before it.
 */
export function pairsOf(variants: readonly Variant[]): Pair[] {
  const singles = variants.map((v, i) => ({ ...v, i, far: branches(v.handler) && !v.near }));
  const among = (rows: Rows): number[] =>
    singles.filter(({ far, handler }) => !far && isAmong(handler, rows)).map(({ i }) => i);
  const all = [...variants];
  const pairs: Pair[] = [];
  const numbers = new Map<string, number>();
  const partOf = (number: number, part: number): Handler => {
    let v = all[number]!;
    for (let i = 0; i < part; i++) v = v.second!;
    return v.handler;
  };
  /** What does these, all of it in one of the loops; made where it is not there yet. */
  const doing = ({ of: [rows, ...rest], links, whole }: Row, isWanted: (loops: number) => boolean): number[] => {
    const firsts = among(rows!);
    if (rest.length === 0) return firsts;
    const later = links.filter(([part]) => part > 0).map(([p, w, q, r]) => [p - 1, w, q - 1, r] as const);
    const seconds = doing({ of: rest, links: later }, isWanted);
    return firsts.flatMap((a) =>
      seconds.flatMap((b) => {
        if (!isWanted(all[a]!.loops & all[b]!.loops)) return [];
        const same = links
          .filter(([part]) => part === 0)
          .flatMap(([, written, part, read]): Same[] => {
            const at = placeOf(partOf(a, 0), written, WRITTEN);
            const between = Array.from({ length: part - 1 }, (_, i) =>
              writtenBy(partOf(b, i)).map((place): Same => [at, i + 1, place, true]),
            );
            return [[at, part, placeOf(partOf(b, part - 1), read, READ)], ...between.flat()];
          });
        const pair: Pair = whole ? [a, b, same, whole] : same.length > 0 ? [a, b, same] : [a, b];
        const key = JSON.stringify(pair);
        if (!numbers.has(key)) {
          numbers.set(key, all.length);
          pairs.push(pair);
          all.push(together(all, pair));
        }
        return [numbers.get(key)!];
      }),
    );
  };
  const isBulk = (row: Row): boolean =>
    row.of.some((rows) => among(rows).every((i) => variants[i]!.loops === LoopBit.bulk));
  for (const row of TOGETHER) if (isBulk(row)) doing(row, (loops) => (loops & LoopBit.bulk) !== 0);
  for (const row of TOGETHER) doing(row, (loops) => (loops & LoopBit.main) !== 0);
  return pairs;
}
function together(all: readonly Variant[], [i, k, same, whole]: Pair): Variant {
  const [first, second] = [all[i]!, all[k]!];
  return { ...first, second, loops: (first.loops & second.loops) as LoopSet, same, whole: whole === true };
}
/** The same with those that do several instructions, in the order of the pairs. */
export function withPairs(variants: readonly Variant[], pairs = pairsOf(variants)): Variant[] {
  const all = [...variants];
  for (const pair of pairs) all.push(together(all, pair));
  return all;
}
