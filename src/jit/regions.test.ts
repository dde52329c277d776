// The JIT against the interpreter: random programs with branches, loops, calls, memory accesses that miss, cross pages and
// fault, and code that changes between runs. After every run with a random budget all that can be seen must be the same.

import { describe, expect, it } from 'vitest';
import { fieldsOf } from '../arch/a64/encoding.ts';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { createInterpreter } from '../interp/engine.ts';
import { Random, TestMachine } from '../interp/testing.ts';
import { A64 } from '../isa/a64.ts';
import { collectRows, type RowEntry } from '../isa/handlers.ts';
import { jitTier, NO_STATS, type TierStats } from './index.ts';
import { randomProgram } from './testing.ts';

const CODE = 0x400f00n; // programs cross the end of a page
const DATA = 0x10000n;
const PAGES = 4;
const HOLE = 2; // this page is not there at first
class Side {
  readonly m: TestMachine;
  readonly code: Uint8Array;
  constructor(tiered: boolean, source: string, guarded: boolean, stats?: (s: TierStats) => void) {
    const tier = jitTier({ threshold: 1, stretch: [40, 300] }, stats);
    this.m = new TestMachine(createInterpreter, [], tiered ? { tier } : {});
    const [section] = assembleProgram(source, { base: CODE }).sections;
    this.code = section!.bytes;
    this.m.hooks = { ...this.m.hooks, readSysreg: (cpu) => cpu.time };
    this.m.poke(CODE, this.code);
    for (const p of this.m.pages.values()) p.guarded = guarded;
    for (let i = 0; i < PAGES; i++) if (i !== HOLE) this.m.map(DATA + BigInt(i * FRAME_SIZE));
  }
  begin(seed: number): void {
    const r = new Random(seed);
    const { cpu, mem, pages } = this.m;
    const value = (): bigint => (BigInt(r.u32()) << 32n) | BigInt(r.u32());
    for (let i = 0; i < 10; i++) cpu.setX(i, r.pick([value, () => BigInt(r.below(100)), () => -1n & 0xffffffffn])());
    for (let i = 10; i < 14; i++) cpu.setX(i, DATA + BigInt(r.below(PAGES * FRAME_SIZE)));
    for (let i = 14; i < 20; i++) cpu.setX(i, 1n);
    cpu.setX(20, BigInt(3 + r.below(40)));
    cpu.setX(21, DATA);
    for (let i = 0; i < 8; i++) cpu.setV(i, r.pick([0x4008000000000000n, value(), 0n, 0x3ff0000000000000n]), value());
    // One of the counters is read by compiled code, the other one is asked for.
    cpu.setLow(Slot.SYS_OPEN, 15 | 64);
    cpu.set(Slot.CNTV_AHEAD, value());
    cpu.set(Slot.FPSR, BigInt(r.pick([0, 0x10, 0x10])));
    cpu.set(Slot.FPCR, BigInt(r.pick([0, 0, 0, 0x1000000])));
    for (const [page, { frame }] of pages) {
      if (page !== (DATA >> 12n) + 1n) continue;
      for (let i = 0; i < FRAME_SIZE / 4; i++) mem.u32[(frame * FRAME_SIZE) / 4 + i] = r.u32();
    }
    cpu.pc = CODE;
  }
  show(reason: number): string {
    const { cpu, mem, pages, asked } = this.m;
    const lines = [
      `exit ${reason} ${JSON.stringify(cpu.exception, (_, v) => (typeof v === 'bigint' ? v.toString(16) : v))}`,
      `pc ${cpu.pc.toString(16)} n ${cpu.icount} time ${cpu.time} nzcv ${cpu.nzcv} fpsr ${cpu.get(Slot.FPSR)} excl ${cpu.get(Slot.EXCL_DATA)}`,
    ];
    for (let i = 0; i < 31; i++) lines.push(`x${i} ${cpu.x(i).toString(16)}`);
    for (let i = 0; i < 8; i++) lines.push(`v${i} ${cpu.v(i).map((h) => h.toString(16))}`);
    for (const [page, { frame }] of pages) {
      let sum = 1;
      for (const word of new Uint32Array(mem.wasm.buffer, frame * FRAME_SIZE, FRAME_SIZE / 4)) {
        sum = Math.imul(sum ^ word, 0x01000193);
      }
      lines.push(`page ${page.toString(16)} ${sum >>> 0}`);
    }
    lines.push(`asked ${asked.splice(0).join(' ')}`);
    return lines.join('\n');
  }
}

