// Fused multiply-add: interpreter and regions give the results and flags of the soft implementation, also for sums that are
// nearly halfway between two numbers, that cancel, or that leave the range.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { createInterpreter } from '../interp/engine.ts';
import { createReference } from '../interp/reference.ts';
import { Random, TestMachine } from '../interp/testing.ts';
import { jitTier } from './index.ts';

const CODE = 0x400000n;
const IN = 0x10000n;
const OUT = 0x20000n;
const ROUNDS = 3;
/** Of 16 bytes each, three to a case. */
const CASES = 80;

const program = (op: string, ixc: boolean): Uint8Array =>
  assembleProgram(
    `mov x5, #${ixc ? 16 : 0}
   1: ldp q0, q1, [x0], #32
      ldr q2, [x0], #16
      msr fpsr, x5
      ${op}
      mrs x3, fpsr
      str q2, [x1], #16
      str x3, [x1], #8
      subs x4, x4, #1
      b.ne 1b
      svc #0`,
    { base: CODE },
  ).sections[0]!.bytes;

const SCALARS = ['fmadd', 'fmsub', 'fnmadd', 'fnmsub'];
const OPS = [
  ...SCALARS.flatMap((op) => ['d', 's'].map((f) => `${op} ${f}2, ${f}0, ${f}1, ${f}2`)),
  ...['fmla', 'fmls'].flatMap((op) => ['2d', '4s', '2s'].map((f) => `${op} v2.${f}, v0.${f}, v1.${f}`)),
];

const view = new DataView(new ArrayBuffer(8));
function double(bits: bigint): number {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}
function bitsOf(x: number, single: boolean): bigint {
  if (!single) {
    view.setFloat64(0, x);
    return view.getBigUint64(0);
  }
  view.setFloat32(0, x);
  return BigInt(view.getUint32(0));
}
/** Factors and an addend. */
function triple(r: Random, single: boolean): [number, number, number] {
  const [digits, top] = single ? [24, 127] : [53, 1023];
  const round = single ? Math.fround : (x: number): number => x;
  const mantissa = (): number => {
    const bits = r.pick([1, 2, 5, digits >> 1, (digits >> 1) + 1, digits - 1, digits]);
    return Number(BigInt.asUintN(bits, r.u64()) | 1n) / 2 ** bits;
  };
  const sign = (): number => r.pick([1, -1]);
  const some = (range: number): number => round(sign() * mantissa() * 2 ** (r.below(2 * range + 1) - range));
  // The error of a product may be too small for a number though the product is not.
  const tiny = (): number => round(sign() * mantissa() * 2 ** -Math.trunc((top - r.below(digits)) / 2));
  const small = r.chance(25);
  const a = small ? tiny() : r.pick([() => some(3), () => some(top / 2), () => some(top), () => 0 * sign()])();
  const b = small
    ? tiny()
    : r.pick([() => some(3), () => some(3), () => some(top / 2), () => r.pick([0, -0, 1, 0.5, 2, 3])])();
  const product = round(a * b);
  const near = (): number => {
    const bits = bitsOf(product, single);
    const moved = bits + BigInt(r.below(5) - 2);
    if (!single) return double(BigInt.asUintN(64, moved));
    view.setUint32(0, Number(BigInt.asUintN(32, moved)));
    return view.getFloat32(0);
  };
  // What of the product is below the last digit of the sum is about half of it, and the error of the product decides.
  const above = (): number => round(product * sign() * (1.5 + mantissa()) * 2 ** r.below(2));
  const c = r.pick([
    () => some(3),
    ...(small ? [above, above, above, above] : [above]),
    () => sign() * near(),
    () => round(product * sign() * 2 ** (r.below(2 * digits + 8) - digits - 4)),
    () => round(sign() * 2 ** Math.ceil(Math.log2(Math.abs(product) || 1) + r.below(2 * digits + 4) - digits - 2)),
    () => round(product * sign() * mantissa() * 2 ** (r.below(2 * digits + 8) - digits - 4)),
    () => r.pick([0, -0, Number.POSITIVE_INFINITY, Number.NaN, 2 ** -top, 2 ** (-top - digits + 3)]),
    () => some(top),
  ])();
  const odd = (x: number): number =>
    r.chance(2) ? r.pick([Number.NEGATIVE_INFINITY, Number.NaN, 2 ** (-top - 3), -(2 ** top)]) : x;
  return [odd(a), odd(b), c];
}

class Side {
  private readonly m: TestMachine;
  constructor(make: typeof createInterpreter, ixc: boolean, compiles = false) {
    const tier = jitTier({ threshold: 1, stretch: [20, 60] });
    this.m = new TestMachine(make, [], compiles ? { tier } : {});
    for (const [i, op] of OPS.entries()) this.m.poke(CODE + BigInt(4096 * i), program(op, ixc));
    for (let page = 0n; page < 2n; page++) {
      this.m.map(IN + page * 4096n);
      this.m.map(OUT + page * 4096n);
    }
  }
  private words(at: bigint, values?: readonly bigint[]): bigint[] {
    const out: bigint[] = [];
    for (let page = 0n; page < 2n; page++) {
      const { mem, pages } = this.m;
      const list = new BigUint64Array(mem.wasm.buffer, pages.get((at >> 12n) + page)!.frame * 4096, 512);
      if (values) list.set(values.slice(Number(page) * 512, Number(page + 1n) * 512));
      out.push(...list);
    }
    return out;
  }
  /** @returns results and flags, three numbers a case */
  run(program: number, values: readonly bigint[]): bigint[] {
    const { cpu, engine } = this.m;
    this.words(IN, values);
    // What is frequent is known after the first time.
    for (let round = 0; round < 2; round++) {
      cpu.pc = CODE + BigInt(4096 * program);
      cpu.setX(0, IN);
      cpu.setX(1, OUT);
      cpu.setX(4, BigInt(CASES));
      expect(engine.run(cpu, 1_000_000)).toBe(Exit.Exception);
    }
    return this.words(OUT).slice(0, 3 * CASES);
  }
}

describe.each([true, false])('fused multiply-add, FPSR.IXC set before: %s', (ixc) => {
  const reference = new Side(createReference, ixc);
  const others = [new Side(createInterpreter, ixc), new Side(createInterpreter, ixc, true)];
  it.each(OPS.map((op, i) => [op, i] as const))('%s', (op, i) => {
    const single = /s|4s/.test(op.slice(op.indexOf(' ')));
    const r = new Random(i + 1);
    for (let round = 0; round < ROUNDS; round++) {
      const values: bigint[] = [];
      for (let n = 0; n < CASES; n++) {
        const lanes = Array.from({ length: single ? 4 : 2 }, () => triple(r, single).map((x) => bitsOf(x, single)));
        for (const k of [0, 1, 2]) {
          const of = lanes.map((lane) => lane[k]!);
          values.push(...(single ? [of[0]! | (of[1]! << 32n), of[2]! | (of[3]! << 32n)] : of));
        }
      }
      const expected = reference.run(i, values);
      for (const side of others) {
        const results = side.run(i, values);
        const wrong = results.findIndex((x, k) => x !== expected[k]);
        const at = 6 * Math.floor(wrong / 3);
        const shown =
          wrong < 0
            ? ''
            : `${wrong % 3}: ${values
                .slice(at, at + 6)
                .map((x) => x.toString(16))
                .join(' ')}`;
        expect([shown, results[wrong]]).toEqual(['', undefined]);
      }
    }
  });
});
