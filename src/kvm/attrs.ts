// Attributes of VMs and vCPUs: SMCCC filter; PMU, timers, stolen time. Rules and errnos of each group, in the order in
// which they are checked. @linux arch/arm64/kvm/{pmu-emul,arch_timer,pvtime,hypercalls}.c: *_attr

import {
  KVM_ARM_VCPU_GROUP, KVM_ARM_VCPU_PVTIME, KVM_ARM_VCPU_TIMER, KVM_ARM_VM, KVM_ARM_VM_SMCCC, KVM_MEM,
  KVM_PMU_EVENT, KVM_ARM_VCPU_PMU_V3 as PMU, structs,
} from '../uapi/index.ts'; // biome-ignore format: one list
import { type Call, copyIn, getS32, getU32, getU64, putU32, putU64 } from './call.ts';
import { check, refuse } from './errors.ts';
import type { Attr, DeviceFace } from './kvm_device.ts';
import { setPmu, setPmuCounters } from './reset.ts';
import { setSmcccFilter } from './smccc_filter.ts';
import type { Vcpu } from './vcpu.ts';
import { hasIrqchip, isInitialized, isPpi, isSpi, NR_SGIS, setOwner } from './vgic/vgic.ts';
import type { Vm } from './vm.ts';
import { holds } from './vm_features.ts';

/** Group VM: the filter can be set, never read. */
export function vmAttrs(vm: Vm): DeviceFace {
  const isFilter = (a: Attr): boolean =>
    a.group === KVM_ARM_VM.SMCCC_CTRL && a.attr === BigInt(KVM_ARM_VM_SMCCC.FILTER);
  return {
    has: isFilter,
    set: (call, a) => {
      if (!isFilter(a)) throw refuse.ENXIO;
      setSmcccFilter(vm, call, a.addr);
    },
  };
}

/** The groups of a vCPU. */
export function vcpuAttrs(vcpu: Vcpu): DeviceFace {
  const groups = new Map<number, Required<DeviceFace>>([
    [KVM_ARM_VCPU_GROUP.PMU_V3_CTRL, pmuAttrs(vcpu)],
    [KVM_ARM_VCPU_GROUP.TIMER_CTRL, timerAttrs(vcpu)],
    [KVM_ARM_VCPU_GROUP.PVTIME_CTRL, pvtimeAttrs(vcpu)],
  ]);
  const group = (a: Attr): Required<DeviceFace> => {
    const g = groups.get(a.group);
    if (!g) throw refuse.ENXIO;
    return g;
  };
  return {
    set: (call, a) => group(a).set(call, a),
    get: (call, a) => group(a).get(call, a),
    has: (a) => group(a).has(a),
  };
}

// PMU.

/** The number by which perf knows the host's PMU: what KVM_ARM_VCPU_PMU_V3_SET_PMU names. */
export const HOST_PMU_TYPE = 8;
/** The PMU's interrupt is chosen. */
function hasPmuIrq(vcpu: Vcpu): boolean {
  return vcpu.pmu.irq >= NR_SGIS;
}
/** One PPI for all vCPUs, or an SPI for each. @linux pmu_irq_is_valid */
function suitsOthers(vm: Vm, irq: number): boolean {
  return vm.vcpus.every((v) => !hasPmuIrq(v) || isPpi(irq) === (v.pmu.irq === irq));
}

function pmuAttrs(vcpu: Vcpu): Required<DeviceFace> {
  const { vm } = vcpu;
  const setters = new Map<bigint, (call: Call, addr: bigint) => void>([
    [BigInt(PMU.IRQ), (call, addr) => setPmuIrq(vcpu, call, addr)],
    [BigInt(PMU.INIT), () => initPmu(vcpu)],
    [BigInt(PMU.FILTER), (call, addr) => filterEvents(vm, call, addr)],
    [BigInt(PMU.SET_PMU), (call, addr) => choosePmu(vm, getS32(call, addr))],
    [
      BigInt(PMU.SET_NR_COUNTERS),
      (call, addr) => {
        const n = getU32(call, addr);
        if (!vm.regs.hasPmuChosen || n > vm.kvm.host.pmuCounters) throw refuse.EINVAL;
        setPmuCounters(vm.regs, n);
      },
    ],
  ]);
  return {
    has: (a) => setters.has(a.attr) && holds(vm.regs, 'pmu'),
    set: (call, a) => {
      if (!holds(vm.regs, 'pmu')) throw refuse.ENODEV;
      if (vcpu.pmu.created) throw refuse.EBUSY;
      const set = setters.get(a.attr);
      if (!set) throw refuse.ENXIO;
      set(call, a.addr);
    },
    get: (call, a) => {
      if (a.attr !== BigInt(PMU.IRQ)) throw refuse.ENXIO;
      if (!hasIrqchip(vm)) throw refuse.EINVAL;
      if (!holds(vm.regs, 'pmu')) throw refuse.ENODEV;
      if (!hasPmuIrq(vcpu)) throw refuse.ENXIO;
      putU32(call, a.addr, vcpu.pmu.irq);
    },
  };
}
function setPmuIrq(vcpu: Vcpu, call: Call, addr: bigint): void {
  if (!hasIrqchip(vcpu.vm)) throw refuse.EINVAL;
  const irq = getS32(call, addr);
  if (!isPpi(irq) && !isSpi(irq)) throw refuse.EINVAL;
  if (!suitsOthers(vcpu.vm, irq)) throw refuse.EINVAL;
  if (hasPmuIrq(vcpu)) throw refuse.EBUSY;
  vcpu.pmu.irq = irq;
}
function initPmu(vcpu: Vcpu): void {
  if (hasIrqchip(vcpu.vm)) {
    if (!isInitialized(vcpu.vm)) throw refuse.ENODEV;
    if (!hasPmuIrq(vcpu)) throw refuse.ENXIO;
    check(setOwner(vcpu, vcpu.pmu.irq, vcpu.pmu));
  }
  vcpu.pmu.created = true;
}
function choosePmu(vm: Vm, type: number): void {
  if (type !== HOST_PMU_TYPE) throw refuse.ENXIO;
  if (vm.regs.ranOnce) throw refuse.EBUSY; // a filter belongs to a PMU, and there is only the one
  setPmu(vm.regs);
}
/** PMUv3 has 1024 events, FEAT_PMUv3p1 64 times as many. */
function eventCount(vm: Vm): number {
  return vm.kvm.host.pmuVerLimit > 1 ? 0x1_0000 : 0x400;
}
function filterEvents(vm: Vm, call: Call, addr: bigint): void {
  const f = copyIn(call, structs.kvm_pmu_event_filter, addr);
  const { ALLOW, DENY } = KVM_PMU_EVENT;
  if (f.base_event + f.nevents > eventCount(vm) || (f.action !== ALLOW && f.action !== DENY)) throw refuse.EINVAL;
  if (vm.regs.ranOnce) throw refuse.EBUSY;
  // What the first filter does not name is the opposite of what it says.
  vm.pmuFilter ??= new Uint8Array(eventCount(vm)).fill(f.action === ALLOW ? 0 : 1);
  vm.pmuFilter.fill(f.action === ALLOW ? 1 : 0, f.base_event, f.base_event + f.nevents);
}

