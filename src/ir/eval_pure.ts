// What every computing operation means, slowly and obviously: i32 as a JavaScript integer, i64 and v128 as unsigned
// bigints, vectors lane by lane. Used by the evaluator and to fold constants.

import { type IntOp, LANE, type LaneOp, VECTOR, type VectorOp } from '../wasm/opcodes.ts';
import type { OwnOp, Ty } from './ops.ts';

/** i32: number -2^31..2^31-1; i64 and v128: bigint, unsigned. */
export type Value = number | bigint;

export function toValue(ty: Ty, v: number | bigint): Value {
  if (ty === 'i32') return typeof v === 'number' ? v | 0 : Number(BigInt.asIntN(32, v));
  return BigInt.asUintN(ty === 'i64' ? 64 : 128, BigInt(v));
}

const u64 = (v: bigint): bigint => BigInt.asUintN(64, v);
const s64 = (v: bigint): bigint => BigInt.asIntN(64, v);
const bool = (b: boolean): number => (b ? 1 : 0);

type Fn32 = (a: number, b: number) => number;
type Fn64 = (a: bigint, b: bigint) => Value;
type Pure = (attr: never, ...args: never[]) => Value;
/** The operations named `T.something`, without those that change the type: a missing one does not compile. */
type Named<T extends string> =
  Exclude<IntOp | Extract<OwnOp, `${T}.${'quot' | 'mulhi'}_${string}`>, `${string}_i${string}`> extends infer K
    ? K extends `${T}.${infer Name}`
      ? Name
      : never
    : never;

const ctz32 = (a: number): number => (a === 0 ? 32 : 31 - Math.clz32(a & -a));
function popcnt64(a: bigint): bigint {
  let n = 0n;
  for (let x = a; x !== 0n; x &= x - 1n) n++;
  return n;
}
const bitLength = (a: bigint): number => (a === 0n ? 0 : a.toString(2).length);
const rot64 = (a: bigint, n: bigint): bigint => u64((a << n) | (a >> (64n - n)));

