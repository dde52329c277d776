// Semantics of arch/a64/simd_ldst.ts. A structure access is a few wide accesses and shuffles that sort the bytes; a
// lane whose number stays open is chosen by a mask.

import { SIMD_LDST_MULTIPLE, SIMD_LDST_SINGLE } from '../arch/a64/simd_ldst.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';
import { bitsOf, choose, dupElement, type Kit, type Size, shapeOf, zero } from './simd_lanes.ts';
import { elementMask } from './simd_permute.ts';

interface Access {
  readonly Rn: Reg;
  readonly Rt: Reg;
}
interface AccessQ extends Access {
  readonly Q: number;
}
interface Structures extends AccessQ {
  readonly size: number;
}

/** An access: what it does at an address, and how many bytes that takes. */
interface Transfer<F, R> {
  readonly bytes: (f: F) => number;
  readonly run: (o: Ops<F>, f: R, address: Val) => void;
}
const at =
  <F, R extends { readonly Rn: Reg }>(t: Transfer<F, R>) =>
  (o: Ops<F>, f: R): void =>
    t.run(o, f, o.base(f.Rn));
/** Rm = 31 stands for the number of bytes accessed; X[31] reads as zero, so the two add up. */
const post =
  <F, R extends { readonly Rn: Reg }>(t: Transfer<F, R>) =>
  (o: Ops<F & { readonly Rm: number }>, f: R & { readonly Rm: Reg }): void => {
    const base = o.base(f.Rn);
    const bytes = o.imm((n) => (n.Rm === 31 ? BigInt(t.bytes(n)) : 0n));
    const next = o.addAddress(base, o.add(o.X(f.Rm), bytes));
    t.run(o, f, base);
    o.setXSP(f.Rn, next);
  };

// ---- multiple structures -------------------------------------------------------------------------------------------------------

/** Loads or stores in one go: registers as one chunk of memory each. */
function loadChunks(o: Kit, address: Val, Q: number, count: number): Val[] {
  if (Q) return o.ldMany(address, 128, count);
  return o.ldMany(address, 64, count).map((x) => o.setLane(zero(o), 64, 0, x));
}
function storeChunks(o: Kit, address: Val, Q: number, chunks: readonly Val[]): void {
  if (Q) o.stMany(address, 128, chunks);
  else
    o.stMany(
      address,
      64,
      chunks.map((c) => o.lane(c, 64, 0)),
    );
}
function registers(o: Kit, Rt: Reg, count: number): Val[] {
  return Array.from({ length: count }, (_, k) => o.Vlist(Rt, k));
}
function setRegisters(o: Kit, Rt: Reg, values: readonly Val[]): void {
  values.forEach((value, k) => {
    o.setVlist(Rt, k, value);
  });
}

/** One vector whose byte i is byte `at` of `sources[source]`. */
function gather(o: Kit, sources: readonly Val[], from: (i: number) => { source: number; at: number }): Val {
  const wanted = Array.from({ length: 16 }, (_, i) => from(i));
  return sources.reduce((value, source, s) =>
    o.shuffle(
      value,
      source,
      wanted.map((w, i) => (w.source === s ? 16 + w.at : s === 1 && w.source === 0 ? w.at : i)),
    ),
  );
}
/**
 * Memory holds element 0 of each of `count` registers, then element 1 of each, ... Where a byte of register r stands in
 * it, and what stands at a byte of it.
 */
function placeInMemory(size: Size, count: number, r: number, byte: number): number {
  return (((byte >> size) * count + r) << size) + (byte & ((1 << size) - 1));
}
function placeInRegisters(size: Size, count: number, byte: number): { source: number; at: number } {
  const element = byte >> size;
  return { source: element % count, at: (Math.floor(element / count) << size) + (byte & ((1 << size) - 1)) };
}

const wholeRegisters =
  (count: number) =>
  (f: { readonly Q: number }): number =>
    count * (f.Q ? 16 : 8);

const loadRegisters = (count: number): Transfer<{ readonly Q: number }, AccessQ> => ({
  bytes: wholeRegisters(count),
  run: (o, { Q, Rt }, address) => setRegisters(o, Rt, loadChunks(o, address, Q, count)),
});
const storeRegisters = (count: number): Transfer<{ readonly Q: number }, AccessQ> => ({
  bytes: wholeRegisters(count),
  run: (o, { Q, Rt }, address) => storeChunks(o, address, Q, registers(o, Rt, count)),
});
const loadStructures = (count: number): Transfer<{ readonly Q: number }, Structures> => ({
  bytes: wholeRegisters(count),
  run: (o, { Q, size, Rt }, address) => {
    const width = Q ? 16 : 8;
    const chunks = loadChunks(o, address, Q, count);
    const values = chunks.map((_, r) =>
      gather(o, chunks, (i) => {
        const place = placeInMemory(size, count, r, i & (width - 1));
        return { source: Math.floor(place / width), at: place % width };
      }),
    );
    setRegisters(o, Rt, Q ? values : values.map((v) => o.low64(v)));
  },
});
const storeStructures = (count: number): Transfer<{ readonly Q: number }, Structures> => ({
  bytes: wholeRegisters(count),
  run: (o, { Q, size, Rt }, address) => {
    const width = Q ? 16 : 8;
    const sources = registers(o, Rt, count);
    const chunks = sources.map((_, c) =>
      gather(o, sources, (i) => placeInRegisters(size, count, c * width + (i & (width - 1)))),
    );
    storeChunks(o, address, Q, chunks);
  },
});

