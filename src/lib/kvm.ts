// KVM for programs in this language: typed objects over the same requests that a program in C makes on /dev/kvm, with
// no process in between. Every method is one ioctl and says which; the rules are all in kvm/.

import { UsageError } from '../base/assert.ts';
import { Errno } from '../base/hostfile.ts';
import { parseModelFile } from '../cpu/model_file.ts';
import { builtinModel, type CpuModel, DEFAULT_MODEL, isModelName, MODEL_NAMES, type ModelName } from '../cpu/models.ts';
import { PhysMem } from '../cpu/physmem.ts';
import { createKvm } from '../kvm/dev_kvm.ts';
import { type HostSpec, hostSpecFromJson, type KvmMode, makeHost } from '../kvm/host.ts';
import { regIdByName } from '../kvm/reg_by_name.ts';
import { regName } from '../kvm/reg_names.ts';
import type { Trace } from '../kvm/trace.ts';
import {
  type CapName, decode, encode, type IoctlName, KVM, KVM_ARM_VCPU, KVM_CAP, KVM_CREATE_DEVICE, KVM_DEV_TYPE,
  KVM_EXIT, KVM_LIMITS, KVM_MEM, KVM_MP_STATE, KVM_VM_TYPE_ARM, type PartialValue, regSize, type Struct, type StructValue, structs,
  sysregId, type VcpuFeature,
} from '../uapi/index.ts'; // biome-ignore format: one list
import { KvmError } from './errors.ts';
import { Process } from './process.ts';

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
  /** CNTPCT_EL0 of the host; default: it stands still, so that runs are equal. */
  readonly counter?: () => bigint;
  readonly trace?: Trace;
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
  const mem = new PhysMem(options.memory ?? 256);
  const process = new Process(mem);
  const { counter, trace } = options;
  const kvm = createKvm({ host, mem, ...(counter && { counter }), ...(trace && { trace }) });
  return new System(process, process.installFd(kvm.open()));
}

/** A file that takes requests. */
class Handle {
  protected readonly process: Process;
  /** The descriptor. */
  readonly fd: number;
  constructor(process: Process, fd: number) {
    this.process = process;
    this.fd = fd;
  }
  /**
   * Any request by name, with a number as argument.
   * @throws KvmError
   */
  ioctl(name: IoctlName, arg: bigint | number = 0n, subject?: string): number {
    const r = this.process.ioctl(this.fd, KVM[name], arg);
    if (r < 0) throw new KvmError(-r, name, subject);
    return r;
  }
  /**
   * Any request by name, with a structure as argument. @returns the result, and the structure as it is afterwards
   * @throws KvmError
   */
  ioctlStruct<F>(
    name: IoctlName,
    s: Struct<F>,
    value: PartialValue<F>,
    subject?: string,
  ): { result: number; value: StructValue<F> } {
    const addr = this.process.scratch(encode(s, value));
    const result = this.ioctl(name, addr, subject);
    const bytes = new Uint8Array(s.size);
    this.process.memory.read(addr, bytes);
    return { result, value: decode(s, bytes) };
  }
  /** Closes the descriptor. What it stands for lives on while another one leads to it. */
  close(): void {
    this.process.close(this.fd);
  }
}

