// `npm run difftest`: random instruction sequences on our reference evaluator, on our interpreter and on qemu-aarch64
// (user mode), states compared. Every difference is cut down to what is needed and printed as a case.
//   node tools/difftest/main.mjs [--instructions N] [--seed N] [--qemu PATH | QEMU_AARCH64=PATH] [--only REGEX]
//        [--groups a,b] (vectors: all of FP and SIMD) [--length N] [--batch N] [--write] [--no-interp]
// Needs qemu-aarch64 (11 or newer) and a compiler for aarch64 (Debian: qemu-user, clang-19 and lld-19, or
// gcc-aarch64-linux-gnu); `npm run build` first.
//   --instructions  stop after so many executed instructions (default 100000)
//   --only          draw only rows whose names match
//   --verbose       print differing blocks as they were drawn, too
//   --write         write each case to test/cases/a64/NNNN.s

import { Decoder } from '../../dist/cpu/decode.js';
import { createInterpreter } from '../../dist/interp/engine.js';
import { collectRows } from '../../dist/isa/handlers.js';
import { toolArgs } from '../args.mjs';
import { Drawer } from './generate.mjs';
import { all, groups as named, vectors } from './groups.mjs';
import { Machine, Reference } from './ours.mjs';
import { Qemu } from './qemu.mjs';
import { reportDifference } from './report.mjs';
import { differences } from './state.mjs';

const { values: opt } = toolArgs({
  options: {
    instructions: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    qemu: { type: 'string', default: process.env.QEMU_AARCH64 ?? 'qemu-aarch64' },
    cpu: { type: 'string', default: 'max,sve=off,sme=off' },
    only: { type: 'string' },
    groups: { type: 'string' },
    length: { type: 'string', default: '40' },
    batch: { type: 'string', default: '1000' },
    limit: { type: 'string', default: '10' },
    write: { type: 'boolean', default: false },
    'no-interp': { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const number = (name) => {
  const n = Number(opt[name]);
  if (!Number.isInteger(n) || n < 0) fail(`--${name} wants a number, not '${opt[name]}'`);
  return n;
};
const fail = (message) => {
  process.stderr.write(`difftest: ${message}\n`);
  process.exit(2);
};
let qemu;
try {
  qemu = new Qemu(opt.qemu, opt.cpu);
  process.stdout.write(`${qemu.version()}, -cpu ${opt.cpu}\n`);
} catch (e) {
  fail(e.message);
}
const wanted = opt.groups?.split(',');
const entries = collectRows(all);
const inGroups = new Set(
  Object.entries({ ...named, vectors }).flatMap(([name, g]) =>
    !wanted || wanted.includes(name) ? [g].flat().flatMap((t) => Object.keys(t.rows)) : [],
  ),
);
const only = opt.only && new RegExp(opt.only);
const decoder = new Decoder(entries, () => true);
const interpreter = !opt['no-interp'] ? new Machine(createInterpreter) : undefined;
const reference = new Reference(decoder);
const drawn = entries.filter((e) => e.semantic && inGroups.has(e.name) && (!only || only.test(e.name)));
const drawer = new Drawer(drawn, reference, { length: number('length') });
for (const e of entries) drawer.byName.set(e.name, e);

const report = (what) => reportDifference({ ...what, write: opt.write, verbose: opt.verbose });
const total = number('instructions');
const batchSize = number('batch');
const counts = new Map();
let seed = number('seed') * 1_000_003;
let done = 0;
let blocks = 0;
let different = 0;
const started = process.hrtime.bigint();
while (done < total && different < number('limit')) {
  const batch = [];
  let steps = 0;
  for (let i = 0; i < batchSize && done + steps < total; i++) {
    const block = drawer.draw(seed++, i);
    if (block.words.length === 0) {
      i--;
      continue;
    }
    batch.push(block);
    steps += block.steps;
  }
  const ends = qemu.run(batch);
  interpreter?.load(batch);
  batch.forEach((block, i) => {
    const theirs = ends[i];
    if (i > ends.length) return;
    const differ = theirs ? differences(block.end, theirs) : ['the emulator died or hung on this block'];
    const ours = interpreter?.run(block);
    const inner = ours ? differences(block.end, ours, true) : [];
    if (inner.length > 0 && different++ < number('limit')) {
      const run = (b) => {
        interpreter.load([b]);
        return [interpreter.run(b), reference.run(b).end];
      };
      report({ block, differ: inner, names: { left: 'interpreter', right: 'evaluator', exact: true }, run });
    }
    if (differ.length > 0 && different++ < number('limit')) {
      const run = (b) => [reference.run(b).end, qemu.run([b])[0]];
      report({ block, differ, names: { left: 'evaluator', right: 'qemu', exact: false }, run });
    }
    for (const name of block.rows) counts.set(name, (counts.get(name) ?? 0) + 1);
  });
  done += steps;
  blocks += batch.length;
}
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const unmet = drawn.filter((e) => !counts.has(e.name)).map((e) => e.name);
process.stdout.write(
  `${done} instructions in ${blocks} blocks, ${counts.size} rows, ${different} differing blocks, ${seconds.toFixed(0)} s\n`,
);
if (unmet.length > 0) process.stdout.write(`rows not met: ${unmet.join(' ')}\n`);
process.exit(different > 0 ? 1 : 0);
