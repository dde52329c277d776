// A virtual CPU: registers, and running it until it comes out with a reason.

import { UsageError } from '../base/assert.ts';
import { Errno, type Result } from '../base/hostfile.ts';
import { regIdByName } from '../kvm/reg_by_name.ts';
import { regName } from '../kvm/reg_names.ts';
import {
  decodeExit,
  EXIT_OFFSET,
  KVM,
  KVM_ARM_VCPU,
  KVM_MP_STATE,
  type KvmExit,
  offsetOf,
  regSize,
  structs,
  type VcpuFeature,
} from '../uapi/index.ts';
import { KvmError } from './errors.ts';
import { Device, fromBytes, toBytes } from './handle.ts';
import type { Process } from './process.ts';

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
   * KVM_RUN. The answer to an MMIO read is given by answerMmio before the next call.
   * @returns why it came back. INTR is also how a guest comes back that has executed `instructions`, or that waits for an
   *          interrupt that nothing in this program will cause by itself
   * @throws KvmError ENOEXEC before init, EPERM before SVE is finalised, ENXIO, EBUSY for an interrupt controller that is
   *         not complete, EINTR with immediateExit, ENOSYS for accesses to no memory that KVM cannot describe
   * @example
   * const vm = openKvm().createVm();
   * const ram = vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, size: 0x1000n });
   * ram.write(0, Uint8Array.of(0x21, 0, 0, 0xb9)); // the instruction str w1, [x1]
   * const vcpu = vm.createVcpu();
   * vcpu.init();
   * vcpu.setOneReg('X1', 0x9000n);
   * const exit = vcpu.run();
   * exit.phys_addr; // 0x9000n
   */
  run(options: { readonly immediateExit?: boolean; readonly instructions?: number } = {}): KvmExit {
    this.process.limit = options.instructions ?? Number.POSITIVE_INFINITY;
    return this.outcome(this.process.finish(this.enter(options.immediateExit)), options.immediateExit);
  }
  /** KVM_RUN, begun: the work, or its result at once. */
  enter(immediateExit = false): Result {
    this.process.memory.write(this.runPage + IMMEDIATE_EXIT, Uint8Array.of(immediateExit ? 1 : 0));
    return this.process.begin(this.fd, KVM.KVM_RUN);
  }
  /** What KVM_RUN came to. @param result what it returned. @throws KvmError */
  outcome(result: number, immediateExit = false): KvmExit {
    const exit = decodeExit(this.readRun(0n, RUN_BYTES));
    if (!exit) throw new KvmError(Errno.EINVAL, 'KVM_RUN', 'with an exit reason that arm64 does not have');
    const isExit = result >= 0 || (exit.reason === 'MEMORY_FAULT' && result === -Errno.EFAULT);
    if (isExit || (exit.reason === 'INTR' && result === -Errno.EINTR && !immediateExit)) return exit;
    throw new KvmError(-result, 'KVM_RUN');
  }
  /** The data of the MMIO read that the vCPU came out with. @param data a number of as many bytes as the access, or bytes */
  answerMmio(data: bigint | Uint8Array): void {
    const bytes = typeof data === 'bigint' ? toBytes(data, 8) : data.subarray(0, 8);
    this.process.memory.write(this.runPage + MMIO_DATA, bytes);
  }
  /** Without an interrupt controller: KVM_ARM_DEV_* bits of the timers and the PMU whose outputs are asserted. */
  deviceIrqLevel(): bigint {
    return fromBytes(this.readRun(DEVICE_IRQ_LEVEL, 8));
  }
  private readRun(offset: bigint, length: number): Uint8Array {
    const out = new Uint8Array(length);
    this.process.memory.read(this.runPage + offset, out);
    return out;
  }
}
const IMMEDIATE_EXIT = BigInt(offsetOf(structs.kvm_run, 'immediate_exit'));
/** As far as exits are described. */
const RUN_BYTES = offsetOf(structs.kvm_run, 'kvm_valid_regs');
const DEVICE_IRQ_LEVEL = BigInt(offsetOf(structs.kvm_run, 'device_irq_level'));
const MMIO_DATA = BigInt(EXIT_OFFSET + offsetOf(structs.exit_mmio, 'data'));
