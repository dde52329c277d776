// Writes WebAssembly: function bodies instruction by instruction, with labels instead of depths, and modules section by
// section. Checks structure (every block ended), not types: the engine that loads the bytes does that.

import { InternalError } from '../base/assert.ts';
import {
  ATOMIC,
  type AtomicOp,
  CONTROL,
  DIVISION,
  FLOAT,
  INT,
  LANE,
  type LaneOp,
  MEMORY,
  type MemoryOp,
  type PlainOp,
  SATURATING,
  type ValueType,
  VECTOR,
  VECTOR_BYTES,
  VECTOR_FLOAT,
  VECTOR_MEMORY,
  type VectorMemoryOp,
} from './opcodes.ts';

const TYPE_CODE: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const NO_RESULT = 0x40;
const PREFIX_SATURATING = 0xfc;
const PREFIX_VECTOR = 0xfd;
const PREFIX_ATOMIC = 0xfe;
const ATOMIC_FENCE = 3;
/** Logarithm of the alignment that an atomic access must name: that of its size. */
const ATOMIC_ALIGN: Readonly<Record<string, number>> = { '8': 0, '16': 1, i32: 2, i64: 3 };
/** After PREFIX_SATURATING. */
const MEMORY_FILL = 11;

const ONE_BYTE: Readonly<Record<string, number>> = { ...INT, ...DIVISION, ...FLOAT };
const VECTOR_NUMBER: Readonly<Record<string, number>> = { ...VECTOR, ...VECTOR_FLOAT };
const SATURATING_NUMBER: Readonly<Record<string, number>> = SATURATING;

function pushUnsigned(out: number[], value: number): void {
  let v = value >>> 0;
  while (v >= 0x80) {
    out.push((v & 0x7f) | 0x80);
    v >>>= 7;
  }
  out.push(v);
}
function pushSigned(out: number[], value: number): void {
  let v = value | 0;
  for (;;) {
    const low = v & 0x7f;
    v >>= 7;
    if ((v === 0 && !(low & 0x40)) || (v === -1 && low & 0x40)) {
      out.push(low);
      return;
    }
    out.push(low | 0x80);
  }
}
function pushSigned64(out: number[], value: bigint): void {
  let v = BigInt.asIntN(64, value);
  if (v >= -0x40000000n && v <= 0x3fffffffn) {
    pushSigned(out, Number(v));
    return;
  }
  for (;;) {
    const low = Number(v & 0x7fn);
    v >>= 7n;
    if ((v === 0n && !(low & 0x40)) || (v === -1n && low & 0x40)) {
      out.push(low);
      return;
    }
    out.push(low | 0x80);
  }
}

/** An open block: what a branch names. */
export interface Label {
  readonly level: number;
}

/** The body of one function as it stands in the code section, and where in it branches are not likely. */
export interface Body {
  readonly bytes: readonly number[];
  /** Offsets from the beginning of the declaration of locals. */
  readonly unlikely: readonly number[];
}

/** The body of one function. */
export class Code {
  readonly bytes: number[] = [];
  private readonly unlikely: number[] = [];
  private readonly params: number;
  private readonly locals: ValueType[] = [];
  private level = 0;

