// A VM with an interrupt controller and no guest code: what a guest would do by MMIO and system registers, and what a
// program would do by device attributes, as plain calls.

import { enc } from '../../src/arch/schema.ts';
import type { Caller, UserMemory } from '../../src/base/hostfile.ts';
import { PhysMem } from '../../src/cpu/physmem.ts';
import { Refusal } from '../../src/kvm/errors.ts';
import { PerCpuFp } from '../../src/kvm/fpsimd.ts';
import type { DeviceFace } from '../../src/kvm/kvm_device.ts';
import { vcpuInit } from '../../src/kvm/reset.ts';
import { createVcpu, type Vcpu } from '../../src/kvm/vcpu.ts';
import { type InterruptPorts, interruptPorts } from '../../src/kvm/vgic/vgic-cpuif-v3.ts';
import { mapResources } from '../../src/kvm/vgic/vgic-init.ts';
import { VGIC_ITS } from '../../src/kvm/vgic/vgic-its-device.ts';
import { VGIC_V2, VGIC_V3 } from '../../src/kvm/vgic/vgic-kvm-device.ts';
import { createVm, type Kvm, type Vm } from '../../src/kvm/vm.ts';
import {
  KVM_VGIC_ADDR_TYPE as ADDR,
  KVM_DEV_ARM_VGIC_CTRL as CTRL,
  KVM_DEV_ARM_VGIC_GRP as GRP,
} from '../../src/uapi/index.ts';
import { maxHost } from './kvm_regs.ts';

export const DIST = 0x0800_0000n;
export const REDIST = 0x080a_0000n;
export const ITS = 0x0808_0000n;
export const V2_CPU = 0x0801_0000n;
/** Guest memory, and where the program has it. */
export const RAM = 0x4000_0000n;
const RAM_SIZE = 0x40_0000;
const RAM_HVA = 0x10_0000n;
/** Where attributes put their words. */
const SCRATCH = 0x1000n;

/** Memory of a program: addresses are offsets. */
class Program implements UserMemory {
  readonly bytes = new Uint8Array(0x10_0000 + RAM_SIZE);
  read(addr: bigint, out: Uint8Array): boolean {
    if (addr + BigInt(out.length) > BigInt(this.bytes.length)) return false;
    out.set(this.bytes.subarray(Number(addr), Number(addr) + out.length));
    return true;
  }
  write(addr: bigint, data: Uint8Array): boolean {
    if (addr + BigInt(data.length) > BigInt(this.bytes.length)) return false;
    this.bytes.set(data, Number(addr));
    return true;
  }
  frame(): undefined {
    return undefined;
  }
  onChange(): () => void {
    return () => {};
  }
}

export interface GicOptions {
  readonly model?: 'v2' | 'v3';
  readonly cpus?: number;
  /** Interrupts in all, a multiple of 32. */
  readonly irqs?: number;
  readonly its?: boolean;
  /** Guest memory to start with. */
  readonly ram?: Uint8Array;
}

export const ICC = {
  PMR: enc(3, 0, 4, 6, 0), IAR0: enc(3, 0, 12, 8, 0), EOIR0: enc(3, 0, 12, 8, 1), HPPIR0: enc(3, 0, 12, 8, 2), BPR0: enc(3, 0, 12, 8, 3),
  AP0R0: enc(3, 0, 12, 8, 4), AP0R1: enc(3, 0, 12, 8, 5), AP1R0: enc(3, 0, 12, 9, 0), AP1R1: enc(3, 0, 12, 9, 1), DIR: enc(3, 0, 12, 11, 1),
  RPR: enc(3, 0, 12, 11, 3), SGI1R: enc(3, 0, 12, 11, 5), ASGI1R: enc(3, 0, 12, 11, 6), SGI0R: enc(3, 0, 12, 11, 7),
  IAR1: enc(3, 0, 12, 12, 0), EOIR1: enc(3, 0, 12, 12, 1), HPPIR1: enc(3, 0, 12, 12, 2), BPR1: enc(3, 0, 12, 12, 3),
  CTLR: enc(3, 0, 12, 12, 4), SRE: enc(3, 0, 12, 12, 5), IGRPEN0: enc(3, 0, 12, 12, 6), IGRPEN1: enc(3, 0, 12, 12, 7),
} as const; // biome-ignore format: a table
export type IccName = keyof typeof ICC;

