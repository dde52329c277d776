// Asks another implementation for the answers in golden/fp: every case is run again, differences are shown, and with
// --accept the files are rewritten.
//   node tools/oracle/record-fp.mjs [--accept] [--llvm-mc PATH] -- qemu-aarch64 -cpu max ./runfp     (runfp.c, built static)
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: opt, positionals: runner } = parseArgs({
  options: { accept: { type: 'boolean', default: false }, 'llvm-mc': { type: 'string', default: 'llvm-mc-19' } },
  allowPositionals: true,
});
const fail = (message) => {
  process.stderr.write(`record-fp: ${message}\n`);
  process.exit(2);
};
if (runner.length === 0) fail('give the command that runs runfp, after --');
const run = (command, args, input) => {
  const r = spawnSync(command, args, { input, maxBuffer: 1 << 28 });
  if (r.error || r.status !== 0) fail(`${command}: ${r.error?.message ?? `status ${r.status} ${r.stderr}`}`);
  return r.stdout;
};
const assemble = (insn) => {
  const text = run(opt['llvm-mc'], ['-triple=aarch64', '-mattr=+all', '--show-encoding'], insn).toString();
  const bytes = /encoding: \[(.*?)\]/.exec(text)[1].split(',').map(Number);
  return Buffer.from(bytes).readUInt32LE();
};
/** Operand registers of the runner: V1, V2 and V3 are the operands, V0 the accumulator. */
const accumulates = (insn) => /^(fmlal|bfmlalb|bfdot|bfmmla)\b/.test(insn);
const comparesOnly = (insn) => /^fcmpe?\b/.test(insn);
const toGeneral = (insn) => /^\w+ [wx]0/.test(insn);

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../golden/fp');
let [total, different] = [0, 0];
for (const file of readdirSync(folder)) {
  const path = join(folder, file);
  let text = readFileSync(path, 'utf8');
  for (const { insn, cases } of JSON.parse(text).operations) {
    const word = assemble(insn);
    const low = (1n << 64n) - 1n;
    const blocks = cases.map((line) => {
      const [fpcr, a = 0n, b = 0n, c = 0n] = line
        .split(' = ')[0]
        .split(' ')
        .map((x) => BigInt(`0x${x}`));
      const block = Buffer.alloc(80);
      block.writeUInt32LE(word, 0);
      block.writeUInt32LE(Number(fpcr), 4);
      block.writeUInt32LE(1, 8);
      for (const [i, v] of [accumulates(insn) ? c : 0n, a, b, c].entries()) {
        block.writeBigUInt64LE(v & low, 16 + 16 * i);
        block.writeBigUInt64LE(v >> 64n, 24 + 16 * i);
      }
      return block;
    });
    const out = run(runner[0], runner.slice(1), Buffer.concat(blocks));
    cases.forEach((line, i) => {
      const at = (offset) => out.readBigUInt64LE(32 * i + offset);
      const nzcv = (out.readUInt32LE(32 * i + 28) >>> 28).toString(16);
      const wide = insn.startsWith('bfmmla') ? at(0) | (at(8) << 64n) : at(0);
      const vector = accumulates(insn) && !insn.startsWith('bfmmla') ? wide & 0xffffffffn : wide;
      const value = comparesOnly(insn) ? nzcv : (toGeneral(insn) ? at(16) : vector).toString(16);
      const extra = insn.startsWith('fjcvtzs') ? ` ${nzcv}` : '';
      const fpsr = out.readUInt32LE(32 * i + 24).toString(16);
      const now = `${line.split(' = ')[0]} = ${value}${extra} | ${fpsr}`;
      total++;
      if (now === line) return;
      different++;
      process.stdout.write(`${file}: ${insn}\n  - ${line}\n  + ${now}\n`);
      text = text.replace(JSON.stringify(line), JSON.stringify(now));
    });
  }
  if (opt.accept) writeFileSync(path, text);
}
process.stdout.write(`record-fp: ${total} cases, ${different} different\n`);
process.exit(different && !opt.accept ? 1 : 0);
