// `npm run bench:exits`: nanoseconds of a guest's way out and in again, to KVM (HVC) and to the program (MMIO), here and on a
// real Linux KVM that QEMU boots on this machine: the same static program with both.
//   --count N      round trips a measurement (20000)
//   --no-reference only ours: does not need QEMU, prints no ratio
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildProgram } from './build.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const args = process.argv.slice(2);
const at = args.indexOf('--count');
const count = at < 0 ? '20000' : args[at + 1];
if (!/^[1-9]\d*$/.test(count ?? '')) {
  process.stderr.write('bench:exits: --count N: give a number of round trips\n');
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'exits-'));
function must(command, ...rest) {
  const r = spawnSync(command, rest, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (r.status === 0) return r.stdout;
  process.stderr.write(`${command}: ${r.error ?? r.stderr}\n`);
  process.exit(1);
}
const parse = (text) => new Map([...text.matchAll(/^(hvc|mmio) ([\d.]+)$/gm)].map((m) => [m[1], Number(m[2])]));
const program = buildProgram('exits.c', work);
const ours = parse(
  must(process.execPath, join(root, 'dist/bin/hypatia.js'), 'exec', '--clock', 'real', '--', program, count),
);
const real = args.includes('--no-reference')
  ? new Map()
  : parse(must('bash', join(root, 'tools/oracle/run.sh'), program, count));
for (const [kind, ns] of ours) {
  const there = real.get(kind);
  const beside =
    there === undefined
      ? ''
      : `   real KVM under QEMU ${there.toFixed(0).padStart(8)} ns   ${(there / ns).toFixed(1)} times faster here`;
  process.stdout.write(`${kind.padEnd(5)} ${ns.toFixed(0).padStart(8)} ns a round trip${beside}\n`);
}
rmSync(work, { recursive: true });
process.stdout.write(ours.size === 2 ? '1 passed, 0 failed\n' : '0 passed, 1 failed\n');
