// `npm run difftest:regions`: random programs with branches, loops, calls, faults in the middle, accesses across pages and
// changes of their own code, on the interpreter, with regions compiled as soon as may be, and on qemu-aarch64 (user mode).
// Interpreter and JIT are compared wherever the engine comes back, all three by what the programs write.
//   node tools/difftest/regions.mjs [--instructions N executed in programs] [--seed N] [--programs N in one executable] [--qemu PATH]
//        [--limit DIFFERENCES] [--keep FOLDER for executables that differ]
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disassemble } from '../../dist/asm/index.js';
import { keepingTier } from '../../dist/jit/index.js';
import { toolArgs } from '../args.mjs';
import { runOn } from '../lockstep.mjs';
import { AROUND, OUTPUT_BYTES, regionPrograms, show, signalsOf } from './regions_program.mjs';

const { values: opt } = toolArgs({
  options: {
    instructions: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    programs: { type: 'string', default: '20' },
    qemu: { type: 'string', default: process.env.QEMU_AARCH64 ?? 'qemu-aarch64' },
    limit: { type: 'string', default: '5' },
    keep: { type: 'string' },
  },
});
const fail = (message) => {
  process.stderr.write(`difftest: ${message}\n`);
  process.exit(2);
};
const number = (name) => {
  const n = Number(opt[name]);
  if (!Number.isInteger(n) || n < 1) fail(`--${name} wants a number, not '${opt[name]}'`);
  return n;
};
const [wanted, perBatch, limit] = [number('instructions'), number('programs'), number('limit')];
const version = spawnSync(opt.qemu, ['--version'], { encoding: 'utf8' });
if (version.error) fail(`cannot run ${opt.qemu} (${version.error.code}): give --qemu PATH or set QEMU_AARCH64`);
process.stdout.write(`${version.stdout.split('\n')[0]}\n`);

const folder = mkdtempSync(join(tmpdir(), 'regions-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const total = {
  programs: 0,
  words: 0,
  instructions: 0,
  around: 0,
  regions: 0,
  compiled: 0,
  inside: 0,
  dropped: 0,
  kept: 0,
  signals: 0,
  different: 0,
};

/** Two outputs side by side. @returns the first program that differs, in which lines; undefined if none does */
function compare(a, b, names) {
  for (let n = 0; n * OUTPUT_BYTES < Math.max(a.length, b.length); n++) {
    const [x, y] = [a, b].map((all) => all.subarray(n * OUTPUT_BYTES, (n + 1) * OUTPUT_BYTES));
    if (Buffer.compare(x, y) === 0) continue;
    if (x.length !== y.length) return { n, lines: [`${names[0]} writes ${a.length} bytes, ${names[1]} ${b.length}`] };
    const [p, q] = [show(x), show(y)];
    return { n, lines: p.flatMap((line, i) => (line === q[i] ? [] : [`${line}  |  ${q[i]}`])) };
  }
  return undefined;
}
function listing({ base, bytes }) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, i) => {
    const pc = BigInt(base + 4 * i);
    return `  ${pc.toString(16)}  ${disassemble(view.getUint32(4 * i, true), { pc })}`;
  }).join('\n');
}
function report(seed, programs, file, found, names) {
  total.different++;
  process.stdout.write(`\nprogram ${seed + found.n}: ${names.join(' / ')}\n${found.lines.slice(0, 16).join('\n')}\n`);
  const program = programs[found.n];
  if (opt.keep === undefined || !program) return;
  mkdirSync(opt.keep, { recursive: true });
  writeFileSync(join(opt.keep, `${seed + found.n}.elf`), file);
  writeFileSync(
    join(opt.keep, `${seed + found.n}.txt`),
    `${found.lines.join('\n')}\n\n${listing(program)}\n\n${program.source}\n`,
  );
}

