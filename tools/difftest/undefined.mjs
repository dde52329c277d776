// Encodings that we call UNDEFINED: qemu-aarch64 must call them that too. Words are random, or come from a row by turning
// over a few bits; known rows without semantics are left out.
//   node tools/difftest/undefined.mjs [--words N] [--seed N] [--qemu PATH | QEMU_AARCH64=PATH]

import { fieldsOf } from '../../dist/arch/a64/encoding.js';
import { disassemble } from '../../dist/asm/a64.js';
import { Decoder } from '../../dist/cpu/decode.js';
import { collectRows } from '../../dist/isa/handlers.js';
import { toolArgs } from '../args.mjs';
import { randomState } from './generate.mjs';
import { all } from './groups.mjs';
import { Qemu } from './qemu.mjs';
import { NOT_UNDEFINED_THERE } from './rows.mjs';
import { END, generator, MAX_BLOCKS } from './state.mjs';

const { values: opt } = toolArgs({
  options: {
    words: { type: 'string', default: '40000' },
    seed: { type: 'string', default: '1' },
    qemu: { type: 'string', default: process.env.QEMU_AARCH64 ?? 'qemu-aarch64' },
    limit: { type: 'string', default: '40' },
  },
});
const qemu = new Qemu(opt.qemu, 'max,sve=off,sme=off');
const rows = collectRows(all);
const decoder = new Decoder(rows, () => true);
const r = generator(Number(opt.seed) + 99);

const excused = NOT_UNDEFINED_THERE.flatMap((e) =>
  e.holesOf ? rows.filter((x) => e.holesOf.test(x.name)).map((x) => x.parsed) : [e],
);

/** Rows that cover the word, done or not, holes aside. */
const known = (word) =>
  rows.some(({ parsed: p, semantic }) => !semantic && (word & p.mask) >>> 0 === p.value && !p.hole(fieldsOf(p, word)));
function word() {
  if (r.chance(30)) return r.u32();
  const { parsed } = r.pick(rows);
  let w = ((r.u32() & ~parsed.mask) | parsed.value) >>> 0;
  for (let n = r.below(3); n > 0; n--) w = (w ^ (1 << r.below(32))) >>> 0;
  return w;
}

const total = Number(opt.words);
let asked = 0;
const found = new Map();
while (asked < total) {
  const blocks = [];
  while (blocks.length < MAX_BLOCKS) {
    const w = word();
    if (w === END || decoder.decode(w) || known(w)) continue;
    if (excused.some((e) => (w & e.mask) >>> 0 === e.value)) continue;
    blocks.push({ words: [w], state: randomState(r), index: blocks.length });
  }
  const ends = qemu.run(blocks);
  blocks.forEach((b, i) => {
    if (ends[i]?.how === 'SIGILL' && ends[i].at === 0) return;
    const w = b.words[0];
    const key = (w & 0xffe0fc00) >>> 0;
    if (!found.has(key)) found.set(key, { w, how: ends[i]?.how ?? 'died', n: 0 });
    found.get(key).n++;
  });
  asked += blocks.length;
}
for (const { w, how, n } of [...found.values()].slice(0, Number(opt.limit)))
  process.stdout.write(`0x${w.toString(16).padStart(8, '0')} ${disassemble(w)}: ${how} (${n} alike)\n`);
process.stdout.write(`${asked} words that are UNDEFINED for us, ${found.size} kinds are not on the other side\n`);
process.exit(found.size > 0 ? 1 : 0);
