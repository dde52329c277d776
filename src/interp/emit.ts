// IR to WebAssembly for one instruction. Where operands and registers live is the State's business, how an instruction is
// left the Frame's: the interpreter (record_state.ts, loop.ts, cold.ts) and the JIT bring their own. Here is what each
// operation becomes, or which file knows; where values are that have been computed is said in emit_values.ts.

import { InternalError } from '../base/assert.ts';
import { branchTypeOf } from '../cpu/bti.ts';
import { Slot } from '../cpu/state.ts';
import type { Block, Node, NodeOf, Ty } from '../ir/ops.ts';
import type { Code, Label } from '../wasm/builder.ts';
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
import { emitHost } from './emit_memory.ts';
import { emitPlain } from './emit_plain.ts';
import { Values } from './emit_values.ts';

export class Emitter extends Values {
  /** Those of the IR, by their numbers. */
  private readonly locals: number[] = [];
  /** By the probe: accesses that others may see. Empty where none executes meanwhile. */
  private touched: ReadonlyMap<number, Touched> = new Map();
  /** Where an instruction begins that has to be done again if somebody else was faster. */
  retry: Label | undefined;
  /** The local that says whether the instruction's authentication has failed, as Slot.PAC_FAILED does. */
  authentication: number | undefined;

  /** Writes the whole instruction. */
  emit(block: Block): void {
    this.authentication = undefined;
    this.begin(block.length === 0 ? 0 : block[block.length - 1]!.id + 1);
    if (this.s.parallel) this.touched = touchedBy(block);
    this.countUses(block, this.touched.size === 0 ? undefined : (n) => this.comparedWith(n));
    const again = this.touched.size > 0 && [...this.touched.values()].some(exchanged);
    if (again) this.retry = this.code.block('loop');
    if (!this.block(block)) this.f.next();
    if (again) this.code.end();
  }
  /** The accesses to the place that a host address is of, if they must be atomic or ordered. */
  touchedAt(host: Node): Touched | undefined {
    return this.touched.size === 0 ? undefined : this.touched.get(host.id);
  }
  /** What was loaded, for the store that compares with it. */
  private comparedWith(n: Node): Node | undefined {
    return n.op.startsWith('host.store') ? this.touchedAt(n.args[0]!)?.loads[0] : undefined;
  }

  /** @returns true if control cannot reach the end. */
  private block(nodes: Block): boolean {
    for (let i = 0; i < nodes.length; i++) {
      const n = nodes[i]!;
      const { effect } = n.row;
      if (effect === 'pure' || effect === 'read') {
        this.meet(n, effect === 'read');
        continue;
      }
      if (effect !== 'leave' || !n.op.startsWith('mem.')) this.flush(n);
      if (this.effect(n)) return true;
    }
    return false;
  }
  /** Puts a constant on the stack. */
  vector(value: bigint): Code {
    if (!this.s.vector?.(value)) this.code.v128(value);
    return this.code;
  }

  protected computeInteger(n: Node): void {
    const { code } = this;
    if (n.row.plain) {
      emitPlain(this, n);
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
  protected computeNumber(n: Node): boolean {
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
