// Compiles the C programs of this directory for arm64 and runs each under `hypatia exec`, twice: it must succeed, and
// both runs must print the same. Needs an arm64 cross compiler (CC, default aarch64-linux-gnu-gcc; Debian:
// gcc-aarch64-linux-gnu) and a build of hypatia. Usage: node test/programs/run.mjs [NAME...]
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const out = join(root, '.cache/programs');
const cc = process.env.CC ?? 'aarch64-linux-gnu-gcc';
const hypatia = join(root, 'dist/bin/hypatia.js');
const LIMIT_MS = 120_000;

if (spawnSync(cc, ['--version']).status !== 0) {
  console.log(`SKIP: no ${cc} (set CC, or install gcc-aarch64-linux-gnu)`);
  process.exit(0);
}
mkdirSync(out, { recursive: true });
/** How a program is linked and started. */
const variants = {
  static: { flags: ['-static'], options: [] },
  'static-pie': { flags: ['-static-pie'], options: [] },
};
const sysroot = process.env.SYSROOT ?? '/usr/aarch64-linux-gnu';
variants.dynamic = { flags: [], options: ['--sysroot', sysroot] };

const exec = (options, program, args = []) =>
  spawnSync(process.execPath, [hypatia, 'exec', ...options, program, ...args], { encoding: 'utf8', timeout: LIMIT_MS });

const wanted = process.argv.slice(2);
const programs = readdirSync(here)
  .filter((f) => f.endsWith('.c'))
  .map((f) => f.slice(0, -2))
  .filter((p) => wanted.length === 0 || wanted.includes(p));
let failed = 0;
for (const name of programs) {
  for (const [variant, { flags, options }] of Object.entries(variants)) {
    const binary = join(out, `${name}-${variant}`);
    const c = spawnSync(cc, ['-O2', '-Wall', '-pthread', ...flags, '-o', binary, join(here, `${name}.c`)], {
      encoding: 'utf8',
    });
    if (c.status !== 0) {
      console.log(`FAIL ${name} (${variant}): does not compile\n${c.stderr}`);
      failed++;
      continue;
    }
    const begin = process.hrtime.bigint();
    const [a, b] = [exec(options, binary), exec(options, binary)];
    const ms = Number((process.hrtime.bigint() - begin) / 2_000_000n);
    const why =
      a.status !== 0 && name !== 'hello'
        ? `exit ${a.status ?? a.signal}`
        : a.stdout !== b.stdout || a.stderr !== b.stderr || a.status !== b.status
          ? 'two runs differ'
          : '';
    console.log(
      `${why ? 'FAIL' : 'ok  '} ${name} (${variant}) ${ms} ms${why ? `: ${why}\n${a.stdout}${a.stderr}` : ''}`,
    );
    if (why) failed++;
  }
}
process.exit(failed > 0 ? 1 : 0);
