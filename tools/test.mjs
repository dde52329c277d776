// `npm test`: types, lint and every test that needs only Node. Ends with a line `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';

const bin = (name) => `node_modules/.bin/${name}`;
const failures = [];
const step = (name, cmd, args) => {
  process.stdout.write(`# ${name}\n`);
  const r = spawnSync(cmd, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (r.status !== 0) failures.push(name);
};
step('types of tests and tools', bin('tsc'), ['-p', 'tsconfig.tests.json']);
step('lint', bin('biome'), ['check', '--max-diagnostics=40', '.']);
step('status page is up to date', process.execPath, ['tools/status.mjs', '--check']);
mkdirSync('.cache', { recursive: true });
rmSync('.cache/vitest.json', { force: true });
step('unit tests', bin('vitest'), [
  'run',
  '--reporter=default',
  '--reporter=json',
  '--outputFile=.cache/vitest.json',
  ...process.argv.slice(2),
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
