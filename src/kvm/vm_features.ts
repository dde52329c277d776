// What does a VM have? Conditions by name, for the columns of the register tables: some follow from the vCPU features and
// capabilities that userspace chose, some from what the VM's ID registers say now. Decides nothing itself.

import { type Feat, has } from '../arch/features.ts';
import { ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import { encParts } from '../arch/schema.ts';
import { KVM_ARM_VCPU, type VcpuFeature } from '../uapi/constants.ts';
import { leaks } from './compat.ts';
import type { VmRegs } from './regs_state.ts';

export function hasVcpuFeature(vm: VmRegs, feature: VcpuFeature): boolean {
  return (((vm.features ?? 0) >> KVM_ARM_VCPU[feature]) & 1) === 1;
}

// ID registers that a VM keeps: op0 3, op1 0, CRn 0, CRm 1..7, and four more.

const EXTRA = ['CTR_EL0', 'MIDR_EL1', 'REVIDR_EL1', 'AIDR_EL1'] as const satisfies readonly IdRegName[];
export const VM_ID_REGS = 7 * 8 + EXTRA.length;

/** Where vm.idRegs holds a register; undefined for registers that are not kept per VM. @linux __vm_id_reg */
export function idRegIndex(packed: number): number | undefined {
  const [op0, op1, CRn, CRm, op2] = encParts(packed);
  if (op0 === 3 && op1 === 0 && CRn === 0 && CRm >= 1 && CRm <= 7) return (CRm - 1) * 8 + op2;
  const extra = EXTRA.findIndex((name) => ID_REGS[name].enc === packed);
  return extra < 0 ? undefined : 7 * 8 + extra;
}
export function readVmIdReg(vm: VmRegs, packed: number): bigint {
  const i = idRegIndex(packed);
  return i === undefined ? 0n : vm.idRegs[i]!;
}
/** Answers for VMs that have run: their ID registers do not change any more. */
const settled = new WeakMap<VmRegs, Map<Feat, boolean>>();
/** A feature as the VM's ID registers show it. */
export function vmHas(vm: VmRegs, feat: Feat): boolean {
  const known = settled.get(vm);
  const before = known?.get(feat);
  if (before !== undefined) return before;
  const is = has(feat, (packed) => readVmIdReg(vm, packed));
  if (known) known.set(feat, is);
  else if (vm.ranOnce) settled.set(vm, new Map([[feat, is]]));
  return is;
}

/**
 * What the registers of EL1 and EL0 are made for: what the VM has. With the deviations of Linux 7.2 all that the hardware
 * has, short of what traps.
 */
export function guestSees(vm: VmRegs, hardware: (feat: Feat) => boolean): (feat: Feat) => boolean {
  return leaks(vm, 'D4') ? hardware : (feat) => vmHas(vm, feat);
}

type Test = (vm: VmRegs) => boolean;
const feat =
  (f: Feat): Test =>
  (vm) =>
    vmHas(vm, f);
const hasEl2: Test = (vm) => vm.host.hasNv && hasVcpuFeature(vm, 'HAS_EL2');

/** Conditions that table rows may name. */
export const CONDITIONS = {
  el2: hasEl2,
  /** EL2 without the choice of HCR_EL2.E2H = 0. */
  el2Vhe: (vm) => hasEl2(vm) && !hasVcpuFeature(vm, 'HAS_EL2_E2H0'),
  el2E2h0: (vm) => hasEl2(vm) && hasVcpuFeature(vm, 'HAS_EL2_E2H0'),
  sve: (vm) => hasVcpuFeature(vm, 'SVE'),
  pmu: (vm) => hasVcpuFeature(vm, 'PMU_V3'),
  pauth: (vm) =>
    vm.host.hasAnyPauth && (hasVcpuFeature(vm, 'PTRAUTH_ADDRESS') || hasVcpuFeature(vm, 'PTRAUTH_GENERIC')),
  el1_32: (vm) => hasVcpuFeature(vm, 'EL1_32BIT'),
  mte: (vm) => vm.host.hasMte && vm.mte && (!hasEl2(vm) || leaks(vm, 'D12')),
  fpmr: (vm) => vm.host.hasFpmr && vmHas(vm, 'FEAT_FPMR'),
  sme: feat('FEAT_SME'),
  sctlr2: feat('FEAT_SCTLR2'),
  tcr2: feat('FEAT_TCR2'),
  s1pie: feat('FEAT_S1PIE'),
  s1poe: (vm) => vm.host.hasPoe && vmHas(vm, 'FEAT_S1POE'),
  fgt: feat('FEAT_FGT'),
  fgt2: feat('FEAT_FGT2'),
  nv2Only: feat('FEAT_NV2'),
  // Of the host.
  el0_32: (vm) => vm.host.hasEl0_32,
  poe: (vm) => vm.host.hasPoe,
  wfxt: (vm) => vm.host.hasWfxt,
  rasFrac: (vm) => vm.host.hasRasFrac,
} as const satisfies Readonly<Record<string, Test>>;
export type Condition = keyof typeof CONDITIONS;

export function holds(vm: VmRegs, condition: Condition): boolean {
  return CONDITIONS[condition](vm);
}
export function allHold(vm: VmRegs, conditions: readonly Condition[]): boolean {
  return conditions.every((c) => CONDITIONS[c](vm));
}
