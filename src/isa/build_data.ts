// The facade of ops.ts on top of the IR, continued: arithmetic, memory, vectors, floating point.

import type { FpOp } from '../ir/fp_ops.ts';
import type { Access, Fmt, FpAttr, Op, Place, ValueNode } from '../ir/ops.ts';
import { node } from './build.ts';
import type { Bits, Ops, Reg, Shape, Val } from './ops.ts';
import type { Recorder } from './record.ts';
import { tokenOf } from './record.ts';

type Int = 'i32' | 'i64';
const intOf = (v: Val): Int => v.ty as Int;
type GetOps = () => Ops;

type ArithmeticName =
  | 'add' | 'sub' | 'mul' | 'and' | 'or' | 'xor' | 'not' | 'neg' | 'shl' | 'shrU' | 'shrS' | 'rotr' | 'clz' | 'ctz'
  | 'popcnt' | 'udiv' | 'sdiv' | 'umulh' | 'smulh' | 'rbit' | 'revBytes' | 'eq' | 'ne' | 'ltU' | 'ltS' | 'leU' | 'leS'
  | 'eqz' | 'select' | 'wrap' | 'extU' | 'extS' | 'sext' | 'zext'; // biome-ignore format: a table

export function makeArithmetic(r: Recorder): Pick<Ops, ArithmeticName> {
  const constant = (like: Val, n: bigint): ValueNode => r.ir.const(intOf(like), n);
  const add = (op: Op, ...args: Val[]): Val =>
    (r.ir.add as (op: Op, args: ValueNode[]) => ValueNode)(op, args.map(node));
  const one = (name: string) => (a: Val) => add(`${a.ty}.${name}` as Op, a);
  const two = (name: string) => (a: Val, b: Val) => add(`${a.ty}.${name}` as Op, a, b);
  const and = two('and');
  const or = two('or');
  const shl = two('shl');
  const shrU = two('shr_u');
  const rotr = two('rotr');
  /** Exchanges neighbouring groups of `n` bits; mask selects the lower of each pair. */
  const exchange = (a: Val, n: bigint, mask: bigint): Val =>
    or(and(shrU(a, constant(a, n)), constant(a, mask)), shl(and(a, constant(a, mask)), constant(a, n)));
  const revBytes = (a: Val, group: 16 | 32 | 64): Val => {
    const halves = exchange(a, 8n, 0x00ff00ff00ff00ffn);
    if (group === 16) return halves;
    if (a.ty === 'i32') return rotr(halves, constant(a, 16n));
    const words = exchange(halves, 16n, 0x0000ffff0000ffffn);
    return group === 32 ? words : rotr(words, constant(a, 32n));
  };
  const low = (bits: 8 | 16 | 32): bigint => (1n << BigInt(bits)) - 1n;
  return {
    add: two('add'),
    sub: two('sub'),
    mul: two('mul'),
    and,
    or,
    xor: two('xor'),
    not: (a) => two('xor')(a, constant(a, -1n)),
    neg: (a) => two('sub')(constant(a, 0n), a),
    shl,
    shrU,
    shrS: two('shr_s'),
    rotr,
    clz: one('clz'),
    ctz: one('ctz'),
    popcnt: one('popcnt'),
    udiv: two('quot_u'),
    sdiv: two('quot_s'),
    umulh: two('mulhi_u'),
    smulh: two('mulhi_s'),
    rbit: (a) => {
      const bits = exchange(
        exchange(exchange(a, 1n, 0x5555555555555555n), 2n, 0x3333333333333333n),
        4n,
        0x0f0f0f0f0f0f0f0fn,
      );
      return revBytes(bits, a.ty === 'i64' ? 64 : 32);
    },
    revBytes,
    eq: two('eq'),
    ne: two('ne'),
    ltU: two('lt_u'),
    ltS: two('lt_s'),
    leU: two('le_u'),
    leS: two('le_s'),
    eqz: one('eqz'),
    select: (cond, a, b) => add(`${a.ty}.select` as Op, cond, a, b),
    wrap: (a) => add('i32.wrap_i64', a),
    extU: (a) => add('i64.extend_i32_u', a),
    extS: (a) => add('i64.extend_i32_s', a),
    sext: (a, bits) => (a.ty === 'i32' && bits === 32 ? a : one(`extend${bits}_s`)(a)),
    zext: (a, bits) => (a.ty === 'i32' && bits === 32 ? a : and(a, constant(a, low(bits)))),
  };
}

type MemoryName =
  | 'addAddress' | 'checkPointer'
  | 'ld' | 'st' | 'ldMany' | 'stMany' | 'ldAtomic' | 'stAtomic' | 'rmw' | 'rmwPair' | 'ldExclusive' | 'stExclusive'; // biome-ignore format: a table

