// The State of the instructions of a region: operands are constants, registers are locals, flags are remembered.

import { InternalError } from '../base/assert.ts';
import { FPSR_IXC, Slot } from '../cpu/state.ts';
import type { Emitter } from '../interp/emit.ts';
import { emitCrc, isCrc } from '../interp/emit_crc.ts';
import { FPCR_SPECIAL } from '../interp/emit_fp.ts';
import type { Checks, Probe, ReadFlags, State } from '../interp/emit_frame.ts';
import { accessOf, emitCommit, emitFlatLookup, emitHit, emitLookup, emitProbe } from '../interp/emit_memory.ts';
import { slotOffset } from '../interp/emit_slots.ts';
import { MISS_PARAMS, MISS_RESULTS } from '../interp/misses.ts';
import { MissImport } from '../interp/region.ts';
import { writeZeroRest } from '../interp/vector_rest.ts';
import type { Node, NodeOf, Place, Ty } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import type { Counted } from './counts.ts';
import { FlagNodes } from './flag_nodes.ts';
import type { RegionFrame } from './frame.ts';
import { clearRest, type Home, type Homes, joined, scalarOf } from './homes.ts';
import type { Part } from './phrases.ts';
import { emitScalar, type Float } from './scalars.ts';

const PC: Part = { kind: 'pc' };
const COUNTED: Part = { kind: 'counted' };
const FORK: Part = { kind: 'fork' };
const FLUSH: Part = { kind: 'flush' };
const ALL_ONES = (1n << 128n) - 1n;

/** Where the code that is being written stands. */
export interface Position {
  /** Of the present instruction. */
  readonly place: number;
  /** Instructions done that the frame has as left of the budget. */
  readonly ahead: number;
  /** The present instruction often misses the TLB. */
  readonly asks: boolean;
  /** An access that missed the TLB took time: the budget is looked at. */
  waited(): void;
  /** Takes an i32 from the stack and leaves the present instruction to the interpreter if it is not zero. */
  leaveIf(why: Counted): void;
}

export class RegionState implements State {
  readonly fused: boolean;
  readonly parallel: boolean;
  private readonly r: RegionFrame;
  private readonly position: Position;
  private readonly flagNodes: FlagNodes;
  /** Registers whose upper parts have been zeroed in the present block. */
  private cleared = new Set<number>();
  /** Of parts that are written again. */
  private readonly joins: ((ends: boolean) => void)[] = [];

  constructor(frame: RegionFrame, position: Position) {
    this.r = frame;
    this.position = position;
    this.fused = frame.options.fused;
    this.parallel = frame.options.parallel;
    this.flagNodes = new FlagNodes(frame.flags);
  }
  /** @param flags kinds of flags that are possible where it begins; the homes have been told already */
  beginBlock(flags: number): void {
    this.cleared = new Set();
    this.r.flags.possible = flags;
  }

