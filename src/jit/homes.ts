// Where the registers of a region live: in the CPU state, with locals that remember them. A local is loaded when it is first
// needed and stored before control could leave, so that crossing from one region to another moves nothing. Loops keep theirs
// in locals, loaded before and stored behind. A vector register that is only ever used as a scalar is a number; the rest of
// it, which such instructions set to zero, is written to the CPU state at once.

import { slotOffset } from '../interp/emit_slots.ts';
import { constantOf } from '../ir/builder.ts';
import type { Block, Node } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';

export interface Home {
  /** From 0 on. */
  readonly number: number;
  readonly local: number;
  readonly type: 'i64' | 'v128' | 'f64' | 'f32';
  readonly offset: number;
  readonly written: boolean;
  /** A loop has it, for a vector register that is a number in the loop though not everywhere. */
  readonly own?: boolean;
}

/** Registers, and the exclusive monitor, that are kept in locals; everything else stays in the CPU state. */
const REGISTER = /^(X\d+|SP|V\d+|EXCL_\w+)$/;
const V = 'V'.charCodeAt(0);
const isVector = (slot: string): boolean => slot.charCodeAt(0) === V;

/** What is done to a register: bits. The sorts of accesses are of 32 bits, 64, and the whole vector. */
const WRITTEN = 1;
const WORD = 2;
const DOUBLE = 4;
const WHOLE = 8;
export interface Use {
  readonly slot: string;
  readonly how: number;
}
/** How vector registers are kept is said by a number; they can be too many for one. */
const MOST_SORTS = 12;
export const NO_SORTS = -1;

export interface Scalar {
  readonly part: Node;
  readonly bits: 32 | 64;
}
/** The low part that a write puts into an otherwise zero register, if that is what it does. */
export function scalarOf(value: Node): Scalar | undefined {
  if (value.op !== 'i64x2.replace_lane' || value.attr !== 0 || constantOf(value.args[0]!) !== 0n) return undefined;
  const part = value.args[1]!;
  return part.op === 'i64.extend_i32_u' ? { part: part.args[0]!, bits: 32 } : { part, bits: 64 };
}

function scan(block: Block, uses: Map<string, number>): void {
  for (let i = 0; i < block.length; i++) {
    const n = block[i]!;
    if (n.op === 'if') {
      scan(n.attr.yes, uses);
      scan(n.attr.no, uses);
      continue;
    }
    const write = n.op === 'set.i32' || n.op === 'set.i64' || n.op === 'set.v128';
    if (!write && n.op !== 'get.i32' && n.op !== 'get.i64' && n.op !== 'get.v128') continue;
    const { slot } = n.attr as { readonly slot: string };
    const how = write ? WRITTEN | writes(n.args[0]!) : n.op === 'get.i32' ? WORD : n.op === 'get.i64' ? DOUBLE : WHOLE;
    const before = uses.get(slot);
    if (before !== undefined || REGISTER.test(slot)) uses.set(slot, (before ?? 0) | how);
  }
}
function writes(value: Node): number {
  const scalar = scalarOf(value);
  return !scalar ? WHOLE : scalar.bits === 32 ? WORD : DOUBLE;
}
/** What an instruction does to registers that are kept in locals. */
export function usesOf(block: Block): readonly Use[] {
  const uses = new Map<string, number>();
  scan(block, uses);
  return Array.from(uses, ([slot, how]) => ({ slot, how }));
}

export const vectorsOf = (uses: readonly Use[]): readonly string[] =>
  uses.flatMap(({ slot }) => (isVector(slot) ? [slot] : []));

/** An instruction, as far as it is looked at here. */
interface Using {
  readonly uses: readonly Use[];
}

/** What is known of a local at a point of the code: it has the value; the CPU state does not have it yet. */
const VALID = 1;
const DIRTY = 2;
/** Locals that have the value, by the number of the home: nonzero. */
export type Valid = Readonly<Uint8Array>;
/** What is known at a point of the code, by the number of the home; those that are dirty, in the order of writing. */
interface Held {
  readonly bits: Readonly<Uint8Array>;
  readonly dirty: readonly Home[];
}
/** Homes that are used, and of these the ones that are written. */
export interface Used {
  readonly all: readonly Home[];
  readonly written: readonly Home[];
  /** Those that only these instructions have, by register. */
  readonly own: ReadonlyMap<string, Home>;
}
const floatOf = (how: number): 'v128' | 'f64' | 'f32' => (how & WHOLE ? 'v128' : how & DOUBLE ? 'f64' : 'f32');

export class Homes {
  private readonly code: Code;
  private readonly cpu: number;
  private readonly homes = new Map<string, Home>();
  /** All are in their locals: control is in a loop that keeps them there. */
  private loop: Used | undefined;
  private readonly bits: Uint8Array;
  private dirty: Home[] = [];
  /** Blocks that are open where code is written that is always reached: what is loaded further inside may not be. */
  private depth = 0;

