// Many sequences one after the other; what fails is made small and described.

import type { ModelName } from '../../src/cpu/models.ts';
import type { Machine } from '../../src/lib/machine.ts';
import { answerOf, type Entry, entryText, type FuzzHost, fuzzHost } from './program.ts';
import { type Outcome, runSequence, stepsOf } from './sequence.ts';

export interface FuzzOptions {
  readonly sequences: number;
  /** The first. */
  readonly seed: number;
  /** Every how many sequences one is done twice. */
  readonly twice: number;
  /** Only these deeds. */
  readonly steps?: readonly number[] | undefined;
  /** Told of every sequence before it starts. */
  readonly onStart?: (seed: number) => void;
}

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
function failureOf(seed: number, steps: readonly number[], log?: Entry[]): string | undefined {
  try {
    runSequence(hostOf(seed), seed, steps, log);
    return undefined;
  } catch (e) {
    return e instanceof Error ? (e.stack ?? e.message) : String(e);
  }
}
/** What two runs do differently, or undefined. */
function difference(a: Outcome, b: Outcome): string | undefined {
  const [first, second] = [a.log.map(entryText), b.log.map(entryText)];
  const i = first.findIndex((line, n) => line !== second[n]);
  if (i >= 0) return `it does two things: ${first[i]}\nand then ${second[i]}`;
  if (first.length !== second.length) return `once it goes on: ${second[first.length] ?? first[second.length]}`;
  return a.sum === b.sum ? undefined : 'it leaves different things in the guest’s memory';
}
function differs(seed: number, steps: readonly number[]): string | undefined {
  return difference(runSequence(hostOf(seed), seed, steps), runSequence(hostOf(seed), seed, steps));
}
/** Leaves out deeds while it still fails. */
function shrink(steps: readonly number[], fails: (steps: readonly number[]) => boolean): readonly number[] {
  let small = steps;
  for (let size = Math.ceil(small.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < small.length; ) {
      const fewer = [...small.slice(0, at), ...small.slice(at + size)];
      if (fails(fewer)) small = fewer;
      else at += size;
    }
  }
  return small;
}
function report(seed: number, steps: readonly number[]): Error {
  const small = shrink(steps, (s) => failureOf(seed, s) !== undefined);
  const log: Entry[] = [];
  const why = failureOf(seed, small, log) ?? 'it does not fail twice';
  return describe(seed, small, `${why}\n${log.slice(-40).map(entryText).join('\n')}`);
}
function describe(seed: number, steps: readonly number[], what: string): Error {
  const again = `npm run fuzz -- --seed ${seed} --sequences 1 --twice 1 --steps ${steps.join(',')}`;
  return new Error(`seed ${seed} on ${hostOf(seed).name}: ${what}\nAgain: ${again}`);
}

/** Runs sequences. @yields how often each answer was given so far, after each sequence. @throws Error with a reproducer */
export function* fuzz(options: FuzzOptions): Generator<ReadonlyMap<string, number>, void> {
  const { sequences, seed: first, twice, onStart } = options;
  const steps = options.steps ?? stepsOf();
  const answers = new Map<string, number>();
  for (let seed = first; seed < first + sequences; seed++) {
    onStart?.(seed);
    const host = hostOf(seed);
    let outcome: Outcome;
    try {
      outcome = runSequence(host, seed, steps);
    } catch {
      throw report(seed, steps);
    }
    if (seed % twice === 0 && difference(outcome, runSequence(host, seed, steps)) !== undefined) {
      const small = shrink(steps, (s) => differs(seed, s) !== undefined);
      throw describe(seed, small, differs(seed, small) ?? 'it did two things, but does not again');
    }
    for (const entry of outcome.log) {
      const answer = answerOf(entry);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
    yield answers;
  }
}
