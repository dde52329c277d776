// State of the interpreter's handlers: operands come from the record at `ip`, registers from the block at `cpu`.

import { Slot } from '../cpu/state.ts';
import type { Node, NodeOf, Place, Ty } from '../ir/ops.ts';
import type { Recording } from '../isa/record.ts';
import type { Code } from '../wasm/builder.ts';
import type { MemoryOp } from '../wasm/opcodes.ts';
import type { Emitter } from './emit.ts';
import { emitCrc, isCrc } from './emit_crc.ts';
import {
  type Compared,
  emitAddWithCarry,
  emitCompared,
  emitReadFlags,
  emitSetFlags,
  emitSignZero,
} from './emit_flags.ts';
import { emitUnlessExact } from './emit_fp.ts';
import type { Checks, Frame, Probe, ReadFlags, State } from './emit_frame.ts';
import { type Layout, layoutOf } from './emit_layout.ts';
import { accessOf, emitCommit, emitHit, emitLookup, emitProbe } from './emit_memory.ts';
import { slotOffset } from './emit_slots.ts';
import { POINTER_AT } from './record.ts';
import { type RecordPlace, writeExecuted, writePc } from './record_place.ts';
import { isVector, onlyRaises, writesVector } from './restart.ts';
import { V_BYTES, writeZeroRest } from './vector_rest.ts';

/** The frame of a handler of the interpreter. */
export interface RecordFrame extends Frame, RecordPlace {
  /** The handler may begin anew: what is seldom is not done in line. */
  readonly restarts?: boolean;
  /**
   * Begins the handler anew, by its function unless the TLB answers then.
   * @param va local with the address, for an access; @param access packAccess
   */
  slow?(va?: number, access?: number): void;
}

/** What is known from instructions that are done with this one. */
export interface Before {
  readonly compared?: Compared | undefined;
  readonly given?: ReadonlyMap<number, number>;
  /** Registers that a later one reads, by their offset in the record. */
  readonly keeps?: readonly number[];
  /** Slots that decide whether vector instructions may do what they do, where that has been asked. */
  readonly asked?: ReadonlySet<number> | undefined;
}
/** The slot that a condition is about, if that is one that only other instructions than those in hot loops write. */
function slotAsked(n: Node | undefined): number | undefined {
  const isFpOn = n?.op === 'get.i32' && 'slot' in n.attr && n.attr.slot === 'FP_ON';
  return isFpOn ? Slot.FP_ON : n?.op === 'i32.eqz' || n?.op === 'i32.eq' ? slotAsked(n.args[0]) : undefined;
}

export class RecordState implements State {
  readonly fused = false;
  readonly parallel: boolean;
  private readonly code: Code;
  private readonly f: RecordFrame;
  private readonly source: Recording;
  private readonly layout: Layout;
  private readonly aside: number;
  /** What the flags were made of, if that is known: by this instruction or those before it. */
  compared: Compared | undefined;

  /** Locals with registers, by their offset in the record: what is known before they are read; what others will read. */
  private readonly given: ReadonlyMap<number, number>;
  readonly kept: ReadonlyMap<number, number>;
  readonly asked: Set<number>;

