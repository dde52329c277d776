// Devices inside KVM that answer guest accesses by address: GIC frames, ioeventfds, coalesced zones. Ranges may
// overlap; an access goes to the first device that takes it. Knows nothing of what the devices are.

import { KVM_LIMITS } from '../uapi/index.ts';
import { refuse } from './errors.ts';
import type { Vcpu } from './vcpu.ts';

export interface IoDevice {
  readonly name: string;
  /** Not counted against the bus limit. @linux ioeventfd_count */
  readonly isIoeventfd?: boolean;
  /** @returns false where the device has nothing at that address for this access */
  read?(vcpu: Vcpu | undefined, addr: bigint, data: Uint8Array): boolean;
  write?(vcpu: Vcpu | undefined, addr: bigint, data: Uint8Array): boolean;
}
interface Range {
  readonly addr: bigint;
  /** 0: the exact address, whatever the length of the access. */
  readonly length: bigint;
  readonly device: IoDevice;
}

export class IoBus {
  /** Sorted by address. */
  private readonly ranges: Range[] = [];

  /** @throws ENOSPC when the bus is full. @linux kvm_io_bus_register_dev */
  register(addr: bigint, length: number, device: IoDevice): void {
    const counted = this.ranges.filter((r) => !r.device.isIoeventfd).length;
    if (counted > KVM_LIMITS.NR_IOBUS_DEVS - 1) throw refuse.ENOSPC;
    this.ranges.splice(this.firstAbove(addr), 0, { addr, length: BigInt(length), device });
  }
  unregister(device: IoDevice): void {
    const i = this.ranges.findIndex((r) => r.device === device);
    if (i >= 0) this.ranges.splice(i, 1);
  }
  read(vcpu: Vcpu | undefined, addr: bigint, data: Uint8Array): boolean {
    return this.candidates(addr, data.length).some((d) => d.read?.(vcpu, addr, data) ?? false);
  }
  write(vcpu: Vcpu | undefined, addr: bigint, data: Uint8Array): boolean {
    return this.candidates(addr, data.length).some((d) => d.write?.(vcpu, addr, data) ?? false);
  }
  /** The device that begins exactly at, or whose range holds, `addr`. @linux kvm_io_bus_get_dev */
  deviceAt(addr: bigint): IoDevice | undefined {
    return this.candidates(addr, 1)[0];
  }

  private candidates(addr: bigint, length: number): IoDevice[] {
    const end = addr + BigInt(length);
    const found: IoDevice[] = [];
    for (let i = this.firstAbove(addr) - 1; i >= 0; i--) {
      const r = this.ranges[i]!;
      if (r.length === 0n ? r.addr === addr : end <= r.addr + r.length) found.unshift(r.device);
    }
    return found;
  }
  private firstAbove(addr: bigint): number {
    let lo = 0;
    let hi = this.ranges.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.ranges[mid]!.addr <= addr) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }
}
