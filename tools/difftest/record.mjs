// Recorded answers of another CPU, one file a group: golden/a64/GROUP.txt, two cases for each specialisation of each row.
// A line is words, start and end: `91004421 | x1=0xff | end +4 x1=0x110`; case n (from 0) stands at CODE_BASE + 256 n. Without --draw every recorded case is asked
// again and differences are shown; with it, cases are drawn anew and the files written.
//   node tools/difftest/record.mjs [--draw] [--qemu PATH | QEMU_AARCH64=PATH] [--only GROUP]

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Decoder } from '../../dist/cpu/decode.js';
import { collectRows } from '../../dist/isa/handlers.js';
import { toolArgs } from '../args.mjs';
import { endText, parseState, registers } from './case_text.mjs';
import { Drawer } from './generate.mjs';
import { groups } from './groups.mjs';
import { Reference } from './ours.mjs';
import { Qemu } from './qemu.mjs';
import { sequenceOf } from './rows.mjs';

const { values: opt } = toolArgs({
  options: {
    draw: { type: 'boolean', default: false },
    qemu: { type: 'string', default: process.env.QEMU_AARCH64 ?? 'qemu-aarch64' },
    only: { type: 'string' },
  },
});
const folder = join(dirname(fileURLToPath(import.meta.url)), '../../golden/a64');
const qemu = new Qemu(opt.qemu, 'max,sve=off,sme=off');
const PER_HANDLER = 2;
const TRIES = 1500;

/** What the words can look at: registers that they name, and those that hints imply. Everything else starts as zero. */
function trimmed(decoder, { words, state }) {
  const named = new Set();
  let vectors = false;
  for (const w of words) {
    const { entry, fields } = decoder.decode(w) ?? { entry: { name: '' }, fields: {} };
    if (/1716|SP$|AZ$|BZ$|LRI$|^RETA$/.test(entry.name)) for (const i of [16, 17, 30, 31]) named.add(i);
    vectors ||= /_fp$/.test(entry.name);
    for (const [name, n] of Object.entries(fields)) {
      if (!/^R[a-z]2?$/.test(name)) continue;
      named.add(n);
      if (/^(CASP|RCWCASP)/.test(entry.name)) named.add(n + 1);
    }
  }
  return {
    ...state,
    x: state.x.map((v, i) => (named.has(i) ? v : 0n)),
    v: state.v.map((v, i) => (vectors && named.has(i) ? v : 0n)),
    sp: named.has(31) ? state.sp : 0n,
    fpcr: 0,
    fpsr: 0,
    fpmr: 0n,
  };
}

function draw(name) {
  const all = collectRows(Object.values(groups));
  const decoder = new Decoder(all, () => true);
  const rows = all.filter((e) => e.semantic && e.name in groups[name].rows);
  const blocks = [];
  for (const row of rows) {
    const drawer = new Drawer([row], new Reference(decoder), { length: 1 });
    for (const e of all) drawer.byName.set(e.name, e);
    if (drawer.rows.length === 0) continue;
    const met = new Map();
    for (let seed = 1; seed < TRIES; seed++) {
      const block = drawer.draw(seed, blocks.length);
      const word = block.words.find((w) => decoder.decode(w)?.entry === row);
      if (word === undefined) continue;
      const { key } = row.handler(decoder.decode(word).fields);
      const n = met.get(key) ?? 0;
      if (n >= PER_HANDLER) continue;
      block.state = trimmed(decoder, block);
      const { end } = drawer.ref.run(block);
      if (sequenceOf(row.name) && end.how !== 'end') continue;
      met.set(key, n + 1);
      blocks.push(block);
    }
  }
  const ends = qemu.run(blocks);
  const lines = blocks.map((b, i) => {
    const words = b.words.map((w) => w.toString(16).padStart(8, '0')).join(',');
    return `${words} | ${registers(b.state)} | ${endText(ends[i], b.state)}`;
  });
  const head = `# ${qemu.version().split(' (')[0]}, -cpu ${qemu.cpu}; tools/difftest/record.mjs\n`;
  writeFileSync(join(folder, `${name}.txt`), head + lines.join('\n') + '\n');
  process.stdout.write(`${name}: ${rows.length} rows, ${lines.length} cases\n`);
}

function again(file) {
  const lines = readFileSync(join(folder, file), 'utf8')
    .split('\n')
    .filter((l) => l && !l.startsWith('#'));
  const cases = lines.map((line, index) => {
    const [words, start, expected] = line.split('|').map((s) => s.trim());
    return { words: words.split(',').map((w) => Number.parseInt(w, 16)), state: parseState(start), index, expected };
  });
  const ends = qemu.run(cases);
  let different = 0;
  cases.forEach((c, i) => {
    const now = endText(ends[i], c.state);
    if (now === c.expected) return;
    different++;
    process.stdout.write(`${file}: ${lines[i]}\n  now ${now}\n`);
  });
  process.stdout.write(`${file}: ${lines.length} cases, ${different} differ\n`);
  return different;
}

mkdirSync(folder, { recursive: true });
if (opt.draw) for (const name of Object.keys(groups)) if (!opt.only || opt.only === name) draw(name);
if (!opt.draw) {
  const files = readdirSync(folder).filter((f) => !opt.only || f === `${opt.only}.txt`);
  process.exit(files.reduce((n, f) => n + again(f), 0) > 0 ? 1 : 0);
}
