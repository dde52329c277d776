// What is known of the instructions that have been looked at: by word, and by what words have in common.

import type { Decoder } from '../cpu/decode.ts';
import { type Handler, UNDEFINED } from '../isa/handlers.ts';
import { liftAlike, patternOf } from './alike.ts';
import { type Assumptions, type Lifted, lift } from './lift.ts';

/** Assumptions that instructions are kept lifted for, and words. */
const MAX_KNOWN = 16;
const MAX_WORDS = 1 << 13;

class Kept {
  readonly byWord = new Map<number, Lifted>();
  readonly byPattern = new Map<Handler, Map<string, Lifted>>();
  keep(word: number, one: Lifted): void {
    if (this.byWord.size >= MAX_WORDS) {
      this.byWord.clear();
      this.byPattern.clear();
    }
    this.byWord.set(word, one);
  }
  /** The first of its pattern. */
  keepFirst(handler: Handler, pattern: string, one: Lifted): void {
    let patterns = this.byPattern.get(handler);
    if (!patterns) {
      patterns = new Map();
      this.byPattern.set(handler, patterns);
    }
    patterns.set(pattern, one);
  }
}

export class Lifts {
  private readonly decoder: Decoder;
  /** What is lifted alike under all assumptions; what is not, by their key. */
  private readonly always = new Kept();
  private readonly varying = new Map<string, Kept>();

  constructor(decoder: Decoder) {
    this.decoder = decoder;
  }
  /** @param word signed: a small integer to V8, which others are not */
  of(word: number, known: Assumptions, key: string): Lifted {
    const one = this.always.byWord.get(word) ?? this.varying.get(key)?.byWord.get(word);
    return one ?? this.lift(word, known, key);
  }
  private lift(word: number, known: Assumptions, key: string): Lifted {
    const d = this.decoder.decode(word);
    const handler = d ? d.entry.handler(d.fields) : UNDEFINED;
    const fields = d ? d.fields : {};
    const pattern = patternOf(handler, fields);
    const like =
      this.always.byPattern.get(handler)?.get(pattern) ?? this.varying.get(key)?.byPattern.get(handler)?.get(pattern);
    const one = like ? liftAlike(like, handler, fields) : lift(handler, fields, known);
    const kept = one.varies ? this.keptFor(key) : this.always;
    kept.keep(word, one);
    if (!like) kept.keepFirst(handler, pattern, one);
    return one;
  }
  private keptFor(key: string): Kept {
    let kept = this.varying.get(key);
    if (!kept) {
      if (this.varying.size >= MAX_KNOWN) this.varying.clear();
      kept = new Kept();
      this.varying.set(key, kept);
    }
    return kept;
  }
}
