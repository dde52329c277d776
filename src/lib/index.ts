// `import { openKvm } from 'hypatia'`: the library. Runs wherever JavaScript does; needs neither Node nor a browser.
export { UsageError } from '../base/assert.ts';
export { MODEL_NAMES, type ModelName } from '../cpu/models.ts';
export type { KvmMode } from '../kvm/host.ts';
export type { CapName, IoctlName, VcpuFeature } from '../uapi/index.ts';
export { KvmError } from './errors.ts';
export {
  Device, GuestRam, type HostDescription, type OpenOptions, openKvm, type Region, type Register, System, Vcpu, Vm,
} from './kvm.ts'; // biome-ignore format: one list
