// Recorded answers of another implementation (golden/simd/*.json; tools/oracle/record-simd.mjs asks again): one or more
// words for every specialisation of every row, over operands made of boundary values. A case is a number and what the
// instruction changed: `12: v2=7f80 qc`. The number says where it started (start below).

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { matches } from '../arch/a64/encoding.ts';
import { crypto } from './crypto.ts';
import { collectRows, type RowEntry } from './handlers.ts';
import type { Group } from './semantics.ts';
import { simdArith, simdArithScalar } from './simd_arith.ts';
import { simdIndexed, simdIndexedScalar } from './simd_indexed.ts';
import { simdLdstMultiple, simdLdstSingle } from './simd_ldst.ts';
import { simdImm, simdMisc, simdMiscScalar } from './simd_misc.ts';
import { simdPermute } from './simd_permute.ts';
import { simdShift, simdShiftScalar } from './simd_shift.ts';
import { runEntry, type TestState, testState } from './testing.ts';

interface Golden {
  readonly operands: readonly string[];
  readonly operations: readonly { readonly insn: string; readonly word: string; readonly cases: readonly string[] }[];
}
const GROUPS: Readonly<Record<string, readonly Group[]>> = {
  arith: [simdArith, simdArithScalar],
  misc: [simdMisc, simdMiscScalar, simdImm],
  shift: [simdShift, simdShiftScalar],
  permute: [simdPermute],
  indexed: [simdIndexed, simdIndexedScalar],
  ldst: [simdLdstMultiple, simdLdstSingle],
  crypto: [crypto],
};
/** FEAT_LRCPC3, which the other implementation has not: simd_ldst.test.ts. */
const UNRECORDED = new Set(['LDAP1', 'STL1']);

const folder = new URL('../../golden/simd/', import.meta.url);
const MEMORY = 0x2_0000_0000n;
const LOW = (1n << 64n) - 1n;

function start(operands: readonly bigint[], c: number): TestState {
  const operand = (i: number): bigint => operands[i % operands.length]!;
  const memory = new Uint8Array(128);
  for (let i = 0; i < 128; i++) memory[i] = Number((operand(c + (i >> 4)) >> BigInt(8 * (i & 15))) & 0xffn);
  return testState({
    v: Array.from({ length: 32 }, (_, i) => operand(c * (2 * i + 1) + 7 * i)),
    x: [operand(3 * c) & LOW, MEMORY + 16n + BigInt(c % 16), operand(3 * c + 2) & LOW, operand(3 * c + 3) & LOW],
    memoryBase: MEMORY,
    memory,
  });
}
/** What differs between two states, in the words of the golden files. */
function changes(before: TestState, after: TestState): string {
  const parts: string[] = [];
  const note = (name: string, a: bigint, b: bigint): void => {
    if (a !== b) parts.push(`${name}=${b.toString(16)}`);
  };
  const chunk = (s: TestState, k: number): bigint =>
    s.memory.slice(16 * k, 16 * k + 16).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  after.v.forEach((v, i) => {
    note(`v${i}`, before.v[i]!, v);
  });
  after.x.forEach((x, i) => {
    note(`x${i}`, before.x[i]!, x);
  });
  for (let k = 0; k < 8; k++) note(`m${k}`, chunk(before, k), chunk(after, k));
  if (((after.slots['FPSR'] ?? 0n) >> 27n) & 1n) parts.push('qc');
  return parts.join(' ');
}

/** Handlers that some word of the row can have, but for SP as a base (which is not particular to vectors). */
function reachable(entry: RowEntry): Set<string> {
  const keys = new Set<string>();
  const fields = entry.parsed.fields.filter((s) => !/^R[a-z]$/.test(s.name));
  const combinations = 2 ** fields.reduce((bits, s) => bits + s.width, 0);
  for (let n = 0; n < combinations; n++) {
    const f: Record<string, number> = { Rd: 0, Rn: 0, Rm: 0, Ra: 0, Rt: 0 };
    let rest = n;
    for (const s of fields) {
      f[s.name] = rest % 2 ** s.width;
      rest = Math.floor(rest / 2 ** s.width);
    }
    if (!entry.parsed.hole(f)) keys.add(entry.handler(f).key);
  }
  return keys;
}

describe('golden/simd', () => {
  it('has a file for each group of tables', () => {
    expect(readdirSync(folder).sort()).toEqual(
      Object.keys(GROUPS)
        .map((name) => `${name}.json`)
        .sort(),
    );
  });
  for (const [name, groups] of Object.entries(GROUPS)) {
    const golden = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Golden;
    const operands = golden.operands.map((x) => BigInt(`0x${x}`));
    const entries = collectRows(groups);
    const entryOf = (word: number): RowEntry => {
      const found = entries.filter((e) => matches(e.parsed, word));
      expect(found.length, `rows with the word ${word.toString(16)}`).toBe(1);
      return found[0]!;
    };

    it(`${name}: every instruction does what was recorded`, () => {
      const wrong: string[] = [];
      for (const { insn, word, cases } of golden.operations) {
        const entry = entryOf(Number.parseInt(word, 16));
        for (const line of cases) {
          const c = Number.parseInt(line, 10);
          const after = start(operands, c);
          const outcome = runEntry(entry, Number.parseInt(word, 16), after);
          const now = `${c}: ${outcome.kind === 'next' ? changes(start(operands, c), after) : outcome.kind}`;
          if (now !== line) wrong.push(`${entry.name}: ${insn}\n  - ${line}\n  + ${now}`);
        }
      }
      expect(wrong).toEqual([]);
    });
    it(`${name}: every handler was recorded`, () => {
      const recorded = new Set<string>();
      for (const { word } of golden.operations) {
        const entry = entryOf(Number.parseInt(word, 16));
        const fields = Object.fromEntries(
          entry.parsed.fields.map((s) => [s.name, (Number.parseInt(word, 16) >>> s.lo) & (2 ** s.width - 1)]),
        );
        recorded.add(entry.handler(fields).key);
      }
      const missing = entries
        .filter((e) => e.semantic && !UNRECORDED.has(e.name))
        .flatMap((e) => [...reachable(e)].filter((key) => !recorded.has(key)));
      expect(missing).toEqual([]);
    });
  }
});
