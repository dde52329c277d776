// One instruction as a region sees it: its IR with operands and what is known of the state put in, and what it does to the
// flow of control. An instruction that must ask the system, or that could leave after having changed something, is not
// for regions: the interpreter runs it.

import type { FieldValues } from '../arch/a64/encoding.ts';
import { IrBuilder } from '../ir/builder.ts';
import type { Block, Node, NodeOf, Place, ValueNode } from '../ir/ops.ts';
import type { Handler } from '../isa/handlers.ts';
import { WAIT_TICKS } from '../isa/inline_sysregs.ts';
import type { Operand } from '../isa/record.ts';
import { type FlagEffect, flagEffectOf } from './flag_nodes.ts';
import { type Use, usesOf, vectorsOf } from './homes.ts';
import type { Pattern } from './phrases.ts';

/** next: goes on; cond: may branch; jump: branches; call: branches and comes back; indirect: to an address; stop: not for regions. */
export type Flow = 'next' | 'cond' | 'jump' | 'call' | 'indirect' | 'stop';
export interface Lifted {
  readonly key: string;
  block(): Block;
  readonly flow: Flow;
  /** Of a branch, in instructions. */
  readonly distance: number;
  /** An indirect branch that leaves a return address; one that is neither that nor a return. */
  readonly links: boolean;
  readonly jumps: boolean;
  /** Uses FP or SIMD registers; the host's floating point, with results that may be inexact. */
  readonly fp: boolean;
  readonly inexact: boolean;
  /** Looks at whether SP is aligned. */
  readonly sp: boolean;
  /** It may be another one under other assumptions. */
  readonly varies: boolean;
  /** What it may take of the budget: one for the instruction, and ticks that it lets pass. */
  readonly cost: number;
  /** What it does to registers that regions keep, and to the flags. */
  readonly uses: readonly Use[];
  /** Vector registers among these. */
  readonly vectors: readonly string[];
  readonly flags: FlagEffect;
  /** Registers that its operands name, and what is known of instructions that differ in these only. */
  readonly slots: readonly string[];
  readonly pattern: Pattern;
}

/** What holds while a region runs, for it is compared when one is entered. */
export interface Assumptions {
  readonly fpOn: boolean;
  readonly fpcr: number;
  /** Vector registers may be longer than 128 bits: what is written to V[n] zeroes the rest of Z[n]. */
  readonly sve: boolean;
  /** FPSR.IXC is set, so that inexact results change nothing; else they are the interpreter's. */
  readonly ixc: boolean;
  /** Bits of SP that must be zero where it is used as an address. */
  readonly spMask: number;
  /** The address space has the flat pages (cpu/flat.ts). */
  readonly flat: boolean;
  /** The code lies in guarded pages: where indirect branches land is checked. */
  readonly guarded: boolean;
}

/** How an exit node says: the interpreter is to run this instruction. */
export const INTERPRET = 'interpret';
export const STOP: Lifted = {
  key: '', block: () => [], flow: 'stop', distance: 0, links: false, jumps: false, fp: false, inexact: false, sp: false, varies: false,
  cost: 1, uses: [], vectors: [], flags: { made: 0, keeps: true }, slots: [], pattern: { readsFlags: false, phrases: [], unfit: false },
}; // biome-ignore format: a table

interface Named {
  readonly slot: string;
}
export const named = (slot: string): Named => ({ slot });
const GENERAL: readonly Named[] = Array.from({ length: 31 }, (_, n) => named(`X${n}`));
const VECTOR: readonly Named[] = Array.from({ length: 32 }, (_, n) => named(`V${n}`));
const [ZERO, SINK, SP] = ['ZERO', 'SINK', 'SP'].map(named) as [Named, Named, Named];
const V = 'V'.charCodeAt(0);

export function placeOf(o: Extract<Operand, { field: string }>, fields: FieldValues): Named {
  const n = (fields[o.field]! + o.add) & 31;
  if (o.kind === 'v') return VECTOR[n]!;
  if (n < 31) return GENERAL[n]!;
  return o.kind === 'xr' ? ZERO : o.kind === 'xw' ? SINK : SP;
}

/** Thrown at what regions cannot do. */
class NotForRegions extends Error {}
const NOT = new NotForRegions();

