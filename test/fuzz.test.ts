// Random sequences of requests and random guests (fuzz/): every request is answered with a result or an errno, nothing
// throws, no memory is touched that is nobody's business, all of it is given back, and the same seed does the same twice.
// `npm run fuzz` is the long form.

import { expect, test } from 'vitest';
import { fuzz } from './fuzz/run.ts';

const SEQUENCES = 300;

test(`${SEQUENCES} sequences of requests and guests`, () => {
  let answers: ReadonlyMap<string, number> = new Map();
  for (const soFar of fuzz({ sequences: SEQUENCES, seed: 1, twice: 5 })) answers = soFar;
  // They get somewhere: all kinds of errors, and all kinds of exits.
  expect([...answers.keys()].filter((a) => /^E[A-Z0-9]+$/.test(a)).length).toBeGreaterThan(12);
  for (const exit of ['MMIO', 'INTR', 'DEBUG', 'SYSTEM_EVENT']) expect([...answers.keys()]).toContain(`exit ${exit}`);
}, 300_000);
