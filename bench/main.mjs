// `npm run bench`: how fast, as ratios to QEMU in the same run. `--smoke`: one short kernel, to see that it works at all.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const smoke = process.argv.includes('--smoke');
const kernels = process.argv.slice(2).filter((a) => !a.startsWith('-'));
const r = spawnSync(process.execPath, [join(root, 'bench/interp.mjs'), ...(smoke ? ['mix'] : kernels)], {
  stdio: 'inherit',
  env: { ...process.env, QEMU: process.env.QEMU ?? join(root, 'tools/debian/qemu-aarch64') },
});
process.stdout.write(r.status === 0 ? '1 passed, 0 failed\n' : '0 passed, 1 failed\n');
process.exit(r.status ?? 1);
