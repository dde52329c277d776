// How long a VM lives, who may talk to it, and the order in which KVM_RUN looks at things before it enters a guest.

import { describe, expect, test } from 'vitest';
import { Program, testKvm, u32, u64 } from '../../test/kit/program.ts';
import { KVM_CAP, type VcpuFeature } from '../uapi/index.ts';

describe('lifetime', () => {
  test('a VM lives as long as any file that leads to it, and takes its pages with it', () => {
    const p = new Program();
    p.process.scratch(new Uint8Array(1));
    const before = p.shared.mem.usedFrames;
    const [vm, state] = p.openVm();
    const vcpu = p.vcpu(vm, 0, 'PSCI_0_2');
    const gic = p.device(vm, 'ARM_VGIC_V3');
    const stats = p.fd(vm, 'KVM_GET_STATS_FD');
    const vcpuStats = p.fd(vcpu, 'KVM_GET_STATS_FD');
    const how = { size: 0x4000n, flags: 3n };
    const gmem = p.give(vm, 'KVM_CREATE_GUEST_MEMFD', 'kvm_create_guest_memfd', how) as number;
    expect(p.process.getFile(gmem)?.fallocate?.(1, 0n, 0x4000n)).toBe(0);
    expect(state.users).toBe(6);
    p.close(vm);
    expect(p.ioctl(vcpu, 'KVM_GET_MP_STATE', p.process.scratch(u32(9)))).toBe(0);
    expect(p.attr('HAS', gic, 0, 2)).toBe(0);
    p.close(vcpu, gic, stats, gmem);
    expect(state.users).toBe(1);
    expect(p.process.getFile(vcpuStats)?.pread?.(new Uint8Array(24), 0n)).toBe(24);
    p.close(vcpuStats);
    expect(state.users).toBe(0);
    expect(p.shared.mem.usedFrames).toBeLessThanOrEqual(before + 1); // the program's own scratch page
  });

  test('another address space gets EIO, from every file', () => {
    const kvm = testKvm();
    const [mine, other] = [new Program(kvm), new Program(kvm, 2)];
    const vm = mine.vm();
    const vcpu = mine.vcpu(vm, 0, 'PSCI_0_2');
    const gic = mine.device(vm, 'ARM_VGIC_V3');
    for (const fd of [vm, vcpu, gic]) {
      const theirs = other.process.installFd(mine.process.getFile(fd)!);
      expect(other.ioctl(theirs, 'KVM_CHECK_EXTENSION', 0)).toBe('EIO');
    }
    expect(mine.check(vm, KVM_CAP.USER_MEMORY)).toBe(1);
  });

  test('a VM without room for its interrupt controller is dead: everything answers EIO', () => {
    const p = new Program();
    const vm = p.vm();
    const vcpu = p.vcpu(vm, 0, 'PSCI_0_2');
    const gic = p.device(vm, 'ARM_VGIC_V3');
    p.attr('SET', gic, 0, 2, u64(0x800_0000n)); // a distributor, but no redistributors
    p.attr('SET', gic, 4, 0);
    expect(p.tryToRun(vcpu)).toBe('ENXIO');
    expect(p.tryToRun(vcpu)).toBe('EIO');
    expect(p.check(vm, KVM_CAP.USER_MEMORY)).toBe('EIO');
    expect(p.attr('HAS', gic, 0, 2)).toBe('EIO');
    expect(p.check(p.kvm, KVM_CAP.USER_MEMORY)).toBe(1);
  });

  test('512 vCPUs, and numbers used once', () => {
    const p = new Program(testKvm());
    const vm = p.vm();
    for (let i = 0; i < 512; i++) p.fd(vm, 'KVM_CREATE_VCPU', 511 - i);
    expect(p.ioctl(vm, 'KVM_CREATE_VCPU', 512)).toBe('EINVAL');
    expect(p.ioctl(vm, 'KVM_CREATE_VCPU', 2n ** 32n)).toBe('EINVAL');
    const second = p.vm();
    p.fd(second, 'KVM_CREATE_VCPU', 7);
    expect(p.ioctl(second, 'KVM_CREATE_VCPU', 7)).toBe('EEXIST');
    p.gicv3(second);
    expect(p.ioctl(second, 'KVM_CREATE_VCPU', 8)).toBe('EBUSY');
  });

  test('sizes of guest physical addresses', () => {
    const p = new Program();
    for (const bits of [0, 32, 40, 52]) expect(typeof p.ioctl(p.kvm, 'KVM_CREATE_VM', bits)).toBe('number');
    for (const type of [1, 31, 53, 256, 2n ** 31n, 2n ** 32n])
      expect(p.ioctl(p.kvm, 'KVM_CREATE_VM', type)).toBe('EINVAL');
  });
});

