// Floating point in regions while FPSR.IXC is 0: results and flags are those of the interpreter, and what is plainly exact
// is computed in the region.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { createInterpreter } from '../interp/engine.ts';
import { Random, TestMachine } from '../interp/testing.ts';
import type { Counts } from './counts.ts';
import { jitTier } from './index.ts';

const CODE = 0x400000n;
const IN = 0x10000n;
const OUT = 0x20000n;
const PAIRS = 256;

/** Computes d2 of d0 and d1, or of x5 with the bits of d0, for each pair; writes it and the flags that it raised. */
const program = (op: string): Uint8Array =>
  assembleProgram(
    `1: ldp d0, d1, [x0], #16
      fmov x5, d0
      msr fpsr, xzr
      ${op}
      mrs x3, fpsr
      fmov x2, d2
      stp x2, x3, [x1], #16
      subs x4, x4, #1
      b.ne 1b
      svc #0`,
    { base: CODE },
  ).sections[0]!.bytes;

const OPS = [
  ...['fadd', 'fsub', 'fmul', 'fdiv', 'fnmul'].flatMap((op) => ['d', 's'].map((f) => `${op} ${f}2, ${f}0, ${f}1`)),
  ...['fsqrt', 'frintx', 'frinti'].flatMap((op) => ['d', 's'].map((f) => `${op} ${f}2, ${f}0`)),
  'fcvt s2, d0',
  'fcvt d2, s0',
  ...['fcvtzs', 'fcvtzu', 'fcvtms', 'fcvtnu'].flatMap((op) =>
    ['d0', 's0'].flatMap((n) => ['x', 'w'].map((r) => `${op} ${r}6, ${n}\n fmov d2, x6`)),
  ),
  ...['scvtf', 'ucvtf'].flatMap((op) => ['d2', 's2'].flatMap((d) => ['x5', 'w5'].map((n) => `${op} ${d}, ${n}`))),
];

const view = new DataView(new ArrayBuffer(16));
function bitsOf(a: number, single: boolean): bigint {
  if (!single) view.setFloat64(0, a);
  else view.setUint32(0, 0);
  if (single) view.setFloat32(4, a);
  return view.getBigUint64(0);
}
/** Numbers of all kinds, many with few significant bits or near the limits of what is exact. */
function numberOf(r: Random, single: boolean): number {
  const [digits, top] = single ? [24, 127] : [53, 1023];
  const sign = r.pick([1, -1]);
  const some = (bits: number): number => Math.floor((r.u32() / 2 ** 32) * 2 ** bits);
  return (
    sign *
    r.pick([
      () => r.below(100),
      () => some(r.below(digits + 1)),
      () => 2 ** (digits + r.below(4) - 2) + r.below(9) - 4,
      () => 2 ** (Math.floor(digits / 2) + r.below(3) - 1) + r.below(5) - 2,
      () => some(30) * 2 ** (r.below(40) - 40),
      () => 2 ** (r.below(2 * top) - top) * (1 + r.below(8) / 8),
      () => 2 ** (-top - r.below(digits + 2)) * (1 + r.below(4)),
      () => r.pick([0, Number.POSITIVE_INFINITY, Number.NaN, 2 ** top * (2 - 2 ** (1 - digits)), 2 ** 63, 2 ** 31]),
    ])()
  );
}

/** An engine, all of the programs one page after the other. */
class Side {
  readonly counts: Counts | undefined;
  private readonly m: TestMachine;
  constructor(compiles: boolean) {
    const found: Counts[] = [];
    const tier = jitTier({ threshold: 1, stretch: [20, 60], count: true }, (_, c) => void found.push(c!));
    this.m = new TestMachine(createInterpreter, [], compiles ? { tier } : {});
    this.counts = found[0];
    for (const [i, op] of OPS.entries()) this.m.poke(CODE + BigInt(4096 * i), program(op));
    for (const page of [IN, OUT]) this.m.map(page);
  }
  private memory(page: bigint): BigUint64Array {
    const { mem, pages } = this.m;
    return new BigUint64Array(mem.wasm.buffer, pages.get(page >> 12n)!.frame * 4096, 2 * PAIRS);
  }
  run(program: number, values: readonly bigint[]): bigint[] {
    this.memory(IN).set(values);
    // What is frequent is known after the first time.
    for (let round = 0; round < 2; round++) {
      this.m.cpu.pc = CODE + BigInt(4096 * program);
      this.m.cpu.setX(0, IN);
      this.m.cpu.setX(1, OUT);
      this.m.cpu.setX(4, BigInt(PAIRS));
      expect(this.m.engine.run(this.m.cpu, 1_000_000)).toBe(Exit.Exception);
    }
    return [...this.memory(OUT)];
  }
}

describe('floating point without FPSR.IXC', () => {
  const interpreter = new Side(false);
  const compiler = new Side(true);
  for (const [i, op] of OPS.entries()) {
    const single = /s[01]/.test(op);
    const integers = /cvtf/.test(op);
    const pairs = (one: () => bigint): bigint[] => Array.from({ length: 2 * PAIRS }, one);
    it(`is the interpreter's: ${op.replace('\n', ';')}`, () => {
      const r = new Random(7);
      const any = (): bigint => {
        const n = numberOf(r, single);
        return integers && Number.isFinite(n) ? BigInt.asUintN(64, BigInt(Math.trunc(n))) : bitsOf(n, single);
      };
      const values = pairs(any);
      expect(compiler.run(i, values)).toEqual(interpreter.run(i, values));
    });
    it(`stays in the region while it is exact: ${op.replace('\n', ';')}`, () => {
      const r = new Random(8);
      const small = (): bigint => {
        const n = 2 ** r.below(5);
        return integers ? BigInt(n) : bitsOf(op.startsWith('fsqrt') ? n * n : n, single);
      };
      const counts = compiler.counts!;
      const [entered, inexact] = [counts.get('entered'), counts.get('inexact')];
      const results = compiler.run(i, pairs(small));
      expect(results.filter((flags, k) => k % 2 === 1 && flags !== 0n)).toEqual([]);
      expect(counts.get('entered') - entered).toBeGreaterThan(PAIRS);
      expect(counts.get('inexact')).toBe(inexact);
    });
  }
});
