// Floating point in handlers: the host's own arithmetic where it gives exactly what Arm asks for, the soft
// implementation everywhere else. The host's answer counts if
// - FPCR is such that operations mean IEEE 754 to nearest (no flushing, no other rounding, AH = 0), and
// - the result shows that no flag but Inexact can have been raised, and Inexact is set already (or cannot be raised).
// Programs meet the slow path once, for their first inexact result; after that only for special values.

import { FPSR_IXC, Slot } from '../cpu/state.ts';
import { constantOf } from '../ir/builder.ts';
import { fpKey, fpTypes } from '../ir/fp_ops.ts';
import type { FpAttr, NodeOf } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { PlainOp } from '../wasm/opcodes.ts';
import type { Emitter } from './emit.ts';
import type { Checks } from './emit_frame.ts';
import { fusedScalar } from './emit_fused.ts';
import { checksOf, type Fast, Scalar, WIDTH } from './fp_scalar.ts';

/** FPCR: RMode, FZ, AH, FIZ. Default NaNs do not matter where there are no NaNs. */
export const FPCR_SPECIAL = 0x01c0_0003;

export function callSoft(e: Emitter, attr: FpAttr): void {
  const { args, result } = fpTypes(attr);
  e.code.call(e.f.import(`fp:${fpKey(attr)}`, args, [result]));
}
/** Asks FPCR (and for inexact operations FPSR) too whether the host's result counts. */
export function emitUnlessExact(e: Emitter, { inexact, counts, rare }: Checks, soft: () => void): void {
  const { code, f } = e;
  code.get(f.cpu).mem('i32.load', Slot.FPCR).i32(FPCR_SPECIAL).op('i32.and');
  if (inexact) {
    code.get(f.cpu).mem('i32.load', Slot.FPSR).i32(FPSR_IXC).op('i32.and').i32(FPSR_IXC).op('i32.xor').op('i32.or');
  }
  code.op('i32.eqz');
  counts();
  if (rare) {
    rare();
    code.op('i32.or');
  }
  code.i32(0).op('i32.ne').op('i32.and').op('i32.eqz');
  code.block('if');
  soft();
  code.end();
}

/** WebAssembly's names of rounding to an integral value. FPCR.RMode is to nearest where the host counts at all. */
const ROUND: Readonly<Record<string, string>> = {
  fpcr: 'nearest',
  tieeven: 'nearest',
  plusinf: 'ceil',
  minusinf: 'floor',
  zero: 'trunc',
};

