// Power State Coordination Interface, versions 0.1 to 1.3: vCPUs go on and off, the machine goes off, is reset, sleeps.
// @arm DEN 0022. @linux arch/arm64/kvm/psci.c

import {
  PSCI_AFFINITY,
  PSCI_RET,
  PSCI_TOS_NOT_PRESENT_MP,
  SMCCC,
  SMCCC_ID,
  smcccName,
  version,
} from '../arch/smccc.ts';
import { KVM_MP_STATE, KVM_SYSTEM_EVENT, structs } from '../uapi/index.ts';
import { exitToUser, getReg, isBigEndian, setReg } from './emulate.ts';
import { PSCI, psciVersion } from './fw_regs.ts';
import { mpidr, vcpuByMpidr } from './mpidr.ts';
import type { Vcpu } from './vcpu.ts';
import { kick } from './vgic/vgic.ts';
import { holds } from './vm_features.ts';

/** 'exit': to the program. 'silent': the same, and the guest's registers stay as they are. */
export type PsciAnswer = bigint | { readonly value: bigint; readonly next: 'exit' | 'wait' } | 'silent';

const RET = Object.fromEntries(Object.entries(PSCI_RET).map(([k, v]) => [k, BigInt(v)])) as {
  readonly [K in keyof typeof PSCI_RET]: bigint;
};
const AFFINITY_BITS = 0xff_00ff_ffffn;
const LEVEL_BITS = 8n;
const FLAG = { RESET2: 1n, OFF2: 1n } as const;
const OFF_TYPE_HIBERNATE = 1n;
const RESET_TYPE_VENDOR = 0x8000_0000;

export function powerOff(vcpu: Vcpu): void {
  vcpu.mpState = KVM_MP_STATE.STOPPED;
  kick(vcpu);
}

/** All vCPUs stop until the program says otherwise; it is told why. @linux kvm_prepare_system_event */
function systemEvent(vcpu: Vcpu, type: keyof typeof KVM_SYSTEM_EVENT, flags = 0n): PsciAnswer {
  for (const v of vcpu.vm.vcpus) powerOff(v);
  exitToUser(vcpu, 'SYSTEM_EVENT', structs.exit_system_event, {
    type: KVM_SYSTEM_EVENT[type],
    ndata: 1,
    data: [flags],
  });
  return { value: RET.INTERNAL_FAILURE, next: 'exit' }; // for a program that lets the guest go on all the same
}

/** @linux kvm_psci_vcpu_on */
function cpuOn(vcpu: Vcpu, arg: Args): bigint {
  const target = (arg(1) & ~AFFINITY_BITS) === 0n ? vcpuByMpidr(vcpu.vm, arg(1)) : undefined;
  if (!target) return RET.INVALID_PARAMETERS;
  if (target.mpState !== KVM_MP_STATE.STOPPED)
    return psciVersion(vcpu.vm.regs) === PSCI.v0_1 ? RET.INVALID_PARAMETERS : RET.ALREADY_ON;
  target.pendingReset = { pc: arg(2), x0: arg(3), bigEndian: isBigEndian(vcpu) };
  target.mpState = KVM_MP_STATE.RUNNABLE;
  kick(target);
  return RET.SUCCESS;
}
/** ON as soon as one vCPU of the group is. @linux kvm_psci_vcpu_affinity_info */
function affinityInfo(vcpu: Vcpu, arg: Args): bigint {
  const level = arg(2);
  if ((arg(1) & ~AFFINITY_BITS) !== 0n || level > 3n) return RET.INVALID_PARAMETERS;
  const mask = AFFINITY_BITS & ~((1n << (level * LEVEL_BITS)) - 1n);
  const group = vcpu.vm.vcpus.filter((v) => (mpidr(v) & mask) === (arg(1) & mask));
  if (group.length === 0) return RET.INVALID_PARAMETERS;
  const on = group.some((v) => v.mpState !== KVM_MP_STATE.STOPPED);
  return BigInt(on ? PSCI_AFFINITY.ON : PSCI_AFFINITY.OFF);
}
/** @linux kvm_psci_system_suspend: the program reads the arguments, so no register changes */
function systemSuspend(vcpu: Vcpu): PsciAnswer {
  if (!vcpu.vm.options.systemSuspend) return RET.NOT_SUPPORTED;
  exitToUser(vcpu, 'SYSTEM_EVENT', structs.exit_system_event, { type: KVM_SYSTEM_EVENT.SUSPEND });
  return 'silent';
}
function systemReset2(vcpu: Vcpu, arg: Args): PsciAnswer {
  const type = Number(arg(1) & 0xffff_ffffn);
  if (type !== 0 && type < RESET_TYPE_VENDOR) return RET.INVALID_PARAMETERS;
  return systemEvent(vcpu, 'RESET', FLAG.RESET2);
}
function systemOff2(vcpu: Vcpu, arg: Args): PsciAnswer {
  const type = arg(1) & 0xffff_ffffn;
  if ((type !== 0n && type !== OFF_TYPE_HIBERNATE) || arg(2) !== 0n) return RET.INVALID_PARAMETERS;
  return systemEvent(vcpu, 'SHUTDOWN', FLAG.OFF2);
}

