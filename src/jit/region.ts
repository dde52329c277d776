// A region as a WebAssembly function: registers in locals, control flow structured, one way out. Places are counted in
// instructions from the beginning of the page that the root lies in; `base` is the address of that page, so the code does
// not depend on where it is mapped.

import { Slot } from '../cpu/state.ts';
import { Emitter } from '../interp/emit.ts';
import type { Frame } from '../interp/emit_frame.ts';
import { type Import, type ImportRow, importer } from '../interp/imports.ts';
import { LINK, LINK_PARAMS } from '../interp/linker.ts';
import { REGION_PARAMS, REGION_RESULTS, RegionExit } from '../interp/region.ts';
import { Cell } from '../interp/region_check.ts';
import { Temps } from '../interp/temps.ts';
import type { Code, Label, ModuleBuilder } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { Comebacks } from './comebacks.ts';
import { type Counted, writeCount } from './counts.ts';
import { kindsAtBlocks, kindsOf } from './flag_kinds.ts';
import { Kind } from './flags.ts';
import { RegionFrame, type RegionOptions } from './frame.ts';
import type { Block, Edge, Graph } from './graph.ts';
import { NO_SORTS, type Valid, validInBoth } from './homes.ts';
import type { Flow, Lifted } from './lift.ts';
import { writeEntry, writeGuard, writeLink, writeRedirect, writeReturns, writeRow } from './links.ts';
import { Outs } from './outs.ts';
import { type Peeled, type Placed, peel } from './peel.ts';
import { type Part, type PartWriter, writeAgain } from './phrases.ts';
import { ENTRY_INDEX, PLACES_PER_PAGE, pageOf } from './places.ts';
import { type Position, RegionState } from './region_state.ts';
import type { Uses } from './regions.ts';
import { backEdges, longestPaths, type Shape } from './shape.ts';
import { type ShapeWriter, Structure } from './structure.ts';
import { entriesOf, type Loop, type Zone, zonesOf } from './zones.ts';

export interface BuiltRegion {
  /** Number of the function in the module. */
  readonly func: number;
  /** For each entry of the graph, how many instructions it may be to where the budget is looked at. */
  readonly limits: readonly number[];
  readonly uses: Uses;
}

const BRANCH: Part = { kind: 'branch' };
/** What leads out of a loop that is not over. */
const LEAVES: ReadonlySet<Flow> = new Set(['call', 'indirect', 'stop']);

class Region implements Frame, Position, PartWriter, ShapeWriter {
  readonly cpu: number;
  readonly code: Code;
  readonly import: Import;
  private readonly r: RegionFrame;
  private readonly state: RegionState;
  /** Of functions of regions. */
  private readonly type: number;
  private readonly graph: Peeled;
  private readonly structure: Structure;
  private outs!: Outs;
  /** Where branches to an address in `pcOut` go. */
  private redirect!: Label;

  private readonly shapes: readonly Shape[];
  private readonly longest: ReadonlyMap<number, number>;
  /** Of flags, that are possible: anywhere, where blocks begin. */
  private readonly kinds: number;
  private readonly kindsIn: ReadonlyMap<number, number>;
  private readonly zones: ReadonlyMap<Loop, Zone>;
  private readonly comebacks: Comebacks;
  /** Blocks that nothing is known of in locals where they begin: control comes from outside, or back. */
  private readonly unknown: ReadonlySet<number>;
  /** Locals that have their value on all ways to a block, as far as they have been written. */
  private readonly arriving = new Map<number, Valid>();

  // Where the code that is being written stands.
  private block!: Block;
  /** The loop that has its registers in locals. */
  private zone: Zone | undefined;
  place = 0;
  /** Instructions done that `left` still has. */
  ahead = 0;

  private readonly temps: Temps;
  private readonly emitter: Emitter;

