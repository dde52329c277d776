// Scenarios (scenarios.ts) on our KVM: every answer is the one that a real KVM gave (golden/real-kvm/scenarios), except
// where a scenario says why it is not. tools/oracle/record-scenarios.mjs asks the real one anew.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { answersTo, linux, ours } from './kit/drivers.ts';
import { recordedHost } from './kit/kvm_regs.ts';
import type { Answers } from './kit/scenario.ts';
import { SCENARIOS } from './scenarios.ts';

const HOST = { file: 'max-vhe', cpu: 'max', mode: 'vhe' } as const;
const folder = join(import.meta.dirname, '../golden/real-kvm/scenarios');
const golden = join(folder, `${HOST.file}.json`);
interface Recording {
  readonly kernel: string;
  readonly scenarios: Readonly<Record<string, Answers>>;
}

async function askLinux(): Promise<void> {
  let kernel = '';
  const answers = answersTo(SCENARIOS, (lines) => {
    const said = linux(HOST.cpu, HOST.mode, lines);
    kernel = said.kernel;
    return said.printed;
  });
  mkdirSync(folder, { recursive: true });
  const recording: Recording = { kernel, scenarios: Object.fromEntries(answers) };
  writeFileSync(golden, `${JSON.stringify(recording, undefined, 1)}\n`);
  expect(answers.size).toBe(SCENARIOS.length);
}
if (process.env['SCENARIOS'] === 'linux') test('ask a real KVM', askLinux, 3_600_000);
else {
  const real = (JSON.parse(readFileSync(golden, 'utf8')) as Recording).scenarios;
  const host = recordedHost(HOST.file, HOST.mode);
  const mine = answersTo(SCENARIOS, ours(host));
  const compared = SCENARIOS.filter((s) => s.deviates?.compat).map((s) => [s.name, s] as const);
  test.each(compared)('%s: with --kvm-compat', (name, s) => {
    expect(answersTo([s], ours(host, s.deviates?.compat)).get(name)).toEqual(real[name]);
  });
  test.each(SCENARIOS.map((s) => [s.name, s] as const))('%s', (name, { deviates }) => {
    expect(Object.keys(real)).toContain(name);
    expect(mine.get(name)).toEqual({ ...real[name], ...deviates?.answers });
    // A deviation that is none any more is to be taken out.
    for (const [label, answer] of Object.entries(deviates?.answers ?? {})) expect(real[name]?.[label]).not.toBe(answer);
  });
}
