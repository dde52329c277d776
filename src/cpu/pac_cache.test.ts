// Entries that drive each other out do so for a while only.

import { expect, it } from 'vitest';
import { lowHalf } from '../base/bits.ts';
import { PAC_HASH, PacCache, PacEntry } from './pac_cache.ts';
import { type PauthState, resetPauth } from './pauth.ts';
import { PhysMem } from './physmem.ts';
import { CpuState, Slot } from './state.ts';

const KEY = 1;

function cache() {
  const mem = new PhysMem(16);
  const cpu = new CpuState(mem);
  const pacs = new PacCache(mem);
  const state: PauthState = { ...resetPauth(), enabled: 15 };
  /** Where compiled code looks. */
  const place = (pointer: bigint, modifier: bigint): number => {
    const product = Math.imul(lowHalf(modifier), cpu.low(Slot.PAC_FACTOR));
    const sum = (Math.imul(lowHalf(pointer), PAC_HASH.pointer) + product + KEY) | 0;
    return cpu.low(Slot.PAC_CACHE) + ((sum >>> cpu.low(Slot.PAC_SHIFT)) << PacEntry.shift);
  };
  const has = (pointer: bigint, modifier: bigint): boolean => {
    const at = place(pointer, modifier);
    return (
      mem.u64[(at + PacEntry.pointer) >>> 3] === pointer &&
      mem.u64[(at + PacEntry.modifier) >>> 3] === modifier &&
      mem.u64[(at + PacEntry.signed) >>> 3] === (pointer | (1n << 60n)) &&
      mem.u32[(at + PacEntry.key) >>> 2] === KEY + 1
    );
  };
  /** As compiled code does it. @returns whether it had to be computed */
  const sign = (pointer: bigint, modifier: bigint): boolean => {
    if (has(pointer, modifier)) return false;
    pacs.keep(cpu, state, KEY, pointer, modifier, pointer | (1n << 60n));
    return true;
  };
  return { cpu, pacs, place, has, sign };
}

it('is found where compiled code looks', () => {
  const { cpu, pacs, has, sign } = cache();
  pacs.forget(cpu);
  for (let i = 0n; i < 16n; i++) {
    const pair: readonly [bigint, bigint] = [0x40_0000n + 4n * i, 0x7fff_0000n - 96n * i];
    expect([sign(...pair), has(...pair)]).toEqual([true, true]);
  }
  pacs.forget(cpu);
  expect(has(0x40_0000n, 0x7fff_0000n)).toBe(false);
});

it('makes room for two that meet', () => {
  const { cpu, pacs, place, sign } = cache();
  pacs.forget(cpu);
  /** @returns how often one of two was computed that meet at first */
  const computed = (): number => {
    const first: readonly [bigint, bigint] = [0x55_5088n, 0xffff_eff0_0330n];
    sign(...first);
    let second: readonly [bigint, bigint] = [0x55_5d0cn, 0xffff_eff0_0320n];
    while (place(...second) !== place(...first)) second = [second[0], second[1] - 16n];
    let n = 0;
    for (let i = 0; i < 10_000; i++) for (const pair of [first, second]) if (sign(...pair)) n++;
    return n;
  };
  const few = cpu.low(Slot.PAC_SHIFT);
  expect(computed()).toBeGreaterThan(30);
  expect(cpu.low(Slot.PAC_SHIFT), 'more of the sum').toBeLessThan(few);
  const factor = cpu.low(Slot.PAC_FACTOR);
  const many = computed();
  expect(many).toBeGreaterThan(1000);
  expect(many).toBeLessThan(5000);
  expect(cpu.low(Slot.PAC_FACTOR)).not.toBe(factor);
  // Another CPU that goes on is told.
  const other = new CpuState(cpu.mem);
  pacs.forget(other);
  for (const slot of [Slot.PAC_FACTOR, Slot.PAC_SHIFT]) expect(other.low(slot)).toBe(cpu.low(slot));
});
