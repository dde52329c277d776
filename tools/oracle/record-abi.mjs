// node tools/oracle/record-abi.mjs NAME CPU MODE ["MACHINE OPTIONS" [SEED [COUNT]]] > FILE.txt: random conversations
// (abi-scenarios.mjs) held with a real Linux KVM on a QEMU CPU, as golden/real-kvm/abi keeps them: a line that says which
// ones, then the answers, a line for each scenario.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as uapi from '../../dist/uapi/index.js';
import { ANSWERS, answersOf, KINDS, scenarios } from './abi-scenarios.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const [name, cpu = 'max', mode = 'vhe', machine = '', seed = '1', count = '90'] = process.argv.slice(2);
if (!name) {
  process.stderr.write('usage: node tools/oracle/record-abi.mjs NAME CPU MODE ["MACHINE OPTIONS" [SEED [COUNT]]]\n');
  process.exit(2);
}
function must(command, args) {
  const r = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  if (r.status === 0) return r;
  process.stderr.write(r.stderr || `${command}: ${r.error}\n`);
  process.exit(1);
}
// An external abort before the first run brings a protected host down.
const kinds = Object.keys(KINDS).filter((k) => k !== 'vcpus' || mode !== 'protected');
const what = { seed: Number(seed), count: Number(count), kinds };
const all = scenarios(uapi, what);
const build = mkdtempSync(join(tmpdir(), 'oracle-'));
const script = join(build, 'script.txt');
writeFileSync(script, all.flatMap((s) => s.lines).join('\n') + '\n');
const program = join(build, 'abi_script');
must('aarch64-linux-gnu-gcc', ['-O1', '-static', `-DSCRIPT="${script}"`, '-o', program, join(here, 'abi_script.c')]);
const options = ['-c', cpu, '-m', mode, ...(machine ? ['-a', machine] : [])];
const run = must('bash', [join(here, 'run.sh'), ...options, program]);
const kernel = /^#kernel (.*)$/m.exec(run.stderr)?.[1] ?? 'unknown';
const answers = run.stdout.trimEnd().split('\n');
const lines = all.map((s) => answers.splice(0, answersOf(s.lines)).join(ANSWERS));
if (answers.length !== 0) throw new Error(`${answers.length} answers too many`);
process.stdout.write(`${JSON.stringify({ kernel, ...what })}\n${lines.join('\n')}\n`);