let shared: PhysMem | undefined;
const host = maxHost();

export class Gic {
  readonly vm: Vm;
  readonly program = new Program();
  readonly ports: readonly InterruptPorts[];
  readonly device: DeviceFace;
  readonly its: DeviceFace | undefined;
  readonly caller: Caller;
  readonly cpus: readonly Vcpu[];

  constructor(options: GicOptions = {}) {
    const { model = 'v3', cpus = 1, irqs = 64, its = false } = options;
    shared ??= new PhysMem(64);
    this.caller = {
      pid: 1, tid: 1, memory: this.program, installFd: () => -24, getFile: () => undefined, signalPending: () => false, cpu: () => 0,
    }; // biome-ignore format: a record
    const kvm: Kvm = {
      host, compat: undefined, offer: [], mem: shared, gic: { emulatesV2: true, vtr: (4n << 29n) | (4n << 26n) | (1n << 23n) | 3n }, trace: () => {}, counter: () => 0n,
      hardware: undefined, random: () => 0n, irqfdOwners: new WeakMap(), hypHost: undefined, fp: new PerCpuFp(), eagerFp: false, fpTrace: undefined,
    }; // biome-ignore format: a record
    this.vm = createVm(kvm, 0n, this.caller);
    const gmem = undefined;
    const pages = RAM_SIZE / 4096;
    this.vm.slots.insert({ id: 0, baseGfn: Number(RAM >> 12n), pages, hva: RAM_HVA, flags: 0, gmem, dirty: undefined });
    if (options.ram) this.program.bytes.set(options.ram, Number(RAM_HVA));
    for (let id = 0; id < cpus; id++) {
      const vcpu = createVcpu(this.vm, BigInt(id), this.caller);
      vcpuInit(vcpu.regs, 5, [1 << 2, 0, 0, 0, 0, 0, 0]);
    }
    this.cpus = this.vm.vcpus;
    this.device = (model === 'v3' ? VGIC_V3 : VGIC_V2).create(this.vm);
    this.set(GRP.NR_IRQS, 0n, BigInt(irqs));
    if (model === 'v3') {
      this.set(GRP.ADDR, BigInt(ADDR.V3_DIST), DIST);
      this.set(GRP.ADDR, BigInt(ADDR.V3_REDIST), REDIST);
    } else {
      this.set(GRP.ADDR, BigInt(ADDR.V2_DIST), DIST);
      this.set(GRP.ADDR, BigInt(ADDR.V2_CPU), V2_CPU);
    }
    this.set(GRP.CTRL, BigInt(CTRL.INIT), 0n);
    if (its) {
      this.its = VGIC_ITS.create(this.vm);
      this.setIts(GRP.ADDR, BigInt(ADDR.ITS), ITS);
      this.setIts(GRP.CTRL, BigInt(CTRL.INIT), 0n);
    }
    mapResources(this.vm);
    this.ports = this.vm.vcpus.map(interruptPorts);
  }

  // Guest memory and MMIO.

