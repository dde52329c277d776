// The project's list of invariants (what no selftest of the kernel checks): every number has a test that is named by it,
// in this directory or beside the sources. Those of nested virtualization come with it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const range = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
/** By the chapters of the list. */
const WANTED = {
  'FPMR and FP8': [...range(1, 14), '3b'],
  'ID registers and enforcement': [...range(15, 26), '18b'],
  migration: range(27, 32),
  'protected mode': range(44, 50),
  'edges of the ABI': range(51, 57),
} as const;

const root = join(import.meta.dirname, '..');
const sources = ['src', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((f) => /\.test\.ts$|scenarios\.ts$/.test(f))
    .map((f) => readFileSync(join(root, folder, f), 'utf8')),
);
/** '16, 17: ...' as the name of a test, of a table of tests or of a scenario. */
const NAMED = /(?:\)\(|\btest\(|\bname: )\s*['"`]((?:\d+b?, )*\d+b?)(?:, D\d+)?: /g;
const there = new Set(sources.flatMap((s) => [...s.matchAll(NAMED)].flatMap((m) => m[1]!.split(', '))));

test.each(Object.entries(WANTED))('every invariant about %s has a test', (_, numbers) => {
  expect(numbers.filter((n) => !there.has(n))).toEqual([]);
});