/** Once more if it was late or killed: the machine may be busy. */
function runQemu(file) {
  for (let tries = 1; ; tries++) {
    const r = spawnSync(opt.qemu, ['-cpu', 'max', file], {
      maxBuffer: 1 << 30,
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    if (r.status !== null || tries === 3) {
      if (r.stdout === null) fail(`${opt.qemu}: ${r.error?.message}`);
      return r;
    }
    process.stdout.write(`${opt.qemu}: ${r.error?.message ?? r.signal}: once more\n`);
  }
}
/** Instructions of an executable: more are an endless loop. */
const MOST = 50_000_000;

let told = 0;
let seed = number('seed') * 1_000_003;
const started = process.hrtime.bigint();
for (; total.instructions < wanted && total.different < limit; seed += perBatch) {
  const { elf, programs } = regionPrograms(seed, perBatch);
  const file = join(folder, 'programs');
  writeFileSync(file, elf, { mode: 0o755 });
  const options = ['--cpu', 'max', '--memory', '256', '--engine', 'interp', file];
  const states = [];
  const interp = await runOn(undefined, options, (_cpu, _reason, h) => states.push(h), MOST);
  let stats;
  let counts;
  /** @returns what can be seen, how it first differs, and what is kept */
  const compiled = async (kept) => {
    const tier = keepingTier(kept, { threshold: 1, stretch: [40, 300], misses: 1, count: true }, (s, c) => {
      stats = s;
      counts = c;
    });
    let at = 0;
    let first;
    const run = await runOn(tier.make, options, (cpu, _reason, h) => {
      if (states[at++] !== h)
        first ??= `return ${at} of the engine differs: pc 0x${cpu.pc.toString(16)}, ${cpu.icount} instructions`;
    });
    return { output: run.output, first, kept: tier.bytes() };
  };
  const jit = await compiled(undefined);
  const qemu = runQemu(file);
  total.programs += perBatch;
  total.regions += stats.regions;
  total.compiled += stats.instructions;
  total.inside += counts.get('inside');
  total.dropped += stats.dropped;
  const again = await compiled(jit.kept);
  total.kept += stats.kept;
  let signals = 0;
  for (let i = 0; i < interp.output.length / OUTPUT_BYTES; i++) signals += signalsOf(interp.output, i);
  total.signals += signals;
  const words = programs.reduce((n, p) => n + p.bytes.length / 4, 0);
  total.words += words;
  const around = AROUND.start + perBatch * AROUND.program + words * AROUND.word + signals * AROUND.signal;
  total.instructions += Math.round(interp.instructions - around);
  total.around += Math.round(around);
  for (const [name, { output, first }] of Object.entries({ jit, 'kept regions': again })) {
    const inner = compare(interp.output, output, ['interpreter', name]) ?? (first && { n: -1, lines: [first] });
    if (inner) report(seed, programs, elf, inner, ['interpreter', name]);
  }
  const outer = compare(interp.output, qemu.stdout, ['interpreter', 'qemu']);
  if (outer) report(seed, programs, elf, outer, ['interpreter', 'qemu']);
  if (Math.floor(total.instructions / 1e6) > told) {
    told = Math.floor(total.instructions / 1e6);
    process.stderr.write(
      `${told} million instructions, ${total.inside} executed in regions, ${total.different} differences\n`,
    );
  }
  if (interp.output.length !== perBatch * OUTPUT_BYTES) {
    total.different++;
    process.stdout.write(
      `programs from ${seed}: exit ${interp.code} after ${interp.output.length / OUTPUT_BYTES} programs\n`,
    );
  }
}
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const { programs, words, instructions, around, regions, compiled, inside, dropped, kept, signals, different } = total;
process.stdout.write(
  `${programs} programs of ${words} instructions, ${instructions} executed and ${around} around them, ${signals} signals, ${seconds.toFixed(0)} s\n`,
);
process.stdout.write(
  `${regions} regions of ${compiled} instructions compiled, ${dropped} dropped, ${kept} used again by another run, ${inside} instructions executed in them\n`,
);
// What is not compiled is not compared.
const idle = inside < (instructions + around) / 3;
if (idle) process.stdout.write('too little has been executed in regions\n');
const failed = different + (idle ? 1 : 0);
process.stdout.write(`${programs - different} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
