// A VM: what its vCPUs share, and how long it lives. Every file that leads to it counts as a user: VM, vCPUs, devices,
// statistics, guest_memfds. @linux struct kvm, virt/kvm/kvm_main.c

import type { Caller, EventFile, UserMemory } from '../base/hostfile.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import { KVM_LIMITS, KVM_VM_TYPE_ARM } from '../uapi/index.ts';
import { CoalescedMmio } from './coalesced.ts';
import type { KvmCompat } from './compat.ts';
import { refuse } from './errors.ts';
import type { Ioeventfd } from './eventfd.ts';
import type { FpSwitch } from './fpsimd.ts';
import type { Hardware } from './hardware.ts';
import type { Host } from './host.ts';
import { IoBus } from './io_bus.ts';
import { IrqRouting } from './irqchip.ts';
import type { Irqfd } from './irqfd.ts';
import { MemSlots } from './memslots.ts';
import { Stage2Mmu } from './mmu.ts';
import type { AffinityCache } from './mpidr.ts';
import type { OfferName } from './offers.ts';
import type { HypHost } from './pkvm.ts';
import type { VmRegs } from './regs_state.ts';
import { createVmRegs } from './reset.ts';
import type { FilterRange } from './smccc_filter.ts';
import { Stats, VM_STATS, type VmStats } from './stats.ts';
import type { Trace } from './trace.ts';
import { freeVcpu, type Vcpu } from './vcpu.ts';
import { makeDist, type VgicDist } from './vgic/vgic.ts';

/** The host's interrupt controller as far as guests are concerned. */
export interface GicFacts {
  /** GICv2 can be emulated: the machine is a GICv2, or a GICv3 with its legacy mode. */
  readonly emulatesV2: boolean;
  /** ICH_VTR_EL2: list registers, priority and id bits. */
  readonly vtr: bigint;
}
/** KVM as a whole: the host it runs on. */
export interface Kvm {
  readonly host: Host;
  /** The kernel whose deviations VMs show; undefined: none. */
  readonly compat: KvmCompat | undefined;
  /** ID fields that VMs are offered beyond those of Linux 7.2. */
  readonly offer: readonly OfferName[];
  readonly mem: PhysMem;
  readonly gic: GicFacts;
  readonly trace: Trace;
  /** CNTPCT_EL0 now. */
  readonly counter: () => bigint;
  /** What guests execute on; undefined: there is nothing. */
  readonly hardware: Hardware | undefined;
  /** 64 random bits. */
  readonly random: () => bigint;
  /** An eventfd can be the source of one irqfd, of whatever VM. */
  readonly irqfdOwners: WeakMap<EventFile, Irqfd>;
  /** The host's side of a hypervisor apart from it; undefined with VHE. */
  readonly hypHost: HypHost | undefined;
  /** Who owns the FP registers of a CPU. */
  readonly fp: FpSwitch;
  /** Load a guest's FP values whenever it is entered, not when it first uses them: for comparison. */
  readonly eagerFp: boolean;
  /** Told what becomes of FP registers. */
  readonly fpTrace: Trace | undefined;
}

/** Settings by KVM_ENABLE_CAP that only take effect in a running guest. */
export interface VmOptions {
  nisvToUser: boolean;
  systemSuspend: boolean;
  seaToUser: boolean;
  /** Nanoseconds; undefined: the host's default. */
  haltPoll: bigint | undefined;
  eagerSplitChunk: bigint;
}

export interface Vm {
  readonly kvm: Kvm;
  /** The address space that made it: requests from another one answer EIO. */
  readonly owner: UserMemory;
  readonly regs: VmRegs;
  /** Bits of guest physical addresses. */
  readonly ipaBits: number;
  readonly stats: VmStats;
  /** A failure left it in no state to go on: everything answers EIO. */
  dead: boolean;
  users: number;
  /** In the order of creation, and by the number that the program gave. */
  readonly vcpus: Vcpu[];
  readonly byId: Map<number, Vcpu>;
  /** Until a vCPU is created. */
  affinities: AffinityCache | undefined;
  maxVcpus: number;
  readonly slots: MemSlots;
  readonly stage2: Stage2Mmu;
  readonly buses: { readonly mmio: IoBus; readonly pio: IoBus; readonly ccw: IoBus };
  readonly coalesced: CoalescedMmio;
  readonly ioeventfds: Ioeventfd[];
  readonly irqfds: Set<Irqfd>;
  routing: IrqRouting;
  readonly vgic: VgicDist;
  readonly options: VmOptions;
  /** KVM_DIRTY_LOG_*: 0, or how clearing by hand works. */
  manualDirtyLogProtect: number;
  /** Bytes; 0: no ring. */
  dirtyRingSize: number;
  dirtyRingWithBitmap: boolean;
  readonly smcccFilter: FilterRange[];
  /** PPIs of the EL1 virtual, EL1 physical, EL2 virtual and EL2 physical timer; fixed once a vCPU has run. */
  readonly timerPpis: [number, number, number, number];
  timerPpisFixed: boolean;
  /** One byte an event, where the program has set a filter: may be counted. */
  pmuFilter: Uint8Array | undefined;
  hasVfio: boolean;
}

