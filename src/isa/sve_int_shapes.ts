// What the integer instructions of SVE (sve_int.ts) have in common: how operands are read, combined and written.

import { expandImm } from './fp_shapes.ts';
import type { Fmt } from './ops.ts';
import { bitMask } from './shared.ts';
import {
  choose2,
  countOf,
  type Lanes,
  lanesOf,
  type Made,
  narrow,
  type Op2,
  readMask,
  unpredicated2,
  writeScalar,
} from './sve_lanes.ts';
import type { Plan, SveMachine } from './sve_machine.ts';
import * as op from './sve_ops.ts';
import { patternCount } from './sve_pred.ts';

// ---- shifts by immediate ------------------------------------------------------------------------------------------------

/** Element size and value of tszh:tszl:imm3. */
export function decodeShift(f: { tszh: number; tszl: number; imm3: number }): {
  size: number;
  bits: number;
  value: number;
} {
  const tsz = (f.tszh << 2) | f.tszl;
  const size = 31 - Math.clz32(tsz);
  return { size, bits: 8 << size, value: (tsz << 3) | f.imm3 };
}
type ShiftFields = Parameters<typeof decodeShift>[0];
export const leftAmount = (f: ShiftFields): number => decodeShift(f).value - decodeShift(f).bits;
export const rightAmount = (f: ShiftFields): number => 2 * decodeShift(f).bits - decodeShift(f).value;
/** Zdn = f(Zdn, amount) where Pg says so */
export const shiftMerging =
  (o: Op2, amount: (f: ShiftFields) => number) => (f: ShiftFields & { Pg: number; Zdn: number }, m: SveMachine) => {
    const { size } = decodeShift(f);
    return choose2(m, size, o, (lanes, g) => {
      const n = lanes.of(amount(f));
      return () => {
        const d = lanes.read(0, f.Zdn);
        const active = readMask(m, 0, f.Pg, size);
        for (let i = 0; i < countOf(m, size); i++) if (active[i]) d[i] = g(d[i]!, n, lanes.bits);
        lanes.write(f.Zdn, d);
      };
    });
  };
/** Zd = f(Zn, amount) */
export const shift =
  (o: Op2, amount: (f: ShiftFields) => number) => (f: ShiftFields & { Zn: number; Zd: number }, m: SveMachine) => {
    const { size } = decodeShift(f);
    return choose2(m, size, o, (lanes, g) => {
      const n = lanes.of(amount(f));
      return () => {
        const a = lanes.read(0, f.Zn);
        for (let i = 0; i < countOf(m, size); i++) a[i] = g(a[i]!, n, lanes.bits);
        lanes.write(f.Zd, a);
      };
    });
  };
/** Amounts of more than an element are all the same. */
const wideAmounts = (m: SveMachine, n: number): ((i: number, size: number) => number) => {
  const at = (m.z0 + n * 256) >>> 3;
  return (i, size) => {
    const v = m.u64[at + (i >> (3 - size))]!;
    return v > 64n ? 64 : Number(v);
  };
};
export const shiftWide =
  (o: Op2, merge: boolean) =>
  (f: { size: number; Zm: number } & Partial<Record<'Pg' | 'Zdn' | 'Zd' | 'Zn', number>>, m: SveMachine): Plan => {
    const lanes = narrow(m, f.size, o.signed);
    const [from, to] = merge ? [f.Zdn!, f.Zdn!] : [f.Zn!, f.Zd!];
    return () => {
      const amount = wideAmounts(m, f.Zm);
      const d = lanes.read(0, from);
      const active = merge ? readMask(m, 0, f.Pg!, f.size) : undefined;
      for (let i = 0; i < countOf(m, f.size); i++)
        if (!active || active[i]) d[i] = o.n(d[i]!, amount(i, f.size), lanes.bits);
      lanes.write(to, d);
    };
  };

// ---- immediates -------------------------------------------------------------------------------------------------------------

interface Immediate {
  readonly size: number;
  readonly imm8: number;
  readonly sh?: number;
}
export const unsigned8 = ({ imm8, sh }: Immediate): number => imm8 << (sh ? 8 : 0);
export const signed8 = ({ imm8, sh }: Immediate): number => ((imm8 << 24) >> 24) << (sh ? 8 : 0);
/** Zdn = f(Zdn, immediate) */
export const withImmediate =
  (o: Op2, value: (f: Immediate) => number) => (f: Immediate & { Zdn: number }, m: SveMachine) =>
    choose2(m, f.size, o, (lanes, g) => {
      const b = lanes.of(value(f));
      return () => {
        const d = lanes.read(0, f.Zdn);
        for (let i = 0; i < countOf(m, f.size); i++) d[i] = g(d[i]!, b, lanes.bits);
        lanes.write(f.Zdn, d);
      };
    });
