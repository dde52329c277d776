// Real arm64 programs of Debian (tools/debian/prepare.sh programs), whole runs including start-up, beside qemu-aarch64.
//   npm run bench:real -- [NAME...] [--rounds N] [--engines auto] [--node LABEL=PATH]... [--json FILE]
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolArgs } from '../tools/args.mjs';
import { hypatia, qemuUser } from './engines.mjs';
import { machine, table } from './report.mjs';

const { values: opt, positionals } = toolArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    engines: { type: 'string', default: 'auto' },
    node: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
  },
});
const ref = process.env.HYPATIA_REF ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'hypatia');
const sysroot = join(ref, 'sysroot');
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
if (!existsSync(join(sysroot, '.done'))) {
  const r = spawnSync('bash', [join(root, 'tools/debian/prepare.sh'), 'programs'], { stdio: ['ignore', 2, 2] });
  if (r.status !== 0) process.exit(1);
}

const dir = mkdtempSync(join(tmpdir(), 'bench-real-'));
/** Text with the statistics of text: the same on every machine. */
function words(bytes) {
  let seed = 1;
  const rnd = (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const list = Array.from({ length: 2000 }, () =>
    Array.from({ length: 2 + rnd(8) }, () => String.fromCharCode(97 + rnd(26))).join(''),
  );
  let out = '';
  while (out.length < bytes) out += list[Math.floor((rnd(2000) * rnd(2000)) / 2000)] + (rnd(12) ? ' ' : '\n');
  return out.slice(0, bytes);
}
const text = join(dir, 'text');
const script = join(dir, 'script.lua');
const sql = join(dir, 'script.sql');
const less = join(dir, 'less');
const more = join(dir, 'more');
const content = words(6 << 20);
writeFileSync(text, content);
writeFileSync(less, content.slice(0, 3 << 19));
writeFileSync(more, content.repeat(6));
writeFileSync(
  script,
  `local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local t, s = {}, 0
for i = 1, 150000 do t[i] = (i * 7919) % 100003 end
table.sort(t)
for i = 1, #t, 1000 do s = s + t[i] end
local parts = {}
for i = 1, 60000 do parts[#parts + 1] = string.format("%d:%s", i, tostring(i * 0.5)) end
local joined = table.concat(parts, ",")
local n = 0
for w in joined:gmatch("%d+:") do n = n + #w end
print(fib(27), s, n, #joined)
`,
);
writeFileSync(
  sql,
  `create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
insert into t select i, 'row ' || (i * 7919 % 100003), i * 0.25 from n;
create index x on t(b);
select count(*), sum(c), min(b), max(b) from t where b like 'row 1%';
select b, count(*) from (select substr(b, 1, 6) as b from t) group by b order by 2 desc, 1 limit 5;
`,
);
const bin = (name) => join(sysroot, 'usr/bin', name);
const PROGRAMS = {
  hello: [bin('busybox'), 'echo', 'hello'],
  gzip: [bin('busybox'), 'gzip', '-c', text],
  sha256sum: [bin('busybox'), 'sha256sum', ...Array(12).fill(text)],
  awk: [bin('busybox'), 'awk', '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) s += n[w] * length(w); print s, NR }', less],
  lua: [bin('lua5.4'), script],
  sqlite3: [bin('sqlite3'), ':memory:', `.read ${sql}`],
  'openssl-sha3': [bin('openssl'), 'dgst', '-sha3-256', ...Array(12).fill(text)],
  'openssl-aes': [bin('openssl'), 'enc', '-aes-256-ctr', '-K', '00'.repeat(32), '-iv', '01'.repeat(16), '-in', more],
}; // biome-ignore format: a table
const names = positionals.length > 0 ? positionals : Object.keys(PROGRAMS);
const unknown = names.filter((n) => !PROGRAMS[n]);
if (unknown.length > 0) {
  process.stderr.write(`bench: no program ${unknown.join(', ')}; there are ${Object.keys(PROGRAMS).join(', ')}\n`);
  process.exit(2);
}
const nodes = Object.fromEntries(opt.node.map((n) => n.split('=', 2)));
if (opt.node.length === 0) nodes[process.versions.node.split('.')[0]] = process.execPath;
const columns = { 'qemu-user': { title: 'qemu-aarch64', command: (p) => [...qemuUser, '-L', sysroot, ...p] } };
for (const [label, node] of Object.entries(nodes))
  for (const engine of opt.engines.split(',')) {
    const command = (p) => hypatia(node, engine, ['--sysroot', sysroot, ...p]);
    columns[`${engine}-${label}-first`] = { title: `${engine}, Node ${label}, first run`, command, isFirst: true };
    columns[`${engine}-${label}`] = { title: `${engine}, Node ${label}, later runs`, command, isLater: true };
  }

/** Code that is kept of programs, for all versions of Node: a first run has none. What is kept of Hypatia itself stays. */
const stores = [
  join(root, 'dist/bin/code'),
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'hypatia/code'),
];
const keptPrograms = (name = /^program-/) =>
  stores
    .filter((store) => existsSync(store))
    .flatMap((store) => readdirSync(store, { recursive: true }).map((file) => join(store, file)))
    .filter((file) => name.test(basename(file)));