class Lifter {
  readonly ir = new IrBuilder();
  fp = false;
  sp = false;
  inexact = false;
  flow: Flow = 'next';
  links = false;
  jumps = false;
  private readonly operands: readonly Operand[];
  private readonly fields: FieldValues;
  private readonly known: Assumptions;
  /** By the number of the node that they were made of. */
  private readonly nodes: ValueNode[] = [];
  private readonly locals: { get(): ValueNode; set(value: Node): void }[] = [];
  /** State has been changed: from here on the instruction must come to its end. */
  private written = false;
  private readsFpsr = false;
  cost = 1;

  constructor(operands: readonly Operand[], fields: FieldValues, known: Assumptions) {
    this.operands = operands;
    this.fields = fields;
    this.known = known;
  }

  private place(place: Place): Named {
    if ('slot' in place) return place;
    const o = this.operands[place.operand]!;
    if (!('field' in o)) throw NOT;
    return placeOf(o, this.fields);
  }
  private immediate(i: number): number | bigint {
    const o = this.operands[i]!;
    if ('field' in o) throw NOT;
    return o.value(this.fields);
  }
  /** Before anything has been changed, the instruction can be left to the interpreter. */
  private mayLeave(): void {
    if (this.written) throw NOT;
  }
  private interpret(): void {
    this.mayLeave();
    if (this.ir.depth === 0) throw NOT;
    this.ir.add('exit', [], INTERPRET);
  }

  /** @returns false when control does not reach the end */
  walk(block: Block): boolean {
    for (let i = 0; i < block.length; i++) if (!this.node(block[i]!)) return false;
    return true;
  }
  private args(n: Node): Node[] {
    const args: Node[] = [];
    for (let i = 0; i < n.args.length; i++) args.push(this.nodes[n.args[i]!.id]!);
    return args;
  }
  private add(n: Node, attr: unknown = n.attr): void {
    this.nodes[n.id] = this.ir.again(n, this.args(n), attr);
  }
  private node(n: Node): boolean {
    const { ir } = this;
    if (n.row.plain) {
      this.add(n);
      return true;
    }
    switch (n.op) {
      case 'imm.i32':
      case 'imm.i64':
        this.nodes[n.id] = ir.const(n.op === 'imm.i32' ? 'i32' : 'i64', this.immediate(n.attr));
        return true;
      case 'get.i32':
      case 'get.i64':
      case 'get.v128': {
        const place = this.place(n.attr);
        const { slot } = place;
        if (slot.charCodeAt(0) === V) this.fp = true;
        if (slot === 'FPSR') this.readsFpsr = true;
        const value = this.constant(slot);
        if (value !== undefined && n.ty !== 'v128') this.nodes[n.id] = ir.const(n.ty as 'i32' | 'i64', value);
        else this.add(n, place);
        return true;
      }
      case 'set.i32':
      case 'set.i64':
      case 'set.v128': {
        const place = this.place(n.attr);
        const { slot } = place;
        if (slot.charCodeAt(0) === V) this.fp = true;
        // Where PACM came before, the instruction is the interpreter's.
        if (slot === 'PACM') {
          this.interpret();
          return false;
        }
        // Inexact stays set while a region runs.
        if (slot === 'FPSR' && !this.readsFpsr) throw NOT;
        if (slot === 'BUDGET') this.cost += WAIT_TICKS;
        this.written = true;
        if (slot !== 'SINK') this.add(n, place);
        return true;
      }
      case 'local.new.i32':
      case 'local.new.i64':
      case 'local.new.v128':
        this.locals[n.attr.id] = ir.local(this.nodes[n.args[0]!.id]!);
        return true;
      case 'local.set.i32':
      case 'local.set.i64':
      case 'local.set.v128':
        this.locals[n.attr.id]!.set(this.nodes[n.args[0]!.id]!);
        return true;
      case 'local.get.i32':
      case 'local.get.i64':
      case 'local.get.v128':
        this.nodes[n.id] = this.locals[n.attr.id]!.get();
        return true;
      case 'if':
        return this.ifElse(n, this.nodes[n.args[0]!.id]!);
      case 'adc.i32':
      case 'adc.i64':
      case 'flags.nz.i32':
      case 'flags.nz.i64':
      case 'flags.set':
      case 'host.store8':
      case 'host.store16':
      case 'host.store32':
      case 'host.store64':
      case 'host.store128':
        this.written = true;
        this.add(n);
        return true;
      case 'mem.commit':
        this.add(n);
        return true;
      case 'mem.r':
      case 'mem.w':
      case 'mem.rw':
        this.mayLeave();
        this.add(n);
        return true;
      case 'fp':
      case 'fpv':
        this.mayLeave();
        this.fp = true;
        this.inexact = true;
        this.add(n);
        return true;
      case 'helper':
      case 'helperV':
        this.mayLeave();
        this.add(n);
        return true;
      case 'br':
        this.flow = ir.depth > 0 ? 'cond' : 'jump';
        this.add(n);
        return false;
      case 'br.to':
        if (ir.depth > 0) throw NOT;
        this.flow = 'indirect';
        this.links = n.attr === 'call';
        this.jumps = n.attr !== 'call' && n.attr !== 'return';
        this.add(n);
        return false;
      // Whatever changes what code is found leaves the region by itself.
      case 'resync':
        return true;
      case 'raise':
      case 'exit':
      case 'sys.read':
      case 'sys.write':
      case 'sys.op':
      case 'sys.imm':
        this.interpret();
        return false;
      case 'flags.get':
      case 'flags.carry':
      case 'flags.cond':
      case 'pc':
      case 'executed':
        this.add(n);
        return true;
      // Checked arithmetic is not compiled.
      case 'ptr.add':
        this.nodes[n.id] = ir.add('i64.add', this.args(n));
        return true;
      case 'ptr.check':
        this.nodes[n.id] = this.nodes[n.args[0]!.id]!;
        return true;
      default:
        // What is left computes or loads.
        if (n.row.effect !== 'pure' && n.row.effect !== 'read') throw NOT;
        this.add(n);
        return true;
    }
  }
  private ifElse(n: NodeOf<'if'>, condition: Node): boolean {
    const before = this.written;
    let after = before;
    const ends: boolean[] = [];
    const arm = (block: Block) => (): void => {
      this.written = before;
      ends.push(!this.walk(block));
      after ||= this.written;
    };
    this.ir.if(condition, arm(n.attr.yes), arm(n.attr.no));
    this.written = after;
    return !ends.every((x) => x) || ends.length === 0;
  }
  private constant(slot: string): number | bigint | undefined {
    if (slot === 'ZERO') return 0;
    if (slot === 'SP_MASK') {
      this.sp = true;
      return this.known.spMask;
    }
    if (slot === 'FPCR') {
      this.fp = true;
      return this.known.fpcr;
    }
    if (slot === 'FP_ON') {
      this.fp = true;
      return this.known.fpOn ? 1 : 0;
    }
    return undefined;
  }
}

