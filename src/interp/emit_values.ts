// Where the values of an instruction are: computed where they are needed if that is once, else kept in locals; as integers,
// as the floating-point numbers that these are the bit patterns of, or as the first lanes of vectors. Reads of registers and
// memory wait until they are needed, but not beyond what changes what they see.

import { InternalError } from '../base/assert.ts';
import { constantOf } from '../ir/builder.ts';
import type { Block, Node, Place, Ty } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { Frame, State } from './emit_frame.ts';

/** That the value of a node is in no local. */
const NOWHERE = -1;
/** What moves lanes of vectors. */
const MOVED: ReadonlySet<string> = new Set(['i64x2.extract_lane', 'i32x4.extract_lane']);

/** It is the low part of a vector register. */
const readsVector = (n: Node): boolean =>
  (n.op === 'get.i64' || n.op === 'get.i32') && 'slot' in n.attr && /^V\d/.test(n.attr.slot);

export abstract class Values {
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

  constructor(frame: Frame, state: State) {
    this.f = frame;
    this.s = state;
    this.code = frame.code;
  }
  /** Puts a value on the stack that is in no local. */
  protected abstract computeInteger(n: Node): void;
  /** The same as a number, of a value that `takes` has been asked about, where the way to it is not through integers. @returns false: it is */
  protected abstract computeNumber(n: Node): boolean;

  // ---- in program order ----------------------------------------------------------------------------------------------

  /** An instruction begins. @param nodes of it */
  protected begin(nodes: number): void {
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
  /** @param also what is used besides the arguments */
  protected countUses(block: Block, also: ((n: Node) => Node | undefined) | undefined): void {
    const { uses } = this;
    for (let i = block.length - 1; i >= 0; i--) {
      const n = block[i]!;
      const { effect } = n.row;
      if ((effect === 'pure' || effect === 'read') && uses[n.id] === 0) continue;
      if (n.op === 'if') {
        this.countUses(n.attr.no, also);
        this.countUses(n.attr.yes, also);
      }
      const { args } = n;
      for (let k = 0; k < args.length; k++) uses[args[k]!.id]!++;
      const more = also?.(n);
      if (more) uses[more.id]!++;
    }
  }
  usesOf(n: { readonly id: number }): number {
    return this.uses[n.id]!;
  }
  /** A value comes in program order. @param reads what may change */
  protected meet(n: Node, reads: boolean): void {
    const uses = this.uses[n.id]!;
    if (uses === 0 || constantOf(n) !== undefined) return;
    if (uses > 1) this.keep(n);
    else if (reads) {
      this.waits[n.id] = true;
      this.waiting[this.waitingCount++] = n;
    }
  }
  /** Does the reads that are still to be done, before something changes what they see; the effect's own come with it. */
  protected flush(before: Node): void {
    if (this.waitingCount === 0) return;
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
  /** What an arm has not needed is not needed. */
  protected forget(): void {
    for (let i = 0; i < this.waitingCount; i++) this.waits[this.waiting[i]!.id] = false;
    this.waitingCount = 0;
  }

  // ---- as they are ---------------------------------------------------------------------------------------------------

  private isKnown({ id }: Node): boolean {
    return this.where[id] !== NOWHERE || this.numbers[id] !== NOWHERE || this.lanes[id] !== NOWHERE;
  }
  /** Whether a value is needed once and has not been computed yet: then the caller computes it, now. */
  takes(n: Node): boolean {
    if (this.uses[n.id] !== 1 || this.isKnown(n)) return false;
    this.waits[n.id] = false;
    return true;
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
  private compute(n: Node): void {
    if (this.numbers[n.id] === NOWHERE && this.lanes[n.id] === NOWHERE) {
      this.computeInteger(n);
      return;
    }
    this.number(n);
    this.code.op(n.ty === 'i64' ? 'i64.reinterpret_f64' : 'i32.reinterpret_f32');
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
  /** Puts the values of all arguments on the stack. */
  args({ args }: { readonly args: readonly Node[] }): void {
    for (let i = 0; i < args.length; i++) this.value(args[i]);
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

  // ---- as numbers ----------------------------------------------------------------------------------------------------

  /** Puts the value on the stack as the floating-point number that it is the bit pattern of. */
  number(n: Node): void {
    const { code } = this;
    const known = this.numbers[n.id]!;
    if (known !== NOWHERE) code.get(known);
    else if (this.lanes[n.id] !== NOWHERE) code.get(this.lanes[n.id]!).lane('f64x2.extract_lane', 0);
    else if (!this.takes(n) || !this.computeNumber(n)) {
      this.value(n);
      code.op(n.ty === 'i64' ? 'f64.reinterpret_i64' : 'f32.reinterpret_i32');
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
  /** The value of a node is the bit pattern of the number in this local. */
  defineNumber(n: { readonly id: number }, local: number): void {
    this.numbers[n.id] = local;
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
}
