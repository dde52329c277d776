// Semantics of arch/a64/simd_permute.ts: elements moved about, unchanged. Element numbers stay open: they become bytes
// of a vector that WebAssembly's swizzle looks up, or masks.

import { SIMD_PERMUTE } from '../arch/a64/simd_permute.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import {
  add,
  bitsOf,
  bytes16,
  choose,
  compare,
  dupElement,
  elements,
  every,
  type Kit,
  keepQ,
  put,
  type Size,
  shapeOf,
  shiftAll,
  sub,
} from './simd_lanes.ts';

interface Imm5 {
  readonly imm5: number;
}
type O5 = Ops<Imm5>;

/** The element size that the lowest set bit of imm5 stands for; the bits above it are the element's number. */
const sizeIn = (f: Imm5): Size => 31 - Math.clz32(f.imm5 & -f.imm5);
const indexIn = (f: Imm5): number => f.imm5 >> (sizeIn(f) + 1);

/** 128 bits with ones in element `index` of `size`. */
export function elementMask<F>(o: Ops<F>, at: (f: F) => { readonly size: Size; readonly index: number }): Val {
  const half = (first: number) => (f: F) => {
    const { size, index } = at(f);
    const bits = 8 << size;
    const from = index * bits - first;
    if (from < 0 || from >= 64) return 0n;
    return BigInt.asUintN(64, ((1n << BigInt(bits)) - 1n) << BigInt(from));
  };
  return o.setLane(o.splat('i64x2', o.imm(half(0))), 64, 1, o.imm(half(64)));
}
function insert(o: O5, Rd: Reg, copies: Val): void {
  const mask = elementMask(o, (f) => ({ size: sizeIn(f), index: indexIn(f) }));
  o.setV(Rd, choose(o, mask, copies, o.V(Rd)));
}
/** The element of Vn that imm5 names, in every lane. */
function chosen(o: O5, size: Size, Rn: Reg): Val {
  return dupElement(o, size, o.V(Rn), o.imm32(indexIn));
}
function general(o: Kit, size: Size, Rn: Reg): Val {
  return o.splat(shapeOf(size), o.X(Rn, size === 3 ? 1 : 0));
}

interface Permute {
  readonly Q: number;
  readonly size: number;
  readonly Rm: Reg;
  readonly Rn: Reg;
  readonly Rd: Reg;
}
/** `upper` is what element i of the second source is numbered from. */
const permute =
  (choice: (i: number, count: number) => { from: 'n' | 'm'; element: number }) =>
  (o: Kit, { Q, size, Rm, Rn, Rd }: Permute): void => {
    const count = keepQ(Q) / bitsOf(size);
    const inRegister = 128 / bitsOf(size);
    const value = elements(o, size, o.V(Rn), o.V(Rm), (i) => {
      const { from, element } = choice(i % count, count);
      return element + (from === 'm' ? inRegister : 0);
    });
    put(o, Rd, keepQ(Q), value);
  };
const unzip = (part: 0 | 1) =>
  permute((i, count) => {
    const element = 2 * i + part;
    return element < count ? { from: 'n', element } : { from: 'm', element: element - count };
  });
const zip = (part: 0 | 1) =>
  permute((i, count) => ({ from: i & 1 ? 'm' : 'n', element: (i >> 1) + (part * count) / 2 }));
const transpose = (part: 0 | 1) => permute((i) => ({ from: i & 1 ? 'm' : 'n', element: (i & ~1) + part }));

/** Bytes of up to four registers by number; numbers beyond give 0. */
function lookup(o: Kit, tables: readonly Val[], indices: Val): Val {
  return tables
    .map((t, k) => o.v('i8x16.swizzle', t, k === 0 ? indices : sub(o, 0, indices, every(o, 0, BigInt(16 * k)))))
    .reduce((a, b) => o.v('v128.or', a, b));
}
const tableOf = (o: Kit, Rn: Reg, count: number): Val[] =>
  Array.from({ length: count }, (_, k) => (k === 0 ? o.V(Rn) : o.Vlist(Rn, k)));

/**
 * Indices of `width` bits packed in a segment of Vm, each spread to a byte, in the order of the elements.
 * @param segment number of the segment within Vm @param count indices in a segment
 */
