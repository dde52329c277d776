// `npm run check:encodings`: encodings and syntax against llvm-mc, both ways. For every row: random words of the pattern
// are disassembled by llvm-mc and by us (the texts must agree), llvm-mc's text is assembled by us and our text by
// llvm-mc (the word must come back). Words that llvm-mc calls invalid must be holes of the row or listed with a reason.
//   node tools/check-encodings.mjs [--words N] [--seed N] [--only REGEX] [--llvm-mc PATH] [--record FILE]
// Needs Debian's llvm-19. --record writes llvm-mc's texts, which `npm test` reads as golden/asm/llvm-mc-19.txt.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assembleLine, disassemble, identify, rowsOf } from '../dist/asm/a64.js';
import { toolArgs } from './args.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: opt } = toolArgs({
  options: {
    words: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    'llvm-mc': { type: 'string', default: 'llvm-mc-19' },
    limit: { type: 'string', default: '40' },
    record: { type: 'string' },
  },
});
const exceptions = JSON.parse(readFileSync(join(root, 'tools/check-encodings.exceptions.json'), 'utf8'));
let state = Number(opt.seed) >>> 0 || 1;
const random = () => {
  state ^= state << 13;
  state >>>= 0;
  state ^= state >>> 17;
  state ^= state << 5;
  state >>>= 0;
  return state;
};
const mc = (args, input) => {
  const r = spawnSync(opt['llvm-mc'], ['-triple=aarch64', '-mattr=+all', ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (r.error) {
    process.stderr.write(
      `check-encodings: cannot run ${opt['llvm-mc']} (${r.error.code}): install Debian's llvm-19 or give --llvm-mc PATH\n`,
    );
    process.exit(2);
  }
  return r;
};
const bytes = (w) => [0, 8, 16, 24].map((s) => `0x${((w >>> s) & 255).toString(16)}`).join(' ');
const normal = (t) =>
  t
    .trim()
    .toLowerCase()
    .replace(/\s*\/\/.*$/, '')
    .replace(/\s+/g, ' ')
    .replace(/\s*,\s*/g, ', ')
    .replace(/0x0+(?=[0-9a-f])/g, '0x')
    .replace(/#0{2,}$/, '#0x0');

const rows = rowsOf().filter((r) => !opt.only || new RegExp(opt.only).test(r.name));
const samples = [];
for (const r of rows) {
  for (let i = 0; i < Number(opt.words); i++) {
    const word = ((random() & ~r.encoding.mask) | r.encoding.value) >>> 0;
    const hit = identify(word);
    if (hit?.name === r.name) samples.push({ row: r.name, word, todo: r.todo });
  }
}
const lineOf = (stderr, kind) =>
  new Set([...stderr.matchAll(new RegExp(`<stdin>:(\\d+):\\d+: ${kind}`, 'g'))].map((m) => Number(m[1]) - 1));
const dis = mc(['--disassemble'], samples.map((s) => bytes(s.word)).join('\n') + '\n');
const invalid = lineOf(dis.stderr, 'warning: invalid');
const texts = dis.stdout.split('\n').filter((l) => l.trim() !== '' && !/^\s*\.(text|section)/.test(l));
let t = 0;
const differences = [];
const excused = new Set();
const differ = (s, what) => {
  const e = exceptions.find(
    (x) => new RegExp(`^(${x.rows})$`).test(s.row) && (!x.what || new RegExp(x.what).test(what)),
  );
  if (e) {
    excused.add(e);
    s.excused = true;
  } else differences.push(`${s.row} 0x${s.word.toString(16).padStart(8, '0')}: ${what}`);
};
samples.forEach((s, i) => {
  if (invalid.has(i)) {
    differ(s, 'llvm-mc says invalid, we have a row');
    return;
  }
  s.llvm = normal(texts[t++] ?? '');
  s.ours = normal(disassemble(s.word));
  if (s.todo && s.ours.startsWith('.inst')) return;
  if (s.llvm !== s.ours) differ(s, `llvm-mc '${s.llvm}', ours '${s.ours}'`);
  try {
    const w = assembleLine(s.llvm);
    if (w !== s.word && disassemble(w) !== disassemble(s.word))
      differ(s, `'${s.llvm}' assembles to 0x${w.toString(16)}`);
  } catch (e) {
    differ(s, `'${s.llvm}' is not assembled: ${e.message}`);
  }
});
if (opt.record) {
  const kept = samples.filter((s) => s.llvm && s.llvm === s.ours);
  writeFileSync(opt.record, `${kept.map((s) => `${s.word.toString(16).padStart(8, '0')} ${s.llvm}`).join('\n')}\n`);
  process.stdout.write(`${kept.length} lines written to ${opt.record}\n`);
}
// llvm-mc takes a prefix only together with an instruction that it may stand before.
const back = samples.filter((s) => s.ours && !s.excused && !/^\.inst|^movprfx/.test(s.ours));
const asm = mc(['-show-encoding'], back.map((s) => s.ours).join('\n') + '\n');
const bad = lineOf(asm.stderr, 'error');
const words = [...asm.stdout.matchAll(/encoding: \[(0x..),(0x..),(0x..),(0x..)\]/g)].map(
  (m) => (Number(m[1]) | (Number(m[2]) << 8) | (Number(m[3]) << 16) | (Number(m[4]) << 24)) >>> 0,
);
let w = 0;
back.forEach((s, i) => {
  if (bad.has(i)) differ(s, `llvm-mc does not assemble our text '${s.ours}'`);
  else {
    const got = words[w++];
    if (got !== s.word && normal(disassemble(got)) !== s.ours)
      differ(s, `llvm-mc assembles our '${s.ours}' to 0x${got?.toString(16)}`);
  }
});
for (const d of differences.slice(0, Number(opt.limit))) process.stdout.write(`${d}\n`);
if (differences.length > Number(opt.limit))
  process.stdout.write(`... and ${differences.length - Number(opt.limit)} more\n`);
const named = new Set(samples.map((s) => s.row)).size;
process.stdout.write(
  `${named} of ${rows.length} rows, ${samples.length} words both ways, ${differences.length} differences, ${excused.size} kinds excused with a reason\n`,
);
process.exit(differences.length > 0 ? 1 : 0);
