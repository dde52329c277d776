// IR to WebAssembly for one instruction. Where operands and registers live is the State's business, how an instruction is
// left the Frame's: the interpreter (record_state.ts, loop.ts, cold.ts) and the JIT bring their own. Memory and floating
// point are in emit_memory.ts and emit_fp.ts.

import { InternalError } from '../base/assert.ts';
import { branchTypeOf } from '../cpu/bti.ts';
import { Slot } from '../cpu/state.ts';
import { constantOf } from '../ir/builder.ts';
import type { Block, Node, NodeOf, Place, Ty } from '../ir/ops.ts';
import type { Code, Label } from '../wasm/builder.ts';
import type { LaneOp, PlainOp } from '../wasm/opcodes.ts';
import { emitHighProduct, emitQuotient, emitSelect } from './emit_arith.ts';
import {
  emitFence,
  emitOrderedLoad,
  emitSharedStore,
  emitUnlessAlone,
  exchanged,
  type Touched,
  touchedBy,
} from './emit_atomic.ts';
import { emitHelper, emitSystem, emitVectorHelper } from './emit_calls.ts';
import { emitFp } from './emit_fp.ts';
import { emitFpVector } from './emit_fp_vector.ts';
import type { Frame, State } from './emit_frame.ts';
import { emitHost } from './emit_memory.ts';
import { isPlainLookup } from './emit_swizzle.ts';

const LOW_HALF = (1n << 64n) - 1n;
/** Zeroes the high half of the vector on the stack: unlike most constants, zero costs nothing. */
export function emitLowHalf(code: Code): void {
  code.v128(0n).shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
}

/** That the value of a node is in no local. */
const NOWHERE = -1;
/** What moves lanes of vectors. */
const MOVED: ReadonlySet<string> = new Set(['i64x2.extract_lane', 'i32x4.extract_lane']);

/** It is the low part of a vector register. */
const readsVector = (n: Node): boolean =>
  (n.op === 'get.i64' || n.op === 'get.i32') && 'slot' in n.attr && /^V\d/.test(n.attr.slot);

export class Emitter {
  readonly f: Frame;
  readonly s: State;
  readonly code: Code;
  // By the number of a node: how often its value is needed; the local it is in; the local of a
  // floating-point type that it is in, or of a vector, as the first lane; whether it is a read still to be done; the
  // effect that it was last seen to belong to.
  private readonly uses: number[] = [];
  private readonly where: number[] = [];
  private readonly numbers: number[] = [];
  private readonly lanes: number[] = [];
  private readonly waits: boolean[] = [];
  private readonly owner: number[] = [];
  private effects = 0;
  /** Reads in program order, with those that have been done meanwhile. */
  private readonly waiting: Node[] = [];
  private waitingCount = 0;
  /** Of the IR, by their numbers. */
  private readonly locals: number[] = [];
  /** By the probe: accesses that others may see. Empty where none executes meanwhile. */
  private touched: ReadonlyMap<number, Touched> = new Map();
  /** Where an instruction begins that has to be done again if somebody else was faster. */
  retry: Label | undefined;

  constructor(frame: Frame, state: State) {
    this.f = frame;
    this.s = state;
    this.code = frame.code;
  }

  /** Writes the whole instruction. */
  emit(block: Block): void {
    this.begin(block.length === 0 ? 0 : block[block.length - 1]!.id + 1);
    if (this.s.parallel) this.touched = touchedBy(block);
    this.countUses(block);
    const again = this.touched.size > 0 && [...this.touched.values()].some(exchanged);
    if (again) this.retry = this.code.block('loop');
    if (!this.block(block)) this.f.next();
    if (again) this.code.end();
  }
  /** @param nodes of the instruction */
  private begin(nodes: number): void {
    const { uses, where, numbers, lanes, waits, owner } = this;
    for (let i = 0; i < nodes; i++) {
      uses[i] = 0;
      where[i] = NOWHERE;
      numbers[i] = NOWHERE;
      lanes[i] = NOWHERE;
      waits[i] = false;
      owner[i] = 0;
    }
    this.effects = 0;
    this.waitingCount = 0;
  }
  /** The accesses to the place that a host address is of, if they must be atomic or ordered. */
  touchedAt(host: Node): Touched | undefined {
    return this.touched.size === 0 ? undefined : this.touched.get(host.id);
  }

