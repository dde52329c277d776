// From an instruction word to its row, for one machine: rows whose feature it lacks do not exist. Knows nothing about
// what instructions do.

import { fieldsOf } from '../arch/a64/encoding.ts';
import type { RowEntry } from '../isa/handlers.ts';

/** Bits 31..21 of the word choose a short list of rows, bits 31..25 a longer one that it is taken from. */
const KEY_SHIFT = 21;
const COARSE_SHIFT = 25;

export interface Decoded {
  readonly entry: RowEntry;
  readonly fields: Record<string, number>;
}

/** The rows of a machine. */
export class Decoder {
  private readonly rows: readonly RowEntry[];
  /** Their fixed bits, signed: small integers to V8, as those of a parsed row are not. */
  private readonly masks: Int32Array;
  private readonly values: Int32Array;
  private readonly every: readonly number[];
  /** Rows whose fixed bits agree with the key, inner ones first; made when a key is first met. */
  private readonly lists: (readonly number[] | undefined)[] = new Array(1 << (32 - KEY_SHIFT));
  private readonly coarse: (readonly number[] | undefined)[] = new Array(1 << (32 - COARSE_SHIFT));

  /** @param has whether the machine has a feature, by its FEAT_ name */
  constructor(rows: readonly RowEntry[], has: (feature: string) => boolean) {
    const known = new Map<string | undefined, boolean>([[undefined, true]]);
    const present = (feature: string | undefined): boolean => {
      let answer = known.get(feature);
      if (answer === undefined) {
        answer = has(feature!);
        known.set(feature, answer);
      }
      return answer;
    };
    const there = rows.filter(({ row }) => present(row.feat) && present(row.also));
    const depth = nesting(rows);
    const inner = there.filter((r) => depth.has(r)).sort((a, b) => depth.get(b)! - depth.get(a)!);
    this.rows = [...inner, ...there.filter((r) => !depth.has(r))];
    this.masks = Int32Array.from(this.rows, (r) => r.parsed.mask);
    this.values = Int32Array.from(this.rows, (r) => r.parsed.value);
    this.every = this.rows.map((_, i) => i);
  }

  private list(word: number): readonly number[] {
    this.coarse[word >>> COARSE_SHIFT] ??= this.agreeing(this.every, word, COARSE_SHIFT);
    return this.agreeing(this.coarse[word >>> COARSE_SHIFT]!, word, KEY_SHIFT);
  }
  /** The rows whose fixed bits from `shift` on are those of the word. */
  private agreeing(among: readonly number[], word: number, shift: number): number[] {
    const { masks, values } = this;
    const found: number[] = [];
    for (const i of among) if (((word ^ values[i]!) & masks[i]!) >>> shift === 0) found.push(i);
    return found;
  }

  /** @returns undefined where the machine has no instruction (UNDEFINED, also for rows without semantics). */
  decode(word: number): Decoded | undefined {
    const key = word >>> KEY_SHIFT;
    let list = this.lists[key];
    if (!list) {
      list = this.list(word);
      this.lists[key] = list;
    }
    for (const i of list) {
      if (((word ^ this.values[i]!) & this.masks[i]!) !== 0) continue;
      const entry = this.rows[i]!;
      const fields = fieldsOf(entry.parsed, word);
      if (entry.parsed.hole(fields)) continue;
      return entry.semantic ? { entry, fields } : undefined;
    }
    return undefined;
  }
}

/** How deep those rows lie that lie inside others. */
function nesting(rows: readonly RowEntry[]): ReadonlyMap<RowEntry, number> {
  const byName = new Map(rows.map((r) => [r.name, r]));
  const depthOf = (r: RowEntry): number => {
    const outer = r.row.inside === undefined ? undefined : byName.get(r.row.inside);
    return outer ? 1 + depthOf(outer) : 0;
  };
  return new Map(rows.filter((r) => r.row.inside !== undefined).map((r) => [r, depthOf(r)]));
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
