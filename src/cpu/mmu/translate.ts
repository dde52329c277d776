// From a guest's virtual address to a frame: stage 1 by walk.ts, stage 2 by asking its owner, faults as syndromes. Keeps
// the TLB blocks of one PE: a few address spaces, each for EL0, for EL1 and for EL1 with PSTATE.PAN set. The only
// caller of the walk.

import { type FaultKind, fscAt, ISS } from '../../arch/esr.ts';
import { highHalf, lowHalf } from '../../base/bits.ts';
import type { Access, Tlb, Translation, Translator } from '../engine.ts';
import type { PePool } from '../pe_pool.ts';
import type { Stage2, Stage2Answer, Stage2Change, Stage2Fault } from '../pe_ports.ts';
import { FRAME_SHIFT, FRAME_SIZE, type PhysMem } from '../physmem.ts';
import { type CpuState, Slot } from '../state.ts';
import { Blocks } from './blocks.ts';
import type { Regime } from './regime.ts';
import { isDeviceAtStage2, type Stage2Memory } from './stage2_attrs.ts';
import { Stage2Cache } from './stage2_cache.ts';
import { Stage1Tables, type Stage2Refusal } from './table_port.ts';
import { type WalkResult, walkStage1 } from './walk.ts';

/** Which accesses a TLB block answers. */
export type Mode = 'el0' | 'el1' | 'el1Pan';

type Reached = Extract<Translation, { ok: true }>;
type Stage1Result = Extract<WalkResult, { ok: true }>;

interface Space {
  /** Regime.key of what it holds; undefined: free. */
  key: string | undefined;
  asid: number;
  /** Made when first asked for. */
  readonly tlbs: Record<Mode, Tlb | undefined>;
  /** The same, one after the other. */
  readonly all: Tlb[];
  lastUse: number;
}
/** Address spaces remembered at a time. */
const SPACES = 6;
/**
 * Instructions that could have executed while a data access missed the TLB and two stages were walked. Without it, a guest
 * that does nothing but miss would do in a second what takes hardware a minute.
 */
export const MISS_COST = 200;
const PAGE_BITS = BigInt(FRAME_SHIFT);

const EC = { dataLow: 0x24, fetchLow: 0x20 } as const;
/** Syndrome bits of aborts. */
const WNR = 1 << 6;
const S1PTW = 1 << 7;
const EA_SEA = 0x10;
const EA_WALK = 0x14;
/** ISS2 by what WalkResult gives as the reason. */
const ISS2 = { overlay: 1 << (ISS.DABT2.Overlay - 32), clean: 1 << (ISS.DABT2.DirtyBit - 32) } as const;
const KIND: Readonly<Record<Stage2Fault, FaultKind>> = {
  translation: 'TRANSLATION',
  permission: 'PERMISSION',
  accessFlag: 'ACCESS_FLAG',
  addressSize: 'ADDRESS_SIZE',
  externalWalk: 'EXTERNAL_WALK',
};
/** The status code of a fault of stage 2. */
export function fscOfStage2(a: Stage2Refusal): number {
  return fscAt(KIND[a.fault], a.level);
}

/** What debug.ts adds: looked at only while it is set. */
export interface DebugWatch {
  /** The page has a breakpoint: its instructions are to be executed one by one. */
  stopsFetch(va: bigint): boolean;
  /** Accesses to the page have to be looked at one by one. */
  watchesPage(va: bigint): boolean;
  /** @returns the fault of a watchpoint that the access hits */
  hit(va: bigint, size: number, access: 'read' | 'write', el0: boolean): Translation | undefined;
}
/** Not an exception class: the fetch is to be looked at by the PE. */
export const EC_BREAKPOINT_PAGE = 0x100;

export class Mmu {
  private readonly mem: PhysMem;
  private readonly stage2: Stage2;
  private readonly spaces: Space[] = [];
  private readonly pool: PePool;
  private current: Space | undefined;
  private stage2Key = '';
  private uses = 0;
  /** Set by the PE before anything is translated. */
  regime!: Regime;
  debug: DebugWatch | undefined;
  /** Which level of stage 1 the last access had asked for that stage 2 refused. */
  tableLevel = 3;
  private fetched:
    | { readonly page: number; readonly high: number; readonly mode: Mode; readonly frame: number }
    | undefined;
  /** Entries of stage 1 that some TLB block may hold a page of. */
  private readonly blocks = new Blocks();
  private readonly dropBlock = (first: number, end: number): void =>
    this.flushPages(BigInt(first) << PAGE_BITS, BigInt(end) << PAGE_BITS);
  /** And of stage 2. */
  private readonly ipaBlocks = new Blocks();
  private readonly tables: Stage1Tables;
  /** Absent: answers of stage 2 are its own TLB maintenance's business. */
  private readonly answers: Stage2Cache | undefined;
  /** Instructions not executed because of misses, since the PE last asked. */
  stalled = 0;

