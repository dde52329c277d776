// From a GSI, the number that programs and irqfds use, to an interrupt of the VM: the routing table.
// @linux virt/kvm/irqchip.c, arch/arm64/kvm/vgic/vgic-irqfd.c

import { Errno } from '../base/hostfile.ts';
import { decode, encode, KVM_IRQ_ROUTING, KVM_LIMITS, KVM_MSI, structs, type ValueOf } from '../uapi/index.ts';
import { refuse } from './errors.ts';
import { injectIrq, isInitialized, isValidSpi, NR_PRIVATE_IRQS } from './vgic/vgic.ts';
import { lazyInit } from './vgic/vgic-init.ts';
import { injectMsi } from './vgic/vgic-its.ts';
import type { Vm } from './vm.ts';

/** A message to an ITS. @linux struct kvm_msi */
export interface Msi {
  readonly address: bigint;
  readonly data: number;
  readonly flags: number;
  readonly devid: number;
}
export type Route = { readonly type: 'irqchip'; readonly pin: number } | ({ readonly type: 'msi' } & Msi);
type UserEntry = ValueOf<typeof structs.kvm_irq_routing_entry>;

export class IrqRouting {
  private readonly byGsi = new Map<number, Route[]>();
  private readonly gsiOfPin = new Map<number, number>();

  routes(gsi: number): readonly Route[] {
    return this.byGsi.get(gsi) ?? [];
  }
  /** @linux kvm_irq_map_chip_pin */
  gsi(pin: number): number | undefined {
    return this.gsiOfPin.get(pin);
  }
  add(gsi: number, route: Route): void {
    const list = this.byGsi.get(gsi) ?? [];
    // There is one chip, so a GSI has one route of whatever type.
    if (list.length > 0) throw refuse.EINVAL;
    this.byGsi.set(gsi, [...list, route]);
    if (route.type === 'irqchip') this.gsiOfPin.set(route.pin, gsi);
  }
}

/** @throws EINVAL. @linux kvm_set_routing_entry */
function routeOf(e: UserEntry): Route {
  if ((e.flags & ~(e.type === KVM_IRQ_ROUTING.MSI ? KVM_MSI.VALID_DEVID : 0)) !== 0) throw refuse.EINVAL;
  const u = encode(structs.kvm_irq_routing_entry, { u: e.u }).subarray(16);
  if (e.type === KVM_IRQ_ROUTING.IRQCHIP) {
    const { irqchip, pin } = decode(structs.kvm_irq_routing_irqchip, u);
    if (pin >= KVM_LIMITS.IRQCHIP_NUM_PINS || irqchip >= KVM_LIMITS.NR_IRQCHIPS) throw refuse.EINVAL;
    return { type: 'irqchip', pin };
  }
  if (e.type === KVM_IRQ_ROUTING.MSI) {
    const m = decode(structs.kvm_irq_routing_msi, u);
    const address = (BigInt(m.address_hi) << 32n) | BigInt(m.address_lo);
    return { type: 'msi', address, data: m.data, flags: e.flags, devid: m.devid };
  }
  throw refuse.EINVAL;
}

/** KVM_SET_GSI_ROUTING: replaces the whole table, or nothing. @throws EINVAL */
export function setRouting(vm: Vm, entries: readonly UserEntry[]): void {
  if (entries.some((e) => e.gsi >= KVM_LIMITS.MAX_IRQ_ROUTES)) throw refuse.EINVAL;
  const table = new IrqRouting();
  for (const e of entries) table.add(e.gsi, routeOf(e));
  vm.routing = table;
}
/** Once the vGIC exists, GSI n is SPI n. @linux kvm_vgic_setup_default_irq_routing */
export function setDefaultRouting(vm: Vm, spis: number): void {
  vm.routing = new IrqRouting();
  for (let pin = 0; pin < spis; pin++) vm.routing.add(pin, { type: 'irqchip', pin });
}

/** KVM_SIGNAL_MSI and irqfds. @returns 1 delivered, 0 not, or a negative errno. @linux kvm_set_msi */
export function setMsi(vm: Vm, msi: Msi): number {
  return vm.vgic.hasIts ? injectMsi(vm, msi) : -Errno.ENODEV;
}
/** @returns 0 or a negative errno. @linux vgic_irqfd_set_irq */
export function setPin(vm: Vm, pin: number, level: boolean): number {
  const spi = pin + NR_PRIVATE_IRQS;
  if (!isValidSpi(vm, spi)) return -Errno.EINVAL;
  const ret = lazyInit(vm);
  return ret < 0 ? ret : injectIrq(vm, undefined, spi, level, undefined);
}
/** Drives a GSI. @linux kvm_set_irq */
export function setIrq(vm: Vm, gsi: number, level: boolean): void {
  for (const route of vm.routing.routes(gsi)) {
    if (route.type === 'irqchip') setPin(vm, route.pin, level);
    else if (level) setMsi(vm, route);
  }
}
/** The same from a place that must not wait: only raises, only where one route says how. @linux kvm_arch_set_irq_inatomic */
export function raiseIrq(vm: Vm, gsi: number): boolean {
  const [route, second] = vm.routing.routes(gsi);
  if (!route || second) return false;
  if (route.type === 'msi') return vm.vgic.hasIts && injectMsi(vm, route) >= 0;
  if (!isInitialized(vm)) return false;
  setPin(vm, route.pin, true);
  return true;
}
