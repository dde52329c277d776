// Pointer authentication codes computed lately, in linear memory, where compiled code looks first: functions sign their
// return address and check it. A table is of one PauthState; which table a PE uses is found out anew in each run, and
// after whatever may have changed the state. Knows not how codes are computed.

import { lowHalf } from '../base/bits.ts';
import { ALGORITHM, type PauthState } from './pauth.ts';
import type { PhysMem } from './physmem.ts';
import { type CpuState, Slot } from './state.ts';

/** An entry: u64 pointer, u64 modifier, u64 the pointer signed, u32 key plus 1. Signing finds it, and checking. */
export const PacEntry = { pointer: 0, modifier: 8, signed: 16, key: 24, shift: 5 } as const;
export const PAC_ENTRIES = 4096;
const SIZE = PAC_ENTRIES << PacEntry.shift;
/** Entries of two pages: a short program does not touch more, and what is touched first has its price. */
const FEW_ENTRIES = 8192 >> PacEntry.shift;
/** Tables: programs that take turns have different keys. */
const TABLES = 4;
/**
 * The index is the top of the sum of the low halves times this and a factor; whole halves, or else stacks of calls meet in few
 * places. How much of the top (Slot.PAC_SHIFT) grows once a program has many; the factor (Slot.PAC_FACTOR) is another one when
 * entries drive each other out again and again.
 */
export const PAC_HASH = { pointer: 0x9e3779b1 | 0 } as const;
const shiftFor = (entries: number): number => 32 - Math.log2(entries);
const FIRST_FACTOR = 0x85ebca6b | 0;
/** From one to the next: both are odd. */
const NEXT_FACTOR = 0x2c1b3c6d;
/** So many entries are driven out before there are more, before the first change, and twice as many before the next. */
const FEW_LOST = 32;
const PATIENCE = 1024;

interface Table {
  readonly at: number;
  /** The state that the entries are for. */
  readonly state: Int32Array;
}

/** What compares with a state: its keys and, after these, all else of it. */
const KEY_WORDS = 20;
const STATE_WORDS = KEY_WORDS + 7;
function writeState(s: PauthState, to: Int32Array): void {
  to.set(s.keys);
  to[KEY_WORDS] = ALGORITHM[s.algorithm];
  to[KEY_WORDS + 1] = (s.epac ? 1 : 0) | (s.pauth2 ? 2 : 0) | (s.fpac ? 4 : 0) | (s.fpacCombine ? 8 : 0);
  to[KEY_WORDS + 2] = s.enabled;
  to[KEY_WORDS + 3] = s.bottom[0];
  to[KEY_WORDS + 4] = s.bottom[1];
  to[KEY_WORDS + 5] = s.tbiData;
  to[KEY_WORDS + 6] = s.tbiInstruction;
}

export class PacCache {
  private readonly mem: PhysMem;
  /** Where there is never anything. */
  private readonly none: number;
  /** The one that was needed last comes first. */
  private readonly tables: Table[] = [];
  private readonly present = new Int32Array(STATE_WORDS);
  private factor = FIRST_FACTOR;
  private shift = shiftFor(FEW_ENTRIES);
  private patience = FEW_LOST;
  /** Entries driven out since the factor or the shift changed. */
  private lost = 0;

  constructor(mem: PhysMem) {
    this.mem = mem;
    this.none = mem.allocFixed(SIZE);
  }
  /** What the state of the PE is must be looked at again. */
  forget(cpu: CpuState): void {
    this.mem.u32[(cpu.base + Slot.PAC_CACHE) >>> 2] = this.none;
    this.mem.i32[(cpu.base + Slot.PAC_FACTOR) >>> 2] = this.factor;
    this.mem.u32[(cpu.base + Slot.PAC_SHIFT) >>> 2] = this.shift;
  }
  /** Remembers a pointer, and what it is signed. */
  keep(cpu: CpuState, s: PauthState, key: number, pointer: bigint, modifier: bigint, signed: bigint): void {
    const slot = (cpu.base + Slot.PAC_CACHE) >>> 2;
    const { u32, u64 } = this.mem;
    // Others may be looking.
    if (this.mem.parallel) return;
    if (u32[slot] === this.none) u32[slot] = this.tableOf(s);
    const sum = Math.imul(lowHalf(pointer), PAC_HASH.pointer) + Math.imul(lowHalf(modifier), this.factor);
    const at = u32[slot]! + ((((sum + key) | 0) >>> this.shift) << PacEntry.shift);
    if (u32[(at + PacEntry.key) >>> 2] !== 0 && ++this.lost > this.patience) {
      this.change();
      this.forget(cpu);
      return;
    }
    u64[(at + PacEntry.pointer) >>> 3] = pointer;
    u64[(at + PacEntry.modifier) >>> 3] = modifier;
    u64[(at + PacEntry.signed) >>> 3] = signed;
    u32[(at + PacEntry.key) >>> 2] = key + 1;
  }
  /** Has all entries elsewhere: there are none at first. */
  private change(): void {
    const size = (2 ** (32 - this.shift)) << PacEntry.shift;
    for (const { at } of this.tables) this.mem.zero(at, at + size);
    if (this.shift === shiftFor(FEW_ENTRIES)) {
      this.shift = shiftFor(PAC_ENTRIES);
      this.patience = PATIENCE;
    } else {
      this.factor = Math.imul(this.factor, NEXT_FACTOR);
      this.patience *= 2;
    }
    this.lost = 0;
  }
  private tableOf(s: PauthState): number {
    const { tables, present } = this;
    writeState(s, present);
    let i = 0;
    while (i < tables.length && !isSame(tables[i]!.state, present)) i++;
    if (i === tables.length) {
      i = Math.min(tables.length, TABLES - 1);
      const old = tables[i];
      if (old) this.mem.zero(old.at, old.at + SIZE);
      tables[i] = { at: old?.at ?? this.mem.allocFixed(SIZE), state: present.slice() };
    }
    if (i > 0) tables.unshift(...tables.splice(i, 1));
    return tables[0]!.at;
  }
}
function isSame(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < STATE_WORDS; i++) if (a[i] !== b[i]) return false;
  return true;
}
