// Writes bodies of WebAssembly functions instruction by instruction, with labels instead of depths. Checks structure (every
// block ended), not types: the engine that loads the bytes does that.

import { InternalError } from '../base/assert.ts';
import { Bytes } from './bytes.ts';
import {
  ATOMIC,
  type AtomicOp,
  CONTROL,
  DIVISION,
  FLOAT,
  FLOAT_LANE,
  type FloatLaneOp,
  INT,
  LANE,
  type LaneOp,
  MEMORY,
  type MemoryOp,
  type PlainOp,
  SATURATING,
  TYPE_CODE,
  type ValueType,
  VECTOR,
  VECTOR_BYTES,
  VECTOR_FLOAT,
  VECTOR_MEMORY,
  VECTOR_RELAXED,
  type VectorMemoryOp,
} from './opcodes.ts';

const NO_RESULT = 0x40;
const PREFIX_SATURATING = 0xfc;
const PREFIX_VECTOR = 0xfd;
const PREFIX_ATOMIC = 0xfe;
const ATOMIC_FENCE = 3;
/** Logarithm of the alignment that an atomic access must name: that of its size. */
const ATOMIC_ALIGN: Readonly<Record<string, number>> = { '8': 0, '16': 1, i32: 2, i64: 3 };
/** After PREFIX_SATURATING. */
const MEMORY_FILL = 11;

/** How instructions are written: a prefix above eight bits, and the number after it. */
const PREFIX_SHIFT = 16;
type Numbers = Readonly<Record<string, number>>;
const encoded = (numbers: Numbers, prefix = 0): [string, number][] =>
  Object.entries(numbers).map(([name, n]) => [name, (prefix << PREFIX_SHIFT) | n]);
const PLAIN: ReadonlyMap<string, number> = new Map([
  ...encoded({ ...INT, ...DIVISION, ...FLOAT }),
  ...encoded({ ...VECTOR, ...VECTOR_FLOAT, ...VECTOR_RELAXED }, PREFIX_VECTOR),
  ...encoded(SATURATING, PREFIX_SATURATING),
]);
const LANES: ReadonlyMap<string, number> = new Map(Object.entries({ ...LANE, ...FLOAT_LANE }));
const ACCESS: ReadonlyMap<string, number> = new Map([...encoded(MEMORY), ...encoded(VECTOR_MEMORY, PREFIX_VECTOR)]);

/** An open block: what a branch names. */
export interface Label {
  readonly level: number;
}

/** The body of one function: what stands before and after the size of both, and where in it branches are not likely. */
export interface Body {
  readonly locals: Bytes;
  readonly code: Bytes;
  /** Offsets from the beginning of the declaration of locals. */
  readonly unlikely: readonly number[];
}

/** The body of one function. */
export class Code extends Bytes {
  private readonly unlikely: number[] = [];
  private readonly params: number;
  private readonly locals: ValueType[] = [];
  private level = 0;
  /** For whoever wants to know: where the index of a local has been written, and the index, by turns. */
  mentions: number[] | undefined;

  constructor(params: readonly ValueType[]) {
    super();
    this.params = params.length;
  }

  /** How many blocks are open. */
  get depth(): number {
    return this.level;
  }
  /** What has been written by other means has opened blocks, or ended them. */
  set depth(depth: number) {
    this.level = depth;
  }
  /** How often something has been said to be seldom. */
  get hints(): number {
    return this.unlikely.length;
  }
  /** Locals so far, with parameters. */
  get localCount(): number {
    return this.params + this.locals.length;
  }

  /** A new local variable. @returns its index; parameters are 0, 1, ... */
  local(type: ValueType): number {
    return this.params + this.locals.push(type) - 1;
  }
  get(local: number): this {
    return this.variable(CONTROL['local.get'], local);
  }
  set(local: number): this {
    return this.variable(CONTROL['local.set'], local);
  }
  tee(local: number): this {
    return this.variable(CONTROL['local.tee'], local);
  }
  private variable(opcode: number, local: number): this {
    this.byte(opcode);
    this.mentions?.push(this.length, local);
    return this.unsigned(local);
  }

  i32(value: number): this {
    return this.byte(0x41).signed(value);
  }
  i64(value: bigint): this {
    return this.byte(0x42).signed64(value);
  }
  f32(value: number): this {
    return this.byte(0x43).list(new Uint8Array(new Float32Array([value]).buffer));
  }
  f64(value: number): this {
    return this.byte(0x44).list(new Uint8Array(new Float64Array([value]).buffer));
  }
  v128(value: bigint): this {
    const halves = new BigUint64Array([BigInt.asUintN(64, value), value >> 64n]);
    return this.vectorNumber(VECTOR_BYTES['v128.const']).list(new Uint8Array(halves.buffer));
  }
  shuffle(bytes: readonly number[]): this {
    return this.vectorNumber(VECTOR_BYTES['i8x16.shuffle']).list(bytes);
  }

