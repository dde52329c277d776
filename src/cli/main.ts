#!/usr/bin/env node
// The command `hypatia`: which subcommand, and how its errors end. Everything else is in the file of the subcommand.

import { readFileSync } from 'node:fs';
import { InternalError, UsageError } from '../base/assert.ts';
import { ASM_HELP, asmCommand, DISASM_HELP, disasmCommand } from './asm_commands.ts';
import { execCommand } from './exec.ts';
import { FP8_HELP, fp8Command } from './fp8.ts';
import { message } from './host.ts';
import { EXEC_HELP } from './options.ts';
import { TRAP_HELP, trapCommand } from './trap.ts';

interface Command {
  readonly help: string;
  readonly run: (args: readonly string[]) => number | Promise<number>;
}
const COMMANDS: Readonly<Record<string, Command>> = {
  exec: { help: EXEC_HELP, run: execCommand },
  asm: { help: ASM_HELP, run: asmCommand },
  disasm: { help: DISASM_HELP, run: disasmCommand },
  fp8: { help: FP8_HELP, run: fp8Command },
  trap: { help: TRAP_HELP, run: trapCommand },
};

const USAGE_EXIT = 2;
const INTERNAL_EXIT = 70;

function packageJson(): { readonly name: string; readonly version: string } {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    name: string;
    version: string;
  };
}
function help(): string {
  return `hypatia ${packageJson().version}: KVM for arm64, in software

usage: hypatia COMMAND ...
       hypatia              runs the embedded demonstration
       hypatia --version [--json]

${Object.values(COMMANDS)
  .map((c) => c.help)
  .join('\n')}`;
}
function version(json: boolean): string {
  const { name, version } = packageJson();
  if (!json) return `${name} ${version}\n`;
  return `${JSON.stringify({ name, version, node: process.versions.node, v8: process.versions.v8, platform: process.platform, arch: process.arch })}\n`;
}

async function main(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv;
  if (first === undefined) {
    const { demo } = await import('./demo.ts');
    return demo();
  }
  if (first === '--version' || first === '-V') {
    process.stdout.write(version(rest.includes('--json')));
    return 0;
  }
  if (first === '--help' || first === '-h' || first === 'help') {
    process.stdout.write(help());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (!command) {
    message(`hypatia: no command '${first}'\n\n${help().trimEnd()}`);
    return USAGE_EXIT;
  }
  if (rest[0] === '--help' || rest[0] === '-h') {
    process.stdout.write(command.help);
    return 0;
  }
  return command.run(rest);
}

/** Standard output may be a pipe that still holds something: wait for it, then end whatever else is going on. */
function leave(code: number): void {
  if (process.stdout.writableLength === 0) process.exit(code);
  process.stdout.write('', () => process.exit(code));
}

main(process.argv.slice(2)).then(leave, (e: unknown) => {
  if (e instanceof UsageError) {
    message(`hypatia: ${e.message}`);
    leave(USAGE_EXIT);
  } else {
    const what = e instanceof Error ? (e.stack ?? e.message) : String(e);
    message(`hypatia: ${e instanceof InternalError ? 'internal error' : 'unexpected error'}: ${what}`);
    leave(INTERNAL_EXIT);
  }
});
