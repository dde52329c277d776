// What a sequence has made so far.

import { structs } from '../../src/uapi/index.ts';
import type { FuzzProgram } from './program.ts';

export interface VcpuRef {
  readonly fd: number;
  readonly id: number;
  /** Where kvm_run is mapped. */
  readonly page: bigint;
  /** The ids that KVM_GET_REG_LIST gave. */
  regs: readonly bigint[] | undefined;
}
export interface World {
  readonly p: FuzzProgram;
  vm: number;
  readonly vcpus: VcpuRef[];
  gic: number | undefined;
  its: number | undefined;
}
export const u32 = (x: number): Uint8Array => new Uint8Array(Uint32Array.of(x).buffer);
export const u64 = (x: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(x).buffer);

export function setReg(w: World, v: VcpuRef, id: bigint, value: bigint | Uint8Array): number {
  const addr = w.p.process.scratch2(typeof value === 'bigint' ? u64(value) : value);
  return w.p.give(v.fd, 'KVM_SET_ONE_REG', structs.kvm_one_reg, { id, addr });
}
