// Coalesced MMIO: writes to registered zones are queued in a ring that the program maps, instead of exiting for each.
// The ring is one page, shared by all vCPUs of a VM. @linux virt/kvm/coalesced_mmio.c

import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { decode, encode, structs } from '../uapi/index.ts';
import { refuse } from './errors.ts';
import type { IoBus, IoDevice } from './io_bus.ts';

const HEAD = structs.kvm_coalesced_mmio_ring;
const ENTRY = structs.kvm_coalesced_mmio;
/** Entries of the ring; one of them always stays free. */
export const COALESCED_MMIO_MAX = Math.floor((FRAME_SIZE - HEAD.size) / ENTRY.size);

export interface Zone {
  readonly addr: bigint;
  readonly size: number;
  readonly pio: number;
}
interface ZoneDevice {
  readonly zone: Zone;
  readonly device: IoDevice;
}

export class CoalescedMmio {
  private zones: ZoneDevice[] = [];
  readonly frame: number;
  private readonly mem: PhysMem;

  constructor(mem: PhysMem) {
    this.mem = mem;
    this.frame = mem.allocFrame();
  }

  /** @param bus of the zone's kind. @throws EINVAL, ENOSPC */
  register(zone: Zone, bus: IoBus): void {
    checkKind(zone);
    const device: IoDevice = {
      name: 'coalesced_mmio',
      write: (_vcpu, addr, data) => this.inZone(zone, addr, data.length) && this.push(zone, addr, data),
    };
    bus.register(zone.addr, zone.size, device);
    this.zones.push({ zone, device });
  }
  /** Removes every zone that contains the given range. @throws EINVAL */
  unregister(range: Zone, bus: IoBus): void {
    checkKind(range);
    this.zones = this.zones.filter(({ zone, device }) => {
      const goes = zone.pio === range.pio && this.inZone(zone, range.addr, range.size);
      if (goes) bus.unregister(device);
      return !goes;
    });
  }
  free(): void {
    this.mem.unref(this.frame);
  }

  private inZone(zone: Zone, addr: bigint, length: number): boolean {
    const end = BigInt.asUintN(64, addr + BigInt(length));
    return (length | 0) >= 0 && end >= addr && addr >= zone.addr && end <= zone.addr + BigInt(zone.size);
  }
  private push(zone: Zone, addr: bigint, data: Uint8Array): boolean {
    const page = this.mem.frameBytes(this.frame);
    const { first, last } = decode(HEAD, page);
    const next = (last + 1) % COALESCED_MMIO_MAX;
    if (last >= COALESCED_MMIO_MAX || next === first) return false; // the program owns the page: trust no index in it
    page.set(encode(ENTRY, { phys_addr: addr, len: data.length, pio: zone.pio, data }), HEAD.size + last * ENTRY.size);
    page.set(encode(HEAD, { first, last: next }));
    return true;
  }
}

function checkKind(zone: Zone): void {
  if (zone.pio !== 0 && zone.pio !== 1) throw refuse.EINVAL;
}
