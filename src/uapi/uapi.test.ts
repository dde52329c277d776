import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  as, decode, describeIoctl, encode, formatStruct, type IOCTLS, KVM, KVM_ARM_VCPU, offsetOf, patch, regClass, regId, regIndex, regSize,
  struct, structs, sysregId,
} from './index.ts';

test('request numbers are the kernel ones', () => {
  // Recorded from a program compiled with the kernel's own headers.
  const recorded: Partial<Record<keyof typeof IOCTLS, number>> = {
    KVM_GET_API_VERSION: 0xae00, KVM_CREATE_VM: 0xae01, KVM_CHECK_EXTENSION: 0xae03, KVM_GET_VCPU_MMAP_SIZE: 0xae04,
    KVM_CREATE_VCPU: 0xae41, KVM_GET_DIRTY_LOG: 0x4010ae42, KVM_SET_USER_MEMORY_REGION: 0x4020ae46,
    KVM_SET_USER_MEMORY_REGION2: 0x40a0ae49, KVM_IRQ_LINE: 0x4008ae61, KVM_IRQFD: 0x4020ae76, KVM_IOEVENTFD: 0x4040ae79,
    KVM_RUN: 0xae80, KVM_SET_GUEST_DEBUG: 0x4208ae9b, KVM_GET_VCPU_EVENTS: 0x8040ae9f, KVM_ENABLE_CAP: 0x4068aea3,
    KVM_GET_ONE_REG: 0x4010aeab, KVM_SET_ONE_REG: 0x4010aeac, KVM_ARM_VCPU_INIT: 0x4020aeae,
    KVM_ARM_PREFERRED_TARGET: 0x8020aeaf, KVM_GET_REG_LIST: 0xc008aeb0, KVM_ARM_GET_REG_WRITABLE_MASKS: 0x8040aeb6,
    KVM_CLEAR_DIRTY_LOG: 0xc018aec0, KVM_ARM_VCPU_FINALIZE: 0x4004aec2, KVM_RESET_DIRTY_RINGS: 0xaec7,
    KVM_GET_STATS_FD: 0xaece, KVM_CREATE_GUEST_MEMFD: 0xc040aed4, KVM_CREATE_DEVICE: 0xc00caee0,
    KVM_SET_DEVICE_ATTR: 0x4018aee1, KVM_HAS_DEVICE_ATTR: 0x4018aee3,
  };
  for (const [name, cmd] of Object.entries(recorded)) expect(KVM[name as keyof typeof KVM].toString(16)).toBe(cmd.toString(16));
});

test('one number, two meanings: told apart by the file', () => {
  expect(KVM.KVM_ARM_SET_DEVICE_ADDR).toBe(KVM.KVM_GET_ONE_REG);
  expect(describeIoctl(KVM.KVM_GET_ONE_REG, 'vm')?.name).toBe('KVM_ARM_SET_DEVICE_ADDR');
  expect(describeIoctl(KVM.KVM_GET_ONE_REG, 'vcpu')?.name).toBe('KVM_GET_ONE_REG');
  expect(describeIoctl(0x5401)).toBeUndefined();
});

test('fields lie where the kernel has them', () => {
  expect(offsetOf(structs.kvm_run, 'exit')).toBe(32);
  expect(offsetOf(structs.kvm_run, 'device_irq_level')).toBe(304);
  expect(offsetOf(structs.kvm_userspace_memory_region2, 'guest_memfd')).toBe(40);
  expect(offsetOf(structs.kvm_regs, 'vregs')).toBe(336);
});

test('a row that does not add up does not load', () => {
  expect(() => struct(12, { a: 'u32', b: 'u64' })).toThrow(/16 bytes, not 12/);
});

test('encode and decode are inverse for every structure', () => {
  for (const s of Object.values(structs)) {
    fc.assert(fc.property(fc.uint8Array({ minLength: s.size, maxLength: s.size }), bytes => {
      const again = encode(s as typeof structs.kvm_one_reg, decode(s as typeof structs.kvm_one_reg, bytes));
      for (const f of s.layout) expect(again.subarray(f.offset, f.offset + f.size)).toEqual(bytes.subarray(f.offset, f.offset + f.size));
    }), { numRuns: 20 });
  }
});

test('patch leaves the other fields alone', () => {
  const bytes = encode(structs.kvm_one_reg, { id: 1n, addr: 2n });
  patch(structs.kvm_one_reg, bytes, { addr: 3n });
  expect(decode(structs.kvm_one_reg, bytes)).toEqual({ id: 1n, addr: 3n });
});

test('types follow the rows', () => {
  const s = struct(24, { a: 'u32', pad: as('u8[4]', 'pad'), b: 'u64', c: 's32[2]' });
  const v = decode(s, encode(s, { a: 1, b: 2n, c: [-1, 5] }));
  const a: number = v.a;
  const b: bigint = v.b;
  expect([a, b, v.c, v.pad]).toEqual([1, 2n, [-1, 5], new Uint8Array(4)]);
  // @ts-expect-error a u64 is a bigint
  encode(s, { b: 2 });
  // @ts-expect-error no such field
  expect(() => offsetOf(s, 'd')).toThrow();
});

test('printing names flags, enumerations and registers', () => {
  const init = encode(structs.kvm_vcpu_init, { target: 5, features: [(1 << KVM_ARM_VCPU.PSCI_0_2) | (1 << KVM_ARM_VCPU.SVE)] });
  expect(formatStruct(structs.kvm_vcpu_init, init)).toBe('{target=5, features=[KVM_ARM_VCPU_PSCI_0_2|KVM_ARM_VCPU_SVE, ...]}');
  const reg = encode(structs.kvm_one_reg, { id: sysregId(3, 3, 4, 4, 2), addr: 0x1000n });
  expect(formatStruct(structs.kvm_one_reg, reg, { regName: () => 'FPMR' })).toBe('{id=0x603000000013da22 /* FPMR */, addr=0x1000}');
  const dev = encode(structs.kvm_create_device, { type: 7, flags: 1 });
  expect(formatStruct(structs.kvm_create_device, dev)).toBe('{type=KVM_DEV_TYPE_ARM_VGIC_V3, fd=0, flags=KVM_CREATE_DEVICE_TEST}');
  const region = encode(structs.kvm_userspace_memory_region, { flags: 0x12 });
  expect(formatStruct(structs.kvm_userspace_memory_region, region)).toBe(
    '{slot=0, flags=KVM_MEM_READONLY|0x10, guest_phys_addr=0x0, memory_size=0x0, userspace_addr=NULL}');
});

test('register ids come apart as they were put together', () => {
  const id = regId('U512', 'SVE', 0xffff);
  expect(id).toBe(0x606000000015ffffn);
  expect([regSize(id), regClass(id), regIndex(id)]).toEqual([64, 'SVE', 0xffff]);
});
