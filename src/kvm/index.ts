// The public face of the layer: KVM on a host, as a file to open.
export { createKvm, type KvmOptions } from './dev_kvm.ts';
export type { Hardware } from './hardware.ts';
export { type Host, type HostSpec, hostSpecFromJson, type KvmMode, makeHost } from './host.ts';
export { KVM_MODES } from './modes.ts';
export { regName } from './reg_names.ts';
export type { Trace, TraceFields } from './trace.ts';
export type { GicFacts } from './vm.ts';
