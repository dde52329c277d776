// Semantics of arch/a64/sve_permute.ts. Elements of any size, 128 bits too, are moved as bytes.

import { SVE_PERMUTE } from '../arch/a64/sve_permute.ts';
import { routines } from './semantics.ts';
import { countOf, lanesOf, maskRoom, merging1, readMask, writeMask, writeScalar } from './sve_lanes.ts';
import type { Plan, SveMachine } from './sve_machine.ts';
import { unsigned1 } from './sve_ops.ts';

const Z_STRIDE = 256;
const QUAD = 4;
/** Copies of up to two source registers, and what becomes of the destination. */
const SOURCE = new Uint8Array(2 * Z_STRIDE);
const RESULT = new Uint8Array(Z_STRIDE);
const ZERO = -1;
const KEEP = -2;

/** Elements of the sources, one register after the other, by number; or ZERO, or KEEP what Zd has. */
type From = (i: number, count: number) => number;
/** Zd[i] = element from(i) of the sources. */
function move(m: SveMachine, size: number, Zd: number, sources: readonly number[], from: From): void {
  const { u8, vl, z0 } = m;
  const count = vl >>> size;
  sources.forEach((n, k) => {
    SOURCE.set(u8.subarray(z0 + n * Z_STRIDE, z0 + n * Z_STRIDE + vl), k * vl);
  });
  const to = z0 + Zd * Z_STRIDE;
  const bytes = 1 << size;
  for (let i = 0; i < vl >>> size; i++) {
    const k = from(i, count);
    const at = i << size;
    for (let b = 0; b < bytes; b++)
      RESULT[at + b] = k === ZERO ? 0 : k === KEEP ? u8[to + at + b]! : SOURCE[(k << size) + b]!;
  }
  u8.set(RESULT.subarray(0, vl), to);
}

// Where the elements of an interleaving come from: of n (0 ..) and m (count ..), as far as there are pairs of elements.
type Interleaving = (i: number, count: number) => number;
const even = (count: number): number => count & ~1;
const zip =
  (part: 0 | 1): Interleaving =>
  (i, count) =>
    i < even(count) ? (i >> 1) + part * (even(count) >> 1) + (i & 1) * count : ZERO;
const uzp =
  (part: 0 | 1): Interleaving =>
  (i, count) => {
    const [pairs, k] = [even(count), 2 * i + part];
    return i >= pairs ? ZERO : k < pairs ? k : k - pairs + count;
  };
const trn =
  (part: 0 | 1): Interleaving =>
  (i, count) =>
    i < even(count) ? (i & ~1) + part + (i & 1) * count : ZERO;

interface Two {
  readonly Zn: number;
  readonly Zm: number;
  readonly Zd: number;
}
const interleave = (from: Interleaving) => (f: Two & { readonly size: number }, m: SveMachine) => () =>
  move(m, f.size, f.Zd, [f.Zn, f.Zm], from);
/** 128-bit elements need two of them in a vector. */
const interleaveQuads = (from: Interleaving) => (f: Two, m: SveMachine) => () =>
  m.vl < 32 ? m.undefined() : move(m, QUAD, f.Zd, [f.Zn, f.Zm], from);
interface TwoPredicates {
  readonly size: number;
  readonly Pn: number;
  readonly Pm: number;
  readonly Pd: number;
}
/** All the bits of each element are moved. */
const interleavePredicates = (from: Interleaving) => (f: TwoPredicates, m: SveMachine) => () => {
  const [n, o, d] = [readMask(m, 0, f.Pn, 0), readMask(m, 1, f.Pm, 0), maskRoom(2)];
  const count = countOf(m, f.size);
  for (let i = 0; i < m.vl; i++) {
    const k = from(i >> f.size, count);
    const bit = i & ((1 << f.size) - 1);
    d[i] = k < count ? n[(k << f.size) + bit]! : o[((k - count) << f.size) + bit]!;
  }
  writeMask(m, f.Pd, 0, d);
};
const position = (f: { imm8h: number; imm8l: number }, m: SveMachine): number => {
  const at = (f.imm8h << 3) | f.imm8l;
  return at < m.vl ? at : 0;
};