  constructor(code: Code, type: number, imports: Import, graph: Graph, options: RegionOptions) {
    this.code = code;
    this.type = type;
    this.import = (name, params, results) => {
      // The number is one of this module.
      this.r.tape.fail();
      return imports(name, params, results);
    };
    this.graph = peel(graph);
    const { blocks, entries } = this.graph;
    this.r = new RegionFrame(code, imports, options, blocks.values());
    this.state = new RegionState(this.r, this);
    this.temps = new Temps(code);
    this.emitter = new Emitter(this, this.state);
    this.cpu = this.r.cpu;
    this.structure = new Structure(code, this);
    const { successors, shapes } = this.graph;
    this.shapes = shapes;
    const back = backEdges(shapes, successors);
    this.longest = longestPaths(blocks.keys(), successors, (id) => costOf(blocks.get(id)!), back);
    this.kinds = kindsOf(this.r.everything);
    this.kindsIn = kindsAtBlocks(this.graph, this.kinds);
    this.zones = zonesOf(
      shapes,
      (id) => blocks.get(id)!.code.length,
      (id) => LEAVES.has(blocks.get(id)!.code.at(-1)!.flow),
      (ids) => this.r.homes.usedBy(Array.from(ids, (id) => blocks.get(id)!)),
    );
    this.unknown = new Set([...entries, ...entriesOf(shapes)]);
    for (const e of entries) this.structure.number(e);
    const { everything } = this.r;
    const jumps = everything.some((one) => one.jumps);
    this.comebacks = new Comebacks(this.graph, graph.entries, this.longest, options.known.guarded, jumps);
  }
  private tally(what: Counted, amount?: () => void): void {
    writeCount(this.code, this.r.options.counts, what, amount);
  }
  get uses(): Uses {
    return this.r.uses;
  }
  limits(): number[] {
    return this.graph.entries.map((e) => this.longest.get(e)!);
  }
  build(): void {
    const { code, graph, r, structure } = this;
    const { choice } = structure;
    const { cpu, entry, flags, pcOut } = r;
    writeEntry(r);
    writeGuard(r);
    this.tally('entered');
    // Executed so far, taken away here and added there.
    this.tally('inside', () => code.i64(0n).get(r.executed).op('i64.extend_i32_u').op('i64.sub'));
    code.get(cpu).mem('i32.load', Slot.BUDGET).tee(r.budget).get(r.executed).op('i32.sub').set(r.left);
    code.get(entry).i32(ENTRY_INDEX).op('i32.and').i32(1).op('i32.add').set(choice);
    const { inside, outside, row } = this.comebacks;
    // A loop of its own: what is done where control leaves must not weigh on the one around the code.
    const resumes = outside.length > 0 ? code.block('loop') : undefined;
    this.outs = new Outs(code, flags, this.kinds);
    const again = code.block('loop');
    const choices = row && structure.row(row.ids, code.block('block'));
    this.redirect = code.block('block');
    structure.sequence(this.shapes, new Set(), undefined, graph.entries);
    code.end();
    if (row) {
      writeRow(r, { ...row, choice: choices! }, choice, again);
      code.end();
    }
    const out = this.outs.label(this.kinds);
    if (r.everything.some((one) => one.flow === 'indirect')) {
      const returns = inside.map(({ id, ...entry }) => ({ ...entry, choice: structure.number(id) }));
      writeReturns(r, returns, choice, again, out);
    }
    writeRedirect(r, choice, again, out);
    code.br(out).end().unreachable();
    this.outs.end();
    code.get(r.budget).get(r.left).op('i32.sub').set(r.executed);
    this.tally('inside', () => code.get(r.executed).op('i64.extend_i32_u'));
    const link = r.options.linked ? undefined : this.import(LINK, LINK_PARAMS, REGION_RESULTS);
    const resumed = resumes && {
      limit: Math.max(...outside.map((entry) => entry.limit)),
      goOn: () => {
        this.tally('inside', () =>
          code.i64(0n).get(cpu).mem('i32.load', Slot.EXEC).op('i64.extend_i32_u').op('i64.sub'),
        );
        code.get(r.resume).set(choice).i32(Kind.Mem).set(flags.kind);
        code.i32(0).set(r.resume).i32(0).set(r.at).br(resumes);
      },
    };
    writeLink(r, link, this.type, resumed);
    code.get(cpu).get(pcOut).mem('i64.store', Slot.PC);
    code.get(cpu).get(r.executed).mem('i32.store', Slot.EXEC);
    code.get(r.answer);
    if (resumes) code.return().end().unreachable();
  }
  // ---- blocks and loops ----------------------------------------------------------------------------------------------------

