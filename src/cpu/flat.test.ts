import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowHalf } from '../base/bits.ts';
import { FLAT_MASK, FLAT_SHIFT, FlatPages, flatFrame } from './flat.ts';
import { PhysMem } from './physmem.ts';
import { SoftTlb } from './tlb.ts';

const none = { translate: () => ({ ok: false, ec: 0x24, iss: 7, far: 0n }) as const };
const TABLES = ['read', 'write'] as const;

function machine() {
  const mem = new PhysMem(32);
  const flat = new FlatPages(mem);
  const space = () => new SoftTlb(mem, none, undefined, flat);
  /** What compiled code does. */
  const known = (va: bigint, table: (typeof TABLES)[number], size = 1): boolean => {
    const at = flat.tables[TABLES.indexOf(table)]! + (((lowHalf(va) >>> FLAT_SHIFT) & FLAT_MASK) >>> 0);
    return BigInt.asUintN(64, ~(mem.u64[at >>> 3]! - va)) <= BigInt(4096 - size);
  };
  return { mem, flat, space, known };
}
const place = (va: bigint): number => flatFrame(lowHalf(va));

describe('flat pages', () => {
  it('are those that stand where their addresses say', () => {
    const { space, known } = machine();
    const tlb = space();
    const va = 0xffff_f7ff_0000n;
    tlb.fillData('read', va, place(va));
    expect(known(va, 'read')).toBe(false); // nobody has asked for it
    expect(tlb.takeFlat()).toBe(true);
    tlb.fillData('read', va + 8n, place(va));
    expect([known(va, 'read'), known(va, 'write'), known(va + 0x1000n, 'read')]).toEqual([true, false, false]);
    expect([known(va + 0xff8n, 'read', 8), known(va + 0xff9n, 'read', 8)]).toEqual([true, false]);
    expect(known(va - (1n << 32n), 'read')).toBe(false);
    tlb.fillData('write', va + 0x2000n, place(va));
    expect(known(va + 0x2000n, 'write')).toBe(false);
  });
  it('are of one address space at a time', () => {
    const { space, known } = machine();
    const [a, b] = [space(), space()];
    expect([a.takeFlat(), b.takeFlat()]).toEqual([true, false]);
    const va = 0x40_0000n;
    b.fillData('read', va, place(va));
    expect(known(va, 'read')).toBe(false);
    a.fillData('read', va, place(va));
    b.leaveFlat();
    expect(known(va, 'read')).toBe(true);
    a.leaveFlat();
    expect([known(va, 'read'), b.takeFlat()]).toEqual([false, true]);
    for (const nothing of [0n, 1n, 0x1000n, 0x1001n, 0x1fffn, 0x2000n, 0x2001n, 0xffff_0000_1000n, 0xffff_ffff_f000n])
      expect(known(nothing, 'read'), nothing.toString(16)).toBe(false);
  });
  it('are forgotten as the TLB forgets, and nothing else but what lies in their place', () => {
    const pages = fc.record({
      page: fc.integer({ min: 2, max: 1200 }),
      high: fc.constantFrom(0n, 0xffffn, 0x5a00_0000n),
    });
    const step = fc.oneof(
      fc.record({ fill: pages, table: fc.constantFrom(...TABLES), home: fc.boolean() }),
      fc.record({ flush: pages, count: fc.constantFrom(1, 2, 511, 512, 600) }),
      fc.record({ all: fc.constant(true) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { space, known } = machine();
        const tlb = space();
        tlb.takeFlat();
        const va = (p: { page: number; high: bigint }): bigint => (p.high << 32n) | BigInt(p.page * 4096);
        /** By place: the high half that is known there, for each table. */
        const model = new Map<string, bigint>();
        for (const s of steps) {
          if ('all' in s) {
            tlb.flush();
            model.clear();
          } else if ('fill' in s) {
            tlb.fillData(s.table, va(s.fill), s.home ? s.fill.page : s.fill.page + 1);
            if (s.home) model.set(`${s.table} ${s.fill.page}`, s.fill.high);
          } else {
            const from = va(s.flush);
            tlb.flush(from, from + BigInt(s.count * 4096));
            for (const table of TABLES) {
              for (let i = 0; i < s.count; i++) {
                const key = `${table} ${s.flush.page + i}`;
                const high = model.get(key);
                const same = high !== undefined && Number((high ^ s.flush.high) & 0xff_ffffn) === 0;
                if (same || s.count >= 512) model.delete(key);
              }
            }
          }
          for (const table of TABLES) {
            for (let page = 1; page < 1900; page++) {
              const high = model.get(`${table} ${page}`);
              for (const h of [0n, 0xffffn, 0x5a00_0000n])
                if (known(va({ page, high: h }), table) !== (high === h))
                  expect.fail(`${table} ${page} ${h} after ${steps.indexOf(s)}`);
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
