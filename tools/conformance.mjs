// `npm run conformance`: the kernel's own KVM selftests, unmodified, under `hypatia exec`. Prints KTAP and a table, and
// compares with test/conformance/expected*.json. Never hides a skip: its printed reason is part of the verdict.
//   [--short]          arguments that keep the whole to a few minutes, where the defaults (or `args`) take longer
//   [--kernel 6.12]    the selftests of that kernel, with expected-6.12.json
//   [--set arm64]      not those of KVM but of tools/testing/selftests/arm64 (processes), with expected-arm64.json
//   [--reference]      also on a real KVM: Debian's arm64 kernel booted under QEMU; adds its verdicts and times
//   [--limit SECONDS]  for each program on the reference (60)
//   [--engine ENGINE] as of hypatia exec; jit compiles what is met once
//   [--selftests DIR] [--only a,b] [--timeout SECONDS] [--jobs N] [--json FILE] [--no-prepare]
//   [--accept]         the verdicts of this run become the expected ones: read the diff before you commit it
//   [--report]         runs nothing: writes docs/conformance.md from test/conformance/measured*.json
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolArgs } from './args.mjs';
import { runOurs } from './conformance/ours.mjs';
import { runReference } from './conformance/reference.mjs';
import { markdown, sumLine, table, titleOf } from './conformance/report.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: opt } = toolArgs({
  options: {
    selftests: { type: 'string' },
    kernel: { type: 'string' },
    set: { type: 'string' },
    only: { type: 'string' },
    timeout: { type: 'string', default: '600' },
    limit: { type: 'string', default: '60' },
    jobs: { type: 'string' },
    json: { type: 'string' },
    engine: { type: 'string' },
    short: { type: 'boolean', default: false },
    reference: { type: 'boolean', default: false },
    'no-prepare': { type: 'boolean', default: false },
    accept: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
  },
});
const here = (name) => join(root, 'test/conformance', name);
const expectedFile = (kernel) => here(kernel ? `expected-${kernel}.json` : 'expected.json');
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const fail = (text, code) => {
  process.stderr.write(`conformance: ${text}\n`);
  process.exit(code);
};

if (opt.engine !== undefined) {
  if (!['auto', 'jit', 'interp'].includes(opt.engine)) fail(`--engine ${opt.engine}: give auto, jit or interp`, 2);
  process.env.HYPATIA_ENGINE = opt.engine;
  if (opt.engine === 'jit') process.env.HYPATIA_JIT_EAGER = '1';
}

if (opt.report) {
  const measured = readdirSync(here('.'))
    .filter((n) => /^measured.*\.json$/.test(n))
    .sort()
    .map((n) => readJson(here(n)))
    .sort((a, b) => Number(a.selected ?? false) - Number(b.selected ?? false));
  writeFileSync(
    join(root, 'docs/conformance.md'),
    markdown(measured, (kernel) => readJson(expectedFile(kernel))),
  );
  process.exit(0);
}

if (opt.set !== undefined && (opt.kernel || opt.reference)) fail('--set goes with neither --kernel nor --reference', 2);
/** Which programs: of another kernel, or another set of them. */
const which = opt.kernel ?? opt.set;
const suffix = which ? `-${which}` : '';
if (!existsSync(expectedFile(which))) fail(`${which}: there is no ${expectedFile(which)}`, 2);
const ref = process.env.HYPATIA_REF ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'hypatia');
const dir = resolve(opt.selftests ?? join(ref, `selftests${suffix}`));
if (!opt.selftests && !opt['no-prepare']) {
  const env = { ...process.env, ...(opt.kernel ? { KERNEL: opt.kernel } : {}) };
  const part = opt.reference ? 'reference' : `selftests${opt.set ? suffix : ''}`;
  const r = spawnSync('bash', [join(root, 'tools/debian/prepare.sh'), part], { env, stdio: ['ignore', 2, 2] });
  if (r.status !== 0) fail('the selftests could not be built (this check needs Debian packages; see above)', 1);
}
if (!existsSync(dir)) fail(`no selftests in ${dir}: give --selftests DIR or leave out --no-prepare`, 2);
const expected = readJson(expectedFile(which));
const only = opt.only?.split(',');
const names = readdirSync(dir)
  .filter((n) => !n.startsWith('.') && (!only || only.includes(n)))
  .sort();
const missing = (only ?? Object.keys(expected.tests)).filter((n) => !names.includes(n));

