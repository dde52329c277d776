// The same programs on a real Linux KVM: Debian's arm64 kernel booted under QEMU, once for all of them.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { reasonOf, verdictOf } from './ours.mjs';

const runner = join(dirname(fileURLToPath(import.meta.url)), '../oracle/run.sh');
const KILLED = 137;
/** A boot may take this long, and so may switching the machine off. Seconds. */
const BOOT = 300;

/**
 * @param runs [{name, args}]. @param dir where the programs are. @param limit seconds for each
 * @param kernel a version for prepare.sh, or undefined. @param each called with every result as it comes
 * @returns {boot: seconds, results: Map of name -> {verdict, reason, seconds, cpuSeconds}}; cpuSeconds: of QEMU, all threads
 */
export async function runReference(runs, dir, limit, kernel, each) {
  const tmp = mkdtempSync(join(tmpdir(), 'conformance-'));
  try {
    const list = join(tmp, 'list');
    writeFileSync(list, runs.map((r) => `${[r.name, limit, ...r.args].join(' ')}\n`).join(''));
    const env = { ...process.env, LIMIT: String(runs.length * limit + BOOT), ...(kernel ? { KERNEL: kernel } : {}) };
    const p = spawn('bash', [runner, '-l', list, dir], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const results = new Map();
    const ended = new Promise((done) => p.on('close', done));
    let boot;
    let cpuBefore = 0;
    let text = '';
    for await (const line of createInterface({ input: p.stdout })) {
      const [mark, name, code, start, end] = line.split(' ');
      const cpu = Number(line.split(' ').at(-1)) / 100;
      if (mark === '#start') boot = Number(name);
      else if (mark === '#run') {
        text = '';
        cpuBefore = cpu;
      } else if (mark === '#ran') {
        const late = Number(code) === KILLED;
        const verdict = late ? 'timeout' : verdictOf(Number(code));
        const reason = late ? `no end after ${limit} s` : reasonOf(text, verdict);
        const r = { verdict, reason, seconds: Number(end) - Number(start), cpuSeconds: cpu - cpuBefore };
        results.set(name, r);
        each(name, r);
      } else text += `${line}\n`;
    }
    await ended;
    if (boot === undefined) throw new Error('the reference did not boot (see above)');
    return { boot, results };
  } finally {
    rmSync(tmp, { recursive: true, force: true });
  }
}
