// The interpreter against the reference evaluator: random words of every row on random states, one instruction each.

import { describe, expect, it } from 'vitest';
import { encode, fieldsOf } from '../arch/a64/encoding.ts';
import type { Engine, Tlb, Translator } from '../cpu/engine.ts';
import { FRAME_SIZE, PhysMem } from '../cpu/physmem.ts';
import { CpuState, Slot } from '../cpu/state.ts';
import { A64 } from '../isa/a64.ts';
import { collectRows, type RowEntry } from '../isa/handlers.ts';
import { createInterpreter } from './engine.ts';
import type { EngineOptions } from './options.ts';
import { createReference } from './reference.ts';
import { Random } from './testing.ts';

const CODE = 0x400000n;
const DATA = 0x10000n;
const PAGES = 3;

class Side {
  readonly mem: PhysMem;
  readonly engine: Engine;
  readonly cpu: CpuState;
  readonly tlb: Tlb;
  readonly code: number;
  readonly data: number[];
  constructor(make: (mem: PhysMem, options: EngineOptions) => Engine) {
    this.mem = new PhysMem(96);
    this.code = this.mem.allocFrame();
    this.data = Array.from({ length: PAGES }, () => this.mem.allocFrame());
    const translator: Translator = {
      translate: (va, access) => {
        const page = Number((va - DATA) >> 12n);
        const frame = va >> 12n === CODE >> 12n ? this.code : va >= DATA && page < PAGES ? this.data[page] : undefined;
        if (frame === undefined || (access === 'write' && frame === this.code)) {
          return { ok: false, ec: access === 'execute' ? 0x20 : 0x24, iss: access === 'write' ? 0x47 : 7, far: va };
        }
        return { ok: true, frame, writable: frame !== this.code, executable: true };
      },
    };
    this.engine = make(this.mem, {
      has: () => true,
      groups: A64,
      hooks: {
        readSysreg: (_cpu, enc) => (enc & 1 ? undefined : BigInt(enc) * 0x1_0000_0001n),
        writeSysreg: (cpu, enc, value) => {
          cpu.set(Slot.SYSREGS, value ^ BigInt(enc));
          return (enc & 1) === 0;
        },
        system: (cpu, enc, value) => {
          cpu.set(Slot.SYSREGS, value ^ BigInt(enc));
          return enc & 1 ? undefined : value + 1n;
        },
      },
    });
    this.cpu = new CpuState(this.mem);
    this.tlb = this.engine.createTlb(translator);
    this.cpu.tlb = this.tlb.base;
  }
  /** Everything that instructions can see, as text lines that differ where the state does. */
  show(reason: number): string {
    const { cpu } = this;
    const lines = [
      `exit ${reason} ${JSON.stringify(cpu.exception, (_, v) => (typeof v === 'bigint' ? v.toString(16) : v))}`,
    ];
    for (let i = 0; i < 31; i++) lines.push(`x${i} ${cpu.x(i).toString(16)}`);
    for (let i = 0; i < 32; i++)
      lines.push(
        `v${i} ${cpu
          .v(i)
          .map((h) => h.toString(16))
          .join(' ')}`,
      );
    lines.push(`sp ${cpu.sp.toString(16)} pc ${cpu.pc.toString(16)} nzcv ${cpu.nzcv} n ${cpu.icount}`);
    for (const s of ['ZERO', 'FPCR', 'FPSR', 'FPMR', 'TPIDR_EL0', 'PSTATE', 'SYSREGS', 'EVENT'] as const) {
      lines.push(`${s} ${cpu.get(Slot[s]).toString(16)}`);
    }
    for (const f of this.data) lines.push(`mem ${digest(this.mem.frameBytes(f))}`);
    return lines.join('\n');
  }
}
function digest(bytes: Uint8Array): string {
  let h = 0x811c9dc5;
  for (const b of bytes) h = Math.imul(h ^ b, 0x01000193);
  return (h >>> 0).toString(16);
}

const DOUBLES = [
  0n, 1n << 63n, 0x3ff0000000000000n, 0xbff8000000000000n, 0x7ff0000000000000n, 0xfff0000000000000n,
  0x7ff8000000000001n, 0x7ff0000000000001n, 1n, 0x000fffffffffffffn, 0x0010000000000000n, 0x7fefffffffffffffn,
  0x43e0000000000000n, 0x41dfffffffc00000n, 0x3fd5555555555555n, 0x4059000000000000n,
]; // biome-ignore format: a table
const SINGLES = [
  0, 0x80000000, 0x3f800000, 0xbfc00000, 0x7f800000, 0xff800000, 0x7fc00001, 0x7f800001, 1, 0x007fffff, 0x00800000,
  0x7f7fffff, 0x4f000000, 0x3eaaaaab, 0x42c80000, 0x3c00bc00, 0x7e007c01, 0x7c00fc00,
]; // biome-ignore format: a table
const INTEGERS = [
  0n,
  1n,
  2n,
  7n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x7fffffffffffffffn,
  1n << 63n,
  (1n << 64n) - 1n,
];

