// `npm run kvmprobe`: tools/oracle/kvmprobe.c itself, compiled by the cross compiler, runs under `hypatia exec` with each
// recorded host's ID registers and KVM mode; its answers are compared with what the real KVM said on that host.
//   node tools/kvmprobe.mjs [--probe FILE] [--hosts DIR] [--only NAME] [--limit N]        needs Debian's arm64 compiler
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolArgs } from './args.mjs';
import { convert } from './oracle/convert.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const ref = process.env.HYPATIA_REF ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'hypatia');
const { values: opt } = toolArgs({
  options: {
    probe: { type: 'string' },
    hosts: { type: 'string', default: join(root, 'golden/real-kvm/hosts') },
    only: { type: 'string' },
    limit: { type: 'string', default: '20' },
  },
});
const probe = opt.probe ?? join(ref, 'kvmprobe');
if (!opt.probe && !existsSync(probe)) {
  const r = spawnSync('bash', [join(root, 'tools/debian/prepare.sh'), 'probe'], { stdio: ['ignore', 2, 2] });
  if (r.status !== 0) process.exit(1);
}
/** Counters: their values depend on the moment. */
const LIVE = new Set(['0x603000000013df01', '0x603000000013df1a']);
/** The recordings' key of the KVM mode, as the file's name ends. */
const modeOf = (name) => name.replace(/^.*-/, '');

const differences = (path, want, got, out) => {
  if (want !== null && typeof want === 'object' && got !== null && typeof got === 'object') {
    for (const k of new Set([...Object.keys(want), ...Object.keys(got)])) {
      if (path.endsWith('/registers') && LIVE.has(k) && k in want && k in got) continue;
      differences(`${path}/${k}`, want[k], got[k], out);
    }
    if (path.endsWith('/registers') && JSON.stringify(Object.keys(want)) !== JSON.stringify(Object.keys(got)))
      out.push(`${path}: order of the list differs`);
  } else if (want !== got) out.push(`${path}: real KVM ${JSON.stringify(want)}, ours ${JSON.stringify(got)}`);
};

let passed = 0;
let failed = 0;
for (const file of readdirSync(opt.hosts).filter((f) => f.endsWith('.json') && (!opt.only || f.includes(opt.only)))) {
  const name = file.replace('.json', '');
  const want = JSON.parse(readFileSync(join(opt.hosts, file), 'utf8'));
  const started = process.hrtime.bigint();
  const r = spawnSync(
    process.execPath,
    [
      join(root, 'dist/bin/hypatia.js'),
      'exec',
      '--cpu',
      join(opt.hosts, file),
      '--cpu-unchecked',
      '--kvm-mode',
      want.kvmMode ?? modeOf(name),
      '--smp',
      String(want.capabilities?.[9]?.[0] ?? 2),
      probe,
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  const got = convert(r.stdout ?? '');
  const out = [];
  if (r.status !== 0) out.push(`exit ${r.status ?? r.signal}: ${(r.stderr ?? '').split('\n').slice(0, 5).join(' | ')}`);
  if (!got.end) out.push('the probe did not come to its end');
  for (const k of [
    'apiVersion',
    'vcpuMmapSize',
    'capabilities',
    'preferredTarget',
    'vmTypes',
    'writableMasksErrno',
    'writableMasks',
    'configs',
  ])
    differences(k, want[k], got[k], out);
  const answers = Object.values(got.configs).reduce(
    (n, c) => n + 3 * Object.keys(c.registers ?? {}).length + 256 * Object.keys(c.idRegisterAcceptance ?? {}).length,
    0,
  );
  process.stdout.write(
    `${out.length === 0 ? 'ok' : 'not ok'} - ${name}: ${answers} answers, ${out.length} differences, ${(Number(process.hrtime.bigint() - started) / 1e9).toFixed(1)} s\n`,
  );
  for (const d of out.slice(0, Number(opt.limit))) process.stdout.write(`#   ${d}\n`);
  if (out.length === 0) passed++;
  else failed++;
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
