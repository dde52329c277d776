// A module as text (WAT), for eyes: reads what module.ts writes, no more. Operands stand inside the instruction that takes
// them; what stays on the stack across another instruction stands before it.

import { InternalError } from '../base/assert.ts';
import {
  CONTROL,
  DIVISION,
  FLOAT,
  FLOAT_LANE,
  INT,
  LANE,
  MEMORY,
  type PlainOp,
  SATURATING,
  signature,
  type ValueType,
  VECTOR,
  VECTOR_BYTES,
  VECTOR_FLOAT,
  VECTOR_MEMORY,
  VECTOR_RELAXED,
} from './opcodes.ts';

const VALUE_TYPES: Readonly<Record<number, ValueType>> = {
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
};
const NO_RESULT = 0x40;
/** Longer lines are broken. */
const WIDTH = 110;

const namesOf = (...tables: Readonly<Record<string, number>>[]): ReadonlyMap<number, string> =>
  new Map(tables.flatMap((t) => Object.entries(t).map(([name, n]) => [n, name] as const)));
const PLAIN = namesOf(INT, DIVISION, FLOAT);
const SATURATED = namesOf(SATURATING);
const VECTORS = namesOf(VECTOR, VECTOR_FLOAT, VECTOR_RELAXED);
const LANES = namesOf(LANE, FLOAT_LANE);
const MEMORIES = namesOf(MEMORY);
const VECTOR_MEMORIES = namesOf(VECTOR_MEMORY);
const CONTROLS = namesOf(CONTROL);
const PREFIX_SATURATING = 0xfc;
const MEMORY_FILL = 11;
const PREFIX_VECTOR = 0xfd;

interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}
/** An instruction with operands; one without a head stands for what is on the stack already. */
interface Expression {
  readonly head: string;
  readonly args: readonly Expression[];
}
const ON_STACK: Expression = { head: '', args: [] };

class Reader {
  at = 0;
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  byte(): number {
    const b = this.bytes[this.at++];
    if (b === undefined) throw new InternalError('a module ends in the middle');
    return b;
  }
  unsigned(): number {
    let v = 0;
    for (let shift = 0; ; shift += 7) {
      const b = this.byte();
      v += (b & 0x7f) * 2 ** shift;
      if (b < 0x80) return v;
    }
  }
  signed(): bigint {
    let v = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const b = this.byte();
      v |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) return BigInt.asIntN(Number(shift) + 7, v);
    }
  }
  take(n: number): Uint8Array {
    this.at += n;
    return this.bytes.subarray(this.at - n, this.at);
  }
  text(): string {
    return String.fromCharCode(...this.take(this.unsigned()));
  }
  list<T>(one: () => T): T[] {
    return Array.from({ length: this.unsigned() }, one);
  }
}

/** Writes expressions into lines, broken where they are too long. */
function write(e: Expression, indent: string, out: string[]): void {
  const flat = (x: Expression): string =>
    x.args.length === 0 ? x.head : `${x.head} ${x.args.map((a) => `(${flat(a)})`).join(' ')}`;
  const line = flat(e);
  if (indent.length + line.length <= WIDTH || e.args.length === 0) {
    out.push(indent + line);
    return;
  }
  const inner = `${indent}  `;
  out.push(indent + e.head);
  for (const a of e.args) {
    const lines: string[] = [];
    write(a, inner, lines);
    lines[0] = `${inner}(${lines[0]!.slice(inner.length)}`;
    lines[lines.length - 1] += ')';
    out.push(...lines);
  }
}

class Module {
  private readonly r: Reader;
  private readonly types: FunctionType[] = [];
  /** Types of all functions, imported ones first. */
  private readonly functions: number[] = [];
  private imported = 0;
  private readonly lines: string[] = ['(module'];

  constructor(bytes: Uint8Array) {
    this.r = new Reader(bytes);
    this.r.at = 8;
  }

