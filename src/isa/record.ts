// Runs one semantics function once and keeps what it built: IR, the operands that change from instruction to
// instruction, and the choices it consulted on the way (static fields and pick()). Who answers the choices decides
// what the run is for: decoding one word, or enumerating all handlers of a row. Knows no engine.

import type { FieldSpan, FieldValues, ParsedRow } from '../arch/a64/encoding.ts';
import { InternalError } from '../base/assert.ts';
import { IrBuilder } from '../ir/builder.ts';
import type { Block, Node, Place } from '../ir/ops.ts';
import { makeOps } from './build.ts';
import { DYNAMIC_FIELDS, type Imm, type Ops, type Reg } from './ops.ts';
import type { Group } from './semantics.ts';

/** A point where the code that is built depends on the instruction. */
export interface Choice {
  /** Name of the field, or `?n` for the n-th pick. */
  readonly label: string;
  readonly values: readonly number[];
  readonly of: (f: FieldValues) => number;
}
/** How register 31 is to be read: as zero, as somewhere to write to without effect, as the stack pointer; or a vector. */
export type RegKind = 'xr' | 'xw' | 'sp' | 'v';
export type Operand =
  | { readonly kind: RegKind; readonly field: string; readonly add: number }
  | { readonly kind: 'i32'; readonly value: (f: FieldValues) => number }
  | { readonly kind: 'i64' | 'branch'; readonly value: (f: FieldValues) => bigint };

/** The code of one specialisation of a row. */
export interface Recording {
  readonly block: Block;
  readonly operands: readonly Operand[];
  /** Choices in the order they were asked, with the answers. */
  readonly path: readonly (readonly [Choice, number])[];
}

/** A register as semantics see it: a field, or a fixed number. */
export interface RegToken {
  readonly field: string | undefined;
  readonly n: number;
}
interface ImmToken {
  readonly imm: string;
}

const below = new Map<number, readonly number[]>();
function numbersBelow(n: number): readonly number[] {
  let all = below.get(n);
  if (!all) {
    all = Array.from({ length: n }, (_, i) => i);
    below.set(n, all);
  }
  return all;
}

/** Ends a run early: nothing after an UNDEFINED counts. */
class Done extends Error {}
const DONE = new Done();

export type Semantic = NonNullable<ReturnType<Group['semantics']>>;

/** What an instruction asks before anything else. */
export interface Checks {
  readonly fp: boolean;
  readonly fpmr: boolean;
  readonly sve: boolean;
}

export class Recorder {
  ir = new IrBuilder();
  /** The row that is recorded. */
  encoding!: ParsedRow;
  private operands: Operand[] = [];
  private path: [Choice, number][] = [];
  private answers = new Map<string, number>();
  private picks = 0;
  private choose: (c: Choice) => number = () => 0;
  private readonly ops: Ops = makeOps(this);
  /** What semantics get: a getter for each name of a field that some row had so far. */
  private readonly fields = Object.create(null) as Record<string, never>;

  /**
   * @param choose answers each choice; asked once per choice.
   * @param checks the tables that the row belongs to: `fp`, `fpmr`, `sve`.
   */
  record(row: ParsedRow, semantic: Semantic, checks: Checks, choose: (c: Choice) => number): Recording {
    this.ir = new IrBuilder();
    this.encoding = row;
    this.operands = [];
    this.path = [];
    this.answers = new Map();
    this.picks = 0;
    this.choose = choose;
    try {
      if (checks.fpmr) this.ops.checkFPMR();
      if (checks.sve) this.ops.checkSVE();
      if (checks.fp) this.ops.checkFP();
      semantic(this.ops, this.fieldsFor(row));
    } catch (e) {
      if (e !== DONE) throw e;
    }
    return { block: this.ir.nodes, operands: this.operands, path: this.path };
  }

  /** Stops the semantics function here. */
  stop(): never {
    throw DONE;
  }

  ask(c: Choice): number {
    const known = this.answers.get(c.label);
    if (known !== undefined) return known;
    const value = this.choose(c);
    if (!c.values.includes(value)) throw new InternalError(`choice ${c.label} has no value ${value}`);
    this.answers.set(c.label, value);
    this.path.push([c, value]);
    return value;
  }
  pick(of: (f: FieldValues) => number, values: readonly number[]): number {
    return this.ask({ label: `?${this.picks++}`, values, of });
  }
  /** A question about one field, asked again for the same field gives the same answer. */
  pickOf(label: string, of: (f: FieldValues) => number, values: readonly number[]): number {
    return this.ask({ label, values, of });
  }

  operand(o: Operand): number {
    return this.operands.push(o) - 1;
  }
  /** The place of a register; the same one asked twice is the same operand. */
  place(reg: RegToken, kind: RegKind, add = 0): Place {
    if (reg.field === undefined) {
      const n = (reg.n + add) & 31;
      if (kind === 'v') return { slot: `V${n}` };
      return { slot: n < 31 ? `X${n}` : kind === 'sp' ? 'SP' : kind === 'xr' ? 'ZERO' : 'SINK' };
    }
    const { field } = reg;
    const same = this.operands.findIndex((o) => o.kind === kind && 'field' in o && o.field === field && o.add === add);
    return { operand: same >= 0 ? same : this.operand({ kind, field, add }) };
  }

  private fieldsFor(row: ParsedRow): Readonly<Record<string, never>> {
    for (const { name } of row.fields)
      if (!(name in this.fields)) Object.defineProperty(this.fields, name, { get: () => this.fieldOf(name) });
    return this.fields;
  }
  private fieldOf(name: string): Reg | Imm | number | undefined {
    const span = this.encoding.fields.find((s) => s.name === name);
    return span && this.field(span);
  }
  private field(span: FieldSpan): Reg | Imm | number {
    const { name } = span;
    const sort = DYNAMIC_FIELDS[name];
    if (sort === 'reg') return { field: name, n: 0 } satisfies RegToken as unknown as Reg;
    if (sort === 'imm') return { imm: name } satisfies ImmToken as unknown as Imm;
    return this.ask({
      label: name,
      values: numbersBelow(2 ** span.width),
      of: (f) => f[name]!,
    });
  }
}

export function tokenOf(r: Reg): RegToken {
  return r as unknown as RegToken;
}
export function immName(i: Imm): string {
  return (i as unknown as ImmToken).imm;
}
export type { Node };

/** A text that names a specialisation within its row: `sf=1 ?0=0`. */
export function pathText(path: Recording['path']): string {
  return path.map(([c, v]) => `${c.label}=${v}`).join(' ');
}