  private countUses(block: Block): void {
    const { uses } = this;
    for (let i = block.length - 1; i >= 0; i--) {
      const n = block[i]!;
      const { effect } = n.row;
      if ((effect === 'pure' || effect === 'read') && uses[n.id] === 0) continue;
      if (n.op === 'if') {
        this.countUses(n.attr.no);
        this.countUses(n.attr.yes);
      }
      const { args } = n;
      for (let k = 0; k < args.length; k++) uses[args[k]!.id]!++;
      // The store compares with what was loaded.
      const read =
        this.touched.size > 0 && n.op.startsWith('host.store') ? this.touchedAt(n.args[0]!)?.loads[0] : undefined;
      if (read) uses[read.id]!++;
    }
  }
  usesOf(n: { readonly id: number }): number {
    return this.uses[n.id]!;
  }

  /** @returns true if control cannot reach the end. */
  private block(nodes: Block): boolean {
    for (let i = 0; i < nodes.length; i++) {
      const n = nodes[i]!;
      const { effect } = n.row;
      if (effect === 'pure' || effect === 'read') {
        const uses = this.uses[n.id]!;
        if (uses === 0 || constantOf(n) !== undefined) continue;
        if (uses > 1) this.keep(n);
        else if (effect === 'read') {
          this.waits[n.id] = true;
          this.waiting[this.waitingCount++] = n;
        }
        continue;
      }
      if (this.waitingCount > 0 && (effect !== 'leave' || !n.op.startsWith('mem.'))) this.flush(n);
      if (this.effect(n)) return true;
    }
    return false;
  }
  /** Does the reads that are still to be done, before something changes what they see; the effect's own come with it. */
  private flush(before: Node): void {
    const { waiting } = this;
    const effect = ++this.effects;
    // With several arguments the evaluation of one could come after part of the effect; with `if` after its arms.
    if (before.op !== 'if') for (const a of before.args) this.claim(a, effect);
    let left = 0;
    for (let i = 0; i < this.waitingCount; i++) {
      const n = waiting[i]!;
      if (!this.waits[n.id]) continue;
      if (this.owner[n.id] === effect) waiting[left++] = n;
      else this.keep(n);
    }
    this.waitingCount = left;
  }
  private claim(n: Node, effect: number): void {
    this.owner[n.id] = effect;
    if (this.where[n.id] === NOWHERE) for (let i = 0; i < n.args.length; i++) this.claim(n.args[i]!, effect);
  }

  /** Puts a value where it can be taken from any number of times. */
  private keep(n: Node): number {
    const local = this.f.temp(n.ty as Ty);
    this.waits[n.id] = false;
    this.compute(n);
    this.code.set(local);
    this.where[n.id] = local;
    return local;
  }
  /** Puts the value of a node on the stack. */
  value(n: Node | undefined): void {
    if (!n) throw new InternalError('missing argument');
    const local = this.where[n.id]!;
    if (local !== NOWHERE) this.code.get(local);
    else {
      this.waits[n.id] = false;
      this.compute(n);
    }
  }
  private isKnown({ id }: Node): boolean {
    return this.where[id] !== NOWHERE || this.numbers[id] !== NOWHERE || this.lanes[id] !== NOWHERE;
  }
  /** Whether a value is needed once and has not been computed yet: then the caller computes it, now. */
  takes(n: Node): boolean {
    if (this.uses[n.id] !== 1 || this.isKnown(n)) return false;
    this.waits[n.id] = false;
    return true;
  }
  vector(value: bigint): Code {
    if (!this.s.vector?.(value)) this.code.v128(value);
    return this.code;
  }
  /** The value in a local, for code that needs it several times. */
  inLocal(n: Node): number {
    const known = this.where[n.id]!;
    if (known !== NOWHERE) return known;
    const local = this.keep(n);
    // Constants have many users, not all of which this place comes before.
    if (constantOf(n) !== undefined) this.where[n.id] = NOWHERE;
    return local;
  }
  /** Puts the value on the stack as the floating-point number that it is the bit pattern of. */
  number(n: Node): void {
    const { code } = this;
    const known = this.numbers[n.id]!;
    if (known !== NOWHERE) code.get(known);
    else if (this.lanes[n.id] !== NOWHERE) code.get(this.lanes[n.id]!).lane('f64x2.extract_lane', 0);
    else if (!this.takes(n) || !this.takeNumber(n)) {
      this.value(n);
      code.op(n.ty === 'i64' ? 'f64.reinterpret_i64' : 'f32.reinterpret_i32');
    }
  }
  /** Computes a value that `takes` has been asked about where the way to it is not through integers. */
  private takeNumber(n: Node): boolean {
    const { code } = this;
    switch (n.op) {
      case 'get.i32':
      case 'get.i64':
        this.s.readNumber(this, n.attr, n.ty as 'i32' | 'i64');
        return true;
      case 'i32x4.extract_lane':
      case 'i64x2.extract_lane':
        this.value(n.args[0]);
        code.lane(n.op === 'i64x2.extract_lane' ? 'f64x2.extract_lane' : 'f32x4.extract_lane', n.attr as number);
        return true;
      case 'host.load32':
      case 'host.load64':
        if (this.touchedAt(n.args[0]!)) return false;
        this.value(n.args[0]);
        code.mem(n.op === 'host.load64' ? 'f64.load' : 'f32.load', n.attr as number);
        return true;
      default:
        return false;
    }
  }
  /** Whether the value is had as a number with no more work than as an integer. */
  isNumber(n: Node): boolean {
    if (this.numbers[n.id] !== NOWHERE) return true;
    return this.uses[n.id] === 1 && !this.isKnown(n) && (MOVED.has(n.op) || readsVector(n));
  }
  /** The number in a local, for code that needs it several times. */
  inNumber(n: Node): number {
    const known = this.numbers[n.id]!;
    if (known !== NOWHERE) return known;
    const local = this.f.temp(n.ty === 'i64' ? 'f64' : 'f32');
    this.number(n);
    this.code.set(local);
    if (constantOf(n) === undefined) this.numbers[n.id] = local;
    return local;
  }
  /** A local with a vector whose first lane is the value, a double. */
  inLane(n: Node): number {
    const known = this.lanes[n.id]!;
    if (known !== NOWHERE) return known;
    const local = this.f.temp('v128');
    const once = this.uses[n.id] === 1 && !this.isKnown(n) && n.op === 'get.i64';
    if (!(once && this.s.readLane?.(n.attr as Place))) {
      this.number(n);
      this.code.op('f64x2.splat');
    } else this.waits[n.id] = false;
    this.code.set(local);
    if (constantOf(n) === undefined && this.numbers[n.id] === NOWHERE) this.lanes[n.id] = local;
    return local;
  }
  /** The value of a node is the bit pattern of the number in this local. */
  defineNumber(n: { readonly id: number }, local: number): void {
    this.numbers[n.id] = local;
  }
  private args(n: { readonly args: readonly Node[] }): void {
    const { args } = n;
    for (let i = 0; i < args.length; i++) this.value(args[i]);
  }

