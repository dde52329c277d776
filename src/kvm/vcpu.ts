// A vCPU: its registers, its pages that the program maps, and what it has been told. Requests on its file are in
// vcpu_ioctl.ts, running it in arm.ts. @linux struct kvm_vcpu

import { type Caller, Errno, type SharedPages } from '../base/hostfile.ts';
import { FRAME_SHIFT } from '../cpu/physmem.ts';
import { KVM_LIMITS, KVM_MP_STATE, offsetOf, PAGE_SIZE, type StructValue, structs } from '../uapi/index.ts';
import { DirtyRing } from './dirty.ts';
import type { Resident } from './emulate.ts';
import { refuse } from './errors.ts';
import type { Loaded } from './fpsimd.ts';
import type { Guest } from './hyp/switch.ts';
import type { VcpuRegs } from './regs_state.ts';
import { createVcpuRegs } from './reset.ts';
import { Stats, VCPU_STATS, type VcpuStats } from './stats.ts';
import { isInitialized, makeVgicCpu, type VgicCpu } from './vgic/vgic.ts';
import { addVgicCpu } from './vgic/vgic-init.ts';
import type { Vm } from './vm.ts';

type FieldsOf<S> = S extends { readonly fields?: infer F } ? StructValue<F> : never;

export interface Vcpu {
  readonly vm: Vm;
  /** The number that the program gave, 0..511. */
  readonly id: number;
  readonly regs: VcpuRegs;
  readonly stats: VcpuStats;
  /** The frame of kvm_run. */
  readonly runFrame: number;
  readonly dirtyRing: DirtyRing | undefined;
  readonly vgic: VgicCpu;
  /** KVM_MP_STATE_* */
  mpState: number;
  /** The thread that ran it last. */
  lastTid: number | undefined;
  /** A thread is inside KVM_RUN. */
  running: boolean;
  /** Signals that interrupt KVM_RUN are those not in here; undefined: the thread's own mask counts. */
  signalMask: bigint | undefined;
  /** KVM_GUESTDBG_*, and the program's own breakpoints. */
  guestDebug: number;
  debugRegs: FieldsOf<typeof structs.kvm_guest_debug_arch> | undefined;
  /** HCR_EL2.{VI,VF,VSE}: interrupts without an irqchip in KVM, and a pending SError with its syndrome. */
  readonly lines: { irq: boolean; fiq: boolean; serror: boolean };
  serrorSyndrome: bigint;
  /** The syndrome address of the last fault, as HPFAR_EL2 and FAR_EL2 had it. */
  faultAddress: bigint;
  /** An exit to the program for MMIO waits to be completed. */
  mmioNeeded: boolean;
  /** Address of the stolen time record. */
  stealBase: bigint | undefined;
  readonly pmu: { irq: number; created: boolean };
  /** The timers of this vCPU: who owns their interrupts. */
  readonly timers: readonly object[];
  timersEnabled: boolean;
  /** ICH_* of a guest hypervisor. */
  readonly ich: Map<string, bigint>;
  /** Set while the vCPU executes: makes it come out and look. */
  onKick: (() => void) | undefined;
  /** Its PE, from the first run on. */
  guest: Guest | undefined;
  /** The CPU and the thread that are about to execute it. */
  loaded: Loaded | undefined;
  /** The PE that holds its registers; undefined: they are in `regs`. */
  resident: Resident | undefined;
  /** The last exception that came to EL2: ESR_EL2, FAR_EL2, and the intermediate physical address in HPFAR_EL2. */
  readonly fault: { esr: bigint; far: bigint; ipa: bigint };
  /** Why stage 2 had no answer, where that was not for want of a memslot: wait for a page, or a negative errno. */
  faultResult: 'wait' | number | undefined;
  /** PSCI CPU_ON: reset to this before the next run. */
  pendingReset: { readonly pc: bigint; readonly x0: bigint; readonly bigEndian: boolean } | undefined;
  /** In WFI, or suspended by PSCI. `wake`: CNTPCT_EL0 at which it ends by itself. */
  halted: { readonly wake: bigint | undefined } | undefined;
  /** ns that its thread had waited for a CPU when stolen time was last counted. */
  lastSteal: bigint;
  /** Interrupt outputs that go to the program for want of an irqchip: KVM_ARM_DEV bits. */
  deviceLevel: number;
  /** Outputs of the timers as they were last passed on. */
  readonly timerOutputs: { CNTV: boolean; CNTP: boolean };
}

