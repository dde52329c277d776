// Where the pages of an address space stand in memory, if they can stand where their addresses say.

import { describe, expect, it } from 'vitest';
import { PhysMem } from '../../cpu/physmem.ts';
import { Map_, Mremap } from '../abi/flags.ts';
import { addressSpace } from '../testing.ts';
import { mmap, mremap, munmap } from './map_calls.ts';
import type { AddressSpace } from './mm.ts';
import { PAGE, PageStore } from './pages.ts';
import type { Backing } from './vma.ts';

const RW = 3;
const ANON = Map_.MAP_PRIVATE | Map_.MAP_ANONYMOUS | Map_.MAP_FIXED;
const PLACE = 0x80_0000;
const ABOVE = 0xffff * 2 ** 32 + PLACE;

const space = (): AddressSpace => addressSpace(new PhysMem(32), true);
const map = (mm: AddressSpace, addr: number, pages: number, more: Partial<Parameters<typeof mmap>[1]> = {}) =>
  mmap(mm, { addr, length: pages * PAGE, prot: RW, flags: ANON, ...more });
const frame = (mm: AddressSpace, addr: number, write = false) => mm.frame(BigInt(addr), write);
const at = (addr: number): number => (addr % 2 ** 32) / PAGE;
const put = (mm: AddressSpace, addr: number, value: number) => mm.write(BigInt(addr), Uint8Array.of(value));
const get = (mm: AddressSpace, addr: number) => {
  const b = new Uint8Array(1);
  return mm.read(BigInt(addr), b) ? b[0] : undefined;
};

/** A file whose bytes are the numbers of their pages, counted from one. */
function file(mm: AddressSpace, pages = 8): { store: PageStore; backing: Backing; asked: number[][] } {
  const asked: number[][] = [];
  const fill = (offset: number, out: Uint8Array): void => void out.fill(offset / PAGE + 1, 0, PAGE);
  const store = new PageStore(mm.mem, pages * PAGE, {
    fill: (offset, out) => {
      asked.push([offset / PAGE, out.length / PAGE]);
      for (let o = 0; o < out.length; o += PAGE) fill(offset + o, out.subarray(o, o + PAGE));
    },
  });
  const backing: Backing = {
    pages: store,
    path: '',
    ino: 1,
    dev: 1,
    shmem: false,
    mayWrite: false,
    ref() {},
    unref() {},
  };
  return { store, backing, asked };
}