/** What to run: each program once, and again where other options of ours have another verdict. */
const runs = names.flatMap((name) => {
  const e = expected.tests[name] ?? {};
  const args = (opt.short ? e.short?.args : undefined) ?? e.args ?? [];
  return [
    { name, args, options: [], expect: e },
    ...(e.also ?? []).map((a) => ({ name, args, options: a.options, expect: a })),
  ];
});
const results = [];
const queue = [...runs];
// Side by side, times mean something only if nothing else of ours runs.
const jobs = Math.max(1, Number(opt.jobs ?? (opt.reference ? 1 : 2)));
await Promise.all(
  Array.from({ length: jobs }, async () => {
    for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
      const r = await runOurs(run, dir, Number(opt.timeout));
      results.push(r);
      process.stderr.write(`${r.verdict.padEnd(8)}${titleOf(r)} (${r.seconds.toFixed(1)} s)\n`);
    }
  }),
);
results.sort(
  (a, b) => runs.findIndex((r) => titleOf(r) === titleOf(a)) - runs.findIndex((r) => titleOf(r) === titleOf(b)),
);
let boot;
if (opt.reference) {
  const plain = runs.filter((r) => r.options.length === 0);
  const there = await runReference(plain, dir, Number(opt.limit), opt.kernel, (name, r) =>
    process.stderr.write(`reference: ${r.verdict.padEnd(8)}${name} (${r.seconds.toFixed(1)} s)\n`),
  );
  boot = there.boot;
  for (const r of results) if (r.options.length === 0) r.reference = there.results.get(r.name);
}

if (opt.accept) {
  for (const r of results) {
    const e = r.expect;
    if (r.options.length === 0) expected.tests[r.name] = e;
    e.verdict = r.verdict;
    delete e.reason;
    if (r.verdict === 'skip') e.reason = r.reason;
    else if (r.verdict !== 'pass') e.why ??= r.reason;
  }
  writeFileSync(expectedFile(which), `${JSON.stringify(expected, null, 2)}\n`);
}
/** What is not as expected. */
const why = (r) => {
  const e = r.expect;
  if (e.verdict === undefined) return 'no expected verdict is checked in';
  if (e.verdict !== r.verdict) return `expected ${e.verdict}`;
  if (e.reason !== undefined && !r.reason.includes(e.reason)) return `expected the reason '${e.reason}'`;
  return undefined;
};
let bad = 0;
process.stdout.write(`TAP version 13\n1..${results.length}\n`);
for (const [i, r] of results.entries()) {
  const unexpected = why(r);
  if (unexpected) bad++;
  const directive = r.verdict === 'skip' ? ` # SKIP ${r.reason}` : '';
  const ok = r.verdict === 'pass' || r.verdict === 'skip' ? 'ok' : 'not ok';
  process.stdout.write(`${ok} ${i + 1} ${titleOf(r)}${directive}\n`);
  if (!unexpected) continue;
  const tail = r.text.trimEnd().split('\n').slice(-15);
  for (const l of [`verdict ${r.verdict} (exit ${r.code}): ${unexpected}`, ...tail]) process.stdout.write(`# ${l}\n`);
}
const count = (v) => results.filter((r) => r.verdict === v).length;
process.stdout.write(
  `# Totals: pass:${count('pass')} fail:${count('fail') + count('timeout')} xfail:0 xpass:0 skip:${count('skip')} error:0\n\n`,
);
process.stdout.write(table(results, why));
for (const n of missing) process.stdout.write(`${n}  missing from ${dir}\n`);
if (opt.reference) process.stdout.write(`\n${sumLine(results)}; the boot of the reference took ${boot.toFixed(1)} s\n`);
if (opt.json) {
  const version = readFileSync(join(dir, '.version'), 'utf8').trim();
  const kept = results.map(({ text, expect, code, ...r }) => r);
  const machine = `${cpus().length} CPUs`;
  const facts = {
    kernel: opt.kernel,
    ...(only && { selected: true }),
    version,
    machine,
    node: process.version,
    boot,
    limit: Number(opt.limit),
  };
  writeFileSync(opt.json, `${JSON.stringify({ ...facts, results: kept }, null, 1)}\n`);
}
process.stdout.write(`\n${results.length - bad} passed, ${bad + missing.length} failed\n`);
process.exit(bad + missing.length > 0 ? 1 : 0);
