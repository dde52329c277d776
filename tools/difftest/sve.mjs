// `npm run difftest:sve`: single SVE instructions from random states (src/interp/sve_cases.ts), on our engines and on
// qemu-aarch64, for several vector lengths. Differences are printed with the instruction and the registers that it names.
//   node tools/difftest/sve.mjs [--only REGEX] [--words N] [--from N] [--vl 16,32,...] [--qemu PATH | QEMU_AARCH64=PATH]
//        [--limit N] [--reference] [--record]
// Needs what difftest needs (main.mjs). --words: cases of each row and length, from number --from on; --reference: the
// evaluator as well; --record: writes what QEMU answers to the first cases as golden/sve/VL.txt, which `npm test` asks
// again (src/interp/sve_golden.test.ts): a line is a row and a sum over all that its cases left.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { disassemble } from '../../dist/asm/a64.js';
import { createInterpreter } from '../../dist/interp/engine.js';
import { createReference } from '../../dist/interp/reference.js';
import { GOLDEN_CASES, sumOf, sveCase, sveRows } from '../../dist/interp/sve_cases.js';
import { toolArgs } from '../args.mjs';
import { Machine } from './ours.mjs';
import { Qemu } from './qemu.mjs';
import { differences, MAX_BLOCKS } from './state.mjs';

const { values: opt } = toolArgs({
  options: {
    only: { type: 'string' },
    words: { type: 'string', default: '60' },
    from: { type: 'string', default: '0' },
    vl: { type: 'string', default: '16,32,48,64,256' },
    limit: { type: 'string', default: '10' },
    qemu: { type: 'string', default: process.env.QEMU_AARCH64 ?? 'qemu-aarch64' },
    reference: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
});
const only = opt.only && new RegExp(opt.only);
const machines = [['interpreter', new Machine(createInterpreter)]];
if (opt.reference) machines.push(['evaluator', new Machine(createReference)]);
const golden = fileURLToPath(new URL('../../golden/sve/', import.meta.url));
const words = opt.record ? GOLDEN_CASES : Number(opt.words);
const from = opt.record ? 0 : Number(opt.from);

const hex = (bytes, size, n) => Buffer.from(bytes.slice(n * size, (n + 1) * size).reverse()).toString('hex');
function draw(row, vl, n) {
  const { word, fields, start } = sveCase(row, vl, n);
  const v = Array.from({ length: 32 }, (_, i) => BigInt(`0x${hex(start.z.slice(i * vl, i * vl + 16), 16, 0)}`));
  return { words: [word], state: { ...start, v }, row: row.name, fields };
}
function describe({ state, fields }, vl) {
  const lines = Object.entries(fields).map(([k, v]) => {
    if (/^[ZV]/.test(k)) return `  ${k} z${v}=0x${hex(state.z, vl, v)}`;
    if (/^P[gdnmvt]/.test(k)) return `  ${k} p${v}=0x${hex(state.p, vl / 8, v)}`;
    return /^R/.test(k) ? `  ${k} x${v}=0x${(v === 31 ? state.sp : state.x[v]).toString(16)}` : '';
  });
  return [...lines.filter((l) => l), `  ffr=0x${hex(state.p, vl / 8, 16)} fpcr=0x${state.fpcr.toString(16)}`].join(
    '\n',
  );
}
/** What is free: brings the other side's answer to ours where both are allowed. @returns whether the case counts */
function forgive(block, ours, theirs) {
  // What a store that faults has written before is UNKNOWN; ours writes nothing.
  if (ours.how === 'SIGSEGV' && theirs.how === 'SIGSEGV') theirs.memory = ours.memory;
  // An address that no process can have is a bus error there.
  if (ours.how === 'SIGSEGV' && theirs.how === 'SIGBUS 128') return false;
  if (!/ld(ff|nf)1/.test(disassemble(block.words[0]))) return true;
  // The address of a load that may fault is that of a host access there: aligned to eight bytes.
  if ((ours.addr ?? 0n) >> 3n === (theirs.addr ?? 0n) >> 3n) theirs.addr = ours.addr;
  // Such loads may give up at any element but the first: QEMU does so where another page begins.
  const ffr = (end) => end.state.p.slice(-end.state.z.length / 256);
  const [a, b] = [ffr(ours), ffr(theirs)];
  const earlier = b.some((byte, i) => byte !== a[i]) && b.every((byte, i) => (byte & ~a[i]) === 0);
  return !(ours.how === 'end' && theirs.how === 'end' && earlier);
}

const wrong = new Map();
let printed = 0;
let done = 0;
for (const vl of opt.vl.split(',').map(Number)) {
  const qemu = new Qemu(opt.qemu, `max,sve=on,sme=off,sve-default-vector-length=${vl}`, vl);
  const rows = sveRows(vl).filter((row) => !only || only.test(row.name));
  const blocks = rows.flatMap((row) => Array.from({ length: words }, (_, n) => draw(row, vl, from + n)));
  const recorded = new Map();
  for (let first = 0; first < blocks.length; first += MAX_BLOCKS / 4) {
    const batch = blocks.slice(first, first + MAX_BLOCKS / 4).map((b, index) => ({ ...b, index }));
    const ends = qemu.run(batch);
    for (const [name, machine] of machines) {
      machine.load(batch);
      batch.forEach((block, i) => {
        done++;
        const ours = machine.run(block);
        const counts = !ends[i] || forgive(block, ours, ends[i]);
        if (name === 'interpreter') {
          const sums = recorded.get(block.row) ?? [];
          sums.push(counts && ends[i] ? sumOf(ends[i]) : '-');
          recorded.set(block.row, sums);
        }
        if (!counts) return;
        const differ = ends[i] ? differences(ours, ends[i]) : ['qemu died or hung on this block'];
        if (differ.length === 0) return;
        wrong.set(block.row, (wrong.get(block.row) ?? 0) + 1);
        if (printed >= Number(opt.limit) || wrong.get(block.row) > 2) return;
        printed++;
        process.stdout.write(`\n${block.row} vl=${vl}: ${disassemble(block.words[0])} (${name} / qemu)\n`);
        process.stdout.write(`${describe(block, vl)}\n  ${differ.slice(0, 6).join('\n  ')}\n`);
      });
    }
  }
  if (!opt.record || only) continue;
  mkdirSync(golden, { recursive: true });
  const lines = [...recorded].map(([row, sums]) => `${row} ${sums.join(' ')}`);
  const head = `# ${qemu.version().split(' (')[0]}, -cpu ${qemu.cpu}; tools/difftest/sve.mjs --record\n`;
  writeFileSync(join(golden, `${vl}.txt`), `${head}${lines.join('\n')}\n`);
}
process.stdout.write(`${done} instructions, ${wrong.size} rows differ`);
process.stdout.write(`${[...wrong].map(([row, n]) => ` ${row}:${n}`).join('')}\n`);
process.exit(wrong.size > 0 ? 1 : 0);
