// Elements of Z registers and predicates as arrays, and the operand shapes that many SVE rows share. What happens to
// one element is said elsewhere (sve_ops.ts).

import type { Plan, SveMachine } from './sve_machine.ts';

const Z_STRIDE = 256;
const P_STRIDE = 32;
export const FFR = 16;

/** Elements in a room: numbers, or bigints of 64 bits. */
export interface Elements<T> {
  [i: number]: T;
}
const ROOMS = 6;
const rooms = <A>(make: () => A): readonly A[] => Array.from({ length: ROOMS }, make);
const NUMBERS = rooms(() => new Float64Array(Z_STRIDE));
const SIGNED = rooms(() => new BigInt64Array(Z_STRIDE / 8));
const UNSIGNED = rooms(() => new BigUint64Array(Z_STRIDE / 8));
const MASKS = rooms(() => new Uint8Array(Z_STRIDE));

/** Reads and writes elements of one size. A room (0..5) holds one register's worth; what it held before is gone. */
export interface Lanes<T> {
  /** Bits of an element, and log2 of its bytes. */
  readonly bits: number;
  readonly size: number;
  /** Elements of Z[n]. */
  read(room: number, n: number): Elements<T>;
  /** A room to fill. */
  room(room: number): Elements<T>;
  /** Writes Z[n]; values are taken modulo 2^bits. */
  write(n: number, from: Elements<T>): void;
  /** Any value as one of these: a number for up to 32 bits, a bigint for 64. */
  of(value: number | bigint): T;
}

class Narrow implements Lanes<number> {
  readonly bits: number;
  readonly size: number;
  private readonly m: SveMachine;
  private readonly kind: number;
  constructor(m: SveMachine, size: number, signed: boolean) {
    this.m = m;
    this.size = size;
    this.bits = 8 << size;
    this.kind = size * 2 + (signed ? 1 : 0);
  }
  read(room: number, n: number): Elements<number> {
    const { m, size } = this;
    const out = NUMBERS[room]!;
    const at = (m.z0 + n * Z_STRIDE) >>> size;
    const count = m.vl >>> size;
    // One loop for each type of array, so that each is compiled for its own.
    switch (this.kind) {
      case 0:
        for (let i = 0; i < count; i++) out[i] = m.u8[at + i]!;
        break;
      case 1:
        for (let i = 0; i < count; i++) out[i] = m.i8[at + i]!;
        break;
      case 2:
        for (let i = 0; i < count; i++) out[i] = m.u16[at + i]!;
        break;
      case 3:
        for (let i = 0; i < count; i++) out[i] = m.i16[at + i]!;
        break;
      case 4:
        for (let i = 0; i < count; i++) out[i] = m.u32[at + i]!;
        break;
      default:
        for (let i = 0; i < count; i++) out[i] = m.i32[at + i]!;
    }
    return out;
  }
  room(room: number): Elements<number> {
    return NUMBERS[room]!;
  }
  write(n: number, from: Elements<number>): void {
    const { m, size } = this;
    const at = (m.z0 + n * Z_STRIDE) >>> size;
    const count = m.vl >>> size;
    if (size === 0) for (let i = 0; i < count; i++) m.u8[at + i] = from[i]!;
    else if (size === 1) for (let i = 0; i < count; i++) m.u16[at + i] = from[i]!;
    else for (let i = 0; i < count; i++) m.u32[at + i] = from[i]!;
  }
  of(value: number | bigint): number {
    return Number(value);
  }
}
class Wide implements Lanes<bigint> {
  readonly bits = 64;
  readonly size = 3;
  private readonly m: SveMachine;
  private readonly signed: boolean;
  constructor(m: SveMachine, signed: boolean) {
    this.m = m;
    this.signed = signed;
  }
  read(room: number, n: number): Elements<bigint> {
    const { m } = this;
    const out = this.room(room) as BigInt64Array;
    const at = (m.z0 + n * Z_STRIDE) >>> 3;
    out.set((this.signed ? m.i64 : m.u64).subarray(at, at + (m.vl >>> 3)));
    return out;
  }
  room(room: number): Elements<bigint> {
    return (this.signed ? SIGNED : UNSIGNED)[room]!;
  }
  write(n: number, from: Elements<bigint>): void {
    const { m } = this;
    const at = (m.z0 + n * Z_STRIDE) >>> 3;
    const count = m.vl >>> 3;
    for (let i = 0; i < count; i++) m.u64[at + i] = from[i]!;
  }
  of(value: number | bigint): bigint {
    return BigInt(value);
  }
}