  print(): string {
    const { r, lines } = this;
    while (r.at < r.bytes.length) {
      const id = r.byte();
      const end = r.unsigned() + r.at;
      this.section(id);
      r.at = end;
    }
    lines.push(')');
    return lines.join('\n');
  }
  private section(id: number): void {
    const { r, lines, types } = this;
    const name = (): string => `"${r.text()}"`;
    switch (id) {
      case 1:
        r.list(() => {
          r.byte();
          const params = r.list(() => VALUE_TYPES[r.byte()]!);
          types.push({ params, results: r.list(() => VALUE_TYPES[r.byte()]!) });
        });
        return;
      case 2:
        r.list(() => lines.push(`  (import ${name()} ${name()} ${this.imports()})`));
        return;
      case 3:
        r.list(() => this.functions.push(r.unsigned()));
        return;
      case 7:
        r.list(() => lines.push(`  (export ${name()} (${['func', 'table', 'memory'][r.byte()]} ${r.unsigned()}))`));
        return;
      case 10: {
        let n = this.imported;
        r.list(() => this.body(n++));
      }
    }
  }
  private imports(): string {
    const { r } = this;
    const kind = r.byte();
    if (kind === 0) {
      const type = r.unsigned();
      this.functions.push(type);
      return `(func $f${this.imported++}${this.typeText(this.types[type]!)})`;
    }
    if (kind === 1) r.byte();
    const element = kind === 1 ? ' funcref' : '';
    const flags = r.byte();
    const limits = flags & 1 ? `${r.unsigned()} ${r.unsigned()}` : `${r.unsigned()}`;
    return `(${kind === 1 ? 'table' : 'memory'} ${limits}${flags & 2 ? ' shared' : ''}${element})`;
  }
  private typeText({ params, results }: FunctionType): string {
    const part = (word: string, list: readonly string[]): string =>
      list.length > 0 ? ` (${word} ${list.join(' ')})` : '';
    return part('param', params) + part('result', results);
  }

  private body(number: number): void {
    const { r, lines } = this;
    const end = r.unsigned() + r.at;
    const type = this.types[this.functions[number]!]!;
    lines.push(`  (func $f${number}${this.typeText(type)}`);
    let next = type.params.length;
    r.list(() => {
      const count = r.unsigned();
      lines.push(`    (local ${VALUE_TYPES[r.byte()]})  ;; $${next}${count > 1 ? ` to $${next + count - 1}` : ''}`);
      next += count;
    });
    new Body(r, this.types, this.functions, lines).print(end);
    lines[lines.length - 1] += ')';
  }
}

class Body {
  private readonly r: Reader;
  private readonly types: readonly FunctionType[];
  private readonly functions: readonly number[];
  private readonly lines: string[];
  private stack: Expression[] = [];
  /** Open blocks: their names, and what lay on the stack before. */
  private readonly open: { readonly name: string; readonly below: Expression[]; readonly results: number }[] = [];
  private named = 0;

  constructor(r: Reader, types: readonly FunctionType[], functions: readonly number[], lines: string[]) {
    this.r = r;
    this.types = types;
    this.functions = functions;
    this.lines = lines;
  }
  print(end: number): void {
    while (this.r.at < end - 1) this.instruction();
    this.flush();
    this.r.byte();
  }
  private get indent(): string {
    return '    '.concat('  '.repeat(this.open.length));
  }
  /** Writes what is on the stack: something else comes between it and who takes it. */
  private flush(): void {
    this.stack = this.stack.map((e) => {
      if (e !== ON_STACK) write(e, this.indent, this.lines);
      return ON_STACK;
    });
  }
  private pop(count: number): Expression[] {
    const taken = this.stack.splice(Math.max(0, this.stack.length - count));
    return taken.filter((e) => e !== ON_STACK);
  }
  /** An instruction that takes `count` values and leaves `results`. */
  private put(head: string, count: number, results: number): void {
    const e = { head, args: this.pop(count) };
    if (results === 1) {
      this.stack.push(e);
      return;
    }
    this.flush();
    write(e, this.indent, this.lines);
    for (let i = 0; i < results; i++) this.stack.push(ON_STACK);
  }
  private label(depth: number): string {
    return this.open.at(-1 - depth)?.name ?? `${depth}`;
  }
  private call(head: string, { params, results }: FunctionType, more = 0): void {
    this.put(head, params.length + more, results.length);
  }

