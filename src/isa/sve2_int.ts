// Semantics of arch/a64/sve2_int.ts.

import { SVE2_INT } from '../arch/a64/sve2_int.ts';
import { routines } from './semantics.ts';
import { readMask } from './sve_lanes.ts';
import type { Plan, Routine } from './sve_machine.ts';
import * as op from './sve2_ops.ts';
import {
  type IntOp, lanewise, long, narrow, type Part, pairwise, produce, reader, type Sign, saturateS, shifted, signed, swapped,
  toSigned, wide,
} from './sve2_shapes.ts'; // biome-ignore format: a table

/** Zda plus the sum of both narrow elements in each place. */
const addPairs =
  (sign: Sign): Routine =>
  (f, m): Plan => {
    const { size, Zda, Zn, Pg } = f as { size: number; Zda: number; Zn: number; Pg: number };
    const [full, half] = [reader(m, size), reader(m, size - 1)];
    const bits = 4 << size;
    const get = (i: number): bigint => (sign === 's' ? toSigned(half(Zn, i), bits) : half(Zn, i));
    return () => {
      const active = readMask(m, 0, Pg, size);
      produce(m, Zda, size, (i) => full(Zda, i) + (active[i] ? get(2 * i) + get(2 * i + 1) : 0n));
    };
  };
/** Zdn + Zm turned by 90 (rot 0) or 270 degrees; (real, imaginary) in neighbouring elements. */
const complexAdd =
  (saturating: boolean): Routine =>
  (f, m): Plan => {
    const { size, rot, Zdn, Zm } = f as { size: number; rot: number; Zdn: number; Zm: number };
    const get = reader(m, size);
    const bits = 8 << size;
    const element = (n: number, i: number): bigint => (saturating ? toSigned(get(n, i), bits) : get(n, i));
    return () =>
      produce(m, Zdn, size, (i) => {
        const partner = element(Zm, i ^ 1);
        const sum = element(Zdn, i) + ((i + rot) % 2 === 0 ? -partner : partner);
        return saturating ? saturateS(sum, bits) : sum;
      });
  };
/** Pairs of a sum and its carry: Zda + Zn (or its complement) + the carry in Zm. */
const addCarry =
  (part: Part, invert: boolean): Routine =>
  (f, m): Plan => {
    const { sz, Zda, Zn, Zm } = f as { sz: number; Zda: number; Zn: number; Zm: number };
    const size = 2 + sz;
    const get = reader(m, size);
    const bits = BigInt(8 << size);
    const ones = (1n << bits) - 1n;
    const top = part === 'T' ? 1 : 0;
    return () =>
      produce(m, Zda, size, (i) => {
        const pair = i & ~1;
        const addend = get(Zn, pair + top) ^ (invert ? ones : 0n);
        const sum = get(Zda, pair) + addend + (get(Zm, pair + 1) & 1n);
        return i & 1 ? sum >> bits : sum;
      });
  };

/** Narrow elements shifted left as wide ones. */
const shiftLong =
  (sign: Sign, part: Part): Routine =>
  (f, m): Plan => {
    const { Zd, Zn } = f as { Zd: number; Zn: number };
    const tsz = (f['tszh']! << 2) | f['tszl']!;
    const size = 31 - Math.clz32(tsz);
    const bits = 8 << size;
    const amount = BigInt(((tsz << 3) | f['imm3']!) - bits);
    const get = reader(m, size);
    const top = part === 'T' ? 1 : 0;
    return () =>
      produce(m, Zd, size + 1, (i) => {
        const v = get(Zn, 2 * i + top);
        return (sign === 's' ? toSigned(v, bits) : v) << amount;
      });
  };
const absDiffAddS: IntOp = (a, b, c, bits) => op.absDiffAdd(toSigned(a, bits), toSigned(b, bits), c, bits);

/** Rows for even and odd elements. */
const parts = <B extends string, T extends string>(b: B, t: T, make: (part: Part) => Routine) =>
  ({ [b]: make('B'), [t]: make('T') }) as { readonly [K in B | T]: Routine };
const longPair = <B extends string, T extends string>(b: B, t: T, sign: Sign, f: IntOp) =>
  parts(b, t, (part) => long(sign, f, part));
const widePair = <B extends string, T extends string>(b: B, t: T, sign: Sign, f: IntOp) =>
  parts(b, t, (part) => wide(sign, f, part));
const narrowPair = <B extends string, T extends string>(b: B, t: T, f: IntOp) => parts(b, t, (part) => narrow(f, part));