function capNumber(cap: CapName | number): number {
  return typeof cap === 'number' ? cap : KVM_CAP[cap];
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

/** Memory of a guest, as the program sees it. */
export class GuestRam {
  private readonly process: Process;
  readonly guestPhysAddr: bigint;
  readonly size: bigint;
  /** Where it lies in the program. */
  readonly userspaceAddr: bigint;
  constructor(process: Process, guestPhysAddr: bigint, size: bigint, userspaceAddr: bigint) {
    this.process = process;
    this.guestPhysAddr = guestPhysAddr;
    this.size = size;
    this.userspaceAddr = userspaceAddr;
  }
  /** @param offset from the start of the region. @throws KvmError EFAULT beyond its end */
  read(offset: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    if (!this.process.memory.read(this.userspaceAddr + BigInt(offset), out)) throw new KvmError(Errno.EFAULT, 'read');
    return out;
  }
  write(offset: number, bytes: Uint8Array): void {
    if (!this.process.memory.write(this.userspaceAddr + BigInt(offset), bytes))
      throw new KvmError(Errno.EFAULT, 'write');
  }
}

export interface Region {
  /** 0..32766 */
  readonly slot: number;
  readonly guestPhysAddr: bigint;
  /** Bytes, whole pages; 0 removes the slot. */
  readonly size: bigint;
  readonly flags?: readonly (keyof typeof KVM_MEM)[];
  /** Memory of the program; default: new, zeroed. */
  readonly userspaceAddr?: bigint;
  readonly guestMemfd?: { readonly fd: number; readonly offset: bigint };
}

type DeviceType = keyof typeof KVM_DEV_TYPE;

/** A virtual machine. */
export class Vm extends Handle {
  /** KVM_CHECK_EXTENSION as this VM answers it. */
  checkExtension(cap: CapName | number): number {
    return this.ioctl('KVM_CHECK_EXTENSION', capNumber(cap), String(cap));
  }
  /** KVM_ENABLE_CAP. @throws KvmError EINVAL where it is unknown, or too late */
  enableCap(cap: CapName, ...args: bigint[]): void {
    this.ioctlStruct('KVM_ENABLE_CAP', structs.kvm_enable_cap, { cap: KVM_CAP[cap], args }, cap);
  }
  /** KVM_CREATE_VCPU. @param id 0..511. @throws KvmError EEXIST, EINVAL, EBUSY once the vGIC is initialised */
  createVcpu(id = 0): Vcpu {
    const fd = this.ioctl('KVM_CREATE_VCPU', id, String(id));
    const size = 2 * 4096;
    return new Vcpu(this.process, fd, id, this.process.mmap(fd, size));
  }
  /**
   * KVM_SET_USER_MEMORY_REGION2.
   * @returns the memory, to be filled before the guest looks at it
   * @throws KvmError EINVAL, EEXIST where slots meet, EFAULT beyond the VM's addresses
   * @example
   * const vm = openKvm().createVm();
   * const ram = vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0x4000_0000n, size: 0x10_0000n });
   * ram.write(0, Uint8Array.of(1, 2, 3));
   * ram.read(1, 2); // Uint8Array.of(2, 3)
   */
  setUserMemoryRegion(region: Region): GuestRam {
    const { slot, guestPhysAddr, size, guestMemfd } = region;
    const userspaceAddr = region.userspaceAddr ?? this.process.memory.allocate(size);
    const flags = (region.flags ?? []).reduce((f, name) => f | KVM_MEM[name], 0);
    this.ioctlStruct(
      'KVM_SET_USER_MEMORY_REGION2',
      structs.kvm_userspace_memory_region2,
      {
        slot,
        flags,
        guest_phys_addr: guestPhysAddr,
        memory_size: size,
        userspace_addr: userspaceAddr,
        guest_memfd: guestMemfd?.fd ?? 0,
        guest_memfd_offset: guestMemfd?.offset ?? 0n,
      },
      `slot ${slot}`,
    );
    return new GuestRam(this.process, guestPhysAddr, size, userspaceAddr);
  }
  /**
   * KVM_ARM_GET_REG_WRITABLE_MASKS: ID register name -> bits that can be changed; registers with none are left out.
   * @example
   * openKvm().createVm().writableMasks().get('ID_AA64ISAR3_EL1'); // 0xff0f00f0n
   */
  writableMasks(): ReadonlyMap<string, bigint> {
    const count = KVM_LIMITS.FEATURE_ID_RANGE_SIZE;
    const addr = this.process.scratch2(new Uint8Array(count * 8));
    this.ioctlStruct('KVM_ARM_GET_REG_WRITABLE_MASKS', structs.reg_mask_range, { addr });
    const bytes = new Uint8Array(count * 8);
    this.process.memory.read(addr, bytes);
    const masks = new Map<string, bigint>();
    for (const [i, mask] of new BigUint64Array(bytes.buffer).entries()) {
      const id = sysregId(3, [0, 1, 3][i >> 6]!, 0, (i >> 3) & 7, i & 7);
      if (mask !== 0n) masks.set(regName(id), mask);
    }
    return masks;
  }
  /** KVM_CREATE_DEVICE. @throws KvmError ENODEV where this host has none, EEXIST, EBUSY */
  createDevice(type: DeviceType): Device {
    const made = this.ioctlStruct('KVM_CREATE_DEVICE', structs.kvm_create_device, { type: KVM_DEV_TYPE[type] }, type);
    return new Device(this.process, made.value.fd);
  }
  /** Whether createDevice would find such a device. */
  hasDevice(type: DeviceType): boolean {
    const cd = { type: KVM_DEV_TYPE[type], flags: KVM_CREATE_DEVICE.TEST };
    try {
      this.ioctlStruct('KVM_CREATE_DEVICE', structs.kvm_create_device, cd, type);
      return true;
    } catch {
      return false;
    }
  }
}

/** Something with attributes. */
export class Device extends Handle {
  /** KVM_HAS_DEVICE_ATTR */
  hasAttr(group: number, attr: bigint | number): boolean {
    try {
      this.ioctlStruct('KVM_HAS_DEVICE_ATTR', structs.kvm_device_attr, { group, attr: BigInt(attr) });
      return true;
    } catch {
      return false;
    }
  }
  /** KVM_SET_DEVICE_ATTR. @param value the bytes that the attribute takes; a number is 32 bits, a bigint 64. @throws KvmError */
  setAttr(group: number, attr: bigint | number, value: number | bigint | Uint8Array = 0): void {
    const addr = this.process.scratch2(bytesOf(value));
    this.ioctlStruct('KVM_SET_DEVICE_ATTR', structs.kvm_device_attr, { group, attr: BigInt(attr), addr });
  }
  /** KVM_GET_DEVICE_ATTR. @param size bytes to fetch. @returns them as a little-endian number. @throws KvmError */
  getAttr(group: number, attr: bigint | number, size: 4 | 8): bigint {
    const addr = this.process.scratch2(new Uint8Array(size));
    this.ioctlStruct('KVM_GET_DEVICE_ATTR', structs.kvm_device_attr, { group, attr: BigInt(attr), addr });
    const out = new Uint8Array(size);
    this.process.memory.read(addr, out);
    return fromBytes(out);
  }
}

function bytesOf(value: number | bigint | Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return toBytes(BigInt(value), typeof value === 'number' ? 4 : 8);
}
function toBytes(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(i * 8)) & 0xffn));
}
function fromBytes(bytes: Uint8Array): bigint {
  return bytes.reduceRight((v, b) => (v << 8n) | BigInt(b), 0n);
}

