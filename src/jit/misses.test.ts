// Regions that ask for accesses which the data TLB does not answer (interp/misses.ts), beside the interpreter.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { Slot } from '../cpu/state.ts';
import { createInterpreter } from '../interp/engine.ts';
import { TestMachine } from '../interp/testing.ts';
import { type Counts, jitTier, type TierStats } from './index.ts';

const CODE = 0x40_0000n;
const DATA = 0x7000_0000n;
const PAGE = 4096n;
/** Each with its bytes. */
const ACCESSES: readonly (readonly [string, number])[] = [
  ['ldrb w4, [x2]', 1],
  ['ldrsh x4, [x2]', 2],
  ['ldr w4, [x2]', 4],
  ['ldr x4, [x2]', 8],
  ['ldp w4, w5, [x2]', 8],
  ['ldp x4, x5, [x2]', 16],
  ['ldr q4, [x2]\n fmov x4, d4', 16],
  ['ldp q4, q5, [x2]\n umov x4, v5.d[1]', 32],
  ['ld1 {v4.16b-v7.16b}, [x2]\n umov x4, v7.d[0]', 64],
  ['strb w1, [x2]', 1],
  ['strh w1, [x2]', 2],
  ['str w1, [x2]', 4],
  ['str x1, [x2]', 8],
  ['stp w1, w0, [x2]', 8],
  ['stp x1, x0, [x2]', 16],
  ['dup v4.2d, x1\n str q4, [x2]', 16],
  ['dup v4.2d, x1\n stp q4, q4, [x2]', 32],
  ['mov x7, x2\n ldr x4, [x7], #8\n str x4, [x7, #-16]!\n add x4, x4, x7', 8],
  ['sttr x1, [x2]\n ldtr w4, [x2, #2]', 8],
];

/** x0 rounds, in which x1 changes and the flags are looked at around the access. */
const looped = (access: string): string => `1: add x1, x1, x0, lsl #3
  adds x3, x3, x1
  ${access}
  cbz xzr, 2f
2: cset w6, vs
  add x6, x6, x4
  eor x1, x1, x6
  subs x0, x0, #1
  b.ne 1b
  svc #0`;

function machine(compiles: boolean, source: string, start: bigint) {
  const told: { stats?: TierStats; counts?: Counts } = {};
  const tier = jitTier({ threshold: 1, stretch: [40, 100], misses: 8, count: true }, (stats, counts) => {
    told.stats = stats;
    if (counts) told.counts = counts;
  });
  const m = new TestMachine(createInterpreter, [], compiles ? { tier } : {});
  m.cpu.setLow(Slot.TLB_UNPRIVILEGED, m.tlb.base);
  m.poke(start, assembleProgram(source, { base: start }).sections[0]!.bytes);
  const run = (rounds: bigint, at: bigint, budget = 1_000_000) => {
    m.cpu.pc = start;
    for (let n = 1; n < 8; n++) m.cpu.setX(n, 0n);
    m.cpu.setX(0, rounds);
    m.cpu.setX(2, at);
    const exit = m.engine.run(m.cpu, budget);
    const { pc, exception, nzcv, icount } = m.cpu;
    return {
      exit,
      pc,
      exception,
      nzcv,
      icount,
      x: [0, 1, 3, 4, 5, 6, 7].map((n) => m.cpu.x(n)),
      asked: m.asked.length,
    };
  };
  const around = (va: bigint): bigint[] => Array.from({ length: 24 }, (_, i) => m.peek64(va - 96n + 8n * BigInt(i)));
  return { m, run, around, told };
}
const both = (source: string, start = CODE) => {
  const [jit, interp] = [machine(true, source, start), machine(false, source, start)];
  return {
    jit,
    same: (what: (m: ReturnType<typeof machine>) => unknown): unknown => {
      const one = what(jit);
      expect(one).toEqual(what(interp));
      return one;
    },
  };
};

