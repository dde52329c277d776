// node tools/oracle/record-more.mjs NAME CPU MODE ["MACHINE OPTIONS"] > FILE.json: the further questions (kvmask.c, kvmafter.c)
// beside those of the probe, asked of a real Linux KVM on a QEMU CPU, as golden/real-kvm/extra keeps them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { convertAfter, convertMore, stringifyMore } from './convert-more.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const [name, cpu = 'max', mode = 'vhe', machine = ''] = process.argv.slice(2);
if (!name) {
  process.stderr.write('usage: node tools/oracle/record-more.mjs NAME CPU MODE ["MACHINE OPTIONS"]\n');
  process.exit(2);
}
function must(command, args) {
  const r = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (r.status === 0) return r.stdout;
  process.stderr.write(r.stderr || `${command}: ${r.error}\n`);
  process.exit(1);
}
const options = ['-c', cpu, '-m', mode, ...(machine ? ['-a', machine] : [])];
const build = mkdtempSync(join(tmpdir(), 'oracle-'));
function ask(program) {
  must('aarch64-linux-gnu-gcc', ['-O1', '-static', '-o', join(build, program), join(here, `${program}.c`)]);
  return must('bash', [join(here, 'run.sh'), ...options, join(build, program)]);
}
const probe = JSON.parse(must('node', [join(here, 'record.mjs'), name, cpu, mode]));
const { configs, ...host } = probe;
process.stdout.write(stringifyMore({ ...host, ...convertMore(ask('kvmask')), after: convertAfter(ask('kvmafter')) }));