  writeLoop(shape: Loop, turns: () => void): void {
    const zone = this.zones.get(shape);
    if (!zone) {
      turns();
      return;
    }
    const { code } = this;
    const { homes } = this.r;
    this.zone = zone;
    zone.out = code.block('block');
    homes.load(zone.used.all);
    turns();
    code.end();
    this.zone = undefined;
    if (zone.kinds === 0) {
      code.unreachable();
      return;
    }
    homes.store(zone.used.written);
    code.br(this.outs.label(zone.kinds));
  }
  writeBlock(id: number): void {
    const { code, structure } = this;
    const block: Placed = this.graph.blocks.get(id)!;
    const { homes } = this.r;
    this.block = block;
    homes.begin(this.unknown.has(id) ? undefined : this.arriving.get(id), this.zone?.used);
    this.state.beginBlock(this.kindsIn.get(id)!);
    if (structure.isChosen(id)) code.i32(0).set(structure.choice);
    block.code.forEach((one, i) => {
      this.place = block.start + i;
      this.ahead = i;
      if (one.flow === 'stop') {
        this.leave('interpreted');
        return;
      }
      if (one.flow !== 'next') {
        this.count(i + 1);
        this.ahead = -1;
        if (one.flow === 'cond') homes.flush();
      }
      homes.here();
      this.write(one);
      this.temps.release();
    });
    const { next } = block;
    if (!next) return;
    if (block.code.at(-1)!.flow === 'next') this.count(block.code.length);
    this.follow(next);
  }
  /** Says where control comes back to, if the present instruction calls what is not in the region. */
  private expect(): void {
    const to = this.comebacks.outside.find((entry) => entry.place === this.place + 1);
    if (to) this.code.i32(this.structure.number(to.id)).set(this.r.resume);
  }
  private write(one: Lifted): void {
    const { flags, homes, options, shared, tape } = this.r;
    const sorts = this.state.parallel ? NO_SORTS : homes.sortsOf(one.vectors);
    if (sorts === NO_SORTS) this.emitter.emit(one.block());
    else writeAgain(one, { sorts, possible: flags.possible, known: options.known, shared }, tape, this, this.emitter);
  }
  part(part: Part, slot: string): void {
    switch (part.kind) {
      case 'leave':
        this.leave(part.why);
        return;
      case 'leaveIf':
        this.leaveIf(part.why);
        return;
      case 'jump':
        this.jump(part.type);
        return;
      case 'branch':
        this.branch();
        return;
      default:
        this.state.part(part, slot);
    }
  }
  private count(n: number): void {
    if (n !== 0) this.code.get(this.r.left).i32(n).op('i32.sub').set(this.r.left);
  }
  /** Goes where an edge leads. All instructions are counted. */
  private follow(edge: Edge): void {
    const { code } = this;
    const block = this.graph.blocks.get(edge.to);
    if (!block) {
      this.tally('edge');
      this.exitTo(edge.to, edge.taken);
      return;
    }
    const target = this.structure.targetOf(edge.to);
    this.settle(edge.to);
    if (target.back) {
      code.get(this.r.left).i32(this.longest.get(edge.to)!).op('i32.le_s');
      // Who wants the PE to stand still has said so where others see it.
      if (this.state.parallel) code.get(this.r.cpu).mem('i32.load', Slot.BUDGET).i32(0).op('i32.lt_s').op('i32.or');
      code.seldom().block('if');
      this.tally('budget');
      this.exitTo(block.start, edge.taken);
      code.end();
    }
    if (target.choice !== 0) code.i32(target.choice).set(this.structure.choice);
    code.br(target.label);
  }

  /** Has the CPU state hold what the block that control goes to expects there. */
  private settle(to: number): void {
    const { homes } = this.r;
    const { zone, arriving } = this;
    if (zone?.blocks.has(to)) return;
    if (zone) homes.store(zone.used.written);
    else homes.flush();
    const held = zone ? homes.only(zone.used.all) : homes.valid;
    const before = arriving.get(to);
    arriving.set(to, before ? validInBoth(before, held) : held);
  }