/** Element numbers of indices that are out of range become `otherwise`. */
const lookUp = (
  m: SveMachine,
  f: Two & { readonly size: number },
  registers: readonly number[],
  otherwise: number,
): Plan => {
  const { lanes } = lanesOf(m, f.size);
  return () => {
    const at = lanes.read(0, f.Zm);
    const limit = registers.length * countOf(m, f.size);
    move(m, f.size, f.Zd, registers, (i) => (at[i]! < limit ? Number(at[i]) : otherwise));
  };
};
/** Every element the same. */
function duplicate(m: SveMachine, size: number, Zd: number, value: bigint): void {
  const { lanes, of } = lanesOf(m, size);
  const v = of(BigInt.asUintN(8 << size, value));
  const d = lanes.room(0);
  for (let i = 0; i < countOf(m, size); i++) d[i] = v;
  lanes.write(Zd, d);
}
/** The bits of element i. */
function element(m: SveMachine, size: number, n: number, i: number): bigint {
  let v = 0n;
  for (let b = (1 << size) - 1; b >= 0; b--) v = (v << 8n) | BigInt(m.u8[m.z0 + n * Z_STRIDE + (i << size) + b]!);
  return v;
}
/** Everything moves up an element; the lowest becomes `value`. */
function insert(m: SveMachine, size: number, Zdn: number, value: bigint): void {
  move(m, size, Zdn, [Zdn], (i) => (i === 0 ? ZERO : i - 1));
  for (let b = 0; b < 1 << size; b++) m.u8[m.z0 + Zdn * Z_STRIDE + b] = Number((value >> BigInt(8 * b)) & 0xffn);
}
/** Half of the elements, twice as wide. */
const unpack = (signed: boolean) => (f: { size: number; H: number; Zn: number; Zd: number }, m: SveMachine) => {
  const from = lanesOf(m, f.size - 1, signed).lanes;
  const { lanes, of } = lanesOf(m, f.size);
  return () => {
    const [a, d] = [from.read(0, f.Zn), lanes.room(1)];
    const count = countOf(m, f.size);
    for (let i = 0; i < count; i++) d[i] = of(BigInt.asUintN(8 << f.size, BigInt(a[i + f.H * count]!)));
    lanes.write(f.Zd, d);
  };
};
/** The number of the last active element, or -1. */
function lastActive(m: SveMachine, f: { size: number; Pg: number }): number {
  const active = readMask(m, 0, f.Pg, f.size);
  let i = countOf(m, f.size) - 1;
  while (i >= 0 && !active[i]) i--;
  return i;
}
interface Last {
  readonly size: number;
  readonly B: number;
  readonly Pg: number;
}
/** Before: the last active element, the last of all if none is; after: the next one, or the first. */
function lastElement(m: SveMachine, f: Last): number {
  const count = countOf(m, f.size);
  const last = lastActive(m, f);
  return f.B ? (last < 0 ? count - 1 : last) : (last + 1) % count;
}
const scalar = (m: SveMachine, f: Last, n: number): bigint => element(m, f.size, n, lastElement(m, f));
/** Elements from the first active to the last active one of the first register, then those of the second. */
function splice(m: SveMachine, size: number, Pv: number, Zd: number, first: number, second: number): void {
  const count = countOf(m, size);
  const active = readMask(m, 0, Pv, size);
  const from = active.subarray(0, count).indexOf(1);
  const length = from < 0 ? 0 : lastActive(m, { size, Pg: Pv }) - from + 1;
  move(m, size, Zd, [first, second], (i) => (i < length ? from + i : count + i - length));
}
const mergeScalar = (m: SveMachine, f: { size: number; Pg: number; Zd: number }, value: bigint): void => {
  const { lanes, of } = lanesOf(m, f.size);
  const v = of(BigInt.asUintN(8 << f.size, value));
  const d = lanes.read(0, f.Zd);
  const active = readMask(m, 0, f.Pg, f.size);
  for (let i = 0; i < countOf(m, f.size); i++) if (active[i]) d[i] = v;
  lanes.write(f.Zd, d);
};

/** Reverses groups of `group` bits. */
const reverse = (group: number) => {
  const w = (a: bigint, bits: number): bigint => {
    let [rest, out] = [a, 0n];
    for (let i = 0; i < bits; i += group) {
      out = (out << BigInt(group)) | BigInt.asUintN(group, rest);
      rest >>= BigInt(group);
    }
    return out;
  };
  return merging1(unsigned1((a, bits) => Number(w(BigInt(a), bits)), w));
};