  constructor(params: readonly ValueType[]) {
    this.params = params.length;
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
  private variable(opcode: number, index: number): this {
    this.bytes.push(opcode);
    pushUnsigned(this.bytes, index);
    return this;
  }

  i32(value: number): this {
    this.bytes.push(0x41);
    pushSigned(this.bytes, value);
    return this;
  }
  i64(value: bigint): this {
    this.bytes.push(0x42);
    pushSigned64(this.bytes, value);
    return this;
  }
  f32(value: number): this {
    this.bytes.push(0x43, ...new Uint8Array(new Float32Array([value]).buffer));
    return this;
  }
  f64(value: number): this {
    this.bytes.push(0x44, ...new Uint8Array(new Float64Array([value]).buffer));
    return this;
  }
  v128(value: bigint): this {
    this.vectorNumber(VECTOR_BYTES['v128.const']);
    for (let i = 0n; i < 128n; i += 8n) this.bytes.push(Number((value >> i) & 0xffn));
    return this;
  }
  shuffle(bytes: readonly number[]): this {
    this.vectorNumber(VECTOR_BYTES['i8x16.shuffle']);
    this.bytes.push(...bytes);
    return this;
  }

  op(name: PlainOp): this {
    const one = ONE_BYTE[name];
    if (one !== undefined) this.bytes.push(one);
    else if (name in VECTOR_NUMBER) this.vectorNumber(VECTOR_NUMBER[name]!);
    else this.bytes.push(PREFIX_SATURATING, SATURATING_NUMBER[name]!);
    return this;
  }
  lane(name: LaneOp, lane: number): this {
    this.vectorNumber(LANE[name]);
    this.bytes.push(lane);
    return this;
  }
  /** Takes a lane of an f64x2 from the stack. */
  floatLane(lane: number): this {
    this.vectorNumber(VECTOR_BYTES['f64x2.extract_lane']);
    this.bytes.push(lane);
    return this;
  }
  private vectorNumber(n: number): void {
    this.bytes.push(PREFIX_VECTOR);
    pushUnsigned(this.bytes, n);
  }
  /** A load or store at the address on the stack plus `offset`. No alignment is promised. */
  mem(name: MemoryOp | VectorMemoryOp, offset = 0): this {
    if (name in MEMORY) this.bytes.push(MEMORY[name as MemoryOp]);
    else this.vectorNumber(VECTOR_MEMORY[name as VectorMemoryOp]);
    this.bytes.push(0);
    pushUnsigned(this.bytes, offset);
    return this;
  }
  /** An access at the address on the stack plus `offset`, which must be aligned. */
  atomic(name: AtomicOp, offset = 0): this {
    const width = /(8|16)(_u|\.|$)/.exec(name)?.[1] ?? name.slice(0, 3);
    this.bytes.push(PREFIX_ATOMIC, ATOMIC[name], ATOMIC_ALIGN[width]!);
    pushUnsigned(this.bytes, offset);
    return this;
  }
  /** Nothing moves across it, in either direction. */
  fence(): this {
    this.bytes.push(PREFIX_ATOMIC, ATOMIC_FENCE, 0);
    return this;
  }
  /** memory.fill: address, byte and count from the stack. */
  fill(): this {
    this.bytes.push(PREFIX_SATURATING, MEMORY_FILL, 0);
    return this;
  }
  select(): this {
    this.bytes.push(CONTROL.select);
    return this;
  }
  drop(): this {
    this.bytes.push(CONTROL.drop);
    return this;
  }

  /** Says of the `if` or `br_if` that comes next that its condition seldom holds. */
  seldom(): this {
    this.unlikely.push(this.bytes.length);
    return this;
  }
  block(kind: 'block' | 'loop' | 'if', result?: ValueType): Label {
    this.bytes.push(CONTROL[kind], result ? TYPE_CODE[result] : NO_RESULT);
    return { level: ++this.level };
  }
  else(): this {
    this.bytes.push(CONTROL.else);
    return this;
  }
  end(): this {
    if (this.level-- === 0) throw new InternalError('a block is ended that was not begun');
    this.bytes.push(CONTROL.end);
    return this;
  }
  br(label: Label): this {
    return this.variable(CONTROL.br, this.level - label.level);
  }
  brIf(label: Label): this {
    return this.variable(CONTROL.br_if, this.level - label.level);
  }
  brTable(labels: readonly Label[], otherwise: Label): this {
    this.bytes.push(CONTROL.br_table);
    pushUnsigned(this.bytes, labels.length);
    for (const l of [...labels, otherwise]) pushUnsigned(this.bytes, this.level - l.level);
    return this;
  }
  return(): this {
    this.bytes.push(CONTROL.return);
    return this;
  }
  unreachable(): this {
    this.bytes.push(CONTROL.unreachable);
    return this;
  }
  call(func: number): this {
    return this.variable(CONTROL.call, func);
  }
  /** Ends the function with a call. */
  returnCall(func: number): this {
    return this.variable(CONTROL.return_call, func);
  }
  /** Ends the function with a call through table 0. */
  returnCallIndirect(type: number): this {
    this.variable(CONTROL.return_call_indirect, type);
    this.bytes.push(0);
    return this;
  }
  /** Calls through table 0. */
  callIndirect(type: number): this {
    this.variable(CONTROL.call_indirect, type);
    this.bytes.push(0);
    return this;
  }

  finish(): Body {
    if (this.level !== 0) throw new InternalError(`${this.level} blocks are not ended`);
    const head: number[] = [];
    const runs: [ValueType, number][] = [];
    for (const t of this.locals) {
      const last = runs.at(-1);
      if (last?.[0] === t) last[1]++;
      else runs.push([t, 1]);
    }
    pushUnsigned(head, runs.length);
    for (const [t, n] of runs) {
      pushUnsigned(head, n);
      head.push(TYPE_CODE[t]);
    }
    const size: number[] = [];
    pushUnsigned(size, head.length + this.bytes.length + 1);
    const bytes = size.concat(head, this.bytes, CONTROL.end);
    return { bytes, unlikely: this.unlikely.map((at) => head.length + at) };
  }
}

const SECTION = { custom: 0, type: 1, import: 2, function: 3, table: 4, export: 7, element: 9, code: 10 } as const;
const KIND = { func: 0, table: 1, memory: 2 } as const;
const FUNCREF = 0x70;
/** What engines know of it or ignore. */
const BRANCH_HINTS = 'metadata.code.branch_hint';

/** A module: imports first, then functions; finish() gives the bytes. */
export class ModuleBuilder {
  private readonly types: string[] = [];
  private readonly typeBytes: number[][] = [];
  private readonly imports: number[][] = [];
  private readonly functions: number[] = [];
  private readonly bodies: Body[] = [];
  private readonly exports: { readonly name: string; readonly func: number }[] = [];
  private readonly custom: number[][] = [];
  private importedFunctions = 0;
  private tableName = '';
  private tableSize = [0, 0];
  private elements: { offset: number; functions: readonly number[] } | undefined;

