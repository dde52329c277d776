// From an instruction word to its row, for one machine: rows whose feature it lacks do not exist. Knows nothing about
// what instructions do.

import { fieldsOf } from '../arch/a64/encoding.ts';
import type { RowEntry } from '../isa/handlers.ts';

/** Bits 31..21 of the word choose a short list of rows. */
const KEY_SHIFT = 21;
const KEY_MASK = 0xffe00000;

export interface Decoded {
  readonly entry: RowEntry;
  readonly fields: Record<string, number>;
}

/** The rows of a machine. */
export class Decoder {
  private readonly rows: readonly RowEntry[];
  /** Rows whose fixed bits agree with the key, inner ones first; made when a key is first met. */
  private readonly lists: (readonly RowEntry[] | undefined)[] = new Array(1 << (32 - KEY_SHIFT));

  /** @param has whether the machine has a feature, by its FEAT_ name */
  constructor(rows: readonly RowEntry[], has: (feature: string) => boolean) {
    const depth = nesting(rows);
    this.rows = rows
      .filter((r) => (r.row.feat === undefined || has(r.row.feat)) && (r.row.also === undefined || has(r.row.also)))
      .map((r, i) => ({ r, i, d: depth.get(r.name)! }))
      .sort((a, b) => b.d - a.d || a.i - b.i)
      .map(({ r }) => r);
  }

  private list(key: number): readonly RowEntry[] {
    const bits = (key << KEY_SHIFT) >>> 0;
    return this.rows.filter(({ parsed: p }) => ((bits ^ p.value) & p.mask & KEY_MASK) === 0);
  }

  /** @returns undefined where the machine has no instruction (UNDEFINED, also for rows without semantics). */
  decode(word: number): Decoded | undefined {
    const key = word >>> KEY_SHIFT;
    let list = this.lists[key];
    if (!list) {
      list = this.list(key);
      this.lists[key] = list;
    }
    for (const entry of list) {
      const { mask, value, hole } = entry.parsed;
      if ((word & mask) >>> 0 !== value) continue;
      const fields = fieldsOf(entry.parsed, word);
      if (hole(fields)) continue;
      return entry.semantic ? { entry, fields } : undefined;
    }
    return undefined;
  }
}

/** How deep each row lies inside others. */
function nesting(rows: readonly RowEntry[]): ReadonlyMap<string, number> {
  const byName = new Map(rows.map((r) => [r.name, r]));
  const depthOf = (r: RowEntry): number => {
    const outer = r.row.inside === undefined ? undefined : byName.get(r.row.inside);
    return outer ? 1 + depthOf(outer) : 0;
  };
  return new Map(rows.map((r) => [r.name, depthOf(r)]));
}

/**
 * Words that two rows claim though neither lies inside the other: what a table test prints.
 * @param samples words to try for each pair whose fixed bits agree
 */
export function overlaps(rows: readonly RowEntry[], samples: number): string[] {
  const found: string[] = [];
  const inside = (a: RowEntry, b: RowEntry): boolean =>
    a.row.inside !== undefined &&
    (a.row.inside === b.name || rows.some((r) => r.name === a.row.inside && inside(r, b)));
  for (let i = 0; i < rows.length; i++) {
    for (let j = i + 1; j < rows.length; j++) {
      const [a, b] = [rows[i]!, rows[j]!];
      const [p, q] = [a.parsed, b.parsed];
      if (((p.value ^ q.value) & p.mask & q.mask) !== 0 || inside(a, b) || inside(b, a)) continue;
      const word = commonWord(a, b, samples);
      if (word !== undefined) found.push(`${a.name} and ${b.name} both claim 0x${word.toString(16).padStart(8, '0')}`);
    }
  }
  return found;
}
function commonWord(a: RowEntry, b: RowEntry, samples: number): number | undefined {
  const [p, q] = [a.parsed, b.parsed];
  const fixed = p.value | q.value;
  const free = ~(p.mask | q.mask) >>> 0;
  // A linear congruential walk through the free bits: the same words in every run.
  let x = 12345;
  for (let n = 0; n < samples; n++) {
    const word = (fixed | (x & free)) >>> 0;
    if (!p.hole(fieldsOf(p, word)) && !q.hole(fieldsOf(q, word))) return word;
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
  }
  return undefined;
}