type Args = (n: 1 | 2 | 3) => bigint;
interface Row {
  /** Minor version of PSCI 1 from which the call is there; 0.2: from that one. */
  readonly since: 0.2 | 0 | 1 | 3;
  readonly call: (vcpu: Vcpu, arg: Args) => PsciAnswer;
  /** PSCI_FEATURES: flags, or whether it is there; default 0. */
  readonly features?: (vcpu: Vcpu) => bigint;
}
const suspend: Row = { since: 0.2, call: () => ({ value: RET.SUCCESS, next: 'wait' }) };
const sleep: Row = {
  since: 0,
  call: systemSuspend,
  features: (vcpu) => (vcpu.vm.options.systemSuspend ? 0n : RET.NOT_SUPPORTED),
};
const reset2: Row = { since: 1, call: systemReset2 };
const off2: Row = { since: 3, call: systemOff2, features: () => OFF_TYPE_HIBERNATE };

const CALLS: ReadonlyMap<number, Row> = new Map<number, Row>([
  [SMCCC.PSCI_VERSION, { since: 0.2, call: (vcpu) => BigInt(psciVersion(vcpu.vm.regs)) }],
  [SMCCC.PSCI_CPU_SUSPEND, suspend],
  [SMCCC.PSCI_CPU_SUSPEND_64, suspend],
  [
    SMCCC.PSCI_CPU_OFF,
    {
      since: 0.2,
      call: (vcpu) => {
        powerOff(vcpu);
        return RET.SUCCESS;
      },
    },
  ],
  [SMCCC.PSCI_CPU_ON, { since: 0.2, call: cpuOn }],
  [SMCCC.PSCI_CPU_ON_64, { since: 0.2, call: cpuOn }],
  [SMCCC.PSCI_AFFINITY_INFO, { since: 0.2, call: affinityInfo }],
  [SMCCC.PSCI_AFFINITY_INFO_64, { since: 0.2, call: affinityInfo }],
  [SMCCC.PSCI_MIGRATE_INFO_TYPE, { since: 0.2, call: () => BigInt(PSCI_TOS_NOT_PRESENT_MP) }],
  [SMCCC.PSCI_SYSTEM_OFF, { since: 0.2, call: (vcpu) => systemEvent(vcpu, 'SHUTDOWN') }],
  [SMCCC.PSCI_SYSTEM_RESET, { since: 0.2, call: (vcpu) => systemEvent(vcpu, 'RESET') }],
  [SMCCC.PSCI_FEATURES, { since: 0, call: features }],
  [SMCCC.PSCI_SYSTEM_SUSPEND, sleep],
  [SMCCC.PSCI_SYSTEM_SUSPEND_64, sleep],
  [SMCCC.PSCI_SYSTEM_RESET2, reset2],
  [SMCCC.PSCI_SYSTEM_RESET2_64, reset2],
  [SMCCC.PSCI_SYSTEM_OFF2, off2],
  [SMCCC.PSCI_SYSTEM_OFF2_64, off2],
]);

const is64 = (id: number): boolean => ((id >>> SMCCC_ID.CONV64) & 1) === 1;
/** A call that this version of the VM has. */
function rowOf(vcpu: Vcpu, id: number): Row | undefined {
  const row = CALLS.get(id);
  const v = psciVersion(vcpu.vm.regs);
  const minor = v >>> 16 === 0 ? 0.2 : v & 0xffff;
  const there = row && (row.since === 0.2 || (minor !== 0.2 && minor >= row.since));
  return there ? row : undefined;
}
function features(vcpu: Vcpu, arg: Args): bigint {
  const id = Number(arg(1) & 0xffff_ffffn);
  if (is64(id) && holds(vcpu.vm.regs, 'el1_32')) return RET.NOT_SUPPORTED;
  if (id === SMCCC.VERSION) return RET.SUCCESS;
  const row = rowOf(vcpu, id);
  return row ? (row.features?.(vcpu) ?? 0n) : RET.NOT_SUPPORTED;
}

/** PSCI 0.1 numbers its calls in a range of KVM's own. @linux KVM_PSCI_FN */
const V0_1 = { base: 0x95c1_ba5e, CPU_OFF: 1, CPU_ON: 2 } as const;
export const isPsci01Call = (id: number): boolean => id >= V0_1.base && id <= V0_1.base + 3;

/**
 * A PSCI call, or one that nobody knows. @param id W0
 * @returns 'exit': kvm_run says why; 'wait': until an interrupt
 * @linux kvm_psci_call
 */
export function psciCall(vcpu: Vcpu, id: number): 'resume' | 'exit' | 'wait' {
  // Calls of the 32-bit convention see the low halves; those of KVM's own range are as they are.
  const narrow = smcccName(id) !== undefined && !is64(id);
  const arg: Args = (n) => (narrow ? getReg(vcpu, n) & 0xffff_ffffn : getReg(vcpu, n));
  const answer = answerOf(vcpu, id, arg);
  if (answer === 'silent') return 'exit';
  const value = typeof answer === 'bigint' ? answer : answer.value;
  for (const n of [0, 1, 2, 3]) setReg(vcpu, n, n === 0 ? value : 0n);
  return typeof answer === 'bigint' ? 'resume' : answer.next;
}
function answerOf(vcpu: Vcpu, id: number, arg: Args): PsciAnswer {
  if (is64(id) && holds(vcpu.vm.regs, 'el1_32')) return RET.NOT_SUPPORTED;
  if (psciVersion(vcpu.vm.regs) !== PSCI.v0_1) return rowOf(vcpu, id)?.call(vcpu, arg) ?? RET.NOT_SUPPORTED;
  if (id === V0_1.base + V0_1.CPU_OFF) {
    powerOff(vcpu);
    return RET.SUCCESS;
  }
  return id === V0_1.base + V0_1.CPU_ON ? cpuOn(vcpu, arg) : RET.NOT_SUPPORTED;
}
/** Version 1.0 of the calling convention's own first answer, for PSCI_FEATURES and friends. */
export const SMCCC_VERSION_1_1 = BigInt(version(1, 1));
