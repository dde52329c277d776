// guest_memfd: sizes and flags, who may map it, binding it to slots, giving pages back.

import { describe, expect, test } from 'vitest';
import { Program, testKvm } from '../../test/kit/program.ts';
import { Errno, type SharedPages } from '../base/hostfile.ts';
import { GUEST_MEMFD_FLAG, KVM_MEM } from '../uapi/index.ts';

const { MMAP, INIT_SHARED } = GUEST_MEMFD_FLAG;
const BOTH = BigInt(MMAP | INIT_SHARED);
const [KEEP_SIZE, PUNCH_HOLE] = [1, 2];

const create = (p: Program, vm: number, size: bigint, flags = BOTH): number | string =>
  p.give(vm, 'KVM_CREATE_GUEST_MEMFD', 'kvm_create_guest_memfd', { size, flags });
const bind = (p: Program, vm: number, guest_memfd: number, at: Partial<Record<'slot' | 'pages' | 'offset', number>> = {}): unknown => {
  const { slot = 0, pages = 4, offset = 0 } = at;
  const where = { guest_phys_addr: BigInt(slot) << 24n, memory_size: BigInt(pages) << 12n };
  const backed = { flags: KVM_MEM.GUEST_MEMFD, guest_memfd, guest_memfd_offset: BigInt(offset) };
  return p.give(vm, 'KVM_SET_USER_MEMORY_REGION2', 'kvm_userspace_memory_region2', { slot, ...where, ...backed });
}; // biome-ignore format: one request

describe('guest_memfd', () => {
  test('sizes and flags', () => {
    const p = new Program();
    const vm = p.vm();
    for (const size of [0n, 0x1001n, 1n << 63n]) expect(create(p, vm, size)).toBe('EINVAL');
    expect(create(p, vm, 0x1000n, 4n)).toBe('EINVAL');
    expect(typeof create(p, vm, 0x1000n, 0n)).toBe('number');
  });

  test('mapping: shared only, where the file allows it, and what the program writes stays', () => {
    const p = new Program();
    const vm = p.vm();
    const plain = create(p, vm, 0x4000n, 0n) as number;
    expect(p.process.mmap(plain, 0x4000)).toBe(BigInt(-Errno.ENODEV));
    const fd = create(p, vm, 0x4000n) as number;
    expect(p.process.mmap(fd, 0x4000, 0n, 3, false)).toBe(BigInt(-Errno.EINVAL));
    const [a, b] = [p.process.mmap(fd, 0x4000), p.process.mmap(fd, 0x1000, 0x1000n)];
    p.process.memory.write(a + 0x1000n, Uint8Array.of(7));
    expect(p.read(b, 1)).toEqual(Uint8Array.of(7));
    const beyond = p.process.getFile(fd)?.mmap?.(0x3000n, 0x2000n, true, 3) as SharedPages;
    expect([typeof beyond.frame(0), beyond.frame(1)]).toEqual(['number', undefined]);
    const hidden = create(p, vm, 0x1000n, BigInt(MMAP)) as number; // mappable, but private to the guest
    const unseen = p.process.getFile(hidden)?.mmap?.(0n, 0x1000n, true, 3) as SharedPages;
    expect(unseen.frame(0)).toBeUndefined();
  });

  test('holes: pages go away, mappings are told first', () => {
    const p = new Program();
    const fd = create(p, p.vm(), 0x4000n) as number;
    const file = p.process.getFile(fd)!;
    const before = p.shared.mem.usedFrames;
    expect(file.fallocate?.(KEEP_SIZE, 0n, 0x4000n)).toBe(0);
    expect(p.shared.mem.usedFrames).toBe(before + 4);
    const told: number[][] = [];
    const mapping = file.mmap?.(0x1000n, 0x3000n, true, 3) as SharedPages;
    mapping.onZap?.((first, count) => told.push([first, count]));
    expect(file.fallocate?.(KEEP_SIZE | PUNCH_HOLE, 0n, 0x2000n)).toBe(0);
    expect([told, p.shared.mem.usedFrames]).toEqual([[[0, 1]], before + 2]);
    expect(file.fallocate?.(PUNCH_HOLE, 0n, 0x1000n)).toBe(-Errno.EOPNOTSUPP);
    expect(file.fallocate?.(KEEP_SIZE, 0x800n, 0x1000n)).toBe(-Errno.EINVAL);
    expect(file.fallocate?.(KEEP_SIZE, 0x4000n, 0x1000n)).toBe(-Errno.EINVAL);
    p.close(fd);
    expect(p.shared.mem.usedFrames).toBeLessThanOrEqual(before);
  });

  test('binding: once each page, within the file, in its own VM', () => {
    const p = new Program(testKvm());
    const [vm, other] = [p.vm(), p.vm()];
    const fd = create(p, vm, 0x4000n) as number;
    expect(bind(p, other, fd)).toBe('EINVAL');
    expect(bind(p, vm, vm)).toBe('EINVAL');
    expect(bind(p, vm, 99)).toBe('EBADF');
    expect(bind(p, vm, fd, { pages: 5 })).toBe('EINVAL');
    expect(bind(p, vm, fd, { pages: 2, offset: 0x800 })).toBe('EINVAL');
    expect(bind(p, vm, fd, { pages: 2 })).toBe(0);
    expect(bind(p, vm, fd, { slot: 1, pages: 2, offset: 0x1000 })).toBe('EEXIST');
    expect(bind(p, vm, fd, { slot: 1, pages: 2, offset: 0x2000 })).toBe(0);
    expect(bind(p, vm, fd, { pages: 2 })).toBe('EINVAL'); // such a slot never changes
    expect(p.memory(vm, 0, 0, 0)).toBe(0);
    expect(bind(p, vm, fd, { slot: 2, pages: 2 })).toBe(0);
    p.close(fd); // the slots stay, with nothing behind them
    expect(p.memory(vm, 2, 0, 0)).toBe(0);
    expect(bind(p, vm, create(p, vm, 0x1000n, 0n) as number, { slot: 3, pages: 1 })).toBe('EINVAL'); // arm64: mappable only
  }); // biome-ignore format: one line each
});
