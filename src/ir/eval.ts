// The reference evaluator: runs a list of nodes one by one over plain values. Slow and obvious; what it says is what
// the semantics mean. All state is behind Env. Knows no instruction set and no layout.

import { InternalError } from '../base/assert.ts';
import { conditionHolds } from './conditions.ts';
import { PURE, toValue, type Value } from './eval_pure.ts';
import {
  type Access,
  type AttrOf,
  type Block,
  type FpAttr,
  type Local,
  type Node,
  type NodeOf,
  OPS,
  type Op,
  type Place,
  type PointerOf,
  type PureOp,
  type Ty,
} from './ops.ts';

/** The four condition flags, negative in bit 3. */
export type Flags = number;

/** The state and the system that an evaluation works on. Methods that leave the instruction throw. */
export interface Env {
  /** The constant operand number `i` of this instruction. */
  operand(i: number): number | bigint;
  get(place: Place, ty: Ty): Value;
  set(place: Place, ty: Ty, value: Value): void;
  flags: Flags;
  readonly pc: bigint;
  /** Instructions of this run before the present one. */
  readonly executed: number;
  /** A sum as pointer arithmetic makes it. @arm PointerCheckAtEL */
  pointer(sum: bigint, base: bigint, of: PointerOf, overflow: boolean): bigint;
  /** @returns a host address good for `access.size` bytes. Throws for a fault. */
  probe(kind: 'r' | 'w' | 'rw', address: bigint, access: Access): number;
  load(host: number, bytes: number): bigint;
  store(host: number, bytes: number, value: bigint): void;
  commit(host: number): void;
  branch(target: bigint, kind: string): never;
  raise(ec: number, past: boolean, iss: number): never;
  exit(kind: string): never;
  resync(): never;
  sysRead(encoding: number): bigint;
  sysWrite(encoding: number, value: bigint): void;
  sysOp(encoding: number, value: bigint, isRead: boolean): bigint;
  sysImm(field: number, value: number): void;
  helper(name: string, args: readonly Value[]): Value;
  helperV(name: string, param: number, args: readonly bigint[]): bigint;
  fp(attr: FpAttr, args: readonly Value[]): Value;
  /** Throws for a fault. */
  routine(name: string, word: number): void;
}

/** a + b + carry and its flags. */
export function addWithCarry(a: bigint, b: bigint, carry: number, bits: number): { value: bigint; flags: Flags } {
  const sum = BigInt.asUintN(bits, a) + BigInt.asUintN(bits, b) + BigInt(carry);
  const signedSum = BigInt.asIntN(bits, a) + BigInt.asIntN(bits, b) + BigInt(carry);
  const value = BigInt.asUintN(bits, sum);
  const n = Number(value >> BigInt(bits - 1));
  return {
    value,
    flags:
      (n << 3) | (value === 0n ? 4 : 0) | (sum !== value ? 2 : 0) | (signedSum !== BigInt.asIntN(bits, value) ? 1 : 0),
  };
}
function signZero(value: bigint, bits: number): Flags {
  return (Number(BigInt.asUintN(bits, value) >> BigInt(bits - 1)) << 3) | (BigInt.asUintN(bits, value) === 0n ? 4 : 0);
}

class Run {
  readonly values = new Map<number, Value>();
  readonly locals = new Map<number, Value>();
  readonly env: Env;
  constructor(env: Env) {
    this.env = env;
  }
  arg(n: Node | undefined): Value {
    const v = n && this.values.get(n.id);
    if (v === undefined) throw new InternalError('a node is used before it is computed');
    return v;
  }
  block(nodes: Block): void {
    for (const n of nodes) {
      const pure = PURE[n.op];
      const v = pure
        ? pure(n.attr as never, ...(n.args.map((a) => this.arg(a)) as never[]))
        : (EFFECTS[n.op as EffectOp] as (r: Run, n: Node) => Value | undefined)(this, n);
      if (v !== undefined) this.values.set(n.id, v);
    }
  }
}

