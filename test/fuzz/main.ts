// The long form, in a thread of its own: says which sequence is under way through shared memory, so that whoever watches
// can name one that never ends. See tools/fuzz.mjs.

import { parentPort, workerData } from 'node:worker_threads';
import { type FuzzOptions, fuzz } from './run.ts';

const { options, progress } = workerData as { options: FuzzOptions; progress: Int32Array };
try {
  let answers: ReadonlyMap<string, number> = new Map();
  for (const so of fuzz({ ...options, onStart: (seed) => void Atomics.store(progress, 0, seed) })) answers = so;
  parentPort?.postMessage({ answers: [...answers].sort((a, b) => b[1] - a[1]) });
} catch (e) {
  parentPort?.postMessage({ failure: e instanceof Error ? e.message : String(e) });
}
