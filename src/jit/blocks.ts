// The blocks of a region: its instructions, and the ways between blocks and out of the region. It is the Frame of the
// instructions, whom it tells where they stand.

import { Slot } from '../cpu/state.ts';
import { Emitter } from '../interp/emit.ts';
import type { Frame, Signature } from '../interp/emit_frame.ts';
import type { Import } from '../interp/imports.ts';
import { Kind } from '../interp/late_flags.ts';
import { RegionExit } from '../interp/region.ts';
import { Temps } from '../interp/temps.ts';
import type { Code, Label } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import type { Counted } from './counts.ts';
import type { RegionFrame } from './frame.ts';
import type { Edge } from './graph.ts';
import { NO_SORTS, type Valid, validInBoth } from './homes.ts';
import type { Lifted } from './lift.ts';
import { writeCall } from './links.ts';
import type { Peeled, Placed } from './peel.ts';
import { type Part, type PartWriter, writeAgain } from './phrases.ts';
import { PLACES_PER_PAGE, pageOf } from './places.ts';
import { Plan } from './plan.ts';
import { type Position, RegionState } from './region_state.ts';
import { type ShapeWriter, Structure } from './structure.ts';
import type { Loop, Zone } from './zones.ts';

const BRANCH: Part = { kind: 'branch' };
/** BranchType of direct branches and of returns. */
const DIRECT = 0;

/** Where control goes that is done with the blocks. */
export interface Ends {
  /** Leaves the region, with `answer` set. */
  readonly out: Label;
  /** Comes back to the region that called. */
  readonly returned: Label;
  /** A branch to the address in `pcOut`. */
  readonly redirect: Label;
}

export class Blocks implements Frame, Position, PartWriter, ShapeWriter {
  readonly cpu: number;
  readonly code: Code;
  readonly import: Import;
  readonly structure: Structure;
  readonly plan: Plan;
  private readonly r: RegionFrame;
  private readonly state: RegionState;
  private readonly temps: Temps;
  private readonly emitter: Emitter;
  private ends!: Ends;
  /** Locals that have their value on all ways to a block, as far as they have been written. */
  private readonly arriving = new Map<number, Valid>();
  /** What instructions have signed, by their places; the key too. */
  private readonly signatures = new Map<number, Signature & { readonly key: number }>();

  // Where the code that is being written stands.
  private block!: Placed;
  /** The loop that has its registers in locals. */
  private zone: Zone | undefined;
  place = 0;
  /** Instructions done that `left` still has. */
  ahead = 0;

  /** @param places of the entries of the graph */
  constructor(r: RegionFrame, imports: Import, graph: Peeled, places: readonly number[]) {
    this.r = r;
    this.code = r.code;
    this.cpu = r.cpu;
    this.import = (name, params, results) => {
      // The number is one of this module.
      r.tape.fail();
      return imports(name, params, results);
    };
    this.state = new RegionState(r, this);
    this.temps = new Temps(r.code);
    this.emitter = new Emitter(this, this.state);
    this.structure = new Structure(r.code, this);
    this.plan = new Plan(graph, places, r);
    for (const e of graph.entries) this.structure.number(e);
  }
  /** Writes all of them. */
  write(ends: Ends): void {
    this.ends = ends;
    const { shapes, entries } = this.plan.graph;
    this.structure.sequence(shapes, new Set(), undefined, entries);
  }