  constructor(mem: PhysMem, pool: PePool, stage2: Stage2) {
    this.mem = mem;
    this.pool = pool;
    this.stage2 = stage2;
    if (!stage2.follow) this.answers = new Stage2Cache();
    stage2.onChange((change) => this.stage2Changed(change));
    this.tables = new Stage1Tables(mem, (ipa, access) => this.askStage2(ipa, access, true, false, true));
  }

  // ---- TLB blocks -------------------------------------------------------------------------------------------------------

  /** Makes `regime` the one in force. @param stage2Key what its owner says that answers of stage 2 depend on */
  setRegime(regime: Regime, stage2Key = ''): void {
    this.regime = regime;
    if (this.stage2Key !== stage2Key) {
      this.stage2Key = stage2Key;
      this.tables.forgetAll();
    }
    const key = regime.key + stage2Key;
    if (this.current?.key === key) return;
    this.current = this.spaces.find((s) => s.key === key) ?? this.takeSpace(regime, key);
    this.current.lastUse = ++this.uses;
    this.fetched = undefined;
  }
  private takeSpace(regime: Regime, key: string): Space {
    let space: Space;
    if (this.spaces.length < SPACES) {
      const tlbs = { el0: undefined, el1: undefined, el1Pan: undefined };
      space = { key: undefined, asid: 0, tlbs, all: [], lastUse: 0 };
      this.spaces.push(space);
    } else {
      space = this.spaces.reduce((a, b) => (a.lastUse < b.lastUse ? a : b));
      for (const tlb of space.all) tlb.flush();
    }
    space.key = key;
    space.asid = regime.asid;
    return space;
  }
  private makeTlb(space: Space, mode: Mode): Tlb {
    const translator: Translator = {
      translate: (va, access, size, cpu) => this.translate(mode, va, access, size, cpu),
    };
    const tlb = this.pool.takeTlb(translator);
    space.tlbs[mode] = tlb;
    space.all.push(tlb);
    return tlb;
  }
  /** Gives the TLB blocks away: the PE does not run any more. */
  release(): void {
    for (const s of this.spaces) for (const tlb of s.all) this.pool.giveTlb(tlb);
    this.spaces.length = 0;
    this.current = undefined;
  }
  /** Address of the block for CpuState.tlb. */
  blockOf(mode: Mode): number {
    const space = this.current!;
    const { el0, el1, el1Pan } = space.tlbs;
    // Look-ups by ever other names are slow.
    return ((mode === 'el0' ? el0 : mode === 'el1' ? el1 : el1Pan) ?? this.makeTlb(space, mode)).base;
  }
  flushAll(): void {
    this.forgetLast();
    this.blocks.clear();
    for (const s of this.spaces) for (const tlb of s.all) tlb.flush();
  }
  /** What the last walk and the last fetch found. */
  private forgetLast(): void {
    this.fetched = undefined;
    this.tables.forgetLast();
  }
  /** Blocks that reach into the range go as a whole: the entry that a TLB would hold is one. */
  flushRange(start: bigint, end: bigint): void {
    this.forgetLast();
    this.blocks.take(pageOf(...halvesOf(start)), pageOf(...halvesOf(end - 1n)) + 1, this.dropBlock);
    this.flushPages(start, end);
  }
  flushVa(va: bigint): void {
    this.flushPage(...halvesOf(va));
  }
  flushPage(low: number, high: number): void {
    this.forgetLast();
    const page = pageOf(low, high);
    this.blocks.take(page, page + 1, this.dropBlock);
    for (const s of this.spaces) for (const tlb of s.all) tlb.flushPage(low, high);
  }
  private flushPages(start: bigint, end: bigint): void {
    for (const s of this.spaces) for (const tlb of s.all) tlb.flush(start, end);
  }
  private stage2Changed(change: Stage2Change | undefined): void {
    if (!change) {
      this.tables.forgetAll();
      this.answers?.forgetAll();
      this.ipaBlocks.clear();
      this.flushAll();
      return;
    }
    const { first, end, writesOnly } = change;
    for (const s of this.spaces) for (const tlb of s.all) tlb.flushTagged(first, end, writesOnly);
    this.answers?.forget(first, end);
    if (writesOnly) return; // tables are only read through what is remembered
    this.fetched = undefined;
    this.tables.forget(first, end);
  }
  flushIpas(first: number, end: number): void {
    let [from, to] = [first, end];
    this.ipaBlocks.take(first, end, (f, t) => {
      from = Math.min(from, f);
      to = Math.max(to, t);
    });
    this.stage2Changed({ first: from, end: to, writesOnly: false });
  }
  flushBothStages(): void {
    this.stage2Changed(undefined);
  }
  flushAsid(asid: number): void {
    this.forgetLast();
    const mask = this.regime.asidMask;
    for (const s of this.spaces) if (((s.asid ^ asid) & mask) === 0) for (const tlb of s.all) tlb.flush();
  }

