// The examples in examples/ print what they promise, and every @example in the library's documentation is run.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as hello from '../examples/hello_guest.ts';
import * as migration from '../examples/migration_check.ts';
import * as registers from '../examples/register_list.ts';
import * as hypatia from '../src/lib/index.ts';

const output = (main: (print: (line: string) => void) => void): string[] => {
  const lines: string[] = [];
  main((line) => lines.push(line));
  return lines;
};

test('register_list.ts', () => {
  expect(output(registers.main)).toEqual([
    '336 registers, FPMR among them',
    'ID_AA64PFR2_EL1 = 0x100000000, can change 0xf0000fff0',
    'ID_AA64FPFR0_EL1 = 0xfc000003, can change 0xfc0080ff',
    'ID_AA64ISAR3_EL1 = 0x11010010, can change 0xff0f00f0',
    'without FPMR: 335 registers',
    'ENOENT: KVM_GET_ONE_REG FPMR',
  ]);
});
test('hello_guest.ts', () => {
  expect(output(hello.main)).toEqual(['Hello from EL1', 'the guest is off, at PC 0x40000024']);
});
test('migration_check.ts', () => {
  const [up, down] = output(migration.main);
  expect(up).toMatch(/^neoverse-v1 to max: /);
  expect(down).toContain('ID_AA64PFR2_EL1');
});

interface Example {
  readonly where: string;
  readonly lines: readonly string[];
}
function examplesOf(file: string): Example[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/@example\n((?: *\* .*\n)+?) *\*\//g)].map((m) => ({
    where: `${file.split('/').at(-1)}:${text.slice(0, m.index).split('\n').length}`,
    lines: m[1]!.split('\n').map((l) => l.replace(/^ *\* ?/, '')),
  }));
}
/** `expression; // value` becomes a check; everything else is run. */
function runnable(line: string): string {
  const m = /^(?!const |let )(.+?); \/\/ (.+)$/.exec(line);
  return m && !/^this |^the /.test(m[2]!) ? `expect(${m[1]}).toEqual(${m[2]});` : line;
}

const lib = join(import.meta.dirname, '../src/lib');
for (const file of readdirSync(lib).filter((f) => f.endsWith('.ts'))) {
  for (const { where, lines } of examplesOf(join(lib, file))) {
    test(`example at ${where}`, () => {
      const names = Object.keys(hypatia);
      const body = new Function('expect', ...names, lines.map(runnable).join('\n'));
      body(expect, ...Object.values(hypatia));
    });
  }
}
