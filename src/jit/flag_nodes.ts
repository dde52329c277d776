// What the nodes of the IR that set and read flags become in a region.

import type { Emitter } from '../interp/emit.ts';
import { complementOf } from '../interp/emit_flags.ts';
import type { ReadFlags } from '../interp/emit_frame.ts';
import { type Flags, Kind } from '../interp/late_flags.ts';
import { constantOf } from '../ir/builder.ts';
import type { Block, Node, NodeOf } from '../ir/ops.ts';
import type { IntOp } from '../wasm/opcodes.ts';

type Adc = NodeOf<'adc.i32' | 'adc.i64'>;

/** What kind of flags an addition leaves, and the operands of it. */
function formOf(n: Adc): { readonly kind: Kind; readonly y: Node | bigint } {
  const is64 = n.op === 'adc.i64';
  const [, b, c] = n.args as [Node, Node, Node];
  const carry = constantOf(c);
  if (carry === 0) return { kind: is64 ? Kind.Add64 : Kind.Add32, y: b };
  if (carry !== 1) return { kind: Kind.Raw, y: b };
  const kind = is64 ? Kind.Sub64 : Kind.Sub32;
  const constant = constantOf(b);
  if (constant !== undefined) return { kind, y: BigInt.asUintN(is64 ? 64 : 32, ~BigInt(constant)) };
  const y = complementOf(b, is64 ? 'i64' : 'i32');
  return y ? { kind, y } : { kind: Kind.Raw, y: b };
}

/** What an instruction does to the flags: kinds that it may leave, and whether it may leave those before it. */
export interface FlagEffect {
  readonly made: number;
  readonly keeps: boolean;
}
/** Stands for the flags before an instruction. */
const BEFORE = 1 << 30;
export function flagEffectOf(block: Block): FlagEffect {
  const after = flagsAfterNodes(block, BEFORE);
  return { made: after & ~BEFORE, keeps: (after & BEFORE) !== 0 };
}
function flagsAfterNodes(block: Block, before: number): number {
  let kinds = before;
  for (let i = 0; i < block.length; i++) {
    const n = block[i]!;
    // Only these have an effect.
    if (n.row.effect !== 'write') continue;
    if (n.op === 'adc.i32' || n.op === 'adc.i64') kinds = 1 << formOf(n as Adc).kind;
    else if (n.op === 'flags.nz.i32' || n.op === 'flags.nz.i64') kinds = 1 << Kind.Nz;
    else if (n.op === 'flags.set') kinds = 1 << Kind.Raw;
    else if (n.op === 'if') kinds = flagsAfterNodes(n.attr.yes, kinds) | flagsAfterNodes(n.attr.no, kinds);
  }
  return kinds;
}
/** Kinds that are possible after instructions, given those before them. */
export function flagsAfter(code: readonly { readonly flags: FlagEffect }[], before: number): number {
  let kinds = before;
  for (let i = 0; i < code.length; i++) {
    const { made, keeps } = code[i]!.flags;
    kinds = keeps ? kinds | made : made;
  }
  return kinds;
}

export class FlagNodes {
  private readonly flags: Flags;
  constructor(flags: Flags) {
    this.flags = flags;
  }

  signZero(e: Emitter, n: NodeOf<'flags.nz.i32' | 'flags.nz.i64'>): void {
    e.value(n.args[0]);
    if (n.op === 'flags.nz.i32') e.code.op('i64.extend_i32_s');
    e.code.set(this.flags.a);
    this.flags.set(Kind.Nz);
  }
  setFlags(e: Emitter, n: NodeOf<'flags.set'>): void {
    e.value(n.args[0]);
    e.code.i32(15).op('i32.and').op('i64.extend_i32_u').set(this.flags.a);
    this.flags.set(Kind.Raw);
  }
  read(n: ReadFlags): void {
    if (n.op === 'flags.get') this.flags.nzcv();
    else if (n.op === 'flags.carry') this.flags.carry();
    else this.flags.condition(n.attr as number);
  }
  addWithCarry(e: Emitter, n: Adc): void {
    const { flags } = this;
    const { code, f } = e;
    const { kind, y } = formOf(n);
    if (kind === Kind.Raw) {
      this.general(e, n);
      return;
    }
    const narrow = n.op === 'adc.i32';
    const ty = narrow ? 'i32' : 'i64';
    const a = e.inLocal(n.args[0]!);
    const constant = typeof y === 'bigint' ? y : undefined;
    const b = constant === undefined ? e.inLocal(y as Node) : -1;
    const second = (): void => {
      if (constant === undefined) code.get(b);
      else if (narrow) code.i32(Number(BigInt.asIntN(32, constant)));
      else code.i64(constant);
    };
    const result = f.temp(ty);
    if (e.usesOf(n) > 0) {
      code.get(a);
      second();
      code.op(`${ty}.${kind === Kind.Sub64 || kind === Kind.Sub32 ? 'sub' : 'add'}`).set(result);
      e.define(n, result);
    }
    code.get(a);
    if (narrow) code.op('i64.extend_i32_u');
    code.set(flags.a);
    second();
    if (narrow) code.op('i64.extend_i32_u');
    code.set(flags.b);
    flags.set(kind);
  }
  /** The flags at once, as a number. */
  private general(e: Emitter, n: Adc): void {
    const { flags } = this;
    const { code, f } = e;
    const ty = n.op === 'adc.i64' ? 'i64' : 'i32';
    const op = (name: string) => code.op(`${ty}.${name}` as IntOp);
    const [a, b, c] = n.args.map((x) => e.inLocal(x)) as [number, number, number];
    const [sum, result] = [f.temp(ty), f.temp(ty)];
    code.get(a).get(b);
    op('add').tee(sum).get(c);
    if (ty === 'i64') code.op('i64.extend_i32_u');
    op('add').set(result);
    const sign = (): void => {
      if (ty === 'i64') code.i64(63n).op('i64.shr_u').op('i32.wrap_i64');
      else code.i32(31).op('i32.shr_u');
    };
    code.get(result);
    sign();
    code.i32(3).op('i32.shl').get(result);
    op('eqz').i32(2).op('i32.shl').op('i32.or');
    code.get(sum).get(a);
    op('lt_u').get(result).get(sum);
    op('lt_u').op('i32.or').i32(1).op('i32.shl').op('i32.or');
    code.get(a).get(result);
    op('xor').get(b).get(result);
    op('xor');
    op('and');
    sign();
    code.op('i32.or').op('i64.extend_i32_u').set(flags.a);
    flags.set(Kind.Raw);
    e.define(n, result);
  }
}
