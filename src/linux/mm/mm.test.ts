import { describe, expect, it } from 'vitest';
import { Errno } from '../../base/hostfile.ts';
import { PhysMem } from '../../cpu/physmem.ts';
import { Madvise, Map_, Mremap } from '../abi/flags.ts';
import { addressSpace } from '../testing.ts';
import { shmemBacking } from '../vfs/memfd.ts';
import { madvise } from './advice.ts';
import { brk, mmap, mprotect, mremap, munmap } from './map_calls.ts';
import type { AddressSpace } from './mm.ts';
import { PAGE, PageStore } from './pages.ts';

const RW = 3;
const ANON = Map_.MAP_PRIVATE | Map_.MAP_ANONYMOUS;

const space = (megabytes = 16): AddressSpace => addressSpace(new PhysMem(megabytes));
const map = (mm: AddressSpace, length: number, more: Partial<Parameters<typeof mmap>[1]> = {}) =>
  mmap(mm, { addr: 0, length, prot: RW, flags: ANON, ...more });
const get = (mm: AddressSpace, addr: number) => {
  const b = new Uint8Array(1);
  return mm.read(BigInt(addr), b) ? b[0] : undefined;
};
const put = (mm: AddressSpace, addr: number, value: number) => mm.write(BigInt(addr), Uint8Array.of(value));

describe('anonymous memory', () => {
  it('reads as zero without taking memory, and keeps what is written', () => {
    const mm = space();
    const before = mm.mem.usedFrames;
    const a = map(mm, 10 * PAGE);
    expect(get(mm, a + 5 * PAGE)).toBe(0);
    expect(mm.mem.usedFrames).toBe(before);
    expect(put(mm, a + 5 * PAGE, 7)).toBe(true);
    expect(get(mm, a + 5 * PAGE)).toBe(7);
    expect(mm.mem.usedFrames).toBe(before + 1);
  });
  it('is sparse: 64 GiB and more, wherever it is touched', () => {
    const mm = space();
    const size = 128 * 2 ** 30;
    const a = map(mm, size, { flags: ANON | Map_.MAP_NORESERVE });
    for (const at of [0, 2 ** 32 + 123, size - 1]) {
      expect(put(mm, a + at, 9)).toBe(true);
      expect(get(mm, a + at)).toBe(9);
    }
    expect(munmap(mm, a, size)).toBe(0);
    expect(get(mm, a)).toBeUndefined();
  });
  it('gives its frames back', () => {
    const mm = space();
    const before = mm.mem.usedFrames;
    const a = map(mm, 100 * PAGE);
    mm.write(BigInt(a), new Uint8Array(100 * PAGE).fill(1));
    expect(mm.mem.usedFrames).toBe(before + 100);
    munmap(mm, a + 10 * PAGE, 10 * PAGE);
    expect(mm.mem.usedFrames).toBe(before + 90);
    expect(get(mm, a + 10 * PAGE)).toBeUndefined();
    expect(get(mm, a + 20 * PAGE)).toBe(1);
    mm.destroy();
    expect(mm.mem.usedFrames).toBe(before);
  });
  it('runs out with ENOMEM behaviour, not with a crash', () => {
    const mm = space(1);
    const a = map(mm, 64 << 20);
    expect(mm.write(BigInt(a), new Uint8Array(2 << 20))).toBe(false);
    expect(mm.lastFault?.kind).toBe('oom');
  });
});

describe('mmap', () => {
  it('places mappings downwards and honours a free hint', () => {
    const mm = space();
    const a = map(mm, PAGE);
    const b = map(mm, PAGE);
    expect(b).toBe(a - PAGE);
    const hint = 0x5000_0000;
    expect(map(mm, PAGE, { addr: hint })).toBe(hint);
    expect(map(mm, PAGE, { addr: hint })).toBe(b - PAGE);
  });
  it('replaces with MAP_FIXED, refuses with MAP_FIXED_NOREPLACE', () => {
    const mm = space();
    const a = map(mm, 4 * PAGE);
    put(mm, a + PAGE, 5);
    const again = { addr: a + PAGE, flags: ANON | Map_.MAP_FIXED };
    expect(map(mm, PAGE, { ...again, flags: ANON | Map_.MAP_FIXED_NOREPLACE })).toBe(-Errno.EEXIST);
    expect(get(mm, a + PAGE)).toBe(5);
    expect(map(mm, PAGE, again)).toBe(a + PAGE);
    expect(get(mm, a + PAGE)).toBe(0);
    expect(map(mm, PAGE, { addr: 0x1000, flags: ANON | Map_.MAP_FIXED })).toBe(-Errno.EPERM);
    expect(map(mm, PAGE, { addr: a + 1, flags: ANON | Map_.MAP_FIXED })).toBe(-Errno.EINVAL);
  });
  it('joins equal neighbours', () => {
    const mm = space();
    for (let i = 0; i < 50; i++) map(mm, PAGE);
    expect(mm.vmas.all.length).toBe(1);
  });
});