export const svePermute = routines(SVE_PERMUTE, {
  EXT_zzi: (f, m) => () => move(m, 0, f.Zdn, [f.Zdn, f.Zm], (i) => i + position(f, m)),
  EXT_zi: (f, m) => () => move(m, 0, f.Zd, [f.Zn, (f.Zn + 1) & 31], (i) => i + position(f, m)),
  ZIP1_zzq: interleaveQuads(zip(0)),
  ZIP2_zzq: interleaveQuads(zip(1)),
  UZP1_zzq: interleaveQuads(uzp(0)),
  UZP2_zzq: interleaveQuads(uzp(1)),
  TRN1_zzq: interleaveQuads(trn(0)),
  TRN2_zzq: interleaveQuads(trn(1)),
  DUP_zx: (f, m) => {
    const size = 31 - Math.clz32(f.tsz & -f.tsz);
    const at = ((f.imm2 << 5) | f.tsz) >> (size + 1);
    return () => move(m, size, f.Zd, [f.Zn], (_, count) => (at < count ? at : ZERO));
  },
  TBL_zz: (f, m) => lookUp(m, f, [f.Zn], ZERO),
  TBL_zzz: (f, m) => lookUp(m, f, [f.Zn, (f.Zn + 1) & 31], ZERO),
  TBX_zz: (f, m) => lookUp(m, f, [f.Zn], KEEP),
  DUP_zr: (f, m) => () => duplicate(m, f.size, f.Zd, m.xsp(f.Rn)),
  INSR_r: (f, m) => () => insert(m, f.size, f.Zdn, m.x(f.Rm)),
  INSR_v: (f, m) => () => insert(m, f.size, f.Zdn, element(m, f.size, f.Vm, 0)),
  SUNPK: unpack(true),
  UUNPK: unpack(false),
  REV_zz: (f, m) => () => move(m, f.size, f.Zd, [f.Zn], (i, count) => count - 1 - i),
  ZIP1_zz: interleave(zip(0)),
  ZIP2_zz: interleave(zip(1)),
  UZP1_zz: interleave(uzp(0)),
  UZP2_zz: interleave(uzp(1)),
  TRN1_zz: interleave(trn(0)),
  TRN2_zz: interleave(trn(1)),

  ZIP1_pp: interleavePredicates(zip(0)),
  ZIP2_pp: interleavePredicates(zip(1)),
  UZP1_pp: interleavePredicates(uzp(0)),
  UZP2_pp: interleavePredicates(uzp(1)),
  TRN1_pp: interleavePredicates(trn(0)),
  TRN2_pp: interleavePredicates(trn(1)),
  REV_pp: (f, m) => interleavePredicates((i, count) => count - 1 - i)({ ...f, Pm: f.Pn }, m),
  PUNPK: (f, m) => () => {
    const [n, d] = [readMask(m, 0, f.Pn, 0), maskRoom(1)];
    const half = m.vl >> 1;
    for (let i = 0; i < half; i++) d[i] = n[i + f.H * half]!;
    writeMask(m, f.Pd, 1, d);
  },

  CPY_zpv: (f, m) => () => mergeScalar(m, f, element(m, f.size, f.Vn, 0)),
  CPY_zpr: (f, m) => () => mergeScalar(m, f, m.xsp(f.Rn)),
  COMPACT: (f, m) => () => {
    const active = readMask(m, 0, f.Pg, f.size);
    const kept: number[] = [];
    for (let i = 0; i < countOf(m, f.size); i++) if (active[i]) kept.push(i);
    move(m, f.size, f.Zd, [f.Zn], (i) => kept[i] ?? ZERO);
  },
  LAST_v: (f, m) => () => writeScalar(m, f.Vd, f.size, scalar(m, f, f.Zn)),
  LAST_r: (f, m) => () => m.setX(f.Rd, scalar(m, f, f.Zn)),
  CLAST_z: (f, m) => () => {
    if (lastActive(m, f) >= 0) duplicate(m, f.size, f.Zdn, scalar(m, f, f.Zm));
  },
  CLAST_v: (f, m) => () =>
    writeScalar(m, f.Vdn, f.size, lastActive(m, f) < 0 ? element(m, f.size, f.Vdn, 0) : scalar(m, f, f.Zm)),
  CLAST_r: (f, m) => () =>
    m.setX(f.Rdn, lastActive(m, f) < 0 ? BigInt.asUintN(8 << f.size, m.x(f.Rdn)) : scalar(m, f, f.Zm)),
  REVB_zpz: reverse(8),
  REVH_zpz: reverse(16),
  REVW_zpz: reverse(32),
  RBIT_zpz: reverse(1),
  REVD: (f, m) => () => {
    const active = readMask(m, 0, f.Pg, QUAD);
    move(m, 3, f.Zd, [f.Zn], (i) => (active[i >> 1] ? i ^ 1 : KEEP));
  },
  SPLICE_zpzz: (f, m) => () => splice(m, f.size, f.Pv, f.Zdn, f.Zdn, f.Zm),
  SPLICE_zpz: (f, m) => () => splice(m, f.size, f.Pv, f.Zd, f.Zn, (f.Zn + 1) & 31),
  SEL_zpzz: (f, m) => () => {
    const active = readMask(m, 0, f.Pg, f.size);
    move(m, f.size, f.Zd, [f.Zn, f.Zm], (i, count) => (active[i] ? i : count + i));
  },
});