/** A register as KVM_GET_REG_LIST names it. */
export interface Register {
  readonly id: bigint;
  /** Arm's name where it has one: 'FPMR', 'X0', 'ID_AA64PFR2_EL1'. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/** A virtual CPU. */
export class Vcpu extends Device {
  /** The number given to createVcpu. */
  readonly id: number;
  /** Where kvm_run is mapped. */
  private readonly runPage: bigint;
  constructor(process: Process, fd: number, id: number, runPage: bigint) {
    super(process, fd);
    this.id = id;
    this.runPage = runPage;
  }
  /**
   * KVM_ARM_VCPU_INIT with the preferred target. The first one fixes the features of the VM.
   * @throws KvmError EINVAL for features that the host lacks, or that differ from those of the VM
   */
  init(options: { readonly features?: readonly VcpuFeature[]; readonly target?: number } = {}): void {
    const bits = (options.features ?? []).reduce((f, name) => f | (1 << KVM_ARM_VCPU[name]), 0);
    const subject = (options.features ?? []).join(' ');
    this.ioctlStruct(
      'KVM_ARM_VCPU_INIT',
      structs.kvm_vcpu_init,
      { target: options.target ?? 5, features: [bits] },
      subject,
    );
  }
  /** KVM_ARM_VCPU_FINALIZE. @throws KvmError EINVAL, EPERM the second time */
  finalize(feature: VcpuFeature): void {
    this.ioctlStruct('KVM_ARM_VCPU_FINALIZE', structs.kvm_int, { value: KVM_ARM_VCPU[feature] }, feature);
  }
  /** The id that a name stands for. @throws UsageError for no register's name */
  idOf(register: string | bigint): bigint {
    if (typeof register === 'bigint') return register;
    const id = regIdByName(register);
    if (id === undefined) throw new UsageError(`'${register}' is not the name of a register`);
    return id;
  }
  /**
   * KVM_GET_ONE_REG.
   * @param register a name as regList gives it, S<op0>_<op1>_C<n>_C<m>_<op2>, or an id
   * @returns the value, however wide
   * @throws KvmError ENOENT where this vCPU has no such register, ENOEXEC before init
   * @example
   * const vcpu = openKvm().createVm().createVcpu();
   * vcpu.init();
   * vcpu.getOneReg('MIDR_EL1'); // 0xf0510n
   * vcpu.getOneReg('X0') === vcpu.getOneReg(0x6030000000100000n); // true
   */
  getOneReg(register: string | bigint): bigint {
    const id = this.idOf(register);
    const addr = this.process.scratch2(new Uint8Array(regSize(id)));
    this.ioctlStruct('KVM_GET_ONE_REG', structs.kvm_one_reg, { id, addr }, regName(id));
    const out = new Uint8Array(regSize(id));
    this.process.memory.read(addr, out);
    return fromBytes(out);
  }
  /**
   * KVM_SET_ONE_REG.
   * @throws KvmError ENOENT, EINVAL for a value that is refused, EBUSY for ID registers after the first run
   * @example
   * const vcpu = openKvm().createVm().createVcpu();
   * vcpu.init();
   * vcpu.setOneReg('ID_AA64PFR2_EL1', 0n); // this VM has no FPMR
   * vcpu.regList().some((r) => r.name === 'FPMR'); // false
   */
  setOneReg(register: string | bigint, value: bigint): void {
    const id = this.idOf(register);
    const addr = this.process.scratch2(toBytes(value, regSize(id)));
    this.ioctlStruct('KVM_SET_ONE_REG', structs.kvm_one_reg, { id, addr }, regName(id));
  }
  /** KVM_GET_REG_LIST, in the kernel's order. @throws KvmError ENOEXEC before init, EPERM before SVE is finalised */
  regList(): readonly Register[] {
    const room = 2048;
    const addr = this.process.scratch2(toBytes(BigInt(room), 8));
    this.ioctl('KVM_GET_REG_LIST', addr);
    const head = new Uint8Array(8);
    this.process.memory.read(addr, head);
    const ids = new Uint8Array(Number(fromBytes(head)) * 8);
    this.process.memory.read(addr + 8n, ids);
    return [...new BigUint64Array(ids.buffer)].map((id) => ({ id, name: regName(id), size: regSize(id) }));
  }
  /** KVM_GET_MP_STATE */
  getMpState(): keyof typeof KVM_MP_STATE {
    const { mp_state } = this.ioctlStruct('KVM_GET_MP_STATE', structs.kvm_mp_state, {}).value;
    return (Object.keys(KVM_MP_STATE) as (keyof typeof KVM_MP_STATE)[]).find((k) => KVM_MP_STATE[k] === mp_state)!;
  }
  /** KVM_SET_MP_STATE. @throws KvmError EINVAL for states that arm64 does not have */
  setMpState(state: keyof typeof KVM_MP_STATE): void {
    this.ioctlStruct('KVM_SET_MP_STATE', structs.kvm_mp_state, { mp_state: KVM_MP_STATE[state] }, state);
  }
  /**
   * KVM_RUN.
   * @returns why it came back
   * @throws KvmError ENOEXEC before init, EPERM before SVE is finalised, ENXIO, EBUSY for an interrupt controller that is
   *         not complete, EINTR with immediateExit
   */
  run(options: { readonly immediateExit?: boolean } = {}): keyof typeof KVM_EXIT | number {
    this.process.memory.write(this.runPage + 1n, Uint8Array.of(options.immediateExit ? 1 : 0));
    this.ioctl('KVM_RUN');
    const page = new Uint8Array(structs.kvm_run.size);
    this.process.memory.read(this.runPage, page);
    const { exit_reason } = decode(structs.kvm_run, page);
    return (Object.keys(KVM_EXIT) as (keyof typeof KVM_EXIT)[]).find((k) => KVM_EXIT[k] === exit_reason) ?? exit_reason;
  }
}
