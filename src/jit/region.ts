// A region as a WebAssembly function: registers in locals, control flow structured, one way out. Places are counted in
// instructions from the beginning of the page that the root lies in; `base` is the address of that page, so the code does
// not depend on where it is mapped.

import { InternalError } from '../base/assert.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot, slotOffset } from '../cpu/state.ts';
import { ENTRY_EXTRA, ENTRY_SIZE, ENTRY_VALUE, FETCH_ENTRIES, TlbTable } from '../cpu/tlb.ts';
import { Emitter, type Frame, type Probe, type ReadFlags, type State } from '../interp/emit.ts';
import { FPCR_SPECIAL, FPSR_IXC } from '../interp/emit_fp.ts';
import { emitHit, emitLookup } from '../interp/emit_memory.ts';
import type { Import } from '../interp/loop.ts';
import { EndRecord, RECORD_SIZE, RECORDS_PER_PAGE, Special } from '../interp/record.ts';
import { EntryBit, HookEntry, REGION_PARAMS, REGION_RESULTS, RegionExit } from '../interp/region.ts';
import type { Node, NodeOf, Place, Ty } from '../ir/ops.ts';
import type { Code, Label, ModuleBuilder } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { FlagNodes, flagsAfter } from './flag_nodes.ts';
import { Flags, Kind } from './flags.ts';
import type { Block, Edge, Graph } from './graph.ts';
import { clearRest, type Home, Homes, scalarOf } from './homes.ts';
import type { Assumptions, Lifted } from './lift.ts';
import { backEdges, longestPaths, type Shape, shapeOf } from './shape.ts';

export const PLACES_PER_PAGE = FRAME_SIZE / 4;
export const pageOf = (place: number): number => Math.floor(place / PLACES_PER_PAGE);

export interface RegionOptions {
  readonly known: Assumptions;
  /** Records of the pages that the region has code of, by their distance from the page of the root. */
  readonly records: ReadonlyMap<number, number>;
  /** Number of the region's function in the table, and where the hooks of its root's page are. */
  readonly slot: number;
  readonly hooks: number;
  /** `f64x2.relaxed_madd` rounds once. */
  readonly fused: boolean;
}
export interface BuiltRegion {
  /** Number of the function in the module. */
  readonly func: number;
  /** For each entry of the graph, how many instructions it may be to where the budget is looked at. */
  readonly limits: readonly number[];
}

/** How to get to a block. */
interface Target {
  readonly label: Label;
  /** What to choose at the loop that begins there; 0: nothing. */
  readonly choice: number;
  readonly back: boolean;
}

/** Bits of an answer that say what kind of branch it was. */
const BRANCH_TYPE = 3 << RegionExit.typeShift;
/** The hook says in the upper byte which page the entry lies in, counted from 128 before the root's. */
const PAGE_BIAS = 128;
export const entryNumber = (index: number, place: number): number => index | ((pageOf(place) + PAGE_BIAS) << 8);

const FETCH_TAG = ~BigInt(FRAME_SIZE - 4);
const FETCH_INDEX_SHIFT = BigInt(Math.log2(FRAME_SIZE / ENTRY_SIZE));
/** Bytes of V[n]. */
const V_BYTES = 16;
/** Choices up to this many are compared one by one. */
const FEW = 4;

class Region implements Frame, State {
  readonly cpu = 0;
  private readonly base = 1;
  private readonly entry = 2;
  private readonly executed = 3;
  readonly code: Code;
  readonly import: Import;
  readonly fused: boolean;
  /** Of functions of regions. */
  private readonly type: number;
  private readonly graph: Graph;
  private readonly options: RegionOptions;
  private readonly homes: Homes;
  private readonly flags: Flags;
  private readonly flagNodes: FlagNodes;
  private readonly tlb: number;
  private readonly answer: number;
  private readonly pcOut: number;
  private readonly choice: number;
  /** Nonzero: the interpreter does not stand in the page of the root. */
  private readonly elsewhere: number;
  private out!: Label;
  /** Where branches to an address in `pcOut` go. */
  private redirect!: Label;

