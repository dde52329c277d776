// What `hypatia` does when it is told nothing: assembles examples/dpisa2023.s with the project's own assembler and runs it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeElf } from '../asm/elf.ts';
import { assembleProgram } from '../asm/program.ts';
import { execCommand } from './exec.ts';
import { message } from './message.ts';

const SOURCE = new URL('../../examples/dpisa2023.s', import.meta.url);

/** @returns the exit code. */
export async function demo(): Promise<number> {
  const program = assembleProgram(readFileSync(SOURCE, 'utf8'), { file: 'examples/dpisa2023.s', base: 0x401000n });
  const dir = mkdtempSync(join(tmpdir(), 'hypatia-'));
  try {
    const file = join(dir, 'dpisa2023');
    writeFileSync(file, writeElf(program), { mode: 0o755 });
    message(
      'hypatia: running examples/dpisa2023.s, an arm64 program that asks /dev/kvm (hypatia --help: everything else)\n',
    );
    // The full model as KVM would show it on such a CPU: nothing here executes what our engine could not.
    return await execCommand(['--cpu', 'max', '--cpu-unchecked', '--trace', 'fp', file]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
