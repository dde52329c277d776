// KVM_SET_USER_MEMORY_REGION: what is refused with what; a slot's life; speed with the largest table.

import { describe, expect, test } from 'vitest';
import { Program } from '../../test/kit/program.ts';
import { KVM_CAP, KVM_MEM } from '../uapi/index.ts';

const { LOG_DIRTY_PAGES, READONLY, GUEST_MEMFD } = KVM_MEM;
const G = 2n ** 30n;

describe('KVM_SET_USER_MEMORY_REGION', () => {
  const p = new Program();
  const refused: readonly [string, () => unknown, string][] = [
    ['slot 32767', () => p.memory(p.vm(), 32767, 0, 4096), 'EINVAL'],
    ['a second address space', () => p.memory(p.vm(), 0x10000, 0, 4096), 'EINVAL'],
    ['an unknown flag', () => p.memory(p.vm(), 0, 0, 4096, 8), 'EINVAL'],
    ['a guest_memfd without its second structure', () => p.memory(p.vm(), 0, 0, 4096, GUEST_MEMFD), 'EINVAL'],
    ['half a page of size', () => p.memory(p.vm(), 0, 0, 2048), 'EINVAL'],
    ['half a page of address', () => p.memory(p.vm(), 0, 2048, 4096), 'EINVAL'],
    ['half a page of program address', () => p.memory(p.vm(), 0, 0, 4096, 0, 0x800n), 'EINVAL'],
    ['an address that is not the program’s', () => p.memory(p.vm(), 0, 0, 4096, 0, 2n ** 52n), 'EINVAL'],
    ['an address with a tag', () => p.memory(p.vm(), 0, 0, 4096, 0, 0x0100_0000_1000_0000n), 'EINVAL'],
    ['guest addresses that wrap', () => p.memory(p.vm(), 0, 2n ** 64n - 4096n, 4096), 'EINVAL'],
    ['guest addresses beyond the VM', () => p.memory(p.vm(32), 0, 4n * G - 4096n, 8192), 'EFAULT'],
    ['more than 2^31 - 1 pages', () => p.memory(p.vm(52), 0, 0, 2n ** 43n), 'EINVAL'],
    ['deleting what is not there', () => p.memory(p.vm(), 0, 0, 0), 'EINVAL'],
  ];
  test.each(refused)('%s', (_what, ask, errno) => expect(ask()).toBe(errno));

  test('a slot may move and change its log, nothing else', () => {
    const vm = p.vm();
    expect(p.memory(vm, 1, G, G)).toBe(0);
    expect(p.memory(vm, 1, G, G)).toBe(0); // nothing changes
    expect(p.memory(vm, 1, G, G, LOG_DIRTY_PAGES)).toBe(0);
    expect(p.memory(vm, 1, G, 2n * G)).toBe('EINVAL');
    expect(p.memory(vm, 1, G, G, READONLY)).toBe('EINVAL');
    expect(p.memory(vm, 1, G, G, 0, 0x2000_0000n)).toBe('EINVAL');
    expect(p.memory(vm, 2, G, 4096)).toBe('EEXIST');
    expect(p.memory(vm, 1, 4n * G, G)).toBe(0);
    expect(p.memory(vm, 2, G, 4096)).toBe(0);
    expect(p.memory(vm, 2, 5n * G - 4096n, 4096)).toBe('EEXIST');
    expect(p.memory(vm, 1, 0, 0)).toBe(0);
    expect(p.memory(vm, 2, 5n * G - 4096n, 4096)).toBe(0);
    p.close(vm);
  });

  test('a slot may overlap its own former place', () => {
    const vm = p.vm();
    p.memory(vm, 0, 0, 0x4000);
    expect(p.memory(vm, 0, 0x2000, 0x4000)).toBe(0);
    expect(p.memory(vm, 1, 0, 0x2000)).toBe(0);
    expect(p.memory(vm, 0, 0x1000, 0x4000)).toBe('EEXIST');
  });

  test('32,767 slots of 2 MiB', () => {
    const vm = p.vm();
    const n = 32767;
    expect(p.check(vm, KVM_CAP.NR_MEMSLOTS)).toBe(n);
    const size = 2 << 20;
    let failed = 0;
    for (let i = 0; i < n; i++) if (p.memory(vm, i, BigInt(i * size), size) !== 0) failed++;
    expect(failed).toBe(0);
    expect(p.memory(vm, n, BigInt(n * size), size)).toBe('EINVAL');
    expect(p.memory(vm, 5, BigInt(6 * size), size)).toBe('EEXIST');
  }, 20_000);
});