const DEFAULT_IPA_BITS = 40;
const MIN_IPA_BITS = 32;
const DEFAULT_TIMER_PPIS = [27, 30, 28, 26] as const;

/** How many bits of guest physical address the type asks for. @throws EINVAL. @linux kvm_init_ipa_range */
function ipaBitsOf(host: Host, type: bigint): number {
  const asked = Number(type & BigInt(KVM_VM_TYPE_ARM.IPA_SIZE_MASK));
  if (host.mode === 'protected') return host.ipaLimit; // the hypervisor has set up one size for all
  const bits = asked || DEFAULT_IPA_BITS;
  if (bits > host.ipaLimit || bits < MIN_IPA_BITS) throw refuse.EINVAL;
  return bits;
}

/** As many as the host's interrupt controller could have CPUs. @linux kvm_arm_default_max_vcpus */
export function defaultMaxVcpus(host: Host): number {
  return host.gic === 'v2' ? KVM_LIMITS.MAX_VCPUS_GICV2 : KVM_LIMITS.MAX_VCPUS;
}
/** KVM_CREATE_VM. The new VM has one user. @throws EINVAL, ENOMEM. @linux kvm_create_vm, kvm_arch_init_vm */
export function createVm(kvm: Kvm, type: bigint, caller: Caller): Vm {
  const { IPA_SIZE_MASK, PROTECTED } = KVM_VM_TYPE_ARM;
  if ((type & ~BigInt(IPA_SIZE_MASK + PROTECTED)) !== 0n) throw refuse.EINVAL;
  const ipaBits = ipaBitsOf(kvm.host, type);
  const isProtected = (type & BigInt(PROTECTED)) !== 0n;
  if (isProtected && kvm.host.mode !== 'protected') throw refuse.EINVAL;
  const vm: Vm = {
    kvm,
    owner: caller.memory,
    regs: createVmRegs(kvm.host, { isProtected, counter: kvm.counter, compat: kvm.compat, offer: kvm.offer }),
    ipaBits,
    stats: new Stats(`kvm-${caller.pid}`, VM_STATS),
    dead: false,
    users: 1,
    vcpus: [],
    byId: new Map(),
    affinities: undefined,
    maxVcpus: defaultMaxVcpus(kvm.host),
    slots: new MemSlots(),
    stage2: new Stage2Mmu(),
    buses: { mmio: new IoBus(), pio: new IoBus(), ccw: new IoBus() },
    coalesced: new CoalescedMmio(kvm.mem),
    ioeventfds: [],
    irqfds: new Set(),
    routing: new IrqRouting(),
    vgic: makeDist(),
    options: { nisvToUser: false, systemSuspend: false, seaToUser: false, haltPoll: undefined, eagerSplitChunk: 0n },
    manualDirtyLogProtect: 0,
    dirtyRingSize: 0,
    dirtyRingWithBitmap: false,
    smcccFilter: [],
    timerPpis: [...DEFAULT_TIMER_PPIS],
    timerPpisFixed: false,
    pmuFilter: undefined,
    hasVfio: false,
  };
  kvm.hypHost?.vmCreated(vm);
  return vm;
}

export function getVm(vm: Vm): void {
  vm.users++;
}
/** One user less; the last one takes the VM with it. @linux kvm_put_kvm */
export function putVm(vm: Vm): void {
  if (--vm.users > 0) return;
  vm.coalesced.free();
  vm.stage2.free();
  for (const vcpu of vm.vcpus) {
    vm.kvm.fp.destroy(vcpu);
    freeVcpu(vcpu);
  }
  vm.kvm.hypHost?.vmDestroyed(vm);
}
/** Requests of this caller answer EIO: it is another process, or the VM is dead. */
export function refusesCaller(vm: Vm, caller: Caller): boolean {
  return vm.dead || vm.owner !== caller.memory;
}
