// The entropy source that a guest asks for by SMCCC. Where the bits come from is the machine's choice; equal seeds give
// equal bits. @arm DEN 0098. @linux arch/arm64/kvm/trng.c

import { SMCCC } from '../arch/smccc.ts';
import { getReg } from './emulate.ts';
import type { Vcpu } from './vcpu.ts';

const VERSION_1_0 = 0x1_0000n;
const RET = { SUCCESS: 0n, NOT_SUPPORTED: -1n, INVALID_PARAMETERS: -2n } as const;
/** Names the implementation: KVM's. */
const UUID = [0x00e0_210dn, 0xeb11_8443n, 0x4452_7080n, 0x4c5a_4e55n] as const;
const CALLS: readonly number[] = [
  SMCCC.TRNG_VERSION, SMCCC.TRNG_FEATURES, SMCCC.TRNG_GET_UUID, SMCCC.TRNG_RND32, SMCCC.TRNG_RND64,
]; // biome-ignore format: a list
export const isTrngCall = (id: number): boolean => CALLS.includes(id);

/** @returns X0 to X3 */
export function trngCall(vcpu: Vcpu, id: number): readonly bigint[] {
  const arg = Number(getReg(vcpu, 1) & 0xffff_ffffn);
  switch (id) {
    case SMCCC.TRNG_VERSION:
      return [VERSION_1_0];
    case SMCCC.TRNG_FEATURES:
      return [isTrngCall(arg) ? RET.SUCCESS : RET.NOT_SUPPORTED];
    case SMCCC.TRNG_GET_UUID:
      return UUID;
    default:
      return random(vcpu, arg, id === SMCCC.TRNG_RND32 ? 32 : 64);
  }
}
/** The requested bits, right-aligned in three registers, the last of them first. */
function random(vcpu: Vcpu, bits: number, width: 32 | 64): readonly bigint[] {
  if (bits > 3 * width) return [RET.INVALID_PARAMETERS];
  let value = 0n;
  for (let i = 0; i < bits; i += 64) value |= BigInt.asUintN(64, vcpu.vm.kvm.random()) << BigInt(i);
  value = BigInt.asUintN(bits, value);
  const word = (i: number): bigint => BigInt.asUintN(width, value >> BigInt(i * width));
  return [RET.SUCCESS, word(2), word(1), word(0)];
}
