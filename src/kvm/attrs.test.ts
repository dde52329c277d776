// Attributes of vCPUs and VMs: PMU, timers, stolen time, the filter of SMCCC calls.

import { describe, expect, test } from 'vitest';
import { Program, u32, u64 } from '../../test/kit/program.ts';
import {
  encode,
  KVM_ARM_VCPU_GROUP,
  KVM_ARM_VCPU_PMU_V3,
  KVM_ARM_VM,
  KVM_ARM_VM_SMCCC,
  KVM_SMCCC_FILTER,
  structs,
  type VcpuFeature,
} from '../uapi/index.ts';
import { smcccAction } from './smccc_filter.ts';

const { PMU_V3_CTRL, TIMER_CTRL, PVTIME_CTRL } = KVM_ARM_VCPU_GROUP;
const PMU = KVM_ARM_VCPU_PMU_V3;

function setUp(gic: boolean, ...features: VcpuFeature[]): { p: Program; vm: number; vcpu: number } {
  const p = new Program();
  const vm = p.vm();
  const vcpu = p.vcpu(vm, 0, ...features);
  if (gic) p.gicv3(vm);
  return { p, vm, vcpu };
}

describe('PMU', () => {
  const filter = (base_event: number, nevents: number, action: number): Uint8Array =>
    encode(structs.kvm_pmu_event_filter, { base_event, nevents, action });

  test('is no attribute without the feature', () => {
    const { p, vcpu } = setUp(true, 'PSCI_0_2');
    expect(p.attr('HAS', vcpu, PMU_V3_CTRL, PMU.INIT)).toBe('ENXIO');
    expect(p.attr('SET', vcpu, PMU_V3_CTRL, PMU.INIT)).toBe('ENODEV');
  });
  test('its interrupt: a PPI that all vCPUs share, set once', () => {
    const { p, vm, vcpu } = setUp(false, 'PMU_V3');
    expect(p.attr('SET', vcpu, PMU_V3_CTRL, PMU.IRQ, u32(23))).toBe('EINVAL'); // nobody to take it
    const second = p.vcpu(vm, 1, 'PMU_V3');
    p.gicv3(vm);
    const value = u32(0);
    expect(p.attr('GET', vcpu, PMU_V3_CTRL, PMU.IRQ, value)).toBe('ENXIO');
    for (const irq of [15, 1020, -1]) expect(p.attr('SET', vcpu, PMU_V3_CTRL, PMU.IRQ, u32(irq))).toBe('EINVAL');
    expect(p.attr('SET', vcpu, PMU_V3_CTRL, PMU.IRQ, u32(23))).toBe(0);
    expect(p.attr('SET', vcpu, PMU_V3_CTRL, PMU.IRQ, u32(23))).toBe('EBUSY');
    expect(p.attr('SET', second, PMU_V3_CTRL, PMU.IRQ, u32(24))).toBe('EINVAL');
    expect(p.attr('SET', second, PMU_V3_CTRL, PMU.IRQ, u32(23))).toBe(0);
    expect(p.attr('GET', vcpu, PMU_V3_CTRL, PMU.IRQ, value)).toBe(0);
    expect(value[0]).toBe(23);
  });
  test('filters: in order, until it is there', () => {
    const { p, vcpu } = setUp(false, 'PMU_V3');
    const set = (f: Uint8Array): unknown => p.attr('SET', vcpu, PMU_V3_CTRL, PMU.FILTER, f);
    expect(set(filter(0xffff, 2, 0))).toBe('EINVAL'); // beyond the last event
    expect(set(filter(0, 1, 2))).toBe('EINVAL');
    expect(set(filter(0x11, 1, 0))).toBe(0);
    expect(p.attr('SET', vcpu, PMU_V3_CTRL, PMU.INIT)).toBe(0);
    expect(set(filter(0x11, 1, 1))).toBe('EBUSY');
  });
});

test('timers: PPIs for all vCPUs, until one of them runs', () => {
  const { p, vm, vcpu } = setUp(false, 'PSCI_0_2');
  const second = p.vcpu(vm, 1, 'PSCI_0_2');
  const value = u32(0);
  expect(p.attr('SET', vcpu, TIMER_CTRL, 0, u32(20))).toBe('EINVAL'); // no irqchip
  p.gicv3(vm);
  for (const irq of [15, 32]) expect(p.attr('SET', vcpu, TIMER_CTRL, 0, u32(irq))).toBe('EINVAL');
  expect(p.attr('SET', vcpu, TIMER_CTRL, 4, u32(20))).toBe('ENXIO');
  for (const [timer, irq] of [[0, 27], [1, 30], [2, 28], [3, 26]] as const) {
    expect(p.attr('GET', vcpu, TIMER_CTRL, timer, value)).toBe(0);
    expect(value[0]).toBe(irq);
  } // biome-ignore format: pairs
  expect(p.attr('SET', second, TIMER_CTRL, 0, u32(20))).toBe(0);
  p.attr('GET', vcpu, TIMER_CTRL, 0, value);
  expect(value[0]).toBe(20);
  expect(p.tryToRun(vcpu)).toBe('EINTR');
  expect(p.attr('SET', second, TIMER_CTRL, 0, u32(21))).toBe('EBUSY');
});

