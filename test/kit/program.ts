// A program that talks to /dev/kvm by requests and bytes, as one written in C would: results are what ioctl(2) returns,
// or the name of the error.

import { Errno, type ErrnoName } from '../../src/base/hostfile.ts';
import { PhysMem } from '../../src/cpu/physmem.ts';
import { type KvmOptions, makeKvm, systemFile } from '../../src/kvm/dev_kvm.ts';
import { createVm, type Kvm, type Vm } from '../../src/kvm/vm.ts';
import { vmFile } from '../../src/kvm/vm_ioctl.ts';
import { Eventfd, Process } from '../../src/lib/process.ts';
import {
  decode,
  encode,
  type IoctlName,
  KVM,
  KVM_ARM_VCPU,
  KVM_DEV_TYPE,
  structs,
  type ValueOf,
  type VcpuFeature,
} from '../../src/uapi/index.ts';
import { maxHost } from './kvm_regs.ts';

type Structs = typeof structs;
type StructName = keyof Structs;
type Partially<T> = { readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : Partially<T[K]> };

const NAMES = new Map<number, ErrnoName>(Object.entries(Errno).map(([name, n]) => [n, name as ErrnoName]));
const answer = (r: number): number | ErrnoName => (r < 0 ? (NAMES.get(-r) ?? r) : r) as number | ErrnoName;
export type Answer = ReturnType<typeof answer>;

/** KVM on a host that has nearly everything. */
export function testKvm(options: Partial<KvmOptions> = {}): Kvm {
  return makeKvm({ host: maxHost(), mem: new PhysMem(64), ...options });
}

export class Program {
  readonly shared: Kvm;
  readonly process: Process;
  readonly kvm: number;

  /** @param shared by all programs of a test */
  constructor(shared = testKvm(), pid = 1) {
    this.shared = shared;
    this.process = new Process(shared.mem, pid);
    this.kvm = this.process.installFd(systemFile(shared));
  }
  /** A VM, and what KVM knows about it. */
  openVm(type = 0n): readonly [number, Vm] {
    const vm = createVm(this.shared, type, this.process);
    return [this.process.installFd(vmFile(vm)), vm];
  }
  ioctl(fd: number, name: IoctlName, arg: bigint | number = 0n): Answer {
    return answer(this.process.ioctl(fd, KVM[name], arg));
  }
  /** A request with a structure. */
  give<S extends StructName>(
    fd: number,
    name: IoctlName,
    struct: S,
    value: Partially<ValueOf<Structs[S]>>,
    more = new Uint8Array(),
  ): Answer {
    const head = encode(structs[struct] as never, value as never) as Uint8Array;
    const bytes = new Uint8Array(head.length + more.length);
    bytes.set(head);
    bytes.set(more, head.length);
    return this.ioctl(fd, name, this.process.scratch(bytes));
  }
  /** The structure that the last request left. */
  left<S extends StructName>(struct: S): ValueOf<Structs[S]> {
    const out = new Uint8Array(structs[struct].size);
    this.process.memory.read(this.process.scratch(new Uint8Array()), out);
    return decode(structs[struct] as never, out) as ValueOf<Structs[S]>;
  }
  /** @returns the descriptor. @throws Error */
  fd(fd: number, name: IoctlName, arg: bigint | number = 0n): number {
    const r = this.ioctl(fd, name, arg);
    if (typeof r !== 'number') throw new Error(`${name}: ${r}`);
    return r;
  }
  vm(type: bigint | number = 0): number {
    return this.fd(this.kvm, 'KVM_CREATE_VM', type);
  }
  vcpu(vm: number, id = 0, ...features: VcpuFeature[]): number {
    const vcpu = this.fd(vm, 'KVM_CREATE_VCPU', id);
    const r = this.init(vcpu, ...features);
    if (r !== 0) throw new Error(`KVM_ARM_VCPU_INIT: ${r}`);
    return vcpu;
  }
  init(vcpu: number, ...features: VcpuFeature[]): Answer {
    const bits = features.reduce((b, f) => b | (1 << KVM_ARM_VCPU[f]), 0);
    const init = { target: 5, features: [bits, 0, 0, 0, 0, 0, 0] };
    return this.give(vcpu, 'KVM_ARM_VCPU_INIT', 'kvm_vcpu_init', init);
  }
  cap(vm: number, cap: number, arg = 0n): Answer {
    return this.give(vm, 'KVM_ENABLE_CAP', 'kvm_enable_cap', { cap, args: [arg, 0n, 0n, 0n] });
  }
  check(fd: number, cap: number): Answer {
    return this.ioctl(fd, 'KVM_CHECK_EXTENSION', cap);
  }
  device(vm: number, type: keyof typeof KVM_DEV_TYPE): number {
    const r = this.give(vm, 'KVM_CREATE_DEVICE', 'kvm_create_device', { type: KVM_DEV_TYPE[type] });
    if (r !== 0) throw new Error(`KVM_CREATE_DEVICE: ${r}`);
    return this.left('kvm_create_device').fd;
  }
  /** Attributes of a device, a VM or a vCPU. @param value what the address points to; without: no address */
  attr(verb: 'SET' | 'GET' | 'HAS', fd: number, group: number, attr: bigint | number, value?: Uint8Array): Answer {
    const addr = value ? this.process.scratch2(value) : 0n;
    const r = this.give(fd, `KVM_${verb}_DEVICE_ATTR`, 'kvm_device_attr', { group, attr: BigInt(attr), addr });
    if (verb === 'GET' && value) this.process.memory.read(addr, value);
    return r;
  }
  memory(vm: number, slot: number, gpa: number | bigint, size: number | bigint, flags = 0, hva = 0x1000_0000n): Answer {
    const region = { slot, flags, guest_phys_addr: BigInt(gpa), memory_size: BigInt(size), userspace_addr: hva };
    return this.give(vm, 'KVM_SET_USER_MEMORY_REGION', 'kvm_userspace_memory_region', region);
  }
  /** GICv3 at its usual place. */
  gicv3(vm: number, init = true): number {
    const gic = this.device(vm, 'ARM_VGIC_V3');
    this.attr('SET', gic, 3, 0, u32(64));
    this.attr('SET', gic, 0, 2, u64(0x800_0000n));
    this.attr('SET', gic, 0, 3, u64(0x80a_0000n));
    if (init) this.attr('SET', gic, 4, 0);
    return gic;
  }
  /** KVM_RUN with immediate_exit: all checks, no guest. */
  tryToRun(vcpu: number): Answer {
    const page = this.process.mmap(vcpu, 4096);
    this.process.memory.write(page + 1n, Uint8Array.of(1));
    return this.ioctl(vcpu, 'KVM_RUN');
  }
  eventfd(): readonly [number, Eventfd] {
    const file = new Eventfd();
    return [this.process.installFd(file), file];
  }
  read(addr: bigint, length: number): Uint8Array {
    const out = new Uint8Array(length);
    this.process.memory.read(addr, out);
    return out;
  }
  close(...fds: number[]): void {
    for (const fd of fds) this.process.close(fd);
  }
}

export const u32 = (x: number): Uint8Array => new Uint8Array(Uint32Array.of(x).buffer);
export const u64 = (x: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(x).buffer);