/** Elements of up to 32 bits. */
export function narrow(m: SveMachine, size: number, signed = false): Lanes<number> {
  return new Narrow(m, size, signed);
}
/** Elements of 64 bits. */
export function wide(m: SveMachine, signed = false): Lanes<bigint> {
  return new Wide(m, signed);
}

/** Elements of any width, where one code serves all. */
export type Value = number | bigint;
export function lanesOf(m: SveMachine, size: number, signed = false): { lanes: Lanes<Value>; of: (v: Value) => Value } {
  const lanes = (size < 3 ? narrow(m, size, signed) : wide(m, signed)) as unknown as Lanes<Value>;
  return { lanes, of: (v) => lanes.of(v) };
}
/** Writes the low element of Z[n] and zeroes the rest: the scalar register V[n]. */
export function writeScalar(m: SveMachine, n: number, size: number, value: bigint): void {
  const at = m.z0 + n * Z_STRIDE;
  m.u8.fill(0, at, at + m.vl);
  m.u64[at >>> 3] = BigInt.asUintN(8 << size, value);
}

// ---- predicates -------------------------------------------------------------------------------------------------------

/** P[n] as 0 or 1 for each element of that size, in one of six rooms. */
export function readMask(m: SveMachine, room: number, n: number, size: number): Uint8Array {
  const out = MASKS[room]!;
  const at = m.p0 + n * P_STRIDE;
  const count = m.vl >>> size;
  for (let i = 0; i < count; i++) {
    const bit = i << size;
    out[i] = (m.u8[at + (bit >>> 3)]! >>> (bit & 7)) & 1;
  }
  return out;
}
export function maskRoom(room: number): Uint8Array {
  return MASKS[room]!;
}
/** Writes P[n]: a bit for each element, zeroes between them. */
export function writeMask(m: SveMachine, n: number, size: number, from: Uint8Array): void {
  const at = m.p0 + n * P_STRIDE;
  m.u8.fill(0, at, at + (m.vl >>> 3));
  const count = m.vl >>> size;
  for (let i = 0; i < count; i++) {
    const bit = i << size;
    if (from[i]) m.u8[at + (bit >>> 3)]! |= 1 << (bit & 7);
  }
}
/** N: the first active element is true; Z: none is; C: the last is not; V = 0. @arm PredTest */
export function predTest(m: SveMachine, active: Uint8Array, result: Uint8Array, count: number): void {
  let first = -1;
  let last = 0;
  let any = false;
  for (let i = 0; i < count; i++) {
    if (!active[i]) continue;
    if (first < 0) first = result[i]!;
    last = result[i]!;
    any ||= last !== 0;
  }
  m.nzcv = (first === 1 ? 8 : 0) | (any ? 0 : 4) | (last ? 0 : 2);
}

// ---- operations on one element ------------------------------------------------------------------------------------------

/** A function of one, two, three elements; `bits` is the width of an element. */
export interface Op<N, W> {
  /** How elements are read. */
  readonly signed: boolean;
  /** For elements of 8, 16, 32 bits. */
  readonly n: N;
  /** For 64 bits. */
  readonly w: W;
}
export type F1<T> = (a: T, bits: number) => T;
export type F2<T> = (a: T, b: T, bits: number) => T;
export type F3<T> = (a: T, b: T, c: T, bits: number) => T;
export type Op1 = Op<F1<number>, F1<bigint>>;
export type Op2 = Op<F2<number>, F2<bigint>>;
export type Op3 = Op<F3<number>, F3<bigint>>;
/** An operation, or how to make it for a machine (floating point, which is bound to FPCR). */
export type Made<O> = O | ((m: SveMachine) => O);

function made<O extends object>(op: Made<O>, m: SveMachine): O {
  return typeof op === 'function' ? op(m) : op;
}
/** Runs `body` with the lanes and the function of the width that `size` says. */
export function choose1(m: SveMachine, size: number, op: Made<Op1>, body: <T>(l: Lanes<T>, g: F1<T>) => Plan): Plan {
  const o = made(op, m);
  return size < 3 ? body(narrow(m, size, o.signed), o.n) : body(wide(m, o.signed), o.w);
}
export function choose2(m: SveMachine, size: number, op: Made<Op2>, body: <T>(l: Lanes<T>, g: F2<T>) => Plan): Plan {
  const o = made(op, m);
  return size < 3 ? body(narrow(m, size, o.signed), o.n) : body(wide(m, o.signed), o.w);
}
export function choose3(m: SveMachine, size: number, op: Made<Op3>, body: <T>(l: Lanes<T>, g: F3<T>) => Plan): Plan {
  const o = made(op, m);
  return size < 3 ? body(narrow(m, size, o.signed), o.n) : body(wide(m, o.signed), o.w);
}
/** Elements of a register. */
export const countOf = (m: SveMachine, size: number): number => m.vl >>> size;