describe('regions that miss the TLB often', () => {
  for (const [access, bytes] of ACCESSES) {
    it(`ask: ${access.replace(/\n.*/s, '')} across pages, also where there is none`, () => {
      const { jit, same } = both(looped(access));
      same(({ m }) => {
        for (let p = 0n; p < 3n; p++) m.map(DATA + p * PAGE);
        for (let i = 0; i < 12; i++) m.poke(DATA + PAGE - 48n + 8n * BigInt(i), new Uint8Array(8).fill(17 * i + 3));
      });
      const missed = (): number => jit.told.counts!.get('missed');
      for (let back = 1n; back <= BigInt(bytes); back += BigInt(Math.max(1, bytes / 8))) {
        for (let i = 0; i < 4; i++) {
          expect(same((m) => m.run(60n, DATA + PAGE - back))).toMatchObject({
            exit: Exit.Exception,
            pc: CODE + 40n + BigInt(4 * (access.split('\n').length - 1)),
          });
          same((m) => m.around(DATA + PAGE));
        }
      }
      const before = missed();
      same((m) => m.run(500n, DATA + PAGE - BigInt(bytes) + 1n));
      expect(jit.told.stats!.regions).toBeGreaterThan(0);
      if (bytes > 1) expect(before).toBeGreaterThan(8);
      expect(missed() - before).toBeLessThan(20);
      // The second page is not there, may not be written, is another one.
      same(({ m }) => m.pages.delete((DATA + PAGE) >> 12n) && m.tlb.flush());
      same((m) => m.run(60n, DATA + PAGE - BigInt(bytes) + 1n));
      same(({ m }) => m.map(DATA + PAGE, { writable: false }).writable);
      same((m) => m.run(60n, DATA + PAGE - BigInt(bytes) + 1n));
      same(({ m }) => m.map(DATA + PAGE).writable);
      same((m) => m.run(60n, DATA + PAGE - BigInt(bytes) + 1n));
      same((m) => m.around(DATA + PAGE));
    });
  }
  it('ask for pages that the TLB does not know, which takes time', () => {
    const { jit, same } = both(looped('ldr x4, [x2]\n str x1, [x2]\n add x2, x2, #2, lsl #12'));
    same(({ m }) => {
      m.onTranslate = (_, access) => {
        if (access !== 'execute') m.mem.i32[(m.cpu.base + Slot.BUDGET) >>> 2]! -= 200;
      };
      for (let p = 0n; p < 200n; p++) m.map(DATA + p * PAGE);
    });
    for (let i = 0; i < 6; i++) same((m) => m.run(90n, DATA));
    const missed = jit.told.counts!.get('missed');
    expect(missed).toBeGreaterThan(8);
    // The budget ends after any number of misses.
    for (let budget = 1; budget < 4000; budget += 37) {
      same(({ m }) => m.tlb.flush());
      same((m) => m.run(90n, DATA, budget));
    }
    expect(jit.told.counts!.get('missed') - missed).toBeLessThan(40);
  });
  it('are made again once where they cannot be helped', () => {
    const { jit, same } = both(looped('ldr x4, [x2]'));
    same(({ m }) => m.map(DATA, { uncached: true }).uncached);
    // It is asked and leaves.
    const looks = (): unknown => same(({ run }) => ({ ...run(100n, DATA), asked: undefined }));
    for (let i = 0; i < 8; i++) looks();
    const { regions } = jit.told.stats!;
    for (let i = 0; i < 40; i++) looks();
    expect(jit.told.counts!.get('missed')).toBeGreaterThan(300);
    expect(jit.told.stats!.regions).toBe(regions);
  });
  it('are left where what they ask for maps other code in their place', () => {
    // Behind the access the next page begins.
    const start = CODE + PAGE - 16n;
    const walk = looped('str x1, [x2]\n add x2, x2, #512');
    const { jit, same } = both(walk, start);
    const next = (CODE + PAGE) >> 12n;
    same(({ m }) => {
      for (let p = 0n; p < 130n; p++) m.map(DATA + p * PAGE);
    });
    for (let i = 0; i < 20; i++) same(({ m, run }) => [m.tlb.flush(), run(1000n, DATA)]);
    const missed = jit.told.counts!.get('missed');
    expect(missed).toBeGreaterThan(8);
    same(({ m }) => {
      const first = m.pages.get(next)!;
      const other = m.map(CODE + PAGE);
      m.poke(
        start,
        assembleProgram(walk.replace('eor x1, x1, x6', 'sub x1, x1, #1'), { base: start }).sections[0]!.bytes,
      );
      m.map(CODE + PAGE, first);
      m.tlb.flush();
      m.onTranslate = (va, access) => {
        if (access === 'write' && va >> 12n === (DATA >> 12n) + 1n) m.map(CODE + PAGE, other);
      };
    });
    const found = same(({ run }) => run(1000n, DATA));
    expect(same(({ run }) => run(1000n, DATA))).not.toEqual(found);
    expect(jit.told.counts!.get('missed') - missed).toBeLessThan(20);
  });
  it('leave what changes their code to the interpreter', () => {
    const source = looped('ldr x4, [x2]\n str x4, [x2]');
    const { jit, same } = both(source);
    same(({ m }) => {
      for (let p = 0n; p < 2n; p++) m.map(DATA + p * PAGE);
    });
    for (let i = 0; i < 6; i++) same((m) => m.run(60n, DATA + PAGE - 3n));
    expect(jit.told.stats!.regions).toBeGreaterThan(0);
    // An instruction is written over itself, and over another one.
    same((m) => m.run(60n, CODE + 8n));
    same(({ m }) => m.poke(DATA, assembleProgram('nop\n mvn x4, x4', { base: 0n }).sections[0]!.bytes));
    same((m) => m.run(60n, DATA));
  });
});
