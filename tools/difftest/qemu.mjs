// The other CPU: builds the runner, packs blocks into a job, runs qemu-aarch64 (user mode), unpacks the ends.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CODE_WORDS, codeAddress, END, WINDOW } from './state.mjs';

const here = dirname(fileURLToPath(import.meta.url));

const FLAGS = ['-O2', '-ffreestanding', '-nostdlib', '-static', '-fno-stack-protector', '-mno-outline-atomics'];
const COMPILERS = [
  ['clang-19', '--target=aarch64-linux-gnu', '-fuse-ld=lld-19'],
  ['clang', '--target=aarch64-linux-gnu', '-fuse-ld=lld'],
  ['aarch64-linux-gnu-gcc'],
];

/** @param vl bytes of SVE vectors, 0 for states without @returns path of the runner */
function buildRunner(vl) {
  return buildProgram(join(here, 'runner.c'), `runner${vl || ''}`, vl ? [`-DSVE_VL=${vl}`] : []);
}
/** @returns path of a freestanding aarch64 program, built if it is missing or older than its source. */
export function buildProgram(source, name, define = []) {
  const out = join(here, '../../dist/difftest', name);
  if (existsSync(out) && statSync(out).mtimeMs > statSync(source).mtimeMs) return out;
  mkdirSync(dirname(out), { recursive: true });
  const tried = [];
  for (const [cc, ...args] of COMPILERS) {
    const r = spawnSync(cc, [...args, ...FLAGS, ...define, '-o', out, source], { encoding: 'utf8' });
    if (r.status === 0) return out;
    tried.push(`${cc}: ${r.error ? r.error.code : r.stderr.trim().split('\n')[0]}`);
  }
  throw new Error(`no compiler for aarch64 works:\n  ${tried.join('\n  ')}`);
}

const inWords = (vl) => 31 + 5 + 64 + sveWords(vl) + CODE_WORDS / 2;
const outWords = (vl) => 4 + 31 + 5 + 64 + sveWords(vl) + 1;
/** Z, P and FFR, one after the other. */
const sveWords = (vl) => Math.ceil((32 * vl + (17 * vl) / 8) / 8);
const SIGNALS = { 4: 'SIGILL', 5: 'SIGTRAP', 7: 'SIGBUS', 8: 'SIGFPE', 11: 'SIGSEGV' };

/** Blocks of consecutive indices, as the runner reads them. */
function pack(blocks, vl) {
  const IN_WORDS = inWords(vl);
  const words = new BigUint64Array(2 + WINDOW.length / 8 + blocks.length * IN_WORDS);
  words[0] = BigInt(blocks.length);
  words[1] = BigInt(blocks[0].index);
  words.set(new BigUint64Array(WINDOW.buffer), 2);
  const u32 = new Uint32Array(words.buffer);
  let at = 2 + WINDOW.length / 8;
  for (const { words: code, state } of blocks) {
    words.set(state.x, at);
    words[at + 31] = state.sp;
    words[at + 32] = BigInt(state.nzcv);
    words[at + 33] = BigInt(state.fpcr);
    words[at + 34] = BigInt(state.fpsr);
    words[at + 35] = state.fpmr;
    state.v.forEach((v, i) => {
      words[at + 36 + 2 * i] = v; // the array keeps the low 64 bits
      words[at + 37 + 2 * i] = v >> 64n;
    });
    if (vl) {
      const bytes = new Uint8Array(words.buffer, (at + 100) * 8, sveWords(vl) * 8);
      bytes.set(state.z);
      bytes.set(state.p, 32 * vl);
    }
    for (let i = 0; i < CODE_WORDS; i++) u32[(at + 100 + sveWords(vl)) * 2 + i] = code[i] ?? END;
    at += IN_WORDS;
  }
  return Buffer.from(words.buffer);
}

function unpack(bytes, blocks, vl) {
  const OUT_WORDS = outWords(vl);
  const words = new BigUint64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~7)));
  const ends = [];
  let at = 0;
  for (const block of blocks) {
    if (at + OUT_WORDS > words.length) break;
    const [signal, code, addr, pc] = words.subarray(at, at + 4);
    const x = [...words.subarray(at + 4, at + 35)];
    const v = Array.from({ length: 32 }, (_, i) => words[at + 40 + 2 * i] | (words[at + 41 + 2 * i] << 64n));
    const n = Number(words[at + OUT_WORDS - 1]);
    const memory = new Map();
    for (let i = 0; i < n; i++) memory.set(Number(words[at + OUT_WORDS + 2 * i]), words[at + OUT_WORDS + 2 * i + 1]);
    const offset = Number(BigInt.asIntN(64, pc - codeAddress(block.index)));
    const name = SIGNALS[Number(signal)] ?? `signal ${signal}`;
    const atEnd =
      name === 'SIGTRAP' && offset >= 0 && offset < CODE_WORDS * 4 && (block.words[offset / 4] ?? END) === END;
    ends.push({
      how: atEnd ? 'end' : name === 'SIGBUS' ? `SIGBUS ${code}` : name,
      at: offset,
      ...(name === 'SIGSEGV' ? { addr } : {}),
      state: {
        x,
        sp: words[at + 35],
        nzcv: Number(words[at + 36]),
        fpcr: Number(words[at + 37]),
        fpsr: Number(words[at + 38]),
        fpmr: words[at + 39],
        v,
        ...(vl ? sveState(words, at + 104, vl) : {}),
      },
      memory,
    });
    at += OUT_WORDS + 2 * n;
  }
  return ends;
}

function sveState(words, at, vl) {
  const bytes = new Uint8Array(words.buffer, words.byteOffset + at * 8, sveWords(vl) * 8);
  return { z: bytes.slice(0, 32 * vl), p: bytes.slice(32 * vl, 32 * vl + (17 * vl) / 8) };
}

export class Qemu {
  /** @param command path of qemu-aarch64 @param cpu its -cpu argument @param vl bytes of SVE vectors that it starts with; 0 without SVE */
  constructor(command, cpu, vl = 0) {
    this.command = command;
    this.cpu = cpu;
    this.vl = vl;
    this.runner = buildRunner(vl);
  }
  version() {
    const r = spawnSync(this.command, ['--version'], { encoding: 'utf8' });
    if (r.error) throw new Error(`cannot run ${this.command} (${r.error.code}): give --qemu PATH or set QEMU_AARCH64`);
    return r.stdout.split('\n')[0];
  }
  /** Runs blocks of consecutive indices. @returns their ends; fewer if the emulator died or hung on one. */
  run(blocks) {
    const r = spawnSync(this.command, ['-cpu', this.cpu, this.runner], {
      input: pack(blocks, this.vl),
      maxBuffer: 1 << 30,
      timeout: 120_000,
    });
    if (r.error && r.error.code !== 'ETIMEDOUT') throw r.error;
    if (r.stderr.length > 0) process.stderr.write(r.stderr);
    return unpack(r.stdout, blocks, this.vl);
  }
}
