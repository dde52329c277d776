// The shortcuts give what the exact way gives: results and flags, in every mode, with Inexact known or not.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FpOp, fpOps, fpTypes } from '../../ir/fp_ops.ts';
import type { FpAttr } from '../../ir/ops.ts';
import * as arith from './arith.ts';
import { compareExactly, fpCompareEQ, fpCompareGE, fpCompareGT } from './compare.ts';
import { type Fmt, FPCR, FPSR, type FpContext, type FpRounding, fpRoundingMode } from './context.ts';
import { convertExactly, fixedToFp, roundIntExactly, toFixedExactly } from './convert.ts';
import { directFp } from './direct.ts';

type Exact = (cx: FpContext, x: FpAttr, a: bigint, b: bigint, c: bigint) => bigint | number | boolean;
const modeOf = (cx: FpContext, x: FpAttr) =>
  x.rounding === 'fpcr' ? fpRoundingMode(cx.fpcr) : (x.rounding as FpRounding);
const width = (x: FpAttr) => x.to as 32 | 64;
const exact: Partial<Record<FpOp, Exact>> = {
  add: (cx, x, a, b) => arith.addExactly(cx, x.fmt, a, b),
  sub: (cx, x, a, b) => arith.subExactly(cx, x.fmt, a, b),
  mul: (cx, x, a, b) => arith.mulExactly(cx, x.fmt, a, b),
  div: (cx, x, a, b) => arith.divExactly(cx, x.fmt, a, b),
  max: (cx, x, a, b) => arith.fpMax(cx, x.fmt, a, b),
  min: (cx, x, a, b) => arith.fpMin(cx, x.fmt, a, b),
  sqrt: (cx, x, a) => arith.sqrtExactly(cx, x.fmt, a),
  fma: (cx, x, c, a, b) => arith.mulAddExactly(cx, x.fmt, c, a, b),
  neg: (cx, x, a) => arith.fpNeg(cx, x.fmt, a),
  abs: (cx, x, a) => arith.fpAbs(cx, x.fmt, a),
  compare: (cx, x, a, b) => compareExactly(cx, x.fmt, a, b, x.exact),
  eq: (cx, x, a, b) => fpCompareEQ(cx, x.fmt, a, b),
  ge: (cx, x, a, b) => fpCompareGE(cx, x.fmt, a, b),
  gt: (cx, x, a, b) => fpCompareGT(cx, x.fmt, a, b),
  convert: (cx, x, a) => convertExactly(cx, x.fmt, x.to as Fmt, a, modeOf(cx, x)),
  toInt: (cx, x, a, fbits) => toFixedExactly(cx, x.fmt, a, width(x), x.signed, modeOf(cx, x), Number(fbits)),
  fromInt: (cx, x, a, fbits) => fixedToFp(cx, x.fmt, a, width(x), x.signed, Number(fbits)),
  roundInt: (cx, x, a) => roundIntExactly(cx, x.fmt, a, modeOf(cx, x), x.exact),
};

/** Exponents crowd around 1 and the ends of the range, fractions around their own ends. */
function operand(bits: 32 | 64): fc.Arbitrary<bigint> {
  const [E, F] = bits === 64 ? [11, 52] : [8, 23];
  const top = 2 ** E - 1;
  const near = (n: number) => fc.integer({ min: Math.max(0, n - 3), max: Math.min(top, n + 3) });
  const middle = fc.integer({ min: Math.max(0, (top >> 1) - 30), max: (top >> 1) + 64 });
  const exponent = fc.oneof(near(0), near(top), near(top >> 1), middle, fc.integer({ min: 0, max: top }));
  const all = (1n << BigInt(F)) - 1n;
  const fraction = fc.oneof(
    fc.bigInt(0n, all),
    fc.constantFrom(0n, 1n, all, all - 1n, 1n << BigInt(F - 1), (1n << BigInt(F - 1)) - 1n),
    fc.integer({ min: 0, max: F }).map((n) => all & ~((1n << BigInt(n)) - 1n)),
  );
  return fc
    .tuple(exponent, fraction, fc.boolean())
    .map(([e, f, s]) => ((s ? 1n : 0n) << BigInt(bits - 1)) | (BigInt(e) << BigInt(F)) | f);
}
const integer = (bits: number) =>
  fc.oneof(
    fc.bigInt(0n, 2n ** BigInt(bits) - 1n),
    fc
      .tuple(fc.integer({ min: 0, max: bits - 1 }), fc.bigInt(-2n, 2n))
      .map(([n, d]) => BigInt.asUintN(bits, (1n << BigInt(n)) + d)),
  );
