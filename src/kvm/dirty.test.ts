// Dirty logs by bitmap and by ring: what the program reads, clears and collects. Writes are told by markDirty, as the
// memory of a running guest tells them.

import { describe, expect, test, vi } from 'vitest';
import { Program } from '../../test/kit/program.ts';
import { PhysMem } from '../cpu/physmem.ts';
import { decode, KVM_CAP, KVM_DIRTY_GFN, KVM_DIRTY_LOG, KVM_MEM, structs } from '../uapi/index.ts';
import { DirtyRing, markDirty } from './dirty.ts';
import type { Vm } from './vm.ts';

const LOG = KVM_MEM.LOG_DIRTY_PAGES;
const BASE = 0x4000_0000n;
const GFN = Number(BASE >> 12n);

class Log {
  readonly p = new Program();
  readonly fd: number;
  readonly vm: Vm;
  readonly bitmap = this.p.process.memory.allocate(4096);

  /** @param pages of slot 0 */
  constructor(pages: number, manual?: number) {
    [this.fd, this.vm] = this.p.openVm();
    if (manual !== undefined) this.p.cap(this.fd, KVM_CAP.MANUAL_DIRTY_LOG_PROTECT2, BigInt(manual));
    expect(this.p.memory(this.fd, 0, BASE, pages * 4096, LOG)).toBe(0);
  }
  write(...pages: number[]): void {
    for (const page of pages) markDirty(this.vm, this.vm.slots.at(GFN + page)!, GFN + page, undefined);
  }
  get(slot = 0): unknown {
    const r = this.p.give(this.fd, 'KVM_GET_DIRTY_LOG', 'kvm_dirty_log', { slot, dirty_bitmap: this.bitmap });
    if (r !== 0) return r;
    const bytes = this.p.read(this.bitmap, 64);
    return Array.from({ length: 512 }, (_, i) => i).filter((i) => (bytes[i >> 3]! >> (i & 7)) & 1);
  }
  clear(first_page: bigint, num_pages: number, ...pages: number[]): unknown {
    const bytes = new Uint8Array(64);
    for (const i of pages) bytes[i >> 3]! |= 1 << (i & 7);
    this.p.process.memory.write(this.bitmap, bytes);
    const dirty_bitmap = this.bitmap;
    return this.p.give(this.fd, 'KVM_CLEAR_DIRTY_LOG', 'kvm_clear_dirty_log', { first_page, num_pages, dirty_bitmap });
  }
}

describe('bitmaps', () => {
  test('reading clears', () => {
    const log = new Log(100);
    log.write(0, 7, 8, 99);
    expect(log.get()).toEqual([0, 7, 8, 99]);
    expect(log.get()).toEqual([]);
  });
  test('by hand, only clearing clears', () => {
    const log = new Log(100, KVM_DIRTY_LOG.MANUAL_PROTECT_ENABLE);
    log.write(1, 2, 70);
    expect(log.get()).toEqual([1, 2, 70]);
    expect(log.clear(0n, 64, 2, 3)).toBe(0);
    expect(log.get()).toEqual([1, 70]);
    expect(log.clear(64n, 36, 6)).toBe(0); // bits count from first_page
    expect(log.get()).toEqual([1]);
  });
  test('initially set: all of the slot and nothing more', () => {
    const log = new Log(67, KVM_DIRTY_LOG.MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG.INITIALLY_SET);
    expect(log.get()).toEqual(Array.from({ length: 67 }, (_, i) => i));
  });
  test('what is refused', () => {
    const log = new Log(100);
    expect(log.get(1)).toBe('ENOENT');
    expect(log.get(32767)).toBe('EINVAL');
    expect(log.get(0x10000)).toBe('EINVAL');
    expect(log.clear(1n, 64)).toBe('EINVAL'); // not a multiple of 64
    expect(log.clear(0n, 65)).toBe('EINVAL'); // neither that, nor up to the end
    expect(log.clear(64n, 37)).toBe('EINVAL'); // beyond the end
    expect(log.clear(128n, 0)).toBe('EINVAL');
    expect(log.clear(64n, 36)).toBe(0);
    expect(log.p.memory(log.fd, 0, BASE, 100 * 4096)).toBe(0);
    expect(log.get()).toBe('ENOENT'); // logged no longer
  });
  test('a log that goes on keeps what it had', () => {
    const log = new Log(100);
    log.write(5);
    expect(log.p.memory(log.fd, 0, BASE + 0x10_0000n, 100 * 4096, LOG)).toBe(0); // the slot moves
    expect(log.get()).toEqual([5]);
  });
});