// ---- operand shapes -------------------------------------------------------------------------------------------------------

interface Unpredicated {
  readonly size: number;
  readonly Zd: number;
  readonly Zn: number;
}
interface Predicated {
  readonly size: number;
  readonly Pg: number;
}

/** Zd = f(Zn) */
export const unpredicated1 = (op: Made<Op1>) => (f: Unpredicated, m: SveMachine) =>
  choose1(m, f.size, op, (lanes, g) => () => {
    const a = lanes.read(0, f.Zn);
    for (let i = 0; i < countOf(m, f.size); i++) a[i] = g(a[i]!, lanes.bits);
    lanes.write(f.Zd, a);
  });
/** Zd = f(Zn, Zm) */
export const unpredicated2 = (op: Made<Op2>) => (f: Unpredicated & { readonly Zm: number }, m: SveMachine) =>
  choose2(m, f.size, op, (lanes, g) => () => {
    const [a, b] = [lanes.read(0, f.Zn), lanes.read(1, f.Zm)];
    for (let i = 0; i < countOf(m, f.size); i++) a[i] = g(a[i]!, b[i]!, lanes.bits);
    lanes.write(f.Zd, a);
  });
/** Zd = f(Zn) where Pg says so, Zd elsewhere */
export const merging1 = (op: Made<Op1>) => (f: Predicated & Unpredicated, m: SveMachine) =>
  choose1(m, f.size, op, (lanes, g) => () => {
    const [d, a] = [lanes.read(0, f.Zd), lanes.read(1, f.Zn)];
    const active = readMask(m, 0, f.Pg, f.size);
    for (let i = 0; i < countOf(m, f.size); i++) if (active[i]) d[i] = g(a[i]!, lanes.bits);
    lanes.write(f.Zd, d);
  });
/** Zdn = f(Zdn, Zm) where Pg says so */
export const merging2 =
  (op: Made<Op2>) => (f: Predicated & { readonly Zdn: number; readonly Zm: number }, m: SveMachine) =>
    choose2(m, f.size, op, (lanes, g) => () => {
      const [d, b] = [lanes.read(0, f.Zdn), lanes.read(1, f.Zm)];
      const active = readMask(m, 0, f.Pg, f.size);
      for (let i = 0; i < countOf(m, f.size); i++) if (active[i]) d[i] = g(d[i]!, b[i]!, lanes.bits);
      lanes.write(f.Zdn, d);
    });
/** Zda = f(Zda, Zn, Zm) */
export const accumulating =
  (op: Made<Op3>) =>
  (f: { readonly size: number; readonly Zda: number; readonly Zn: number; readonly Zm: number }, m: SveMachine) =>
    choose3(m, f.size, op, (lanes, g) => () => {
      const [d, a, b] = [lanes.read(0, f.Zda), lanes.read(1, f.Zn), lanes.read(2, f.Zm)];
      for (let i = 0; i < countOf(m, f.size); i++) d[i] = g(d[i]!, a[i]!, b[i]!, lanes.bits);
      lanes.write(f.Zda, d);
    });
/** f(c, a, b) of the registers that these fields name, into d where Pg says so. */
export const merging3 =
  (op: Made<Op3>, d: string, c: string, a: string, b: string) =>
  (f: Predicated & Readonly<Record<string, number>>, m: SveMachine) =>
    choose3(m, f.size, op, (lanes, g) => () => {
      const [x, y, z] = [lanes.read(1, f[c]!), lanes.read(2, f[a]!), lanes.read(3, f[b]!)];
      const out = lanes.read(0, f[d]!);
      const active = readMask(m, 0, f.Pg, f.size);
      for (let i = 0; i < countOf(m, f.size); i++) if (active[i]) out[i] = g(x[i]!, y[i]!, z[i]!, lanes.bits);
      lanes.write(f[d]!, out);
    });
