// KVM for programs in this language: typed objects over the same requests that a program in C makes on /dev/kvm, with
// no process in between. Every method is one ioctl and says which; the rules are all in kvm/.

import { UsageError } from '../base/assert.ts';
import { parseModelFile } from '../cpu/model_file.ts';
import { builtinModel, type CpuModel, DEFAULT_MODEL, isModelName, MODEL_NAMES, type ModelName } from '../cpu/models.ts';
import { PhysMem } from '../cpu/physmem.ts';
import type { StartThread } from '../interp/crew.ts';
import type { MakeTier } from '../interp/region.ts';
import type { KvmCompat } from '../kvm/compat.ts';
import { createKvm } from '../kvm/dev_kvm.ts';
import { type HostSpec, hostSpecFromJson, type KvmMode, makeHost } from '../kvm/host.ts';
import type { OfferName } from '../kvm/offers.ts';
import type { Trace } from '../kvm/trace.ts';
import { type CapName, KVM_VM_TYPE_ARM } from '../uapi/index.ts';
import { capNumber, Handle } from './handle.ts';
import { createMachine } from './machine.ts';
import { Process } from './process.ts';
import { Vm } from './vm.ts';

/** A recorded host: ID registers by "op0,op1,CRn,CRm,op2", as in golden/real-kvm/hosts. */
export interface HostDescription {
  readonly rawIdRegisters: Readonly<Record<string, string>>;
}

export interface OpenOptions {
  /** A built-in CPU, a model, or a recorded host. Default: 'max'. */
  readonly cpu?: ModelName | CpuModel | HostDescription;
  /** As the kernel's kvm-arm.mode. Default: 'vhe'. */
  readonly mode?: KvmMode;
  /** Host CPUs, 1..512. Default: 2. */
  readonly smp?: number;
  /** MiB that guests and vCPUs can use, 1..4096; address space, not memory, until it is touched. Default: 256. */
  readonly memory?: number;
  /** CNTPCT_EL0 of the host; default: it follows the instructions that guests execute, so that runs are equal. */
  readonly counter?: () => bigint;
  /** The bytes of dist/interp/interp.wasm, which spare the first guest a moment; default: they are generated. */
  readonly interpreter?: Uint8Array;
  /**
   * Threads on which vCPUs execute at the same time in Vm.run: how to begin one, and how many at most. The memory is shared
   * with them. What guests do is then no longer the same in every run. Default: none, vCPUs take turns.
   */
  readonly threads?: { readonly begin: StartThread; readonly most: number };
  /** What compiles code that runs often, as jitTier of jit/ makes it. Default: none, guests are interpreted. */
  readonly tier?: MakeTier;
  readonly trace?: Trace;
  /**
   * 'linux-7.2': where that kernel lets a guest see what its VM lacks, do the same. Default: do better.
   * docs/enforcement.md lists the points.
   */
  readonly compat?: KvmCompat;
  /** ID fields that VMs may have although Linux 7.2 hides them, as 'ID_AA64ISAR3_EL1.CPA'. Default: none. */
  readonly offer?: readonly OfferName[];
}

function specOf(cpu: OpenOptions['cpu'], mode: KvmMode, cpus: number): HostSpec {
  if (typeof cpu === 'object' && 'rawIdRegisters' in cpu) {
    parseModelFile(JSON.stringify(cpu), 'cpu'); // says what is wrong with it
    return { ...hostSpecFromJson(cpu, mode, 'cpu'), cpus };
  }
  if (typeof cpu === 'string' && !isModelName(cpu)) {
    throw new UsageError(`cpu: '${String(cpu)}' is not a built-in model; there are ${MODEL_NAMES.join(', ')}`);
  }
  const model = typeof cpu === 'object' ? cpu : builtinModel(cpu ?? DEFAULT_MODEL);
  return { raw: model.raw, mode, cpus };
}

/**
 * Opens /dev/kvm of a host that exists only here.
 * @throws UsageError for a host that cannot have KVM, or a description that is wrong
 * @example
 * const kvm = openKvm({ cpu: 'max' });
 * const vm = kvm.createVm();
 * const vcpu = vm.createVcpu(0);
 * vcpu.init({ features: ['PSCI_0_2'] });
 * vcpu.getOneReg('FPMR'); // 0n
 * vm.checkExtension('ARM_VM_IPA_SIZE'); // 52
 */
export function openKvm(options: OpenOptions = {}): System {
  const spec = specOf(options.cpu, options.mode ?? 'vhe', options.smp ?? 2);
  const host = makeHost(spec);
  if (host.unavailable !== undefined) throw new UsageError(`no KVM on this host: ${host.unavailable}`);
  const { compat, counter, interpreter, offer, threads, tier, trace } = options;
  const mem = new PhysMem(options.memory ?? 256, { parallel: threads !== undefined });
  const machine = createMachine({
    mem,
    readId: (encoding) => spec.raw.get(encoding) ?? 0n,
    ...(counter && { counter }),
    ...(interpreter && { interpreter }),
    ...(threads && { threads }),
    ...(tier && { tier }),
  });
  const process = new Process(mem, 1, machine);
  const { hardware } = machine;
  const kvm = createKvm({
    host,
    mem,
    counter: machine.counter,
    hardware,
    compat,
    ...(offer && { offer }),
    ...(trace && { trace }),
  });
  return new System(process, process.installFd(kvm.open()));
}

/** /dev/kvm. */
export class System extends Handle {
  /** KVM_GET_API_VERSION: 12. */
  apiVersion(): number {
    return this.ioctl('KVM_GET_API_VERSION');
  }
  /**
   * KVM_CHECK_EXTENSION.
   * @returns 0: not there; else what the capability says
   * @throws KvmError EINVAL where it is a VM's to say
   * @example
   * openKvm({ cpu: 'neoverse-n1' }).checkExtension('ARM_SVE'); // 0
   * openKvm({ cpu: 'neoverse-v1' }).checkExtension('ARM_SVE'); // 1
   */
  checkExtension(cap: CapName | number): number {
    return this.ioctl('KVM_CHECK_EXTENSION', capNumber(cap), String(cap));
  }
  /**
   * KVM_CREATE_VM.
   * @param options.ipaBits bits of guest physical addresses; default 40
   * @throws KvmError EINVAL for more bits than the host has, or protection that it does not have
   */
  createVm(options: { readonly ipaBits?: number; readonly isProtected?: boolean } = {}): Vm {
    const type = (options.ipaBits ?? 0) + (options.isProtected ? KVM_VM_TYPE_ARM.PROTECTED : 0);
    return new Vm(this.process, this.ioctl('KVM_CREATE_VM', type));
  }
}
