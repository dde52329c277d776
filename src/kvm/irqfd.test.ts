// Eventfds into and out of a VM: who may feed an interrupt line, what a guest's write signals, coalesced writes.

import { describe, expect, test } from 'vitest';
import { Program, testKvm } from '../../test/kit/program.ts';
import { decode, KVM_IRQFD_FLAG, KVM_LIMITS, structs } from '../uapi/index.ts';
import { COALESCED_MMIO_MAX } from './coalesced.ts';
import type { Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';

const { DEASSIGN, RESAMPLE } = KVM_IRQFD_FLAG;

function withGic(p = new Program()): readonly [Program, number] {
  const vm = p.vm();
  p.vcpu(vm, 0, 'PSCI_0_2');
  p.gicv3(vm);
  return [p, vm];
}
const irqfd = (p: Program, vm: number, fd: number, gsi = 0, flags = 0, resamplefd = 0): unknown =>
  p.give(vm, 'KVM_IRQFD', 'kvm_irqfd', { fd, gsi, flags, resamplefd });

describe('irqfd', () => {
  test('needs an interrupt controller that is ready', () => {
    const p = new Program();
    const vm = p.vm();
    p.vcpu(vm, 0, 'PSCI_0_2');
    const [fd] = p.eventfd();
    expect(irqfd(p, vm, fd)).toBe('EAGAIN');
    p.gicv3(vm, false);
    expect(irqfd(p, vm, fd)).toBe('EAGAIN');
  });
  test('one eventfd, one line, in all VMs', () => {
    const kvm = testKvm();
    const p = new Program(kvm);
    const [[, vm], [, other]] = [withGic(p), withGic(p)];
    const [fd, event] = p.eventfd();
    expect(irqfd(p, vm, fd)).toBe(0);
    expect(irqfd(p, vm, fd, 1)).toBe('EBUSY');
    expect(irqfd(p, other, fd)).toBe('EBUSY');
    expect(irqfd(p, vm, fd, 1, DEASSIGN)).toBe(0); // there is no such pair: nothing happens
    expect(irqfd(p, other, fd)).toBe('EBUSY');
    expect(irqfd(p, vm, fd, 0, DEASSIGN)).toBe(0);
    expect(event.listeners.size).toBe(0);
    expect(irqfd(p, other, fd)).toBe(0);
    p.close(other); // with the VM's file its irqfds go
    expect(event.listeners.size).toBe(0);
    expect(irqfd(p, vm, fd)).toBe(0);
  });
  test('what is refused', () => {
    const [p, vm] = withGic();
    const [fd] = p.eventfd();
    expect(irqfd(p, vm, fd, 0, 4)).toBe('EINVAL');
    expect(irqfd(p, vm, 99)).toBe('EBADF');
    expect(irqfd(p, vm, vm)).toBe('EINVAL');
    expect(irqfd(p, vm, fd, 0, RESAMPLE, 99)).toBe('EBADF');
    expect(irqfd(p, vm, 99, 0, DEASSIGN)).toBe('EBADF');
  });
  test('a write makes the interrupt pending and is consumed', () => {
    const [p, vm] = withGic();
    const gic = [...Array(64).keys()].find((f) => p.process.getFile(f)?.kind === 'kvm-device')!;
    const [fd, event] = p.eventfd();
    const pending = (): number => {
      const word = new Uint8Array(4);
      expect(p.attr('GET', gic, 1, 0x204, word)).toBe(0); // GICD_ISPENDR1
      return word[0]!;
    };
    irqfd(p, vm, fd, 3);
    event.signal(2n);
    expect([pending(), event.count]).toEqual([1 << 3, 0n]);
    const [second, early] = p.eventfd();
    early.signal(1n);
    irqfd(p, vm, second, 4); // written before: injected at once, counted until the end
    expect([pending(), early.count]).toEqual([(1 << 3) | (1 << 4), 1n]);
    irqfd(p, vm, second, 4, DEASSIGN);
    expect(early.count).toBe(0n);
  });
});

/** What a guest's store does. @returns whether somebody took it */
function store(vm: Vm, addr: bigint, ...data: number[]): boolean {
  return vm.buses.mmio.write(undefined as unknown as Vcpu, addr, Uint8Array.from(data)) === true;
}

describe('ioeventfd', () => {
  const setUp = (): readonly [Program, number, Vm, ReturnType<Program['eventfd']>] => {
    const p = new Program();
    const [fd, vm] = p.openVm();
    return [p, fd, vm, p.eventfd()];
  };
  const ask = (p: Program, vm: number, fd: number, addr: bigint, len: number, flags = 0, datamatch = 0n): unknown =>
    p.give(vm, 'KVM_IOEVENTFD', 'kvm_ioeventfd', { addr, len, fd, flags, datamatch });

  test('address, size and value decide', () => {
    const [p, fd, vm, [event, file]] = setUp();
    expect(ask(p, fd, event, 0x1000n, 2, 1, 0x1234n)).toBe(0);
    expect([store(vm, 0x1000n, 0x34, 0x12), file.consume()]).toEqual([true, 1n]);
    expect([store(vm, 0x1000n, 0x35, 0x12), file.consume()]).toEqual([false, 0n]);
    expect([store(vm, 0x1000n, 0x34), store(vm, 0x1001n, 0x34, 0x12), file.consume()]).toEqual([false, false, 0n]);
    expect(ask(p, fd, event, 0x2000n, 0)).toBe(0);
    expect([store(vm, 0x2000n, 1), store(vm, 0x2000n, 1, 2, 3, 4), file.consume()]).toEqual([true, true, 2n]);
  });
  test('what is refused', () => {
    const [p, vm, , [event]] = setUp();
    expect(ask(p, vm, event, 0x1000n, 3)).toBe('EINVAL');
    expect(ask(p, vm, event, 2n ** 64n - 4n, 4)).toBe('EINVAL');
    expect(ask(p, vm, event, 0x1000n, 0, 1)).toBe('EINVAL'); // any size has no value
    expect(ask(p, vm, event, 0x1000n, 4, 32)).toBe('EINVAL');
    expect(ask(p, vm, 99, 0x1000n, 4)).toBe('EBADF');
    expect(ask(p, vm, event, 0x1000n, 4, 4)).toBe('ENOENT');
    expect(ask(p, vm, event, 0x1000n, 4, 1, 5n)).toBe(0);
    expect(ask(p, vm, event, 0x1000n, 4, 1, 6n)).toBe(0);
    expect(ask(p, vm, event, 0x1000n, 4)).toBe('EEXIST'); // all values include 5
    expect(ask(p, vm, event, 0x1000n, 0)).toBe('EEXIST');
    expect(ask(p, vm, event, 0x1000n, 4, 1 | 4, 5n)).toBe(0);
  });
});

describe('coalesced MMIO', () => {
  const RING = structs.kvm_coalesced_mmio_ring;
  test('writes in a zone wait in the ring until it is full', () => {
    const p = new Program();
    const [fd, vm] = p.openVm();
    const vcpu = p.vcpu(fd, 0, 'PSCI_0_2');
    const ring = p.process.mmap(vcpu, 4096, 4096n);
    const zone = { addr: 0x1000n, size: 0x100 };
    expect(p.give(fd, 'KVM_REGISTER_COALESCED_MMIO', 'kvm_coalesced_mmio_zone', { ...zone, pio: 2 })).toBe('EINVAL');
    expect(p.give(fd, 'KVM_REGISTER_COALESCED_MMIO', 'kvm_coalesced_mmio_zone', zone)).toBe(0);
    expect(store(vm, 0x10fcn, 1, 2, 3, 4)).toBe(true);
    expect(store(vm, 0x10fdn, 1, 2, 3, 4)).toBe(false); // leaves the zone
    expect(decode(RING, p.read(ring, RING.size))).toEqual({ first: 0, last: 1 });
    const entry = decode(structs.kvm_coalesced_mmio, p.read(ring + BigInt(RING.size), structs.kvm_coalesced_mmio.size));
    expect(entry).toEqual({ phys_addr: 0x10fcn, len: 4, pio: 0, data: Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0) });
    let taken = 1;
    while (store(vm, 0x1000n, 1)) taken++;
    expect(taken).toBe(COALESCED_MMIO_MAX - 1);
    p.process.memory.write(ring, Uint8Array.of(1)); // the program has read one
    expect([store(vm, 0x1000n, 1), store(vm, 0x1000n, 1)]).toEqual([true, false]);
    p.process.memory.write(ring, new Uint8Array(8).fill(255)); // nonsense in the ring harms only the program
    expect(store(vm, 0x1000n, 1)).toBe(false);
    expect(p.give(fd, 'KVM_UNREGISTER_COALESCED_MMIO', 'kvm_coalesced_mmio_zone', zone)).toBe(0);
  });
  test('a bus has room for 1,000 zones; ioeventfds do not count', () => {
    const p = new Program();
    const vm = p.vm();
    const zone = (i: number): unknown =>
      p.give(vm, 'KVM_REGISTER_COALESCED_MMIO', 'kvm_coalesced_mmio_zone', { addr: BigInt(i) * 8n, size: 8 });
    const [fd] = p.eventfd();
    const event = (i: number): unknown =>
      p.give(vm, 'KVM_IOEVENTFD', 'kvm_ioeventfd', { addr: BigInt(i) * 8n, len: 8, fd });
    for (let i = 0; i < 1500; i++) expect(event(i)).toBe(0);
    for (let i = 0; i < KVM_LIMITS.NR_IOBUS_DEVS; i++) expect(zone(i)).toBe(0);
    expect(zone(2000)).toBe('ENOSPC');
    expect(event(2000)).toBe('ENOSPC');
  });
});
