// Operations of single and double precision as functions of what engines pass (i32 as number, i64 as bigint), without a
// detour through bigint for singles. Knows the shortcuts of single.ts, double.ts and integers.ts and nothing else: an
// operation that has none is undefined here and goes through softfloat.ts.

import type { FpAttr } from '../../ir/ops.ts';
import { FPCR, type FpContext, type FpRounding, fpRoundingMode } from './context.ts';
import * as d from './double.ts';
import * as i from './integers.ts';
import * as s from './single.ts';

export type DirectFp = (cx: FpContext, a: never, b: never, c: never) => number | bigint;

type Binary32 = (cx: FpContext, a: number, b: number) => number;
type Binary64 = (cx: FpContext, a: bigint, b: bigint) => bigint;

const binary32: Readonly<Record<string, Binary32>> = {
  add: s.add32,
  sub: s.sub32,
  mul: s.mul32,
  div: s.div32,
  max: s.max32,
  min: s.min32,
  eq: (cx, a, b) => (s.compare32(cx, a, b, false) >> 2) & 1,
  ge: (cx, a, b) => (s.compare32(cx, a, b, true) & 0b1001 ? 0 : 1),
  gt: (cx, a, b) => (s.compare32(cx, a, b, true) === 0b0010 ? 1 : 0),
};
const binary64: Readonly<Record<string, Binary64 | ((cx: FpContext, a: bigint, b: bigint) => number)>> = {
  add: d.add64,
  sub: d.sub64,
  mul: d.mul64,
  div: d.div64,
  max: d.max64,
  min: d.min64,
  eq: (cx, a, b) => (d.compare64(cx, a, b, false) >> 2) & 1,
  ge: (cx, a, b) => (d.compare64(cx, a, b, true) & 0b1001 ? 0 : 1),
  gt: (cx, a, b) => (d.compare64(cx, a, b, true) === 0b0010 ? 1 : 0),
};

const isNaN32 = (a: number) => (a & 0x7fff_ffff) > 0x7f80_0000;
const neg32 = (cx: FpContext, a: number) => (cx.fpcr & FPCR.AH && isNaN32(a) ? a : a ^ 0x8000_0000);
const abs32 = (cx: FpContext, a: number) => (cx.fpcr & FPCR.AH && isNaN32(a) ? a : a & 0x7fff_ffff);

/** The direct form of an operation, if it has one. */
export function directFp(x: FpAttr): DirectFp | undefined {
  if (x.fmt === 16 || x.to === 16) return undefined;
  const { signed, exact, op } = x;
  const modeOf = (cx: FpContext): FpRounding =>
    x.rounding === 'fpcr' ? fpRoundingMode(cx.fpcr) : (x.rounding as FpRounding);
  const single = x.fmt === 32;
  switch (op) {
    case 'sqrt':
      return single ? s.sqrt32 : d.sqrt64;
    case 'fma':
      return single ? s.fma32 : d.fma64;
    case 'neg':
      return single ? neg32 : undefined;
    case 'abs':
      return single ? abs32 : undefined;
    case 'compare':
      return single
        ? (cx: FpContext, a: number, b: number) => s.compare32(cx, a, b, exact)
        : (cx: FpContext, a: bigint, b: bigint) => d.compare64(cx, a, b, exact);
    case 'convert':
      if (single) return x.to === 64 ? i.singleToDouble : undefined;
      return x.to === 32 ? (cx: FpContext, a: bigint) => i.doubleToSingle(cx, a, modeOf(cx)) : undefined;
    case 'toInt': {
      if (single) {
        const f = x.to === 64 ? i.singleTo64 : i.singleTo32;
        return (cx: FpContext, a: number, fbits: number) => f(cx, a, signed, modeOf(cx), fbits);
      }
      const f = x.to === 64 ? i.doubleTo64 : i.doubleTo32;
      return (cx: FpContext, a: bigint, fbits: number) => f(cx, a, signed, modeOf(cx), fbits);
    }
    case 'fromInt': {
      if (x.to === 64) {
        const f = single ? i.int64ToSingle : i.int64ToDouble;
        return (cx: FpContext, a: bigint, fbits: number) => f(cx, a, signed, fbits);
      }
      const f = single ? i.int32ToSingle : i.int32ToDouble;
      return (cx: FpContext, a: number, fbits: number) => f(cx, a, signed, fbits);
    }
    case 'roundInt':
      return single
        ? (cx: FpContext, a: number) => i.roundSingle(cx, a, modeOf(cx), exact)
        : (cx: FpContext, a: bigint) => i.roundDouble(cx, a, modeOf(cx), exact);
    default:
      return single ? binary32[op] : binary64[op];
  }
}
