// What the interpreter and a compiler of regions agree on. A region is a function for a stretch of code. The record of each of
// its entries is hooked: it has the handler Special.Region, and beside the page stands what the region needs and which
// handler was there before. The region runs only if the budget cannot end on its way to where it looks at the budget again;
// it leaves only where the interpreter can go on, with the very count of instructions.

import type { Decoder } from '../cpu/decode.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import type { CpuState } from '../cpu/state.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import type { CodePages } from './code_pages.ts';
import type { Part } from './program.ts';

/**
 * cpu, address of the page of the entry, number of the entry, instructions executed, and the address that a return is to lead
 * to for control to come back to the region that has called.
 */
export const REGION_PARAMS: readonly ValueType[] = ['i32', 'i64', 'i32', 'i32', 'i64'];
/** 0: nothing has been done, the interpreter is to run the instruction; else bits of RegionExit. And instructions executed. */
export const REGION_RESULTS: readonly ValueType[] = ['i32', 'i32'];

/** Fields of a hook, and the logarithm of its size. */
export const HookEntry = { handler: 0, limit: 2, slot: 4, entry: 6, shift: 3 } as const;

/**
 * A table of places where branches have led to another region, by their address, so that they need not be looked up again:
 * the address, the GENERATION (cpu/tlb.ts) in which that was so, a copy of the hook, the upper half of the parameter with the
 * entry (which comes last in the hook), how branches may land there: a bit for each type, plus LANDING_GUARDED for those of a
 * guarded page.
 */
export const LinkEntry = {
  address: 0,
  generation: 8,
  hook: 16,
  bits: 24,
  landings: 26,
  shift: 5,
  count: 2048,
} as const;

/** Imports of regions, by which they get to each other (linker.ts). */
export const RegionImport = {
  /** Enters the region that a branch leads to; there is none: does what leaves to the interpreter. */
  go: 'go',
  /** Finds a region. */
  find: 'find',
  /** Looks whether a region may run (region_check.ts). */
  check: 'check',
  /** Puts the flags together (late_flags.ts). */
  settle: 'settle',
} as const;
export const isRegionImport = (name: string): name is keyof typeof RegionImport => Object.hasOwn(RegionImport, name);

/** Imports of regions that ask where accesses go which the data TLB does not answer (misses.ts). */
export const MissImport = {
  /** Says where. */
  miss: 'miss',
  /** Carries out a store that this has sent to the bounce buffer. */
  carry: 'carry',
} as const;
export const isMissImport = (name: string): name is keyof typeof MissImport => Object.hasOwn(MissImport, name);

/** How a region is left. */
export const RegionExit = {
  /** Set in every answer but the refusal. */
  left: 1,
  /** It goes on in the page of the entry, at the record that the number from indexShift on says; else at Slot.PC. */
  inPage: 2,
  /** Not by a branch that was taken: the budget is not looked at. */
  unchecked: 4,
  /** BranchType of the branch that was taken, 2 bits. */
  typeShift: 3,
  /** Control has come back to the region that called: it knows where that is. */
  returned: 32,
  /** The data TLB did not answer: the region notes it, nobody else sees it. */
  missed: 64,
  indexShift: 8,
} as const;

/**
 * Bits of the parameter with the entry: another region led here; the page is guarded; the pages of the region have been found
 * where they belong in this GENERATION. Above are facts (region_check.ts), and last how many regions have called and wait.
 */
export const EntryBit = { linked: 16, guarded: 17, placed: 18, waiting: 25 } as const;
/** One more region that waits. */
export const ONE_WAITS = 1 << EntryBit.waiting;
export const WAITING = -ONE_WAITS;
/** How many may wait: the host's stack has an end. */
export const MOST_WAIT = 48;

/** Compiles what runs often. The interpreter comes with samples; what is made of them never shows in results. */
export interface Tier {
  /** Interpreted instructions until the first sample. */
  readonly stretch: number;
  /**
   * A run was interrupted where a branch landed.
   * @param records of the page of the place; @param guarded the page is (FEAT_BTI)
   * @returns how many instructions to interpret before the next sample; 0: where the next branch is interpreted
   */
  sample(cpu: CpuState, pc: bigint, records: number, guarded: boolean): number;
  /**
   * Code is about to be run from a page that the TLB has just been told of.
   * @returns a sample is to be taken as soon as may be
   */
  arrived(cpu: CpuState, pc: bigint, records: number, guarded: boolean): boolean;
  /** Nothing that was compiled from these records may run again. */
  dropped(records: number): void;
}

/** A number that a module imports: that of the first of its functions in the table. */
export const FIRST_SLOT = 'first';

/** What the interpreter gives to a Tier. */
export interface TierHost {
  readonly mem: PhysMem;
  readonly pages: CodePages;
  readonly decoder: Decoder;
  /** Where the table of LinkEntry is; undefined: PEs execute at the same time, and there is none. */
  readonly links: number | undefined;
  /** Addresses of the tables of flat pages (cpu/flat.ts), for reads and for writes, if there are any. */
  readonly flat: readonly [number, number] | undefined;
  /** See EngineOptions. */
  readonly machine: string;
  /** Memory that is the tier's: where and how much depends on how large all memory is, and on nothing else. */
  readonly area: { readonly at: number; readonly size: number };
  /** Takes a place in the table of handlers. @returns its number, or undefined if there is none left */
  takeSlot(): number | undefined;
  /** Puts the function `0` of a module there; without one, gives the place back. */
  setSlot(slot: number, part?: Part): void;
  /** Puts functions of a module into places one after the other, as it does itself (FIRST_SLOT). @param isGood looks at what the module exports @returns the first place, or undefined if there are not as many or it is not */
  fill(count: number, part: Part, isGood: (exports: Readonly<Record<string, unknown>>) => boolean): number | undefined;
  /** Pages that code would be fetched from without asking the translator, with their records. */
  fetched(cpu: CpuState): Iterable<readonly [va: bigint, records: number, guarded: boolean]>;
  /** Records that code at `pc` would be fetched from without asking the translator, or 0, also if it is not guarded alike. */
  recordsAt(cpu: CpuState, pc: bigint, guarded: boolean): number;
}
export type MakeTier = (host: TierHost) => Tier;

let usual: MakeTier | undefined;
/** Engines whose maker names no tier get this one: a whole test suite can run compiled. */
export function setUsualTier(make: MakeTier | undefined): void {
  usual = make;
}
export const usualTier = (): MakeTier | undefined => usual;