/** @arm the pages of C8.2 for these instructions */
export const sve2Int = routines(SVE2_INT, {
  URECPE_p: lanewise(op.recipEstimate, 2),
  URSQRTE_p: lanewise(op.recipSqrtEstimate, 2),
  SQABS_p: lanewise(op.sqabs),
  SQNEG_p: lanewise(op.sqneg),
  SADALP_p: addPairs('s'),
  UADALP_p: addPairs('u'),

  SRSHL_p: lanewise(op.srshl),
  URSHL_p: lanewise(op.urshl),
  SRSHLR_p: lanewise(swapped(op.srshl)),
  URSHLR_p: lanewise(swapped(op.urshl)),
  SQSHL_p: lanewise(op.sqshl),
  UQSHL_p: lanewise(op.uqshl),
  SQRSHL_p: lanewise(op.sqrshl),
  UQRSHL_p: lanewise(op.uqrshl),
  SQSHLR_p: lanewise(swapped(op.sqshl)),
  UQSHLR_p: lanewise(swapped(op.uqshl)),
  SQRSHLR_p: lanewise(swapped(op.sqrshl)),
  UQRSHLR_p: lanewise(swapped(op.uqrshl)),

  SHADD_p: lanewise(signed(op.halvingAdd)),
  UHADD_p: lanewise(op.halvingAdd),
  SHSUB_p: lanewise(signed(op.halvingSub)),
  UHSUB_p: lanewise(op.halvingSub),
  SRHADD_p: lanewise(signed(op.roundingHalvingAdd)),
  URHADD_p: lanewise(op.roundingHalvingAdd),
  SHSUBR_p: lanewise(swapped(signed(op.halvingSub))),
  UHSUBR_p: lanewise(swapped(op.halvingSub)),
  ADDP_p: pairwise(op.add),
  SMAXP_p: pairwise(signed(op.max)),
  UMAXP_p: pairwise(op.max),
  SMINP_p: pairwise(signed(op.min)),
  UMINP_p: pairwise(op.min),
  SQADD_p: lanewise(op.satS(op.add)),
  UQADD_p: lanewise(op.satU(op.add)),
  SQSUB_p: lanewise(op.satS(op.sub)),
  UQSUB_p: lanewise(op.satU(op.sub)),
  SUQADD_p: lanewise(op.suqadd),
  USQADD_p: lanewise(op.usqadd),
  SQSUBR_p: lanewise(swapped(op.satS(op.sub))),
  UQSUBR_p: lanewise(swapped(op.satU(op.sub))),

  ...longPair('SADDLB', 'SADDLT', 's', op.add),
  ...longPair('UADDLB', 'UADDLT', 'u', op.add),
  ...longPair('SSUBLB', 'SSUBLT', 's', op.sub),
  ...longPair('USUBLB', 'USUBLT', 'u', op.sub),
  ...longPair('SABDLB', 'SABDLT', 's', op.absDiff),
  ...longPair('UABDLB', 'UABDLT', 'u', op.absDiff),
  SADDLBT: long('s', op.add, 'B', 'T'),
  SSUBLBT: long('s', op.sub, 'B', 'T'),
  SSUBLTB: long('s', op.sub, 'T', 'B'),
  ...widePair('SADDWB', 'SADDWT', 's', op.add),
  ...widePair('UADDWB', 'UADDWT', 'u', op.add),
  ...widePair('SSUBWB', 'SSUBWT', 's', op.sub),
  ...widePair('USUBWB', 'USUBWT', 'u', op.sub),
  ...parts('SSHLLB', 'SSHLLT', (part) => shiftLong('s', part)),
  ...parts('USHLLB', 'USHLLT', (part) => shiftLong('u', part)),

  CADD: complexAdd(false),
  SQCADD: complexAdd(true),
  ...longPair('SABALB', 'SABALT', 's', op.absDiffAdd),
  ...longPair('UABALB', 'UABALT', 'u', op.absDiffAdd),
  ...parts('ADCLB', 'ADCLT', (part) => addCarry(part, false)),
  ...parts('SBCLB', 'SBCLT', (part) => addCarry(part, true)),
  SSRA_z: shifted(op.accumulated(op.shrS), 'right'),
  USRA_z: shifted(op.usra, 'right'),
  SRSRA_z: shifted(op.accumulated(op.rshrS), 'right'),
  URSRA_z: shifted(op.accumulated(op.rshrU), 'right'),
  SRI_z: shifted(op.insertRight, 'right'),
  SLI_z: shifted(op.insertLeft, 'left'),
  SABA_z: lanewise(absDiffAddS),
  UABA_z: lanewise(op.absDiffAdd),

  ...narrowPair('SQXTNB', 'SQXTNT', op.sqxtn),
  ...narrowPair('UQXTNB', 'UQXTNT', op.uqxtn),
  ...narrowPair('SQXTUNB', 'SQXTUNT', op.sqxtun),
  ...narrowPair('SQSHRUNB', 'SQSHRUNT', op.sqshrun),
  ...narrowPair('SQRSHRUNB', 'SQRSHRUNT', op.sqrshrun),
  ...narrowPair('SHRNB', 'SHRNT', op.shrn),
  ...narrowPair('RSHRNB', 'RSHRNT', op.rshrn),
  ...narrowPair('SQSHRNB', 'SQSHRNT', op.sqshrn),
  ...narrowPair('SQRSHRNB', 'SQRSHRNT', op.sqrshrn),
  ...narrowPair('UQSHRNB', 'UQSHRNT', op.uqshrn),
  ...narrowPair('UQRSHRNB', 'UQRSHRNT', op.uqrshrn),
  ...narrowPair('ADDHNB', 'ADDHNT', op.high(op.add, false)),
  ...narrowPair('RADDHNB', 'RADDHNT', op.high(op.add, true)),
  ...narrowPair('SUBHNB', 'SUBHNT', op.high(op.sub, false)),
  ...narrowPair('RSUBHNB', 'RSUBHNT', op.high(op.sub, true)),
});
