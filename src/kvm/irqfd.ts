// irqfd: an eventfd that raises an interrupt of a VM when it is written to. An eventfd feeds at most one irqfd of any
// VM. With resampling, the line stays up until the guest has dealt with it. @linux virt/kvm/eventfd.c

import type { EventFile, HostFile } from '../base/hostfile.ts';
import { KVM_IRQFD_FLAG, type structs, type ValueOf } from '../uapi/index.ts';
import type { Call } from './call.ts';
import { refuse } from './errors.ts';
import { raiseIrq, setIrq } from './irqchip.ts';
import { isInitialized } from './vgic/vgic.ts';
import type { Vm } from './vm.ts';

const POLLIN = 1;

export interface Irqfd {
  readonly gsi: number;
  readonly event: EventFile;
  /** Told when the guest has ended a level interrupt. */
  readonly resample: EventFile | undefined;
  stop(): void;
}

/** The eventfd behind a descriptor. @throws EBADF, EINVAL */
export function eventFile(call: Call, fd: number): EventFile {
  const file: HostFile | undefined = call.caller.getFile(fd | 0);
  if (!file) throw refuse.EBADF;
  if (file.kind !== 'eventfd') throw refuse.EINVAL;
  return file as EventFile;
}

/** KVM_IRQFD. @throws EINVAL, EAGAIN, EBADF, EBUSY */
export function irqfd(vm: Vm, call: Call, args: ValueOf<typeof structs.kvm_irqfd>): void {
  const { DEASSIGN, RESAMPLE } = KVM_IRQFD_FLAG;
  if ((args.flags & ~(DEASSIGN | RESAMPLE)) !== 0) throw refuse.EINVAL;
  if ((args.flags & DEASSIGN) !== 0) deassign(vm, eventFile(call, args.fd), args.gsi);
  else assign(vm, call, args, (args.flags & RESAMPLE) !== 0);
}

function assign(vm: Vm, call: Call, args: ValueOf<typeof structs.kvm_irqfd>, resampling: boolean): void {
  if (!isInitialized(vm)) throw refuse.EAGAIN;
  const event = eventFile(call, args.fd);
  const resample = resampling ? eventFile(call, args.resamplefd) : undefined;
  const owners = vm.kvm.irqfdOwners;
  if (owners.has(event)) throw refuse.EBUSY;
  const gsi = args.gsi;
  const inject = (): void => {
    setIrq(vm, gsi, true);
    if (!resample) setIrq(vm, gsi, false);
  };
  const unlisten = event.onSignal(() => {
    event.consume();
    if (!raiseIrq(vm, gsi)) inject();
  });
  const self: Irqfd = {
    gsi,
    event,
    resample,
    stop: () => {
      unlisten();
      event.consume();
      owners.delete(event);
      vm.irqfds.delete(self);
      if (resample && ![...vm.irqfds].some((i) => i.gsi === gsi && i.resample)) setIrq(vm, gsi, false);
    },
  };
  owners.set(event, self);
  vm.irqfds.add(self);
  if (((event.poll?.() ?? 0) & POLLIN) !== 0) inject(); // it was written to before: the counter is left as it is
}

function deassign(vm: Vm, event: EventFile, gsi: number): void {
  for (const i of [...vm.irqfds]) if (i.event === event && i.gsi === gsi) i.stop();
}

/** The VM file is closed: no more interrupts from outside, even if vCPUs live on. @linux kvm_irqfd_release */
export function releaseIrqfds(vm: Vm): void {
  for (const i of [...vm.irqfds]) i.stop();
}

/** The guest ended the interrupt of a pin: lower it and tell the resampling irqfds. @linux kvm_notify_acked_irq */
export function notifyAcked(vm: Vm, pin: number): void {
  const gsi = vm.routing.gsi(pin);
  const all = [...vm.irqfds].filter((i) => i.gsi === gsi && i.resample);
  if (all.length === 0 || gsi === undefined) return;
  setIrq(vm, gsi, false);
  for (const i of all) i.resample!.signal(1n);
}