export function makeMemory(r: Recorder, ops: GetOps): Pick<Ops, MemoryName> {
  const PLAIN = { atomic: false, ordered: false, unprivileged: false } as const;
  type Kind = 'r' | 'w' | 'rw';
  const check = (
    kind: Kind,
    addr: Val,
    bits: number,
    count: number,
    how: Partial<Omit<Access, 'size'>> = {},
  ): ValueNode =>
    r.ir.add(`mem.${kind}`, [node(addr)], { size: (bits / 8) * count, element: bits / 8, ...PLAIN, ...how });
  const load = (host: ValueNode, bits: Bits, i: number): ValueNode =>
    r.ir.add(`host.load${bits}`, [host], (i * bits) / 8);
  const store = (host: ValueNode, bits: Bits, values: readonly Val[]): void => {
    for (const [i, v] of values.entries()) r.ir.add(`host.store${bits}`, [host, node(v)], (i * bits) / 8);
    r.ir.add('mem.commit', [host]);
  };
  const loads = (host: ValueNode, bits: Bits, count: number): ValueNode[] =>
    Array.from({ length: count }, (_, i) => load(host, bits, i));
  const monitor: Place = { slot: 'EXCL_ADDR' };
  const seen: readonly Place[] = [{ slot: 'EXCL_DATA' }, { slot: 'EXCL_DATA_HI' }];
  const asI64 = (v: Val): ValueNode => node(v.ty === 'i32' ? ops().extU(v) : v);
  return {
    addAddress: (base, offset, opts) =>
      r.ir.add('ptr.add', [node(base), node(offset)], opts?.unprivileged ? 'unprivileged' : 'present'),
    checkPointer: (sum, base, overflow) =>
      r.ir.add('ptr.check', [node(sum), node(base), overflow ? node(overflow) : r.ir.const('i32', 0)]),
    ld: (addr, bits, opts) => load(check('r', addr, bits, 1, opts), bits, 0),
    st: (addr, bits, value, opts) => store(check('w', addr, bits, 1, opts), bits, [value]),
    ldMany: (addr, bits, count, opts) => loads(check('r', addr, bits, count, opts), bits, count),
    stMany: (addr, bits, values, opts) => store(check('w', addr, bits, values.length, opts), bits, values),
    ldAtomic: (addr, bits) => load(check('r', addr, bits, 1, { ordered: true }), bits, 0),
    stAtomic: (addr, bits, value) => store(check('w', addr, bits, 1, { ordered: true }), bits, [value]),
    rmw: (addr, bits, next, opts) => {
      const host = check('rw', addr, bits, 1, { ...opts, atomic: true });
      const old = load(host, bits, 0);
      store(host, bits, [next(old)]);
      return old;
    },
    rmwPair: (addr, bits, next, opts) => {
      const host = check('rw', addr, bits, 2, { ...opts, atomic: true });
      const [lo, hi] = loads(host, bits, 2) as [ValueNode, ValueNode];
      store(host, bits, next(lo, hi));
      return [lo, hi];
    },
    ldExclusive: (addr, bits, count, opts) => {
      const host = check('r', addr, bits, count, { ...opts, atomic: true });
      const values = loads(host, bits, count);
      r.ir.add('set.i64', [asI64(host)], monitor);
      for (const [i, v] of values.entries()) r.ir.add('set.i64', [asI64(v)], seen[i]!);
      return values;
    },
    // Stores if the place is the one that was loaded and still holds what was read: where threads take turns this is atomic,
    // and elsewhere engines make the store one that only happens if the place holds that (interp/emit_atomic.ts).
    stExclusive: (addr, bits, values, opts) => {
      const o = ops();
      const host = check('w', addr, bits, values.length, { ...opts, atomic: true });
      const unchanged = loads(host, bits, values.length).map((v, i) =>
        o.eq(asI64(v), r.ir.add('get.i64', [], seen[i]!)),
      );
      const ours = o.eq(asI64(host), r.ir.add('get.i64', [], monitor));
      const passes = unchanged.reduce((a, b) => o.and(a, b), ours);
      o.if(passes, () => store(host, bits, values));
      r.ir.add('set.i64', [r.ir.const('i64', 0n)], monitor);
      return o.eqz(passes);
    },
  };
}

type VectorName = 'v' | 'splat' | 'lane' | 'laneS' | 'setLane' | 'shuffle' | 'vshift' | 'low64' | 'lanes';
const SHAPE: Readonly<Record<8 | 16 | 32 | 64, Shape>> = { 8: 'i8x16', 16: 'i16x8', 32: 'i32x4', 64: 'i64x2' };

