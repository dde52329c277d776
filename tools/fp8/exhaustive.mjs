// `npm run check:fp8`: every FP8 instruction over all operands on qemu-aarch64, on our engine (hypatia exec) and as recorded
// in golden/fp8/exhaustive.txt: the same program (exhaustive.c), compared line by line.
//   node tools/fp8/exhaustive.mjs [--qemu PATH | QEMU_AARCH64=PATH] [--no-exec] [--record]
//     --no-exec  do not run it on our engine, which takes a minute
//     --record   what qemu-aarch64 says becomes the record
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolArgs } from '../args.mjs';
import { buildProgram } from '../difftest/qemu.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const { values: opt } = toolArgs({
  options: {
    qemu: { type: 'string', default: process.env.QEMU_AARCH64 ?? 'qemu-aarch64' },
    'no-exec': { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
});
const fail = (message) => {
  process.stderr.write(`fp8: ${message}\n`);
  process.exit(2);
};
const run = (what, command, args) => {
  const r = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (r.error) fail(`cannot run ${command} (${r.error.code}): give --qemu PATH or set QEMU_AARCH64`);
  if (r.status !== 0) fail(`${what} ended with ${r.signal ?? `exit ${r.status}`}: ${r.stderr.trim()}`);
  return r.stdout;
};
/** NAME FPMR FPCR -> executions and hash */
const answers = (text) =>
  new Map(
    text
      .split('\n')
      .filter((l) => l !== '' && !l.startsWith('#'))
      .map((l) => {
        const words = l.split(' ');
        return [words.slice(0, 3).join(' '), words.slice(3).join(' ')];
      }),
  );

let program;
try {
  program = buildProgram(join(here, 'exhaustive.c'), 'fp8-exhaustive');
} catch (e) {
  fail(e.message);
}
const version = run('qemu-aarch64', opt.qemu, ['--version']).split('\n')[0].split(' (')[0];
const theirs = run('qemu-aarch64', opt.qemu, ['-cpu', 'max', program]);
const file = join(root, 'golden/fp8/exhaustive.txt');
if (opt.record) {
  const what = 'instruction, FPMR, FPCR, executions, hash of results and flags (tools/fp8/exhaustive.mjs)';
  writeFileSync(file, `# ${version}, -cpu max: ${what}\n${theirs}`);
}
const sides = { 'the record': readFileSync(file, 'utf8') };
if (!opt['no-exec'])
  sides['hypatia exec'] = run('hypatia exec', process.execPath, [join(root, 'dist/bin/hypatia.js'), 'exec', program]);
const expected = answers(theirs);
let passed = 0;
let failed = 0;
for (const [name, text] of Object.entries(sides)) {
  const got = answers(text);
  for (const [key, value] of expected) {
    if (got.get(key) === value) passed++;
    else if (++failed <= 20)
      process.stdout.write(`${key}: ${version} ${value}, ${name} ${got.get(key) ?? 'nothing'}\n`);
  }
}
const executed = [...expected.values()].reduce((n, v) => n + Number.parseInt(v, 16), 0);
process.stdout.write(`${version}: ${expected.size} settings of instructions, ${executed} executions\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
