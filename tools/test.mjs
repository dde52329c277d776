// `npm test`: types, lint and every test that needs only Node. Ends with a line `N passed, N failed`.
// With HYPATIA_ENGINE=jit all machines of tests compile what they meet once.
//   [--units]  unit tests only  [ARGUMENT of vitest...]
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';

const bin = (name) => `node_modules/.bin/${name}`;
const failures = [];
const step = (name, cmd, args) => {
  process.stdout.write(`# ${name}\n`);
  const r = spawnSync(cmd, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (r.status !== 0) failures.push(name);
};
const args = process.argv.slice(2);
const units = args[0] === '--units' ? args.shift() : undefined;
if (!units) step('types of tests and tools', bin('tsc'), ['-p', 'tsconfig.tests.json']);
if (!units) step('lint', bin('biome'), ['check', '--max-diagnostics=40', '.']);
if (!units) step('status page is up to date', process.execPath, ['tools/status.mjs', '--check']);
mkdirSync('.cache', { recursive: true });
rmSync('.cache/vitest.json', { force: true });
step('unit tests', bin('vitest'), [
  'run',
  '--reporter=default',
  '--reporter=json',
  '--outputFile=.cache/vitest.json',
  ...args,
]);
let passed = 0;
let failed = 0;
try {
  const report = JSON.parse(readFileSync('.cache/vitest.json', 'utf8'));
  passed = report.numPassedTests;
  failed =
    report.numFailedTests +
    (report.numFailedTestSuites > 0 && report.numFailedTests === 0 ? report.numFailedTestSuites : 0);
} catch {
  failures.push('unit tests wrote no report');
}
if (failures.length > 0) {
  failed = Math.max(failed, 1);
  process.stdout.write(`failed: ${failures.join(', ')}\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failures.length > 0 || failed > 0 ? 1 : 0);