  private readonly back: ReadonlySet<string>;
  private readonly shapes: readonly Shape[];
  private readonly longest: ReadonlyMap<number, number>;
  private readonly flagsIn: ReadonlyMap<number, number>;
  private readonly targets = new Map<number, Target>();
  private readonly numbers = new Map<number, number>();

  // Where the code that is being written stands.
  private block!: Block;
  private place = 0;
  /** Instructions done that `executed` does not have yet. */
  private ahead = 0;
  private cleared = new Set<number>();

  private readonly pools = new Map<ValueType, number[]>();
  private readonly used = new Map<ValueType, number>();

  constructor(code: Code, type: number, imports: Import, graph: Graph, options: RegionOptions) {
    this.code = code;
    this.type = type;
    this.import = imports;
    this.graph = graph;
    this.options = options;
    this.fused = options.fused;
    this.tlb = code.local('i32');
    this.answer = code.local('i32');
    this.choice = code.local('i32');
    this.elsewhere = code.local('i32');
    this.pcOut = code.local('i64');
    this.flags = new Flags(code, this.cpu);
    this.flagNodes = new FlagNodes(this.flags);
    this.homes = new Homes(
      code,
      this.everything().map((one) => one.block),
    );
    const successors = (id: number): number[] => {
      const { next, branch } = graph.blocks.get(id)!;
      return [next, branch].flatMap((e) => (e && this.inside(e) ? [e.to] : []));
    };
    const ids = new Set(graph.blocks.keys());
    this.shapes = shapeOf(ids, successors, [], graph.entries);
    this.back = backEdges(this.shapes, successors);
    this.longest = longestPaths(ids, successors, (id) => graph.blocks.get(id)!.code.length, this.back);
    this.flagsIn = flagsAtBlocks(graph, successors, this.everyFlag());
    for (const e of graph.entries) this.number(e);
  }
  private everything(): Lifted[] {
    return [...this.graph.blocks.values()].flatMap((b) => [...b.code]);
  }
  limits(): number[] {
    return this.graph.entries.map((e) => this.longest.get(e)!);
  }
  private inside(edge: Edge): boolean {
    return this.graph.blocks.has(edge.to);
  }
  private number(id: number): number {
    const n = this.numbers.get(id) ?? this.numbers.size + 1;
    this.numbers.set(id, n);
    return n;
  }

