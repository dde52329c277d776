// The SVE class of KVM_{GET,SET}_ONE_REG: Z, P and FFR as slices of the vector state, and the pseudo-register that chooses
// the set of vector lengths before the vCPU is finalised. Knows nothing of how vectors are used.

import { Errno } from '../base/hostfile.ts';
import { regId, regIndex, regSize } from '../uapi/reg_id.ts';
import type { VcpuRegs } from './regs_state.ts';
import { holds } from './vm_features.ts';

const Z = { count: 32, base: 0, bytes: 256 } as const;
/** P0..P15, then FFR as the seventeenth. */
const P = { count: 17, base: 0x400, bytes: 32 } as const;
const P_OFFSET = Z.count * Z.bytes;
/** Registers longer than an id can say would come in slices; only slice 0 exists. */
const SLICES = 32;
const MAX_QUADS = 512;

/** @linux KVM_REG_ARM64_SVE_VLS */
export const SVE_VLS = regId('U512', 'SVE', 0xffff);
/** Vector lengths first, so that a restore in list order works. @linux copy_sve_reg_indices */
export const SVE_REG_IDS: readonly bigint[] = [
  SVE_VLS,
  ...Array.from({ length: Z.count }, (_, n) => regId('U2048', 'SVE', Z.base + n * SLICES)),
  ...Array.from({ length: P.count }, (_, n) => regId('U256', 'SVE', P.base + n * SLICES)),
];

interface Region {
  readonly offset: number;
  /** Bytes that the vCPU's vector length gives the register; the rest reads as zero. */
  readonly length: number;
}
/** @linux sve_reg_to_region */
function regionOf(vcpu: VcpuRegs, id: bigint): Region | number {
  const index = regIndex(id);
  const size = regSize(id);
  const within = (k: typeof Z | typeof P): boolean =>
    size === k.bytes && index >= k.base && index < k.base + k.count * SLICES;
  if (!within(Z) && !within(P)) return -Errno.EINVAL;
  if (!holds(vcpu.vm, 'sve') || index % SLICES !== 0) return -Errno.ENOENT;
  const n = (index >> 5) & 31;
  return within(Z)
    ? { offset: n * Z.bytes, length: Math.min(vcpu.sveMaxVl, Z.bytes) }
    : { offset: P_OFFSET + n * P.bytes, length: Math.min(vcpu.sveMaxVl / 8, P.bytes) };
}

export function getSveReg(vcpu: VcpuRegs, id: bigint): Uint8Array | number {
  if (id === SVE_VLS) return getLengths(vcpu);
  const r = regionOf(vcpu, id);
  if (typeof r === 'number') return r;
  if (!vcpu.sveFinalized) return -Errno.EPERM;
  const out = new Uint8Array(regSize(id));
  out.set(vcpu.vectors.subarray(r.offset, r.offset + r.length));
  return out;
}
export function setSveReg(vcpu: VcpuRegs, id: bigint, data: Uint8Array): number {
  if (id === SVE_VLS) return setLengths(vcpu, data);
  const r = regionOf(vcpu, id);
  if (typeof r === 'number') return r;
  if (!vcpu.sveFinalized) return -Errno.EPERM;
  vcpu.vectors.set(data.subarray(0, r.length), r.offset);
  return 0;
}

// One bit per vector length: bit q-1 for q quadwords.

function getLengths(vcpu: VcpuRegs): Uint8Array | number {
  if (!holds(vcpu.vm, 'sve')) return -Errno.ENOENT;
  const out = new Uint8Array(regSize(SVE_VLS));
  for (const q of vcpu.vm.host.vectorQuads) if (q * 16 <= vcpu.sveMaxVl) out[(q - 1) >> 3]! |= 1 << ((q - 1) & 7);
  return out;
}
/** Hardware can only be told a largest length: the set must be all that the host has up to there. @linux set_sve_vls */
function setLengths(vcpu: VcpuRegs, data: Uint8Array): number {
  if (!holds(vcpu.vm, 'sve')) return -Errno.ENOENT;
  if (vcpu.sveFinalized) return -Errno.EPERM;
  const has = (q: number): boolean => ((data[(q - 1) >> 3]! >> ((q - 1) & 7)) & 1) === 1;
  const host = vcpu.vm.host.vectorQuads;
  let max = 0;
  for (let q = 1; q <= MAX_QUADS; q++) if (has(q)) max = q;
  if (max === 0 || max > (host.at(-1) ?? 0)) return -Errno.EINVAL;
  for (let q = 1; q <= max; q++) if (has(q) !== host.includes(q)) return -Errno.EINVAL;
  vcpu.sveMaxVl = max * 16;
  return 0;
}
