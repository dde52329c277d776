// Writes WebAssembly: function bodies instruction by instruction, with labels instead of depths, and modules section by
// section. Checks structure (every block ended), not types: the engine that loads the bytes does that.

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
  type ValueType,
  VECTOR,
  VECTOR_BYTES,
  VECTOR_FLOAT,
  VECTOR_MEMORY,
  VECTOR_RELAXED,
  type VectorMemoryOp,
} from './opcodes.ts';
import { KIND, LIMITS, SECTION } from './sections.ts';

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
interface Body {
  readonly locals: Bytes;
  readonly code: Bytes;
  /** Offsets from the beginning of the declaration of locals. */
  readonly unlikely: readonly number[];
}

/** The same for another module: the declaration of locals and the code. */
export interface FunctionBody {
  readonly bytes: Uint8Array;
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

const FUNCREF = 0x70;
/** What engines know of it or ignore. */
const BRANCH_HINTS = 'metadata.code.branch_hint';

/** A module: imports first, then functions; finish() gives the bytes. */
export class ModuleBuilder {
  private readonly types: string[] = [];
  private readonly typeBytes = new Bytes();
  private readonly imports = new Bytes();
  private imported = 0;
  private importedFunctions = 0;
  private importedGlobals = 0;
  private readonly functions: number[] = [];
  private readonly bodies: Body[] = [];
  private readonly exports: { readonly name: string; readonly func: number }[] = [];
  private readonly custom: Bytes[] = [];
  private tableName = '';
  private tableSize: readonly [number, number] = [0, 0];
  private elements:
    | { readonly offset: number | { readonly global: number }; readonly functions: readonly number[] }
    | undefined;

