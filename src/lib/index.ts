// `import { openKvm } from 'hypatia'`: the library. Runs wherever JavaScript does; needs neither Node nor a browser.
export { UsageError } from '../base/assert.ts';
export { MODEL_NAMES, type ModelName } from '../cpu/models.ts';
export type { KvmCompat } from '../kvm/compat.ts';
export type { KvmMode } from '../kvm/host.ts';
export type { OfferName } from '../kvm/offers.ts';
export type { CapName, ExitReason, IoctlName, KvmExit, VcpuFeature } from '../uapi/index.ts';
export { KvmError } from './errors.ts';
export { Device } from './handle.ts';
export { type HostDescription, type OpenOptions, openKvm, System } from './kvm.ts';
export { type Register, Vcpu } from './vcpu.ts';
export { GuestRam, type IrqLine, type Region, type VgicV3, Vm } from './vm.ts';