  // ---- translation --------------------------------------------------------------------------------------------------------

  /** Stage 1 alone, for AT and for what looks at memory from outside. */
  stage1(va: bigint, access: Access, mode: Mode, update: boolean, unchecked = false): WalkResult {
    return walkStage1(this.regime, this.tables, {
      va,
      access,
      el0: mode === 'el0',
      pan: mode === 'el1Pan',
      update,
      unchecked,
    });
  }
  /** How stage 2 refused the last table access of a walk. */
  get lastTableFault(): Stage2Refusal {
    return this.tables.fault!;
  }
  /** @param update make hardware updates (AT instructions leave them out) */
  stage2Of(ipa: number, access: Access, mode: Mode, update: boolean): Stage2Answer {
    return this.askStage2(ipa, access, false, mode === 'el0', update);
  }
  private askStage2(ipa: number, access: Access, s1ptw: boolean, el0: boolean, update: boolean): Stage2Answer {
    const { answers } = this;
    const page = Math.floor(ipa / FRAME_SIZE);
    if (answers && access !== 'execute') {
      const known = answers.find(page, access === 'write');
      if (known) return known;
    }
    const a = this.stage2.translate(ipa, access, s1ptw, el0, update);
    if (!a.ok) return a;
    if (answers && access !== 'execute' && !a.uncached && !a.mapping) answers.keep(page, a);
    const bits = a.mapping?.sizeBits ?? 0;
    if (bits > FRAME_SHIFT) this.rememberIpa(page, bits);
    return a;
  }
  private rememberIpa(page: number, bits: number): void {
    if (this.ipaBlocks.add(page, bits)) return;
    this.flushBothStages();
    this.ipaBlocks.add(page, bits);
  }

