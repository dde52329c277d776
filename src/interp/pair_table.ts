// Which handlers of the loop are done by one, as numbers that can be looked up as they are kept.

import type { Pair } from './hot_variants.ts';

/** Whether a register that the record at `ip` writes, and one of a record so many after it (offsets there), are as a Same says. */
export type IsSame = (ip: number, written: number, after: number, other: number, differs: boolean) => boolean;

/** Of a row: both handlers, the number of the pair, where its conditions begin among the words. */
const Row = { first: 0, second: 1, number: 2, same: 3, size: 4 } as const;
/** Of a condition, of which there are as many as the word before the first one says. */
const Condition = { written: 0, after: 1, other: 2, differs: 3, size: 4 } as const;

/** Words for pairs, which are numbered as they come: the first handler of each, then rows in the order of both, later ones first. */
export function pairWords(pairs: readonly Pair[]): number[] {
  const conditions: number[] = [];
  const firstCondition = 1 + pairs.length * (1 + Row.size);
  const rows = pairs.map(([first, second, same = []], number) => {
    const at = firstCondition + conditions.length;
    conditions.push(same.length);
    for (const [written, after, other, differs] of same) conditions.push(written, after, other, differs ? 1 : 0);
    return [first, second, number, at] as const;
  });
  rows.sort((a, b) => a[0] - b[0] || a[1] - b[1] || b[2] - a[2]);
  return [pairs.length, ...pairs.map(([first]) => first), ...rows.flat(), ...conditions];
}

export class PairTable {
  readonly length: number;
  private readonly words: Uint32Array;

  /** @param words what pairWords gave */
  constructor(words: Uint32Array) {
    this.words = words;
    this.length = words[0]!;
  }
  /** The first handler of a pair. */
  first(number: number): number {
    return this.words[1 + number]!;
  }
  /** The last one of those pairs of two handlers whose conditions hold. */
  find(first: number, second: number, ip: number, isSame: IsSame): number | undefined {
    const { words, length } = this;
    const rows = 1 + length;
    let low = 0;
    for (let high = length; low < high; ) {
      const middle = (low + high) >>> 1;
      const at = rows + middle * Row.size;
      const isBefore =
        words[at + Row.first] === first ? words[at + Row.second]! < second : words[at + Row.first]! < first;
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    const end = rows + length * Row.size;
    for (let at = rows + low * Row.size; at < end; at += Row.size) {
      if (words[at + Row.first] !== first || words[at + Row.second] !== second) break;
      if (this.holds(words[at + Row.same]!, ip, isSame)) return words[at + Row.number]!;
    }
    return undefined;
  }
  private holds(same: number, ip: number, isSame: IsSame): boolean {
    const { words } = this;
    const end = same + 1 + words[same]! * Condition.size;
    for (let at = same + 1; at < end; at += Condition.size) {
      const differs = words[at + Condition.differs] !== 0;
      if (
        !isSame(ip, words[at + Condition.written]!, words[at + Condition.after]!, words[at + Condition.other]!, differs)
      )
        return false;
    }
    return true;
  }
}