/** KVM_CREATE_VCPU. @throws EINVAL, EBUSY, EEXIST, ENOMEM. @linux kvm_vm_ioctl_create_vcpu */
export function createVcpu(vm: Vm, id: bigint, caller: Caller): Vcpu {
  if (id >= BigInt(KVM_LIMITS.MAX_VCPUS) || vm.vcpus.length >= vm.maxVcpus) throw refuse.EINVAL;
  if (isInitialized(vm)) throw refuse.EBUSY;
  const n = Number(id);
  if (n >= vm.maxVcpus) throw refuse.EINVAL;
  if (vm.byId.has(n)) throw refuse.EEXIST;
  const { mem } = vm.kvm;
  const vcpu: Vcpu = {
    vm,
    id: n,
    regs: createVcpuRegs(vm.regs, n),
    stats: new Stats(`kvm-${caller.pid}/vcpu-${n}`, VCPU_STATS),
    runFrame: mem.allocFrame(),
    dirtyRing: vm.dirtyRingSize === 0 ? undefined : new DirtyRing(mem, vm.dirtyRingSize),
    vgic: makeVgicCpu(),
    mpState: KVM_MP_STATE.RUNNABLE,
    lastTid: undefined,
    running: false,
    signalMask: undefined,
    guestDebug: 0,
    debugRegs: undefined,
    lines: { irq: false, fiq: false, serror: false },
    serrorSyndrome: 0n,
    faultAddress: 0n,
    mmioNeeded: false,
    stealBase: undefined,
    pmu: { irq: 0, created: false },
    timers: [{}, {}, {}, {}],
    timersEnabled: false,
    ich: new Map(),
    onKick: undefined,
    guest: undefined,
    loaded: undefined,
    resident: undefined,
    fault: { esr: 0n, far: 0n, ipa: 0n },
    faultResult: undefined,
    pendingReset: undefined,
    halted: undefined,
    lastSteal: 0n,
    deviceLevel: 0,
    timerOutputs: { CNTV: false, CNTP: false },
  };
  try {
    addVgicCpu(vcpu);
  } catch (e) {
    freeVcpu(vcpu);
    vm.regs.vcpus.splice(vm.regs.vcpus.indexOf(vcpu.regs), 1);
    throw e;
  }
  vm.affinities = undefined;
  vm.vcpus.push(vcpu);
  vm.byId.set(n, vcpu);
  vm.kvm.hypHost?.vcpuCreated(vcpu);
  return vcpu;
}
export function freeVcpu(vcpu: Vcpu): void {
  vcpu.vm.kvm.mem.unref(vcpu.runFrame);
  vcpu.dirtyRing?.free();
  if (!vcpu.running) vcpu.guest?.pe.release();
}

/** kvm_run, as bytes that the program sees too. */
export function runPage(vcpu: Vcpu): Uint8Array {
  return vcpu.vm.kvm.mem.frameBytes(vcpu.runFrame);
}
const EXIT_REASON = offsetOf(structs.kvm_run, 'exit_reason');
/** Where exit_reason is among the words of memory. */
function reasonAt(vcpu: Vcpu): number {
  return (vcpu.runFrame * PAGE_SIZE + EXIT_REASON) >>> 2;
}
/** kvm_run.exit_reason: KVM_EXIT_*. */
export function getExitReason(vcpu: Vcpu): number {
  return vcpu.vm.kvm.mem.u32[reasonAt(vcpu)]!;
}
export function setExitReason(vcpu: Vcpu, reason: number): void {
  vcpu.vm.kvm.mem.u32[reasonAt(vcpu)] = reason;
}

const { COALESCED_MMIO_PAGE_OFFSET, DIRTY_LOG_PAGE_OFFSET } = KVM_LIMITS;
const PROT_EXEC = 4;

/** The vCPU file can be mapped at any offset; where there is no page, touching it is SIGBUS. @linux kvm_vcpu_mmap */
export function mapVcpu(
  vcpu: Vcpu,
  offset: bigint,
  length: bigint,
  shared: boolean,
  prot: number,
): SharedPages | number {
  const first = Number(offset >> BigInt(FRAME_SHIFT));
  const pages = Number((length + BigInt(PAGE_SIZE) - 1n) >> BigInt(FRAME_SHIFT));
  const ring = vcpu.dirtyRing?.frames;
  const inRing = (page: number): boolean => ring?.[page - DIRTY_LOG_PAGE_OFFSET] !== undefined;
  if ((inRing(first) || inRing(first + pages - 1)) && ((prot & PROT_EXEC) !== 0 || !shared)) return -Errno.EINVAL;
  return {
    pages,
    frame: (index) => {
      const page = first + index;
      if (page === 0) return vcpu.runFrame;
      if (page === COALESCED_MMIO_PAGE_OFFSET) return vcpu.vm.coalesced.frame;
      return ring?.[page - DIRTY_LOG_PAGE_OFFSET];
    },
  };
}