  build(): void {
    const { code, cpu, choice, entry, graph } = this;
    this.enter();
    this.guard();
    code.get(cpu).mem('i32.load', Slot.TLB).set(this.tlb);
    this.homes.load(code, cpu);
    this.out = code.block('block');
    code.get(entry).i32(0xff).op('i32.and').i32(1).op('i32.add').set(choice);
    const again = code.block('loop');
    this.redirect = code.block('block');
    this.sequence(this.shapes, new Set(), undefined, graph.entries);
    code.end();
    this.writeRedirect(again);
    code.br(this.out).end().unreachable().end();
    this.homes.store(code, cpu);
    this.flags.possible = this.everyFlag();
    this.flags.spill();
    this.writeLink();
    code.get(cpu).get(this.pcOut).mem('i64.store', Slot.PC);
    code.get(cpu).get(this.executed).mem('i32.store', Slot.EXEC);
    code.get(this.answer);
  }
  /** Finds the page of the root. */
  private enter(): void {
    const { code, entry, base } = this;
    const page = (): Code =>
      code.get(entry).i32(8).op('i32.shr_u').i32(0xff).op('i32.and').i32(PAGE_BIAS).op('i32.sub');
    page();
    code
      .get(entry)
      .i32(1 << EntryBit.linked)
      .op('i32.and')
      .op('i32.or')
      .set(this.elsewhere);
    if (this.options.records.size === 1) return;
    code.get(base);
    page().i32(FRAME_SIZE).op('i32.mul').op('i64.extend_i32_s').op('i64.sub').set(base);
  }
  /** A branch to an address may lead to another entry of this region. */
  private writeRedirect(again: Label): void {
    const { code, cpu, choice, executed, options } = this;
    this.unlessFree(this.out);
    const at = code.local('i32');
    const offset = (): Code => code.get(this.pcOut).get(this.base).op('i64.sub');
    offset().i64(BigInt(FRAME_SIZE)).op('i64.ge_u').brIf(this.out);
    offset().op('i32.wrap_i64').tee(at).i32(3).op('i32.and').brIf(this.out);
    code.get(at).i32(2).op('i32.shl').mem('i32.load16_u', options.records.get(0)!);
    code.i32(Special.Region).op('i32.ne').brIf(this.out);
    code
      .get(at)
      .i32(1)
      .op('i32.shl')
      .tee(at)
      .mem('i32.load16_u', options.hooks + HookEntry.slot);
    code.i32(options.slot).op('i32.ne').brIf(this.out);
    code.get(cpu).mem('i32.load', Slot.BUDGET).get(executed).op('i32.sub');
    code
      .get(at)
      .mem('i32.load16_u', options.hooks + HookEntry.limit)
      .op('i32.le_s')
      .brIf(this.out);
    code
      .get(at)
      .mem('i32.load8_u', options.hooks + HookEntry.entry)
      .i32(1)
      .op('i32.add')
      .set(choice)
      .br(again);
  }
  /** Where an indirect branch may land in guarded pages is for the interpreter to say. */
  private unlessFree(label: Label): void {
    if (this.options.known.guarded) this.code.get(this.answer).i32(BRANCH_TYPE).op('i32.and').brIf(label);
  }
  /** Where a branch leaves to a place that another region begins at, that one goes on. */
  private writeLink(): void {
    const { code, cpu, base, answer, pcOut, executed, options } = this;
    const [record, hook] = [code.local('i32'), code.local('i32')];
    const guarded = options.known.guarded ? 1 : 0;
    const page = code.local('i64');
    const index = (): Code => code.get(answer).i32(RegionExit.indexShift).op('i32.shr_u');
    const ends: Label = code.block('block');
    this.unlessFree(ends);
    code.get(answer).i32(RegionExit.inPage).op('i32.and');
    code.block('if');
    code.get(base).set(page).get(base);
    index().i32(2).op('i32.shl').op('i64.extend_i32_u').op('i64.add').set(pcOut);
    code.i32(options.records.get(0)!);
    index().i32(4).op('i32.shl').op('i32.add').set(record).i32(options.hooks);
    index().i32(HookEntry.shift).op('i32.shl').op('i32.add').set(hook);
    // What the interpreter knows of the present page is of no use where it stands in another one.
    code.get(this.elsewhere);
    code.block('if');
    code
      .get(answer)
      .i32(RegionExit.left | RegionExit.unchecked)
      .op('i32.and')
      .set(answer)
      .end();
    code.get(answer).i32(RegionExit.unchecked).op('i32.and').brIf(ends).else();
    code.get(answer).i32(RegionExit.unchecked).op('i32.and').brIf(ends);
    code.get(pcOut).i64(FETCH_INDEX_SHIFT).op('i64.shr_u').op('i32.wrap_i64');
    code
      .i32((FETCH_ENTRIES - 1) * ENTRY_SIZE)
      .op('i32.and')
      .get(this.tlb)
      .op('i32.add')
      .tee(hook);
    code.mem('i64.load', TlbTable.fetch).get(pcOut).i64(FETCH_TAG).op('i64.and').tee(page).op('i64.ne').brIf(ends);
    code
      .get(hook)
      .mem('i32.load', TlbTable.fetch + ENTRY_EXTRA)
      .i32(guarded)
      .op('i32.ne')
      .brIf(ends);
    code
      .get(hook)
      .mem('i32.load', TlbTable.fetch + ENTRY_VALUE)
      .tee(record);
    code.mem('i32.load', RECORDS_PER_PAGE * RECORD_SIZE + EndRecord.hooks);
    const offset = (): Code =>
      code
        .get(pcOut)
        .op('i32.wrap_i64')
        .i32(FRAME_SIZE - 4)
        .op('i32.and');
    offset().i32(1).op('i32.shl').op('i32.add').set(hook).get(record);
    offset().i32(2).op('i32.shl').op('i32.add').set(record).end();
    code.get(record).mem('i32.load16_u').i32(Special.Region).op('i32.ne').brIf(ends);
    code.get(cpu).mem('i32.load', Slot.BUDGET).get(executed).op('i32.sub');
    code.get(hook).mem('i32.load16_u', HookEntry.limit).op('i32.le_s').brIf(ends);
    code.get(cpu).get(pcOut).mem('i64.store', Slot.PC);
    code.get(cpu).get(executed).mem('i32.store', Slot.EXEC);
    code.get(cpu).get(page).get(hook).mem('i32.load16_u', HookEntry.entry);
    code
      .i32((1 << EntryBit.linked) | (guarded << EntryBit.guarded))
      .op('i32.or')
      .get(executed)
      .get(hook)
      .mem('i32.load16_u', HookEntry.slot);
    code.returnCallIndirect(this.type).end();
  }
  private everyFlag(): number {
    let all = 1 << Kind.Mem;
    for (const b of this.graph.blocks.values()) for (const one of b.code) all |= flagsAfter(one.block, 0);
    return all;
  }
  /** Refuses where what the code was made for does not hold. */
  private guard(): void {
    const { code, cpu, options } = this;
    const refuse = (): void => {
      code.block('if');
      // The region that called has been left: what it says is to be said now.
      code.get(this.entry).i32(EntryBit.linked).op('i32.shr_u').i32(1).op('i32.and');
      code
        .i32(RegionExit.left | RegionExit.unchecked)
        .op('i32.mul')
        .return()
        .end();
    };
    code
      .get(this.entry)
      .i32(EntryBit.guarded)
      .op('i32.shr_u')
      .i32(options.known.guarded ? 1 : 0)
      .op('i32.ne');
    refuse();
    const all = this.everything();
    const inexact = all.some((one) => one.inexact);
    if (inexact || all.some((one) => one.fp)) {
      code.get(cpu).mem('i32.load', Slot.FPCR).i32(options.known.fpcr).op('i32.ne');
      code.get(cpu).mem('i32.load', Slot.FP_ON);
      if (options.known.fpOn) code.op('i32.eqz');
      code.op('i32.or');
      if (inexact) code.get(cpu).mem('i32.load', Slot.FPSR).i32(FPSR_IXC).op('i32.and').op('i32.eqz').op('i32.or');
      refuse();
    }
    if (this.homes.writesVectors && !options.known.sve) {
      code.get(cpu).mem('i32.load', Slot.SVE_LIVE);
      refuse();
    }
    const pages = [...options.records];
    if (pages.length === 1) return;
    const at = code.local('i64');
    const found = code.local('i32');
    for (const [page, records] of pages) {
      code
        .get(this.base)
        .i64(BigInt(page * FRAME_SIZE))
        .op('i64.add')
        .tee(at);
      code.i64(FETCH_INDEX_SHIFT).op('i64.shr_u').op('i32.wrap_i64');
      code
        .i32((FETCH_ENTRIES - 1) * ENTRY_SIZE)
        .op('i32.and')
        .get(cpu)
        .mem('i32.load', Slot.TLB)
        .op('i32.add')
        .tee(found);
      code.mem('i64.load', TlbTable.fetch).get(at).op('i64.ne');
      code
        .get(found)
        .mem('i32.load', TlbTable.fetch + ENTRY_VALUE)
        .i32(records)
        .op('i32.ne')
        .op('i32.or');
      code
        .get(found)
        .mem('i32.load', TlbTable.fetch + ENTRY_EXTRA)
        .i32(options.known.guarded ? 1 : 0)
        .op('i32.ne')
        .op('i32.or');
      refuse();
    }
  }