test('stolen time: 64 bytes of guest memory, set once', () => {
  const { p, vm, vcpu } = setUp(false, 'PSCI_0_2');
  const set = (ipa: bigint): unknown => p.attr('SET', vcpu, PVTIME_CTRL, 0, u64(ipa));
  p.memory(vm, 0, 0x4000_0000, 0x1000, 0, p.process.memory.allocate(0x1000));
  expect(set(0x4000_0020n)).toBe('EINVAL'); // not aligned
  expect(set(0x5000_0000n)).toBe('EINVAL'); // not memory
  const value = u64(0n);
  expect(p.attr('GET', vcpu, PVTIME_CTRL, 0, value)).toBe(0);
  expect(value).toEqual(u64(2n ** 64n - 1n));
  expect(set(0x4000_0040n)).toBe(0);
  expect(set(0x4000_0080n)).toBe('EEXIST');
});

describe('SMCCC filter', () => {
  const { SMCCC_CTRL } = KVM_ARM_VM;
  const set = (p: Program, vm: number, base: number, nr_functions: number, action: number, pad = 0): unknown => {
    const range = encode(structs.kvm_smccc_filter, { base, nr_functions, action, pad: new Uint8Array(15).fill(pad) });
    return p.attr('SET', vm, SMCCC_CTRL, KVM_ARM_VM_SMCCC.FILTER, range);
  };
  test('ranges decide, what none names is handled', () => {
    const p = new Program();
    const [fd, vm] = p.openVm();
    expect(set(p, fd, 0x8600_0000, 16, KVM_SMCCC_FILTER.FWD_TO_USER)).toBe(0);
    expect(set(p, fd, 0x8400_0000, 1, KVM_SMCCC_FILTER.DENY)).toBe(0);
    const { HANDLE, DENY, FWD_TO_USER } = KVM_SMCCC_FILTER;
    expect([0x8600_0000, 0x8600_000f, 0x8600_0010, 0x8400_0000, 0x8400_0001].map((f) => smcccAction(vm, f))).toEqual([
      FWD_TO_USER,
      FWD_TO_USER,
      HANDLE,
      DENY,
      HANDLE,
    ]);
  });
  test('what is refused', () => {
    const { p, vm, vcpu } = setUp(false, 'PSCI_0_2');
    expect(set(p, vm, 0x8600_0000, 0, 0)).toBe('EINVAL');
    expect(set(p, vm, 0xffff_ffff, 2, 0)).toBe('EINVAL'); // wraps
    expect(set(p, vm, 0x8600_0000, 1, 3)).toBe('EINVAL');
    expect(set(p, vm, 0x8600_0000, 1, 0, 1)).toBe('EINVAL');
    expect(set(p, vm, 0x8000_0000, 1, KVM_SMCCC_FILTER.DENY)).toBe('EEXIST'); // Arm's own calls stay KVM's
    expect(set(p, vm, 0xc000_ffff, 2, KVM_SMCCC_FILTER.DENY)).toBe('EEXIST');
    expect(set(p, vm, 0x8600_0000, 1, KVM_SMCCC_FILTER.DENY)).toBe(0);
    expect(set(p, vm, 0x85ff_ffff, 2, KVM_SMCCC_FILTER.DENY)).toBe('EEXIST');
    expect(p.attr('SET', vm, SMCCC_CTRL, 1, new Uint8Array(24))).toBe('ENXIO');
    expect(p.attr('HAS', vm, SMCCC_CTRL, 0)).toBe(0);
    expect(p.attr('HAS', vm, 1, 0)).toBe('ENXIO');
    expect(p.attr('GET', vm, SMCCC_CTRL, 0, new Uint8Array(24))).toBe('EINVAL'); // a VM can be told, not asked
    p.tryToRun(vcpu);
    expect(set(p, vm, 0x8700_0000, 1, KVM_SMCCC_FILTER.DENY)).toBe('EBUSY');
  });
});
