// Runs the program that recorded golden/real-kvm (tools/oracle/kvmprobe.c) under `hypatia exec` on each recorded host and
// compares every answer with the real KVM's. Needs an arm64 cross compiler (CC) with kernel headers new enough for
// kvmprobe.c, or a compiled one (KVMPROBE), and a build of hypatia. Usage: node test/programs/kvmprobe.mjs [HOST...]
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const cc = process.env.CC ?? 'aarch64-linux-gnu-gcc';
const hosts = join(root, 'golden/real-kvm/hosts');
/** Counters that run: never the same twice. */
const LIVE = new Set(['0x603000000013df01', '0x603000000013df1a']);

function build() {
  if (process.env.KVMPROBE) return process.env.KVMPROBE;
  const binary = join(root, '.cache/programs/kvmprobe');
  mkdirSync(dirname(binary), { recursive: true });
  const c = spawnSync(cc, ['-O2', '-static', '-o', binary, join(root, 'tools/oracle/kvmprobe.c')], {
    encoding: 'utf8',
  });
  if (c.status === 0) return binary;
  console.log(`SKIP: kvmprobe.c cannot be compiled with ${cc}: ${(c.stderr ?? String(c.error)).split('\n')[0]}`);
  process.exit(0);
}
const encoding = (l) => `3,${l.op1},0,${l.crm},${l.op2}`;
/** What the program printed, in the shape of the recordings. */
function collect(text) {
  const o = { capabilities: {}, writableMasks: {}, vmTypes: {}, configs: {} };
  for (const line of text.trim().split('\n')) {
    const l = JSON.parse(line);
    const c = o.configs[l.config];
    switch (l.kind) {
      case 'api':
        Object.assign(o, { apiVersion: l.version, vcpuMmapSize: l.mmap });
        break;
      case 'cap':
        o.capabilities[l.cap] = [l.sys, l.vm];
        break;
      case 'target':
        o.preferredTarget = l.target;
        break;
      case 'vmtype':
        o.vmTypes[l.type] = l.errno;
        break;
      case 'masks_ret':
        o.writableMasksErrno = l.errno;
        break;
      case 'mask':
        o.writableMasks[encoding(l)] = `0x${l.mask}`;
        break;
      case 'config':
        o.configs[l.name] = { features: l.features };
        if (l.fail) o.configs[l.name].fails = { at: l.fail, errno: l.errno };
        break;
      case 'reg':
        c.registers ??= {};
        c.registers[`0x${l.id}`] = l.get || l.setback ? [`0x${l.value}`, l.get, l.setback] : [`0x${l.value}`];
        break;
      case 'idaccept':
        c.idRegisterAcceptance ??= {};
        c.idRegisterAcceptance[encoding(l)] = {
          value: `0x${l.value}`,
          accepted: l.fields.map(([mask]) => mask),
          errno: [...new Set(l.fields.map(([, e]) => e).filter((e) => e))].sort((a, b) => a - b),
        };
        break;
      case 'idabsent':
        c.idRegisterAbsent ??= {};
        c.idRegisterAbsent[encoding(l)] = l.errno;
        break;
    }
  }
  return o;
}
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
function* differences(path, want, got) {
  if (typeof want !== 'object' || want === null || Array.isArray(want)) {
    if (!same(want, got) && !LIVE.has(path.at(-1)))
      yield `${path.join(' ')}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`;
    return;
  }
  if (path.at(-1) === 'registers' && !same(Object.keys(want), Object.keys(got ?? {}))) yield `${path.join(' ')}: order`;
  for (const k of new Set([...Object.keys(want), ...Object.keys(got ?? {})]))
    yield* differences([...path, k], want[k], got?.[k]);
}
const COMPARED = [
  'apiVersion',
  'vcpuMmapSize',
  'preferredTarget',
  'writableMasksErrno',
  'capabilities',
  'writableMasks',
  'vmTypes',
];

const probe = build();
let total = 0;
const wanted = process.argv.slice(2);
for (const file of readdirSync(hosts)) {
  const name = file.replace(/\.json$/, '');
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const golden = JSON.parse(readFileSync(join(hosts, file), 'utf8'));
  const mode = golden.mode ?? name.split('-').at(-1);
  const known = ['vhe', 'nvhe', 'protected', 'nested'].includes(mode) ? mode : name.split('-').at(-1);
  const args = ['exec', '--cpu', join(hosts, file), '--cpu-unchecked', '--kvm-mode', known, probe];
  const r = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (r.status !== 0) {
    console.log(`FAIL ${name}: exit ${r.status ?? r.signal}\n${r.stderr}`);
    total++;
    continue;
  }
  const ours = collect(r.stdout);
  const found = [];
  for (const k of COMPARED) found.push(...differences([k], golden[k], ours[k]));
  for (const [c, want] of Object.entries(golden.configs))
    for (const k of ['features', 'fails', 'registers', 'idRegisterAcceptance', 'idRegisterAbsent'])
      if (want[k] !== undefined) found.push(...differences([c, k], want[k], ours.configs[c]?.[k]));
  console.log(`${found.length === 0 ? 'ok  ' : 'FAIL'} ${name}: ${found.length} differences`);
  for (const d of found.slice(0, 10)) console.log(`     ${d}`);
  total += found.length;
}
process.exit(total > 0 ? 1 : 0);