const big = (r: Run, n: Node | undefined): bigint => BigInt(r.arg(n));
const num = (r: Run, n: Node | undefined): number => Number(r.arg(n));

type TypedSuffix = `.${Ty}`;
type EffectOp = Exclude<Op, PureOp>;
type Effects = { readonly [K in EffectOp]: (r: Run, n: NodeOf<K>) => Value | undefined };

type Family<P extends string> = Extract<Op, `${P}${TypedSuffix}`>;
/** The same function for the typed members of a family: get.i32, get.i64, get.v128. */
function family<P extends string>(
  prefix: P,
  f: (r: Run, n: Node, ty: Ty) => Value | undefined,
): { readonly [K in Family<P>]: (r: Run, n: NodeOf<K>) => Value | undefined } {
  const out: Record<string, unknown> = {};
  for (const ty of ['i32', 'i64', 'v128'] as const) {
    if (`${prefix}.${ty}` in OPS) out[`${prefix}.${ty}`] = (r: Run, n: Node) => f(r, n, ty);
  }
  return out as { readonly [K in Family<P>]: (r: Run, n: NodeOf<K>) => Value | undefined };
}
type HostOp<D extends string> = Extract<Op, `host.${D}${number}`>;
function hostOps<D extends 'load' | 'store'>(direction: D): { readonly [K in HostOp<D>]: Effects[K] } {
  const out: Record<string, unknown> = {};
  for (const bits of [8, 16, 32, 64, 128]) {
    out[`host.${direction}${bits}`] = (r: Run, n: NodeOf<'host.load8'>): Value | undefined => {
      const at = num(r, n.args[0]) + n.attr;
      if (direction === 'load')
        return toValue(bits === 128 ? 'v128' : bits === 64 ? 'i64' : 'i32', r.env.load(at, bits / 8));
      r.env.store(at, bits / 8, BigInt.asUintN(bits, big(r, n.args[1])));
      return undefined;
    };
  }
  return out as { readonly [K in HostOp<D>]: Effects[K] };
}
const placeOf = (n: Node): Place => n.attr as AttrOf<'get.i32'>;
const localOf = (n: Node): Local => n.attr as AttrOf<'local.get.i32'>;
const setLocal = (r: Run, n: Node): undefined => {
  r.locals.set(localOf(n).id, r.arg(n.args[0]));
};
const probe =
  (kind: 'r' | 'w' | 'rw') =>
  (r: Run, n: NodeOf<'mem.r' | 'mem.w' | 'mem.rw'>): number =>
    r.env.probe(kind, big(r, n.args[0]), n.attr);
const adc =
  (bits: 32 | 64) =>
  (r: Run, n: Node): Value => {
    const { value, flags } = addWithCarry(big(r, n.args[0]), big(r, n.args[1]), num(r, n.args[2]), bits);
    r.env.flags = flags;
    return toValue(bits === 64 ? 'i64' : 'i32', value);
  };