const INT32: Readonly<Record<Named<'i32'>, Fn32>> = {
  eqz: (a) => bool(a === 0),
  eq: (a, b) => bool(a === b),
  ne: (a, b) => bool(a !== b),
  lt_s: (a, b) => bool(a < b),
  lt_u: (a, b) => bool(a >>> 0 < b >>> 0),
  gt_s: (a, b) => bool(a > b),
  gt_u: (a, b) => bool(a >>> 0 > b >>> 0),
  le_s: (a, b) => bool(a <= b),
  le_u: (a, b) => bool(a >>> 0 <= b >>> 0),
  ge_s: (a, b) => bool(a >= b),
  ge_u: (a, b) => bool(a >>> 0 >= b >>> 0),
  clz: (a) => Math.clz32(a),
  ctz: ctz32,
  popcnt: (a) => Number(popcnt64(BigInt(a >>> 0))),
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  mul: (a, b) => Math.imul(a, b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
  shr_s: (a, b) => a >> b,
  shr_u: (a, b) => (a >>> b) | 0,
  rotl: (a, b) => (a << b) | (b & 31 ? a >>> (32 - (b & 31)) : 0),
  rotr: (a, b) => (a >>> b) | (b & 31 ? a << (32 - (b & 31)) : 0),
  extend8_s: (a) => (a << 24) >> 24,
  extend16_s: (a) => (a << 16) >> 16,
  quot_u: (a, b) => (b === 0 ? 0 : Math.floor((a >>> 0) / (b >>> 0)) | 0),
  quot_s: (a, b) => (b === 0 ? 0 : Math.trunc(a / b) | 0),
};
const INT64: Readonly<Record<Named<'i64'>, Fn64>> = {
  eqz: (a) => bool(a === 0n),
  eq: (a, b) => bool(a === b),
  ne: (a, b) => bool(a !== b),
  lt_s: (a, b) => bool(s64(a) < s64(b)),
  lt_u: (a, b) => bool(a < b),
  gt_s: (a, b) => bool(s64(a) > s64(b)),
  gt_u: (a, b) => bool(a > b),
  le_s: (a, b) => bool(s64(a) <= s64(b)),
  le_u: (a, b) => bool(a <= b),
  ge_s: (a, b) => bool(s64(a) >= s64(b)),
  ge_u: (a, b) => bool(a >= b),
  clz: (a) => BigInt(64 - bitLength(a)),
  ctz: (a) => (a === 0n ? 64n : BigInt(bitLength(a & -a) - 1)),
  popcnt: (a) => popcnt64(a),
  add: (a, b) => u64(a + b),
  sub: (a, b) => u64(a - b),
  mul: (a, b) => u64(a * b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => u64(a << (b & 63n)),
  shr_s: (a, b) => u64(s64(a) >> (b & 63n)),
  shr_u: (a, b) => a >> (b & 63n),
  rotl: (a, b) => rot64(a, b & 63n),
  rotr: (a, b) => rot64(a, (64n - (b & 63n)) & 63n),
  extend8_s: (a) => u64(BigInt.asIntN(8, a)),
  extend16_s: (a) => u64(BigInt.asIntN(16, a)),
  extend32_s: (a) => u64(BigInt.asIntN(32, a)),
  quot_u: (a, b) => (b === 0n ? 0n : a / b),
  quot_s: (a, b) => (b === 0n ? 0n : u64(s64(a) / s64(b))),
  mulhi_u: (a, b) => (a * b) >> 64n,
  mulhi_s: (a, b) => u64((s64(a) * s64(b)) >> 64n),
};

// ---- vectors ------------------------------------------------------------------------------------------------------------

/** The lanes of a vector, lowest first, as unsigned numbers of `bits` bits. */
export function lanesOf(v: bigint, bits: number): bigint[] {
  return Array.from({ length: 128 / bits }, (_, i) => BigInt.asUintN(bits, v >> BigInt(i * bits)));
}
export function fromLanes(lanes: readonly bigint[], bits: number): bigint {
  let v = 0n;
  for (let i = lanes.length - 1; i >= 0; i--) v = (v << BigInt(bits)) | BigInt.asUintN(bits, lanes[i]!);
  return v;
}
const widthOf = (shape: string): number => (shape === 'v128' ? 128 : Number(shape.slice(1).split('x')[0]));
const clamp = (v: bigint, lo: bigint, hi: bigint): bigint => (v < lo ? lo : v > hi ? hi : v);
function saturate(v: bigint, bits: number, signed: boolean): bigint {
  const top = 1n << BigInt(signed ? bits - 1 : bits);
  return clamp(v, signed ? -top : 0n, top - 1n);
}

const smaller = (a: bigint, b: bigint): bigint => (a - b < 0n ? a : b);

type LaneFn = (a: bigint, b: bigint, bits: number) => bigint;
const allOnes = (b: boolean): bigint => (b ? -1n : 0n);
/** Operations on lanes that are signed numbers (names with _s), unsigned (_u) or either. */
const LANEWISE: Readonly<Record<string, LaneFn>> = {
  eq: (a, b) => allOnes(a === b),
  ne: (a, b) => allOnes(a !== b),
  lt: (a, b) => allOnes(a < b),
  gt: (a, b) => allOnes(a > b),
  le: (a, b) => allOnes(a <= b),
  ge: (a, b) => allOnes(a >= b),
  and: (a, b) => a & b,
  andnot: (a, b) => a & ~b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  not: (a) => ~a,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  min: smaller,
  max: (a, b) => a + b - smaller(a, b),
  avgr: (a, b) => (a + b + 1n) >> 1n,
  neg: (a) => -a,
  popcnt: (a, _b, bits) => popcnt64(BigInt.asUintN(bits, a)),
};

/** The function of a vector operation, made from its name. */
function vectorFn(name: VectorOp): Pure {
  const [shape, full] = name.split('.') as [string, string];
  const bits = widthOf(shape);
  const signed = full.endsWith('_s');
  const op = full.replace(/_[su]$/, '');
  const num = (x: bigint, width: number): bigint => (signed ? BigInt.asIntN(width, x) : x);
  const read = (v: bigint, width: number): bigint[] => lanesOf(v, width).map((x) => num(x, width));
  const map2 = (f: LaneFn) => (a: bigint, b: bigint) => {
    const [x, y] = [read(a, bits), b === undefined ? [] : read(b, bits)];
    return fromLanes(
      x.map((e, i) => f(e, y[i] ?? 0n, bits)),
      bits,
    );
  };
  const run = vectorSpecial(op, bits, signed, read) ?? map2(LANEWISE[op]!);
  return ((_attr: undefined, ...args: never[]) => (run as (...a: never[]) => Value)(...args)) as Pure;
}

function vectorSpecial(
  op: string,
  bits: number,
  signed: boolean,
  read: (v: bigint, width: number) => bigint[],
): ((a: never, b: never, c: never) => Value) | undefined {
  const half = bits / 2;
  const part = (v: bigint): bigint[] => {
    const lanes = read(v, half);
    return op.includes('_high_') ? lanes.slice(lanes.length / 2) : lanes.slice(0, lanes.length / 2);
  };
  const pairs = (lanes: bigint[], f: (a: bigint, b: bigint) => bigint): bigint[] =>
    lanes.filter((_, i) => i % 2 === 0).map((x, i) => f(x, lanes[2 * i + 1]!));
  if (op === 'splat') return (a: Value) => fromLanes(Array<bigint>(128 / bits).fill(BigInt(a)), bits);
  if (op === 'swizzle') {
    return (a: bigint, b: bigint) => {
      const bytes = lanesOf(a, 8);
      return fromLanes(
        lanesOf(b, 8).map((i) => bytes[Number(i)] ?? 0n),
        8,
      );
    };
  }
  if (op === 'bitselect') return (a: bigint, b: bigint, mask: bigint) => (a & mask) | BigInt.asUintN(128, b & ~mask);
  if (op === 'any_true') return (a: bigint) => bool(a !== 0n);
  if (op === 'all_true') return (a: bigint) => bool(lanesOf(a, bits).every((x) => x !== 0n));
  if (op === 'bitmask') {
    return (a: bigint) => lanesOf(a, bits).reduce((m, x, i) => m | (Number(x >> BigInt(bits - 1)) << i), 0);
  }
  if (op === 'abs') {
    return (a: bigint) =>
      fromLanes(
        lanesOf(a, bits).map((x) => (BigInt.asIntN(bits, x) < 0n ? -x : x)),
        bits,
      );
  }
  if (op === 'shl' || op === 'shr') {
    return (a: bigint, amount: number) => {
      const n = BigInt(amount & (bits - 1));
      return fromLanes(
        read(a, bits).map((x) => (op === 'shl' ? x << n : x >> n)),
        bits,
      );
    };
  }
  if (op === 'add_sat' || op === 'sub_sat') {
    return (a: bigint, b: bigint) => {
      const y = read(b, bits);
      const sum = read(a, bits).map((x, i) => (op === 'add_sat' ? x + y[i]! : x - y[i]!));
      return fromLanes(
        sum.map((x) => saturate(x, bits, signed)),
        bits,
      );
    };
  }
  if (op === 'q15mulr_sat') {
    return (a: bigint, b: bigint) => {
      const y = read(b, bits);
      return fromLanes(
        read(a, bits).map((x, i) => saturate((x * y[i]! + 0x4000n) >> 15n, 16, true)),
        bits,
      );
    };
  }
  if (op.startsWith('narrow')) {
    // The sources are read as signed whatever the result is.
    const wide = (v: bigint): bigint[] => lanesOf(v, 2 * bits).map((x) => BigInt.asIntN(2 * bits, x));
    return (a: bigint, b: bigint) =>
      fromLanes(
        [...wide(a), ...wide(b)].map((x) => saturate(x, bits, signed)),
        bits,
      );
  }
  if (op.startsWith('extend')) return (a: bigint) => fromLanes(part(a), bits);
  if (op.startsWith('extmul')) {
    return (a: bigint, b: bigint) => {
      const y = part(b);
      return fromLanes(
        part(a).map((x, i) => x * y[i]!),
        bits,
      );
    };
  }
  if (op.startsWith('extadd'))
    return (a: bigint) =>
      fromLanes(
        pairs(read(a, half), (x, y) => x + y),
        bits,
      );
  if (op.startsWith('dot')) {
    return (a: bigint, b: bigint) => {
      const y = read(b, half);
      return fromLanes(
        pairs(
          read(a, half).map((x, i) => x * y[i]!),
          (p, q) => p + q,
        ),
        bits,
      );
    };
  }
  return undefined;
}

function laneFn(name: LaneOp): Pure {
  const [shape, op] = name.split('.') as [string, string];
  const bits = widthOf(shape);
  const result = bits === 64 ? 'i64' : 'i32';
  if (op === 'replace_lane') {
    return ((lane: number, v: bigint, x: Value) => {
      const lanes = lanesOf(v, bits);
      lanes[lane] = BigInt(x);
      return fromLanes(lanes, bits);
    }) as Pure;
  }
  return ((lane: number, v: bigint) => {
    const x = lanesOf(v, bits)[lane]!;
    return toValue(result, op.endsWith('_s') ? BigInt.asIntN(bits, x) : x);
  }) as Pure;
}

// ---- everything pure -------------------------------------------------------------------------------------------------------

const SPECIAL: Readonly<Record<Extract<IntOp, `${string}_i${string}`> | 'i8x16.shuffle' | `${Ty}.select`, Pure>> = {
  'i32.wrap_i64': ((_: undefined, a: bigint) => Number(BigInt.asIntN(32, a))) as Pure,
  'i64.extend_i32_s': ((_: undefined, a: number) => u64(BigInt(a))) as Pure,
  'i64.extend_i32_u': ((_: undefined, a: number) => BigInt(a >>> 0)) as Pure,
  'i32.select': ((_: undefined, c: number, a: Value, b: Value) => (c !== 0 ? a : b)) as Pure,
  'i64.select': ((_: undefined, c: number, a: Value, b: Value) => (c !== 0 ? a : b)) as Pure,
  'v128.select': ((_: undefined, c: number, a: Value, b: Value) => (c !== 0 ? a : b)) as Pure,
  'i8x16.shuffle': ((bytes: readonly number[], a: bigint, b: bigint) => {
    const all = [...lanesOf(a, 8), ...lanesOf(b, 8)];
    return fromLanes(
      bytes.map((i) => all[i]!),
      8,
    );
  }) as Pure,
};

function table(): Readonly<Record<string, Pure>> {
  const all: Record<string, Pure> = {};
  for (const [name, f] of Object.entries(INT32))
    all[`i32.${name}`] = ((_: undefined, a: number, b: number) => f(a, b)) as Pure;
  for (const [name, f] of Object.entries(INT64))
    all[`i64.${name}`] = ((_: undefined, a: bigint, b: bigint) => f(a, b)) as Pure;
  for (const name of Object.keys(VECTOR) as VectorOp[]) all[name] = vectorFn(name);
  for (const name of Object.keys(LANE) as LaneOp[]) all[name] = laneFn(name);
  return Object.assign(all, SPECIAL);
}
/** (attribute, arguments) -> value, for every pure operation but constants and operands. */
export const PURE: Readonly<Record<string, Pure>> = table();
