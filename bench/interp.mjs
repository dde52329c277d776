// How fast the interpreter is: MIPS on a few kernels, and beside qemu-aarch64 where there is one (QEMU=path).
//   node bench/interp.mjs [kernel...]     needs aarch64-linux-gnu-gcc and a build
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Exit } from '../dist/cpu/engine.js';
import { PhysMem } from '../dist/cpu/physmem.js';
import { CpuState, Slot } from '../dist/cpu/state.js';
import { createInterpreter } from '../dist/interp/engine.js';
import { A64 } from '../dist/isa/a64.js';

const KERNELS = { mix: 'MIX', mem: 'MEM', vm: 'VM', call: 'CALL', fp: 'FP', fpf: 'FP' };
const here = dirname(fileURLToPath(import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'bench-'));

function compile(name) {
  const out = join(work, name);
  const contract = name === 'fpf' ? 'fast' : 'off';
  const r = spawnSync('aarch64-linux-gnu-gcc', [
    '-O2',
    '-static',
    '-nostdlib',
    '-ffreestanding',
    '-fno-stack-protector',
    '-fno-builtin',
    `-ffp-contract=${contract}`,
    '-march=armv8-a',
    `-D${KERNELS[name]}`,
    '-o',
    out,
    join(here, 'kernels.c'),
  ]);
  if (r.error || r.status !== 0) {
    console.error(`cannot compile ${name}: ${r.error?.message ?? r.stderr}`);
    process.exit(1);
  }
  return out;
}

/** Loads the segments of a static program. */
function load(file, mem, pages) {
  const elf = readFileSync(file);
  const v = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const at = Number(v.getBigUint64(32, true));
  for (let i = 0; i < v.getUint16(56, true); i++) {
    const p = at + i * v.getUint16(54, true);
    if (v.getUint32(p, true) !== 1) continue;
    const [offset, va] = [8, 16].map((o) => Number(v.getBigUint64(p + o, true)));
    const [filesz, memsz] = [32, 40].map((o) => Number(v.getBigUint64(p + o, true)));
    for (let b = 0; b < memsz; b++) {
      const page = (va + b) >> 12;
      if (!pages.has(page)) pages.set(page, mem.allocFrame());
      if (b < filesz) mem.u8[pages.get(page) * 4096 + ((va + b) & 4095)] = elf[offset + b];
    }
  }
  return v.getBigUint64(24, true);
}

function runOurs(file) {
  const mem = new PhysMem(256);
  const pages = new Map();
  const entry = load(file, mem, pages);
  for (let i = 0; i < 64; i++) pages.set(0x7fff0 - 1 - i, mem.allocFrame());
  const translator = {
    translate: (va) => {
      const frame = pages.get(Number(va >> 12n));
      return frame === undefined
        ? { ok: false, ec: 0x24, iss: 7, far: va }
        : { ok: true, frame, writable: true, executable: true };
    },
  };
  const none = { readSysreg: () => undefined, writeSysreg: () => false, system: () => undefined };
  const engine = createInterpreter(mem, { has: () => true, hooks: none, groups: A64 });
  const cpu = new CpuState(mem);
  cpu.tlb = engine.createTlb(translator).base;
  cpu.pc = entry;
  cpu.sp = 0x7fff0000n;
  cpu.fpOn = true;
  const start = performance.now();
  let exit;
  do exit = engine.run(cpu, 1 << 30);
  while (exit === Exit.Budget);
  const ms = performance.now() - start;
  if (exit !== Exit.Exception || cpu.exception.ec !== 0x15) {
    throw new Error(
      `stopped with ${exit} ${JSON.stringify(cpu.exception, (_, x) => (typeof x === 'bigint' ? x.toString(16) : x))} at ${cpu.pc.toString(16)}`,
    );
  }
  return { ms, insns: Number(cpu.get(Slot.ICOUNT)), sum: Number(cpu.x(0)) };
}

const names = process.argv.slice(2).length ? process.argv.slice(2) : Object.keys(KERNELS);
const qemu = (process.env.QEMU ?? 'qemu-aarch64').split(' ');
for (const name of names) {
  const file = compile(name);
  const runs = [runOurs(file), runOurs(file), runOurs(file)];
  const best = runs.reduce((a, b) => (b.ms < a.ms ? b : a));
  let line = `${name.padEnd(5)} ${(best.insns / 1e6).toFixed(1).padStart(7)} M  ${best.ms.toFixed(0).padStart(6)} ms  ${(best.insns / best.ms / 1000).toFixed(0).padStart(5)} MIPS  (first run ${runs[0].ms.toFixed(0)} ms)`;
  const start = performance.now();
  const q = spawnSync(qemu[0], [...qemu.slice(1), file]);
  if (!q.error) {
    const ms = performance.now() - start;
    line += `  qemu-aarch64 ${ms.toFixed(0)} ms${q.status === best.sum ? '' : `  CHECKSUM DIFFERS: ${q.status} != ${best.sum}`}`;
  }
  console.log(line);
}
rmSync(work, { recursive: true });
