import { describe, expect, it } from 'vitest';
import { PhysMem } from './physmem.ts';
import { DATA_ENTRIES, ENTRY_SIZE, ENTRY_VALUE, SoftTlb, TlbTable } from './tlb.ts';

const none = { translate: () => ({ ok: false, ec: 0x24, iss: 7, far: 0n }) as const };

/** What compiled code does: the host address, or undefined for a miss. */
function probe(mem: PhysMem, tlb: SoftTlb, table: 'read' | 'write', va: bigint, size: number): number | undefined {
  const index = Number((va >> 12n) & BigInt(DATA_ENTRIES - 1));
  const entry = tlb.base + TlbTable[table] + index * ENTRY_SIZE;
  if ((mem.u64[entry >>> 3]! ^ va) > BigInt(4096 - size)) return undefined;
  return (Number(BigInt.asIntN(32, va)) + mem.i32[(entry + ENTRY_VALUE) >>> 2]!) >>> 0;
}

describe('the software TLB', () => {
  it('is empty at first, for all addresses', () => {
    const mem = new PhysMem(16);
    const tlb = new SoftTlb(mem, none);
    for (const va of [0n, 0x1000n, 0x3ff000n, 0x400000n, (1n << 64n) - 0x1000n, 0x0000_1000_0000_0000n]) {
      expect(probe(mem, tlb, 'read', va, 1)).toBeUndefined();
      expect(probe(mem, tlb, 'write', va, 1)).toBeUndefined();
    }
  });
  it('finds what was filled in, for accesses that stay in the page', () => {
    const mem = new PhysMem(16);
    const tlb = new SoftTlb(mem, none);
    for (const va of [0n, 0x7fff_ffff_f000n, 0xffff_8000_1234_5000n, 0xb4aa_bbbb_cccc_d000n]) {
      const frame = mem.allocFrame();
      tlb.fillData('read', va + 0x123n, frame);
      expect(probe(mem, tlb, 'read', va + 0x18n, 8)).toBe(frame * 4096 + 0x18);
      expect(probe(mem, tlb, 'read', va + 0xff8n, 8)).toBe(frame * 4096 + 0xff8);
      expect(probe(mem, tlb, 'read', va + 0xff9n, 8)).toBeUndefined();
      expect(probe(mem, tlb, 'write', va, 8)).toBeUndefined();
      expect(probe(mem, tlb, 'read', va + 0x1000n, 1)).toBeUndefined();
    }
  });
  it('forgets pages by their tag, altogether or only for writes', () => {
    const mem = new PhysMem(16);
    const tlb = new SoftTlb(mem, none);
    const [a, b] = [0x41000n, 0x7fff_0004_2000n];
    for (const table of ['read', 'write'] as const) {
      tlb.fillData(table, a, 5, 100);
      tlb.fillData(table, b, 6, 101);
    }
    tlb.fillData('read', 0x43000n, 7);
    const found = (): (number | undefined)[] =>
      [a, b].flatMap((va) => [probe(mem, tlb, 'read', va, 1), probe(mem, tlb, 'write', va, 1)]);
    tlb.flushTagged(102, 2 ** 40, false);
    expect(found()).toEqual([5 * 4096, 5 * 4096, 6 * 4096, 6 * 4096]);
    tlb.flushTagged(101, 102, true);
    expect(found()).toEqual([5 * 4096, 5 * 4096, 6 * 4096, undefined]);
    tlb.flushTagged(0, 101, false);
    expect(found()).toEqual([undefined, undefined, 6 * 4096, undefined]);
    tlb.fillData('read', a, 8); // another translator's: no tag
    tlb.flushTagged(0, 2 ** 40, false);
    expect(found()).toEqual([8 * 4096, undefined, undefined, undefined]);
    expect(probe(mem, tlb, 'read', 0x43000n, 1)).toBe(7 * 4096);
  });
  it('forgets everything, be it little or much, again and again', () => {
    const mem = new PhysMem(16);
    const tlb = new SoftTlb(mem, none);
    for (const pages of [3, 5000, 1, 127, 128, 129, 2]) {
      const all = Array.from({ length: pages }, (_, i) => BigInt(i * 0x7000));
      for (const va of all) tlb.fillData('read', va, 5);
      expect(probe(mem, tlb, 'read', all.at(-1)!, 1)).toBe(5 * 4096);
      tlb.flush();
      expect(all.filter((va) => probe(mem, tlb, 'read', va, 1) !== undefined)).toEqual([]);
    }
  });
  it('forgets ranges, under all names of a page, and everything', () => {
    const mem = new PhysMem(16);
    const tlb = new SoftTlb(mem, none);
    const tagged = 0x5a00_0000_0004_0000n;
    tlb.fillData('read', tagged, 5);
    tlb.fillData('read', 0x41000n, 6);
    tlb.flush(0x40000n, 0x41000n);
    expect(probe(mem, tlb, 'read', tagged, 1)).toBeUndefined();
    expect(probe(mem, tlb, 'read', 0x41000n, 1)).toBe(6 * 4096);
    tlb.flush();
    expect(probe(mem, tlb, 'read', 0x41000n, 1)).toBeUndefined();
  });
});
