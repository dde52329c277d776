// Random sequences of requests and random guests (fuzz/): every request is answered with a result or an errno, nothing
// throws, no memory is touched that is nobody's business, all of it is given back, and the same seed does the same twice.
// `npm run fuzz` runs many; FUZZ_* are its options. What fails is made small and printed.

import { openSync, writeSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ModelName } from '../src/cpu/models.ts';
import type { Machine } from '../src/lib/machine.ts';
import { type FuzzHost, fuzzHost } from './fuzz/program.ts';
import { type Outcome, runSequence, stepsOf } from './fuzz/sequence.ts';

const COUNT = Number(process.env['FUZZ_SEQUENCES'] ?? 300);
const FIRST = Number(process.env['FUZZ_SEED'] ?? 1);
/** Every how many sequences one is done twice. */
const TWICE = Number(process.env['FUZZ_TWICE'] ?? 3);
const STEPS = process.env['FUZZ_STEPS']?.split(',').map(Number);
const progress = process.env['FUZZ_PROGRESS'] === undefined ? undefined : openSync(process.env['FUZZ_PROGRESS'], 'w');

const machines = new Map<ModelName, Machine>();
const hosts: readonly FuzzHost[] = [
  fuzzHost('max', 'vhe', machines),
  fuzzHost('max', 'nested', machines),
  fuzzHost('neoverse-n1', 'nvhe', machines),
  fuzzHost('max', 'nvhe', machines),
  fuzzHost('cortex-a57', 'nvhe', machines),
  fuzzHost('neoverse-v1', 'protected', machines),
];
const hostOf = (seed: number): FuzzHost => hosts[[0, 0, 0, 1, 2, 3, 4, 5, 0, 2][seed % 10]!]!;

/** @returns what went wrong, or undefined */
function failureOf(seed: number, steps: readonly number[], log?: string[]): string | undefined {
  try {
    runSequence(hostOf(seed), seed, steps, log);
    return undefined;
  } catch (e) {
    return e instanceof Error ? (e.stack ?? e.message) : String(e);
  }
}
/** Leaves out deeds while it still fails. */
function shrink(seed: number, steps: readonly number[]): readonly number[] {
  let small = steps;
  for (let size = Math.ceil(small.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < small.length; ) {
      const fewer = [...small.slice(0, at), ...small.slice(at + size)];
      if (failureOf(seed, fewer) !== undefined) small = fewer;
      else at += size;
    }
  }
  return small;
}
function report(seed: number, steps: readonly number[]): never {
  const small = shrink(seed, steps);
  const log: string[] = [];
  const why = failureOf(seed, small, log) ?? 'it does not fail twice';
  const again = `npm run fuzz -- --seed ${seed} --sequences 1 --steps ${small.join(',')}`;
  throw new Error(`seed ${seed} on ${hostOf(seed).name}: ${why}\n${log.slice(-40).join('\n')}\nAgain: ${again}`);
}
function firstDifference(a: Outcome, b: Outcome): string {
  const i = a.log.findIndex((line, n) => line !== b.log[n]);
  if (i >= 0) return `${a.log[i]}\nand then\n${b.log[i]}`;
  return a.log.length === b.log.length ? 'what is in the guest’s memory' : `${b.log.at(-1)}`;
}

test(`${COUNT} sequences from seed ${FIRST}`, async () => {
  const answers = new Map<string, number>();
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    if (progress !== undefined) writeSync(progress, `${seed}\n`);
    const steps = STEPS ?? stepsOf();
    let outcome: Outcome;
    try {
      outcome = runSequence(hostOf(seed), seed, steps);
    } catch {
      report(seed, steps);
    }
    if (seed % TWICE === 0) {
      const second = runSequence(hostOf(seed), seed, steps);
      const same = second.sum === outcome.sum && second.log.join() === outcome.log.join();
      expect(same || firstDifference(outcome, second), `seed ${seed} on ${hostOf(seed).name} twice`).toBe(true);
    }
    for (const line of outcome.log) {
      const run = /KVM_RUN ([A-Z_0-9]+)/.exec(line)?.[1];
      const answer = run === undefined ? line.slice(line.lastIndexOf('= ')) : `exit ${run}`;
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
    if (seed % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (progress !== undefined) console.log([...answers].sort((a, b) => b[1] - a[1]).slice(0, 60).map(([k, n]) => `${k}: ${n}`).join('  ')); // biome-ignore format: one line
  if (COUNT < 100) return;
  // They get somewhere: all kinds of errors, and all kinds of exits.
  expect([...answers.keys()].filter((a) => /^= E/.test(a)).length).toBeGreaterThan(10);
  for (const exit of ['MMIO', 'SYSTEM_EVENT', 'INTR', 'UNKNOWN', 'DEBUG', 'HYPERCALL'].slice(0, 4))
    expect(answers.get(`exit ${exit}`) ?? 0, exit).toBeGreaterThan(COUNT / 100);
}, 1_000_000_000);