  // ---- structure -----------------------------------------------------------------------------------------------------------

  /**
   * Writes shapes one after the other; every one of them ends with a branch.
   * @param heads of the loop that this is the body of: branches to them go back
   * @param straight where control goes without a choice; undefined: to the first shape, or where the choice says
   * @param choices where a choice can lead
   */
  private sequence(
    shapes: readonly Shape[],
    heads: ReadonlySet<number>,
    straight: number | undefined,
    choices: readonly number[],
  ): void {
    const { code } = this;
    const chosen = choices.length > 0;
    const labels = shapes.map(() => undefined as Label | undefined);
    for (let i = shapes.length - 1; i >= (chosen ? 0 : 1); i--) labels[i] = code.block('block');
    const here = new Map<number, Label>();
    shapes.forEach((shape, i) => {
      const label = labels[i];
      if (!label) return;
      const ways = shape.kind === 'block' ? [shape.id] : [...shape.heads, ...shape.extras];
      for (const id of ways) {
        here.set(id, label);
        const choice = shape.kind === 'block' || shape.heads[0] === id ? 0 : this.number(id);
        if (!heads.has(id)) this.targets.set(id, { label, choice, back: false });
      }
    });
    if (chosen) this.choose(here, straight, choices);
    shapes.forEach((shape, i) => {
      if (labels[i]) code.end();
      if (shape.kind === 'block') this.writeBlock(this.graph.blocks.get(shape.id)!);
      else this.writeLoop(shape);
    });
  }
  private choose(here: ReadonlyMap<number, Label>, straight: number | undefined, choices: readonly number[]): void {
    const { code, choice } = this;
    // The way of the code itself comes first: it is the most frequent one.
    if (straight !== undefined) code.get(choice).op('i32.eqz').brIf(here.get(straight)!);
    const otherwise = here.get(straight ?? choices[0]!)!;
    if (choices.length <= FEW) {
      for (const id of choices) code.get(choice).i32(this.number(id)).op('i32.eq').brIf(here.get(id)!);
      code.br(otherwise);
      return;
    }
    const most = Math.max(...choices.map((id) => this.number(id)));
    const table = Array.from({ length: most + 1 }, () => otherwise);
    for (const id of choices) table[this.number(id)] = here.get(id)!;
    code.get(choice).brTable(table, otherwise);
  }
  private writeLoop(shape: Extract<Shape, { kind: 'loop' }>): void {
    const { code } = this;
    const { heads, extras, body } = shape;
    const label = code.block('loop');
    for (const id of heads) this.targets.set(id, { label, choice: id === heads[0] ? 0 : this.number(id), back: true });
    const choices = [...heads.slice(1), ...extras];
    this.sequence(body, new Set(heads), choices.length > 0 ? heads[0] : undefined, choices);
    code.end();
    code.unreachable();
  }

