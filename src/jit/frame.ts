// What all parts of a region's function share: what it was asked to be, and where its values are.

import { Slot } from '../cpu/state.ts';
import type { Import } from '../interp/imports.ts';
import { Flags } from '../interp/late_flags.ts';
import { FIND_PARAMS, FIND_RESULTS, GO_PARAMS, SETTLE_PARAMS } from '../interp/linker.ts';
import { REGION_RESULTS, RegionImport } from '../interp/region.ts';
import { CHECK_PARAMS, CHECK_RESULTS } from '../interp/region_check.ts';
import type { Code } from '../wasm/builder.ts';
import type { Constants } from './constants.ts';
import { type Counted, writeCount } from './counts.ts';
import type { Block } from './graph.ts';
import { Homes } from './homes.ts';
import type { Assumptions, Lifted } from './lift.ts';
import { Tape } from './phrases.ts';
import type { Uses } from './regions.ts';

export interface RegionOptions {
  readonly known: Assumptions;
  /** Pages that the region has code of, by their distance from the page of the root: their order is that in its cell. */
  readonly pages: readonly number[];
  /** Address of its cell. */
  readonly cell: number;
  /** Tables of flat pages (cpu/flat.ts), for reads and for writes. */
  readonly flat: readonly [number, number] | undefined;
  /** `f64x2.relaxed_madd` rounds once. */
  readonly fused: boolean;
  /** Accesses of an instruction that the TLB does not answer are frequent: the region asks for them (interp/misses.ts). */
  readonly asks: ((place: number) => boolean) | undefined;
  /** Where misses of the others are noted (Area.misses). */
  readonly misses: number;
  /** Where code counts what it does (counts.ts), if it does. */
  readonly counts?: number;
  readonly constants: Constants;
  /** Other PEs execute at the same time. */
  readonly parallel: boolean;
}

/** Locals of a region's function, and the code that is written. */
export class RegionFrame {
  readonly code: Code;
  readonly options: RegionOptions;
  // Parameters: base is the address of the page of the root; instructions executed before; where the region returns to.
  readonly cpu = 0;
  readonly base = 1;
  readonly entry = 2;
  readonly executed = 3;
  readonly awaited = 4;
  readonly tlb: number;
  /** What the CPU state has as the budget, and what is left of it. */
  readonly budget: number;
  readonly left: number;
  /** What is returned: bits of RegionExit. */
  readonly answer: number;
  /** Where control goes from the region, unless the answer says a place in the page. */
  readonly pcOut: number;
  // Functions: enters a region, finds one, looks whether this one may run, puts flags together.
  readonly go: number;
  readonly find: number;
  readonly check: number;
  readonly settle: number;
  readonly flags: Flags;
  /** Locals below are the same in each region. */
  readonly shared: number;
  readonly homes: Homes;
  readonly tape: Tape;
  readonly everything: readonly Lifted[];
  readonly uses: Uses;
  /** It may be left because the TLB does not answer. */
  mayMiss = false;

  constructor(code: Code, imports: Import, options: RegionOptions, blocks: Iterable<Block>) {
    this.code = code;
    this.options = options;
    this.go = imports(RegionImport.go, GO_PARAMS, REGION_RESULTS);
    this.find = imports(RegionImport.find, FIND_PARAMS, FIND_RESULTS);
    this.check = imports(RegionImport.check, CHECK_PARAMS, CHECK_RESULTS);
    this.settle = imports(RegionImport.settle, SETTLE_PARAMS, []);
    this.tlb = code.local('i32');
    this.budget = code.local('i32');
    this.left = code.local('i32');
    this.answer = code.local('i32');
    this.pcOut = code.local('i64');
    const everything: Lifted[] = [];
    let [sp, fp, inexact] = [false, false, false];
    for (const { code: list } of blocks)
      for (let i = 0; i < list.length; i++) {
        const one = list[i]!;
        everything.push(one);
        sp ||= one.sp;
        fp ||= one.fp;
        inexact ||= one.inexact;
      }
    this.everything = everything;
    this.uses = { sp, fp, inexact };
    this.flags = new Flags(code, this.cpu, this.settle);
    this.shared = code.localCount;
    this.tape = new Tape(code);
    this.homes = new Homes(code, this.cpu, everything);
  }
  /** Counts, where statistics are wanted (counts.ts). */
  tally(what: Counted, amount?: () => void): void {
    writeCount(this.code, this.options.counts, what, amount);
  }
  /** Puts on the stack where the TLB is. */
  getTlb(): Code {
    // Where pages are flat, it is hardly ever asked for.
    const { code, cpu, options, tlb } = this;
    return options.known.flat ? code.get(cpu).mem('i32.load', Slot.TLB) : code.get(tlb);
  }
  /** The budget has been changed: so has what is left. */
  reloadBudget(): void {
    const { code, budget, left } = this;
    code.get(left).get(budget).op('i32.sub');
    this.getBudget().tee(budget).op('i32.add').set(left);
  }
  private getBudget(): Code {
    return this.code.get(this.cpu).mem('i32.load', Slot.BUDGET);
  }
  /**
   * Something is called that is hardly ever called: everything it may change, or that the compiler would otherwise keep in memory
   * across the call, and all the way there, is put into the CPU state before and fetched from there.
   */
  aside(call: () => void): void {
    const { code, cpu, budget, left, flags, homes } = this;
    code.get(cpu).get(budget).get(left).op('i32.sub').mem('i32.store', Slot.ASKED);
    homes.put();
    const fetchFlags = flags.put();
    call();
    fetchFlags();
    homes.fetch();
    this.getBudget().tee(budget).get(cpu).mem('i32.load', Slot.ASKED).op('i32.sub').set(left);
  }
}