// ---- single structures ------------------------------------------------------------------------------------------------------------

/** An element size and where the number of the lane stands. */
interface Lane<F> {
  readonly size: Size;
  readonly index: (f: F) => number;
}
const BYTE: Lane<{ Q: number; S: number; size: number }> = {
  size: 0,
  index: (f) => (f.Q << 3) | (f.S << 2) | f.size,
};
const HALF: Lane<{ Q: number; S: number; size: number }> = {
  size: 1,
  index: (f) => (f.Q << 2) | (f.S << 1) | f.size,
};
const WORD: Lane<{ Q: number; S: number }> = { size: 2, index: (f) => (f.Q << 1) | f.S };
const DOUBLE: Lane<{ Q: number }> = { size: 3, index: (f) => f.Q };

/** Replaces one lane of each register. */
function setLanes<F>(o: Ops<F>, Rt: Reg, lane: Lane<F>, values: readonly Val[]): void {
  const mask = elementMask(o, (f: F) => ({ size: lane.size, index: lane.index(f) }));
  const merged = values.map((x, k) => choose(o, mask, o.splat(shapeOf(lane.size), x), o.Vlist(Rt, k)));
  setRegisters(o, Rt, merged);
}
const loadLane = <F>(count: number, lane: Lane<F>): Transfer<F, Access> => ({
  bytes: () => count << lane.size,
  run: (o, { Rt }, address) => setLanes(o, Rt, lane, o.ldMany(address, bitsOf(lane.size), count)),
});
const storeLane = <F>(count: number, lane: Lane<F>): Transfer<F, Access> => ({
  bytes: () => count << lane.size,
  run: (o, { Rt }, address) => {
    const bits = bitsOf(lane.size);
    const values = registers(o, Rt, count).map((v) =>
      o.lane(dupElement(o, lane.size, v, o.imm32(lane.index)), bits, 0),
    );
    o.stMany(address, bits, values);
  },
});
const replicate = (count: number): Transfer<{ readonly size: number }, Structures> => ({
  bytes: (f) => count << f.size,
  run: (o, { Q, size, Rt }, address) => {
    const values = o.ldMany(address, bitsOf(size), count).map((x) => o.splat(shapeOf(size), x));
    setRegisters(o, Rt, Q ? values : values.map((v) => o.low64(v)));
  },
});

// ---- tables ------------------------------------------------------------------------------------------------------------------------

export const simdLdstMultiple = semantics(
  SIMD_LDST_MULTIPLE,
  {
    LD1_x1: at(loadRegisters(1)),
    LD1_x1_post: post(loadRegisters(1)),
    LD1_x2: at(loadRegisters(2)),
    LD1_x2_post: post(loadRegisters(2)),
    LD1_x3: at(loadRegisters(3)),
    LD1_x3_post: post(loadRegisters(3)),
    LD1_x4: at(loadRegisters(4)),
    LD1_x4_post: post(loadRegisters(4)),
    LD2: at(loadStructures(2)),
    LD2_post: post(loadStructures(2)),
    LD3: at(loadStructures(3)),
    LD3_post: post(loadStructures(3)),
    LD4: at(loadStructures(4)),
    LD4_post: post(loadStructures(4)),
    ST1_x1: at(storeRegisters(1)),
    ST1_x1_post: post(storeRegisters(1)),
    ST1_x2: at(storeRegisters(2)),
    ST1_x2_post: post(storeRegisters(2)),
    ST1_x3: at(storeRegisters(3)),
    ST1_x3_post: post(storeRegisters(3)),
    ST1_x4: at(storeRegisters(4)),
    ST1_x4_post: post(storeRegisters(4)),
    ST2: at(storeStructures(2)),
    ST2_post: post(storeStructures(2)),
    ST3: at(storeStructures(3)),
    ST3_post: post(storeStructures(3)),
    ST4: at(storeStructures(4)),
    ST4_post: post(storeStructures(4)),
  },
  { fp: true },
);

