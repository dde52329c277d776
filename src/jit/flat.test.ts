// Regions of an address space whose pages stand where their addresses say (cpu/flat.ts), beside the interpreter.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { flatFrame } from '../cpu/flat.ts';
import { createInterpreter } from '../interp/engine.ts';
import { usualTier } from '../interp/region.ts';
import { TestMachine } from '../interp/testing.ts';
import { jitTier, type TierStats } from './index.ts';

const CODE = 0xaaaa_0040_0000n;
const DATA = 0xffff_2000_0000n;
const PAGE = 4096n;
/** Sums and rewrites 8 bytes at every 4th of x0 rounds from x2 on. */
const LOOP = `1: ldr x4, [x2]
  add x1, x1, x4
  str x1, [x2], #4
  ldaxr w5, [x3]
  add w5, w5, #1
  stlxr w6, w5, [x3]
  subs x0, x0, #1
  b.ne 1b
  svc #0`;
const ENOUGH = 1100;

function machine(compiles: boolean) {
  const stats: TierStats[] = [];
  const tier = jitTier({ threshold: 1, stretch: [40, 100] }, (s) => stats.push(s));
  const m = new TestMachine(createInterpreter, [], compiles ? { tier } : {}, ENOUGH);
  const isFlat = m.tlb.takeFlat!();
  m.poke(CODE, assembleProgram(LOOP, { base: CODE }).sections[0]!.bytes);
  /** Maps a page where its address says, or elsewhere. */
  const map = (va: bigint, flat: boolean, rights = {}): void => {
    const frame = m.pages.get(va >> 12n)?.frame ?? m.mem.allocFrame(flat ? flatFrame(Number(va & 0xffff_ffffn)) : 0);
    m.map(va, { frame, ...rights });
  };
  const run = (rounds: bigint, from = DATA): unknown => {
    m.cpu.pc = CODE;
    for (const [n, v] of [rounds, 0n, from, DATA + 0x8000n].entries()) m.cpu.setX(n, v);
    const exit = m.engine.run(m.cpu, 1_000_000);
    const { pc, exception } = m.cpu;
    return { exit, pc, exception, left: m.cpu.x(0), x: [1, 2, 4, 5].map((n) => m.cpu.x(n)) };
  };
  const bytes = (va: bigint): bigint[] => [0n, 8n, 4088n].map((o) => m.peek64(va + o));
  return { m, isFlat, map, run, bytes, stats: () => stats[0]! };
}
const both = () => [machine(true), machine(false)] as const;

describe('regions on flat pages', () => {
  it('do what the interpreter does, within pages, from one to the next, and where there is none', () => {
    const [jit, interp] = both();
    // With HYPATIA_ENGINE=jit there are regions in both.
    expect([jit.isFlat, interp.isFlat]).toEqual([true, usualTier() !== undefined]);
    const same = (what: (m: ReturnType<typeof machine>) => unknown): unknown => {
      const one = what(jit);
      expect(one).toEqual(what(interp));
      return one;
    };
    same((m) => {
      for (let p = 0n; p < 3n; p++) m.map(DATA + p * PAGE, true);
      m.map(DATA + 0x8000n, true);
    });
    for (let i = 0; i < 4; i++) {
      expect(same((m) => m.run(1500n))).toMatchObject({ exit: Exit.Exception, left: 0n });
      same((m) => [0n, PAGE].map((o) => m.bytes(DATA + o)));
    }
    expect(jit.m.pages.get(DATA >> 12n)!.frame).toBe(0x20000);
    const { regions } = jit.stats();
    expect(regions).toBeGreaterThan(0);
    const stops = (va: bigint) =>
      expect(same((m) => m.run(5000n))).toMatchObject({ exit: Exit.Exception, exception: { ec: 0x24, far: va } });
    // The last access before the end of the third page would reach past it.
    stops(DATA + 3n * PAGE);
    same((m) => m.map(DATA + PAGE, true, { writable: false }));
    stops(DATA + PAGE);
    same((m) => m.map(DATA + PAGE, true, { readable: false }));
    stops(DATA + PAGE);
    same((m) => m.run(10n, DATA + 2n));
    same((m) => m.map(DATA + PAGE, true));
    expect(same((m) => m.run(1500n))).toMatchObject({ left: 0n });
    same((m) => [0n, PAGE].map((o) => m.bytes(DATA + o)));
    expect(jit.stats().regions).toBe(regions);
  });
  it('are made anew where most pages stand elsewhere, and where the address space has none any more', () => {
    const [jit, interp] = both();
    const same = (what: (m: ReturnType<typeof machine>) => unknown): void => expect(what(jit)).toEqual(what(interp));
    same((m) => {
      m.map(DATA, true);
      for (let p = 1n; p < 3n; p++) m.map(DATA + p * PAGE, false);
      m.map(DATA + 0x8000n, true);
    });
    for (let i = 0; i < 3; i++) same((m) => m.run(900n));
    expect(jit.stats().dropped).toBe(0);
    for (let i = 0; i < 8; i++) same((m) => m.run(900n, DATA + PAGE));
    expect(jit.stats().dropped).toBeGreaterThan(0);
    const { regions } = jit.stats();
    for (let i = 0; i < 8; i++) same((m) => m.run(900n));
    expect(jit.stats().regions).toBe(regions);
  });
  it('do not run for another address space', () => {
    const { m, map, run } = machine(true);
    map(DATA, true);
    map(DATA + 0x8000n, true);
    for (let i = 0; i < 4; i++) run(500n);
    m.tlb.leaveFlat!();
    const frame = m.mem.allocFrame();
    m.mem.u8.fill(1, frame * 4096, (frame + 1) * 4096);
    m.map(DATA, { frame });
    run(1n);
    expect(m.cpu.x(4)).toBe(0x0101_0101_0101_0101n);
    for (let i = 0; i < 4; i++) expect(run(900n)).toMatchObject({ exit: Exit.Exception, left: 0n });
  });
});