const EFFECTS: Effects = {
  'const.i32': (_, n) => n.attr,
  'const.i64': (_, n) => n.attr,
  'const.v128': (_, n) => n.attr,
  'imm.i32': (r, n) => toValue('i32', r.env.operand(n.attr)),
  'imm.i64': (r, n) => toValue('i64', r.env.operand(n.attr)),
  ...family('get', (r, n, ty) => r.env.get(placeOf(n), ty)),
  ...family('set', (r, n, ty) => {
    r.env.set(placeOf(n), ty, r.arg(n.args[0]));
    return undefined;
  }),
  ...family('local.new', setLocal),
  ...family('local.set', setLocal),
  ...family('local.get', (r, n) => r.locals.get(localOf(n).id)),
  if: (r, n) => {
    r.block(num(r, n.args[0]) !== 0 ? n.attr.yes : n.attr.no);
    return undefined;
  },
  'adc.i32': adc(32),
  'adc.i64': adc(64),
  ...family('flags.nz', (r, n, ty) => {
    r.env.flags = signZero(big(r, n.args[0]), ty === 'i64' ? 64 : 32);
    return undefined;
  }),
  'flags.set': (r, n) => {
    r.env.flags = num(r, n.args[0]) & 15;
    return undefined;
  },
  'flags.get': (r) => r.env.flags,
  'flags.carry': (r) => (r.env.flags >> 1) & 1,
  'flags.cond': (r, n) => (conditionHolds(n.attr, r.env.flags) ? 1 : 0),
  pc: (r) => r.env.pc,
  executed: (r) => r.env.executed,
  'ptr.add': (r, n) => {
    const base = big(r, n.args[0]);
    return r.env.pointer(BigInt.asUintN(64, base + big(r, n.args[1])), base, n.attr, false);
  },
  'ptr.check': (r, n) => r.env.pointer(big(r, n.args[0]), big(r, n.args[1]), 'present', num(r, n.args[2]) !== 0),
  'mem.r': probe('r'),
  'mem.w': probe('w'),
  'mem.rw': probe('rw'),
  'mem.commit': (r, n) => {
    r.env.commit(num(r, n.args[0]));
    return undefined;
  },
  ...hostOps('load'),
  ...hostOps('store'),
  br: (r, n) => r.env.branch(r.env.pc + BigInt(r.env.operand(n.attr)), 'direct'),
  'br.to': (r, n) => r.env.branch(big(r, n.args[0]), n.attr),
  raise: (r, n) => r.env.raise(n.attr.ec, n.attr.past, num(r, n.args[0])),
  exit: (r, n) => r.env.exit(n.attr),
  fence: () => undefined,
  resync: (r) => r.env.resync(),
  'sys.read': (r, n) => r.env.sysRead(num(r, n.args[0])),
  'sys.write': (r, n) => {
    r.env.sysWrite(num(r, n.args[0]), big(r, n.args[1]));
    return undefined;
  },
  'sys.op': (r, n) => r.env.sysOp(num(r, n.args[0]), big(r, n.args[1]), n.attr),
  'sys.imm': (r, n) => {
    r.env.sysImm(num(r, n.args[0]), num(r, n.args[1]));
    return undefined;
  },
  helper: (r, n) =>
    toValue(
      n.attr.result,
      r.env.helper(
        n.attr.name,
        n.args.map((a) => r.arg(a)),
      ),
    ),
  helperV: (r, n) =>
    r.env.helperV(
      n.attr.name,
      n.attr.param,
      n.args.map((a) => big(r, a)),
    ),
  fp: (r, n) =>
    toValue(
      n.ty as Ty,
      r.env.fp(
        n.attr,
        n.args.map((a) => r.arg(a)),
      ),
    ),
  routine: (r, n) => {
    r.env.routine(n.attr, num(r, n.args[0]));
    return undefined;
  },
  fpv: (r, n) => {
    const { fp, count } = n.attr;
    const bits = BigInt(fp.fmt);
    let result = 0n;
    for (let i = 0; i < count; i++) {
      const at = BigInt(i) * bits;
      const lanes = n.args.map((a) => toValue(fp.fmt === 64 ? 'i64' : 'i32', BigInt.asUintN(fp.fmt, big(r, a) >> at)));
      let lane = BigInt(r.env.fp(fp, lanes));
      if (TESTS.has(fp.op)) lane = -lane; // 1 becomes all ones
      result |= BigInt.asUintN(fp.fmt, lane) << at;
    }
    return result;
  },
};
const TESTS: ReadonlySet<string> = new Set(['eq', 'ge', 'gt']);

/** Runs a block from its first node to its last, or until a method of `env` throws. */
export function evaluate(block: Block, env: Env): void {
  new Run(env).block(block);
}
