// Whose values are in the FP registers of a CPU while KVM uses it: nobody's, the host's, or a guest's. The guest's are
// loaded when it first uses them, and saved when somebody else wants the registers. @linux arch/arm64/kvm/fpsimd.c

import type { Caller } from '../base/hostfile.ts';
import type { FpBlock, FpFile, FpItem } from '../cpu/fp_state.ts';
import { type CpuFp, HostFp, TaskFp } from '../cpu/host_fp.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import { CpuState } from '../cpu/state.ts';
import { fpViewOf, VcpuFpBlock } from './hyp/fp_state.ts';
import type { VcpuRegs } from './regs_state.ts';
import type { Vcpu } from './vcpu.ts';

/** @linux enum fp_owner */
export type FpOwnership = 'free' | 'host' | 'guest';

/** A vCPU is loaded on a CPU by a thread. @linux vcpu_load */
export interface Loaded {
  readonly cpu: CpuFp;
  readonly task: TaskFp;
}

/** Where a vCPU's FP state goes to when it leaves the registers. */
export class VcpuFp {
  readonly block: FpBlock;
  readonly view: readonly FpItem[];
  constructor(regs: VcpuRegs, view = fpViewOf(regs.vm)) {
    this.block = new VcpuFpBlock(regs);
    this.view = view;
  }
  saveFp(file: FpFile): void {
    file.save(this.block, this.view);
  }
}

/**
 * Who owns the registers, from vCPU load to put. The first six are what the host kernel does, `trap` is the hypervisor's.
 * There are two arrangements: by CPU (below), as Linux has it since 6.11, and by vCPU (fpsimd_v6.ts), as it was before.
 */
export interface FpSwitch {
  /** Another thread than before is going to run the vCPU. @linux kvm_arch_vcpu_run_pid_change */
  threadChanged(vcpu: Vcpu, at: Loaded): void;
  /** @linux kvm_arch_vcpu_load_fp */
  load(vcpu: Vcpu, at: Loaded): void;
  /** Before the guest is entered. @returns whether its values are in the registers. @linux kvm_arch_vcpu_ctxflush_fp */
  enter(vcpu: Vcpu, at: Loaded): boolean;
  /** The guest has used FP and trapped: afterwards its values are in the registers. @linux kvm_hyp_handle_fpsimd */
  trap(vcpu: Vcpu, at: Loaded): void;
  /** After the guest has come out. @linux kvm_arch_vcpu_ctxsync_fp */
  leave(vcpu: Vcpu, at: Loaded): void;
  /** @linux kvm_arch_vcpu_put_fp */
  put(vcpu: Vcpu, at: Loaded): void;
  /** The vCPU is gone. */
  destroy(vcpu: Vcpu): void;
}

/** The owner is a property of the CPU; the host's values are saved when a vCPU is loaded. */
export class PerCpuFp implements FpSwitch {
  private readonly owners = new WeakMap<CpuFp, FpOwnership>();

  ownerOf(cpu: CpuFp): FpOwnership {
    return this.owners.get(cpu) ?? 'free';
  }
  threadChanged(): void {}
  destroy(): void {}
  load(vcpu: Vcpu, { cpu, task }: Loaded): void {
    const wasLive = !task.foreign;
    cpu.saveAndFlush();
    this.owners.set(cpu, 'free');
    vcpu.vm.kvm.fpTrace?.('fp_load', {
      cpu: cpu.index, vcpu: vcpu.id, owner: 'free', saved: wasLive ? 'host' : 'nothing', fpmr: task.block.get('FPMR'),
    }); // biome-ignore format: one event
  }
  enter(_vcpu: Vcpu, { cpu, task }: Loaded): boolean {
    if (task.foreign) this.owners.set(cpu, 'free');
    return this.ownerOf(cpu) === 'guest';
  }
  trap(vcpu: Vcpu, { cpu }: Loaded): void {
    loadGuest(vcpu, cpu);
    this.owners.set(cpu, 'guest');
  }
  leave(vcpu: Vcpu, { cpu }: Loaded): void {
    if (this.ownerOf(cpu) === 'guest') cpu.bind(vcpu.guest!.fp);
  }
  put(vcpu: Vcpu, { cpu }: Loaded): void {
    if (this.ownerOf(cpu) !== 'guest') return;
    cpu.saveAndFlush();
    tracePut(vcpu, cpu);
  }
}

/** The guest's values go from memory to the registers. */
export function loadGuest(vcpu: Vcpu, cpu: CpuFp): void {
  const { fp, pe } = vcpu.guest!;
  cpu.file.load(pe.cpu, fp.block, fp.view);
  vcpu.vm.kvm.fpTrace?.('fp_guest', {
    cpu: cpu.index, vcpu: vcpu.id, owner: 'guest', fpmr: fpmrOf(vcpu, fp.block),
  }); // biome-ignore format: one event
}
export function tracePut(vcpu: Vcpu, cpu: CpuFp): void {
  const { block } = vcpu.guest!.hostFp;
  vcpu.vm.kvm.fpTrace?.('fp_put', {
    cpu: cpu.index, vcpu: vcpu.id, owner: 'free', saved: 'guest', fpmr: fpmrOf(vcpu, block),
  }); // biome-ignore format: one event
}
/** For traces: FPMR of a VM that has it. */
export function fpmrOf(vcpu: Vcpu, block: FpBlock): bigint | undefined {
  return vcpu.guest?.fp.view.some((i) => i.name === 'FPMR') ? block.get('FPMR') : undefined;
}

// Loading and putting.

/** Callers that say nothing of FP registers have a CPU to themselves, and nothing in it. */
const strangers = new WeakMap<Caller, TaskFp>();
export function taskOf(caller: Caller, mem: PhysMem): TaskFp {
  if (caller.fp instanceof TaskFp) return caller.fp;
  let task = strangers.get(caller);
  if (!task) {
    const host = new HostFp(mem, 1, () => true);
    task = host.newTask(new CpuState(mem));
    host.cpus[0]!.switchTo(task);
    strangers.set(caller, task);
  }
  return task;
}

/** The thread that is in KVM_RUN has the CPU: the vCPU is loaded there until the thread or KVM_RUN gives it up. */
export function loadVcpu(vcpu: Vcpu, caller: Caller): void {
  const task = taskOf(caller, vcpu.vm.kvm.mem);
  const at = vcpu.loaded;
  if (at && at.task === task && at.cpu === task.cpu) return;
  const cpu = task.cpu!;
  vcpu.loaded = { cpu, task };
  task.notifier = { schedOut: () => putVcpu(vcpu) };
  vcpu.vm.kvm.hypHost?.load(vcpu, cpu);
  vcpu.vm.kvm.fp.load(vcpu, vcpu.loaded);
}
/** @linux kvm_arch_vcpu_put */
export function putVcpu(vcpu: Vcpu): void {
  const at = vcpu.loaded;
  if (!at) return;
  vcpu.loaded = undefined;
  at.task.notifier = undefined;
  vcpu.vm.kvm.fp.put(vcpu, at);
  vcpu.vm.kvm.hypHost?.put(at.cpu);
}
