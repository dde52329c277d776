// The arrangement that Linux had until 6.10 and that the v6 series built on: the owner of the FP registers is a property of
// the vCPU, the host's values are not saved when it is loaded, and the hypervisor saves them into the thread's own
// thread_struct, which is lent to it whole: 560 bytes for the series, of which it needs 536. Kept to show its life cycle,
// and the defects of the series as posted, each of which can be switched on.

import type { CpuFp, TaskFp } from '../cpu/host_fp.ts';
import { UW, UwBlock } from '../cpu/host_fp.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import { type FpOwnership, type FpSwitch, type Loaded, loadGuest, tracePut, VcpuFp } from './fpsimd.ts';
import { SHARED_VCPU } from './hyp/hyp-main.ts';
import type { HypHost } from './pkvm.ts';
import type { Vcpu } from './vcpu.ts';

/**
 * B4: after a run the hypervisor gives its pointer back to the host in place of the owner.
 * B5: the hypervisor writes through whatever pointer the host gives it.
 * B16: the host saves FPMR to the storage of a vCPU that has none.
 */
export const V6_BUGS = ['B4', 'B5', 'B16'] as const;
export type V6Bug = (typeof V6_BUGS)[number];

interface State {
  owner: FpOwnership;
  /** Where the values of the host's thread go. */
  hostUw: number;
}

export class PerVcpuFp implements FpSwitch {
  private readonly mem: PhysMem;
  private readonly hypHost: HypHost | undefined;
  private readonly bugs: ReadonlySet<V6Bug>;
  private readonly states = new WeakMap<Vcpu, State>();
  /** The hypervisor's copy, where the host is not trusted. */
  private readonly hypStates = new WeakMap<Vcpu, State>();
  private readonly parents = new WeakMap<Vcpu, TaskFp>();

  constructor(mem: PhysMem, hypHost: HypHost | undefined, bugs: Iterable<V6Bug> = []) {
    this.mem = mem;
    this.hypHost = hypHost;
    this.bugs = new Set(bugs);
  }
  private stateOf(vcpu: Vcpu): State {
    let s = this.states.get(vcpu);
    if (!s) {
      s = { owner: 'free', hostUw: 0 };
      this.states.set(vcpu, s);
    }
    return s;
  }
  /** The owner as the hypervisor sees it. */
  private hypStateOf(vcpu: Vcpu): State {
    return this.hypStates.get(vcpu) ?? this.stateOf(vcpu);
  }

  /** @linux kvm_arch_vcpu_run_map_fp */
  threadChanged(vcpu: Vcpu, { task }: Loaded): void {
    const before = this.parents.get(vcpu);
    if (before === task) return;
    this.destroy(vcpu);
    const { address } = task.block;
    this.hypHost?.lendRange('struct thread_struct_uw', address, UW.size);
    this.parents.set(vcpu, task);
    this.stateOf(vcpu).hostUw = address;
    if (this.hypHost) this.mem.u64[(this.hypHost.addressOf(vcpu) + SHARED_VCPU.hostUw) >>> 3] = BigInt(address);
  }
  destroy(vcpu: Vcpu): void {
    const before = this.parents.get(vcpu);
    if (before) this.hypHost?.takeBackRange('struct thread_struct_uw', before.block.address, UW.size);
    this.parents.delete(vcpu);
  }
  load(vcpu: Vcpu, { cpu }: Loaded): void {
    this.stateOf(vcpu).owner = 'host';
    vcpu.vm.kvm.fpTrace?.('fp_load', { cpu: cpu.index, vcpu: vcpu.id, owner: 'host', saved: 'nothing' });
  }
  enter(vcpu: Vcpu, { task }: Loaded): boolean {
    const s = this.stateOf(vcpu);
    if (task.foreign) s.owner = 'free';
    if (this.hypHost) {
      // What the hypervisor reads stands in memory that the host can write.
      const hostUw = Number(this.mem.u64[(this.hypHost.addressOf(vcpu) + SHARED_VCPU.hostUw) >>> 3]!);
      this.hypStates.set(vcpu, { owner: s.owner, hostUw });
    }
    return this.hypStateOf(vcpu).owner === 'guest';
  }
  trap(vcpu: Vcpu, { cpu, task }: Loaded): void {
    const s = this.hypStateOf(vcpu);
    if (s.owner === 'host') this.saveHost(s.hostUw, cpu, task);
    loadGuest(vcpu, cpu);
    s.owner = 'guest';
  }
  private saveHost(hostUw: number, cpu: CpuFp, task: TaskFp): void {
    if (this.hypHost && !this.bugs.has('B5') && !this.hypHost.space.isLent(hostUw, UW.size)) return;
    cpu.file.save(hostUw === task.block.address ? task.block : new UwBlock(this.mem, hostUw), task.view);
  }
  leave(vcpu: Vcpu, { cpu }: Loaded): void {
    const s = this.stateOf(vcpu);
    const hyp = this.hypStates.get(vcpu);
    if (hyp) {
      const isProtected = this.hypHost?.hyp !== undefined;
      if (isProtected && this.bugs.has('B4')) s.hostUw = hyp.hostUw;
      else s.owner = hyp.owner;
    }
    if (s.owner === 'guest') cpu.bind(this.bindingOf(vcpu));
  }
  private bindingOf(vcpu: Vcpu): VcpuFp {
    const { hostFp } = vcpu.guest!;
    return this.bugs.has('B16') ? new VcpuFp(vcpu.regs, vcpu.loaded!.task.view) : hostFp;
  }
  put(vcpu: Vcpu, { cpu }: Loaded): void {
    const s = this.stateOf(vcpu);
    if (s.owner !== 'guest') return;
    cpu.saveAndFlush();
    tracePut(vcpu, cpu);
  }
}
