// Devices of a VM: created by type, spoken to by attributes. What the attributes mean is each device's own affair.
// @linux virt/kvm/kvm_main.c: kvm_ioctl_create_device, kvm_device_ioctl

import { Errno, type HostFile } from '../base/hostfile.ts';
import { KVM_CREATE_DEVICE, KVM_DEV_TYPE, structs } from '../uapi/index.ts';
import { type Call, copyIn, copyOut, dispatcher, getS32, installFd, O_CLOEXEC, O_RDWR } from './call.ts';
import { check, refuse } from './errors.ts';
import { VGIC_ITS } from './vgic/vgic-its-device.ts';
import { VGIC_V2, VGIC_V3 } from './vgic/vgic-kvm-device.ts';
import { getVm, putVm, refusesCaller, type Vm } from './vm.ts';

/** What an attribute ioctl carries. */
export interface Attr {
  readonly group: number;
  readonly attr: bigint;
  readonly addr: bigint;
}
/** An object that has attributes. An operation that is absent answers EPERM. */
export interface DeviceFace {
  /** @throws the errno */
  set?(call: Call, a: Attr): void;
  get?(call: Call, a: Attr): void;
  has?(a: Attr): boolean;
}
export interface DeviceOps {
  readonly name: string;
  /** @throws the errno */
  create(vm: Vm): DeviceFace;
}

/** Files of VFIO do not exist here, so none can be added to a VM and none removed. @linux virt/kvm/vfio.c */
const VFIO: DeviceOps = {
  name: 'kvm-vfio',
  create: (vm) => {
    if (vm.hasVfio) throw refuse.EBUSY;
    vm.hasVfio = true;
    const isFile = (a: Attr): boolean => a.group === VFIO_FILE && (a.attr === VFIO_ADD || a.attr === VFIO_DEL);
    return {
      has: isFile,
      set: (call, a) => {
        if (!isFile(a)) throw refuse.ENXIO;
        if (!call.caller.getFile(getS32(call, a.addr))) throw refuse.EBADF;
        throw a.attr === VFIO_ADD ? refuse.EINVAL : refuse.ENOENT;
      },
    };
  },
};
const VFIO_FILE = 1;
const VFIO_ADD = 1n;
const VFIO_DEL = 2n;

/** The devices that this host can give to a VM. */
function deviceOps(vm: Vm, type: number): DeviceOps | undefined {
  const { host, gic } = vm.kvm;
  switch (type) {
    case KVM_DEV_TYPE.VFIO:
      return VFIO;
    case KVM_DEV_TYPE.ARM_VGIC_V2:
      return gic.emulatesV2 ? VGIC_V2 : undefined;
    case KVM_DEV_TYPE.ARM_VGIC_V3:
      return host.hasGicv3 ? VGIC_V3 : undefined;
    case KVM_DEV_TYPE.ARM_VGIC_ITS:
      return host.hasGicv3 ? VGIC_ITS : undefined;
    default:
      return undefined;
  }
}

/** KVM_CREATE_DEVICE. With KVM_CREATE_DEVICE_TEST only asks. @throws ENODEV, and what the device refuses */
export function createDevice(vm: Vm, call: Call): number {
  const cd = copyIn(call, structs.kvm_create_device);
  const ops = deviceOps(vm, cd.type);
  if (!ops) throw refuse.ENODEV;
  if ((cd.flags & KVM_CREATE_DEVICE.TEST) === 0) {
    const file = deviceFile(vm, ops.create(vm));
    cd.fd = check(installFd(call, file, `anon_inode:${ops.name}`, O_RDWR | O_CLOEXEC));
  }
  copyOut(call, structs.kvm_create_device, cd);
  return 0;
}

export function readAttr(call: Call): Attr {
  return copyIn(call, structs.kvm_device_attr);
}
/** The three attribute ioctls on anything that has attributes. */
export function setAttr(face: DeviceFace, call: Call): number {
  if (!face.set) throw refuse.EPERM;
  face.set(call, readAttr(call));
  return 0;
}
export function getAttr(face: DeviceFace, call: Call): number {
  if (!face.get) throw refuse.EPERM;
  face.get(call, readAttr(call));
  return 0;
}
export function hasAttr(face: DeviceFace, call: Call): number {
  if (!face.has) throw refuse.EPERM;
  if (!face.has(readAttr(call))) throw refuse.ENXIO;
  return 0;
}

const dispatch = dispatcher<'device', DeviceFace>(
  { KVM_SET_DEVICE_ATTR: setAttr, KVM_GET_DEVICE_ATTR: getAttr, KVM_HAS_DEVICE_ATTR: hasAttr },
  () => -Errno.ENOTTY,
);

function deviceFile(vm: Vm, face: DeviceFace): HostFile {
  getVm(vm);
  return {
    kind: 'kvm-device',
    ioctl: (cmd, arg, caller) => (refusesCaller(vm, caller) ? -Errno.EIO : dispatch(face, cmd, arg, caller)),
    close: () => putVm(vm),
  };
}
