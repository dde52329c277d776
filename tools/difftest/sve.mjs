// `npm run difftest:sve`: single SVE instructions from random states, on our engines and on qemu-aarch64, for several
// vector lengths. Differences are printed with the instruction and the registers that it names.
//   node tools/difftest/sve.mjs [--only REGEX] [--words N] [--vl 16,32,...] [--seed N] [--qemu PATH | QEMU_AARCH64=PATH]
//        [--limit N] [--reference]
// Needs what difftest needs (main.mjs). --words: instructions for each row and length; --reference: the evaluator as well.

import { parseArgs } from 'node:util';
import { disassemble } from '../../dist/asm/a64.js';
import { createInterpreter } from '../../dist/interp/engine.js';
import { createReference } from '../../dist/interp/reference.js';
import { Machine } from './ours.mjs';
import { Qemu } from './qemu.mjs';
import { differences, MAX_BLOCKS } from './state.mjs';
import { SveDrawer } from './sve_state.mjs';

const { values: opt } = parseArgs({
  options: {
    only: { type: 'string' },
    words: { type: 'string', default: '60' },
    vl: { type: 'string', default: '16,32,48,64,256' },
    seed: { type: 'string', default: '1' },
    limit: { type: 'string', default: '10' },
    qemu: { type: 'string', default: process.env.QEMU_AARCH64 ?? 'qemu-aarch64' },
    reference: { type: 'boolean', default: false },
  },
});
/** First-fault and non-fault loads may give up at any element but the first: QEMU does so where another page begins. */
const stopsEarlier = (block, ours, theirs) => {
  if (!/ld(ff|nf)1/.test(disassemble(block.words[0])) || !theirs || ours.how !== 'end' || theirs.how !== 'end')
    return false;
  const ffr = (end) => end.state.p.slice(-end.state.z.length / 256);
  const [a, b] = [ffr(ours), ffr(theirs)];
  return b.some((byte, i) => byte !== a[i]) && b.every((byte, i) => (byte & ~a[i]) === 0);
};
const only = opt.only && new RegExp(opt.only);
const machines = [['interpreter', new Machine(createInterpreter)]];
if (opt.reference) machines.push(['evaluator', new Machine(createReference)]);
const wrong = new Map();
let printed = 0;
let done = 0;
for (const vl of opt.vl.split(',').map(Number)) {
  const qemu = new Qemu(opt.qemu, `max,sve=on,sme=off,sve-default-vector-length=${vl}`, vl);
  const drawer = new SveDrawer(vl, Number(opt.seed) + vl, only);
  const blocks = drawer.rows.flatMap((row) => Array.from({ length: Number(opt.words) }, () => drawer.draw(row)));
  for (let from = 0; from < blocks.length; from += MAX_BLOCKS / 4) {
    const batch = blocks.slice(from, from + MAX_BLOCKS / 4).map((b, index) => ({ ...b, index }));
    const ends = qemu.run(batch);
    for (const [name, machine] of machines) {
      machine.load(batch);
      batch.forEach((block, i) => {
        done++;
        const ours = machine.run(block);
        // What a store that faults has written before is UNKNOWN; ours writes nothing.
        if (ours.how === 'SIGSEGV' && ends[i]?.how === 'SIGSEGV') ends[i].memory = ours.memory;
        // The address of a load that may fault is that of a host access there: aligned to eight bytes.
        if (/ldff1/.test(disassemble(block.words[0])) && (ours.addr ?? 0n) >> 3n === (ends[i]?.addr ?? 0n) >> 3n)
          ours.addr = ends[i]?.addr;
        if (stopsEarlier(block, ours, ends[i])) return;
        const differ = ends[i] ? differences(ours, ends[i]) : ['qemu died or hung on this block'];
        if (differ.length === 0) return;
        wrong.set(block.row, (wrong.get(block.row) ?? 0) + 1);
        if (printed >= Number(opt.limit) || wrong.get(block.row) > 2) return;
        printed++;
        process.stdout.write(`\n${block.row} vl=${vl}: ${disassemble(block.words[0])} (${name} / qemu)\n`);
        process.stdout.write(`${drawer.describe(block)}  ${differ.slice(0, 6).join('\n  ')}\n`);
      });
    }
  }
}
process.stdout.write(`${done} instructions, ${wrong.size} rows differ`);
process.stdout.write(`${[...wrong].map(([row, n]) => ` ${row}:${n}`).join('')}\n`);
process.exit(wrong.size > 0 ? 1 : 0);
