// A virtual machine and its memory: requests on the file that KVM_CREATE_VM gives.

import { Errno, type Pending } from '../base/hostfile.ts';
import { regName } from '../kvm/reg_names.ts';
import {
  type CapName,
  KVM_ARM_IRQ_TYPE,
  KVM_CAP,
  KVM_CREATE_DEVICE,
  KVM_DEV_ARM_VGIC_CTRL,
  KVM_DEV_ARM_VGIC_GRP,
  KVM_DEV_TYPE,
  KVM_LIMITS,
  KVM_MEM,
  KVM_MSI,
  KVM_VGIC_ADDR_TYPE,
  type KvmExit,
  structs,
  sysregId,
} from '../uapi/index.ts';
import { KvmError } from './errors.ts';
import { capNumber, Device, Handle } from './handle.ts';
import type { Process } from './process.ts';
import { Vcpu } from './vcpu.ts';

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

/** An interrupt line for KVM_IRQ_LINE: `irq` is the INTID of an SPI or PPI; of a CPU without controller 0 is IRQ, 1 FIQ. */
export interface IrqLine {
  readonly type: keyof typeof KVM_ARM_IRQ_TYPE;
  readonly irq: number;
  /** Of PPIs and CPU inputs. Default: 0. */
  readonly vcpu?: number;
}
export interface VgicV3 {
  /** Guest address of the distributor: 64 KiB, aligned. */
  readonly distributor: bigint;
  /** Guest address of the redistributors: 128 KiB for each vCPU. */
  readonly redistributors: bigint;
  /** Interrupts in all, 64 to 1024 in steps of 32. Default: 96. */
  readonly irqs?: number;
}
/** Guest instructions that a vCPU executes before it is the next one's turn. */
const TURN = 10_000;
/** The same where they execute at the same time: then it is only after how many they are asked. */
const LONG_TURN = 1_000_000;

/** A virtual machine. */
export class Vm extends Handle {
  /** In the order of their creation. */
  readonly vcpus: Vcpu[] = [];
  private turn = 0;
  /** Execute by themselves. */
  private readonly away = new Set<Vcpu>();
  /** Came out while another was the first to. */
  private readonly out: { readonly vcpu: Vcpu; readonly exit: KvmExit }[] = [];
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
    const vcpu = new Vcpu(this.process, fd, id, this.process.mmap(fd, size));
    this.vcpus.push(vcpu);
    return vcpu;
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
  /** A GICv3 that is complete: KVM_CREATE_DEVICE and its attributes. All vCPUs must be there. @throws KvmError */
  createVgicV3(options: VgicV3): Device {
    const gic = this.createDevice('ARM_VGIC_V3');
    gic.setAttr(KVM_DEV_ARM_VGIC_GRP.NR_IRQS, 0, options.irqs ?? 96);
    gic.setAttr(KVM_DEV_ARM_VGIC_GRP.ADDR, KVM_VGIC_ADDR_TYPE.V3_DIST, options.distributor);
    gic.setAttr(KVM_DEV_ARM_VGIC_GRP.ADDR, KVM_VGIC_ADDR_TYPE.V3_REDIST, options.redistributors);
    gic.setAttr(KVM_DEV_ARM_VGIC_GRP.CTRL, KVM_DEV_ARM_VGIC_CTRL.INIT);
    return gic;
  }
  /** KVM_IRQ_LINE. @throws KvmError ENXIO where there is no such input, EINVAL */
  irqLine(line: IrqLine, level: boolean): void {
    const vcpu = line.vcpu ?? 0;
    const irq = ((vcpu >>> 8) << 28) | (KVM_ARM_IRQ_TYPE[line.type] << 24) | ((vcpu & 0xff) << 16) | line.irq;
    this.ioctlStruct('KVM_IRQ_LINE', structs.kvm_irq_level, { irq: irq >>> 0, level: level ? 1 : 0 }, line.type);
  }
  /** KVM_SIGNAL_MSI, with a device id. @returns whether the guest takes it. @throws KvmError EINVAL without an ITS there */
  signalMsi(address: bigint, data: number, devid: number): boolean {
    const [address_lo, address_hi] = [Number(address & 0xffff_ffffn), Number(address >> 32n)];
    const msi = { address_lo, address_hi, data, devid, flags: KVM_MSI.VALID_DEVID };
    return this.ioctlStruct('KVM_SIGNAL_MSI', structs.kvm_msi, msi).result > 0;
  }
  /**
   * KVM_RUN for all vCPUs, each in its turn as if each had a thread, until one of them comes out; the others are then
   * interrupted, which they do not notice.
   * @returns who came out and why; INTR where all have executed about `instructions` between them or wait for something
   *          that nothing in this program will cause by itself
   * @throws KvmError as Vcpu.run
   */
  run(options: { readonly instructions?: number } = {}): { readonly vcpu: Vcpu; readonly exit: KvmExit } {
    const { vcpus, process } = this;
    const turn = process.parallel ? LONG_TURN : TURN;
    if (vcpus.length === 0) throw new KvmError(Errno.ENXIO, 'KVM_RUN', 'of a VM without vCPUs');
    const order = vcpus.map((_, i) => vcpus[(this.turn + i) % vcpus.length]!);
    const inside = new Map<Vcpu, Pending>();
    const earlier = this.out.shift();
    if (earlier) return earlier;
    const leave = (vcpu: Vcpu, result: number): { readonly vcpu: Vcpu; readonly exit: KvmExit } => {
      inside.delete(vcpu);
      for (const [other, work] of inside) {
        let r = this.away.has(other) ? work.step(turn) : undefined;
        for (; r === 'away'; r = work.step(turn)) process.attend();
        if (typeof r === 'number') this.out.push({ vcpu: other, exit: other.outcome(r) });
        else process.interrupt(work);
      }
      this.away.clear();
      this.turn = (vcpus.indexOf(vcpu) + 1) % vcpus.length;
      return { vcpu, exit: vcpu.outcome(result) };
    };
    for (const vcpu of order) {
      const work = vcpu.enter();
      if (typeof work === 'number') return leave(vcpu, work);
      inside.set(vcpu, work);
    }
    const [first] = order as [Vcpu, ...Vcpu[]];
    for (let left = options.instructions ?? Number.POSITIVE_INFINITY; left > 0; ) {
      let wake: bigint | undefined;
      let isIdle = true;
      for (const [vcpu, work] of inside) {
        const r = work.step(turn);
        this.away.delete(vcpu);
        if (typeof r === 'number') return leave(vcpu, r);
        if (r === 'away') this.away.add(vcpu);
        else left -= turn;
        if (r !== 'wait') isIdle = false;
        const at = r === 'wait' ? work.wakeAt?.() : undefined;
        if (at !== undefined && (wake === undefined || at < wake)) wake = at;
      }
      if (this.away.size > 0) process.attend();
      if (isIdle && !process.idle(wake)) break;
    }
    return leave(first, process.interrupt(inside.get(first)!));
  }
}