export function lift(handler: Handler, fields: FieldValues, known: Assumptions): Lifted {
  const { operands, block } = handler.code;
  const lifter = new Lifter(operands, fields, known);
  try {
    lifter.walk(block);
  } catch (e) {
    if (!(e instanceof NotForRegions)) throw e;
    // It may be for a region once it does not trap any more.
    const { fp, sp } = lifter;
    return fp || sp ? { ...STOP, fp, sp, varies: true } : STOP;
  }
  const links = lifter.flow === 'jump' && block.some((n) => n.op === 'set.i64');
  const { nodes } = lifter.ir;
  const uses = usesOf(nodes);
  return {
    key: handler.key,
    block: () => nodes,
    flow: links ? 'call' : lifter.flow,
    distance: distanceOf(operands, fields),
    links: lifter.links,
    jumps: lifter.jumps,
    fp: lifter.fp,
    inexact: lifter.inexact,
    sp: lifter.sp,
    varies: lifter.fp || lifter.sp,
    cost: lifter.cost,
    uses,
    vectors: vectorsOf(uses),
    flags: flagEffectOf(nodes),
    slots: slotsOf(operands, fields),
    pattern: { readsFlags: readsFlags(nodes), phrases: [], unfit: false },
  };
}
export function distanceOf(operands: readonly Operand[], fields: FieldValues): number {
  for (const o of operands) if (o.kind === 'branch') return Number(o.value(fields)) / 4;
  return 0;
}
export function slotsOf(operands: readonly Operand[], fields: FieldValues): readonly string[] {
  const slots: string[] = [];
  for (let i = 0; i < operands.length; i++) {
    const o = operands[i]!;
    if ('field' in o) slots.push(placeOf(o, fields).slot);
  }
  return slots;
}
const readsFlags = (block: Block): boolean =>
  block.some(
    (n) =>
      n.op === 'flags.get' ||
      n.op === 'flags.carry' ||
      n.op === 'flags.cond' ||
      (n.op === 'if' && (readsFlags(n.attr.yes) || readsFlags(n.attr.no))),
  );
