// What one run has compiled serves the next one, where the code is the same, and shows in nothing but speed.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { createInterpreter } from '../interp/engine.ts';
import { Random, TestMachine } from '../interp/testing.ts';
import { keepingTier, type TierStats } from './index.ts';
import { randomProgram } from './testing.ts';

const CODE = 0x400f00n; // programs cross the end of a page
const DATA = 0x10000n;
/** With calls, branches to addresses, vectors and checksums, and code that is seldom met. */
const PROGRAM = `1: adr x9, 2f
  blr x9
  bl 3f
  subs x0, x0, #1
  b.ne 1b
  svc #0
2: add x1, x1, #NUMBER
  tst x0, #63
  b.ne 4f
  eor x1, x1, #0xff
4: ret
${'  nop\n'.repeat(64)}
3: crc32cx w2, w2, x1
  movi v1.16b, #0x35
  add v0.16b, v0.16b, v1.16b
  fadd d2, d2, d3
  ret`;

interface Run {
  readonly shown: string;
  readonly stats: TierStats;
  readonly kept: Uint8Array | undefined;
}
interface Setting {
  readonly source?: string;
  readonly base?: bigint;
  readonly machine?: string;
  readonly megabytes?: number;
  /** Instructions of each run of the engine. */
  readonly budget?: number;
}
function run(kept: Uint8Array | undefined, setting: Setting = {}): Run {
  const { source = PROGRAM.replace('NUMBER', '7'), base = CODE, machine = 'a', megabytes = 64, budget = 700 } = setting;
  let stats: TierStats | undefined;
  const tier = keepingTier(kept, { threshold: 1, stretch: [40, 300] }, (s) => {
    stats = s;
  });
  const m = new TestMachine(createInterpreter, [], { tier: tier.make, machine }, megabytes);
  m.poke(base, assembleProgram(source, { base }).sections[0]!.bytes);
  return { ...play(m, base, budget), stats: { ...stats! }, kept: tier.bytes() };
}
function interpreted({ source = PROGRAM.replace('NUMBER', '7'), base = CODE, budget = 700 }: Setting): string {
  const m = new TestMachine(createInterpreter);
  m.poke(base, assembleProgram(source, { base }).sections[0]!.bytes);
  return play(m, base, budget).shown;
}
/** Every state in which the engine comes back. */
function play(m: TestMachine, pc: bigint, budget: number): { shown: string } {
  const { cpu } = m;
  for (let i = 0n; i < 4n; i++) m.map(DATA + i * BigInt(FRAME_SIZE));
  cpu.pc = pc;
  cpu.setX(0, 1500n);
  for (let i = 10; i < 14; i++) cpu.setX(i, DATA + BigInt(1000 * i - 10000));
  cpu.setX(20, 60n);
  cpu.setX(21, DATA);
  const lines: string[] = [];
  for (let reason = 0, turns = 0; reason !== Exit.Exception && turns < 1000; turns++) {
    reason = m.engine.run(cpu, budget);
    const registers = Array.from({ length: 31 }, (_, i) => cpu.x(i).toString(16));
    const vectors = Array.from({ length: 8 }, (_, i) => cpu.v(i).map((h) => h.toString(16)));
    lines.push(`${reason} ${cpu.pc} ${cpu.icount} ${cpu.nzcv} ${registers} ${vectors.join(' ')}`);
  }
  return { shown: lines.join('\n') };
}