describe('a page', () => {
  it('stands where its address says, be it read or written first, unless another one stands there', () => {
    const mm = space();
    map(mm, ABOVE, 4);
    expect(frame(mm, ABOVE)).toBe(at(ABOVE));
    expect(frame(mm, ABOVE + PAGE, true)).toBe(at(ABOVE + PAGE));
    expect(frame(mm, ABOVE, true)).toBe(at(ABOVE));
    map(mm, PLACE, 4);
    expect(frame(mm, PLACE, true)).not.toBe(at(PLACE));
    munmap(mm, ABOVE, 4 * PAGE);
    expect(frame(mm, PLACE + PAGE, true)).toBe(at(PLACE + PAGE));
    expect(get(mm, PLACE + PAGE), 'zeroed again').toBe(0);
  });
  it('that only reads, of a file, is a copy for as long as the file stays as it is', () => {
    const mm = space();
    const { store, backing } = file(mm);
    map(mm, ABOVE, 8, { prot: 1, flags: Map_.MAP_PRIVATE | Map_.MAP_FIXED, backing });
    expect([frame(mm, ABOVE + PAGE), get(mm, ABOVE + PAGE)]).toEqual([at(ABOVE + PAGE), 2]);
    expect(put(mm, ABOVE + PAGE, 1)).toBe(false);
    expect(mm.lastFault?.kind).toBe('accerr');
    store.write(PAGE, Uint8Array.of(99));
    expect(get(mm, ABOVE + PAGE)).toBe(99);
    expect(get(mm, ABOVE + 2 * PAGE)).toBe(3);
    store.resize(2 * PAGE);
    expect(get(mm, ABOVE + 2 * PAGE)).toBeUndefined();
    expect(mm.lastFault?.kind).toBe('adrerr');
  });
  it('of a file is read to where it stands, with more after it the more have been met before it', () => {
    const mm = space();
    const { store, backing, asked } = file(mm, 40);
    map(mm, ABOVE, 30, { prot: 1, flags: Map_.MAP_PRIVATE | Map_.MAP_FIXED, backing });
    expect(Array.from({ length: 30 }, (_, i) => get(mm, ABOVE + i * PAGE))).toEqual(
      Array.from({ length: 30 }, (_, i) => i + 1),
    );
    expect(asked).toEqual([
      [0, 2],
      [2, 4],
      [6, 8],
      [14, 16],
    ]);
    expect([frame(mm, ABOVE + 20 * PAGE), store.resident]).toEqual([at(ABOVE + 20 * PAGE), 0]);
  });
  it('of a file that somebody has in memory is what is there', () => {
    const mm = space();
    const { store, backing, asked } = file(mm);
    store.write(3 * PAGE, Uint8Array.of(99));
    asked.length = 0;
    map(mm, ABOVE, 8, { prot: 1, flags: Map_.MAP_PRIVATE | Map_.MAP_FIXED, backing });
    expect([get(mm, ABOVE + 3 * PAGE), frame(mm, ABOVE + 3 * PAGE), asked]).toEqual([99, at(ABOVE + 3 * PAGE), []]);
  });
  it('of a file that is written, is private from then on', () => {
    const mm = space();
    const { store, backing } = file(mm);
    map(mm, ABOVE, 8, { flags: Map_.MAP_PRIVATE | Map_.MAP_FIXED, backing });
    expect(frame(mm, ABOVE)).toBe(at(ABOVE));
    put(mm, ABOVE, 50);
    expect(frame(mm, ABOVE, true)).toBe(at(ABOVE));
    store.write(0, Uint8Array.of(99));
    expect(get(mm, ABOVE)).toBe(50);
    expect(store.read(0, new Uint8Array(1))).toBe(1);
  });
  it('of shared memory stands where it was mapped first', () => {
    const mm = space();
    const { backing } = file(mm);
    const shared = { flags: Map_.MAP_SHARED | Map_.MAP_FIXED, backing: { ...backing, shmem: true, mayWrite: true } };
    map(mm, ABOVE, 8, shared);
    map(mm, ABOVE + 16 * PAGE, 8, shared);
    expect(frame(mm, ABOVE, true)).toBe(at(ABOVE));
    expect(frame(mm, ABOVE + 16 * PAGE, true)).toBe(at(ABOVE));
  });
  it('that moves takes its contents to where it then stands', () => {
    const mm = space();
    map(mm, ABOVE, 2);
    put(mm, ABOVE + PAGE, 7);
    const to = ABOVE + 64 * PAGE;
    mremap(mm, ABOVE, 2 * PAGE, 2 * PAGE, Mremap.MREMAP_MAYMOVE | Mremap.MREMAP_FIXED, to);
    expect([frame(mm, to + PAGE), get(mm, to + PAGE)]).toEqual([at(to + PAGE), 7]);
    expect(mm.mem.isFree(at(ABOVE + PAGE))).toBe(true);
  });
  it('stands anywhere once a fork has made two of everything', () => {
    const mm = space();
    map(mm, ABOVE, 2);
    put(mm, ABOVE, 7);
    const child = mm.fork();
    expect(frame(child, ABOVE)).toBe(at(ABOVE));
    put(mm, ABOVE, 8);
    expect(frame(mm, ABOVE, true)).not.toBe(at(ABOVE));
    expect([get(mm, ABOVE), get(child, ABOVE)]).toEqual([8, 7]);
    expect(frame(mm, ABOVE + PAGE, true)).not.toBe(at(ABOVE + PAGE));
  });
  it('costs a frame of its own only so many times', () => {
    const mm = addressSpace(new PhysMem(128), true);
    const many = 0x4000 + 100;
    map(mm, 0x10_0000, many);
    for (let i = 0; i < many; i++) frame(mm, 0x10_0000 + i * PAGE);
    expect(mm.mem.usedFrames).toBeLessThanOrEqual(0x4000 + 10);
    expect(frame(mm, 0x10_0000 + (many - 1) * PAGE, true)).toBe(at(0x10_0000 + (many - 1) * PAGE));
  });
});