  private compute(n: Node): void {
    const { code } = this;
    if (this.numbers[n.id] !== NOWHERE || this.lanes[n.id] !== NOWHERE) {
      this.number(n);
      code.op(n.ty === 'i64' ? 'i64.reinterpret_f64' : 'i32.reinterpret_f32');
      return;
    }
    if (n.row.plain) {
      this.plain(n);
      return;
    }
    switch (n.op) {
      case 'const.i32':
        code.i32(n.attr);
        return;
      case 'const.i64':
        code.i64(n.attr);
        return;
      case 'const.v128':
        this.vector(n.attr);
        return;
      case 'imm.i32':
      case 'imm.i64':
        this.s.immediate(n.attr, n.op === 'imm.i64' ? 'i64' : 'i32');
        return;
      case 'get.i32':
      case 'get.i64':
      case 'get.v128':
        this.s.read(this, n.attr, n.ty as Ty);
        return;
      case 'local.get.i32':
      case 'local.get.i64':
      case 'local.get.v128':
        code.get(this.locals[n.attr.id]!);
        return;
      case 'pc':
        this.s.pc();
        return;
      case 'executed':
        this.s.counted();
        return;
      case 'i32.select':
      case 'i64.select':
      case 'v128.select':
        emitSelect(this, n);
        return;
      case 'i32.quot_u':
      case 'i32.quot_s':
      case 'i64.quot_u':
      case 'i64.quot_s':
        emitQuotient(this, n);
        return;
      case 'i64.mulhi_u':
      case 'i64.mulhi_s':
        emitHighProduct(this, n);
        return;
      // Unchecked: where checks are in effect, compiled code does not run.
      case 'ptr.add':
        this.args(n);
        code.op('i64.add');
        return;
      case 'ptr.check':
        this.value(n.args[0]);
        return;
      case 'i8x16.shuffle':
        this.args(n);
        code.shuffle(n.attr);
        return;
      case 'flags.get':
      case 'flags.carry':
      case 'flags.cond':
        this.s.readFlags(this, n);
        return;
      case 'host.load8':
      case 'host.load16':
      case 'host.load32':
      case 'host.load64':
      case 'host.load128':
        if (!emitOrderedLoad(this, n)) emitHost(this, n);
        return;
      default:
        throw new InternalError(`no code for ${n.op}`);
    }
  }
  private plain(n: Node): void {
    const { code } = this;
    if (n.op === 'v128.and' && constantOf(n.args[1]!) === LOW_HALF) {
      this.value(n.args[0]);
      emitLowHalf(code);
      return;
    }
    const last = n.args.at(-1)!;
    if ((n.op === 'i64x2.splat' || n.op === 'i64x2.replace_lane') && this.isNumber(last)) {
      if (n.args.length > 1) this.value(n.args[0]);
      this.number(last);
      if (n.op === 'i64x2.splat') code.op('f64x2.splat');
      else code.lane('f64x2.replace_lane', n.attr as number);
      return;
    }
    this.args(n);
    if (n.op === 'i8x16.swizzle' && this.s.fused && isPlainLookup(n)) code.op('i8x16.relaxed_swizzle');
    else if (typeof n.attr === 'number') code.lane(n.op as LaneOp, n.attr);
    else code.op(n.op as PlainOp);
  }

