// `npm run bench`: how fast, as ratios to QEMU in the same run. Kernels of our own (bench/kernels) natively, under
// qemu-aarch64, under qemu-system-aarch64 on the bare machine, and on our engines as a process and as a KVM guest, in turn
// within each round; medians over the rounds; every checksum compared. Needs Debian's gcc, cross compiler and QEMU
// (tools/debian/prepare.sh selftests qemu).
//   npm run bench -- [KERNEL...] [--rounds N] [--times N] [--engines jit,interp] [--node LABEL=PATH]... [--json FILE]
//                    [--only native,qemu-user,qemu-system,process,guest] [--smoke]
// --smoke: one short kernel, to see that it works at all; fails on wrong checksums only.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolArgs } from '../tools/args.mjs';
import { buildKernel, buildVmm, KERNELS } from './build.mjs';
import { engines, runOnce } from './engines.mjs';
import { machine, median, summary } from './report.mjs';

const { values: opt, positionals } = toolArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    times: { type: 'string', default: '6' },
    engines: { type: 'string', default: 'auto,interp' },
    node: { type: 'string', multiple: true, default: [] },
    only: { type: 'string' },
    json: { type: 'string' },
    limit: { type: 'string', default: '300' },
    smoke: { type: 'boolean', default: false },
  },
});
const names = positionals.length > 0 ? positionals : opt.smoke ? ['mix'] : Object.keys(KERNELS);
const unknown = names.filter((n) => !KERNELS[n]);
if (unknown.length > 0) {
  process.stderr.write(`bench: no kernel ${unknown.join(', ')}; there are ${Object.keys(KERNELS).join(', ')}\n`);
  process.exit(2);
}
const rounds = opt.smoke ? 1 : Number(opt.rounds);
const times = opt.smoke ? 2 : Number(opt.times);
if (!(rounds >= 1 && times >= 2)) {
  process.stderr.write('bench: --rounds takes a number from 1 on, --times one from 2 on (the first is warm-up)\n');
  process.exit(2);
}
const nodes = Object.fromEntries(opt.node.map((n) => n.split('=', 2)));
if (opt.node.length === 0) nodes[process.versions.node.split('.')[0]] = process.execPath;
const dir = mkdtempSync(join(tmpdir(), 'bench-'));
const vmm = buildVmm(dir);
const all = engines({ nodes, vmm, times, list: opt.engines.split(',') });
const only = opt.only?.split(',');
const chosen = Object.keys(all).filter((k) => !only || only.some((o) => k === o || k.startsWith(`${o}-`)));

let right = 0;
let wrong = 0;
const rows = [];
for (const name of names) {
  const binaries = buildKernel(name, dir, times);
  const row = { name, group: KERNELS[name].group, ms: {}, startup: {}, errors: {} };
  let sum;
  for (let round = 0; round < rounds; round++) {
    for (const key of chosen) {
      const r = await runOnce(all[key].command(binaries), Number(opt.limit) * 1000);
      const own = key === 'native' && KERNELS[name].ownSum;
      if (!own) sum ??= r.sums[0];
      const good = !r.error && r.sums.length === times && r.sums.every((s) => s === (own ? r.sums[0] : sum));
      if (good) right++;
      else {
        wrong++;
        row.errors[key] = r.error ?? `checksums ${[...new Set(r.sums)].join(' ')} instead of ${sum}`;
        process.stderr.write(`bench: ${name} on ${all[key].title}: ${row.errors[key]}\n`);
        continue;
      }
      // The first half is warm-up: compilers of several tiers take a moment.
      row.ms[key] = [...(row.ms[key] ?? []), median(r.times.slice(Math.floor(times / 2)))];
      row.startup[key] = [...(row.startup[key] ?? []), r.startup];
    }
  }
  rows.push(row);
  process.stderr.write(
    `${name}: ${chosen.map((k) => `${k} ${row.ms[k] ? median(row.ms[k]).toFixed(1) : '-'}`).join('  ')}\n`,
  );
}
rmSync(dir, { recursive: true });
const result = {
  machine: machine(),
  rounds,
  times,
  engines: Object.fromEntries(chosen.map((k) => [k, all[k].title])),
  kernels: rows,
};
process.stdout.write(summary(result));
if (opt.json) writeFileSync(opt.json, `${JSON.stringify(result, null, 1)}\n`);
process.stdout.write(`${right} passed, ${wrong} failed\n`);
process.exit(wrong > 0 ? 1 : 0);