  get ram(): Uint8Array {
    return this.program.bytes.subarray(Number(RAM_HVA));
  }
  read(addr: bigint, length = 4, cpu = 0): bigint {
    const data = new Uint8Array(length);
    if (!this.vm.buses.mmio.read(this.vm.vcpus[cpu], addr, data)) throw new Error('no device');
    return data.reduceRight((v, b) => (v << 8n) | BigInt(b), 0n);
  }
  write(addr: bigint, value: bigint | number, length = 4, cpu = 0): void {
    const data = new Uint8Array(length).map((_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));
    if (!this.vm.buses.mmio.write(this.vm.vcpus[cpu], addr, data)) throw new Error('no device');
  }
  /** Distributor, or for private interrupts the redistributor of `cpu`. @param offset as in the distributor */
  private frame(intid: number, cpu: number): bigint {
    const v3 = this.vm.vgic.model === 'v3';
    return intid < 32 && v3 ? REDIST + BigInt(cpu) * 0x2_0000n + 0x1_0000n : DIST;
  }
  /** A one-bit register of an interrupt. */
  bit(offset: number, intid: number, cpu = 0): boolean {
    const word = this.read(this.frame(intid, cpu) + BigInt(offset + (intid >> 5) * 4), 4, cpu);
    return ((word >> BigInt(intid & 31)) & 1n) === 1n;
  }
  setBit(offset: number, intid: number, cpu = 0): void {
    this.write(this.frame(intid, cpu) + BigInt(offset + (intid >> 5) * 4), 1n << BigInt(intid & 31), 4, cpu);
  }
  putBit(offset: number, intid: number, on: boolean, cpu = 0): void {
    const addr = this.frame(intid, cpu) + BigInt(offset + (intid >> 5) * 4);
    const bit = 1n << BigInt(intid & 31);
    const old = this.read(addr, 4, cpu);
    this.write(addr, on ? old | bit : old & ~bit, 4, cpu);
  }
  setPriority(intid: number, priority: number, cpu = 0): void {
    this.write(this.frame(intid, cpu) + BigInt(0x400 + intid), priority, 1, cpu);
  }
  setEdge(intid: number, edge: boolean): void {
    const addr = this.frame(intid, 0) + BigInt(0xc00 + (intid >> 4) * 4);
    const bit = 2n << BigInt((intid & 15) * 2);
    const old = this.read(addr);
    this.write(addr, edge ? old | bit : old & ~bit);
  }
  route(intid: number, cpu: number): void {
    this.write(DIST + BigInt(0x6000 + intid * 8), cpu, 8);
  }
  icc(name: IccName, cpu = 0): number {
    const v = this.ports[cpu]!.read(ICC[name]);
    if (v === undefined) throw new Error(`${name} is UNDEFINED`);
    return Number(v);
  }
  setIcc(name: IccName, value: number | bigint, cpu = 0): void {
    if (!this.ports[cpu]!.write(ICC[name], BigInt(value))) throw new Error(`${name} is UNDEFINED`);
  }
  signal(cpu = 0): string {
    return this.ports[cpu]!.pending();
  }
  /** What every guest does first: everything forwarded, group 1 on, no mask. */
  open(): this {
    this.write(DIST, 0x2);
    for (let cpu = 0; cpu < this.ports.length; cpu++) {
      this.setIcc('PMR', 0xff, cpu);
      this.setIcc('IGRPEN1', 1, cpu);
    }
    return this;
  }

  // Device attributes.

  private call(face: DeviceFace, op: 'set' | 'get', group: number, attr: bigint, value: bigint): bigint {
    const view = new DataView(this.program.bytes.buffer);
    view.setBigUint64(Number(SCRATCH), value, true);
    try {
      face[op]!({ arg: 0n, caller: this.caller }, { group, attr, addr: SCRATCH });
    } catch (e) {
      if (e instanceof Refusal) throw new Error(e.message);
      throw e;
    }
    return view.getBigUint64(Number(SCRATCH), true);
  }
  set(group: number, attr: bigint, value: bigint): void {
    this.call(this.device, 'set', group, attr, value);
  }
  get(group: number, attr: bigint): bigint {
    return this.call(this.device, 'get', group, attr, 0n);
  }
  setIts(group: number, attr: bigint, value: bigint): void {
    this.call(this.its!, 'set', group, attr, value);
  }
  getIts(group: number, attr: bigint): bigint {
    return this.call(this.its!, 'get', group, attr, 0n);
  }
}
