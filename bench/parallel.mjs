// `npm run bench:parallel`: how much faster a guest with several vCPUs is that execute at the same time (`--parallel`). Each
// vCPU does the same integer work on memory of its own and now and then adds to a word that all share (parallel.c); one vCPU
// and several, by turns and at the same time, in turn. Minima over the rounds; what comes out is checked.
//   --vcpus N   how many are several (2)
//   --rounds N  processes of each kind (5)
//   --short     one short round, to see that it works at all
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolArgs } from '../tools/args.mjs';
import { buildProgram } from './build.mjs';

const { values: opt } = toolArgs({
  options: {
    vcpus: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    short: { type: 'boolean', default: false },
  },
});
function fail(message, code) {
  process.stderr.write(`bench:parallel: ${message}\n`);
  process.exit(code);
}
const number = (name, min, max) => {
  const n = Number(opt[name]);
  if (!Number.isInteger(n) || n < min || n > max)
    fail(`--${name} wants a number from ${min} to ${max}, not '${opt[name]}'`, 2);
  return n;
};
const several = number('vcpus', 2, 16);
const rounds = opt.short ? 1 : number('rounds', 1, 1000);
/** A turn is 1000 steps of STEP instructions; measurements of one process, the first is warm-up. */
const [turns, measurements] = opt.short ? [1000, 3] : [2000, 31];
const STEP = 10;
/** Where what is computed is computed once more. */
const CHECKED_TURNS = 20;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const work = mkdtempSync(join(tmpdir(), 'parallel-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const program = buildProgram('parallel.c', work);
function must(command, ...args) {
  const r = spawnSync(command, args, { encoding: 'utf8' });
  if (r.status !== 0) fail(`${command}: ${r.error ?? r.stderr}`, 1);
  return r.stdout;
}

/** What each vCPU computes. */
function computed(n) {
  const mask = 2n ** 64n - 1n;
  const memory = new BigUint64Array(512);
  let x = 0x9e3779b97f4a7c15n;
  for (let i = 0; i < n * 1000; i++) {
    x ^= (x << 13n) & mask;
    x ^= x >> 7n;
    x ^= (x << 17n) & mask;
    const at = Number(x & 0xff8n) / 8;
    const sum = (memory[at] + x) & mask;
    memory[at] = sum;
    x ^= (sum >> 9n) | ((sum << 55n) & mask);
  }
  return x.toString(16).padStart(16, '0');
}
let passed = 0;
let failed = 0;
let expected;
/** @returns nanoseconds of the fastest measurement */
function run(vcpus, parallel, count, times) {
  const options = [
    '--clock',
    'real',
    '--smp',
    String(Math.max(vcpus, cpus().length)),
    ...(parallel ? ['--parallel'] : []),
  ];
  const out = must(
    process.execPath,
    join(root, 'dist/bin/hypatia.js'),
    'exec',
    ...options,
    '--',
    program,
    vcpus,
    count,
    times,
  );
  const lines = out
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  expected ??= lines[0][2];
  const right = ([, shared, ...results]) =>
    Number(shared) === vcpus * count && results.length === vcpus && results.every((r) => r === expected);
  if (lines.length === times && lines.every(right)) passed++;
  else {
    failed++;
    process.stderr.write(`bench:parallel: ${vcpus} vCPUs${parallel ? ', --parallel' : ''}: wrong:\n${out}`);
  }
  return Math.min(...lines.slice(1).map(([ns]) => Number(ns)));
}
expected = computed(CHECKED_TURNS);
run(several, true, CHECKED_TURNS, 2);
expected = undefined;

const kinds = [1, several].flatMap((vcpus) =>
  [false, true].map((parallel) => ({ vcpus, parallel, ns: Number.POSITIVE_INFINITY })),
);
for (let round = 0; round < rounds; round++)
  for (const kind of kinds) kind.ns = Math.min(kind.ns, run(kind.vcpus, kind.parallel, turns, measurements));
const rate = ({ vcpus, ns }) => (vcpus * turns * 1000 * STEP) / ns;
const [one, oneThread, byTurns, atOnce] = kinds.map(rate);
const load = loadavg()[0].toFixed(1);
process.stdout.write(
  `Node ${process.version}, ${cpus().length} CPUs, load ${load}; instructions a nanosecond, all vCPUs together\n`,
);
const line = (name, turn, parallel) =>
  process.stdout.write(
    `${name.padEnd(9)} by turns ${turn.toFixed(2)}   --parallel ${parallel.toFixed(2)}   ${(parallel / turn).toFixed(2)} times\n`,
  );
line('1 vCPU', one, oneThread);
line(`${several} vCPUs`, byTurns, atOnce);
process.stdout.write(`${several} vCPUs with --parallel: ${(atOnce / oneThread).toFixed(2)} times one\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