function unpackIndices(o: Kit, width: 2 | 4, count: 8 | 16, vm: Val, segment: Val): Val {
  const perByte = 8 / width;
  const bytes = (count * width) / 8;
  const firstByte = o.splat('i8x16', o.mul(segment, o.i32(bytes)));
  const source = add(
    o,
    0,
    firstByte,
    bytes16(o, (i) => Math.floor((i % count) / perByte)),
  );
  const packed = o.v('i8x16.swizzle', vm, source);
  let value: Val | undefined;
  for (let k = 0; k < perByte; k++) {
    const mask = bytes16(o, (i) => (i % perByte === k ? (1 << width) - 1 : 0));
    const part = o.v('v128.and', shiftAll(o, 0, 'shr_u', packed, k * width), mask);
    value = value ? o.v('v128.or', value, part) : part;
  }
  return value!;
}
interface Lut {
  readonly Rm: Reg;
  readonly Rn: Reg;
  readonly Rd: Reg;
}
const lut8 =
  (width: 2 | 4) =>
  (o: Ops<{ readonly index: number }>, { Rm, Rn, Rd }: Lut): void => {
    const indices = unpackIndices(
      o,
      width,
      16,
      o.V(Rm),
      o.imm32((f) => f.index),
    );
    o.setV(Rd, lookup(o, [o.V(Rn)], indices));
  };
const lut16 =
  (width: 2 | 4, tables: 1 | 2) =>
  (o: Ops<{ readonly index: number }>, { Rm, Rn, Rd }: Lut): void => {
    const indices = unpackIndices(
      o,
      width,
      8,
      o.V(Rm),
      o.imm32((f) => f.index),
    );
    const pairs = elements(o, 0, indices, indices, (i) => i >> 1);
    const bytes = add(
      o,
      0,
      add(o, 0, pairs, pairs),
      bytes16(o, (i) => i & 1),
    );
    o.setV(Rd, lookup(o, tableOf(o, Rn, tables), bytes));
  };

export const simdPermute = semantics(
  SIMD_PERMUTE,
  {
    DUP_elt: (o, { Q, Rn, Rd }) => put(o, Rd, keepQ(Q), chosen(o, o.pick(sizeIn, [0, 1, 2, 3]), Rn)),
    DUP_gen: (o, { Q, Rn, Rd }) => put(o, Rd, keepQ(Q), general(o, o.pick(sizeIn, [0, 1, 2, 3]), Rn)),
    DUP_scalar: (o, { Rn, Rd }) => {
      const size = o.pick(sizeIn, [0, 1, 2, 3]);
      put(o, Rd, bitsOf(size), chosen(o, size, Rn));
    },
    SMOV_w: (o, { Rn, Rd }) => {
      const size = o.pick(sizeIn, [0, 1]);
      o.setX(Rd, o.laneS(chosen(o, size, Rn), bitsOf(size), 0));
    },
    SMOV_x: (o, { Rn, Rd }) => {
      const size = o.pick(sizeIn, [0, 1, 2]);
      o.setX(Rd, o.extS(o.laneS(chosen(o, size, Rn), bitsOf(size), 0)));
    },
    UMOV_w: (o, { Rn, Rd }) => {
      const size = o.pick(sizeIn, [0, 1, 2]);
      o.setX(Rd, o.lane(chosen(o, size, Rn), bitsOf(size), 0));
    },
    UMOV_x: (o, { Rn, Rd }) => o.setX(Rd, o.lane(o.V(Rn), 64, o.pick(indexIn, [0, 1]))),
    INS_gen: (o, { Rn, Rd }) => insert(o, Rd, general(o, o.pick(sizeIn, [0, 1, 2, 3]), Rn)),
    INS_elt: (o, { Rn, Rd }) => {
      const size = o.pick(sizeIn, [0, 1, 2, 3]);
      const from = o.imm32((f) => f.imm4 >> sizeIn(f));
      insert(o, Rd, dupElement(o, size, o.V(Rn), from));
    },

    UZP1: unzip(0),
    TRN1: transpose(0),
    ZIP1: zip(0),
    UZP2: unzip(1),
    TRN2: transpose(1),
    ZIP2: zip(1),
    EXT: (o, { Q, Rm, Rn, Rd }) => {
      const start = o.splat(
        'i8x16',
        o.imm32((f) => f.imm4),
      );
      const from = add(
        o,
        0,
        start,
        bytes16(o, (i) => i),
      );
      // With Q = 0 the sources are their low halves side by side.
      const sources = Q ? [o.V(Rn), o.V(Rm)] : [elements(o, 3, o.V(Rn), o.V(Rm), (i) => 2 * i)];
      put(o, Rd, keepQ(Q), lookup(o, sources, from));
    },
    TBL: (o, { Q, len, Rm, Rn, Rd }) => put(o, Rd, keepQ(Q), lookup(o, tableOf(o, Rn, len + 1), o.V(Rm))),
    TBX: (o, { Q, len, Rm, Rn, Rd }) => {
      const indices = o.V(Rm);
      const found = lookup(o, tableOf(o, Rn, len + 1), indices);
      const beyond = compare('ge', 'u')(o, 0, indices, every(o, 0, BigInt(16 * (len + 1))));
      put(o, Rd, keepQ(Q), choose(o, beyond, o.V(Rd), found));
    },

    LUTI2_b: lut8(2),
    LUTI2_h: lut16(2, 1),
    LUTI4_b: lut8(4),
    LUTI4_h: lut16(4, 2),
  },
  { fp: true },
);