  type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join()}:${results.join()}`;
    const known = this.types.indexOf(key);
    if (known >= 0) return known;
    const codes = (list: readonly ValueType[]): number[] => [list.length, ...list.map((t) => TYPE_CODE[t])];
    this.typeBytes.push([0x60, ...codes(params), ...codes(results)]);
    return this.types.push(key) - 1;
  }
  /** @param min @param max pages of 64 KiB that the imported memory may have */
  importMemory(module: string, name: string, min: number, max: number, shared = false): void {
    const limits: number[] = [shared ? 3 : 1];
    pushUnsigned(limits, min);
    pushUnsigned(limits, max);
    this.imports.push([...text(module), ...text(name), KIND.memory, ...limits]);
  }
  /** Table 0 comes from elsewhere. */
  importTable(module: string, name: string): void {
    this.imports.push([...text(module), ...text(name), KIND.table, FUNCREF, 0, 0]);
  }
  /** @returns the function's index, good for Code.call. */
  importFunction(module: string, name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    const entry = [...text(module), ...text(name), KIND.func];
    pushUnsigned(entry, this.type(params, results));
    this.imports.push(entry);
    return this.importedFunctions++;
  }
  /**
   * Adds a function with the code that `build` writes, which may still import others.
   * @returns its number among the module's own functions, good for table() and export()
   */
  function(params: readonly ValueType[], results: readonly ValueType[], build: (code: Code) => void): number {
    const code = new Code(params);
    build(code);
    this.bodies.push(code.finish());
    return this.functions.push(this.type(params, results)) - 1;
  }
  /** Table 0, exported as `name`. */
  table(name: string, size: number, max: number): void {
    this.tableSize = [size, max];
    this.tableName = name;
  }
  /** Puts functions into table 0, from `offset` on. */
  fillTable(offset: number, functions: readonly number[]): void {
    this.elements = { offset, functions };
  }
  export(name: string, func: number): void {
    this.exports.push({ name, func });
  }
  customSection(name: string, bytes: Uint8Array): void {
    this.custom.push([...text(name), ...bytes]);
  }

  finish(): Uint8Array {
    const out: number[] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const section = (id: number, content: number[]): void => {
      out.push(id);
      pushUnsigned(out, content.length);
      for (const b of content) out.push(b);
    };
    const vector = (items: readonly (readonly number[])[]): number[] => {
      const bytes: number[] = [];
      pushUnsigned(bytes, items.length);
      for (const item of items) for (const b of item) bytes.push(b);
      return bytes;
    };
    const number = (n: number): number[] => {
      const bytes: number[] = [];
      pushUnsigned(bytes, n);
      return bytes;
    };
    section(SECTION.type, vector(this.typeBytes));
    section(SECTION.import, vector(this.imports));
    section(SECTION.function, vector(this.functions.map(number)));
    if (this.tableName !== '') section(SECTION.table, [1, FUNCREF, 1, ...this.tableSize.flatMap(number)]);
    const indexOf = (func: number): number[] => number(this.importedFunctions + func);
    const exported = this.exports.map((e) => [...text(e.name), KIND.func, ...indexOf(e.func)]);
    if (this.tableName !== '') exported.push([...text(this.tableName), KIND.table, 0]);
    section(SECTION.export, vector(exported));
    if (this.elements && this.elements.functions.length > 0) {
      const { offset, functions } = this.elements;
      const at: number[] = [0, 0x41];
      pushSigned(at, offset);
      section(SECTION.element, [1, ...at, CONTROL.end, ...vector(functions.map(indexOf))]);
    }
    const hints = this.bodies.flatMap(({ unlikely }, func) =>
      unlikely.length > 0 ? [[...indexOf(func), ...vector(unlikely.map((at) => [...number(at), 1, 0]))]] : [],
    );
    if (hints.length > 0) section(SECTION.custom, [...text(BRANCH_HINTS), ...vector(hints)]);
    section(SECTION.code, vector(this.bodies.map((b) => b.bytes)));
    for (const c of this.custom) section(SECTION.custom, c);
    return Uint8Array.from(out);
  }
}

function text(s: string): number[] {
  const bytes: number[] = [];
  pushUnsigned(bytes, s.length);
  for (let i = 0; i < s.length; i++) bytes.push(s.charCodeAt(i)); // our own names: ASCII
  return bytes;
}