function randomise(side: Side, seed: number): void {
  const r = new Random(seed);
  const { cpu } = side;
  const address = (): bigint =>
    DATA + BigInt(r.pick([r.below(PAGES * FRAME_SIZE), FRAME_SIZE - r.below(64), r.below(512) * 16]));
  for (let i = 0; i < 31; i++) cpu.setX(i, r.pick([address, address, () => r.pick(INTEGERS), () => r.u64()])());
  cpu.sp = (address() & ~15n) + BigInt(r.below(8) === 0 ? 8 : 0);
  // Numbers of ordinary size, and some that differ from one another in their last bits only: they cancel.
  const double = r.u64();
  const single = r.u32();
  const ordinary = (): bigint =>
    r.pick([
      () => (double & 0x7fffffffffffff00n) ^ BigInt(r.below(256)) ^ (BigInt(r.below(2)) << 63n),
      () => (r.u64() & 0x800fffffffffffffn) | (BigInt(1003 + r.below(40)) << 52n),
      () => (BigInt(((single & 0xffffff00) | r.below(256)) >>> 0) << 32n) | BigInt((single ^ r.below(16)) >>> 0),
      () => (r.u64() & 0x807fffff807fffffn) | (BigInt(117 + r.below(20)) << 55n) | (BigInt(117 + r.below(20)) << 23n),
    ])();
  for (let i = 0; i < 32; i++) {
    const half = (): bigint =>
      r.pick([
        ordinary,
        ordinary,
        ordinary,
        () => r.pick(DOUBLES),
        () => (BigInt(r.pick(SINGLES)) << 32n) | BigInt(r.pick(SINGLES)),
        () => r.u64(),
        () => r.pick(INTEGERS),
      ])();
    cpu.setV(i, half(), half());
  }
  cpu.nzcv = r.below(16);
  cpu.fpOn = r.below(16) !== 0;
  cpu.el = r.below(4) === 0 ? 1 : 0;
  cpu.set(Slot.FPCR, r.pick([0n, 0n, 0n, BigInt(r.u32()) & 0x07c80007n]));
  cpu.set(Slot.FPSR, r.pick([0n, 0x10n, 0x10n]));
  cpu.set(Slot.PSTATE, 0n);
  cpu.set(Slot.SYS_OPEN, BigInt(r.below(16)));
  cpu.fpmrOn = r.below(16) !== 0;
  // Formats that exist for the most part.
  cpu.set(Slot.FPMR, r.u64() & (r.below(8) === 0 ? -1n : ~0o666n));
  cpu.set(Slot.TPIDR_EL0, r.u64());
  cpu.set(Slot.SYSREGS, 0n);
  cpu.set(Slot.EVENT, BigInt(r.below(2)));
  cpu.set(Slot.ICOUNT, 0n);
  cpu.clearMonitor();
  for (const frame of side.data) {
    const words = new Uint32Array(side.mem.wasm.buffer, frame * FRAME_SIZE, FRAME_SIZE / 4);
    for (let i = 0; i < words.length; i++) words[i] = r.u32();
  }
}

const interpreter = new Side(createInterpreter);
const reference = new Side(createReference);

/** A random word of the row, or undefined if none was found that is not a hole. */
function randomWord(row: RowEntry, r: Random): number | undefined {
  for (let i = 0; i < 200; i++) {
    const word = (row.parsed.value | (r.u32() & ~row.parsed.mask)) >>> 0;
    if (!row.parsed.hole(fieldsOf(row.parsed, word))) return word;
  }
  return undefined;
}

/** Runs the words on both engines. @returns what differs, if anything */
function compare(name: string, words: readonly number[], budget: number, seed: number): string | undefined {
  const shown = [interpreter, reference].map((side) => {
    randomise(side, seed);
    const { cpu, mem } = side;
    const index = seed % 1000;
    mem.u32.set(words, (side.code * FRAME_SIZE) / 4 + index);
    side.engine.invalidateCode(side.code);
    cpu.pc = CODE + BigInt(4 * index);
    return side.show(side.engine.run(cpu, budget));
  });
  if (shown[0] === shown[1]) return undefined;
  const [a, b] = shown.map((s) => s.split('\n')) as [string[], string[]];
  const lines = a.flatMap((line, i) => (line === b[i] ? [] : [`  interpreter ${line}`, `  reference   ${b[i]}`]));
  const text = words.map((w) => `0x${w.toString(16).padStart(8, '0')}`).join(' ');
  return [`${name} ${text} seed ${seed}`, ...lines.slice(0, 8)].join('\n');
}

describe('interpreter and reference agree', () => {
  const rows = collectRows(A64).filter((row) => row.semantic);
  const rounds = Number(process.env['AGREEMENT_ROUNDS'] ?? 6);
  const only = new RegExp(process.env['AGREEMENT_ROWS'] ?? '');
  it(`on ${rounds} words of each of ${rows.length} rows`, () => {
    const r = new Random(Number(process.env['AGREEMENT_SEED'] ?? 42));
    const differences: string[] = [];
    for (const row of rows.filter((x) => only.test(x.name))) {
      for (let i = 0; i < rounds; i++) {
        const word = randomWord(row, r);
        const difference = word === undefined ? undefined : compare(row.name, [word], 1, r.u32() >>> 1);
        if (difference) differences.push(difference);
      }
    }
    expect(differences.slice(0, 20).join('\n')).toBe('');
  });
  it('on sequences of instructions', () => {
    const r = new Random(Number(process.env['AGREEMENT_SEED'] ?? 43));
    const LENGTH = 16;
    const SVC = 0xd4000001;
    const differences: string[] = [];
    for (let i = 0; i < 50 * rounds; i++) {
      const words = Array.from({ length: LENGTH }, () => randomWord(r.pick(rows), r) ?? SVC);
      const difference = compare('sequence', [...words, SVC], 200, r.u32() >>> 1);
      if (difference) differences.push(difference);
    }
    expect(differences.slice(0, 5).join('\n')).toBe('');
  });
  it('has words for every row', () => {
    expect(rows.filter((row) => randomWord(row, new Random(7)) === undefined).map((row) => row.name)).toEqual([]);
    expect(encode(rows[0]!.parsed, {})).toBe(rows[0]!.parsed.value);
  });
});