/** Every element the same. */
export const fill = (m: SveMachine, size: number, Zd: number, value: bigint): Plan => {
  const { lanes, of } = lanesOf(m, size);
  const v = of(value);
  return () => {
    const d = lanes.room(0);
    for (let i = 0; i < countOf(m, size); i++) d[i] = v;
    lanes.write(Zd, d);
  };
};
export const fillActive = (
  m: SveMachine,
  f: { size: number; Pg: number; Zd: number },
  value: bigint,
  merge: boolean,
): Plan => {
  const { lanes, of } = lanesOf(m, f.size);
  const v = of(value);
  const zero = of(0n);
  return () => {
    const d = lanes.read(0, f.Zd);
    const active = readMask(m, 0, f.Pg, f.size);
    for (let i = 0; i < countOf(m, f.size); i++) d[i] = active[i] ? v : merge ? d[i]! : zero;
    lanes.write(f.Zd, d);
  };
};
type Bitmask = { N: number; immr: number; imms: number };
export const maskOf = (f: Bitmask): bigint => bitMask(f.N, f.imms, f.immr, 64)!;
export const logicalImmediate = (o: Op2) => (f: Bitmask & { Zdn: number }, m: SveMachine) => {
  const { lanes } = lanesOf(m, 3) as { lanes: Lanes<bigint> };
  const mask = maskOf(f);
  return () => {
    const d = lanes.read(0, f.Zdn);
    for (let i = 0; i < countOf(m, 3); i++) d[i] = o.w(d[i]!, mask, 64);
    lanes.write(f.Zdn, d);
  };
};

// ---- registers of three and four, reductions, indices -----------------------------------------------------------------------

/** Bits of whole registers, as doublewords. */
export const bitwise = (g: (n: bigint, m: bigint) => bigint) => {
  const shape = unpredicated2({ signed: false, n: () => 0, w: g });
  return (f: { Zd: number; Zn: number; Zm: number }, m: SveMachine) => shape({ ...f, size: 3 }, m);
};
/** Zdn = f(Zdn, Zm, Zk) */
export const ternary =
  (g: (n: bigint, m: bigint, k: bigint) => bigint) => (f: { Zdn: number; Zm: number; Zk: number }, m: SveMachine) => {
    const { lanes } = lanesOf(m, 3) as { lanes: Lanes<bigint> };
    return () => {
      const [d, a, b] = [lanes.read(0, f.Zdn), lanes.read(1, f.Zm), lanes.read(2, f.Zk)];
      for (let i = 0; i < countOf(m, 3); i++) d[i] = g(d[i]!, a[i]!, b[i]!);
      lanes.write(f.Zdn, d);
    };
  };
interface Reduction {
  readonly size: number;
  readonly Pg: number;
  readonly Zn: number;
  readonly Vd: number;
}
/** Folds the active elements, from an initial value on. */
export const reduce = (o: Op2, initial: (bits: number) => bigint) => (f: Reduction, m: SveMachine) =>
  choose2(m, f.size, o, (lanes, g) => {
    const first = lanes.of(initial(lanes.bits));
    return () => {
      const a = lanes.read(0, f.Zn);
      const active = readMask(m, 0, f.Pg, f.size);
      let v = first;
      for (let i = 0; i < countOf(m, f.size); i++) if (active[i]) v = g(v, a[i]!, lanes.bits);
      writeScalar(m, f.Vd, f.size, BigInt(v as number | bigint));
    };
  });
/** The sum as 64 bits. */
export const sum = (signed: boolean) => (f: Reduction, m: SveMachine) => {
  const { lanes } = lanesOf(m, f.size, signed);
  return () => {
    const a = lanes.read(0, f.Zn);
    const active = readMask(m, 0, f.Pg, f.size);
    let v = 0n;
    for (let i = 0; i < countOf(m, f.size); i++) if (active[i]) v += BigInt(a[i]!);
    writeScalar(m, f.Vd, 3, v);
  };
};
export const allOnes = (): bigint => -1n;
export const none = (): bigint => 0n;