  type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join()}:${results.join()}`;
    const known = this.types.indexOf(key);
    if (known >= 0) return known;
    this.typeBytes.byte(0x60);
    for (const list of [params, results]) this.typeBytes.byte(list.length).list(list.map((t) => TYPE_CODE[t]));
    return this.types.push(key) - 1;
  }
  private import(module: string, name: string, kind: number): Bytes {
    this.imported++;
    return this.imports.text(module).text(name).byte(kind);
  }
  /** @param min @param max pages of 64 KiB that the imported memory may have */
  importMemory(module: string, name: string, min: number, max: number, shared = false): void {
    this.import(module, name, KIND.memory)
      .byte(shared ? LIMITS.shared : LIMITS.own)
      .unsigned(min)
      .unsigned(max);
  }
  /** Table 0 comes from elsewhere. */
  importTable(module: string, name: string): void {
    this.import(module, name, KIND.table).list([FUNCREF, 0, 0]);
  }
  /** A number that does not change comes from elsewhere. @returns its index, good for fillTable */
  importGlobal(module: string, name: string): number {
    this.import(module, name, KIND.global).list([TYPE_CODE.i32, 0]);
    return this.importedGlobals++;
  }
  /** @returns the function's index, good for Code.call. */
  importFunction(module: string, name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    this.import(module, name, KIND.func).unsigned(this.type(params, results));
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
  /** Adds a function of another module that imports the same functions, as `bodyOf` gave it. @returns its number */
  add(params: readonly ValueType[], results: readonly ValueType[], { bytes, unlikely }: FunctionBody): number {
    this.bodies.push({ locals: new Bytes(), code: new Bytes().list(bytes), unlikely });
    return this.functions.push(this.type(params, results)) - 1;
  }
  /** What there is of one of the module's own functions: good as long as nothing that its code names has another index. */
  bodyOf(func: number): FunctionBody {
    const { locals, code, unlikely } = this.bodies[func]!;
    const bytes = new Uint8Array(locals.length + code.length);
    bytes.set(locals.view);
    bytes.set(code.view, locals.length);
    return { bytes, unlikely };
  }
  /** Index of one of the module's own functions, good for Code.call, once everything is imported. */
  indexOf(func: number): number {
    return this.importedFunctions + func;
  }
  /** Table 0, exported as `name`. */
  table(name: string, size: number, max: number): void {
    this.tableSize = [size, max];
    this.tableName = name;
  }
  /** Puts functions into table 0, from `offset` on, or from what a global says. */
  fillTable(offset: number | { readonly global: number }, functions: readonly number[]): void {
    this.elements = { offset, functions };
  }
  export(name: string, func: number): void {
    this.exports.push({ name, func });
  }
  customSection(name: string, bytes: Uint8Array): void {
    this.custom.push(new Bytes().text(name).list(bytes));
  }

  finish(): Uint8Array {
    const out = new Bytes().list([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, content: Bytes): void => {
      out.byte(id).vector(content);
      content.free();
    };
    /** @param count of the items that `write` writes */
    const items = (count: number, write: (to: Bytes) => void): Bytes => {
      const to = new Bytes().unsigned(count);
      write(to);
      return to;
    };
    const { types, functions, exports, elements, bodies } = this;
    const indexOf = (func: number): number => this.importedFunctions + func;
    section(
      SECTION.type,
      items(types.length, (to) => to.list(this.typeBytes.view)),
    );
    section(
      SECTION.import,
      items(this.imported, (to) => to.list(this.imports.view)),
    );
    section(
      SECTION.function,
      items(functions.length, (to) => {
        for (const type of functions) to.unsigned(type);
      }),
    );
    const hasTable = this.tableName !== '';
    if (hasTable)
      section(
        SECTION.table,
        items(1, (to) => to.list([FUNCREF, 1]).unsigned(this.tableSize[0]).unsigned(this.tableSize[1])),
      );
    section(
      SECTION.export,
      items(exports.length + (hasTable ? 1 : 0), (to) => {
        for (const e of exports) to.text(e.name).byte(KIND.func).unsigned(indexOf(e.func));
        if (hasTable) to.text(this.tableName).byte(KIND.table).byte(0);
      }),
    );
    if (elements && elements.functions.length > 0) {
      section(
        SECTION.element,
        items(1, (to) => {
          to.byte(0);
          if (typeof elements.offset === 'number') to.byte(0x41).signed(elements.offset);
          else to.byte(CONTROL['global.get']).unsigned(elements.offset.global);
          to.byte(CONTROL.end).unsigned(elements.functions.length);
          for (const func of elements.functions) to.unsigned(indexOf(func));
        }),
      );
    }
    const hinted = bodies.filter(({ unlikely }) => unlikely.length > 0).length;
    if (hinted > 0) {
      const hints = items(hinted, (to) => {
        bodies.forEach(({ unlikely }, func) => {
          if (unlikely.length === 0) return;
          to.unsigned(indexOf(func)).unsigned(unlikely.length);
          for (const at of unlikely) to.unsigned(at).byte(1).byte(0);
        });
      });
      section(SECTION.custom, new Bytes().text(BRANCH_HINTS).list(hints.view));
    }
    const codes = items(bodies.length, (to) => {
      for (const { locals, code } of bodies)
        to.unsigned(locals.length + code.length)
          .list(locals.view)
          .list(code.view);
    });
    section(SECTION.code, codes);
    for (const c of this.custom) out.byte(SECTION.custom).vector(c);
    const bytes = out.view.slice();
    out.free();
    return bytes;
  }
  /** Where the bodies of functions are in what finish() gave: they come last, if there are no custom sections. */
  placesOf(bytes: Uint8Array): { readonly from: number; readonly to: number }[] {
    const places: { from: number; to: number }[] = [];
    let to = bytes.length;
    for (const { locals, code } of [...this.bodies].reverse()) {
      const size = locals.length + code.length;
      places.unshift({ from: to - size, to });
      to -= size + new Bytes().unsigned(size).length;
    }
    return places;
  }
  /** Nothing more is done with the module. */
  free(): void {
    this.typeBytes.free();
    this.imports.free();
    for (const { locals, code } of this.bodies) {
      locals.free();
      code.free();
    }
  }
}
