// The sorted chunks of memory slots against a plain list, and the largest table in little time.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MemSlot, MemSlots } from './memslots.ts';

const slot = (id: number, baseGfn: number, pages: number, hva = 0n): MemSlot => ({
  id,
  baseGfn,
  pages,
  hva,
  flags: 0,
  gmem: undefined,
  dirty: undefined,
});
const overlap = (a: MemSlot, start: number, end: number): boolean => a.baseGfn < end && start < a.baseGfn + a.pages;

describe('MemSlots', () => {
  test('finds, inserts and removes like a list', () => {
    const op = fc.record({ id: fc.nat(60), baseGfn: fc.nat(300), pages: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 400 }), (ops) => {
        const slots = new MemSlots();
        let list: MemSlot[] = [];
        for (const { id, baseGfn, pages } of ops) {
          const end = baseGfn + pages;
          const others = list.filter((s) => s.id !== id);
          const meets = others.some((s) => overlap(s, baseGfn, end));
          expect(slots.overlaps(baseGfn, end, id)).toBe(meets);
          const old = slots.byId(id);
          expect(old).toBe(list.find((s) => s.id === id));
          if (old) slots.remove(old);
          list = others;
          if (!meets) {
            const s = slot(id, baseGfn, pages);
            slots.insert(s);
            list.push(s);
          }
          for (const gfn of [baseGfn - 1, baseGfn, end - 1, end])
            expect(slots.at(gfn)).toBe(list.find((s) => overlap(s, gfn, gfn + 1)));
          expect(slots.size).toBe(list.length);
        }
        expect([...slots.all()].sort((a, b) => a.baseGfn - b.baseGfn)).toEqual(
          list.sort((a, b) => a.baseGfn - b.baseGfn),
        );
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  test('many chunks: all 32,767 slots, in an unhelpful order', () => {
    const slots = new MemSlots();
    const n = 32767;
    const order = Array.from({ length: n }, (_, i) => (i * 7919) % n);
    let wrong = 0;
    const hold = (holds: boolean): void => void (holds || wrong++);
    for (const i of order) {
      hold(!slots.overlaps(i * 512, i * 512 + 512, i));
      slots.insert(slot(i, i * 512, 512, BigInt(i) << 21n));
    }
    for (const i of order) {
      hold(slots.at(i * 512 + 511)?.id === i);
      hold(!slots.overlaps(i * 512, i * 512 + 1, i));
      hold(slots.overlaps(i * 512, i * 512 + 513, i) === (i !== n - 1));
    }
    expect(wrong).toBe(0);
    for (const i of order) slots.remove(slots.byId(i)!);
    expect([slots.size, slots.at(0)]).toEqual([0, undefined]);
  });

  test('finds the slots that show a piece of memory, shared or not', () => {
    const op = fc.record({
      id: fc.nat(40),
      pages: fc.integer({ min: 1, max: 70 }),
      page: fc.nat(200),
      start: fc.nat(280),
      count: fc.integer({ min: 1, max: 90 }),
    });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 200 }), (ops) => {
        const slots = new MemSlots();
        for (const { id, pages, page, start, count } of ops) {
          const old = slots.byId(id);
          if (old) slots.remove(old);
          else slots.insert(slot(id, id * 100, pages, BigInt(page) << 12n));
          const seen: string[] = [];
          slots.inMemory(start, start + count, (s, first, n) => void seen.push(`${s.id}: ${first} + ${n}`));
          const wanted: string[] = [];
          for (const s of slots.all()) {
            const shown = Array.from({ length: s.pages }, (_, i) => i).filter((i) => {
              const at = Number(s.hva >> 12n) + i;
              return at >= start && at < start + count;
            });
            if (shown.length > 0) wanted.push(`${s.id}: ${shown[0]} + ${shown.length}`);
          }
          expect(seen.sort()).toEqual(wanted.sort());
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  test('remembers the last one found, but not beyond its end', () => {
    const slots = new MemSlots();
    const a = slot(1, 10, 5);
    slots.insert(a);
    expect([slots.at(14), slots.at(15), slots.at(9)]).toEqual([a, undefined, undefined]);
    slots.remove(a);
    expect(slots.at(12)).toBeUndefined();
  });
});