  // ---- ways out ------------------------------------------------------------------------------------------------------------

  private exitTo(place: number, taken: boolean): void {
    const { code } = this;
    const { base, answer, pcOut } = this.r;
    const unchecked = taken ? 0 : RegionExit.unchecked;
    if (pageOf(place) === 0) {
      code.i32(RegionExit.left | RegionExit.inPage | unchecked | (place << RegionExit.indexShift)).set(answer);
    } else {
      code
        .get(base)
        .i64(BigInt(place * 4))
        .op('i64.add')
        .set(pcOut);
      // Past the end of a page, code is fetched as after a branch.
      const fetched = unchecked !== 0 && place % PLACES_PER_PAGE !== 0 ? unchecked : 0;
      code.i32(RegionExit.left | fetched).set(answer);
    }
    code.br(this.wayOut());
  }
  private wayOut(): Label {
    const { zone, r } = this;
    const { possible } = r.flags;
    if (!zone) {
      r.homes.flush();
      return this.outs.label(possible);
    }
    zone.kinds |= possible;
    return zone.out!;
  }
  /** The present instruction is left to the interpreter. */
  private leave(why: Counted): void {
    const { tape } = this.r;
    const from = tape.begin();
    this.tally(why);
    this.count(this.ahead);
    this.exitTo(this.place, false);
    tape.end(from, { kind: 'leave', why });
  }
  private countMiss(): void {
    const { known, cell } = this.r.options;
    if (!known.flat) return;
    this.code.i32(cell).i32(cell).mem('i32.load', Cell.missed).i32(1).op('i32.add').mem('i32.store', Cell.missed);
  }
  leaveIf(why: Counted): void {
    const { homes, tape } = this.r;
    const from = tape.begin();
    homes.flush();
    this.code.seldom().block('if');
    if (why === 'missed') this.countMiss();
    this.leave(why);
    this.code.end();
    tape.end(from, { kind: 'leaveIf', why });
  }

  // ---- Frame -----------------------------------------------------------------------------------------------------------------

  temp(type: ValueType): number {
    const local = this.temps.take(type);
    this.r.tape.take(type, local);
    return local;
  }
  next(): void {}
  raise(): void {
    this.leave('interpreted');
  }
  exit(): void {
    this.leave('interpreted');
  }
  resync(): void {
    this.leave('interpreted');
  }
  faultIfZero(): void {
    this.code.op('i32.eqz');
    this.leaveIf('interpreted');
  }
  branch(): void {
    const { tape } = this.r;
    const from = tape.begin();
    this.expect();
    this.follow(this.block.branch!);
    tape.end(from, BRANCH);
  }
  jump(type: number): void {
    const { tape } = this.r;
    const from = tape.begin();
    this.tally('indirect');
    const { homes } = this.r;
    this.expect();
    this.code.set(this.r.pcOut);
    if (this.zone) homes.store(this.zone.used.written);
    else homes.flush();
    this.code
      .i32(RegionExit.left | (type << RegionExit.typeShift))
      .set(this.r.answer)
      .br(this.redirect);
    tape.end(from, { kind: 'jump', type });
  }
}

/** The most that a block takes of the budget. */
const costOf = (block: Block): number => block.code.reduce((sum, one) => sum + one.cost, 0);

/** Makes imports of regions. What has been imported before has the same number in all modules, and so has the type of regions. */
export function regionImporter(module: ModuleBuilder, parallel: boolean, rows: ImportRow[]) {
  module.type(REGION_PARAMS, REGION_RESULTS);
  return importer(module, parallel, rows);
}

/** Adds the function of a region to a module. */
export function buildRegion(module: ModuleBuilder, imports: Import, graph: Graph, options: RegionOptions): BuiltRegion {
  let region!: Region;
  const type = module.type(REGION_PARAMS, REGION_RESULTS);
  const func = module.function(REGION_PARAMS, REGION_RESULTS, (code) => {
    region = new Region(code, type, imports, graph, options);
    region.build();
  });
  return { func, limits: region.limits(), uses: region.uses };
}
