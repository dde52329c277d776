import { describe, expect, it } from 'vitest';
import { FRAME_SIZE, PhysMem } from '../cpu/physmem.ts';
import { Area } from './area.ts';
import { ConstantMemory } from './constants.ts';

describe('constants of regions', () => {
  const mem = new PhysMem(1);
  const constants = new ConstantMemory(mem, mem.allocFixed(Area.cells));
  it('are where they are said to be, once', () => {
    const value = 0x0f0e0d0c_0b0a0908_87060504_03020180n;
    const at = constants.vector(value)!;
    expect([...mem.u8.subarray(at, at + 16)]).toEqual([0x80, 1, 2, 3, 4, 5, 6, 0x87, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(constants.vector(1n)).toBe(at + 16);
    expect(constants.vector(value)).toBe(at);
  });
  it('take no more than a frame', () => {
    const before = mem.fixedFrames;
    const places = new Set(Array.from({ length: FRAME_SIZE }, (_, i) => constants.vector(BigInt(i) << 64n)));
    expect(places).toContain(undefined);
    expect(places.size).toBe(FRAME_SIZE / 16 - 1);
    expect(mem.fixedFrames).toBe(before);
  });
});
