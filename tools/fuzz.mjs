// `npm run fuzz`: many sequences of random requests and random guests (test/fuzz), with an eye on the clock: a sequence that
// takes too long is ended and named.
//   --sequences N  how many (100000)    --seed N   the first (1)    --twice N   each N-th is done twice (3)
//   --steps A,B    only these deeds     --limit N  seconds that one sequence may take (60)
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const options = { sequences: 100_000, seed: 1, twice: 3, limit: 60, steps: undefined };
for (let i = 2; i < process.argv.length; i += 2) {
  const [flag, value = ''] = process.argv.slice(i, i + 2);
  const name = flag.replace(/^--/, '');
  const isRight = name === 'steps' ? /^(\d+(,\d+)*)?$/.test(value) : /^\d+$/.test(value);
  if (!flag.startsWith('--') || !(name in options) || !isRight) {
    const known = Object.keys(options).map((k) => `--${k} N`);
    process.stderr.write(`fuzz: '${flag} ${value}' is not an option: give ${known.join(', ')}\n`);
    process.exit(2);
  }
  options[name] = name === 'steps' ? value.split(',').filter(Boolean).map(Number) : Number(value);
}
mkdirSync(join(root, '.cache'), { recursive: true });
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const built = spawnSync(process.execPath, [tsc, '-p', join(root, 'test/fuzz')], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);

const progress = new Int32Array(new SharedArrayBuffer(4));
const worker = new Worker(join(root, '.cache/fuzz/test/fuzz/main.js'), { workerData: { options, progress } });
const started = performance.now();
let last = 0;
let since = started;
const told = { at: started };
const watch = setInterval(() => {
  const now = performance.now();
  const seed = Atomics.load(progress, 0);
  if (seed !== last) {
    last = seed;
    since = now;
  }
  if (now - told.at > 30_000) {
    told.at = now;
    process.stderr.write(`fuzz: ${last - options.seed} sequences in ${((now - started) / 1000).toFixed(0)} s\n`);
  }
  if (now - since < options.limit * 1000) return;
  const again = `npm run fuzz -- --seed ${last} --sequences 1`;
  finish(`the sequence of seed ${last} has been running for ${options.limit} s. Again: ${again}`);
}, 500);
function finish(failure) {
  clearInterval(watch);
  const n = Math.max(0, Atomics.load(progress, 0) - options.seed + 1);
  process.stdout.write(`${n} sequences in ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  if (failure !== undefined) process.stdout.write(`${failure}\n`);
  process.stdout.write(failure === undefined ? '1 passed, 0 failed\n' : '0 passed, 1 failed\n');
  process.exit(failure === undefined ? 0 : 1);
}
worker.on('message', ({ answers, failure }) => {
  if (answers) process.stdout.write(`${answers.map(([answer, n]) => `${answer}: ${n}`).join('  ')}\n`);
  finish(failure);
});
worker.on('error', (e) => finish(e.stack ?? String(e)));