  private writeBlock(block: Block): void {
    const { code } = this;
    this.block = block;
    this.cleared = new Set();
    this.flags.possible = this.flagsIn.get(block.start)!;
    if (this.numbers.has(block.start)) code.i32(0).set(this.choice);
    block.code.forEach((one, i) => {
      this.place = block.start + i;
      this.ahead = i;
      if (one.flow === 'stop') {
        this.leave();
        return;
      }
      if (one.flow !== 'next') {
        this.count(i + 1);
        this.ahead = -1;
      }
      new Emitter(this, this).emit(one.block);
      this.used.clear();
    });
    const { next } = block;
    if (!next) return;
    if (block.code.at(-1)!.flow === 'next') this.count(block.code.length);
    this.follow(next);
  }
  private count(n: number): void {
    if (n !== 0) this.code.get(this.executed).i32(n).op('i32.add').set(this.executed);
  }
  /** Goes where an edge leads. All instructions are counted. */
  private follow(edge: Edge): void {
    const { code } = this;
    if (!this.inside(edge)) {
      this.exitTo(edge.to, edge.taken);
      return;
    }
    const target = this.targets.get(edge.to)!;
    if (target.back) {
      code.get(this.cpu).mem('i32.load', Slot.BUDGET).get(this.executed).op('i32.sub');
      code.i32(this.longest.get(edge.to)!).op('i32.le_s');
      code.block('if');
      this.exitTo(edge.to, edge.taken);
      code.end();
    }
    if (target.choice !== 0) code.i32(target.choice).set(this.choice);
    code.br(target.label);
  }

