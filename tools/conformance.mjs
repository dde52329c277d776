// `npm run conformance`: the kernel's own KVM selftests, unmodified, under `hypatia exec`. Prints KTAP and a table, and
// compares with test/conformance/expected.json. Never hides a skip: its printed reason is part of the verdict.
//   node tools/conformance.mjs [--selftests DIR] [--only a,b] [--timeout SECONDS] [--jobs N] [--json FILE] [--no-prepare]
//     [--accept]   the verdicts of this run become the expected ones: read the diff before you commit it
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: opt } = parseArgs({
  options: {
    selftests: { type: 'string' },
    only: { type: 'string' },
    timeout: { type: 'string', default: '300' },
    jobs: { type: 'string', default: '2' },
    json: { type: 'string' },
    'no-prepare': { type: 'boolean', default: false },
    accept: { type: 'boolean', default: false },
  },
});
const ref = process.env.HYPATIA_REF ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'hypatia');
const dir = resolve(opt.selftests ?? join(ref, 'selftests'));
if (!opt.selftests && !opt['no-prepare']) {
  const r = spawnSync('bash', [join(root, 'tools/debian/prepare.sh'), 'selftests'], { stdio: ['ignore', 2, 2] });
  if (r.status !== 0) {
    process.stderr.write(
      'conformance: the selftests could not be built (this check needs Debian packages; see above)\n',
    );
    process.exit(1);
  }
}
if (!existsSync(dir)) {
  process.stderr.write(`conformance: no selftests in ${dir}: give --selftests DIR or leave out --no-prepare\n`);
  process.exit(2);
}
const expected = JSON.parse(readFileSync(join(root, 'test/conformance/expected.json'), 'utf8'));
const only = opt.only?.split(',');
const tests = readdirSync(dir)
  .filter((n) => !n.startsWith('.') && (!only || only.includes(n)))
  .sort();
const missing = (only ?? Object.keys(expected.tests)).filter((n) => !tests.includes(n));
const started = Date.now();

/** The reason that a skipping program printed, or the last thing a failing one said. */
const reasonOf = (text, verdict) => {
  const lines = text
    .split('\n')
    .map((l) => l.trim())
    .filter(Boolean);
  if (verdict === 'skip') {
    const l = lines.findLast((x) => /skip/i.test(x)) ?? lines.at(-1) ?? '';
    return l.replace(/^.*#\s*SKIP\s*/i, '').replace(/^Skip(ping|ped)?[:,]?\s*/i, '');
  }
  return lines.findLast((x) => /assert|error|not implemented|fail/i.test(x)) ?? lines.at(-1) ?? '';
};
const runOne = (name) =>
  new Promise((done) => {
    const args = expected.tests[name]?.args ?? [];
    const t = process.hrtime.bigint();
    const p = spawn(process.execPath, [join(root, 'dist/cli/main.js'), 'exec', `./${name}`, ...args], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    const keep = (b) => {
      if (text.length < 1 << 20) text += b;
    };
    p.stdout.on('data', keep);
    p.stderr.on('data', keep);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      p.kill('SIGKILL');
    }, Number(opt.timeout) * 1000);
    p.on('close', (code) => {
      clearTimeout(timer);
      const seconds = Number(process.hrtime.bigint() - t) / 1e9;
      const verdict = late ? 'timeout' : code === 0 ? 'pass' : code === 4 ? 'skip' : 'fail';
      done({
        name,
        args,
        code,
        seconds,
        verdict,
        reason: verdict === 'pass' ? '' : late ? `no end after ${opt.timeout} s` : reasonOf(text, verdict),
        text,
      });
    });
  });

const results = [];
const queue = [...tests];
await Promise.all(
  Array.from({ length: Math.max(1, Number(opt.jobs)) }, async () => {
    for (let n = queue.shift(); n !== undefined; n = queue.shift()) {
      const r = await runOne(n);
      results.push(r);
      process.stderr.write(`${r.verdict.padEnd(8)}${r.name} (${r.seconds.toFixed(1)} s)\n`);
    }
  }),
);
results.sort((a, b) => a.name.localeCompare(b.name));

if (opt.accept) {
  for (const r of results) {
    const reason =
      r.verdict === 'skip'
        ? { reason: r.reason }
        : r.verdict === 'pass'
          ? {}
          : { why: expected.tests[r.name]?.why ?? r.reason };
    expected.tests[r.name] = {
      verdict: r.verdict,
      ...(r.args.length > 0 ? { args: r.args } : {}),
      ...(expected.tests[r.name]?.why ? { why: expected.tests[r.name].why } : {}),
      ...reason,
    };
  }
  writeFileSync(join(root, 'test/conformance/expected.json'), `${JSON.stringify(expected, null, 2)}\n`);
}
const matches = (r) => {
  const e = expected.tests[r.name];
  if (!e) return 'no expected verdict is checked in';
  if (e.verdict !== r.verdict) return `expected ${e.verdict}`;
  if (e.reason !== undefined && !r.reason.includes(e.reason)) return `expected the reason '${e.reason}'`;
  return undefined;
};
let bad = 0;
process.stdout.write(`TAP version 13\n1..${results.length}\n`);
results.forEach((r, i) => {
  const why = matches(r);
  if (why) bad++;
  const directive = r.verdict === 'skip' ? ` # SKIP ${r.reason}` : '';
  process.stdout.write(
    `${r.verdict === 'pass' || r.verdict === 'skip' ? 'ok' : 'not ok'} ${i + 1} ${r.name}${directive}\n`,
  );
  if (why) {
    const tail = r.text.trimEnd().split('\n').slice(-15);
    for (const l of [`verdict ${r.verdict} (exit ${r.code}): ${why}`, ...tail]) process.stdout.write(`# ${l}\n`);
  }
});
const count = (v) => results.filter((r) => r.verdict === v).length;
process.stdout.write(
  `# Totals: pass:${count('pass')} fail:${count('fail') + count('timeout')} xfail:0 xpass:0 skip:${count('skip')} error:0\n\n`,
);
const width = Math.max(...results.map((r) => r.name.length), 4);
process.stdout.write(`${'test'.padEnd(width)}  verdict  as expected  seconds  reason\n`);
for (const r of results)
  process.stdout.write(
    `${r.name.padEnd(width)}  ${r.verdict.padEnd(7)}  ${(matches(r) ? 'NO' : 'yes').padEnd(11)}  ${r.seconds.toFixed(1).padStart(7)}  ${r.reason.slice(0, 110)}\n`,
  );
for (const n of missing) process.stdout.write(`${n.padEnd(width)}  missing from ${dir}\n`);
if (opt.json)
  writeFileSync(
    opt.json,
    JSON.stringify(
      { kernel: expected.kernel, seconds: (Date.now() - started) / 1000, results: results.map(({ text, ...r }) => r) },
      null,
      1,
    ),
  );
process.stdout.write(`\n${results.length - bad} passed, ${bad + missing.length} failed\n`);
process.exit(bad + missing.length > 0 ? 1 : 0);
