// `npm run fuzz`: many sequences of random requests and random guests (test/fuzz.test.ts, test/fuzz/), with an eye on the
// clock: a sequence that takes too long is ended and named.
//   --sequences N  how many (100000)    --seed N   the first (1)    --twice N   each N-th is done twice (3)
//   --steps A,B    only these deeds     --limit N  seconds that one sequence may take (60)
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const options = { sequences: '100000', seed: '1', twice: '3', limit: '60' };
const known = [...Object.keys(options), 'steps'];
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '');
  const value = process.argv[i + 1];
  const isRight = name === 'steps' ? /^[\d,]*$/.test(value) : /^\d+$/.test(value ?? '');
  if (!process.argv[i].startsWith('--') || !known.includes(name) || !isRight) {
    process.stderr.write(
      `fuzz: '${process.argv[i]} ${value ?? ''}': give ${known.map((k) => `--${k} N`).join(', ')}\n`,
    );
    process.exit(2);
  }
  options[name] = value;
}
const dir = mkdtempSync(join(tmpdir(), 'fuzz-'));
const progress = join(dir, 'progress');
const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/fuzz.test.ts'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
  detached: true,
  env: {
    ...process.env,
    FUZZ_SEQUENCES: options.sequences,
    FUZZ_SEED: options.seed,
    FUZZ_TWICE: options.twice,
    FUZZ_PROGRESS: progress,
    ...(options.steps === undefined ? {} : { FUZZ_STEPS: options.steps }),
  },
});
/** The seed of the sequence under way. */
function current() {
  try {
    return readFileSync(progress, 'utf8').trimEnd().split('\n').at(-1);
  } catch {
    return '';
  }
}
const started = Date.now();
let last = '';
let since = Date.now();
const watch = setInterval(() => {
  const now = current();
  if (now !== last) {
    last = now;
    since = Date.now();
    return;
  }
  if (last === '' || Date.now() - since < Number(options.limit) * 1000) return;
  process.stderr.write(
    `fuzz: the sequence of seed ${last} has been running for ${options.limit} s: npm run fuzz -- --seed ${last} --sequences 1\n`,
  );
  process.kill(-child.pid, 'SIGKILL');
}, 500);
child.on('exit', (code) => {
  clearInterval(watch);
  const n = Number(last || options.seed) - Number(options.seed) + 1;
  rmSync(dir, { recursive: true });
  process.stdout.write(`${n} sequences in ${((Date.now() - started) / 1000).toFixed(0)} s\n`);
  process.stdout.write(code === 0 ? '1 passed, 0 failed\n' : '0 passed, 1 failed\n');
  process.exit(code === 0 ? 0 : 1);
});