  // ---- ways out ------------------------------------------------------------------------------------------------------------

  private exitTo(place: number, taken: boolean): void {
    const { code, base } = this;
    const unchecked = taken ? 0 : RegionExit.unchecked;
    if (pageOf(place) === 0) {
      code.i32(RegionExit.left | RegionExit.inPage | unchecked | (place << RegionExit.indexShift)).set(this.answer);
    } else {
      code
        .get(base)
        .i64(BigInt(place * 4))
        .op('i64.add')
        .set(this.pcOut);
      // Past the end of a page, code is fetched as after a branch.
      const fetched = unchecked !== 0 && place % PLACES_PER_PAGE !== 0 ? unchecked : 0;
      code.i32(RegionExit.left | fetched).set(this.answer);
    }
    code.br(this.out);
  }
  /** The present instruction is left to the interpreter. */
  private leave(): void {
    this.count(this.ahead);
    this.exitTo(this.place, false);
  }
  private leaveIf(): void {
    this.code.block('if');
    this.leave();
    this.code.end();
  }

  // ---- Frame -----------------------------------------------------------------------------------------------------------------

  temp(type: ValueType): number {
    const pool = this.pools.get(type) ?? [];
    this.pools.set(type, pool);
    const n = this.used.get(type) ?? 0;
    this.used.set(type, n + 1);
    if (n === pool.length) pool.push(this.code.local(type));
    return pool[n]!;
  }
  next(): void {}
  raise(): void {
    this.leave();
  }
  exit(): void {
    this.leave();
  }
  resync(): void {
    this.leave();
  }
  faultIfZero(): void {
    this.code.op('i32.eqz');
    this.leaveIf();
  }
  branch(): void {
    this.follow(this.block.branch!);
  }
  jump(type: number): void {
    this.code
      .set(this.pcOut)
      .i32(RegionExit.left | (type << RegionExit.typeShift))
      .set(this.answer)
      .br(this.redirect);
  }

  // ---- State -----------------------------------------------------------------------------------------------------------------