const fpcr = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.subarray([FPCR.FZ, FPCR.DN, FPCR.AH, FPCR.FIZ, FPCR.AHP, FPCR.FZ16]))
  .map(([mode, bits]) => bits.reduce((x, y) => x | y, mode << 22));

const roundings = ['fpcr', 'tieeven', 'plusinf', 'minusinf', 'zero', 'tieaway'];
function attributes(): FpAttr[] {
  const plain = { signed: false, exact: false, rounding: '' };
  const out: FpAttr[] = [];
  for (const fmt of [32, 64] as const) {
    for (const op of Object.keys(exact) as FpOp[]) {
      const one = { op, fmt, to: fmt, ...plain };
      if (op === 'convert')
        out.push({ ...one, to: 96 - fmt, rounding: 'fpcr' }, { ...one, to: 96 - fmt, rounding: 'odd' });
      else if (op === 'toInt' || op === 'fromInt') {
        for (const to of [32, 64]) {
          for (const signed of [false, true]) {
            const modes = op === 'toInt' ? roundings.slice(1) : [''];
            out.push(...modes.map((rounding) => ({ ...one, to, signed, rounding })));
          }
        }
      } else if (op === 'roundInt')
        out.push(...roundings.map((rounding) => ({ ...one, rounding, exact: rounding === 'fpcr' })));
      else if (op === 'compare') out.push(one, { ...one, exact: true });
      else out.push(one);
    }
  }
  return out;
}

describe('shortcuts', () => {
  test.each(attributes().map((x) => ({ x, name: `${x.op} ${x.fmt} ${x.to} ${x.signed} ${x.rounding}` })))(
    '$name',
    ({ x }) => {
      const direct = directFp(x);
      if (!direct) {
        expect([x.op, x.fmt]).toSatisfy(([op, fmt]: [FpOp, Fmt]) => fmt === 64 && (op === 'neg' || op === 'abs'));
        return;
      }
      const { args, result } = fpTypes(x);
      const letters = fpOps()[x.op].split(' -> ')[0]!.split(' ');
      const values = letters.map((letter) => {
        if (letter === 'I') return fc.integer({ min: 0, max: x.to }).map(BigInt);
        return letter === 'T' ? integer(x.to) : operand(x.fmt as 32 | 64);
      });
      fc.assert(
        fc.property(fpcr, fc.boolean(), fc.tuple(...values), (mode, known, operands) => {
          const start = known ? FPSR.IXC : 0;
          const here: FpContext = { fpcr: mode, fpsr: start };
          const there: FpContext = { fpcr: mode, fpsr: start };
          const passed = operands.map((v, i) =>
            args[i] === 'i64' ? BigInt.asIntN(64, v) : Number(BigInt.asIntN(32, v)),
          );
          const got = direct(here, ...(passed as [never, never, never]));
          const [a = 0n, b = 0n, c = 0n] = operands;
          const wanted = exact[x.op]!(there, x, a, b, c);
          const bits = result === 'i64' ? 64 : 32;
          expect([BigInt.asUintN(bits, BigInt(got)), here.fpsr]).toEqual([
            BigInt.asUintN(bits, BigInt(wanted)),
            there.fpsr,
          ]);
        }),
        { numRuns: 500 },
      );
    },
  );
});
