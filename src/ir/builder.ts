// Builds lists of nodes: checks types at the door, folds constants, keeps program order. Knows the rows of ops.ts only.

import { InternalError } from '../base/assert.ts';
import { PURE, toValue, type Value } from './eval_pure.ts';
import { fpTypes } from './fp_ops.ts';
import { type AttrOf, type KnownOp, type Node, OPS, type Op, type Ty, type ValueNode } from './ops.ts';

function typesOf(op: Op, row: KnownOp, attr: unknown): { args: readonly Ty[]; result: Ty | 'void' } {
  if (op === 'fp') return fpTypes(attr as AttrOf<'fp'>);
  if (op === 'helper') return attr as AttrOf<'helper'>;
  return row;
}

/** The constant that a node is, or undefined. */
export function constantOf(n: Node): Value | undefined {
  return n.op === 'const.i32' || n.op === 'const.i64' || n.op === 'const.v128' ? n.attr : undefined;
}
const isConstant = (n: Node): boolean => n.op === 'const.i32' || n.op === 'const.i64' || n.op === 'const.v128';
const isConst = (n: Node, value: Value): boolean => constantOf(n) === value;

export class IrBuilder {
  private block: Node[] = [];
  /** How many `if` arms are open. */
  depth = 0;
  private nextId = 0;
  private nextLocal = 0;

  /** Everything built so far. */
  get nodes(): readonly Node[] {
    return this.block;
  }

  /** @returns the node. That of an operation without a value must not be used as an argument: it is refused. */
  add<K extends Op>(op: K, args: readonly Node[], ...attr: AttrOf<K> extends undefined ? [] : [AttrOf<K>]): ValueNode {
    return this.make(op, OPS[op], args, attr[0]);
  }
  /** The same node with other arguments, or another attribute. */
  again(n: Node, args: readonly Node[], attr: unknown = n.attr): ValueNode {
    return this.make(n.op, n.row, args, attr);
  }
  private make(op: Op, row: KnownOp, args: readonly Node[], attr: unknown): ValueNode {
    const types = typesOf(op, row, attr);
    if (op !== 'helperV' && op !== 'fpv') {
      // Every instruction that is met comes through here: texts are made only when something is wrong.
      if (types.args.length !== args.length)
        throw new InternalError(`${op} takes ${types.args.length} arguments, not ${args.length}`);
      for (let i = 0; i < args.length; i++) {
        if (args[i]!.ty !== types.args[i])
          throw new InternalError(`argument ${i} of ${op} is ${args[i]!.ty}, not ${types.args[i]}`);
      }
    }
    if (row.effect === 'pure' && args.length > 0) {
      const simpler = this.fold(op, args, attr);
      if (simpler) return simpler;
    }
    const node = { id: this.nextId++, op, row, ty: types.result, args, attr } as unknown as ValueNode;
    this.block.push(node);
    return node;
  }

  const(ty: Ty, value: number | bigint): ValueNode {
    const v = toValue(ty, value);
    if (ty === 'i32') return this.add('const.i32', [], v as number);
    return ty === 'i64' ? this.add('const.i64', [], v as bigint) : this.add('const.v128', [], v as bigint);
  }

  if(condition: Node, then: () => void, otherwise?: () => void): void {
    const c = constantOf(condition);
    if (c !== undefined) {
      if (c !== 0) then();
      else otherwise?.();
      return;
    }
    const outer = this.block;
    const arm = (build: (() => void) | undefined): Node[] => {
      this.block = [];
      this.depth++;
      build?.();
      this.depth--;
      return this.block;
    };
    const attr = { yes: arm(then), no: arm(otherwise) };
    this.block = outer;
    this.add('if', [condition], attr);
  }

  local(initial: ValueNode): { get(): ValueNode; set(value: Node): void } {
    const { ty } = initial;
    const local = { id: this.nextLocal++, ty };
    this.add(`local.new.${ty}`, [initial], local);
    return {
      get: () => this.add(`local.get.${ty}`, [], local),
      set: (value) => {
        this.add(`local.set.${ty}`, [value], local);
      },
    };
  }

  /** Constants of constants, and the few identities that semantics written for the general case produce often. */
  private fold(op: Op, args: readonly Node[], attr: unknown): ValueNode | undefined {
    let constants = 0;
    for (let i = 0; i < args.length; i++) if (isConstant(args[i]!)) constants++;
    if (constants === 0) return undefined;
    if (constants === args.length) {
      const pure = (PURE as Readonly<Record<string, (attr: never, ...args: never[]) => Value>>)[op];
      if (!pure) return undefined;
      const value = pure(attr as never, ...(args.map(constantOf) as never[]));
      return this.const(OPS[op].result as Ty, value);
    }
    const [a, b] = args as [ValueNode, ValueNode];
    const zero = a.ty === 'i64' ? 0n : 0;
    switch (op) {
      case 'i32.add':
      case 'i64.add':
      case 'i32.or':
      case 'i64.or':
      case 'i32.xor':
      case 'i64.xor':
        return isConst(b, zero) ? a : isConst(a, zero) ? b : undefined;
      case 'i32.sub':
      case 'i64.sub':
      case 'i32.shl':
      case 'i64.shl':
      case 'i32.shr_u':
      case 'i64.shr_u':
      case 'i32.shr_s':
      case 'i64.shr_s':
      case 'i32.rotr':
      case 'i64.rotr':
        return isConst(b, zero) ? a : undefined;
      case 'i32.select':
      case 'i64.select':
      case 'v128.select': {
        const c = constantOf(a);
        return c === undefined ? undefined : ((c !== 0 ? args[1] : args[2]) as ValueNode);
      }
      default:
        return undefined;
    }
  }
}
