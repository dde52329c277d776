// What all files of KVM have in common: requests by name, capabilities, attributes.

import {
  type CapName,
  decode,
  encode,
  type IoctlName,
  KVM,
  KVM_CAP,
  type PartialValue,
  type Struct,
  type StructValue,
  structs,
} from '../uapi/index.ts';
import { KvmError } from './errors.ts';
import type { Process } from './process.ts';

/** A file that takes requests. */
export class Handle {
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

export function capNumber(cap: CapName | number): number {
  return typeof cap === 'number' ? cap : KVM_CAP[cap];
}

export function bytesOf(value: number | bigint | Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return toBytes(BigInt(value), typeof value === 'number' ? 4 : 8);
}
export function toBytes(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(i * 8)) & 0xffn));
}
export function fromBytes(bytes: Uint8Array): bigint {
  return bytes.reduceRight((v, b) => (v << 8n) | BigInt(b), 0n);
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
