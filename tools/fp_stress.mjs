// `npm run stress:fp [ACCESSES] [SEED]`: the test of FP state ownership at full length, a million accesses by default.
import { spawnSync } from 'node:child_process';

const [accesses = '1000000', seed = '1'] = process.argv.slice(2);
const bad = [accesses, seed].find((n) => !/^\d+$/.test(n));
if (bad !== undefined) {
  process.stderr.write(`stress:fp: '${bad}' is not a whole number; usage: npm run stress:fp [ACCESSES] [SEED]\n`);
  process.exit(2);
}
const r = spawnSync(
  'node_modules/.bin/vitest',
  ['run', 'src/kvm/fp_stress.test.ts', '--testTimeout=3600000', '--disable-console-intercept'],
  {
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, FP_ACCESSES: accesses, FP_SEED: seed },
  },
);
process.exit(r.status ?? 1);