  immediate(): void {
    throw new InternalError('operands of lifted instructions are constants');
  }
  publish(): void {}
  pc(): void {
    this.code
      .get(this.base)
      .i64(BigInt(this.place * 4))
      .op('i64.add');
  }
  private homeOf(place: Place): { slot: string; home: Home | undefined } {
    const { slot } = place as { readonly slot: string };
    return { slot, home: this.homes.of(slot) };
  }
  read(_e: Emitter, place: Place, ty: Ty): void {
    const { code } = this;
    const { slot, home } = this.homeOf(place);
    if (!home) {
      code.get(this.cpu).mem(`${ty}.load`, slotOffset(slot));
      return;
    }
    code.get(home.local);
    switch (home.type) {
      case 'i64':
        if (ty === 'i32') code.op('i32.wrap_i64');
        return;
      case 'f32':
        code.op('i32.reinterpret_f32');
        return;
      case 'f64':
        code.op('i64.reinterpret_f64');
        if (ty === 'i32') code.op('i32.wrap_i64');
        return;
      default:
        if (ty !== 'v128') code.lane(ty === 'i64' ? 'i64x2.extract_lane' : 'i32x4.extract_lane', 0);
    }
  }
  write(e: Emitter, place: Place, value: Node): void {
    const { code } = this;
    const { slot, home } = this.homeOf(place);
    if (!home) {
      code.get(this.cpu);
      e.value(value);
      code.mem(`${value.ty as Ty}.store`, slotOffset(slot));
      return;
    }
    const scalar = home.type === 'f64' || home.type === 'f32' ? scalarOf(value) : undefined;
    if (!scalar) e.value(value);
    else {
      e.value(scalar.part);
      if (home.type === 'f32') code.op('f32.reinterpret_i32');
      else {
        if (scalar.bits === 32) code.op('i64.extend_i32_u');
        code.op('f64.reinterpret_i64');
      }
    }
    code.set(home.local);
    if (scalar && !this.cleared.has(home.local)) {
      clearRest(code, this.cpu, home);
      this.cleared.add(home.local);
    }
    if (home.type !== 'i64' && this.options.known.sve) this.zeroUpper(home);
  }
  private zeroUpper(home: Home): void {
    const { code, cpu } = this;
    code.get(cpu).mem('i32.load', Slot.SVE_LIVE);
    code.block('if');
    code
      .get(cpu)
      .i32(home.offset + V_BYTES)
      .op('i32.add')
      .i32(0);
    code.get(cpu).mem('i32.load', Slot.SVE_LIVE).i32(V_BYTES).op('i32.sub').fill().end();
  }
  routine(): void {
    throw new InternalError('routines are for the interpreter');
  }
  addWithCarry(e: Emitter, n: NodeOf<'adc.i32' | 'adc.i64'>): void {
    this.flagNodes.addWithCarry(e, n);
  }
  signZero(e: Emitter, n: NodeOf<'flags.nz.i32' | 'flags.nz.i64'>): void {
    this.flagNodes.signZero(e, n);
  }
  setFlags(e: Emitter, n: NodeOf<'flags.set'>): void {
    this.flagNodes.setFlags(e, n);
  }
  readFlags(_e: Emitter, n: ReadFlags): void {
    this.flagNodes.read(n);
  }
  fork(): (ends: boolean) => void {
    const before = this.flags.possible;
    let after = 0;
    let arms = 0;
    return (ends) => {
      if (!ends) after |= this.flags.possible;
      this.flags.possible = ++arms === 1 ? before : after;
    };
  }
  probe(e: Emitter, n: Probe): void {
    const va = e.inLocal(n.args[0]!);
    const unprivileged = n.attr.unprivileged ? undefined : this.tlb;
    const entry = emitLookup(e, n, va, unprivileged);
    this.leaveIf();
    emitHit(e, n, va, entry);
    e.store(n);
  }
  commit(): void {}
  unlessExact(_e: Emitter, _inexact: boolean, counts: () => void, soft: () => void): void {
    if (this.options.known.fpcr & FPCR_SPECIAL) {
      soft();
      return;
    }
    counts();
    this.code.op('i32.eqz');
    this.leaveIf();
  }
}

/** Kinds of flags that are possible where each block begins. */
function flagsAtBlocks(
  graph: Graph,
  successors: (id: number) => readonly number[],
  atEntries: number,
): Map<number, number> {
  const into = new Map<number, number>();
  for (const id of graph.blocks.keys()) into.set(id, 0);
  const queue = [...graph.entries];
  for (const e of graph.entries) into.set(e, atEntries);
  for (let q = 0; q < queue.length; q++) {
    const id = queue[q]!;
    let kinds = into.get(id)!;
    for (const one of graph.blocks.get(id)!.code) kinds = flagsAfter(one.block, kinds);
    for (const to of successors(id)) {
      const before = into.get(to)!;
      if ((before | kinds) === before) continue;
      into.set(to, before | kinds);
      queue.push(to);
    }
  }
  return into;
}

/** Adds the function of a region to a module. */
export function buildRegion(module: ModuleBuilder, imports: Import, graph: Graph, options: RegionOptions): BuiltRegion {
  let limits: readonly number[] = [];
  const type = module.type(REGION_PARAMS, REGION_RESULTS);
  const func = module.function(REGION_PARAMS, REGION_RESULTS, (code) => {
    const region = new Region(code, type, imports, graph, options);
    region.build();
    limits = region.limits();
  });
  return { func, limits };
}