  constructor(code: Code, cpu: number, everything: readonly Using[]) {
    this.code = code;
    this.cpu = cpu;
    const uses = new Map<string, number>();
    // Loops over all instructions count: iterators cost an object each turn until V8 has optimised them.
    for (let i = 0; i < everything.length; i++) {
      const own = everything[i]!.uses;
      for (let k = 0; k < own.length; k++) {
        const { slot, how } = own[k]!;
        const before = uses.get(slot) ?? 0;
        if ((before | how) !== before) uses.set(slot, before | how);
      }
    }
    for (const [slot, how] of uses) {
      const type = isVector(slot) ? floatOf(how) : 'i64';
      const number = this.homes.size;
      const written = (how & WRITTEN) !== 0;
      this.homes.set(slot, { number, local: code.local(type), type, offset: slotOffset(slot), written });
    }
    this.bits = new Uint8Array(this.homes.size);
  }
  of(slot: string): Home | undefined {
    return this.loop?.own.get(slot) ?? this.homes.get(slot);
  }
  get writesVectors(): boolean {
    return [...this.homes.values()].some((h) => h.type !== 'i64' && h.written);
  }
  /** A number that says how vector registers are kept. */
  sortsOf(vectors: readonly string[]): number {
    if (vectors.length > MOST_SORTS) return NO_SORTS;
    let sorts = 0;
    for (let i = 0; i < vectors.length; i++) {
      const { type } = this.of(vectors[i]!)!;
      sorts = 4 * sorts + (type === 'v128' ? 1 : type === 'f64' ? 2 : 3);
    }
    return sorts;
  }
  /** Those of some instructions, in the order of their first uses. */
  usedBy(blocks: Iterable<{ readonly code: readonly Using[] }>): Used {
    const seen = new Map<string, number>();
    for (const { code } of blocks) {
      for (let i = 0; i < code.length; i++) {
        const { uses } = code[i]!;
        for (let k = 0; k < uses.length; k++) {
          const { slot, how } = uses[k]!;
          seen.set(slot, (seen.get(slot) ?? 0) | how);
        }
      }
    }
    const all: Home[] = [];
    const written: Home[] = [];
    const own = new Map<string, Home>();
    for (const [slot, how] of seen) {
      let home = this.homes.get(slot)!;
      const type = home.type === 'v128' ? floatOf(how) : home.type;
      if (type !== home.type) {
        home = { ...home, type, local: this.code.local(type), own: true };
        own.set(slot, home);
      }
      all.push(home);
      if (how & WRITTEN) written.push(home);
    }
    return { all, written, own };
  }

  // ---- where values are --------------------------------------------------------------------------------------------------

  /** A block begins. @param valid locals that have the value, wherever control comes from @param loop that it is part of, which keeps all */
  begin(valid: Valid | undefined, loop: Used | undefined): void {
    this.loop = loop;
    if (valid && !loop) this.bits.set(valid);
    else this.bits.fill(0);
    this.dirty = [];
  }
  /** An instruction, or an arm of one, begins. @param depth blocks that are open there */
  here(depth = this.code.depth): void {
    this.depth = depth;
  }
  get valid(): Valid {
    const { bits } = this;
    const valid = bits.slice();
    for (let n = 0; n < valid.length; n++) valid[n]! &= VALID;
    return valid;
  }
  /** Where these are in their locals, and no others; what a loop has of its own is of no use behind it. */
  only(homes: readonly Home[]): Valid {
    const valid = new Uint8Array(this.bits.length);
    for (const h of homes) if (!h.own) valid[h.number] = VALID;
    return valid;
  }
  /** Puts the value on the stack. */
  get(home: Home): void {
    const { code, cpu } = this;
    if (this.loop || this.bits[home.number]! & VALID) {
      code.get(home.local);
      return;
    }
    code.get(cpu).mem(`${home.type}.load`, home.offset);
    if (code.depth !== this.depth) return;
    code.tee(home.local);
    this.bits[home.number]! |= VALID;
  }
  /** Takes the new value from the stack. */
  set(home: Home): void {
    this.code.set(home.local);
    if (this.loop) return;
    if (!(this.bits[home.number]! & DIRTY)) this.dirty.push(home);
    this.bits[home.number] = VALID | DIRTY;
  }
  /** Control may leave: the CPU state gets what it does not have. */
  flush(): void {
    if (this.dirty.length === 0) return;
    this.store(this.dirty);
    for (const h of this.dirty) this.bits[h.number]! &= ~DIRTY;
    this.dirty = [];
  }
  /** The CPU state has all, and may have others than before. */
  forget(): void {
    this.bits.fill(0);
  }
  load(homes: readonly Home[]): void {
    for (const h of homes) this.code.get(this.cpu).mem(`${h.type}.load`, h.offset).set(h.local);
  }
  store(homes: readonly Home[]): void {
    for (const h of homes) this.code.get(this.cpu).get(h.local).mem(`${h.type}.store`, h.offset);
  }
  /** For a moment the CPU state has everything that a loop keeps. */
  put(): void {
    if (this.loop) this.store(this.loop.written);
  }
  /** Locals are loaded again from there. */
  fetch(): void {
    if (this.loop) this.load(this.loop.all);
    else this.load([...this.homes.values()].filter((h) => this.bits[h.number] === VALID));
  }
  save(): Held {
    return { bits: this.bits.slice(), dirty: this.dirty.slice() };
  }
  restore({ bits, dirty }: Held): void {
    this.bits.set(bits);
    this.dirty = dirty.slice();
  }
}
/** What is known where two ways come together. */
export function joined(a: Held | undefined, b: Held): Held {
  if (!a) return b;
  const bits = a.bits.slice();
  for (let n = 0; n < bits.length; n++) {
    const [x, y] = [a.bits[n]!, b.bits[n]!];
    bits[n] = (x & y & VALID) | ((x | y) & DIRTY);
  }
  return { bits, dirty: [...a.dirty, ...b.dirty.filter((h) => !(a.bits[h.number]! & DIRTY))] };
}
export function validInBoth(a: Valid, b: Valid): Valid {
  const both = a.slice();
  for (let n = 0; n < both.length; n++) both[n]! &= b[n]!;
  return both;
}
/** Zeroes what a scalar write leaves of the register in the CPU state. */
export function clearRest(code: Code, cpu: number, h: Home): void {
  if (h.type === 'f32')
    code
      .get(cpu)
      .i32(0)
      .mem('i32.store', h.offset + 4);
  code
    .get(cpu)
    .i64(0n)
    .mem('i64.store', h.offset + 8);
}