  /** Writes what a handler begins with. */
  constructor(frame: RecordFrame, source: Recording, parallel: boolean, before: Before = {}) {
    const { compared, given, keeps, asked } = before;
    this.asked = new Set(asked);
    this.compared = compared;
    this.given = given ?? new Map();
    this.kept = new Map(keeps?.map((at) => [at, frame.temp('i64')]));
    this.f = frame;
    this.parallel = parallel;
    this.code = frame.code;
    this.source = source;
    this.layout = layoutOf(source);
    this.aside = -1;
    if (frame.restarts && writesVector(source) && !this.asked.has(Slot.SVE_LIVE)) {
      this.asked.add(Slot.SVE_LIVE);
      // More than V[n] may have to be zeroed.
      this.code.get(frame.cpu).mem('i32.load', Slot.SVE_LIVE).i32(V_BYTES).op('i32.gt_u').seldom().block('if');
      frame.slow!();
      this.code.end();
    }
    if (this.layout.asideSize > 0) {
      this.aside = frame.temp('i32');
      this.code.get(frame.ip).mem('i32.load', POINTER_AT).set(this.aside);
    }
  }
  private operandBase(operand: number): number {
    const { at, aside } = this.layout.slots[operand]!;
    this.code.get(aside ? this.aside : this.f.ip);
    return at;
  }
  immediate(operand: number, ty: 'i32' | 'i64'): void {
    const { width } = this.layout.slots[operand]!;
    const at = this.operandBase(operand);
    const narrow: Readonly<Record<number, MemoryOp>> = { 1: `${ty}.load8_u`, 4: 'i32.load', 8: 'i64.load' };
    this.code.mem(narrow[width]!, at);
  }
  /** Puts the base of a place on the stack. @returns the offset to use */
  private address(place: Place): number {
    const { code, f } = this;
    code.get(f.cpu);
    if ('slot' in place) return slotOffset(place.slot);
    const at = this.operandBase(place.operand);
    code.mem('i32.load16_u', at).op('i32.add');
    return 0;
  }
  private among(locals: ReadonlyMap<number, number>, place: Place): number | undefined {
    if (locals.size === 0 || 'slot' in place) return undefined;
    const { at, aside } = this.layout.slots[place.operand]!;
    return aside ? undefined : locals.get(at);
  }
  read(_e: Emitter, place: Place, ty: Ty): void {
    const known = this.among(this.given, place);
    if (known !== undefined) {
      this.code.get(known);
      if (ty === 'i32') this.code.op('i32.wrap_i64');
      return;
    }
    this.code.mem(`${ty}.load`, this.address(place));
  }
  readWide(place: Place): void {
    const known = this.among(this.given, place);
    if (known === undefined) this.code.mem('i64.load32_u', this.address(place));
    else this.code.get(known).i64(0xffff_ffffn).op('i64.and');
  }
  write(e: Emitter, place: Place, value: Node): void {
    const offset = this.address(place);
    e.value(value);
    const kept = this.among(this.kept, place);
    if (kept !== undefined) this.code.tee(kept);
    this.code.mem(`${value.ty as Ty}.store`, offset);
    if (isVector(this.source, place)) this.zeroUpper(place);
  }
  readNumber(_e: Emitter, place: Place, ty: 'i32' | 'i64'): void {
    this.code.mem(ty === 'i64' ? 'f64.load' : 'f32.load', this.address(place));
  }
  /** What only raises an exception is left to the function. */
  refusal(e: Emitter, n: NodeOf<'if'>): boolean {
    const { code, f } = this;
    if (!f.restarts || !onlyRaises(n)) return false;
    const slot = slotAsked(n.args[0]);
    if (slot !== undefined) {
      if (this.asked.has(slot)) return true;
      this.asked.add(slot);
    }
    e.value(n.args[0]);
    code.seldom().block('if');
    f.slow!();
    code.end();
    return true;
  }
  private zeroUpper(place: Place): void {
    const { code, f } = this;
    if (!f.restarts) writeZeroRest(code, f.cpu, () => this.address(place));
  }
  routine(e: Emitter, n: NodeOf<'routine'>): void {
    e.value(n.args[0]!);
    this.code.call(this.f.import(`routine:${n.attr}`, ['i32'], ['i32']));
  }
  pc(): void {
    writePc(this.code, this.f);
  }
  counted(): void {
    writeExecuted(this.code, this.f);
  }
  publish(): void {
    const { code, f } = this;
    code.get(f.cpu);
    this.pc();
    code.mem('i64.store', Slot.PC).get(f.cpu);
    this.counted();
    code.mem('i32.store', Slot.EXEC);
  }
  fork(): () => void {
    return () => {};
  }
  /** Checksums are looked up in tables; the function, which is called while there are none, has them made. */
  helper(e: Emitter, n: NodeOf<'helper'>): boolean {
    const { code, f } = this;
    const { name } = n.attr;
    if (!f.restarts || !isCrc(name)) return false;
    const tables = f.temp('i32');
    code.get(f.cpu).mem('i32.load', name === 'crc32' ? Slot.CRC32 : Slot.CRC32C);
    code.tee(tables).op('i32.eqz').seldom().block('if');
    f.slow!();
    code.end();
    emitCrc(e, n, 0, tables);
    return true;
  }
  addWithCarry(e: Emitter, n: NodeOf<'adc.i32' | 'adc.i64'>): void {
    this.compared = emitAddWithCarry(e, n);
  }
  signZero(e: Emitter, n: NodeOf<'flags.nz.i32' | 'flags.nz.i64'>): void {
    this.compared = emitSignZero(e, n);
  }
  setFlags(e: Emitter, n: NodeOf<'flags.set'>): void {
    this.compared = undefined;
    emitSetFlags(e, n);
  }
  readFlags(e: Emitter, n: ReadFlags): void {
    const known = this.compared && n.op === 'flags.cond' && emitCompared(e.code, this.compared, n.attr ?? 14);
    if (!known) emitReadFlags(e, n);
  }
  probe(e: Emitter, n: Probe): void {
    const { code, f } = this;
    if (!f.restarts) {
      emitProbe(e, n, (va, host) => {
        code
          .get(va)
          .i32(accessOf(n))
          .call(f.import('probe', ['i64', 'i32'], ['i32']))
          .tee(host);
        f.faultIfZero();
      });
      return;
    }
    const va = e.inLocal(n.args[0]!);
    const entry = emitLookup(e, n, va);
    code.seldom().block('if');
    f.slow!(va, accessOf(n));
    code.end();
    emitHit(e, n, va, entry);
    e.store(n);
  }
  commit(e: Emitter, n: NodeOf<'mem.commit'>): void {
    const { code, f } = this;
    // What would be bounced is done by the function.
    if (!f.restarts) emitCommit(e, n, () => code.call(f.import('commit', [], [])));
  }
  unlessExact(e: Emitter, checks: Checks, soft: () => void): void {
    emitUnlessExact(e, checks, this.f.restarts ? () => this.f.slow!() : soft);
  }
}