describe('mprotect', () => {
  it('splits, refuses accesses, and tells the two faults apart', () => {
    const mm = space();
    const a = map(mm, 3 * PAGE);
    put(mm, a + PAGE, 1);
    expect(mprotect(mm, a + PAGE, PAGE, 1)).toBe(0);
    expect(mm.vmas.all.length).toBe(3);
    expect(put(mm, a + PAGE, 2)).toBe(false);
    expect(mm.lastFault?.kind).toBe('accerr');
    expect(get(mm, a + PAGE)).toBe(1);
    expect(mprotect(mm, a + PAGE, PAGE, 0)).toBe(0);
    expect(get(mm, a + PAGE)).toBeUndefined();
    expect(mprotect(mm, a + PAGE, PAGE, RW)).toBe(0);
    expect(get(mm, a + PAGE)).toBe(1);
    expect(mm.vmas.all.length).toBe(1);
    expect(get(mm, a + 3 * PAGE)).toBeUndefined();
    expect(mm.lastFault?.kind).toBe('maperr');
  });
  it('answers ENOMEM at a hole, having changed what lies before it', () => {
    const mm = space();
    const a = map(mm, 3 * PAGE);
    munmap(mm, a + PAGE, PAGE);
    expect(mprotect(mm, a, 3 * PAGE, 1)).toBe(-Errno.ENOMEM);
    expect(put(mm, a, 1)).toBe(false);
    expect(put(mm, a + 2 * PAGE, 1)).toBe(true);
  });
});

describe('fork', () => {
  it('copies on write, both ways', () => {
    const mm = space();
    const a = map(mm, 2 * PAGE);
    put(mm, a, 1);
    const child = mm.fork();
    put(mm, a, 2);
    expect(get(child, a)).toBe(1);
    put(child, a, 3);
    expect(get(mm, a)).toBe(2);
    expect(get(child, a)).toBe(3);
    child.destroy();
    expect(get(mm, a)).toBe(2);
  });
  it('shares shared memory', () => {
    const mm = space();
    const pages = new PageStore(mm.mem, 2 * PAGE);
    const a = mmap(mm, {
      addr: 0,
      length: 2 * PAGE,
      prot: RW,
      flags: Map_.MAP_SHARED,
      backing: shmemBacking(pages, '', 1),
    });
    const child = mm.fork();
    put(child, a + PAGE, 4);
    expect(get(mm, a + PAGE)).toBe(4);
  });
  it('tells listeners that frames may be copied now', () => {
    const mm = space();
    const a = map(mm, PAGE);
    put(mm, a, 1);
    const seen: [bigint, bigint][] = [];
    mm.onChange((s, e) => seen.push([s, e]));
    const first = mm.frame(BigInt(a), true);
    const child = mm.fork();
    expect(seen.length).toBeGreaterThan(0);
    expect(mm.frame(BigInt(a), false)).toBe(first);
    const second = mm.frame(BigInt(a), true);
    expect(second).not.toBe(first);
    expect(child.frame(BigInt(a), false)).toBe(first);
  });
});

describe('objects', () => {
  it('private mappings copy, shared ones do not; beyond the end is a bus error', () => {
    const mm = space();
    const pages = new PageStore(mm.mem, PAGE + 10);
    pages.write(0, Uint8Array.of(42));
    const backing = shmemBacking(pages, 'x', 1);
    const priv = mmap(mm, { addr: 0, length: 3 * PAGE, prot: RW, flags: Map_.MAP_PRIVATE, backing });
    const shared = mmap(mm, { addr: 0, length: 3 * PAGE, prot: RW, flags: Map_.MAP_SHARED, backing });
    expect(get(mm, priv)).toBe(42);
    put(mm, priv, 1);
    expect(get(mm, shared)).toBe(42);
    put(mm, shared, 2);
    expect(get(mm, priv)).toBe(1);
    expect(get(mm, shared + 2 * PAGE)).toBeUndefined();
    expect(mm.lastFault?.kind).toBe('adrerr');
  });
  it('a truncated page goes away from mappings', () => {
    const mm = space();
    const pages = new PageStore(mm.mem, 2 * PAGE);
    const a = mmap(mm, {
      addr: 0,
      length: 2 * PAGE,
      prot: RW,
      flags: Map_.MAP_SHARED,
      backing: shmemBacking(pages, '', 1),
    });
    put(mm, a + PAGE, 1);
    pages.resize(PAGE);
    expect(get(mm, a + PAGE)).toBeUndefined();
    pages.resize(2 * PAGE);
    expect(get(mm, a + PAGE)).toBe(0);
  });
});

describe('mremap', () => {
  it('grows in place or moves with the contents', () => {
    const mm = space();
    const a = map(mm, PAGE, { addr: 0x4000_0000 });
    put(mm, a, 5);
    expect(mremap(mm, a, PAGE, 3 * PAGE, 0, 0)).toBe(a);
    map(mm, PAGE, { addr: a + 3 * PAGE, prot: 1 });
    expect(mremap(mm, a, 3 * PAGE, 5 * PAGE, 0, 0)).toBe(-Errno.ENOMEM);
    const b = mremap(mm, a, 3 * PAGE, 5 * PAGE, Mremap.MREMAP_MAYMOVE, 0);
    expect(b).not.toBe(a);
    expect(get(mm, b)).toBe(5);
    expect(get(mm, a)).toBeUndefined();
    expect(mremap(mm, b, 5 * PAGE, PAGE, 0, 0)).toBe(b);
    expect(get(mm, b + PAGE)).toBeUndefined();
  });
});