  /** What fetchFrame said before about the page of an address, given by halves; 0: that was about another. */
  fetchedFrame(low: number, high: number, mode: Mode): number {
    const last = this.fetched;
    const same = last !== undefined && last.page === low >>> FRAME_SHIFT && last.high === high && last.mode === mode;
    return same ? last.frame : 0;
  }
  /** The frame that an instruction is in, or 0. Breakpoints do not matter. */
  fetchFrame(pc: bigint, mode: Mode, cpu: CpuState): number {
    const [low, high] = halvesOf(pc);
    const known = this.fetchedFrame(low, high, mode);
    if (known !== 0) return known;
    const { debug } = this;
    this.debug = undefined;
    const t = this.translate(mode, pc, 'execute', 4, cpu);
    this.debug = debug;
    if (!t.ok) return 0;
    this.fetched = { page: low >>> FRAME_SHIFT, high, mode, frame: t.frame };
    return t.frame;
  }
  translate(mode: Mode, va: bigint, access: Access, size: number, cpu: CpuState): Translation {
    const { debug } = this;
    if (debug && access === 'execute' && debug.stopsFetch(va)) {
      return { ok: false, ec: EC_BREAKPOINT_PAGE, iss: 0, far: va };
    }
    const s1 = this.stage1(va, access, mode, true);
    if (!s1.ok) return this.stage1Fault(s1, va, access, cpu);
    const s2 = this.stage2Of(s1.ipa, access, mode, true);
    if (!s2.ok) return this.stage2Fault(s2, BigInt(s1.ipa), va, access, false, cpu);
    if (s1.sizeBits > FRAME_SHIFT) this.remember(va, s1.sizeBits);
    if (debug && access !== 'execute' && debug.watchesPage(va)) {
      return (
        debug.hit(va, size, access, mode === 'el0') ?? {
          ok: true,
          frame: s2.frame,
          writable: false,
          executable: false,
          uncached: true,
        }
      );
    }
    const device = access !== 'execute' && this.isDevice(s1.attr);
    const translation = {
      ok: true,
      frame: s2.frame,
      writable: s1.writable && s2.writable,
      executable: s1.executable && s2.executable,
      uncached: s2.uncached === true,
      aligned: device || (access !== 'execute' && this.regime.checksAlignment),
      device,
      guarded: s1.guarded,
      tag: Math.floor(s1.ipa / FRAME_SIZE),
    } as const;
    const memory = s2.mapping?.memory;
    const whole = memory && access !== 'execute' ? this.withStage2(translation, s1, memory) : translation;
    if (access !== 'execute' && !whole.uncached && !whole.aligned) this.wait(cpu);
    return whole;
  }
  /** Of what the TLB is told: other accesses are looked at more than once, by some ways of executing them. */
  private wait(cpu: CpuState): void {
    this.stalled += MISS_COST;
    this.mem.i32[(cpu.base + Slot.BUDGET) >>> 2]! -= MISS_COST;
  }
  /**
   * Our choice: not while stage 1 is off, where all memory is Device; each access would have to be looked at, and code that
   * runs there would crawl.
   */
  private isDevice(attr: number): boolean {
    return this.regime.on && (attr & 0xf0) === 0;
  }
  /** Stage 2 may make memory Device that stage 1 has not. @arm AArch64.S2HasAlignmentFault */
  private withStage2(t: Reached, s1: Stage1Result, memory: Stage2Memory): Reached {
    if (t.device || !isDeviceAtStage2(memory)) return t;
    // While stage 1 is off, it would have been the first to say so.
    const isFirst = t.aligned === true || (s1.attr & 0xf0) === 0;
    return { ...t, device: true, aligned: true, ...(!isFirst && { alignedIpa: BigInt(s1.ipa) }) };
  }

  private remember(va: bigint, bits: number): void {
    const page = pageOf(lowHalf(va), highHalf(va));
    if (this.blocks.add(page, bits)) return;
    this.flushAll();
    this.blocks.add(page, bits);
  }

  private stage1Fault(w: Extract<WalkResult, { ok: false }>, va: bigint, access: Access, cpu: CpuState): Translation {
    if (w.fsc === undefined) {
      this.tableLevel = w.level ?? 3;
      return this.stage2Fault(this.tables.fault!, BigInt(w.ipa), va, access, true, cpu);
    }
    return {
      ok: false,
      ec: ecOf(access, cpu.el),
      iss: w.fsc | (access === 'write' ? WNR : 0),
      far: va,
      ...(w.because && { iss2: ISS2[w.because] }),
    };
  }
  private stage2Fault(
    a: Stage2Refusal,
    ipa: bigint,
    va: bigint,
    access: Access,
    walk: boolean,
    cpu: CpuState,
  ): Translation {
    // On a table, the direction is that of the walk: it writes only to update a descriptor.
    const wnr = access !== 'execute' && (walk ? this.tables.wrote : access === 'write') ? WNR : 0;
    if (a.external !== undefined) {
      const fsc = walk && a.external === EA_SEA ? EA_WALK + this.tableLevel : a.external;
      return { ok: false, ec: ecOf(access, cpu.el), iss: fsc | wnr, far: va };
    }
    const iss = fscOfStage2(a) | wnr | (walk ? S1PTW : 0);
    return { ok: false, ec: ecOf(access, 0), iss, far: va, ipa, ...(a.because && { iss2: ISS2[a.because] }) };
  }
}

/** The halves of an address. */
function halvesOf(va: bigint): [low: number, high: number] {
  return [lowHalf(va), highHalf(va)];
}
/** The number of the page of an address, its tag ignored. */
function pageOf(low: number, high: number): number {
  return (high & 0x00ff_ffff) * 2 ** (32 - FRAME_SHIFT) + (low >>> FRAME_SHIFT);
}
/** The class of an abort from `el` that EL1 (or, for stage 2, EL2) takes. */
function ecOf(access: Access, el: number): number {
  return (access === 'execute' ? EC.fetchLow : EC.dataLow) + (el === 0 ? 0 : 1);
}
