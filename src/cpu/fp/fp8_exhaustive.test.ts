// 8-bit floating point against another CPU over all operands: golden/fp8/exhaustive.txt has a hash of the results for each
// instruction and setting (tools/fp8/exhaustive.mjs asks again). Here a part of the settings, each with all its operands.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as fp8 from './fp8.ts';

interface Line {
  readonly name: string;
  readonly fpmr: bigint;
  readonly fpcr: number;
  readonly executed: number;
  readonly hash: string;
}
const lines: readonly Line[] = readFileSync(new URL('../../../golden/fp8/exhaustive.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((l) => l !== '' && !l.startsWith('#'))
  .map((l) => {
    const [name, fpmr, fpcr, executed, hash] = l.split(' ') as [string, string, string, string, string];
    return { name, fpmr: BigInt(`0x${fpmr}`), fpcr: Number(`0x${fpcr}`), executed: Number(`0x${executed}`), hash };
  });

/** The program's hash (tools/fp8/exhaustive.c). */
class Hash {
  private h1 = 0x811c9dc5 | 0;
  private h2 = 0x2545f491;
  executed = 0;
  word(w: number): void {
    this.h1 = Math.imul(this.h1 ^ w, 0x01000193);
    this.h2 = Math.imul((this.h2 + w) | 0, 0x9e3779b1);
    this.h2 ^= this.h2 >>> 15;
  }
  result(v: bigint): void {
    for (let i = 0n; i < 128n; i += 32n) this.word(Number(BigInt.asIntN(32, v >> i)));
    this.executed++;
  }
  get text(): string {
    return [this.h1, this.h2].map((h) => (h >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

const pack = (bits: number, values: readonly number[]): bigint =>
  values.reduceRight((v, x) => (v << BigInt(bits)) | BigInt(x), 0n);
const of = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));
const HALVES = pack(32, [0x3c000000, 0x7bffbc00, 0x00018000, 0x5555fbff]);
const SINGLES = pack(32, [0x3f800000, 0x7f7fffff, 0x80000001, 0xc2f6e979]);
const splat = (a: number): bigint =>
  pack(
    8,
    of(16, () => a),
  );

function products(cx: fp8.Fp8Context, h: Hash, fmt: 16 | 32): void {
  for (const addend of [0n, fmt === 16 ? HALVES : SINGLES])
    for (let a = 0; a < 256; a++)
      for (let b = 0; b < 256; b += 16)
        for (let phase = 0; phase < fmt / 8; phase++) {
          const second = pack(
            8,
            of(16, (i) => b + i),
          );
          h.result(fp8.fp8MulAddVector(cx, fmt, phase, addend, splat(a), second));
        }
  h.word(cx.fpsr);
}
type Sum = typeof fp8.fp8DotVector;
function sums(cx: fp8.Fp8Context, h: Hash, fmt: 16 | 32, f: Sum): void {
  let seed = 88172645463325252n;
  const next = (): bigint => {
    seed ^= BigInt.asUintN(64, seed << 13n);
    seed ^= seed >> 7n;
    seed ^= BigInt.asUintN(64, seed << 17n);
    return seed;
  };
  const bytes = (): bigint => next() | (next() << 64n);
  for (let i = 0; i < 2000; i++) {
    const [a, b] = [bytes(), bytes()];
    h.result(f(cx, fmt, i & 1 ? (fmt === 16 ? HALVES : SINGLES) : 0n, a, b));
  }
  h.word(cx.fpsr);
}
function widen(cx: fp8.Fp8Context, h: Hash, to: 'half' | 'bfloat16', stream: 1 | 2): void {
  for (let a = 0; a < 256; a++) {
    cx.fpsr = 0;
    h.result(fp8.fp8ConvertVector(cx, to, stream, splat(a)));
    h.word(cx.fpsr);
  }
}
/** @param vectors pairs of sources whose results stand side by side */
function narrow(cx: fp8.Fp8Context, h: Hash, from: 16 | 32, vectors: Iterable<readonly [bigint, bigint]>): void {
  for (const [a, b] of vectors) {
    cx.fpsr = 0;
    const [low, high] = [a, b].map((v) => fp8.fpConvertFp8Vector(cx, from, v)) as [bigint, bigint];
    h.result(low | (high << BigInt(1024 / from)));
    h.word(cx.fpsr);
  }
}
function* halves(): Generator<[bigint, bigint]> {
  const at = (first: number): bigint =>
    pack(
      16,
      of(8, (i) => first + i),
    );
  for (let a = 0; a < 65536; a += 16) yield [at(a), at(a + 8)];
}
function* singles(): Generator<[bigint, bigint]> {
  for (const low of [0, 1, 0x8000]) {
    const at = (first: number): bigint =>
      pack(
        32,
        of(4, (i) => (first + i) * 65536 + low),
      );
    for (let a = 0; a < 65536; a += 8) yield [at(a), at(a + 4)];
  }
}
const WAYS: Readonly<Record<string, (cx: fp8.Fp8Context, h: Hash) => void>> = {
  FMLAL: (cx, h) => products(cx, h, 16),
  FMLALL: (cx, h) => products(cx, h, 32),
  FDOT2: (cx, h) => sums(cx, h, 16, fp8.fp8DotVector),
  FDOT4: (cx, h) => sums(cx, h, 32, fp8.fp8DotVector),
  FMMLA_HALF: (cx, h) => sums(cx, h, 16, fp8.fp8MatMulVector),
  FMMLA_SINGLE: (cx, h) => sums(cx, h, 32, fp8.fp8MatMulVector),
  F1CVTL: (cx, h) => widen(cx, h, 'half', 1),
  F2CVTL: (cx, h) => widen(cx, h, 'half', 2),
  BF1CVTL: (cx, h) => widen(cx, h, 'bfloat16', 1),
  BF2CVTL: (cx, h) => widen(cx, h, 'bfloat16', 2),
  FCVTN_HALF: (cx, h) => narrow(cx, h, 16, halves()),
  FCVTN_SINGLE: (cx, h) => narrow(cx, h, 32, singles()),
};
/** Of how many settings one is looked at here; `HYPATIA_FP8=all` looks at all of them. */
const ONE_OF: Readonly<Record<string, number>> =
  process.env['HYPATIA_FP8'] === 'all'
    ? {}
    : {
        FMLAL: 12,
        FMLALL: 30,
        FCVTN_HALF: 10,
        FCVTN_SINGLE: 20,
        FDOT2: 5,
        FDOT4: 5,
        FMMLA_HALF: 8,
        FMMLA_SINGLE: 8,
        F1CVTL: 4,
        F2CVTL: 4,
        BF1CVTL: 4,
        BF2CVTL: 4,
      };

describe.each(Object.keys(WAYS))('%s over all operands', (name) => {
  const chosen = lines.filter((l) => l.name === name).filter((_, i) => i % (ONE_OF[name] ?? 1) === 0);
  it(`gives what another CPU gives in ${chosen.length} settings`, () => {
    expect(chosen.length).toBeGreaterThan(0);
    for (const l of chosen) {
      const h = new Hash();
      WAYS[name]!({ fpcr: l.fpcr, fpsr: 0, fpmr: l.fpmr }, h);
      expect([h.executed, h.text], `FPMR 0x${l.fpmr.toString(16)}, FPCR 0x${l.fpcr.toString(16)}`).toEqual([
        l.executed,
        l.hash,
      ]);
    }
  });
});
