// Semantics of arch/a64/sve_int.ts.

import { SVE_INT, SVE_INT_MLA } from '../arch/a64/sve_int.ts';
import { expandImm } from './fp_shapes.ts';
import type { Fmt } from './ops.ts';
import { routines } from './semantics.ts';
import { bitMask } from './shared.ts';
import {
  accumulating,
  choose2,
  countOf,
  type Elements,
  type Lanes,
  lanesOf,
  type Made,
  merging1,
  merging2,
  merging3,
  narrow,
  type Op2,
  type Op3,
  readMask,
  unpredicated2,
  wide,
  writeScalar,
} from './sve_lanes.ts';
import type { Plan, SveMachine } from './sve_machine.ts';
import * as op from './sve_ops.ts';
import { patternCount } from './sve_pred.ts';
import { addToElements, saturateScalar } from './sve_scalar.ts';

// ---- shifts by immediate ------------------------------------------------------------------------------------------------

/** Element size and value of tszh:tszl:imm3. */
function decodeShift(f: { tszh: number; tszl: number; imm3: number }): { size: number; bits: number; value: number } {
  const tsz = (f.tszh << 2) | f.tszl;
  const size = 31 - Math.clz32(tsz);
  return { size, bits: 8 << size, value: (tsz << 3) | f.imm3 };
}
type ShiftFields = Parameters<typeof decodeShift>[0];
export const leftAmount = (f: ShiftFields): number => decodeShift(f).value - decodeShift(f).bits;
export const rightAmount = (f: ShiftFields): number => 2 * decodeShift(f).bits - decodeShift(f).value;
/** Zdn = f(Zdn, amount) where Pg says so */
const shiftMerging =
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
const shift =
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
const shiftWide =
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
const unsigned8 = ({ imm8, sh }: Immediate): number => imm8 << (sh ? 8 : 0);
const signed8 = ({ imm8, sh }: Immediate): number => ((imm8 << 24) >> 24) << (sh ? 8 : 0);
/** Zdn = f(Zdn, immediate) */
const withImmediate = (o: Op2, value: (f: Immediate) => number) => (f: Immediate & { Zdn: number }, m: SveMachine) =>
  choose2(m, f.size, o, (lanes, g) => {
    const b = lanes.of(value(f));
    return () => {
      const d = lanes.read(0, f.Zdn);
      for (let i = 0; i < countOf(m, f.size); i++) d[i] = g(d[i]!, b, lanes.bits);
      lanes.write(f.Zdn, d);
    };
  });
