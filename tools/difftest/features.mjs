// Which instructions exist on which CPU: for each built-in model that qemu-aarch64 has too, a word of every row is UNDEFINED
// on both sides or on neither.
//   node tools/difftest/features.mjs [--qemu PATH | QEMU_AARCH64=PATH]

import { has, isFeat } from '../../dist/arch/features.js';
import { Decoder } from '../../dist/cpu/decode.js';
import { builtinModel } from '../../dist/cpu/models.js';
import { A64 } from '../../dist/isa/a64.js';
import { collectRows } from '../../dist/isa/handlers.js';
import { toolArgs } from '../args.mjs';
import { randomState } from './generate.mjs';
import { Qemu } from './qemu.mjs';
import { NARROW } from './rows.mjs';
import { generator, MAX_BLOCKS } from './state.mjs';

const { values: opt } = toolArgs({
  options: { qemu: { type: 'string', default: process.env.QEMU_AARCH64 ?? 'qemu-aarch64' } },
});
/** Models and what has to be switched off there because it is not done here. */
const CPUS = {
  'cortex-a53': '', 'cortex-a57': '', 'cortex-a72': '', 'cortex-a76': '', 'neoverse-n1': '',
  'neoverse-v1': ',sve=off', 'neoverse-n2': ',sve=off', 'cortex-a710': ',sve=off', a64fx: ',sve=off',
}; // biome-ignore format: a table
/** Rows that would leave the block, or ask about more than their existence. */
const LEFT_OUT = /^(SVC|HVC|SMC|UDF|BRK|HLT|MRS|MSR_|SYSL?$|B|CB|TB|RET|ERET)/;
/** LDLAR and STLLR exist on every qemu-aarch64; wrong pointers raise the same signal as UNDEFINED does. */
const UNLIKE = new Set(['LDLAR', 'STLLR']);

const rows = collectRows(A64);
const everything = new Decoder(rows, () => true);
let different = 0;
for (const [cpu, off] of Object.entries(CPUS)) {
  const { raw } = builtinModel(cpu);
  const decoder = new Decoder(rows, (f) => isFeat(f) && has(f, (enc) => raw.get(enc) ?? 0n));
  const r = generator(5);
  const blocks = [];
  const names = [];
  for (const entry of rows) {
    if (!entry.semantic || LEFT_OUT.test(entry.name) || UNLIKE.has(entry.name) || entry.row.feat === 'FEAT_PAuth')
      continue;
    for (let tries = 0; tries < 50; tries++) {
      const { parsed } = entry;
      const f = Object.fromEntries(parsed.fields.map((s) => [s.name, r.u32() & (2 ** s.width - 1)]));
      NARROW[entry.name]?.(f, r);
      const word = parsed.fields.reduce((w, s) => (w | (f[s.name] << s.lo)) >>> 0, parsed.value);
      if (everything.decode(word)?.entry !== entry) continue;
      blocks.push({ words: [word], state: randomState(r), index: blocks.length % MAX_BLOCKS });
      names.push(entry.name);
      break;
    }
  }
  const qemu = new Qemu(opt.qemu, cpu + off);
  for (let i = 0; i < blocks.length; i += MAX_BLOCKS) {
    const job = blocks.slice(i, i + MAX_BLOCKS);
    const ends = qemu.run(job);
    job.forEach((b, j) => {
      const here = decoder.decode(b.words[0]) !== undefined;
      const there = !(ends[j]?.how === 'SIGILL' && ends[j].at === 0);
      if (here === there) return;
      different++;
      process.stdout.write(`${cpu}: ${names[i + j]} is UNDEFINED ${here ? 'there' : 'here'} only\n`);
    });
  }
  process.stdout.write(`${cpu}: ${blocks.length} rows asked\n`);
}
process.exit(different > 0 ? 1 : 0);
