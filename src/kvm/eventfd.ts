// ioeventfd: a guest write to an address (and of a value, if wished) signals an eventfd instead of exiting.
// @linux virt/kvm/eventfd.c

import { KVM_IOEVENTFD_FLAG as FLAG, type structs, type ValueOf } from '../uapi/index.ts';
import type { Call } from './call.ts';
import { refuse } from './errors.ts';
import type { IoBus, IoDevice } from './io_bus.ts';
import { eventFile } from './irqfd.ts';
import type { Vm } from './vm.ts';

type Args = ValueOf<typeof structs.kvm_ioeventfd>;

export interface Ioeventfd {
  readonly bus: IoBus;
  readonly args: Args;
  /** undefined: any value. */
  readonly match: bigint | undefined;
  readonly event: ReturnType<typeof eventFile>;
  readonly device: IoDevice;
}

const KNOWN = Object.values(FLAG).reduce((a, b) => a | b, 0);

function busOf(vm: Vm, flags: number): IoBus {
  if ((flags & FLAG.PIO) !== 0) return vm.buses.pio;
  return (flags & FLAG.VIRTIO_CCW_NOTIFY) !== 0 ? vm.buses.ccw : vm.buses.mmio;
}
function little(data: Uint8Array): bigint {
  return data.reduceRight((v, b) => (v << 8n) | BigInt(b), 0n);
}
function matchOf(args: Args): bigint | undefined {
  return (args.flags & FLAG.DATAMATCH) === 0 ? undefined : args.datamatch;
}

/** KVM_IOEVENTFD. @throws EINVAL, EBADF, EEXIST, ENOSPC, ENOENT */
export function ioeventfd(vm: Vm, call: Call, args: Args): void {
  if ((args.flags & FLAG.DEASSIGN) !== 0) deassign(vm, call, args);
  else assign(vm, call, args);
}

function assign(vm: Vm, call: Call, args: Args): void {
  const bus = busOf(vm, args.flags);
  if (![0, 1, 2, 4, 8].includes(args.len)) throw refuse.EINVAL;
  if (args.addr + BigInt(args.len) >= 1n << 64n) throw refuse.EINVAL;
  if ((args.flags & ~KNOWN) !== 0) throw refuse.EINVAL;
  if (args.len === 0 && (args.flags & FLAG.DATAMATCH) !== 0) throw refuse.EINVAL;
  const event = eventFile(call, args.fd);
  const match = matchOf(args);
  if (vm.ioeventfds.some((o) => collides(o, bus, args, match))) throw refuse.EEXIST;
  const device: IoDevice = {
    name: 'ioeventfd',
    isIoeventfd: true,
    write: (_vcpu, addr, data) => {
      if (addr !== args.addr) return false;
      if (args.len !== 0 && data.length !== args.len) return false;
      if (args.len !== 0 && match !== undefined && match !== little(data)) return false;
      event.signal(1n);
      return true;
    },
  };
  bus.register(args.addr, args.len, device);
  vm.ioeventfds.push({ bus, args, match, event, device });
}

function collides(o: Ioeventfd, bus: IoBus, args: Args, match: bigint | undefined): boolean {
  if (o.bus !== bus || o.args.addr !== args.addr) return false;
  if (o.args.len === 0 || args.len === 0) return true;
  return o.args.len === args.len && (o.match === undefined || match === undefined || o.match === match);
}

function deassign(vm: Vm, call: Call, args: Args): void {
  const bus = busOf(vm, args.flags);
  const event = eventFile(call, args.fd);
  const match = matchOf(args);
  const i = vm.ioeventfds.findIndex(
    (o) =>
      o.bus === bus && o.event === event && o.args.addr === args.addr && o.args.len === args.len && o.match === match,
  );
  if (i < 0) throw refuse.ENOENT;
  bus.unregister(vm.ioeventfds[i]!.device);
  vm.ioeventfds.splice(i, 1);
}
