// What programs do with interrupts and devices: lines, messages, eventfds, routing; attributes that save and restore them.

import { KVM_ARM_IRQ_TYPE, KVM_ARM_VCPU_GROUP, structs } from '../../src/uapi/index.ts';
import { AT, DEVICE, GIC, RAM } from './layout.ts';
import type { Random } from './random.ts';
import { u32, u64, type World } from './world.ts';

/** A command of the ITS, mostly one that fits the others. @arm IHI 0069, "ITS commands" */
function itsCommand(r: Random): bigint[] {
  const device = BigInt(r.below(3));
  const event = BigInt(r.below(4));
  const collection = BigInt(r.below(3));
  const table = RAM + BigInt(AT.its + 0x1_0000 + r.below(16) * 0x1000);
  const valid = r.chance(0.85) ? 1n << 63n : 0n;
  const op = r.pick([0x8, 0x9, 0xa, 0xb, 0x3, 0x4, 0xc, 0xd, 0xe, 0xf, 0x1, 0x5, r.below(256)]);
  const lpi = 8192n + BigInt(r.below(64));
  switch (op) {
    case 0x8: // MAPD
      return [(device << 32n) | 8n, BigInt(r.below(6)), valid | table, 0n];
    case 0x9: // MAPC
      return [9n, 0n, valid | (BigInt(r.below(3)) << 16n) | collection, 0n];
    case 0xa: // MAPTI
      return [(device << 32n) | 10n, (lpi << 32n) | event, collection, 0n];
    default:
      return [
        (device << 32n) | BigInt(op),
        event,
        r.chance(0.8) ? collection : r.word(),
        r.chance(0.9) ? 0n : r.word(),
      ];
  }
}
const ITS_REGS = [0x0, 0x4, 0x8, 0x80, 0x88, 0x90, 0x100, 0x108];
function its(w: World, r: Random, fd: number): void {
  const { p } = w;
  switch (r.below(5)) {
    case 0: {
      // A queue of commands, and registers that make the ITS look at it.
      const count = 1 + r.below(12);
      for (let i = 0; i < count; i++)
        for (const [j, word] of itsCommand(r).entries()) p.put64(AT.its + 32 * i + 8 * j, word);
      const base = RAM + BigInt(AT.its);
      p.attr(fd, 'SET', 8, 0x100n, u64((1n << 63n) | (RAM + BigInt(AT.its + 0x4000)) | (7n << 48n))); // devices
      p.attr(fd, 'SET', 8, 0x108n, u64((1n << 63n) | (RAM + BigInt(AT.its + 0x8000)) | (7n << 48n))); // collections
      p.attr(fd, 'SET', 8, 0x80n, u64((1n << 63n) | base | BigInt(r.below(4))));
      p.attr(fd, 'SET', 8, 0n, u64(1n));
      p.attr(fd, 'SET', 8, 0x88n, u64(BigInt(32 * count)));
      return;
    }
    case 1:
      p.attr(fd, 'SET', 4, BigInt(r.below(6)), new Uint8Array(8)); // save, restore, reset
      return;
    case 2:
      p.attr(fd, 'GET', 8, BigInt(r.pick(ITS_REGS)), new Uint8Array(8));
      return;
    default:
      p.attr(fd, 'SET', 8, BigInt(r.chance(0.9) ? r.pick(ITS_REGS) : r.below(0x2_0000)), u64(r.word()));
  }
}
const GROUPS = [0, 1, 1, 3, 4, 5, 5, 6, 6, 7, 9, 2];
function gic(w: World, r: Random, fd: number): void {
  const group = r.chance(0.95) ? r.pick(GROUPS) : r.below(32);
  const cpu = BigInt(r.below(3)) << 32n;
  const icc = (3n << 14n) | (12n << 7n) | BigInt(r.pick([8, 9, 11, 12])) << 3n | BigInt(r.below(8));
  const attr = group === 6
    ? cpu | (r.chance(0.9) ? icc : BigInt(r.below(0x10000)))
    : group === 0 || group === 4 ? BigInt(r.below(7))
    : cpu | BigInt(r.chance(0.9) ? r.below(0x400) * 4 : r.below(0x2_0000));
  w.p.attr(fd, r.pick(['SET', 'SET', 'GET', 'HAS'] as const), group, attr, r.chance(0.7) ? u64(r.word()) : u32(r.u32()));
} // biome-ignore format: choices on one line

export function aboutDevices(w: World, r: Random): void {
  const { p } = w;
  const which = r.below(4);
  if (which === 0 && w.its !== undefined) its(w, r, w.its);
  else if (which < 3 && w.gic !== undefined) gic(w, r, w.gic);
  else {
    const fds = [...p.ofKind('kvm-vcpu'), ...p.ofKind('kvm-device'), w.vm];
    const group = r.chance(0.8) ? r.pick(Object.values(KVM_ARM_VCPU_GROUP)) : r.below(12);
    const value = r.pick([u32(r.below(32)), u64(r.word()), new Uint8Array(16)]);
    p.attr(r.pick(fds), r.pick(['SET', 'GET', 'HAS'] as const), group, BigInt(r.below(6)), value);
  }
}

function line(w: World, r: Random): void {
  const type = r.pick([...Object.values(KVM_ARM_IRQ_TYPE), 1, 1]);
  const num = type === 0 ? r.below(3) : type === 2 ? 16 + r.below(16) : 32 + r.below(40);
  const irq = r.chance(0.95) ? ((type << 24) | (r.below(3) << 16) | num) >>> 0 : r.u32();
  w.p.give(w.vm, 'KVM_IRQ_LINE', structs.kvm_irq_level, { irq, level: r.below(2) });
}
export function aboutInterrupts(w: World, r: Random): void {
  const { p } = w;
  const fd = r.pick(p.ofKind('eventfd'));
  switch (r.below(9)) {
    case 0: {
      const msi = { address_lo: Number(GIC.its) + 0x1_0040, data: r.below(4), devid: r.below(3), flags: r.pick([1, 1, 0]) };
      p.give(w.vm, 'KVM_SIGNAL_MSI', structs.kvm_msi, msi);
      return;
    }
    case 1:
      p.give(w.vm, 'KVM_IRQFD', structs.kvm_irqfd, { fd, gsi: r.below(40), flags: r.pick([0, 0, 1, 2]), resamplefd: r.pick(p.ofKind('eventfd')) });
      return;
    case 2:
      p.give(w.vm, 'KVM_IOEVENTFD', structs.kvm_ioeventfd, { addr: DEVICE + BigInt(r.below(4) * 4), len: r.pick([0, 1, 4, 8]), fd, flags: r.pick([0, 1, 4]), datamatch: r.word() });
      return;
    case 3:
      r.pick(p.events).signal(1n);
      return;
    case 4:
      p.give(w.vm, r.chance(0.7) ? 'KVM_REGISTER_COALESCED_MMIO' : 'KVM_UNREGISTER_COALESCED_MMIO', structs.kvm_coalesced_mmio_zone, { addr: DEVICE, size: r.pick([4, 64, 4096]) });
      return;
    case 5: {
      const count = r.below(4);
      const entries = new Uint8Array(count * 48);
      for (let i = 0; i < entries.length; i += 4) if (r.chance(0.4)) new DataView(entries.buffer).setUint32(i, r.below(48), true);
      p.give(w.vm, 'KVM_SET_GSI_ROUTING', structs.kvm_irq_routing, { nr: count }, entries);
      return;
    }
    default:
      line(w, r);
  }
} // biome-ignore format: requests on one line