  writeLoop(shape: Loop, turns: () => void): void {
    const zone = this.plan.zones.get(shape);
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
    if (!zone.leaves) {
      code.unreachable();
      return;
    }
    homes.store(zone.used.written);
    code.br(this.ends.out);
  }
  writeBlock(id: number): void {
    const { code, structure } = this;
    const block: Placed = this.plan.graph.blocks.get(id)!;
    const { homes } = this.r;
    this.block = block;
    homes.begin(this.plan.unknown.has(id) ? undefined : this.arriving.get(id), this.zone?.used);
    this.state.beginBlock(this.plan.kindsIn.get(id)!);
    if (structure.isChosen(id)) code.i32(0).set(structure.choice);
    const list = block.code;
    for (let i = 0; i < list.length; i++) {
      const one = list[i]!;
      this.place = block.start + i;
      this.ahead = i;
      if (one.flow === 'stop') {
        this.leave('interpreted');
        continue;
      }
      if (one.flow !== 'next') {
        this.count(i + 1);
        this.ahead = -1;
        if (one.flow === 'cond') homes.flush();
      }
      homes.here();
      this.writeOne(one);
      this.temps.release();
    }
    const { next } = block;
    if (!next) return;
    if (block.code.at(-1)!.flow === 'next') this.count(block.code.length);
    this.follow(next);
  }
  private writeOne(one: Lifted): void {
    const { flags, homes, options, shared, tape } = this.r;
    const sorts = this.state.parallel ? NO_SORTS : homes.sortsOf(one.vectors);
    if (sorts === NO_SORTS || this.asks) this.emitter.emit(one.block());
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
  /** Calls what is at `pcOut`, and goes on where it comes back to. All instructions are counted. @param type of the branch */
  private call(type: number, back: Edge): void {
    const { zone, r } = this;
    const { flags, homes } = r;
    this.spill();
    flags.spill();
    writeCall(r, type, (this.place + 1) * 4);
    flags.set(Kind.Mem);
    if (!zone) homes.forget();
    else if (zone.blocks.has(back.to)) homes.load(zone.used.all);
    this.follow(back, true);
  }
  /** Goes where an edge leads. All instructions are counted. @param looks at the budget, as where it leads back */
  private follow(edge: Edge, looks = false): void {
    const { code } = this;
    const block = this.plan.graph.blocks.get(edge.to);
    if (!block) {
      this.r.tally('edge');
      this.exitTo(edge.to, edge.taken);
      return;
    }
    const target = this.structure.targetOf(edge.to);
    this.settle(edge.to);
    if (target.back || looks) {
      code.get(this.r.left).i32(this.plan.longest.get(edge.to)!).op('i32.le_s');
      // Who wants the PE to stand still has said so where others see it.
      if (this.state.parallel) code.get(this.r.cpu).mem('i32.load', Slot.BUDGET).i32(0).op('i32.lt_s').op('i32.or');
      code.seldom().block('if');
      this.r.tally('budget');
      this.exitTo(block.start, edge.taken);
      code.end();
    }
    if (target.choice !== 0) code.i32(target.choice).set(this.structure.choice);
    code.br(target.label);
  }

  /** The CPU state gets what only locals have. */
  private spill(): void {
    const { zone, r } = this;
    if (zone) r.homes.store(zone.used.written);
    else r.homes.flush();
  }
  /** Has the CPU state hold what the block that control goes to expects there. */
  private settle(to: number): void {
    const { homes } = this.r;
    const { zone, arriving } = this;
    if (zone?.blocks.has(to)) return;
    this.spill();
    const held = zone ? homes.only(zone.used.all) : homes.valid;
    const before = arriving.get(to);
    arriving.set(to, before ? validInBoth(before, held) : held);
  }

  // ---- ways out ------------------------------------------------------------------------------------------------------------

  /** `pcOut` becomes the address of a place. */
  private address(place: number): void {
    const { base, pcOut } = this.r;
    this.code
      .get(base)
      .i64(BigInt(place * 4))
      .op('i64.add')
      .set(pcOut);
  }
  private exitTo(place: number, taken: boolean): void {
    // Past the end of a page, code is fetched as after a branch.
    const fetched = pageOf(place) !== 0 && place % PLACES_PER_PAGE === 0;
    this.exitAt(place, taken || fetched ? 0 : RegionExit.unchecked);
  }
  /** @param how bits of RegionExit */
  private exitAt(place: number, how: number): void {
    const { code } = this;
    const { answer } = this.r;
    if (pageOf(place) === 0) {
      code.i32(RegionExit.left | RegionExit.inPage | how | (place << RegionExit.indexShift)).set(answer);
    } else {
      this.address(place);
      code.i32(RegionExit.left | how).set(answer);
    }
    code.br(this.wayOut());
  }
  private wayOut(): Label {
    const { zone, r } = this;
    if (!zone) {
      r.homes.flush();
      return this.ends.out;
    }
    zone.leaves = true;
    return zone.out!;
  }
  /** The present instruction is left to the interpreter. */
  private leave(why: Counted): void {
    const { tape } = this.r;
    const from = tape.begin();
    this.r.tally(why);
    this.count(this.ahead);
    // Never by way of a region that begins with it, wherever it stands: that would be this one again.
    const misses = why === 'missed';
    this.r.mayMiss ||= misses;
    this.exitAt(this.place, RegionExit.unchecked | (misses ? RegionExit.missed : 0));
    tape.end(from, { kind: 'leave', why });
  }
  leaveIf(why: Counted): void {
    const { homes, tape } = this.r;
    const from = tape.begin();
    homes.flush();
    this.code.seldom().block('if');
    this.leave(why);
    this.code.end();
    tape.end(from, { kind: 'leaveIf', why });
  }

  get asks(): boolean {
    return this.r.options.asks?.(this.place) === true;
  }
  waited(): void {
    const { code } = this;
    code.get(this.r.left).i32(this.plan.longest.get(this.block.id)!).op('i32.le_s');
    this.leaveIf('budget');
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
    const { back, branch } = this.block;
    if (back && branch) {
      this.r.tally('edge');
      this.address(branch.to);
      this.call(DIRECT, back);
    } else this.follow(branch!);
    tape.end(from, BRANCH);
  }
  jump(type: number): void {
    const { tape } = this.r;
    const from = tape.begin();
    this.r.tally('indirect');
    const { code, r, ends } = this;
    const { back } = this.block;
    code.set(r.pcOut);
    if (back) this.call(type, back);
    else {
      this.spill();
      if (type === DIRECT) code.get(r.pcOut).get(r.awaited).op('i64.eq').brIf(ends.returned);
      code
        .i32(RegionExit.left | (type << RegionExit.typeShift))
        .set(r.answer)
        .br(this.staysBy(type) ? ends.redirect : ends.out);
    }
    tape.end(from, { kind: 'jump', type });
  }
  /** A branch to an address may lead to a place in the region. */
  private staysBy(type: number): boolean {
    const { inside, jumps } = this.plan.comebacks;
    return type === DIRECT ? inside.length > 0 : jumps;
  }
  signs(key: number): Signature {
    const { code, place, r, signatures } = this;
    // Locals are this region's.
    r.tape.fail();
    const local = (): number => code.local('i64');
    const made = signatures.get(place) ?? { key, pointer: local(), modifier: local(), signed: local() };
    signatures.set(place, made);
    return made;
  }
  /** Functions sign where they begin and authenticate where they end: what stands nearest before is likely to be the same. */
  authenticates(key: number): Signature | undefined {
    this.r.tape.fail();
    let nearest = Number.NEGATIVE_INFINITY;
    for (const [place, signature] of this.signatures)
      if (signature.key === key && place <= this.place && place > nearest) nearest = place;
    return this.signatures.get(nearest);
  }
}
