// Recorded answers of another implementation for every row of the floating-point tables (rows.json of golden/fp and fp8;
// tools/oracle/record-fp.mjs asks again). A case is a number, which says where it started (start below), and what the
// instruction left behind: `84: v0=36c092ef fpsr=10`.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bindFp, SCALAR_HELPERS, VECTOR_HELPERS } from '../cpu/helpers.ts';
import { fpTypes } from '../ir/fp_ops.ts';
import { fp } from './fp.ts';
import { collectRows } from './handlers.ts';
import type { Group } from './semantics.ts';
import { simdFp, simdFpScalar } from './simd_fp.ts';
import { simdFpIndexed, simdFpIndexedScalar } from './simd_fp_indexed.ts';
import { simdFpMisc, simdFpMiscScalar } from './simd_fp_misc.ts';
import { simdFp8 } from './simd_fp8.ts';
import { runEntry, type TestHelpers, testState } from './testing.ts';

interface Golden {
  readonly fpcr: readonly string[];
  readonly fpmr?: readonly string[];
  readonly operands: readonly string[];
  readonly rows: readonly { readonly row: string; readonly word: string; readonly cases: readonly string[] }[];
}
const GROUPS: Readonly<Record<string, readonly Group[]>> = {
  fp: [fp, simdFp, simdFpScalar, simdFpMisc, simdFpMiscScalar, simdFpIndexed, simdFpIndexedScalar],
  fp8: [simdFp8],
};
const read = (folder: string) =>
  JSON.parse(readFileSync(new URL(`../../golden/${folder}/rows.json`, import.meta.url), 'utf8')) as Golden;
const entries = new Map(collectRows(Object.values(GROUPS).flat()).map((e) => [e.name, e]));

type Context = Parameters<(typeof SCALAR_HELPERS)['bfcvt']>[0];
type AnyHelper = (cx: Context, ...args: (number | bigint)[]) => number | bigint;

const contextOf = (fpcr: number, fpmr = 0n): Context => ({ fpcr, fpsr: 0, fpmr, rpres: true }) as unknown as Context;
/** What semantics call, bound to `cx` as engines bind it. */
function helpersOf(cx: Context): TestHelpers {
  const scalar = SCALAR_HELPERS as unknown as Record<string, AnyHelper>;
  return {
    fp: (attr, args) => bindFp(attr, fpTypes(attr).result)(cx, ...(args as (number | bigint)[])),
    helper: (name, args) => scalar[name]!(cx, ...(args as (number | bigint)[])),
    helperV: (name, param, args) => VECTOR_HELPERS[name as keyof typeof VECTOR_HELPERS](cx, param, ...args),
  };
}

function run(golden: Golden, row: string, word: number, c: number): string {
  const operand = (i: number) => BigInt(`0x${golden.operands[i % golden.operands.length]}`);
  const fpcr = Number.parseInt(golden.fpcr[c % golden.fpcr.length]!, 16);
  const v = [0, 1, 2, 3].map((i) => operand(c * (2 * i + 1) + 7 * i));
  const state = testState({ v, x: [0n, BigInt.asUintN(64, v[1]!)], slots: { FPCR: BigInt(fpcr) } });
  const fpmr = golden.fpmr ? BigInt(`0x${golden.fpmr[c % golden.fpmr.length]}`) : 0n;
  const cx = contextOf(fpcr, fpmr);
  expect(runEntry(entries.get(row)!, word, state, helpersOf(cx))).toEqual({ kind: 'next' });
  const parts = [`${c}:`];
  if (state.v[0] !== v[0]) parts.push(`v0=${state.v[0]!.toString(16)}`);
  if (state.x[0] !== 0n) parts.push(`x0=${state.x[0]!.toString(16)}`);
  if (cx.fpsr !== 0) parts.push(`fpsr=${cx.fpsr.toString(16)}`);
  if (state.nzcv !== 0) parts.push(`nzcv=${state.nzcv.toString(16)}`);
  return parts.join(' ');
}

describe.each(Object.keys(GROUPS))('floating-point rows: %s', (folder) => {
  const golden = read(folder);
  it('are all recorded', () => {
    const implemented = collectRows(GROUPS[folder]!)
      .filter((e) => e.semantic)
      .map((e) => e.name);
    expect(new Set(golden.rows.map((r) => r.row))).toEqual(new Set(implemented));
  });
  it.each(golden.rows)('$row $word', ({ row, word, cases }) => {
    expect(cases.map((line) => run(golden, row, Number.parseInt(word, 16), Number.parseInt(line, 10)))).toEqual(cases);
  });
});

it('FABS and FNEG of vectors leave NaNs alone when FPCR.AH is 1', () => {
  // Arm: both are FPAbs and FPNeg of each element, which return a NaN as it is. The recorded implementation changes it.
  const AH = 2;
  const nan = 0xffc0_0000n;
  for (const [row, word] of [
    ['FABS_vec', 0x0ea0f820],
    ['FNEG_vec', 0x2ea0f820],
  ] as const) {
    const state = testState({ v: [0n, (nan << 32n) | 0x7fc0_0000n], slots: { FPCR: BigInt(AH) } });
    runEntry(entries.get(row)!, word, state, helpersOf(contextOf(AH)));
    expect(state.v[0]).toBe((nan << 32n) | 0x7fc0_0000n);
  }
});

it('FCVTN2 to FP8 reads all of a source that is also the destination', () => {
  // Arm: the result is made of the operands as they were. The recorded implementation reads what it has written.
  const v = [(0x3fff_ffffn << 96n) | (0x3f90_0000n << 64n) | (0x4000_0000n << 32n) | 0x3e20_0000n, 0n];
  const state = testState({ v, slots: { FPCR: 0n } });
  runEntry(entries.get('FCVTN_single_fp8')!, 0x4e01f400, state, helpersOf(contextOf(0)));
  expect(state.v[0]! >> 64n).toBe(0x40_3c_40_31n);
  expect(BigInt.asUintN(64, state.v[0]!)).toBe(BigInt.asUintN(64, v[0]!));
});