/** Zd[i] = start + i * step */
export const index = (m: SveMachine, size: number, Zd: number, start: () => bigint, step: () => bigint): Plan => {
  const { lanes, of } = lanesOf(m, size);
  const mod = (v: bigint): bigint => BigInt.asUintN(8 << size, v);
  return () => {
    const [from, by] = [start(), step()];
    const d = lanes.room(0);
    for (let i = 0; i < countOf(m, size); i++) d[i] = of(mod(from + BigInt(i) * by));
    lanes.write(Zd, d);
  };
};
export const signed5 = (imm5: number): bigint => BigInt((imm5 << 27) >> 27);
/** Zd = Zn + (Zm, extended) << msz, in doublewords */
export const address =
  (extend: (v: bigint) => bigint) => (f: { msz: number; Zm: number; Zn: number; Zd: number }, m: SveMachine) =>
    unpredicated2({ signed: false, n: () => 0, w: (n, o) => n + (extend(o) << BigInt(f.msz)) })({ ...f, size: 3 }, m);

// ---- pointers: doublewords ----------------------------------------------------------------------------------------------------

export const pointer =
  (sum: Op2) =>
  (m: SveMachine): Op2 => ({
    ...sum,
    w: (base, offset, bits) => m.checkPointer(BigInt.asUintN(64, sum.w(base, offset, bits)), base, false),
  });
// ---- counts -------------------------------------------------------------------------------------------------------------------

export const signed6 = (imm6: number): bigint => BigInt((imm6 << 26) >> 26);
/** Rd = base + imm6 * unit(VL) */
export const addLength =
  (unit: (m: SveMachine) => number) =>
  ({ Rn, imm6, Rd }: { Rn: number; imm6: number; Rd: number }, m: SveMachine) =>
  () =>
    m.setXsp(Rd, m.xsp(Rn) + signed6(imm6) * BigInt(unit(m)));
export const countFor = (m: SveMachine, f: { size: number; imm4: number; pattern: number }): number =>
  patternCount(f.pattern, m.vl >> f.size) * (f.imm4 + 1);
// ---- FEXPA --------------------------------------------------------------------------------------------------------------------

const isqrt = (n: bigint): bigint => {
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
};
/** The fraction of 2^(i / 2^log) in so many bits, rounded to nearest. */
function exponential(i: number, log: number, bits: number): bigint {
  const PRECISION = 80n;
  let v = (1n << BigInt(i)) << (PRECISION << BigInt(log));
  for (let k = 0; k < log; k++) v = isqrt(v);
  const drop = PRECISION - BigInt(bits);
  return ((v + (1n << (drop - 1n))) >> drop) - (1n << BigInt(bits));
}
const FEXPA = [
  { log: 5, fraction: 10, exponent: 5 },
  { log: 6, fraction: 23, exponent: 8 },
  { log: 6, fraction: 52, exponent: 11 },
] as const;
export const fexpa = (f: { size: number; Zn: number; Zd: number }, m: SveMachine): Plan => {
  const { log, fraction, exponent } = FEXPA[f.size - 1]!;
  const table = Array.from({ length: 1 << log }, (_, i) => exponential(i, log, fraction));
  const { lanes, of } = lanesOf(m, f.size);
  return () => {
    const a = lanes.read(0, f.Zn);
    for (let i = 0; i < countOf(m, f.size); i++) {
      const v = BigInt(a[i]!);
      const e = BigInt.asUintN(exponent, v >> BigInt(log));
      a[i] = of((e << BigInt(fraction)) | table[Number(BigInt.asUintN(log, v))]!);
    }
    lanes.write(f.Zd, a);
  };
};
/** Bits 1:0 of m: 1 instead of n, and minus. @arm FTSSEL */
export const trigSelect: Made<Op2> = (m) => {
  const minus = op.fp1('neg');
  const { n, w } = typeof minus === 'function' ? minus(m) : minus;
  const one = (bits: number): bigint => expandImm(0x70, bits as Fmt);
  return op.unsigned2(
    (a, b, bits) => (b & 1 ? Number(one(bits)) | (b & 2 ? 2 ** (bits - 1) : 0) : b & 2 ? n(a, bits) : a),
    (a, b) => (b & 1n ? one(64) | (b & 2n ? 1n << 63n : 0n) : b & 2n ? w(a, 64) : a),
  );
};
