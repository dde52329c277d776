// Asks another implementation for the answers in golden/simd: every case is run again, differences are shown, and with
// --accept the files are rewritten. What a case starts from is told in src/isa/simd_golden.test.ts.
//   node tools/oracle/record-simd.mjs [--accept] -- qemu-aarch64 -cpu max ./runsimd     (runsimd.c, built static)
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolArgs } from '../args.mjs';

const { values: opt, positionals: runner } = toolArgs({
  options: { accept: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const fail = (message) => {
  process.stderr.write(`record-simd: ${message}\n`);
  process.exit(2);
};
if (runner.length === 0) fail('give the command that runs runsimd, after --');

const MEMORY = 0x2_0000_0000n;
const ITEM = 40 + 512 + 128;
const SIGILL = 4;
const LOW = (1n << 64n) - 1n;

/** The same start as in the test. */
function start(operands, c) {
  const operand = (i) => operands[i % operands.length];
  return {
    v: Array.from({ length: 32 }, (_, i) => operand(c * (2 * i + 1) + 7 * i)),
    x: [operand(3 * c) & LOW, MEMORY + 16n + BigInt(c % 16), operand(3 * c + 2) & LOW, operand(3 * c + 3) & LOW],
    memory: Array.from({ length: 8 }, (_, k) => operand(c + k)),
  };
}
function pack(word, s) {
  const b = Buffer.alloc(ITEM);
  b.writeUInt32LE(word, 0);
  const put = (at, value) => {
    b.writeBigUInt64LE(value & LOW, at);
    b.writeBigUInt64LE(value >> 64n, at + 8);
  };
  s.x.forEach((x, i) => {
    b.writeBigUInt64LE(x, 8 + 8 * i);
  });
  s.v.forEach((v, i) => {
    put(40 + 16 * i, v);
  });
  s.memory.forEach((m, i) => {
    put(552 + 16 * i, m);
  });
  return b;
}
/** What changed, as the golden file has it. */
function changes(s, out) {
  const wide = (at) => out.readBigUInt64LE(at) | (out.readBigUInt64LE(at + 8) << 64n);
  const signal = out.readUInt32LE(0);
  if (signal) return signal === SIGILL ? 'undefined' : `signal ${signal}`;
  const parts = [];
  const note = (name, before, after) => {
    if (before !== after) parts.push(`${name}=${after.toString(16)}`);
  };
  s.v.forEach((v, i) => {
    note(`v${i}`, v, wide(40 + 16 * i));
  });
  s.x.forEach((x, i) => {
    note(`x${i}`, x, out.readBigUInt64LE(8 + 8 * i));
  });
  s.memory.forEach((m, i) => {
    note(`m${i}`, m, wide(552 + 16 * i));
  });
  if (out.readUInt32LE(4) & (1 << 27)) parts.push('qc');
  return parts.join(' ');
}

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../golden/simd');
let [total, different] = [0, 0];
for (const file of readdirSync(folder)) {
  const path = join(folder, file);
  let text = readFileSync(path, 'utf8');
  const golden = JSON.parse(text);
  const operands = golden.operands.map((x) => BigInt(`0x${x}`));
  const items = golden.operations.flatMap(({ insn, word, cases }) =>
    cases.map((line) => ({ insn, word, line, s: start(operands, Number.parseInt(line, 10)) })),
  );
  const input = Buffer.concat(items.map(({ word, s }) => pack(Number.parseInt(word, 16), s)));
  const r = spawnSync(runner[0], runner.slice(1), { input, maxBuffer: 1 << 28 });
  if (r.error || r.status !== 0) fail(`${runner[0]}: ${r.error?.message ?? `status ${r.status} ${r.stderr}`}`);
  const rows = new Map();
  items.forEach(({ insn, word, line, s }, i) => {
    const now = `${Number.parseInt(line, 10)}: ${changes(s, r.stdout.subarray(i * ITEM, (i + 1) * ITEM))}`;
    total++;
    if (now !== line) {
      different++;
      process.stdout.write(`${file}: ${insn}\n  - ${line}\n  + ${now}\n`);
    }
    const row = rows.get(word) ?? [];
    rows.set(word, row);
    row.push(now);
  });
  const operations = golden.operations
    .map(({ insn, word }) => `    ${JSON.stringify({ insn, word, cases: rows.get(word) })}`)
    .join(',\n');
  const { operations: _, ...head } = golden;
  text = `${JSON.stringify(head, null, 1).replace(/\n\}$/, '')},\n "operations": [\n${operations}\n ]\n}\n`;
  if (opt.accept) writeFileSync(path, text);
}
process.stdout.write(`record-simd: ${total} cases, ${different} different\n`);
process.exit(different && !opt.accept ? 1 : 0);