// Timers.

function timerIndex(a: Attr): number | undefined {
  return Object.values(KVM_ARM_VCPU_TIMER).find((t) => BigInt(t) === a.attr);
}
/** In which order they claim their interrupts, the first failure being the last thing that happens. */
const TIMER_ORDER = [1, 0, 2, 3] as const;
/** How many timers a vCPU has: EL2 brings two more. */
function timerCount(vcpu: Vcpu): number {
  return holds(vcpu.vm.regs, 'el2') ? 4 : 2;
}
function timerAttrs(vcpu: Vcpu): Required<DeviceFace> {
  const { vm } = vcpu;
  return {
    has: (a) => timerIndex(a) !== undefined,
    set: (call, a) => {
      if (!hasIrqchip(vm)) throw refuse.EINVAL;
      const irq = getS32(call, a.addr);
      if (!isPpi(irq)) throw refuse.EINVAL;
      if (vm.timerPpisFixed) throw refuse.EBUSY;
      const i = timerIndex(a);
      if (i === undefined) throw refuse.ENXIO;
      vm.timerPpis[i as 0 | 1 | 2 | 3] = irq; // whether all differ is seen at the first run
    },
    get: (call, a) => {
      const i = timerIndex(a);
      if (i === undefined) throw refuse.ENXIO;
      putU32(call, a.addr, vm.timerPpis[i as 0 | 1 | 2 | 3]);
    },
  };
}
/** First run: every timer owns a PPI of its own. @throws EINVAL. @linux kvm_timer_enable */
export function enableTimers(vcpu: Vcpu): void {
  if (vcpu.timersEnabled) return;
  const { vm } = vcpu;
  if (hasIrqchip(vm)) {
    const timers = TIMER_ORDER.slice(0, timerCount(vcpu));
    const owned = timers.every((i) => setOwner(vcpu, vm.timerPpis[i], vcpu.timers[i]!) === 0);
    if (!owned || new Set(timers.map((i) => vm.timerPpis[i])).size !== timers.length) throw refuse.EINVAL;
    vm.timerPpisFixed = true;
  }
  vcpu.timersEnabled = true;
}
/** First run: the PMU was initialised and its interrupt exists. @throws EINVAL. @linux kvm_arm_pmu_v3_enable */
export function enablePmu(vcpu: Vcpu): void {
  const { vm, pmu } = vcpu;
  if (!holds(vm.regs, 'pmu')) return;
  if (!pmu.created) throw refuse.EINVAL;
  if (!hasIrqchip(vm)) {
    if (hasPmuIrq(vcpu)) throw refuse.EINVAL;
  } else if (!isPpi(pmu.irq) && (pmu.irq < 32 || pmu.irq >= vm.vgic.nrSpis + 32)) throw refuse.EINVAL;
}

// Stolen time.

const UNSET = (1n << 64n) - 1n;
function pvtimeAttrs(vcpu: Vcpu): Required<DeviceFace> {
  const isIpa = (a: Attr): boolean => a.attr === BigInt(KVM_ARM_VCPU_PVTIME.IPA);
  return {
    has: isIpa,
    set: (call, a) => {
      if (!isIpa(a)) throw refuse.ENXIO;
      const ipa = getU64(call, a.addr);
      if (ipa % 64n !== 0n) throw refuse.EINVAL;
      if (vcpu.stealBase !== undefined) throw refuse.EEXIST;
      const slot = vcpu.vm.slots.at(Number(ipa >> 12n));
      if (!slot || (slot.flags & KVM_MEM.READONLY) !== 0) throw refuse.EINVAL;
      vcpu.stealBase = ipa;
    },
    get: (call, a) => {
      if (!isIpa(a)) throw refuse.ENXIO;
      putU64(call, a.addr, vcpu.stealBase ?? UNSET);
    },
  };
}