describe('rings', () => {
  const entries = 4096 / structs.kvm_dirty_gfn.size;

  test('the program sees, collects and returns entries', () => {
    const p = new Program();
    const [fd, vm] = p.openVm();
    expect(p.ioctl(fd, 'KVM_RESET_DIRTY_RINGS')).toBe('EINVAL');
    expect(p.cap(fd, KVM_CAP.DIRTY_LOG_RING_ACQ_REL, 3000n)).toBe('EINVAL');
    expect(p.cap(fd, KVM_CAP.DIRTY_LOG_RING_ACQ_REL, 4096n)).toBe(0);
    expect(p.cap(fd, KVM_CAP.DIRTY_LOG_RING_ACQ_REL, 4096n)).toBe('EINVAL'); // once
    const vcpu = p.vcpu(fd);
    expect(p.memory(fd, 3, BASE, 0x10_0000, LOG)).toBe(0);
    expect(p.give(fd, 'KVM_GET_DIRTY_LOG', 'kvm_dirty_log', { slot: 3 })).toBe('ENXIO');
    expect(p.process.mmap(vcpu, 4096, 64n << 12n, 7)).toBe(-22n); // not executable
    expect(p.process.mmap(vcpu, 4096, 64n << 12n, 3, false)).toBe(-22n); // not private
    const ring = p.process.mmap(vcpu, 4096, 64n << 12n);
    const slot = vm.slots.byId(3)!;
    const gfns = (): unknown[] =>
      [0, 1, 2].map((i) => decode(structs.kvm_dirty_gfn, p.read(ring + BigInt(i * structs.kvm_dirty_gfn.size), 16)));
    markDirty(vm, slot, GFN + 9, vm.vcpus[0]);
    markDirty(vm, slot, GFN + 200, vm.vcpus[0]);
    const { DIRTY, RESET } = KVM_DIRTY_GFN;
    expect(gfns()).toEqual([
      { flags: DIRTY, slot: 3, offset: 9n },
      { flags: DIRTY, slot: 3, offset: 200n },
      { flags: 0, slot: 0, offset: 0n },
    ]);
    expect(p.ioctl(fd, 'KVM_RESET_DIRTY_RINGS')).toBe(0);
    const protect = vi.spyOn(vm.stage2, 'writeProtect');
    p.process.memory.write(ring, Uint8Array.of(DIRTY | RESET));
    expect(p.ioctl(fd, 'KVM_RESET_DIRTY_RINGS')).toBe(1);
    expect(protect.mock.calls).toEqual([[GFN + 9, 1]]);
    expect(gfns()[0]).toEqual({ flags: 0, slot: 3, offset: 9n });
  });

  test('full where 64 entries are left, and round and round', () => {
    const mem = new PhysMem(4);
    const ring = new DirtyRing(mem, 4096);
    const collect = (n: number, from: number): void => {
      for (let i = 0; i < n; i++)
        mem.view.setUint32(ring.frames[0]! * 4096 + ((from + i) % entries) * 16, KVM_DIRTY_GFN.RESET, true);
    };
    let next = 0;
    for (let round = 0; round < 5; round++) {
      while (!ring.softFull) ring.push(0, BigInt(next++));
      expect(next - round * 100).toBe(entries - 64);
      collect(100, round * 100);
      const seen: bigint[] = [];
      expect(ring.reset((_slot, page) => seen.push(page))).toBe(100);
      expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => BigInt(round * 100 + i)));
    }
  });
});