describe('madvise', () => {
  it('MADV_DONTNEED makes pages new; unknown advice is refused', () => {
    const mm = space();
    const a = map(mm, 2 * PAGE);
    put(mm, a, 5);
    expect(madvise(mm, a, PAGE, Madvise.MADV_DONTNEED)).toBe(0);
    expect(get(mm, a)).toBe(0);
    expect(madvise(mm, a, PAGE, 5)).toBe(-Errno.EINVAL);
    expect(madvise(mm, a, 5 * PAGE, Madvise.MADV_DONTNEED)).toBe(-Errno.ENOMEM);
  });
});

describe('brk', () => {
  it('moves within the data limit and gives memory back', () => {
    const mm = space();
    mm.brkStart = mm.brk = 0x1000_0000;
    expect(brk(mm, 0, 1 << 30)).toBe(0x1000_0000);
    expect(brk(mm, 0x1000_0000 + 5000, 1 << 30)).toBe(0x1000_0000 + 5000);
    expect(put(mm, 0x1000_0000 + 8191, 1)).toBe(true);
    expect(brk(mm, 0x1000_0000, 1 << 30)).toBe(0x1000_0000);
    expect(get(mm, 0x1000_0000)).toBeUndefined();
    expect(brk(mm, 0x1000_0000 + 5000, 100)).toBe(0x1000_0000);
  });
});

describe('the stack', () => {
  it('grows down to its limit', () => {
    const mm = space();
    const top = 0x7000_0000;
    mmap(mm, { addr: top - PAGE, length: PAGE, prot: RW, flags: ANON | Map_.MAP_FIXED | Map_.MAP_GROWSDOWN });
    expect(put(mm, top - 20 * PAGE, 1)).toBe(true);
    expect(put(mm, top - (2 << 20), 1)).toBe(false);
  });
});

describe('pages of a file', () => {
  const SIZE = 20 * PAGE + 100;
  /** A file whose bytes are the numbers of their pages, and what is asked of it. */
  const file = (megabytes = 1) => {
    const asked: [offset: number, length: number][] = [];
    const fill = (offset: number, out: Uint8Array): void => {
      asked.push([offset, out.length]);
      for (let i = 0; i < out.length; i++) out[i] = Math.floor((offset + i) / PAGE) + 1;
    };
    const mem = new PhysMem(megabytes);
    return { mem, asked, pages: new PageStore(mem, SIZE, { fill }) };
  };

  it('come with those around them, between two boundaries', () => {
    const { mem, asked, pages } = file();
    const first = (index: number) => mem.u8[pages.frame(index)! * PAGE];
    expect([3, 15, 7, 17, 20].map(first)).toEqual([4, 16, 8, 18, 21]);
    expect(asked).toEqual([
      [0, 16 * PAGE],
      [16 * PAGE, 4 * PAGE],
      [20 * PAGE, 100],
    ]);
    expect(mem.u8[pages.frame(20)! * PAGE + 100], 'beyond the end').toBe(0);
  });
  it('come with those after them where they are to stand in a row', () => {
    const { asked, pages } = file();
    const frame = pages.frame(3, 100);
    expect([frame, pages.frame(4), pages.has(2)]).toEqual([100, 101, false]);
    expect(asked).toEqual([[3 * PAGE, 13 * PAGE]]);
  });
  it('come into frames that do not stand in a row', () => {
    const { mem, pages } = file();
    const some = [mem.allocFrame(), mem.allocFrame(), mem.allocFrame(), mem.allocFrame()];
    for (const frame of [some[0]!, some[2]!]) mem.unref(frame);
    expect([3, 4, 12].map((index) => mem.u8[pages.frame(index)! * PAGE])).toEqual([4, 5, 13]);
  });
  it('are read together where they are not in memory', () => {
    const { asked, pages } = file();
    pages.write(18 * PAGE, new Uint8Array([77]));
    asked.length = 0;
    const out = new Uint8Array(3 * PAGE).fill(9);
    expect(pages.read(15 * PAGE, out)).toBe(out.length);
    expect([out[0], out[PAGE], out[2 * PAGE]]).toEqual([16, 17, 18]);
    expect(pages.read(14 * PAGE + 10, out)).toBe(out.length);
    expect(asked).toEqual([
      [15 * PAGE, PAGE],
      [14 * PAGE + 10, 2 * PAGE - 10],
    ]);
  });
  it('come alone where there is little memory', () => {
    const { mem, asked, pages } = file();
    while (mem.frames - mem.usedFrames > 20) mem.allocFrame();
    pages.frame(3);
    expect(asked).toEqual([[3 * PAGE, PAGE]]);
  });
});
