// One instruction as a region sees it: its IR with operands and what is known of the state put in, and what it does to the
// flow of control. An instruction that must ask the system, or that could leave after having changed something, is not
// for regions: the interpreter runs it.

import type { FieldValues } from '../arch/a64/encoding.ts';
import { IrBuilder } from '../ir/builder.ts';
import type { Block, Node, NodeOf, Place, ValueNode } from '../ir/ops.ts';
import type { Handler } from '../isa/handlers.ts';
import { WAIT_TICKS } from '../isa/inline_sysregs.ts';
import type { Operand } from '../isa/record.ts';

/** next: goes on; cond: may branch; jump: branches; call: branches and comes back; indirect: to an address; stop: not for regions. */
export type Flow = 'next' | 'cond' | 'jump' | 'call' | 'indirect' | 'stop';
export interface Lifted {
  readonly key: string;
  readonly block: Block;
  readonly flow: Flow;
  /** Of a branch, in instructions. */
  readonly distance: number;
  /** An indirect branch that leaves a return address; one that is neither that nor a return. */
  readonly links: boolean;
  readonly jumps: boolean;
  /** Uses FP or SIMD registers; the host's floating point, with results that may be inexact. */
  readonly fp: boolean;
  readonly inexact: boolean;
  /** What it may take of the budget: one for the instruction, and ticks that it lets pass. */
  readonly cost: number;
}

/** What holds while a region runs, for it is compared when one is entered. */
export interface Assumptions {
  readonly fpOn: boolean;
  readonly fpcr: number;
  /** Vector registers may be longer than 128 bits: what is written to V[n] zeroes the rest of Z[n]. */
  readonly sve: boolean;
  /** FPSR.IXC is set, so that inexact results change nothing; else they are the interpreter's. */
  readonly ixc: boolean;
  /** The code lies in guarded pages: where indirect branches land is checked. */
  readonly guarded: boolean;
}

/** How an exit node says: the interpreter is to run this instruction. */
export const INTERPRET = 'interpret';
export const STOP: Lifted = {
  key: '', block: [], flow: 'stop', distance: 0, links: false, jumps: false, fp: false, inexact: false, cost: 1,
}; // biome-ignore format: a table

/** Thrown at what regions cannot do. */
class NotForRegions extends Error {}
const NOT = new NotForRegions();

class Lifter {
  readonly ir = new IrBuilder();
  fp = false;
  inexact = false;
  flow: Flow = 'next';
  links = false;
  jumps = false;
  private readonly operands: readonly Operand[];
  private readonly fields: FieldValues;
  private readonly known: Assumptions;
  private readonly nodes = new Map<number, ValueNode>();
  private readonly locals = new Map<number, { get(): ValueNode; set(value: Node): void }>();
  /** State has been changed: from here on the instruction must come to its end. */
  private written = false;
  private readsFpsr = false;
  cost = 1;

  constructor(operands: readonly Operand[], fields: FieldValues, known: Assumptions) {
    this.operands = operands;
    this.fields = fields;
    this.known = known;
  }

  place(place: Place): string {
    if ('slot' in place) return place.slot;
    const o = this.operands[place.operand]!;
    if (!('field' in o)) throw NOT;
    const n = (this.fields[o.field]! + o.add) & 31;
    if (o.kind === 'v') return `V${n}`;
    if (n < 31) return `X${n}`;
    return o.kind === 'xr' ? 'ZERO' : o.kind === 'xw' ? 'SINK' : 'SP';
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
    for (const n of block) if (!this.node(n)) return false;
    return true;
  }
  private node(n: Node): boolean {
    const { ir } = this;
    const args = n.args.map((a) => this.nodes.get(a.id)!);
    const add = (attr: unknown = n.attr): void => {
      const made = (ir.add as (op: string, args: readonly Node[], attr: unknown) => ValueNode)(n.op, args, attr);
      if (n.ty !== 'void') this.nodes.set(n.id, made);
    };
    switch (n.op) {
      case 'imm.i32':
      case 'imm.i64':
        this.nodes.set(n.id, ir.const(n.op === 'imm.i32' ? 'i32' : 'i64', this.immediate(n.attr)));
        return true;
      case 'get.i32':
      case 'get.i64':
      case 'get.v128': {
        const slot = this.place(n.attr);
        if (slot.startsWith('V')) this.fp = true;
        if (slot === 'FPSR') this.readsFpsr = true;
        const value = this.constant(slot);
        if (value !== undefined && n.ty !== 'v128') this.nodes.set(n.id, ir.const(n.ty as 'i32' | 'i64', value));
        else add({ slot });
        return true;
      }
      case 'set.i32':
      case 'set.i64':
      case 'set.v128': {
        const slot = this.place(n.attr);
        if (slot.startsWith('V')) this.fp = true;
        // Where PACM came before, the instruction is the interpreter's.
        if (slot === 'PACM') {
          this.interpret();
          return false;
        }
        // Inexact stays set while a region runs.
        if (slot === 'FPSR' && !this.readsFpsr) throw NOT;
        if (slot === 'BUDGET') this.cost += WAIT_TICKS;
        this.written = true;
        if (slot !== 'SINK') add({ slot });
        return true;
      }
      case 'local.new.i32':
      case 'local.new.i64':
      case 'local.new.v128':
        this.locals.set(n.attr.id, ir.local(args[0]!));
        return true;
      case 'local.set.i32':
      case 'local.set.i64':
      case 'local.set.v128':
        this.locals.get(n.attr.id)!.set(args[0]!);
        return true;
      case 'local.get.i32':
      case 'local.get.i64':
      case 'local.get.v128':
        this.nodes.set(n.id, this.locals.get(n.attr.id)!.get());
        return true;
      case 'if':
        return this.ifElse(n, args[0]!);
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
        add();
        return true;
      case 'mem.commit':
        add();
        return true;
      case 'mem.r':
      case 'mem.w':
      case 'mem.rw':
        this.mayLeave();
        add();
        return true;
      case 'fp':
      case 'fpv':
        this.mayLeave();
        this.fp = true;
        this.inexact = true;
        add();
        return true;
      case 'helper':
      case 'helperV':
        this.mayLeave();
        add();
        return true;
      case 'br':
        this.flow = ir.depth > 0 ? 'cond' : 'jump';
        add();
        return false;
      case 'br.to':
        if (ir.depth > 0) throw NOT;
        this.flow = 'indirect';
        this.links = n.attr === 'call';
        this.jumps = n.attr !== 'call' && n.attr !== 'return';
        add();
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
        add();
        return true;
      // Checked arithmetic is not compiled.
      case 'ptr.add':
        this.nodes.set(n.id, ir.add('i64.add', args));
        return true;
      case 'ptr.check':
        this.nodes.set(n.id, args[0] as ValueNode);
        return true;
      default:
        if (!/^([if]\d+(x\d+)?|const|host|v128)\./.test(n.op)) throw NOT;
        add();
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
    if (e instanceof NotForRegions) return STOP;
    throw e;
  }
  const branch = operands.find((o) => o.kind === 'branch');
  const links = lifter.flow === 'jump' && block.some((n) => n.op === 'set.i64');
  return {
    key: handler.key,
    block: lifter.ir.nodes,
    flow: links ? 'call' : lifter.flow,
    distance: branch ? Number((branch as { value(f: FieldValues): bigint }).value(fields)) / 4 : 0,
    links: lifter.links,
    jumps: lifter.jumps,
    fp: lifter.fp,
    inexact: lifter.inexact,
    cost: lifter.cost,
  };
}
