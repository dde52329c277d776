// Stolen time: how long a vCPU was ready to run while its thread had to wait. Kept in guest memory, in a record whose
// address the program chose. @arm DEN 0057. @linux arch/arm64/kvm/pvtime.c

import { SMCCC, SMCCC_RET } from '../arch/smccc.ts';
import type { Caller } from '../base/hostfile.ts';
import { getReg } from './emulate.ts';
import { readGuestU64, writeGuest, writeGuestU64 } from './guest_memory.ts';
import type { Vcpu } from './vcpu.ts';

/** struct pvclock_vcpu_stolen_time: revision, attributes, stolen_time. */
const STOLEN_TIME = 8n;
const RECORD_BYTES = 64;
const runDelay = (caller: Caller): bigint => BigInt(Math.floor(caller.runDelay ?? 0));

/** HV_PV_TIME_FEATURES. @linux kvm_hypercall_pv_features */
export function pvTimeFeatures(vcpu: Vcpu): bigint {
  const asked = Number(getReg(vcpu, 1) & 0xffff_ffffn);
  const known = asked === SMCCC.HV_PV_TIME_FEATURES || asked === SMCCC.HV_PV_TIME_ST;
  return BigInt(known && vcpu.stealBase !== undefined ? SMCCC_RET.SUCCESS : SMCCC_RET.NOT_SUPPORTED);
}
/** HV_PV_TIME_ST: counting starts now. @returns the record's address, or NOT_SUPPORTED. @linux kvm_init_stolen_time */
export function startStolenTime(vcpu: Vcpu, caller: Caller): bigint {
  if (vcpu.stealBase === undefined) return BigInt(SMCCC_RET.NOT_SUPPORTED);
  vcpu.lastSteal = runDelay(caller);
  writeGuest(vcpu.vm, vcpu.stealBase, new Uint8Array(RECORD_BYTES), vcpu);
  return vcpu.stealBase;
}
/** What has been stolen since the last time goes into the record. @linux kvm_update_stolen_time */
export function updateStolenTime(vcpu: Vcpu, caller: Caller): void {
  if (vcpu.stealBase === undefined) return;
  const at = vcpu.stealBase + STOLEN_TIME;
  const now = runDelay(caller);
  if (now === vcpu.lastSteal) return;
  const before = readGuestU64(vcpu.vm, at);
  if (before === undefined) return;
  if (writeGuestU64(vcpu.vm, at, before + now - vcpu.lastSteal, vcpu)) vcpu.lastSteal = now;
}
