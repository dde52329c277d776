// How instructions were written, to be written again without looking at what they mean: bytes, with parts in between that
// depend on where the instruction stands (where registers are, how control leaves) and are written anew each time.

import type { Emitter } from '../interp/emit.ts';
import type { Code } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import type { Counted } from './counts.ts';
import type { Assumptions, Lifted } from './lift.ts';

/** What the parts are, and what is said of them. */
export type Part =
  /** A register: its value on the stack, a new one from there, what a scalar leaves of it, the part beyond 128 bits. */
  | { readonly kind: 'get' | 'set' | 'clear' | 'zeroUpper'; readonly slot: string }
  | { readonly kind: 'leave' | 'leaveIf'; readonly why: Counted }
  | { readonly kind: 'jump'; readonly type: number }
  | { readonly kind: 'pc' | 'counted' | 'branch' | 'fork' | 'flush' }
  /** An arm is over: whether control has left it, and whether it is the last. */
  | { readonly kind: 'join'; readonly ends: boolean; readonly last: boolean }
  /** Kinds of flags that are possible from here on. */
  | { readonly kind: 'flags'; readonly possible: number };

interface Placed {
  readonly part: Part;
  readonly from: number;
  readonly to: number;
  /** Blocks that are open around it, beyond those around the instruction. */
  readonly depth: number;
}

/** Numbers of a phrase: a byte; a temporary, whose index is written; a part. */
const TEMP = 1 << 8;
const PART = 1 << 16;

/** What decides how an instruction is written. */
export interface Context {
  /** Kinds of registers, and of flags before, that it was written for. */
  readonly sorts: number;
  readonly possible: number;
  readonly known: Assumptions;
  /** Locals below are the same in each region. */
  readonly shared: number;
}
export interface Phrase extends Context {
  readonly program: Int32Array;
  readonly temps: readonly ValueType[];
  readonly parts: readonly { readonly part: Part; readonly depth: number; readonly register: number }[];
}

/** Instructions that differ in their registers only. */
export interface Pattern {
  readonly readsFlags: boolean;
  readonly phrases: Phrase[];
  /** They are written in a way that is good for one module only. */
  unfit: boolean;
}
/** Phrases that are kept of one pattern. */
const MOST = 16;

/** Listens while an instruction is written. */
export class Tape {
  private readonly code: Code;
  private on = false;
  private start = 0;
  private depth = 0;
  private inside = 0;
  /** Hints of the code: before the instruction, before the present part, in parts. */
  private hintsBefore = 0;
  private hintsFrom = 0;
  private hintsInside = 0;
  private parts: Placed[] = [];
  private temps: { readonly type: ValueType; readonly local: number }[] = [];
  private failed = false;

  constructor(code: Code) {
    this.code = code;
  }
  /** A part begins. @returns what end() wants */
  begin(): number {
    if (!this.on) return 0;
    if (this.inside++ === 0) this.hintsFrom = this.code.hints;
    return this.code.length;
  }
  end(from: number, part: Part): void {
    if (!this.on || --this.inside > 0) return;
    const { code } = this;
    this.hintsInside += code.hints - this.hintsFrom;
    this.parts.push({ part, from, to: code.length, depth: code.depth - this.depth });
  }
  note(part: Part): void {
    if (this.on) this.end(this.begin(), part);
  }
  take(type: ValueType, local: number): void {
    if (this.on && this.inside === 0) this.temps.push({ type, local });
  }
  /** What is written is good for this module only. */
  fail(): void {
    this.failed = true;
  }

  record(): void {
    const { code } = this;
    this.on = true;
    this.start = code.length;
    this.depth = code.depth;
    this.hintsBefore = code.hints;
    this.hintsInside = 0;
    this.inside = 0;
    this.parts = [];
    this.temps = [];
    this.failed = false;
    code.mentions = [];
  }
  /** @param slots registers of the instruction */
  finish(slots: readonly string[], context: Context): Phrase | undefined {
    const { code, temps } = this;
    const mentions = code.mentions!;
    code.mentions = undefined;
    this.on = false;
    if (this.failed || code.hints - this.hintsBefore !== this.hintsInside) return undefined;
    const bytes = code.view;
    const program: number[] = [];
    let part = 0;
    let mention = 0;
    for (let at = this.start; at < bytes.length || part < this.parts.length; ) {
      const next = this.parts[part];
      if (next && next.from === at) {
        program.push(PART + part++);
        at = next.to;
        while (mention < mentions.length && mentions[mention]! < at) mention += 2;
        continue;
      }
      if (mentions[mention] === at) {
        const local = mentions[mention + 1]!;
        mention += 2;
        const temp = temps.findIndex((t) => t.local === local);
        if (temp >= 0) {
          program.push(TEMP + temp);
          at += local < 0x80 ? 1 : local < 0x4000 ? 2 : 3;
          continue;
        }
        if (local >= context.shared) return undefined;
      }
      program.push(bytes[at++]!);
    }
    return {
      ...context,
      program: new Int32Array(program),
      temps: temps.map((t) => t.type),
      parts: this.parts.map((p) => ({
        part: p.part,
        depth: p.depth,
        register: 'slot' in p.part ? slots.indexOf(p.part.slot) : -1,
      })),
    };
  }
}

/** Writes parts. */
export interface PartWriter {
  readonly code: Code;
  temp(type: ValueType): number;
  part(part: Part, slot: string): void;
}
function replay(phrase: Phrase, slots: readonly string[], to: PartWriter): void {
  const { code } = to;
  const { program, temps, parts } = phrase;
  const locals: number[] = [];
  for (let i = 0; i < temps.length; i++) locals.push(to.temp(temps[i]!));
  const { depth } = code;
  for (let i = code.run(program, 0); i < program.length; i = code.run(program, i + 1)) {
    const n = program[i]!;
    if (n < PART) {
      code.unsigned(locals[n - TEMP]!);
      continue;
    }
    const { part, depth: inside, register } = parts[n - PART]!;
    code.depth = depth + inside;
    to.part(part, register >= 0 ? slots[register]! : 'slot' in part ? part.slot : '');
  }
  code.depth = depth;
}

/** A phrase for the same circumstances. */
function phraseFor({ phrases, readsFlags }: Pattern, { sorts, possible, known, shared }: Context): Phrase | undefined {
  for (let i = 0; i < phrases.length; i++) {
    const p = phrases[i]!;
    if (p.sorts !== sorts || p.shared !== shared || (readsFlags && p.possible !== possible)) continue;
    if (p.known === known || alike(p.known, known)) return p;
  }
  return undefined;
}
const alike = (a: Assumptions, b: Assumptions): boolean =>
  a.fpOn === b.fpOn &&
  a.fpcr === b.fpcr &&
  a.sve === b.sve &&
  a.ixc === b.ixc &&
  a.flat === b.flat &&
  a.spMask === b.spMask;

/** Writes an instruction as it, or one like it, has been written before, if that was in the same circumstances. */
export function writeAgain(one: Lifted, context: Context, tape: Tape, parts: PartWriter, emitter: Emitter): void {
  const { pattern, slots } = one;
  const before = phraseFor(pattern, context);
  if (before) {
    replay(before, slots, parts);
    return;
  }
  if (pattern.unfit || pattern.phrases.length >= MOST) {
    emitter.emit(one.block());
    return;
  }
  tape.record();
  emitter.emit(one.block());
  const phrase = tape.finish(slots, context);
  if (phrase) pattern.phrases.push(phrase);
  else pattern.unfit = true;
}