  op(name: PlainOp): this {
    return this.instruction(PLAIN.get(name)!);
  }
  private instruction(encoded: number): this {
    if (encoded < 1 << PREFIX_SHIFT) return this.byte(encoded);
    return this.byte(encoded >>> PREFIX_SHIFT).unsigned(encoded & ((1 << PREFIX_SHIFT) - 1));
  }
  lane(name: LaneOp | FloatLaneOp, lane: number): this {
    return this.vectorNumber(LANES.get(name)!).byte(lane);
  }
  private vectorNumber(n: number): this {
    return this.byte(PREFIX_VECTOR).unsigned(n);
  }
  /** A load or store at the address on the stack plus `offset`. No alignment is promised. */
  mem(name: MemoryOp | VectorMemoryOp, offset = 0): this {
    return this.instruction(ACCESS.get(name)!).byte(0).unsigned(offset);
  }
  /** An access at the address on the stack plus `offset`, which must be aligned. */
  atomic(name: AtomicOp, offset = 0): this {
    const width = /(8|16)(_u|\.|$)/.exec(name)?.[1] ?? name.slice(0, 3);
    return this.list([PREFIX_ATOMIC, ATOMIC[name], ATOMIC_ALIGN[width]!]).unsigned(offset);
  }
  /** Nothing moves across it, in either direction. */
  fence(): this {
    return this.list([PREFIX_ATOMIC, ATOMIC_FENCE, 0]);
  }
  /** memory.fill: address, byte and count from the stack. */
  fill(): this {
    return this.list([PREFIX_SATURATING, MEMORY_FILL, 0]);
  }
  select(): this {
    return this.byte(CONTROL.select);
  }
  drop(): this {
    return this.byte(CONTROL.drop);
  }

  /** Says of the `if` or `br_if` that comes next that its condition seldom holds. */
  seldom(): this {
    this.unlikely.push(this.length);
    return this;
  }
  block(kind: 'block' | 'loop' | 'if', result?: ValueType): Label {
    this.byte(CONTROL[kind]).byte(result ? TYPE_CODE[result] : NO_RESULT);
    return { level: ++this.level };
  }
  else(): this {
    return this.byte(CONTROL.else);
  }
  end(): this {
    if (this.level-- === 0) throw new InternalError('a block is ended that was not begun');
    return this.byte(CONTROL.end);
  }
  br(label: Label): this {
    return this.byte(CONTROL.br).unsigned(this.level - label.level);
  }
  brIf(label: Label): this {
    return this.byte(CONTROL.br_if).unsigned(this.level - label.level);
  }
  brTable(labels: readonly Label[], otherwise: Label): this {
    this.byte(CONTROL.br_table).unsigned(labels.length);
    for (const l of labels) this.unsigned(this.level - l.level);
    return this.unsigned(this.level - otherwise.level);
  }
  return(): this {
    return this.byte(CONTROL.return);
  }
  unreachable(): this {
    return this.byte(CONTROL.unreachable);
  }
  call(func: number): this {
    return this.byte(CONTROL.call).unsigned(func);
  }
  /** Ends the function with a call. */
  returnCall(func: number): this {
    return this.byte(CONTROL.return_call).unsigned(func);
  }
  /** Ends the function with a call through table 0. */
  returnCallIndirect(type: number): this {
    return this.byte(CONTROL.return_call_indirect).unsigned(type).byte(0);
  }
  /** Calls through table 0. */
  callIndirect(type: number): this {
    return this.byte(CONTROL.call_indirect).unsigned(type).byte(0);
  }

  finish(): Body {
    if (this.level !== 0) throw new InternalError(`${this.level} blocks are not ended`);
    this.byte(CONTROL.end);
    const runs: [ValueType, number][] = [];
    for (const t of this.locals) {
      const last = runs.at(-1);
      if (last?.[0] === t) last[1]++;
      else runs.push([t, 1]);
    }
    const locals = new Bytes().unsigned(runs.length);
    for (const [t, n] of runs) locals.unsigned(n).byte(TYPE_CODE[t]);
    return { locals, code: this, unlikely: this.unlikely.map((at) => locals.length + at) };
  }
}
