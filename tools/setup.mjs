// Everything a fresh clone needs before it can run: dependencies (npm ci) and a build, each only when missing or stale.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const run = (what, cmd, args) => {
  process.stderr.write(`hypatia: ${what}...\n`);
  const r = spawnSync(cmd, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (r.status !== 0) {
    process.stderr.write(`hypatia: '${cmd} ${args.join(' ')}' failed (exit ${r.status ?? r.signal}).\n`);
    process.exit(1);
  }
};
const newest = (dir) =>
  readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && /\.(ts|json)$/.test(e.name) && !e.name.endsWith('.test.ts'))
    .reduce((t, e) => Math.max(t, statSync(join(e.parentPath ?? e.path, e.name)).mtimeMs), 0);

if (!existsSync(join(root, 'node_modules/typescript')))
  run('installing dependencies', 'npm', ['ci', '--no-audit', '--no-fund']);
const stamp = join(root, 'dist/.built');
if (!existsSync(stamp) || statSync(stamp).mtimeMs < newest(join(root, 'src')))
  run('building', 'npm', ['run', '--silent', 'build']);
