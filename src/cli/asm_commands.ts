// `hypatia asm` and `hypatia disasm`: the assembler and disassembler on files and words.

import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { disassemble } from '../asm/a64.ts';
import { writeElf } from '../asm/elf.ts';
import { assembleProgram } from '../asm/program.ts';
import { UsageError } from '../base/assert.ts';
import { say } from './message.ts';

export const ASM_HELP = `hypatia asm [-o FILE] [--base ADDRESS] [--raw] SOURCE.s
  Assembles GNU-style A64 source into a static arm64 ELF executable (--raw: the bytes of all sections).
  -o FILE          output (default: a.out; '-' is standard output)
  --base ADDRESS   address of the first section (default 0x401000)
`;
export const DISASM_HELP = `hypatia disasm [--no-aliases] [--pc ADDRESS] WORD... | FILE
  Disassembles instruction words given as hexadecimal numbers, or the executable segments of an arm64 ELF file.
  --no-aliases     instructions by their own names, never by an alias
  --pc ADDRESS     address of the first word: branch targets are then addresses
`;

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (e) {
    const code = e instanceof Error && 'code' in e ? String(e.code) : String(e);
    throw new UsageError(`${file}: cannot be read (${code})`);
  }
}
function parseAddress(text: string, option: string): bigint {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text))
    throw new UsageError(`${option}: '${text}' is not an address (give e.g. 0x400000)`);
  return BigInt(text);
}
const only = (positionals: readonly string[], what: string): string => {
  const [first, ...rest] = positionals;
  if (first === undefined || rest.length > 0) throw new UsageError(`give one ${what} (got ${positionals.length})`);
  return first;
};

/** @returns the exit code. @throws UsageError with one line for each thing that is wrong. */
export function asmCommand(args: readonly string[]): number {
  const { values, positionals } = parse(args, {
    output: { type: 'string', short: 'o', default: 'a.out' },
    base: { type: 'string', default: '0x401000' },
    raw: { type: 'boolean', default: false },
  });
  const file = only(positionals, 'source file');
  const source = new TextDecoder().decode(readBytes(file));
  const program = assembleProgram(source, { file, base: parseAddress(String(values['base']), '--base') });
  const first = program.sections[0];
  if (!first) throw new UsageError(`${file}: there is nothing to assemble in it`);
  let bytes: Uint8Array;
  if (values['raw']) {
    const last = program.sections.at(-1)!;
    bytes = new Uint8Array(Number(last.address - first.address) + last.bytes.length);
    for (const s of program.sections) bytes.set(s.bytes, Number(s.address - first.address));
  } else bytes = writeElf(program);
  const output = String(values['output']);
  if (output === '-') say(bytes);
  else writeFileSync(output, bytes, { mode: 0o755 });
  return 0;
}

/** @returns the exit code. */
export function disasmCommand(args: readonly string[]): number {
  const { values, positionals } = parse(args, {
    'no-aliases': { type: 'boolean', default: false },
    pc: { type: 'string' },
  });
  const noAliases = values['no-aliases'] === true;
  const pc = values['pc'] === undefined ? undefined : parseAddress(String(values['pc']), '--pc');
  const lines: string[] = [];
  const print = (word: number, at: bigint | undefined): void => {
    const text = disassemble(word, at === undefined ? { noAliases } : { noAliases, pc: at });
    const address = at === undefined ? '' : `${at.toString(16).padStart(8, ' ')}:  `;
    lines.push(`${address}${(word >>> 0).toString(16).padStart(8, '0')}  ${text}`);
  };
  const isWord = (t: string) => /^(0x)?[0-9a-f]{1,8}$/i.test(t);
  if (positionals.length === 0) throw new UsageError('give instruction words (as d503201f) or one ELF file');
  if (positionals.every(isWord)) {
    positionals.forEach((t, i) => {
      print(Number.parseInt(t.replace(/^0x/i, ''), 16), pc === undefined ? undefined : pc + BigInt(4 * i));
    });
  } else {
    const file = only(positionals, 'ELF file, or words of up to eight hexadecimal digits');
    for (const { address, bytes } of executableSegments(file, readBytes(file))) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let i = 0; i + 4 <= bytes.length; i += 4) print(view.getUint32(i, true), address + BigInt(i));
    }
  }
  say(`${lines.join('\n')}\n`);
  return 0;
}

function executableSegments(file: string, bytes: Uint8Array): { address: bigint; bytes: Uint8Array }[] {
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || v.getUint32(0) !== 0x7f454c46) throw new UsageError(`${file}: not an ELF file`);
  if (bytes[4] !== 2 || v.getUint16(18, true) !== 183) throw new UsageError(`${file}: not a 64-bit arm64 ELF file`);
  const at = Number(v.getBigUint64(32, true));
  const size = v.getUint16(54, true);
  const out: { address: bigint; bytes: Uint8Array }[] = [];
  for (let i = 0; i < v.getUint16(56, true); i++) {
    const p = at + i * size;
    if (p + 56 > bytes.length) throw new UsageError(`${file}: its program headers lie outside of it (truncated?)`);
    if (v.getUint32(p, true) !== 1 || (v.getUint32(p + 4, true) & 1) === 0) continue;
    const offset = Number(v.getBigUint64(p + 8, true));
    const length = Number(v.getBigUint64(p + 32, true));
    if (offset + length > bytes.length) throw new UsageError(`${file}: segment ${i} lies outside of it (truncated?)`);
    out.push({ address: v.getBigUint64(p + 16, true), bytes: bytes.subarray(offset, offset + length) });
  }
  if (out.length === 0) throw new UsageError(`${file}: it has no executable segment`);
  return out;
}

type Options = Readonly<Record<string, { type: 'string' | 'boolean'; short?: string; default?: string | boolean }>>;
function parse(
  args: readonly string[],
  options: Options,
): { values: Readonly<Record<string, unknown>>; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (e) {
    throw new UsageError(e instanceof Error ? e.message : String(e));
  }
}