  immediate(): void {
    throw new InternalError('operands of lifted instructions are constants');
  }
  publish(): void {}
  pc(): void {
    const { code, base, tape } = this.r;
    const from = tape.begin();
    code
      .get(base)
      .i64(BigInt(this.position.place * 4))
      .op('i64.add');
    tape.end(from, PC);
  }
  counted(): void {
    const { code, budget, left, tape } = this.r;
    const from = tape.begin();
    code.get(budget).get(left).op('i32.sub').i32(this.position.ahead).op('i32.add');
    tape.end(from, COUNTED);
  }
  private homeOf(place: Place): { slot: string; home: Home | undefined } {
    const { slot } = place as { readonly slot: string };
    return { slot, home: this.r.homes.of(slot) };
  }
  read(_e: Emitter, place: Place, ty: Ty): void {
    const { code } = this.r;
    const { slot, home } = this.homeOf(place);
    if (!home) {
      code.get(this.r.cpu).mem(`${ty}.load`, slotOffset(slot));
      return;
    }
    this.get(home, slot);
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
  readNumber(e: Emitter, place: Place, ty: 'i32' | 'i64'): void {
    const { code } = this.r;
    const { slot, home } = this.homeOf(place);
    const float = ty === 'i64' ? 'f64' : 'f32';
    if (home?.type === float) this.get(home, slot);
    else if (home?.type === 'v128') {
      this.get(home, slot);
      code.lane(ty === 'i64' ? 'f64x2.extract_lane' : 'f32x4.extract_lane', 0);
    } else {
      this.read(e, place, ty);
      code.op(ty === 'i64' ? 'f64.reinterpret_i64' : 'f32.reinterpret_i32');
    }
  }
  readLane(place: Place): boolean {
    const { slot, home } = this.homeOf(place);
    if (home?.type !== 'v128') return false;
    this.get(home, slot);
    return true;
  }
  write(e: Emitter, place: Place, value: Node): void {
    const { code } = this.r;
    const { slot, home } = this.homeOf(place);
    if (!home) {
      code.get(this.r.cpu);
      e.value(value);
      code.mem(`${value.ty as Ty}.store`, slotOffset(slot));
      if (slot === 'BUDGET') this.r.reloadBudget();
      return;
    }
    const scalar = home.type === 'i64' ? undefined : scalarOf(value);
    if (scalar) emitScalar(e, home.type as Float, value, scalar);
    else e.value(value);
    this.set(home, slot);
    if (scalar && home.type !== 'v128') this.clear(home, slot);
    if (home.type !== 'i64' && this.r.options.known.sve) this.zeroUpper(home, slot);
  }
  private get(home: Home, slot: string): void {
    const { homes, tape } = this.r;
    const from = tape.begin();
    homes.get(home);
    tape.end(from, { kind: 'get', slot });
  }
  private set(home: Home, slot: string): void {
    const { homes, tape } = this.r;
    const from = tape.begin();
    homes.set(home);
    tape.end(from, { kind: 'set', slot });
  }
  private clear(home: Home, slot: string): void {
    const { code, cpu, tape } = this.r;
    const from = tape.begin();
    if (!this.cleared.has(home.local)) {
      clearRest(code, cpu, home);
      this.cleared.add(home.local);
    }
    tape.end(from, { kind: 'clear', slot });
  }
  private zeroUpper(home: Home, slot: string): void {
    const { code, cpu, tape } = this.r;
    const from = tape.begin();
    writeZeroRest(code, cpu, () => {
      code.get(cpu);
      return home.offset;
    });
    tape.end(from, { kind: 'zeroUpper', slot });
  }
  /** What follows may leave at a place that is not always reached. */
  private flush(): void {
    const { homes, tape } = this.r;
    const from = tape.begin();
    homes.flush();
    tape.end(from, FLUSH);
  }
  /** Writes again what a phrase leaves open. @param slot of the register, if the part is about one */
  part(part: Part, slot: string): void {
    const { flags, homes } = this.r;
    switch (part.kind) {
      case 'get':
        homes.get(homes.of(slot)!);
        return;
      case 'set':
        homes.set(homes.of(slot)!);
        return;
      case 'clear':
        this.clear(homes.of(slot)!, slot);
        return;
      case 'zeroUpper':
        this.zeroUpper(homes.of(slot)!, slot);
        return;
      case 'pc':
        this.pc();
        return;
      case 'counted':
        this.counted();
        return;
      case 'flush':
        this.flush();
        return;
      case 'flags':
        flags.possible = part.possible;
        return;
      case 'fork':
        this.joins.push(this.fork());
        return;
      case 'join': {
        const join = this.joins.at(-1)!;
        if (part.last) this.joins.pop();
        join(part.ends);
        return;
      }
      default:
        throw new InternalError(`${part.kind} is for the region`);
    }
  }
  routine(): void {
    throw new InternalError('routines are for the interpreter');
  }
  helper(e: Emitter, n: NodeOf<'helper'>): boolean {
    const { name } = n.attr;
    if (!isCrc(name)) return false;
    emitCrc(e, n, this.r.options.constants.crcTables(name));
    return true;
  }
  vector(value: bigint): boolean {
    // Machines make these two of nothing.
    const at = value === 0n || value === ALL_ONES ? undefined : this.r.options.constants.vector(value);
    if (at === undefined) return false;
    this.r.code.i32(0).mem('v128.load', at);
    return true;
  }
  addWithCarry(e: Emitter, n: NodeOf<'adc.i32' | 'adc.i64'>): void {
    this.flagNodes.addWithCarry(e, n);
    this.noteFlags();
  }
  signZero(e: Emitter, n: NodeOf<'flags.nz.i32' | 'flags.nz.i64'>): void {
    this.flagNodes.signZero(e, n);
    this.noteFlags();
  }
  setFlags(e: Emitter, n: NodeOf<'flags.set'>): void {
    this.flagNodes.setFlags(e, n);
    this.noteFlags();
  }
  private noteFlags(): void {
    const { flags, tape } = this.r;
    tape.note({ kind: 'flags', possible: flags.possible });
  }
  readFlags(_e: Emitter, n: ReadFlags): void {
    this.flagNodes.read(n);
  }
  fork(): (ends: boolean) => void {
    const { code, flags, homes, tape } = this.r;
    tape.note(FORK);
    const outside = code.depth - 1;
    const before = flags.possible;
    const held = homes.save();
    let after = 0;
    let both: ReturnType<Homes['save']> | undefined;
    let arms = 0;
    homes.here();
    return (ends) => {
      tape.note({ kind: 'join', ends, last: arms === 1 });
      if (!ends) {
        after |= flags.possible;
        both = joined(both, homes.save());
      }
      const first = ++arms === 1;
      flags.possible = first ? before : after;
      homes.restore(first ? held : (both ?? held));
      if (!first) homes.here(outside);
    };
  }
  probe(e: Emitter, n: Probe): void {
    if (this.position.asks) {
      this.ask(e, n);
      return;
    }
    const va = e.inLocal(n.args[0]!);
    const { known, flat } = this.r.options;
    if (known.flat && flat && !n.attr.unprivileged) {
      emitFlatLookup(e, n, va, flat);
      this.position.leaveIf('missed');
      e.code.get(va).op('i32.wrap_i64');
    } else {
      const entry = emitLookup(e, n, va, n.attr.unprivileged ? undefined : this.r.tlb);
      this.position.leaveIf('missed');
      emitHit(e, n, va, entry);
    }
    e.store(n);
  }
  /** Of an instruction that often misses the TLB; where pages are flat, those that are not are among what it looks up. */
  private ask(e: Emitter, n: Probe): void {
    const { code } = this.r;
    this.flush();
    emitProbe(e, n, (va, host) => {
      this.r.aside(() => this.callFor(e, n, va, MissImport.miss, MISS_RESULTS).set(host));
      code.get(host).op('i32.eqz');
      this.position.leaveIf('missed');
      this.position.waited();
    });
  }
  private callFor(e: Emitter, n: Probe, va: number, name: string, results: readonly ValueType[]): Code {
    const { code, cpu } = this.r;
    return code
      .get(cpu)
      .get(va)
      .i32(accessOf(n))
      .call(e.f.import(name, MISS_PARAMS, results));
  }
  commit(e: Emitter, n: NodeOf<'mem.commit'>): void {
    if (!this.position.asks) return;
    const probe = n.args[0] as Probe;
    emitCommit(e, n, () => this.r.aside(() => this.callFor(e, probe, e.inLocal(probe.args[0]!), MissImport.carry, [])));
  }
  unlessExact(_e: Emitter, { inexact, counts, rare, exact }: Checks, soft: () => void): void {
    const { known } = this.r.options;
    if (known.fpcr & FPCR_SPECIAL) {
      soft();
      return;
    }
    const { code, cpu } = this.r;
    if (rare && known.ixc) {
      this.flush();
      counts();
      code.op('i32.eqz').block('if');
      rare();
      code.op('i32.eqz');
      this.position.leaveIf('inexact');
      code.end();
      return;
    }
    counts();
    if (rare) {
      rare();
      code.op('i32.or');
    }
    code.op('i32.eqz');
    if (inexact && !known.ixc) {
      // Programs that compute with whole numbers may never have an inexact result.
      code.get(cpu).mem('i32.load', Slot.FPSR).i32(FPSR_IXC).op('i32.and').op('i32.eqz');
      if (exact) {
        code.block('if', 'i32');
        exact();
        code.op('i32.eqz').else().i32(0).end();
      }
      code.op('i32.or');
    }
    this.position.leaveIf('inexact');
  }
}
