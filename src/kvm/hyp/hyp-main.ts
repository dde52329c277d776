// The hypervisor below a protected host: its own copies of VMs and vCPUs, what it takes over from the host before a run and
// gives back after it, and the FP registers, which it returns to the host as it found them. It believes nothing that the
// host can write, and reaches no memory but its own and what is lent to it.
// @linux arch/arm64/kvm/hyp/nvhe/hyp-main.c, pkvm.c

import { Errno } from '../../base/hostfile.ts';
import { FpArea } from '../../cpu/fp_state.ts';
import type { CpuFp } from '../../cpu/host_fp.ts';
import { FRAME_SIZE, type PhysMem } from '../../cpu/physmem.ts';
import { type FpOwnership, type FpSwitch, type Loaded, loadGuest, PerCpuFp } from '../fpsimd.ts';
import type { VcpuRegs, VmRegs } from '../regs_state.ts';
import type { Vcpu } from '../vcpu.ts';
import type { Vm } from '../vm.ts';
import { GuestPages, MemProtect } from './mem_protect.ts';
import type { Guest, Ran } from './switch.ts';
import { restrictVm } from './sys_regs.ts';

/** @linux HANDLE_OFFSET, KVM_MAX_PVMS */
export const FIRST_HANDLE = 0x1000;
export const MAX_VMS = 255;
/** Implemented list registers. */
export const LIST_REGISTERS = 4;

/** What of a vCPU stands in the page that the host lends: bytes, which the host may write as it likes. */
export const SHARED_VCPU = { hostUw: 0, usedLrs: 8, lr: 16, lrs: 16 } as const;

export interface HypVm {
  readonly handle: number;
  readonly vm: Vm;
  readonly address: number;
  readonly pages: GuestPages;
  /** The hypervisor's copy of what the VM has. @linux pkvm_hyp_vm.kvm */
  readonly regs: VmRegs;
  /** By index, in the order of their creation. */
  readonly vcpus: Map<number, HypVcpu>;
}
export interface HypVcpu {
  readonly hypVm: HypVm;
  readonly vcpu: Vcpu;
  /** The page that the host lends, and the one that it gave away. */
  readonly shared: number;
  readonly own: number;
  /** The hypervisor's copy of all registers. */
  readonly regs: VcpuRegs;
  loadedOn: CpuFp | undefined;
}

/** A VM without protection has what the host says. */
function ownView(vm: Vm): VmRegs {
  return vm.regs.isProtected ? restrictVm(vm.regs) : vm.regs;
}
/** A vCPU's registers, apart from the host's. */
function copyOf(regs: VcpuRegs, vm: VmRegs): VcpuRegs {
  const { core } = regs;
  return {
    ...regs,
    vm,
    core: { ...core, x: core.x.slice(), spsrBanked: core.spsrBanked.slice() },
    vectors: regs.vectors.slice(),
    sys: regs.sys.slice(),
  };
}
function copyContext(from: VcpuRegs, to: VcpuRegs): void {
  const { x, spsrBanked, ...rest } = from.core;
  Object.assign(to.core, rest);
  to.core.x.set(x);
  to.core.spsrBanked.set(spsrBanked);
  to.vectors.set(from.vectors);
  to.sys.set(from.sys);
}

export class Hypervisor {
  readonly protect: MemProtect;
  private readonly mem: PhysMem;
  private readonly vms = new Map<number, HypVm | 'reserved'>();
  private readonly loaded = new WeakMap<CpuFp, HypVcpu>();

  constructor(mem: PhysMem) {
    this.mem = mem;
    this.protect = new MemProtect(mem);
  }

  // ---- the table of VMs -----------------------------------------------------------------------------------------------

  /** @returns a handle, or -ENOMEM. @linux __pkvm_reserve_vm */
  reserveVm(): number {
    for (let h = FIRST_HANDLE; h < FIRST_HANDLE + MAX_VMS; h++) {
      if (this.vms.has(h)) continue;
      this.vms.set(h, 'reserved');
      return h;
    }
    return -Errno.ENOMEM;
  }
  /**
   * @param shared the host's structure, lent @param own a page that the host gives away
   * @linux __pkvm_init_vm
   */
  initVm(handle: number, vm: Vm, shared: number, own: number): number {
    if (this.vms.get(handle) !== 'reserved') return -Errno.EINVAL;
    const pinned = this.protect.pin(shared, shared + 1);
    if (pinned !== 0) return pinned;
    const given = this.protect.hostDonateHyp(own / FRAME_SIZE, 1);
    if (given !== 0) {
      this.protect.unpin(shared, shared + 1);
      return given;
    }
    this.vms.set(handle, { handle, vm, address: own, pages: new GuestPages(), regs: ownView(vm), vcpus: new Map() });
    return 0;
  }
  /** @linux __pkvm_init_vcpu */
  initVcpu(handle: number, index: number, vcpu: Vcpu, shared: number, own: number): number {
    const hypVm = this.vms.get(handle);
    if (hypVm === undefined || hypVm === 'reserved') return -Errno.ENOENT;
    const pinned = this.protect.pin(shared, shared + 1);
    if (pinned !== 0) return pinned;
    const given = this.protect.hostDonateHyp(own / FRAME_SIZE, 1);
    if (given !== 0) {
      this.protect.unpin(shared, shared + 1);
      return given;
    }
    hypVm.vcpus.set(index, { hypVm, vcpu, shared, own, regs: copyOf(vcpu.regs, hypVm.regs), loadedOn: undefined });
    return 0;
  }
  /** Everything that the VM's objects occupied goes back. @linux __pkvm_start_teardown_vm, __pkvm_finalize_teardown_vm */
  teardownVm(handle: number, shared: number): void {
    const hypVm = this.vms.get(handle);
    this.vms.delete(handle);
    if (hypVm === undefined || hypVm === 'reserved') return;
    for (const v of hypVm.vcpus.values()) {
      this.protect.unpin(v.shared, v.shared + 1);
      this.giveBack(v.own);
    }
    for (const gfn of [...hypVm.pages.pages.keys()]) this.protect.reclaim(gfn, hypVm.pages);
    this.protect.unpin(shared, shared + 1);
    this.giveBack(hypVm.address);
  }
  private giveBack(address: number): void {
    this.mem.frameBytes(address / FRAME_SIZE).fill(0);
    this.protect.hypDonateHost(address / FRAME_SIZE, 1);
  }