  private instruction(): void {
    const { r } = this;
    const code = r.byte();
    const plain = PLAIN.get(code);
    if (plain !== undefined) {
      this.put(plain, signature(plain as PlainOp).args.length, 1);
      return;
    }
    const memory = MEMORIES.get(code);
    if (memory !== undefined) {
      this.access(memory);
      return;
    }
    if (code >= 0x41 && code <= 0x44) this.constant(code);
    else if (code === PREFIX_SATURATING) {
      const n = r.unsigned();
      if (n === MEMORY_FILL) {
        r.byte();
        this.put('memory.fill', 3, 0);
      } else this.put(SATURATED.get(n)!, 1, 1);
    } else if (code === PREFIX_VECTOR) this.vector(r.unsigned());
    else this.control(code);
  }
  private access(name: string): void {
    const { r } = this;
    r.unsigned();
    const offset = r.unsigned();
    const store = name.includes('store');
    this.put(`${name}${offset === 0 ? '' : ` offset=${offset}`}`, store ? 2 : 1, store ? 0 : 1);
  }
  private constant(code: number): void {
    const { r } = this;
    if (code <= 0x42) {
      const v = r.signed();
      const text = v > -65536n && v < 65536n ? `${v}` : `${v < 0n ? '-' : ''}0x${(v < 0n ? -v : v).toString(16)}`;
      this.put(`${code === 0x41 ? 'i32' : 'i64'}.const ${text}`, 0, 1);
      return;
    }
    const bytes = r.take(code === 0x43 ? 4 : 8).slice();
    const view = new DataView(bytes.buffer);
    this.put(code === 0x43 ? `f32.const ${view.getFloat32(0, true)}` : `f64.const ${view.getFloat64(0, true)}`, 0, 1);
  }
  private vector(n: number): void {
    const { r } = this;
    const memory = VECTOR_MEMORIES.get(n);
    const lane = LANES.get(n);
    if (memory !== undefined) this.access(memory);
    else if (lane !== undefined) this.put(`${lane} ${r.byte()}`, lane.includes('replace') ? 2 : 1, 1);
    else if (n === VECTOR_BYTES['v128.const']) {
      const bytes = [...r.take(16)].reverse().map((b) => b.toString(16).padStart(2, '0'));
      const words = [0, 4, 8, 12].map((i) => `0x${bytes.slice(i, i + 4).join('')}`).reverse();
      this.put(`v128.const i32x4 ${words.join(' ')}`, 0, 1);
    } else if (n === VECTOR_BYTES['i8x16.shuffle']) this.put(`i8x16.shuffle ${r.take(16).join(' ')}`, 2, 1);
    else {
      const name = VECTORS.get(n);
      if (name === undefined) throw new InternalError(`no name for vector instruction ${n}`);
      this.put(name, signature(name as PlainOp).args.length, 1);
    }
  }
  private control(code: number): void {
    const { r } = this;
    const name = CONTROLS.get(code);
    switch (name) {
      case 'local.get':
        this.put(`local.get $${r.unsigned()}`, 0, 1);
        return;
      case 'local.set':
        this.put(`local.set $${r.unsigned()}`, 1, 0);
        return;
      case 'local.tee':
        this.put(`local.tee $${r.unsigned()}`, 1, 1);
        return;
      case 'select':
        this.put(name, 3, 1);
        return;
      case 'drop':
        this.put(name, 1, 0);
        return;
      case 'return':
      case 'unreachable':
        this.put(name, name === 'return' ? 1 : 0, 0);
        return;
      case 'br':
        this.put(`br ${this.label(r.unsigned())}`, 0, 0);
        return;
      case 'br_if':
        this.put(`br_if ${this.label(r.unsigned())}`, 1, 0);
        return;
      case 'br_table':
        this.put(`br_table ${[...r.list(() => r.unsigned()), r.unsigned()].map((d) => this.label(d)).join(' ')}`, 1, 0);
        return;
      case 'call':
      case 'return_call': {
        const f = r.unsigned();
        const type = this.types[this.functions[f]!]!;
        this.call(`${name} $f${f}`, name === 'call' ? type : { ...type, results: [] });
        return;
      }
      case 'call_indirect':
      case 'return_call_indirect': {
        const type = this.types[r.unsigned()]!;
        r.unsigned();
        this.call(name, name === 'call_indirect' ? type : { ...type, results: [] }, 1);
        return;
      }
      case 'block':
      case 'loop':
      case 'if':
        this.begin(name);
        return;
      case 'else':
        this.flush();
        this.lines.push(`${this.indent.slice(2)}else`);
        this.stack = [];
        return;
      case 'end': {
        this.flush();
        const { below, results } = this.open.pop()!;
        this.lines.push(`${this.indent}end`);
        this.stack = [...below, ...Array.from({ length: results }, () => ON_STACK)];
        return;
      }
      default:
        throw new InternalError(`no name for instruction 0x${code.toString(16)}`);
    }
  }
  private begin(name: string): void {
    const type = this.r.byte();
    const condition = name === 'if' ? this.pop(1) : [];
    this.flush();
    const label = `$L${this.named++}`;
    const result = type === NO_RESULT ? '' : ` (result ${VALUE_TYPES[type]})`;
    for (const c of condition) write(c, this.indent, this.lines);
    this.lines.push(`${this.indent}${name} ${label}${result}`);
    this.open.push({ name: label, below: this.stack, results: type === NO_RESULT ? 0 : 1 });
    this.stack = [];
  }
}

/** @param bytes of a module that ModuleBuilder wrote */
export function printModule(bytes: Uint8Array): string {
  return new Module(bytes).print();
}