/** @returns how the two differ, if they do */
function compare(seed: number, total: TierStats): string | undefined {
  const r = new Random(seed);
  const guarded = r.below(3) === 0;
  const source = randomProgram(r, { end: 'svc #0\n b 1b' });
  let stats: TierStats | undefined;
  const sides = [
    new Side(false, source, guarded),
    new Side(true, source, guarded, (s) => {
      stats = s;
    }),
  ] as const;
  for (let round = 0; round < 3; round++) {
    const start = r.u32();
    for (const s of sides) s.begin(start);
    for (let run = 0; run < 60; run++) {
      const budget = r.pick([1, 2 + r.below(50), 100 + r.below(400), 3000]);
      const [a, b] = sides.map((s) => s.show(s.m.engine.run(s.m.cpu, budget))) as [string, string];
      if (a !== b) {
        const [x, y] = [a.split('\n'), b.split('\n')];
        const lines = x.flatMap((line, i) => (line === y[i] ? [] : [`  interpreter ${line}`, `  jit         ${y[i]}`]));
        return [`seed ${seed} round ${round} run ${run}`, ...lines.slice(0, 12)].join('\n');
      }
      const { cpu } = sides[0].m;
      if (!a.startsWith(`exit ${Exit.Exception}`)) continue;
      if (cpu.exception!.ec === 0x15) break;
      // A fault: the page appears, or the instruction is passed over.
      const appears = cpu.exception!.far >> 12n === (DATA >> 12n) + BigInt(HOLE) && r.below(2) === 0;
      for (const s of sides) {
        if (appears) s.m.map(DATA + BigInt(HOLE * FRAME_SIZE));
        else s.m.cpu.pc += 4n;
      }
    }
    // Code changes: one instruction becomes another one of the program.
    const [from, to] = [r.below(sides[0].code.length / 4), r.below(sides[0].code.length / 4)];
    for (const s of sides) {
      s.m.poke(CODE + BigInt(4 * to), s.code.subarray(4 * from, 4 * from + 4));
      for (const p of s.m.pages.values()) if (round === 0 || p.frame % 2 === 0) s.m.engine.invalidateCode(p.frame);
      if (round === 1) s.m.tlb.flush();
    }
  }
  for (const key of Object.keys(total) as (keyof TierStats)[]) total[key] += stats![key];
  return undefined;
}

/** sub x20, x20, #1; cbnz x20, back to the word; svc #0 */
const LOOP = [0xd1000694, 0xb5ffffd4, 0xd4000001];

/** A word of the row with random fields, with counters and bases kept out of harm's way where there is a choice. */
function wordOf(row: RowEntry, r: Random): number | undefined {
  for (let i = 0; i < 100; i++) {
    const word = (row.parsed.value | (r.u32() & ~row.parsed.mask)) >>> 0;
    const fields = fieldsOf(row.parsed, word);
    if (fields['Rd'] === 20 || fields['Rt'] === 20 || row.parsed.hole(fields)) continue;
    return word;
  }
  return undefined;
}

describe('regions and the interpreter agree', () => {
  const rows = collectRows(A64).filter(
    (row) => row.semantic && new RegExp(process.env['REGION_ROWS'] ?? '').test(row.name),
  );
  it(`on ${rows.length} instructions in loops`, () => {
    const r = new Random(Number(process.env['REGION_SEED'] ?? 1));
    const count: { stats?: TierStats } = {};
    const sides = [
      new Side(false, 'svc #0', false),
      new Side(true, 'svc #0', false, (s) => {
        count.stats = s;
      }),
    ] as const;
    for (const s of sides) s.m.map(DATA + BigInt(HOLE * FRAME_SIZE));
    const differences: string[] = [];
    for (const row of rows) {
      const word = wordOf(row, r);
      if (word === undefined) continue;
      const [start, budget] = [r.u32(), 200 + r.below(100)];
      const shown = sides.map((s) => {
        s.begin(start);
        s.m.poke(CODE, new Uint8Array(Uint32Array.of(word, ...LOOP).buffer));
        s.m.engine.invalidateCode(s.m.pages.get(CODE >> 12n)!.frame);
        s.m.cpu.setX(20, 90n);
        return [s.show(s.m.engine.run(s.m.cpu, budget)), s.show(s.m.engine.run(s.m.cpu, budget))].join('\n');
      });
      if (shown[0] === shown[1]) continue;
      const [x, y] = shown.map((t) => t.split('\n')) as [string[], string[]];
      const lines = x.flatMap((line, i) => (line === y[i] ? [] : [`  interpreter ${line}`, `  jit         ${y[i]}`]));
      differences.push([`${row.name} 0x${word.toString(16)}`, ...lines.slice(0, 6)].join('\n'));
    }
    expect(differences.slice(0, 12).join('\n')).toBe('');
    expect(count.stats!.regions).toBeGreaterThan(rows.length / 4);
  });
  const programs = Number(process.env['REGION_PROGRAMS'] ?? 16);
  const first = Number(process.env['REGION_SEED'] ?? 1);
  it(`on ${programs} programs`, () => {
    const total: TierStats = { ...NO_STATS };
    const differences: string[] = [];
    for (let i = 0; i < programs; i++) {
      const difference = compare(first + i, total);
      if (difference) differences.push(difference);
    }
    expect(differences.slice(0, 4).join('\n')).toBe('');
    expect(total.regions).toBeGreaterThan(programs);
    expect(total.dropped).toBeGreaterThan(0);
  });
});