describe('regions of an earlier run', () => {
  const first = run(undefined);
  it('run where their code is again, from when its pages are met', () => {
    expect(first.stats).toMatchObject({ kept: 0 });
    expect(first.stats.regions).toBeGreaterThan(0);
    expect(first.shown).toBe(interpreted({}));
    const second = run(first.kept);
    expect(second.shown).toBe(first.shown);
    expect(second.stats.kept).toBeGreaterThan(0);
    expect(second.stats.regions).toBeLessThan(first.stats.regions);
    const third = run(second.kept ?? first.kept);
    expect(third.stats.regions).toBe(0);
    expect(third.kept).toBeUndefined();
    expect(third.shown).toBe(first.shown);
  });
  it('do not mind where the code is mapped', () => {
    const moved = run(first.kept, { base: CODE + 0x123000n });
    expect(moved.stats.kept).toBeGreaterThan(0);
    expect(moved.shown).toBe(interpreted({ base: CODE + 0x123000n }));
  });
  it('are not those of other code', () => {
    const source = PROGRAM.replace('NUMBER', '9');
    const other = run(first.kept, { source });
    expect(other.shown).toBe(interpreted({ source }));
    expect(other.shown).not.toBe(first.shown);
    // Of both programs from now on.
    const [a, b] = [run(other.kept), run(other.kept, { source })];
    expect([a.shown, b.shown]).toEqual([first.shown, other.shown]);
    for (const { stats } of [a, b]) expect(stats.kept).toBeGreaterThan(0);
  });
  it('are of no use with other features, or another memory', () => {
    for (const setting of [{ machine: 'b' }, { megabytes: 128 }]) {
      const other = run(first.kept, setting);
      expect(other.stats.kept).toBe(0);
      expect(other.stats.regions).toBe(first.stats.regions);
      expect(other.shown).toBe(first.shown);
    }
  });
  it('are forgotten if their bytes are damaged', () => {
    const r = new Random(1);
    const length = first.kept!.length;
    const damaged = [
      ...Array.from({ length: 12 }, () => first.kept!.with(r.below(length), r.below(256))),
      ...[0, 3, 20, length - 4, length - 1].map((n) => first.kept!.slice(0, n)),
      new Uint8Array(length),
    ].filter((bytes) => Buffer.compare(bytes, first.kept!) !== 0);
    expect(damaged.length).toBeGreaterThan(12);
    for (const bytes of damaged) {
      const after = run(bytes);
      expect(after.stats).toMatchObject({ kept: 0, regions: first.stats.regions });
      expect(after.shown).toBe(first.shown);
    }
  });
  it('are the interpreter on random programs, too', () => {
    let used = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const setting = { source: randomProgram(new Random(seed), { end: 'svc #0\n b 1b' }), budget: 97 + seed };
      const expected = interpreted(setting);
      let kept: Uint8Array | undefined;
      for (let i = 0; i < 3; i++) {
        const one = run(kept, setting);
        expect(one.shown).toBe(expected);
        kept = one.kept ?? kept;
        used += one.stats.kept;
      }
    }
    expect(used).toBeGreaterThan(6);
  });
});

describe('regions whose code goes', () => {
  it('come back with it', () => {
    let stats: TierStats | undefined;
    const tier = keepingTier(undefined, { threshold: 1, stretch: [40, 300] }, (s) => {
      stats = s;
    });
    const m = new TestMachine(createInterpreter, [], { tier: tier.make });
    const bytes = assembleProgram(PROGRAM.replace('NUMBER', '7'), { base: CODE }).sections[0]!.bytes;
    m.poke(CODE, bytes);
    const { shown } = play(m, CODE, 700);
    const before = stats!.regions;
    const result = m.cpu.x(1);
    for (let i = 0; i < 3; i++) {
      // The frames are given back, and others have the same code.
      for (const page of [CODE, CODE + BigInt(FRAME_SIZE)]) m.mem.unref(m.pages.get(page >> 12n)!.frame);
      m.pages.clear();
      m.tlb.flush();
      m.poke(CODE, bytes);
      for (const n of [1, 2]) m.cpu.setX(n, 0n);
      play(m, CODE, 700);
      expect(m.cpu.x(1)).toBe(result);
    }
    expect(stats!.dropped).toBeGreaterThan(0);
    expect(stats!.regions).toBeLessThan(2 * before);
    expect(shown).not.toBe('');
  });
});
