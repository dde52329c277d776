// node tools/oracle/record-scenarios.mjs: asks a real Linux KVM the scenarios of test/scenarios.ts, all in one boot under QEMU,
// and writes its answers to golden/real-kvm/scenarios.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const r = spawnSync(process.execPath, [vitest, 'run', 'test/scenarios.test.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, SCENARIOS: 'linux' },
});
process.exit(r.status ?? 1);
