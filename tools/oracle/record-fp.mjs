// Asks another implementation for the answers in golden/fp and golden/fp8: every case is run again, differences are shown, and with
// --accept the files are rewritten. rows.json has instruction words and numbered starting states (see startOf), the other
// files assembly and operands.
//   node tools/oracle/record-fp.mjs [--accept] [--llvm-mc PATH] -- qemu-aarch64 -cpu max ./runfp     (runfp.c, built static)
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolArgs } from '../args.mjs';

const { values: opt, positionals: runner } = toolArgs({
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

const folders = ['fp', 'fp8'].map((f) => join(dirname(fileURLToPath(import.meta.url)), '../../golden', f));
const low = (1n << 64n) - 1n;
/** One item for the runner. */
function block(word, fpcr, v, fpmr = 0n) {
  const b = Buffer.alloc(88);
  b.writeUInt32LE(word, 0);
  b.writeUInt32LE(fpcr, 4);
  b.writeUInt32LE(1, 8);
  b.writeBigUInt64LE(fpmr, 16);
  v.forEach((x, i) => {
    b.writeBigUInt64LE(x & low, 24 + 16 * i);
    b.writeBigUInt64LE(x >> 64n, 32 + 16 * i);
  });
  return b;
}
/** What the runner says of its i-th item. */
function answer(out, i) {
  const at = (offset) => out.readBigUInt64LE(32 * i + offset);
  return {
    v0: at(0) | (at(8) << 64n),
    x0: at(16),
    fpsr: out.readUInt32LE(32 * i + 24).toString(16),
    nzcv: (out.readUInt32LE(32 * i + 28) >>> 28).toString(16),
  };
}
let [total, different] = [0, 0];
function compare(where, line, now) {
  total++;
  if (now === line) return false;
  different++;
  process.stdout.write(`${where}\n  - ${line}\n  + ${now}\n`);
  return true;
}

function recordInstructions(file, golden) {
  for (const operation of golden.operations) {
    const { insn, cases } = operation;
    const word = assemble(insn);
    const blocks = cases.map((line) => {
      const [fpcr, a = 0n, b = 0n, c = 0n] = line
        .split(' = ')[0]
        .split(' ')
        .map((x) => BigInt(`0x${x}`));
      return block(word, Number(fpcr), [accumulates(insn) ? c : 0n, a, b, c]);
    });
    const out = run(runner[0], runner.slice(1), Buffer.concat(blocks));
    operation.cases = cases.map((line, i) => {
      const { v0, x0, fpsr, nzcv } = answer(out, i);
      const vector = accumulates(insn) && !insn.startsWith('bfmmla') ? v0 & 0xffffffffn : v0;
      const value = comparesOnly(insn) ? nzcv : (toGeneral(insn) ? x0 : vector).toString(16);
      const extra = insn.startsWith('fjcvtzs') ? ` ${nzcv}` : '';
      const now = `${line.split(' = ')[0]} = ${value}${extra} | ${fpsr}`;
      compare(`${file}: ${insn}`, line, now);
      return now;
    });
  }
}

/** FPCR, FPMR and V0..V3 (X1 is the low half of V1, X0 zero) of a numbered start; src/isa/fp_golden.test.ts does the same. */
function startOf(golden, c) {
  const operand = (i) => BigInt(`0x${golden.operands[i % golden.operands.length]}`);
  const fpcr = Number.parseInt(golden.fpcr[c % golden.fpcr.length], 16);
  const fpmr = golden.fpmr ? BigInt(`0x${golden.fpmr[c % golden.fpmr.length]}`) : 0n;
  return { fpcr, fpmr, v: [0, 1, 2, 3].map((i) => operand(c * (2 * i + 1) + 7 * i)) };
}
function recordRows(file, golden) {
  const starts = golden.rows.flatMap(({ word, cases }) =>
    cases.map((line) => ({ word: Number.parseInt(word, 16), ...startOf(golden, Number.parseInt(line, 10)) })),
  );
  const out = run(runner[0], runner.slice(1), Buffer.concat(starts.map((s) => block(s.word, s.fpcr, s.v, s.fpmr))));
  let i = 0;
  for (const row of golden.rows) {
    row.cases = row.cases.map((line) => {
      const { v0, x0, fpsr, nzcv } = answer(out, i);
      const parts = [`${Number.parseInt(line, 10)}:`];
      if (v0 !== starts[i].v[0]) parts.push(`v0=${v0.toString(16)}`);
      if (x0 !== 0n) parts.push(`x0=${x0.toString(16)}`);
      if (fpsr !== '0') parts.push(`fpsr=${fpsr}`);
      if (nzcv !== '0') parts.push(`nzcv=${nzcv}`);
      i++;
      compare(`${file}: ${row.row} ${row.word}`, line, parts.join(' '));
      return parts.join(' ');
    });
  }
}

/** The files' own layout: one case or one row a line. */
function format(golden) {
  const list = (items, indent) => items.map((x) => `${indent}${JSON.stringify(x)}`).join(',\n');
  const recorded = `  "recorded": ${JSON.stringify(golden.recorded)},\n`;
  if (golden.operations) {
    const operations = golden.operations.map(
      ({ insn, cases }) => `    { "insn": ${JSON.stringify(insn)}, "cases": [\n${list(cases, '      ')}\n    ] }`,
    );
    return `{\n${recorded}  "operations": [\n${operations.join(',\n')}\n  ]\n}\n`;
  }
  const rows = golden.rows.map(
    ({ row, word, cases }) => `    { "row": "${row}", "word": "${word}", "cases": [\n${list(cases, '      ')}\n    ] }`,
  );
  const controls = ['fpcr', 'fpmr'].filter((k) => golden[k]).map((k) => `  "${k}": ${JSON.stringify(golden[k])},\n`);
  const starts = `  "operands": [\n${list(golden.operands, '    ')}\n  ],\n`;
  return `{\n${recorded}${controls.join('')}${starts}  "rows": [\n${rows.join(',\n')}\n  ]\n}\n`;
}

for (const path of folders.flatMap((f) => readdirSync(f).map((file) => join(f, file)))) {
  const file = relative(join(folders[0], '..'), path);
  const golden = JSON.parse(readFileSync(path, 'utf8'));
  if (golden.rows) recordRows(file, golden);
  else recordInstructions(file, golden);
  if (opt.accept) writeFileSync(path, format(golden));
}
process.stdout.write(`record-fp: ${total} cases, ${different} different\n`);
process.exit(different && !opt.accept ? 1 : 0);