export function makeVectors(r: Recorder, ops: GetOps): Pick<Ops, VectorName> {
  const add = (op: string, args: readonly Val[], attr?: unknown): Val =>
    (r.ir.add as (op: Op, args: ValueNode[], attr: unknown) => ValueNode)(op as Op, args.map(node), attr);
  const extract = (v: Val, bits: 8 | 16 | 32 | 64, i: number, sign: 's' | 'u'): Val =>
    add(`${SHAPE[bits]}.extract_lane${bits < 32 ? `_${sign}` : ''}`, [v], i);
  return {
    v: (op, ...args) => add(op, args),
    splat: (shape, value) => add(`${shape}.splat`, [value]),
    lane: (v, bits, i) => extract(v, bits, i, 'u'),
    laneS: (v, bits, i) => extract(v, bits, i, 's'),
    setLane: (v, bits, i, value) => add(`${SHAPE[bits]}.replace_lane`, [v, value], i),
    shuffle: (a, b, bytes) => add('i8x16.shuffle', [a, b], bytes),
    vshift: (shape, op, v, amount) => add(`${shape}.${op}`, [v, amount]),
    low64: (v) => add('v128.and', [v, r.ir.const('v128', (1n << 64n) - 1n)]),
    lanes: (bits, count, f) => {
      let v: Val = r.ir.const('v128', 0n);
      const values = Array.from({ length: count }, (_, i) => f(i));
      for (const [i, value] of values.entries()) v = ops().setLane(v, bits, i, value);
      return v;
    },
  };
}

type FloatName =
  | 'fp2' | 'fp1' | 'fma' | 'fneg' | 'fabs' | 'fpCompare' | 'fpTest' | 'fpConvert' | 'fpToInt' | 'intToFp' | 'fpRoundInt'
  | 'fpRoundIntN' | 'setFp' | 'fpv2' | 'fpv1' | 'fpvFma' | 'fpvNeg' | 'fpvAbs' | 'fpvTest'; // biome-ignore format: a table
/** FPCR.NEP: scalar results are merged into the rest of a register. */
const FPCR_NEP = 4;

export function makeFloat(r: Recorder, ops: GetOps): Pick<Ops, FloatName> {
  const attr = (op: FpOp, fmt: Fmt, rest: Partial<FpAttr> = {}): FpAttr => {
    const plain = { op, fmt, to: fmt, signed: false, exact: false, rounding: '' };
    return { ...plain, ...rest };
  };
  const fp = (a: FpAttr, ...args: Val[]): Val => r.ir.add('fp', args.map(node), a);
  const fpv = (op: FpOp, fmt: Fmt, count: number, ...args: Val[]): Val =>
    r.ir.add('fpv', args.map(node), { fp: attr(op, fmt), count });
  const fraction = (fbits: Val | undefined): Val => fbits ?? r.ir.const('i32', 0);
  return {
    fp2: (op, fmt, a, b) => fp(attr(op, fmt), a, b),
    fp1: (op, fmt, a) => fp(attr(op, fmt), a),
    fma: (fmt, addend, a, b) => fp(attr('fma', fmt), addend, a, b),
    fneg: (fmt, a) => fp(attr('neg', fmt), a),
    fabs: (fmt, a) => fp(attr('abs', fmt), a),
    fpCompare: (fmt, a, b, signalNaNs) => fp(attr('compare', fmt, { exact: signalNaNs }), a, b),
    fpTest: (op, fmt, a, b) => fp(attr(op, fmt), a, b),
    fpConvert: (from, to, a, rounding) => fp(attr('convert', from, { to, rounding: rounding ?? 'fpcr' }), a),
    fpToInt: (fmt, a, bits, signed, rounding, fbits) =>
      fp(attr('toInt', fmt, { to: bits, signed, rounding }), a, fraction(fbits)),
    intToFp: (fmt, a, bits, signed, fbits) => fp(attr('fromInt', fmt, { to: bits, signed }), a, fraction(fbits)),
    fpRoundInt: (fmt, a, rounding, exact) => fp(attr('roundInt', fmt, { rounding, exact }), a),
    fpRoundIntN: (fmt, a, rounding, bits) => fp(attr('roundIntN', fmt, { to: bits, rounding }), a),
    setFp: (n: Reg, fmt, value, rest) => {
      const o = ops();
      const place = r.place(tokenOf(rest), 'v');
      const merging = o.and(r.ir.add('get.i32', [], { slot: 'FPCR' }), o.i32(FPCR_NEP));
      o.if(
        merging,
        () => o.setV(n, o.setLane(r.ir.add('get.v128', [], place), fmt, 0, value)),
        () => o.setVs(n, fmt, value),
      );
    },
    fpv2: (op, fmt, count, a, b) => fpv(op, fmt, count, a, b),
    fpv1: (op, fmt, count, a) => fpv(op, fmt, count, a),
    fpvFma: (fmt, count, addend, a, b) => fpv('fma', fmt, count, addend, a, b),
    fpvNeg: (fmt, count, a) => fpv('neg', fmt, count, a),
    fpvAbs: (fmt, count, a) => fpv('abs', fmt, count, a),
    fpvTest: (op, fmt, count, a, b) => fpv(op, fmt, count, a, b),
  };
}
