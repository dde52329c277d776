// What a Linux ABI structure and an ioctl number are made of. A structure is a row of fields; offsets, padding and
// size follow from natural alignment (LP64, little-endian), and the size is written once more so that a wrong row
// throws when it is loaded. Knows nothing of KVM's meaning, of memory or of file descriptors.

import { InternalError } from '../base/assert.ts';

export type Scalar = 'u8' | 's8' | 'u16' | 's16' | 'u32' | 's32' | 'u64' | 's64';
export type FieldType = Scalar | `${Scalar}[${number}]` | Struct;

/**
 * How a value is to be read by people. `hex` and `ptr` are numbers; `fd` a file descriptor; `reg` a register id of
 * KVM_GET_ONE_REG; `flags:NAME` and `enum:NAME` name a table of constants.ts; `pad` is left out while it is zero.
 */
export type Meaning = 'dec' | 'hex' | 'ptr' | 'fd' | 'reg' | 'pad' | `flags:${string}` | `enum:${string}`;

export interface Field<T extends FieldType = FieldType> {
  readonly type: T;
  readonly meaning: Meaning;
}
export type FieldRow = FieldType | Field;
export type FieldRows = Readonly<Record<string, FieldRow>>;

/** A field with a meaning other than the plain number. */
export function as<const T extends FieldType>(type: T, meaning: Meaning): Field<T> {
  return { type, meaning };
}

type TypeOfRow<R> = R extends Field<infer T> ? T : R;
type ScalarValue<T> = T extends 'u64' | 's64' ? bigint : number;
type Value<T> =
  T extends Scalar ? ScalarValue<T>
  : T extends `u8[${number}]` ? Uint8Array
  : T extends `${infer S}[${number}]` ? ScalarValue<S>[]
  : T extends Struct<infer F> ? StructValue<F>
  : never;
export type StructValue<F> = { -readonly [K in keyof F]: Value<TypeOfRow<F[K]>> };
/** The value of a structure: u64 and s64 are bigint, u8[n] is bytes, other arrays are arrays. */
export type ValueOf<S> = S extends Struct<infer F> ? StructValue<F> : never;
/** What encode takes: anything left out is zero. */
export type PartialValue<F> = {
  readonly [K in keyof F]?: TypeOfRow<F[K]> extends Struct<infer G> ? PartialValue<G> : Readonly<Value<TypeOfRow<F[K]>>>;
};

export interface FieldLayout {
  readonly name: string;
  readonly offset: number;
  readonly meaning: Meaning;
  readonly scalar: Scalar | undefined;
  readonly struct: Struct | undefined;
  /** Number of elements; undefined for a single value. */
  readonly count: number | undefined;
  readonly size: number;
}
export interface Struct<F = unknown> {
  /** Size in bytes, as the kernel's sizeof. */
  readonly size: number;
  readonly align: number;
  readonly layout: readonly FieldLayout[];
  /** Carries the type only; never present. */
  readonly fields?: F;
}

const SCALAR_SIZE: Readonly<Record<Scalar, number>> = { u8: 1, s8: 1, u16: 2, s16: 2, u32: 4, s32: 4, u64: 8, s64: 8 };

function layoutField(name: string, row: FieldRow): Omit<FieldLayout, 'offset'> & { align: number } {
  const spec = typeof row === 'object' && 'meaning' in row ? row : { type: row, meaning: 'dec' as const };
  const type = spec.type;
  if (typeof type === 'object') {
    return { name, meaning: spec.meaning, scalar: undefined, struct: type, count: undefined, size: type.size, align: type.align };
  }
  const m = /^([us]\d+)(?:\[(\d+)\])?$/.exec(type);
  const scalar = m?.[1] as Scalar | undefined;
  const one = scalar && SCALAR_SIZE[scalar];
  if (!one) throw new InternalError(`field ${name}: no type ${type}`);
  const count = m?.[2] === undefined ? undefined : Number(m[2]);
  return { name, meaning: spec.meaning, scalar, struct: undefined, count, size: one * (count ?? 1), align: one };
}

/**
 * A structure of `size` bytes with the given fields in order.
 * @throws InternalError where the rows do not add up to `size`
 */
export function struct<const F extends FieldRows>(size: number, rows: F): Struct<F> {
  const layout: FieldLayout[] = [];
  let at = 0;
  let align = 1;
  for (const [name, row] of Object.entries(rows)) {
    const { align: a, ...f } = layoutField(name, row);
    at = Math.ceil(at / a) * a;
    align = Math.max(align, a);
    layout.push({ ...f, offset: at });
    at += f.size;
  }
  const total = Math.ceil(at / align) * align;
  if (total !== size) throw new InternalError(`struct of ${Object.keys(rows).join(', ')}: ${total} bytes, not ${size}`);
  return { size, align, layout };
}

/** The byte offset of a field. */
export function offsetOf<F>(s: Struct<F>, name: keyof F & string): number {
  const f = s.layout.find(x => x.name === name);
  if (!f) throw new InternalError(`no field ${name}`);
  return f.offset;
}

