// In the default mode (round to nearest, no flushing, NaN payloads aside) JavaScript's own arithmetic is the judge.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FPSR,
  type FpContext,
  fixedToFp,
  fpAdd,
  fpCompare,
  fpConvert,
  fpDiv,
  fpMul,
  fpMulAdd,
  fpRoundInt,
  fpSqrt,
  fpSub,
  fpToFixed,
  fpToFixedJS,
} from './softfloat.ts';

const view = new DataView(new ArrayBuffer(8));
function double(bits: bigint): number {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}
function doubleBits(value: number): bigint {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}
function single(bits: bigint): number {
  view.setUint32(0, Number(bits));
  return view.getFloat32(0);
}
function singleBits(value: number): bigint {
  view.setFloat32(0, value);
  return BigInt(view.getUint32(0));
}
const fresh = (): FpContext => ({ fpcr: 0, fpsr: 0 });

/** Patterns near every boundary, and random ones. */
const bits64 = fc.oneof(
  fc.bigInt(0n, 2n ** 64n - 1n),
  fc.double().map(doubleBits),
  fc
    .tuple(fc.integer({ min: 900, max: 1200 }), fc.bigInt(0n, 2n ** 52n - 1n), fc.boolean())
    .map(([e, f, s]) => (s ? 1n << 63n : 0n) | (BigInt(e) << 52n) | f),
  fc.constantFrom(0n, 1n, 1n << 63n, 0x7ff0_0000_0000_0000n, 0xfff0_0000_0000_0000n, 0x000f_ffff_ffff_ffffn),
);
const bits32 = fc.oneof(
  fc.bigInt(0n, 2n ** 32n - 1n),
  fc
    .tuple(fc.integer({ min: 100, max: 150 }), fc.bigInt(0n, 2n ** 23n - 1n), fc.boolean())
    .map(([e, f, s]) => (s ? 1n << 31n : 0n) | (BigInt(e) << 23n) | f),
  fc.constantFrom(0n, 1n, 1n << 31n, 0x7f80_0000n, 0xff80_0000n, 0x007f_ffffn),
);

/** Equal bit patterns, or both NaN. */
function agree(actual: bigint, expected: bigint, isNaNPattern: (b: bigint) => boolean) {
  if (isNaNPattern(expected)) expect(isNaNPattern(actual)).toBe(true);
  else expect(actual).toBe(expected);
}
const nan64 = (b: bigint) => Number.isNaN(double(b));
const nan32 = (b: bigint) => Number.isNaN(single(b));
const binary = [
  ['add', fpAdd, (a: number, b: number) => a + b],
  ['sub', fpSub, (a: number, b: number) => a - b],
  ['mul', fpMul, (a: number, b: number) => a * b],
  ['div', fpDiv, (a: number, b: number) => a / b],
] as const;

describe('default mode', () => {
  for (const [name, op, js] of binary) {
    test(`double ${name}`, () => {
      fc.assert(
        fc.property(bits64, bits64, (a, b) =>
          agree(op(fresh(), 64, a, b), doubleBits(js(double(a), double(b))), nan64),
        ),
        { numRuns: 3000 },
      );
    });
    test(`single ${name}`, () => {
      fc.assert(
        fc.property(bits32, bits32, (a, b) =>
          agree(op(fresh(), 32, a, b), singleBits(js(single(a), single(b))), nan32),
        ),
        { numRuns: 3000 },
      );
    });
  }
  test('square roots', () => {
    fc.assert(
      fc.property(bits64, (a) => agree(fpSqrt(fresh(), 64, a), doubleBits(Math.sqrt(double(a))), nan64)),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(bits32, (a) => agree(fpSqrt(fresh(), 32, a), singleBits(Math.sqrt(single(a))), nan32)),
      { numRuns: 2000 },
    );
  });
  test('conversions between single and double', () => {
    fc.assert(
      fc.property(bits64, (a) => agree(fpConvert(fresh(), 64, 32, a), singleBits(double(a)), nan32)),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(bits32, (a) => agree(fpConvert(fresh(), 32, 64, a), doubleBits(single(a)), nan64)),
      { numRuns: 2000 },
    );
  });
  test('integers to double and back', () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (n) => {
        const word = BigInt.asUintN(64, n);
        expect(fixedToFp(fresh(), 64, word, 64, true, 0)).toBe(doubleBits(Number(n)));
        expect(fixedToFp(fresh(), 64, word, 64, false, 0)).toBe(doubleBits(Number(word)));
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: -9e18, max: 9e18, noNaN: true }), (x) => {
        const expected = BigInt.asUintN(64, BigInt(Math.trunc(x)));
        expect(fpToFixed(fresh(), 64, doubleBits(x), 64, true, 'zero')).toBe(expected);
        expect(fpRoundInt(fresh(), 64, doubleBits(x), 'minusinf', false)).toBe(doubleBits(Math.floor(x)));
      }),
    );
  });
  test('ToInt32', () => {
    fc.assert(
      fc.property(bits64, (a) => {
        expect(fpToFixedJS(fresh(), a).value).toBe(double(a) >>> 0);
      }),
      {
        numRuns: 3000,
      },
    );
  });
  test('comparison', () => {
    fc.assert(
      fc.property(bits64, bits64, (a, b) => {
        const [x, y] = [double(a), double(b)];
        const expected = x === y ? 0b0110 : x < y ? 0b1000 : x > y ? 0b0010 : 0b0011;
        expect(fpCompare(fresh(), 64, a, b, false)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });
});

test('a fused multiply-add rounds once', () => {
  // (1 + u)(1 - u) - 1 = -u^2 exactly; two roundings would give 0.
  const u = 2 ** -30;
  const cx = fresh();
  const result = fpMulAdd(cx, 64, doubleBits(-1), doubleBits(1 + u), doubleBits(1 - u));
  expect(double(result)).toBe(-(u * u));
  expect(cx.fpsr).toBe(0);
  fc.assert(
    fc.property(bits32, bits32, bits32, (c, a, b) => {
      // With a zero addend of the product's sign it is a multiplication.
      const zero = (a ^ b) & (1n << 31n);
      agree(fpMulAdd(fresh(), 32, zero, a, b), fpMul(fresh(), 32, a, b), nan32);
      agree(fpMulAdd(fresh(), 32, c, singleBits(1), b), fpAdd(fresh(), 32, c, b), nan32);
    }),
    { numRuns: 2000 },
  );
});

test('flags accumulate', () => {
  const cx = fresh();
  fpDiv(cx, 64, doubleBits(1), 0n);
  expect(cx.fpsr).toBe(FPSR.DZC);
  fpDiv(cx, 64, doubleBits(1), doubleBits(3));
  expect(cx.fpsr).toBe(FPSR.DZC | FPSR.IXC);
  fpMul(cx, 64, 1n, doubleBits(0.5));
  expect(cx.fpsr).toBe(FPSR.DZC | FPSR.IXC | FPSR.UFC);
});