  /** @returns true if control does not go on after it. */
  private effect(n: Node): boolean {
    const { code, f } = this;
    switch (n.op) {
      case 'set.i32':
      case 'set.i64':
      case 'set.v128':
        this.s.write(this, n.attr, n.args[0]!);
        return false;
      case 'local.new.i32':
      case 'local.new.i64':
      case 'local.new.v128':
        this.locals[n.attr.id] = f.temp(n.attr.ty);
        this.value(n.args[0]);
        code.set(this.locals[n.attr.id]!);
        return false;
      case 'local.set.i32':
      case 'local.set.i64':
      case 'local.set.v128':
        this.value(n.args[0]);
        code.set(this.locals[n.attr.id]!);
        return false;
      case 'if':
        return this.ifElse(n);
      case 'adc.i32':
      case 'adc.i64':
        this.s.addWithCarry(this, n);
        return false;
      case 'flags.nz.i32':
      case 'flags.nz.i64':
        this.s.signZero(this, n);
        return false;
      case 'flags.set':
        this.s.setFlags(this, n);
        return false;
      case 'mem.r':
      case 'mem.w':
      case 'mem.rw':
        this.s.probe(this, n);
        emitUnlessAlone(this, n);
        return false;
      case 'mem.commit':
        this.s.commit(this, n);
        return false;
      case 'host.store8':
      case 'host.store16':
      case 'host.store32':
      case 'host.store64':
      case 'host.store128':
        if (!emitSharedStore(this, n)) emitHost(this, n);
        return false;
      case 'fence':
        emitFence(this);
        return false;
      case 'br':
        f.branch(n.attr);
        return true;
      case 'br.to':
        this.value(n.args[0]);
        f.jump(branchTypeOf(n.attr));
        return true;
      case 'raise':
        code.get(f.cpu).i32(n.attr.ec).mem('i32.store', Slot.RAISE_EC).get(f.cpu);
        this.value(n.args[0]);
        code.mem('i32.store', Slot.RAISE_ISS);
        f.raise(n.attr.past);
        return true;
      case 'exit':
        f.exit(n.attr);
        return true;
      case 'resync':
        f.resync();
        return true;
      case 'sys.read':
      case 'sys.write':
      case 'sys.op':
      case 'sys.imm':
        emitSystem(this, n);
        return false;
      case 'helper':
        emitHelper(this, n);
        return false;
      case 'helperV':
        emitVectorHelper(this, n);
        return false;
      case 'fp':
        emitFp(this, n);
        return false;
      case 'fpv':
        emitFpVector(this, n);
        return false;
      case 'routine':
        this.s.routine(this, n);
        f.faultIfZero();
        return false;
      default:
        throw new InternalError(`no code for ${n.op}`);
    }
  }
  /** The value of a node is in this local. */
  define(n: { readonly id: number }, local: number): void {
    this.where[n.id] = local;
  }
  /** Takes the result of an effect from the stack. */
  store(n: { readonly id: number; readonly ty: Ty | 'void' }): void {
    if (this.usesOf(n) === 0) {
      this.code.drop();
      return;
    }
    const local = this.f.temp(n.ty as Ty);
    this.code.set(local);
    this.where[n.id] = local;
  }

  /** What an arm has not needed is not needed. */
  private forget(): void {
    for (let i = 0; i < this.waitingCount; i++) this.waits[this.waiting[i]!.id] = false;
    this.waitingCount = 0;
  }
  private ifElse(n: NodeOf<'if'>): boolean {
    const { code } = this;
    if (this.s.refusal?.(this, n)) return false;
    this.value(n.args[0]);
    code.block('if');
    const join = this.s.fork();
    const yes = this.block(n.attr.yes);
    this.forget();
    let no = false;
    join(yes);
    if (n.attr.no.length > 0) {
      code.else();
      no = this.block(n.attr.no);
      this.forget();
    }
    join(no);
    code.end();
    if (!(yes && no)) return false;
    code.unreachable();
    return true;
  }
}
