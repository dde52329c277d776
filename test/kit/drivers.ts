// Who carries scenarios out: `ours`, in this process, or `linux`, a real Linux KVM that QEMU boots (tools/oracle/run.sh), with
// all scenarios in one static program.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KvmCompat } from '../../src/kvm/compat.ts';
import type { Host } from '../../src/kvm/host.ts';
import { runScript } from '../abi_script.ts';
import { type Answers, type Scenario, Talk } from './scenario.ts';

type CarryOut = (lines: readonly string[]) => readonly string[];
export const ours =
  (host: Host, compat?: KvmCompat): CarryOut =>
  (lines) =>
    runScript(lines, host, { executes: true, compat });

const oracle = join(import.meta.dirname, '../../tools/oracle');
function must(command: string, args: readonly string[]): { stdout: string; stderr: string } {
  const r = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (r.status !== 0) throw new Error(`${command}: ${r.stderr || r.error}`);
  return r;
}
/** @param cpu of QEMU. @returns the answers, and the kernel that gave them */
export function linux(cpu: string, mode: string, lines: readonly string[]): { kernel: string; printed: string[] } {
  const build = mkdtempSync(join(tmpdir(), 'scenarios-'));
  const script = join(build, 'script.txt');
  writeFileSync(script, `${lines.join('\n')}\n`);
  const program = join(build, 'scenarios');
  must('aarch64-linux-gnu-gcc', [
    '-O1',
    '-static',
    `-DSCRIPT="${script}"`,
    '-o',
    program,
    join(oracle, 'abi_script.c'),
  ]);
  const run = must('bash', [join(oracle, 'run.sh'), '-c', cpu, '-m', mode, program]);
  return { kernel: /^#kernel (.*)$/m.exec(run.stderr)?.[1] ?? 'unknown', printed: run.stdout.trimEnd().split('\n') };
}

/** All scenarios in one go. */
export function answersTo(scenarios: readonly Scenario[], carryOut: CarryOut): Map<string, Answers> {
  const talks = scenarios.map((s) => {
    const t = new Talk();
    s.talk(t);
    return { name: s.name, t };
  });
  const printed = [...carryOut(talks.flatMap(({ t }) => t.lines))];
  return new Map(talks.map(({ name, t }) => [name, t.read(printed.splice(0, t.printed))]));
}
