// `npm run soak`: a program that keeps generating new code, over new pages and over used ones, calls each function often enough
// for it to be compiled, and never stops. What the engine and its compiled code take may not grow.
//   node --expose-gc tools/soak.mjs [--minutes N] [--cache MIB for compiled code] [--json FILE]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleProgram, writeElf } from '../dist/asm/index.js';
import { assemble } from '../dist/cli/exec.js';
import { nodeHost } from '../dist/cli/host.js';
import { parseExec } from '../dist/cli/options.js';
import { jitTier } from '../dist/jit/index.js';
import { toolArgs } from './args.mjs';

const { values: opt } = toolArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    cache: { type: 'string', default: '16' },
    json: { type: 'string' },
  },
});
const [minutes, cache] = [Number(opt.minutes), Number(opt.cache)];
if (!(minutes > 0) || !(cache >= 1)) {
  process.stderr.write('soak: --minutes and --cache want numbers, at least 1 MiB\n');
  process.exit(2);
}

/** Functions in a mapping before another one takes its place. */
const FUNCTIONS = 512;
/** Where a function is written: more than one in a page, some across the end of one. */
const DISTANCE = 800;
const SIZE = 0x80000;
const SOURCE = `
_start: mov x19, #0               // functions so far
 mov x21, #0
again: cbz x21, map
 mov x0, x21
 ldr x1, =${SIZE}
 mov x8, #215                     // munmap
 svc #0
map: mov x0, #0
 ldr x1, =${SIZE}
 mov x2, #7
 mov x3, #0x22
 mov x4, #-1
 mov x5, #0
 mov x8, #222                     // mmap
 svc #0
 mov x21, x0
 mov x22, #0
next: mov x20, #${DISTANCE}
 lsr x0, x22, #1                  // every place is used twice
 mul x20, x20, x0
 add x20, x21, x20
 adr x0, template
 mov x1, x20
 mov x2, #(template_end - template) / 4
copy: ldr w3, [x0], #4
 str w3, [x1], #4
 subs x2, x2, #1
 b.ne copy
 and w4, w19, #0xffff             // another number in two of its instructions
 ldr w3, [x20]
 orr w3, w3, w4, lsl #5
 str w3, [x20]
 ldr w3, [x20, #8]
 and w4, w19, #0xfff
 orr w3, w3, w4, lsl #10
 str w3, [x20, #8]
 mov x0, x20
clean: dc cvau, x0
 dsb ish
 ic ivau, x0
 add x0, x0, #16
 cmp x0, x1
 b.lo clean
 dsb ish
 isb
 mov x23, #40
call: mov x0, x23
 blr x20
 subs x23, x23, #1
 b.ne call
 add x19, x19, #1
 add x22, x22, #1
 cmp x22, #${FUNCTIONS}
 b.lo next
 b again
template: movz w1, #0
 mov w2, #300
1: add w0, w0, #0
 eor w0, w0, w1
 ror w0, w0, #7
 tbz w0, #3, 2f
 str w0, [sp, #-16]!
 ldr w3, [sp], #16
 add w0, w0, w3
2: fmov s0, w0
 fadd s1, s1, s0
 subs w2, w2, #1
 b.ne 1b
 ret
template_end:
`;

const folder = mkdtempSync(join(tmpdir(), 'soak-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, 'program');
writeFileSync(program, writeElf(assembleProgram(SOURCE, { base: 0x401000n })), { mode: 0o755 });

const samples = [];
const MB = 2 ** 20;
const start = performance.now();
const seconds = () => (performance.now() - start) / 1000;
const interval = Math.max(1, (minutes * 60) / 120);
let stats;
let machine;
function look() {
  if (seconds() < samples.length * interval) return;
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const sample = { seconds: seconds(), rss: rss / MB, heap: heapUsed / MB, external: external / MB, ...stats };
  sample.cached /= MB;
  samples.push(sample);
  if (samples.length % 10 === 1) {
    const { regions, dropped, present, cached } = sample;
    process.stdout.write(
      `${sample.seconds.toFixed(0)} s: resident ${sample.rss.toFixed(0)} MB, heap ${sample.heap.toFixed(0)} MB; ${regions} regions compiled, ${dropped} dropped, ${present} there, ${cached.toFixed(1)} MB\n`,
    );
  }
  if (seconds() > minutes * 60) machine.interrupt(15);
}
const host = await nodeHost(false);
const services = {
  ...host,
  shouldYield() {
    look();
    return host.shouldYield();
  },
};
const make = jitTier({ cache, threshold: 2, stretch: [512, 1 << 16] }, (s) => {
  stats = s;
});
machine = assemble(parseExec(['--memory', '256', program], process.env), services, { make });
await machine.run();

/** The middle of the samples of a part of the run. */
const median = (what, from, to) => {
  const n = samples.length;
  const part = samples.slice(Math.floor(n * from), Math.ceil(n * to)).map((s) => s[what]);
  return part.sort((a, b) => a - b)[part.length >> 1];
};
let checks = 0;
let failed = 0;
const check = (name, good, text) => {
  checks++;
  if (!good) failed++;
  process.stdout.write(`${good ? 'ok  ' : 'FAIL'} ${name}: ${text}\n`);
};
/** What is resident settles after minutes only; what lives in the heap is known at once, if garbage can be collected. */
const room = { rss: 64, ...(globalThis.gc ? { heap: 6 } : {}) };
for (const [what, megabytes] of Object.entries(room)) {
  const [before, after] = [median(what, 0.2, 0.5), median(what, 0.75, 1)];
  check(what, after <= before * 1.1 + megabytes, `${before.toFixed(1)} MB, later ${after.toFixed(1)} MB`);
}
const most = Math.max(...samples.map((s) => s.cached));
check('compiled code', most <= cache, `at most ${most.toFixed(1)} of ${cache} MB`);
const last = samples.at(-1);
check('new code is compiled', last.regions > 20 * minutes, `${last.regions} regions, ${last.dropped} dropped`);
if (opt.json) writeFileSync(opt.json, `${JSON.stringify(samples, null, 1)}\n`);
process.stdout.write(`${checks - failed} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
