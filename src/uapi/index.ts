// The public face of the layer: facts of the KVM ABI and the means to read and print them.
export * from './constants.ts';
export * from './exits.ts';
export * from './kvm.ts';
export * from './print.ts';
export * from './reg_id.ts';
export * from './schema.ts';
export * as structs from './structs.ts';
