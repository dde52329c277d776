// What is compiled when, and what becomes of it.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { createInterpreter } from '../interp/engine.ts';
import type { MakeTier } from '../interp/region.ts';
import { TestMachine } from '../interp/testing.ts';
import { type CompiledRegion, jitTier, type Place, type TierOptions, type TierStats } from './index.ts';
import { isNear, pageOf } from './places.ts';

const CODE = 0x400000n;
const SVC = 0x15;
const SP_ALIGNMENT = 0x26;
const LOOP = '1: subs x0, x0, #1\n add x1, x1, x0\n b.ne 1b\n svc #0';

function machine(options: Partial<TierOptions>): { m: TestMachine; stats: () => TierStats } {
  let stats: TierStats | undefined;
  const tier = jitTier({ threshold: 1, stretch: [50, 200], ...options }, (s) => {
    stats = s;
  });
  return { m: new TestMachine(createInterpreter, [], { tier }), stats: () => stats! };
}
function runAt(m: TestMachine, pc: bigint): bigint {
  m.cpu.pc = pc;
  m.cpu.setX(0, 2000n);
  m.cpu.setX(1, 0n);
  expect(m.engine.run(m.cpu, 100_000)).toBe(Exit.Exception);
  return m.cpu.x(1);
}

describe('the tier', () => {
  it('compiles a loop once and leaves what runs seldom alone', () => {
    const { m, stats } = machine({});
    m.poke(CODE, assembleProgram(LOOP, { base: CODE }).sections[0]!.bytes);
    for (let i = 0; i < 5; i++) expect(runAt(m, CODE)).toBe(1999000n);
    expect([stats().regions, stats().instructions]).toEqual([1, 3]);
    const patient = machine({ threshold: 1000 });
    patient.m.poke(CODE, assembleProgram(LOOP, { base: CODE }).sections[0]!.bytes);
    runAt(patient.m, CODE);
    expect(patient.stats().regions).toBe(0);
  });
  it('makes up for what was met before it was there, where nothing else is compiled', () => {
    /** @returns the regions after a loop was met early and then others, pages away, often */
    const regions = (...distances: readonly number[]): number => {
      const early: Place[] = [];
      let stats: TierStats | undefined;
      const tier = jitTier({ threshold: 100, stretch: [50, 200], early }, (s) => {
        stats = s;
      });
      const watched: MakeTier = (host) => {
        const inner = tier(host);
        return {
          stretch: inner.stretch,
          sample: (...args) => inner.sample(...args),
          dropped: (records) => inner.dropped(records),
          arrived(cpu, pc, records, guarded) {
            if (pc === CODE) early.push({ pc, records, guarded });
            return inner.arrived(cpu, pc, records, guarded);
          },
        };
      };
      const m = new TestMachine(createInterpreter, [], { tier: watched });
      const others = distances.map((n) => CODE + BigInt(n * FRAME_SIZE));
      for (const base of [CODE, ...others]) m.poke(base, assembleProgram(LOOP, { base }).sections[0]!.bytes);
      m.cpu.setX(0, 3n);
      m.cpu.pc = CODE;
      expect(m.engine.run(m.cpu, 100)).toBe(Exit.Exception);
      expect(stats!.regions).toBe(0);
      for (const pc of others) for (let i = 0; i < 10; i++) expect(runAt(m, pc)).toBe(1999000n);
      expect([early.length, stats!.samples > 256]).toEqual([1, true]);
      const made = stats!.regions;
      expect(runAt(m, CODE)).toBe(1999000n);
      return made;
    };
    expect(regions(16, 32, 48)).toBe(4);
    expect(regions(1, 32, 48)).toBe(3);
  });
  it('assumes of SP what was so when it compiled, and looks whether it still is', () => {
    const { m, stats } = machine({});
    const stack = 0x10000n;
    const source = '1: ldr x2, [sp]\n subs x0, x0, #1\n b.ne 1b\n svc #0';
    m.poke(CODE, assembleProgram(source, { base: CODE }).sections[0]!.bytes);
    m.map(stack);
    const [aligned, misaligned] = [stack + 0x20n, stack + 0x28n];
    const ends = (sp: bigint, ec: number, mask: bigint): void => {
      m.cpu.set(Slot.SP_MASK, mask);
      m.cpu.sp = sp;
      runAt(m, CODE);
      expect(m.cpu.exception).toMatchObject({ ec });
      expect(m.cpu.x(0)).toBe(ec === SVC ? 0n : 2000n);
    };
    ends(aligned, SVC, 15n);
    expect(stats().regions).toBe(1);
    ends(misaligned, SP_ALIGNMENT, 15n);
    ends(misaligned, SVC, 0n);
    ends(misaligned, SP_ALIGNMENT, 15n);
    for (let i = 0; i < 3; i++) ends(misaligned, SVC, 0n);
    expect(stats().regions).toBeGreaterThan(1);
    ends(misaligned, SP_ALIGNMENT, 15n);
    ends(aligned, SVC, 15n);
  });
  it('compiles again, with floating point, what was compiled while that trapped', () => {
    const { m, stats } = machine({});
    const source = '1: cbz x3, 2f\n fmov d0, x0\n 2: subs x0, x0, #1\n b.ne 1b\n svc #0';
    m.poke(CODE, assembleProgram(source, { base: CODE }).sections[0]!.bytes);
    const run = (uses: boolean): number => {
      m.cpu.setX(3, uses ? 1n : 0n);
      runAt(m, CODE);
      return stats().regions;
    };
    m.cpu.fpOn = false;
    run(true); // It traps, and has been decoded.
    const before = run(false);
    expect(before).toBeGreaterThan(0);
    m.cpu.fpOn = true;
    for (let i = 0; i < 3; i++) run(true);
    const after = run(true);
    expect(after).toBeGreaterThan(before);
    for (let i = 0; i < 3; i++) expect(run(true)).toBe(after);
    m.cpu.fpOn = false;
    expect(run(false)).toBeGreaterThanOrEqual(after);
  });
  it('leaves to the interpreter what a page begins with, also where a region is entered there', () => {
    const { m, stats } = machine({});
    const base = CODE + BigInt(FRAME_SIZE - 8);
    // Regions end before writes of FPCR, and the next instruction is an entry; 0 divided by 0 is for the interpreter.
    const source = '1: add x1, x1, #1\n msr fpcr, xzr\n fdiv s1, s5, s6\n subs x0, x0, #1\n b.ne 1b\n svc #0';
    m.poke(base, assembleProgram(source, { base }).sections[0]!.bytes);
    for (let i = 0; i < 5; i++) expect(runAt(m, base)).toBe(2000n);
    expect(m.cpu.v(1)[0]).toBe(0x7fc00000n);
    expect(stats().regions).toBeGreaterThan(0);
  });
  it('makes no region of pages that are too far apart for its entries', () => {
    const found: CompiledRegion[] = [];
    const { m, stats } = machine({ dump: (region) => found.push(region) });
    const far = CODE + 200n * BigInt(FRAME_SIZE);
    m.poke(CODE, assembleProgram(`${LOOP.replace('svc #0', '')} b ${far}`, { base: CODE }).sections[0]!.bytes);
    m.poke(far, assembleProgram('svc #0', { base: far }).sections[0]!.bytes);
    // What is far has been executed before anything is compiled.
    m.cpu.pc = CODE;
    m.cpu.setX(0, 2n);
    expect(m.engine.run(m.cpu, 100)).toBe(Exit.Exception);
    expect([stats().regions, runAt(m, CODE)]).toEqual([0, 1999000n]);
    expect(found.map(({ graph }) => graph.size)).toEqual([4]);
    for (const place of found[0]!.graph.blocks.keys()) expect(isNear(pageOf(place))).toBe(true);
  });
  it('drops the oldest code when the cache is full', () => {
    const { m, stats } = machine({ cache: 1 / 64 });
    const { bytes } = assembleProgram(LOOP, { base: CODE }).sections[0]!;
    for (let i = 0n; i < 20n; i++) {
      const at = CODE + i * BigInt(FRAME_SIZE);
      m.poke(at, bytes);
      expect(runAt(m, at)).toBe(1999000n);
    }
    expect(stats().regions).toBe(20);
    expect(stats().dropped).toBeGreaterThan(10);
    expect(runAt(m, CODE)).toBe(1999000n);
  });
});