  // ---- load, put, run ---------------------------------------------------------------------------------------------------

  /** @returns undefined: nothing is loaded, and a run on this CPU will be refused. @linux pkvm_load_hyp_vcpu */
  loadVcpu(handle: number, index: number, cpu: CpuFp): HypVcpu | undefined {
    if (this.loaded.has(cpu)) return undefined;
    const v = this.vcpuOf(handle, index);
    if (!v || v.loadedOn) return undefined;
    v.loadedOn = cpu;
    this.loaded.set(cpu, v);
    return v;
  }
  vcpuOf(handle: number, index: number): HypVcpu | undefined {
    const hypVm = this.vms.get(handle);
    return hypVm === undefined || hypVm === 'reserved' ? undefined : hypVm.vcpus.get(index);
  }
  putVcpu(cpu: CpuFp): void {
    const v = this.loaded.get(cpu);
    if (v) v.loadedOn = undefined;
    this.loaded.delete(cpu);
  }
  loadedOn(cpu: CpuFp): HypVcpu | undefined {
    return this.loaded.get(cpu);
  }
  /** @linux handle___kvm_vcpu_run */
  run(guest: Guest, at: Loaded, budget: number): Ran | number {
    const v = this.loaded.get(at.cpu);
    if (!v) return -Errno.EINVAL;
    this.flush(v);
    const ran = guest.run(at, budget);
    guest.leave();
    this.sync(v);
    return ran;
  }
  /** What the host says, as far as it has a say. @linux flush_hyp_vcpu */
  private flush(v: HypVcpu): void {
    this.protect.access(v.shared, FRAME_SIZE);
    copyContext(v.vcpu.regs, v.regs);
    const { u32, u64 } = this.mem;
    const used = Math.min(u32[(v.shared + SHARED_VCPU.usedLrs) >>> 2]!, LIST_REGISTERS);
    u32[(v.own + SHARED_VCPU.usedLrs) >>> 2] = used;
    const [from, to] = [(v.shared + SHARED_VCPU.lr) >>> 3, (v.own + SHARED_VCPU.lr) >>> 3];
    for (let i = 0; i < used; i++) u64[to + i] = u64[from + i]!;
  }
  /** @linux sync_hyp_vcpu */
  private sync(v: HypVcpu): void {
    this.protect.access(v.shared, FRAME_SIZE);
    copyContext(v.regs, v.vcpu.regs);
    const { u32, u64 } = this.mem;
    const used = u32[(v.own + SHARED_VCPU.usedLrs) >>> 2]!;
    const [from, to] = [(v.own + SHARED_VCPU.lr) >>> 3, (v.shared + SHARED_VCPU.lr) >>> 3];
    for (let i = 0; i < used; i++) u64[to + i] = u64[from + i]!;
  }
}

/**
 * FP registers below a protected host. Before a run they are the host's. If the guest uses them, the hypervisor keeps the
 * host's values in memory of its own and puts them back after the run: the host cannot see that the guest used any.
 * @linux fpsimd_sve_flush, fpsimd_sve_sync
 */
export class PkvmFp implements FpSwitch {
  private readonly host = new PerCpuFp();
  /** By CPU, the hypervisor's own. @linux host_data */
  private readonly owners = new WeakMap<CpuFp, FpOwnership>();
  private readonly saved = new WeakMap<CpuFp, FpArea>();

  threadChanged(): void {}
  destroy(): void {}
  load(vcpu: Vcpu, at: Loaded): void {
    this.host.load(vcpu, at);
  }
  enter(_vcpu: Vcpu, { cpu }: Loaded): boolean {
    this.owners.set(cpu, 'host');
    return false;
  }
  trap(vcpu: Vcpu, { cpu, task }: Loaded): void {
    if (this.owners.get(cpu) === 'host') cpu.file.save(this.areaOf(cpu), withoutHidden(vcpu, task.view));
    loadGuest(vcpu, cpu);
    this.owners.set(cpu, 'guest');
  }
  leave(vcpu: Vcpu, { cpu, task }: Loaded): void {
    if (this.owners.get(cpu) !== 'guest') return;
    vcpu.guest!.fp.saveFp(cpu.file);
    cpu.file.load(task.state, this.areaOf(cpu), withoutHidden(vcpu, task.view));
    this.owners.set(cpu, 'host');
    vcpu.vm.kvm.fpTrace?.('fp_restored', { cpu: cpu.index, vcpu: vcpu.id, owner: 'host' });
  }
  put(vcpu: Vcpu, at: Loaded): void {
    this.host.put(vcpu, at);
  }
  private areaOf(cpu: CpuFp): FpArea {
    const known = this.saved.get(cpu);
    if (known) return known;
    const made = new FpArea();
    this.saved.set(cpu, made);
    return made;
  }
}
/** The host's FPMR is only in the way of a guest that has one. */
function withoutHidden(vcpu: Vcpu, view: Loaded['task']['view']): Loaded['task']['view'] {
  return vcpu.guest!.hasFpmr ? view : view.filter((i) => i.name !== 'FPMR');
}