export const simdLdstSingle = semantics(
  SIMD_LDST_SINGLE,
  {
    LD1_lane_b: at(loadLane(1, BYTE)),
    LD1_lane_b_post: post(loadLane(1, BYTE)),
    LD1_lane_h: at(loadLane(1, HALF)),
    LD1_lane_h_post: post(loadLane(1, HALF)),
    LD1_lane_s: at(loadLane(1, WORD)),
    LD1_lane_s_post: post(loadLane(1, WORD)),
    LD1_lane_d: at(loadLane(1, DOUBLE)),
    LD1_lane_d_post: post(loadLane(1, DOUBLE)),
    LD2_lane_b: at(loadLane(2, BYTE)),
    LD2_lane_b_post: post(loadLane(2, BYTE)),
    LD2_lane_h: at(loadLane(2, HALF)),
    LD2_lane_h_post: post(loadLane(2, HALF)),
    LD2_lane_s: at(loadLane(2, WORD)),
    LD2_lane_s_post: post(loadLane(2, WORD)),
    LD2_lane_d: at(loadLane(2, DOUBLE)),
    LD2_lane_d_post: post(loadLane(2, DOUBLE)),
    LD3_lane_b: at(loadLane(3, BYTE)),
    LD3_lane_b_post: post(loadLane(3, BYTE)),
    LD3_lane_h: at(loadLane(3, HALF)),
    LD3_lane_h_post: post(loadLane(3, HALF)),
    LD3_lane_s: at(loadLane(3, WORD)),
    LD3_lane_s_post: post(loadLane(3, WORD)),
    LD3_lane_d: at(loadLane(3, DOUBLE)),
    LD3_lane_d_post: post(loadLane(3, DOUBLE)),
    LD4_lane_b: at(loadLane(4, BYTE)),
    LD4_lane_b_post: post(loadLane(4, BYTE)),
    LD4_lane_h: at(loadLane(4, HALF)),
    LD4_lane_h_post: post(loadLane(4, HALF)),
    LD4_lane_s: at(loadLane(4, WORD)),
    LD4_lane_s_post: post(loadLane(4, WORD)),
    LD4_lane_d: at(loadLane(4, DOUBLE)),
    LD4_lane_d_post: post(loadLane(4, DOUBLE)),
    ST1_lane_b: at(storeLane(1, BYTE)),
    ST1_lane_b_post: post(storeLane(1, BYTE)),
    ST1_lane_h: at(storeLane(1, HALF)),
    ST1_lane_h_post: post(storeLane(1, HALF)),
    ST1_lane_s: at(storeLane(1, WORD)),
    ST1_lane_s_post: post(storeLane(1, WORD)),
    ST1_lane_d: at(storeLane(1, DOUBLE)),
    ST1_lane_d_post: post(storeLane(1, DOUBLE)),
    ST2_lane_b: at(storeLane(2, BYTE)),
    ST2_lane_b_post: post(storeLane(2, BYTE)),
    ST2_lane_h: at(storeLane(2, HALF)),
    ST2_lane_h_post: post(storeLane(2, HALF)),
    ST2_lane_s: at(storeLane(2, WORD)),
    ST2_lane_s_post: post(storeLane(2, WORD)),
    ST2_lane_d: at(storeLane(2, DOUBLE)),
    ST2_lane_d_post: post(storeLane(2, DOUBLE)),
    ST3_lane_b: at(storeLane(3, BYTE)),
    ST3_lane_b_post: post(storeLane(3, BYTE)),
    ST3_lane_h: at(storeLane(3, HALF)),
    ST3_lane_h_post: post(storeLane(3, HALF)),
    ST3_lane_s: at(storeLane(3, WORD)),
    ST3_lane_s_post: post(storeLane(3, WORD)),
    ST3_lane_d: at(storeLane(3, DOUBLE)),
    ST3_lane_d_post: post(storeLane(3, DOUBLE)),
    ST4_lane_b: at(storeLane(4, BYTE)),
    ST4_lane_b_post: post(storeLane(4, BYTE)),
    ST4_lane_h: at(storeLane(4, HALF)),
    ST4_lane_h_post: post(storeLane(4, HALF)),
    ST4_lane_s: at(storeLane(4, WORD)),
    ST4_lane_s_post: post(storeLane(4, WORD)),
    ST4_lane_d: at(storeLane(4, DOUBLE)),
    ST4_lane_d_post: post(storeLane(4, DOUBLE)),
    LD1R: at(replicate(1)),
    LD1R_post: post(replicate(1)),
    LD2R: at(replicate(2)),
    LD2R_post: post(replicate(2)),
    LD3R: at(replicate(3)),
    LD3R_post: post(replicate(3)),
    LD4R: at(replicate(4)),
    LD4R_post: post(replicate(4)),
    LDAP1: (o, { Rn, Rt }) => {
      const base = o.base(Rn);
      setLanes(o, Rt, DOUBLE, [o.ldAtomic(base, 64, { acquire: true })]);
    },
    STL1: (o, { Q, Rn, Rt }) => {
      const base = o.base(Rn);
      o.stAtomic(base, 64, o.lane(o.V(Rt), 64, Q), { release: true });
    },
  },
  { fp: true },
);
