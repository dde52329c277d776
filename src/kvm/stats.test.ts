// The statistics files: header, name, descriptors and data, as kvm_binary_stats_test and its kind read them.

import { describe, expect, test } from 'vitest';
import { Program } from '../../test/kit/program.ts';
import { decode, structs } from '../uapi/index.ts';
import { VCPU_STATS, VM_STATS } from './stats.ts';

const HEAD = structs.kvm_stats_header;
const DESC = structs.kvm_stats_desc;
const text = (b: Uint8Array): string => String.fromCharCode(...b.subarray(0, b.indexOf(0)));

function open(p: Program, fd: number): Uint8Array {
  const file = p.process.getFile(p.fd(fd, 'KVM_GET_STATS_FD'))!;
  const all = new Uint8Array(8192);
  return all.subarray(0, file.pread?.(all, 0n));
}

describe('KVM_GET_STATS_FD', () => {
  const p = new Program();
  const [vmFd, vm] = p.openVm();
  const vcpuFd = p.vcpu(vmFd, 3, 'PSCI_0_2');

  test.each([
    ['VM', vmFd, 'kvm-1', VM_STATS, 216],
    ['vCPU', vcpuFd, 'kvm-1/vcpu-3', VCPU_STATS, 72 + 18 * 64 + (15 + 3 * 32) * 8],
  ] as const)('%s', (_what, fd, id, rows, size) => {
    const bytes = open(p, fd);
    expect(bytes.length).toBe(size);
    const head = decode(HEAD, bytes);
    const names = Object.keys(rows);
    expect(head).toEqual({
      flags: 0,
      name_size: 48,
      num_desc: names.length,
      id_offset: 24,
      desc_offset: 72,
      data_offset: 72 + names.length * 64,
    });
    expect(text(bytes.subarray(head.id_offset))).toBe(id);
    let end = 0;
    for (const [i, name] of names.entries()) {
      const desc = decode(DESC, bytes, head.desc_offset + i * DESC.size);
      expect([text(desc.name), desc.offset, desc.bucket_size]).toEqual([name, end, 0]);
      end += desc.size * 8;
    }
    expect(head.data_offset + end).toBe(bytes.length);
  });

  test('counters live in the file; reads go on where the last one ended', () => {
    const file = p.process.getFile(p.fd(vcpuFd, 'KVM_GET_STATS_FD'))!;
    vm.vcpus[0]!.stats.count('exits');
    vm.vcpus[0]!.stats.count('exits');
    const last = new Uint8Array(8);
    const size = open(p, vcpuFd).length;
    expect(file.pread?.(last, BigInt(size - 8))).toBe(8);
    expect(last[0]).toBe(2);
    expect(file.pread?.(last, BigInt(size))).toBe(0);
    expect(file.pread?.(last, BigInt(size - 4))).toBe(4);
    const parts = [24, 48, 8192].map((n) => file.read?.(new Uint8Array(n), p.process));
    expect(parts).toEqual([24, 48, size - 72]);
    expect(file.read?.(last, p.process)).toBe(0);
  });
});