function runFirst(run) {
  const aside = keptPrograms().map((file) => [file, join(dirname(file), `aside-${basename(file)}`)]);
  for (const [file, to] of aside) renameSync(file, to);
  const result = run();
  for (const file of keptPrograms()) rmSync(file);
  for (const [file, to] of aside) renameSync(to, file);
  return result;
}
const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
/** Runs before later ones: code is kept after one, compiled after the next one by a process of its own. */
const EARLIER = 3;
function runEarlier(run) {
  for (let i = 0; i < EARLIER; i++) {
    run();
    // Until it is surely there, and then until it has ended.
    sleep(500);
    for (let n = 0; n < 600 && keptPrograms(/^program-.*\.making$/).length > 0; n++) sleep(100);
  }
}

let right = 0;
let wrong = 0;
const rows = [];
for (const name of names) {
  const row = { name, group: name === 'hello' ? 'start-up' : 'programs', ms: {} };
  let expected;
  for (let round = 0; round < Number(opt.rounds); round++) {
    for (const [key, column] of Object.entries(columns)) {
      const [file, ...args] = column.command(PROGRAMS[name]);
      const run = () => {
        const started = performance.now();
        const r = spawnSync(file, args, { maxBuffer: 1 << 28, cwd: dir });
        return { r, ms: performance.now() - started };
      };
      if (round === 0 && column.isLater) runEarlier(run);
      const { r, ms } = column.isFirst ? runFirst(run) : run();
      const hash = createHash('sha256').update(r.stdout).digest('hex');
      expected ??= hash;
      if (r.status === 0 && hash === expected) {
        right++;
        row.ms[key] = [...(row.ms[key] ?? []), ms];
      } else {
        wrong++;
        process.stderr.write(
          `bench: ${name} on ${column.title}: exit ${r.status ?? r.signal}, ${hash === expected ? 'same' : 'other'} output ${r.stderr.toString().trim().slice(-300)}\n`,
        );
      }
    }
  }
  rows.push(row);
}
rmSync(dir, { recursive: true });
const result = {
  machine: machine(),
  rounds: Number(opt.rounds),
  engines: Object.fromEntries(Object.entries(columns).map(([k, c]) => [k, c.title])),
  kernels: rows,
};
process.stdout.write(table(result, 'qemu-user'));
process.stdout.write('A first run keeps the code that it has compiled, later runs use it. QEMU keeps none.\n');
if (opt.json) writeFileSync(opt.json, `${JSON.stringify(result, null, 1)}\n`);
process.stdout.write(`${right} passed, ${wrong} failed\n`);
process.exit(wrong > 0 ? 1 : 0);