/** Every element the same. */
const fill = (m: SveMachine, size: number, Zd: number, value: bigint): Plan => {
  const { lanes, of } = lanesOf(m, size);
  const v = of(value);
  return () => {
    const d = lanes.room(0);
    for (let i = 0; i < countOf(m, size); i++) d[i] = v;
    lanes.write(Zd, d);
  };
};
const fillActive = (
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
const maskOf = (f: Bitmask): bigint => bitMask(f.N, f.imms, f.immr, 64)!;
const logicalImmediate = (o: Op2) => (f: Bitmask & { Zdn: number }, m: SveMachine) => {
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
const bitwise = (g: (n: bigint, m: bigint) => bigint) => {
  const shape = unpredicated2({ signed: false, n: () => 0, w: g });
  return (f: { Zd: number; Zn: number; Zm: number }, m: SveMachine) => shape({ ...f, size: 3 }, m);
};
/** Zdn = f(Zdn, Zm, Zk) */
const ternary =
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
const reduce = (o: Op2, initial: (bits: number) => bigint) => (f: Reduction, m: SveMachine) =>
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
const sum = (signed: boolean) => (f: Reduction, m: SveMachine) => {
  const { lanes } = lanesOf(m, f.size, signed);
  return () => {
    const a = lanes.read(0, f.Zn);
    const active = readMask(m, 0, f.Pg, f.size);
    let v = 0n;
    for (let i = 0; i < countOf(m, f.size); i++) if (active[i]) v += BigInt(a[i]!);
    writeScalar(m, f.Vd, 3, v);
  };
};
const allOnes = (): bigint => -1n;
const none = (): bigint => 0n;

/** Zd[i] = start + i * step */
const index = (m: SveMachine, size: number, Zd: number, start: () => bigint, step: () => bigint): Plan => {
  const { lanes, of } = lanesOf(m, size);
  const mod = (v: bigint): bigint => BigInt.asUintN(8 << size, v);
  return () => {
    const [from, by] = [start(), step()];
    const d = lanes.room(0);
    for (let i = 0; i < countOf(m, size); i++) d[i] = of(mod(from + BigInt(i) * by));
    lanes.write(Zd, d);
  };
};
const signed5 = (imm5: number): bigint => BigInt((imm5 << 27) >> 27);
/** Zd = Zn + (Zm, extended) << msz, in doublewords */
const address =
  (extend: (v: bigint) => bigint) => (f: { msz: number; Zm: number; Zn: number; Zd: number }, m: SveMachine) =>
    unpredicated2({ signed: false, n: () => 0, w: (n, o) => n + (extend(o) << BigInt(f.msz)) })({ ...f, size: 3 }, m);

// ---- pointers: doublewords ----------------------------------------------------------------------------------------------------

const pointer =
  (sum: Op2) =>
  (m: SveMachine): Op2 => ({
    ...sum,
    w: (base, offset, bits) => m.checkPointer(BigInt.asUintN(64, sum.w(base, offset, bits)), base, false),
  });
/** @arm PointerMultiplyAddCheck */
const multiplyPointer = (m: SveMachine): Op3 => ({
  ...op.mla,
  w: (base, a, b) => {
    const product = BigInt.asIntN(64, a) * BigInt.asIntN(64, b);
    return m.checkPointer(BigInt.asUintN(64, base + product), base, product !== BigInt.asIntN(64, product));
  },
});
/** Zdn = Za + Zdn * Zm */
const multiplyInto = (Zdn: number, Za: number, Zm: number, m: SveMachine): Plan => {
  const lanes = wide(m);
  const { w } = multiplyPointer(m);
  return () => {
    const [d, c, b] = [lanes.read(0, Zdn), lanes.read(1, Za), lanes.read(2, Zm)];
    for (let i = 0; i < countOf(m, 3); i++) d[i] = w(c[i]!, d[i]!, b[i]!, 64);
    lanes.write(Zdn, d);
  };
};

// ---- counts -------------------------------------------------------------------------------------------------------------------

const signed6 = (imm6: number): bigint => BigInt((imm6 << 26) >> 26);
/** Rd = base + imm6 * unit(VL) */
const addLength =
  (unit: (m: SveMachine) => number) =>
  ({ Rn, imm6, Rd }: { Rn: number; imm6: number; Rd: number }, m: SveMachine) =>
  () =>
    m.setXsp(Rd, m.xsp(Rn) + signed6(imm6) * BigInt(unit(m)));
const countFor = (m: SveMachine, f: { size: number; imm4: number; pattern: number }): number =>
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
const fexpa = (f: { size: number; Zn: number; Zd: number }, m: SveMachine): Plan => {
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
const trigSelect: Made<Op2> = (m) => {
  const minus = op.fp1('neg');
  const { n, w } = typeof minus === 'function' ? minus(m) : minus;
  const one = (bits: number): bigint => expandImm(0x70, bits as Fmt);
  return op.unsigned2(
    (a, b, bits) => (b & 1 ? Number(one(bits)) | (b & 2 ? 2 ** (bits - 1) : 0) : b & 2 ? n(a, bits) : a),
    (a, b) => (b & 1n ? one(64) | (b & 2n ? 1n << 63n : 0n) : b & 2n ? w(a, 64) : a),
  );
};

export const sveInt = routines(SVE_INT, {
  ADD_zpzz: merging2(op.add),
  SUB_zpzz: merging2(op.sub),
  SUBR_zpzz: merging2(op.reversed(op.sub)),
  ADDPT_zpzz: (f, m) => merging2(pointer(op.add))({ ...f, size: 3 }, m),
  SUBPT_zpzz: (f, m) => merging2(pointer(op.sub))({ ...f, size: 3 }, m),
  SMAX_zpzz: merging2(op.smax),
  UMAX_zpzz: merging2(op.umax),
  SMIN_zpzz: merging2(op.smin),
  UMIN_zpzz: merging2(op.umin),
  SABD_zpzz: merging2(op.sabd),
  UABD_zpzz: merging2(op.uabd),
  MUL_zpzz: merging2(op.mul),
  SMULH_zpzz: merging2(op.smulh),
  UMULH_zpzz: merging2(op.umulh),
  SDIV_zpzz: merging2(op.sdiv),
  UDIV_zpzz: merging2(op.udiv),
  SDIVR_zpzz: merging2(op.reversed(op.sdiv)),
  UDIVR_zpzz: merging2(op.reversed(op.udiv)),
  ORR_zpzz: merging2(op.or),
  EOR_zpzz: merging2(op.xor),
  AND_zpzz: merging2(op.and),
  BIC_zpzz: merging2(op.bic),

  SADDV_pz: sum(true),
  UADDV_pz: sum(false),
  SMAXV_pz: reduce(op.smax, (bits) => -(1n << BigInt(bits - 1))),
  UMAXV_pz: reduce(op.umax, none),
  SMINV_pz: reduce(op.smin, (bits) => (1n << BigInt(bits - 1)) - 1n),
  UMINV_pz: reduce(op.umin, (bits) => (1n << BigInt(bits)) - 1n),
  ORV_pz: reduce(op.or, none),
  EORV_pz: reduce(op.xor, none),
  ANDV_pz: reduce(op.and, allOnes),
  MOVPRFX_pz: (f, m) => {
    const { lanes, of } = lanesOf(m, f.size);
    return () => {
      const [d, a] = [lanes.read(0, f.Zd), lanes.read(1, f.Zn)];
      const active = readMask(m, 0, f.Pg, f.size);
      for (let i = 0; i < countOf(m, f.size); i++) d[i] = active[i] ? a[i]! : f.M ? d[i]! : of(0n);
      lanes.write(f.Zd, d);
    };
  },

  MLA_zpzzz: merging3(op.mla, 'Zda', 'Zda', 'Zn', 'Zm'),
  MLS_zpzzz: merging3(op.mls, 'Zda', 'Zda', 'Zn', 'Zm'),
  MAD_zpzzz: merging3(op.mla, 'Zdn', 'Za', 'Zdn', 'Zm'),
  MSB_zpzzz: merging3(op.mls, 'Zdn', 'Za', 'Zdn', 'Zm'),

  ASR_zpzi: shiftMerging(op.asr, rightAmount),
  LSR_zpzi: shiftMerging(op.lsr, rightAmount),
  LSL_zpzi: shiftMerging(op.lsl, leftAmount),
  ASRD_zpzi: shiftMerging(op.asrd, rightAmount),
  SQSHL_zpzi: shiftMerging(op.sqshl, leftAmount),
  UQSHL_zpzi: shiftMerging(op.uqshl, leftAmount),
  SRSHR_zpzi: shiftMerging(op.srshr, rightAmount),
  URSHR_zpzi: shiftMerging(op.urshr, rightAmount),
  SQSHLU_zpzi: shiftMerging(op.sqshlu, leftAmount),
  ASR_zpzz: merging2(op.asr),
  LSR_zpzz: merging2(op.lsr),
  LSL_zpzz: merging2(op.lsl),
  ASRR_zpzz: merging2(op.reversed(op.asr)),
  LSRR_zpzz: merging2(op.reversed(op.lsr)),
  LSLR_zpzz: merging2(op.reversed(op.lsl)),
  ASR_zpzw: shiftWide(op.asr, true),
  LSR_zpzw: shiftWide(op.lsr, true),
  LSL_zpzw: shiftWide(op.lsl, true),

  SXTB_zpz: merging1(op.sext(8)),
  UXTB_zpz: merging1(op.zext(8)),
  SXTH_zpz: merging1(op.sext(16)),
  UXTH_zpz: merging1(op.zext(16)),
  SXTW_zpz: merging1(op.sext(32)),
  UXTW_zpz: merging1(op.zext(32)),
  ABS_zpz: merging1(op.abs),
  NEG_zpz: merging1(op.neg),
  CLS_zpz: merging1(op.cls),
  CLZ_zpz: merging1(op.clz),
  CNT_zpz: merging1(op.cnt),
  CNOT_zpz: merging1(op.cnot),
  FABS_zpz: merging1(op.fp1('abs')),
  FNEG_zpz: merging1(op.fp1('neg')),
  NOT_zpz: merging1(op.not),

  ADD_zzz: unpredicated2(op.add),
  SUB_zzz: unpredicated2(op.sub),
  ADDPT_zzz: (f, m) => unpredicated2(pointer(op.add))({ ...f, size: 3 }, m),
  SUBPT_zzz: (f, m) => unpredicated2(pointer(op.sub))({ ...f, size: 3 }, m),
  SQADD_zzz: unpredicated2(op.sqadd),
  UQADD_zzz: unpredicated2(op.uqadd),
  SQSUB_zzz: unpredicated2(op.sqsub),
  UQSUB_zzz: unpredicated2(op.uqsub),
  AND_zzz: bitwise((n, m) => n & m),
  ORR_zzz: bitwise((n, m) => n | m),
  EOR_zzz: bitwise((n, m) => n ^ m),
  BIC_zzz: bitwise((n, m) => n & ~m),
  XAR_zzi: (f, m) => {
    const { size, bits } = decodeShift(f);
    const [left, right] = [BigInt(bits - rightAmount(f)), BigInt(rightAmount(f))];
    const { lanes, of } = lanesOf(m, size);
    return () => {
      const [d, b] = [lanes.read(0, f.Zdn), lanes.read(1, f.Zm)];
      for (let i = 0; i < countOf(m, size); i++) {
        const v = BigInt(d[i]!) ^ BigInt(b[i]!);
        d[i] = of(BigInt.asUintN(bits, (v >> right) | (v << left)));
      }
      lanes.write(f.Zdn, d);
    };
  },
  EOR3_zzzz: ternary((n, m, k) => n ^ m ^ k),
  BCAX_zzzz: ternary((n, m, k) => n ^ (m & ~k)),
  BSL_zzzz: ternary((n, m, k) => (n & k) | (m & ~k)),
  BSL1N_zzzz: ternary((n, m, k) => (~n & k) | (m & ~k)),
  BSL2N_zzzz: ternary((n, m, k) => (n & k) | (~m & ~k)),
  NBSL_zzzz: ternary((n, m, k) => ~((n & k) | (m & ~k))),
  ASR_zzw: shiftWide(op.asr, false),
  LSR_zzw: shiftWide(op.lsr, false),
  LSL_zzw: shiftWide(op.lsl, false),
  ASR_zzi: shift(op.asr, rightAmount),
  LSR_zzi: shift(op.lsr, rightAmount),
  LSL_zzi: shift(op.lsl, leftAmount),
  INDEX_ii: (f, m) =>
    index(
      m,
      f.size,
      f.Zd,
      () => signed5(f.imm5),
      () => signed5(f.imm5b),
    ),
  INDEX_ri: (f, m) =>
    index(
      m,
      f.size,
      f.Zd,
      () => m.x(f.Rn),
      () => signed5(f.imm5b),
    ),
  INDEX_ir: (f, m) =>
    index(
      m,
      f.size,
      f.Zd,
      () => signed5(f.imm5),
      () => m.x(f.Rm),
    ),
  INDEX_rr: (f, m) =>
    index(
      m,
      f.size,
      f.Zd,
      () => m.x(f.Rn),
      () => m.x(f.Rm),
    ),
  ADR_sxtw: address((v) => BigInt.asIntN(32, v)),
  ADR_uxtw: address((v) => BigInt.asUintN(32, v)),
  ADR_lsl: (f, m) =>
    unpredicated2(
      op.unsigned2(
        (a, b) => a + b * 2 ** f.msz,
        (a, b) => a + (b << BigInt(f.msz)),
      ),
    )({ ...f, size: 2 + f.sz }, m),
  FTSSEL_zzz: unpredicated2(trigSelect),
  FEXPA_zz: fexpa,
  MOVPRFX_zz: (f, m) => () => {
    m.u8.copyWithin(m.z0 + 256 * f.Zd, m.z0 + 256 * f.Zn, m.z0 + 256 * f.Zn + m.vl);
  },

  ADDVL: addLength((m) => m.vl),
  ADDPL: addLength((m) => m.vl / 8),
  RDVL: (f, m) => () => m.setX(f.Rd, signed6(f.imm6) * BigInt(m.vl)),

  CNT_r: (f, m) => () => m.setX(f.Rd, BigInt(countFor(m, f))),
  INC_r: (f, m) => () => m.setX(f.Rdn, m.x(f.Rdn) + BigInt(f.D ? -countFor(m, f) : countFor(m, f))),
  QINC_r: (f, m) => () => saturateScalar(m, f, countFor(m, f)),
  INC_z: (f, m) => addToElements(m, f, () => countFor(m, f)),
  QINC_z: (f, m) => addToElements(m, f, () => countFor(m, f)),

  ORR_zi: logicalImmediate(op.or),
  EOR_zi: logicalImmediate(op.xor),
  AND_zi: logicalImmediate(op.and),
  DUPM: (f, m) => fill(m, 3, f.Zd, maskOf(f)),
  CPY_zpi: (f, m) => fillActive(m, f, BigInt(signed8(f)), f.M === 1),
  FCPY_zpi: (f, m) => fillActive(m, f, expandImm(f.imm8, (8 << f.size) as Fmt), true),
  ADD_zi: withImmediate(op.add, unsigned8),
  SUB_zi: withImmediate(op.sub, unsigned8),
  SUBR_zi: withImmediate(op.reversed(op.sub), unsigned8),
  SQADD_zi: withImmediate(op.sqadd, unsigned8),
  UQADD_zi: withImmediate(op.uqadd, unsigned8),
  SQSUB_zi: withImmediate(op.sqsub, unsigned8),
  UQSUB_zi: withImmediate(op.uqsub, unsigned8),
  SMAX_zi: withImmediate(op.smax, signed8),
  UMAX_zi: withImmediate(op.umax, unsigned8),
  SMIN_zi: withImmediate(op.smin, signed8),
  UMIN_zi: withImmediate(op.umin, unsigned8),
  MUL_zi: withImmediate(op.mul, signed8),
  DUP_zi: (f, m) => fill(m, f.size, f.Zd, BigInt(signed8(f))),
  FDUP_zi: (f, m) => fill(m, f.size, f.Zd, expandImm(f.imm8, (8 << f.size) as Fmt)),
});

// ---- sums of products -----------------------------------------------------------------------------------------------------------

interface Products {
  readonly Zm: number;
  readonly Zn: number;
  readonly Zda: number;
}
type Terms = (e: number, n: Elements<number>, m: Elements<number>) => bigint;
/** Zda[e] += terms(e) over elements a quarter as wide. */
const dotProduct =
  (signedN: boolean, signedM: boolean, terms: (f: { rot?: number }) => Terms) =>
  (f: Products & { sz?: number; rot?: number }, m: SveMachine): Plan => {
    const size = 2 + (f.sz ?? 0);
    const { lanes, of } = lanesOf(m, size);
    const [n, o] = [narrow(m, size - 2, signedN), narrow(m, size - 2, signedM)];
    const sumOf = terms(f);
    return () => {
      const [d, a, b] = [lanes.read(0, f.Zda), n.read(1, f.Zn), o.read(2, f.Zm)];
      for (let e = 0; e < countOf(m, size); e++) d[e] = of(BigInt.asUintN(8 << size, BigInt(d[e]!) + sumOf(e, a, b)));
      lanes.write(f.Zda, d);
    };
  };
const fourProducts = (): Terms => (e, n, m) => {
  let s = 0;
  for (let i = 4 * e; i < 4 * e + 4; i++) s += n[i]! * m[i]!;
  return BigInt(s);
};
/** Two complex products, their real (rot 0, 180) or imaginary parts. @arm CDOT */
const complexProducts = ({ rot = 0 }: { rot?: number }): Terms => {
  const [a, b] = rot & 1 ? [1, 0] : [0, 1];
  const sign = (rot & 1) === rot >> 1 ? -1 : 1;
  return (e, n, m) => {
    let s = 0;
    for (let i = 4 * e; i < 4 * e + 4; i += 2) s += n[i]! * m[i + a]! + sign * n[i + 1]! * m[i + b]!;
    return BigInt(s);
  };
};
/** Zda[e] = f(Zda[e], Zn[2e + odd n], Zm[2e + odd m]) over elements half as wide. Shared with other widening operations. */
export const widening =
  (o: Op3, odds: (f: { T?: number }) => readonly [n: number, m: number]) =>
  (f: Products & { size: number; T?: number }, m: SveMachine): Plan => {
    const source = narrow(m, f.size - 1, o.signed);
    const [x, y] = odds(f);
    const { lanes, of } = lanesOf(m, f.size, o.signed);
    const g = (f.size < 3 ? o.n : o.w) as (c: unknown, a: unknown, b: unknown, bits: number) => number | bigint;
    return () => {
      const [d, a, b] = [lanes.read(0, f.Zda), source.read(1, f.Zn), source.read(2, f.Zm)];
      for (let e = 0; e < countOf(m, f.size); e++) d[e] = g(d[e], of(a[2 * e + x]!), of(b[2 * e + y]!), lanes.bits);
      lanes.write(f.Zda, d);
    };
  };
const same = ({ T = 0 }: { T?: number }) => [T, T] as const;
const bottomTop = () => [0, 1] as const;
const long = (signed: boolean, sign: 1 | -1): Op3 => ({
  signed,
  n: (c, a, b) => c + sign * a * b,
  w: (c, a, b) => c + BigInt(sign) * a * b,
});
/** Doubled product and sum saturate each on its own. */
const longDoubling = (sign: 1 | -1): Op3 =>
  op.signed3(
    (c, a, b, bits) => op.satS.n(c + sign * op.satS.n(2 * a * b, bits), bits),
    (c, a, b) => op.satS.w(c + BigInt(sign) * op.satS.w(2n * a * b)),
  );
/** Pairs of elements as complex numbers: real part, imaginary part += products that the rotation chooses. @arm CMLA */
const complex =
  (o: { readonly plus: Op3; readonly minus: Op3 }) =>
  (f: Products & { size: number; rot: number }, m: SveMachine): Plan => {
    const { lanes } = lanesOf(m, f.size, true);
    const [a, b] = f.rot & 1 ? [1, 0] : [0, 1];
    const choose = (minus: boolean) =>
      (f.size < 3 ? (minus ? o.minus : o.plus).n : (minus ? o.minus : o.plus).w) as (
        c: unknown, x: unknown, y: unknown, bits: number,
      ) => number | bigint; // biome-ignore format: a type
    const real = choose((f.rot & 1) !== f.rot >> 1);
    const imaginary = choose(f.rot >> 1 === 1);
    return () => {
      const [d, n, o2] = [lanes.read(0, f.Zda), lanes.read(1, f.Zn), lanes.read(2, f.Zm)];
      for (let e = 0; e < countOf(m, f.size); e += 2) {
        d[e] = real(d[e], n[e + a], o2[e + a], lanes.bits);
        d[e + 1] = imaginary(d[e + 1], n[e + a], o2[e + b], lanes.bits);
      }
      lanes.write(f.Zda, d);
    };
  };

export const sveIntMla = routines(SVE_INT_MLA, {
  MLAPT_zzzz: (f, m) => accumulating(multiplyPointer)({ ...f, size: 3 }, m),
  MADPT_zzzz: ({ Zdn, Zm, Za }, m) => multiplyInto(Zdn, Za, Zm, m),
  SDOT_zzzz: dotProduct(true, true, fourProducts),
  UDOT_zzzz: dotProduct(false, false, fourProducts),
  USDOT_zzzz: dotProduct(false, true, fourProducts),
  CDOT_zzzz: dotProduct(true, true, complexProducts),
  CMLA_zzzz: complex({ plus: op.mla, minus: op.mls }),
  SQRDCMLAH_zzzz: complex({ plus: op.sqrdmlah, minus: op.sqrdmlsh }),
  SQDMLALBT_zzzz: widening(longDoubling(1), bottomTop),
  SQDMLSLBT_zzzz: widening(longDoubling(-1), bottomTop),
  SMLAL_zzzz: widening(long(true, 1), same),
  UMLAL_zzzz: widening(long(false, 1), same),
  SMLSL_zzzz: widening(long(true, -1), same),
  UMLSL_zzzz: widening(long(false, -1), same),
  SQDMLAL_zzzz: widening(longDoubling(1), same),
  SQDMLSL_zzzz: widening(longDoubling(-1), same),
  SQRDMLAH_zzzz: accumulating(op.sqrdmlah),
  SQRDMLSH_zzzz: accumulating(op.sqrdmlsh),
});