function fastScalar(e: Emitter, n: NodeOf<'fp'>): Fast | undefined {
  const a = n.attr;
  if (a.fmt === 16) return undefined;
  const w = WIDTH[a.fmt];
  const { code } = e;
  const plainFraction = n.args[1] !== undefined && constantOf(n.args[1]) === 0;
  // Nothing is put into locals for operations that have no fast form.
  const scalar = (): Scalar =>
    new Scalar(
      code,
      w,
      // What comes second there is a count.
      n.args.slice(0, a.op === 'toInt' ? 1 : undefined).map((x) => e.inNumber(x)),
    );
  const type = w.float;
  switch (a.op) {
    case 'add':
    case 'sub': {
      const s = scalar();
      const { op } = a;
      return {
        inexact: true,
        type,
        result: () => s.arithmetic(op),
        counts: (r) => void s.isFinite(r),
        exact: (r) => s.sumIsExact(op, r),
      };
    }
    case 'mul':
    case 'div':
    case 'sqrt': {
      const s = scalar();
      return {
        inexact: true,
        type,
        result: () => s.arithmetic(a.op),
        counts: (r) => void s.isNormal(r),
        // A zero from a zero is exact; any other zero or denormal may be an underflow.
        rare: (r) => {
          s.isZero(r);
          s.isZero(s.args[0]!);
          if (a.op === 'mul') {
            s.isZero(s.args[1]!);
            code.op('i32.or');
          }
          code.op('i32.and');
        },
        exact: (r) => {
          const [x, y] = s.args as [number, number];
          if (a.op === 'mul') s.areShort(x, y);
          else if (a.op === 'div') s.productIs(r, y, x);
          else s.productIs(r, r, x);
        },
      };
    }
    case 'max':
    case 'min':
    case 'maxnm':
    case 'minnm': {
      const s = scalar();
      const name = a.op.slice(0, 3);
      return { inexact: false, type, result: () => s.arithmetic(name), counts: (r) => void s.isNumber(r) };
    }
    case 'neg':
    case 'abs': {
      const s = scalar();
      // Of NaNs, too, these change the sign only.
      return { inexact: false, type, result: () => s.arithmetic(a.op), counts: () => void code.i32(1) };
    }
    case 'compare': {
      const s = scalar();
      const test = (name: string): Code => {
        for (const x of s.args) s.number(x);
        return code.op(`${w.float}.${name}` as PlainOp);
      };
      const result = (): void => {
        test('lt').i32(3).op('i32.shl');
        test('eq').i32(6).op('i32.mul').op('i32.or');
        test('gt').i32(1).op('i32.shl').op('i32.or');
      };
      return { inexact: false, type: 'i32', result, counts: (r) => void code.get(r) };
    }
    case 'eq':
    case 'ge':
    case 'gt': {
      const s = scalar();
      const result = (): void => {
        for (const x of s.args) s.number(x);
        code.op(`${w.float}.${a.op}` as PlainOp);
      };
      const counts = (): void => {
        s.isNumber(s.args[0]!);
        s.isNumber(s.args[1]!);
        code.op('i32.and');
      };
      return { inexact: false, type: 'i32', result, counts };
    }
    case 'convert': {
      if (a.to === 16 || a.rounding === 'odd' || (a.rounding !== 'fpcr' && a.rounding !== 'tieeven')) return undefined;
      const s = scalar();
      const to = new Scalar(code, WIDTH[a.to as 32 | 64], s.args);
      const [x] = s.args as [number];
      if (a.to === 64) {
        const result = (): void => void s.number(x).op('f64.promote_f32');
        return { inexact: false, type: 'f64', result, counts: (r) => void to.isNumber(r) };
      }
      return {
        inexact: true,
        type: 'f32',
        result: () => void s.number(x).op('f32.demote_f64'),
        counts: (r) => void to.isNormal(r),
        rare: () => void s.isZero(x),
        exact: (r) => {
          to.number(r).op('f64.promote_f32');
          s.number(x).op('f64.eq');
        },
      };
    }
    case 'roundInt': {
      const name = ROUND[a.rounding];
      if (!name) return undefined;
      const s = scalar();
      const exact = (r: number): void => {
        for (const v of [r, s.args[0]!]) s.number(v);
        s.float('eq');
      };
      return { inexact: a.exact, type, result: () => s.arithmetic(name), counts: (r) => void s.isNumber(r), exact };
    }
    case 'toInt': {
      const name = ROUND[a.rounding];
      if (!name || a.to === 16 || !plainFraction) return undefined;
      return toInteger(e, scalar(), a, name);
    }
    case 'fromInt': {
      if (a.to === 16 || !plainFraction) return undefined;
      const x = e.inLocal(n.args[0]!);
      const from = a.to === 64 ? 'i64' : 'i32';
      const result = (): void => void code.get(x).op(`${w.float}.convert_${from}_${a.signed ? 's' : 'u'}`);
      const constant = (v: bigint): Code => (from === 'i64' ? code.i64(v) : code.i32(Number(v)));
      const exact = (): void => {
        code.get(x);
        if (a.signed) {
          constant(w.whole);
          code.op(`${from}.add`);
        }
        constant(a.signed ? 2n * w.whole : w.whole);
        code.op(`${from}.le_u`);
      };
      return { inexact: a.to === 64 || a.fmt === 32, type, result, counts: () => void code.i32(1), exact };
    }
    default:
      return undefined;
  }
}

function toInteger(e: Emitter, s: Scalar, a: FpAttr, round: string): Fast {
  const { code } = e;
  const { float } = s.w;
  const int = a.to === 64 ? 'i64' : 'i32';
  const constant = (v: number): Code => (float === 'f64' ? code.f64(v) : code.f32(v));
  const integral = e.f.temp(float);
  // Whole numbers below 2^bits: at the borders of the range the formats have no number in between.
  const top = 2 ** (a.signed ? a.to - 1 : a.to);
  return {
    inexact: true,
    type: int,
    result: () => {
      s.number(s.args[0]!)
        .op(`${float}.${round}` as PlainOp)
        .tee(integral);
      code.op(`${int}.trunc_sat_${float}_${a.signed ? 's' : 'u'}`);
    },
    counts: () => {
      code.get(integral);
      constant(a.signed ? -top : 0)
        .op(`${float}.ge`)
        .get(integral);
      constant(top).op(`${float}.lt`).op('i32.and');
    },
    exact: () => {
      code.get(integral);
      s.number(s.args[0]!).op(`${float}.eq`);
    },
  };
}

export function emitFp(e: Emitter, n: NodeOf<'fp'>): void {
  const { code, f } = e;
  const fast = n.attr.op === 'fma' ? fusedScalar(e, n) : fastScalar(e, n);
  if (!fast) {
    for (const a of n.args) e.value(a);
    callSoft(e, n.attr);
    e.store(n);
    return;
  }
  const { type } = fast;
  const value = f.temp(type);
  fast.result();
  code.set(value);
  e.s.unlessExact(e, checksOf(fast, value), () => {
    for (const a of n.args) e.value(a);
    callSoft(e, n.attr);
    if (type === 'f64') code.op('f64.reinterpret_i64');
    else if (type === 'f32') code.op('f32.reinterpret_i32');
    code.set(value);
  });
  if (type === 'f64' || type === 'f32') e.defineNumber(n, value);
  else e.define(n, value);
}