const READ: Readonly<Record<Scalar, (v: DataView, at: number) => number | bigint>> = {
  u8: (v, at) => v.getUint8(at),
  s8: (v, at) => v.getInt8(at),
  u16: (v, at) => v.getUint16(at, true),
  s16: (v, at) => v.getInt16(at, true),
  u32: (v, at) => v.getUint32(at, true),
  s32: (v, at) => v.getInt32(at, true),
  u64: (v, at) => v.getBigUint64(at, true),
  s64: (v, at) => v.getBigInt64(at, true),
};
const WRITE: Readonly<Record<Scalar, (v: DataView, at: number, x: number | bigint) => void>> = {
  u8: (v, at, x) => v.setUint8(at, Number(x)),
  s8: (v, at, x) => v.setInt8(at, Number(x)),
  u16: (v, at, x) => v.setUint16(at, Number(x), true),
  s16: (v, at, x) => v.setInt16(at, Number(x), true),
  u32: (v, at, x) => v.setUint32(at, Number(x), true),
  s32: (v, at, x) => v.setInt32(at, Number(x), true),
  u64: (v, at, x) => v.setBigUint64(at, BigInt.asUintN(64, BigInt(x)), true),
  s64: (v, at, x) => v.setBigInt64(at, BigInt.asIntN(64, BigInt(x)), true),
};

function read(s: Struct, v: DataView, base: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const f of s.layout) {
    const at = base + f.offset;
    if (f.struct) out[f.name] = read(f.struct, v, at);
    else if (f.count === undefined) out[f.name] = READ[f.scalar!](v, at);
    else if (f.scalar === 'u8') out[f.name] = new Uint8Array(v.buffer, v.byteOffset + at, f.count).slice();
    else out[f.name] = readArray(f.scalar!, f.count, v, at);
  }
  return out;
}
/** A loop, because registers of debugging programs come by hundreds with every step. */
function readArray(scalar: Scalar, count: number, v: DataView, at: number): (number | bigint)[] {
  const get = READ[scalar];
  const out: (number | bigint)[] = [];
  for (let i = 0; i < count; i++) out.push(get(v, at + i * SCALAR_SIZE[scalar]));
  return out;
}
function write(s: Struct, v: DataView, base: number, value: Readonly<Record<string, unknown>>): void {
  for (const f of s.layout) {
    const x = value[f.name];
    if (x === undefined) continue;
    const at = base + f.offset;
    if (f.struct) {
      write(f.struct, v, at, x as Record<string, unknown>);
      continue;
    }
    const put = WRITE[f.scalar!];
    if (f.count === undefined) {
      put(v, at, x as number | bigint);
      continue;
    }
    let i = 0;
    for (const e of x as Iterable<number | bigint>) {
      if (i === f.count) throw new InternalError(`${f.name} has ${f.count} elements`);
      put(v, at + i++ * SCALAR_SIZE[f.scalar!], e);
    }
  }
}
function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads a structure out of `bytes`, which must hold `size` bytes from `offset`. */
export function decode<F>(s: Struct<F>, bytes: Uint8Array, offset = 0): StructValue<F> {
  return read(s, viewOf(bytes), offset) as StructValue<F>;
}
/** The bytes of a structure. Fields left out, and padding, are zero. */
export function encode<F>(s: Struct<F>, value: PartialValue<F>): Uint8Array {
  const bytes = new Uint8Array(s.size);
  write(s, viewOf(bytes), 0, value as Readonly<Record<string, unknown>>);
  return bytes;
}
/** Writes the given fields into `bytes` and leaves the others as they are. */
export function patch<F>(s: Struct<F>, bytes: Uint8Array, value: PartialValue<F>, offset = 0): void {
  write(s, viewOf(bytes), offset, value as Readonly<Record<string, unknown>>);
}

/** The kinds of file that take KVM ioctls. */
export type FdKind = 'system' | 'vm' | 'vcpu' | 'device';
type Dir = 'none' | 'write' | 'read' | 'readwrite';
const DIR_BITS: Readonly<Record<Dir, number>> = { none: 0, write: 1, read: 2, readwrite: 3 };

export interface Ioctl<K extends FdKind = FdKind> {
  /** The request number: dir<31:30> size<29:16> type<15:8> nr<7:0>. */
  readonly cmd: number;
  /** The files on which arm64's KVM answers it. Empty: known by name, refused everywhere. */
  readonly on: readonly K[];
  /** The argument, where it points to a structure. */
  readonly arg: Struct | undefined;
  /** The kernel writes the structure back. */
  readonly out: boolean;
}

function ioctl<const K extends FdKind>(on: readonly K[], dir: Dir, nr: number, arg: Struct | undefined, out: boolean): Ioctl<K> {
  const size = arg?.size ?? 0;
  return { cmd: ((DIR_BITS[dir] << 30) | (size << 16) | (KVMIO << 8) | nr) >>> 0, on, arg, out };
}
/** The ioctl type byte of KVM. */
export const KVMIO = 0xae;
export const io = <const K extends FdKind>(on: readonly K[], nr: number): Ioctl<K> => ioctl(on, 'none', nr, undefined, false);
export const iow = <const K extends FdKind>(on: readonly K[], nr: number, arg: Struct): Ioctl<K> => ioctl(on, 'write', nr, arg, false);
export const ior = <const K extends FdKind>(on: readonly K[], nr: number, arg: Struct): Ioctl<K> => ioctl(on, 'read', nr, arg, true);
export const iowr = <const K extends FdKind>(on: readonly K[], nr: number, arg: Struct): Ioctl<K> => ioctl(on, 'readwrite', nr, arg, true);
/** The direction in the number says otherwise than what the kernel does with the argument. */
export const takes = <const K extends FdKind>(row: Ioctl<K>, out: boolean): Ioctl<K> => ({ ...row, out });
/** A request that Linux defines and arm64 does not offer: known by name, refused like an unknown one. */
export const absent = (row: Ioctl): Ioctl<never> => ({ ...row, on: [] });
