#!/usr/bin/env node
// The command `hypatia`: which subcommand, and how its errors end. Everything else is in the file of the subcommand.

import { readFileSync } from 'node:fs';
import { InternalError, UsageError } from '../base/assert.ts';
import { leave, message, say } from './message.ts';

interface Command {
  readonly help: () => string;
  readonly run: (args: readonly string[]) => number | Promise<number>;
}
/** Loaded when they are wanted: what one needs is not what the others need. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  exec: async () => {
    const [{ execCommand }, { execHelp }] = await Promise.all([import('./exec.ts'), import('./options.ts')]);
    return { help: execHelp, run: execCommand };
  },
  asm: async () => {
    const { ASM_HELP, asmCommand } = await import('./asm_commands.ts');
    return { help: () => ASM_HELP, run: asmCommand };
  },
  disasm: async () => {
    const { DISASM_HELP, disasmCommand } = await import('./asm_commands.ts');
    return { help: () => DISASM_HELP, run: disasmCommand };
  },
  fp8: async () => {
    const { FP8_HELP, fp8Command } = await import('./fp8.ts');
    return { help: () => FP8_HELP, run: fp8Command };
  },
  trap: async () => {
    const { TRAP_HELP, trapCommand } = await import('./trap.ts');
    return { help: () => TRAP_HELP, run: trapCommand };
  },
};

const USAGE_EXIT = 2;
const INTERNAL_EXIT = 70;

function packageJson(): { readonly name: string; readonly version: string } {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    name: string;
    version: string;
  };
}
async function help(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  return `hypatia ${packageJson().version}: KVM for arm64, in software

usage: hypatia COMMAND ...
       hypatia              runs the embedded demonstration
       hypatia --version [--json]

${commands.map((c) => c.help()).join('\n')}`;
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
    say(version(rest.includes('--json')));
    return 0;
  }
  if (first === '--help' || first === '-h' || first === 'help') {
    say(await help());
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (!load) {
    message(`hypatia: no command '${first}'\n\n${(await help()).trimEnd()}`);
    return USAGE_EXIT;
  }
  const command = await load();
  if (rest[0] === '--help' || rest[0] === '-h') {
    say(command.help());
    return 0;
  }
  return command.run(rest);
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
