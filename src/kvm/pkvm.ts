// The host's side of a hypervisor that is not the host: which of KVM's objects it lends to it, and the calls it makes. With
// VHE there is none of this. @linux arch/arm64/kvm/pkvm.c, arm.c

import type { CpuFp } from '../cpu/host_fp.ts';
import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { check } from './errors.ts';
import type { Loaded } from './fpsimd.ts';
import { Hypervisor } from './hyp/hyp-main.ts';
import { HypMappings, type HypSpace } from './hyp/mem_protect.ts';
import type { Guest, Ran } from './hyp/switch.ts';
import { HypShare } from './hyp_share.ts';
import type { VcpuRegs } from './regs_state.ts';
import { VECTOR_BYTES } from './reset.ts';
import type { Trace } from './trace.ts';
import type { Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';

/** Memory of the host that an object stands for: what is lent is pages, not objects. */
interface Lent {
  readonly what: string;
  readonly address: number;
  readonly frames: readonly number[];
}

export class HypHost {
  readonly share: HypShare;
  readonly space: HypSpace;
  /** Only a protected host is not trusted. */
  readonly hyp: Hypervisor | undefined;
  private readonly mem: PhysMem;
  private readonly trace: Trace | undefined;
  private readonly lent = new Map<Vm | Vcpu, Lent>();
  private readonly sve = new Map<Vm | Vcpu, Lent>();
  private readonly handles = new Map<Vm, number>();
  private readonly given = new Map<Vm, number[]>();

  constructor(mem: PhysMem, isProtected: boolean, trace: Trace | undefined) {
    this.mem = mem;
    this.trace = trace;
    this.hyp = isProtected ? new Hypervisor(mem) : undefined;
    this.space = this.hyp?.protect ?? new HypMappings();
    this.share = new HypShare(this.space, mem.frames * FRAME_SIZE);
  }
  /** Where the structure that stands for an object is. */
  addressOf(object: Vm | Vcpu): number {
    return this.lent.get(object)!.address;
  }
  handleOf(vm: Vm): number | undefined {
    return this.handles.get(vm);
  }

  // ---- objects ----------------------------------------------------------------------------------------------------------

  private lend(what: string, bytes: number): Lent {
    const pages = Math.ceil(bytes / FRAME_SIZE);
    const frames = Array.from({ length: pages }, () => this.mem.allocFrame());
    for (const f of frames) this.lendRange(what, f * FRAME_SIZE, FRAME_SIZE);
    return { what, address: frames[0]! * FRAME_SIZE, frames };
  }
  /** @throws the errno that the hypervisor answered */
  lendRange(what: string, address: number, bytes: number): void {
    check(this.share.share(address, address + bytes));
    this.trace?.('hyp_share', { what, bytes, shared: this.share.bytes });
  }
  /** Without protection what was mapped once stays mapped. */
  takeBackRange(what: string, address: number, bytes: number): void {
    if (!this.hyp) return;
    this.share.unshare(address, address + bytes);
    this.trace?.('hyp_unshare', { what, bytes, shared: this.share.bytes });
  }
  /** @throws ENOMEM when the hypervisor's table is full */
  vmCreated(vm: Vm): void {
    if (this.hyp) this.handles.set(vm, check(this.hyp.reserveVm()));
    this.lent.set(vm, this.lend('struct kvm', FRAME_SIZE));
  }
  vcpuCreated(vcpu: Vcpu): void {
    this.lent.set(vcpu, this.lend('struct kvm_vcpu', FRAME_SIZE));
  }
  sveFinalized(vcpu: Vcpu): void {
    this.sve.set(vcpu, this.lend('SVE storage', VECTOR_BYTES));
  }
  vmDestroyed(vm: Vm): void {
    const handle = this.handles.get(vm);
    if (handle !== undefined) this.hyp?.teardownVm(handle, this.addressOf(vm));
    for (const object of [...vm.vcpus, vm])
      for (const from of [this.sve, this.lent]) {
        const lent = from.get(object);
        from.delete(object);
        for (const f of lent?.frames ?? []) {
          this.takeBackRange(lent!.what, f * FRAME_SIZE, FRAME_SIZE);
          this.mem.unref(f);
        }
      }
    for (const page of this.given.get(vm) ?? []) this.mem.unref(page);
    this.handles.delete(vm);
    this.given.delete(vm);
  }

  // ---- running ----------------------------------------------------------------------------------------------------------

  /**
   * The hypervisor makes its own VM, and of each vCPU that runs a vCPU, in pages that the host gives away. A vCPU is copied
   * no earlier: until its first run the program may still choose what it has.
   * @linux pkvm_create_hyp_vm, pkvm_create_hyp_vcpu
   */
  private createHypVcpu(vcpu: Vcpu): void {
    const { hyp } = this;
    const { vm } = vcpu;
    const handle = this.handles.get(vm);
    if (!hyp || handle === undefined) return;
    const pages = this.given.get(vm) ?? [];
    const isNew = pages.length === 0;
    const give = (): number => {
      const frame = this.mem.allocFrame();
      pages.push(frame);
      return frame * FRAME_SIZE;
    };
    this.given.set(vm, pages);
    if (isNew) check(hyp.initVm(handle, vm, this.addressOf(vm), give()));
    const index = vm.vcpus.indexOf(vcpu);
    if (!hyp.vcpuOf(handle, index)) check(hyp.initVcpu(handle, index, vcpu, this.addressOf(vcpu), give()));
  }
  /** What the PE is loaded from and stored to: the hypervisor's copy, where it has one. */
  regsOf(vcpu: Vcpu): VcpuRegs {
    const { vm } = vcpu;
    this.createHypVcpu(vcpu);
    const handle = this.handles.get(vm);
    const hypVcpu = handle === undefined ? undefined : this.hyp?.vcpuOf(handle, vm.vcpus.indexOf(vcpu));
    return hypVcpu?.regs ?? vcpu.regs;
  }
  load(vcpu: Vcpu, cpu: CpuFp): void {
    const handle = this.handles.get(vcpu.vm);
    if (handle !== undefined) this.hyp?.loadVcpu(handle, vcpu.vm.vcpus.indexOf(vcpu), cpu);
  }
  put(cpu: CpuFp): void {
    this.hyp?.putVcpu(cpu);
  }
  /** @returns a negative errno where the hypervisor refuses */
  run(vcpu: Vcpu, guest: Guest, at: Loaded, budget: number): Ran | number {
    this.space.access(this.addressOf(vcpu.vm), FRAME_SIZE);
    this.space.access(this.addressOf(vcpu), FRAME_SIZE);
    return this.hyp ? this.hyp.run(guest, at, budget) : guest.run(at, budget);
  }
}