describe('before the first entry into a guest', () => {
  const setUp = (...features: VcpuFeature[]): readonly [Program, number, number] => {
    const p = new Program();
    const vm = p.vm();
    return [p, vm, p.vcpu(vm, 0, ...features)];
  };
  test('an argument: EINVAL, before anything else', () => {
    const p = new Program();
    const vcpu = p.fd(p.vm(), 'KVM_CREATE_VCPU', 0);
    expect(p.ioctl(vcpu, 'KVM_RUN', 1)).toBe('EINVAL');
  });
  test('no init: ENOEXEC', () => {
    const p = new Program();
    const vcpu = p.fd(p.vm(), 'KVM_CREATE_VCPU', 0);
    expect(p.tryToRun(vcpu)).toBe('ENOEXEC');
  });
  test('SVE not finalized: EPERM; then a PMU without its own init: EINVAL', () => {
    const [p, , vcpu] = setUp('SVE', 'PMU_V3');
    expect(p.tryToRun(vcpu)).toBe('EPERM');
    expect(p.give(vcpu, 'KVM_ARM_VCPU_FINALIZE', 'kvm_int', { value: 4 })).toBe(0);
    expect(p.tryToRun(vcpu)).toBe('EINVAL');
  });
  test('a PMU needs an interrupt where there is somebody to give it to', () => {
    const [alone, , loneVcpu] = setUp('PMU_V3');
    expect(alone.attr('SET', loneVcpu, 0, 1)).toBe(0);
    const [p, vm, vcpu] = setUp('PMU_V3');
    p.gicv3(vm);
    expect(p.attr('SET', vcpu, 0, 1)).toBe('ENXIO');
    expect(p.attr('SET', vcpu, 0, 0, u32(23))).toBe(0);
    expect(p.attr('SET', vcpu, 0, 1)).toBe(0);
    expect(p.attr('SET', vcpu, 0, 1)).toBe('EBUSY');
    expect(p.tryToRun(vcpu)).toBe('EINTR');
  });
  test('two timers on one interrupt: EINVAL', () => {
    const [p, vm, vcpu] = setUp('PSCI_0_2');
    p.gicv3(vm);
    expect(p.attr('SET', vcpu, 1, 0, u32(20))).toBe(0);
    expect(p.attr('SET', vcpu, 1, 1, u32(20))).toBe(0);
    expect(p.tryToRun(vcpu)).toBe('EINVAL');
    expect(p.attr('SET', vcpu, 1, 0, u32(21))).toBe(0); // the physical timer has claimed its own before that failed
    expect(p.tryToRun(vcpu)).toBe('EINTR');
    expect(p.attr('SET', vcpu, 1, 0, u32(22))).toBe('EBUSY');
  });
  test('immediate_exit: EINTR; what the VM is can no longer change', () => {
    const [p, vm, vcpu] = setUp('PSCI_0_2');
    expect(p.tryToRun(vcpu)).toBe('EINTR');
    expect(p.init(vcpu, 'PSCI_0_2', 'PMU_V3')).toBe('EINVAL');
    expect(p.cap(vm, KVM_CAP.ARM_WRITABLE_IMP_ID_REGS)).toBe('EINVAL');
    expect(p.give(vm, 'KVM_CREATE_DEVICE', 'kvm_create_device', { type: 7 })).toBe('EBUSY');
  });
});
